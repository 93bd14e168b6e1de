//! Events and parameters that Falco's schema does not have, in options next to those that it has.

use eyas_events::param::{GENERIC_X, SYSCALL_FCHMODAT2_X, SYSCALL_MKDIR_2_X, SYSCALL_OPENAT_2_X};
use eyas_events::{EventType, SyscallCode};
use eyas_scap::{EventBuilder, OwnedEvent};

use crate::build::{Bytes, read};
use crate::{ORDERS, close, section};

/// The option of an own event, or of more parameters, with what ends the options.
fn option(big: bool, number: u16, params: &[&[u8]]) -> Vec<u8> {
    let mut value = Bytes::new(big);
    value.raw(b"eyas").u16(number).u16(params.len() as u16);
    for param in params {
        value.u16(param.len() as u16);
    }
    value.raw(&params.concat());
    let mut option = Bytes::new(big);
    option.u16(0xe9a5).u16(value.out.len() as u16).raw(&value.out);
    option.out.resize(option.out.len().next_multiple_of(4), 0);
    option.u32(0);
    option.out
}

/// Options as they are after an event block's event, which fills its last word.
fn behind(event: &OwnedEvent, options: &[u8]) -> Vec<u8> {
    // Type, length and CPU come before the event.
    let end = 10 + 26 + event.as_raw().body().len();
    [&[0; 3][..end.next_multiple_of(4) - end], options].concat()
}

fn generic(code: SyscallCode) -> OwnedEvent {
    let event = EventBuilder::new(EventType::GENERIC_X).ts(5).tid(6).cpu(7);
    event.uint(GENERIC_X::ID, code.0.into()).uint(GENERIC_X::nativeID, 452).build()
}

fn fchmodat2() -> OwnedEvent {
    use SYSCALL_FCHMODAT2_X as p;
    let event = EventBuilder::new(EventType::SYSCALL_FCHMODAT2_X).ts(5).tid(6).cpu(7);
    let event = event.int(p::res, 0).int(p::dirfd, -100).text(p::filename, b"file");
    event.uint(p::mode, 0o4755).uint(p::flags, 0x100).build()
}

fn openat(opened: Option<&[u8]>) -> OwnedEvent {
    use SYSCALL_OPENAT_2_X as p;
    let event = EventBuilder::new(EventType::SYSCALL_OPENAT_2_X).ts(5).tid(6);
    let event = event.int(p::fd, 3).int(p::dirfd, -100).text(p::name, b"/tmp/link");
    match opened {
        Some(path) => event.text(p::ino + 1, path).build(),
        None => event.build(),
    }
}

fn written(events: &[OwnedEvent]) -> Vec<u8> {
    crate::memory::written(events, false)
}

/// What programs that do not know the options read: type, parameters.
fn as_others_see(capture: &[u8]) -> Vec<(EventType, u32)> {
    let mut found = Vec::new();
    let mut rest = capture;
    let u32_at = |bytes: &[u8], at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    while !rest.is_empty() {
        let (block, next) = rest.split_at(u32_at(rest, 4) as usize);
        if u32_at(block, 0) == 0x216 {
            let ty = u16::from_le_bytes(*block[30..].first_chunk().unwrap());
            found.push((EventType(ty), u32_at(block, 32)));
        }
        rest = next;
    }
    found
}

#[test]
fn an_own_event_reads_back_the_same_and_is_generic_to_other_readers() {
    let events = [close(1), fchmodat2(), close(2)];
    let capture = written(&events);
    assert_eq!(read(&capture).events, events);
    let close = (EventType::SYSCALL_CLOSE_X, 2);
    assert_eq!(as_others_see(&capture), [close, (EventType::GENERIC_X, 2), close]);
    let block = written(&[fchmodat2()]);
    let values = [SyscallCode::FCHMODAT2.0, 452].map(u16::to_le_bytes).concat();
    assert!(block.windows(8).any(|window| window == [&[2, 0, 2, 0], &values[..]].concat()));
}

#[test]
fn the_opened_path_is_stored_if_it_is_not_the_requested_one() {
    let elsewhere = openat(Some(b"/etc/shadow"));
    let read_back = read(&written(std::slice::from_ref(&elsewhere))).events;
    assert_eq!(read_back, [elsewhere]);
    assert_eq!(read_back[0].as_raw().opened_path(), Some(&b"/etc/shadow"[..]));
    // There is nothing to report.
    let same = written(&[openat(Some(b"/tmp/link"))]);
    assert_eq!(same, written(&[openat(None)]));
    assert_eq!(read(&same).events, [openat(None)]);
}

#[test]
fn the_caller_s_credentials_and_directories_are_stored() {
    // The terminal that an open gave, although the opened path is the requested one.
    let open = openat(Some(b"/tmp/link"));
    let raw = open.as_raw();
    let terminal = 1025_u32.to_le_bytes();
    let params = raw.params().chain([&[][..], &terminal]).enumerate();
    let open = params.fold(EventBuilder::new(raw.ty).ts(raw.ts).tid(raw.tid), |event, (index, param)| {
        event.bytes(index, param)
    });
    let ids = [5_u32, 6].map(u32::to_le_bytes);
    let caps = [7_u64, 8, 9].map(u64::to_le_bytes);
    let set = EventBuilder::new(EventType::SYSCALL_SETUID_X).ts(5).int(0, 0).uint(1, 3).bytes(2, &ids[0]);
    let set = set.bytes(3, &ids[1]).bytes(4, &caps[0]).bytes(5, &caps[1]).bytes(6, &caps[2]).build();
    let rename = EventBuilder::new(EventType::TASK_RENAME_X).ts(5).text(0, b"worker").build();
    let events = [open.build(), set, rename];
    let capture = written(&events);
    let back = read(&capture).events;
    assert_eq!(back, events);
    assert_eq!(back[0].as_raw().terminal(), Some(1025));
    let told = back[1].as_raw().credentials().unwrap();
    assert_eq!((told.uid, told.gid, told.caps), (5, 6, [7, 8, 9]));
    let others = as_others_see(&capture);
    assert_eq!(others[1..], [(EventType::SYSCALL_SETUID_X, 2), (EventType::GENERIC_X, 2)]);
}

#[test]
fn the_kernel_s_paths_are_stored_if_they_are_not_the_requested_ones() {
    use SYSCALL_MKDIR_2_X as p;
    let mkdir = |real: Option<&[u8]>| {
        let event = EventBuilder::new(EventType::SYSCALL_MKDIR_2_X).ts(5).tid(6);
        let event = event.int(p::res, 0).text(p::path, b"/tmp/link/x").uint(p::mode, 0o700);
        match real {
            Some(path) => event.text(p::mode + 1, path).build(),
            None => event.build(),
        }
    };
    let elsewhere = mkdir(Some(b"/etc/x"));
    let read_back = read(&written(std::slice::from_ref(&elsewhere))).events;
    assert_eq!(read_back, [elsewhere]);
    assert_eq!(read_back[0].as_raw().kernel_path(p::path), Some(&b"/etc/x"[..]));
    assert_eq!(written(&[mkdir(Some(b"/tmp/link/x"))]), written(&[mkdir(None)]));
}

#[test]
fn either_byte_order_is_read() {
    for big in ORDERS {
        let number = |bytes: &[u8]| if big { bytes.iter().rev().copied().collect() } else { bytes.to_vec() };
        let own = fchmodat2();
        let raw = own.as_raw();
        let is_text = |index: usize| index == SYSCALL_FCHMODAT2_X::filename;
        let params: Vec<Vec<u8>> = raw
            .params()
            .enumerate()
            .map(|(index, param)| if is_text(index) { param.to_vec() } else { number(param) })
            .collect();
        let params: Vec<&[u8]> = params.iter().map(Vec::as_slice).collect();
        let content = section(big, |capture| {
            let event = generic(SyscallCode::FCHMODAT2);
            capture.event(0x216, None, &event, &behind(&event, &option(big, 0, &params)));
            capture.event(0x217, Some(0), &close(4), &[]);
            let event = openat(None);
            let more = option(big, u16::MAX, &[b"/etc/shadow\0"]);
            capture.event(0x216, None, &event, &behind(&event, &more));
        });
        assert_eq!(content.events, [own, close(4), openat(Some(b"/etc/shadow"))]);
    }
}

#[test]
fn options_of_another_event_are_skipped() {
    let path: &[&[u8]] = &[b"/etc/shadow\0"];
    let none = |event: &OwnedEvent, options: Vec<u8>| {
        let content = section(false, |capture| {
            capture.event(0x216, None, event, &behind(event, &options));
        });
        assert_eq!(content.events, std::slice::from_ref(event), "{options:?}");
    };
    let generic = generic(SyscallCode::FCHMODAT2);
    // An own event beside another than the generic one; one of a later version.
    none(&openat(None), option(false, 0, path));
    none(&generic, option(false, 9999, path));
    // Of another program that took the code; of a length that is not there; a count that exceeds it.
    let mut other = option(false, 0, path);
    other[4] = b'x';
    none(&generic, other);
    let mut long = option(false, 0, path);
    long[2] = 200;
    none(&generic, long);
    let mut many = option(false, 0, path);
    many[10] = 200;
    none(&generic, many);
    for end in 0..option(false, 0, path).len() - 4 {
        none(&generic, option(false, 0, path)[..end / 4 * 4].to_vec());
    }
}

#[test]
fn parameters_that_exceed_the_option_are_damage() {
    let mut lying = option(false, 0, &[b"1234"]);
    // The length of its parameter.
    lying[12] = 99;
    let mut capture = Bytes::new(false);
    let event = generic(SyscallCode::FCHMODAT2);
    capture.section(2, &[]).event(0x216, None, &close(1), &[]);
    capture.event(0x216, None, &event, &behind(&event, &lying));
    let content = read(&capture.out);
    assert_eq!(content.events, [close(1)]);
    assert!(content.error.unwrap().contains("exceed"));
}

#[test]
fn an_own_event_too_long_for_a_block_is_a_generic_one() {
    let value = vec![7; 65_510];
    let set = EventBuilder::new(EventType::SYSCALL_SETXATTR_X).ts(5).text(1, b"/f").bytes(3, &value).build();
    let types: Vec<EventType> =
        read(&written(&[set, fchmodat2()])).events.iter().map(|event| event.as_raw().ty).collect();
    assert_eq!(types, [EventType::GENERIC_X, EventType::SYSCALL_FCHMODAT2_X]);
}
