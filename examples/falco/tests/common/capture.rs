//! Captures: in pieces, for tests that control the progress of a replay, and captures that alerts start.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use eyas::scap::{EventSource, Next, Reader, Writer};

use super::{Dir, demo};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The bytes of a capture, split after the snapshot and after each event.
pub fn pieces(mut source: impl EventSource) -> Vec<Vec<u8>> {
    let sink = Sink::default();
    let mut writer = Writer::new(sink.clone(), false);
    let mut pieces = Vec::new();
    loop {
        match source.next().unwrap() {
            Next::Snapshot(snapshot) => writer.snapshot(&snapshot).unwrap(),
            Next::Event(event) => writer.event(&event).unwrap(),
            Next::Idle => continue,
            Next::End => return pieces,
        }
        writer.flush().unwrap();
        pieces.push(std::mem::take(&mut *sink.0.lock().unwrap()));
    }
}

pub fn demo_pieces() -> Vec<Vec<u8>> {
    pieces(Reader::open(demo()).unwrap())
}

/// A rule that every event satisfies. Its alerts show the metadata of the event.
pub fn every_event() -> String {
    let fields = "%evt.type %evt.args %proc.name %proc.pname %proc.aname[2] %proc.exepath %proc.cmdline %proc.cwd \
                  %proc.vpid %proc.sid %proc.tty %fd.num %fd.name %fd.type %fs.path.name %user.name %group.name \
                  %container.id %proc.env[PATH] %proc.is_exe_writable %thread.tid";
    format!("- {{rule: every, desc: d, condition: evt.num > 0, output: '{fields}', priority: INFO}}\n")
}

/// The alerts of that rule.
pub fn alerts_of_every_event(out: &str) -> Vec<String> {
    out.lines().filter(|line| line.contains(" Informational ")).map(str::to_owned).collect()
}

/// The captures in the directory, in order.
pub fn captures(dir: &Dir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "scap")).collect();
    paths.sort();
    paths
}

/// Times of all events in a capture.
pub fn times(path: &Path) -> Vec<u64> {
    let mut reader = Reader::open(path).unwrap();
    let mut times = Vec::new();
    loop {
        match reader.next().unwrap() {
            Next::Event(event) => times.push(event.ts),
            Next::End => return times,
            _ => {}
        }
    }
}

/// A rule for an event, with the duration of its capture.
pub fn trigger(name: &str, condition: &str, ms: u64) -> String {
    format!(
        "- {{rule: {name}, desc: d, condition: '{condition}', output: '{name} %evt.num', priority: INFO, \
         capture: true, capture_duration: {ms}}}\n"
    )
}
