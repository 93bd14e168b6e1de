//! `falco`: a detector that takes Falco's rules, configuration and command line, on the eyas libraries.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Parser;
use eyas_console::{note, print};

mod args;
mod capture;
mod clock;
mod config;
mod diagnostics;
mod drops;
mod explain;
mod file;
mod internal;
mod list;
mod log;
mod metrics;
mod names;
mod output;
mod pem;
mod progress;
mod reload;
mod rules;
mod run;
mod setup;
mod source;
mod stats;
mod telemetry;
mod test;
mod versions;
mod web;

use args::Args;
use reload::{Files, Stamp};
use setup::Setup;

fn main() -> ExitCode {
    match start(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            note!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the arguments ask for; answers whether all was well.
fn start(args: &Args) -> Result<bool> {
    if args.version {
        print(&versions::as_text())?;
        return Ok(true);
    }
    if args.page_size {
        print(&format!("{}\n", rustix::param::page_size()))?;
        return Ok(true);
    }
    if let Some(source) = &args.list {
        print(&list::fields(source, args.names_only, args.verbose, args.list_format())?)?;
        return Ok(true);
    }
    if args.list_events {
        print(&list::events(args.list_format())?)?;
        return Ok(true);
    }
    let loaded = configure(args)?;
    loaded.config.start_log()?;
    loaded.warn();
    if !args.validate.is_empty() {
        return rules::validate(args, &loaded.config);
    }
    if !args.tests.is_empty() {
        return test::run(args, &loaded.config);
    }
    if let Some(wanted) = &args.explain {
        return explain::run(wanted, args, &loaded.config);
    }
    if !loaded.files.is_empty() {
        log::info("Falco initialized with configuration files:");
        loaded.files.iter().for_each(|file| log::info(&format!("   {}", file.display())));
    }
    if args.describes() {
        return rules::describe(args, &loaded.config).map(|()| true);
    }
    let runs = !args.dry_run;
    let files = Stamp::of(&Files::of(args, &loaded.config));
    // Both take most of the time until the first event, and neither needs the other.
    let (early, engine) = std::thread::scope(|scope| {
        let rules = scope.spawn(|| rules::load(args, &loaded.config));
        let early = if runs { source::begin(&loaded.config) } else { Ok(None) };
        (early, rules.join())
    });
    let engine = engine.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    if args.dry_run {
        return Ok(true);
    }
    args.write_pidfile()?;
    let setup = Arc::new(Setup::new(args, loaded, engine));
    run::run(args, &setup, files, early?)?;
    Ok(true)
}

/// The configuration that the arguments ask for.
fn configure(args: &Args) -> Result<config::Loaded> {
    let mut loaded = config::load(args.config.as_deref(), &args.options)?;
    if let Some(capture) = &args.events {
        loaded.config.engine.kind = "replay".into();
        loaded.config.engine.replay.capture_file = capture.clone();
    }
    Ok(loaded)
}
