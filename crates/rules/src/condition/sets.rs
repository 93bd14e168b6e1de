//! Sets of constants. A list has a separate set, which all comparisons with the list share.

use std::borrow::Borrow;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use eyas_fields::Net;
use rustc_hash::FxHashSet;

/// From this size on a set is hashed.
const LARGE: usize = 6;

/// A set of values.
#[derive(Clone, Debug)]
pub(super) struct Set<K> {
    /// All values if there are few; they are searched from the front.
    few: Box<[K]>,
    more: Option<Box<More<K>>>,
}

#[derive(Clone, Debug)]
struct More<K> {
    own: FxHashSet<K>,
    shared: Box<[Arc<Set<K>>]>,
}

impl<K: Eq + Hash> Set<K> {
    /// The union of these values and other sets.
    pub(super) fn new(items: Vec<K>, shared: Vec<Arc<Self>>) -> Self {
        let is_small = items.len() < LARGE;
        let (few, many) = if is_small { (items, Vec::new()) } else { (Vec::new(), items) };
        let has_more = !is_small || !shared.is_empty();
        let more = || Box::new(More { own: many.into_iter().collect(), shared: shared.into() });
        Self { few: few.into(), more: has_more.then(more) }
    }

    #[inline]
    pub(super) fn contains<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.few.iter().any(|item| item.borrow() == value)
            || self.more.as_ref().is_some_and(|more| {
                more.own.contains(value) || more.shared.iter().any(|set| set.contains(value))
            })
    }

    /// Calls `each` for every value, in any order, and for some values more than once.
    pub(super) fn visit<'a>(&'a self, each: &mut dyn FnMut(&'a K)) {
        self.few.iter().for_each(&mut *each);
        if let Some(more) = &self.more {
            more.own.iter().for_each(&mut *each);
            more.shared.iter().for_each(|set| set.visit(each));
        }
    }

    /// The value, if the set has exactly one.
    fn single(&self) -> Option<&K> {
        match &*self.few {
            [one] if self.is_small() => Some(one),
            _ => None,
        }
    }

    /// Whether it is only searched from the front.
    pub(super) fn is_small(&self) -> bool {
        self.more.is_none()
    }
}

/// A set of networks.
#[derive(Clone, Debug)]
pub(super) struct Nets {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    exact: Set<Net>,
    shared: Box<[Arc<Self>]>,
}

impl Nets {
    /// The union of these networks and other sets.
    pub(super) fn new(nets: Vec<Net>, shared: Vec<Arc<Self>>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in &nets {
            match net.addr {
                IpAddr::V4(addr) => {
                    let host = u32::MAX.checked_shr(net.prefix.into()).unwrap_or(0);
                    v4.push((u32::from(addr) & !host, u32::from(addr) | host));
                }
                IpAddr::V6(addr) => {
                    let host = u128::MAX.checked_shr(net.prefix.into()).unwrap_or(0);
                    v6.push((u128::from(addr) & !host, u128::from(addr) | host));
                }
            }
        }
        let exact = Set::new(nets, Vec::new());
        Self { v4: Ranges::new(v4), v6: Ranges::new(v6), exact, shared: shared.into() }
    }

    /// Whether a network of the set contains the address.
    #[inline]
    pub(super) fn have(&self, ip: IpAddr) -> bool {
        let own = match ip {
            IpAddr::V4(ip) => self.v4.contain(ip.into()),
            IpAddr::V6(ip) => self.v6.contain(ip.into()),
        };
        own || self.shared.iter().any(|nets| nets.have(ip))
    }

    /// The network, if the set has exactly one.
    pub(super) fn single(&self) -> Option<Net> {
        self.exact.single().filter(|_| self.shared.is_empty()).copied()
    }

    /// Whether the network is in the set.
    pub(super) fn contains(&self, net: &Net) -> bool {
        self.exact.contains(net) || self.shared.iter().any(|nets| nets.contains(net))
    }
}

/// Ranges of numbers in ascending order; no two touch.
#[derive(Clone, Debug)]
struct Ranges<N>(Box<[(N, N)]>);

impl<N: Copy + Ord> Ranges<N> {
    /// Makes it from ranges in any order, each with its first and last number.
    fn new(mut ranges: Vec<(N, N)>) -> Self {
        ranges.sort_unstable();
        let mut out: Vec<(N, N)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match out.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Self(out.into())
    }

    #[inline]
    fn contain(&self, number: N) -> bool {
        let next = self.0.partition_point(|(first, _)| *first <= number);
        next.checked_sub(1).is_some_and(|at| number <= self.0[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        let (addr, prefix) = text.split_once('/').unwrap();
        Net { addr: addr.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    #[test]
    fn a_set_of_networks_is_their_union() {
        let texts = [
            "10.0.0.0/8",
            "10.1.0.0/16",
            "11.0.0.1/32",
            "192.168.1.77/24",
            "0.0.0.0/31",
            "255.255.255.255/32",
            "fe80::/10",
            "::1/128",
            "ff00::/8",
        ];
        let nets: Vec<Net> = texts.iter().map(|text| net(text)).collect();
        let (first, rest) = nets.split_at(4);
        let set = Nets::new(rest.to_vec(), vec![Arc::new(Nets::new(first.to_vec(), Vec::new()))]);
        for ip in [
            "9.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "11.0.0.0",
            "11.0.0.1",
            "11.0.0.2",
            "192.168.1.0",
            "192.168.2.0",
            "0.0.0.0",
            "0.0.0.2",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "febf::1",
            "fec0::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::ffff:10.0.0.1",
        ] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(set.have(ip), nets.iter().any(|net| net.contains(ip)), "{ip}");
        }
        assert!(set.contains(&net("192.168.1.77/24")) && set.contains(&net("::1/128")));
        assert!(!set.contains(&net("192.168.1.0/24")), "as written");
        let all = Nets::new(vec![net("0.0.0.0/0")], Vec::new());
        assert!(all.have("1.2.3.4".parse().unwrap()) && !all.have("::1".parse().unwrap()));
    }

    #[test]
    fn a_set_is_the_union_of_its_lists() {
        let shared = Arc::new(Set::new((0..100).collect::<Vec<i128>>(), Vec::new()));
        let set = Set::new(vec![200, 201], vec![shared]);
        assert!(set.contains(&99) && set.contains(&201) && !set.contains(&100));
        assert!(!set.is_small() && Set::new(vec![1_i128], Vec::new()).is_small());
    }
}
