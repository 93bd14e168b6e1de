//! Counts the events of a capture by type: `cargo run --release --example count -- FILE`.

use std::collections::BTreeMap;

use eyas_scap::{EventSource, Next, Reader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: count FILE")?;
    let mut reader = Reader::open(path)?;
    let mut counts = BTreeMap::new();
    loop {
        match reader.next()? {
            Next::Event(event) => *counts.entry(event.ty).or_insert(0_u64) += 1,
            Next::Snapshot(_) | Next::Idle => {}
            Next::End => break,
        }
    }
    for (ty, count) in counts {
        println!("{count:>10} {ty:?}");
    }
    Ok(())
}
