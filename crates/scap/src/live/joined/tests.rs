use eyas_events::param::LSM_X;

use super::*;
use crate::{EventBuilder, IoUring, OwnedEvent};

const BPRM: u8 = 1;
const OPEN: u8 = 2;
const UNLINK: u8 = 3;

fn decided(tid: i64, hook: u8, during: EventType, verdict: i64, path: &str) -> OwnedEvent {
    let event = EventBuilder::new(EventType::LSM_X).tid(tid).uint(LSM_X::hook, hook.into());
    let event = event.int(LSM_X::res, verdict).text(LSM_X::path, path.as_bytes());
    event.uint(LSM_X::during, during.0.into()).build()
}

fn event(tid: i64, ty: EventType) -> OwnedEvent {
    EventBuilder::new(ty).tid(tid).build()
}

fn request(tid: i64, ty: EventType) -> OwnedEvent {
    EventBuilder::new(ty)
        .tid(tid)
        .io_uring(IoUring { opcode: 18, is_polled: false, is_presumed: false })
        .build()
}

/// The path that is reported for the event, and whether the event waits.
fn path(joined: &mut WaitingDecisions, event: &OwnedEvent) -> (Handling, String) {
    let handling = joined.receive(&event.as_raw());
    let ready = joined.ready().to_vec();
    let raw = event.as_raw().with_decided(&ready);
    let path = raw.decision().filter(|_| event.as_raw().ty != EventType::LSM_X).and_then(|one| one.path());
    (handling, String::from_utf8(path.unwrap_or_default().to_vec()).unwrap())
}

#[test]
fn a_decision_is_attached_to_its_call_only() {
    let mut joined = WaitingDecisions::new(true);
    let open = EventType::SYSCALL_OPENAT_2_X;
    assert_eq!(path(&mut joined, &decided(7, OPEN, open, 0, "/etc/shadow")).0, Handling::Waits);
    assert_eq!(path(&mut joined, &event(8, open)).1, "", "another thread's call");
    assert_eq!(path(&mut joined, &event(7, open)), (Handling::Shown, "/etc/shadow".into()));
    assert_eq!(path(&mut joined, &event(7, open)).1, "", "the next call");
    assert!(joined.by_thread.is_empty());
}

#[test]
fn a_decision_outside_the_hook_s_calls_is_a_separate_event() {
    let mut joined = WaitingDecisions::new(true);
    let exec = EventType::SYSCALL_EXECVE_19_X;
    assert_eq!(path(&mut joined, &decided(7, OPEN, EventType(0), 0, "/by/kernel")).0, Handling::Shown);
    assert_eq!(path(&mut joined, &decided(7, OPEN, exec, 0, "/bin/sh")).0, Handling::Shown);
    assert_eq!(path(&mut joined, &decided(7, BPRM, exec, 0, "/script")).0, Handling::Waits);
    assert_eq!(
        path(&mut joined, &decided(7, BPRM, exec, 0, "/bin/sh")).0,
        Handling::Shown,
        "the interpreter"
    );
    assert_eq!(path(&mut joined, &event(7, exec)).1, "/script");
}

#[test]
fn a_denial_replaces_an_earlier_permission() {
    let mut joined = WaitingDecisions::new(true);
    let exec = EventType::SYSCALL_EXECVE_19_X;
    assert_eq!(path(&mut joined, &decided(7, BPRM, exec, 0, "/script")).0, Handling::Waits);
    assert_eq!(path(&mut joined, &decided(7, BPRM, exec, -13, "/bin/sh")).0, Handling::Waits);
    assert_eq!(path(&mut joined, &event(7, exec)).1, "/bin/sh");
}

#[test]
fn requests_get_their_decisions_in_the_order_of_submission() {
    let enter = EventType::SYSCALL_IO_URING_ENTER_X;
    let (open, unlink) = (EventType::SYSCALL_OPENAT_2_X, EventType::SYSCALL_UNLINKAT_2_X);
    let mut joined = WaitingDecisions::new(true);
    for (hook, name) in [(OPEN, "/a"), (UNLINK, "/b"), (OPEN, "/c")] {
        assert_eq!(path(&mut joined, &decided(7, hook, enter, 0, name)).0, Handling::Waits);
    }
    assert_eq!(path(&mut joined, &request(7, open)).1, "/a");
    assert_eq!(path(&mut joined, &request(7, open)).1, "/c");
    assert_eq!(path(&mut joined, &request(7, unlink)).1, "/b");
    // Without their tracepoints, or where nobody wants such calls.
    assert_eq!(path(&mut WaitingDecisions::new(false), &decided(7, OPEN, enter, 0, "/a")).0, Handling::Shown);
    joined.set_interest(Some(&[SyscallCode::CLOSE]));
    assert_eq!(path(&mut joined, &decided(7, OPEN, enter, 0, "/a")).0, Handling::Shown);
}

#[test]
fn a_decision_is_removed_if_its_event_does_not_come() {
    let mut joined = WaitingDecisions::new(true);
    let open = EventType::SYSCALL_OPENAT_2_X;
    // The call's event was lost.
    path(&mut joined, &decided(7, OPEN, open, 0, "/lost"));
    path(&mut joined, &event(7, EventType::SYSCALL_CLOSE_X));
    assert_eq!(path(&mut joined, &event(7, open)).1, "");
    path(&mut joined, &decided(7, OPEN, EventType::SYSCALL_IO_URING_ENTER_X, 0, "/lost"));
    path(&mut joined, &event(7, EventType::PROCEXIT_1_E));
    assert!(joined.by_thread.is_empty());
}
