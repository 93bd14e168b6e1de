//! Users, capabilities, sessions, groups and names after the calls that change them.

use eyas_events::{EventType as E, FlagTable, param};
use eyas_scap::{EventBuilder, Snapshot, ThreadEntry};
use eyas_sinsp::{Config, Inspector};

mod script;

use script::{at, beginning, clone, close, exec, see, system};

const ALL: u64 = (1 << 41) - 1;
const SETUID: u64 = 1 << 7;

const fn flag(name: &str) -> u32 {
    FlagTable::CLONE_FLAGS.value(name)
}

/// The small system, whose shell is root with these capabilities.
fn with_caps(permitted: u64, effective: u64) -> Inspector {
    let mut snapshot = beginning();
    snapshot.threads[1].uid = 0;
    snapshot.threads[1].caps = [0, permitted, effective];
    let mut inspector = Inspector::new(Config::default());
    inspector.load(snapshot);
    inspector
}

fn caps(inspector: &Inspector, tid: i64) -> [u64; 3] {
    inspector.state().threads.get(tid).unwrap().caps
}

fn setuid(uid: u64) -> EventBuilder {
    at(1, E::SYSCALL_SETUID_X, 10).int(0, 0).uint(param::SYSCALL_SETUID_X::uid, uid)
}

/// `-1` keeps an id.
fn setresuid(ids: [i64; 3]) -> EventBuilder {
    use param::SYSCALL_SETRESUID_X as p;
    let [real, effective, saved] = ids.map(|id| u64::from(id as u32));
    at(1, E::SYSCALL_SETRESUID_X, 10)
        .int(0, 0)
        .uint(p::ruid, real)
        .uint(p::euid, effective)
        .uint(p::suid, saved)
}

fn setreuid(real: i64, effective: i64) -> EventBuilder {
    use param::SYSCALL_SETREUID_X as p;
    let ids = [real, effective].map(|id| u64::from(id as u32));
    at(1, E::SYSCALL_SETREUID_X, 10).int(0, 0).uint(p::ruid, ids[0]).uint(p::euid, ids[1])
}

fn prctl(option: &str, argument: i64) -> EventBuilder {
    use param::SYSCALL_PRCTL_X as p;
    let option = FlagTable::PRCTL_OPTIONS.value(option);
    at(1, E::SYSCALL_PRCTL_X, 10).int(p::res, 0).uint(p::option, option.into()).int(p::arg2_int, argument)
}

/// The remaining capabilities, permitted and effective, after calls of a root process.
fn left_after(calls: impl IntoIterator<Item = EventBuilder>) -> [u64; 2] {
    let mut inspector = with_caps(ALL, ALL);
    for call in calls {
        see(&mut inspector, call, &[]);
    }
    let [_, permitted, effective] = caps(&inspector, 10);
    [permitted, effective]
}

#[test]
fn leaving_root_for_good_clears_the_capabilities() {
    assert_eq!(left_after([setuid(1000)]), [0, 0]);
    assert_eq!(left_after([setresuid([1000, 1000, 1000])]), [0, 0]);
    assert_eq!(left_after([setreuid(1000, 1000)]), [0, 0]);
    // A failed call changes nothing.
    assert_eq!(left_after([setuid(1000).int(0, -1)]), [ALL, ALL]);
}

#[test]
fn a_process_that_may_return_to_root_has_no_effective_capabilities() {
    assert_eq!(left_after([setresuid([-1, 1000, -1])]), [ALL, 0]);
    assert_eq!(left_after([setreuid(-1, 1000)]), [ALL, 0], "the real id is still root's");
    assert_eq!(left_after([setresuid([1000, 1000, -1])]), [ALL, 0], "the saved id is still root's");
    assert_eq!(left_after([setresuid([-1, 1000, -1]), setresuid([-1, 0, -1])]), [ALL, ALL]);
    assert_eq!(left_after([setresuid([-1, 1000, -1]), setresuid([1000, -1, 1000])]), [0, 0]);
    // The call sets only the effective id, because the capability to set all ids is not effective.
    assert_eq!(left_after([setresuid([-1, 1000, -1]), setuid(0)]), [ALL, ALL]);
}

#[test]
fn returning_to_root_restores_only_permitted_capabilities() {
    let mut inspector = with_caps(3, 3 | SETUID);
    see(&mut inspector, setresuid([-1, 1000, -1]), &[]);
    assert_eq!(caps(&inspector, 10), [0, 3, 0]);
    see(&mut inspector, setresuid([-1, 0, -1]), &[]);
    assert_eq!(caps(&inspector, 10), [0, 3, 3]);
}

#[test]
fn keepcaps_and_securebits_keep_the_capabilities() {
    assert_eq!(left_after([prctl("PR_SET_KEEPCAPS", 1), setuid(1000)]), [ALL, 0]);
    assert_eq!(left_after([prctl("PR_SET_KEEPCAPS", 1), prctl("PR_SET_KEEPCAPS", 0), setuid(1000)]), [0, 0]);
    // SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP
    assert_eq!(left_after([prctl("PR_SET_SECUREBITS", 0x10), setuid(1000)]), [ALL, 0]);
    assert_eq!(left_after([prctl("PR_SET_SECUREBITS", 0x4), setuid(1000)]), [ALL, ALL]);
    let execute = exec(1, 10, b"sh", b"");
    assert_eq!(left_after([prctl("PR_SET_KEEPCAPS", 1), execute, setuid(1000)]), [0, 0], "an exec forgets");
    assert_eq!(left_after([prctl("PR_SET_KEEPCAPS", 1).int(0, -1), setuid(1000)]), [0, 0]);
}

#[test]
fn a_child_inherits_the_ids_of_its_parent() {
    let mut inspector = with_caps(ALL, ALL);
    see(&mut inspector, setresuid([-1, 1000, -1]), &[]);
    use param::{SYSCALL_CLONE_20_X as c, SYSCALL_SETRESUID_X as r};
    see(&mut inspector, clone(2, 11, 0, 11, 10, 0).uint(c::uid, 1000), &[]);
    let back = at(3, E::SYSCALL_SETRESUID_X, 11).int(0, 0).uint(r::euid, 0);
    see(&mut inspector, back.uint(r::ruid, u32::MAX.into()).uint(r::suid, u32::MAX.into()), &[]);
    assert_eq!(caps(&inspector, 11), [0, ALL, ALL]);
    assert_eq!(caps(&inspector, 10), [0, ALL, 0]);
}

#[test]
fn the_creator_of_a_user_namespace_has_all_capabilities() {
    use param::{SYSCALL_SETNS_X as s, SYSCALL_UNSHARE_X as u};
    let in_namespace = [0, ALL, ALL];
    let unshare = at(1, E::SYSCALL_UNSHARE_X, 10).int(0, 0).uint(u::flags, flag("CLONE_NEWUSER").into());
    let setns =
        |kind: u32| at(1, E::SYSCALL_SETNS_X, 10).int(0, 0).int(s::fd, 7).uint(s::nstype, kind.into());
    let open = script::open(1, 10, 7, -100, b"/proc/4/ns/user");
    for (calls, expected) in [
        (vec![unshare], in_namespace),
        (vec![setns(flag("CLONE_NEWUSER"))], in_namespace),
        (vec![open.clone(), setns(0)], in_namespace),
        (vec![setns(0)], [0; 3]),
        (vec![open, setns(flag("CLONE_NEWNET"))], [0; 3]),
    ] {
        let mut inspector = with_caps(0, 0);
        for call in calls {
            see(&mut inspector, call, &[]);
        }
        assert_eq!(caps(&inspector, 10), expected);
    }
    for child_first in [true, false] {
        let mut inspector = with_caps(1, 1);
        let mut events =
            [clone(1, 10, 11, 10, 1, flag("CLONE_NEWUSER")), clone(1, 11, 0, 11, 10, flag("CLONE_NEWUSER"))];
        if child_first {
            events.reverse();
        }
        for event in events {
            see(&mut inspector, event, &[]);
        }
        assert_eq!(caps(&inspector, 11), in_namespace);
    }
}

const GROUP: [&str; 6] = [
    "proc.sid",
    "proc.vpgid",
    "proc.pgid",
    "proc.is_vpgid_leader",
    "proc.is_pgid_leader",
    "proc.is_sid_leader",
];

fn group(inspector: &mut Inspector, tid: i64) -> String {
    see(inspector, close(9, tid, 999), &GROUP).join(" ")
}

fn setpgid(tid: i64, pid: i64, pgid: i64) -> EventBuilder {
    use param::SYSCALL_SETPGID_X as p;
    at(1, E::SYSCALL_SETPGID_X, tid).int(p::res, 0).int(p::pid, pid).int(p::pgid, pgid)
}

#[test]
fn groups_change_by_process_and_parent() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, clone(1, 12, 0, 12, 10, 0), &[]);
    see(&mut inspector, setpgid(11, 0, 0), &[]);
    assert_eq!(group(&mut inspector, 11), "1 11 11 true true false");
    // The parent moves the other child into the same group, and then into a new group.
    see(&mut inspector, setpgid(10, 12, 11), &[]);
    assert_eq!(group(&mut inspector, 12), "1 11 11 false false false");
    see(&mut inspector, setpgid(10, 12, 12), &[]);
    assert_eq!(group(&mut inspector, 12), "1 12 12 true true false");
    see(&mut inspector, setpgid(10, 12, 11).int(0, -13), &[]);
    assert_eq!(group(&mut inspector, 12), "1 12 12 true true false");
    // A child has the group of its parent.
    see(&mut inspector, clone(2, 13, 0, 13, 12, 0), &[]);
    assert_eq!(group(&mut inspector, 13), "1 12 12 false false false");
}

#[test]
fn a_session_begins_with_a_group_and_without_a_terminal() {
    let mut snapshot = beginning();
    snapshot.threads[1].tty = 34_816;
    let mut inspector = Inspector::new(Config::default());
    inspector.load(snapshot);
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    let tty = ["proc.tty"];
    assert_eq!(see(&mut inspector, close(1, 11, 99), &tty), ["34816"]);
    let setsid = at(2, E::SYSCALL_SETSID_X, 11).int(param::SYSCALL_SETSID_X::res, 11);
    assert_eq!(see(&mut inspector, setsid, &tty), ["0"]);
    assert_eq!(group(&mut inspector, 11), "11 11 11 true true true");
    assert_eq!(see(&mut inspector, close(3, 10, 99), &tty), ["34816"]);
}

#[test]
fn the_threads_of_a_process_are_in_one_group() {
    const THREAD: u32 = flag("CLONE_THREAD") | flag("CLONE_FS") | flag("CLONE_FILES");
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, clone(1, 12, 0, 11, 10, THREAD), &[]);
    see(&mut inspector, setpgid(12, 0, 0), &[]);
    assert_eq!(group(&mut inspector, 11), "1 11 11 true true false");
    assert_eq!(group(&mut inspector, 12), "1 11 11 true true false");
    let setsid = at(2, E::SYSCALL_SETSID_X, 12).int(param::SYSCALL_SETSID_X::res, 11);
    see(&mut inspector, setsid, &[]);
    assert_eq!(group(&mut inspector, 11), "11 11 11 true true true");
    see(&mut inspector, clone(3, 13, 0, 11, 10, THREAD), &[]);
    assert_eq!(group(&mut inspector, 13), "11 11 11 true true true");
}

/// In a container, a shell and its jobs have other ids than on the host.
#[test]
fn ids_of_groups_are_those_of_the_pid_namespace() {
    let entry = |tid: i64, vpid: i64, ptid: i64| ThreadEntry {
        tid,
        pid: tid,
        ptid,
        vtid: vpid,
        vpid,
        sid: 5,
        vpgid: 1,
        pgid: 100,
        comm: b"sh".to_vec(),
        ..ThreadEntry::default()
    };
    let threads = vec![entry(100, 1, 1), entry(101, 5, 100), entry(102, 6, 101), entry(103, 7, 101)];
    let mut inspector = Inspector::new(Config::default());
    inspector.load(Snapshot { threads, ..Snapshot::default() });
    let ids =
        |inspector: &mut Inspector, tid| see(inspector, close(9, tid, 99), &["proc.vpgid", "proc.pgid"]);
    // The parent moves a process; then a process moves itself into its sibling's group; then the parent moves one back
    // into the shell's group.
    see(&mut inspector, setpgid(101, 6, 6), &[]);
    assert_eq!(ids(&mut inspector, 102), ["6", "102"]);
    see(&mut inspector, setpgid(103, 0, 6), &[]);
    assert_eq!(ids(&mut inspector, 103), ["6", "102"]);
    see(&mut inspector, setpgid(101, 7, 1), &[]);
    assert_eq!(ids(&mut inspector, 103), ["1", "100"]);
    see(&mut inspector, setpgid(103, 7, 0), &[]);
    assert_eq!(ids(&mut inspector, 103), ["7", "103"]);
    // Ids of the host do not exist in the namespace.
    see(&mut inspector, setpgid(101, 102, 7), &[]);
    assert_eq!(ids(&mut inspector, 102), ["6", "102"]);
}

/// The group of its maker has no id in the namespace of a process, however the process got there.
#[test]
fn the_first_process_of_a_pid_namespace_is_in_no_group_of_it() {
    use param::SYSCALL_CLONE_20_X as c;
    let born = |tid: i64, parent: i64, vpid: i64, flags: u32| {
        clone(2, tid, 0, tid, parent, flags).int(c::vtid, vpid).int(c::vpid, vpid)
    };
    let fields = ["proc.vpgid", "proc.pgid"];
    let mut inspector = system();
    see(&mut inspector, setpgid(10, 0, 0), &[]);
    // By `clone`, by `unshare` before a `fork`, by `setns` before a `fork`.
    for (tid, vpid, flags) in [
        (20, 1, flag("CLONE_NEWPID")),
        (21, 1, flag("CLONE_CHILD_IN_PIDNS")),
        (22, 7, flag("CLONE_CHILD_IN_PIDNS")),
    ] {
        assert_eq!(see(&mut inspector, born(tid, 10, vpid, flags), &fields), ["0", "10"], "{tid}");
    }
    // Their children are there already.
    see(&mut inspector, setpgid(20, 0, 0), &[]);
    assert_eq!(see(&mut inspector, born(30, 20, 2, flag("CLONE_CHILD_IN_PIDNS")), &fields), ["1", "20"]);
    assert_eq!(see(&mut inspector, born(31, 10, 31, 0), &fields), ["10", "10"]);
}

#[test]
fn the_login_user_is_the_one_at_the_last_change_of_ids() {
    let mut inspector = system();
    let ty = E::SYSCALL_SETUID_X;
    let setuid = |second: u64, user: Option<u64>| {
        let event =
            at(second, ty, 10).int(param::SYSCALL_SETUID_X::res, 0).uint(param::SYSCALL_SETUID_X::uid, 0);
        let first = ty.info().unwrap().params.len();
        let event = (0..5).fold(event, |event, n| event.uint(first + n, 0));
        user.into_iter().fold(event, |event, user| event.uint(first + 5, user))
    };
    let fields = ["user.loginuid"];
    assert_eq!(see(&mut inspector, setuid(2, Some(1000)), &fields), ["1000"]);
    // Captures of older versions do not show it.
    assert_eq!(see(&mut inspector, setuid(3, None), &fields), ["1000"]);
    see(&mut inspector, clone(4, 11, 0, 11, 10, 0), &[]);
    assert_eq!(see(&mut inspector, close(5, 11, 99), &fields), ["1000"]);
    assert_eq!(see(&mut inspector, setuid(6, Some(u32::MAX.into())), &fields), ["-1"]);
}

#[test]
fn a_write_to_a_file_of_proc_sets_the_login_user() {
    let plain = [E::SYSCALL_WRITE_X, E::SYSCALL_WRITEV_X, E::SYSCALL_PWRITE_X, E::SYSCALL_PWRITEV_X];
    for ty in plain.into_iter().chain([E::SYSCALL_PWRITEV2_X]) {
        let mut inspector = system();
        let write = |second: u64, user: Option<u64>| {
            let event = at(second, ty, 10).int(0, 4);
            let first = ty.info().unwrap().params.len();
            user.into_iter().fold(event, |event, user| event.uint(first, user))
        };
        let fields = ["user.loginuid"];
        assert_eq!(see(&mut inspector, write(2, Some(1000)), &fields), ["1000"]);
        // Another file.
        assert_eq!(see(&mut inspector, write(3, None), &fields), ["1000"]);
        see(&mut inspector, clone(4, 11, 0, 11, 10, 0), &[]);
        assert_eq!(see(&mut inspector, close(5, 11, 99), &fields), ["1000"]);
    }
}

/// Session ids are those of the leader's namespace, so that processes of several namespaces may have the same ones.
#[test]
fn the_first_process_of_a_namespace_does_not_lead_the_session_of_another_first_process() {
    use param::SYSCALL_CLONE_20_X as c;
    let mut inspector = system();
    let born = |tid: i64, parent: i64| {
        let event = clone(2, tid, 0, tid, parent, flag("CLONE_NEWPID"));
        event.int(c::vtid, 1).int(c::vpid, 1)
    };
    let fields = ["proc.sid", "proc.is_sid_leader"];
    see(&mut inspector, born(20, 10), &[]);
    let setsid = at(2, E::SYSCALL_SETSID_X, 20).int(param::SYSCALL_SETSID_X::res, 1);
    assert_eq!(see(&mut inspector, setsid, &fields), ["1", "true"]);
    assert_eq!(see(&mut inspector, born(21, 20), &fields), ["1", "false"]);
}

#[test]
fn a_thread_has_the_name_that_it_sets() {
    use param::SYSCALL_PRCTL_X as p;
    let mut inspector = system();
    see(&mut inspector, exec(1, 10, b"java", b"-jar\0"), &[]);
    let fields = ["proc.name", "proc.cmdline", "proc.exe"];
    let name = |name: &[u8]| prctl("PR_SET_NAME", 0).text(p::arg2_str, name);
    assert_eq!(see(&mut inspector, name(b"worker"), &fields), ["worker", "worker -jar", "java"]);
    assert_eq!(see(&mut inspector, name(b"sixteen letters."), &fields)[0], "sixteen letters");
    assert_eq!(see(&mut inspector, name(b"nobody").int(p::res, -14), &fields)[0], "sixteen letters");
    assert_eq!(see(&mut inspector, name(b""), &fields), ["", " -jar", "java"]);
    // The name according to the kernel.
    let get = prctl("PR_GET_NAME", 0).text(p::arg2_str, b"missed");
    assert_eq!(see(&mut inspector, get, &fields)[0], "missed");
    assert_eq!(see(&mut inspector, exec(2, 10, b"java", b""), &fields), ["java", "java", "java"]);
}
