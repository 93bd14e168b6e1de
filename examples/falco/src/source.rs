//! Event sources.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, bail};
use eyas::rules::Engine;
use eyas::scap::{self, Reader};
use eyas::sinsp;
use eyas_console::Input;
use eyas_console::ShowPath;

use crate::config::{Config, EngineKind};
use crate::progress;
use crate::signals::Stop;

mod adjust;
mod idle;
mod inspector;
#[cfg(feature = "live")]
mod interest;
#[cfg(feature = "live")]
mod live;
#[cfg(not(feature = "live"))]
mod no_probe;

pub use adjust::{Adjust, Interest, ProcessTable};
pub use idle::Idle;
pub use inspector::{host_root, offline_inspector, replay_inspector, running_system};
#[cfg(all(feature = "live", feature = "runtimes"))]
pub use live::endpoints;
#[cfg(feature = "live")]
pub use live::{begin, ring_bytes};

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

/// Begins nothing: this build cannot capture live.
#[cfg(not(feature = "live"))]
pub fn begin(_: &Config) -> Result<Early> {
    Ok(None)
}

/// Opens the configured engine, or continues with the early capture. Reading a capture ends when `stop` is
/// set.
pub fn open(config: &Config, engine: &Engine, early: Early, stop: &Stop) -> Result<Opened> {
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
        #[cfg(feature = "live")]
        _ => {
            let (source, inspector) = live::open(config, engine, early)?;
            Ok(Opened::Live(Box::new(source), inspector))
        }
        #[cfg(not(feature = "live"))]
        _ => {
            let _ = (engine, early);
            bail!(
                "this build can't capture live (it was built without the feature `live`); replay a capture with \
                 -o engine.kind=replay -o engine.replay.capture_file=FILE"
            )
        }
    }
}

/// Falco's message about a capture that cannot be opened.
pub fn cannot_open(config: &Config) -> String {
    format!("Could not open trace filename {} for reading", config.engine.replay.capture_file.shown())
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
