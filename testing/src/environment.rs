//! Requirements of tests on the machine.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::thread::CapabilitySet;

use crate::ignore;

/// Ignores the test unless it runs as root.
pub fn need_root() {
    if !rustix::process::geteuid().is_root() {
        ignore("needs root");
    }
}

/// Ignores the test if another user owns the file or directory, or, if it does not exist yet, the directory
/// in which it would be created. For example, tests as root leave files in cargo's target directory.
pub fn need_own(path: &Path) {
    let user = rustix::process::geteuid();
    let existing = path.ancestors().find_map(|path| Some((path, std::fs::metadata(path).ok()?)));
    if let Some((path, meta)) = existing
        && !user.is_root()
        && meta.uid() != user.as_raw()
    {
        ignore(format_args!("needs {}, which another user owns", path.display()));
    }
}

/// Path of a program on `PATH`. Ignores the test if the program is missing.
#[must_use]
pub fn need_program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|place| place.is_file());
    found.unwrap_or_else(|| ignore(format_args!("needs the program {name}")))
}

/// Whether the root of this process differs from the root of its mount namespace. Paths from the kernel
/// then do not begin at the root of this process.
#[must_use]
pub fn is_chrooted() -> bool {
    // This list has no mounts outside of the process's root. The root of a chroot is rarely a mount point;
    // if it is one, a comparison with process 1 shows the difference.
    let has_root_mount = std::fs::read_to_string("/proc/self/mountinfo")
        .is_ok_and(|mounts| mounts.lines().any(|line| line.split(' ').nth(4) == Some("/")));
    let identity = |path: &Path| std::fs::metadata(path).map(|root| (root.dev(), root.ino())).ok();
    let first = identity(Path::new("/proc/1/root/"));
    !has_root_mount || first.is_some_and(|first| identity(Path::new("/")) != Some(first))
}

/// Whether a path that the kernel gives is this one of this process's: in a chroot it begins further up.
#[must_use]
pub fn is_kernel_path(given: Option<&[u8]>, own: &[u8]) -> bool {
    given.is_some_and(|given| given == own || own.starts_with(b"/") && is_chrooted() && given.ends_with(own))
}

/// Ignores the test in a chroot.
pub fn ignore_in_chroot() {
    if is_chrooted() {
        ignore("runs in a chroot, and the kernel gives paths from the root of the mount namespace");
    }
}

/// A lock for live captures: only one runs at a time on the whole machine.
#[derive(Debug)]
pub struct LiveTurn {
    /// Closing the file releases the lock.
    _file: File,
}

/// Ignores the test if this process cannot capture live with the privileges of the machine's root. Tests
/// mount, trace and change ids, and compare the kernel's process ids with their own. `CAP_SYS_RESOURCE` is
/// not needed, because the probe sets no limit.
pub fn need_live_capture() {
    if !rustix::process::geteuid().is_root() {
        ignore("live capture needs root");
    }
    let needed = CapabilitySet::BPF
        | CapabilitySet::PERFMON
        | CapabilitySet::SYS_ADMIN
        | CapabilitySet::SYS_PTRACE
        | CapabilitySet::NET_ADMIN;
    let held = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    if !held.contains(needed) {
        ignore(format_args!("live tests need capabilities that this process lacks: {:?}", needed - held));
    }
    // The inode number of the initial pid namespace is the same on every machine.
    if std::fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own != Path::new("pid:[4026531836]")) {
        ignore("runs in a PID namespace of its own, and the kernel gives process ids of the first one");
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        ignore("live capture needs /sys/kernel/btf/vmlinux");
    }
}

/// Waits for the lock for live captures; see [`need_live_capture`].
///
/// # Panics
/// If the lock file in the temporary directory is not usable.
#[must_use]
pub fn live_turn() -> LiveTurn {
    need_live_capture();
    let path = std::env::temp_dir().join("eyas-live.lock");
    let file = File::create(&path).unwrap_or_else(|error| panic!("can't make {}: {error}", path.display()));
    let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive);
    locked.unwrap_or_else(|error| panic!("can't lock {}: {error}", path.display()));
    LiveTurn { _file: file }
}
