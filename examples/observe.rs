//! Prints executed programs and connections, with an observer instead of rules.
//!
//! ```text
//! cargo run --example observe -- demo/demo.scap.gz
//! ```

use std::error::Error;

use eyas::scap::Reader;
use eyas::sinsp::{EventView, Inspector, Observer, Step};
use eyas_console::say;

struct Tell;

impl Tell {
    fn print(event: &EventView<'_>, what: &str, of: &[u8]) {
        let (pid, comm) = event.thread().map_or((-1, &b"<NA>"[..]), |thread| (thread.pid, &thread.comm));
        say!("{pid:>7} {:<16} {what} {}", String::from_utf8_lossy(comm), String::from_utf8_lossy(of));
    }
}

impl Observer for Tell {
    fn on_exec(&mut self, event: &EventView<'_>) {
        Self::print(event, "runs", event.thread().map_or(b"<NA>", |thread| &thread.cmdline));
    }

    fn on_connect(&mut self, event: &EventView<'_>) {
        Self::print(event, "connects", event.fd().map_or(b"<NA>", |fd| &fd.name));
    }

    fn on_listen(&mut self, event: &EventView<'_>) {
        Self::print(event, "listens", event.fd().map_or(b"<NA>", |fd| &fd.name));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut source = Reader::open(std::env::args().nth(1).ok_or("usage: observe CAPTURE")?)?;
    let mut inspector = Inspector::default();
    inspector.observe(Box::new(Tell));
    while !matches!(inspector.next(&mut source)?, Step::End) {}
    Ok(())
}
