//! Compares every number of a 32-bit call with the kernel's header.

use std::collections::BTreeMap;

use eyas_events::{EventType, Ia32Args, SyscallCode, ia32_call, ia32_calls};
use eyas_testing::test;

const HEADER: &str = "/usr/include/x86_64-linux-gnu/asm/unistd_32.h";

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Names by number, from the kernel's header.
fn header() -> BTreeMap<u16, String> {
    let Ok(text) = std::fs::read_to_string(HEADER) else {
        eyas_testing::ignore(format_args!("{HEADER} is not there"))
    };
    let row = |line: &str| {
        let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
        Some((number.trim().parse().ok()?, name.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// Calls in the header that no kernel has.
const NEVER_MADE: [&str; 12] = [
    "afs_syscall",
    "break",
    "ftime",
    "gtty",
    "lock",
    "mpx",
    "prof",
    "profil",
    "putpmsg",
    "stty",
    "ulimit",
    "vserver",
];

/// What a 32-bit call is called where it is not the only one of its kind.
fn general(name: &str) -> &str {
    match name {
        "fstatat64" => "newfstatat",
        "vm86old" => "vm86",
        "ugetrlimit" => "getrlimit",
        "_newselect" => "select",
        "fadvise64_64" => "fadvise64",
        // Calls of 64 bits in their names.
        "statfs64" | "fstatfs64" | "getdents64" | "pread64" | "pwrite64" | "prlimit64" => name,
        name => {
            let name = name.strip_suffix("_time64").unwrap_or(name);
            let name = name.strip_suffix("64").filter(|_| name != "fadvise64").unwrap_or(name);
            name.strip_suffix("32").unwrap_or(name)
        }
    }
}

#[test]
fn every_number_is_that_of_the_kernel_s_table() {
    let header = header();
    let last = *header.keys().next_back().unwrap();
    for number in 0..=last {
        let expected = header.get(&number).filter(|name| !NEVER_MADE.contains(&name.as_str()));
        let ours = ia32_call(number).map(|call| call.code.name());
        // The table's names are those of the first calls of their kind, some of which have a suffix, too.
        let same = match (expected, ours) {
            (Some(expected), Some(ours)) => ours == expected || general(ours) == general(expected),
            (None, None) => true,
            _ => false,
        };
        assert!(same, "{number}: {ours:?}, the kernel has {expected:?}");
    }
}

#[test]
fn a_number_that_the_kernel_does_not_use_has_no_call() {
    let reads: Vec<u16> =
        (0..=u16::MAX).filter(|n| ia32_call(*n).is_some_and(|call| call.code == SyscallCode::READ)).collect();
    assert_eq!(reads, [3]);
    for number in [17, 222, 223, 251, 285, 387, 392, 415, 472, 511, 512, u16::MAX] {
        assert_eq!(ia32_call(number), None, "{number}");
    }
}

#[test]
fn ids_of_16_and_32_bits_are_distinguished() {
    for (short, long) in [(16, 198), (95, 207), (182, 212), (23, 213), (46, 214), (70, 203), (71, 204)] {
        let (short, long) = (ia32_call(short).unwrap(), ia32_call(long).unwrap());
        assert_eq!((short.code, short.exit, long.args), (long.code, long.exit, Ia32Args::Same));
        assert!(matches!(short.args, Ia32Args::Ids(_)), "{short:?}");
    }
}

#[test]
fn calls_of_64_bits_have_the_same_event() {
    for call in ia32_calls() {
        let native = call.code.info().unwrap();
        if native.x86_64 >= 0 {
            assert_eq!(call.exit, native.exit, "{call:?}");
        }
    }
    assert_eq!(ia32_call(22).unwrap().exit, EventType::SYSCALL_UMOUNT_1_X);
}
