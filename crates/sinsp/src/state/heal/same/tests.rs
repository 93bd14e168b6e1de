use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use crate::state::Text;

fn file(kind: FdKind, name: &str, ino: u64) -> Fd {
    let empty: Text = [].into();
    Fd { name: name.as_bytes().into(), ino, ..Fd::new(kind, &empty) }
}

fn socket(l4: L4, ends: Socket) -> Fd {
    let mut fd = file(FdKind::Ipv4, "", 0);
    fd.l4 = l4;
    fd.set_socket(ends);
    fd
}

#[test]
fn files_are_distinguished_by_inode_and_name() {
    use FdKind as K;
    for (known, there, same) in [
        ((K::File, "/etc/hosts", 7), (K::File, "/etc/hosts", 7), true),
        // The opened path is a symlink; the file was renamed; the file system shows two inodes.
        ((K::File, "/bin/sh", 7), (K::File, "/usr/bin/dash", 7), true),
        ((K::File, "/tmp/x", 7), (K::File, "/tmp/x", 8), true),
        ((K::File, "/a", 7), (K::File, "/b", 8), false),
        ((K::File, "/a", 0), (K::File, "/b", 8), false),
        ((K::File, "/srv", 7), (K::Directory, "/srv", 7), true),
        ((K::File, "/a", 7), (K::Pipe, "pipe:[9]", 9), false),
        ((K::Directory, "/run/x", 7), (K::Unix, "/run/x", 9), false),
        ((K::Pipe, "", 9), (K::Pipe, "pipe:[9]", 9), true),
        ((K::Pipe, "", 9), (K::Pipe, "pipe:[10]", 10), false),
        ((K::Event, "", 3), (K::Timer, "", 3), false),
        ((K::Event, "", 0), (K::Event, "", 3), true),
        ((K::Unix, "", 0), (K::Unsupported, "socket:[5]", 5), true),
        ((K::Unix, "1->2 /run/x", 0), (K::Unix, "", 5), true),
        ((K::Unix, "", 4), (K::Unix, "", 5), false),
        ((K::Unix, "1->2 /run/x", 0), (K::Unix, "/run/x", 5), true),
        ((K::Unix, "1->2 /run/x", 0), (K::Unix, "/run/y", 5), false),
        ((K::Unix, "", 0), (K::Unix, "/run/y", 5), false),
        ((K::File, "/a", 7), (K::Unsupported, "net:[5]", 5), false),
        ((K::Unix, "", 0), (K::Unsupported, "[perf_event]", 3), false),
        ((K::Unknown, "", 0), (K::Unsupported, "socket:[5]", 5), false),
        ((K::Unsupported, "[fanotify]", 3), (K::Unsupported, "[fanotify]", 3), true),
        ((K::Unsupported, "[fanotify]", 3), (K::Unsupported, "[perf_event]", 3), false),
    ] {
        let ((kind, name, ino), (there_kind, there_name, there_ino)) = (known, there);
        let is_same = is_same_file(&file(kind, name, ino), &file(there_kind, there_name, there_ino));
        assert_eq!(is_same, same, "{known:?}, {there:?}");
    }
}

#[test]
fn a_relative_path_below_a_directory_that_was_left_unseen() {
    let there = file(FdKind::File, "/srv/log", 7);
    for (raw, same) in [("log", false), ("/var/log", true)] {
        let known = Fd { raw_name: raw.as_bytes().into(), ..file(FdKind::File, "/var/log", 7) };
        assert_eq!(is_same_file(&known, &there), same, "{raw}");
    }
}

#[test]
fn sockets_are_distinguished_by_their_ends() {
    let end = |last, port| (Ipv4Addr::new(10, 0, 0, last).into(), port);
    let inet = |source, destination| Socket::Inet { source, destination };
    let (here, there) = (end(1, 4000), end(2, 80));
    let any = |of_v6: bool, port| {
        let ip = if of_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        Socket::Server { addr: (ip, port) }
    };
    for (known, there, same) in [
        ((L4::Tcp, inet(here, there)), (L4::Tcp, inet(there, here)), true),
        ((L4::Tcp, inet(here, there)), (L4::Tcp, inet(here, end(3, 80))), false),
        ((L4::Tcp, inet(here, there)), (L4::Udp, inet(here, there)), false),
        ((L4::Tcp, Socket::None), (L4::Tcp, inet(here, there)), false),
        ((L4::Udp, inet(here, there)), (L4::Udp, Socket::Server { addr: here }), true),
        ((L4::Tcp, inet(here, there)), (L4::Tcp, Socket::Server { addr: here }), false),
        ((L4::Tcp, Socket::Server { addr: here }), (L4::Tcp, Socket::Server { addr: here }), true),
        ((L4::Tcp, Socket::Server { addr: here }), (L4::Tcp, Socket::Server { addr: there }), false),
        ((L4::Tcp, any(false, 80)), (L4::Tcp, any(true, 80)), true),
        ((L4::Tcp, any(false, 80)), (L4::Tcp, any(true, 81)), false),
    ] {
        let is_same = is_same_file(&socket(known.0, known.1), &socket(there.0, there.1));
        assert_eq!(is_same, same, "{known:?}, {there:?}");
    }
}
