//! Kernel paths of `io_uring` requests that threads of the ring execute.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};

use eyas_events::EventType as E;
use eyas_scap::RawEvent;
use eyas_testing::test;

use crate::call::{at, call};
use crate::capture::{Capture, capture, tid};
use crate::paths::{Ways, has_hooks, kernel_paths};
use crate::requests::{done, ring_with};
use crate::ring::{ASYNC, Entry, LINKED, POLLED, Ring};

const CWD: i64 = libc::AT_FDCWD as i64;
/// The ring's results are reported by the thread that made it (`IORING_SETUP_SINGLE_ISSUER`, `IORING_SETUP_DEFER_TASKRUN`).
const DEFERRED: u32 = 1 << 12 | 1 << 13;

/// Makes requests, one after another.
struct Requester<'a> {
    live: &'a mut Capture,
    ring: Ring,
    /// The thread that the events are of.
    tid: i64,
    /// Number of requests by kind.
    counts: BTreeMap<u8, usize>,
}

impl<'a> Requester<'a> {
    fn new(live: &'a mut Capture, flags: u32) -> Self {
        let tid = if flags == POLLED { i64::from(std::process::id()) } else { tid() };
        Self { live, ring: ring_with(flags, 0), tid, counts: BTreeMap::new() }
    }

    /// The kernel's paths of a request that succeeds.
    #[track_caller]
    fn told(&mut self, request: Entry) -> Vec<(&'static str, String)> {
        let res = done(&mut self.ring, request);
        assert!(res >= 0, "{request:?}: {res}");
        let count = self.counts.entry(request.opcode).or_default();
        let event = self.live.nth_where(*count, is_of(self.tid, request.opcode));
        *count += 1;
        kernel_paths(&event.as_raw())
    }

    #[track_caller]
    fn tells(&mut self, request: Entry, wanted: &[(&'static str, &str)]) {
        let told = self.told(request);
        let told: Vec<_> = told.iter().map(|(name, path)| (*name, path.as_str())).collect();
        assert_eq!(told, wanted, "{request:?}");
    }
}

/// Whether an event is of such a request of that thread.
fn is_of(tid: i64, opcode: u8) -> impl Fn(&RawEvent<'_>) -> bool {
    move |raw| raw.tid == tid && raw.io_uring().is_some_and(|request| request.opcode == opcode)
}

fn mkdirat(path: &CStr) -> Entry {
    Entry::new(37, CWD).addr(path.as_ptr()).len(0o700)
}

fn unlinkat(path: &CStr, flags: i32) -> Entry {
    Entry { op_flags: flags as u32, ..Entry::new(36, CWD).addr(path.as_ptr()) }
}

fn two(opcode: u8, old: &CStr, new: &CStr) -> Entry {
    Entry::new(opcode, CWD).addr(old.as_ptr()).len(CWD as usize).offset(new.as_ptr())
}

/// Creates, renames, links, removes and queries files through every kind of path, with a ring of this kind.
fn change_by_every_way(flags: u32) {
    eyas_testing::ignore_in_chroot();
    let types = [
        E::SYSCALL_MKDIRAT_X,
        E::SYSCALL_LINKAT_2_X,
        E::SYSCALL_SYMLINKAT_X,
        E::SYSCALL_RENAMEAT2_X,
        E::SYSCALL_UNLINKAT_2_X,
        E::SYSCALL_SETXATTR_X,
        E::SYSCALL_GETXATTR_X,
    ];
    let mut live = capture(&types);
    let ways = Ways::new(&format!("request-ways-{flags}"));
    let mut by = Requester::new(&mut live, flags);
    let [one, two_, three] = ["one", "two", "three"].map(|name| ways.real(name));
    let slash = format!("{two_}/");
    let attribute = c"trusted.eyas";
    for ((a, b), c) in ways.to("one").iter().zip(ways.to("two")).zip(ways.to("three")) {
        by.tells(mkdirat(a), &[("path", &one)]);
        by.tells(two(35, a, &b), &[("oldpath", &one), ("newpath", &slash)]);
        by.tells(unlinkat(&b, libc::AT_REMOVEDIR), &[("name", &two_)]);
        std::fs::write(&one, "").unwrap();
        by.tells(two(39, a, &b), &[("oldpath", &one), ("newpath", &two_)]);
        by.tells(two(35, &b, &c), &[("oldpath", &two_), ("newpath", &three)]);
        by.tells(unlinkat(a, 0), &[("name", &one)]);
        let symlink = Entry { len: 0, ..two(38, c"../three", &b) };
        by.tells(symlink, &[("linkpath", &two_)]);
        by.tells(unlinkat(&b, 0), &[("name", &two_)]);
        let value = b"a value";
        let of = |opcode, path: &CString, len| Entry {
            addr3: at(path.as_ptr()) as u64,
            ..Entry::new(opcode, 0).addr(attribute.as_ptr()).offset(value.as_ptr()).len(len)
        };
        by.tells(of(42, &c, value.len()), &[("path", &three)]);
        // Only hooks report requests that change nothing.
        let read = by.told(of(44, &c, 0));
        assert!(!has_hooks() || read == [("path", three.clone())], "{read:?}");
        by.tells(unlinkat(&c, 0), &[("name", &three)]);
    }
}

#[test]
fn every_request_that_changes_a_directory_reports_which() {
    change_by_every_way(0);
}

#[test]
fn so_does_one_whose_result_its_own_thread_reports() {
    match Ring::new(DEFERRED, 0) {
        Ok(_) => change_by_every_way(DEFERRED),
        Err(error) => eyas_testing::ignore(format_args!("the kernel has no such ring ({error})")),
    }
}

#[test]
fn so_does_one_of_a_polled_ring() {
    change_by_every_way(POLLED);
}

/// Several threads of the ring's are at work at once.
#[test]
fn requests_that_run_at_once_are_told_apart() {
    eyas_testing::ignore_in_chroot();
    let mut live = capture(&[E::SYSCALL_MKDIRAT_X, E::SYSCALL_UNLINKAT_2_X]);
    let mut ring = ring_with(0, 0);
    let ways = Ways::new("requests-at-once");
    let names: Vec<String> = (0..8).map(|n| format!("dir{n}")).collect();
    let given: Vec<CString> = names.iter().map(|name| ways.to(name).swap_remove(2)).collect();
    let numbered = |n: usize, entry: Entry| Entry { user_data: n as u64, flags: ASYNC, ..entry };
    let make: Vec<Entry> = given.iter().enumerate().map(|(n, path)| numbered(n, mkdirat(path))).collect();
    assert!(ring.run(&make, 8).iter().all(|answer| answer.res == 0));
    let mut told: Vec<String> =
        (0..8).map(|n| kernel_paths(&live.nth_where(n, is_of(tid(), 37)).as_raw()).remove(0).1).collect();
    told.sort_unstable();
    assert_eq!(told, names.iter().map(|name| ways.real(name)).collect::<Vec<_>>());
    // One after the other.
    let chain = |n: usize| Entry { flags: LINKED, ..numbered(n, unlinkat(&given[n], libc::AT_REMOVEDIR)) };
    assert!(ring.run(&[0, 1, 2].map(chain), 3).iter().all(|answer| answer.res == 0));
    let told = [0, 1, 2].map(|n| kernel_paths(&live.nth_where(n, is_of(tid(), 36)).as_raw()).remove(0).1);
    assert_eq!(told, [0, 1, 2].map(|n| ways.real(&names[n])));
}

/// A thread of the ring's has the directories that its process had when it began.
#[test]
fn a_request_begins_where_the_ring_s_thread_is() {
    eyas_testing::ignore_in_chroot();
    let mut live = capture(&[E::SYSCALL_MKDIRAT_X]);
    let ways = Ways::new("requests-cwd");
    let (here, there) = (ways.dir.path("link"), ways.dir.path(""));
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FS.into()]), 0);
    assert_eq!(call(libc::SYS_chdir, [at(here.as_ptr())]), 0);
    let mut by = Requester::new(&mut live, 0);
    by.tells(mkdirat(c"one"), &[("path", &ways.real("one"))]);
    // Its thread goes on with the directories that are shared no more.
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FS.into()]), 0);
    assert_eq!(call(libc::SYS_chdir, [at(there.as_ptr())]), 0);
    let told = by.told(mkdirat(c"two"));
    let made = [ways.real("two"), ways.dir.path("two").into_string().unwrap()]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists());
    assert_eq!(told, [("path", made.unwrap())]);
}
