//! File descriptors received with a message, which are reported even if they are closed when the event is
//! read.

use eyas_events::{EventType, SyscallCode};
use eyas_scap::{FdDetail, FdEntry, OwnedEvent};
use eyas_testing::{is_kernel_path, test};

use crate::call::{Fd, Scratch, at, call, fork, open, wait};
use crate::capture::{Capture, capture_calls};

/// Two ends of a Unix socket.
pub fn pair() -> [Fd; 2] {
    let mut fds = [0_i32; 2];
    let args = [libc::AF_UNIX.into(), libc::SOCK_DGRAM.into(), 0, at(&raw mut fds)];
    assert_eq!(call(libc::SYS_socketpair, args), 0);
    fds.map(|fd| Fd(fd.into()))
}

/// Sends descriptors over a socket.
pub fn send(socket: &Fd, fds: &[i64]) {
    let mut control = (16 + 4 * fds.len() as u64).to_le_bytes().to_vec();
    control.extend([libc::SOL_SOCKET, libc::SCM_RIGHTS].map(i32::to_le_bytes).concat());
    fds.iter().for_each(|fd| control.extend((*fd as i32).to_le_bytes()));
    control.resize(control.len().next_multiple_of(8), 0);
    let parts = [at(c"x".as_ptr()), 1];
    let header = [0, 0, at(&parts), 1, at(control.as_ptr()), control.len() as i64, 0];
    assert_eq!(call(libc::SYS_sendmsg, [socket.0, at(&header), 0]), 1);
}

/// Receives them and closes them at once.
fn receive(socket: &Fd, flags: i32) {
    let (mut byte, mut control) = ([0_u8; 1], [0_u8; 2048]);
    let parts = [at(&raw mut byte), 1];
    let header = [0, 0, at(&parts), 1, at(&raw mut control), 2048, 0];
    assert_eq!(call(libc::SYS_recvmsg, [socket.0, at(&header), flags.into()]), 1);
    let fds = control[16..].as_chunks().0.iter().map(|fd| i32::from_le_bytes(*fd));
    fds.take_while(|fd| *fd > 0).for_each(|fd| drop(Fd(fd.into())));
}

fn received(live: &mut Capture, calls: impl FnOnce()) -> Vec<FdEntry> {
    brought(live, EventType::SOCKET_RECVMSG_X, calls)
}

/// The descriptors that the first event of the type describes.
fn brought(live: &mut Capture, ty: EventType, calls: impl FnOnce()) -> Vec<FdEntry> {
    let events = live.own(calls);
    let event = events.iter().map(OwnedEvent::as_raw).find(|raw| raw.ty == ty);
    event.map_or_else(Vec::new, |raw| raw.received_fds().collect())
}

/// The name of each, and whether an exec closes it.
fn names(received: &[FdEntry]) -> Vec<(Vec<u8>, bool)> {
    let name = |detail: &FdDetail| match detail {
        FdDetail::File { path, .. } => path.clone(),
        FdDetail::Other { name, .. } => name.clone(),
        FdDetail::Unix { path, .. } => path.clone(),
        other => panic!("{other:?}"),
    };
    received.iter().map(|one| (name(&one.detail), one.close_on_exec)).collect()
}

#[test]
fn files_are_reported_by_their_paths() {
    eyas_testing::ignore_in_chroot();
    let mut live = capture_calls(&[SyscallCode::RECVMSG, SyscallCode::LSEEK]);
    let dir = Scratch::new("received");
    let name = dir.file("file", "");
    let (file, here, sockets) = (open(&name, libc::O_WRONLY), dir.fd(), pair());
    let memfd = Fd(call(libc::SYS_memfd_create, [at(c"held".as_ptr()), 0]));
    let event = Fd(call(libc::SYS_eventfd2, [0, 0]));
    let pidfd = Fd(call(libc::SYS_pidfd_open, [std::process::id().into(), 0]));
    let sent = [file.0, here.0, memfd.0, event.0, sockets[1].0, pidfd.0];
    for (flags, closes) in [(0, false), (libc::MSG_CMSG_CLOEXEC, true)] {
        send(&sockets[0], &sent);
        let told = received(&mut live, || receive(&sockets[1], flags));
        let path = name.to_bytes().to_vec();
        let parent = path[..path.len() - b"/file".len()].to_vec();
        let process = format!("/proc/{}", std::process::id()).into_bytes();
        let files = [path, parent, b"held".to_vec(), Vec::new(), Vec::new(), process];
        assert_eq!(names(&told), files.map(|name| (name, closes)));
        let FdDetail::File { open_flags, .. } = &told[0].detail else {
            panic!("{told:?}");
        };
        // O_WRONLY, and no access besides.
        assert_eq!(open_flags & 3, 2);
    }
}

#[test]
fn as_many_are_reported_as_a_message_can_hold() {
    const MOST: usize = 253;
    let mut live = capture_calls(&[SyscallCode::RECVMSG, SyscallCode::LSEEK]);
    let (file, sockets) = (open(c"/dev/null", libc::O_RDONLY), pair());
    for count in [9, MOST] {
        let mut sent = vec![file.0; count];
        sent[count - 1] = sockets[0].0;
        send(&sockets[0], &sent);
        let told = received(&mut live, || receive(&sockets[1], 0));
        assert_eq!(told.len(), count);
        let null = |fd: &FdEntry| matches!(&fd.detail, FdDetail::File { path, .. } if is_kernel_path(Some(path), b"/dev/null"));
        assert!(told[..count - 1].iter().all(null), "{told:?}");
        assert!(matches!(told[count - 1].detail, FdDetail::Unix { .. }), "{told:?}");
    }
    // A message without any.
    assert_eq!(call(libc::SYS_write, [sockets[0].0, at(c"x".as_ptr()), 1]), 1);
    assert!(received(&mut live, || receive(&sockets[1], 0)).is_empty());
}

#[test]
fn pidfds_and_descriptors_of_other_processes_are_reported() {
    eyas_testing::ignore_in_chroot();
    let calls = [SyscallCode::PIDFD_OPEN, SyscallCode::PIDFD_GETFD, SyscallCode::CLONE, SyscallCode::CLONE3];
    let mut live = capture_calls(&[&calls[..], &[SyscallCode::LSEEK]].concat());
    let dir = Scratch::new("made");
    let name = dir.file("file", "");
    let file = open(&name, libc::O_RDONLY);
    let process = |id: i64| format!("/proc/{id}").into_bytes();
    let own = std::process::id().into();
    let mut pidfd = None;
    let told = brought(&mut live, EventType::SYSCALL_PIDFD_OPEN_X, || {
        pidfd = Some(Fd(call(libc::SYS_pidfd_open, [own, 0])));
    });
    let pidfd = pidfd.unwrap();
    assert_eq!((told[0].fd, names(&told)), (pidfd.0, vec![(process(own), true)]));
    let told = brought(&mut live, EventType::SYSCALL_PIDFD_GETFD_X, || {
        drop(Fd(call(libc::SYS_pidfd_getfd, [pidfd.0, file.0, 0])));
    });
    assert_eq!(names(&told), [(name.to_bytes().to_vec(), true)]);
    // A failing call, and a child without a pidfd, have none.
    let told = brought(&mut live, EventType::SYSCALL_PIDFD_GETFD_X, || {
        assert_eq!(call(libc::SYS_pidfd_getfd, [pidfd.0, -1, 0]), -i64::from(libc::EBADF));
    });
    assert!(told.is_empty(), "{told:?}");
    for (has_pidfd, flags) in [(true, libc::CLONE_PIDFD), (false, 0)] {
        let (mut fd, mut child) = (-1_i32, 0);
        // The fields of struct clone_args up to the signal: flags, pidfd, child's id, parent's id, signal.
        let args = [i64::from(flags), at(&raw mut fd), 0, 0, libc::SIGCHLD.into(), 0, 0, 0];
        let told = brought(&mut live, EventType::SYSCALL_CLONE3_X, || {
            child = fork(libc::SYS_clone3, at(&args), size_of_val(&args) as i64);
        });
        wait(child);
        let wanted = if has_pidfd { vec![(process(child), true)] } else { Vec::new() };
        assert_eq!(names(&told), wanted);
        if has_pidfd {
            assert_eq!(told[0].fd, i64::from(fd));
            drop(Fd(fd.into()));
        }
    }
}
