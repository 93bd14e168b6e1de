/// The reason why the probe does not run. Each message contains a remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The process lacks capabilities.
    #[error(
        "capturing live needs the capabilities CAP_BPF and CAP_PERFMON, of which this process lacks {}: run as root, or \
         `setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep` the program",
        missing.join(" and ")
    )]
    NoPermission {
        /// Their names, such as `CAP_BPF`.
        missing: Vec<&'static str>,
    },
    /// The kernel refuses a process that has the capabilities.
    #[error(
        "the kernel refuses the probe's programs although this process has the capabilities: a security module or a \
         container's seccomp profile forbids them (Docker: `--privileged`, or `--security-opt seccomp=unconfined`), or its \
         verifier does not accept them (EYAS_BPF_LOG=1 shows what it says)"
    )]
    Refused,
    /// The process has the capabilities only in its user namespace.
    #[error(
        "this process has the capabilities only in a user namespace (a rootless container, or `unshare --user`), where the \
         kernel does not accept them for BPF: run it as root of the machine, outside of the namespace"
    )]
    UserNamespace,
    /// The kernel is locked down, so that BPF programs may not read its memory.
    #[error(
        "the kernel is locked down ({mode}), which forbids reading kernel memory from BPF: boot with lockdown=integrity or \
         none"
    )]
    LockedDown {
        /// The kernel's mode of lockdown.
        mode: String,
    },
    /// The kernel counts the probe's memory against a limit that the process cannot raise.
    #[error(
        "the kernel refuses the probe's memory: before Linux 5.11 it counts against RLIMIT_MEMLOCK, which this process may \
         not raise: give it CAP_SYS_RESOURCE too, or start it with `ulimit -l unlimited`"
    )]
    MemoryLimit,
    /// The kernel lacks features that the probe needs.
    #[error(
        "this kernel ({release}) is too old for the probe: Linux {needed} or newer is needed, or a distribution's with BPF \
         of that age"
    )]
    KernelTooOld {
        /// Release of this kernel, as `uname -r` prints it.
        release: String,
        /// The first version of Linux with all features.
        needed: &'static str,
    },
    /// The kernel has no description of its types.
    #[error(
        "this kernel has no BTF (/sys/kernel/btf/vmlinux): one built with CONFIG_DEBUG_INFO_BTF=y is needed, as \
         distributions ship since about 5.8"
    )]
    NoBtf,
    /// `/sys` is not mounted, so that the description of the kernel's types cannot be read.
    #[error(
        "/sys is not mounted here, so the kernel's BTF can't be read: mount it (`mount -t sysfs sysfs /sys`, or \
         `-v /sys:/sys:ro` for a container)"
    )]
    NoSysfs,
    /// [`Attach::Perf`](crate::Attach::Perf) needs tracefs.
    #[error(
        "attaching by perf events takes tracefs, which is not mounted here, or not readable: run as root, or mount it \
         (`mount -t tracefs tracefs /sys/kernel/tracing`)"
    )]
    NoTracefs,
    /// The kernel lacks a tracepoint that the captured calls need.
    #[error("this kernel has no tracepoint {name}")]
    NoTracepoint {
        /// Its name.
        name: &'static str,
    },
    /// A call needs a program that was not loaded, because of
    /// [`ProbeOptions::fixed_interest`](crate::ProbeOptions::fixed_interest).
    #[error(
        "the probe was opened for calls that do not change, and these need its program {program}, which is not loaded: open \
         it without `fixed_interest`"
    )]
    NotLoaded {
        /// Its name.
        program: &'static str,
    },
    /// The kernel refused a step.
    #[error("the probe failed to {step}: {cause}")]
    Kernel {
        /// The refused step.
        step: &'static str,
        /// The kernel's error.
        cause: String,
    },
    /// A setting is out of range.
    #[error("{what} is {given}, expected {expected}")]
    Setting {
        /// Name of the setting.
        what: &'static str,
        /// The given value.
        given: u64,
        /// The allowed values.
        expected: &'static str,
    },
}

impl Error {
    /// Whether more privileges help: capabilities, a limit, or a profile of the container.
    pub fn is_permission(&self) -> bool {
        matches!(
            self,
            Self::NoPermission { .. }
                | Self::Refused
                | Self::UserNamespace
                | Self::LockedDown { .. }
                | Self::MemoryLimit
        )
    }

    /// Whether another kernel helps: a newer one, or one with BTF.
    pub fn is_kernel(&self) -> bool {
        matches!(self, Self::KernelTooOld { .. } | Self::NoBtf | Self::NoTracepoint { .. })
    }
}

/// Makes the error of a step that the kernel or libbpf refuses.
pub(crate) fn kernel(step: &'static str) -> impl Fn(libbpf_rs::Error) -> Error {
    move |cause| Error::Kernel { step, cause: format!("{cause:#}") }
}
