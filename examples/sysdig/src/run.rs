//! The loop: from the source through the inspector and the filter to the sinks.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use eyas::fields::Schema;
use eyas::rules::{Diagnostic, Format, condition, nearest};
use eyas::scap::{Advance, EventSource};
use eyas::sinsp::names::{Hosts, Resolver, system_addresses};
use eyas::sinsp::{Inspector, SharedNames};
use eyas_console::note;

use crate::args::Args;
use crate::input;
use crate::sink::{Dump, Lines, Sink, Summary};

/// Captures or replays until the end, the limit, or a signal.
pub fn run(args: &Args) -> Result<()> {
    if let Some(chisel) = &args.chisel {
        bail!("chisel `{chisel}`: this program has no chisels; use a filter with -p, or -S for a summary");
    }
    let (filter, names) = args.condition().map(|text| compile(&text)).transpose()?.unzip();
    let resolver = Resolver::new(Hosts::at(Path::new("/etc/hosts")), Box::new(system_addresses));
    if !resolver.set(names.unwrap_or_default(), PATIENCE).context("domain names of the filter")? {
        note!("Some domain names of the filter are not known yet: no name server answers");
    }
    let mut sinks = sinks(args)?;
    let stop = stop_flag()?;
    let mut source = input::open(args, &stop)?;
    let began = Instant::now();
    let names = Some(resolver.names());
    let outcome = Loop { args, filter, stop, passed: 0 }.run(&mut *source, names, &mut sinks);
    for sink in &mut sinks {
        sink.finish()?;
    }
    let passed = outcome?;
    if args.verbose {
        report(&mut *source, passed, began.elapsed());
    }
    Ok(())
}

/// How long the domain names of a filter are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// A filter against the fields of system calls, and the domain names that it compares addresses with.
fn compile(text: &str) -> Result<(condition::Filter, BTreeSet<String>)> {
    let schema = eyas::sinsp::schema();
    // One line, as all errors here.
    let said = |diagnostic: Diagnostic| {
        let column = diagnostic.labels.first().map_or(1, |label| label.position().1);
        let parts: Vec<String> = [diagnostic.message].into_iter().chain(diagnostic.help).collect();
        anyhow!("filter: column {column}: {}; see `sysdig -l` for the fields", parts.join("; "))
    };
    let expr = condition::parse(text).map_err(|e| said(e.to_diagnostic("filter", text, schema)))?;
    let filter = condition::compile(&expr, schema);
    let filter = filter.map_err(|e| said(e.to_diagnostic("filter", text, schema)))?;
    Ok((filter, condition::domain_names(&expr, schema)))
}

/// The field that a format probably means: the unknown one begins behind the `%` at `offset`.
fn meant(format: &str, offset: usize) -> Option<&'static str> {
    let format = format.strip_prefix('*').unwrap_or(format);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let name = format.get(offset + 1..)?.trim_start_matches(|c: char| c.is_ascii_digit());
    let name = &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())];
    nearest(name, eyas::sinsp::schema().fields().iter().map(|def| def.name))
}

fn sinks(args: &Args) -> Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &args.write {
        sinks.push(Box::new(Dump::create(path, args)?));
    } else if !args.quiet && !args.summary {
        let format = Format::parse(&args.line_format(), eyas::sinsp::schema()).map_err(|error| {
            let near = error.unknown.then(|| meant(&args.line_format(), error.offset)).flatten();
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            anyhow!("format: {error}{hint}; `sysdig -l` lists the fields")
        })?;
        sinks.push(Box::new(Lines::new(format, args)));
    }
    if args.summary {
        sinks.push(Box::new(Summary::new()?));
    }
    Ok(sinks)
}

/// Set by SIGINT and SIGTERM; a second one ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
            .context("cannot catch signals")?;
    }
    Ok(flag)
}

struct Loop<'a> {
    args: &'a Args,
    filter: Option<condition::Filter>,
    stop: Arc<AtomicBool>,
    passed: u64,
}

impl Loop<'_> {
    /// Returns how many events passed the filter.
    fn run(
        mut self,
        source: &mut dyn EventSource,
        names: Option<SharedNames>,
        sinks: &mut [Box<dyn Sink>],
    ) -> Result<u64> {
        let mut inspector = Inspector::new(input::inspector_config(self.args).with_names(names));
        let mut deadline = Deadline::new(self.args);
        while self.args.count.is_none_or(|count| self.passed < count) {
            // What has happened until then in a live capture still comes.
            if self.stop.load(Ordering::Relaxed) && !source.stop() {
                break;
            }
            let advance = match source.advance() {
                // A stream ends anywhere when the program is asked to.
                Err(_) if self.stop.load(Ordering::Relaxed) => break,
                advance => advance?,
            };
            inspector.note_losses(source);
            match advance {
                Advance::Snapshot(snapshot) => {
                    for sink in &mut *sinks {
                        sink.snapshot(&snapshot)?;
                    }
                    inspector.load(*snapshot);
                }
                Advance::Event => {
                    let Some(event) = source.current() else { continue };
                    let ts = event.ts;
                    let hidden = inspector.is_hidden(&event);
                    let view = inspector.process(event);
                    if hidden {
                        for sink in &mut *sinks {
                            sink.hidden(&view)?;
                        }
                        continue;
                    }
                    if deadline.is_past(ts) {
                        break;
                    }
                    if self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(&view))? {
                        self.passed += 1;
                        for sink in &mut *sinks {
                            sink.event(&view)?;
                        }
                    }
                }
                Advance::Idle => {
                    for sink in &mut *sinks {
                        sink.idle()?;
                    }
                    if deadline.is_past_now() {
                        break;
                    }
                }
                Advance::End => break,
            }
        }
        source.finish()?;
        Ok(self.passed)
    }
}

/// The end that `-M` asks for: by the clock live, by the events' own time in a capture.
struct Deadline {
    limit: Option<Duration>,
    recorded: bool,
    began: Instant,
    first: Option<u64>,
}

impl Deadline {
    fn new(args: &Args) -> Self {
        let limit = args.duration.map(Duration::from_secs);
        Self { limit, recorded: args.read.is_some(), began: Instant::now(), first: None }
    }

    fn is_past(&mut self, ts: u64) -> bool {
        let Some(limit) = self.limit else { return false };
        let first = *self.first.get_or_insert(ts);
        match self.recorded {
            true => u128::from(ts.saturating_sub(first)) >= limit.as_nanos(),
            false => self.began.elapsed() >= limit,
        }
    }

    fn is_past_now(&self) -> bool {
        !self.recorded && self.limit.is_some_and(|limit| self.began.elapsed() >= limit)
    }
}

fn report(source: &mut dyn EventSource, passed: u64, elapsed: Duration) {
    let stats = source.stats();
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
    note!("Elapsed time: {seconds:.3}, Captured Events: {passed}, {:.2} eps", passed as f64 / seconds);
}
