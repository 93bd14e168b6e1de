//! Checks of the kernel and of this process's privileges.

use eyas::scap::live::{Features, HookMethod, HookSource, ProbeError, ProbeForm, ProbeOptions, Source};

use super::check::Check;
use crate::config::Config;
use crate::source;

/// All checks.
pub fn checks(config: &Config) -> Vec<Check> {
    checks_of(&Features::detect(), Features::obstacle(), config)
}

/// The checks that follow from these facts. `obstacle` is the reason why the probe cannot run.
fn checks_of(features: &Features, obstacle: Option<ProbeError>, config: &Config) -> Vec<Check> {
    let mut checks = vec![match &obstacle {
        Some(error @ ProbeError::KernelTooOld { .. }) => {
            Check::missing("kernel", features.release.clone(), error.to_string())
        }
        _ => Check::ok("kernel", features.release.clone()),
    }];
    checks.push(match features.has_btf {
        true => Check::ok("BTF", "the kernel describes its types (/sys/kernel/btf/vmlinux)"),
        false => {
            Check::missing("BTF", "no /sys/kernel/btf/vmlinux", why(obstacle.as_ref(), &ProbeError::NoBtf))
        }
    });
    checks.push(match &features.lockdown {
        None => Check::ok("lockdown", "the kernel's lockdown mode allows the probe"),
        Some(mode) => {
            let error = ProbeError::LockedDown { mode: mode.clone() };
            Check::missing("lockdown", format!("the mode is {mode}"), error.to_string())
        }
    });
    capabilities(features, &mut checks);
    paths(features, &mut checks);
    snapshot(features, &mut checks);
    limits(features, config, &mut checks);
    checks.push(clock());
    if checks.iter().all(|check| check.status != super::Status::Missing) {
        checks.extend(probe_loads());
    }
    checks
}

fn why(obstacle: Option<&ProbeError>, otherwise: &ProbeError) -> String {
    obstacle.unwrap_or(otherwise).to_string()
}

fn capabilities(features: &Features, checks: &mut Vec<Check>) {
    for (name, purpose, is_held) in features.capabilities_of_probe() {
        let advice = "run as root, or `setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep` the program";
        checks.push(match (is_held, features.lacked.contains(&name)) {
            (true, _) => Check::ok(name, format!("held: {purpose}")),
            (false, true) => Check::missing(name, format!("not held: {purpose}"), advice),
            (false, false) => Check::warning(name, format!("not held: {purpose}"), advice),
        });
    }
}

/// Checks of features that determine how the probe attaches, and whether it gets the paths that calls used.
fn paths(features: &Features, checks: &mut Vec<Check>) {
    checks.push(match features.has_tracefs {
        true => Check::ok("tracefs", "the probe can attach to the tracepoint of each system call"),
        false => Check::warning(
            "tracefs",
            "not mounted, or not readable: one program runs at the beginning of every call, which costs more",
            "run as root, or mount it: `mount -t tracefs tracefs /sys/kernel/tracing`",
        ),
    });
    checks.push(match (features.has_security_hooks, features.has_kprobes) {
        (true, true) => Check::ok("kprobes", "the probe gets the paths that the kernel resolved"),
        _ => Check::warning(
            "kprobes",
            "programs cannot be attached to the kernel's security functions: events have the requested paths, or those found by \
             the changed inodes",
            "use a kernel with CONFIG_KPROBES and CONFIG_SECURITY_PATH",
        ),
    });
    checks.push(match features.io_uring {
        Some(tracepoint) => Check::ok(
            "io_uring",
            format!("requests are reported as the corresponding calls ({tracepoint})"),
        ),
        None => Check::warning(
            "io_uring",
            "the kernel's tracepoints do not contain the requests: actions of programs by io_uring are not captured",
            "use Linux 6.0 or newer, or forbid io_uring with a seccomp filter",
        ),
    });
    let modules = features.security_modules.join(", ");
    checks.push(match modules.is_empty() {
        true => Check::ok("LSM", "the kernel does not list its active security modules"),
        false => Check::ok("LSM", format!("active security modules: {modules}")),
    });
    let preempts = if features.tracepoints_preempt { "preempts" } else { "does not preempt" };
    let found = format!("the kernel {preempts} programs at tracepoints");
    checks.push(match features.form {
        ProbeForm::PreemptedBtf => Check::warning(
            "probe form",
            format!("{found}, and this process may not open perf events: some events may be missed, and are counted"),
            "make tracefs readable, and allow this process to open perf events (kernel.perf_event_paranoid)",
        ),
        ProbeForm::Perf => Check::ok("probe form", format!("{found}: programs are attached by perf events")),
        _ => Check::ok("probe form", format!("{found}: programs are attached as BTF programs")),
    });
}

fn snapshot(features: &Features, checks: &mut Vec<Check>) {
    checks.push(match (features.lists_threads && features.lists_files, features.sees_every_process) {
        (true, true) => Check::ok("snapshot", "the kernel lists threads and open files"),
        (false, _) => Check::warning(
            "snapshot",
            "the kernel does not list threads or open files (Linux 5.18): /proc is read, which takes longer at the start",
            "nothing needs to be done",
        ),
        (true, false) => Check::warning(
            "snapshot",
            "this process is in a separate pid namespace: processes are read from HOST_ROOT/proc",
            "share the host's pid namespace (Docker: --pid=host; Kubernetes: hostPID: true)",
        ),
    });
}

fn limits(features: &Features, config: &Config, checks: &mut Vec<Check>) {
    let memlock = features.memlock.map_or("unlimited".to_owned(), |bytes| format!("{bytes} bytes"));
    let can_lift = features.capabilities_of_probe().any(|(name, _, held)| name == "CAP_SYS_RESOURCE" && held);
    let is_short = features.memory_is_limited && features.memlock.is_some() && !can_lift;
    checks.push(match is_short {
        true => Check::warning(
            "memlock",
            format!("{memlock}; before Linux 5.11 this limits the probe's memory"),
            "start the program with `ulimit -l unlimited`, or give it CAP_SYS_RESOURCE",
        ),
        false => Check::ok("memlock", format!("{memlock}, which does not limit the probe")),
    });
    let ring = source::ring_bytes(config) as u64;
    let rings = ring * features.online_cpus as u64;
    let found = format!(
        "{} online, {} possible; the rings take {} MiB, {} MiB for each CPU",
        features.online_cpus,
        features.possible_cpus,
        rings >> 20,
        ring >> 20
    );
    let memory = available_memory();
    checks.push(match (features.possible_cpus > ProbeOptions::default().max_cpus as usize, memory) {
        (true, _) => Check::warning(
            "CPUs",
            format!("{found}; there are more CPUs than rings: events on the other CPUs are counted as lost"),
            "no setting helps; report it: https://github.com/eyas-rs/eyas/issues",
        ),
        (false, Some(free)) if rings > free / 4 => Check::warning(
            "CPUs",
            format!("{found}; {} MiB of memory are available", free >> 20),
            "lower engine.modern_ebpf.buf_size_preset",
        ),
        _ => Check::ok("CPUs", found),
    });
}

/// Available memory, bytes.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

/// Check of the kernel's clock source: a slow one makes every event more expensive.
fn clock() -> Check {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match text.trim() {
        "" => Check::ok("clock", "the kernel does not report its clock source"),
        slow @ ("hpet" | "acpi_pm" | "jiffies" | "refined-jiffies") => Check::warning(
            "clock",
            format!("the clock source is {slow}, which is slow to read: each event costs more"),
            "use a machine whose clock source is tsc, or a clock of the hypervisor (kvm-clock, hyperv)",
        ),
        name => Check::ok("clock", format!("the clock source is {name}")),
    }
}

/// Loads the probe for one rare call, and unloads it again.
fn probe_loads() -> Vec<Check> {
    let options = ProbeOptions {
        ring_bytes: 64 << 10,
        interest: Some(vec![eyas::events::SyscallCode::PIVOT_ROOT]),
        ..ProbeOptions::default()
    };
    match Source::open(options) {
        Ok(mut source) => vec![
            Check::ok("probe", "the kernel loads and attaches the probe's programs"),
            requests(source.sees_requests()),
            sleepable(Source::tracepoints_may_sleep()),
            decisions(source.set_hooks(Some(HookSource::Auto)).unwrap_or_default(), source.hooks().1),
        ],
        Err(error) => {
            vec![Check::missing("probe", "the kernel does not load the probe", error.to_string())]
        }
    }
}

/// Check for `io_uring` requests, if the probe was loaded.
fn requests(are_seen: bool) -> Check {
    match are_seen {
        true => Check::ok("requests", "the probe sees requests of io_uring"),
        false => Check::warning(
            "requests",
            "the kernel has not loaded the programs for io_uring requests: actions of programs by io_uring are not captured",
            "forbid io_uring: `sysctl kernel.io_uring_disabled=2`, or a seccomp filter; EYAS_BPF_LOG=1 prints the \
             verifier's log",
        ),
    }
}

/// Check whether programs may sleep, so that they can page in memory that is not resident.
fn sleepable(may_sleep: bool) -> Check {
    let found = match may_sleep {
        true => {
            "the kernel has sleepable tracepoints: with engine.modern_ebpf.sleepable_reads, arguments of calls that are not in \
             memory are paged in; otherwise"
        }
        false => {
            "the kernel has no sleepable tracepoints (Linux 7.1): if arguments of calls are not in memory,"
        }
    };
    Check::ok("sleepable", format!("{found} they are empty, and counted"))
}

/// Check of how decisions of security hooks are captured, if a rule needs them.
fn decisions(method: HookMethod, count: usize) -> Check {
    match method {
        HookMethod::Tracepoints => Check::warning(
            "security hooks",
            "the kernel supports neither BPF LSM nor fexit programs at its hooks: fields lsm.* are absent",
            "boot a kernel with CONFIG_BPF_LSM with `lsm=...,bpf`, or use a kernel that supports fexit programs",
        ),
        method => Check::ok("security hooks", format!("{method}, {count} hooks, if a rule uses them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn missing_requirements_make_a_capture_impossible() {
        let mut features = Features::detect();
        features.has_btf = false;
        features.lacked = vec!["CAP_BPF"];
        features.capabilities = 0;
        features.has_tracefs = false;
        features.form = ProbeForm::PreemptedBtf;
        let checks = checks_of(&features, Some(ProbeError::NoBtf), &Config::default());
        let of = |name: &str| checks.iter().find(|check| check.name == name).unwrap();
        for (name, status) in [
            ("BTF", Status::Missing),
            ("CAP_BPF", Status::Missing),
            ("CAP_SYS_PTRACE", Status::Warning),
            ("tracefs", Status::Warning),
            ("probe form", Status::Warning),
        ] {
            assert_eq!(of(name).status, status, "{name}");
            assert!(!of(name).advice.is_empty(), "{name}");
        }
        assert!(checks.iter().all(|check| check.name != "probe"), "it is not tried in vain");
    }

    #[test]
    fn programs_that_are_not_loaded_are_reported_as_such() {
        assert_eq!(requests(true).status, Status::Ok);
        assert_eq!(requests(false).status, Status::Warning);
        assert!(decisions(HookMethod::Lsm, 27).found.contains("BPF LSM, 27 hooks"));
        assert_eq!(decisions(HookMethod::Tracepoints, 0).status, Status::Warning);
    }
}
