//! Counts the events of a capture by type: `cargo run --release -p eyas-scap --example count -- FILE`.

use eyas_events::EventType;
use eyas_scap::{EventSource, Next, Reader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: count FILE")?;
    let mut reader = Reader::open(path)?;
    let mut counts = [0_u64; EventType::COUNT];
    loop {
        match reader.next()? {
            Next::Event(event) => counts[usize::from(event.ty.0)] += 1,
            Next::Snapshot(_) | Next::Idle => {}
            Next::End => break,
        }
    }
    for (code, count) in (0..).zip(counts).filter(|(_, count)| *count > 0) {
        println!("{count:>10} {:?}", EventType(code));
    }
    Ok(())
}
