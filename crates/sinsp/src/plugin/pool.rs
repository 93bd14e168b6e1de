//! Threads that run a plugin's routines during a capture.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A routine of a plugin: see [`Pool::subscribe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoutineId(pub u64);

/// Returns whether to call it again.
type Routine = Box<dyn FnMut() -> bool + Send>;

/// Threads that call routines repeatedly, until a routine returns false or is unsubscribed.
///
/// The threads start with the first routine. Any thread may use the pool. Dropping the last handle, and
/// [`Pool::finish`], wait for running routines.
#[derive(Clone)]
pub struct Pool(Arc<Owner>);

struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(RoutineId, Routine)>,
    /// Routines that a thread is calling.
    running: Vec<RoutineId>,
    /// Running routines that must not be called again.
    ended: Vec<RoutineId>,
    last: u64,
    is_closed: bool,
}

impl Default for Pool {
    /// A pool with as many threads as the machine has processors.
    fn default() -> Self {
        Self(Arc::new(Owner { shared: Arc::default(), threads: Mutex::default() }))
    }
}

impl Pool {
    /// Starts to call the routine, never from two threads at a time. `None` if the pool was closed, or no
    /// thread can be started.
    pub fn subscribe(&self, routine: impl FnMut() -> bool + Send + 'static) -> Option<RoutineId> {
        let mut state = self.0.shared.lock();
        if state.is_closed {
            return None;
        }
        state.last += 1;
        let id = RoutineId(state.last);
        state.waiting.push_back((id, Box::new(routine)));
        drop(state);
        if !self.0.start() {
            self.unsubscribe(id);
            return None;
        }
        self.0.shared.wake.notify_one();
        Some(id)
    }

    /// Stops calling the routine; does not wait for a running call. Returns whether there was such a
    /// routine.
    pub fn unsubscribe(&self, id: RoutineId) -> bool {
        let mut state = self.0.shared.lock();
        if let Some(at) = state.waiting.iter().position(|(waiting, _)| *waiting == id) {
            state.waiting.remove(at);
            return true;
        }
        let found = state.running.contains(&id) && !state.ended.contains(&id);
        if found {
            state.ended.push(id);
        }
        found
    }

    /// Ends all routines, and waits for running ones. After that the pool accepts none.
    pub fn finish(&self) {
        self.0.finish();
    }
}

impl Owner {
    /// Starts the threads, unless they run. Returns whether at least one runs.
    fn start(&self) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.is_empty() {
            let count = thread::available_parallelism().map_or(1, NonZeroUsize::get);
            for number in 0..count {
                let shared = Arc::clone(&self.shared);
                let builder = thread::Builder::new().name(format!("routine {number}"));
                threads.extend(builder.spawn(move || shared.work()));
            }
        }
        !threads.is_empty()
    }

    fn finish(&self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        let unwanted = std::mem::take(&mut state.waiting);
        drop(state);
        drop(unwanted);
        self.shared.wake.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let this = thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != this) {
            // A routine that panicked ended its thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Routines run without the lock, so a panic cannot leave it inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return;
            }
            let Some((id, mut routine)) = state.waiting.pop_front() else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.running.push(id);
            drop(state);
            // A routine that panics ends; its thread continues with the others.
            let wants_more = catch_unwind(AssertUnwindSafe(&mut routine)).unwrap_or(false);
            state = self.lock();
            state.running.retain(|running| *running != id);
            let was_ended = state.ended.contains(&id);
            state.ended.retain(|ended| *ended != id);
            if wants_more && !was_ended && !state.is_closed {
                state.waiting.push_back((id, routine));
            } else {
                // The routine may be slow, or use the pool.
                drop(state);
                drop(routine);
                state = self.lock();
            }
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_routine_is_called_until_it_returns_false() {
        let pool = Pool::default();
        let (send, receive) = sync_channel(16);
        let mut turn = 0;
        let id = pool.subscribe(move || {
            turn += 1;
            send.send(turn).is_ok() && turn < 3
        });
        assert_eq!(receive.iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(!pool.unsubscribe(id.unwrap()), "it has ended");
    }

    #[test]
    fn a_routine_that_panics_stops_no_other() {
        let pool = Pool::default();
        for _ in 0..100 {
            pool.subscribe(|| panic!("as meant")).unwrap();
        }
        let (send, receive) = sync_channel(1);
        pool.subscribe(move || {
            send.send(()).unwrap();
            false
        });
        receive.recv().unwrap();
    }

    #[test]
    fn an_unsubscribed_routine_is_not_called_again() {
        let pool = Pool::default();
        let (send, receive) = sync_channel(0);
        let id = pool.subscribe(move || send.send(()).is_ok()).unwrap();
        receive.recv().unwrap();
        assert!(pool.unsubscribe(id));
        assert!(!pool.unsubscribe(id));
        // A running call ends, and the routine is dropped with its sender.
        while receive.recv().is_ok() {}
    }

    #[test]
    fn a_pool_that_is_finished_waits_for_its_routines_and_takes_no_more() {
        let pool = Pool::default();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let (send, receive) = sync_channel(1);
        pool.subscribe(move || {
            let _ = send.try_send(());
            thread::yield_now();
            counter.fetch_add(1, Ordering::SeqCst);
            true
        });
        receive.recv().unwrap();
        pool.finish();
        let after = calls.load(Ordering::SeqCst);
        thread::yield_now();
        assert_eq!(calls.load(Ordering::SeqCst), after);
        assert!(after > 0 && pool.subscribe(|| false).is_none());
    }
}
