//! The state of a capture, taken at any event, begins another capture with the same state.

use std::path::PathBuf;

use eyas_scap::{EventSource, Next, Reader, Snapshot};
use eyas_sinsp::{Config, Inspector};

fn demo() -> Reader {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/demo.scap.gz");
    Reader::open(path).unwrap()
}

/// The state after each so many events.
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
