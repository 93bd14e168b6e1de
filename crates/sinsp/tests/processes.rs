//! Creation, programs and end of processes: scripts of events, and the state after them.

use eyas_events::{EventType as E, FlagTable, param};
use eyas_scap::{EventBuilder, FdDetail, FdEntry, Snapshot, ThreadEntry};
use eyas_sinsp::{Config, Inspector};

mod script;

use script::{SECOND, at, clone, close, exec, open, see, system};

const THREAD: u32 = FlagTable::CLONE_FLAGS.value("CLONE_THREAD")
    | FlagTable::CLONE_FLAGS.value("CLONE_FS")
    | FlagTable::CLONE_FLAGS.value("CLONE_FILES");
const VFORK: u32 = FlagTable::CLONE_FLAGS.value("CLONE_VFORK");
const NEWPID: u32 = FlagTable::CLONE_FLAGS.value("CLONE_NEWPID");
const IN_PIDNS: u32 = FlagTable::CLONE_FLAGS.value("CLONE_CHILD_IN_PIDNS");

fn exit(second: u64, tid: i64, reaper: i64) -> EventBuilder {
    at(second, E::PROCEXIT_1_E, tid).int(param::PROCEXIT_1_E::reaper_tid, reaper)
}

fn nothing(inspector: &mut Inspector, second: u64) {
    see(inspector, close(second, 1, 99), &[]);
}

fn knows(inspector: &Inspector, tid: i64) -> bool {
    inspector.state().threads.get(tid).is_some()
}

#[test]
fn a_failed_clone_adds_no_thread() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 10, -11, 10, 1, 0), &[]);
    assert_eq!(inspector.state().threads.len(), 2);
}

#[test]
fn children_in_another_pid_namespace_are_added_by_their_own_event() {
    for flags in [VFORK, NEWPID, IN_PIDNS] {
        let mut inspector = system();
        see(&mut inspector, clone(1, 10, 11, 10, 1, flags), &[]);
        assert!(!knows(&inspector, 11), "{flags:x}");
        see(&mut inspector, clone(1, 11, 0, 11, 10, flags), &[]);
        assert!(knows(&inspector, 11), "{flags:x}");
    }
    let mut inspector = system();
    let vfork = |tid, res| {
        use param::SYSCALL_VFORK_20_X as p;
        at(1, E::SYSCALL_VFORK_20_X, tid).int(p::res, res).int(p::pid, tid).int(p::ptid, 1)
    };
    see(&mut inspector, vfork(10, 11), &[]);
    assert!(!knows(&inspector, 11));
}

#[test]
fn a_child_that_exited_before_its_parent_s_event_is_not_added_again() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, exit(1, 11, -1), &[]);
    see(&mut inspector, clone(2, 10, 11, 10, 1, 0), &[]);
    assert!(!knows(&inspector, 11));
    // Two seconds later, the same id is another thread.
    see(&mut inspector, clone(4, 10, 11, 10, 1, 0), &[]);
    assert!(knows(&inspector, 11));
}

#[test]
fn a_child_has_what_the_event_reports_and_the_rest_of_its_maker() {
    use param::SYSCALL_CLONE_20_X as p;
    let mut inspector = system();
    let event = clone(1, 11, 0, 11, 10, 0)
        .text(p::exe, b"/bin/worker")
        .text(p::comm, b"worker")
        .bytes(p::args, b"-v\0two words\0")
        .int(p::fdlimit, 64)
        .uint(p::uid, 33)
        .bytes(p::cgroups, b"mem_cgroup=/a\0io=/b\0");
    let fields = [
        "proc.name",
        "proc.cmdline",
        "proc.exeline",
        "proc.args[1]",
        "proc.args[2]",
        "proc.cmdnargs",
        "proc.exepath",
        "proc.cwd",
        "proc.sid",
        "proc.fdlimit",
        "user.uid",
        "thread.cgroups",
        "proc.pid.ts",
    ];
    assert_eq!(
        see(&mut inspector, event, &fields),
        [
            "worker",
            "worker -v two words",
            "/bin/worker -v two words",
            "two words",
            "",
            "2",
            "/usr/bin/sh",
            "/home/",
            "1",
            "64",
            "33",
            "memory=/a blkio=/b",
            &SECOND.to_string(),
        ]
    );
}

#[test]
fn one_malformed_cgroup_discards_the_update() {
    use param::SYSCALL_EXECVE_19_X as x;
    let mut inspector = system();
    let execute = |groups: &[u8]| exec(1, 10, b"cat", b"").bytes(x::cgroups, groups);
    let groups = ["thread.cgroups"];
    assert_eq!(see(&mut inspector, execute(b"cpu=/a\0"), &groups), ["cpu=/a"]);
    assert_eq!(see(&mut inspector, execute(b"cpu=/b\0broken\0"), &groups), ["cpu=/a"]);
    assert_eq!(see(&mut inspector, execute(b""), &groups), ["cpu=/a"]);
}

#[test]
fn a_thread_of_an_unknown_leader_reports_the_leader() {
    use param::SYSCALL_CLONE_20_X as p;
    let mut inspector = system();
    let event = clone(1, 21, 0, 20, 10, THREAD).int(p::vtid, 4).int(p::vpid, 3);
    let fields = ["proc.pid", "proc.vpid", "thread.vtid", "proc.nthreads", "proc.pname", "thread.ismain"];
    assert_eq!(see(&mut inspector, event, &fields), ["20", "3", "4", "2", "sh", "false"]);
    assert_eq!(
        see(&mut inspector, close(2, 20, 9), &fields),
        ["20", "3", "3", "2", "sh", "true"],
        "the leader's own ids are one"
    );
}

#[test]
fn an_unknown_parent_is_added_from_the_event() {
    let mut inspector = system();
    let fields = ["proc.pid", "proc.name", "proc.pname"];
    assert_eq!(see(&mut inspector, clone(1, 30, 31, 30, 10, 0), &fields), ["30", "sh", "sh"]);
    assert_eq!(see(&mut inspector, close(2, 31, 9), &["proc.ppid", "proc.nthreads"]), ["30", "1"]);
}

#[test]
fn unknown_parents_are_looked_up_in_proc() {
    let lookup = |tid| {
        let cwd = b"/srv".to_vec();
        let thread =
            ThreadEntry { tid, pid: tid, ptid: 1, vtid: tid, vpid: tid, cwd, ..ThreadEntry::default() };
        let file = FdDetail::File { open_flags: 1, path: b"/srv/db".to_vec(), dev: 1, mount_id: 0 };
        Some((thread, vec![FdEntry::new(4, 9, file)]))
    };
    for (tid, res) in [(40, 41), (41, 0)] {
        let mut inspector = Inspector::new(Config::default().with_proc(lookup));
        see(&mut inspector, clone(1, tid, res, tid, 40, 0), &[]);
        let fields = ["proc.cwd", "fd.name", "proc.ppid"];
        assert_eq!(see(&mut inspector, close(2, 41, 4), &fields), ["/srv/", "/srv/db", "40"]);
    }
}

#[test]
fn an_unknown_thread_has_only_an_id() {
    let mut inspector = system();
    let fields =
        ["thread.tid", "proc.pid", "proc.name", "proc.exe", "user.uid", "proc.ppid", "proc.nthreads"];
    assert_eq!(
        see(&mut inspector, close(1, 77, 3), &fields),
        ["77", "-1", "<NA>", "<NA>", "4294967295", "<NA>", "0"]
    );
    assert_eq!(inspector.stats().failed_thread_lookups, 1);
    // After its exec, the process is known.
    let fields = ["proc.pid", "proc.name", "proc.pname", "proc.vpid", "proc.nthreads"];
    let execute = exec(2, 77, b"cat", b"").int(param::SYSCALL_EXECVE_19_X::ptid, 10);
    assert_eq!(see(&mut inspector, execute, &fields), ["77", "cat", "sh", "77", "1"]);
}

#[test]
fn exits_and_switches_of_unknown_threads_make_no_entry() {
    let mut inspector = system();
    for event in [exit(1, 77, -1), at(1, E::SCHEDSWITCH_6_E, 78), at(1, E::PROCINFO_E, 79)] {
        assert_eq!(see(&mut inspector, event, &["proc.name"]), ["<NA>"]);
    }
    assert_eq!(inspector.state().threads.len(), 2);
}

#[test]
fn executing_ends_the_other_threads() {
    let mut inspector = system();
    for tid in [12, 13] {
        see(&mut inspector, clone(1, tid, 0, 10, 1, THREAD), &[]);
    }
    let fields = ["proc.nthreads", "proc.nchilds", "proc.cwd", "proc.sid", "thread.ismain"];
    assert_eq!(see(&mut inspector, exec(2, 10, b"cat", b""), &fields), ["1", "0", "/home/", "1", "true"]);
    assert!(!knows(&inspector, 12) && !knows(&inspector, 13));
}

#[test]
fn an_ended_leader_is_revived_when_another_thread_executes() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 12, 0, 10, 1, THREAD), &[]);
    see(&mut inspector, exit(2, 10, -1), &[]);
    assert_eq!(see(&mut inspector, close(3, 12, 99), &["proc.nthreads", "proc.nchilds"]), ["1", "1"]);
    // The kernel gives the thread the leader's id.
    assert_eq!(see(&mut inspector, exec(4, 10, b"cat", b""), &["proc.nthreads", "proc.name"]), ["1", "cat"]);
    assert!(!knows(&inspector, 12));
}

#[test]
fn a_failed_exec_changes_nothing() {
    let mut inspector = system();
    let failed = exec(1, 10, b"nothing", b"").int(param::SYSCALL_EXECVE_19_X::res, -2);
    assert_eq!(see(&mut inspector, failed, &["proc.name", "proc.exepath"]), ["sh", "/usr/bin/sh"]);
}

#[test]
fn values_that_an_old_event_lacks_are_kept() {
    use param::SYSCALL_EXECVE_19_X as x;
    let mut inspector = system();
    let full = exec(1, 10, b"cat", b"")
        .uint(x::tty, 34_816)
        .int(x::vpgid, 7)
        .uint(x::flags, FlagTable::EXECVE_FLAGS.value("EXE_WRITABLE").into())
        .uint(x::pgft_maj, 1)
        .uint(x::pgft_min, 2)
        .uint(x::vm_size, 30)
        .uint(x::vm_rss, 4)
        .uint(x::vm_swap, 5)
        .int(x::loginuid, 1000);
    see(&mut inspector, full, &[]);
    let old = at(2, E::SYSCALL_EXECVE_19_X, 10).int(x::res, 0).text(x::exe, b"/bin/ls").int(x::pid, 10);
    let fields = [
        "proc.name",
        "proc.exepath",
        "proc.tty",
        "proc.vpgid",
        "proc.pgid",
        "proc.is_exe_writable",
        "thread.pfminor",
        "proc.vmsize",
        "user.loginuid",
    ];
    assert_eq!(
        see(&mut inspector, old, &fields),
        ["/bin/ls", "/bin/cat", "34816", "7", "-1", "true", "2", "30", "1000"]
    );
}

#[test]
fn the_path_of_an_old_execution_is_that_of_the_call_that_began() {
    use param::{SYSCALL_EXECVE_19_E as begin, SYSCALL_EXECVE_19_X as x, SYSCALL_EXECVEAT_E as at_begin};
    const EMPTY_PATH: u32 = FlagTable::EXECVEAT_FLAGS.value("AT_EMPTY_PATH");
    let execute = || at(2, E::SYSCALL_EXECVE_19_X, 10).int(x::res, 0).text(x::exe, b"x").int(x::pid, 10);
    let execveat = |dirfd, path: &[u8], flags: u32| {
        let event = at(1, E::SYSCALL_EXECVEAT_E, 10).int(at_begin::dirfd, dirfd);
        event.text(at_begin::pathname, path).uint(at_begin::flags, flags.into())
    };
    let execve = |path: &[u8]| at(1, E::SYSCALL_EXECVE_19_E, 10).text(begin::filename, path);
    for (call, want) in [
        (execve(b"bin/x"), "/home/bin/x"),
        (execve(b"/bin/../x (deleted)"), "/x"),
        (execve(b"<NA>"), "<NA>"),
        (execveat(3, b"x", 0), "/etc/motd/x"),
        (execveat(3, b"<NA>", EMPTY_PATH), "/etc/motd"),
        (execveat(3, b"<NA>", 0), "<NA>"),
        (execveat(77, b"x", 0), "<NA>"),
        (execveat(77, b"/bin/x", 0), "/bin/x"),
    ] {
        let mut inspector = system();
        see(&mut inspector, call, &[]);
        assert_eq!(see(&mut inspector, execute(), &["proc.exepath"]), [want]);
    }
}

#[test]
fn a_deleted_executable_keeps_its_path() {
    use param::SYSCALL_EXECVE_19_X as x;
    let mut inspector = system();
    let event = exec(1, 10, b"cat", b"").text(x::trusted_exepath, b"/tmp/cat (deleted)");
    assert_eq!(see(&mut inspector, event, &["proc.exepath"]), ["/tmp/cat"]);
}

#[test]
fn a_leader_stays_until_its_last_thread_is_gone() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 12, 0, 10, 1, THREAD), &[]);
    see(&mut inspector, exit(2, 10, -1), &[]);
    nothing(&mut inspector, 3);
    assert!(knows(&inspector, 10));
    assert_eq!(see(&mut inspector, close(4, 12, 3), &["fd.name", "proc.cwd"]), ["/etc/motd", "/home/"]);
    see(&mut inspector, exit(5, 12, -1), &[]);
    nothing(&mut inspector, 6);
    assert_eq!(inspector.state().threads.len(), 1);
}

/// A shell below a shell below a service, each with a child: 10 -> 11 -> 12.
fn family() -> Inspector {
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, clone(1, 12, 0, 12, 11, 0), &[]);
    inspector
}

#[test]
fn orphans_get_the_parent_that_the_kernel_reports() {
    let mut inspector = family();
    see(&mut inspector, exit(2, 11, 10), &[]);
    assert_eq!(see(&mut inspector, close(3, 12, 3), &["proc.ppid", "proc.pname"]), ["10", "sh"]);
    assert_eq!(see(&mut inspector, close(3, 12, 3), &["proc.apid[2]"]), ["1"]);
}

#[test]
fn orphans_go_to_a_living_thread_of_the_process() {
    let mut inspector = family();
    see(&mut inspector, clone(2, 13, 0, 11, 10, THREAD), &[]);
    see(&mut inspector, exit(3, 11, -1), &[]);
    nothing(&mut inspector, 4);
    assert_eq!(inspector.state().threads.get(12).map(|thread| thread.ptid), Some(13));
    assert_eq!(see(&mut inspector, close(5, 12, 3), &["proc.ppid"]), ["11"]);
}

#[test]
fn orphans_go_to_the_nearest_ancestor_that_reaps() {
    use param::SYSCALL_PRCTL_X as p;
    const SUBREAPER: u32 = FlagTable::PRCTL_OPTIONS.value("PR_SET_CHILD_SUBREAPER");
    for (on, parent) in [(1, "10"), (0, "1")] {
        let mut inspector = family();
        let prctl = |value| {
            let event = at(2, E::SYSCALL_PRCTL_X, 10).int(p::res, 0).uint(p::option, SUBREAPER.into());
            event.int(p::arg2_int, value)
        };
        see(&mut inspector, prctl(1), &[]);
        see(&mut inspector, prctl(on), &[]);
        see(&mut inspector, exit(3, 11, -1), &[]);
        assert_eq!(see(&mut inspector, close(4, 12, 3), &["proc.ppid"]), [parent]);
    }
}

#[test]
fn ancestors_end_at_a_loop() {
    let thread = |tid, ptid| ThreadEntry {
        tid,
        pid: tid,
        ptid,
        vtid: tid,
        vpid: tid,
        comm: tid.to_string().into_bytes(),
        ..ThreadEntry::default()
    };
    let mut inspector = Inspector::default();
    inspector
        .load(Snapshot { threads: vec![thread(5, 7), thread(6, 5), thread(7, 6)], ..Snapshot::default() });
    let got = see(&mut inspector, close(1, 5, 3), &["proc.aname[1]", "proc.aname[2]", "proc.aname[900]"]);
    assert_eq!(got, ["7", "6", "<NA>"]);
}

#[test]
fn the_parent_is_the_process_of_the_creating_thread() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 13, 0, 10, 1, THREAD), &[]);
    see(&mut inspector, clone(2, 13, 14, 10, 1, 0), &[]);
    let fields = ["proc.ppid", "proc.apid[0]", "proc.apid[1]", "proc.aname[2]", "proc.pvpid"];
    assert_eq!(see(&mut inspector, close(3, 14, 3), &fields), ["10", "14", "10", "init", "10"]);
}

#[test]
fn directories_change_with_the_calls_that_change_them() {
    use param::{SYSCALL_CHDIR_X as c, SYSCALL_FCHDIR_X as f, SYSCALL_GETCWD_X as g};
    let mut inspector = system();
    let cwd = ["proc.cwd"];
    let chdir = |path: &[u8], res| at(1, E::SYSCALL_CHDIR_X, 10).int(c::res, res).text(c::path, path);
    assert_eq!(see(&mut inspector, chdir(b"a/../b//c", 0), &cwd), ["/home/b/c/"]);
    assert_eq!(see(&mut inspector, chdir(b"/nowhere", -2), &cwd), ["/home/b/c/"]);
    see(&mut inspector, open(2, 10, 5, -100, b"../d"), &[]);
    let fchdir = at(3, E::SYSCALL_FCHDIR_X, 10).int(f::res, 0).int(f::fd, 5);
    assert_eq!(see(&mut inspector, fchdir, &cwd), ["/home/b/d/"]);
    let getcwd = at(4, E::SYSCALL_GETCWD_X, 10).int(g::res, 0).text(g::path, b"/moved");
    assert_eq!(see(&mut inspector, getcwd, &cwd), ["/moved/"]);
    // A thread shares the directory of its process.
    see(&mut inspector, clone(5, 12, 0, 10, 1, THREAD), &[]);
    let chdir = at(6, E::SYSCALL_CHDIR_X, 12).int(c::res, 0).text(c::path, b"/");
    see(&mut inspector, chdir, &[]);
    assert_eq!(see(&mut inspector, close(7, 10, 99), &cwd), ["/"]);
}

#[test]
fn a_root_is_a_path_of_the_directory() {
    use param::SYSCALL_CHROOT_X as p;
    let mut inspector = system();
    let chroot = |path: &[u8], res| at(1, E::SYSCALL_CHROOT_X, 10).int(p::res, res).text(p::path, path);
    see(&mut inspector, chroot(b"jail", 0), &[]);
    see(&mut inspector, chroot(b"/nowhere", -1), &[]);
    let state = inspector.state();
    let root = state.threads.get(10).and_then(|t| state.threads.directories(t)).map(|d| d.root.to_vec());
    assert_eq!(root.as_deref(), Some(&b"/home/jail"[..]));
}

#[test]
fn identities_change_with_the_calls_that_change_them() {
    use param::{SYSCALL_CAPSET_X as c, SYSCALL_SETRESUID_X as r, SYSCALL_SETSID_X as s};
    use param::{SYSCALL_SETREGID_X as g, SYSCALL_SETUID_X as u, SYSCALL_UNSHARE_X as n};
    let mut inspector = system();
    let ids = ["user.uid", "group.gid", "proc.sid"];
    let setuid = |uid, res| at(1, E::SYSCALL_SETUID_X, 10).int(u::res, res).uint(u::uid, uid);
    assert_eq!(see(&mut inspector, setuid(33, 0), &ids)[0], "33");
    assert_eq!(see(&mut inspector, setuid(0, -1), &ids)[0], "33");
    let setresuid =
        |euid: i64| at(2, E::SYSCALL_SETRESUID_X, 10).int(r::res, 0).int(r::ruid, 5).int(r::euid, euid);
    assert_eq!(see(&mut inspector, setresuid(34), &ids)[0], "34");
    assert_eq!(see(&mut inspector, setresuid(-1), &ids)[0], "34");
    let setregid = at(3, E::SYSCALL_SETREGID_X, 10).int(g::res, 0).int(g::rgid, 1).int(g::egid, 44);
    assert_eq!(see(&mut inspector, setregid, &ids)[1], "44");
    assert_eq!(see(&mut inspector, at(4, E::SYSCALL_SETSID_X, 10).int(s::res, 10), &ids)[2], "10");
    let capset = at(5, E::SYSCALL_CAPSET_X, 10).int(c::res, 0).uint(c::cap_inheritable, 0);
    let capset = capset.uint(c::cap_permitted, 3).uint(c::cap_effective, 1);
    let caps = ["thread.cap_permitted", "thread.cap_effective", "thread.cap_inheritable"];
    assert_eq!(see(&mut inspector, capset, &caps), ["CAP_CHOWN CAP_DAC_OVERRIDE", "CAP_CHOWN", ""]);
    const NEWUSER: u32 = FlagTable::CLONE_FLAGS.value("CLONE_NEWUSER");
    let unshare = at(6, E::SYSCALL_UNSHARE_X, 10).int(n::res, 0).uint(n::flags, NEWUSER.into());
    let got = see(&mut inspector, unshare, &caps);
    assert!(
        got[..2].iter().all(|set| set.ends_with("CAP_CHECKPOINT_RESTORE")) && got[2].is_empty(),
        "{got:?}"
    );
}

#[test]
fn limits_are_the_processs_and_may_be_set_for_another() {
    use param::{SYSCALL_PRLIMIT_X as p, SYSCALL_SETRLIMIT_X as s};
    const NOFILE: u32 = FlagTable::RLIMIT_RESOURCES.value("RLIMIT_NOFILE");
    const STACK: u32 = FlagTable::RLIMIT_RESOURCES.value("RLIMIT_STACK");
    let mut inspector = system();
    let set = |resource: u32, limit| {
        let event = at(1, E::SYSCALL_SETRLIMIT_X, 10).int(s::res, 0).int(s::cur, limit);
        event.uint(s::resource, resource.into())
    };
    see(&mut inspector, set(NOFILE, 40), &[]);
    let fields = ["proc.fdlimit", "proc.fdopencount"];
    assert_eq!(see(&mut inspector, set(STACK, 7), &fields), ["40", "1"]);
    let other = at(2, E::SYSCALL_PRLIMIT_X, 1).int(p::res, 0).int(p::pid, 10).int(p::newcur, 50);
    see(&mut inspector, other.uint(p::resource, NOFILE.into()), &[]);
    assert_eq!(see(&mut inspector, close(3, 10, 99), &fields), ["50", "1"]);
}

#[test]
fn context_switches_tell_time_faults_and_memory() {
    use param::SCHEDSWITCH_6_E as p;
    let mut inspector = system();
    let switch = |second, tid, cpu, faults| {
        let event =
            at(second, E::SCHEDSWITCH_6_E, tid).cpu(cpu).uint(p::pgft_maj, 1).uint(p::pgft_min, faults);
        event.uint(p::vm_size, 900).uint(p::vm_rss, 90).uint(p::vm_swap, 9)
    };
    let fields = ["thread.exectime", "thread.totexectime", "thread.pfminor", "proc.vmrss", "proc.vmswap"];
    assert_eq!(see(&mut inspector, switch(1, 10, 0, 5), &fields), ["0", "0", "5", "90", "9"]);
    see(&mut inspector, switch(2, 1, 1, 0), &[]);
    let (one, two, three) = (SECOND.to_string(), (2 * SECOND).to_string(), (3 * SECOND).to_string());
    assert_eq!(see(&mut inspector, switch(3, 10, 0, 6), &fields), [&*two, &*two, "6", "90", "9"]);
    assert_eq!(see(&mut inspector, switch(3, 10, 1, 7), &fields), [&*one, &*three, "7", "90", "9"]);
    assert_eq!(see(&mut inspector, close(4, 10, 99), &fields), ["0", &*three, "7", "90", "9"]);
}

#[test]
fn times_that_jump_cause_no_overflow() {
    use param::SCHEDSWITCH_6_E as p;
    let mut inspector = system();
    for ts in [1, u64::MAX, 1, u64::MAX, 0, u64::MAX - 1] {
        let event = EventBuilder::new(E::SCHEDSWITCH_6_E).ts(ts).tid(10).uint(p::pgft_maj, 1);
        see(&mut inspector, event.uint(p::vm_size, 900), &["thread.exectime", "thread.totexectime"]);
    }
}

#[test]
fn ticks_between_two_events_are_a_percentage() {
    use param::PROCINFO_E as p;
    let mut inspector = system();
    let info =
        |second, user, system| at(second, E::PROCINFO_E, 10).uint(p::cpu_usr, user).uint(p::cpu_sys, system);
    let fields = ["thread.cpu", "thread.cpu.user", "thread.cpu.system"];
    let percent = |[all, user, system]: [f64; 3]| [all, user, system].map(|n| format!("Double({n:?})"));
    assert_eq!(see(&mut inspector, info(1, 1000, 500), &fields), percent([0.0; 3]));
    assert_eq!(see(&mut inspector, info(2, 1020, 505), &fields), percent([25.0, 20.0, 5.0]));
    assert_eq!(see(&mut inspector, info(3, 1120, 605), &fields), percent([100.0, 100.0, 100.0]));
    assert_eq!(see(&mut inspector, close(4, 10, 99), &fields), ["<NA>"; 3]);
}

#[test]
fn users_and_groups_come_and_go_with_their_events() {
    use param::{GROUP_ADDED_E as ga, USER_ADDED_E as a, USER_DELETED_E as d};
    let mut inspector = system();
    let names = ["user.name", "user.homedir", "user.shell", "group.name"];
    assert_eq!(see(&mut inspector, close(1, 10, 99), &names), ["root", "/root", "<NA>", "root"]);
    let user = at(2, E::USER_ADDED_E, -1).uint(a::uid, 0).text(a::name, b"toor").text(a::home, b"/t");
    see(&mut inspector, user.text(a::shell, b"/bin/sh").text(a::container_id, b""), &[]);
    see(&mut inspector, at(2, E::GROUP_ADDED_E, -1).uint(ga::gid, 0).text(ga::name, b"wheel"), &[]);
    assert_eq!(see(&mut inspector, close(3, 10, 99), &names), ["toor", "/t", "/bin/sh", "wheel"]);
    see(&mut inspector, at(4, E::USER_DELETED_E, -1).uint(d::uid, 0), &[]);
    assert_eq!(see(&mut inspector, close(5, 10, 99), &names[..1]), ["root"]);
}
