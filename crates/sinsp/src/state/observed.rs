//! Names of addresses, from observed DNS replies.

use std::collections::VecDeque;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::Text;

/// Maximum number of addresses; the oldest is removed first.
const MAX: usize = 16_384;

/// Container (empty for the host) and address.
type Key = (Text, IpAddr);

/// The last name for which each container received an address.
#[derive(Debug, Default)]
pub struct ObservedNames {
    names: FxHashMap<Key, Text>,
    order: VecDeque<Key>,
}

impl ObservedNames {
    /// The name for which the container (empty for the host) last received the address.
    pub fn of(&self, container: &Text, address: IpAddr) -> Option<&Text> {
        if self.names.is_empty() {
            return None;
        }
        self.names.get(&(container.clone(), address.to_canonical()))
    }

    /// Adds a name and its address from a DNS reply.
    pub(super) fn add(&mut self, container: Text, address: IpAddr, name: Text) {
        let key = (container, address.to_canonical());
        if self.names.insert(key.clone(), name).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_address_is_removed_first() {
        let mut names = ObservedNames::default();
        let address = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(n));
        let (host, other): (Text, Text) = (b"".as_slice().into(), b"abc".as_slice().into());
        for n in 0..=MAX as u32 {
            names.add(host.clone(), address(n), format!("n{n}").into_bytes().into());
        }
        assert_eq!((names.names.len(), names.order.len()), (MAX, MAX));
        assert!(names.of(&host, address(0)).is_none() && names.of(&host, address(1)).is_some());
        assert!(names.of(&other, address(1)).is_none());
        names.add(host.clone(), address(1), b"new".as_slice().into());
        assert_eq!(names.of(&host, address(1)).map(|name| &**name), Some(&b"new"[..]));
    }
}
