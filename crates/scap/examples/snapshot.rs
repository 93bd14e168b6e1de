//! Measures a snapshot of this system with `/proc` only and, as root, with the kernel's iterators:
//! `cargo run --release -p eyas-scap --features live --example snapshot`.

use std::time::{Duration, Instant};

use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::{Error, Snapshot, proc};

fn main() -> Result<(), Error> {
    measure("/proc", || proc::snapshot(&proc::Options::default()))?;
    let source = Source::open(ProbeOptions { interest: Some(Vec::new()), ..ProbeOptions::default() })?;
    measure("kernel", || source.snapshot())
}

fn measure(by: &str, take: impl Fn() -> Result<Snapshot, Error>) -> Result<(), Error> {
    let (mut fastest, mut what) = (Duration::MAX, String::new());
    for _ in 0..20 {
        let start = Instant::now();
        let system = take()?;
        fastest = fastest.min(start.elapsed());
        let files: usize = system.fds.iter().map(|(_, fds)| fds.len()).sum();
        what = format!("{} threads, {files} files", system.threads.len());
    }
    println!("{by:<8} {what}: {fastest:?}");
    Ok(())
}
