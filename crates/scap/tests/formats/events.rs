//! Events: every kind of block, every row, and other contents of a block.

use eyas_events::param::{SOCKET_BIND_X, SYSCALL_POLL_X, SYSCALL_PTRACE_X};
use eyas_events::{EventFlags, EventType, ParamType, events};
use eyas_scap::{EventBuilder, OwnedEvent};

use crate::build::{Bytes, read};
use crate::{ORDERS, close, section};

/// One event of every row, each parameter with a value of its type; lists of files are empty, as they hold
/// numbers that are turned round.
fn one_of_each() -> Vec<OwnedEvent> {
    let filled = |(seed, ty): (usize, EventType)| {
        let event =
            EventBuilder::new(ty).ts(1_000_000 + seed as u64).tid(seed as i64 - 1).cpu((seed % 7) as u16);
        let params = ty.info().unwrap().params.iter().enumerate();
        let value = |param: ParamType, index: usize| {
            let size = if param == ParamType::FDLIST { Some(0) } else { param.size() };
            // Large, so that in a frame without their number no length is found in them.
            let byte = |at: usize| 0x80 | (seed * 31 + index * 7 + at) as u8;
            (0..size.unwrap_or(seed % 90)).map(byte).collect::<Vec<u8>>()
        };
        params.fold(event, |event, (index, param)| event.bytes(index, &value(param.ty, index))).build()
    };
    // Own events stand beside others.
    events().map(|info| info.ty).filter(|ty| !ty.is_own()).enumerate().map(filled).collect()
}

#[test]
fn event_blocks_of_every_kind_hold_every_event() {
    let kinds = [(0x204, None), (0x8010_abcd, None), (0x208, Some(0)), (0x216, None), (0x217, Some(0))];
    for big in ORDERS {
        for (ty, flags) in kinds {
            let is_large = |event: &&OwnedEvent| {
                event.as_raw().info().unwrap().flags.contains(EventFlags::LARGE_PAYLOAD)
            };
            let all = one_of_each();
            let (large, usual): (Vec<_>, Vec<_>) = all.iter().partition(is_large);
            let content = section(big, |capture| {
                usual.iter().for_each(|event| {
                    capture.event(ty, flags, event, &[]);
                });
                for event in &large {
                    let ty = if flags.is_some() { 0x222 } else { 0x221 };
                    capture.event(ty, flags, event, &[]);
                }
            });
            assert_eq!(content.events.len(), all.len(), "block {ty:#x}, big: {big}");
            for (found, want) in content.events.iter().zip(usual.iter().chain(&large)) {
                assert_eq!(&found, want, "block {ty:#x}, big: {big}");
            }
        }
    }
}

#[test]
fn the_flag_for_state_only_events_is_read() {
    for big in ORDERS {
        for (ty, flags) in [(0x208, 1), (0x217, 1), (0x217, 5), (0x217, 4), (0x217, 2)] {
            let content = section(big, |capture| {
                capture.event(ty, Some(flags), &close(3), &[]);
            });
            assert_eq!(content.events[0].as_raw().state_only, flags & 1 == 1);
        }
        let json = EventBuilder::new(EventType::CONTAINER_JSON_2_E).bytes(0, &[b'x'; 200_000]).build();
        let content = section(big, |capture| {
            capture.event(0x222, Some(1), &json, &[]);
        });
        assert!(content.events[0].as_raw().state_only);
        assert_eq!(content.events[0].as_raw().param(0).map(<[u8]>::len), Some(200_000));
    }
}

#[test]
fn numbers_in_parameters_are_swapped() {
    let event = |ty: EventType, index: usize, bytes: &[u8]| EventBuilder::new(ty).bytes(index, bytes).build();
    let poll = |fd: i64, events: u16| -> (Vec<u8>, Vec<u8>) {
        let list = [&1_u16.to_be_bytes()[..], &fd.to_be_bytes(), &events.to_be_bytes()].concat();
        let native = [&1_u16.to_le_bytes()[..], &fd.to_le_bytes(), &events.to_le_bytes()].concat();
        (list, native)
    };
    let (polled, native) = poll(5, 0x21);
    let v6 = [[0xfe; 16].as_slice(), &[0x1f, 0x90]].concat();
    let cases = [
        (EventType::SYSCALL_POLL_X, SYSCALL_POLL_X::fds, polled, native),
        (
            EventType::SOCKET_BIND_X,
            SOCKET_BIND_X::addr,
            b"\x02\x7f\0\0\x01\x1f\x90".to_vec(),
            b"\x02\x7f\0\0\x01\x90\x1f".to_vec(),
        ),
        (
            EventType::SOCKET_BIND_X,
            SOCKET_BIND_X::addr,
            [&[10][..], &v6].concat(),
            [&[10][..], &v6[..16], b"\x90\x1f"].concat(),
        ),
        (
            EventType::SOCKET_BIND_X,
            SOCKET_BIND_X::addr,
            b"\x01/run/sock\0".to_vec(),
            b"\x01/run/sock\0".to_vec(),
        ),
        (
            EventType::SYSCALL_PTRACE_X,
            SYSCALL_PTRACE_X::addr,
            b"\0\0\0\0\0\0\0\x12\x34".to_vec(),
            b"\0\x34\x12\0\0\0\0\0\0".to_vec(),
        ),
        (EventType::SYSCALL_PTRACE_X, SYSCALL_PTRACE_X::addr, b"\x01\x09".to_vec(), b"\x01\x09".to_vec()),
    ];
    for (ty, index, big, native) in cases {
        let content = section(true, |capture| {
            capture.event(0x216, None, &event(ty, index, &big), &[]);
        });
        assert_eq!(content.events, [event(ty, index, &native)], "{ty:?}");
    }
}

/// A comment as pcapng has it: code, length, text, padding, and the end of the options.
fn comment(big: bool, text: &[u8]) -> Vec<u8> {
    let mut options = Bytes::new(big);
    options.u16(1).text(text);
    options.out.resize(options.out.len().next_multiple_of(4), 0);
    options.u16(0).u16(0).out.clone()
}

#[test]
fn options_and_unknown_blocks_are_skipped() {
    for big in ORDERS {
        let options = comment(big, b"what happened here");
        let mut capture = Bytes::new(big);
        capture.section(0, &options);
        capture.block(0xbad, &[7; 100]).block(0x8000_0bad, &[]);
        for ty in [0x204, 0x216] {
            capture.event(ty, None, &close(3), &options).block(0xbad, &[7; 10]);
        }
        let content = read(&capture.out);
        assert_eq!((content.error, content.events), (None, vec![close(3), close(3)]), "big: {big}");
        assert_eq!(content.snapshots.len(), 1, "a block that is not known begins no section");
    }
}

#[test]
fn metadata_blocks_come_before_the_events() {
    for big in ORDERS {
        let mut capture = Bytes::new(big);
        capture.section(2, &[]).event(0x216, None, &close(3), &[]);
        let at = capture.out.len();
        capture.block(0x220, &[]);
        let content = read(&capture.out);
        assert_eq!(content.events, [close(3)]);
        let error = content.error.unwrap();
        assert!(error.contains(&format!("the user list block (0x220) at byte {at} ")), "{error}");
        assert!(error.contains("among events"), "{error}");
    }
}

#[test]
fn events_of_unknown_types_are_skipped_whatever_they_contain() {
    let unknown = |code| EventBuilder::new(EventType(code)).bytes(0, b"some").build();
    for big in ORDERS {
        let content = section(big, |capture| {
            for ty in [0x204, 0x216] {
                capture.event(ty, None, &unknown(EventType::SCHEMA_COUNT as u16), &[]);
                // Own events have codes of their own here, and never in captures.
                capture.event(ty, None, &unknown(EventType::SYSCALL_FCHMODAT2_X.0), &[]);
                capture.event(ty, None, &unknown(u16::MAX), &[]);
            }
            capture.event(0x216, None, &close(4), &[]);
        });
        assert_eq!(content.events, [close(4)]);
    }
}
