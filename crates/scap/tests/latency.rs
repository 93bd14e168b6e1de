//! When calls began, in captures with enter events.

use std::io::Cursor;

use eyas_events::{EventType as E, param};
use eyas_scap::{EventBuilder, EventSource, Next, OwnedEvent, Reader, Snapshot, Writer};

mod sink;

use sink::Sink;

/// Times and types of the events that are read from a capture of these, each with its latency.
fn latencies(events: &[OwnedEvent]) -> Vec<(u64, E, u64)> {
    let sink = Sink::default();
    let mut writer = Writer::new(sink.clone(), false);
    writer.snapshot(&Snapshot::default()).unwrap();
    for event in events {
        writer.event(&event.as_raw()).unwrap();
    }
    writer.finish().unwrap();
    let mut reader = Reader::from_reader(Cursor::new(sink.take())).unwrap();
    let mut found = Vec::new();
    loop {
        match reader.next().unwrap() {
            Next::Event(event) => found.push((event.ts, event.ty, event.latency())),
            Next::End => return found,
            _ => {}
        }
    }
}

fn event(ty: E, tid: i64, ts: u64) -> EventBuilder {
    EventBuilder::new(ty).tid(tid).ts(ts)
}

#[test]
fn a_call_took_the_time_since_its_enter_event() {
    let close = |tid, ts| event(E::SYSCALL_CLOSE_X, tid, ts).int(param::SYSCALL_CLOSE_X::res, 0).build();
    let found = latencies(&[
        event(E::SYSCALL_CLOSE_E, 7, 100).build(),
        event(E::SYSCALL_CLOSE_E, 8, 110).build(),
        // Of a kind that needs no conversion.
        event(E::SYSCALL_GETCWD_E, 9, 115).truncate(0).build(),
        close(7, 150),
        close(8, 112),
        event(E::SYSCALL_GETCWD_X, 9, 120).build(),
        // Nobody said when this one began.
        close(7, 300),
    ]);
    assert_eq!(
        found,
        [
            (150, E::SYSCALL_CLOSE_X, 50),
            (112, E::SYSCALL_CLOSE_X, 2),
            (120, E::SYSCALL_GETCWD_X, 5),
            (300, E::SYSCALL_CLOSE_X, 0),
        ]
    );
}

#[test]
fn an_old_exit_event_that_is_converted_keeps_it() {
    let old = event(E::SYSCALL_CLOSE_X, 7, 150).int(0, 0).truncate(1).build();
    assert_eq!(latencies(&[event(E::SYSCALL_CLOSE_E, 7, 100).build(), old]), [(150, E::SYSCALL_CLOSE_X, 50)]);
}

#[test]
fn an_enter_event_of_another_call_does_not_count() {
    let read = event(E::SYSCALL_READ_E, 7, 100).build();
    let found = latencies(&[
        read,
        event(E::SYSCALL_CLOSE_X, 7, 150).build(),
        event(E::SYSCALL_READ_X, 7, 160).build(),
    ]);
    assert!(found.iter().all(|(_, _, latency)| *latency == 0), "{found:?}");
}
