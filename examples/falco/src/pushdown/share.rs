//! Shares as texts.

/// A fraction in percent, with one digit after the point.
pub fn percent(part: u64, all: u64) -> String {
    format!("{:.1}", if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 })
}
