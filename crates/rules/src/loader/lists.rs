//! Lists put into the text of conditions.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::text::Text;
use crate::diagnostic::Place;

/// A list with the lists that it names put in.
#[derive(Clone, Debug)]
pub(super) struct ReadyList {
    pub(super) name: Arc<str>,
    pub(super) items: Vec<Text>,
    pub(super) used: bool,
    /// What stands for its name.
    with: Text,
    place: Place,
}

impl ReadyList {
    /// A list defined at `place`.
    pub(super) fn new(name: &str, items: Vec<Text>, place: Place) -> Self {
        let mut with = Text::default();
        for item in &items {
            // Empty items at the beginning leave nothing behind.
            if with.len() > 0 {
                with.push(", ", place);
            }
            push_quoted(&mut with, item, place);
        }
        Self { name: name.into(), items, used: false, with, place }
    }
}

/// Lists by name, in the order in which they are put in.
pub(super) struct Lists {
    pub(super) all: Vec<ReadyList>,
    by_name: FxHashMap<Arc<str>, usize>,
    /// Those whose names are no single words: looked for in every text.
    odd: Vec<usize>,
}

fn is_edge_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b',' | b'=')
}

fn is_edge(byte: Option<u8>) -> bool {
    byte.is_none_or(is_edge_byte)
}

/// Texts that a condition may grow to, bytes.
const MAX_LEN: usize = 4 << 20;

impl Lists {
    pub(super) fn new(all: Vec<ReadyList>) -> Self {
        let mut by_name = FxHashMap::default();
        let mut odd = Vec::new();
        for (index, list) in all.iter().enumerate() {
            by_name.insert(list.name.clone(), index);
            if list.name.bytes().any(is_edge_byte) {
                odd.push(index);
            }
        }
        Self { all, by_name, odd }
    }

    fn mentioned(&self, text: &str, from: usize, out: &mut BTreeSet<usize>) {
        for word in text.split(|c: char| c.is_ascii() && is_edge_byte(c as u8)) {
            if let Some(index) = self.by_name.get(word).filter(|index| **index >= from) {
                out.insert(*index);
            }
        }
    }

    /// Replaces the names of lists, in their order, by their items. Answers why not if the text grows
    /// without bound.
    pub(super) fn substitute(&mut self, mut text: Text) -> Result<Text, String> {
        let mut waiting: BTreeSet<usize> = self.odd.iter().copied().collect();
        self.mentioned(text.as_str(), 0, &mut waiting);
        while let Some(index) = waiting.pop_first() {
            let list = &self.all[index];
            let mut out = text.restart();
            // What of the text is in `out`.
            let mut copied = 0;
            let mut from = 0;
            let bytes = text.as_str().as_bytes();
            while let Some(at) = text.as_str()[from..].find(&*list.name) {
                let start = from + at;
                let end = start + list.name.len();
                // Right after items there is a blank.
                let before =
                    if start == copied && start > 0 { Some(b' ') } else { bytes[..start].last().copied() };
                if !(is_edge(before) && is_edge(bytes.get(end).copied())) {
                    from = start + text.as_str()[start..].chars().next().map_or(1, char::len_utf8);
                    continue;
                }
                let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
                out.copy(&text, copied..start);
                let kept = out.as_str().trim_end_matches([' ', '\t', '\n', '\r']).len();
                out.truncate(kept);
                let mut right = end + bytes[end..].iter().take_while(|b| blank(b)).count();
                if list.with.len() == 0 {
                    if out.as_str().ends_with(',') {
                        out.truncate(kept - 1);
                    } else if bytes.get(right) == Some(&b',') {
                        right += 1;
                    }
                }
                let place = list.place;
                if out.len() > 0 {
                    out.push(" ", place);
                }
                out.push_list(&list.name, &list.with, &text, start);
                out.push(" ", place);
                (copied, from) = (right, right);
                if out.len() > MAX_LEN {
                    return Err(format!("with its lists the condition exceeds {MAX_LEN} bytes"));
                }
            }
            if copied > 0 {
                out.copy(&text, copied..text.len());
                text = out;
                self.mentioned(self.all[index].with.as_str(), index + 1, &mut waiting);
                self.all[index].used = true;
            }
        }
        Ok(text)
    }
}

/// Appends an item, between quotes if it has blanks in it and is not quoted already.
pub(super) fn push_quoted(out: &mut Text, item: &Text, place: Place) {
    let quotes = item.as_str().contains(' ') && !item.as_str().starts_with(['"', '\'']);
    if quotes {
        out.push("\"", place);
    }
    out.append(item);
    if quotes {
        out.push("\"", place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::yaml::At;

    fn text(text: &str) -> Text {
        Text::scalar(text, At::default())
    }

    fn list(name: &str, items: &[&str]) -> ReadyList {
        ReadyList::new(name, items.iter().map(|i| text(i)).collect(), Place::default())
    }

    #[track_caller]
    fn check(condition: &str, items: &[&str], want: &str) {
        let mut lists = Lists::new(vec![list("l", items)]);
        assert_eq!(lists.substitute(text(condition)).unwrap().as_str(), want);
    }

    #[test]
    fn a_name_becomes_its_items() {
        check("a in (l)", &["x", "y z"], "a in ( x, \"y z\" )");
        check("a in (b, l, c)", &["x"], "a in (b, x , c)");
        check("a in (b, l, c)", &[], "a in (b  , c)");
        check("a in (l, c)", &[], "a in (   c)");
        check("l", &["x"], "x ");
        check("a in (l)", &["", "", "x", ""], "a in ( x,  )");
        check("a in (b, l)", &["", ""], "a in (b  )");
        check("al=l", &["x"], "al= x ");
        check("a.l-l=1", &["x"], "a.l-l=1");
    }

    #[test]
    fn lists_are_put_in_one_after_the_other() {
        let mut lists = Lists::new(vec![list("a", &["b", "x"]), list("b", &["a", "y"]), list("o d", &["z"])]);
        let done = lists.substitute(text("f in (a) and g in (o d)")).unwrap();
        assert_eq!(done.as_str(), "f in ( a, y , x ) and g in ( z )");
        assert!(lists.all.iter().all(|l| l.used));
    }
}
