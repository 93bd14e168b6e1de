//! Every question to the kernel about what it can do, and the sentence when it can't.

use std::path::Path;

use crate::Error;

const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// Checks what loading the probe needs; the first thing that is missing is the answer.
pub(crate) fn check() -> Result<(), Error> {
    let missing = |text: String| Err(Error::Missing(text));
    if !may_load() {
        return missing(
            "capturing live needs the capabilities CAP_BPF and CAP_PERFMON: run as root, or `setcap \
             cap_bpf,cap_perfmon,cap_sys_ptrace+ep` the program"
                .into(),
        );
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        let sys = Path::new("/sys/kernel").exists();
        return missing(if sys {
            "this kernel has no BTF (/sys/kernel/btf/vmlinux): one built with CONFIG_DEBUG_INFO_BTF=y is needed, \
             as distributions ship since about 5.8"
                .into()
        } else {
            "/sys is not mounted here, so the kernel's BTF can't be read: mount it (`mount -t sysfs sysfs /sys`, \
             or `-v /sys:/sys:ro` for a container)"
                .into()
        });
    }
    if let Some(mode) = lockdown() {
        return missing(format!(
            "the kernel is locked down ({mode}), which forbids reading kernel memory from BPF: boot with \
             lockdown=integrity or none"
        ));
    }
    Ok(())
}

/// The lockdown mode, if it forbids the probe.
fn lockdown() -> Option<String> {
    let text = std::fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    text.contains("[confidentiality]").then(|| "confidentiality".to_owned())
}

/// Whether this process has the capabilities that loading takes. Unknown counts as yes: the kernel decides.
fn may_load() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(caps) = line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()) else { return true };
    let has = |cap: u32| caps & (1 << cap) != 0;
    has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON))
}

/// Numbers of the CPUs that may come up, from 0; as many as the kernel has room for.
pub(crate) fn possible_cpus() -> usize {
    libbpf_rs::num_possible_cpus().unwrap_or(1).max(1)
}
