//! Texts put together from several places, which remember where each part was written.

use std::ops::Range;
use std::sync::Arc;

use super::yaml::{At, Style};
use crate::diagnostic::{Note, Place, SourceFile};

/// Where a part of a text comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// A scalar of a file, from this byte of its value on.
    Scalar { place: Place, style: Style, skip: u32 },
    /// Made here, on behalf of what stands at that place.
    Made(Place),
}

impl From {
    fn skip(self, by: u32) -> Self {
        match self {
            Self::Scalar { place, style, skip } => Self::Scalar { place, style, skip: skip + by },
            Self::Made(_) => self,
        }
    }

    fn of(at: At) -> Self {
        match at.style {
            Some(style) => Self::Scalar { place: at.place, style, skip: 0 },
            None => Self::Made(at.place),
        }
    }

    fn same_scalar(self, other: Self) -> bool {
        match (self, other) {
            (Self::Scalar { place: a, .. }, Self::Scalar { place: b, .. }) => a == b,
            _ => false,
        }
    }

    /// The place of `len` bytes of it.
    fn place(self, len: u32, files: &[Arc<SourceFile>]) -> Place {
        match self {
            Self::Made(place) => place,
            Self::Scalar { place, style, skip } => {
                let Some(file) = files.get(place.file as usize) else { return place };
                let wanted = skip as usize..(skip + len.max(1)) as usize;
                let found = file.locate(place.start as usize, style, wanted);
                Place { file: place.file, start: found.start as u32, end: found.end as u32 }
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Part {
    /// First byte in the text.
    start: u32,
    from: From,
    /// The list that brought it here, if any.
    via: Option<u32>,
}

/// A list's name, replaced by its items.
#[derive(Clone, Debug)]
struct Use {
    list: Arc<str>,
    from: From,
    via: Option<u32>,
}

/// A text and where it comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    text: String,
    /// By `start`, which increases.
    parts: Vec<Part>,
    uses: Vec<Use>,
    /// What it was before lists were put in, if that is something else.
    written: Option<Box<str>>,
}

impl Text {
    /// Nothing.
    pub(super) const EMPTY: Self =
        Self { text: String::new(), parts: Vec::new(), uses: Vec::new(), written: None };

    /// The value of a scalar.
    pub(super) fn scalar(text: &str, at: At) -> Self {
        let mut this = Self::default();
        this.push_scalar(text, at, 0);
        this
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text before lists were put in.
    pub(super) fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.text)
    }

    /// Notes what it was before lists were put in.
    pub(super) fn written_as(mut self, written: &str) -> Self {
        self.written = (written != self.text).then(|| written.into());
        self
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    fn push_from(&mut self, text: &str, from: From) {
        if !text.is_empty() {
            self.parts.push(Part { start: self.text.len() as u32, from, via: None });
            self.text.push_str(text);
        }
    }

    /// Appends what is made on behalf of what stands at a place.
    pub(super) fn push(&mut self, text: &str, place: Place) {
        self.push_from(text, From::Made(place));
    }

    /// Appends a piece of a scalar's value that begins at its byte `skip`.
    pub(super) fn push_scalar(&mut self, text: &str, at: At, skip: usize) {
        self.push_from(text, From::of(at).skip(skip as u32));
    }

    /// Without the blanks around it.
    pub(super) fn trimmed(&self) -> Self {
        let space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
        let start = self.text.len() - self.text.trim_start_matches(space).len();
        let mut out = self.restart();
        out.copy(self, start..start + self.text.trim_matches(space).len());
        out
    }

    /// Appends a text.
    pub(super) fn append(&mut self, other: &Self) {
        self.join(other, None);
    }

    /// An empty text into which parts of this one can be copied.
    pub(super) fn restart(&self) -> Self {
        Self { uses: self.uses.clone(), ..Self::default() }
    }

    /// Appends a stretch of the text that this one was restarted from.
    pub(super) fn copy(&mut self, other: &Self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let base = self.text.len() as u32;
        let (start, end) = (range.start as u32, range.end as u32);
        let first = other.parts.partition_point(|p| p.start <= start).saturating_sub(1);
        for part in other.parts[first..].iter().take_while(|p| p.start < end) {
            let cut = start.saturating_sub(part.start);
            let from = part.from.skip(cut);
            self.parts.push(Part { start: base + part.start.max(start) - start, from, via: part.via });
        }
        self.text.push_str(&other.text[range]);
    }

    /// Drops what is after the byte.
    pub(super) fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        let parts = self.parts.partition_point(|p| (p.start as usize) < len);
        self.parts.truncate(parts);
    }

    /// Appends the items of a list for its name, which stands at byte `name` of `text`.
    pub(super) fn push_list(&mut self, list: &Arc<str>, items: &Self, text: &Self, name: usize) {
        let (from, via) = match text.part(name) {
            Some(part) => (part.from.skip(name as u32 - part.start), part.via),
            None => (From::Made(Place::default()), None),
        };
        self.uses.push(Use { list: list.clone(), from, via });
        self.join(items, Some(self.uses.len() as u32 - 1));
    }

    /// Appends a text; parts that no list brought to it come by `via`.
    fn join(&mut self, other: &Self, via: Option<u32>) {
        let (start, uses) = (self.text.len() as u32, self.uses.len() as u32);
        let outer = |inner: Option<u32>| inner.map_or(via, |inner| Some(uses + inner));
        self.uses.extend(other.uses.iter().map(|u| Use { via: outer(u.via), ..u.clone() }));
        self.parts.extend(other.parts.iter().map(|p| Part {
            start: start + p.start,
            from: p.from,
            via: outer(p.via),
        }));
        self.text.push_str(&other.text);
    }

    /// The part that a byte is in.
    fn part(&self, at: usize) -> Option<Part> {
        let next = self.parts.partition_point(|p| p.start as usize <= at);
        self.parts.get(next.checked_sub(1)?).copied()
    }

    /// The place of a stretch, and how it came there from the innermost list outwards.
    pub(super) fn notes(&self, range: Range<usize>, word: &str, files: &[Arc<SourceFile>]) -> Vec<Note> {
        let past = range.start >= self.text.len();
        let start = range.start.min(self.text.len().saturating_sub(1));
        let Some(part) = self.part(start) else { return Vec::new() };
        let last = self.part(range.end.min(self.text.len()).saturating_sub(1).max(start)).unwrap_or(part);
        let from = part.from.skip(start as u32 - part.start);
        let end = self.parts.partition_point(|p| p.start as usize <= start);
        let part_end = self.parts.get(end).map_or(self.text.len(), |p| p.start as usize);
        let mut place = from.place((range.end.min(part_end).saturating_sub(start)) as u32, files);
        if range.end > part_end && last.via == part.via && last.from.same_scalar(part.from) {
            let tail = last.from.skip((range.end.min(self.text.len()) - 1) as u32 - last.start);
            place.end = tail.place(1, files).end.max(place.end);
        }
        if past {
            // What is missing is missing after the last character.
            place.start = floor(files, place).max(place.start);
        }
        let mut notes = vec![Note::new(place, word)];
        let mut via = part.via;
        while let Some(found) = via.and_then(|v| self.uses.get(v as usize)) {
            let place = found.from.place(found.list.len() as u32, files);
            notes.push(Note::new(place, format!("in the list `{}`, named here", found.list)));
            via = found.via;
        }
        notes
    }

    /// The list that brought the byte here.
    pub(super) fn list_at(&self, at: usize) -> Option<&str> {
        let via = self.part(at).filter(|_| at < self.text.len())?.via?;
        self.uses.get(via as usize).map(|u| &*u.list)
    }

    /// Names of the lists that were put in.
    pub(super) fn lists(&self) -> impl Iterator<Item = &str> {
        self.uses.iter().map(|u| &*u.list)
    }

    /// Whether the stretch was written where it stands, not brought by a list.
    pub(super) fn is_own(&self, at: usize) -> bool {
        self.part(at).is_some_and(|p| p.via.is_none() && matches!(p.from, From::Scalar { .. }))
    }
}

/// The last character of a place.
fn floor(files: &[Arc<SourceFile>], place: Place) -> u32 {
    let end = (place.end as usize).saturating_sub(1);
    files.get(place.file as usize).map_or(place.start, |f| crate::diagnostic::floor(f.text(), end) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u32, end: u32) -> At {
        At { place: Place { file: 0, start, end }, style: Some(Style::Plain), ..At::default() }
    }

    fn shown(text: &Text, wanted: &str, file: &str) -> Vec<String> {
        let start = text.as_str().find(wanted).unwrap();
        let files = [Arc::new(SourceFile::new("f", file))];
        let notes = text.notes(start..start + wanted.len(), "", &files);
        notes.iter().map(|n| file[n.place.start as usize..n.place.end as usize].to_owned()).collect()
    }

    #[test]
    fn every_part_is_found_where_it_was_written() {
        let file = "a in (l, m) | b=1 | x | y z | m";
        let mut items = Text::scalar("x", at(20, 21));
        items.push(", \"", Place::default());
        items.push_scalar("y z", at(24, 27), 0);
        items.push("\"", Place::default());
        let mut text = Text::scalar("a in (l, m)", at(0, 11));
        text.push(" ", Place::default());
        text.append(&Text::scalar("b=1", at(14, 17)));
        let with = |text: &Text, at: usize, items: &Text, list: &str| {
            let mut out = text.restart();
            out.copy(text, 0..at);
            out.push_list(&list.into(), items, text, at);
            out.copy(text, at + 1..text.len());
            out
        };
        let text = with(&text, 6, &items, "l");
        assert_eq!(text.as_str(), "a in (x, \"y z\", m) b=1");
        assert_eq!(shown(&text, "y z", file), ["y z", "l"]);
        assert_eq!(shown(&text, ", m)", file), [", m)"]);
        assert_eq!(shown(&text, "b=1", file), ["b=1"]);
        assert_eq!(shown(&text, "a in (x, \"y z\", m)", file), ["a in (l, m)"]);
        let z = text.as_str().find('z').unwrap();
        let text = with(&text, z, &Text::scalar("m", at(30, 31)), "z");
        assert_eq!(shown(&text, "m\"", file), ["m", "z", "l"]);
        let text = text.trimmed();
        let files = [Arc::new(SourceFile::new("f", file))];
        let end = text.len();
        let notes = text.notes(end..end, "", &files);
        assert_eq!((notes[0].place.start, notes[0].place.end), (16, 17), "past the end: its last byte");
    }
}
