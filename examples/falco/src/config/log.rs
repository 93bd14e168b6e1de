//! `log_level` and `libs_logger.severity`.

use super::shape::{Shape, choice};

/// What `libs_logger.severity` may be.
pub const LIBS_SEVERITY: Shape =
    Shape::Choice(&["fatal", "critical", "error", "warning", "notice", "info", "debug", "trace"]);

choice! {
    /// The most verbose level that is logged.
    LogLevel {
        /// As `Error`.
        Emergency = "emergency",
        /// As `Error`.
        Alert = "alert",
        /// As `Error`.
        Critical = "critical",
        /// What does not work.
        Error = "error",
        /// What may not be what was meant.
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
