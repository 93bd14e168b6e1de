//! Attributes of a thread that the kernel reports after a call: ids and capabilities, the terminal, the
//! name.

use eyas_events::{EventType as E, FlagTable, param};
use eyas_scap::{EventBuilder, FdEntry, Snapshot, ThreadEntry};
use eyas_sinsp::{Config, Inspector};

mod script;

use script::{at, beginning, clone, close, exec, open, see, system};

const ALL: u64 = (1 << 41) - 1;
const TTY: [&str; 1] = ["proc.tty"];
const TIOCSCTTY: u64 = 0x540e;
const TIOCNOTTY: u64 = 0x5422;

/// The event with the kernel's report after its parameters.
fn with_report(event: EventBuilder, ty: E, numbers: &[&[u8]]) -> EventBuilder {
    let first = ty.info().unwrap().params.len();
    numbers.iter().enumerate().fold(event, |event, (place, number)| event.bytes(first + place, number))
}

/// A call with which the kernel reports ids and capabilities.
fn identity(event: EventBuilder, ty: E, ids: [u32; 2], caps: [u64; 3]) -> EventBuilder {
    let (ids, caps) = (ids.map(u32::to_le_bytes), caps.map(u64::to_le_bytes));
    // After the kernel's paths, which are empty.
    let mut numbers = vec![&[][..]; ty.kernel_paths().len()];
    numbers.extend([&ids[0][..], &ids[1], &caps[0], &caps[1], &caps[2]]);
    with_report(event, ty, &numbers)
}

fn is_now(inspector: &Inspector, tid: i64) -> (u32, u32, [u64; 3]) {
    let thread = inspector.state().threads.get(tid).unwrap();
    (thread.uid, thread.gid, thread.caps)
}

#[test]
fn ids_are_the_kernel_s_in_a_user_namespace() {
    use param::{SYSCALL_SETRESUID_X as r, SYSCALL_UNSHARE_X as u};
    let mut inspector = system();
    let newuser = FlagTable::CLONE_FLAGS.value("CLONE_NEWUSER");
    let unshare = at(1, E::SYSCALL_UNSHARE_X, 10).int(u::res, 0).uint(u::flags, newuser.into());
    see(&mut inspector, identity(unshare, E::SYSCALL_UNSHARE_X, [1000, 1001], [0, ALL, ALL]), &[]);
    assert_eq!(is_now(&inspector, 10), (1000, 1001, [0, ALL, ALL]));
    // 5 is 100005 outside.
    let set = |res: i64| {
        let event = at(2, E::SYSCALL_SETRESUID_X, 10).int(r::res, res);
        event.uint(r::ruid, 5).uint(r::euid, 5).uint(r::suid, 5)
    };
    let ty = E::SYSCALL_SETRESUID_X;
    let got = see(&mut inspector, identity(set(0), ty, [100_005, 1001], [1, 2, 3]), &["user.uid"]);
    assert_eq!(got, ["100005"]);
    assert_eq!(is_now(&inspector, 10), (100_005, 1001, [1, 2, 3]));
    // The event of a failed call has the same data.
    see(&mut inspector, identity(set(-1), ty, [100_006, 1002], [0, 0, 3]), &[]);
    assert_eq!(is_now(&inspector, 10), (100_006, 1002, [0, 0, 3]));
    // Without a report, the arguments are used.
    see(&mut inspector, set(0), &[]);
    assert_eq!(is_now(&inspector, 10).0, 5);
    see(&mut inspector, set(-1).uint(r::euid, 6), &[]);
    assert_eq!(is_now(&inspector, 10).0, 5);
    // The result is the id before.
    let fs = at(3, E::SYSCALL_SETFSUID_X, 10).int(0, 5).uint(1, 7);
    see(&mut inspector, identity(fs, E::SYSCALL_SETFSUID_X, [5, 1002], [0, ALL, 8]), &[]);
    assert_eq!(is_now(&inspector, 10), (5, 1002, [0, ALL, 8]));
}

/// A shell that leads a session and has a terminal, its child, a child of that in a session of its own, and the shell of a
/// container, whose terminal has the same number.
fn with_terminals() -> Inspector {
    let entry = |tid: i64, ptid: i64, sid: i64, cgroup: &str| ThreadEntry {
        tid,
        pid: tid,
        ptid,
        vtid: tid,
        vpid: tid,
        sid,
        tty: 34_816,
        cgroups: format!("cpuset={cgroup}\0").into_bytes(),
        comm: b"sh".to_vec(),
        ..ThreadEntry::default()
    };
    let container = "/docker/3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
    let threads = vec![
        entry(20, 1, 20, "/"),
        entry(21, 20, 20, "/"),
        entry(22, 21, 22, "/"),
        entry(30, 1, 20, container),
    ];
    let mut inspector = Inspector::new(Config::default());
    inspector.load(Snapshot { threads, fds: vec![(20, Vec::<FdEntry>::new())], ..Snapshot::default() });
    inspector
}

fn ttys<const N: usize>(inspector: &mut Inspector, tids: [i64; N]) -> [String; N] {
    tids.map(|tid| see(inspector, close(9, tid, 99), &TTY).remove(0))
}

fn ioctl(tid: i64, request: u64, argument: u64, tty: u32) -> EventBuilder {
    use param::SYSCALL_IOCTL_3_X as p;
    let event = at(2, E::SYSCALL_IOCTL_3_X, tid).int(p::res, 0).int(p::fd, 0).uint(p::request, request);
    with_report(event.uint(p::argument, argument), E::SYSCALL_IOCTL_3_X, &[&tty.to_le_bytes()])
}

#[test]
fn a_session_loses_its_terminal_with_its_leader() {
    let all = [20, 21, 22, 30];
    let mut inspector = with_terminals();
    assert_eq!(ttys(&mut inspector, all), ["34816"; 4]);
    // A process that does not lead the session.
    see(&mut inspector, ioctl(21, TIOCNOTTY, 0, 0), &[]);
    assert_eq!(ttys(&mut inspector, all), ["34816", "0", "34816", "34816"]);
    let mut inspector = with_terminals();
    see(&mut inspector, ioctl(20, TIOCNOTTY, 0, 0), &[]);
    assert_eq!(ttys(&mut inspector, all), ["0", "0", "34816", "34816"]);
    // A failed call.
    let mut inspector = with_terminals();
    see(&mut inspector, ioctl(20, TIOCNOTTY, 0, 34_816).int(0, -25), &[]);
    assert_eq!(ttys(&mut inspector, all), ["34816"; 4]);
    // The terminal is free when the leader ends, but not when another thread of the leader's process does.
    let exit = |tid| at(3, E::PROCEXIT_1_E, tid).int(param::PROCEXIT_1_E::reaper_tid, 1);
    see(&mut inspector, clone(3, 23, 0, 20, 1, FlagTable::CLONE_FLAGS.value("CLONE_THREAD")), &[]);
    see(&mut inspector, exit(23), &[]);
    assert_eq!(ttys(&mut inspector, all), ["34816"; 4]);
    assert_eq!(see(&mut inspector, exit(20), &TTY), ["34816"]);
    assert_eq!(ttys(&mut inspector, [21, 22, 30]), ["0", "34816", "34816"]);
}

#[test]
fn a_session_gets_the_terminal_of_another() {
    let mut inspector = with_terminals();
    // The session of 22 gives up its terminal, and takes the one of 20's session.
    see(&mut inspector, ioctl(22, TIOCNOTTY, 0, 0), &[]);
    assert_eq!(ttys(&mut inspector, [20, 21, 22, 30]), ["34816", "34816", "0", "34816"]);
    see(&mut inspector, ioctl(22, TIOCSCTTY, 1, 34_816), &[]);
    assert_eq!(ttys(&mut inspector, [20, 21, 22, 30]), ["0", "0", "34816", "34816"]);
    // The session has this terminal already.
    see(&mut inspector, ioctl(22, TIOCSCTTY, 0, 34_816), &[]);
    assert_eq!(ttys(&mut inspector, [22, 30]), ["34816", "34816"]);
}

#[test]
fn the_leader_of_a_session_gets_the_terminal_that_it_opens() {
    let mut inspector = with_terminals();
    let opens = |tid: i64, tty: u32| {
        let (ty, event) = (E::SYSCALL_OPENAT_2_X, open(2, tid, 5, -100, b"/dev/tty1"));
        with_report(event, ty, &[b"/dev/tty1\0", b"", &tty.to_le_bytes()])
    };
    see(&mut inspector, clone(1, 24, 0, 24, 20, 0), &[]);
    see(&mut inspector, at(2, E::SYSCALL_SETSID_X, 24).int(0, 24), &[]);
    assert_eq!(see(&mut inspector, opens(24, 0), &TTY), ["0"]);
    assert_eq!(see(&mut inspector, opens(24, 1025), &TTY), ["1025"]);
    // Its children have it, too.
    see(&mut inspector, clone(3, 25, 0, 25, 24, 0), &[]);
    assert_eq!(ttys(&mut inspector, [20, 24, 25]), ["34816", "1025", "1025"]);
}

#[test]
fn a_thread_has_the_name_that_is_written_to_proc() {
    let mut inspector = Inspector::new(Config::default());
    inspector.load(beginning());
    see(&mut inspector, exec(1, 10, b"java", b"-jar\0"), &[]);
    let fields = ["proc.name", "proc.cmdline", "evt.type"];
    let name = |name: &[u8]| at(2, E::TASK_RENAME_X, 10).text(param::TASK_RENAME_X::comm, name);
    assert_eq!(see(&mut inspector, name(b"worker"), &fields), ["worker", "worker -jar", "task_rename"]);
    assert_eq!(see(&mut inspector, name(b""), &fields[..2]), ["", " -jar"]);
    // An unknown thread.
    see(&mut inspector, at(2, E::TASK_RENAME_X, 77).text(0, b"x"), &[]);
    assert!(inspector.state().threads.get(77).is_none());
}

#[test]
fn a_thread_that_executes_a_program_keeps_its_descriptors_and_directory() {
    use param::{SYSCALL_CHDIR_X as d, SYSCALL_UNSHARE_X as u};
    let flags = ["CLONE_THREAD", "CLONE_FS", "CLONE_FILES"].map(|name| FlagTable::CLONE_FLAGS.value(name));
    let unshared = u64::from(flags[1] | flags[2]);
    for (is_reported, expected) in [(true, ["1", "/tmp/", "/tmp/x"]), (false, ["2", "/home/", ""])] {
        let mut inspector = system();
        see(&mut inspector, clone(1, 11, 0, 10, 1, flags.iter().sum()), &[]);
        see(&mut inspector, open(2, 10, 4, -100, b"of-the-leader"), &[]);
        see(&mut inspector, at(2, E::SYSCALL_UNSHARE_X, 11).int(u::res, 0).uint(u::flags, unshared), &[]);
        see(&mut inspector, at(3, E::SYSCALL_CHDIR_X, 11).int(d::res, 0).text(d::path, b"/tmp"), &[]);
        see(&mut inspector, close(3, 11, 3), &[]);
        see(&mut inspector, close(3, 11, 4), &[]);
        see(&mut inspector, open(3, 11, 5, -100, b"x"), &[]);
        let execute = exec(4, 10, b"cat", b"");
        let tid: &[u8] = if is_reported { &11_i64.to_le_bytes() } else { b"" };
        let execute = with_report(execute, E::SYSCALL_EXECVE_19_X, &[b"", tid]);
        assert_eq!(
            see(&mut inspector, execute, &["proc.fdopencount", "proc.cwd"]),
            expected[..2],
            "{is_reported}"
        );
        assert_eq!(see(&mut inspector, close(5, 10, 5), &["fd.name"]), expected[2..], "{is_reported}");
        assert!(inspector.state().threads.get(11).is_none());
    }
}
