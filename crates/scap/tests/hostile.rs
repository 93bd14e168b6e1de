//! Malicious captures: reading them fails with an error in little time and memory, and events before the
//! error are delivered.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Cursor, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eyas_events::EventType;
use eyas_scap::{Error, EventBuilder, EventSource, Next, OwnedEvent, Reader};
use flate2::Compression;
use flate2::write::GzEncoder;

use build::Bytes;

#[allow(dead_code, reason = "the tests of formats use all of it")]
#[path = "formats/build.rs"]
mod build;

const MIB: usize = 1 << 20;
/// Far more time than any test takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// The system's allocator; counts the bytes that are in use, and the most that were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all that touches memory is the system allocator's, under the same conditions.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory is counted for one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Outcome {
    snapshots: usize,
    events: Vec<OwnedEvent>,
    error: Option<Error>,
    /// Bytes in use at most, beside what was before.
    memory: usize,
}

impl Outcome {
    fn text(&self) -> String {
        self.error.as_ref().map_or("no error".into(), ToString::to_string)
    }
}

/// Reads to the end, keeping no more than the first events.
fn outcome(input: impl Read + Send + 'static, adjust: impl FnOnce(Reader) -> Reader) -> Outcome {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let began = Instant::now();
    let mut out = Outcome { snapshots: 0, events: Vec::new(), error: None, memory: 0 };
    let mut reader = adjust(Reader::from_reader(input).unwrap());
    loop {
        match reader.next() {
            Ok(Next::Snapshot(_)) => out.snapshots += 1,
            Ok(Next::Event(event)) if out.events.len() < 1000 => out.events.push(event.into()),
            Ok(Next::Event(_)) => {}
            Ok(Next::Idle) => unreachable!("a file is never idle"),
            Ok(Next::End) => break,
            Err(error) => {
                assert!(out.error.is_none(), "after an error comes the end");
                out.error = Some(error);
            }
        }
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    out.memory = MOST.load(Ordering::Relaxed).saturating_sub(before);
    out
}

fn read(bytes: &[u8]) -> Outcome {
    outcome(Cursor::new(bytes.to_vec()), |reader| reader)
}

fn section() -> Bytes {
    let mut capture = Bytes::new(false);
    capture.section(2, &[]);
    capture
}

fn close(fd: i64) -> OwnedEvent {
    EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(1).tid(2).int(0, 0).int(1, fd).build()
}

/// Compressed: what `head` holds, then `unit` again and again, then `tail`.
fn bomb(head: &[u8], unit: &[u8], bytes: usize, tail: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(head).unwrap();
    let many = unit.repeat((64 << 10) / unit.len());
    for _ in 0..bytes / many.len() {
        encoder.write_all(&many).unwrap();
    }
    encoder.write_all(tail).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_without_blocks_ends_at_once() {
    let _alone = alone();
    let bomb = bomb(&section().out, &[0], 200 * MIB, &[]);
    assert!(bomb.len() < 2 * MIB);
    let outcome = outcome(Cursor::new(bomb), |reader| reader);
    assert!(
        outcome.text().contains("byte 28") && outcome.text().contains("at least 12"),
        "{}",
        outcome.text()
    );
    assert!(outcome.memory < MIB, "{} bytes", outcome.memory);
}

#[test]
fn a_bomb_within_a_block_takes_no_more_than_the_limit() {
    let _alone = alone();
    // All zeros, a list of threads in its first version, each of 52 bytes there and far more in memory.
    let total = (60 << 20) + 12;
    let mut head = section();
    head.u32(0x202).u32(total);
    let bomb = bomb(&head.out, &[0], 60 * MIB, &total.to_le_bytes());
    let found = outcome(Cursor::new(bomb), |reader| reader.snapshot_limit(16 * MIB));
    assert!(found.text().contains("process list") && found.text().contains("16777216"), "{}", found.text());
    // The block itself in a buffer that doubled, and what it is read into, whose lists double too.
    assert!(found.memory < (64 + 32 + 3 * 16 + 8) * MIB, "{} bytes", found.memory);
}

#[test]
fn a_bomb_of_many_blocks_takes_no_more_than_the_limit() {
    let _alone = alone();
    for ty in [0x218, 0x215, 0x220] {
        let mut unit = Bytes::new(false);
        let mut body = Bytes::new(false);
        match ty {
            0x218 => {
                body.i64(7);
            }
            0x215 => {
                body.sized(true, |entry| {
                    entry.thread(9, &eyas_scap::ThreadEntry::default());
                });
            }
            _ => {
                for _ in 0..1000 {
                    body.sized(true, |entry| {
                        entry.u8(1).u32(5).text(b"group");
                    });
                }
            }
        }
        unit.block(ty, &body.out);
        let bomb = bomb(&section().out, &unit.out, 64 * MIB, &[]);
        let found = outcome(Cursor::new(bomb), |reader| reader.snapshot_limit(8 * MIB));
        if ty == 0x220 {
            // A later list of users takes the place of the one before, so that all of it is little.
            assert!(found.memory < 16 * MIB, "{} bytes", found.memory);
            continue;
        }
        assert!(found.text().contains("more memory than the limit of 8388608 bytes"), "{}", found.text());
        assert!(found.memory < 24 * MIB, "{} bytes", found.memory);
    }
}

#[test]
fn unknown_blocks_are_skipped_in_little_memory() {
    let _alone = alone();
    let mut head = section();
    head.event(0x216, None, &close(3), &[]).u32(0xbad).u32(0xffff_fffc);
    let bomb = bomb(&head.out, &[1], 200 * MIB, &[]);
    let outcome = outcome(Cursor::new(bomb), |reader| reader);
    assert!(
        matches!(outcome.error, Some(Error::Truncated { block: 0xbad, wanted: 0xffff_fffc, .. })),
        "{outcome:?}"
    );
    assert_eq!(outcome.events, [close(3)]);
    assert!(outcome.memory < 8 * MIB, "{} bytes", outcome.memory);
}

#[test]
fn kept_enter_events_are_bounded() {
    let _alone = alone();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&section().out).unwrap();
    for tid in 0..2_500 {
        let enter = EventBuilder::new(EventType::SYSCALL_OPENAT_E).tid(tid).bytes(1, &[b'x'; 60_000]).build();
        let mut block = Bytes::new(false);
        block.event(0x216, None, &enter, &[]);
        encoder.write_all(&block.out).unwrap();
    }
    let capture = encoder.finish().unwrap();
    let outcome = outcome(Cursor::new(capture), |reader| reader);
    assert!(outcome.error.is_none(), "{outcome:?}");
    assert!(outcome.memory < 80 * MIB, "{} bytes", outcome.memory);
}

#[test]
fn impossible_lengths_of_blocks_are_errors() {
    let _alone = alone();
    let all = [
        0x201,
        0x202,
        0x203,
        0x204,
        0x205,
        0x206,
        0x207,
        0x208,
        0x209,
        0x210,
        0x211,
        0x212,
        0x213,
        0x214,
        0x215,
        0x216,
        0x217,
        0x218,
        0x219,
        0x220,
        0x221,
        0x222,
        0x0a0d_0d0a,
    ];
    for ty in all {
        for len in [
            0,
            1,
            8,
            11,
            12,
            13,
            16,
            20,
            27,
            0xffff,
            0x0fff_ffff,
            0x1000_0001,
            0x7fff_ffff,
            0xffff_fffc,
            u32::MAX,
        ] {
            let mut capture = section();
            capture.u32(ty).u32(len).raw(&[0; 64]);
            let outcome = read(&capture.out);
            assert!(outcome.error.is_some(), "block {ty:#x} of {len} bytes reads");
            assert!(outcome.text().contains("byte 28 "), "{}", outcome.text());
            assert!(outcome.memory < 64 << 10, "block {ty:#x} of {len} bytes: {} bytes", outcome.memory);
        }
    }
}

/// An event block with this header, whatever it says.
fn event_block(ty: u32, len: u32, event: u16, nparams: u32, rest: &[u8]) -> Vec<u8> {
    let mut body = Bytes::new(false);
    body.u16(0).u64(1).i64(2).u32(len).u16(event);
    if !matches!(ty, 0x204 | 0x208) {
        body.u32(nparams);
    }
    body.raw(rest);
    let mut capture = section();
    capture.event(0x216, None, &close(3), &[]).block(ty, &body.out);
    capture.out
}

#[test]
fn impossible_parameters_are_errors() {
    let _alone = alone();
    let (close_x, large) = (EventType::SYSCALL_CLOSE_X.0, EventType::CONTAINER_JSON_2_E.0);
    let cases = [
        ("0xFFFF parameters", event_block(0x216, 26 + 64, close_x, 0xffff, &[0; 64])),
        ("four billion parameters", event_block(0x216, 26 + 64, close_x, u32::MAX, &[0; 64])),
        ("as many as wrap a 32-bit length", event_block(0x216, 26 + 64, close_x, 0x8000_0000, &[0; 64])),
        ("lengths beyond the event", event_block(0x216, 26 + 20, close_x, 2, &[0xff; 20])),
        (
            "one byte beyond the event",
            event_block(0x216, 26 + 20, close_x, 2, &[&[8, 0, 9, 0][..], &[0; 16]].concat()),
        ),
        ("four billion large ones", event_block(0x221, 26 + 64, large, u32::MAX, &[0; 64])),
        ("large lengths that wrap", event_block(0x221, 26 + 16, large, 2, &[[0xff; 8], [0; 8]].concat())),
        ("a length below the header's", event_block(0x216, 25, close_x, 0, &[0; 64])),
        ("a length of nothing", event_block(0x216, 0, close_x, 0, &[0; 64])),
        ("a length beyond the block", event_block(0x216, 26 + 65, close_x, 0, &[0; 64])),
        ("a length that wraps", event_block(0x216, u32::MAX, close_x, 0, &[0; 64])),
        ("the first version, lengths beyond", event_block(0x204, 22 + 20, close_x, 0, &[0xff; 20])),
        ("the first version, a length beyond", event_block(0x204, 22 + 21, close_x, 0, &[0; 20])),
        ("the first version, below the header", event_block(0x204, 21, close_x, 0, &[0; 20])),
    ];
    for (what, capture) in cases {
        for adjust in [|reader| reader, Reader::raw] {
            let outcome = outcome(Cursor::new(capture.clone()), adjust);
            assert!(
                matches!(outcome.error, Some(Error::Damaged { offset: 88, .. })),
                "{what}: {}",
                outcome.text()
            );
            assert_eq!(outcome.events, [close(3)], "{what}");
            assert!(outcome.memory < 64 << 10, "{what}: {} bytes", outcome.memory);
        }
    }
}

#[test]
fn gzip_inside_gzip_is_bounded() {
    let _alone = alone();
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut capture = section().out;
    for _ in 0..100 {
        capture = [section().out, gzip(&capture)].concat();
    }
    let outcome = read(&capture);
    assert!(outcome.error.is_some() && outcome.snapshots > 60, "{} snapshots", outcome.snapshots);
    assert!(outcome.memory < 64 * MIB, "{} bytes", outcome.memory);
}

/// A capture with every kind of block.
fn small() -> Vec<u8> {
    let mut capture = section();
    let mut body = Bytes::new(false);
    body.u32(2).raw(&[0; 176]);
    capture.block(0x201, &body.out);
    let mut body = Bytes::new(false);
    for ty in [9_u8, 4] {
        body.sized(true, |entry| {
            entry.thread(ty.max(9), &eyas_scap::ThreadEntry::default()).u64(1).u32(2).u32(3).u8(1);
        });
    }
    capture.block(0x215, &body.out);
    let mut body = Bytes::new(false);
    body.i64(1).sized(true, |entry| {
        entry.i64(3).u64(4).u8(16).u32(1).text(b"/file").u32(9);
    });
    capture.block(0x218, &body.out);
    let mut body = Bytes::new(false);
    body.sized(true, |entry| {
        entry.u8(1).u32(5).text(b"group");
    });
    capture.block(0x220, &body.out);
    let old = EventBuilder::new(EventType::SYSCALL_CLOSE_E).tid(2).int(0, 3).build();
    let json = EventBuilder::new(EventType::CONTAINER_JSON_2_E).bytes(0, b"{}\0").build();
    capture.event(0x204, None, &old, &[]).event(0x208, Some(1), &close(3), &[]);
    capture.event(0x216, None, &close(4), &[]).event(0x221, None, &json, &[]).event(
        0x217,
        Some(1),
        &close(5),
        &[],
    );
    capture.out
}

#[test]
fn every_cut_and_every_changed_byte() {
    let _alone = alone();
    let capture = small();
    let whole = read(&capture);
    assert_eq!((whole.text().as_str(), whole.events.len()), ("no error", 4));
    let mut cuts_at_blocks = 0;
    for cut in 1..capture.len() {
        let outcome = read(&capture[..cut]);
        assert_eq!(outcome.events, whole.events[..outcome.events.len()], "cut at {cut}");
        match outcome.error {
            None => cuts_at_blocks += 1,
            Some(Error::Truncated { offset, left, .. }) => assert_eq!(offset + left, cut as u64),
            Some(Error::NotACapture { .. }) => assert!(cut < 12),
            Some(other) => panic!("cut at {cut}: {other}"),
        }
    }
    // After the section, and after each of the nine blocks except the last.
    assert_eq!(cuts_at_blocks, 9);
    for at in 0..capture.len() {
        for bit in 0..8 {
            let mut changed = capture.clone();
            changed[at] ^= 1 << bit;
            let outcome = read(&changed);
            assert!(outcome.memory < MIB, "bit {bit} of byte {at}: {} bytes", outcome.memory);
        }
    }
}

/// Gives as many bytes at a time as somebody's dice say.
struct Dice(Cursor<Vec<u8>>, u32);

impl Read for Dice {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = out.len().min(1 << (self.1 >> 28)).max(1);
        self.0.read(&mut out[..len])
    }
}

#[test]
fn it_does_not_matter_how_the_bytes_arrive() {
    let _alone = alone();
    let mut capture = section();
    for n in 0..3_000 {
        let read = EventBuilder::new(EventType::SYSCALL_READ_X)
            .int(0, n)
            .bytes(1, &vec![b'x'; (n * n % 4_000) as usize]);
        capture.event(0x216, None, &read.build(), &[]);
    }
    let json = EventBuilder::new(EventType::CONTAINER_JSON_2_E).bytes(0, &vec![b'y'; 5 * MIB]).build();
    capture.event(0x221, None, &json, &[]).event(0x216, None, &close(9), &[]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&capture.out).unwrap();
    let all = |input: Box<dyn Read + Send>| {
        let mut reader = Reader::from_reader(input).unwrap();
        let mut sum = 0_u64;
        loop {
            match reader.next().unwrap() {
                Next::Event(event) => {
                    let bytes = event
                        .params()
                        .flatten()
                        .fold(u64::from(event.ty.0), |sum, b| sum * 31 % 65_521 + u64::from(*b));
                    sum = (sum * 7 + bytes) % 1_000_003;
                }
                Next::End => return (sum, reader.stats().produced, reader.offset()),
                Next::Snapshot(_) | Next::Idle => {}
            }
        }
    };
    let want = all(Box::new(Cursor::new(capture.out.clone())));
    assert_eq!((want.1, want.2), (3_002, capture.out.len() as u64));
    for bytes in [capture.out, encoder.finish().unwrap()] {
        for seed in 0..4 {
            assert_eq!(all(Box::new(Dice(Cursor::new(bytes.clone()), seed))), want, "seed {seed}");
        }
    }
}
