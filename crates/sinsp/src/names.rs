//! Domain names: which of the names that conditions compare with stand for an address.
//!
//! Events never wait for them. A thread of the [`Resolver`] looks the names up, again and again, and events see what is
//! known at the time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::state::Text;

mod resolver;

pub use resolver::{Hosts, Resolver, system_addresses};

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

/// What names stand for at the moment. The question may not wait for anybody.
pub trait NameLookup: Send {
    /// What is known, if that is newer than the last answer. Called for every event.
    fn newer(&mut self) -> Option<Arc<Names>>;
}
