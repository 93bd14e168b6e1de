//! Facts about this machine that determine how the probe runs.

use std::path::Path;

use super::{
    CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, LINUX_5_11, Need, Types, capabilities,
    has_kprobes, lacked, lockdown, online_cpus, possible_cpus, security_modules, sees_every_process,
};
use crate::Error;
use crate::programs::{FILES, TASKS};
use crate::tracepoints::Tracepoints;

/// The form in which the probe's programs are attached to tracepoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeForm {
    /// As BTF programs, on a kernel that disables preemption for them.
    Btf,
    /// By perf events of the tracepoints, because the kernel would preempt BTF programs.
    Perf,
    /// As BTF programs although the kernel preempts them, because this process cannot open such perf
    /// events. Some events may be missed; they are counted.
    PreemptedBtf,
}

/// Features of this machine that the probe can use, and permissions of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// Release of the kernel, as `uname -r` prints it.
    pub release: String,
    /// Whether the kernel describes its types (BTF), which the probe needs.
    pub has_btf: bool,
    /// The mode of lockdown, if it forbids the probe.
    pub lockdown: Option<String>,
    /// The effective capabilities of this process; bit n is capability n. All bits are set if they are not known.
    pub capabilities: u64,
    /// Capabilities that the probe needs and this process lacks.
    pub lacked: Vec<&'static str>,
    /// Whether tracefs has a tracepoint for each system call, and this process may attach programs to them.
    pub has_tracefs: bool,
    /// Whether the kernel has the security functions, by which the probe sees the paths that calls worked
    /// on.
    pub has_security_hooks: bool,
    /// Whether the kernel lets programs attach to its functions (kprobes).
    pub has_kprobes: bool,
    /// The active security modules, such as `apparmor`; empty if the kernel does not list them.
    pub security_modules: Vec<String>,
    /// Whether the kernel preempts BPF programs at tracepoints (Linux 7.0).
    pub tracepoints_preempt: bool,
    /// The form that [`Attach::Auto`](crate::Attach::Auto) chooses.
    pub form: ProbeForm,
    /// Whether tracing programs have task storage (Linux 5.13).
    pub has_task_storage: bool,
    /// Whether the kernel has an iterator of threads for the snapshot (Linux 5.18). Otherwise `/proc` is
    /// read.
    pub lists_threads: bool,
    /// Whether the kernel has an iterator of open files for the snapshot. Otherwise `/proc` is read.
    pub lists_files: bool,
    /// Whether this process is in the first pid namespace; only there the kernel's iterators show all
    /// processes.
    pub sees_every_process: bool,
    /// Whether the probe's memory counts against [`Features::memlock`] (before Linux 5.11).
    pub memory_is_limited: bool,
    /// The limit of locked memory (`RLIMIT_MEMLOCK`), bytes; `None` for no limit.
    pub memlock: Option<u64>,
    /// The tracepoint by which `io_uring` requests are captured; `None` if the kernel has none that passes
    /// the request (Linux 6.0).
    pub io_uring: Option<&'static str>,
    /// Whether the ends of requests are visible whose success the kernel does not report (`IOSQE_CQE_SKIP_SUCCESS`): by kprobes,
    /// or in the ring's list of free requests (Linux 6.9).
    pub shows_silent_requests: bool,
    /// Number of online CPUs.
    pub online_cpus: usize,
    /// Number of CPUs that may come online; each online CPU has a ring.
    pub possible_cpus: usize,
}

impl Features {
    /// Queries the kernel, without loading a program. It takes milliseconds.
    pub fn detect() -> Self {
        let types = Types::of_kernel();
        let has_tracefs = Tracepoints::find().is_some();
        let tracepoints_preempt = types.tracepoints_preempt();
        let listed = |program: &crate::programs::Program| program.need.is_none_or(|need| types.have(need));
        let possible = possible_cpus();
        Self {
            release: rustix::system::uname().release().to_string_lossy().into_owned(),
            has_btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            lockdown: lockdown(),
            capabilities: capabilities(),
            lacked: lacked(),
            has_tracefs,
            has_security_hooks: types.have(Need::Function("security_path_unlink")),
            has_kprobes: has_kprobes(),
            security_modules: security_modules(),
            tracepoints_preempt,
            form: match (tracepoints_preempt, has_tracefs) {
                (false, _) => ProbeForm::Btf,
                (true, true) => ProbeForm::Perf,
                (true, false) => ProbeForm::PreemptedBtf,
            },
            has_task_storage: types.have_task_storage(),
            lists_threads: listed(&TASKS),
            lists_files: listed(&FILES),
            sees_every_process: sees_every_process(),
            memory_is_limited: !types.have(LINUX_5_11),
            memlock: rustix::process::getrlimit(rustix::process::Resource::Memlock).current,
            io_uring: ["io_uring_submit_req", "io_uring_submit_sqe"]
                .into_iter()
                .find(|name| types.have(Need::RequestTracepoint(name))),
            shows_silent_requests: types.have(Need::RequestEnds) || types.have(Need::FreedRequests),
            online_cpus: online_cpus().map_or(possible, |cpus| cpus.len()),
            possible_cpus: possible,
        }
    }

    /// The reason why the probe cannot run here, if it is known without loading the probe.
    pub fn obstacle() -> Option<Error> {
        super::check().err().or_else(|| Types::of_kernel().too_old())
    }

    /// The capabilities that the probe uses, each with its purpose and whether this process has it.
    /// `CAP_SYS_ADMIN` includes `CAP_BPF` and `CAP_PERFMON`.
    pub fn capabilities_of_probe(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> + '_ {
        let has = |cap: u32| self.capabilities & (1 << cap) != 0;
        [
            ("CAP_BPF", "loads the probe", has(CAP_BPF) || has(CAP_SYS_ADMIN)),
            (
                "CAP_PERFMON",
                "attaches it to the kernel's tracepoints",
                has(CAP_PERFMON) || has(CAP_SYS_ADMIN),
            ),
            ("CAP_SYS_PTRACE", "reads other users' /proc", has(CAP_SYS_PTRACE)),
            (
                "CAP_DAC_READ_SEARCH",
                "reads files of other users",
                has(CAP_DAC_READ_SEARCH) || has(CAP_DAC_OVERRIDE),
            ),
            ("CAP_SYS_RESOURCE", "lifts the limit of locked memory", has(CAP_SYS_RESOURCE)),
        ]
        .into_iter()
        // It is not needed if such memory is not limited.
        .filter(|(name, ..)| self.memory_is_limited || *name != "CAP_SYS_RESOURCE")
    }
}

const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;
const CAP_SYS_PTRACE: u32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reported_features_agree_with_the_checks_before_loading() {
        let features = Features::detect();
        assert_eq!(features.release, rustix::system::uname().release().to_string_lossy());
        assert!(features.online_cpus >= 1 && features.possible_cpus >= features.online_cpus);
        let lacks = |name| features.capabilities_of_probe().any(|(cap, _, held)| cap == name && !held);
        assert_eq!(features.lacked.contains(&"CAP_BPF"), lacks("CAP_BPF"));
        assert_eq!(features.lacked.contains(&"CAP_PERFMON"), lacks("CAP_PERFMON"));
        let obstacle = Features::obstacle();
        assert!(obstacle.is_some() || (features.has_btf && features.lacked.is_empty()), "{obstacle:?}");
        assert_eq!(features.form == ProbeForm::Btf, !features.tracepoints_preempt);
    }
}
