//! The live capture.

use std::path::Path;

use anyhow::{Context, Result};
use eyas::events::EventType;
use eyas::fields::CodeSet;
use eyas::rules::Engine;
use eyas::scap::live::{self, HookMethod, HookSource, Order, Source};
use eyas::scap::proc;
use eyas::sinsp::{self, ContainerLookup};

use super::inspector::{host_root, proc_options, rendering};
use super::interest::{described, hooks, interest, observes_names};
use crate::config::{Config, ContainerEngines, EngineKind};
use crate::log::{self, Level};
use crate::names;

/// Begins to capture the events that the state needs, if a live capture is configured.
pub fn begin(config: &Config) -> Result<Option<Source>> {
    match config.engine.kind {
        EngineKind::Replay | EngineKind::Nodriver => Ok(None),
        _ => Ok(Some(Source::open(options(config, None)?)?)),
    }
}

/// Priority of events when a ring fills up: first events that change the state, then events that rules can
/// match.
pub(super) fn order(ty: EventType, rules: &CodeSet) -> Order {
    match ty {
        _ if sinsp::changes_state(ty) => Order::First,
        _ if rules.contains(ty.0) => Order::Second,
        _ => Order::Last,
    }
}

/// Seconds as nanoseconds; at least one second.
fn seconds(count: u32) -> u64 {
    u64::from(count.max(1)) * 1_000_000_000
}

/// Size of each CPU's ring buffer, bytes.
pub fn ring_bytes(config: &Config) -> usize {
    let preset = u8::try_from(config.engine.modern_ebpf.buf_size_preset).ok();
    preset.and_then(live::ring_bytes).unwrap_or(live::ProbeOptions::default().ring_bytes)
}

/// Options of the live capture, with the needs of these rules if they are known.
fn options(config: &Config, engine: Option<&Engine>) -> Result<live::Options> {
    let modern = &config.engine.modern_ebpf;
    let probe = live::ProbeOptions {
        ring_bytes: ring_bytes(config),
        snaplen: config.falco_libs.snaplen,
        drop_failed: modern.drop_failed_exit,
        interest: Some(interest(&config.base_syscalls, engine)),
        exclude_pid: Some(std::process::id()),
        io_uring: modern.io_uring,
        sleepable_reads: modern.sleepable_reads,
        // Messages of name servers are longer than most captured payloads.
        payloads: engine.filter(|engine| observes_names(engine)).map(|_| live::Payloads::default()),
        ..live::ProbeOptions::default()
    };
    Ok(live::Options { probe, iterators: !modern.disable_iterators, proc: proc_options() })
}

/// Opens a live capture with the needs of these rules, or continues with the early one. Also returns the configuration of its
/// inspector.
pub fn open(config: &Config, engine: &Engine, early: Option<Source>) -> Result<(Source, sinsp::Config)> {
    let mut source = match early {
        Some(mut source) => {
            source.set_interest(Some(&interest(&config.base_syscalls, Some(engine))))?;
            source
        }
        None => Source::open(options(config, Some(engine))?)?,
    };
    source.set_order(|ty| order(ty, engine.codes()));
    if config.engine.modern_ebpf.sleepable_reads && !source.pages_in() {
        log::warning(
            "engine.modern_ebpf.sleepable_reads: this kernel has no sleepable tracepoints (Linux 7.1), so arguments of calls \
             that are not in memory are empty",
        );
    }
    if let Some(warning) = proc::foreign_processes(&host_root()) {
        log::warning(&warning);
    }
    for line in described(&config.base_syscalls, engine) {
        log::log(Level::Debug, &line);
    }
    decide(&mut source, hooks(config.engine.modern_ebpf.lsm, engine))?;
    let proc_options = proc_options();
    let containers = runtimes(&config.container_engines, &proc_options.root)?;
    let accounts = sinsp::AccountFiles::start(proc_options.root.clone())?;
    let interval = seconds(config.falco_libs.thread_table_auto_purging_interval_s);
    let age = seconds(config.falco_libs.thread_table_auto_purging_thread_timeout_s);
    let mut inspector = sinsp::Config::default()
        .with_proc(proc::ThreadReader::new(proc_options))
        .with_accounts(accounts)
        .with_exe_hashes(sinsp::ExeHashes::new(host_root(), sinsp::ExeHashes::LARGEST))
        .with_engines(config.container_engines.engines())
        .with_account_wait(sinsp::AccountFiles::WAIT)
        // A capture may begin at any time.
        .with_reports(true)
        .with_container_hold(std::time::Duration::from_millis(config.container_hold_ms))
        .with_max_threads(config.falco_libs.thread_table_size)
        .with_names(names::shared())
        .with_rendering(rendering(config))
        .with_purge(interval, age);
    inspector.containers = containers;
    Ok((source, inspector))
}

/// Enables or disables the capture of decisions of the kernel's security hooks, and logs the method.
pub(super) fn decide(source: &mut Source, hooks: Option<HookSource>) -> Result<()> {
    if hooks.is_none() && source.hooks().0 == HookMethod::Tracepoints {
        return Ok(());
    }
    match (source.set_hooks(hooks)?, hooks) {
        (_, None) => log::info("security hooks: no rule uses them any more"),
        (HookMethod::Tracepoints, _) => log::warning(
            "security hooks: the kernel supports neither BPF LSM nor fexit programs at them: fields lsm.* are absent, and \
             rules that need them never match",
        ),
        (method, _) => log::info(&format!("security hooks: {method}, {} hooks", source.hooks().1)),
    }
    Ok(())
}

/// The configured sockets of container runtimes, or the usual ones.
#[cfg(feature = "runtimes")]
pub fn endpoints(engines: &ContainerEngines) -> Vec<sinsp::runtimes::Endpoint> {
    use sinsp::runtimes::{Api, Endpoint};

    let mut endpoints = Vec::new();
    let all = [
        (Api::Docker, &engines.docker),
        (Api::Podman, &engines.podman),
        (Api::Cri, &engines.cri),
        (Api::Containerd, &engines.containerd),
    ];
    for (api, runtime) in all.into_iter().filter(|(_, runtime)| runtime.enabled) {
        match runtime.sockets.is_empty() {
            true => endpoints.extend(Endpoint::defaults(api)),
            false => endpoints.extend(runtime.sockets.iter().map(|s| Endpoint::new(api, s))),
        }
    }
    endpoints
}

/// The container runtimes of the machine whose root file system is at `root`.
#[cfg(feature = "runtimes")]
fn runtimes(engines: &ContainerEngines, root: &Path) -> Result<Option<Box<dyn ContainerLookup>>> {
    use sinsp::runtimes::{Options, Runtimes};

    let endpoints = endpoints(engines);
    if endpoints.is_empty() {
        return Ok(None);
    }
    let mut options = Options::default().with_endpoints(endpoints).with_root(root);
    options.max_label = engines.label_max_len;
    options.follow = engines.follow_events;
    options.with_size = engines.with_size;
    let runtimes = Runtimes::start(options).context("can't query container runtimes")?;
    Ok(Some(Box::new(runtimes)))
}

#[cfg(not(feature = "runtimes"))]
fn runtimes(_: &ContainerEngines, _: &Path) -> Result<Option<Box<dyn ContainerLookup>>> {
    Ok(None)
}
