//! A thread that checks once a second whether all parts make progress, and logs problems.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::console;
use crate::health::{Health, Problem};
use crate::log::{self, Level, RateLimit, log};
use crate::output::Hub;
use crate::signals::Stop;
use eyas::sinsp::service::Service;

/// Time between two checks.
const EVERY: Duration = Duration::from_secs(1);
/// Time, in addition to the timeout of outputs, after which a program that should end is killed.
const FORCE: Duration = Duration::from_secs(5);

/// The thread, which runs until this is dropped.
pub struct Watchdog {
    stop: Option<Sender<()>>,
    service: Service,
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system allows no further thread.
    pub fn start(hub: Arc<Hub>, health: Health, stop: Stop) -> Result<Self> {
        let (sender, ended) = channel::<()>();
        // Only this thread uses it, but the thread may be restarted.
        let ended = Mutex::new(ended);
        let mut watch = Watch { health, known: BTreeMap::new() };
        let service = Service::start("watchdog", move || {
            loop {
                let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
                if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                drop(ended);
                hub.check();
                watch.check(hub.is_closing() || stop.since().is_some());
                end(&stop, hub.settings().timeout);
            }
        });
        let service =
            service.context("can't start the thread that checks whether the outputs make progress")?;
        Ok(Self { stop: Some(sender), service })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop = None;
        self.service.wait(EVERY);
    }
}

struct Watch {
    health: Health,
    /// Current and past problems by key.
    known: BTreeMap<&'static str, Known>,
}

#[derive(Default)]
struct Known {
    lasts: bool,
    /// Whether its beginning was logged, but not its end.
    is_logged: bool,
    rate: RateLimit,
}

impl Watch {
    /// Logs problems when they begin, once a minute, and when they are over. At the end of the program, it does not log that they are
    /// over, because the program drops what waits.
    fn check(&mut self, is_ending: bool) {
        self.known.values_mut().for_each(|known| known.lasts = false);
        for Problem { what, text, place } in self.health.problems() {
            let known = self.known.entry(what).or_default();
            known.lasts = true;
            if known.rate.record().is_some() {
                known.is_logged = true;
                let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                log(Level::Error, &format!("{text}{place}"));
            }
        }
        for (what, known) in self.known.iter_mut().filter(|(_, known)| !known.lasts) {
            if std::mem::take(&mut known.is_logged) && !is_ending {
                log::info(&format!("{what}: makes progress again"));
            }
        }
    }
}

/// Kills the program if a signal requested its end and it does not end, for example because it hangs in a system call.
fn end(stop: &Stop, timeout: Duration) {
    if stop.since().is_some_and(|stopped| stopped.elapsed() >= timeout + FORCE) {
        log(Level::Error, "the program hangs after a request to end; it is killed, without its statistics");
        console::finish_error(|still| still < Duration::from_millis(200));
        std::process::exit(1);
    }
}
