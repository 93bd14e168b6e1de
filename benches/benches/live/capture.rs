//! A capture whose mode can change while a separate thread reads it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use eyas::scap::EventSource;
use eyas::scap::live::{ProbeOptions, Source};

use crate::{Failure, stay};

/// Time until the effects of attaching and detaching are over.
const SETTLE: Duration = Duration::from_millis(20);

/// Changes what a source captures.
type Change<M> = fn(&mut Source, M) -> Result<(), Failure>;

/// A capture that a separate thread reads continuously.
pub(crate) struct Capture<M> {
    modes: Sender<M>,
    /// Receives a number after each change of the mode: the events dropped so far.
    set: Receiver<Result<u64, String>>,
}

impl<M: Send + 'static> Capture<M> {
    pub(crate) fn start(options: ProbeOptions, change: Change<M>) -> Self {
        let ((modes, wanted), (done, set)) = (channel(), channel());
        std::thread::spawn(move || {
            if let Err(failure) = read(options, change, &wanted, &done) {
                let _ = done.send(Err(failure.to_string()));
            }
        });
        Self { modes, set }
    }

    /// Sets the mode. Returns the number of events dropped so far.
    pub(crate) fn set(&self, mode: M) -> Result<u64, Failure> {
        self.modes.send(mode)?;
        let lost = self.set.recv()??;
        std::thread::sleep(SETTLE);
        Ok(lost)
    }
}

fn read<M>(
    options: ProbeOptions,
    change: Change<M>,
    wanted: &Receiver<M>,
    done: &Sender<Result<u64, String>>,
) -> Result<(), Failure> {
    stay(false)?;
    let mut source = Source::open(options)?;
    loop {
        // Never idle for long while it captures itself.
        let _ = source.next()?;
        if let Ok(mode) = wanted.try_recv() {
            change(&mut source, mode)?;
            done.send(Ok(source.stats().drops()))?;
        }
    }
}
