//! How events come to their file: at once in a replay, by another thread where events don't wait.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::pool::Pool;
use super::recorder::{Message, Recorder};
use crate::service::Service;

/// Most bytes of events on their way.
const MAX_BYTES: usize = 16 << 20;
/// Most files on their way, each with a snapshot.
const MAX_FILES: usize = 2;
/// How often somebody who waits for the thread looks whether they still should.
const GLANCE: Duration = Duration::from_millis(20);
/// What was written may be read so much later.
const FLUSH: Duration = Duration::from_secs(1);

/// Hands on what is to be written.
pub enum Way {
    /// Writes it itself.
    Here(Recorder),
    /// Has a thread for it.
    Thread(Writing),
}

/// A thread that writes.
pub struct Writing {
    send: Sender<Message>,
    load: Arc<Load>,
    thread: Service,
}

/// What waits for the thread.
#[derive(Default)]
struct Load {
    bytes: AtomicUsize,
    files: AtomicUsize,
}

impl Way {
    /// A thread of its own.
    pub fn thread(pool: Pool) -> Result<Self> {
        let (send, receive) = channel();
        let load = Arc::<Load>::default();
        let done = Arc::clone(&load);
        // Only this thread uses it, but that may be started again.
        let receive = Mutex::new(receive);
        let mut recorder = Recorder::new(pool);
        let thread = Service::start("capture", move || {
            recorder.fail_what_is_open("its thread panicked");
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

    /// Hands on; returns whether there was room. What is no event or snapshot always has some.
    pub fn give(&mut self, message: Message) -> bool {
        let Writing { send, load, .. } = match self {
            Self::Here(recorder) => {
                recorder.take(message);
                return true;
            }
            Self::Thread(writing) => writing,
        };
        let (bytes, files) = message.load();
        let has_room = (bytes == 0 || load.bytes.load(Ordering::Relaxed) + bytes <= MAX_BYTES)
            && (files == 0 || load.files.load(Ordering::Relaxed) < MAX_FILES);
        if !has_room {
            return false;
        }
        load.bytes.fetch_add(bytes, Ordering::Relaxed);
        load.files.fetch_add(files, Ordering::Relaxed);
        send.send(message).is_ok()
    }

    /// Waits until all is written, as long as `patience` allows it, which is given how long nothing was; returns whether
    /// it is.
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
