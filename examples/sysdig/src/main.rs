//! `sysdig`: looks into a system, live or recorded, by its system calls.
//!
//! ```text
//!   input ──> Inspector ──> filter ──> sinks: lines, JSON, capture, summary
//! ```
//! What shows events is a [`sink::Sink`]; views come as further ones.
#![forbid(unsafe_code)]

mod args;
mod input;
mod list;
mod rotation;
mod run;
mod sink;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use eyas::scap;
use eyas_console::note;

use args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = if args.list {
        list::fields(&mut io::stdout().lock(), args.names_only)
    } else if args.list_events {
        list::events(&mut io::stdout().lock())
    } else {
        run::run(&args)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            note!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = match cause.downcast_ref::<scap::Error>() {
            Some(scap::Error::Write(cause)) => Some(cause),
            _ => cause.downcast_ref::<io::Error>(),
        };
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}
