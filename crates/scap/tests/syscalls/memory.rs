//! Address spaces.

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Fd, at, call, open};
use crate::capture::capture;
use crate::want::{Want, flags, int, is, path};

pub const PAGE: i64 = 4096;

/// Expected sizes of this process in KiB, within some MiB of the current values.
pub fn sizes() -> [(&'static str, Want); 3] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let near = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let now: i64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        is("near what /proc says", move |got| (got - now).abs() < 16 << 10)
    };
    [("vm_size", near("VmSize:")), ("vm_rss", near("VmRSS:")), ("vm_swap", near("VmSwap:"))]
}

/// A separate page, which is unmapped at the end of the test.
pub struct Page(pub i64);

impl Page {
    fn new() -> Self {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        Self(call(libc::SYS_mmap, [0, PAGE, libc::PROT_READ.into(), flags.into(), -1, 0]))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        call(libc::SYS_munmap, [self.0, PAGE]);
    }
}

#[test]
fn mmap() {
    let mut live = capture(&[EventType::SYSCALL_MMAP_X]);
    let fd = open(c"/etc/passwd", libc::O_RDONLY);
    let how = libc::MAP_PRIVATE | libc::MAP_POPULATE | libc::MAP_DENYWRITE;
    let prot = libc::PROT_READ | libc::PROT_EXEC;
    let res = call(libc::SYS_mmap, [0, PAGE, prot.into(), how.into(), fd.0, 0]);
    let page = Page(res);
    let [a, b, c] = sizes();
    live.saw(
        EventType::SYSCALL_MMAP_X,
        &[
            ("res", int(page.0)),
            a,
            b,
            c,
            ("addr", int(0)),
            ("length", int(PAGE)),
            ("prot", flags(&FlagTable::PROT_FLAGS, &["PROT_READ", "PROT_EXEC"])),
            ("flags", flags(&FlagTable::MMAP_FLAGS, &["MAP_PRIVATE", "MAP_POPULATE", "MAP_DENYWRITE"])),
            ("fd", int(fd.0)),
            ("offset", int(0)),
        ],
    );
}

#[test]
fn munmap_and_mprotect() {
    let types =
        [EventType::SYSCALL_MUNMAP_X, EventType::SYSCALL_MPROTECT_X, EventType::SYSCALL_PKEY_MPROTECT_X];
    let mut live = capture(&types);
    let page = Page::new();
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let wants = |res: i64| {
        let prot = flags(&FlagTable::PROT_FLAGS, &["PROT_READ", "PROT_WRITE"]);
        [("res", int(res)), ("addr", int(page.0)), ("length", int(PAGE)), ("prot", prot)]
    };
    let res = call(libc::SYS_mprotect, [page.0, PAGE, prot.into()]);
    live.saw(EventType::SYSCALL_MPROTECT_X, &wants(res));
    // Without a key, as an mprotect, and with one that does not exist.
    for key in [-1, 12345] {
        let res = call(libc::SYS_pkey_mprotect, [page.0, PAGE, prot.into(), key]);
        let [a, b, c, d] = wants(res);
        live.saw(EventType::SYSCALL_PKEY_MPROTECT_X, &[a, b, c, d, ("pkey", int(key))]);
    }
    let address = page.0;
    drop(page);
    let [a, b, c] = sizes();
    let wants = [("res", int(0)), a, b, c, ("addr", int(address)), ("length", int(PAGE))];
    live.saw(EventType::SYSCALL_MUNMAP_X, &wants);
}

#[test]
fn brk() {
    let mut live = capture(&[EventType::SYSCALL_BRK_4_X]);
    // An invalid address for the break, which does not change.
    let res = call(libc::SYS_brk, [1]);
    let [a, b, c] = sizes();
    live.saw(EventType::SYSCALL_BRK_4_X, &[("res", int(res)), a, b, c, ("addr", int(1))]);
}

#[test]
fn locks() {
    let types = [EventType::SYSCALL_MLOCK_X, EventType::SYSCALL_MUNLOCK_X, EventType::SYSCALL_MLOCK2_X];
    let mut live = capture(&types);
    let page = Page::new();
    let rest = || [("addr", int(page.0)), ("len", int(PAGE))];
    let res = call(libc::SYS_mlock, [page.0, PAGE]);
    let [a, b] = rest();
    live.saw(EventType::SYSCALL_MLOCK_X, &[("res", int(res)), a, b]);
    let res = call(libc::SYS_munlock, [page.0, PAGE]);
    let [a, b] = rest();
    live.saw(EventType::SYSCALL_MUNLOCK_X, &[("res", int(res)), a, b]);
    let res = call(libc::SYS_mlock2, [page.0, PAGE, libc::MLOCK_ONFAULT.into()]);
    let [a, b] = rest();
    let how = ("flags", flags(&FlagTable::MLOCK2_FLAGS, &["MLOCK_ONFAULT"]));
    live.saw(EventType::SYSCALL_MLOCK2_X, &[("res", int(res)), a, b, how]);
}

#[test]
fn locks_of_everything() {
    let types = [EventType::SYSCALL_MLOCKALL_X, EventType::SYSCALL_MUNLOCKALL_X];
    let mut live = capture(&types);
    // Without CURRENT or FUTURE it is refused.
    let res = call(libc::SYS_mlockall, [libc::MCL_ONFAULT.into()]);
    assert_eq!(res, -i64::from(libc::EINVAL));
    let how = flags(&FlagTable::MLOCKALL_FLAGS, &["MCL_ONFAULT"]);
    live.saw(EventType::SYSCALL_MLOCKALL_X, &[("res", int(res)), ("flags", how)]);
    let res = call(libc::SYS_munlockall, []);
    live.saw(EventType::SYSCALL_MUNLOCKALL_X, &[("res", int(res))]);
}

#[test]
fn memfd_create() {
    let mut live = capture(&[EventType::SYSCALL_MEMFD_CREATE_X]);
    let name = c"a file of memory";
    let how = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let fd = Fd(call(libc::SYS_memfd_create, [at(name.as_ptr()), how.into()]));
    live.saw(
        EventType::SYSCALL_MEMFD_CREATE_X,
        &[
            ("fd", int(fd.0)),
            ("name", path(name)),
            ("flags", flags(&FlagTable::MEMFD_CREATE_FLAGS, &["MFD_CLOEXEC", "MFD_ALLOW_SEALING"])),
        ],
    );
}

#[test]
fn memfd_secret() {
    const NUMBER: i64 = 447;
    let mut live = capture(&[EventType::SYSCALL_MEMFD_SECRET_X]);
    // Some kernels have no secret memory.
    for how in [libc::O_CLOEXEC, 1] {
        let fd = Fd(call(NUMBER, [how.into()]));
        live.saw(EventType::SYSCALL_MEMFD_SECRET_X, &[("fd", int(fd.0)), ("flags", int(how))]);
    }
}
