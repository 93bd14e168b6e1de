//! The programs of the probe, and what is captured that needs each.

use eyas_events::{SyscallCode, ia32_calls};

use crate::features::Need;

/// One program of the BPF object.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// What needs it; none means any system call.
    codes: &'static [SyscallCode],
    /// Whether capturing everything includes it: what happens all the time does not.
    by_default: bool,
    /// What not every kernel has.
    pub(crate) need: Option<Need>,
}

impl Program {
    /// The tracepoint of a single system call that it is for, as tracefs names it.
    pub(crate) fn tracepoint(&self) -> Option<String> {
        self.name.strip_prefix("enter_").map(|call| format!("syscalls/sys_enter_{call}"))
    }
}

const fn program(name: &'static str, codes: &'static [SyscallCode]) -> Program {
    Program { name, codes, by_default: true, need: None }
}

const fn on_demand(name: &'static str, code: &'static [SyscallCode]) -> Program {
    Program { name, codes: code, by_default: false, need: None }
}

/// Calls whose arguments are kept when they begin.
const KEPT: &[SyscallCode] =
    &[SyscallCode::OPENAT, SyscallCode::OPEN, SyscallCode::OPENAT2, SyscallCode::CREAT, SyscallCode::CONNECT];

/// Those at the end of system calls and in the life of processes.
pub(crate) const PROGRAMS: &[Program] = &[
    program("sys_exit", &[]),
    program("process_exec", &[SyscallCode::EXECVE, SyscallCode::EXECVEAT]),
    // Where children do not pass the end of the call that makes them; the object of x86-64 has no such program.
    program(
        "process_fork",
        &[SyscallCode::CLONE, SyscallCode::CLONE3, SyscallCode::FORK, SyscallCode::VFORK],
    ),
    program("process_exit", &[SyscallCode::SCHED_PROCESS_EXIT]),
    Program { need: Some(Need::NoTaskStorage), ..program("kept_exit", KEPT) },
    on_demand("sched_switch", &[SyscallCode::SCHED_SWITCH]),
    on_demand("signal_deliver", &[SyscallCode::SIGNAL_DELIVER]),
    Program {
        need: Some(Need::Tracepoint("page_fault_user")),
        ..on_demand("fault_user", &[SyscallCode::PAGE_FAULT_USER])
    },
    Program {
        need: Some(Need::Tracepoint("page_fault_kernel")),
        ..on_demand("fault_kernel", &[SyscallCode::PAGE_FAULT_KERNEL])
    },
];

/// Where calls begin whose arguments are kept, a tracepoint each.
pub(crate) const ENTER_EACH: &[Program] = &[
    program("enter_connect", &[SyscallCode::CONNECT]),
    program("enter_creat", &[SyscallCode::CREAT]),
    program("enter_open", &[SyscallCode::OPEN]),
    program("enter_openat2", &[SyscallCode::OPENAT2]),
    program("enter_openat", &[SyscallCode::OPENAT]),
];

/// The same by one program for all calls, where the kernel's own tracepoints can't be had.
pub(crate) const ENTER_ALL: &[Program] = &[program("sys_enter", KEPT)];

/// What keeps track of the children of threads that are left out; needed where there are such threads.
pub(crate) const QUIET: &[Program] = &[program("quiet_fork", &[]), program("quiet_exit", &[])];

/// What lists threads when a capture begins, and reads their memory.
pub(crate) const TASKS: Program =
    Program { need: Some(Need::Function("bpf_copy_from_user_task")), ..program("dump_tasks", &[]) };

/// What lists open files when a capture begins.
pub(crate) const FILES: Program =
    Program { need: Some(Need::Iterator("task_file")), ..program("dump_files", &[]) };

/// What does nothing, at the end of every call.
pub(crate) const EMPTY: Program = program("empty", &[]);

/// What is captured: a list, or everything that does not happen all the time.
pub(crate) struct Interest<'a>(pub(crate) Option<&'a [SyscallCode]>);

impl Interest<'_> {
    pub(crate) fn has(&self, code: SyscallCode) -> bool {
        self.0.is_none_or(|list| list.contains(&code))
    }

    /// Whether a program has something to do.
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
    fn a_program_is_attached_when_something_needs_it() {
        let names = |interest: Option<&[SyscallCode]>| -> Vec<&str> {
            let interest = Interest(interest);
            PROGRAMS.iter().chain(ENTER_EACH).filter(|p| interest.needs(p)).map(|p| p.name).collect()
        };
        assert_eq!(names(Some(&[SyscallCode::SCHED_SWITCH])), ["sched_switch"]);
        assert_eq!(names(Some(&[SyscallCode::OPENAT])), ["sys_exit", "kept_exit", "enter_openat"]);
        assert!(!names(None).contains(&"fault_user") && names(None).contains(&"enter_creat"));
        // Of 32-bit programs alone.
        assert_eq!(names(Some(&[SyscallCode::UMOUNT])), ["sys_exit"]);
        assert!(names(Some(&[])).is_empty());
    }
}
