//! Copies the events of a capture that satisfy a condition to a new capture, with the snapshot before them.
//!
//! ```text
//! cargo run --example cut -- demo/demo.scap.gz 'proc.name = cat' cat.scap.gz
//! ```

use std::error::Error;

use eyas::rules::condition;
use eyas::scap::{Advance, EventSource, Reader, Writer};
use eyas::sinsp::{Inspector, schema};
use eyas_console::say;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, text, to] = args.as_slice() else { return Err("usage: cut CAPTURE CONDITION NEW".into()) };
    let filter = condition::compile(&condition::parse(text)?, schema()).map_err(|error| error.to_string())?;

    let mut source = Reader::open(from)?;
    let mut inspector = Inspector::default();
    let mut writer = Writer::create(to, to.ends_with(".gz"))?;
    let (mut seen, mut written) = (0_u64, 0_u64);
    loop {
        match source.advance()? {
            Advance::Snapshot(snapshot) => {
                writer.snapshot(&snapshot)?;
                inspector.load(*snapshot);
            }
            Advance::Event => {
                let Some(event) = source.current() else { continue };
                seen += 1;
                if filter.matches(&inspector.process(event))? {
                    writer.event(&event)?;
                    written += 1;
                }
            }
            Advance::Idle => {}
            Advance::End => break,
        }
    }
    writer.finish()?;
    say!("{written} of {seen} events");
    Ok(())
}
