use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Glob;

/// A set of paths. It finds whether one of them is equal to another path, or above it.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    nodes: Vec<Node>,
    shared: Box<[Arc<Self>]>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    plain: FxHashMap<Box<[u8]>, usize>,
    globs: Vec<(Box<[u8]>, Glob, usize)>,
    ends: bool,
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|b| *b == b'/').filter(|part| !part.is_empty())
}

impl Paths {
    /// The set of these paths and of those of other sets.
    pub(crate) fn new(paths: Vec<Box<[u8]>>, shared: Vec<Arc<Self>>) -> Self {
        let mut set = Self { nodes: vec![Node::default()], shared: shared.into() };
        paths.iter().for_each(|path| set.insert(path));
        set
    }

    fn insert(&mut self, path: &[u8]) {
        let mut at = 0;
        for part in components(path) {
            let new = self.nodes.len();
            let node = &mut self.nodes[at];
            at = if part.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
                match node.globs.iter().find(|(text, ..)| **text == *part) {
                    Some((.., next)) => *next,
                    None => {
                        node.globs.push((part.into(), Glob::new(part, false), new));
                        new
                    }
                }
            } else {
                *node.plain.entry(part.into()).or_insert(new)
            };
            if at == new {
                self.nodes.push(Node::default());
            }
        }
        self.nodes[at].ends = true;
    }

    pub(crate) fn cover(&self, path: &[u8]) -> bool {
        self.walk(0, path) || self.shared.iter().any(|set| set.cover(path))
    }

    fn walk(&self, at: usize, rest: &[u8]) -> bool {
        let node = &self.nodes[at];
        if node.ends {
            return true;
        }
        let start = rest.iter().position(|b| *b != b'/').unwrap_or(rest.len());
        let rest = &rest[start..];
        if rest.is_empty() {
            return false;
        }
        let end = rest.iter().position(|b| *b == b'/').unwrap_or(rest.len());
        let (part, rest) = rest.split_at(end);
        node.plain.get(part).is_some_and(|next| self.walk(*next, rest))
            || node.globs.iter().any(|(_, glob, next)| glob.matches(part) && self.walk(*next, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_covers_itself_and_what_is_below() {
        let paths = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().into()).collect();
        let shared = Arc::new(Paths::new(paths(&["/var/run"]), Vec::new()));
        let set = Paths::new(paths(&["/etc/*.d/x", "/home/"]), vec![shared]);
        for (path, want) in [
            ("/var/run", true),
            ("/var/run/a/b", true),
            ("/var//run/", true),
            ("/var/runner", false),
            ("/var", false),
            ("/etc/cron.d/x/y", true),
            ("/etc/cron.d/y", false),
            ("/home", true),
            ("", false),
        ] {
            assert_eq!(set.cover(path.as_bytes()), want, "{path}");
        }
        assert!(Paths::new(paths(&["/"]), Vec::new()).cover(b"/anything"));
        assert!(!Paths::new(Vec::new(), Vec::new()).cover(b"/"));
    }
}
