//! Helpers for running the program in tests.
#![allow(dead_code, unused_imports, reason = "each test uses a part")]

use std::path::{Path, PathBuf};
use std::time::Duration;

mod capture;
mod http;
mod numbered;
mod run;

pub use eyas_testing::Dir;

pub use capture::{alerts_of_every_event, captures, demo_pieces, every_event, pieces, times, trigger};
pub use http::{connect, get, say};
pub use numbered::{all_numbers, end_of, feed_numbered, last_number, number_of, numbered_rule, numbers};
pub use run::{Run, falco};

/// Longer than any step of a test takes, even on a saturated machine.
pub const SOON: Duration = Duration::from_secs(60);

/// An option with which no output is given up, however long its thread waits for a CPU. A later one changes it.
pub const PATIENT: [&str; 2] = ["-o", "output_timeout=60000"];

/// Options of a web server on a free port, with metrics.
pub const WEB: [&str; 5] = [
    "webserver.enabled=true",
    "webserver.listen_address=127.0.0.1",
    "webserver.listen_port=0",
    "webserver.prometheus_metrics_enabled=true",
    "metrics.enabled=true",
];

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The demo's capture.
pub fn demo() -> PathBuf {
    root().join("demo/demo.scap.gz")
}
