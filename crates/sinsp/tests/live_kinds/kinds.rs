//! The kinds of descriptors that the maker makes, and when a kernel may lack one.

use std::collections::BTreeMap;
use std::path::Path;

/// What must be so for a kernel to lack a kind.
#[derive(Clone, Copy, Debug)]
enum Lack {
    /// Every kernel has it.
    Never,
    /// The kernel says that it has no such call.
    Call,
    /// The kernel says that it has no such family of sockets, or no such protocol.
    Family,
    /// The kernel is older than this version, or says that it has no such call.
    Before(u64, u64),
    /// The kernel says that the file system has no handles, or that the process may not open by them.
    Handles,
    /// The machine has no such device.
    Device(&'static str),
    /// The system keeps rings of `io_uring` from programs, or the kernel is older than this version.
    Ring(u64, u64),
}

use Lack::{Before, Call, Device, Family, Handles, Never, Ring};

/// A number of kinds of descriptors, each with the number of descriptors of it.
type Group = (Lack, &'static [(&'static str, usize)]);

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    (Never, &[
        ("eventfd", 2), ("signalfd", 2), ("timerfd", 2), ("inotify", 2), ("epoll", 2), ("memfd", 2), ("fsopen", 2),
        ("fspick", 2), ("pidfd", 1), ("BPF map", 1), ("BPF program", 1), ("BPF statistics", 1), ("perf event", 2),
        ("terminal", 1), ("other end of a terminal", 1), ("owner of a namespace", 1), ("namespace of a socket", 1),
        ("new file", 1), ("file with flags", 1), ("named pipe", 1), ("reader of a named pipe", 1),
        ("path of a named pipe", 1), ("path of a socket", 1), ("symbolic link", 1), ("file by a link", 1),
        ("path of a directory", 1), ("directory", 1), ("unnamed file", 1), ("openat2", 1), ("character device", 1),
        ("file of proc", 1), ("file of sysfs", 1), ("namespace", 1), ("removed file", 1), ("tree", 1), ("odd name", 6),
        ("long path", 1), ("memfd with an odd name", 4), ("file again", 1), ("memfd again", 1),
        ("removed file again", 1), ("pipe again", 1), ("namespace again", 1), ("unused TCP socket, IPv4", 1),
        ("unused UDP socket, IPv4", 1), ("raw socket, IPv4", 1), ("raw socket for TCP, IPv4", 1),
        ("raw socket for ICMP", 1), ("netlink socket", 1), ("listener that was never bound", 1), ("TCP listener", 1),
        ("TCP client", 1), ("TCP server", 1), ("TCP listener, IPv6", 1), ("TCP client, IPv6", 1),
        ("TCP server, IPv6", 1), ("connected UDP socket", 1), ("unused Unix socket", 1),
        ("unused Unix datagram socket", 1), ("Unix listener", 1), ("named Unix datagram socket", 1),
        ("TCP socket that was sent", 1), ("TCP socket that was received", 1), ("UDP socket that was sent", 1),
        ("UDP socket that was received", 1), ("listener for a sent socket", 1), ("copy with a large number", 1),
        ("copy above a number", 1), ("copy by a pidfd", 1), ("copy to be closed", 1), ("copy in a range", 1),
        ("descriptor of a message that fails", 2),
    ]),
    (Call, &[
        ("userfaultfd", 2), ("userfaultfd of a child", 1), ("userfaultfd of a child whose message fails", 1),
        ("userfaultfd with events", 1), ("memfd_secret", 2), ("mq_open", 2), ("fanotify", 2), ("landlock", 1), ("creat", 1),
        ("listener of a filter", 1),
        ("open of 32 bits", 1), ("openat of 32 bits", 1), ("epoll of 32 bits", 1), ("dup of 32 bits", 1),
        ("socketcall of 32 bits", 1), ("memfd of 32 bits", 1), ("pipe of 32 bits", 2),
    ]),
    // The descriptor that came with an event about a file is that of a process from Linux 5.15 on.
    (Before(5, 15), &[("fanotify with files", 9), ("file of fanotify", 17), ("pidfd of fanotify", 2)]),
    (Before(6, 5), &[("peer of a socket", 1), ("sender of a message", 1)]),
    (Before(6, 11), &[("namespace of a pidfd", 1)]),
    (Before(6, 18), &[("namespace by a handle", 1), ("process by a handle", 1)]),
    (Handles, &[("file by a handle", 1)]),
    (Device("/dev/userfaultfd"), &[("userfaultfd of a device", 1)]),
    (Device("/dev/kvm"), &[
        ("virtual machine", 1), ("virtual processor", 1), ("statistics of a machine", 1), ("device of a machine", 1),
    ]),
    (Family, &[
        ("packet socket", 1), ("packet socket of an old program", 1), ("bound packet socket", 1), ("vsock", 1),
        ("cryptographic socket", 1), ("accepted cryptographic socket", 1), ("Bluetooth socket", 1), ("key socket", 1),
        ("CAN socket", 1), ("XDP socket", 1), ("TIPC socket", 1), ("SMC socket", 1), ("QRTR socket", 1),
        ("unused UDP-Lite socket, IPv4", 1), ("unused MPTCP socket, IPv4", 1), ("bound UDP-Lite socket", 1),
        ("unused TCP socket, IPv6", 1), ("unused UDP socket, IPv6", 1), ("unused UDP-Lite socket, IPv6", 1),
        ("raw socket, IPv6", 1), ("raw socket for TCP, IPv6", 1), ("unused MPTCP socket, IPv6", 1),
    ]),
    (Ring(0, 0), &[
        ("io_uring", 1), ("file of a request", 1), ("socket accepted by a request", 1), ("client of a request", 1),
        ("listener of a request", 1),
    ]),
    (Ring(5, 19), &[("socket of a request", 1)]),
    // Requests that receive until they are cancelled.
    (Ring(6, 0), &[("descriptor of a message", 32), ("descriptor of a request that fails", 1), ("file whose close is cancelled", 1)]),
    (Ring(6, 8), &[("installed file", 2)]),
    (Ring(6, 16), &[("pipe of a request", 2)]),
];

/// The version of the running kernel.
fn release() -> (u64, u64) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

impl Lack {
    /// Whether this kernel may lack the kind, given its errors.
    fn may_be(self, errors: &[i32]) -> bool {
        let all_of = |known: &[i32]| !errors.is_empty() && errors.iter().all(|error| known.contains(error));
        let is_older = |major, minor| release() < (major, minor);
        match self {
            Never => false,
            // Landlock, if it is not among the active security modules, says the second.
            Call => all_of(&[libc::ENOSYS, libc::EOPNOTSUPP]),
            Family => all_of(&[libc::EAFNOSUPPORT, libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT]),
            Handles => all_of(&[libc::EOPNOTSUPP, libc::EPERM]),
            Before(major, minor) => is_older(major, minor) || all_of(&[libc::ENOSYS]),
            Device(path) => !Path::new(path).exists(),
            Ring(major, minor) => {
                let rule = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
                is_older(major, minor) || all_of(&[libc::ENOSYS]) || !["", "0"].contains(&rule.trim())
            }
        }
    }
}

/// Parts of the names of copies.
pub const COPY: &str = "copy of ";
pub const ELSEWHERE: &str = " in another place";

pub fn is_copy(name: &str) -> bool {
    name.starts_with(COPY) || name.ends_with(ELSEWHERE)
}

/// Kinds of which there are not as many as there should be, although the kernel has them. `made` has the name of each
/// descriptor, copies left out; `errors` those of kinds that could not be made.
pub fn missing<'m>(made: impl Iterator<Item = &'m str>, errors: &BTreeMap<String, Vec<i32>>) -> Vec<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    made.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut wrong = Vec::new();
    for (lack, kinds) in GROUPS {
        for (name, count) in *kinds {
            let found = counts.remove(name).unwrap_or_default();
            let errors = errors.get(*name).map_or(&[][..], Vec::as_slice);
            let is_lacking = found < *count && lack.may_be(errors);
            if found != *count && !is_lacking {
                wrong.push(format!(
                    "{name}: {found} instead of {count}, errors {errors:?}, lacking: {lack:?}"
                ));
            }
        }
    }
    wrong.extend(counts.into_keys().map(|name| format!("{name}: not among the kinds")));
    let is_known = |name: &str| GROUPS.iter().any(|(_, kinds)| kinds.iter().any(|(known, _)| *known == name));
    wrong.extend(
        errors.keys().filter(|name| !is_known(name)).map(|name| format!("{name}: {:?}", errors[name])),
    );
    wrong
}
