//! Texts from several places, which remember the origin of each part.

use std::ops::Range;
use std::sync::Arc;

use super::yaml::{At, Style};
use crate::diagnostic::{Note, Place, SourceFile};

/// Origin of a part of a text.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// A scalar of a file, from this byte of its value on.
    Scalar { place: Place, style: Style, skip: u32 },
    /// Generated for the text at this place.
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

    /// The place of its first `len` bytes.
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
    /// Its first byte in the text.
    start: u32,
    from: From,
}

/// A text with its origins.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    text: String,
    /// Parts, in ascending order of `start`.
    parts: Vec<Part>,
}

impl Text {
    /// Nothing.
    pub(super) const EMPTY: Self = Self { text: String::new(), parts: Vec::new() };

    /// The value of a scalar.
    pub(super) fn scalar(text: &str, at: At) -> Self {
        let mut this = Self::default();
        this.push_scalar(text, at, 0);
        this
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    fn push_from(&mut self, text: &str, from: From) {
        if !text.is_empty() {
            self.parts.push(Part { start: self.text.len() as u32, from });
            self.text.push_str(text);
        }
    }

    /// Appends generated text for the text at a place.
    pub(super) fn push(&mut self, text: &str, place: Place) {
        self.push_from(text, From::Made(place));
    }

    /// Appends a piece of a scalar's value that begins at its byte `skip`.
    pub(super) fn push_scalar(&mut self, text: &str, at: At, skip: usize) {
        self.push_from(text, From::of(at).skip(skip as u32));
    }

    /// The text without surrounding blanks.
    pub(super) fn trimmed(&self) -> Self {
        let space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
        let start = self.text.len() - self.text.trim_start_matches(space).len();
        let mut out = Self::default();
        out.copy(self, start..start + self.text.trim_matches(space).len());
        out
    }

    /// Appends a text.
    pub(super) fn append(&mut self, other: &Self) {
        self.copy(other, 0..other.len());
    }

    /// Appends a range of a text.
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
            self.parts.push(Part { start: base + part.start.max(start) - start, from });
        }
        self.text.push_str(&other.text[range]);
    }

    /// Appends a replacement for the text at byte `at` of another text.
    pub(super) fn push_for(&mut self, text: &str, other: &Self, at: usize) {
        let from = other.part(at).map(|part| part.from.skip(at as u32 - part.start));
        self.push_from(text, from.unwrap_or(From::Made(Place::default())));
    }

    /// Drops everything after the byte.
    pub(super) fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        let parts = self.parts.partition_point(|p| (p.start as usize) < len);
        self.parts.truncate(parts);
    }

    /// The part that contains a byte.
    fn part(&self, at: usize) -> Option<Part> {
        let next = self.parts.partition_point(|p| p.start as usize <= at);
        self.parts.get(next.checked_sub(1)?).copied()
    }

    /// End of the part that contains a byte.
    pub(super) fn part_end(&self, at: usize) -> usize {
        let next = self.parts.partition_point(|p| p.start as usize <= at);
        self.parts.get(next).map_or(self.text.len(), |p| p.start as usize)
    }

    /// The place of a range.
    pub(super) fn place(&self, range: Range<usize>, files: &[Arc<SourceFile>]) -> Option<Place> {
        let past = range.start >= self.text.len();
        let start = range.start.min(self.text.len().saturating_sub(1));
        let part = self.part(start)?;
        let last = self.part(range.end.min(self.text.len()).saturating_sub(1).max(start)).unwrap_or(part);
        let from = part.from.skip(start as u32 - part.start);
        let part_end = self.part_end(start);
        let mut place = from.place((range.end.min(part_end).saturating_sub(start)) as u32, files);
        if range.end > part_end && last.from.same_scalar(part.from) {
            let tail = last.from.skip((range.end.min(self.text.len()) - 1) as u32 - last.start);
            place.end = tail.place(1, files).end.max(place.end);
        }
        if past {
            // A missing text has its place after the last character.
            place.start = floor(files, place).max(place.start);
        }
        Some(place)
    }

    /// The place of the `len` bytes that the byte `at` replaces.
    pub(super) fn place_of(&self, at: usize, len: usize, files: &[Arc<SourceFile>]) -> Option<Place> {
        let part = self.part(at)?;
        Some(part.from.skip(at as u32 - part.start).place(len as u32, files))
    }

    /// Like [`Text::place`], with a note.
    pub(super) fn notes(&self, range: Range<usize>, word: &str, files: &[Arc<SourceFile>]) -> Vec<Note> {
        self.place(range, files).map(|place| Note::new(place, word)).into_iter().collect()
    }

    /// Whether the byte comes from a scalar of a file.
    pub(super) fn is_written(&self, at: usize) -> bool {
        self.part(at).is_some_and(|p| matches!(p.from, From::Scalar { .. }))
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

    fn shown(text: &Text, wanted: &str, file: &str) -> String {
        let start = text.as_str().find(wanted).unwrap();
        let files = [Arc::new(SourceFile::new("f", file))];
        let place = text.place(start..start + wanted.len(), &files).unwrap();
        file[place.start as usize..place.end as usize].to_owned()
    }

    #[test]
    fn every_part_has_its_place_in_the_file() {
        let file = "a in (l, m) | b=1 |";
        let mut text = Text::scalar("a in (l, m)", at(0, 11));
        text.push(" ", Place::default());
        text.append(&Text::scalar("b=1", at(14, 17)));
        assert_eq!(shown(&text, "l, m", file), "l, m");
        assert_eq!(shown(&text, "b=1", file), "b=1");
        let mut cut = Text::default();
        cut.copy(&text, 2..8);
        cut.copy(&text, 10..11);
        assert_eq!((cut.as_str(), &*shown(&cut, "in (l,)", file)), ("in (l,)", "in (l, m)"));
        let text = text.trimmed();
        let files = [Arc::new(SourceFile::new("f", file))];
        let end = text.len();
        let place = text.place(end..end, &files).unwrap();
        assert_eq!((place.start, place.end), (16, 17), "past the end: its last byte");
    }
}
