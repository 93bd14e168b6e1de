//! Metrics of this program: as alerts, in a file, and for Prometheus.
//!
//! `table` has a row for each metric. Some numbers are known only to the thread that tests events. On
//! request, that thread publishes them between two events (`samples`). No other thread reads its state, and
//! without requests it does no extra work.

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
