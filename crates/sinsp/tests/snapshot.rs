//! A snapshot of the state at any event begins another capture with the same state.

use eyas_testing::test;
use std::path::PathBuf;

use eyas_events::EventType;
use eyas_scap::{EventSource, Next, Reader, Snapshot};
use eyas_sinsp::{Config, Inspector};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn demo() -> Reader {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/demo.scap.gz");
    Reader::open(path).unwrap()
}

/// The state after every `every` events.
fn snapshots(every: usize) -> Vec<Snapshot> {
    let (mut reader, mut inspector) = (demo(), Inspector::new(Config::default()));
    let (mut found, mut count) = (Vec::new(), 0);
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => inspector.load(*snapshot),
            Next::Event(event) => {
                inspector.process(event);
                count += 1;
                if count % every == 0 {
                    found.push(inspector.state().snapshot());
                }
            }
            Next::Idle => {}
            Next::End => return found,
        }
    }
}

#[test]
fn a_snapshot_that_is_loaded_is_the_same() {
    let all = snapshots(300);
    assert!(all.len() >= 15);
    for snapshot in all {
        let mut inspector = Inspector::new(Config::default());
        inspector.load(snapshot.clone());
        let sorted = |mut snapshot: Snapshot| {
            snapshot.users.sort_unstable_by_key(|user| user.uid);
            snapshot.groups.sort_unstable_by_key(|group| group.gid);
            snapshot
        };
        let (again, snapshot) = (sorted(inspector.state().snapshot()), sorted(snapshot));
        assert!(!snapshot.threads.is_empty() && !snapshot.fds.is_empty() && !snapshot.users.is_empty());
        assert_eq!(again.threads, snapshot.threads);
        for ((tid, again), (_, fds)) in again.fds.iter().zip(&snapshot.fds) {
            assert_eq!(again, fds, "{tid}");
        }
        assert_eq!(again, snapshot);
    }
}

/// The reader puts a thread without its own directory into the root; the leader's directory decides in both cases.
fn with_directories(mut snapshot: Snapshot) -> Snapshot {
    for thread in snapshot.threads.iter_mut().filter(|thread| thread.cwd.is_empty()) {
        thread.cwd.push(b'/');
    }
    snapshot
}

/// Lets every `every`th event of a capture begin a new capture with a snapshot, and reads that. Returns the number of
/// these events, and those with another result.
fn restart_at_events(mut reader: Reader, every: u64) -> (u64, Vec<String>) {
    let mut inspector = Inspector::new(Config::default());
    let (mut tried, mut other) = (0, Vec::new());
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => inspector.load(*snapshot),
            Next::Event(event) => {
                let view = inspector.process(event);
                let is_rare = matches!(
                    event.ty,
                    EventType::SYSCALL_CHDIR_X
                        | EventType::SYSCALL_FCHDIR_X
                        | EventType::SYSCALL_SETSID_X
                        | EventType::PROCEXIT_1_E
                );
                if !view.num().is_multiple_of(every) && !is_rare {
                    continue;
                }
                let before = view.snapshot();
                let after = with_directories(inspector.state().snapshot());
                let mut again = Inspector::new(Config::default());
                again.load(before);
                again.process(event);
                let again = with_directories(again.state().snapshot());
                tried += 1;
                let name = event.info().map_or("?", |info| info.name);
                if let Some((new, old)) =
                    again.threads.iter().zip(&after.threads).find(|(new, old)| new != old)
                {
                    let (new, old) = (format!("{new:#?}"), format!("{old:#?}"));
                    let lines = new.lines().zip(old.lines()).filter(|(new, old)| new != old);
                    other.push(format!("{name} of {}: {:?}", event.tid, lines.collect::<Vec<_>>()));
                } else if again.fds != after.fds || again.threads.len() != after.threads.len() {
                    other.push(format!("{name} of {}: {:?}", event.tid, event.params().collect::<Vec<_>>()));
                }
            }
            Next::Idle => {}
            Next::End => return (tried, other),
        }
    }
}

#[test]
fn a_capture_can_begin_with_any_event() {
    let (tried, other) = restart_at_events(demo(), 7);
    assert!(tried > 600, "{tried}");
    assert!(other.is_empty(), "{} of {tried}: {}", other.len(), other.join("\n"));
}

/// The same test with a large capture.
fn begins_with_any_event_of(name: &str) {
    let path = eyas_testing::data_or_ignore(format!("captures/{name}.scap.gz"));
    let (tried, other) = restart_at_events(Reader::open(path).unwrap(), 997);
    assert!(other.is_empty(), "{name}: {} of {tried}: {}", other.len(), other.join("\n"));
}

#[test]
fn a_capture_can_begin_with_any_event_of_attack() {
    begins_with_any_event_of("attack");
}

#[test]
fn a_capture_can_begin_with_any_event_of_gcc() {
    begins_with_any_event_of("gcc");
}

#[test]
fn a_capture_can_begin_with_any_event_of_nginx() {
    begins_with_any_event_of("nginx");
}
