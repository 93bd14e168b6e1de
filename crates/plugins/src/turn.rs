//! A lock that admits one thread at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// A reentrant lock: a call of a plugin may cause another call of the same plugin.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Number of the thread that holds the lock; 0 for none.
    holder: AtomicU64,
    lock: Mutex<()>,
}

/// Guard that releases the lock when dropped.
pub(crate) struct Held<'t> {
    /// `None` if the thread already held the lock.
    taken: Option<(&'t Turn, MutexGuard<'t, ()>)>,
}

/// Number of this thread, from 1.
fn me() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static ME: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    // No thread-local destructor calls a plugin. If one did, it would wait like another thread.
    ME.try_with(|me| *me).unwrap_or(u64::MAX)
}

impl Turn {
    /// Waits until no other thread holds the lock, and takes it.
    #[inline]
    pub(crate) fn take(&self) -> Held<'_> {
        let me = me();
        if self.holder.load(Ordering::Relaxed) == me {
            return Held { taken: None };
        }
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.hold(me, guard)
    }

    /// Like [`Turn::take`], but returns `None` instead of waiting.
    pub(crate) fn try_take(&self) -> Option<Held<'_>> {
        let me = me();
        if self.holder.load(Ordering::Relaxed) == me {
            return Some(Held { taken: None });
        }
        match self.lock.try_lock() {
            Ok(guard) => Some(self.hold(me, guard)),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.hold(me, poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn hold<'t>(&'t self, me: u64, guard: MutexGuard<'t, ()>) -> Held<'t> {
        self.holder.store(me, Ordering::Relaxed);
        Held { taken: Some((self, guard)) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some((turn, guard)) = self.taken.take() {
            turn.holder.store(0, Ordering::Relaxed);
            drop(guard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_reentrant_and_blocks_other_threads() {
        let turn = Turn::default();
        let held = turn.take();
        drop(turn.take());
        std::thread::scope(|scope| {
            assert!(scope.spawn(|| turn.try_take().is_none()).join().unwrap());
            drop(held);
            assert!(scope.spawn(|| turn.try_take().is_some()).join().unwrap());
        });
    }
}
