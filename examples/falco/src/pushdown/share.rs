//! Shares as texts.

/// A share in percent, with one digit behind the point.
pub fn percent(part: u64, all: u64) -> String {
    format!("{:.1}", if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 })
}
