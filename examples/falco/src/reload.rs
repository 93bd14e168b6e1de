//! Reloads rules and configuration without interrupting events: on SIGHUP, and when their files change.
//!
//! A thread waits for a reason to reload, loads, and opens outputs. The thread that tests events applies
//! the result between two events. Process state and the capture stay as they are. If loading fails, nothing
//! changes.

use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use eyas::rules::Priority;

use crate::args::Args;
#[cfg(feature = "grpc")]
use crate::config::Config;
use crate::configure;
#[cfg(feature = "grpc")]
use crate::configure::Loaded;
use crate::file;
use crate::internal::Internal;
use crate::item_files::ItemFiles;
use crate::libs_log;
use crate::log::{self, Level};
use crate::output::{self, Change, Settings};
use crate::outputs::OUTPUTS;
use crate::rules;
use crate::setup::Setup;
use crate::source::Interest;
use eyas::sinsp::service::{self, Service};

mod changes;
mod files;
mod watch;

use files::Stamp;
pub use files::{Files, Read};
use watch::{Wake, Waker, Watch};

/// Files must be unchanged for this time before they are read, because a writer may not have finished.
const QUIET: Duration = Duration::from_millis(100);
/// Files that keep changing are read anyway after this many times [`QUIET`].
const PATIENCE: u32 = 50;

/// An update to apply between two events.
pub enum Update {
    /// Switch to other rules.
    Replace(Box<Replacement>),
    /// Loading failed.
    Alert(Internal),
}

/// A new setup that replaces the old one.
pub struct Replacement {
    pub setup: Arc<Setup>,
    /// Change of the outputs.
    pub outputs: Change,
    pub interest: Interest,
    /// Closed when this is dropped: when the new rules are in use or the kernel has refused them.
    _settled: Settled,
}

/// Nothing is sent.
type Settled = SyncSender<()>;

/// Handle of the thread that loads.
pub struct Reload {
    updates: Mutex<Receiver<Update>>,
    running: Arc<Mutex<Arc<Setup>>>,
    /// Closed when this is dropped; the thread then ends.
    _stop: UnixStream,
}

impl Reload {
    /// Starts the thread. `read` has the files of `setup`, and `hangup` receives a byte for each SIGHUP. `attention` is set when there is an update.
    pub fn start(
        args: &Args,
        setup: &Arc<Setup>,
        read: Read,
        hangup: UnixStream,
        attention: Arc<AtomicBool>,
    ) -> Result<Self> {
        let (stop, stopped) = UnixStream::pair().context("can't start the thread that reloads")?;
        let (send, updates) = sync_channel(1);
        let running = Arc::new(Mutex::new(Arc::clone(setup)));
        let is_watched = setup.config.watch_config_files;
        let mut worker =
            Worker { args: args.clone(), is_watched, running: running.clone(), send, attention, read };
        let waker = Waker::new(hangup, stopped)?;
        Service::start("reload", move || worker.work(&waker))
            .context("can't start the thread that reloads")?;
        Ok(Self { updates: Mutex::new(updates), running, _stop: stop })
    }

    /// The next update, if there is one.
    pub fn take(&self) -> Option<Update> {
        self.updates.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }

    /// Records the setup that is now in use.
    pub fn replaced(&self, setup: Arc<Setup>) {
        let on = setup.rules().filter(|rule| rule.enabled).count();
        log::info(&format!("Reloaded: {on} rules are enabled"));
        let before = std::mem::replace(&mut *lock(&self.running), setup);
        // Freeing the old rules takes time, so another thread does it.
        let _ = thread::Builder::new().name("drop rules".into()).spawn(move || drop(before));
    }
}

/// A panic under this lock leaves a valid pointer.
fn lock(running: &Mutex<Arc<Setup>>) -> std::sync::MutexGuard<'_, Arc<Setup>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An alert about rules that could not be applied.
pub fn failure(error: &anyhow::Error) -> Internal {
    log::log(Level::Error, &format!("Not reloaded, the previous rules and configuration stay: {error:#}"));
    Internal {
        rule: "hot restart failure",
        priority: Priority::Critical,
        message: format!("Falco internal: hot restart failure: {error:#}"),
        fields: Default::default(),
    }
}

struct Worker {
    args: Args,
    is_watched: bool,
    running: Arc<Mutex<Arc<Setup>>>,
    send: SyncSender<Update>,
    attention: Arc<AtomicBool>,
    /// The files, and their state when they were last read.
    read: Read,
}

impl Worker {
    /// Reloads until the end. It is called again after a panic.
    fn work(&mut self, waker: &Waker) {
        let mut watch = self.watch();
        // Detects changes since the files were read at the start.
        let mut unsettled = self.is_watched.then(|| (Stamp::of(&self.read.files), 0));
        loop {
            let wake = match unsettled {
                Some(_) => waker.wait(None, Some(QUIET)),
                None => waker.wait(watch.as_ref(), None),
            };
            match wake {
                Wake::Stop => return,
                Wake::Hangup => log::info("SIGHUP received, restarting..."),
                Wake::Change | Wake::Timeout => {
                    // The directories may have changed.
                    watch = self.watch();
                    let now = Stamp::of(&self.read.files);
                    if !self.is_watched || now == self.read.stamp {
                        unsettled = None;
                        continue;
                    }
                    let rounds = match unsettled {
                        Some((before, _)) if before == now => PATIENCE,
                        Some((_, rounds)) => rounds + 1,
                        None => 0,
                    };
                    if rounds < PATIENCE {
                        unsettled = Some((now, rounds));
                        continue;
                    }
                    // Falco sends itself the signal here, and programs that read its log wait for this text.
                    let why = "files of the rules or the configuration have changed";
                    log::info(&format!("SIGHUP received, restarting... ({why})"));
                }
            }
            let (settled, settlement) = sync_channel(0);
            let update = match catch_unwind(AssertUnwindSafe(|| self.load(settled))) {
                Ok(Ok(replacement)) => Update::Replace(Box::new(replacement)),
                Ok(Err(error)) => Update::Alert(failure(&error)),
                Err(panic) => Update::Alert(failure(&anyhow!("a bug: {}", service::message(&*panic)))),
            };
            watch = self.watch();
            // A file may have changed after it was read and before it was watched again.
            unsettled = self.is_watched.then(|| (Stamp::of(&self.read.files), 0));
            if self.send.send(update).is_err() {
                return;
            }
            self.attention.store(true, Ordering::Release);
            // Waits, so that the next load is compared with the setup then in use.
            let _ = settlement.recv();
        }
    }

    fn watch(&self) -> Option<Watch> {
        self.is_watched.then(|| Watch::of(&self.read.files)).flatten()
    }

    /// Loads everything, and opens outputs.
    fn load(&mut self, settled: Settled) -> Result<Replacement> {
        self.read.stamp = Stamp::of(&self.read.files);
        if self.args.rule_profile {
            bail!("--rule-profile measures the rules that were loaded at the start");
        }
        let loaded = configure::load(&self.args)?;
        loaded.warn();
        self.read.files = Files::of(&self.args, &loaded.config);
        self.is_watched = loaded.config.watch_config_files;
        // Adds files that are read for the first time. For the others, the state from before reading is
        // known.
        self.read.stamp.extend(Stamp::of(&self.read.files));
        let config = &loaded.config;
        let items = ItemFiles::default();
        let engines = rules::load_sources(&self.args, config, &items);
        // Also if the rules do not load: one of these files may be the reason.
        self.read.add(&items);
        let engines = engines?;
        let interest = Interest::of(config, &engines.engine);
        let running = Arc::clone(&lock(&self.running));
        let changed = changes::between(&running.config, config)?;
        for key in changed.iter().filter(|key| changes::is_fixed(key, &self.args)) {
            log::warning(&format!("{key} has changed; the change takes effect on restart"));
        }
        // The output depends on whether a server is running.
        #[cfg(feature = "grpc")]
        let loaded =
            Loaded { config: Config { grpc: running.config.grpc.clone(), ..loaded.config }, ..loaded };
        let config = &loaded.config;
        let outputs = Change::new(OUTPUTS, config, Settings::new(config, self.args.unbuffered), |row| {
            let is_of_row =
                |key: &String| changes::is_below(key, &[row.name]) || changes::is_below(key, row.depends_on);
            !(row.is_enabled)(&running.config)
                || row.reload == output::Reload::Always
                || changed.iter().any(is_of_row)
        })?;
        log::configure(config);
        libs_log::configure(&config.libs_logger);
        file::set_mode(config.file_mode.get().unwrap_or(file::OWNER_ALONE));
        let setup = Arc::new(Setup::new(&self.args, loaded, engines));
        Ok(Replacement { setup, outputs, interest, _settled: settled })
    }
}
