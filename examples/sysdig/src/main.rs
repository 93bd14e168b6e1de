//! `sysdig`: looks into a system, live or recorded, by its system calls.
//!
//! ```text
//!   input ──> Inspector ──> filter ──> sinks: lines, JSON, capture, summary, views
//! ```
//! What shows events is a [`sink::Sink`]; [`view`] has those that data describes.
#![forbid(unsafe_code)]

mod args;
mod filter;
mod input;
#[cfg_attr(not(feature = "parquet"), allow(dead_code))]
mod intern;
mod list;
mod output;
mod plugins;
mod progress;
mod redact;
mod rotation;
mod run;
mod schema;
mod sink;
mod suppress;
#[cfg(feature = "parquet")]
mod tables;
#[cfg(feature = "tui")]
mod top;
mod view;

use std::io;
use std::process::ExitCode;

use eyas::scap;
use eyas_console::note;

use args::Args;

fn main() -> ExitCode {
    let args = Args::from_command_line(std::env::args_os());
    match plugins::load(&args).and_then(|()| list::print(&args, &mut output::Output::new())).and_then(
        |is_all| match is_all {
            true => Ok(()),
            false => run::run(&args),
        },
    ) {
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
            Some(scap::Error::Write(cause)) => Some(cause.kind()),
            _ => match cause.downcast_ref::<serde_json::Error>() {
                Some(cause) => cause.io_error_kind(),
                None => cause.downcast_ref::<io::Error>().map(io::Error::kind),
            },
        };
        cause == Some(io::ErrorKind::BrokenPipe)
    })
}
