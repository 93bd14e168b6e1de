//! The sink of a view: processes the events that pass the filter.

use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use eyas::events::EventType;
use eyas::fields::{BufferFormat, Field, FieldSource, Value};
use eyas::sinsp::EventView;
use eyas_console::ShowPath;
use eyas_console::note;

use super::bind::Export;
use super::chart::Heat;
use super::condition::Condition;
use super::derived::{self, Derived, FACILITIES, RowSchema, SEVERITIES};
use super::grid::Grid;
use super::groups::Groups;
use super::http::Requests;
use super::list::List;
use super::model::{Column, Rows, View};
use super::table::Table;
use super::template::PrintSettings;
use crate::output::Output;
use crate::schema::schema;
use crate::sink::Sink;

/// Refresh interval of a table in a live capture, ns.
const REFRESH: u64 = 1_000_000_000;

/// Display options of a view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub json: bool,
    /// Whether columns about containers are shown.
    pub containers: bool,
    pub live: bool,
    /// How I/O buffers are printed.
    pub buffers: BufferFormat,
    pub no_colors: bool,
    pub unbuffered: bool,
}

/// Shows a view of events, or of the state at the first event.
pub struct ViewSink {
    rows: Rows,
    filter: Option<Condition>,
    prefer: Option<Condition>,
    /// Whether a preferred row has occurred.
    is_better: bool,
    body: Body,
    requests: Requests,
    fields: EventFields,
    interval: u64,
    folded: bool,
    options: Options,
    settings: PrintSettings<'static>,
    /// Width of the terminal.
    width: Option<usize>,
    /// Height of the terminal.
    height: usize,
    out: BufWriter<Box<dyn Write + Send>>,
    /// Times of the first and last event since the table was cleared, and the time of clearing, ns since
    /// the epoch.
    first: u64,
    last: u64,
    began: u64,
    /// Clock time at the last event.
    clock: Instant,
    is_done: bool,
    /// Type, time and thread of the current event.
    ty: EventType,
    current: (u64, i64),
    export: Option<Export>,
    /// Times and threads of the rows whose surrounding events are exported.
    exported: Vec<(u64, i64)>,
}

enum Body {
    Groups(Box<Groups>),
    List(List),
    Heat(Heat),
}

/// Fields from which other rows are derived.
struct EventFields {
    buffer: Field,
    direction: Field,
    pid: Field,
    fd: Field,
}

impl EventFields {
    fn new() -> Result<Self> {
        let field = |name| schema().resolve(name, None).map_err(|error| anyhow!("{name}: {error}"));
        Ok(Self {
            buffer: field("evt.buffer")?,
            direction: field("evt.io_dir")?,
            pid: field("proc.pid")?,
            fd: field("fd.num")?,
        })
    }
}

impl ViewSink {
    /// Creates the sink of a bound view.
    pub fn new(view: &View, options: Options, export: Option<Export>) -> Result<Self> {
        if export.is_some() && options.live {
            bail!("view `{}`: events are written only from a capture; give one with -r", view.name);
        }
        Self::compile(view, options, export, Box::new(Output::new()), stdout().is_terminal())
            .map_err(|error| anyhow!("view `{}`: {error:#}", view.name))
    }

    /// Creates a sink for callers that draw the view themselves. Output other than tables goes to `memory`.
    pub fn into_memory(view: &View, options: Options, memory: Arc<Mutex<Vec<u8>>>) -> Result<Self> {
        Self::compile(view, options, None, Box::new(Memory(memory)), false)
            .map_err(|error| anyhow!("view `{}`: {error:#}", view.name))
    }

    /// The current table, if the view is a table. `elapsed` is the duration of the interval, ns.
    pub fn table(&mut self, elapsed: u64) -> Option<Table> {
        match &self.body {
            // The lines of this view are printed as time passes.
            Body::Groups(_) if self.interval > 0 => None,
            Body::Groups(groups) => {
                Some(Table { heads: groups.heads().to_vec(), rows: groups.rows(elapsed) })
            }
            Body::List(list) => list.table(),
            Body::Heat(_) => None,
        }
    }

    /// Clears all data.
    pub fn clear(&mut self) {
        match &mut self.body {
            Body::Groups(groups) if self.interval == 0 => groups.clear(),
            Body::Groups(_) => {}
            Body::List(list) => list.clear(),
            Body::Heat(_) => {}
        }
        self.is_done = false;
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    fn compile(
        view: &View,
        options: Options,
        export: Option<Export>,
        out: Box<dyn Write + Send>,
        is_terminal: bool,
    ) -> Result<Self> {
        let row_schema = RowSchema::of(view.rows);
        let settings = PrintSettings {
            schema: row_schema,
            buffers: match options.buffers {
                BufferFormat::Dots if view.text => BufferFormat::Text,
                buffers => buffers,
            },
            is_terminal: is_terminal && !options.no_colors && !options.json,
        };
        let columns: Vec<&Column> =
            view.columns.iter().filter(|column| options.containers || !column.container).collect();
        let is_grouped = columns.iter().any(|column| column.aggregate.is_some()) || view.folded;
        let (width, height) = if is_terminal { terminal_size() } else { (None, 0) };
        let forms =
            [view.chart.is_some(), !columns.is_empty(), !view.line.is_empty() || !view.lines.is_empty()];
        if forms.iter().filter(|is_given| **is_given).count() != 1 {
            bail!("a view needs columns, or a line or lines, or a chart, and only one of these");
        }
        let body = match &view.chart {
            Some(chart) => Body::Heat(Heat::new(chart, width, options.json)?),
            None if is_grouped => Body::Groups(Box::new(Groups::new(view, &columns, settings)?)),
            None => Body::List(List::new(view, &columns, options.json, settings)?),
        };
        Ok(Self {
            rows: view.rows,
            filter: Condition::optional(&view.filter, row_schema)?,
            prefer: Condition::optional(&view.prefer, row_schema)?,
            is_better: false,
            body,
            requests: Requests::default(),
            fields: EventFields::new()?,
            interval: view.interval * 1_000_000,
            folded: view.folded,
            options,
            settings,
            width,
            height,
            out: BufWriter::with_capacity(64 << 10, out),
            first: 0,
            last: 0,
            began: 0,
            clock: Instant::now(),
            is_done: false,
            ty: EventType(0),
            current: (0, -1),
            export,
            exported: Vec::new(),
        })
    }

    /// Adds a row of the state.
    fn state_row(&mut self, row: &EventView<'_>) -> Result<()> {
        if self.filter.as_mut().is_some_and(|filter| !filter.matches(row)) {
            return Ok(());
        }
        self.count(row)
    }

    /// Adds an event, or a row derived from it.
    #[inline]
    fn row<R: FieldSource>(&mut self, row: &R) -> Result<()> {
        let ty = self.ty;
        if let Body::Groups(groups) = &mut self.body
            && groups.counts_different()
        {
            let filter = &mut self.filter;
            if filter.as_mut().is_none_or(|filter| !filter.refuses(row)) {
                let passes = || filter.as_mut().is_none_or(|filter| filter.matches_of(ty, row));
                groups.add_different(row, self.settings, passes);
            }
            return Ok(());
        }
        if self.filter.as_mut().is_some_and(|filter| !filter.matches_of(ty, row)) {
            return Ok(());
        }
        self.count(row)
    }

    /// Adds a row that satisfies the filter.
    #[inline]
    fn count<R: FieldSource>(&mut self, row: &R) -> Result<()> {
        let ty = self.ty;
        if let Some(prefer) = &mut self.prefer {
            match (prefer.matches_of(ty, row), self.is_better) {
                (false, true) => return Ok(()),
                (true, false) => {
                    self.is_better = true;
                    if let Body::Groups(groups) = &mut self.body {
                        groups.clear();
                    }
                }
                _ => {}
            }
        }
        match &mut self.body {
            Body::Groups(groups) => groups.add(ty, row, self.settings),
            Body::List(list) => {
                if self.export.is_some() && self.exported.last() != Some(&self.current) {
                    self.exported.push(self.current);
                }
                list.add(row, &mut self.out, self.settings)?;
                if self.options.unbuffered {
                    self.out.flush()?;
                }
            }
            Body::Heat(_) => {}
        }
        Ok(())
    }

    /// Adds the rows of an event.
    #[inline]
    fn event_rows(&mut self, event: &EventView<'_>) -> Result<()> {
        if matches!(self.rows, Rows::Events) {
            return self.row(event);
        }
        let Some(Value::Bytes(buffer)) = event.get(&self.fields.buffer) else { return Ok(()) };
        match self.rows {
            Rows::Lines => {
                let lines =
                    buffer.split(|byte| matches!(byte, b'\n' | b'\r' | 0)).filter(|line| !line.is_empty());
                lines
                    .into_iter()
                    .try_for_each(|line| self.row(&Derived { event, values: &[Value::Str(line)] }))
            }
            Rows::Syslog => {
                let Some((facility, severity, message)) = derived::syslog(buffer) else { return Ok(()) };
                let values = [
                    Value::from(FACILITIES.get(facility).copied().unwrap_or("unknown")),
                    Value::Uint(severity as u64),
                    Value::from(SEVERITIES[severity]),
                    Value::Str(message),
                ];
                self.row(&Derived { event, values: &values })
            }
            _ => {
                let number = |field| match event.get(field) {
                    Some(Value::Int(n)) => n,
                    _ => -1,
                };
                let place = (number(&self.fields.pid), number(&self.fields.fd));
                let is_read = event.get(&self.fields.direction) == Some(Value::Str(b"read"));
                let exchange = self.requests.take(place, event.event().ts, is_read, buffer);
                let Some(exchange) = exchange else { return Ok(()) };
                let values = [
                    Value::from(if exchange.is_received { "<" } else { ">" }),
                    Value::Str(&exchange.method),
                    Value::Str(&exchange.url),
                    Value::Uint(exchange.code),
                    Value::Uint(exchange.latency),
                    Value::Uint(exchange.size),
                ];
                self.row(&Derived { event, values: &values })
            }
        }
    }

    /// Adds the rows of the current state.
    fn state_rows(&mut self, now: &EventView<'_>) -> Result<()> {
        self.is_done = true;
        let state = now.state();
        if self.rows == Rows::Containers {
            let mut ids: Vec<_> = state.containers.ids().collect();
            ids.sort_unstable();
            return ids.into_iter().try_for_each(|id| self.state_row(&now.of_container(id)));
        }
        let mut tids: Vec<i64> = state.threads.iter().filter(|t| !t.is_dead()).map(|t| t.tid).collect();
        tids.sort_unstable();
        for tid in tids {
            let Some(thread) = now.of_thread(tid) else { continue };
            if self.rows == Rows::Threads {
                self.state_row(&thread)?;
                continue;
            }
            let known = thread.thread();
            // Threads of a process share its files, so these are shown once.
            let is_shown = known.is_some_and(|t| t.is_main() || state.threads.main_of(t).is_none());
            let files = known.filter(|_| is_shown).and_then(|t| state.threads.fds(t));
            let mut fds: Vec<i64> =
                files.into_iter().flat_map(|files| files.iter()).map(|(fd, _)| fd).collect();
            fds.sort_unstable();
            for file in fds.into_iter().filter_map(|fd| now.of_file(tid, fd)) {
                self.state_row(&file)?;
            }
        }
        Ok(())
    }

    /// Advances the time, and shows the output that is due.
    fn pass(&mut self, ts: u64) -> Result<()> {
        let is_table = matches!(self.body, Body::Groups(_));
        let every = if self.interval > 0 { self.interval } else { REFRESH };
        if self.began == 0 {
            self.began = ts - ts % every;
            self.first = ts;
        }
        if is_table && (self.interval > 0 || self.options.live) && ts.saturating_sub(self.began) >= every {
            let due = self.began + every;
            self.show(due)?;
            if let Body::Groups(groups) = &mut self.body {
                groups.clear();
            }
            (self.began, self.first) = (ts - ts % every, ts);
        }
        self.last = self.last.max(ts);
        Ok(())
    }

    /// Prints the groups.
    fn show(&mut self, ts: u64) -> Result<()> {
        let Body::Groups(groups) = &self.body else { return Ok(()) };
        let elapsed = if self.options.live {
            ts.saturating_sub(self.began)
        } else {
            self.last.saturating_sub(self.first)
        };
        let mut rows = groups.rows(elapsed);
        if self.options.live && self.height > 0 {
            // Leaves room for headings, the line below them, and the cursor.
            rows.truncate(self.height.saturating_sub(3));
        }
        if groups.left_out() > 0 {
            note!("Too many groups: {} rows are not shown; use a filter", groups.left_out());
        }
        let grid = Grid { heads: groups.heads(), rows: &rows, has_rule: true };
        if self.options.json {
            grid.print_json(&mut self.out, ts)?;
        } else if self.folded {
            for row in &rows {
                let texts: Vec<_> = row.iter().map(|cell| String::from_utf8_lossy(&cell.text)).collect();
                writeln!(self.out, "{}", texts.join(" "))?;
            }
        } else if self.interval > 0 {
            let second = i64::try_from(ts / 1_000_000_000)?;
            let time = jiff::Timestamp::from_second(second)?.to_zoned(jiff::tz::TimeZone::system());
            write!(self.out, "{}", time.strftime("%H:%M:%S"))?;
            let empty = vec![super::grid::Cell { text: b"0".to_vec(), json: 0.into() }; grid.heads.len()];
            for (head, cell) in grid.heads.iter().zip(rows.first().unwrap_or(&empty)) {
                write!(self.out, " {}:{}", head.name, String::from_utf8_lossy(&cell.text))?;
            }
            writeln!(self.out)?;
        } else {
            if self.options.live && self.width.is_some() {
                self.out.write_all(b"\x1b[H\x1b[2J")?;
            }
            grid.print(&mut self.out, self.width)?;
        }
        Ok(self.out.flush()?)
    }
}

/// A writer into shared memory.
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Columns and lines of the terminal on standard output; 0 lines if unknown.
fn terminal_size() -> (Option<usize>, usize) {
    let Ok(size) = rustix::termios::tcgetwinsize(stdout()) else { return (None, 0) };
    (Some(usize::from(size.ws_col)).filter(|width| *width > 0), size.ws_row.into())
}

impl Sink for ViewSink {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        if self.rows.are_state() {
            return if self.is_done { Ok(()) } else { self.state_rows(event) };
        }
        let (ts, ty) = (event.event().ts, event.event().ty);
        if self.options.live || self.interval > 0 || self.began == 0 {
            self.clock = if self.options.live { Instant::now() } else { self.clock };
            self.pass(ts)?;
        }
        self.last = self.last.max(ts);
        if let Body::Heat(heat) = &mut self.body {
            if self.filter.as_mut().is_none_or(|filter| filter.matches_of(ty, event)) {
                heat.add(event, &mut self.out)?;
            }
            return Ok(());
        }
        if self.filter.as_ref().is_some_and(|filter| !filter.may_match(ty)) {
            return Ok(());
        }
        (self.ty, self.current) = (ty, (ts, event.event().tid));
        self.event_rows(event)
    }

    fn idle(&mut self) -> Result<()> {
        // Without an event, the time comes from the clock.
        let waited = self.clock.elapsed();
        if self.options.live && self.last > 0 && waited >= Duration::from_nanos(REFRESH) {
            self.clock = Instant::now();
            self.pass(self.last + waited.as_nanos() as u64)?;
        }
        Ok(self.out.flush()?)
    }

    fn export(&self) -> Option<(PathBuf, String)> {
        let Export { path, range } = self.export.as_ref()?;
        note!("Writing the events around {} rows to {}", self.exported.len(), path.shown());
        let around = |(ts, tid): &(u64, i64)| format!("(evt.around[{ts}]={range} and thread.tid={tid})");
        let parts: Vec<String> = self.exported.iter().map(around).collect();
        Some((path.clone(), if parts.is_empty() { "evt.num=0".into() } else { parts.join(" or ") }))
    }

    fn is_done(&self) -> bool {
        self.is_done || matches!(&self.body, Body::List(list) if list.is_full())
    }

    fn end(&mut self, now: &EventView<'_>) -> Result<()> {
        if self.rows.are_state() && !self.is_done { self.state_rows(now) } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        match &mut self.body {
            Body::List(list) => list.finish(&mut self.out, self.width)?,
            Body::Heat(heat) => heat.finish(&mut self.out)?,
            // The last table on a terminal stays unchanged.
            Body::Groups(_) if self.options.live && self.width.is_some() => {}
            Body::Groups(_) => self.show(self.last)?,
        }
        Ok(self.out.flush()?)
    }
}
