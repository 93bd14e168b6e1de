//! Transport of events to their file: directly in a replay, or through another thread in a live capture,
//! where events must not wait.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::pool::Pool;
use super::recorder::{Message, Recorder};
use eyas::sinsp::service::Service;

/// Maximum number of bytes of queued events.
const MAX_BYTES: usize = 16 << 20;
/// Maximum number of queued files, each with a snapshot.
const MAX_FILES: usize = 2;
/// Interval at which a caller that waits for the thread checks whether to keep waiting.
const GLANCE: Duration = Duration::from_millis(20);
/// Delay until written data is flushed.
const FLUSH: Duration = Duration::from_secs(1);

/// Passes data to the writer.
pub enum Transport {
    /// Writes it itself.
    Here(Box<Recorder>),
    /// Through a thread.
    Thread(Writing),
}

/// A thread that writes.
pub struct Writing {
    send: Sender<Message>,
    load: Arc<Load>,
    thread: Service,
}

/// Data that waits for the thread.
#[derive(Default)]
struct Load {
    bytes: AtomicUsize,
    files: AtomicUsize,
}

impl Transport {
    /// Starts a thread for writing.
    pub fn thread(pool: Pool) -> Result<Self> {
        let (send, receive) = channel();
        let load = Arc::<Load>::default();
        let done = Arc::clone(&load);
        // Only this thread uses it, but the thread may be restarted.
        let receive = Mutex::new(receive);
        let mut recorder = Recorder::new(pool);
        let thread = Service::start("capture", move || {
            recorder.fail_open_file("its thread panicked");
            write(&receive.lock().unwrap_or_else(PoisonError::into_inner), &mut recorder, &done);
        });
        let thread = thread.context("can't start the thread that writes captures")?;
        Ok(Self::Thread(Writing { send, load, thread }))
    }

    /// Whether there is room for the state of the system.
    pub fn has_room_for_state(&self) -> bool {
        match self {
            Self::Here(_) => true,
            Self::Thread(writing) => writing.load.files.load(Ordering::Relaxed) < MAX_FILES,
        }
    }

    /// Passes a message on.
    ///
    /// # Errors
    /// Returns the message if there is no room. There always is for messages other than events and snapshots.
    pub fn send(&mut self, message: Message) -> Result<(), Message> {
        let Writing { send, load, .. } = match self {
            Self::Here(recorder) => {
                recorder.take(message);
                return Ok(());
            }
            Self::Thread(writing) => writing,
        };
        let (bytes, files) = message.load();
        let has_room = (bytes == 0 || load.bytes.load(Ordering::Relaxed) + bytes <= MAX_BYTES)
            && (files == 0 || load.files.load(Ordering::Relaxed) < MAX_FILES);
        if !has_room {
            return Err(message);
        }
        load.bytes.fetch_add(bytes, Ordering::Relaxed);
        load.files.fetch_add(files, Ordering::Relaxed);
        send.send(message).map_err(|error| error.0)
    }

    /// Waits until everything is written, or until `patience` returns false. `patience` gets the time since
    /// the last progress. Returns whether everything is written.
    pub fn finish(self, patience: impl Fn(Duration) -> bool) -> bool {
        let Self::Thread(Writing { send, load, thread }) = self else { return true };
        drop(send);
        let (mut moved, mut left) = (Instant::now(), load.now());
        while !thread.wait(GLANCE) {
            if load.now() != left {
                (moved, left) = (Instant::now(), load.now());
            }
            if !patience(moved.elapsed()) {
                return false;
            }
        }
        true
    }
}

impl Load {
    fn now(&self) -> (usize, usize) {
        (self.bytes.load(Ordering::Relaxed), self.files.load(Ordering::Relaxed))
    }

    fn done(&self, (bytes, files): (usize, usize)) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.files.fetch_sub(files, Ordering::Relaxed);
    }
}

fn write(receive: &Receiver<Message>, recorder: &mut Recorder, load: &Load) {
    loop {
        match receive.recv_timeout(FLUSH) {
            Ok(message) => {
                let size = message.load();
                let outcome = catch_unwind(AssertUnwindSafe(|| recorder.take(message)));
                load.done(size);
                outcome.unwrap_or_else(|panic| resume_unwind(panic));
            }
            Err(RecvTimeoutError::Timeout) => {
                recorder.flush();
                recorder.compress();
            }
            Err(RecvTimeoutError::Disconnected) => return recorder.end(),
        }
    }
}
