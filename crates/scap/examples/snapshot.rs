//! How long a snapshot of this system takes: `cargo run --release --example snapshot`.

use std::time::{Duration, Instant};

use eyas_scap::proc::{Options, snapshot};

fn main() -> Result<(), eyas_scap::Error> {
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        let system = snapshot(&Options::default())?;
        fastest = fastest.min(start.elapsed());
        let files: usize = system.fds.iter().map(|(_, fds)| fds.len()).sum();
        println!("{} threads, {files} files: fastest {fastest:?}", system.threads.len());
    }
    Ok(())
}
