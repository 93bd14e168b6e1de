//! Threads from the kernel's iterator.

use eyas_events::FlagTable;

use super::super::parse;
use super::{Known, Process, Task};
use crate::{RawEvent, ThreadEntry};

/// The bit for an exiting thread, in the parameter about gaps after the row's parameters.
const ENDS: u64 = 1;

impl Known {
    /// Adds a thread from an event `ITER_TASK_E`. `boot_ts` is the time of boot, ns since the epoch.
    pub(crate) fn add_thread(&mut self, event: &RawEvent<'_>, boot_ts: u64) {
        let Some(task) = task(event, boot_ts) else {
            self.kernel.insert(event.tid as u32);
            return;
        };
        if self.threads == self.max_threads {
            return;
        }
        self.threads += 1;
        let process = self.processes.entry(task.entry.pid as u32).or_default();
        if task.entry.tid == task.entry.pid && process.start != task.entry.clone_ts {
            // The files belong to a process that had this id before.
            let threads = std::mem::take(&mut process.threads);
            *process = Process { start: task.entry.clone_ts, threads, ..Process::default() };
        }
        process.threads.push(task);
    }
}

fn task(event: &RawEvent<'_>, boot_ts: u64) -> Option<Task> {
    let row = event.info()?.params.len();
    let gaps = event.uint(row + 1)?;
    // The upper half of the id is the process's.
    let (tid, pid) = (event.tid & 0xffff_ffff, event.tid >> 32);
    let mut t = ThreadEntry { tid, pid, pidns_init_start_ts: boot_ts, ..ThreadEntry::default() };
    let mut pidns_start = 0;
    for (index, (param, bytes)) in event.named().enumerate() {
        let int = || event.int(index).unwrap_or(-1);
        let uint = || event.uint(index).unwrap_or(0);
        let text = || bytes.strip_suffix(&[0]).unwrap_or(bytes).to_vec();
        match param.name {
            "ppid" => t.ptid = int(),
            "pgid" => t.pgid = int(),
            "vpgid" => t.vpgid = int(),
            "sid" => t.sid = int(),
            "comm" => t.comm = text(),
            "argv" => (t.exe, t.args) = parse::command_line(bytes),
            "exepath" => t.exepath = text(),
            "flags" => set_exe_flags(&mut t, uint() as u32),
            "env" => t.env = parse::terminated(bytes),
            "cwd" => t.cwd = parse::directory(&text()),
            "fdlimit" => t.fdlimit = uint(),
            "euid" => t.uid = uint() as u32,
            "egid" => t.gid = uint() as u32,
            "cap_inheritable" => t.caps[0] = uint(),
            "cap_permitted" => t.caps[1] = uint(),
            "cap_effective" => t.caps[2] = uint(),
            "exe_ino_num" => t.exe_ino = uint(),
            "exe_ino_ctime" => t.exe_ino_ctime = uint(),
            "exe_ino_mtime" => t.exe_ino_mtime = uint(),
            "vm_size" => t.vmsize_kb = uint() as u32,
            "vm_rss" => t.vmrss_kb = uint() as u32,
            "vm_swap" => t.vmswap_kb = uint() as u32,
            "pgft_maj" => t.pfmajor = uint(),
            "pgft_min" => t.pfminor = uint(),
            "vtgid" => t.vpid = int(),
            "vpid" => t.vtid = int(),
            "pidns_init_start_ts" => pidns_start = uint(),
            "cgroups" => t.cgroups = bytes.to_vec(),
            "root" => t.root = text(),
            "start_time" => t.clone_ts = uint(),
            "tty" => t.tty = uint() as u32,
            "loginuid" => t.loginuid = uint() as u32,
            _ => {}
        }
    }
    if t.vtid != t.tid {
        t.pidns_init_start_ts += pidns_start;
    }
    let network = event.uint(row)?;
    Some(Task { entry: t, network, ends: gaps & ENDS != 0, has_gaps: gaps & !ENDS != 0 })
}

fn set_exe_flags(entry: &mut ThreadEntry, flags: u32) {
    let has = |bit: u32| flags & bit != 0;
    entry.exe_writable = has(const { FlagTable::EXECVE_FLAGS.value("EXE_WRITABLE") });
    entry.exe_upper_layer = has(const { FlagTable::EXECVE_FLAGS.value("EXE_UPPER_LAYER") });
    entry.exe_lower_layer = has(const { FlagTable::EXECVE_FLAGS.value("EXE_LOWER_LAYER") });
    entry.exe_from_memfd = has(const { FlagTable::EXECVE_FLAGS.value("EXE_FROM_MEMFD") });
}
