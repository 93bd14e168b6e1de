//! The BPF programs of the probe, and for each the captured calls that need it.

use std::ffi::OsStr;

use eyas_events::{SyscallCode, SyscallFlags, ia32_calls, request_of};

use crate::features::{ENDS_OF_RING, Need};

/// One program of the BPF object, or two forms of one.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The calls that need the program; empty if every captured system call needs it.
    codes: &'static [SyscallCode],
    /// Whether a capture of everything needs the program. It does not need those for the most frequent events.
    by_default: bool,
    /// A feature that the program needs and that some kernels lack.
    pub(crate) need: Option<Need>,
    attachment: Attachment,
    pub(crate) part: Part,
    /// What the probe cannot capture without the program; `None` if the probe does not work without it.
    pub(crate) extra: Option<Extra>,
    /// The form for kernels that preempt programs at tracepoints.
    preempted: Option<(&'static str, Attachment)>,
    /// What it means that the kernel skipped the program.
    pub(crate) miss: Miss,
}

/// What it means that the kernel skipped a program, because that program or another one was running on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// An event may be lost.
    Event,
    /// An event may lack values that the program keeps while a call runs.
    Values,
    /// Events are the same, or the events themselves show it.
    Nothing,
}

/// Where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// At the place that the name of the program's section gives.
    Section,
    /// At a perf event of the tracepoint with this name in tracefs.
    Perf(&'static str),
    /// At the beginning of kernel functions; the program gets the index in the list.
    Functions(&'static [Function]),
    /// At the beginning of those of these kernel functions that exist.
    SomeFunctions(&'static [&'static str]),
    /// At the root cgroup, for the event in its section's name.
    RootCgroup,
    /// Nowhere: the plain forms of other programs call this program, by its index in the map of such programs.
    Called(u32),
    /// Nowhere: the program at the end of calls calls this one.
    CalledAtExit,
}

/// Programs that are loaded together, as one object. The kernel verifies both parts at the same time. Each takes about as long as
/// the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Programs at system calls.
    Calls,
    /// Programs at the start and end of processes, at requests of `io_uring`, and iterators of processes and files.
    Others,
}

impl Part {
    pub(crate) const ALL: [Self; 2] = [Self::Calls, Self::Others];
}

/// What the probe captures only if the kernel accepts the programs for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Requests of `io_uring`.
    Requests,
    /// The other ends of datagrams, at the root cgroup.
    Peers,
    /// Arguments in memory that is not resident.
    Reads,
    /// Arguments of 32-bit programs at the beginning of calls.
    Ia32,
}

/// A kernel function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Whether some kernels lack it.
    pub(crate) is_optional: bool,
}

/// Which forms of the programs are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The plain forms, at BTF tracepoints.
    Plain,
    /// At perf events, for programs with such a form, on a kernel that does not preempt programs at
    /// tracepoints. The other forms disable preemption themselves; some kernels, such as 6.12, refuse such
    /// programs.
    Perf,
    /// The forms for a kernel that preempts programs at tracepoints.
    Preempted,
}

impl Program {
    /// Name and attachment of the form to load.
    pub(crate) fn form(&self, form: Form) -> (&'static str, Attachment) {
        let is_wanted = |&(_, attachment): &(&str, Attachment)| match (form, attachment) {
            (Form::Plain, _) => false,
            (Form::Perf, attachment) => attachment != Attachment::Section,
            (Form::Preempted, _) => true,
        };
        self.preempted.filter(is_wanted).unwrap_or((self.name, self.attachment))
    }

    /// Whether a program of the object is a form of this one.
    pub(crate) fn is(&self, name: &OsStr) -> bool {
        name == self.name || self.preempted.is_some_and(|(other, _)| name == other)
    }

    const fn preempted(self, name: &'static str, attachment: Attachment) -> Self {
        Self { preempted: Some((name, attachment)), ..self }
    }

    const fn miss(self, miss: Miss) -> Self {
        Self { miss, ..self }
    }

    const fn needs(self, need: Need) -> Self {
        Self { need: Some(need), ..self }
    }

    const fn other(self) -> Self {
        Self { part: Part::Others, ..self }
    }

    const fn extra(self, extra: Extra) -> Self {
        Self { extra: Some(extra), ..self.other() }
    }
}

const fn program(name: &'static str, codes: &'static [SyscallCode]) -> Program {
    Program {
        name,
        codes,
        by_default: true,
        need: None,
        attachment: Attachment::Section,
        part: Part::Calls,
        extra: None,
        preempted: None,
        miss: Miss::Event,
    }
}

const fn on_demand(name: &'static str, codes: &'static [SyscallCode]) -> Program {
    Program { by_default: false, ..program(name, codes) }
}

const fn enter(name: &'static str, tracepoint: &'static str, codes: &'static [SyscallCode]) -> Program {
    Program { attachment: Attachment::Perf(tracepoint), ..keeper(name, codes) }
}

/// A program that keeps values while a call runs.
const fn keeper(name: &'static str, codes: &'static [SyscallCode]) -> Program {
    program(name, codes).miss(Miss::Values)
}

/// Calls whose arguments are kept at their beginning.
const KEPT: &[SyscallCode] = &[
    SyscallCode::OPENAT,
    SyscallCode::OPEN,
    SyscallCode::OPENAT2,
    SyscallCode::CREAT,
    SyscallCode::CONNECT,
    SyscallCode::MOUNT,
    SyscallCode::UMOUNT,
    SyscallCode::UMOUNT2,
];

/// Programs at the end of system calls, and at the start and end of processes. At context switches and page
/// faults, no kernel preempts.
pub(crate) const PROGRAMS: &[Program] = &[
    program("sys_exit", &[]).preempted("sys_exit_p", Attachment::Perf("raw_syscalls/sys_exit")),
    program("process_exec", &[SyscallCode::EXECVE, SyscallCode::EXECVEAT])
        .preempted("process_exec_p", Attachment::Perf("sched/sched_process_exec"))
        .other(),
    // For architectures where children do not pass the end of the call that creates them; the object of
    // x86-64 has no such program.
    program(
        "process_fork",
        &[SyscallCode::CLONE, SyscallCode::CLONE3, SyscallCode::FORK, SyscallCode::VFORK],
    )
    .preempted("process_fork_p", Attachment::Perf("sched/sched_process_fork"))
    .other(),
    program("process_exit", &[SyscallCode::SCHED_PROCESS_EXIT])
        .preempted("process_exit_p", Attachment::Perf("sched/sched_process_exit"))
        .other(),
    program("task_rename", &[SyscallCode::EXECVE, SyscallCode::EXECVEAT, SyscallCode::PRCTL])
        .preempted("task_rename_p", Attachment::Section)
        .other(),
    // A new thread with the same id may get the values.
    keeper("kept_exit", &[]).needs(Need::NoTaskStorage),
    on_demand("sched_switch", &[SyscallCode::SCHED_SWITCH]),
    on_demand("signal_deliver", &[SyscallCode::SIGNAL_DELIVER])
        .preempted("signal_deliver_p", Attachment::Section),
    on_demand("fault_user", &[SyscallCode::PAGE_FAULT_USER]).needs(Need::Tracepoint("page_fault_user")),
    on_demand("fault_kernel", &[SyscallCode::PAGE_FAULT_KERNEL]).needs(Need::Tracepoint("page_fault_kernel")),
];

/// The sleepable program at the end of calls, which pages in their arguments. The kernel runs the programs of a
/// tracepoint in the order in which they were attached, so it must be attached before `sys_exit`.
/// Without a run, the event has an empty argument, which the probe counts as such.
pub(crate) const PAGE_IN: Program = program("page_in", &[]).miss(Miss::Nothing).extra(Extra::Reads);

/// The flag of a program that may sleep (`BPF_F_SLEEPABLE`).
pub(crate) const SLEEPABLE: u32 = 1 << 4;

/// Programs at the beginning of calls whose arguments are kept, one tracepoint each.
pub(crate) const ENTER_EACH: &[Program] = &[
    enter("enter_connect", "syscalls/sys_enter_connect", &[SyscallCode::CONNECT]),
    enter("enter_creat", "syscalls/sys_enter_creat", &[SyscallCode::CREAT]),
    enter("enter_open", "syscalls/sys_enter_open", &[SyscallCode::OPEN]),
    enter("enter_openat2", "syscalls/sys_enter_openat2", &[SyscallCode::OPENAT2]),
    enter("enter_openat", "syscalls/sys_enter_openat", &[SyscallCode::OPENAT]),
    enter("enter_mount", "syscalls/sys_enter_mount", &[SyscallCode::MOUNT]),
    // With security hooks, nothing is kept for it. The tracepoint has the name of `umount`, and the number of `umount2`.
    enter("enter_umount", "syscalls/sys_enter_umount", &[SyscallCode::UMOUNT2]).needs(Need::NoKprobes),
];

/// The program at the beginning of these calls of 32-bit programs, for which the kernel has no tracepoints of their own. Only
/// such programs reach these functions, so others do not pay for it.
pub(crate) const ENTER_IA32: Program = Program {
    attachment: Attachment::SomeFunctions(&[
        "__ia32_compat_sys_open",
        "__ia32_compat_sys_openat",
        "__ia32_compat_sys_socketcall",
        "__ia32_sys_connect",
        "__ia32_sys_creat",
        "__ia32_sys_mount",
        "__ia32_sys_openat2",
        // Before Linux 5.12.
        "__ia32_compat_sys_mount",
    ]),
    ..keeper("enter_ia32", KEPT).needs(Need::Kprobes).extra(Extra::Ia32)
};

/// The program at the beginning of close, which is needed while the filter leaves out closes of plain
/// files. Without a run, the close is reported.
pub(crate) const ENTER_CLOSE: Program =
    enter("enter_close", "syscalls/sys_enter_close", &[SyscallCode::CLOSE]).miss(Miss::Nothing);

/// One program at the beginning of all these calls, if the kernel's tracepoints of calls are not available,
/// or preempt their programs.
pub(crate) const ENTER_ALL: &[Program] =
    &[keeper("sys_enter", KEPT).preempted("sys_enter_p", Attachment::Perf("raw_syscalls/sys_enter"))];

/// Programs at the security functions in which the kernel decides whether the caller may change a directory
/// entry.
pub(crate) const HOOKS: &[Program] = &[
    keeper("hook_path_mkdir", &[SyscallCode::MKDIR, SyscallCode::MKDIRAT]),
    keeper("hook_path_mknod", &[SyscallCode::MKNOD, SyscallCode::MKNODAT]),
    keeper("hook_path_symlink", &[SyscallCode::SYMLINK, SyscallCode::SYMLINKAT]),
    keeper("hook_path_rmdir", &[SyscallCode::RMDIR, SyscallCode::UNLINKAT]),
    keeper("hook_path_unlink", &[SyscallCode::UNLINK, SyscallCode::UNLINKAT]),
    keeper("hook_path_link", &[SyscallCode::LINK, SyscallCode::LINKAT]),
    keeper("hook_path_rename", &[SyscallCode::RENAME, SyscallCode::RENAMEAT, SyscallCode::RENAMEAT2]),
    keeper("hook_path_chmod", &[SyscallCode::CHMOD, SyscallCode::FCHMODAT, SyscallCode::FCHMODAT2]),
    keeper("hook_path_chown", &[SyscallCode::CHOWN, SyscallCode::LCHOWN, SyscallCode::FCHOWNAT]),
    keeper("hook_path_truncate", &[SyscallCode::TRUNCATE]),
    keeper("hook_sb_mount", &[SyscallCode::MOUNT]),
    keeper("hook_move_mount", &[SyscallCode::MOVE_MOUNT]),
    keeper("hook_sb_umount", &[SyscallCode::UMOUNT, SyscallCode::UMOUNT2]),
    keeper("hook_inode_setxattr", SET_XATTR),
    keeper("hook_inode_removexattr", REMOVE_XATTR),
    keeper("hook_inode_getxattr", GET_XATTR),
    keeper(
        "hook_inode_listxattr",
        &[SyscallCode::LISTXATTR, SyscallCode::LLISTXATTR, SyscallCode::LISTXATTRAT],
    ),
    keeper(
        "hook_inode_getattr",
        &[SyscallCode::STAT, SyscallCode::LSTAT, SyscallCode::NEWFSTATAT, SyscallCode::STATX],
    ),
    // From Linux 6.2 on, access control lists have separate hooks.
    keeper("hook_inode_set_acl", SET_XATTR).needs(Need::Function("security_inode_set_acl")),
    keeper("hook_inode_remove_acl", REMOVE_XATTR).needs(Need::Function("security_inode_remove_acl")),
    keeper("hook_inode_get_acl", GET_XATTR).needs(Need::Function("security_inode_get_acl")),
];

const SET_XATTR: &[SyscallCode] = &[SyscallCode::SETXATTR, SyscallCode::LSETXATTR, SyscallCode::SETXATTRAT];
const REMOVE_XATTR: &[SyscallCode] =
    &[SyscallCode::REMOVEXATTR, SyscallCode::LREMOVEXATTR, SyscallCode::REMOVEXATTRAT];
const GET_XATTR: &[SyscallCode] = &[SyscallCode::GETXATTR, SyscallCode::LGETXATTR, SyscallCode::GETXATTRAT];

/// The same if programs cannot be attached to kernel functions: programs that see which change times a call
/// sets.
pub(crate) const TOUCHES: &[Program] = &[
    touch("touch_set", "touch_set_p", "inode_set_ctime_to_ts"),
    touch("touch_exchanged", "touch_exchanged_p", "ctime_ns_xchg"),
    touch("touch_same", "touch_same_p", "ctime_xchg_skip"),
];

const fn touch(name: &'static str, preempted: &'static str, tracepoint: &'static str) -> Program {
    keeper(name, CHANGING_ENTRIES)
        .preempted(preempted, Attachment::Section)
        .needs(Need::Tracepoint(tracepoint))
}

/// Calls that change directory entries.
const CHANGING_ENTRIES: &[SyscallCode] = &[
    SyscallCode::MKDIR,
    SyscallCode::MKDIRAT,
    SyscallCode::MKNOD,
    SyscallCode::MKNODAT,
    SyscallCode::SYMLINK,
    SyscallCode::SYMLINKAT,
    SyscallCode::RMDIR,
    SyscallCode::UNLINK,
    SyscallCode::UNLINKAT,
    SyscallCode::LINK,
    SyscallCode::LINKAT,
    SyscallCode::RENAME,
    SyscallCode::RENAMEAT,
    SyscallCode::RENAMEAT2,
    SyscallCode::CHMOD,
    SyscallCode::FCHMODAT,
    SyscallCode::FCHMODAT2,
    SyscallCode::CHOWN,
    SyscallCode::LCHOWN,
    SyscallCode::FCHOWNAT,
    SyscallCode::TRUNCATE,
    SyscallCode::SETXATTR,
    SyscallCode::LSETXATTR,
    SyscallCode::SETXATTRAT,
    SyscallCode::REMOVEXATTR,
    SyscallCode::LREMOVEXATTR,
    SyscallCode::REMOVEXATTRAT,
    SyscallCode::MOUNT,
];

/// Programs at the submission and completion of `io_uring` requests.
pub(crate) const REQUESTS: &[Program] = &[
    program("uring_complete", REQUESTED)
        .preempted("uring_complete_p", Attachment::Perf("io_uring/io_uring_complete"))
        .needs(Need::RequestTracepoint("io_uring_complete"))
        .extra(Extra::Requests),
    program("uring_overflow", REQUESTED)
        .preempted("uring_overflow_p", Attachment::Perf("io_uring/io_uring_cqe_overflow"))
        .needs(Need::RequestTracepoint("io_uring_cqe_overflow"))
        .extra(Extra::Requests),
    program("uring_submit", REQUESTED)
        .preempted("uring_submit_p", Attachment::Perf("io_uring/io_uring_submit_req"))
        .needs(Need::RequestTracepoint("io_uring_submit_req"))
        .extra(Extra::Requests),
    program("uring_submit_old", REQUESTED)
        .needs(Need::RequestTracepoint("io_uring_submit_sqe"))
        .extra(Extra::Requests),
];

/// The programs that plain forms of others call. The kernel verifies their common work once.
pub(crate) const CALLED: [Program; 3] = [
    Program {
        attachment: Attachment::Called(0),
        ..program(
            "process_events",
            &[
                SyscallCode::EXECVE,
                SyscallCode::EXECVEAT,
                SyscallCode::PRCTL,
                SyscallCode::SCHED_PROCESS_EXIT,
            ],
        )
        .other()
    },
    Program {
        attachment: Attachment::Called(1),
        ..program("request_events", REQUESTED)
            .needs(Need::RequestTracepoint("io_uring_complete"))
            .extra(Extra::Requests)
    },
    Program { attachment: Attachment::Called(2), ..freed("freed_events") },
];

/// The functions that end requests whose success the kernel does not report.
pub(crate) const SILENT: Program = Program {
    attachment: Attachment::Functions(&[
        Function { name: ENDS_OF_RING, is_optional: false },
        Function { name: "io_wq_free_work", is_optional: false },
        // Before Linux 6.10, some requests end only here.
        Function { name: "io_req_complete_post", is_optional: true },
    ]),
    ..program("uring_silent", REQUESTED).needs(Need::RequestEnds).extra(Extra::Requests)
};

/// The programs that see the ends of such requests if programs cannot be attached to kernel functions. The first one runs at the
/// end of a thread, before the program that reports that end.
pub(crate) const FREED: [Program; 3] = [
    freed("uring_left").preempted("uring_left_p", Attachment::Perf("sched/sched_process_exit")),
    // Without a run, the event comes later.
    freed("uring_worked")
        .preempted("uring_worked_p", Attachment::Perf("io_uring/io_uring_task_work_run"))
        .miss(Miss::Nothing),
    Program { attachment: Attachment::CalledAtExit, ..freed("uring_entered") }
        .preempted("uring_entered_p", Attachment::CalledAtExit)
        .miss(Miss::Nothing),
];

const fn freed(name: &'static str) -> Program {
    program(name, REQUESTED).needs(Need::FreedRequests).extra(Extra::Requests)
}

/// Calls that a request may stand for.
const REQUESTED: &[SyscallCode] = &requested();

const fn requested() -> [SyscallCode; REQUESTED_CALLS] {
    let mut codes = [SyscallCode::UNKNOWN; REQUESTED_CALLS];
    let (mut opcode, mut at) = (0, 0);
    while let Some(request) = request_of(opcode) {
        if let Some(call) = request.call {
            codes[at] = call;
            at += 1;
        }
        opcode += 1;
    }
    codes
}

/// Number of kinds of requests with a corresponding call.
const REQUESTED_CALLS: usize = {
    let (mut opcode, mut count) = (0, 0);
    while let Some(request) = request_of(opcode) {
        count += request.call.is_some() as usize;
        opcode += 1;
    }
    count
};

/// Programs that keep the other ends of sent and of received datagrams: at kernel functions, and, for kernels without
/// kprobes, at the root cgroup.
pub(crate) const DATAGRAMS: [[&[Program]; 2]; 2] = [
    [
        &[keeper("datagram_4", SENDS), keeper("datagram_6", SENDS)],
        &[peer("peer_sent_4", SENDS), peer("peer_sent_6", SENDS)],
    ],
    [
        &[keeper("datagram_from", RECEIVES)],
        &[peer("peer_received_4", RECEIVES), peer("peer_received_6", RECEIVES)],
    ],
];

const fn peer(name: &'static str, codes: &'static [SyscallCode]) -> Program {
    Program {
        attachment: Attachment::RootCgroup,
        ..keeper(name, codes).needs(Need::CgroupAddresses).extra(Extra::Peers)
    }
}

const SENDS: &[SyscallCode] = &[SyscallCode::SENDTO, SyscallCode::SENDMSG, SyscallCode::SENDMMSG];
const RECEIVES: &[SyscallCode] = &[SyscallCode::RECVFROM, SyscallCode::RECVMSG, SyscallCode::RECVMMSG];

/// Programs that track the children of excluded threads; needed if there are such threads. Without a run of the first, the
/// child is captured; without one of the second, a new thread with the same id is not.
pub(crate) const QUIET: &[Program] = &[
    program("quiet_fork", &[])
        .preempted("quiet_fork_p", Attachment::Perf("sched/sched_process_fork"))
        .miss(Miss::Nothing),
    program("quiet_exit", &[]).preempted("quiet_exit_p", Attachment::Perf("sched/sched_process_exit")),
];

/// The iterator of threads for the snapshot, which reads their memory.
pub(crate) const TASKS: Program = iterator("dump_tasks", Need::Function("bpf_copy_from_user_task"));

/// The iterator of open files for the snapshot.
pub(crate) const FILES: Program = iterator("dump_files", Need::Iterator("task_file"));

const fn iterator(name: &'static str, need: Need) -> Program {
    program(name, &[]).needs(need).miss(Miss::Nothing).other()
}

/// The empty program at the end of every call.
pub(crate) const EMPTY_AT_END: Program =
    program("empty", &[]).preempted("empty_p", Attachment::Perf("raw_syscalls/sys_exit")).miss(Miss::Nothing);

/// Empty programs where the filter needs those of opens and closes.
pub(crate) const EMPTY_AT_BEGINNING: [Program; 2] = [
    enter("empty_openat", "syscalls/sys_enter_openat", &[]).miss(Miss::Nothing),
    enter("empty_close", "syscalls/sys_enter_close", &[]).miss(Miss::Nothing),
];

/// Prefix of the names of the programs at security hooks, which are loaded on request.
pub(crate) const DECIDES: &str = "decide_";

/// Every program that has a row. Those at security hooks have none.
fn all() -> impl Iterator<Item = &'static Program> {
    let tables =
        [PROGRAMS, ENTER_EACH, ENTER_ALL, HOOKS, TOUCHES, REQUESTS, &FREED, QUIET, &EMPTY_AT_BEGINNING];
    let singles = [&PAGE_IN, &ENTER_CLOSE, &ENTER_IA32, &SILENT, &TASKS, &FILES, &EMPTY_AT_END];
    let datagrams = DATAGRAMS.as_flattened().iter().copied();
    tables.into_iter().chain(datagrams).flatten().chain(&CALLED).chain(singles)
}

/// What it means that the kernel skipped the program of that name. Without a row, an event may be lost.
pub(crate) fn miss_of(name: &OsStr) -> Miss {
    all().find(|row| row.is(name)).map_or(Miss::Event, |row| row.miss)
}

/// Bits of the table of calls, in addition to [`SyscallFlags`]: `WANTED` and `DESCRIPTOR_ALONE` of
/// `state.h`.
const WANTED: u8 = 1;
const DESCRIPTOR_ALONE: u8 = 8;
/// Bit of reads and writes: the file may make the call change the state (`FILE_DECIDES` of `state.h`).
const FILE_DECIDES: u8 = 16;
/// Reads of some files (fanotify, userfaultfd) make descriptors, and a write to a file of `/proc` sets the login user.
const DECIDED_BY_FILE: [SyscallCode; 8] = [
    SyscallCode::READ,
    SyscallCode::READV,
    SyscallCode::PREADV2,
    SyscallCode::WRITE,
    SyscallCode::WRITEV,
    SyscallCode::PWRITE64,
    SyscallCode::PWRITEV,
    SyscallCode::PWRITEV2,
];

/// How sampling treats a call.
fn sampling(flags: SyscallFlags) -> SyscallFlags {
    if flags.contains(SyscallFlags::NEVER_DROP) {
        SyscallFlags::NEVER_DROP
    } else if flags.contains(SyscallFlags::USED) {
        flags & SyscallFlags::ALWAYS_DROP
    } else {
        SyscallFlags::ALWAYS_DROP
    }
}

/// The captured calls: a list, or everything except the most frequent events.
pub(crate) struct Interest<'a>(pub(crate) Option<&'a [SyscallCode]>);

impl Interest<'_> {
    pub(crate) fn has(&self, code: SyscallCode) -> bool {
        self.0.is_none_or(|list| list.contains(&code))
    }

    /// The entry of a call in the table.
    pub(crate) fn table_value(&self, code: SyscallCode, flags: SyscallFlags) -> u8 {
        match code {
            _ if DECIDED_BY_FILE.contains(&code) && self.has(SyscallCode::FCNTL) => {
                let wanted = WANTED | sampling(flags).bits();
                let alone = WANTED | DESCRIPTOR_ALONE | SyscallFlags::NEVER_DROP.bits();
                FILE_DECIDES | if self.has(code) { wanted } else { alone }
            }
            _ if self.has(code) => WANTED | sampling(flags).bits(),
            // It sets close-on-exec and makes descriptors like `fcntl`, and removes a terminal like `setsid`.
            SyscallCode::IOCTL if self.has(SyscallCode::FCNTL) || self.has(SyscallCode::SETSID) => {
                WANTED | DESCRIPTOR_ALONE | SyscallFlags::NEVER_DROP.bits()
            }
            // These make descriptors in rare cases: `SCM_RIGHTS`, `SO_PEERPIDFD`, the listener of a filter.
            SyscallCode::RECVMSG | SyscallCode::RECVMMSG | SyscallCode::GETSOCKOPT | SyscallCode::SECCOMP
                if self.has(SyscallCode::FCNTL) =>
            {
                WANTED | DESCRIPTOR_ALONE | SyscallFlags::NEVER_DROP.bits()
            }
            _ => 0,
        }
    }

    /// Whether a program is needed.
    pub(crate) fn needs(&self, program: &Program) -> bool {
        match (self.0, program.codes) {
            (None, _) => program.by_default,
            (Some(list), []) => list.iter().any(|code| is_syscall(*code)),
            (Some(list), codes) => codes.iter().any(|code| list.contains(code)),
        }
    }
}

/// Whether it is a system call of some architecture or width rather than a tracepoint.
fn is_syscall(code: SyscallCode) -> bool {
    code.info().is_some_and(|info| info.x86_64 >= 0 || info.aarch64 >= 0)
        || ia32_calls().any(|call| call.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_the_object_has_a_row() {
        let open = libbpf_rs::ObjectBuilder::default().open_memory(&crate::skel::DATA).unwrap();
        let names: Vec<_> = open.progs().map(|program| program.name().to_owned()).collect();
        let is_known = |name: &OsStr| {
            name.to_string_lossy().starts_with(DECIDES) || all().filter(|row| row.is(name)).count() == 1
        };
        let unknown: Vec<_> = names.iter().filter(|name| !is_known(name)).collect();
        assert!(names.len() > 50 && unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn each_program_declares_what_a_skipped_run_loses() {
        let of = |name: &str| miss_of(OsStr::new(name));
        for name in [
            "sys_exit_p",
            "task_rename",
            "uring_submit",
            "uring_submit_old",
            "uring_complete_p",
            "uring_overflow_p",
            "uring_silent",
            "uring_left",
            "quiet_exit_p",
            "decide_file_open",
        ] {
            assert_eq!(of(name), Miss::Event, "{name}");
        }
        for name in [
            "sys_enter_p",
            "enter_open",
            "enter_ia32",
            "hook_sb_mount",
            "touch_set_p",
            "datagram_4",
            "peer_sent_6",
            "kept_exit",
        ] {
            assert_eq!(of(name), Miss::Values, "{name}");
        }
        for name in ["page_in", "quiet_fork", "dump_tasks", "empty_p", "enter_close", "uring_worked"] {
            assert_eq!(of(name), Miss::Nothing, "{name}");
        }
    }

    #[test]
    fn calls_that_set_close_on_exec_are_captured_with_fcntl() {
        let table_value = |list: &[SyscallCode]| {
            let flags = SyscallCode::IOCTL.info().unwrap().flags;
            Interest(Some(list)).table_value(SyscallCode::IOCTL, flags) & DESCRIPTOR_ALONE
        };
        assert_eq!(table_value(&[SyscallCode::FCNTL]), DESCRIPTOR_ALONE);
        assert_eq!(table_value(&[SyscallCode::FCNTL, SyscallCode::IOCTL]), 0);
        assert_eq!(Interest(Some(&[])).table_value(SyscallCode::IOCTL, SyscallFlags::NONE), 0);
        assert_eq!(table_value(&[SyscallCode::OPENAT]), 0);
        for code in DECIDED_BY_FILE {
            let value = |list: &[SyscallCode]| Interest(Some(list)).table_value(code, SyscallFlags::NONE);
            let bits = DESCRIPTOR_ALONE | FILE_DECIDES;
            assert_eq!(value(&[]), 0);
            assert_eq!(value(&[SyscallCode::FCNTL]) & bits, bits);
            assert_eq!(value(&[SyscallCode::FCNTL, code]) & bits, FILE_DECIDES);
            assert_eq!(value(&[code]) & bits, 0);
        }
        for code in [SyscallCode::RECVMSG, SyscallCode::GETSOCKOPT, SyscallCode::SECCOMP] {
            let interest = Interest(Some(&[SyscallCode::FCNTL]));
            assert_ne!(interest.table_value(code, SyscallFlags::NONE) & DESCRIPTOR_ALONE, 0);
        }
    }

    #[test]
    fn a_program_is_attached_when_something_needs_it() {
        let names = |interest: Option<&[SyscallCode]>| -> Vec<&str> {
            let interest = Interest(interest);
            PROGRAMS.iter().chain(ENTER_EACH).filter(|p| interest.needs(p)).map(|p| p.name).collect()
        };
        assert_eq!(names(Some(&[SyscallCode::SCHED_SWITCH])), ["sched_switch"]);
        assert_eq!(names(Some(&[SyscallCode::OPENAT])), ["sys_exit", "kept_exit", "enter_openat"]);
        assert!(!names(None).contains(&"fault_user") && names(None).contains(&"enter_creat"));
        // Only of 32-bit programs.
        assert_eq!(names(Some(&[SyscallCode::UMOUNT])), ["sys_exit", "kept_exit"]);
        assert!(names(Some(&[])).is_empty());
    }
}
