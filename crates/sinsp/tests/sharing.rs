//! Sharing between threads and processes: directories, open files, and their origin.

use eyas_events::{EventType as E, FlagTable, param};
use eyas_scap::{EventBuilder, Snapshot};
use eyas_sinsp::{Config, Inspector};

mod script;

use script::{at, clone, close, exec, open, see, system};

const FS: u32 = FlagTable::CLONE_FLAGS.value("CLONE_FS");
const FILES: u32 = FlagTable::CLONE_FLAGS.value("CLONE_FILES");
const THREAD: u32 = FlagTable::CLONE_FLAGS.value("CLONE_THREAD");
const PARENT: u32 = FlagTable::CLONE_FLAGS.value("CLONE_PARENT");
const VFORK: u32 = FlagTable::CLONE_FLAGS.value("CLONE_VFORK");
const NEWNS: u32 = FlagTable::CLONE_FLAGS.value("CLONE_NEWNS");

fn chdir(second: u64, tid: i64, path: &[u8]) -> EventBuilder {
    use param::SYSCALL_CHDIR_X as p;
    at(second, E::SYSCALL_CHDIR_X, tid).int(p::res, 0).text(p::path, path)
}

fn unshare(second: u64, tid: i64, flags: u32) -> EventBuilder {
    use param::SYSCALL_UNSHARE_X as p;
    at(second, E::SYSCALL_UNSHARE_X, tid).int(p::res, 0).uint(p::flags, flags.into())
}

/// The two events of a clone by `maker`, in either order.
fn make(inspector: &mut Inspector, maker: i64, child: i64, flags: u32, child_first: bool) {
    let (pid, ptid) = match flags & THREAD {
        0 => (child, if flags & PARENT == 0 { maker } else { 1 }),
        _ => (10, 1),
    };
    let caller = || clone(1, maker, child, 10, 1, flags);
    let own = || clone(1, child, 0, pid, ptid, flags);
    let events = if child_first { [own(), caller()] } else { [caller(), own()] };
    for event in events {
        see(inspector, event, &[]);
    }
}

fn cwd(inspector: &mut Inspector, tid: i64) -> String {
    see(inspector, close(9, tid, 999), &["proc.cwd"]).remove(0)
}

fn name_of(inspector: &mut Inspector, tid: i64, fd: i64) -> String {
    use param::SYSCALL_FSTAT_X as p;
    see(inspector, at(9, E::SYSCALL_FSTAT_X, tid).int(p::res, 0).int(p::fd, fd), &["fd.name"]).remove(0)
}

/// The state after it was written as a snapshot and read again.
fn again(inspector: &Inspector) -> Inspector {
    let snapshot: Snapshot = inspector.state().snapshot();
    let mut again = Inspector::new(Config::default());
    again.load(snapshot);
    again
}

#[test]
fn directories_are_shared_by_their_flag_alone() {
    for child_first in [true, false] {
        for (flags, moves_parent) in [(FS, true), (0, false), (FS | THREAD, true), (THREAD, false)] {
            let mut inspector = system();
            make(&mut inspector, 10, 11, flags, child_first);
            see(&mut inspector, chdir(2, 11, b"/srv"), &[]);
            let expected = if moves_parent { "/srv/" } else { "/home/" };
            assert_eq!(cwd(&mut inspector, 10), expected, "{flags:x} {child_first}");
            see(&mut inspector, chdir(3, 10, b"sub"), &[]);
            let expected = if moves_parent { "/srv/sub/" } else { "/srv/" };
            assert_eq!(cwd(&mut inspector, 11), expected, "{flags:x} {child_first}");
        }
    }
}

#[test]
fn open_files_are_shared_by_their_flag_alone() {
    for child_first in [true, false] {
        for (flags, shared) in [(FILES, true), (0, false), (FILES | THREAD, true), (THREAD, false)] {
            let mut inspector = system();
            make(&mut inspector, 10, 11, flags, child_first);
            see(&mut inspector, open(2, 11, 50, -100, b"/etc/shadow"), &[]);
            let expected = if shared { "/etc/shadow" } else { "" };
            assert_eq!(name_of(&mut inspector, 10, 50), expected, "{flags:x} {child_first}");
            see(&mut inspector, close(3, 10, 3), &[]);
            let expected = if shared { "" } else { "/etc/motd" };
            assert_eq!(name_of(&mut inspector, 11, 3), expected, "{flags:x} {child_first}");
        }
    }
}

#[test]
fn unshare_ends_the_sharing() {
    for (flags, own_directory, own_files) in
        [(FS, true, false), (FILES, false, true), (FS | FILES, true, true), (NEWNS, true, false)]
    {
        let mut inspector = system();
        make(&mut inspector, 10, 11, FS | FILES | THREAD, false);
        see(&mut inspector, unshare(2, 11, flags), &[]);
        see(&mut inspector, chdir(3, 11, b"/srv"), &[]);
        see(&mut inspector, open(3, 11, 60, -100, b"of-thread"), &[]);
        let got = (cwd(&mut inspector, 10), name_of(&mut inspector, 10, 60));
        let expected_cwd = if own_directory { "/home/" } else { "/srv/" };
        let expected_name = if own_files { "" } else { "/srv/of-thread" };
        assert_eq!(got, (expected_cwd.to_owned(), expected_name.to_owned()), "{flags:x}");
        assert_eq!(cwd(&mut inspector, 11), "/srv/");
        assert_eq!(name_of(&mut inspector, 11, 60), "/srv/of-thread");
        assert_eq!(name_of(&mut inspector, 11, 3), "/etc/motd");
    }
}

#[test]
fn an_unshare_that_fails_changes_nothing() {
    let mut inspector = system();
    make(&mut inspector, 10, 11, FS | FILES | THREAD, false);
    let failed = unshare(2, 11, FS | FILES).int(param::SYSCALL_UNSHARE_X::res, -1);
    see(&mut inspector, failed, &[]);
    see(&mut inspector, chdir(3, 11, b"/srv"), &[]);
    assert_eq!(cwd(&mut inspector, 10), "/srv/");
}

#[test]
fn a_leader_may_unshare_too() {
    let mut inspector = system();
    make(&mut inspector, 10, 11, FS | FILES | THREAD, false);
    see(&mut inspector, unshare(2, 10, FS | FILES), &[]);
    see(&mut inspector, chdir(3, 10, b"/srv"), &[]);
    see(&mut inspector, open(3, 10, 60, -100, b"x"), &[]);
    assert_eq!((cwd(&mut inspector, 11), name_of(&mut inspector, 11, 60)), ("/home/".into(), String::new()));
}

#[test]
fn closing_a_range_may_unshare_first() {
    use param::SYSCALL_CLOSE_RANGE_X as p;
    const UNSHARE: u32 = FlagTable::CLOSE_RANGE_FLAGS.value("CLOSE_RANGE_UNSHARE");
    let mut inspector = system();
    make(&mut inspector, 10, 11, FILES, false);
    let range = at(2, E::SYSCALL_CLOSE_RANGE_X, 11).int(p::res, 0).uint(p::first, 3);
    see(&mut inspector, range.uint(p::last, u32::MAX.into()).uint(p::flags, UNSHARE.into()), &[]);
    assert_eq!(name_of(&mut inspector, 11, 3), "");
    assert_eq!(name_of(&mut inspector, 10, 3), "/etc/motd");
}

#[test]
fn a_program_has_open_files_of_its_own_but_keeps_sharing_directories() {
    let mut inspector = system();
    make(&mut inspector, 10, 11, FS | FILES, true);
    see(&mut inspector, exec(2, 11, b"cat", b""), &[]);
    see(&mut inspector, open(3, 11, 50, -100, b"/etc/shadow"), &[]);
    see(&mut inspector, close(3, 11, 3), &[]);
    see(&mut inspector, chdir(4, 11, b"/srv"), &[]);
    assert_eq!(name_of(&mut inspector, 10, 50), "");
    assert_eq!(name_of(&mut inspector, 10, 3), "/etc/motd");
    assert_eq!(cwd(&mut inspector, 10), "/srv/");
}

#[test]
fn shared_data_outlives_its_creator() {
    let mut inspector = system();
    make(&mut inspector, 10, 11, FS | FILES, false);
    see(&mut inspector, at(2, E::PROCEXIT_1_E, 10), &[]);
    assert_eq!(name_of(&mut inspector, 11, 3), "/etc/motd");
    assert_eq!(cwd(&mut inspector, 11), "/home/");
    // A child of the child.
    make(&mut inspector, 11, 12, FS | FILES, true);
    see(&mut inspector, chdir(3, 12, b"/srv"), &[]);
    assert_eq!(cwd(&mut inspector, 11), "/srv/");
}

/// The child is a copy of the process that made it, and a child of that process's parent.
#[test]
fn a_clone_parent_child_inherits_from_its_creator() {
    for (child_first, flags) in
        [(true, PARENT), (false, PARENT), (true, PARENT | VFORK), (false, PARENT | VFORK)]
    {
        let mut inspector = system();
        see(&mut inspector, exec(1, 10, b"maker", b"-m\0"), &[]);
        see(&mut inspector, chdir(1, 10, b"/etc"), &[]);
        let of_maker = |event: EventBuilder| {
            use param::SYSCALL_CLONE_20_X as p;
            event.text(p::exe, b"maker").text(p::comm, b"maker").bytes(p::args, b"-m\0")
        };
        let caller = of_maker(clone(2, 10, 11, 10, 1, flags));
        let own = of_maker(clone(2, 11, 0, 11, 1, flags));
        for event in if child_first { [own, caller] } else { [caller, own] } {
            see(&mut inspector, event, &[]);
        }
        let fields = ["proc.cwd", "proc.exepath", "proc.ppid", "proc.pname", "fd.name"];
        let got = see(&mut inspector, close(3, 11, 3), &fields);
        assert_eq!(got, ["/etc/", "/bin/maker", "1", "init", "/etc/motd"], "{child_first} {flags:x}");
    }
}

/// If no process looks like the child, the later event of its maker shows whose copy it is.
#[test]
fn the_creator_s_event_corrects_a_guess_from_the_child_s_event() {
    let mut inspector = system();
    see(&mut inspector, chdir(1, 10, b"/etc"), &[]);
    see(&mut inspector, chdir(1, 1, b"/"), &[]);
    use param::SYSCALL_CLONE_20_X as p;
    let renamed = |event: EventBuilder| event.text(p::comm, b"renamed");
    see(&mut inspector, renamed(clone(2, 11, 0, 11, 1, PARENT)), &[]);
    see(&mut inspector, renamed(clone(2, 10, 11, 10, 1, PARENT)), &[]);
    let got = see(
        &mut inspector,
        close(3, 11, 3),
        &["proc.cwd", "proc.exepath", "proc.ppid", "fd.name", "proc.name"],
    );
    assert_eq!(got, ["/etc/", "/usr/bin/sh", "1", "/etc/motd", "renamed"]);
}

/// A thread is made by a thread that has left the directories of its process.
#[test]
fn a_thread_shares_with_the_thread_that_made_it() {
    for child_first in [true, false] {
        let mut inspector = system();
        make(&mut inspector, 10, 11, FS | FILES | THREAD, false);
        see(&mut inspector, unshare(2, 11, FS | FILES), &[]);
        see(&mut inspector, chdir(2, 11, b"/srv"), &[]);
        make(&mut inspector, 11, 12, FS | FILES | THREAD, child_first);
        see(&mut inspector, chdir(3, 12, b"sub"), &[]);
        see(&mut inspector, open(3, 12, 60, -100, b"x"), &[]);
        assert_eq!(cwd(&mut inspector, 11), "/srv/sub/", "{child_first}");
        assert_eq!(name_of(&mut inspector, 11, 60), "/srv/sub/x", "{child_first}");
        assert_eq!(cwd(&mut inspector, 10), "/home/", "{child_first}");
        assert_eq!(name_of(&mut inspector, 10, 60), "", "{child_first}");
    }
}

#[test]
fn a_snapshot_reports_what_is_shared() {
    let mut inspector = system();
    make(&mut inspector, 10, 11, FS | FILES, false);
    make(&mut inspector, 11, 12, FS | FILES, false);
    make(&mut inspector, 10, 13, FS | FILES | THREAD, false);
    make(&mut inspector, 10, 14, FS | FILES | THREAD, false);
    see(&mut inspector, unshare(2, 14, FS | FILES), &[]);
    see(&mut inspector, chdir(2, 14, b"/of-thread"), &[]);
    see(&mut inspector, open(2, 14, 60, -100, b"x"), &[]);
    let mut inspector = again(&inspector);
    see(&mut inspector, chdir(3, 12, b"/srv"), &[]);
    see(&mut inspector, open(3, 13, 70, -100, b"y"), &[]);
    for tid in [10, 11, 12, 13] {
        assert_eq!(cwd(&mut inspector, tid), "/srv/", "{tid}");
        assert_eq!(name_of(&mut inspector, tid, 70), "/srv/y", "{tid}");
        assert_eq!(name_of(&mut inspector, tid, 60), "", "{tid}");
    }
    assert_eq!(cwd(&mut inspector, 14), "/of-thread/");
    assert_eq!(name_of(&mut inspector, 14, 60), "/of-thread/x");
    assert_eq!(name_of(&mut inspector, 14, 70), "");
}

#[test]
fn a_snapshot_without_the_leader_keeps_what_its_threads_share() {
    let mut inspector = system();
    make(&mut inspector, 10, 13, FS | FILES | THREAD, false);
    make(&mut inspector, 10, 14, FS | FILES | THREAD, false);
    see(&mut inspector, at(2, E::PROCEXIT_1_E, 10), &[]);
    see(&mut inspector, close(3, 1, 99), &[]);
    let mut inspector = again(&inspector);
    assert_eq!(inspector.state().threads.len(), 3);
    see(&mut inspector, open(4, 14, 70, -100, b"/y"), &[]);
    see(&mut inspector, chdir(4, 13, b"/srv"), &[]);
    assert_eq!(name_of(&mut inspector, 13, 70), "/y");
    assert_eq!(name_of(&mut inspector, 13, 3), "/etc/motd");
    assert_eq!(cwd(&mut inspector, 14), "/srv/");
}
