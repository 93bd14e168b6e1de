//! Start times of calls, in captures with enter events.

use eyas_events::{EventType as E, param};
use eyas_scap::{EventBuilder, OwnedEvent};

mod memory;

/// Times and types of the events that are read from a capture of these, each with its latency.
fn latencies(events: &[OwnedEvent]) -> Vec<(u64, E, u64)> {
    let shown = |event: &OwnedEvent| {
        let raw = event.as_raw();
        (raw.ts, raw.ty, raw.latency())
    };
    reread(events).iter().map(shown).collect()
}

/// The events that are read from a capture of these.
fn reread(events: &[OwnedEvent]) -> Vec<OwnedEvent> {
    memory::events(memory::written(events, false), false)
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
        // The capture does not show when this call began.
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

#[test]
fn a_rewritten_capture_keeps_the_latency() {
    use param::SYSCALL_OPENAT_2_X as p;
    // Beside one event stands what was opened, too.
    let behind = E::SYSCALL_OPENAT_2_X.info().unwrap().params.len();
    let open = event(E::SYSCALL_OPENAT_2_X, 8, 170).int(p::fd, 3).text(p::name, b"/a").bytes(behind, b"/b");
    let once = reread(&[
        event(E::SYSCALL_CLOSE_E, 7, 100).build(),
        event(E::SYSCALL_OPENAT_2_E, 8, 120).build(),
        event(E::SYSCALL_CLOSE_X, 7, 150).build(),
        open.build(),
        event(E::SYSCALL_CLOSE_X, 9, 180).build(),
    ]);
    let exits: Vec<OwnedEvent> = once.into_iter().filter(|event| event.as_raw().ty.is_exit()).collect();
    let twice = reread(&exits);
    assert_eq!(twice, exits);
    let latencies: Vec<u64> = twice.iter().map(|event| event.as_raw().latency()).collect();
    assert_eq!(latencies, [50, 50, 0]);
    assert_eq!(twice[1].as_raw().opened_path(), Some(&b"/b"[..]));
}
