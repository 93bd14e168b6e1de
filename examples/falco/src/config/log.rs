//! `log_level` and `libs_logger`.

use serde::{Deserialize, Serialize};

use super::shape::{Shape, choice};

/// `libs_logger:`
pub const LIBS: Shape = Shape::Section(&[("enabled", Shape::Bool), ("severity", LibsSeverity::SHAPE)]);

/// Log messages of the libraries: whether they are logged, and from which severity.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct LibsLogger {
    /// On or off.
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
        /// As `Error`.
        Fatal = "fatal",
        /// As `Error`.
        Critical = "critical",
        /// Failures.
        Error = "error",
        /// Possible failures.
        Warning = "warning",
        /// As `Info`.
        Notice = "notice",
        /// What happens.
        #[default]
        Info = "info",
        /// How it happens.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// The most verbose level that is logged.
    LogLevel {
        /// As `Error`.
        Emergency = "emergency",
        /// As `Error`.
        Alert = "alert",
        /// As `Error`.
        Critical = "critical",
        /// Failures.
        Error = "error",
        /// Possible mistakes.
        Warning = "warning",
        /// As `Info`.
        Notice = "notice",
        /// What happens.
        Info = "info",
        /// As `Info`.
        Informational = "informational",
        /// How it happens.
        Debug = "debug",
        /// As `Debug`.
        Trace = "trace",
    }
}
