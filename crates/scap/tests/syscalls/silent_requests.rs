//! Requests of `io_uring` whose success the kernel does not report.

use eyas_events::{EventType, param};
use eyas_testing::{is_kernel_path, test};

use crate::call::{Fd, Scratch, at, call};
use crate::capture::{capture, tid};
use crate::requests::{CWD, openat, requested, ring, ring_with};
use crate::ring::{ASYNC, Entry, LINKED, POLLED, SILENT};

/// Whether the probe sees the ends of requests without a completion entry.
fn silent_ends_are_seen() -> bool {
    eyas_scap::live::Features::detect().shows_silent_requests
}

#[test]
fn a_request_without_a_completion_entry_is_presumed_if_its_end_is_not_seen() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let (mut ring, dir) = (ring(), Scratch::new("requests-silent"));
    assert_eq!(ring.table(4, &[]), 0);
    let (name, none) = (dir.file("f", "x"), dir.path("none"));
    let silent =
        |name: &std::ffi::CStr, flags| Entry { file_index: 1, flags, ..openat(name, libc::O_RDONLY) };
    // Failure of a linked request, so that the completion shows when both are done.
    let completions =
        ring.run(&[silent(&name, SILENT | LINKED), Entry { user_data: 5, ..silent(&none, SILENT) }], 1);
    assert_eq!((completions[0].user_data, completions[0].res), (5, -libc::ENOENT));
    let presumed = !silent_ends_are_seen();
    let wanted = [(presumed, true), (true, true), (false, false)];
    let seen: Vec<_> = wanted
        .into_iter()
        .filter(|event| presumed || !event.0)
        .enumerate()
        .map(|(n, wanted)| {
            let event = requested(&mut live, n);
            let raw = event.as_raw();
            ((raw.io_uring().unwrap().is_presumed, raw.int(0).unwrap() >= 0), wanted)
        })
        .collect();
    assert!(seen.iter().all(|(seen, wanted)| seen == wanted), "{seen:?}");
    assert_eq!(requested(&mut live, 0).as_raw().text(2), Some(name.as_bytes()));
}

#[test]
fn the_end_of_a_request_without_a_completion_entry_is_seen() {
    use EventType as E;
    let (mkdir, nop) = (37, Entry::new(0, -1));
    let mut live = capture(&[E::SYSCALL_OPENAT_2_X, E::SYSCALL_MKDIRAT_X]);
    if !silent_ends_are_seen() {
        eyas_testing::ignore("the kernel does not show the ends of such requests");
    }
    let (mut ring, dir) = (ring(), Scratch::new("requests-ends"));
    let (name, link, none) = (dir.file("f", "x"), dir.path("link"), dir.path("none"));
    assert_eq!(call(libc::SYS_symlinkat, [at(name.as_ptr()), CWD, at(link.as_ptr())]), 0);
    // First by the caller's thread, then by a worker: the path is that of the opened file, and the result is the descriptor.
    for (n, how) in [0, ASYNC].into_iter().enumerate() {
        let open = openat(&link, libc::O_RDONLY);
        ring.run(&[Entry { flags: SILENT | LINKED | how, ..open }, nop], 1);
        let event = requested(&mut live, n);
        let raw = event.as_raw();
        assert!(!raw.io_uring().unwrap().is_presumed);
        let fd = Fd(raw.result().unwrap());
        assert_eq!(
            std::fs::read_link(format!("/proc/self/fd/{}", fd.0)).unwrap().to_str(),
            name.to_str().ok()
        );
        assert!(is_kernel_path(raw.opened_path(), name.as_bytes()));
    }
    // A request that is linked to a failing one is neither executed nor completed.
    let silent = |name| Entry { flags: SILENT | LINKED, ..openat(name, libc::O_RDONLY) };
    let completions = ring.run(&[silent(&none), silent(&name), Entry { flags: 0, ..nop }], 1);
    assert_eq!(completions[0].res, -libc::ENOENT);
    let results = [2, 3].map(|n| requested(&mut live, n).as_raw().result());
    assert_eq!(results, [-libc::ENOENT, -libc::ECANCELED].map(|error| Some(error.into())));
    // Many requests at the same time.
    let names: Vec<_> = (0..7).map(|n| dir.path(&format!("dir{n}"))).collect();
    let mut entries: Vec<_> = names
        .iter()
        .map(|name| Entry { flags: SILENT | LINKED, ..Entry::new(mkdir, CWD).addr(name.as_ptr()).len(0o700) })
        .collect();
    entries.push(nop);
    assert_eq!(ring.run(&entries, 1)[0].res, 0);
    for (n, name) in names.iter().enumerate() {
        let event = requested(&mut live, 4 + n);
        let raw = event.as_raw();
        assert_eq!((raw.ty, raw.result()), (E::SYSCALL_MKDIRAT_X, Some(0)));
        assert!(!raw.io_uring().unwrap().is_presumed);
        assert_eq!(raw.text(param::SYSCALL_MKDIRAT_X::path), Some(name.as_bytes()));
    }
}

#[test]
fn the_end_of_a_request_of_a_polled_ring_without_a_completion_entry_is_seen() {
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    if !silent_ends_are_seen() {
        eyas_testing::ignore("the kernel does not show the ends of such requests");
    }
    let (mut ring, dir) = (ring_with(POLLED, 0), Scratch::new("requests-polled"));
    let (name, leader) = (dir.file("f", "x"), i64::from(std::process::id()));
    ring.submit(&[Entry { flags: SILENT, ..openat(&name, libc::O_RDONLY) }]);
    // No further call shows the end.
    let event = live.event_where(|raw| raw.tid == leader && raw.io_uring().is_some());
    let raw = event.as_raw();
    let request = raw.io_uring().unwrap();
    assert!(request.is_polled && !request.is_presumed);
    assert!(is_kernel_path(raw.opened_path(), name.as_bytes()));
    let _file = Fd(raw.result().unwrap());
}

/// What a thread's last request has done is reported once, although the kernel completes the request after the thread's end.
#[test]
fn the_last_request_of_a_thread_is_reported() {
    let mut live = capture(&[EventType::SYSCALL_MKDIRAT_X, EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("requests-last");
    let name = dir.path("made");
    drop(ring());
    let thread = {
        let name = name.clone();
        std::thread::spawn(move || {
            let mkdir = Entry { flags: SILENT, ..Entry::new(37, CWD).addr(name.as_ptr()).len(0o700) };
            ring().submit(&[mkdir]);
            tid()
        })
    };
    let submitter = thread.join().unwrap();
    let is_its = |raw: &eyas_scap::RawEvent<'_>| {
        raw.tid == submitter && raw.ty == EventType::SYSCALL_MKDIRAT_X && raw.io_uring().is_some()
    };
    let event = live.event_where(is_its);
    assert_eq!(event.as_raw().text(param::SYSCALL_MKDIRAT_X::path), Some(name.as_bytes()));
    assert_eq!(live.count_until_now(is_its), 1);
}

/// At most 64 rings may have such requests under way where the kernel has no kprobes.
#[test]
fn requests_of_many_rings_without_completion_entries_are_each_reported_once() {
    const RINGS: usize = 65;
    let mut live = capture(&[EventType::SYSCALL_OPENAT_2_X]);
    let dir = Scratch::new("requests-rings");
    let fifo = dir.path("fifo");
    assert_eq!(call(libc::SYS_mknodat, [CWD, at(fifo.as_ptr()), i64::from(libc::S_IFIFO | 0o600), 0]), 0);
    let mut rings: Vec<_> = (0..RINGS).map(|_| ring()).collect();
    let open = Entry { flags: SILENT | ASYNC, ..openat(&fifo, libc::O_RDONLY) };
    rings.iter_mut().for_each(|ring| ring.submit(&[open]));
    let mine = tid();
    let is_its = |raw: &eyas_scap::RawEvent<'_>| {
        raw.tid == mine && raw.io_uring().is_some() && raw.text(2) == Some(fifo.as_bytes())
    };
    let early = live.count_until_now(is_its);
    let has_kprobes = eyas_scap::live::Features::detect().has_kprobes;
    assert_eq!(early == 0, has_kprobes, "{early} of {RINGS}");
    let _writer = Fd(call(libc::SYS_openat, [CWD, at(fifo.as_ptr()), libc::O_RDWR.into(), 0]));
    for n in 0..RINGS {
        let event = live.nth_where(n, is_its);
        let raw = event.as_raw();
        assert_eq!(raw.io_uring().unwrap().is_presumed, n < early);
        assert!(raw.result().is_some_and(|fd| fd > 2));
    }
    assert_eq!(live.count_until_now(is_its), RINGS);
}
