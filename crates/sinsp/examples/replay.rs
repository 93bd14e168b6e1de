//! Replays a capture only for its state, and prints the cost.
//!
//! ```text
//! cargo run --release -p eyas-sinsp --example replay -- heavy.scap
//! ```

use std::time::Instant;

use eyas_scap::Reader;
use eyas_sinsp::{Inspector, Step};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: replay CAPTURE")?;
    let began = Instant::now();
    let mut source = Reader::open(path)?;
    let mut inspector = Inspector::default();
    let mut events: u64 = 0;
    while let Step::Event(_) = inspector.next(&mut source)? {
        events += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{events} events in {seconds:.3} s, {:.1} ns each", seconds * 1e9 / events.max(1) as f64);
    println!("{} threads at the end; {:?}", inspector.state().threads.len(), inspector.stats());
    Ok(())
}
