//! `log_level` and `libs_logger`.

use serde::{Deserialize, Serialize};

use super::shape::{Shape, choice};

/// `libs_logger:`
pub const LIBS: Shape = Shape::Section(&[("enabled", Shape::Bool), ("severity", LibsSeverity::SHAPE)]);

/// Log messages of the libraries: whether they are logged, and from which severity.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct LibsLogger {
    /// Whether they are logged.
    pub enabled: bool,
    /// The most verbose severity that is logged.
    pub severity: LibsSeverity,
}

impl LibsLogger {
    /// From 1 for errors only to 5 for everything.
    pub fn rank(&self) -> u8 {
        match self.severity {
            LibsSeverity::Fatal | LibsSeverity::Critical | LibsSeverity::Error => 1,
            LibsSeverity::Warning => 2,
            LibsSeverity::Notice | LibsSeverity::Info => 3,
            LibsSeverity::Debug => 4,
            LibsSeverity::Trace => 5,
        }
    }
}

choice! {
    /// The most verbose severity of the libraries that is logged.
    #[derive(Default)]
    LibsSeverity {
        /// Same as `Error`.
        Fatal = "fatal",
        /// Same as `Error`.
        Critical = "critical",
        /// Failures.
        Error = "error",
        /// Possible failures.
        Warning = "warning",
        /// Same as `Info`.
        Notice = "notice",
        /// Normal operation.
        #[default]
        Info = "info",
        /// Details of operation.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// The most verbose level that is logged.
    LogLevel {
        /// Same as `Error`.
        Emergency = "emergency",
        /// Same as `Error`.
        Alert = "alert",
        /// Same as `Error`.
        Critical = "critical",
        /// Failures.
        Error = "error",
        /// Possible mistakes.
        Warning = "warning",
        /// Same as `Info`.
        Notice = "notice",
        /// Normal operation.
        Info = "info",
        /// Same as `Info`.
        Informational = "informational",
        /// Details of operation.
        Debug = "debug",
        /// Same as `Debug`.
        Trace = "trace",
    }
}
