//! Every event that the probe sends: the call is made, and each parameter is compared with what was passed or
//! really holds. One file per family; they need root and a kernel that loads the probe.

use eyas_testing::test;
fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

mod access;
#[cfg(target_arch = "aarch64")]
mod arm32;
mod call;
mod capture;
mod want;

mod file;
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
mod rights;
mod signal;
mod tracepoint;
mod wait;
mod ways;
mod xattr;

use eyas_events::{Category, EventFlags, EventInfo, EventType, events};

/// The tests' own texts: an event is tested where its name stands.
const TESTS: &[&str] = &[
    include_str!("file.rs"),
    include_str!("ia32.rs"),
    include_str!("identity.rs"),
    include_str!("io.rs"),
    include_str!("ipc.rs"),
    include_str!("memory.rs"),
    include_str!("misc.rs"),
    include_str!("mount.rs"),
    include_str!("network.rs"),
    include_str!("open.rs"),
    include_str!("process.rs"),
    include_str!("signal.rs"),
    include_str!("tracepoint.rs"),
    include_str!("wait.rs"),
    include_str!("xattr.rs"),
];

/// Events of the schema that nothing here can cause, and why.
const UNTESTED: &[(&str, &str)] = &[
    ("_E of open, openat, openat2, creat, connect", "their arguments are part of the exit event"),
    ("ITER_", "what iterators tell is no event here, but part of the snapshot"),
    ("CPU_HOTPLUG_E", "every CPU that may come has a ring from the start"),
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

/// Whether kernels of today send the event.
fn is_sent(info: &EventInfo) -> bool {
    let by_kernel = !info.category.is_from(Category::METAEVENT) && !info.category.is_from(Category::PLUGIN);
    let internal = [EventType::DROP_E, EventType::DROP_X, EventType::CPU_HOTPLUG_E].contains(&info.ty);
    // Calls of 32-bit kernels that no table of system calls has.
    let gone = ["SYSCALL_STAT64_X", "SYSCALL_LSTAT64_X", "SYSCALL_FSTAT64_X"].contains(&info.ident);
    let old = info.flags.intersects(EventFlags::OLD_VERSION | EventFlags::UNUSED);
    (by_kernel || internal) && !gone && !old
}

#[test]
fn every_event_that_is_sent_has_a_test() {
    let sent: Vec<&EventInfo> = events().filter(|info| is_sent(info)).collect();
    assert_eq!(sent.len(), 210);
    let has_test = |ident: &str| {
        let name = format!("EventType::{ident}");
        TESTS.iter().any(|text| {
            text.match_indices(&name).any(|(at, _)| {
                let behind = text[at + name.len()..].chars().next();
                !behind.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        })
    };
    let missing: Vec<&str> =
        sent.iter().map(|info| info.ident).filter(|ident| !excused(ident) && !has_test(ident)).collect();
    assert!(missing.is_empty(), "without a test: {missing:?}");
    for info in sent.iter().filter(|info| excused(info.ident)) {
        assert!(!has_test(info.ident), "{} has a test and needs no excuse", info.ident);
    }
}
