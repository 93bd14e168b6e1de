//! `falco`: a detector based on the eyas libraries that is compatible with Falco's rules, configuration and
//! command line.
#![forbid(unsafe_code)]

use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use eyas_console::print;

mod args;
mod capture;
mod clock;
mod config;
mod configure;
mod console;
mod diagnostics;
mod doctor;
mod drops;
mod explain;
mod file;
mod folding;
#[cfg(feature = "grpc")]
mod grpc;
mod hashes;
mod health;
mod incident;
mod inherited;
mod internal;
mod item_files;
mod libs_log;
mod list;
mod log;
mod losses;
mod metrics;
mod names;
mod output;
mod outputs;
mod pem;
mod plugins;
mod privileges;
mod progress;
mod pushdown;
mod reload;
mod rules;
mod run;
mod schemas;
mod setup;
mod signals;
mod source;
mod start;
mod stats;
mod streams;
mod support;
mod system_log;
mod tampering;
mod telemetry;
mod test;
mod timeouts;
mod to_sql;
mod unmatched;
mod verdicts;
mod versions;
mod watchdog;
mod web;

use args::Args;

/// Status of a program that panicked.
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    eyas_console::with_stack(run_program)
}

fn run_program() -> ExitCode {
    inherited::note();
    let args = match Args::try_parse_from(args::command_line()) {
        Ok(args) => args,
        Err(mut error) => {
            if !error.use_stderr() {
                // The help.
                return match print(&error.to_string()) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => {
                        console::print_error(&format!("Error: {error}\n"));
                        ExitCode::FAILURE
                    }
                };
            }
            if error.kind() == ErrorKind::InvalidUtf8 {
                let words: Vec<_> = std::env::args_os().collect();
                console::print_error(&format!("Error: {}\n", eyas_console::foreign_words(&words)));
                return ExitCode::FAILURE;
            }
            let instead = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::String(option)) => args::replacement(option)
                    .map(|instead| format!("Falco has removed the option {option}: {instead}\n")),
                _ => None,
            };
            if instead.is_some() {
                // clap guesses another option.
                for guess in [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::Suggested]
                {
                    error.remove(guess);
                }
            }
            console::print_error(&error.to_string().replacen("error: ", "Error: ", 1));
            instead.iter().for_each(|instead| console::print_error(instead));
            if let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
                && let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
                && let Some(message) = args::invalid_value(option, value)
            {
                console::print_error(&format!("{message}\n"));
            }
            // Falco's status is 1; clap's default is 2.
            return ExitCode::FAILURE;
        }
    };
    log::log_panics();
    // The log has the panic message, once it is written.
    let outcome = catch_unwind(|| start::start(&args));
    let code = match outcome {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::FAILURE,
        Ok(Err(error)) => {
            let text = format!("{error:#}");
            console::print_error(&format!("Error: {text}{}\n", eyas_console::advice(&text)));
            ExitCode::FAILURE
        }
        Err(_) => ExitCode::from(PANICKED),
    };
    run::finish_streams();
    code
}
