//! Where events come from.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Result, anyhow};
use eyas::scap::{EventSource, Reader, proc};
use eyas::sinsp::{AccountFiles, Config};
use eyas_console::Input;

use crate::args::Args;

/// Opens the capture, or the kernel. Reading a stream ends when `stop` is set.
pub fn open(args: &Args, stop: &Arc<AtomicBool>) -> Result<Box<dyn EventSource>> {
    match &args.read {
        Some(path) => {
            let stream = match path == Path::new("-") {
                true => Some(Input::stdin(stop.clone())?),
                false => Input::stream(path, stop.clone())
                    .map_err(|error| anyhow!("cannot open capture {}: {error}", path.display()))?,
            };
            let reader = match stream {
                Some(stream) => Reader::from_reader(stream),
                None => Reader::open(path),
            };
            Ok(Box::new(reader.map_err(|error| anyhow!("{error}; give a capture with -r FILE"))?))
        }
        None => live(args),
    }
}

#[cfg(feature = "live")]
fn live(args: &Args) -> Result<Box<dyn EventSource>> {
    use eyas::scap::live;

    let options = live::Options {
        probe: live::ProbeOptions {
            ring_bytes: args.buffer,
            snaplen: args.snaplen,
            drop_failed: args.drop_failed,
            exclude_pid: Some(std::process::id()),
            ..live::ProbeOptions::default()
        },
        proc: proc_options(),
        ..live::Options::default()
    };
    Ok(Box::new(live::Source::open(options)?))
}

#[cfg(not(feature = "live"))]
fn live(_args: &Args) -> Result<Box<dyn EventSource>> {
    anyhow::bail!("this sysdig was built without live capture: read a capture with -r FILE")
}

/// How the running system is looked at: below `HOST_ROOT`, where that is set.
pub fn proc_options() -> proc::Options {
    let root = std::env::var_os("HOST_ROOT").filter(|root| !root.is_empty());
    proc::Options { root: root.unwrap_or("/".into()).into(), ..proc::Options::default() }
}

/// An inspector that may ask the running system, or one that knows a capture alone.
pub fn inspector_config(args: &Args) -> Config {
    let mut config = Config::default();
    if args.read.is_none() {
        let options = proc_options();
        #[cfg(feature = "runtimes")]
        {
            use eyas::sinsp::runtimes::{Options, Runtimes};

            // Without them events still come, with `<NA>` where they would have known more.
            let asked = Runtimes::start(Options::default().with_root(&options.root));
            config.containers = asked.ok().map(|runtimes| Box::new(runtimes) as _);
        }
        let accounts = AccountFiles::start(options.root.clone());
        config.accounts = accounts.ok().map(|files| Box::new(files) as _);
        config.proc = Some(Box::new(proc::ThreadReader::new(options)));
    }
    config
}
