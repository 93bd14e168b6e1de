//! Processes in namespaces, directories, groups and sessions, and threads whose leader has ended.

use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;

use super::{Kind, Scene, exit_at_end, fork, made, namespace, report, text, wait_for_end, write};
use crate::maker::{at, call, open};

/// Exchanges the names of the process's directory and of another directory or a file.
fn exchanged(s: &Scene, with_directory: bool) -> Result<(), i64> {
    std::fs::create_dir_all(s.dir.join("one/below")).unwrap();
    if with_directory {
        std::fs::create_dir_all(s.dir.join("two/below")).unwrap();
    } else {
        std::fs::write(s.dir.join("two"), "").unwrap();
    }
    made(call(libc::SYS_chdir, [at(s.path("one/below").as_ptr())]))?;
    let (one, two) = (s.path("one"), s.path("two"));
    let exchange = libc::RENAME_EXCHANGE.into();
    made(call(libc::SYS_renameat2, [HERE, at(one.as_ptr()), HERE, at(two.as_ptr()), exchange])).map(drop)
}

/// Names the calling thread.
fn name(name: &std::ffi::CStr) -> Result<(), i64> {
    made(call(libc::SYS_prctl, [libc::PR_SET_NAME.into(), at(name.as_ptr()), 0, 0, 0])).map(drop)
}

const HERE: i64 = libc::AT_FDCWD as i64;

pub const KINDS: &[Kind] = &[
    ("in a cgroup from the start", into_cgroup),
    ("moved to a cgroup", |_| {
        let dir = cgroup()?;
        write(&dir.join("cgroup.procs"), b"0")
    }),
    ("in a pid namespace", |_| {
        made(call(libc::SYS_unshare, [libc::CLONE_NEWPID.into()]))?;
        go_on_in_child()
    }),
    ("in two pid namespaces", |_| {
        for _ in 0..2 {
            made(call(libc::SYS_unshare, [libc::CLONE_NEWPID.into()]))?;
            go_on_in_child()?;
        }
        Ok(())
    }),
    ("enters a pid namespace", |_| {
        if fork(libc::CLONE_NEWPID)? == 0 {
            exit_at_end();
        }
        let child = child()?;
        let ns = namespace(child, "pid")?;
        made(call(libc::SYS_setns, [ns, libc::CLONE_NEWPID.into()]))?;
        go_on_in_child()
    }),
    ("in a user namespace", |_| {
        made(call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into()]))?;
        write("/proc/self/uid_map".as_ref(), b"0 0 1")
    }),
    ("made in a user namespace", |_| {
        if fork(libc::CLONE_NEWUSER)? != 0 {
            exit_at_end();
        }
        Ok(())
    }),
    ("enters a user namespace", |_| {
        if fork(libc::CLONE_NEWUSER)? == 0 {
            exit_at_end();
        }
        let child = child()?;
        write(format!("/proc/{child}/uid_map").as_ref(), b"0 1000 10")?;
        write(format!("/proc/{child}/gid_map").as_ref(), b"0 1000 10")?;
        let ns = namespace(child, "user")?;
        made(call(libc::SYS_setns, [ns, 0]))?;
        made(call(libc::SYS_setresuid, [3, 3, 3]))?;
        Ok(())
    }),
    ("enters a mount namespace", |_| {
        if fork(libc::CLONE_NEWNS)? == 0 {
            exit_at_end();
        }
        let child = child()?;
        let ns = namespace(child, "mnt")?;
        made(call(libc::SYS_setns, [ns, 0])).map(drop)
    }),
    ("enters namespaces of a pidfd", |_| {
        if fork(libc::CLONE_NEWNS | libc::CLONE_NEWUTS)? == 0 {
            exit_at_end();
        }
        let pidfd = made(call(libc::SYS_pidfd_open, [child()?, 0]))?;
        made(call(libc::SYS_setns, [pidfd, (libc::CLONE_NEWNS | libc::CLONE_NEWUTS).into()])).map(drop)
    }),
    ("chroot", |s| {
        std::fs::create_dir_all(s.dir.join("root/below")).unwrap();
        made(call(libc::SYS_chroot, [at(s.path("root").as_ptr())]))?;
        made(call(libc::SYS_chdir, [at(c"/below".as_ptr())]))?;
        made(open(c"../below", libc::O_RDONLY)).map(drop)
    }),
    ("chroot with another working directory", |s| {
        std::fs::create_dir_all(s.dir.join("root")).unwrap();
        made(call(libc::SYS_chroot, [at(s.path("root").as_ptr())]))?;
        made(open(c"root", libc::O_RDONLY))?;
        made(call(libc::SYS_chdir, [at(c"..".as_ptr())])).map(drop)
    }),
    ("leaves a chroot", |s| {
        std::fs::create_dir_all(s.dir.join("root/inner")).unwrap();
        made(call(libc::SYS_chroot, [at(s.path("root").as_ptr())]))?;
        made(call(libc::SYS_chdir, [at(c"/".as_ptr())]))?;
        made(call(libc::SYS_chroot, [at(c"inner".as_ptr())]))?;
        for _ in 0..12 {
            made(call(libc::SYS_chdir, [at(c"..".as_ptr())]))?;
        }
        made(call(libc::SYS_chroot, [at(c".".as_ptr())])).map(drop)
    }),
    ("pivot_root", |s| {
        private_mounts()?;
        let root = tmpfs(s, "new")?;
        std::fs::create_dir(s.dir.join("new/old")).unwrap();
        made(call(libc::SYS_pivot_root, [at(root.as_ptr()), at(s.path("new/old").as_ptr())]))?;
        made(call(libc::SYS_chdir, [at(c"/old".as_ptr())]))?;
        made(open(c"etc", libc::O_RDONLY)).map(drop)
    }),
    ("below a bind mount", |s| {
        private_mounts()?;
        std::fs::create_dir_all(s.dir.join("from/sub")).unwrap();
        std::fs::create_dir(s.dir.join("to")).unwrap();
        made(call(
            libc::SYS_mount,
            [at(s.path("from").as_ptr()), at(s.path("to").as_ptr()), 0, libc::MS_BIND as i64, 0],
        ))?;
        made(call(libc::SYS_chdir, [at(s.path("to/sub").as_ptr())]))?;
        made(open(c".", libc::O_RDONLY)).map(drop)
    }),
    ("below a detached mount", |s| {
        private_mounts()?;
        let dir = tmpfs(s, "gone")?;
        made(call(libc::SYS_chdir, [at(dir.as_ptr())]))?;
        made(call(libc::SYS_umount2, [at(dir.as_ptr()), libc::MNT_DETACH.into()])).map(drop)
    }),
    ("in a removed directory", |s| {
        std::fs::create_dir(s.dir.join("short")).unwrap();
        made(call(libc::SYS_chdir, [at(s.path("short").as_ptr())]))?;
        made(call(libc::SYS_rmdir, [at(s.path("short").as_ptr())])).map(drop)
    }),
    ("in an exchanged directory", |s| {
        let [one, other] = ["one", "other"].map(|name| {
            std::fs::create_dir(s.dir.join(name)).unwrap();
            s.path(name)
        });
        made(call(libc::SYS_chdir, [at(one.as_ptr())]))?;
        const EXCHANGE: i64 = 2;
        made(call(libc::SYS_renameat2, [HERE, at(one.as_ptr()), HERE, at(other.as_ptr()), EXCHANGE]))
            .map(drop)
    }),
    ("in a directory with an odd name", |s| {
        let dir = text(s.dir.join(std::ffi::OsStr::from_bytes(b"odd\n\xff")).as_os_str().as_bytes());
        made(call(libc::SYS_mkdir, [at(dir.as_ptr()), 0o700]))?;
        made(call(libc::SYS_chdir, [at(dir.as_ptr())]))?;
        made(open(c"file\n\xfe\t", libc::O_RDWR | libc::O_CREAT)).map(drop)
    }),
    ("in a long directory", |_| {
        let name = text(&[b'l'; 250]);
        for _ in 0..14 {
            made(call(libc::SYS_mkdir, [at(name.as_ptr()), 0o700]))?;
            made(call(libc::SYS_chdir, [at(name.as_ptr())]))?;
        }
        made(open(c"file", libc::O_RDWR | libc::O_CREAT)).map(drop)
    }),
    ("of a session", |_| made(call(libc::SYS_setsid, [])).map(drop)),
    ("of a group", |_| made(call(libc::SYS_setpgid, [0, 0])).map(drop)),
    ("with a login user", |_| write("/proc/self/loginuid".as_ref(), b"1234")),
    ("with a login user by pwrite", |_| {
        let file = made(open(c"/proc/self/loginuid", libc::O_WRONLY))?;
        made(call(libc::SYS_pwrite64, [file, at(c"1235".as_ptr()), 4, 0]))?;
        made(call(libc::SYS_close, [file])).map(drop)
    }),
    ("with a login user by pwritev", |_| {
        let file = made(open(c"/proc/self/loginuid", libc::O_WRONLY))?;
        let parts = [at(c"1236".as_ptr()), 4];
        made(call(libc::SYS_pwritev, [file, at(&parts), 1, 0, 0]))?;
        made(call(libc::SYS_close, [file])).map(drop)
    }),
    ("with a login user by pwritev2", |_| {
        let file = made(open(c"/proc/self/loginuid", libc::O_WRONLY))?;
        let parts = [at(c"1237".as_ptr()), 4];
        made(call(libc::SYS_pwritev2, [file, at(&parts), 1, -1, 0, 0]))?;
        made(call(libc::SYS_close, [file])).map(drop)
    }),
    ("with another user", |_| {
        made(call(libc::SYS_setresgid, [12, 13, 14]))?;
        made(call(libc::SYS_setresuid, [0, 1000, 0])).map(drop)
    }),
    ("with fewer capabilities", |_| {
        let head = [0x2008_0522_u32, 0];
        let data = [0x21_u32, 0xff, 0x3, 0, 0, 0];
        made(call(libc::SYS_capset, [at(&head), at(&data)])).map(drop)
    }),
    ("with a name", |_| {
        made(call(
            libc::SYS_prctl,
            [libc::PR_SET_NAME.into(), at(c"na me\n\xff long long".as_ptr()), 0, 0, 0],
        ))
        .map(drop)
    }),
    ("with a name from /proc", |_| write("/proc/self/comm".as_ref(), b"by proc")),
    ("child of a creator's parent", |_| {
        if fork(libc::CLONE_PARENT)? != 0 {
            exit_at_end();
        }
        Ok(())
    }),
    ("with a name that looks like lines of its status", |_| name(c"a\nTgid:\t1\nUid")),
    ("with a name that looks like the end of a name", |_| name(c"x) R 1 1 1 (y)")),
    ("with a name of odd bytes", |_| name(c"\xff\\n\x01 \t")),
    ("in a directory that changed places with another one", |s| exchanged(s, true)),
    ("in a directory that changed places with a file", |s| exchanged(s, false)),
    ("in a directory that was renamed", |s| {
        std::fs::create_dir_all(s.dir.join("old/below")).unwrap();
        made(call(libc::SYS_chdir, [at(s.path("old/below").as_ptr())]))?;
        let (old, new) = (s.path("old"), s.path("new"));
        let noreplace = libc::RENAME_NOREPLACE.into();
        made(call(libc::SYS_renameat2, [HERE, at(old.as_ptr()), HERE, at(new.as_ptr()), noreplace])).map(drop)
    }),
    ("accepts from an inherited listener", |_| {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        if fork(0)? != 0 {
            let _client = std::net::TcpStream::connect(listener.local_addr().unwrap());
            exit_at_end();
        }
        listener.accept().map(|(stream, _)| std::mem::forget(stream)).map_err(|_| 0)?;
        std::mem::forget(listener);
        Ok(())
    }),
    ("takes files of another process", |_| {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let file = made(open(c"/etc/passwd", libc::O_RDONLY))?;
        let pidfd = made(call(libc::SYS_pidfd_open, [std::process::id().into(), 0]))?;
        if fork(0)? != 0 {
            exit_at_end();
        }
        for fd in [file, std::os::fd::AsRawFd::as_raw_fd(&listener).into(), 200] {
            made(call(libc::SYS_pidfd_getfd, [pidfd, fd, 0]))?;
        }
        std::mem::forget(listener);
        Ok(())
    }),
    ("with calls that a seccomp filter skips", |_| {
        let file = made(open(c"/etc/hosts", libc::O_RDONLY))?;
        let other = made(open(c"/etc/passwd", libc::O_RDONLY))?;
        skip_calls(&[libc::SYS_close, libc::SYS_dup3, libc::SYS_fcntl], &[libc::SYS_openat])?;
        // None of them runs: the results are 0, or the number of the call.
        let duplicate = libc::F_DUPFD.into();
        for result in [
            call(libc::SYS_close, [file]),
            call(libc::SYS_dup3, [file, other, 0]),
            call(libc::SYS_fcntl, [file, duplicate, 10]),
        ] {
            made(result)?;
        }
        made(open(c"/etc/group", libc::O_RDONLY)).map(drop)
    }),
    ("with rare calls that a seccomp filter skips", |_| {
        let file = made(open(c"/etc/hosts", libc::O_RDONLY))?;
        let other = made(open(c"/etc/passwd", libc::O_RDONLY))?;
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let [listener, client] = [listener.into_raw_fd(), client.into_raw_fd()];
        // A skipped call returns 0: then that is a socket with a peer.
        made(call(libc::SYS_dup3, [client.into(), 0, 0]))?;
        let skipped = [
            libc::SYS_prctl,
            libc::SYS_setsid,
            libc::SYS_setpgid,
            libc::SYS_close_range,
            libc::SYS_pipe2,
            libc::SYS_socketpair,
            libc::SYS_socket,
            libc::SYS_eventfd2,
            libc::SYS_memfd_create,
        ];
        skip_calls(&skipped, &[])?;
        name(c"skipped")?;
        let forged = text(b"forged");
        const CLOSE_ON_EXEC: i64 = 4;
        let tcp = [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0];
        let [ends, pair] = [[client, file as i32], [listener, client]];
        for result in [
            call(libc::SYS_prctl, [libc::PR_GET_NAME.into(), at(forged.as_ptr()), 0, 0, 0]),
            call(libc::SYS_setsid, []),
            call(libc::SYS_setpgid, [0, 0]),
            call(libc::SYS_close_range, [file, file, 0]),
            call(libc::SYS_close_range, [other, other, CLOSE_ON_EXEC]),
            call(libc::SYS_pipe2, [at(ends.as_ptr()), 0]),
            call(libc::SYS_socketpair, [libc::AF_UNIX.into(), tcp[1], 0, at(pair.as_ptr())]),
            call(libc::SYS_socket, tcp),
            call(libc::SYS_eventfd2, [0, 0]),
            call(libc::SYS_memfd_create, [at(c"memory".as_ptr()), 0]),
        ] {
            assert_eq!(result, 0);
        }
        Ok(())
    }),
    ("with odd new sockets under a seccomp filter", |_| {
        skip_calls(&[libc::SYS_setsid], &[])?;
        const L2TP: i32 = 115;
        const MPTCP: i32 = 262;
        const PACKET: i32 = 10;
        for (family, ty, protocol) in [
            (libc::AF_UNIX, libc::SOCK_STREAM, 0),
            (libc::AF_UNIX, libc::SOCK_RAW, 0),
            (libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0),
            (libc::AF_INET, libc::SOCK_STREAM, MPTCP),
            (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP),
            (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
            (libc::AF_INET, libc::SOCK_RAW | libc::SOCK_NONBLOCK, libc::IPPROTO_TCP),
            (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
            (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE),
            (libc::AF_INET, libc::SOCK_DGRAM, L2TP),
            (libc::AF_INET, PACKET, 0),
            (libc::AF_INET6, libc::SOCK_DGRAM, 0),
            (libc::AF_INET6, libc::SOCK_DGRAM, L2TP),
            (libc::AF_PACKET, libc::SOCK_DGRAM, 0),
            (libc::AF_NETLINK, libc::SOCK_RAW, 0),
            (libc::AF_VSOCK, libc::SOCK_STREAM, 0),
            (libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        ] {
            call(libc::SYS_socket, [family, ty, protocol].map(i64::from));
        }
        let mut pair = [0_i32; 2];
        for ty in [libc::SOCK_RAW, libc::SOCK_DGRAM] {
            let of = [libc::AF_UNIX, ty, 0].map(i64::from);
            made(call(libc::SYS_socketpair, [of[0], of[1], of[2], at(pair.as_mut_ptr())]))?;
        }
        Ok(())
    }),
    ("thread whose unshare a seccomp filter skips", |s| {
        let name = s.name;
        let (tells, told) = std::sync::mpsc::channel();
        let (goes_on, waits) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            skip_calls(&[libc::SYS_unshare], &[]).unwrap();
            made(call(libc::SYS_unshare, [(libc::CLONE_FILES | libc::CLONE_FS).into()])).unwrap();
            tells.send(()).unwrap();
            waits.recv().unwrap();
            report(name)
        });
        told.recv().unwrap();
        made(open(c"/etc/hosts", libc::O_RDONLY))?;
        made(call(libc::SYS_chdir, [at(c"/etc".as_ptr())]))?;
        goes_on.send(()).unwrap();
        let _ = thread.join();
        Err(0)
    }),
    ("orphan", |_| {
        if fork(0)? != 0 {
            std::process::exit(0);
        }
        // The creator has ended when it is no longer the parent.
        let parent = call(libc::SYS_getppid, []);
        while call(libc::SYS_getppid, []) == parent && parent > 1 {
            std::thread::yield_now();
            if call(libc::SYS_kill, [parent, 0]) < 0 {
                break;
            }
        }
        Ok(())
    }),
    ("thread whose leader has ended", |s| {
        let name = s.name;
        std::thread::spawn(move || {
            made(open(c"/etc/passwd", libc::O_RDONLY)).unwrap();
            made(call(libc::SYS_chdir, [at(c"/etc".as_ptr())])).unwrap();
            report(name)
        });
        call(libc::SYS_exit, [0]);
        unreachable!()
    }),
    ("thread with its own files", |s| {
        let name = s.name;
        let _ = std::thread::spawn(move || {
            const UNSHARE: i64 = 2;
            made(call(libc::SYS_close_range, [210, 220, UNSHARE])).unwrap();
            made(call(libc::SYS_dup3, [200, 215, 0])).unwrap();
            report(name)
        })
        .join();
        Err(0)
    }),
    ("shares files with its creator", |_| {
        if fork(libc::CLONE_FILES)? != 0 {
            made(open(c"/etc/hosts", libc::O_RDONLY))?;
            exit_at_end();
        }
        made(open(c"/etc/passwd", libc::O_RDONLY | libc::O_CLOEXEC)).map(drop)
    }),
];

/// Sets a seccomp filter: the kernel no longer runs some calls, which return success, and others, which raise a signal and return the
/// number of the call.
fn skip_calls(succeeding: &[i64], raising: &[i64]) -> Result<(), i64> {
    let [load, jump_if_equal, end] = [0x20_u64, 0x15, 0x06];
    let returns = |action: u32| end | u64::from(action) << 32;
    // Without a match, jumps over the return.
    let is = |number: i64| jump_if_equal | 1 << 24 | (number as u64) << 32;
    let mut program = vec![load];
    program.extend(succeeding.iter().flat_map(|number| [is(*number), returns(libc::SECCOMP_RET_ERRNO)]));
    program.extend(raising.iter().flat_map(|number| [is(*number), returns(libc::SECCOMP_RET_TRAP)]));
    program.push(returns(libc::SECCOMP_RET_ALLOW));
    extern "C" fn goes_on(_: i32) {}
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(libc::SIGSYS, goes_on as *const () as libc::sighandler_t) };
    let filter = [program.len() as u64, at(program.as_ptr()) as u64];
    made(call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS.into(), 1, 0, 0, 0]))?;
    made(call(libc::SYS_seccomp, [1, 0, at(&filter)])).map(drop)
}

/// The first child of this process.
fn child() -> Result<i64, i64> {
    let own = std::process::id();
    let list = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).map_err(|_| 0)?;
    list.split_whitespace().next().and_then(|pid| pid.parse().ok()).ok_or(0)
}

/// Forks; only the child returns.
fn go_on_in_child() -> Result<(), i64> {
    if fork(0)? != 0 {
        exit_at_end();
    }
    Ok(())
}

fn private_mounts() -> Result<(), i64> {
    made(call(libc::SYS_unshare, [libc::CLONE_NEWNS.into()]))?;
    made(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, (libc::MS_REC | libc::MS_PRIVATE) as i64, 0]))
        .map(drop)
}

fn tmpfs(s: &Scene, name: &str) -> Result<std::ffi::CString, i64> {
    std::fs::create_dir(s.dir.join(name)).unwrap();
    let path = s.path(name);
    made(call(libc::SYS_mount, [at(c"tmpfs".as_ptr()), at(path.as_ptr()), at(c"tmpfs".as_ptr()), 0, 0]))?;
    Ok(path)
}

/// A new group below the first mount of the second version. It is left behind if the system keeps it busy.
fn cgroup() -> Result<std::path::PathBuf, i64> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").map_err(|_| 0)?;
    let mount = mounts.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[2] == "cgroup2").then(|| words[1].to_owned())
    });
    let dir = std::path::Path::new(&mount.ok_or(2)?).join(format!("eyas-kinds-{}", std::process::id()));
    std::fs::create_dir(&dir).map_err(|error| i64::from(error.raw_os_error().unwrap_or(0)))?;
    if fork(0)? == 0 {
        // Removes the group when the processes in it have ended.
        wait_for_end();
        for _ in 0..1000 {
            if std::fs::remove_dir(&dir).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        std::process::exit(0);
    }
    Ok(dir)
}

fn into_cgroup(_: &Scene) -> Result<(), i64> {
    const INTO_CGROUP: u64 = 0x2_0000_0000;
    let dir = cgroup()?;
    let fd = made(open(&text(dir.as_os_str().as_bytes()), libc::O_PATH | libc::O_CLOEXEC))?;
    let mut args = [0_u64; 11];
    args[0] = INTO_CGROUP;
    args[4] = libc::SIGCHLD as u64;
    args[10] = fd as u64;
    if made(call(libc::SYS_clone3, [at(&args), 88]))? != 0 {
        exit_at_end();
    }
    Ok(())
}
