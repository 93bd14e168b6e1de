//! Domain names: which of the names that conditions compare with stand for an address.
//!
//! Events never wait for them. A thread of the [`Resolver`] looks the names up, again and again, and events see what is
//! known at the time.

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

/// Names with the addresses that they stand for.
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

    /// Whether nobody asks for a name.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The names that stand for an address.
    pub fn of(&self, address: IpAddr) -> &[Text] {
        self.by_address.get(&address.to_canonical()).map_or(&[], |names| names)
    }
}

/// What names stand for at the moment, in a place where any thread can put what they stand for from then on.
#[derive(Clone, Debug, Default)]
pub struct SharedNames(Arc<Slot>);

#[derive(Debug, Default)]
struct Slot {
    names: Mutex<Arc<Names>>,
    /// Grows with each change, so that followers see it without the lock.
    version: AtomicU64,
}

impl SharedNames {
    /// Begins with these.
    pub fn new(names: Names) -> Self {
        let shared = Self::default();
        shared.set(names);
        shared
    }

    /// Replaces them.
    pub fn set(&self, names: Names) {
        // The lock guards a pointer, which no panic leaves half written.
        *self.0.names.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// What they stand for now.
    pub fn current(&self) -> Arc<Names> {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Sees at every event whether the names stand for something else.
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
        if version == self.seen {
            return None;
        }
        self.seen = version;
        Some(self.shared.current())
    }
}
