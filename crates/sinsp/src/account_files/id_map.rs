//! Ids of a user namespace. Events contain the host's ids, and the files of a container contain those of its namespace.

use std::path::Path;

/// Maximum number of lines of a map; the kernel accepts at most 340.
const MAX_RANGES: usize = 340;

/// `/proc/<pid>/uid_map` or `gid_map`.
#[derive(Debug, Default)]
pub(super) struct IdMap(Vec<Range>);

/// A range of ids: the first id inside, the first id outside, and their number.
#[derive(Debug, PartialEq)]
struct Range {
    inside: u32,
    outside: u32,
    count: u32,
}

impl IdMap {
    /// An unreadable map changes no id.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Self(text.lines().filter_map(range).take(MAX_RANGES).collect())
    }

    /// The host's id for an id of the namespace; `None` if there is none.
    pub(super) fn outside(&self, id: u32) -> Option<u32> {
        if self.0.is_empty() {
            return Some(id);
        }
        let range =
            self.0.iter().find(|range| id.checked_sub(range.inside).is_some_and(|at| at < range.count))?;
        range.outside.checked_add(id - range.inside)
    }
}

fn range(line: &str) -> Option<Range> {
    let mut numbers = line.split_ascii_whitespace().map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Range { inside: next()?, outside: next()?, count: next()? })
}

#[cfg(test)]
mod tests {
    use eyas_testing::Dir;

    use super::*;

    fn map(text: &str) -> IdMap {
        IdMap::read(&Dir::new("id-map").write("uid_map", text))
    }

    #[test]
    fn ids_are_those_of_the_machine() {
        let rootless = map("         0       1000          1\n         1     100000      65536\n");
        for (id, want) in [
            (0, Some(1000)),
            (1, Some(100_000)),
            (4242, Some(104_241)),
            (65_536, Some(165_535)),
            (65_537, None),
        ] {
            assert_eq!(rootless.outside(id), want, "{id}");
        }
        let none = map("         0          0 4294967295\n");
        assert_eq!((none.outside(0), none.outside(4242)), (Some(0), Some(4242)));
        assert_eq!(map("junk\n").outside(7), Some(7));
        assert_eq!(map("0 4294967295 10\n").outside(1), None);
        assert_eq!(IdMap::read(Path::new("/nowhere")).outside(7), Some(7));
    }
}
