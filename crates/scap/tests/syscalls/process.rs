//! Processes: creation, changes, queries, and end.

use eyas_testing::test;
use std::os::linux::fs::MetadataExt;
use std::process::Command;

use eyas_events::{EventType, FlagTable};

use crate::call::{Fd, at, call, fork, old, wait};
use crate::capture::{Capture, capture, tid};
use crate::want::{Want, bytes, empty, flags, has, int, is, path, text};

/// One line of /proc/self/status.
fn status(key: &str) -> i64 {
    status_of("thread-self", key)
}

fn status_of(task: &str, key: &str) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{task}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The thread of the parent that made this process.
fn parent_thread() -> Want {
    let parent = status("PPid:");
    is("a thread of the parent", move |got| status_of(&got.to_string(), "Tgid:") == parent)
}

fn pid() -> i64 {
    i64::from(std::process::id())
}

/// Program and arguments of this process, as long as both fit.
fn image() -> [(&'static str, Want); 2] {
    let line = std::fs::read("/proc/self/cmdline").unwrap();
    let end = line.iter().position(|byte| *byte == 0).unwrap() + 1;
    [("exe", bytes(&line[..end])), ("args", bytes(&line[end..]))]
}

/// Limits and sizes of this process, from the parameter `fdlimit` on.
fn resources() -> [(&'static str, Want); 6] {
    let mut limit = [0_i64; 2];
    call(libc::SYS_getrlimit, [libc::RLIMIT_NOFILE.into(), at(&raw mut limit)]);
    let near = |key: &str| {
        let now = status(key);
        is("near what /proc says", move |got| (got - now).abs() < 16 << 10)
    };
    [
        ("fdlimit", int(limit[0])),
        ("pgft_maj", is("a count", |got| (0..1 << 32).contains(&got))),
        ("pgft_min", is("a count", |got| (0..1 << 32).contains(&got))),
        ("vm_size", near("VmSize:")),
        ("vm_rss", near("VmRSS:")),
        ("vm_swap", near("VmSwap:")),
    ]
}

/// Name and control groups of this thread.
fn names() -> [(&'static str, Want); 2] {
    let comm = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let groups = std::fs::read_to_string("/proc/thread-self/cgroup").unwrap();
    let paths: Vec<(String, String)> = groups
        .lines()
        .filter_map(|line| line.split_once(':')?.1.split_once(':'))
        .map(|(names, path)| (names.replace("blkio", "io"), path.to_owned()))
        .collect();
    let of = move |name: &str| {
        let by = |wanted: &str| paths.iter().find(|(names, _)| names.split(',').any(|n| n == wanted));
        by(name).or_else(|| by("")).map(|(_, path)| path.clone())
    };
    let fits = move |got: &[u8]| {
        got.ends_with(&[0])
            && got[..got.len() - 1].split(|byte| *byte == 0).all(|entry| {
                let entry = String::from_utf8_lossy(entry);
                entry.split_once('=').is_some_and(|(name, path)| {
                    // The kernel's is of the host, that of /proc begins at the namespace's root.
                    of(name).is_some_and(|wanted| path.ends_with(wanted.trim_end_matches('/')))
                })
            })
    };
    [("comm", text(comm.trim_end())), ("cgroups", has("those of /proc", fits))]
}

/// Parameters of an event that creates a process, in the parent.
fn made_by(child: i64, how: Want) -> Vec<(&'static str, Want)> {
    let mut wants = vec![("res", int(child))];
    wants.extend(image());
    wants.extend([("tid", int(tid())), ("pid", int(pid())), ("ptid", parent_thread()), ("cwd", empty())]);
    wants.extend(resources());
    wants.extend(names());
    wants.extend([
        ("flags", how),
        ("uid", int(0)),
        ("gid", int(0)),
        ("vtid", int(tid())),
        ("vpid", int(pid())),
        ("pidns_init_start_ts", int(0)),
    ]);
    wants
}

/// The same in the child, which is a copy.
fn made(child: i64, how: Want) -> Vec<(&'static str, Want)> {
    let mut wants = made_by(0, how);
    for (name, want) in &mut wants {
        match *name {
            "tid" | "pid" | "vtid" | "vpid" => *want = int(child),
            // The thread that made it.
            "ptid" => *want = int(tid()),
            // The child has its own counts, and less memory by now.
            "vm_rss" => *want = is("a size", |got| got > 0),
            "pidns_init_start_ts" => *want = is("a time", |got| got >= 0),
            _ => {}
        }
    }
    wants
}

/// Creates a process that ends at once.
fn makes(ty: EventType, number: i64, first: i64, second: i64, names: &[&str]) {
    let mut live = capture(&[ty]);
    let child = fork(number, first, second);
    assert!(child > 0, "{child}");
    assert_eq!(wait(child), 7 << 8);
    let how = || flags(&FlagTable::CLONE_FLAGS, names);
    live.saw(ty, &made_by(child, how()));
    // If a child does not pass the exit of the call, its event has the data that it shares with its
    // creator.
    let (ty, how) = if cfg!(target_arch = "x86_64") {
        (ty, how())
    } else {
        let shared = names.iter().filter(|name| **name == "CLONE_FILES").copied().collect::<Vec<_>>();
        (EventType::SYSCALL_CLONE_20_X, flags(&FlagTable::CLONE_FLAGS, &shared))
    };
    live.saw_of(child, ty, &made(child, how));
}

#[test]
fn forks() {
    makes(EventType::SYSCALL_FORK_20_X, old::SYS_fork, 0, 0, &[]);
}

#[test]
fn vforks() {
    makes(EventType::SYSCALL_VFORK_20_X, old::SYS_vfork, 0, 0, &[]);
}

#[test]
fn clones() {
    let how = i64::from(libc::CLONE_FS | libc::CLONE_FILES | libc::SIGCHLD);
    let names = ["CLONE_FS", "CLONE_FILES"];
    makes(EventType::SYSCALL_CLONE_20_X, libc::SYS_clone, how, 0, &names);
    // Flags, four pointers, the signal at the end, and five more.
    let args =
        [u64::from((libc::CLONE_FS | libc::CLONE_FILES) as u32), 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    makes(EventType::SYSCALL_CLONE3_X, libc::SYS_clone3, at(&args), 64, &names);
}

/// Parameters of an execve about the program, from `env` on, and about its user.
fn program(env: Want, file: &str, pgid: i64) -> Vec<(&'static str, Want)> {
    let meta = std::fs::metadata(file).unwrap();
    let nanos = |sec: i64, nsec: i64| int(sec * 1_000_000_000 + nsec);
    // Root may write if the file system allows it; the layer depends on the machine.
    let writable = is("writable by root", |got| got & !0xa == 1);
    let real = std::fs::canonicalize(file).unwrap();
    let full = status_caps();
    vec![
        ("env", env),
        ("tty", is("a device or none", |got| got >= 0)),
        ("vpgid", int(pgid)),
        (
            "loginuid",
            int(std::fs::read_to_string("/proc/self/loginuid")
                .map_or(-1, |text| text.trim().parse::<u32>().map_or(-1, |id| i64::from(id as i32)))),
        ),
        ("flags", writable),
        ("cap_inheritable", int(full[0])),
        ("cap_permitted", int(full[1])),
        ("cap_effective", int(full[2])),
        ("exe_ino", int(meta.st_ino())),
        ("exe_ino_ctime", nanos(meta.st_ctime(), meta.st_ctime_nsec())),
        ("exe_ino_mtime", nanos(meta.st_mtime(), meta.st_mtime_nsec())),
        ("uid", int(0)),
        ("trusted_exepath", text(real.as_os_str().as_encoded_bytes())),
        ("pgid", int(pgid)),
        ("gid", int(0)),
    ]
}

/// Inheritable, permitted and effective capabilities of this thread.
fn status_caps() -> [i64; 3] {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    ["CapInh:", "CapPrm:", "CapEff:"].map(|key| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        i64::from_str_radix(line.trim(), 16).unwrap()
    })
}

#[test]
fn execve() {
    eyas_testing::ignore_in_chroot();
    let mut live = capture(&[EventType::SYSCALL_EXECVE_19_X]);
    let mut command = Command::new("/bin/true");
    command.args(["one", "two words"]).env_clear().env("WHERE", "here").env("YES", "1");
    let mut child = command.spawn().unwrap();
    let id = i64::from(child.id());
    child.wait().unwrap();
    let pgid = call(libc::SYS_getpgid, [0]);
    let mut wants = vec![
        ("res", int(0)),
        ("exe", text("/bin/true")),
        ("args", text("one\0two words")),
        ("tid", int(id)),
        ("pid", int(id)),
        ("ptid", int(tid())),
        ("cwd", empty()),
    ];
    wants.extend(resources());
    for (name, want) in &mut wants {
        if matches!(*name, "vm_size" | "vm_rss" | "vm_swap") {
            *want = is("the size of a small program", |got| (0..100 << 10).contains(&got));
        }
    }
    let [_, cgroups] = names();
    wants.extend([("comm", text("true")), cgroups]);
    wants.extend(program(text("WHERE=here\0YES=1"), "/bin/true", pgid));
    wants.push(("filename", text("/bin/true")));
    live.saw_of(id, EventType::SYSCALL_EXECVE_19_X, &wants);
}

/// Checks the event of a failed call: the requested program and the caller.
fn fails(live: &mut Capture, ty: EventType, res: i64, filename: bool) {
    let exe = std::env::current_exe().unwrap();
    let mut wants = vec![
        ("res", int(res)),
        ("exe", text("name")),
        ("args", text("an argument\0another")),
        ("tid", int(tid())),
        ("pid", int(pid())),
        ("ptid", parent_thread()),
        ("cwd", empty()),
    ];
    wants.extend(resources());
    wants.extend(names());
    wants.extend(program(text("A=B"), exe.to_str().unwrap(), call(libc::SYS_getpgid, [0])));
    if filename {
        wants.push(("filename", path(c"/nonexistent/program")));
    }
    live.saw(ty, &wants);
}

#[test]
fn execve_and_execveat_that_fail() {
    eyas_testing::ignore_in_chroot();
    let types = [EventType::SYSCALL_EXECVE_19_X, EventType::SYSCALL_EXECVEAT_X];
    let mut live = capture(&types);
    let argv = [at(c"name".as_ptr()), at(c"an argument".as_ptr()), at(c"another".as_ptr()), 0];
    let envp = [at(c"A=B".as_ptr()), 0];
    let file = at(c"/nonexistent/program".as_ptr());
    let res = call(libc::SYS_execve, [file, at(&argv), at(&envp)]);
    fails(&mut live, EventType::SYSCALL_EXECVE_19_X, res, true);
    let res = call(libc::SYS_execveat, [libc::AT_FDCWD.into(), file, at(&argv), at(&envp), 0]);
    fails(&mut live, EventType::SYSCALL_EXECVEAT_X, res, false);
}

#[test]
fn exit() {
    let mut live = capture(&[EventType::PROCEXIT_1_E]);
    let child = fork(libc::SYS_clone, libc::SIGCHLD.into(), 0);
    assert_eq!(wait(child), 7 << 8);
    let wants = |status: i64, ret: i64, sig: i32| {
        [
            ("status", int(status)),
            ("ret", int(ret)),
            ("sig", int(sig)),
            ("core", int(0)),
            // It had no children to adopt.
            ("reaper_tid", int(0)),
        ]
    };
    live.saw_of(child, EventType::PROCEXIT_1_E, &wants(7 << 8, 7, 0));
    let mut victim = Command::new("/bin/sleep").arg("60").spawn().unwrap();
    victim.kill().unwrap();
    victim.wait().unwrap();
    let id = victim.id().into();
    live.saw_of(id, EventType::PROCEXIT_1_E, &wants(libc::SIGKILL.into(), 0, libc::SIGKILL));
}

#[test]
fn exit_reports_the_new_parent_of_the_children() {
    let mut live = capture(&[EventType::PROCEXIT_1_E]);
    assert_eq!(call(libc::SYS_prctl, [libc::PR_SET_CHILD_SUBREAPER.into(), 1]), 0);
    let mut shell = Command::new("/bin/sh").args(["-c", "sleep 0.3 & exit 3"]).spawn().unwrap();
    shell.wait().unwrap();
    let wants = [
        ("status", int(3 << 8)),
        ("ret", int(3)),
        ("sig", int(0)),
        ("core", int(0)),
        ("reaper_tid", int(tid())),
    ];
    live.saw_of(shell.id().into(), EventType::PROCEXIT_1_E, &wants);
    call(libc::SYS_prctl, [libc::PR_SET_CHILD_SUBREAPER.into(), 0]);
    // The orphan is ours now.
    call(libc::SYS_wait4, [-1, 0, 0, 0]);
}

#[test]
fn namespaces() {
    let types = [EventType::SYSCALL_SETNS_X, EventType::SYSCALL_UNSHARE_X];
    let mut live = capture(&types);
    let fd = crate::call::open(c"/proc/self/ns/uts", libc::O_RDONLY);
    let res = call(libc::SYS_setns, [fd.0, libc::CLONE_NEWUTS.into()]);
    let how = flags(&FlagTable::CLONE_FLAGS, &["CLONE_NEWUTS"]);
    live.saw(EventType::SYSCALL_SETNS_X, &[("res", int(res)), ("fd", int(fd.0)), ("nstype", how)]);
    drop(live);
    // Of a thread of its own, as it stays.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut live = capture(&types);
            let res = call(libc::SYS_unshare, [(libc::CLONE_NEWUTS | libc::CLONE_FS).into()]);
            let how = flags(&FlagTable::CLONE_FLAGS, &["CLONE_NEWUTS", "CLONE_FS"]);
            live.saw(EventType::SYSCALL_UNSHARE_X, &[("res", int(res)), ("flags", how)]);
        });
    });
}

#[test]
fn prctl() {
    let mut live = capture(&[EventType::SYSCALL_PRCTL_X]);
    let option = |name| flags(&FlagTable::PRCTL_OPTIONS, &[name]);
    let before = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let before = std::ffi::CString::new(before.trim_end()).unwrap();
    let name = c"a new name";
    for name in [name, &before] {
        let res = call(libc::SYS_prctl, [libc::PR_SET_NAME.into(), at(name.as_ptr())]);
        live.saw(
            EventType::SYSCALL_PRCTL_X,
            &[
                ("res", int(res)),
                ("option", option("PR_SET_NAME")),
                ("arg2_str", path(name)),
                ("arg2_int", int(0)),
            ],
        );
    }
    let mut subreaper = -1_i32;
    let res = call(libc::SYS_prctl, [libc::PR_GET_CHILD_SUBREAPER.into(), at(&raw mut subreaper)]);
    live.saw(
        EventType::SYSCALL_PRCTL_X,
        &[
            ("res", int(res)),
            ("option", option("PR_GET_CHILD_SUBREAPER")),
            ("arg2_str", empty()),
            ("arg2_int", int(subreaper)),
        ],
    );
    let res = call(libc::SYS_prctl, [libc::PR_GET_DUMPABLE.into(), 4711]);
    live.saw(
        EventType::SYSCALL_PRCTL_X,
        &[
            ("res", int(res)),
            ("option", option("PR_GET_DUMPABLE")),
            ("arg2_str", empty()),
            ("arg2_int", int(4711)),
        ],
    );
}

#[test]
fn ptrace() {
    let mut live = capture(&[EventType::SYSCALL_PTRACE_X]);
    let number = |value: i64| bytes([&[0], &value.to_le_bytes()[..]].concat());
    let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
    let id = i64::from(child.id());
    let mut trace = |request: u32, address, data: i64, name, wanted: Option<Want>| {
        let res = call(libc::SYS_ptrace, [request.into(), id, address, data]);
        let wanted = if res < 0 { number(0) } else { wanted.unwrap_or_else(|| number(data)) };
        let address = if res < 0 { 0 } else { address };
        live.saw(
            EventType::SYSCALL_PTRACE_X,
            &[
                ("res", int(res)),
                ("addr", number(address)),
                ("data", wanted),
                ("request", flags(&FlagTable::PTRACE_REQUESTS, &[name])),
                ("pid", int(id)),
            ],
        );
        res
    };
    assert_eq!(trace(libc::PTRACE_SEIZE, 0, 0, "PTRACE_SEIZE", None), 0);
    assert_eq!(trace(libc::PTRACE_INTERRUPT, 0, 0, "PTRACE_INTERRUPT", None), 0);
    wait(id);
    // The kernel puts the word where the last argument points.
    let word = 0_i64;
    let (request, name, from) = if cfg!(target_arch = "x86_64") {
        (libc::PTRACE_PEEKUSER, "PTRACE_PEEKUSR", 0)
    } else {
        let maps = std::fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
        let first = maps.split_once('-').unwrap().0;
        (libc::PTRACE_PEEKTEXT, "PTRACE_PEEKTEXT", i64::from_str_radix(first, 16).unwrap())
    };
    assert_eq!(call(libc::SYS_ptrace, [request.into(), id, from, at(&word)]), 0);
    trace(request, from, at(&word), name, Some(number(word)));
    assert!(trace(libc::PTRACE_PEEKDATA, 8, at(&word), "PTRACE_PEEKDATA", None) < 0);
    let signal = bytes([1, libc::SIGKILL as u8]);
    assert_eq!(trace(libc::PTRACE_CONT, 0, libc::SIGKILL.into(), "PTRACE_CONT", Some(signal)), 0);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn groups_and_sessions() {
    let types = [EventType::SYSCALL_SETPGID_X, EventType::SYSCALL_SETSID_X];
    let mut live = capture(&types);
    let res = call(libc::SYS_setpgid, [0x7000_0000, -5]);
    assert!(res < 0);
    let wants = [("res", int(res)), ("pid", int(0x7000_0000)), ("pgid", int(-5))];
    live.saw(EventType::SYSCALL_SETPGID_X, &wants);
    // A program starts its own session.
    let Ok(mut child) = Command::new("/usr/bin/setsid").arg("/bin/true").spawn() else {
        eyas_testing::ignore(format_args!("there is no setsid program"));
    };
    child.wait().unwrap();
    let id = i64::from(child.id());
    live.saw_of(
        id,
        EventType::SYSCALL_SETSID_X,
        &[("res", is("its id or an error", move |got| got == id || got < 0))],
    );
}

#[test]
fn limits() {
    let types =
        [EventType::SYSCALL_GETRLIMIT_X, EventType::SYSCALL_SETRLIMIT_X, EventType::SYSCALL_PRLIMIT_X];
    let mut live = capture(&types);
    let resource = || ("resource", flags(&FlagTable::RLIMIT_RESOURCES, &["RLIMIT_CORE"]));
    let core = i64::from(libc::RLIMIT_CORE);
    let mut limit = [0_i64; 2];
    let res = call(libc::SYS_getrlimit, [core, at(&raw mut limit)]);
    let wants = [("res", int(res)), ("cur", int(limit[0])), ("max", int(limit[1])), resource()];
    live.saw(EventType::SYSCALL_GETRLIMIT_X, &wants);
    let res = call(libc::SYS_setrlimit, [core, at(&limit)]);
    let wants = [("res", int(res)), ("cur", int(limit[0])), ("max", int(limit[1])), resource()];
    live.saw(EventType::SYSCALL_SETRLIMIT_X, &wants);
    let mut old = [7_i64; 2];
    let res = call(libc::SYS_prlimit64, [pid(), core, at(&limit), at(&raw mut old)]);
    live.saw(
        EventType::SYSCALL_PRLIMIT_X,
        &[
            ("res", int(res)),
            ("newcur", int(limit[0])),
            ("newmax", int(limit[1])),
            ("oldcur", int(limit[0])),
            ("oldmax", int(limit[1])),
            ("pid", int(pid())),
            resource(),
        ],
    );
    // A soft limit above the hard one is refused, but the event has the requested values.
    let wrong = [9_i64, 3];
    let res = call(libc::SYS_prlimit64, [0, core, at(&wrong), at(&raw mut old)]);
    assert!(res < 0);
    live.saw(
        EventType::SYSCALL_PRLIMIT_X,
        &[
            ("res", int(res)),
            ("newcur", int(9)),
            ("newmax", int(3)),
            ("oldcur", int(-1)),
            ("oldmax", int(-1)),
            ("pid", int(0)),
            resource(),
        ],
    );
}

#[test]
fn chroot() {
    let mut live = capture(&[EventType::SYSCALL_CHROOT_X]);
    let name = c"/nonexistent/root";
    let res = call(libc::SYS_chroot, [at(name.as_ptr())]);
    live.saw(EventType::SYSCALL_CHROOT_X, &[("res", int(res)), ("path", path(name))]);
}

#[test]
fn pidfds() {
    let types = [EventType::SYSCALL_PIDFD_OPEN_X, EventType::SYSCALL_PIDFD_GETFD_X];
    let mut live = capture(&types);
    let of = Fd(call(libc::SYS_pidfd_open, [pid(), libc::PIDFD_NONBLOCK.into()]));
    let how = flags(&FlagTable::PIDFD_OPEN_FLAGS, &["PIDFD_NONBLOCK"]);
    live.saw(EventType::SYSCALL_PIDFD_OPEN_X, &[("fd", int(of.0)), ("pid", int(pid())), ("flags", how)]);
    let fd = Fd(call(libc::SYS_pidfd_getfd, [of.0, 1, 0]));
    live.saw(
        EventType::SYSCALL_PIDFD_GETFD_X,
        &[("fd", int(fd.0)), ("pid_fd", int(of.0)), ("target_fd", int(1)), ("flags", int(0))],
    );
}
