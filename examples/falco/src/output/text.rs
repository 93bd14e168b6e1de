//! Texts for messages about outputs.

use std::io::{self, ErrorKind};

/// Error text for readers of the log.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "disk full".to_owned(),
        ErrorKind::QuotaExceeded => "disk quota exceeded".to_owned(),
        ErrorKind::FileTooLarge => "the file is as large as the system allows".to_owned(),
        ErrorKind::BrokenPipe => "its reader is gone".to_owned(),
        _ => error.to_string(),
    }
}

/// A count with its unit, in words.
pub fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}
