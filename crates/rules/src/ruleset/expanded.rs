//! Texts of conditions that refer to lists. The items of a list exist once, however many conditions use it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::text::Text;
use super::words::words;
use crate::condition::ast::Values;
use crate::condition::{ListUse, PLACEHOLDER, parse_items};
use crate::diagnostic::{Note, SourceFile};

/// The items of a list as conditions contain them.
#[derive(Debug)]
pub(super) struct ListText {
    pub(super) name: Arc<str>,
    /// The items, separated by commas.
    pub(super) items: Expanded,
    values: OnceLock<Option<Arc<Values>>>,
}

impl ListText {
    pub(super) fn new(name: Arc<str>, items: Expanded) -> Self {
        Self { name, items, values: OnceLock::new() }
    }

    /// The items as constants; `None` if their text is no list of values.
    fn values(&self) -> Option<Arc<Values>> {
        let values = || parse_items(self.items.own(), &self.items.uses()).map(Arc::new);
        self.values.get_or_init(values).clone()
    }
}

/// A list in a text.
#[derive(Clone, Debug)]
struct PutIn {
    /// Byte of its placeholder.
    at: usize,
    list: Arc<ListText>,
}

impl PutIn {
    /// Number of bytes that the list adds to the text.
    fn growth(&self) -> usize {
        self.list.items.len().saturating_sub(PLACEHOLDER.len())
    }
}

/// A text with expanded lists. Byte offsets and lengths are those of the expanded text. *Own* offsets are
/// those of the text in which each list is a placeholder.
#[derive(Clone, Debug, Default)]
pub(super) struct Expanded {
    text: Text,
    lists: Vec<PutIn>,
    len: usize,
    /// How deep lists are nested.
    nesting: u32,
    /// The text before expansion, if it differs.
    written: Option<Box<str>>,
}

/// Position of a byte: in a text, or in a list inside it.
enum Found<'a> {
    Own(usize),
    In(&'a PutIn, usize),
}

impl From<Text> for Expanded {
    fn from(text: Text) -> Self {
        Self { len: text.len(), text, lists: Vec::new(), nesting: 0, written: None }
    }
}

impl Expanded {
    /// Nothing.
    pub(super) const EMPTY: Self =
        Self { text: Text::EMPTY, lists: Vec::new(), len: 0, nesting: 0, written: None };

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether it contains only blanks.
    pub(super) fn is_blank(&self) -> bool {
        let own = self.own().replace(PLACEHOLDER, "");
        own.trim_matches([' ', '\t', '\n', '\r']).is_empty()
            && self.lists.iter().all(|l| l.list.items.is_blank())
    }

    /// How deep lists are nested in it.
    pub(super) fn nesting(&self) -> u32 {
        self.nesting
    }

    /// The text with placeholders.
    pub(super) fn own(&self) -> &str {
        self.text.as_str()
    }

    /// The text before expansion.
    pub(super) fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(self.own())
    }

    /// Sets the text before expansion.
    pub(super) fn written_as(self, written: &str) -> Self {
        let written = (written != self.own()).then(|| written.into());
        Self { written, ..self }
    }

    /// Lists in it, in order.
    pub(super) fn lists(&self) -> impl Iterator<Item = &Arc<ListText>> {
        self.lists.iter().map(|put| &put.list)
    }

    /// Words that are names of lists, or may become names of lists.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        words(self.own()).map(|(_, word)| word).chain(self.lists().map(|list| &*list.name))
    }

    /// The lists, for the parser.
    pub(super) fn uses(&self) -> Vec<ListUse> {
        let mut before = 0;
        let one = |put: &PutIn| {
            let len = put.list.items.len();
            let list = ListUse { at: put.at, len, before, values: put.list.values() };
            before += put.growth();
            list
        };
        self.lists.iter().map(one).collect()
    }

    /// The text with the items of its lists.
    pub(super) fn flat(&self) -> Cow<'_, str> {
        if self.lists.is_empty() {
            return self.own().into();
        }
        let mut out = String::with_capacity(self.len);
        self.write(&mut out);
        out.into()
    }

    fn write(&self, out: &mut String) {
        let mut from = 0;
        for put in &self.lists {
            out.push_str(&self.own()[from..put.at]);
            put.list.items.write(out);
            from = put.at + PLACEHOLDER.len();
        }
        out.push_str(&self.own()[from..]);
    }

    fn find(&self, at: usize) -> Found<'_> {
        let mut growth: usize = 0;
        for put in &self.lists {
            let start = put.at + growth;
            if at < start {
                break;
            }
            if at - start < put.list.items.len() {
                return Found::In(put, at - start);
            }
            growth += put.growth();
        }
        Found::Own(at - growth)
    }

    /// A range of the text.
    pub(super) fn slice(&self, range: Range<usize>) -> Cow<'_, str> {
        if range.is_empty() || range.end > self.len {
            return Cow::default();
        }
        let own = |text: &'_ Self| match (text.find(range.start), text.find(range.end - 1)) {
            (Found::Own(start), Found::Own(last)) if last - start == range.end - 1 - range.start => {
                Some(start..last + 1)
            }
            _ => None,
        };
        if let Some(own) = own(self) {
            return self.own().get(own).unwrap_or_default().into();
        }
        if let (Found::In(put, start), Found::In(other, last)) =
            (self.find(range.start), self.find(range.end - 1))
            && std::ptr::eq(put, other)
        {
            return put.list.items.slice(start..last + 1);
        }
        self.flat().get(range).unwrap_or_default().to_owned().into()
    }

    /// The place of a range, and the lists through which it came there, from the innermost outwards.
    pub(super) fn notes(&self, range: Range<usize>, word: &str, files: &[Arc<SourceFile>]) -> Vec<Note> {
        let mut through: Vec<(&Self, &PutIn)> = Vec::new();
        let (mut text, mut range) = (self, range);
        let mut notes = loop {
            let last = range.end.saturating_sub(1).max(range.start);
            match (text.find(range.start), text.find(last)) {
                (Found::Own(start), Found::Own(last)) => {
                    let end = if range.is_empty() { start } else { last + 1 };
                    break text.text.notes(start..end, word, files);
                }
                // The range ends in a list: stop before it.
                (Found::Own(start), Found::In(..)) => {
                    break text.text.notes(start..text.text.part_end(start), word, files);
                }
                (Found::In(put, start), end) => {
                    through.push((text, put));
                    let end = match end {
                        Found::In(other, last) if std::ptr::eq(put, other) => last + 1,
                        _ => put.list.items.len(),
                    };
                    (text, range) = (&put.list.items, start..end.max(start));
                }
            }
        };
        for (text, put) in through.into_iter().rev() {
            let place = text.text.place_of(put.at, put.list.name.len(), files);
            let note = |place| Note::new(place, format!("in the list `{}`, named here", put.list.name));
            notes.extend(place.map(note));
        }
        notes
    }

    /// The list that contains the byte.
    pub(super) fn list_at(&self, at: usize) -> Option<&str> {
        let mut found = None;
        let (mut text, mut at) = (self, at);
        while let Found::In(put, inner) = text.find(at) {
            found = Some(&*put.list.name);
            (text, at) = (&put.list.items, inner);
        }
        found
    }

    /// Whether the byte comes from the text itself, not from a list.
    pub(super) fn is_own(&self, at: usize) -> bool {
        matches!(self.find(at), Found::Own(at) if self.text.is_written(at))
    }
}

/// Construction, by own offsets.
impl Expanded {
    pub(super) fn push(&mut self, text: &Text) {
        self.len += text.len();
        self.text.append(text);
    }

    /// Appends generated text for the text at a place.
    pub(super) fn push_made(&mut self, text: &str, place: crate::diagnostic::Place) {
        self.len += text.len();
        self.text.push(text, place);
    }

    /// Appends a range of another text.
    pub(super) fn copy(&mut self, other: &Self, range: Range<usize>) {
        let base = self.text.len();
        self.text.copy(&other.text, range.clone());
        self.len += range.len();
        let first = other.lists.partition_point(|put| put.at < range.start);
        for put in other.lists[first..].iter().take_while(|put| put.at < range.end) {
            self.add(PutIn { at: base + put.at - range.start, list: put.list.clone() });
        }
    }

    /// Appends a list in place of its name, which is at byte `name` of `other`.
    pub(super) fn push_list(&mut self, list: &Arc<ListText>, other: &Text, name: usize) {
        let at = self.text.len();
        self.text.push_for(PLACEHOLDER, other, name);
        self.len += PLACEHOLDER.len();
        self.add(PutIn { at, list: list.clone() });
    }

    fn add(&mut self, put: PutIn) {
        self.len += put.growth();
        self.nesting = self.nesting.max(put.list.items.nesting + 1);
        self.lists.push(put);
    }

    /// Drops blanks at the end.
    pub(super) fn trim_end(&mut self) {
        let kept = self.own().trim_end_matches([' ', '\t', '\n', '\r']).len();
        self.truncate(kept);
    }

    /// Drops a comma at the end; returns whether there was one.
    pub(super) fn drop_comma(&mut self) -> bool {
        let comma = self.own().ends_with(',');
        if comma {
            self.truncate(self.text.len() - 1);
        }
        comma
    }

    /// The dropped part contains only blanks and commas, no placeholder.
    fn truncate(&mut self, len: usize) {
        self.len -= self.text.len() - len;
        self.text.truncate(len);
    }

    /// The text with placeholders, and the origins of its parts.
    pub(super) fn own_text(&self) -> &Text {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;
    use crate::ruleset::yaml::{At, Style};

    fn text(text: &str, file: &str) -> Text {
        let start = file.find(text).unwrap() as u32;
        let place = Place { file: 0, start, end: start + text.len() as u32 };
        Text::scalar(text, At { place, style: Some(Style::Plain), ..At::default() })
    }

    /// `text` with the name of the list replaced by the list.
    fn with(text: Text, name: &str, items: Expanded) -> Expanded {
        let list = Arc::new(ListText::new(name.into(), items));
        let at = text.as_str().find(name).unwrap();
        let text = Expanded::from(text);
        let mut out = Expanded::default();
        out.copy(&text, 0..at);
        out.push_list(&list, text.own_text(), at);
        out.copy(&text, at + name.len()..text.own().len());
        out
    }

    fn shown(text: &Expanded, wanted: &str, file: &str) -> Vec<String> {
        let flat = text.flat();
        let start = flat.find(wanted).unwrap();
        assert_eq!(text.slice(start..start + wanted.len()), wanted);
        let files = [Arc::new(SourceFile::new("f", file))];
        let notes = text.notes(start..start + wanted.len(), "", &files);
        notes.iter().map(|n| file[n.place.start as usize..n.place.end as usize].to_owned()).collect()
    }

    #[test]
    fn every_part_has_its_place_in_the_file() {
        let file = "a in (lst, c) | x | \"y mm\" | zzz, zz";
        let inner = Expanded::from(text("zzz, zz", file));
        let mut items = text("x", file);
        items.push(", ", Place::default());
        items.append(&text("\"y mm\"", file));
        let items = with(items, "mm", inner);
        let text = with(text("a in (lst, c)", file), "lst", items);
        assert_eq!(text.flat(), "a in (x, \"y zzz, zz\", c)");
        assert_eq!(text.len(), text.flat().len());
        assert_eq!(shown(&text, "a in (", file), ["a in ("]);
        assert_eq!(shown(&text, ", c)", file), [", c)"]);
        assert_eq!(shown(&text, "x", file), ["x", "lst"]);
        assert_eq!(shown(&text, "zz\"", file), ["zz", "mm", "lst"]);
        assert_eq!(shown(&text, "zzz", file), ["zzz", "mm", "lst"]);
        assert_eq!(shown(&text, "a in (x, \"y zzz, zz\", c)", file), ["a in (lst, c)"]);
        let list_at = |wanted: &str| text.list_at(text.flat().find(wanted).unwrap());
        assert_eq!([list_at("x"), list_at("zz"), list_at("c)")], [Some("lst"), Some("mm"), None]);
        assert!(text.is_own(0) && !text.is_own(6) && text.is_own(text.len() - 1));
    }
}
