//! A capture in pieces, for a test that decides when a replay goes on.

use std::io::Write;
use std::sync::{Arc, Mutex};

use eyas::scap::{EventSource, Next, Reader, Writer};

use super::demo;

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

/// The bytes of a capture, cut behind the snapshot and behind each event.
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
