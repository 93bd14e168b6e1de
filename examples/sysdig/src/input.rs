//! Event sources.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Result, anyhow};
use eyas::scap::{EventSource, Reader, proc};
use eyas::sinsp::names::Services;
use eyas::sinsp::{AccountFiles, Config, ExeHashes, Rendering};
use eyas_console::ShowPath;
use eyas_console::{Input, note};

use crate::args::Args;
use crate::plugins;
use crate::progress::Progress;

/// Requirements of views on a live capture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// Bytes of each buffer.
    pub snaplen: u32,
    /// Context switches.
    pub scheduling: bool,
    /// Whether decisions of the kernel's security hooks are needed.
    pub decisions: bool,
}

/// Whether a filter or a format uses decisions of the kernel's security hooks, through a field or through
/// the event type.
pub fn uses_decisions(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.'));
    words.into_iter().any(|word| word == "lsm" || word.starts_with("lsm."))
}

/// Maximum length of buffers and lists that are printed completely without -v, bytes.
const MAX_LEN: usize = 80;
/// Default number of captured bytes per buffer.
const SNAPLEN: u32 = 80;
/// Maximum size of an environment that --large-environment reads, bytes.
const LARGE_ENVIRONMENT: usize = 1 << 20;

/// Opens a capture. Reading a stream ends when `stop` is set.
pub fn open(path: &Path, progress: &Progress, stop: &Arc<AtomicBool>) -> Result<Box<dyn EventSource>> {
    let refuse = |error| anyhow!("cannot open capture {}: {error}", path.shown());
    let stream = match path == Path::new("-") {
        true => Some(Input::stdin(stop.clone())?),
        false => Input::stream(path, stop.clone()).map_err(refuse)?,
    };
    let reader = match (stream, progress.open(path)) {
        (Some(stream), _) => Reader::from_reader(stream),
        (None, Some(file)) => Reader::from_reader(file.map_err(refuse)?),
        (None, None) => Reader::open(path),
    };
    Ok(Box::new(reader.map_err(|error| anyhow!("{error}; give a capture with -r FILE"))?))
}

/// Captures from the running kernel.
#[cfg(feature = "live")]
pub fn live(args: &Args, needs: Needs) -> Result<Box<dyn EventSource>> {
    use eyas::events::SyscallCode;
    use eyas::scap::live;

    let interest = (args.page_faults || needs.scheduling).then(|| {
        let usual = eyas::events::syscalls().map(|call| call.code).filter(|code| {
            let on_demand = [
                SyscallCode::SCHED_SWITCH,
                SyscallCode::SIGNAL_DELIVER,
                SyscallCode::PAGE_FAULT_USER,
                SyscallCode::PAGE_FAULT_KERNEL,
            ];
            !on_demand.contains(code)
        });
        let faults = [SyscallCode::PAGE_FAULT_USER, SyscallCode::PAGE_FAULT_KERNEL];
        let faults = faults.into_iter().filter(|_| args.page_faults);
        let switches = needs.scheduling.then_some(SyscallCode::SCHED_SWITCH);
        usual.chain(faults).chain(switches).collect()
    });
    let options = live::Options {
        probe: live::ProbeOptions {
            ring_bytes: args.buffer,
            snaplen: args.snaplen.unwrap_or(needs.snaplen.max(SNAPLEN)),
            drop_failed: args.drop_failed,
            interest,
            exclude_pid: (!args.debug).then(std::process::id),
            excluded_threads: live::ExcludedThreads { comms: args.suppress.clone(), tids: Vec::new() },
            ..live::ProbeOptions::default()
        },
        proc: proc_options(args),
        ..live::Options::default()
    };
    let mut source = live::Source::open(options)?;
    if needs.decisions && source.set_hooks(Some(live::HookSource::Auto))? == live::HookMethod::Tracepoints {
        note!(
            "The kernel supports neither BPF LSM nor fexit programs at its security hooks: fields lsm.* are absent"
        );
    }
    Ok(Box::new(source))
}

/// Captures from the running kernel.
#[cfg(not(feature = "live"))]
pub fn live(_args: &Args, _needs: Needs) -> Result<Box<dyn EventSource>> {
    anyhow::bail!("this sysdig was built without live capture: read a capture with -r FILE")
}

/// Options for reading /proc, below `HOST_ROOT` if it is set.
fn proc_options(args: &Args) -> proc::Options {
    let root = std::env::var_os("HOST_ROOT").filter(|root| !root.is_empty());
    let mut options = proc::Options { root: root.unwrap_or("/".into()).into(), ..proc::Options::default() };
    if args.large_environment {
        options.environment = LARGE_ENVIRONMENT;
    }
    options
}

/// A warning before a live capture.
pub fn warning(args: &Args) -> Option<String> {
    if args.is_replay() { None } else { proc::foreign_processes(&proc_options(args).root) }
}

/// Configuration of an inspector: for a live capture with queries to the running system, or for a replay
/// without.
pub fn inspector_config(args: &Args, needs: Needs) -> Config {
    let mut config = Config::default().with_rendering(rendering(args, needs));
    if !args.is_replay() && !plugins::is_input() {
        let options = proc_options(args);
        // If the container plugin is loaded, it does this instead.
        #[cfg(feature = "runtimes")]
        if !plugins::has_container() {
            use eyas::sinsp::runtimes::{Api, Endpoint, Options, Runtimes};

            let mut asked = Options::default().with_root(&options.root);
            if !args.cri.is_empty() {
                asked.endpoints.retain(|endpoint| endpoint.api != Api::Cri);
                let given = args.cri.iter().map(|socket| Endpoint::new(Api::Cri, socket));
                asked.endpoints.extend(given);
            }
            if let Some(ms) = args.cri_timeout {
                asked.deadline = std::time::Duration::from_millis(ms);
            }
            // Without the runtimes, events have `<NA>` in some fields.
            let asked = Runtimes::start(asked);
            config.containers = asked.ok().map(|runtimes| Box::new(runtimes) as _);
        }
        if !args.exclude_users {
            let accounts = AccountFiles::start(options.root.clone());
            config.accounts = accounts.ok().map(|files| Box::new(files) as _);
            config.account_wait = AccountFiles::WAIT;
        }
        // Its thread starts at the first query.
        config.exe_hashes = Some(ExeHashes::new(options.root.clone(), ExeHashes::LARGEST));
        config.reports = args.write.is_some();
        config.proc = Some(Box::new(proc::ThreadReader::new(options)));
        config.large_environment = args.large_environment;
    }
    config
}

/// How parameters are printed.
fn rendering(args: &Args, needs: Needs) -> Rendering {
    let mut rendering = Rendering::default();
    rendering.buffers = args.buffers();
    // A view that needs longer buffers also prints them.
    rendering.longest = (args.verbose == 0 && needs.snaplen == 0).then_some(MAX_LEN);
    if args.resolve_ports {
        let text = std::fs::read("/etc/services").unwrap_or_default();
        rendering.services = Some(Arc::new(Services::parse(&String::from_utf8_lossy(&text))));
    }
    rendering
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_events_of_decisions_are_recognised_by_name() {
        for text in [
            "lsm.verdict != allowed",
            "fd.num=3 or (lsm.path startswith /etc)",
            "%proc.name %lsm.hook",
            "evt.type=lsm",
        ] {
            assert!(uses_decisions(text), "{text}");
        }
        for text in ["", "evt.type=open", "fd.name contains realsm.txt", "%evt.arg.lsm_x"] {
            assert!(!uses_decisions(text), "{text}");
        }
    }
}
