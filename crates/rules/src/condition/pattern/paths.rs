use rustc_hash::FxHashMap;

use super::Glob;

/// A set of paths that is asked whether one of them is at or above another path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    nodes: Vec<Node>,
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
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut set = Self { nodes: vec![Node::default()] };
        paths.into_iter().for_each(|path| set.insert(path));
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
        self.walk(0, path)
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
        let set = Paths::new([&b"/var/run"[..], b"/etc/*.d/x", b"/home/"]);
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
        assert!(Paths::new([&b"/"[..]]).cover(b"/anything"));
        assert!(!Paths::new([]).cover(b"/"));
    }
}
