//! Expansion of lists in the text of conditions.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::decode::Scalar;
use super::definitions::List;
use super::expanded::{Expanded, ListText};
use super::result::{ErrorCode, LoadError};
use super::table::Table;
use super::text::Text;
use super::words::{Unit, Words, is_edge_byte, words};
use crate::diagnostic::Place;

/// Maximum nesting of references to lists; deeper lists are copied.
const MAX_NESTING: u32 = 32;
/// Maximum number of items of a list, including those of nested lists.
const MAX_ITEMS: usize = 1 << 20;
/// Maximum length of a condition with its lists, bytes.
const MAX_LEN: usize = 64 << 20;

/// Lists, ready for conditions, in the order of their table.
#[derive(Default)]
pub(super) struct Lists {
    all: Vec<ReadyList>,
    /// Lists whose names are not single words, so every text is searched for them.
    odd: Vec<u32>,
}

/// A list with its nested lists expanded.
struct ReadyList {
    list: Arc<List>,
    /// The text that replaces its name in conditions.
    text: Arc<ListText>,
    is_blank: bool,
    /// Its parts, if another list that names it cannot refer to it; otherwise empty.
    pieces: Vec<Piece>,
    /// Lists among its items.
    inner: Vec<u32>,
    /// Lists in its text that are defined later.
    later: Vec<u32>,
    /// Whether its text names lists that are defined later.
    has_later: bool,
    /// Number of its items, including those of nested lists.
    count: usize,
}

/// The definitions, besides lists, that a change of lists affects.
pub(super) enum Changed {
    All,
    Some(Vec<Unit>),
}

/// A part of a list.
#[derive(Clone)]
enum Piece {
    Item(Arc<Text>),
    /// A list, and the text in which its name is written.
    List(Arc<ListText>, Arc<Text>),
}

fn is_edge(byte: Option<u8>) -> bool {
    byte.is_none_or(is_edge_byte)
}

/// The list whose name is an item of a list.
fn inner(item: &str, list: &List, lists: &Table<List>) -> Option<usize> {
    lists.position(item).filter(|inner| lists[*inner].index < list.visibility)
}

/// State of a list during its construction.
struct Made {
    text: Expanded,
    pieces: Vec<Piece>,
    inner: Vec<u32>,
    count: usize,
}

impl Lists {
    /// Updates the lists from the definitions. `words` contains the words of the definitions so far.
    ///
    /// # Errors
    /// A list has too many items, including those of nested lists.
    pub(super) fn update(
        &mut self,
        lists: &Table<List>,
        words: Option<&mut Words>,
    ) -> Result<Changed, LoadError> {
        let is_same = |ready: &ReadyList, list: &Arc<List>| Arc::ptr_eq(&ready.list, list);
        let mut stale: Vec<bool> = lists.iter().map(|_| true).collect();
        self.all.iter().zip(&mut stale).zip(lists.iter()).for_each(|((r, stale), l)| *stale = !is_same(r, l));
        if !stale.contains(&true) {
            return Ok(Changed::Some(Vec::new()));
        }
        let is_odd = |list: &Arc<List>| list.name.bytes().any(is_edge_byte);
        let odd: Vec<u32> =
            (0..).zip(lists.iter()).filter(|(_, l)| is_odd(l)).map(|(index, _)| index).collect();
        let mut concerned = Vec::new();
        let concerns_all = !odd.is_empty();
        if let Some(words) = words.as_deref().filter(|_| !concerns_all) {
            let mut open: Vec<usize> = (0..stale.len()).filter(|index| stale[*index]).collect();
            while let Some(index) = open.pop() {
                for unit in words.of(&lists[index].name) {
                    match *unit {
                        Unit::List(other) if std::mem::replace(&mut stale[other as usize], true) => {}
                        Unit::List(other) => open.push(other as usize),
                        unit => concerned.push(unit),
                    }
                }
            }
        } else {
            stale.fill(true);
        }
        self.odd = odd;
        self.make_stale(lists, &stale)?;
        if let Some(words) = words {
            let made = stale.iter().enumerate().filter(|(_, stale)| **stale);
            made.for_each(|(index, _)| self.note_words(index, words));
        }
        Ok(if concerns_all { Changed::All } else { Changed::Some(concerned) })
    }

    /// Notes the words of all lists.
    pub(super) fn words(&self, words: &mut Words) {
        (0..self.all.len()).for_each(|index| self.note_words(index, words));
    }

    fn note_words(&self, index: usize, out: &mut Words) {
        let ready = &self.all[index];
        let inner = ready.inner.iter().map(|inner| &**self.name(*inner));
        out.add(Unit::List(index as u32), ready.text.items.names().chain(inner));
    }

    fn make_stale(&mut self, lists: &Table<List>, stale: &[bool]) -> Result<(), LoadError> {
        let is_stale = |index: &usize| stale[*index];
        let kept = self.all.iter().zip(stale).filter(|(_, stale)| !**stale);
        let mut copied: usize = kept.map(|(ready, _)| ready.pieces.len()).sum();
        for index in (0..lists.len()).filter(is_stale) {
            let list = &lists[index];
            let made = self.make(index, lists);
            let count = made.count.max(copied + made.pieces.len());
            if count > MAX_ITEMS {
                let name = &list.name;
                let message = format!(
                    "with the lists that it names list '{name}' has {count} items, which exceeds the limit of {MAX_ITEMS}"
                );
                return Err(LoadError::new(ErrorCode::Validate, message, &list.context)
                    .titled(format!(
                        "with the lists that it names the list `{name}` has {count} items; the limit is {MAX_ITEMS}"
                    ))
                    .note(list.place, "the lists that it names are put in"));
            }
            let named = words(made.text.own()).filter_map(|(_, word)| lists.position(word));
            let has_later = named.into_iter().any(|named| named > index);
            // If a reference is not possible, its parts are copied.
            let has_empty =
                made.pieces.iter().any(|piece| matches!(piece, Piece::Item(item) if item.len() == 0));
            let is_shared =
                !has_later && !has_empty && self.odd.is_empty() && made.text.nesting() < MAX_NESTING;
            let pieces = if is_shared { Vec::new() } else { made.pieces };
            copied += pieces.len();
            let ready = ReadyList {
                is_blank: made.text.is_blank(),
                text: Arc::new(ListText::new(list.name.as_str().into(), made.text)),
                pieces,
                list: list.clone(),
                inner: made.inner,
                later: Vec::new(),
                count: made.count,
                has_later,
            };
            match self.all.get_mut(index) {
                Some(known) => *known = ready,
                None => self.all.push(ready),
            }
        }
        // Once the list is in a condition, names of later lists are expanded, too.
        for index in (0..lists.len()).rev().filter(is_stale) {
            let ready = &self.all[index];
            if !ready.has_later && self.odd.is_empty() {
                continue;
            }
            let mut used = Vec::new();
            let text = self.substitute_from(index + 1, ready.text.items.clone(), lists, &mut used);
            let text = text.unwrap_or_else(|_| ready.text.items.clone());
            let name = ready.text.name.clone();
            let ready = &mut self.all[index];
            ready.later = used;
            ready.is_blank = text.is_blank();
            ready.text = Arc::new(ListText::new(name, text));
        }
        Ok(())
    }

    /// Makes a list, with the earlier lists that it names.
    fn make(&self, index: usize, lists: &Table<List>) -> Made {
        let list = &lists[index];
        let mut made = Made { text: Expanded::default(), pieces: Vec::new(), inner: Vec::new(), count: 0 };
        for item in &list.items {
            let Some(inner) = inner(&item.text, list, lists) else {
                made.add(Piece::Item(item.to_text().into()), list.place);
                made.count += 1;
                continue;
            };
            made.inner.push(inner as u32);
            match self.all.get(inner).filter(|_| inner < index) {
                Some(ready) if ready.pieces.is_empty() => {
                    if ready.count > 0 {
                        made.add(Piece::List(ready.text.clone(), item.to_text().into()), list.place);
                    }
                    made.count = made.count.saturating_add(ready.count);
                }
                Some(ready) => {
                    ready.pieces.iter().for_each(|piece| made.add(piece.clone(), list.place));
                    made.count = made.count.saturating_add(ready.count);
                }
                // A list that is defined later, or the list itself: the written name stays.
                None => {
                    let items = &lists[inner].items;
                    items.iter().for_each(|item| made.add(Piece::Item(item.to_text().into()), list.place));
                    made.count += items.len();
                }
            }
        }
        made
    }

    /// Items of the list at a position, including those of nested lists.
    pub(super) fn items(&self, index: usize, lists: &Table<List>) -> Vec<String> {
        let mut out = Vec::new();
        let mut open: Vec<(usize, std::slice::Iter<'_, Scalar>)> = vec![(index, lists[index].items.iter())];
        while let Some((of, items)) = open.last_mut() {
            let (of, Some(item)) = (*of, items.next()) else {
                open.pop();
                continue;
            };
            match inner(&item.text, &lists[of], lists) {
                // A list that is defined later, or the list itself: the written name stays.
                Some(inner) if inner >= of => out.extend(lists[inner].items.iter().map(|i| i.text.clone())),
                Some(inner) => open.push((inner, lists[inner].items.iter())),
                None => out.push(item.text.clone()),
            }
        }
        out
    }

    /// Marks lists that are used in conditions, by position, and in other lists.
    pub(super) fn mark_used(&self, in_conditions: impl Iterator<Item = u32>) -> Vec<bool> {
        let mut used = self.reachable(in_conditions, |list| &list.later);
        for inner in self.all.iter().flat_map(|list| &list.inner) {
            used[*inner as usize] = true;
        }
        used
    }

    /// Marks lists that are used in conditions, or in such lists.
    pub(super) fn mark_needed(&self, in_conditions: impl Iterator<Item = u32>) -> Vec<bool> {
        let all = |list: &ReadyList| list.later.iter().chain(&list.inner).copied().collect::<Vec<_>>();
        self.reachable(in_conditions, all)
    }

    fn reachable<'l, N>(
        &'l self,
        from: impl Iterator<Item = u32>,
        next: impl Fn(&'l ReadyList) -> N,
    ) -> Vec<bool>
    where
        N: IntoIterator<Item: Borrow<u32>>,
    {
        let mut reached = vec![false; self.all.len()];
        let mut open: Vec<u32> = from.collect();
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut reached[index as usize], true) {
                open.extend(next(&self.all[index as usize]).into_iter().map(|index| *index.borrow()));
            }
        }
        reached
    }

    /// Replaces names of lists by the lists; `used` becomes their positions.
    ///
    /// # Errors
    /// The text grows too long.
    pub(super) fn substitute(
        &self,
        text: Text,
        lists: &Table<List>,
        used: &mut Vec<u32>,
    ) -> Result<Expanded, String> {
        self.substitute_from(0, text.into(), lists, used)
    }

    /// Like [`Lists::substitute`], for the lists from a position on.
    fn substitute_from(
        &self,
        first: usize,
        text: Expanded,
        lists: &Table<List>,
        used: &mut Vec<u32>,
    ) -> Result<Expanded, String> {
        let is_there = |odd: u32| odd as usize >= first && text.own().contains(&**self.name(odd));
        if self.odd.iter().any(|odd| is_there(*odd)) {
            return self.one_after_the_other(first, text, lists, used);
        }
        let found: Vec<(usize, usize)> = words(text.own())
            .filter_map(|(at, word)| Some((at, lists.position(word).filter(|index| *index >= first)?)))
            .collect();
        if found.is_empty() {
            return Ok(text);
        }
        let mut put = Put::new(&text);
        for (at, index) in found {
            put.list(at, &self.all[index]);
            used.push(index as u32);
        }
        used.sort_unstable();
        used.dedup();
        put.finish()
    }

    fn name(&self, index: u32) -> &Arc<str> {
        &self.all[index as usize].text.name
    }

    /// If a name is no single word, its occurrences depend on the lists that were expanded before.
    fn one_after_the_other(
        &self,
        first: usize,
        mut text: Expanded,
        lists: &Table<List>,
        used: &mut Vec<u32>,
    ) -> Result<Expanded, String> {
        let named = words(text.own()).filter_map(|(_, word)| lists.position(word));
        let odd = self.odd.iter().map(|odd| *odd as usize);
        let waiting: BTreeSet<usize> = named.chain(odd).filter(|index| *index >= first).collect();
        for index in waiting {
            let list = &self.all[index];
            let name = &*list.text.name;
            let mut put = Put::new(&text);
            let (own, mut from) = (text.own(), 0);
            while let Some(at) = own[from..].find(name) {
                let (start, end) = (from + at, from + at + name.len());
                // A blank follows expanded items.
                let before = if start == put.copied { None } else { own.as_bytes()[..start].last().copied() };
                if !(is_edge(before) && is_edge(own.as_bytes().get(end).copied())) {
                    from = start + own[start..].chars().next().map_or(1, char::len_utf8);
                    continue;
                }
                put.list(start, list);
                from = put.copied.max(end);
            }
            if put.copied > 0 {
                text = put.finish()?;
                used.push(index as u32);
            }
        }
        Ok(text)
    }
}

impl Made {
    fn add(&mut self, piece: Piece, place: Place) {
        // Empty items at the beginning add nothing.
        if self.text.len() > 0 {
            self.text.push_made(", ", place);
        }
        match &piece {
            Piece::Item(item) => {
                let mut quoted = Text::default();
                push_quoted(&mut quoted, item, place);
                self.text.push(&quoted);
            }
            Piece::List(list, name) => self.text.push_list(list, name, 0),
        }
        self.pieces.push(piece);
    }
}

/// Expands lists in a text.
struct Put<'t> {
    text: &'t Expanded,
    /// Number of its bytes that are already in `out`.
    copied: usize,
    out: Expanded,
}

impl<'t> Put<'t> {
    fn new(text: &'t Expanded) -> Self {
        Self { text, copied: 0, out: Expanded::default() }
    }

    /// Replaces the name at own byte `start` by a list.
    fn list(&mut self, start: usize, list: &ReadyList) {
        let own = self.text.own();
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        self.out.copy(self.text, self.copied..start);
        self.out.trim_end();
        let end = start + list.text.name.len();
        let mut right = end + own.as_bytes()[end..].iter().take_while(|b| blank(b)).count();
        if list.is_blank && !self.out.drop_comma() && own.as_bytes().get(right) == Some(&b',') {
            right += 1;
        }
        let place = list.list.place;
        if self.out.len() > 0 {
            self.out.push_made(" ", place);
        }
        if !list.is_blank {
            self.out.push_list(&list.text, self.text.own_text(), start);
        }
        self.out.push_made(" ", place);
        self.copied = right;
    }

    fn finish(mut self) -> Result<Expanded, String> {
        self.out.copy(self.text, self.copied..self.text.own().len());
        match self.out.len() {
            0..=MAX_LEN => Ok(self.out),
            len => Err(format!(
                "with its lists the condition has {len} bytes, which exceeds the limit of {MAX_LEN}"
            )),
        }
    }
}

/// Appends an item, in quotes if it contains blanks and is not quoted already.
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
    use crate::ruleset::result::Context;
    use crate::ruleset::yaml::At;

    fn text(text: &str) -> Text {
        Text::scalar(text, At::default())
    }

    /// Lists, each defined after those before it.
    fn table(lists: &[(&str, &[&str])]) -> Table<List> {
        let mut table = Table::default();
        for (index, (name, items)) in lists.iter().enumerate() {
            let items = items.iter().map(|item| Scalar { text: (*item).to_owned(), at: At::default() });
            table.set(List {
                name: (*name).to_owned(),
                items: items.collect(),
                index,
                visibility: index,
                context: Context::default(),
                place: Place::default(),
            });
        }
        table
    }

    /// The condition with expanded lists, and the names of the used lists.
    fn expand(condition: &str, defined: &[(&str, &[&str])]) -> (String, Vec<String>) {
        let table = table(defined);
        let mut lists = Lists::default();
        assert!(lists.update(&table, None).is_ok());
        let mut used = Vec::new();
        let out = lists.substitute(text(condition), &table, &mut used).unwrap();
        assert_eq!(out.len(), out.flat().len());
        let marked = lists.mark_used(used.into_iter());
        let names = table.iter().zip(marked).filter(|(_, used)| *used).map(|(list, _)| list.name.clone());
        (out.flat().into_owned(), names.collect())
    }

    #[track_caller]
    fn check(condition: &str, items: &[&str], want: &str) {
        assert_eq!(expand(condition, &[("l", items)]).0, want);
    }

    #[test]
    fn names_of_lists_are_replaced_by_the_items() {
        check("a in (l)", &["x", "y z"], "a in ( x, \"y z\" )");
        check("a in (b, l, c)", &["x"], "a in (b, x , c)");
        check("a in (b, l, c)", &[], "a in (b  , c)");
        check("a in (l, c)", &[], "a in (   c)");
        check("l", &["x"], "x ");
        check("a in (l)", &["", "", "x", ""], "a in ( x,  )");
        check("a in (b, l)", &["", ""], "a in (b  )");
        check("al=l", &["x"], "al= x ");
        check("a.l-l=1", &["x"], "a.l-l=1");
        check("a in (l,l) and b in (l)", &["x"], "a in ( x , x ) and b in ( x )");
    }

    #[test]
    fn lists_are_expanded_in_the_order_of_their_definition() {
        let lists: &[(&str, &[&str])] =
            &[("a", &["b", "x"]), ("b", &["a", "y"]), ("o d", &["z"]), ("n", &["q"])];
        let (text, used) = expand("f in (a) and g in (o d)", lists);
        // A list that names an earlier list was expanded at its definition.
        assert_eq!(text, "f in ( b, x, y , x ) and g in ( z )");
        assert_eq!(used, ["a", "b", "o d"]);
    }

    #[test]
    fn lists_in_lists_are_expanded() {
        let none: &[&str] = &[];
        let lists: &[(&str, &[&str])] = &[
            ("none", none),
            ("empty", &["", "e"]),
            ("a", &["x", "none", "late"]),
            ("b", &["a", "y", "empty"]),
            ("c", &["b", "z", "b"]),
            ("late", &["w"]),
        ];
        assert_eq!(expand("f in (a)", lists).0, "f in ( x, w  )");
        assert_eq!(expand("f in (c)", lists).0, "f in ( x, w , y, , e, z, x, w , y, , e )");
    }

    #[test]
    fn a_changed_list_invalidates_only_its_users() {
        let mut table = table(&[("a", &["x", "later"]), ("b", &["a"]), ("c", &["y"])]);
        let mut lists = Lists::default();
        assert!(lists.update(&table, None).is_ok());
        let mut known = Words::default();
        lists.words(&mut known);
        known.add(Unit::Rule(0), ["f", "in", "b"]);
        known.add(Unit::Rule(1), ["f", "in", "c", "other"]);
        let texts = |lists: &Lists| lists.all.iter().map(|ready| ready.text.clone()).collect::<Vec<_>>();
        let before = texts(&lists);
        table.set(List { name: "later".to_owned(), index: 3, visibility: 3, ..(*table[2]).clone() });
        let Ok(Changed::Some(concerned)) = lists.update(&table, Some(&mut known)) else { panic!() };
        assert_eq!(concerned, [Unit::Rule(0)]);
        let after = texts(&lists);
        let same: Vec<bool> = before.iter().zip(&after).map(|(a, b)| Arc::ptr_eq(a, b)).collect();
        assert_eq!(same, [false, false, true]);
        assert_eq!(after[1].items.flat(), "x, y ");
    }
}
