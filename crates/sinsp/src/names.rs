//! Domain names in conditions, and their addresses.
//!
//! Events never wait for them. A thread of the [`Resolver`] resolves the names repeatedly, and events use
//! the results that are known at the time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::state::Text;

mod resolver;
mod services;

pub use resolver::{Hosts, Resolver, system_addresses};
pub use services::{Services, Transport};

/// Names with their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    by_address: FxHashMap<IpAddr, Box<[Text]>>,
    count: usize,
}

impl Names {
    /// Each name with its addresses, which may be none.
    pub fn new(addresses: &BTreeMap<String, Vec<IpAddr>>) -> Self {
        let mut names: FxHashMap<IpAddr, Vec<Text>> = FxHashMap::default();
        for (name, addresses) in addresses {
            for address in addresses {
                let known = names.entry(address.to_canonical()).or_default();
                if !known.iter().any(|known| **known == *name.as_bytes()) {
                    known.push(name.as_bytes().into());
                }
            }
        }
        let by_address = names.into_iter().map(|(address, names)| (address, names.into())).collect();
        Self { by_address, count: addresses.len() }
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The names of an address.
    pub fn of(&self, address: IpAddr) -> &[Text] {
        self.by_address.get(&address.to_canonical()).map_or(&[], |names| names)
    }
}

/// The current names. Any thread can replace them.
#[derive(Clone, Debug, Default)]
pub struct SharedNames(Arc<Slot>);

#[derive(Default)]
struct Slot {
    names: Mutex<Arc<Names>>,
    /// Grows with each change, so that followers see it without the lock. With [`RETRIES`] while followers call `retry`.
    version: AtomicU64,
    retry: Mutex<Option<Box<Retry>>>,
}

/// Tries what has failed; returns whether nothing is left to try.
type Retry = dyn Fn() -> bool + Send + Sync;

/// Bit of a version.
const RETRIES: u64 = 1;
/// The difference of two versions.
const STEP: u64 = 2;

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("names", &self.names).finish_non_exhaustive()
    }
}

impl SharedNames {
    /// Makes it with these names.
    pub fn new(names: Names) -> Self {
        let shared = Self::default();
        shared.set(names);
        shared
    }

    /// Replaces the names.
    pub fn set(&self, names: Names) {
        // The lock guards a pointer, which a panic cannot leave half written.
        *self.0.names.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
        self.0.version.fetch_add(STEP, Ordering::Release);
    }

    /// Lets followers call a function at each event until it returns true.
    fn retry_until(&self, is_settled: impl Fn() -> bool + Send + Sync + 'static) {
        *self.0.retry.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(is_settled));
        self.0.version.fetch_or(RETRIES, Ordering::Release);
    }

    fn retry(&self) {
        // Another follower's turn is enough.
        let Ok(mut retry) = self.0.retry.try_lock() else { return };
        if retry.as_ref().is_none_or(|is_settled| is_settled()) {
            *retry = None;
            self.0.version.fetch_and(!RETRIES, Ordering::Release);
        }
    }

    /// The current names.
    pub fn current(&self) -> Arc<Names> {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Detects changes of the names at every event.
#[derive(Debug)]
pub(crate) struct Follower {
    shared: SharedNames,
    seen: u64,
}

impl Follower {
    pub(crate) fn new(shared: SharedNames) -> Self {
        Self { shared, seen: 0 }
    }

    /// The names, if they have changed since the last call.
    #[inline]
    pub(crate) fn newer(&mut self) -> Option<Arc<Names>> {
        let version = self.shared.0.version.load(Ordering::Acquire);
        if version & RETRIES != 0 {
            self.shared.retry();
        }
        let version = version & !RETRIES;
        if version == self.seen {
            return None;
        }
        self.seen = version;
        Some(self.shared.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_tries_again_until_nothing_is_left_to_try() {
        let (shared, tries) = (SharedNames::default(), Arc::new(AtomicU64::new(0)));
        let mut follower = Follower::new(shared.clone());
        let counted = tries.clone();
        shared.retry_until(move || counted.fetch_add(1, Ordering::Relaxed) == 2);
        for n in 1..=3 {
            assert!(follower.newer().is_none());
            assert_eq!(tries.load(Ordering::Relaxed), n);
        }
        shared.set(Names::new(&BTreeMap::from([("a".into(), Vec::new())])));
        assert!(follower.newer().is_some() && follower.newer().is_none());
        assert_eq!(tries.load(Ordering::Relaxed), 3, "it has succeeded");
    }
}
