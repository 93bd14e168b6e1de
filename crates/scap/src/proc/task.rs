//! Reads one thread.

use super::dir::Dir;
use super::parse::{self, Stat, Status};
use super::scan::Scan;
use crate::ThreadEntry;
use eyas_events::FlagMap;

/// Maximum length of a command line, as in the probe.
const TEXT: usize = 4096;
/// `PF_KTHREAD`: a kernel thread.
const KERNEL_THREAD: u64 = 0x0020_0000;
/// `PF_EXITING`: exiting, or exited.
const EXITING: u64 = 0x4;
/// `CLONE_THREAD | CLONE_FILES` of the kernel.
const CLONE_THREAD_FILES: u64 = 0x0001_0000 | 0x0000_0400;
/// A partly read thread.
struct Task {
    entry: ThreadEntry,
    status: Status,
    /// Number of threads of its process.
    threads: u64,
    /// Whether all files of a running thread existed.
    whole: bool,
    /// Whether it has ended, or is about to.
    ends: bool,
}

impl ThreadEntry {
    /// This thread with the shared data of `leader`'s process.
    pub(super) fn in_process_of(self, leader: &Self) -> Self {
        Self {
            flags: FlagMap::CLONE_FLAGS.apply(CLONE_THREAD_FILES) as u32,
            exe: leader.exe.clone(),
            args: leader.args.clone(),
            exepath: leader.exepath.clone(),
            fdlimit: leader.fdlimit,
            exe_writable: leader.exe_writable,
            exe_upper_layer: leader.exe_upper_layer,
            exe_lower_layer: leader.exe_lower_layer,
            exe_from_memfd: leader.exe_from_memfd,
            exe_ino: leader.exe_ino,
            exe_ino_ctime: leader.exe_ino_ctime,
            exe_ino_mtime: leader.exe_ino_mtime,
            ..self
        }
    }
}

impl Scan<'_> {
    /// Thread group of the task with this directory.
    pub(super) fn tgid(&mut self, dir: &Dir) -> Option<u32> {
        let status = Status::parse(dir.read("status", 65536, &mut self.buffers).ok()?)?;
        u32::try_from(status.tgid).ok()
    }

    /// Reads the data of a single thread. `None` for kernel threads and ended threads.
    fn thread(&mut self, dir: &Dir, tid: u32) -> Option<Task> {
        let stat = Stat::parse(dir.read("stat", 4096, &mut self.buffers).ok()?)?;
        if stat.flags & KERNEL_THREAD != 0 {
            return None;
        }
        let status = Status::parse(dir.read("status", 65536, &mut self.buffers).ok()?)?;
        let tid = i64::from(tid);
        let mut entry = ThreadEntry {
            tid,
            pid: status.tgid,
            ptid: status.ppid,
            sid: status.vsid.unwrap_or(stat.sid),
            pgid: stat.pgid,
            vpgid: status.vpgid.unwrap_or(stat.pgid),
            vtid: status.vtid.unwrap_or(tid),
            vpid: status.vpid.unwrap_or(status.tgid),
            comm: stat.comm,
            uid: status.uid.1,
            gid: status.gid.1,
            caps: status.caps,
            tty: stat.tty,
            vmsize_kb: status.vm[0],
            vmrss_kb: status.vm[1],
            vmswap_kb: status.vm[2],
            pfmajor: stat.major_faults,
            pfminor: stat.minor_faults,
            clone_ts: self.shared.clock.at(stat.start),
            pidns_init_start_ts: self.shared.clock.boot_ts,
            ..ThreadEntry::default()
        };
        // Without audit in the kernel, there is no such file and no login user.
        if let Ok(text) = dir.read("loginuid", 32, &mut self.buffers) {
            entry.loginuid = parse::decimal(text.trim_ascii()).map_or(u32::MAX, |uid| uid as u32);
        }
        let mut whole = true;
        match dir.read("cgroup", 65536, &mut self.buffers) {
            Ok(text) => entry.cgroups = parse::cgroups(text),
            Err(_) => whole = false,
        }
        match dir.link("root", &mut self.buffers) {
            Ok(root) => entry.root = root.to_vec(),
            Err(_) => whole = false,
        }
        Some(Task { entry, status, threads: stat.threads, whole, ends: stat.flags & EXITING != 0 })
    }

    /// The leader of a process, and the number of the process's threads. A leader that has ended is
    /// returned if other threads exist, with what the process has if `is_completed`.
    pub(super) fn leader(&mut self, dir: &Dir, pid: u32, is_completed: bool) -> Option<(ThreadEntry, u64)> {
        let Task { mut entry, status, threads, mut whole, ends } = self.thread(dir, pid)?;
        if entry.pid != entry.tid {
            return None;
        }
        // It has released what its threads share.
        let other = if ends && threads > 1 && is_completed { self.another(dir, pid) } else { None };
        let dir = other.as_ref().unwrap_or(dir);
        if entry.root.is_empty()
            && let Ok(root) = dir.link("root", &mut self.buffers)
        {
            entry.root = root.to_vec();
        }
        if let Ok(text) = dir.read("cmdline", TEXT, &mut self.buffers) {
            (entry.exe, entry.args) = parse::command_line(text);
        }
        if let Ok(link) = dir.link("exe", &mut self.buffers) {
            entry.exe_from_memfd = link.starts_with(b"/memfd:");
            // As in events.
            let link = if entry.exe_from_memfd { &link[1..] } else { link };
            entry.exepath = parse::undeleted(link).to_vec();
            self.executable(dir, &status, &mut entry);
        }
        whole &= !entry.exepath.is_empty() && !entry.exe.is_empty();
        let environment = match self.shared.options.environment {
            limit if limit <= TEXT => dir.read("environ", limit, &mut self.buffers),
            limit => dir.read_all("environ", limit, &mut self.buffers),
        };
        if let Ok(text) = environment {
            entry.env = parse::terminated(text);
        }
        if let Ok(cwd) = dir.link("cwd", &mut self.buffers) {
            entry.cwd = parse::directory(parse::undeleted(cwd));
        }
        if let Ok(text) = dir.read("limits", 8192, &mut self.buffers) {
            entry.fdlimit = parse::open_files(text).unwrap_or(u64::MAX);
        }
        self.note_namespace(dir, &entry);
        (whole || threads > 1 || self.runs(dir)).then_some((entry, threads))
    }

    /// The directory of a thread that runs, other than the leader.
    fn another(&mut self, dir: &Dir, pid: u32) -> Option<Dir> {
        let tasks = dir.subdir("task").ok()?;
        let tid = self.holder(&tasks, pid)?;
        tasks.dir(tid).ok()
    }

    /// A thread of a process whose leader has been read.
    pub(super) fn follower(&mut self, dir: &Dir, tid: u32, leader: &ThreadEntry) -> Option<ThreadEntry> {
        let Task { entry, whole, .. } = self.thread(dir, tid)?;
        if entry.pid != leader.pid || !(whole || self.runs(dir)) {
            return None;
        }
        if let Some(namespace) = self.part.foreign.get(&leader.tid).copied() {
            self.part.foreign.insert(entry.tid, namespace);
        }
        Some(entry.in_process_of(leader))
    }

    /// Whether the thread still runs. Its directory stays open when it ends, and some files stay readable
    /// until its parent has waited for it.
    pub(super) fn runs(&mut self, dir: &Dir) -> bool {
        let Ok(text) = dir.read("stat", 4096, &mut self.buffers) else { return false };
        Stat::parse(text).is_some_and(|stat| stat.flags & EXITING == 0)
    }

    /// Records the pid namespace of a process if it differs from ours, and the start of that namespace.
    fn note_namespace(&mut self, dir: &Dir, entry: &ThreadEntry) {
        if entry.vtid == entry.tid {
            return;
        }
        let Some(namespace) = dir.namespace("ns/pid", &mut self.buffers) else { return };
        if Some(namespace) == self.shared.own_pid_namespace {
            return;
        }
        self.part.foreign.insert(entry.tid, namespace);
        if entry.vpid == 1 {
            self.part.pid_namespaces.insert(namespace, entry.clone_ts);
        }
    }

    /// Start of the pid namespace, which is that of its first process in the process's own /proc.
    pub(super) fn init_seen_from(&mut self, dir: &Dir) -> Option<u64> {
        let stat = dir.read("root/proc/1/stat", 4096, &mut self.buffers).ok()?;
        Some(self.shared.clock.at(Stat::parse(stat)?.start))
    }
}
