//! 32-bit programs on an aarch64 kernel, whose calls have numbers of their own.

use eyas_testing::test;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use eyas_events::EventType;

use crate::call::Scratch;
use crate::capture::capture;
use crate::want::int;

/// Asks for its id, by the number that is `epoll_create1` in 64 bits, and ends.
const CODE: [u32; 5] = [0xe3a0_7014, 0xef00_0000, 0xe3a0_0000, 0xe3a0_7001, 0xef00_0000];

/// An ELF file of that code: its header, one segment, which is all of it, and the code.
fn program() -> Vec<u8> {
    const BASE: u32 = 0x1_0000;
    const HEADERS: u32 = 52 + 32;
    let size = HEADERS + 4 * CODE.len() as u32;
    let mut out = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let halves = |out: &mut Vec<u8>, of: &[u16]| of.iter().for_each(|half| out.extend(half.to_le_bytes()));
    let words = |out: &mut Vec<u8>, of: &[u32]| of.iter().for_each(|word| out.extend(word.to_le_bytes()));
    // An executable for ARM; version, entry, places of segments and sections, the ABI's version.
    halves(&mut out, &[2, 40]);
    words(&mut out, &[1, BASE + HEADERS, 52, 0, 0x0500_0000]);
    halves(&mut out, &[52, 32, 1, 40, 0, 0]);
    // To be loaded from the file's beginning, readable and executable.
    words(&mut out, &[1, 0, BASE, BASE, size, size, 5, 0x1_0000]);
    words(&mut out, &CODE);
    out
}

#[test]
fn calls_of_32_bit_programs_are_left_out() {
    let types = [EventType::PROCEXIT_1_E, EventType::SYSCALL_EPOLL_CREATE1_X];
    let mut live = capture(&types);
    let dir = Scratch::new("arm32");
    let path = std::ffi::OsString::from(dir.path("program").to_str().unwrap());
    let mut file = std::fs::File::options().write(true).create(true).mode(0o700).open(&path).unwrap();
    std::io::Write::write_all(&mut file, &program()).unwrap();
    drop(file);
    let mut child = match Command::new(&path).spawn() {
        Ok(child) => child,
        Err(error) => eyas_testing::ignore(format_args!("32-bit programs are not to be had here ({error})")),
    };
    assert!(child.wait().unwrap().success());
    let id = i64::from(child.id());
    let end = [("status", 0), ("ret", 0), ("sig", 0), ("core", 0), ("reaper_tid", 0)];
    live.saw_of(id, EventType::PROCEXIT_1_E, &end.map(|(name, value)| (name, int(value))));
    assert!(!live.came(id, EventType::SYSCALL_EPOLL_CREATE1_X));
}
