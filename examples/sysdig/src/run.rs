//! The event loop: from the source through the inspector and the filter to the sinks.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use eyas::rules::{Format, condition, nearest};
use eyas::scap::{Advance, EventSource, Snapshot, Stats};
use eyas::sinsp::names::{Hosts, Resolver, system_addresses};
use eyas::sinsp::plugin::Plugins;
use eyas::sinsp::{EventView, Inspector, SharedNames};
use eyas_console::note;
use eyas_report::slice::{Scout, Slice};

use crate::args::Args;
use crate::filter::compile;
use crate::input::{self, Needs};
use crate::list;
use crate::output::refuse_input;
use crate::plugins;
use crate::progress::Progress;
use crate::schema::schema;
use crate::sink::{Dump, Ended, Lines, Perfetto, Sink, Summary};
use crate::suppress::Suppressed;
use crate::view::{self, Bound, ViewSink, catalog};

/// Captures or replays until the end, the limit, or a signal.
pub fn run(args: &Args) -> Result<()> {
    for note in args.notes() {
        note!("{note}");
    }
    if args.report {
        return report(args);
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
        decisions: asks_for_decisions(args, &views),
    };
    let stop = stop_flag()?;
    let slice = match args.keeps_names() && !args.keeps_state() {
        true => Some(scout(args, needs, &stop, resolver.names())?),
        false => None,
    };
    let mut sinks = sinks(args, &views, slice)?;
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
        let opened = match path {
            Some(path) => input::open(path, &progress, &stop).and_then(|source| plugins::join(source, true)),
            None => match plugins::open().transpose() {
                Some(opened) => opened,
                None => input::live(args, needs).and_then(|source| plugins::join(source, false)),
            },
        };
        outcome = opened.and_then(|(mut source, plugins)| {
            let mut sinks: Vec<&mut dyn Sink> =
                sinks.iter_mut().map(|sink| &mut **sink as &mut dyn Sink).collect();
            at_work.path = path.map(|path| path.display().to_string());
            let outcome = at_work.run((&mut *source, plugins), &mut sinks, &mut progress);
            totals.add(&mut *source);
            let ended = Ended {
                path: &path.map_or("live".into(), |path| path.to_string_lossy()),
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
    for (path, filter) in sinks.iter().filter_map(|sink| sink.export()) {
        if stop.load(Ordering::Relaxed) {
            note!("Stopped: {} is not written", path.display());
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
    if args.verbose > 0 {
        totals.report(at_work.passed, at_work.suppressed.count(), began.elapsed());
    }
    Ok(())
}

/// Reads the captures to find the state that the selected events need.
fn scout(args: &Args, needs: Needs, stop: &Arc<AtomicBool>, names: SharedNames) -> Result<Slice> {
    let mut at_work = Loop::new(args, needs, stop, names)?;
    at_work.keeps_state = true;
    let mut scout = Scout::default();
    let mut progress = Progress::new(&[], false);
    for path in &args.read {
        let (mut source, plugins) = plugins::join(input::open(path, &progress, stop)?, true)?;
        // Errors of a file are reported when it is read again.
        let read = at_work.run((&mut *source, plugins), &mut [&mut scout], &mut progress);
        if read.is_err() || at_work.is_over(&[]) {
            break;
        }
    }
    Ok(scout.plan())
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

/// Writes the page of a report.
fn report(args: &Args) -> Result<()> {
    // The capture may follow the options.
    let named = args.filter.first().filter(|_| args.read.is_empty()).map(PathBuf::from);
    let path = match (&args.read[..], &named) {
        ([path], _) => path,
        (_, Some(path)) => path,
        _ => bail!("sysdig report: name one capture: sysdig report FILE -o PAGE"),
    };
    if args.filter.len() > usize::from(named.is_some()) {
        bail!(
            "sysdig report takes no filter; write a part of the capture first: sysdig -r FILE -w PART FILTER"
        );
    }
    if let Some(output) = &args.output {
        refuse_input("-o", output, std::slice::from_ref(path))?;
    }
    let engine = eyas_report::rules(&args.rules)?;
    let page = eyas_report::page(path, &engine, &Inspector::default)?;
    match &args.output {
        Some(output) => {
            // The page contains a part of the capture, so only its owner may read it.
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let written = options.open(output).and_then(|mut file| file.write_all(page.as_bytes()));
            written.map_err(|error| {
                anyhow!("cannot write {}: {error}; choose another with -o", output.display())
            })
        }
        None => Ok(eyas_console::print(&page)?),
    }
}

/// Whether the filter, the format or a view uses decisions of the kernel's security hooks.
fn asks_for_decisions(args: &Args, views: &[Bound]) -> bool {
    let given = args.condition().into_iter().chain([args.line_format()]);
    given
        .chain(views.iter().flat_map(|bound| bound.view.texts()))
        .any(|text| input::asks_for_decisions(&text))
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

/// Number of events between two checks of whether the sinks are done.
const STRIDE: u64 = 64;
/// Timeout for looking up the domain names of a filter.
const PATIENCE: Duration = Duration::from_secs(2);

/// The field that the user probably meant; the unknown one begins after the `%` at `offset`.
fn meant(format: &str, offset: usize) -> Option<&'static str> {
    let format = format.strip_prefix('*').unwrap_or(format);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let mut name = format.get(offset + 1..)?.trim_start_matches(|c: char| c.is_ascii_digit());
    // A field may be inside a transformer.
    while let Some((outer, inner)) = name.split_once('(').filter(|(outer, _)| outer.chars().all(is_name)) {
        name = if outer.contains('.') { outer } else { inner };
    }
    let name = &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())];
    nearest(name, schema().fields().iter().map(|def| def.name))
}

fn sinks(args: &Args, views: &[Bound], slice: Option<Slice>) -> Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &args.write {
        sinks.push(Box::new(Dump::create(path, args, slice)?));
    } else if let Some(path) = &args.perfetto {
        sinks.push(Box::new(Perfetto::create(path)?));
    } else if let Some(path) = &args.parquet {
        sinks.push(tables(path, args)?);
    } else if !args.quiet && !args.summary && views.is_empty() {
        if args.line_format().is_empty() {
            bail!("format: -p is followed by nothing; `sysdig -l` lists the fields");
        }
        let format = Format::parse(&args.line_format(), schema()).map_err(|error| {
            let near = error.unknown.then(|| meant(&args.line_format(), error.offset)).flatten();
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let message = match error.message.strip_prefix("unknown filter: ") {
                Some(name) => format!("no field is named `{name}`"),
                None => error.message,
            };
            anyhow!("format: {message}{hint}; `sysdig -l` lists the fields")
        })?;
        let of_plugins = args.plugin_format().filter(|_| plugins::loaded().is_some());
        let of_plugins = of_plugins.map(|format| Format::parse(format, schema())).transpose();
        let of_plugins = of_plugins.map_err(|error| anyhow!("format of plugin events: {error}"))?;
        sinks.push(Box::new(Lines::new(format.with_buffers(args.buffers()), of_plugins, args)));
    }
    for Bound { view, no_colors, export } in views {
        let options = view::Options {
            json: args.json,
            containers: args.shows_containers(),
            live: !args.is_replay(),
            buffers: args.buffers(),
            no_colors: *no_colors || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            unbuffered: args.unbuffered,
        };
        sinks.push(Box::new(ViewSink::new(view, options, export.clone())?));
    }
    if args.summary {
        sinks.push(Box::new(Summary::new()?));
    }
    Ok(sinks)
}

/// Writes tables.
#[cfg(feature = "parquet")]
fn tables(path: &Path, args: &Args) -> Result<Box<dyn Sink>> {
    Ok(Box::new(crate::tables::Tables::create(path, args)?))
}

/// Writes tables.
#[cfg(not(feature = "parquet"))]
fn tables(_path: &Path, _args: &Args) -> Result<Box<dyn Sink>> {
    bail!("this sysdig was built without tables: its feature `parquet` has them")
}

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
    eyas_console::end_writes_with(&flag);
    Ok(flag)
}

struct Loop<'a> {
    args: &'a Args,
    filter: Option<condition::Filter>,
    /// Filter for the processes and files at the beginning of a recording.
    files: Option<condition::Filter>,
    stop: Arc<AtomicBool>,
    passed: u64,
    names: SharedNames,
    needs: Needs,
    suppressed: Suppressed,
    deadline: Deadline,
    /// The current capture; `None` for the kernel.
    path: Option<String>,
    /// Sinks also get the events that the filter rejects.
    keeps_state: bool,
}

impl<'a> Loop<'a> {
    fn new(args: &'a Args, needs: Needs, stop: &Arc<AtomicBool>, names: SharedNames) -> Result<Self> {
        let compiled = || args.condition().map(|text| compile(&text).map(|(filter, _)| filter)).transpose();
        let suppressed = if args.is_replay() { &args.suppress[..] } else { &[] };
        Ok(Self {
            args,
            filter: compiled()?,
            files: compiled()?.filter(|_| args.filter_snapshot),
            stop: stop.clone(),
            passed: 0,
            names,
            needs,
            suppressed: Suppressed::new(suppressed),
            deadline: Deadline::new(args),
            path: None,
            keeps_state: args.keeps_names()
                || args.keeps_state()
                || args.perfetto.is_some()
                || args.parquet.is_some(),
        })
    }

    /// Whether no further event is needed.
    fn is_over(&self, sinks: &[Box<dyn Sink>]) -> bool {
        self.args.count.is_some_and(|count| self.passed >= count)
            || self.stop.load(Ordering::Relaxed)
            || self.deadline.is_over
            || (!sinks.is_empty() && sinks.iter().all(|sink| sink.is_done()))
    }

    /// Reads one source to its end, or until no further event is needed.
    fn run(
        &mut self,
        (source, plugins): (&mut dyn EventSource, Option<Plugins>),
        sinks: &mut [&mut (dyn Sink + '_)],
        progress: &mut Progress,
    ) -> Result<()> {
        let mut config = input::inspector_config(self.args, self.needs);
        config.plugins = plugins;
        let mut inspector = Inspector::new(config.with_names(Some(self.names.clone())));
        while self.args.count.is_none_or(|count| self.passed < count) {
            // A live capture still delivers the events that happened before it was stopped.
            let is_stopped = self.stop.load(Ordering::Relaxed) || self.deadline.is_past_now();
            if is_stopped && !source.stop() {
                break;
            }
            let advance = match source.advance() {
                // A stream may end at any byte when the program is asked to end.
                Err(_) if self.stop.load(Ordering::Relaxed) => break,
                Err(error) => {
                    let of_capture = self.path.as_ref().map(|path| format!("{path}: "));
                    bail!("{}{error}", of_capture.unwrap_or_default());
                }
                Ok(advance) => advance,
            };
            inspector.note_losses(source);
            if !source.losses().is_empty() {
                for sink in &mut *sinks {
                    sink.losses(source.losses())?;
                }
            }
            match advance {
                Advance::Snapshot(mut snapshot) => {
                    if self.args.exclude_users && (!self.args.is_replay() || self.args.write.is_some()) {
                        (snapshot.users, snapshot.groups) = (Vec::new(), Vec::new());
                    }
                    let whole = self.files.is_some().then(|| snapshot.clone());
                    if let Some(whole) = whole {
                        inspector.load(*whole);
                        self.select(&mut snapshot, &inspector.overview());
                        for sink in &mut *sinks {
                            sink.snapshot(&snapshot)?;
                        }
                        continue;
                    }
                    for sink in &mut *sinks {
                        sink.snapshot(&snapshot)?;
                    }
                    inspector.load(*snapshot);
                    self.dump_plugins(&inspector, sinks)?;
                }
                Advance::Event => {
                    let Some(event) = source.current() else { continue };
                    progress.event();
                    let ts = event.ts;
                    let hidden = inspector.is_hidden(&event);
                    inspector.process(event);
                    inspector.plugin_failure()?;
                    let view = inspector.last(event);
                    for report in view.reports() {
                        for sink in &mut *sinks {
                            sink.report(&report.as_raw())?;
                        }
                    }
                    if hidden {
                        for sink in &mut *sinks {
                            sink.hidden(&view)?;
                        }
                        continue;
                    }
                    if self.deadline.is_past(ts) {
                        break;
                    }
                    if self.suppressed.hides(&view) {
                        continue;
                    }
                    if self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(&view))? {
                        self.passed += 1;
                        for sink in &mut *sinks {
                            sink.event(&view)?;
                        }
                        let asks = self.passed % STRIDE == 1 && !sinks.is_empty();
                        if asks && sinks.iter().all(|sink| sink.is_done()) {
                            break;
                        }
                    } else if self.keeps_state {
                        for sink in &mut *sinks {
                            sink.state(&view)?;
                        }
                    }
                }
                Advance::Idle => {
                    inspector.begin_without_event()?;
                    for sink in &mut *sinks {
                        sink.idle()?;
                    }
                }
                Advance::End => {
                    inspector.begin_without_event()?;
                    break;
                }
            }
        }
        source.finish()?;
        inspector.close().map_err(|error| anyhow!("{error}"))?;
        for failing in inspector.runtime_stats().sockets {
            if let Some(error) = failing.error {
                note!("Container runtime at {}: {error}", failing.socket.display());
            }
        }
        let now = inspector.overview();
        sinks.iter_mut().try_for_each(|sink| sink.end(&now))
    }

    /// Writes the state of the plugins at the beginning of a live capture. Recorded captures already have
    /// it.
    fn dump_plugins(&self, inspector: &Inspector, sinks: &mut [&mut (dyn Sink + '_)]) -> Result<()> {
        let Some(plugins) = inspector.plugins().filter(|_| self.args.write.is_some()) else { return Ok(()) };
        if plugins.queue().is_none() {
            return Ok(());
        }
        for event in plugins.state_events() {
            for sink in &mut *sinks {
                sink.report(&event.as_raw())?;
            }
        }
        Ok(())
    }

    /// Removes processes from a snapshot that do not satisfy the filter. If only some files of a process
    /// satisfy it, the process is kept with these files.
    fn select(&self, snapshot: &mut Snapshot, now: &EventView<'_>) {
        let Some(filter) = &self.files else { return };
        let passes = |view: &EventView<'_>| filter.matches(view).unwrap_or(false);
        let matches = |tid| now.of_thread(tid).is_some_and(|thread| passes(&thread));
        let mut kept: HashSet<i64> =
            snapshot.threads.iter().map(|thread| thread.tid).filter(|tid| matches(*tid)).collect();
        for (tid, files) in &mut snapshot.fds {
            if kept.contains(tid) {
                continue;
            }
            files.retain(|file| now.of_file(*tid, file.fd).is_some_and(|file| passes(&file)));
            if !files.is_empty() {
                kept.insert(*tid);
            }
        }
        snapshot.threads.retain(|thread| kept.contains(&thread.tid));
        snapshot.fds.retain(|(tid, _)| kept.contains(tid));
    }
}

/// The time limit of `-M`: by the clock in a live capture, and by event time in a replay.
struct Deadline {
    limit: Option<Duration>,
    recorded: bool,
    /// Whether the deadline was reached.
    is_over: bool,
    /// The time when the first event of a live capture could arrive.
    began: Option<Instant>,
    first: Option<u64>,
}

impl Deadline {
    fn new(args: &Args) -> Self {
        let limit = args.duration.map(Duration::from_secs);
        Self { limit, recorded: args.is_replay(), is_over: false, began: None, first: None }
    }

    fn is_past(&mut self, ts: u64) -> bool {
        let Some(limit) = self.limit.filter(|_| self.recorded) else { return false };
        let first = *self.first.get_or_insert(ts);
        self.is_over = u128::from(ts.saturating_sub(first)) >= limit.as_nanos();
        self.is_over
    }

    fn is_past_now(&mut self) -> bool {
        let Some(limit) = self.limit.filter(|_| !self.recorded) else { return false };
        self.is_over |= self.began.get_or_insert_with(Instant::now).elapsed() >= limit;
        self.is_over
    }
}

/// Counters of all sources.
#[derive(Default)]
struct Totals(Stats);

impl Totals {
    fn add(&mut self, source: &mut dyn EventSource) {
        let stats = source.stats();
        self.0.produced += stats.produced;
        self.0.drops_buffer += stats.drops_buffer;
        self.0.drops_too_large += stats.drops_too_large;
        self.0.drops_missed += stats.drops_missed;
        self.0.drops_other += stats.drops_other;
        self.0.filtered += stats.filtered;
    }

    fn report(&self, passed: u64, suppressed: u64, elapsed: Duration) {
        let stats = &self.0;
        let seconds = elapsed.as_secs_f64();
        note!("Events produced: {}", stats.produced);
        note!(
            "Dropped: {} (buffer full {}, too large {}, not run by the kernel {}, other {})",
            stats.drops(),
            stats.drops_buffer,
            stats.drops_too_large,
            stats.drops_missed,
            stats.drops_other
        );
        note!("Left out by the source: {}", stats.filtered);
        note!("Left out by program name: {suppressed}");
        note!("Elapsed time: {seconds:.3}, Captured Events: {passed}, {:.2} eps", passed as f64 / seconds);
    }
}
