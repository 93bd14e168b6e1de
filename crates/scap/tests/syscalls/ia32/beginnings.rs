//! Arguments that another thread changes during a 32-bit call: events have the values at its beginning.

use std::sync::mpsc;

use eyas_events::EventType;
use eyas_scap::live::{Attach, Features};
use eyas_testing::test;

use super::{Low, call32};
use crate::attach::attach;
use crate::call::{Fd, Scratch, at, call, open};
use crate::capture::{capture, tid};

/// Where a path is in the memory of 32-bit programs, and the structure of `openat2`.
const PATH: usize = 1000;
const HOW: usize = 0;

/// Returns when the thread sleeps in the call of this number.
fn wait_until_in(id: i64, number: u32) {
    let shown = format!("/proc/self/task/{id}/syscall");
    let is_there = |text: String| text.split(' ').next() == Some(number.to_string().as_str());
    while !std::fs::read_to_string(&shown).is_ok_and(is_there) {
        std::thread::yield_now();
    }
}

#[test]
fn a_path_that_changes_during_the_call() {
    let features = Features::detect();
    let sees_each = features.has_tracefs && !features.tracepoints_preempt && attach() != Attach::Perf;
    if sees_each && !features.has_kprobes {
        eyas_testing::ignore("no program sees the beginning of 32-bit calls: the kernel has no kprobes");
    }
    let cwd = libc::AT_FDCWD as u32;
    let (dir, low) = (Scratch::new("beginnings"), Low::new());
    let fifo = dir.path("fifo");
    let kind = (libc::S_IFIFO | 0o600).into();
    assert_eq!(call(libc::SYS_mknodat, [libc::AT_FDCWD.into(), at(fifo.as_ptr()), kind, 0]), 0);
    let (path, how) = (low.put(PATH, b""), low.put(HOW, &[0; 24]));
    // An open of a named pipe lasts until the other end is opened.
    for (number, ty, args) in [
        (5, EventType::SYSCALL_OPEN_X, [path, 0, 0, 0]),
        (8, EventType::SYSCALL_CREAT_X, [path, 0o600, 0, 0]),
        (295, EventType::SYSCALL_OPENAT_2_X, [cwd, path, 0, 0]),
        (437, EventType::SYSCALL_OPENAT2_X, [cwd, path, how, 24]),
    ] {
        let mut live = capture(&[ty]);
        low.put(PATH, fifo.to_bytes_with_nul());
        let (tell, told) = mpsc::channel();
        let (id, result) = std::thread::scope(|scope| {
            let opener = scope.spawn(move || {
                tell.send(tid()).unwrap();
                call32(number, args)
            });
            let id = told.recv().unwrap();
            wait_until_in(id, number);
            low.put(PATH, b"/changed\0");
            let _ends = open(&fifo, libc::O_RDWR);
            (id, opener.join().unwrap())
        });
        assert!(result >= 0, "{number}: {result}");
        drop(Fd(result.into()));
        let event = live.event_of(id, ty);
        let name = event.as_raw().by_name("name");
        assert_eq!(
            name,
            Some(fifo.to_bytes_with_nul()),
            "{number}: {}",
            String::from_utf8_lossy(name.unwrap_or_default())
        );
    }
}
