//! Gives up privileges of a running falco: capabilities that neither capturing nor reloading needs,
//! privileges of programs that it executes, and system calls that it never makes.
//!
//! All three belong to threads, and new threads inherit them. So this must happen before the first thread
//! starts.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use eyas::events::{Arch, syscalls};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::config::{Config, Privileges, Seccomp};
use crate::log;
use crate::output::Section;
use crate::outputs::program;

/// Directory of the kernel's tracepoints. If it is not mounted, the probe mounts it for this process only.
const TRACEFS: &str = "/sys/kernel/tracing/events";
/// There if programs can be attached to kernel functions.
const KPROBES: &str = "/sys/bus/event_source/devices/kprobe";

/// System calls that falco never makes in any configuration, unless it executes programs. They fail with
/// `EPERM`.
const REFUSED: &[&str] = &[
    "acct",
    "add_key",
    "adjtimex",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "delete_module",
    "execve",
    "execveat",
    "finit_module",
    "init_module",
    "ioperm",
    "iopl",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "open_by_handle_at",
    "pivot_root",
    "process_vm_writev",
    "ptrace",
    "reboot",
    "request_key",
    "setdomainname",
    "sethostname",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "unshare",
    "userfaultfd",
];

/// Gives up the privileges that the configuration does not need. If the system refuses, logs a warning,
/// because detection still works.
pub fn drop(config: &Config) {
    let Privileges { drop, seccomp } = config.privileges;
    if !drop {
        return;
    }
    // An output program may do anything, as in Falco: change its user, send packets, be setuid.
    if program::Settings::of(config).is_enabled() {
        log::info("program_output is enabled: falco keeps all privileges, because its program inherits them");
        return;
    }
    for (what, outcome) in [
        ("capabilities", drop_capabilities(config)),
        ("no_new_privs", set_no_new_privs(true).map_err(Into::into)),
        ("the seccomp filter", if seccomp == Seccomp::Auto { filter() } else { Ok(()) }),
    ] {
        if let Err(error) = outcome {
            log::warning(&format!(
                "privileges: {what} could not be applied, falco continues without: {error:#}"
            ));
        }
    }
}

/// The capabilities to keep, of those that the process has.
fn kept(config: &Config, held: CapabilitySet) -> CapabilitySet {
    // For files (rules, captures, sockets and logs in any directory), a port below 1,024, and the priority
    // of the event loop.
    let mut kept = CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::DAC_READ_SEARCH
        | CapabilitySet::NET_BIND_SERVICE
        | CapabilitySet::SYS_NICE
        // For the probe, its memory, addresses of kernel functions, and data in /proc of other users'
        // processes.
        | CapabilitySet::BPF
        | CapabilitySet::PERFMON
        | CapabilitySet::SYS_RESOURCE
        | CapabilitySet::IPC_LOCK
        | CapabilitySet::SYSLOG
        | CapabilitySet::SYS_PTRACE;
    let captures = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let counts_runs = config.metrics.enabled && config.metrics.libbpf_stats_enabled;
    let is_replay = config.engine.is_replay();
    if !is_replay && (!held.contains(captures) || counts_runs || !has_tracefs()) {
        kept |= CapabilitySet::SYS_ADMIN;
    }
    // Without kprobes, programs at the root cgroup see where datagrams go.
    if !is_replay && !std::path::Path::new(KPROBES).exists() {
        kept |= CapabilitySet::NET_ADMIN;
    }
    kept
}

fn has_tracefs() -> bool {
    std::path::Path::new(TRACEFS).exists()
}

fn drop_capabilities(config: &Config) -> Result<()> {
    let sets = capabilities(None)?;
    let kept = kept(config, sets.effective);
    let sets = CapabilitySets {
        effective: sets.effective & kept,
        permitted: sets.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, sets)?)
}

/// Installs a seccomp filter against calls that are never made.
fn filter() -> Result<()> {
    let arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
    // The probe mounts the tracepoints in its own mount namespace.
    let is_made = |name: &str| name == "unshare" && !has_tracefs();
    let numbers = syscalls()
        .filter(|call| REFUSED.contains(&call.name) && !is_made(call.name))
        .filter_map(|call| call.number(arch))
        .map(|number| (i64::from(number), Vec::new()));
    let rules: BTreeMap<_, _> = numbers.collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().cast_unsigned()),
        std::env::consts::ARCH.try_into().context("no filter for this architecture")?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    Ok(apply_filter(&program)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refused_system_calls_exist() {
        for name in REFUSED {
            assert!(syscalls().any(|call| call.name == *name), "{name}");
        }
    }

    #[test]
    fn capabilities_for_capturing_are_kept() {
        let mut config = Config::default();
        let all = CapabilitySet::all();
        let captures = CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::SYS_PTRACE;
        assert!(kept(&config, all).contains(captures));
        assert!(!kept(&config, all).contains(CapabilitySet::SYS_MODULE));
        let has_kprobes = std::path::Path::new(KPROBES).exists();
        assert_ne!(kept(&config, all).contains(CapabilitySet::NET_ADMIN), has_kprobes);
        assert!(
            kept(&config, CapabilitySet::SYS_ADMIN).contains(CapabilitySet::SYS_ADMIN),
            "it is all there is"
        );
        config.metrics.enabled = true;
        assert!(kept(&config, all).contains(CapabilitySet::SYS_ADMIN), "who counts runs needs it");
    }
}
