//! Every block of every version in either byte order.

use std::io::Write;

use eyas_events::EventType;
use eyas_scap::{EventBuilder, OwnedEvent, Snapshot};

use build::{Bytes, Content, read};

#[path = "../memory/mod.rs"]
mod memory;

mod block_options;
mod build;
mod events;
mod state;
mod threads;

const ORDERS: [bool; 2] = [false, true];

/// Reads a section of these blocks, which must be whole.
fn section(big: bool, blocks: impl FnOnce(&mut Bytes)) -> Content {
    let mut capture = Bytes::new(big);
    capture.section(2, &[]);
    blocks(&mut capture);
    let content = read(&capture.out);
    assert_eq!(content.error, None);
    content
}

fn snapshot(big: bool, blocks: impl FnOnce(&mut Bytes)) -> Snapshot {
    let mut content = section(big, blocks);
    assert_eq!((content.snapshots.len(), content.events.len()), (1, 0));
    content.snapshots.remove(0)
}

fn close(fd: i64) -> OwnedEvent {
    EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(9).tid(8).cpu(7).int(0, 0).int(1, fd).build()
}

#[test]
fn sections_follow_each_other_plain_and_compressed_in_any_order() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let one = |big: bool, cpus: u32, count: i64| {
        let mut capture = Bytes::new(big);
        let mut machine = Bytes::new(big);
        machine.u32(cpus).raw(&[0; 176]);
        capture.section(2, &[]).block(0x201, &machine.out);
        (0..count).for_each(|fd| {
            capture.event(0x216, None, &close(fd), &[]);
        });
        capture.out
    };
    // The second is longer than what is inflated before another thread does it.
    let parts =
        [one(false, 1, 3), one(true, 2, 18_000), one(false, 3, 0), one(false, 4, 100), one(true, 5, 2)];
    for choice in 0..1 << parts.len() {
        let parts = parts.iter().enumerate();
        let capture: Vec<Vec<u8>> =
            parts.map(|(n, part)| if choice >> n & 1 == 1 { gzip(part) } else { part.clone() }).collect();
        let content = read(&capture.concat());
        assert_eq!(content.error, None, "{choice:05b}");
        let cpus: Vec<u32> = content.snapshots.iter().map(|s| s.machine.as_ref().unwrap().cpus).collect();
        assert_eq!(cpus, [1, 2, 3, 4, 5], "{choice:05b}");
        let fds: Vec<i64> = content.events.iter().map(|event| event.as_raw().int(1).unwrap()).collect();
        assert!(fds.into_iter().eq((0..3).chain(0..18_000).chain(0..100).chain(0..2)), "{choice:05b}");
    }
}
