//! Data source of the screens: a thread that reads the kernel or the capture.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use eyas::rules::condition::Filter;
use eyas::rules::{Engine, Match};
use eyas::scap::Advance;
use eyas::sinsp::{EventView, Inspector};
use eyas_console::ShowPath;

use super::timeline::Histogram;
use crate::args::Args;
use crate::input::{self, Needs};
use crate::plugins;
use crate::progress::Progress;
use crate::sink::Sink;
use crate::view::{Options, Table, View, ViewSink};

/// Minimum time between two tables while a capture is being read.
const INTERVAL: Duration = Duration::from_millis(250);
/// Interval of live tables.
const REFRESH: Duration = Duration::from_secs(1);
/// Number of events between two checks of the clock and of requests.
const STRIDE: u32 = 2048;
/// Maximum number of event lines on a screen; the latest are kept.
const MAX_LINES: usize = 5000;

/// A request of a screen.
#[derive(Clone, Debug)]
pub struct Request {
    /// Id of the request, which updates refer to.
    pub id: u64,
    pub view: View,
    pub filter: String,
    /// Time span of the events to use, ns since the epoch.
    pub span: Option<(u64, u64)>,
}

/// Data for a screen.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub id: u64,
    pub table: Table,
    /// Fraction of the capture that was read, from 0 to 1.
    pub progress: f64,
    pub is_done: bool,
    /// Number of events that passed the filter.
    pub events: u64,
    /// Histogram of the capture, as far as it was read.
    pub histogram: Option<Histogram>,
    pub error: Option<String>,
}

/// Serves requests until the channel is closed. The engine finds the alerts of a capture.
pub fn run(args: &Args, engine: &Engine, requests: &Receiver<Request>, updates: &Sender<Update>) {
    let Ok(mut request) = requests.recv() else { return };
    let mut histogram = None;
    loop {
        let id = request.id;
        let next = match args.is_replay() {
            true => replay((args, engine), request, requests, updates, &mut histogram),
            false => live(args, request, requests, updates),
        };
        request = match next {
            Ok(Some(next)) => next,
            Ok(None) => match requests.recv() {
                Ok(next) => next,
                Err(_) => return,
            },
            Err(error) => {
                let _ = updates.send(Update::failed(id, &error));
                match requests.recv() {
                    Ok(next) => next,
                    Err(_) => return,
                }
            }
        };
    }
}

/// The newest request, if there is one. Returns an error if the channel is closed.
fn newest(requests: &Receiver<Request>) -> Result<Option<Request>, TryRecvError> {
    let mut newest = None;
    loop {
        match requests.try_recv() {
            Ok(request) => newest = Some(request),
            Err(TryRecvError::Empty) => return Ok(newest),
            Err(gone) => return if newest.is_some() { Ok(newest) } else { Err(gone) },
        }
    }
}

/// A running view for a request.
struct Work {
    request: Request,
    filter: Option<Filter>,
    sink: ViewSink,
    /// Text that views of lines print.
    text: Arc<Mutex<Vec<u8>>>,
    events: u64,
    first: u64,
    last: u64,
}

impl Work {
    fn new(request: Request, args: &Args) -> Result<Self> {
        let filter = match request.filter.trim() {
            "" => None,
            text => Some(crate::filter::compile(text)?.0),
        };
        let options =
            Options { containers: args.shows_containers(), buffers: args.buffers(), ..Options::default() };
        let text: Arc<Mutex<Vec<u8>>> = Arc::default();
        let sink = ViewSink::into_memory(&request.view, options, text.clone())?;
        Ok(Self { request, filter, sink, text, events: 0, first: 0, last: 0 })
    }

    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        let ts = event.event().ts;
        if self.request.span.is_some_and(|(from, to)| ts < from || ts > to) {
            return Ok(());
        }
        if !self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(event))? {
            return Ok(());
        }
        self.events += 1;
        if self.first == 0 {
            self.first = ts;
        }
        self.last = ts;
        self.sink.event(event)
    }

    /// Completes the view at the end of the capture, including the line of the current time step.
    fn finish(&mut self) -> Result<()> {
        let view = &self.request.view;
        if view.chart.is_some() || view.interval > 0 { self.sink.finish() } else { Ok(()) }
    }

    /// The table so far, as an update. `elapsed` is the time that the table covers, ns; `None`: that of its events.
    fn update(&mut self, elapsed: Option<u64>) -> Update {
        let table = self.table(elapsed);
        Update { id: self.request.id, table, events: self.events, ..Update::default() }
    }

    /// The table so far.
    fn table(&mut self, elapsed: Option<u64>) -> Table {
        let elapsed = elapsed.unwrap_or(self.last.saturating_sub(self.first));
        if let Some(table) = self.sink.table(elapsed) {
            return table;
        }
        // Memory takes everything.
        let _ = self.sink.flush();
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let more = lines.len().saturating_sub(MAX_LINES);
        let table = Table::of_lines(lines[more..].iter().filter(|line| !line.is_empty()).copied());
        if more > 0 {
            // Frees lines that are never shown again.
            let rest: usize = lines[..more].iter().map(|line| line.len() + 1).sum();
            text.drain(..rest);
        }
        table
    }
}

impl Update {
    /// The end of a request that failed.
    fn failed(id: u64, error: &anyhow::Error) -> Self {
        Self { id, error: Some(format!("{error:#}")), is_done: true, ..Self::default() }
    }
}

/// Sizes and modification times of captures.
type Stamp = Vec<Option<(u64, SystemTime)>>;

fn stamp(paths: &[PathBuf]) -> Stamp {
    let of = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.len(), meta.modified().ok()?))
    };
    paths.iter().map(of).collect()
}

/// Reads the capture from its beginning for one request. Returns the next request, if one arrives before
/// the end.
fn replay(
    (args, engine): (&Args, &Engine),
    request: Request,
    requests: &Receiver<Request>,
    updates: &Sender<Update>,
    known: &mut Option<(Histogram, Stamp)>,
) -> Result<Option<Request>> {
    let mut work = Work::new(request, args)?;
    let stamp = stamp(&args.read);
    // A capture that is still being recorded has grown.
    if known.as_ref().is_some_and(|(_, of)| *of != stamp) {
        *known = None;
    }
    let needs = Needs { snaplen: work.request.view.snaplen, ..Needs::default() };
    let stop = Arc::default();
    let mut histogram = known.is_none().then(Histogram::default);
    let mut matches: Vec<Match> = Vec::new();
    let progress = Progress::quiet(&args.read);
    let mut shown = Instant::now();
    let mut failure = None;
    for path in &args.read {
        let (mut source, plugins) = plugins::join(input::open(path, &progress, &stop)?, true)?;
        let mut config = input::inspector_config(args, needs);
        config.plugins = plugins;
        let mut inspector = Inspector::new(config);
        let mut count = 0;
        loop {
            match source.advance() {
                Ok(Advance::Snapshot(snapshot)) => inspector.load(*snapshot),
                Ok(Advance::Event) => {
                    let Some(event) = source.current() else { continue };
                    let hidden = inspector.is_hidden(&event);
                    let view = inspector.process(event);
                    if hidden {
                        continue;
                    }
                    if let Some(histogram) = &mut histogram {
                        engine.matches(&view, &mut matches)?;
                        histogram.add(view.event().ts, !matches.is_empty());
                        matches.clear();
                    }
                    work.event(&view)?;
                }
                Ok(Advance::Idle) => {}
                Ok(Advance::End) => break,
                // The events before the error are shown, too.
                Err(error) => {
                    failure = Some(format!("{}: {error}", path.shown()));
                    break;
                }
            }
            count += 1;
            if count < STRIDE {
                continue;
            }
            count = 0;
            match newest(requests) {
                Ok(Some(next)) => return Ok(Some(next)),
                Ok(None) => {}
                Err(_) => return Ok(None),
            }
            if shown.elapsed() >= INTERVAL {
                shown = Instant::now();
                let (progress, histogram) = (progress.share(), histogram.clone());
                let _ = updates.send(Update { progress, histogram, ..work.update(None) });
            }
        }
        let now = inspector.overview();
        work.sink.end(&now)?;
        if failure.is_some() {
            break;
        }
    }
    if let Some(histogram) = histogram {
        *known = Some((histogram, stamp));
    }
    work.finish()?;
    let histogram = known.as_ref().map(|(histogram, _)| histogram.clone());
    let progress = progress.share();
    let _ = updates.send(Update { progress, is_done: true, histogram, error: failure, ..work.update(None) });
    Ok(None)
}

/// Captures from the kernel until the request channel is closed.
fn live(
    args: &Args,
    request: Request,
    requests: &Receiver<Request>,
    updates: &Sender<Update>,
) -> Result<Option<Request>> {
    // The later screens are not known in advance.
    let decisions = args.condition().is_some_and(|text| input::uses_decisions(&text));
    let needs = Needs { snaplen: 0, scheduling: true, decisions };
    let (mut source, plugins) = match plugins::open()? {
        Some(opened) => opened,
        None => plugins::join(input::live(args, needs)?, false)?,
    };
    let mut config = input::inspector_config(args, needs);
    config.plugins = plugins;
    let mut inspector = Inspector::new(config);
    let mut work = Work::new(request, args)?;
    let mut shown = Instant::now();
    let mut count = 0;
    let mut histogram = Histogram::default();
    loop {
        let advance = source.advance()?;
        inspector.note_losses(&*source);
        let is_idle = matches!(advance, Advance::Idle);
        match advance {
            Advance::Snapshot(snapshot) => inspector.load(*snapshot),
            Advance::Event => {
                if let Some(event) = source.current() {
                    let hidden = inspector.is_hidden(&event);
                    let view = inspector.process(event);
                    if !hidden {
                        histogram.add(view.event().ts, false);
                        work.event(&view)?;
                    }
                }
            }
            Advance::Idle => {}
            Advance::End => return Ok(None),
        }
        count += 1;
        if count < STRIDE && !is_idle {
            continue;
        }
        count = 0;
        match newest(requests) {
            Ok(Some(next)) => {
                let id = next.id;
                match Work::new(next, args) {
                    Ok(next) => work = next,
                    Err(error) => drop(updates.send(Update::failed(id, &error))),
                }
                let now = inspector.overview();
                if work.request.view.rows.are_state() {
                    work.sink.end(&now)?;
                }
                shown = Instant::now().checked_sub(REFRESH).unwrap_or_else(Instant::now);
            }
            Ok(None) => {}
            Err(_) => {
                source.finish()?;
                return Ok(None);
            }
        }
        let elapsed = shown.elapsed();
        if elapsed >= REFRESH {
            shown = Instant::now();
            let histogram = Some(histogram.clone());
            let _ = updates.send(Update { histogram, ..work.update(Some(elapsed.as_nanos() as u64)) });
            // The next table has only later events; views of the state read it again.
            work.sink.clear();
            if work.request.view.rows.are_state() {
                let now = inspector.overview();
                work.sink.end(&now)?;
            }
        }
    }
}
