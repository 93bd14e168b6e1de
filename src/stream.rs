//! A detector's alerts as an asynchronous stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use eyas_scap::EventSource;
use futures_core::Stream;

use crate::{Detection, Detector, Error};

/// Number of alerts that may wait for the receiver. If it is reached, the detector waits, and a live
/// capture drops events once the ring buffers are full.
const CAPACITY: usize = 1024;

/// The alerts of a [`Detector`] that runs in a separate thread, for any executor. Dropping the stream ends
/// the thread; a live capture ends within a fraction of a second.
///
/// ```
/// use std::pin::Pin;
///
/// use eyas::{Detector, scap::Reader};
/// use futures_core::Stream;
///
/// # async fn next<S: Stream>(stream: &mut S) -> Option<S::Item> where S: Unpin {
/// #     std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
/// # }
/// async fn print_alerts() -> Result<(), Box<dyn std::error::Error>> {
///     let rules = eyas::load_rules(["demo/rules.yaml"])?;
///     let mut alerts = Detector::new(Reader::open("demo/demo.scap.gz")?, rules).into_stream()?;
///     // `next` is of the crate futures, or tokio-stream.
///     while let Some(alert) = next(&mut alerts).await {
///         println!("{}", alert?.line);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct DetectionStream(Arc<Channel>);

#[derive(Debug, Default)]
struct Channel {
    state: Mutex<State>,
    /// Signals that there is room, or that the receiver is gone.
    room: Condvar,
    /// Whether the receiver is gone.
    is_closed: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Result<Detection, Error>>,
    waker: Option<Waker>,
    has_ended: bool,
}

impl Channel {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an alert once there is room; returns whether the receiver still exists.
    fn send(&self, item: Result<Detection, Error>) -> bool {
        let is_full =
            |state: &mut State| state.ready.len() >= CAPACITY && !self.is_closed.load(Ordering::Relaxed);
        let mut state = self.room.wait_while(self.state(), is_full).unwrap_or_else(PoisonError::into_inner);
        state.ready.push_back(item);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        !self.is_closed.load(Ordering::Relaxed)
    }
}

/// Ends the stream when the thread ends, even by a panic.
struct End(Arc<Channel>);

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.has_ended = true;
        if std::thread::panicking() {
            state.ready.push_back(Err(Error::Panicked));
        }
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<S: EventSource + Send + 'static> Detector<S> {
    /// Starts a thread that detects, and returns its alerts as a stream.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn into_stream(mut self) -> std::io::Result<DetectionStream> {
        let channel = Arc::new(Channel::default());
        self.is_cancelled = Some(channel.is_closed.clone());
        let end = End(channel.clone());
        std::thread::Builder::new().name("detector".into()).spawn(move || {
            for item in self {
                if !end.0.send(item) {
                    break;
                }
            }
        })?;
        Ok(DetectionStream(channel))
    }
}

impl Stream for DetectionStream {
    type Item = Result<Detection, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.state();
        if let Some(item) = state.ready.pop_front() {
            self.0.room.notify_one();
            return Poll::Ready(Some(item));
        }
        if state.has_ended {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for DetectionStream {
    fn drop(&mut self) {
        // The lock is held, so that the thread cannot miss the signal between its test and its sleep.
        let _state = self.0.state();
        self.0.is_closed.store(true, Ordering::Relaxed);
        self.0.room.notify_one();
    }
}
