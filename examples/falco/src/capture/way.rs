//! How events come to their file: at once in a replay, by another thread where events don't wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};

use super::frames::Frames;
use super::recorder::{Message, Recorder};

/// Bytes that are worth handing on.
const BATCH: usize = 128 << 10;
/// Most bytes of events on their way.
const MAX_BYTES: usize = 16 << 20;
/// Most files on their way, each with a snapshot.
const MAX_FILES: usize = 2;
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
    send: Option<Sender<Message>>,
    load: Arc<Load>,
    thread: Option<JoinHandle<()>>,
}

/// What waits for the thread.
#[derive(Default)]
struct Load {
    bytes: AtomicUsize,
    files: AtomicUsize,
}

impl Way {
    /// A thread of its own.
    pub fn thread() -> Result<Self> {
        let (send, receive) = channel();
        let load = Arc::<Load>::default();
        let done = Arc::clone(&load);
        let thread = thread::Builder::new()
            .name("capture".into())
            .spawn(move || write(&receive, &done))
            .context("can't start the thread that writes captures")?;
        Ok(Self::Thread(Writing { send: Some(send), load, thread: Some(thread) }))
    }

    /// Bytes of events that are worth handing on.
    pub fn batch(&self) -> usize {
        if matches!(self, Self::Here(_)) { 0 } else { BATCH }
    }

    /// Hands on; answers whether there was room. What is no event or snapshot always has some.
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
        send.as_ref().is_some_and(|send| send.send(message).is_ok())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.send = None;
        if let Some(thread) = self.thread.take() {
            // It says in the log what went wrong.
            let _ = thread.join();
        }
    }
}

fn write(receive: &Receiver<Message>, load: &Load) {
    let mut recorder = Recorder::default();
    loop {
        match receive.recv_timeout(FLUSH) {
            Ok(message) => {
                let (bytes, files) = message.load();
                recorder.take(message);
                load.bytes.fetch_sub(bytes, Ordering::Relaxed);
                load.files.fetch_sub(files, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => recorder.flush(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Takes the buffer away if it is worth it.
pub fn ready(frames: &mut Frames, least: usize) -> Option<Frames> {
    (frames.len() > 0 && frames.size() >= least).then(|| std::mem::take(frames))
}
