//! Rules over a capture, or over this machine as it runs.
//!
//! ```text
//! cargo run --example detect -- demo/rules.yaml demo/demo.scap.gz
//! sudo -E cargo run --features live --example detect -- demo/rules.yaml
//! ```

use std::error::Error;
use std::sync::Arc;

use eyas::rules::{AlertOptions, Loader};
use eyas::scap::{EventSource, Reader};
use eyas::sinsp::{Config, Inspector, Step, schema};
use eyas_console::say;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let rules = args.next().ok_or("usage: detect RULES.yaml [CAPTURE]")?;

    let mut loader = Loader::new(Arc::new(schema()));
    let loaded = loader.load(&rules, &std::fs::read_to_string(&rules)?);
    if !loaded.successful() {
        return Err(loaded.verbose().into());
    }
    let engine = loader.build().map_err(|error| error.message)?;
    let mut evaluator = engine.evaluator();
    let options = AlertOptions::default();

    let (mut source, config): (Box<dyn EventSource>, Config) = match args.next() {
        Some(capture) => (Box::new(Reader::open(capture)?), Config::default()),
        None => live()?,
    };
    let mut inspector = Inspector::new(config);
    let mut found = Vec::new();
    loop {
        match inspector.next(&mut *source)? {
            Step::Event(event) => {
                evaluator.matches(&event, &mut found);
                for hit in found.drain(..) {
                    say!("{}", engine.alert(hit, &event, &options).to_text());
                }
            }
            Step::Idle => {}
            Step::End => return Ok(()),
        }
    }
}

#[cfg(feature = "live")]
fn live() -> Result<(Box<dyn EventSource>, Config), Box<dyn Error>> {
    use eyas::scap::{live, proc};

    let source = live::Source::open(live::Options::default())?;
    // Threads that began before the capture, and that no event has told of, are looked up.
    let reader = proc::ThreadReader::new(proc::Options::default());
    Ok((Box::new(source), Config { proc: Some(Box::new(reader)), ..Config::default() }))
}

#[cfg(not(feature = "live"))]
fn live() -> Result<(Box<dyn EventSource>, Config), Box<dyn Error>> {
    Err("name a capture, or build with `--features live` to watch this machine".into())
}
