//! `sysdig`: shows the activity of a live or recorded system by its system calls.
//!
//! ```text
//!   input ──> Inspector ──> filter ──> sinks: lines, JSON, capture, summary, views
//! ```
//! A [`sink::Sink`] shows events; [`view`] has the sinks that are described by data.
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

use std::io::{self, Write};
use std::process::ExitCode;

use eyas::scap;
use eyas_console::note;

use args::Args;

fn main() -> ExitCode {
    eyas_console::with_stack(run_program)
}

fn run_program() -> ExitCode {
    // A file that reaches RLIMIT_FSIZE is an error of its output, and does not end the program. If the system does not allow to
    // catch the signal, the signal ends it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
    // Without it, only a signal that the parent blocked or ignored has no effect.
    let _ = eyas_console::signals::end_start_by_signals();
    let outcome = match Args::from_command_line(std::env::args_os()) {
        Ok(args) => start(&args),
        Err(error) if error.kind() == clap::error::ErrorKind::InvalidUtf8 => {
            let words: Vec<_> = std::env::args_os().collect();
            note!("Error: {}", eyas_console::foreign_words(&words));
            return ExitCode::FAILURE;
        }
        Err(error) if error.use_stderr() => {
            eyas_console::print_error(&error.to_string().replacen("error: ", "Error: ", 1));
            // sysdig's status is 1; clap's default is 2.
            return ExitCode::FAILURE;
        }
        // The help or the version.
        Err(error) => eyas_console::print(&error.to_string()).map_err(anyhow::Error::from),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it, which is no error.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format!("{error:#}");
            note!("Error: {text}{}", eyas_console::advice(&text));
            ExitCode::FAILURE
        }
    }
}

/// Does what the arguments request.
fn start(args: &Args) -> anyhow::Result<()> {
    eyas_console::check_time_zone()?;
    plugins::load(args)?;
    let mut out = output::Output::new();
    match list::print(args, &mut out)? {
        true => Ok(out.flush()?),
        false => run::run(args),
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
