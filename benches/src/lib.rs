//! Input of the benches: captures and rules from `EYAS_SHARED`, or otherwise from the demo.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eyas::events::EventType;
use eyas::rules::{Engine, RuleSet, RuleSetBuilder, RuleSource};
use eyas::scap::{self, Advance, EventSource, OwnedEvent, RawEvent, Reader, Snapshot};
use eyas::sinsp::{Inspector, Step};
use rustix::time::{ClockId, clock_gettime};

mod variants;

pub use variants::varied;

/// Current time of a clock.
pub fn now(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The median; `None` if there are no values.
pub fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times.get(times.len() / 2).copied()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn shared(path: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("EYAS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    Some(dir.join(path)).filter(|path| path.exists())
}

/// A capture of some hundred thousand events, or the demo's.
pub fn short_capture() -> PathBuf {
    shared("captures/gcc.scap.gz").unwrap_or_else(demo_capture)
}

/// A capture of five million events, or the demo's.
pub fn long_capture() -> PathBuf {
    shared("captures/heavy.scap.gz").unwrap_or_else(demo_capture)
}

/// The demo's capture: small, and the same everywhere.
pub fn demo_capture() -> PathBuf {
    root().join("demo/demo.scap.gz")
}

/// An audit log of Kubernetes: the public one, or a small one.
pub fn audit_log() -> PathBuf {
    let own = || root().join("crates/audit/tests/sample/audit.jsonl");
    shared("plugins/data/all_k8s_audit.jsonl").unwrap_or_else(own)
}

/// Rules for it: the public ones, or a few.
pub fn audit_rules() -> PathBuf {
    let own = || root().join("crates/audit/tests/sample/rules.yaml");
    shared("rules/plugins/k8s_audit_rules.yaml").unwrap_or_else(own)
}

/// Texts of Falco's stable rules, or the demo's.
pub fn stable_rules() -> Vec<String> {
    read(&["falco_rules.yaml"])
}

/// Texts of Falco's stable, incubating and sandbox rules, or the demo's.
pub fn all_rules() -> Vec<String> {
    read(&["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"])
}

fn read(names: &[&str]) -> Vec<String> {
    let read = |name: &&str| std::fs::read_to_string(shared(&format!("rules/{name}"))?).ok();
    let texts: Option<Vec<String>> = names.iter().map(read).collect();
    texts.unwrap_or_else(|| {
        let demo = std::fs::read_to_string(root().join("demo/rules.yaml"));
        vec![demo.unwrap_or_else(|error| panic!("demo/rules.yaml: {error}"))]
    })
}

/// Options for rules for system calls.
pub fn builder() -> RuleSetBuilder {
    RuleSet::builder(Arc::new(eyas::sinsp::schema()))
}

/// Creates an engine from these files.
///
/// # Panics
/// The files do not load.
pub fn engine(files: &[String]) -> Engine {
    let sources = files.iter().map(|file| RuleSource::new("rules.yaml", file.as_str()));
    let rules = builder().build(sources);
    rules.and_then(|rules| rules.compile()).unwrap_or_else(|error| panic!("{error}"))
}

/// A capture in memory, decoded.
pub struct Preloaded {
    snapshot: Snapshot,
    events: Vec<OwnedEvent>,
}

impl Preloaded {
    /// Reads a capture of one section.
    ///
    /// # Panics
    /// The capture cannot be read.
    pub fn read(path: &Path) -> Self {
        let mut reader = Reader::open(path).unwrap_or_else(|error| panic!("{error}"));
        let mut this = Self { snapshot: Snapshot::default(), events: Vec::new() };
        loop {
            match reader.next().unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
                scap::Next::Snapshot(snapshot) => this.snapshot = *snapshot,
                scap::Next::Event(event) => this.events.push(event.into()),
                scap::Next::Idle => {}
                scap::Next::End => return this,
            }
        }
    }

    /// Its events.
    pub fn events(&self) -> &[OwnedEvent] {
        &self.events
    }

    /// An inspector that has processed the capture up to the last successful open, and that open.
    ///
    /// # Panics
    /// There is no successful open.
    pub fn up_to_open(&self) -> (Inspector, RawEvent<'_>) {
        let mut inspector = Inspector::default();
        let mut source = self.play();
        let opens = [EventType::SYSCALL_OPENAT_2_X, EventType::SYSCALL_OPEN_X];
        let is_open = |event: &RawEvent<'_>| opens.contains(&event.ty) && event.int(0) > Some(2);
        let last = self.events.iter().rposition(|event| is_open(&event.as_raw()));
        let index = last.unwrap_or_else(|| panic!("the capture opens nothing"));
        while source.next < index && matches!(inspector.next(&mut source), Ok(Step::Event(_))) {}
        (inspector, self.events[index].as_raw())
    }

    /// The capture from its beginning.
    pub fn play(&self) -> Playback<'_> {
        Playback { capture: self, next: 0, began: false }
    }
}

/// A source of the events in memory.
pub struct Playback<'a> {
    capture: &'a Preloaded,
    /// Position after the current event.
    next: usize,
    began: bool,
}

impl EventSource for Playback<'_> {
    fn advance(&mut self) -> Result<Advance, scap::Error> {
        if !self.began {
            self.began = true;
            return Ok(Advance::Snapshot(Box::new(self.capture.snapshot.clone())));
        }
        if self.next == self.capture.events.len() {
            return Ok(Advance::End);
        }
        self.next += 1;
        Ok(Advance::Event)
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        self.next.checked_sub(1).map(|index| self.capture.events[index].as_raw())
    }
}
