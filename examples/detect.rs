//! Tests a capture, or the running machine, with rules.
//!
//! ```text
//! cargo run --example detect -- demo/rules.yaml demo/demo.scap.gz
//! sudo -E cargo run --features live --example detect -- demo/rules.yaml
//! ```

use std::error::Error;

use eyas::scap::{EventSource, Reader};
use eyas::{Detector, load_rules};
use eyas_console::say;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let rules = load_rules([args.next().ok_or("usage: detect RULES.yaml [CAPTURE]")?])?;
    match args.next() {
        Some(capture) => print_alerts(Detector::new(Reader::open(capture)?, rules)),
        #[cfg(feature = "live")]
        None => print_alerts(Detector::live(rules)?),
        #[cfg(not(feature = "live"))]
        None => Err("name a capture, or build with `--features live` to watch this machine".into()),
    }
}

fn print_alerts(alerts: Detector<impl EventSource>) -> Result<(), Box<dyn Error>> {
    for alert in alerts {
        say!("{}", alert?.line);
    }
    Ok(())
}
