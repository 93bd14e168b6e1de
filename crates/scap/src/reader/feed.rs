//! Source of a window's bytes: read or decompressed by the same thread, or by another one.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::buf::Buf;
use super::gunzip::{Gunzip, Input, read};

/// Number of chunks between the threads.
const DEPTH: usize = 4;

pub(super) enum Feed {
    Plain(Input),
    Inflate(Box<Gunzip>),
    /// Decompressed by another thread; used chunks go back to it.
    Thread {
        full: Receiver<io::Result<Buf>>,
        empty: Sender<Buf>,
    },
    /// Read by another thread for several windows.
    Shared(Receiver<io::Result<Arc<Buf>>>),
}

impl Feed {
    /// Appends more bytes to the buffer; returns their number, 0 at the end.
    pub(super) fn fill(&mut self, buf: &mut Buf) -> io::Result<usize> {
        let got = match self {
            Self::Plain(input) => read(&mut **input, buf.room())?,
            Self::Inflate(input) => input.read(buf.room())?,
            Self::Thread { full, empty } => return take(full, empty, buf),
            Self::Shared(full) => {
                // The thread has ended after it sent everything.
                let Ok(chunk) = full.recv() else { return Ok(0) };
                let chunk = chunk?;
                buf.append(chunk.visible());
                return Ok(chunk.len());
            }
        };
        buf.fill(got);
        Ok(got)
    }

    /// Starts a thread that decompresses. Without a thread, or a core for it, nothing changes.
    pub(super) fn into_thread(self) -> Self {
        let Self::Inflate(gunzip) = self else { return self };
        if thread::available_parallelism().is_ok_and(|cores| cores.get() == 1) {
            return Self::Inflate(gunzip);
        }
        let (send_full, full) = bounded::<io::Result<Buf>>(DEPTH);
        let (empty, take_empty) = bounded::<Buf>(DEPTH + 2);
        // If the thread cannot be started, its data stays here.
        let slot = Arc::new(Mutex::new(Some(gunzip)));
        let taken = Arc::clone(&slot);
        let started = thread::Builder::new().name("inflate".into()).spawn(move || {
            let Some(mut gunzip) = taken.lock().unwrap_or_else(PoisonError::into_inner).take() else {
                return;
            };
            let next = || take_empty.try_recv().unwrap_or_else(|_| Buf::chunk());
            pump(&mut *gunzip, next, |chunk| send_full.send(chunk).is_ok());
        });
        let left = match started {
            Ok(_) => None,
            Err(_) => slot.lock().unwrap_or_else(PoisonError::into_inner).take(),
        };
        left.map_or(Self::Thread { full, empty }, Self::Inflate)
    }

    /// The remaining bytes.
    pub(super) fn into_input(self) -> Input {
        match self {
            Self::Plain(input) => input,
            Self::Inflate(gunzip) => gunzip,
            feed => Box::new(Rest { feed, buf: Buf::small() }),
        }
    }
}

fn take(full: &Receiver<io::Result<Buf>>, empty: &Sender<Buf>, buf: &mut Buf) -> io::Result<usize> {
    let Ok(chunk) = full.recv() else { return Ok(0) };
    let mut chunk = chunk?;
    let got = chunk.len();
    let used = if chunk.prepend(buf.visible()) {
        std::mem::replace(buf, chunk)
    } else {
        // A block larger than the headroom grows only with arriving data.
        buf.append(chunk.visible());
        chunk
    };
    if let Some(used) = used.into_chunk() {
        // The decompressing thread may have ended; then the chunk is not needed.
        drop(empty.try_send(used));
    }
    Ok(got)
}

/// The rest of a feed, as a stream.
struct Rest {
    feed: Feed,
    buf: Buf,
}

impl Read for Rest {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.buf.is_empty() && self.feed.fill(&mut self.buf)? == 0 {
            return Ok(0);
        }
        let len = out.len().min(self.buf.len());
        out[..len].copy_from_slice(&self.buf.visible()[..len]);
        self.buf.advance(len);
        Ok(len)
    }
}

/// Feeds of one stream, which another thread reads.
pub(super) fn shared(mut input: Input, count: usize) -> io::Result<Vec<Feed>> {
    let (mut senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| bounded(DEPTH)).unzip();
    let started = thread::Builder::new().name("read".into()).spawn(move || {
        pump(&mut *input, Buf::chunk, |chunk| {
            let chunk = chunk.map(Arc::new);
            senders.retain(|sender: &Sender<io::Result<Arc<Buf>>>| {
                // Errors can't be cloned; kind and text can.
                let copy = match &chunk {
                    Ok(chunk) => Ok(Arc::clone(chunk)),
                    Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                };
                sender.send(copy).is_ok()
            });
            !senders.is_empty()
        });
    });
    started.map_err(|error| {
        io::Error::new(error.kind(), format!("can't start the thread that reads: {error}"))
    })?;
    Ok(receivers.into_iter().map(Feed::Shared).collect())
}

/// Reads to the end, to an error, or until the receiver is gone. A panic is an error: the end of the thread alone would
/// look like the end of the capture.
fn pump(input: &mut dyn Read, mut next: impl FnMut() -> Buf, mut send: impl FnMut(io::Result<Buf>) -> bool) {
    let read = || send_each(input, &mut next, &mut send);
    if catch_unwind(AssertUnwindSafe(read)).is_err() {
        send(Err(io::Error::other("the thread that reads it panicked")));
    }
}

/// The result of each read is sent at once, because the next read may wait for a long time.
fn send_each(
    input: &mut dyn Read,
    next: &mut impl FnMut() -> Buf,
    send: &mut impl FnMut(io::Result<Buf>) -> bool,
) {
    loop {
        let mut chunk = next();
        let filled = match read(input, chunk.rest()) {
            Ok(0) => return,
            Ok(got) => {
                chunk.fill(got);
                Ok(chunk)
            }
            Err(error) => Err(error),
        };
        let failed = filled.is_err();
        // The receiver may be gone; then there are no more requests.
        if !send(filled) || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields three bytes, and then panics.
    struct Panics(bool);

    impl Read for Panics {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            assert!(!std::mem::replace(&mut self.0, true), "as meant");
            out[..3].copy_from_slice(b"abc");
            Ok(3)
        }
    }

    #[test]
    fn a_panic_of_the_reading_thread_is_an_error_for_all_windows() {
        for mut feed in shared(Box::new(Panics(false)), 2).unwrap() {
            let mut buf = Buf::small();
            assert_eq!(feed.fill(&mut buf).unwrap(), 3);
            assert!(feed.fill(&mut buf).unwrap_err().to_string().contains("panicked"));
        }
    }
}
