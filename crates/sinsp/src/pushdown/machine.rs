//! One state machine for all texts in rows. Each byte of a text leads from one state to another, and states
//! contain the true comparisons. It finds patterns at the beginning or end of a text, as the whole text, or
//! anywhere in it.

use std::collections::{BTreeMap, VecDeque};

use eyas_events::filter::{AT_END, BITS, CLASSES, FIRST_STATE, HAS_LIST, LIST, LIST_END, LISTS, STATES};
use eyas_fields::TextPlace;

/// A set of bits of the machine.
pub(super) type Bits = [u64; BITS / 64];

/// A state under construction.
#[derive(Debug, Default)]
struct Node {
    to: BTreeMap<u8, u16>,
    /// Bits, some with [`AT_END`].
    bits: Vec<u16>,
}

/// The machine under construction. In state 0 no part of a pattern was read; [`FIRST_STATE`] is the same
/// before a text's first byte.
#[derive(Debug)]
pub(super) struct Patterns {
    nodes: Vec<Node>,
    classes: Vec<u8>,
    /// Number of used classes; class 0 contains all bytes that no pattern has.
    used: u8,
    bits: u16,
}

/// The machine's tables.
#[derive(Debug, Default)]
pub(super) struct Machine {
    pub(super) classes: Vec<u8>,
    pub(super) next: Vec<u16>,
    pub(super) lists_of: Vec<u16>,
    pub(super) lists: Vec<u16>,
}

impl Patterns {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default(), Node::default()], classes: vec![0; 256], used: 0, bits: 0 }
    }

    /// Adds patterns; returns the bit that is set if one of them is found, or `None` if the machine would
    /// become too large.
    pub(super) fn add(&mut self, patterns: &[(TextPlace, &[u8])]) -> Option<u16> {
        let bytes: usize = patterns.iter().map(|(_, text)| text.len()).sum();
        if usize::from(self.bits) == BITS || self.nodes.len() + bytes > STATES {
            return None;
        }
        let mut classes = self.classes.clone();
        let mut used = self.used;
        for byte in patterns.iter().flat_map(|(_, text)| *text) {
            let class = &mut classes[usize::from(*byte)];
            if *class == 0 {
                used += 1;
                *class = used;
            }
            if usize::from(used) == CLASSES {
                return None;
            }
        }
        (self.classes, self.used) = (classes, used);
        let bit = self.bits;
        self.bits += 1;
        for (place, text) in patterns {
            let (root, end) = match place {
                TextPlace::Whole => (FIRST_STATE, AT_END),
                TextPlace::Start => (FIRST_STATE, 0),
                TextPlace::End => (0, AT_END),
                TextPlace::Within => (0, 0),
            };
            let node = text.iter().fold(root, |node, byte| self.child(node, *byte));
            self.nodes[usize::from(node)].bits.push(bit | end);
        }
        Some(bit)
    }

    fn child(&mut self, node: u16, byte: u8) -> u16 {
        if let Some(child) = self.nodes[usize::from(node)].to.get(&byte) {
            return *child;
        }
        let child = self.nodes.len() as u16;
        self.nodes.push(Node::default());
        self.nodes[usize::from(node)].to.insert(byte, child);
        child
    }

    /// The tables; `None` if a state would set more bits than a list can contain.
    pub(super) fn finish(self) -> Option<Machine> {
        let Self { mut nodes, classes, .. } = self;
        let place =
            |state: u16, byte: u8| usize::from(state) * CLASSES + usize::from(classes[usize::from(byte)]);
        let mut next = vec![0_u16; nodes.len() * CLASSES];
        // For each state, the longest suffix of the read text that is a prefix of a pattern.
        let mut ends = vec![0_u16; nodes.len()];
        let mut queue = VecDeque::from([0_u16, FIRST_STATE]);
        while let Some(state) = queue.pop_front() {
            let at = usize::from(state);
            let end = ends[at];
            if state != 0 {
                let (row, of_end) = (at * CLASSES, usize::from(end) * CLASSES);
                next.copy_within(of_end..of_end + CLASSES, row);
                let more = nodes[usize::from(end)].bits.clone();
                nodes[at].bits.extend(more);
            }
            let children: Vec<(u8, u16)> = nodes[at].to.iter().map(|(byte, child)| (*byte, *child)).collect();
            for (byte, child) in children {
                let to = &mut next[place(state, byte)];
                // The suffix of the first state is itself.
                ends[usize::from(child)] = if state == 0 { 0 } else { *to };
                *to = child;
                queue.push_back(child);
            }
        }
        let mut out = Machine { lists: vec![LIST_END], ..Machine::default() };
        let mut known = BTreeMap::from([(Vec::new(), 0_u16)]);
        for node in &mut nodes {
            node.bits.sort_unstable();
            node.bits.dedup();
            if node.bits.len() >= LIST {
                return None;
            }
            let at = *known.entry(node.bits.clone()).or_insert_with(|| {
                let at = out.lists.len();
                out.lists.extend(node.bits.iter().copied().chain([LIST_END]));
                at as u16
            });
            out.lists_of.push(at);
        }
        if out.lists.len() > LISTS {
            return None;
        }
        for to in &mut next {
            if nodes[usize::from(*to)].bits.iter().any(|bit| bit & AT_END == 0) {
                *to |= HAS_LIST;
            }
        }
        (out.classes, out.next) = (classes, next);
        Some(out)
    }
}

impl Machine {
    /// Sets the bits of the patterns in a text.
    pub(super) fn find(&self, text: &[u8], bits: &mut Bits) {
        let mut set = |state: u16, at_end: bool| {
            let first = usize::from(self.lists_of[usize::from(state)]);
            for bit in self.lists[first..].iter().take_while(|bit| **bit != LIST_END) {
                if (bit & AT_END != 0) == at_end {
                    let bit = usize::from(bit & !AT_END);
                    bits[bit / 64] |= 1 << (bit % 64);
                }
            }
        };
        let mut state = FIRST_STATE;
        for byte in text {
            let next =
                self.next[usize::from(state) * CLASSES + usize::from(self.classes[usize::from(*byte)])];
            state = next & !HAS_LIST;
            if next & HAS_LIST != 0 {
                set(state, false);
            }
        }
        set(state, true);
    }

    /// Memory of the tables, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.classes.len()
            + size_of_val(&*self.next)
            + size_of_val(&*self.lists_of)
            + size_of_val(&*self.lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_stands_at_its_place() {
        const TEXTS: [&[u8]; 9] =
            [b"a", b"/", b"/a", b"aa", b"/ab", b"ab/a", b"/a/b", b"/etc/", b"/etc/passwd"];
        let places = [TextPlace::Whole, TextPlace::Start, TextPlace::End, TextPlace::Within];
        let mut patterns = Patterns::new();
        let mut tests = Vec::new();
        for text in TEXTS {
            for place in places {
                tests.push((patterns.add(&[(place, text)]).unwrap(), place, text));
            }
        }
        let machine = patterns.finish().unwrap();
        // All texts of up to five of these bytes, and some others.
        let mut longest: Vec<Vec<u8>> = vec![Vec::new()];
        let mut all = longest.clone();
        for _ in 0..5 {
            let longer = |text: &Vec<u8>| b"/abx".map(|byte| [&text[..], &[byte]].concat());
            longest = longest.iter().flat_map(longer).collect();
            all.extend_from_slice(&longest);
        }
        all.extend([&b"/etc/passwd"[..], b"/etc/passwd2", b"x/etc/passwd"].map(Vec::from));
        for text in &all {
            let mut found = Bits::default();
            machine.find(text, &mut found);
            for (bit, place, constant) in &tests {
                let shown = String::from_utf8_lossy(text);
                assert_eq!(
                    found[usize::from(*bit) / 64] >> (bit % 64) & 1 != 0,
                    place.has(text, constant),
                    "{place:?} {constant:?} in {shown}"
                );
            }
        }
    }

    #[test]
    fn too_many_texts_are_refused() {
        let mut patterns = Patterns::new();
        let long = vec![b'a'; STATES / 2];
        assert!(patterns.add(&[(TextPlace::Start, &long)]).is_some());
        assert!(patterns.add(&[(TextPlace::Within, &long)]).is_none());
        for _ in 1..BITS {
            assert!(patterns.add(&[(TextPlace::Start, b"b")]).is_some());
        }
        assert!(patterns.add(&[(TextPlace::Start, b"b")]).is_none());
        // One state would set them all.
        assert!(patterns.finish().is_none());
        let every_byte: Vec<u8> = (b' '..=b'~').collect();
        assert!(Patterns::new().add(&[(TextPlace::Start, &every_byte)]).is_none());
    }
}
