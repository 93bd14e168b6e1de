//! Numbers about this program: as alerts, in a file, and for Prometheus.
//!
//! `table` has a row for each. What only the thread that tests events knows, it hands out between two events when it is
//! asked (`samples`): nobody else ever looks at its state, and it does nothing while nobody asks.

mod facts;
mod host;
mod meter;
mod plugins;
mod prometheus;
mod reading;
mod samples;
mod snapshot;
mod table;
mod ticker;

pub use facts::Facts;
pub use meter::Meter;
pub use prometheus::CONTENT_TYPE;
pub use samples::{Alerts, Counted, Sample, Samples};
pub use ticker::Ticker;
