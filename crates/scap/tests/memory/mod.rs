//! Writes captures to memory, reads and copies them.
#![allow(dead_code, reason = "other tests use the rest")]

use std::io::Cursor;

use eyas_scap::{EventSource, Next, OwnedEvent, Reader, Snapshot, Writer};

#[path = "../sink/mod.rs"]
mod sink;

use sink::Sink;

/// A capture with an empty snapshot and these events.
pub fn written(events: &[OwnedEvent], compress: bool) -> Vec<u8> {
    let sink = Sink::default();
    let mut writer = Writer::new(sink.clone(), compress);
    writer.snapshot(&Snapshot::default()).unwrap();
    events.iter().for_each(|event| writer.event(&event.as_raw()).unwrap());
    writer.finish().unwrap();
    sink.take()
}

/// The events that a capture has, as they are in it or converted.
pub fn events(capture: Vec<u8>, is_raw: bool) -> Vec<OwnedEvent> {
    let reader = Reader::from_reader(Cursor::new(capture)).unwrap();
    let mut reader = if is_raw { reader.raw() } else { reader };
    let mut found = Vec::new();
    loop {
        match reader.next().unwrap() {
            Next::Event(event) => found.push(event.into()),
            Next::End => return found,
            Next::Snapshot(_) | Next::Idle => {}
        }
    }
}

/// Copies a capture frame by frame.
pub fn copy(mut reader: Reader, mut writer: Writer) {
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => writer.snapshot(&snapshot).unwrap(),
            Next::Event(event) => writer.event(&event).unwrap(),
            Next::Idle => unreachable!("a file is never idle"),
            Next::End => return writer.finish().unwrap(),
        }
    }
}
