//! Tests every event of the probe: makes the call, and compares each parameter with the passed or actual
//! value. One file per family. Needs root and a kernel that loads the probe.

fn main() -> std::process::ExitCode {
    another::run_if_asked();
    eyas_testing::main_with_last("every_event_that_is_sent_has_a_test", every_event_that_is_sent_has_a_test)
}

mod access;
mod another;
#[cfg(target_arch = "aarch64")]
mod arm32;
mod attach;
mod call;
mod capture;
mod changes;
mod want;

mod file;
mod halves;
#[cfg(target_arch = "x86_64")]
mod ia32;
mod identity;
mod io;
mod ipc;
mod memory;
mod misc;
mod mount;
mod network;
mod open;
mod paths;
mod process;
mod request_kinds;
mod request_paths;
mod requests;
mod rights;
#[allow(dead_code, reason = "other tests use the rest")]
mod ring;
mod signal;
mod silent_requests;
mod tracepoint;
mod wait;
mod ways;
mod xattr;

use eyas_events::{Category, EventInfo, EventType, SyscallFlags, events, syscalls};

/// Events of the schema that these tests cannot cause, and the reasons.
const UNTESTED: &[(&str, &str)] = &[
    ("_E of open, openat, openat2, creat, connect", "their arguments are part of the exit event"),
    ("ITER_", "what iterators list is part of the snapshot"),
    ("CPU_HOTPLUG_E", "every CPU that may come has a ring from the start"),
    ("LSM_X", "no call: tests/hooks.rs has a test of each hook"),
];

fn excused(ident: &str) -> bool {
    matches!(
        ident,
        "SYSCALL_OPEN_E"
            | "SYSCALL_OPENAT_2_E"
            | "SYSCALL_OPENAT2_E"
            | "SYSCALL_CREAT_E"
            | "SOCKET_CONNECT_E"
    ) || UNTESTED.iter().any(|(prefix, _)| ident.starts_with(prefix))
}

/// Whether the event is sent on current kernels.
fn is_sent(info: &EventInfo) -> bool {
    let by_kernel = !info.category.is_from(Category::METAEVENT) && !info.category.is_from(Category::PLUGIN);
    let internal = [EventType::DROP_E, EventType::DROP_X, EventType::CPU_HOTPLUG_E].contains(&info.ty);
    // Calls of 32-bit kernels that no table of system calls has.
    let gone = ["SYSCALL_STAT64_X", "SYSCALL_LSTAT64_X", "SYSCALL_FSTAT64_X"].contains(&info.ident);
    (by_kernel || internal) && !gone && info.is_current()
}

/// Runs after all others.
fn every_event_that_is_sent_has_a_test(not_run: u64) {
    let sent: Vec<&EventInfo> = events().filter(|info| is_sent(info)).collect();
    // The event of every call is treated as sent.
    for call in syscalls().filter(|call| call.flags.contains(SyscallFlags::USED)) {
        assert!(sent.iter().any(|info| info.ty == call.exit), "{} is not sent", call.name);
    }
    let tested = capture::tested();
    let missing: Vec<&str> = sent
        .iter()
        .filter(|info| !excused(info.ident) && !tested.contains(&info.ty))
        .map(|info| info.ident)
        .collect();
    for info in sent.iter().filter(|info| excused(info.ident)) {
        assert!(!tested.contains(&info.ty), "{} has a test and needs no excuse", info.ident);
    }
    if !missing.is_empty() && not_run > 0 {
        eyas_testing::ignore(format_args!("{not_run} other tests did not run to their end"));
    }
    assert!(missing.is_empty(), "without a test: {missing:?}");
}
