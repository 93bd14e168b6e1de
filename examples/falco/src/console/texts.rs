//! Queue of texts for a standard stream.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use eyas::sinsp::service::Service;

/// Interval at which a waiting caller checks whether to keep waiting.
const GLANCE: Duration = Duration::from_millis(20);
/// Maximum time for which the end waits for a thread that could write, but does not.
const LONGEST: Duration = Duration::from_secs(10);
/// Maximum number of queued bytes.
const MAX_BYTES: usize = 8 << 20;

/// A bounded queue of texts, and a thread that writes them.
pub struct Texts {
    /// Name of the texts, for the thread and for messages.
    name: &'static str,
    print: fn(&str),
    /// Whether the stream takes more bytes now.
    is_ready: fn() -> bool,
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    state: State,
    waiting: VecDeque<Arc<str>>,
    bytes: usize,
    /// Dropped texts that were not reported yet.
    lost: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Callers write.
    Direct,
    /// The thread writes.
    Detached,
    /// Nobody does.
    GivenUp,
}

impl Texts {
    pub const fn new(name: &'static str, print: fn(&str), is_ready: fn() -> bool) -> Self {
        let inner = Inner { state: State::Direct, waiting: VecDeque::new(), bytes: 0, lost: 0 };
        Self { name, print, is_ready, inner: Mutex::new(inner), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No data is left half updated while the lock is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a text, or writes it.
    pub fn push(&self, text: &str) {
        let mut inner = self.lock();
        match inner.state {
            State::Direct => {
                drop(inner);
                return (self.print)(text);
            }
            State::Detached if inner.bytes + text.len() <= MAX_BYTES => {
                inner.bytes += text.len();
                inner.waiting.push_back(text.into());
            }
            State::Detached => inner.lost += 1,
            State::GivenUp => {}
        }
        drop(inner);
        self.changed.notify_all();
    }

    /// Starts the thread.
    pub fn detach(&'static self) -> std::io::Result<()> {
        if self.lock().state == State::Direct {
            Service::start(self.name, || self.write())?;
            self.lock().state = State::Detached;
        }
        Ok(())
    }

    /// Writes texts as they arrive. Each stays in the queue until it is written.
    fn write(&self) {
        let mut inner = self.lock();
        loop {
            let Some(text) = inner.waiting.front().cloned() else {
                if inner.state == State::GivenUp {
                    return;
                }
                inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(inner);
            (self.print)(&text);
            inner = self.lock();
            inner.waiting.pop_front();
            inner.bytes = inner.bytes.saturating_sub(text.len());
            if inner.waiting.is_empty() && inner.lost > 0 {
                let lost = std::mem::take(&mut inner.lost);
                let text =
                    format!("{lost} lines of the {} are missing here: its reader was too slow\n", self.name);
                inner.bytes += text.len();
                inner.waiting.push_back(text.into());
            }
            self.changed.notify_all();
        }
    }

    /// Waits until everything is written, or until `patience` returns false. `patience` gets the time since
    /// the last write during which the reader took nothing. Returns whether everything was written.
    pub fn finish(&self, patience: impl Fn(Duration) -> bool) -> bool {
        let mut inner = self.lock();
        let began = Instant::now();
        let (mut moved, mut left) = (began, inner.waiting.len());
        while inner.state == State::Detached && !inner.waiting.is_empty() {
            // The thread that writes waits for a CPU, not for the reader.
            let is_ready = began.elapsed() < LONGEST && (self.is_ready)();
            if !patience(if is_ready { Duration::ZERO } else { moved.elapsed() }) {
                break;
            }
            if is_ready {
                moved = Instant::now();
            }
            inner = self.changed.wait_timeout(inner, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
            if inner.waiting.len() != left {
                (moved, left) = (Instant::now(), inner.waiting.len());
            }
        }
        let is_done = inner.waiting.is_empty();
        if inner.state == State::Detached {
            inner.state = State::GivenUp;
            inner.waiting.clear();
        }
        drop(inner);
        self.changed.notify_all();
        is_done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
    use std::thread::spawn;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// The written texts, and whether the test allows writing.
    static WRITTEN: Mutex<(Vec<String>, bool)> = Mutex::new((Vec::new(), false));

    #[test]
    fn a_stream_that_nobody_reads_blocks_no_caller() {
        fn print(text: &str) {
            while !WRITTEN.lock().unwrap().1 {
                std::thread::yield_now();
            }
            WRITTEN.lock().unwrap().0.push(text.to_owned());
        }
        static TEXTS: Texts = Texts::new("test", print, || false);
        WRITTEN.lock().unwrap().1 = true;
        TEXTS.push("first");
        assert_eq!(std::mem::take(&mut *WRITTEN.lock().unwrap()), (vec!["first".to_owned()], true));
        TEXTS.detach().unwrap();
        let text = "x".repeat(MAX_BYTES / 4);
        for _ in 0..6 {
            TEXTS.push(&text);
        }
        WRITTEN.lock().unwrap().1 = true;
        assert!(TEXTS.finish(|waited| waited < LONG));
        let written = &WRITTEN.lock().unwrap().0;
        assert_eq!(written.len(), 5);
        assert_eq!(written[..4], [text.clone(), text.clone(), text.clone(), text]);
        assert!(written[4].starts_with("2 lines of the test are missing"), "{}", written[4]);
    }

    #[test]
    fn the_end_waits_for_a_limited_time() {
        static TEXTS: Texts = Texts::new("test", |_| std::thread::sleep(LONG), || false);
        TEXTS.lock().state = State::Detached;
        spawn(|| TEXTS.write());
        TEXTS.push("text");
        assert!(!TEXTS.finish(|waited| waited < Duration::from_millis(20)));
        TEXTS.push("more");
        assert!(TEXTS.lock().waiting.is_empty());
    }

    #[test]
    fn the_end_waits_for_a_thread_that_has_no_cpu_while_the_reader_is_ready() {
        static GO: AtomicBool = AtomicBool::new(false);
        fn print(_: &str) {
            while !GO.load(Relaxed) {
                std::thread::yield_now();
            }
        }
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static TEXTS: Texts = Texts::new("test", print, || ASKED.fetch_add(1, Relaxed) < usize::MAX);
        TEXTS.detach().unwrap();
        TEXTS.push("text");
        // It waits, although the reader is given no time at all.
        let finish = spawn(|| TEXTS.finish(|waited| waited.is_zero()));
        while ASKED.load(Relaxed) < 3 {
            assert!(!finish.is_finished(), "it did not wait");
            std::thread::yield_now();
        }
        GO.store(true, Relaxed);
        assert!(finish.join().unwrap());
    }
}
