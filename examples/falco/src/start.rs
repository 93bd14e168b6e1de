//! What the program does for its arguments: print something, check something, or run.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::CommandFactory;
use eyas::sinsp::plugin::SYSCALL;
use eyas_console::ShowPath;
use eyas_console::print;

use crate::args::Args;
use crate::config;
use crate::configure::{self, Loaded};
use crate::item_files::ItemFiles;
use crate::reload::Read;
use crate::setup::Setup;
use crate::{
    console, doctor, explain, file, incident, libs_log, list, log, outputs, plugins, privileges, pushdown,
    rules, run, signals, source, streams, support, test, to_sql, versions,
};

/// Does what the arguments request. Returns whether everything succeeded.
///
/// # Errors
/// What was requested is impossible.
pub fn start(args: &Args) -> Result<bool> {
    eyas_console::check_time_zone()?;
    args.check()?;
    let named = args.config.iter().chain(&args.rules).chain(&args.validate).chain(&args.tests);
    streams::read(named, args.events.as_deref())?;
    if let Some(text) = text_of_program(args)? {
        print(&text)?;
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
    if let Some(outcome) = inspect(args, &loaded)? {
        return Ok(outcome);
    }
    let mut hangup = None;
    if !args.dry_run && !args.describes() {
        hangup = Some(signals::listen_early()?);
        privileges::drop(&loaded.config);
        // From here on, the program may be a service: a log that nobody reads must not block it.
        console::detach().context("can't start the threads that write the log")?;
    }
    log_configuration(&loaded);
    plugins::load(&loaded.config)?;
    if plugins::loaded().has_container() {
        log::info("The plugin `container` is loaded: falco itself does not query container runtimes");
        loaded.config.container_engines.disable();
    }
    if args.describes() {
        return rules::describe(args, &loaded.config).map(|()| true);
    }
    load_and_run(args, loaded, hangup)
}

/// The text that the arguments request and that needs no rules.
fn text_of_program(args: &Args) -> Result<Option<String>> {
    Ok(Some(if args.version {
        let is_json = configure::load(args).is_ok_and(|loaded| loaded.config.json_output);
        if is_json { format!("{}\n", versions::as_json()) } else { versions::as_text() }
    } else if let Some(form) = args.generate {
        form.render(Args::command())?
    } else if args.config_schema {
        format!("{:#}\n", configure::json_schema())
    } else if args.rule_schema {
        eyas::rules::json_schema() + "\n"
    } else if args.page_size {
        let size = rustix::param::page_size();
        log::info(&format!("Your system page size is: {size} bytes"));
        format!("{size}\n")
    } else if let Some(source) = &args.list {
        plugins::load(&configure::load(args)?.config)?;
        list::fields(source, args.names_only, args.verbose, args.list_format())?
    } else if args.list_events {
        list::events(args.list_format())?
    } else if args.ignored {
        list::ignored()
    } else {
        return Ok(None);
    }))
}

/// Lists, checks or explains plugins, rules or captures, if the arguments request that. Returns whether it succeeded; `None` if
/// they do not.
fn inspect(args: &Args, Loaded { config, .. }: &Loaded) -> Result<Option<bool>> {
    Ok(Some(if args.list_plugins {
        print(&plugins::list(config)?)?;
        true
    } else if let Some(name) = &args.plugin_info {
        print(&plugins::info(config, name)?)?;
        true
    } else if !args.validate.is_empty() {
        plugins::load(config)?;
        rules::validate(args, config)?
    } else if !args.tests.is_empty() {
        test::run(args, config)?
    } else if let Some(wanted) = &args.explain {
        explain::run(wanted, args, config)?
    } else if let Some(rule) = &args.to_sql {
        to_sql::run(rule, args, config)?
    } else if let Some(rule) = &args.explain_pushdown {
        pushdown::explain(rule, args, config)?;
        true
    } else if args.doctor {
        doctor::run(args, config)?
    } else if let Some(capture) = &args.incident {
        incident::run(capture, args, config)?;
        true
    } else {
        return Ok(None);
    }))
}

/// Logs the version, the files and the system.
fn log_configuration(loaded: &Loaded) {
    if loaded.files.is_empty() {
        return;
    }
    log::info(&versions::falco());
    log::info("Falco initialized with configuration files:");
    for file in &loaded.files {
        log::info(&format!("   {} | schema validation: {}", file.path.shown(), file.validation));
    }
    let named = loaded.config.config_files.iter().map(config::ConfigFile::path);
    for absent in named.filter(|path| !path.exists()) {
        log::info(&format!("   {} | does not exist", absent.shown()));
    }
    log::info(&format!("System info: {}", versions::system()));
    let words: Vec<_> = std::env::args_os().map(|word| Path::new(&word).shown()).collect();
    log::log(log::Level::Debug, &format!("CLI args: {}", words.join(" ")));
}

/// Loads the rules and runs, unless there is no `hangup`: then the rules are only checked.
fn load_and_run(args: &Args, loaded: Loaded, hangup: Option<UnixStream>) -> Result<bool> {
    let enabled = match loaded.config.engine.is_replay() {
        true => vec![SYSCALL.to_owned()],
        false => plugins::loaded().enabled(args)?,
    };
    let has_syscalls = enabled.iter().any(|name| name == SYSCALL);
    source::check_threads(&loaded.config, args.threads)?;
    let mut read = Read::of(args, &loaded.config);
    let items = ItemFiles::default();
    // Loading the probe takes time, which would delay the error.
    let can_run = outputs::check_any(&loaded.config).is_ok() && rules::all_exist(args, &loaded.config);
    let begins = !args.dry_run && has_syscalls && can_run;
    // These two steps take most of the startup time and do not depend on each other.
    let load = || rules::load_sources(args, &loaded.config, &items);
    let (early, engines) = std::thread::scope(|scope| {
        let rules = std::thread::Builder::new().name("rules".into()).spawn_scoped(scope, load);
        let early = if begins { source::begin(&loaded.config) } else { Ok(None) };
        let engines = match rules {
            Ok(rules) => rules.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system allows no further thread.
            Err(_) => load(),
        };
        (early, engines)
    });
    let engines = engines?;
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
