//! `falco`: a detector based on the eyas libraries that is compatible with Falco's rules, configuration and
//! command line.
#![forbid(unsafe_code)]

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser};
use eyas::sinsp::plugin::SYSCALL;
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
mod service;
mod setup;
mod signals;
mod source;
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
use item_files::ItemFiles;
use reload::Read;
use setup::Setup;

/// Status of a program that panicked.
const PANICKED: u8 = 101;

fn main() -> ExitCode {
    inherited::note();
    let args = match Args::try_parse_from(args::given()) {
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
                && let Some(said) = args::refusal(option, value)
            {
                console::print_error(&format!("{said}\n"));
            }
            // Falco's status is 1; clap's default is 2.
            return ExitCode::FAILURE;
        }
    };
    log::take_panics();
    // The log has the panic message, once it is written.
    let outcome = catch_unwind(|| start(&args));
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
    run::finish_log();
    code
}

/// Does what the arguments request. Returns whether everything succeeded.
fn start(args: &Args) -> Result<bool> {
    args.check()?;
    let named = args.config.iter().chain(&args.rules).chain(&args.validate).chain(&args.tests);
    streams::read(named, args.events.as_deref())?;
    if args.version {
        let is_json = configure::load(args).is_ok_and(|loaded| loaded.config.json_output);
        print(&if is_json { format!("{}\n", versions::as_json()) } else { versions::as_text() })?;
        return Ok(true);
    }
    if let Some(form) = args.generate {
        print(&form.render(Args::command())?)?;
        return Ok(true);
    }
    if args.config_schema {
        print(&format!("{:#}\n", configure::json_schema()))?;
        return Ok(true);
    }
    if args.rule_schema {
        print(&(eyas::rules::json_schema() + "\n"))?;
        return Ok(true);
    }
    if args.page_size {
        let size = rustix::param::page_size();
        log::info(&format!("Your system page size is: {size} bytes"));
        print(&format!("{size}\n"))?;
        return Ok(true);
    }
    if let Some(source) = &args.list {
        plugins::load(&configure::load(args)?.config)?;
        print(&list::fields(source, args.names_only, args.verbose, args.list_format())?)?;
        return Ok(true);
    }
    if args.list_events {
        print(&list::events(args.list_format())?)?;
        return Ok(true);
    }
    if args.ignored {
        print(&list::ignored())?;
        return Ok(true);
    }
    let mut loaded = configure::load(args)?;
    if args.support {
        print(&format!("{}\n", support::report(args, &loaded)?))?;
        return Ok(true);
    }
    log::configure(&loaded.config);
    libs_log::configure(&loaded.config.libs_logger);
    file::set_mode(loaded.config.file_mode.get()?);
    loaded.warn();
    if args.list_plugins {
        print(&plugins::list(&loaded.config)?)?;
        return Ok(true);
    }
    if let Some(name) = &args.plugin_info {
        print(&plugins::info(&loaded.config, name)?)?;
        return Ok(true);
    }
    if !args.validate.is_empty() {
        plugins::load(&loaded.config)?;
        return rules::validate(args, &loaded.config);
    }
    if !args.tests.is_empty() {
        return test::run(args, &loaded.config);
    }
    if let Some(wanted) = &args.explain {
        return explain::run(wanted, args, &loaded.config);
    }
    if let Some(rule) = &args.to_sql {
        return to_sql::run(rule, args, &loaded.config);
    }
    if let Some(rule) = &args.explain_pushdown {
        return pushdown::explain(rule, args, &loaded.config).map(|()| true);
    }
    if args.doctor {
        return doctor::run(args, &loaded.config);
    }
    if let Some(capture) = &args.incident {
        return incident::run(capture, args, &loaded.config).map(|()| true);
    }
    let mut hangup = None;
    if !args.dry_run && !args.describes() {
        hangup = Some(signals::listen_early()?);
        privileges::drop(&loaded.config);
        // From here on, the program may be a service: a log that nobody reads must not block it.
        console::detach().context("can't start the threads that write the log")?;
    }
    if !loaded.files.is_empty() {
        log::info(&versions::falco());
        log::info("Falco initialized with configuration files:");
        for file in &loaded.files {
            log::info(&format!("   {} | schema validation: {}", file.path.display(), file.validation));
        }
        let named = loaded.config.config_files.iter().map(config::ConfigFile::path);
        for absent in named.filter(|path| !path.exists()) {
            log::info(&format!("   {} | not there", absent.display()));
        }
        log::info(&format!("System info: {}", versions::system()));
        let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        log::log(log::Level::Debug, &format!("CLI args: {}", words.join(" ")));
    }
    plugins::load(&loaded.config)?;
    if plugins::loaded().has_container() {
        log::info("The plugin `container` is loaded: falco itself does not query container runtimes");
        loaded.config.container_engines.disable();
    }
    if args.describes() {
        return rules::describe(args, &loaded.config).map(|()| true);
    }
    let runs = !args.dry_run;
    let enabled = match loaded.config.engine.is_replay() {
        true => vec![SYSCALL.to_owned()],
        false => plugins::loaded().enabled(args)?,
    };
    let has_syscalls = enabled.iter().any(|name| name == SYSCALL);
    source::check_threads(&loaded.config, args.threads)?;
    let mut read = Read::of(args, &loaded.config);
    let items = ItemFiles::default();
    // Loading the probe takes time, which would delay the error.
    let can_run = outputs::check_any(&loaded.config).is_ok() && rules::are_there(args, &loaded.config);
    // These two steps take most of the startup time and do not depend on each other.
    let (early, engine) = std::thread::scope(|scope| {
        let rules = scope.spawn(|| rules::load_sources(args, &loaded.config, &items));
        let early = if runs && has_syscalls && can_run { source::begin(&loaded.config) } else { Ok(None) };
        (early, rules.join())
    });
    let engines = engine.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    outputs::check_any(&loaded.config)?;
    read.add(&items);
    let Some(hangup) = hangup else {
        log::log(log::Level::Debug, "Skipping event processing in dry-run");
        return Ok(true);
    };
    args.write_pidfile()?;
    let setup = Arc::new(Setup::new(args, loaded, engines));
    run::run(args, &setup, read, hangup, early?, &enabled)?;
    Ok(true)
}
