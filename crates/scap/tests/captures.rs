//! Reads real and synthetic captures to the last byte, with the number of events of the reference.

use eyas_testing::{Dir, data_or_ignore, test};
use std::collections::BTreeMap;
use std::io::Seek;
use std::path::Path;

use eyas_scap::{Error, EventSource, Next, OwnedEvent, Reader, Snapshot, Writer};

mod memory;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

struct Read {
    snapshots: Vec<Snapshot>,
    histogram: BTreeMap<String, u64>,
    events: u64,
    error: Option<Error>,
}

fn read(mut reader: Reader) -> Read {
    let mut out = Read { snapshots: Vec::new(), histogram: BTreeMap::new(), events: 0, error: None };
    loop {
        match reader.next() {
            Ok(Next::Snapshot(snapshot)) => out.snapshots.push(*snapshot),
            Ok(Next::Event(event)) => {
                let direction = if event.ty.is_exit() { '<' } else { '>' };
                *out.histogram
                    .entry(format!("{}{direction}#{}", event.ty.name(), event.ty.0))
                    .or_default() += 1;
                out.events += 1;
            }
            Ok(Next::Idle) => unreachable!("a file is never idle"),
            Ok(Next::End) => return out,
            Err(error) => {
                assert!(out.error.is_none(), "after an error comes the end");
                out.error = Some(error);
            }
        }
    }
}

fn events_of(histogram: &Path) -> BTreeMap<String, u64> {
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(histogram).unwrap()).unwrap();
    let counts = json["hist"].as_object().unwrap();
    counts.iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap())).collect()
}

/// The capture has the same number of events as in the reference.
fn check_event_counts(name: &str) {
    let read = read(Reader::open(data_or_ignore(format!("captures/{name}.scap.gz"))).unwrap());
    assert!(read.error.is_none(), "{name}: {:?}", read.error);
    let golden = events_of(&data_or_ignore(format!("captures/golden/{name}.hist.json")));
    // The users that the recording program knew stand before the events; the reference reads them without showing them.
    let hidden = ["useradded>#354", "groupadded>#358"];
    let ours: BTreeMap<_, _> =
        read.histogram.into_iter().filter(|(key, _)| !hidden.contains(&key.as_str())).collect();
    assert_eq!(ours, golden, "{name}");
}

#[test]
fn attack_holds_the_events_that_the_reference_counted() {
    check_event_counts("attack");
}

#[test]
fn gcc_holds_the_events_that_the_reference_counted() {
    check_event_counts("gcc");
}

#[test]
fn nginx_holds_the_events_that_the_reference_counted() {
    check_event_counts("nginx");
}

#[test]
fn heavy_holds_the_events_that_the_reference_counted() {
    check_event_counts("heavy");
}

#[test]
fn captures_of_ten_years_are_read_to_the_end() {
    for entry in std::fs::read_dir(data_or_ignore("captures/upstream")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "scap") {
            let read = read(Reader::open(&path).unwrap());
            assert!(read.error.is_none(), "{}: {:?}", path.display(), read.error);
            assert_eq!(read.snapshots.len(), 1);
        }
    }
}

#[test]
fn every_version_of_the_thread_list_is_understood() {
    for version in 1..=9 {
        let path = data_or_ignore(format!("captures/synthetic/v{version}.scap"));
        let read = read(Reader::open(path).unwrap());
        assert!(read.error.is_none(), "v{version}: {:?}", read.error);
        let thread = &read.snapshots[0].threads[0];
        assert_eq!(thread.comm, b"synth");
        assert_eq!(thread.tid, 100);
    }
}

#[test]
fn a_truncated_capture_yields_its_events_then_says_where_it_ends() {
    let read = read(Reader::open(data_or_ignore("captures/synthetic/trunc.scap")).unwrap());
    assert!(read.events > 0);
    match read.error {
        Some(Error::Truncated { wanted, left, .. }) => assert!(left < wanted),
        other => panic!("{other:?}"),
    }
}

#[test]
fn concatenated_captures_begin_again_with_a_snapshot() {
    let read = read(Reader::open(data_or_ignore("captures/synthetic/concat.scap")).unwrap());
    assert!(read.error.is_none(), "{:?}", read.error);
    assert_eq!(read.snapshots.len(), 2);
}

#[test]
fn other_files_are_refused_and_their_kind_is_named() {
    let error = |bytes: &'static [u8]| read(Reader::from_reader(bytes).unwrap()).error.unwrap().to_string();
    assert!(error(b"").contains("empty"));
    assert!(error(b"#!/bin/sh\necho").contains("23 21 2f 62"), "{}", error(b"#!/bin/sh\necho"));
    assert!(error(b"\x0a\x0d\x0d\x0a\xff\xff\xff\xff\x4d\x3c\x2b\x1a").contains("limit"));
    assert!(error(b"\x0a\x0d\x0d\x0a\x00\x00\x00\x00\x4d\x3c\x2b\x1a").contains("at least 12"));
}

/// A file that is gone once it is closed.
fn unnamed() -> std::fs::File {
    let dir = Dir::new("captures");
    std::fs::File::options().read(true).write(true).create_new(true).open(dir.join("unnamed")).unwrap()
}

/// The events as they are, in the order of the file; each section's state before its events.
fn compare(name: &Path, mut a: Reader, mut b: Reader) -> u64 {
    let mut events = 0;
    loop {
        match (a.next().unwrap(), b.next().unwrap()) {
            (Next::Event(a), Next::Event(b)) => {
                events += 1;
                assert_eq!(OwnedEvent::from(a), OwnedEvent::from(b), "{}, event {events}", name.display());
            }
            (Next::Snapshot(a), Next::Snapshot(b)) => assert_eq!(a, b, "{}", name.display()),
            (Next::End, Next::End) => return events,
            (a, b) => panic!("{}, event {events}: {a:?} became {b:?}", name.display()),
        }
    }
}

/// Captures of a folder are read and written, and the copies read the same. Returns how many events they hold.
fn check_copies(folder: &str) -> u64 {
    let files = std::fs::read_dir(data_or_ignore(folder)).unwrap();
    let (mut count, mut events) = (0, 0);
    for path in files.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The one is cut on purpose, the other says nothing that the rest does not.
        if !name.contains(".scap") || ["trunc.scap", "heavy.scap.gz"].contains(&&*name) {
            continue;
        }
        let open = || Reader::open(&path).unwrap().raw();
        let mut copy = unnamed();
        memory::copy(open(), Writer::new(copy.try_clone().unwrap(), count % 2 == 0));
        copy.rewind().unwrap();
        events += compare(&path, open(), Reader::from_reader(copy).unwrap().raw());
        count += 1;
    }
    assert!(count > 0, "{folder} holds no capture");
    events
}

#[test]
fn copies_of_large_captures_read_the_same() {
    assert!(check_copies("captures") > 100_000);
}

#[test]
fn copies_of_captures_of_ten_years_read_the_same() {
    assert!(check_copies("captures/upstream") > 1_000);
}

#[test]
fn copies_of_synthetic_captures_read_the_same() {
    assert!(check_copies("captures/synthetic") > 0);
}
