//! Event sources.

use std::fs::File;
use std::io::Read;
#[cfg(feature = "live")]
use std::path::Path;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use eyas::events::EventType;
use eyas::events::filter::Filter;
use eyas::rules::Engine;
use eyas::scap::{self, EventSource, Reader};
#[cfg(feature = "live")]
use eyas::sinsp::ContainerLookup;
use eyas::sinsp::plugin::{AsyncSource, PluginSource};
use eyas::sinsp::{self, Inspector};
use eyas_console::Input;

#[cfg(feature = "live")]
use crate::config::ContainerEngines;
use crate::config::{Config, EngineKind};
#[cfg(feature = "live")]
use crate::log::{self, Level};
use crate::signals::Stop;
use crate::{names, progress};
#[cfg(feature = "live")]
use interest::{described, hooks, interest, observes_names};

mod idle;
#[cfg(feature = "live")]
mod interest;

pub use idle::Idle;

/// A source and the configuration of its inspector. The types are concrete, so that the event loop is
/// compiled for each.
pub enum Opened {
    /// A recorded capture. The flag is true for a stream, whose events may be rare.
    Replay(Box<Reader>, sinsp::Config, bool),
    /// No events.
    Idle(Idle),
    /// A live capture.
    #[cfg(feature = "live")]
    Live(Box<eyas::scap::live::Source>, sinsp::Config),
}

/// A live capture that begins before the rules are known; `None` for replays.
#[cfg(feature = "live")]
pub type Early = Option<eyas::scap::live::Source>;
/// A live capture that begins before the rules are known. It does not exist in this build.
#[cfg(not(feature = "live"))]
pub type Early = Option<std::convert::Infallible>;

/// The system calls that rules and state need.
#[cfg(feature = "live")]
pub struct Interest {
    calls: Vec<eyas::events::SyscallCode>,
    /// Method of capturing decisions of the kernel's security hooks.
    hooks: Option<scap::live::HookSource>,
    /// The types of events that rules can match.
    codes: eyas::fields::CodeSet,
}
/// The system calls that rules and state need. In this build, replays use everything in the capture.
#[cfg(not(feature = "live"))]
pub struct Interest;

impl Interest {
    /// The interest of these rules.
    #[cfg(feature = "live")]
    pub fn of(config: &Config, engine: &Engine) -> Self {
        let calls = interest(&config.base_syscalls, Some(engine));
        Self { calls, hooks: hooks(config.engine.modern_ebpf.lsm, engine), codes: engine.codes().clone() }
    }

    /// The interest of these rules.
    #[cfg(not(feature = "live"))]
    pub fn of(_: &Config, _: &Engine) -> Self {
        Self
    }
}

/// The memory of verdicts that the probe shares.
#[cfg(feature = "live")]
pub use scap::live::Verdicts as ProcessTable;

/// The replacement without a probe.
#[cfg(not(feature = "live"))]
pub use no_probe::ProcessTable;

#[cfg(not(feature = "live"))]
mod no_probe {
    use eyas::events::verdicts::VerdictTable;

    /// There is none.
    #[derive(Debug)]
    pub enum ProcessTable {}

    impl ProcessTable {
        /// Number of events left out because of verdicts.
        pub fn left_out(&self) -> u64 {
            match *self {}
        }
    }

    impl VerdictTable for ProcessTable {
        type Mark = ();

        fn settled(&self, _: usize) -> Option<u32> {
            match *self {}
        }

        fn begun(&self, _: usize) -> u32 {
            match *self {}
        }

        fn word(&self, _: usize, _: usize) -> u64 {
            match *self {}
        }

        fn set_word(&mut self, _: usize, _: usize, _: u64) {
            match *self {}
        }

        fn mark(&self) {
            match *self {}
        }

        fn is_past(&self, (): &()) -> bool {
            match *self {}
        }

        fn lost(&self) -> (u64, bool) {
            match *self {}
        }

        fn key(&self, _: &[u8]) -> u64 {
            match *self {}
        }

        fn renew_kinds(&mut self) {
            match *self {}
        }
    }
}

/// A source whose events other rules are to see.
pub trait Adjust: EventSource {
    /// Changes the captured events.
    ///
    /// # Errors
    /// The kernel refuses. The source then still captures at least the previous events.
    fn adjust(&mut self, interest: &Interest) -> Result<()>;

    /// Sets a filter: events that it rejects are left out. One in `sample` of them is delivered anyway,
    /// with a mark.
    ///
    /// # Errors
    /// The kernel refuses. No event is left out then.
    fn filter(&mut self, _filter: Option<&Filter>, _sample: u32) -> Result<()> {
        Ok(())
    }

    /// Disables the filter until it is set again.
    ///
    /// # Errors
    /// As for [`Adjust::filter`].
    fn pause_filter(&mut self) -> Result<()> {
        Ok(())
    }

    /// Stops leaving out events of this type.
    fn send_all(&mut self, _ty: EventType) {}

    /// Verdicts on processes for the filter; `None` if the filter needs none, or the kernel does not map them.
    fn processes(&mut self) -> Option<ProcessTable> {
        None
    }

    /// Changes that other processes made to the probe since the last call, a sentence for each.
    fn tampering(&mut self) -> Vec<String> {
        Vec::new()
    }
}

impl Adjust for Reader {
    fn adjust(&mut self, _: &Interest) -> Result<()> {
        Ok(())
    }
}

impl Adjust for Idle {
    fn adjust(&mut self, _: &Interest) -> Result<()> {
        Ok(())
    }
}

impl Adjust for PluginSource {
    fn adjust(&mut self, _: &Interest) -> Result<()> {
        Ok(())
    }
}

impl<S: Adjust> Adjust for AsyncSource<S> {
    fn adjust(&mut self, interest: &Interest) -> Result<()> {
        self.inner_mut().adjust(interest)
    }

    fn tampering(&mut self) -> Vec<String> {
        self.inner_mut().tampering()
    }
}

#[cfg(feature = "live")]
impl Adjust for scap::live::Source {
    fn adjust(&mut self, interest: &Interest) -> Result<()> {
        self.set_interest(Some(&interest.calls))?;
        self.set_order(|ty| order(ty, &interest.codes));
        decide(self, interest.hooks)
    }

    fn filter(&mut self, filter: Option<&Filter>, sample: u32) -> Result<()> {
        Ok(self.set_filter(filter, sample)?)
    }

    fn pause_filter(&mut self) -> Result<()> {
        Ok(Self::pause_filter(self)?)
    }

    fn send_all(&mut self, ty: EventType) {
        Self::send_all(self, ty);
    }

    fn processes(&mut self) -> Option<ProcessTable> {
        self.verdicts().ok()
    }

    fn tampering(&mut self) -> Vec<String> {
        Self::tampering(self).iter().map(ToString::to_string).collect()
    }
}

/// Begins to capture the events that the state needs, if a live capture is configured.
#[cfg(feature = "live")]
pub fn begin(config: &Config) -> Result<Early> {
    match config.engine.kind {
        EngineKind::Replay | EngineKind::Nodriver => Ok(None),
        _ => Ok(Some(eyas::scap::live::Source::open(options(config, None)?)?)),
    }
}

#[cfg(not(feature = "live"))]
pub fn begin(_: &Config) -> Result<Early> {
    Ok(None)
}

/// Opens the configured engine, or continues with the early capture. Reading a capture ends when `stop` is
/// set.
pub fn open(config: &Config, engine: &Engine, early: Early, stop: &Stop) -> Result<Opened> {
    let max_threads = config.falco_libs.thread_table_size;
    match config.engine.kind {
        EngineKind::Replay => {
            let (stream, is_slow) = match stream(config, stop)? {
                Some(stream) => (Some(stream), true),
                None => (progress::of(&config.engine.replay.capture_file), false),
            };
            let source = match stream {
                Some(stream) => Reader::from_reader(stream),
                None => Reader::open(&config.engine.replay.capture_file),
            };
            let source = source.with_context(|| cannot_open(config))?;
            Ok(Opened::Replay(Box::new(source), replay_inspector(config), is_slow))
        }
        EngineKind::Nodriver => Ok(Opened::Idle(Idle::default())),
        _ => live(config, engine, early, max_threads),
    }
}

/// Falco's message about a capture that cannot be opened.
pub fn cannot_open(config: &Config) -> String {
    format!("Could not open trace filename {} for reading", config.engine.replay.capture_file.display())
}

/// Refuses more than one thread for what only one can do.
///
/// # Errors
/// A live capture is configured.
pub fn check_threads(config: &Config, threads: u16) -> Result<()> {
    if threads > 1 && !config.engine.is_replay() {
        bail!("--threads is for replays: set engine.kind to replay, or give a capture with -e");
    }
    Ok(())
}

/// Creates `count` readers of the capture to replay, each with the configuration of its inspector.
pub fn share(config: &Config, count: usize, stop: &Stop) -> Result<Vec<(Reader, sinsp::Config)>> {
    let stream = stream(config, stop)?.or_else(|| progress::of(&config.engine.replay.capture_file));
    let readers = match stream {
        Some(stream) => Reader::share(stream, count)?,
        None => {
            let path = &config.engine.replay.capture_file;
            let file = File::open(path)
                .map_err(|cause| scap::Error::Open { path: path.clone(), cause })
                .with_context(|| cannot_open(config))?;
            Reader::share(file, count)?
        }
    };
    Ok(readers.into_iter().map(|reader| (reader, replay_inspector(config))).collect())
}

/// The input of the capture, if it is not a regular file.
fn stream(config: &Config, stop: &Stop) -> Result<Option<Box<dyn Read + Send>>> {
    let path = &config.engine.replay.capture_file;
    if path.as_os_str().is_empty() {
        bail!(
            "engine.kind is 'replay' but no engine.replay.capture_file specified: name the file there, or with -e FILE"
        );
    }
    let input = match path.as_os_str() == "-" {
        true => Some(Input::stdin(stop.flag())?),
        false => Input::stream(path, stop.flag())
            .map_err(|cause| scap::Error::Open { path: path.clone(), cause })?,
    };
    Ok(input.map(|input| Box::new(input) as _))
}

/// Inspector configuration for a source without live lookups.
pub fn replay_inspector(config: &Config) -> sinsp::Config {
    sinsp::Config::default()
        .with_max_threads(config.falco_libs.thread_table_size)
        .with_engines(config.container_engines.engines())
        .with_names(names::shared())
        .with_rendering(rendering(config))
}

/// Format of buffers in the arguments of calls.
fn rendering(config: &Config) -> sinsp::Rendering {
    let mut rendering = sinsp::Rendering::default();
    rendering.buffers = config.buffers();
    rendering
}

/// An inspector for separate events without a source.
pub fn offline_inspector() -> Inspector {
    Inspector::new(sinsp::Config::default().with_names(names::shared()))
}

/// Path of the machine's root file system: `HOST_ROOT`.
pub fn host_root() -> PathBuf {
    std::env::var_os("HOST_ROOT").filter(|root| !root.is_empty()).map_or_else(|| "/".into(), Into::into)
}

/// Priority of events when a ring fills up: first events that change the state, then events that rules can
/// match.
#[cfg(feature = "live")]
fn order(ty: eyas::events::EventType, rules: &eyas::fields::CodeSet) -> scap::live::Order {
    match ty {
        _ if sinsp::changes_state(ty) => scap::live::Order::First,
        _ if rules.contains(ty.0) => scap::live::Order::Second,
        _ => scap::live::Order::Last,
    }
}

/// Seconds as nanoseconds; at least one second.
#[cfg(feature = "live")]
fn seconds(count: u32) -> u64 {
    u64::from(count.max(1)) * 1_000_000_000
}

/// Snapshot of the running system, for a plugin that is a source of system call events.
///
/// # Errors
/// /proc cannot be read.
pub fn running_system() -> Result<scap::Snapshot> {
    Ok(scap::proc::snapshot(&proc_options())?)
}

fn proc_options() -> eyas::scap::proc::Options {
    eyas::scap::proc::Options { root: host_root(), ..eyas::scap::proc::Options::default() }
}

/// Size of each CPU's ring buffer, bytes.
#[cfg(feature = "live")]
pub fn ring_bytes(config: &Config) -> usize {
    use eyas::scap::live;

    let preset = u8::try_from(config.engine.modern_ebpf.buf_size_preset).ok();
    preset.and_then(live::ring_bytes).unwrap_or(live::ProbeOptions::default().ring_bytes)
}

/// Options of the live capture, with the needs of these rules if they are known.
#[cfg(feature = "live")]
fn options(config: &Config, engine: Option<&Engine>) -> Result<eyas::scap::live::Options> {
    use eyas::scap::live;

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

#[cfg(feature = "live")]
fn live(config: &Config, engine: &Engine, early: Early, max_threads: usize) -> Result<Opened> {
    use eyas::scap::{live, proc};

    let mut source = match early {
        Some(mut source) => {
            source.set_interest(Some(&interest(&config.base_syscalls, Some(engine))))?;
            source
        }
        None => live::Source::open(options(config, Some(engine))?)?,
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
        .with_max_threads(max_threads)
        .with_names(names::shared())
        .with_rendering(rendering(config))
        .with_purge(interval, age);
    inspector.containers = containers;
    Ok(Opened::Live(Box::new(source), inspector))
}

/// Enables or disables the capture of decisions of the kernel's security hooks, and logs the method.
#[cfg(feature = "live")]
fn decide(source: &mut scap::live::Source, hooks: Option<scap::live::HookSource>) -> Result<()> {
    use eyas::scap::live::HookMethod;

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
#[cfg(all(feature = "live", feature = "runtimes"))]
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
#[cfg(all(feature = "live", feature = "runtimes"))]
fn runtimes(engines: &ContainerEngines, root: &Path) -> Result<Option<Box<dyn ContainerLookup>>> {
    use anyhow::Context;
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

#[cfg(all(feature = "live", not(feature = "runtimes")))]
fn runtimes(_: &ContainerEngines, _: &Path) -> Result<Option<Box<dyn ContainerLookup>>> {
    Ok(None)
}

#[cfg(not(feature = "live"))]
fn live(_: &Config, _: &Engine, _: Early, _: usize) -> Result<Opened> {
    bail!(
        "this build can't capture live (it was built without the feature `live`); replay a capture with \
         -o engine.kind=replay -o engine.replay.capture_file=FILE"
    )
}
