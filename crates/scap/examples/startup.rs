//! Measures the time from the program's start to the first event, and its parts. Run as root:
//! `cargo run --release -p eyas-scap --features live --example startup`.

use std::time::Instant;

use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::{EventSource, Next};

fn main() -> Result<(), eyas_scap::Error> {
    let start = Instant::now();
    let mut source = Source::open(ProbeOptions { ..ProbeOptions::default() })?;
    let loaded = start.elapsed();
    assert!(matches!(source.next()?, Next::Snapshot(_)), "the first item is the snapshot");
    let snapshot = start.elapsed();
    while !matches!(source.next()?, Next::Event(_)) {}
    println!(
        "loaded and attached {loaded:?}, snapshot taken {snapshot:?}, first event {:?}",
        start.elapsed()
    );
    Ok(())
}
