//! Runs a capture or a replay: opens sources and outputs, and joins them by the event loop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eyas::sinsp::SharedNames;
use eyas::sinsp::names::{Hosts, Resolver, system_addresses};
use eyas_console::ShowPath;
use eyas_console::note;
use eyas_report::slice::{FirstPass, Slice};

use crate::args::Args;
use crate::filter::compile;
use crate::input::{self, Needs};
use crate::list;
use crate::output::refuse_input;
use crate::plugins;
use crate::progress::Progress;
use crate::sink::{Ended, Sink};
use crate::view::{self, Bound, catalog};

mod deadline;
mod event_loop;
mod report;
mod sinks;
mod totals;

use event_loop::Loop;
use totals::Totals;

/// Captures or replays until the end, the limit, or a signal.
pub fn run(args: &Args) -> Result<()> {
    for note in args.notes() {
        note!("{note}");
    }
    if args.report {
        return report::report(args);
    }
    if args.top {
        return top(args);
    }
    // With a mistake in a view file, the filter may be an argument of its view.
    let views = views(args)?;
    let (_, names) = args.condition().map(|text| compile(&text)).transpose()?.unzip();
    let resolver = Resolver::new(Hosts::at(Path::new("/etc/hosts")), Box::new(system_addresses));
    if !resolver.set(names.unwrap_or_default(), PATIENCE).context("domain names of the filter")? {
        note!("Some domain names of the filter are not known yet: no name server responds");
    }
    let outputs = [("-w", &args.write), ("--perfetto", &args.perfetto)];
    for (option, path) in outputs.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?))) {
        refuse_input(option, path, &args.read)?;
    }
    if args.condition().is_none() && views.iter().any(|bound| bound.view.name == "around") {
        bail!("view `around`: give a filter that selects events");
    }
    let needs = Needs {
        snaplen: views.iter().map(|bound| bound.view.snaplen).max().unwrap_or(0),
        scheduling: views.iter().any(|bound| bound.view.scheduling),
        decisions: uses_decisions(args, &views),
    };
    let stop = stop_flag()?;
    let slice = match args.keeps_names() && !args.keeps_state() {
        true => Some(first_pass(args, needs, &stop, resolver.names())?),
        false => None,
    };
    let mut sinks = sinks::sinks(args, &views, slice)?;
    let began = Instant::now();
    if let Some(warning) = input::warning(args).filter(|_| !plugins::is_input()) {
        note!("{warning}");
    }
    let mut progress = Progress::new(&args.read, args.progress);
    let paths: Vec<_> = args.read.iter().map(Some).collect();
    let mut totals = Totals::default();
    // Without a capture file, events come from the kernel.
    let mut sources = if paths.is_empty() { vec![None] } else { paths };
    let mut at_work = Loop::new(args, needs, &stop, resolver.names())?;
    let mut outcome = Ok(());
    for path in sources.drain(..) {
        let opened = open(path, args, needs, &progress, &stop);
        outcome = opened.and_then(|(mut source, plugins)| {
            let mut sinks: Vec<&mut dyn Sink> =
                sinks.iter_mut().map(|sink| &mut **sink as &mut dyn Sink).collect();
            at_work.path = path.map(|path| path.shown());
            let outcome = at_work.run((&mut *source, plugins), &mut sinks, &mut progress);
            totals.add(&mut *source);
            let ended = Ended {
                path: &path.map_or_else(|| "live".into(), |path| path.shown()),
                stats: source.stats(),
                error: outcome.as_ref().err().map(|error| format!("{error:#}")),
            };
            outcome.and(sinks.iter_mut().try_for_each(|sink| sink.ended(&ended)))
        });
        if outcome.is_err() || at_work.is_over(&sinks) {
            break;
        }
    }
    let finished: Result<()> = sinks.iter_mut().try_for_each(|sink| sink.finish());
    outcome.and(finished)?;
    progress.finish();
    export(args, &sinks, &stop)?;
    if args.verbose > 0 {
        totals.report(at_work.passed, at_work.suppressed.count(), began.elapsed());
    }
    Ok(())
}

/// Opens a capture, or without a path the plugin's source or the kernel.
fn open(
    path: Option<&PathBuf>,
    args: &Args,
    needs: Needs,
    progress: &Progress,
    stop: &Arc<AtomicBool>,
) -> Result<plugins::Opened> {
    if let Some(path) = path {
        return plugins::join(input::open(path, progress, stop)?, true);
    }
    match plugins::open()? {
        Some(opened) => Ok(opened),
        None => plugins::join(input::live(args, needs)?, false),
    }
}

/// Writes the captures of views that export the events around their rows: reads the source again for each.
fn export(args: &Args, sinks: &[Box<dyn Sink>], stop: &AtomicBool) -> Result<()> {
    for (path, filter) in sinks.iter().filter_map(|sink| sink.export()) {
        if stop.load(Ordering::Relaxed) {
            note!("Stopped: {} is not written", path.shown());
            break;
        }
        let args = Args {
            write: Some(path),
            filter: vec![filter],
            fatfile: true,
            count: None,
            summary: false,
            verbose: 0,
            chisels: Vec::new(),
            view_files: Vec::new(),
            ..args.clone()
        };
        run(&args)?;
    }
    Ok(())
}

/// Reads the captures to find the state that the selected events need.
fn first_pass(args: &Args, needs: Needs, stop: &Arc<AtomicBool>, names: SharedNames) -> Result<Slice> {
    let mut at_work = Loop::new(args, needs, stop, names)?;
    at_work.keeps_state = true;
    let mut first_pass = FirstPass::default();
    let mut progress = Progress::new(&[], false);
    for path in &args.read {
        let (mut source, plugins) = plugins::join(input::open(path, &progress, stop)?, true)?;
        // Errors of a file are reported when it is read again.
        let read = at_work.run((&mut *source, plugins), &mut [&mut first_pass], &mut progress);
        if read.is_err() || at_work.is_over(&[]) {
            break;
        }
    }
    Ok(first_pass.plan())
}

/// Shows screens.
#[cfg(feature = "tui")]
fn top(args: &Args) -> Result<()> {
    crate::top::run(args)
}

/// Shows screens.
#[cfg(not(feature = "tui"))]
fn top(_args: &Args) -> Result<()> {
    bail!("this sysdig was built without screens: `sysdig -c VIEW` prints a view")
}

/// Whether the filter, the format or a view uses decisions of the kernel's security hooks.
fn uses_decisions(args: &Args, views: &[Bound]) -> bool {
    let given = args.condition().into_iter().chain([args.line_format()]);
    given.chain(views.iter().flat_map(|bound| bound.view.texts())).any(|text| input::uses_decisions(&text))
}

/// The views that the command line names, with their arguments.
fn views(args: &Args) -> Result<Vec<Bound>> {
    let given = list::given(args)?;
    let mut names = args.chisels.clone();
    if let Some(first) = given.first().filter(|_| names.is_empty()) {
        names.push(first.name.clone());
    }
    let view = |text: &String| {
        let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        view::bind(catalog::find(name, &given)?, arguments)
    };
    names.iter().map(view).collect()
}

/// Timeout for looking up the domain names of a filter.
const PATIENCE: Duration = Duration::from_secs(2);

/// A flag that SIGINT and SIGTERM set. It ends the waiting for readers of outputs, too. A second signal ends the
/// program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .context("cannot catch signals")?;
    }
    eyas_console::signals::note_started();
    eyas_console::end_writes_with(&flag);
    Ok(flag)
}
