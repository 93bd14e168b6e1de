//! Detects the features of the kernel, and makes errors for missing ones.

use std::path::Path;

use libbpf_rs::ReferencesType;
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::{Func, FuncProto, Ptr, Struct, Typedef};

use crate::Error;

mod facts;

pub use facts::{Features, ProbeForm};

const CAP_NET_ADMIN: u32 = 12;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SYS_RESOURCE: u32 = 24;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Checks everything that loading the probe needs; returns the first missing feature as an error.
pub(crate) fn check() -> Result<(), Error> {
    let missing = lacked();
    if !missing.is_empty() {
        return Err(Error::NoPermission { missing });
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Err(if Path::new("/sys/kernel").exists() { Error::NoBtf } else { Error::NoSysfs });
    }
    match lockdown() {
        Some(mode) => Err(Error::LockedDown { mode }),
        None => Ok(()),
    }
}

/// The lockdown mode, if it forbids the probe.
fn lockdown() -> Option<String> {
    let text = std::fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    text.contains("[confidentiality]").then(|| "confidentiality".to_owned())
}

/// The capabilities of this process; all if they are unknown, because then the kernel decides.
fn capabilities() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(u64::MAX)
}

/// The capabilities that loading needs and this process lacks.
fn lacked() -> Vec<&'static str> {
    let caps = capabilities();
    let has = |cap: u32| caps & (1 << cap) != 0;
    let needed = [("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON)];
    needed.into_iter().filter(|(_, cap)| !has(*cap) && !has(CAP_SYS_ADMIN)).map(|(name, _)| name).collect()
}

/// The error if the kernel refuses a process with the capabilities.
pub(crate) fn refused(types: &Types) -> Error {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
    // This function has the same age as the accounting of such memory by cgroup.
    let is_limited =
        !types.have(LINUX_5_11) && limit.is_some() && capabilities() & (1 << CAP_SYS_RESOURCE) == 0;
    match is_limited {
        true => Error::MemoryLimit,
        false if is_in_user_namespace() => Error::UserNamespace,
        false => Error::Refused,
    }
}

/// Names of the active security modules; empty if the kernel does not list them.
pub(crate) fn security_modules() -> Vec<String> {
    let text = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    text.trim().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Number of CPUs that may come online: the maximum of the kernel.
pub(crate) fn possible_cpus() -> usize {
    libbpf_rs::num_possible_cpus().unwrap_or(1).max(1)
}

/// Numbers of the online CPUs; `None` if the kernel does not report them.
pub(crate) fn online_cpus() -> Option<Vec<u32>> {
    parse_list(&std::fs::read_to_string("/sys/devices/system/cpu/online").ok()?)
}

/// A list such as `0-3,8`.
fn parse_list(text: &str) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        all.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(all)
}

/// Whether this process is in the first pid namespace, because iterators show only processes in the
/// caller's own.
pub(crate) fn sees_every_process() -> bool {
    namespace("pid") == Some(FIRST_PID_NAMESPACE)
}

/// Whether this process is in a user namespace other than the first.
pub(crate) fn is_in_user_namespace() -> bool {
    namespace("user").is_some_and(|inode| inode != FIRST_USER_NAMESPACE)
}

/// Inode of the first pid namespace, the same on every kernel.
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;
/// Inode of the first user namespace, the same on every kernel.
const FIRST_USER_NAMESPACE: u64 = 0xefff_fffd;

/// Inode of a namespace of this process; `None` if `/proc` does not show it.
fn namespace(kind: &str) -> Option<u64> {
    let meta = std::fs::metadata(format!("/proc/self/ns/{kind}")).ok()?;
    Some(std::os::unix::fs::MetadataExt::ino(&meta))
}

/// Whether the kernel's version is Linux 7.0 or newer.
fn is_linux_7() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.split('.').next().and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= 7)
}

/// If this is set, the probe uses no features of newer kernels, as on the oldest one; for tests.
const OLDEST: &str = "EYAS_BPF_OLDEST";

/// A kernel feature that a program needs and not every kernel has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// Tracing programs have no task storage.
    NoTaskStorage,
    /// A tracepoint.
    Tracepoint(&'static str),
    /// A BPF iterator.
    Iterator(&'static str),
    /// A tracepoint of `io_uring` that passes its request to programs.
    RequestTracepoint(&'static str),
    /// A kernel function that programs call.
    Function(&'static str),
    /// The kernel's functions that end requests of `io_uring`, and a way to attach programs to them.
    RequestEnds,
    /// A ring of `io_uring` whose free requests show which ones have ended, if programs cannot be attached to those functions.
    FreedRequests,
    /// A way to attach programs to the kernel's functions (kprobes).
    Kprobes,
    /// No such way.
    NoKprobes,
    /// Programs at the addresses of sockets, and the permission to attach them to cgroups.
    CgroupAddresses,
}

/// The function that frees ended requests of a ring, several at a time.
pub(crate) const ENDS_OF_RING: &str = "__io_submit_flush_completions";

/// Whether the kernel lets programs attach to its functions (kprobes).
fn has_kprobes() -> bool {
    Path::new("/sys/bus/event_source/devices/kprobe").exists()
}

/// Whether this process may attach programs to cgroups.
fn may_attach_to_cgroups() -> bool {
    [CAP_NET_ADMIN, CAP_SYS_ADMIN].iter().any(|cap| capabilities() & (1 << cap) != 0)
}

fn older_than(needed: &'static str) -> Error {
    Error::KernelTooOld { release: rustix::system::uname().release().to_string_lossy().into_owned(), needed }
}

/// The kernel's types (BTF), which show its features.
pub(crate) struct Types(Option<Btf<'static>>);

impl Types {
    /// Reads the types, which takes milliseconds.
    pub(crate) fn of_kernel() -> Self {
        Self(Btf::from_vmlinux().ok())
    }

    /// The error if the kernel is too old for the programs.
    pub(crate) fn too_old(&self) -> Option<Error> {
        self.0.as_ref()?;
        // On aarch64 the rings need an atomic exchange, which programs have only since this version.
        let (of_age, version) =
            if cfg!(target_arch = "aarch64") { (LINUX_5_13, "5.13") } else { (LINUX_5_10, "5.10") };
        (!self.have(of_age)).then(|| older_than(version))
    }

    /// Programs at perf events, which are for kernels that preempt BPF programs, need task storage to keep
    /// arguments.
    pub(crate) fn allow_perf(&self) -> Result<(), Error> {
        if self.have_task_storage() { Ok(()) } else { Err(older_than("5.13")) }
    }

    /// Whether programs get the current task as a typed pointer.
    pub(crate) fn have_task_pointer(&self) -> bool {
        !is_oldest() && self.have(LINUX_5_11)
    }

    /// Whether tracing programs have task storage. Other program types had the function for it earlier.
    pub(crate) fn have_task_storage(&self) -> bool {
        !is_oldest() && self.have(LINUX_5_13)
    }

    /// Whether the kernel preempts BPF programs at tracepoints (Linux 7.0). It does if sleepable RCU
    /// protects tracepoints instead of disabled preemption, which a structure of the kernel shows, and if
    /// RCU itself can be preempted.
    pub(crate) fn tracepoints_preempt(&self) -> bool {
        self.sleepable_rcu_guards_tracepoints() && self.rcu_preempts()
    }

    /// Whether the kernel may preempt BPF programs that run in an RCU section, as those at security hooks do since Linux
    /// 5.15.
    pub(crate) fn rcu_preempts(&self) -> bool {
        self.has_member("task_struct", "rcu_read_lock_nesting").unwrap_or(true)
    }

    /// Whether sleepable RCU protects tracepoints (Linux 7.0). Programs at them may sleep only on such kernels.
    pub(crate) fn sleepable_rcu_guards_tracepoints(&self) -> bool {
        self.has_member("tp_transition_snapshot", "srcu_gp").unwrap_or_else(is_linux_7)
    }

    /// Whether a structure has a member; `None` if there is no such structure.
    fn has_member(&self, structure: &str, member: &str) -> Option<bool> {
        let found = self.0.as_ref()?.type_by_name::<Struct<'_>>(structure)?;
        Some(found.iter().any(|one| one.name.is_some_and(|name| name == member)))
    }

    /// Whether a ring of `io_uring` reports the end of a request by an entry of its queue (Linux 6.16), rather than by
    /// numbers.
    pub(crate) fn completes_by_entry(&self) -> bool {
        /// The program's context, ring, request, entry.
        const BY_ENTRY: usize = 4;
        self.params_at("io_uring_complete") == Some(BY_ENTRY)
    }

    /// Whether the kernel reports each time that a thread has completed its requests, also the thread that takes the requests
    /// of a polled ring (Linux 6.9).
    fn reports_completed_work(&self) -> bool {
        /// The program's context, the thread's requests, their number. Older kernels pass a number of loops, too.
        const SINCE_6_9: usize = 3;
        self.params_at("io_uring_task_work_run") == Some(SINCE_6_9)
    }

    /// Number of parameters of a program at a tracepoint; `None` if there is no such tracepoint.
    fn params_at(&self, tracepoint: &str) -> Option<usize> {
        let types = self.0.as_ref()?;
        let of = types.type_by_name::<Typedef<'_>>(&format!("btf_trace_{tracepoint}"))?;
        let function = of.referenced_type();
        let function = types.type_by_id::<Ptr<'_>>(function.type_id())?.referenced_type();
        Some(types.type_by_id::<FuncProto<'_>>(function.type_id())?.iter().count())
    }

    /// Number of parameters of a kernel function; `None` if it does not exist.
    pub(crate) fn params_of(&self, function: &str) -> Option<usize> {
        let types = self.0.as_ref()?;
        let proto = types.type_by_name::<Func<'_>>(function)?.referenced_type();
        Some(types.type_by_id::<FuncProto<'_>>(proto.type_id())?.iter().count())
    }

    pub(crate) fn have(&self, need: Need) -> bool {
        self.0.as_ref().is_some_and(|types| match need {
            Need::NoTaskStorage => !self.have_task_storage(),
            Need::Tracepoint(name) => {
                types.type_by_name::<Typedef<'_>>(&format!("btf_trace_{name}")).is_some()
            }
            // Before Linux 6.0, the tracepoints of requests had other arguments.
            Need::RequestTracepoint(name) => {
                self.have(Need::Tracepoint(name)) && types.type_by_name::<Struct<'_>>("io_cmd_data").is_some()
            }
            Need::Function(name) => types.type_by_name::<Func<'_>>(name).is_some(),
            // Loops in BPF programs are newer than kprobes and older than those tracepoints.
            Need::RequestEnds => {
                self.have(Need::RequestTracepoint("io_uring_complete"))
                    && self.have(Need::Function(ENDS_OF_RING))
                    && has_kprobes()
            }
            Need::FreedRequests => {
                self.have(Need::RequestTracepoint("io_uring_submit_req"))
                    && self.reports_completed_work()
                    && !has_kprobes()
            }
            Need::Kprobes => has_kprobes(),
            Need::NoKprobes => !has_kprobes(),
            Need::CgroupAddresses => {
                self.have(Need::Function("__cgroup_bpf_run_filter_sock_addr")) && may_attach_to_cgroups()
            }
            Need::Iterator(name) => types.type_by_name::<Struct<'_>>(&format!("bpf_iter__{name}")).is_some(),
        })
    }
}

/// A feature that every kernel of this version has, and no older one.
const LINUX_5_10: Need = Need::Function("bpf_per_cpu_ptr");
const LINUX_5_11: Need = Need::Function("bpf_get_current_task_btf");
const LINUX_5_13: Need = Need::Function("bpf_for_each_map_elem");

fn is_oldest() -> bool {
    std::env::var_os(OLDEST).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_read() {
        assert_eq!(parse_list("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(parse_list("0"), Some(vec![0]));
        assert_eq!(parse_list("many"), None);
    }
}
