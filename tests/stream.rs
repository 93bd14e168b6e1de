//! A detector as a stream, polled by an executor of a few lines.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use eyas::scap::{Advance, Error, EventSource, Loss, RawEvent, Reader, Stats};
use eyas::{DetectionStream, Detector, load_rules};
use futures_core::Stream;

/// Wakes a thread.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn next(stream: &mut DetectionStream) -> Option<<DetectionStream as Stream>::Item> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match Pin::new(&mut *stream).poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(item) => return item,
            Poll::Pending => std::thread::park_timeout(Duration::from_secs(20)),
        }
    }
}

fn demo() -> Detector<Reader> {
    Detector::new(Reader::open("demo/demo.scap.gz").unwrap(), load_rules(["demo/rules.yaml"]).unwrap())
}

#[test]
fn a_stream_has_the_alerts_of_the_iterator_and_ends() {
    let expected: Vec<_> = demo().map(Result::unwrap).collect();
    let mut stream = demo().into_stream().unwrap();
    let streamed: Vec<_> = std::iter::from_fn(|| next(&mut stream)).map(Result::unwrap).collect();
    assert_eq!(streamed, expected);
    assert!(!streamed.is_empty() && next(&mut stream).is_none());
}

/// A source without events, which runs this function when an event is requested.
struct Fake<A>(A);

impl<A: FnMut() -> Advance + Send> EventSource for Fake<A> {
    fn advance(&mut self) -> Result<Advance, Error> {
        Ok(self.0())
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        None
    }

    fn losses(&self) -> &[Loss] {
        &[]
    }

    fn stats(&mut self) -> Stats {
        Stats::default()
    }
}

/// Reports that it was dropped.
struct Reported(Sender<()>);

impl Drop for Reported {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_stream_that_is_dropped_ends_its_thread() {
    let (sender, dropped): (Sender<()>, Receiver<()>) = channel();
    let reported = Reported(sender);
    // A source without events, like an idle machine.
    let quiet = Fake(move || {
        let _ = &reported;
        std::thread::sleep(Duration::from_millis(1));
        Advance::Idle
    });
    let mut stream = Detector::new(quiet, load_rules(["demo/rules.yaml"]).unwrap()).into_stream().unwrap();
    let waker = Waker::noop();
    assert!(Pin::new(&mut stream).poll_next(&mut Context::from_waker(waker)).is_pending());
    drop(stream);
    dropped.recv_timeout(Duration::from_secs(60)).expect("the source is dropped");
}

#[test]
fn a_panic_is_an_error_of_the_stream_and_its_end() {
    let broken = Fake(|| panic!("this test's source is broken"));
    let mut stream = Detector::new(broken, load_rules(["demo/rules.yaml"]).unwrap()).into_stream().unwrap();
    assert!(matches!(next(&mut stream), Some(Err(eyas::Error::Panicked))));
    assert!(next(&mut stream).is_none());
}
