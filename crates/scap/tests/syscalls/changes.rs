//! Attributes of threads after calls that change them, compared with the kernel: names, ids and
//! capabilities, terminals; and the call that executed a program.

use std::ffi::CString;
use std::sync::mpsc;

use eyas_events::param::SYSCALL_OPENAT_2_X;
use eyas_events::{EventType, SyscallCode};
use eyas_scap::{Credentials, RawEvent};
use eyas_testing::{ignore, test};

use crate::another::Another;
use crate::call::{apart, at, call, open};
use crate::capture::{Capture, capture, capture_calls, tid};
use crate::want::text;

/// Calls that execute a program, and the type of their events.
const EXECS: &[(&str, EventType)] = &[
    ("exec execve", EventType::SYSCALL_EXECVE_19_X),
    ("exec execveat", EventType::SYSCALL_EXECVEAT_X),
    ("exec execveat-descriptor", EventType::SYSCALL_EXECVEAT_X),
    ("exec-in-thread execve", EventType::SYSCALL_EXECVE_19_X),
    ("exec-in-thread execveat", EventType::SYSCALL_EXECVEAT_X),
    #[cfg(target_arch = "x86_64")]
    ("exec execve-32", EventType::SYSCALL_EXECVE_19_X),
    #[cfg(target_arch = "x86_64")]
    ("exec execveat-32", EventType::SYSCALL_EXECVEAT_X),
];

#[test]
fn a_program_is_executed_by_the_call_that_was_made() {
    eyas_testing::ignore_in_chroot();
    let types = [EventType::SYSCALL_EXECVE_19_X, EventType::SYSCALL_EXECVEAT_X];
    let mut live = capture(&types);
    for (how, ty) in EXECS {
        let id = Another::start(how).end();
        // This test's program is executed first. Before Linux 6.14, a program that is executed through its
        // file descriptor has no name.
        let is_true = |path: &[u8]| path.ends_with(b"/true\0");
        let found = live.event_where(|raw| {
            types.contains(&raw.ty) && raw.tid == id && raw.by_name("trusted_exepath").is_some_and(is_true)
        });
        let raw = found.as_raw();
        assert_eq!(raw.ty, *ty, "{how}");
        assert_eq!(raw.result(), Some(0), "{how}");
        let is_of_thread = how.starts_with("exec-in-thread");
        assert_eq!(raw.executing_tid().is_some_and(|tid| tid != id), is_of_thread, "{how}");
        let cwd = std::env::current_dir().unwrap();
        assert_eq!(raw.kernel_cwd(), Some(cwd.as_os_str().as_encoded_bytes()), "{how}");
    }
}

#[test]
fn names_that_are_written_to_proc() {
    let mut live = capture(&[EventType::TASK_RENAME_X, EventType::SYSCALL_PRCTL_X]);
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            tell.send(tid()).unwrap();
            let _ = stopped.recv();
        });
        let other = told.recv().unwrap();
        for (of, name) in [(tid(), "own"), (other, "another"), (other, "one of more than fifteen bytes")] {
            std::fs::write(format!("/proc/self/task/{of}/comm"), name).unwrap();
            live.saw_of(of, EventType::TASK_RENAME_X, &[("comm", text(&name[..name.len().min(15)]))]);
        }
        drop(stop);
    });
    // With prctl, which has its own event.
    let of_prctl = apart(|| {
        assert_eq!(call(libc::SYS_prctl, [libc::PR_SET_NAME.into(), at(c"by prctl".as_ptr())]), 0);
        tid()
    });
    live.event_of(of_prctl, EventType::SYSCALL_PRCTL_X);
    assert!(!live.came(of_prctl, EventType::TASK_RENAME_X));
}

/// Real, effective and so on as `/proc` shows them to this process.
fn shown(pid: i64) -> Credentials {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    let id = |name| of(name).split_whitespace().nth(1).unwrap().parse().unwrap();
    let caps = |name| u64::from_str_radix(of(name), 16).unwrap();
    Credentials {
        uid: id("Uid:"),
        gid: id("Gid:"),
        caps: [caps("CapInh:"), caps("CapPrm:"), caps("CapEff:")],
    }
}

#[test]
fn ids_and_capabilities_in_a_user_namespace() {
    eyas_testing::ignore_in_chroot();
    if !std::path::Path::new("/proc/self/ns/user").exists() {
        ignore("this kernel has no user namespaces");
    }
    let types = [
        ("in a namespace", EventType::SYSCALL_UNSHARE_X),
        ("setresgid", EventType::SYSCALL_SETRESGID_X),
        ("setresuid", EventType::SYSCALL_SETRESUID_X),
        ("capset", EventType::SYSCALL_CAPSET_X),
    ];
    let mut live = capture(&types.map(|(_, ty)| ty));
    let mut another = Another::start("identity");
    let id = another.id();
    for (said, ty) in types {
        assert_eq!(another.says(), said);
        let event = live.event_of(id, ty);
        assert_eq!(event.as_raw().credentials(), Some(shown(id)), "{said}");
        if ty == EventType::SYSCALL_UNSHARE_X {
            for map in ["uid_map", "gid_map"] {
                std::fs::write(format!("/proc/{id}/{map}"), "0 100000 65536").unwrap();
            }
        }
        another.go_on();
    }
    another.end();
}

#[test]
fn ids_and_capabilities_of_the_host() {
    apart(|| {
        let own = tid();
        let calls = [
            (EventType::SYSCALL_SETREGID_X, libc::SYS_setregid, [-1, 2001]),
            (EventType::SYSCALL_SETGID_X, libc::SYS_setgid, [2002, 0]),
            // Removes the capabilities for files.
            (EventType::SYSCALL_SETFSUID_X, libc::SYS_setfsuid, [1001, 0]),
            (EventType::SYSCALL_SETREUID_X, libc::SYS_setreuid, [-1, 1002]),
            (EventType::SYSCALL_SETUID_X, libc::SYS_setuid, [0, 0]),
        ];
        let mut live = capture(&calls.map(|(ty, ..)| ty));
        for (ty, number, args) in calls {
            let before = shown(own);
            assert!(call(number, args) >= 0);
            assert_ne!(shown(own), before, "{ty:?}");
            let event = live.event_of(own, ty);
            assert_eq!(event.as_raw().credentials(), Some(shown(own)), "{ty:?}");
            let login = std::fs::read_to_string(format!("/proc/{own}/loginuid"));
            let user = login.map_or(u32::MAX, |text| text.trim().parse().unwrap());
            assert_eq!(event.as_raw().login_user(), Some(user));
        }
    });
}

/// A new terminal: its master file descriptor and its path.
fn new_terminal() -> (crate::call::Fd, CString) {
    const TIOCSPTLCK: i64 = 0x4004_5431;
    const TIOCGPTN: i64 = 0x8004_5430;
    if !std::path::Path::new("/dev/ptmx").exists() || !std::path::Path::new("/dev/pts").exists() {
        ignore("/dev/ptmx or /dev/pts is missing");
    }
    let master = open(c"/dev/ptmx", libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
    let (unlock, number) = (0_i32, 0_u32);
    assert_eq!(call(libc::SYS_ioctl, [master.0, TIOCSPTLCK, at(&unlock)]), 0);
    assert_eq!(call(libc::SYS_ioctl, [master.0, TIOCGPTN, at(&number)]), 0);
    (master, CString::new(format!("/dev/pts/{number}")).unwrap())
}

#[test]
fn terminals() {
    let (_master, path) = new_terminal();
    // As an event each, and as those that change what is known of a descriptor.
    terminals_by(capture_calls(&[SyscallCode::OPENAT, SyscallCode::IOCTL]), &path);
    terminals_by(capture_calls(&[SyscallCode::OPENAT, SyscallCode::SETSID]), &path);
}

fn terminals_by(mut live: Capture, path: &CString) {
    let mut another = Another::start(&format!("terminal {}", path.to_str().unwrap()));
    let id = another.id();
    let opens = |raw: &RawEvent<'_>| {
        raw.ty == EventType::SYSCALL_OPENAT_2_X
            && raw.tid == id
            && raw.text(SYSCALL_OPENAT_2_X::name) == Some(path.to_bytes())
    };
    let controls = |raw: &RawEvent<'_>| {
        raw.ty == EventType::SYSCALL_IOCTL_3_X && raw.tid == id && raw.terminal().is_some()
    };
    let mut had = Vec::new();
    for (nth, is_it) in
        [(0, &opens as &dyn Fn(&RawEvent<'_>) -> bool), (1, &opens), (0, &controls), (1, &controls)]
    {
        let has: u32 = another.says().parse().unwrap();
        assert_eq!(live.nth_where(nth, is_it).as_raw().terminal(), Some(has));
        had.push(has);
        another.go_on();
    }
    assert!(had[0] == 0 && had[1] != 0 && had[2] == 0 && had[3] == had[1], "{had:?}");
    another.end();
}
