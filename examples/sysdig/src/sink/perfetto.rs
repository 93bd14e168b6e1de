//! `sysdig trace --perfetto FILE`: writes threads and calls in the trace-event format for ui.perfetto.dev.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use eyas::events::{Category, EventType};
use eyas::fields::{Field, FieldSource, write_value};
use eyas::sinsp::EventView;
use eyas::sinsp::state::Thread;
use eyas_console::ShowPath;
use eyas_console::file;
use serde_json::{Map, Value, json};

use super::Sink;
use crate::output::Output;
use crate::schema::schema;

/// Maximum number of characters of a value, so that a trace with a million calls can be loaded.
const MAX_LEN: usize = 200;

/// Writes events as spans of their threads.
pub struct Perfetto {
    out: BufWriter<Box<dyn Write>>,
    path: PathBuf,
    /// Time of the first event, ns since the epoch. Times in the file are relative to it.
    start: Option<u64>,
    last: u64,
    /// Running threads with at least one event.
    lives: BTreeMap<i64, Life>,
    /// Latest names of processes and threads.
    names: BTreeMap<(i64, i64), String>,
    fd: Field,
    ty: Field,
    is_first: bool,
}

fn cannot_write(path: &Path) -> String {
    let name = if path == Path::new("-") { "standard output".into() } else { path.shown() };
    format!("cannot write {name}")
}

/// A thread's time.
struct Life {
    pid: i64,
    began: u64,
    /// Time at which it executed its program, or at which it was first seen.
    program: u64,
    name: String,
    command: String,
}

impl Perfetto {
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let out: Box<dyn Write> = match path == Path::new("-") {
            true => Box::new(Output::new()),
            false => Box::new(file::create(path).map_err(|error| {
                anyhow!("cannot write {}: {error}; choose another with --perfetto", path.shown())
            })?),
        };
        let field = |name| schema().resolve(name, None).map_err(|error| anyhow!("{name}: {error}"));
        Ok(Self {
            out: BufWriter::with_capacity(1 << 16, out),
            path: path.to_owned(),
            start: None,
            last: 0,
            lives: BTreeMap::new(),
            names: BTreeMap::new(),
            fd: field("fd.name")?,
            ty: field("evt.type")?,
            is_first: true,
        })
    }

    fn write(&mut self, item: &Value) -> Result<()> {
        let before: &[u8] = if std::mem::take(&mut self.is_first) { b"{\"traceEvents\":[\n" } else { b",\n" };
        let written = self.out.write_all(before).map_err(anyhow::Error::from);
        written
            .and_then(|()| Ok(serde_json::to_writer(&mut self.out, item)?))
            .with_context(|| cannot_write(&self.path))
    }

    /// Time in the file: microseconds with nanosecond precision.
    fn time(&self, ts: u64) -> Value {
        let ns = ts.saturating_sub(self.start.unwrap_or(ts));
        micros(ns)
    }

    /// Tracks the thread of an event: its beginning and its program.
    fn live(&mut self, event: &EventView<'_>) -> Result<()> {
        let raw = event.event();
        let began = if raw.began == 0 { raw.ts } else { raw.began };
        self.start.get_or_insert(began);
        self.last = self.last.max(raw.ts);
        let Some(thread) = event.thread().filter(|thread| thread.pid >= 0) else { return Ok(()) };
        let executes = matches!(raw.ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X)
            && raw.result() == Some(0);
        let name = text(&thread.comm);
        match self.lives.get_mut(&raw.tid) {
            Some(life) if executes => {
                let before = std::mem::replace(&mut life.program, raw.ts);
                let (pid, old) = (life.pid, std::mem::replace(&mut life.name, name));
                let command = std::mem::replace(&mut life.command, text(&thread.cmdline));
                self.program(pid, raw.tid, &old, &command, before, raw.ts)?;
            }
            Some(_) => {}
            None => {
                let command = text(&thread.cmdline);
                let life = Life { pid: thread.pid, began, program: began, name, command };
                self.lives.insert(raw.tid, life);
            }
        }
        self.name(event, thread);
        if raw.ty == EventType::PROCEXIT_1_E {
            self.end(raw.tid, raw.ts)?;
        }
        Ok(())
    }

    fn name(&mut self, event: &EventView<'_>, thread: &Thread) {
        let main = event.state().threads.main_of(thread).unwrap_or(thread);
        for (tid, name) in [(0, &main.comm), (thread.tid, &thread.comm)] {
            match self.names.get_mut(&(main.pid, tid)) {
                Some(known) if known.as_bytes() == &**name => {}
                Some(known) => *known = text(name),
                None => drop(self.names.insert((main.pid, tid), text(name))),
            }
        }
    }

    /// Ends a thread, because it has ended or the capture has.
    fn end(&mut self, tid: i64, ts: u64) -> Result<()> {
        let Some(life) = self.lives.remove(&tid) else { return Ok(()) };
        self.program(life.pid, tid, &life.name, &life.command, life.program, ts)?;
        let span = json!({
            "ph": "X", "cat": "lifeline", "name": if life.pid == tid { "process" } else { "thread" },
            "pid": life.pid, "tid": tid, "ts": self.time(life.began.saturating_sub(2)),
            "dur": micros(ts.saturating_sub(life.began) + 4),
        });
        self.write(&span)
    }

    /// Writes the span of a program that a thread executed.
    fn program(&mut self, pid: i64, tid: i64, name: &str, command: &str, from: u64, to: u64) -> Result<()> {
        let span = json!({
            "ph": "X", "cat": "program", "name": name, "pid": pid, "tid": tid,
            "ts": self.time(from.saturating_sub(1)), "dur": micros(to.saturating_sub(from) + 1),
            "args": { "command": command },
        });
        self.write(&span)
    }

    /// Draws an arrow from the call that created a thread to that thread's first event.
    fn arrow(&mut self, event: &EventView<'_>) -> Result<()> {
        let raw = event.event();
        let Some(thread) = event.thread().filter(|_| raw.ty.creates_thread()) else { return Ok(()) };
        let arrow = match raw.result() {
            Some(0) => json!({ "ph": "f", "bp": "e", "id": raw.tid }),
            Some(child) if child > 0 => json!({ "ph": "s", "id": child }),
            _ => return Ok(()),
        };
        let Value::Object(mut arrow) = arrow else { return Ok(()) };
        let more = json!({ "cat": "birth", "name": "starts", "pid": thread.pid, "tid": raw.tid, "ts": self.time(raw.ts) });
        if let Value::Object(more) = more {
            arrow.extend(more);
        }
        self.write(&Value::Object(arrow))
    }

    /// The parameters, and the object of the event.
    fn arguments(&self, event: &EventView<'_>) -> Map<String, Value> {
        let record = event.to_record();
        let mut args = Map::new();
        for param in record.params {
            let value = match param.resolved {
                Some(resolved) => format!("{} ({resolved})", param.value),
                None => param.value,
            };
            args.insert(param.name.to_owned(), shorten(&value).into());
        }
        if let Some(fd) = event.fd() {
            let name = self.field(event, &self.fd).unwrap_or_default();
            let kind = match fd.kind {
                kind if kind.is_inet() => "connection",
                kind if kind.is_file() => "file",
                kind => kind.name(),
            };
            args.insert(kind.to_owned(), shorten(&name).into());
        }
        args.insert("event".to_owned(), event.num().into());
        args
    }

    fn field(&self, event: &EventView<'_>, field: &Field) -> Option<String> {
        let mut out = Vec::new();
        write_value(&mut out, &event.get(field)?, schema().def(field.id));
        Some(String::from_utf8_lossy(&out).into_owned())
    }
}

impl Sink for Perfetto {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.state(event)?;
        let raw = event.event();
        let is_call = raw.info().is_some_and(|info| info.category.is_from(Category::SYSCALL));
        let name = self.field(event, &self.ty).unwrap_or_default();
        let pid = event.thread().map(|thread| thread.pid).filter(|pid| *pid >= 0).unwrap_or(raw.tid);
        let mut span = Map::new();
        let began = if raw.began == 0 { raw.ts } else { raw.began };
        // Captures of current probes have no start times of calls, so their spans have no length.
        if is_call && raw.ty.is_exit() {
            span.insert("ph".into(), "X".into());
            span.insert("dur".into(), micros(raw.latency()));
        } else {
            span.insert("ph".into(), "i".into());
            span.insert("s".into(), if raw.tid < 0 { "g" } else { "t" }.into());
        }
        span.insert("cat".into(), if is_call { "call" } else { "event" }.into());
        span.insert("name".into(), name.into());
        span.insert("pid".into(), pid.max(0).into());
        span.insert("tid".into(), raw.tid.max(0).into());
        span.insert("ts".into(), self.time(began));
        span.insert("args".into(), Value::Object(self.arguments(event)));
        self.write(&Value::Object(span))?;
        self.arrow(event)
    }

    fn state(&mut self, event: &EventView<'_>) -> Result<()> {
        self.live(event)
    }

    fn finish(&mut self) -> Result<()> {
        let rest: Vec<i64> = self.lives.keys().copied().collect();
        for tid in rest {
            self.end(tid, self.last)?;
        }
        for ((pid, tid), name) in std::mem::take(&mut self.names) {
            let kind = if tid == 0 { "process_name" } else { "thread_name" };
            self.write(
                &json!({ "ph": "M", "name": kind, "pid": pid, "tid": tid, "args": { "name": name } }),
            )?;
        }
        let start = self.start.unwrap_or(0);
        let end: &[u8] = if self.is_first { b"{\"traceEvents\":[" } else { b"\n" };
        self.out.write_all(end)?;
        let rest = json!({ "started": format!("{}.{:09}", start / 1_000_000_000, start % 1_000_000_000) });
        writeln!(self.out, "],\"displayTimeUnit\":\"ns\",\"otherData\":{rest}}}")?;
        self.out.flush().with_context(|| cannot_write(&self.path))
    }
}

/// Nanoseconds as microseconds, exactly.
fn micros(ns: u64) -> Value {
    // Below 2^53 ns (104 days), a double is exact.
    serde_json::Number::from_f64(ns as f64 / 1000.0).map_or(Value::Null, Value::Number)
}

fn text(bytes: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(bytes))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_LEN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
