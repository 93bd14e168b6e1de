//! The texts of conditions, by the numbers in spans.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::expanded::Expanded;
use crate::condition::ast::Span;
use crate::diagnostic::{Note, SourceFile};
use crate::rule::Origin;

/// The texts of macros and rules, each with the macros that it names.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    pub(super) files: Vec<Arc<SourceFile>>,
    texts: Vec<Source>,
    /// Numbers of the texts of macros, by position.
    macros: Vec<u32>,
    /// Names of macros, by position.
    names: Vec<Arc<str>>,
}

#[derive(Clone)]
struct Source {
    text: Arc<Expanded>,
    /// Position of its macro; `None` for a rule.
    of_macro: Option<u32>,
    /// Positions of the macros that it names, with their places.
    names: Arc<[(u32, Span)]>,
}

impl Sources {
    /// Adds the text of the macro at a position, or of a rule; returns its number.
    pub(super) fn push(&mut self, text: Expanded, of_macro: Option<(usize, &str)>) -> u32 {
        let number = self.texts.len() as u32;
        if let Some((index, name)) = of_macro {
            self.macros.resize(self.macros.len().max(index + 1), number);
            self.macros[index] = number;
            if index >= self.names.len() {
                self.names.resize(index + 1, name.into());
            }
        }
        let of_macro = of_macro.map(|(index, _)| index as u32);
        self.texts.push(Source { text: text.into(), of_macro, names: Arc::default() });
        number
    }

    /// Sets the macros that a text names, by position, with their places.
    pub(super) fn set_names(&mut self, id: u32, names: Vec<(u32, Span)>) {
        if let Some(source) = self.texts.get_mut(id as usize) {
            source.names = names.into();
        }
    }

    /// The text with this number.
    pub(super) fn text(&self, id: u32) -> &Expanded {
        self.texts.get(id as usize).map_or(const { &Expanded::EMPTY }, |source| &source.text)
    }

    /// The text of a span.
    pub(super) fn shown(&self, span: Span) -> std::borrow::Cow<'_, str> {
        self.text(span.source).slice(span.start as usize..span.end as usize)
    }

    /// Whether the span comes from the text itself, not from a list.
    pub(super) fn is_own(&self, span: Span) -> bool {
        self.text(span.source).is_own(span.start as usize)
    }

    /// The place of a span, and the lists and macros through which it came into the text `root`.
    pub(super) fn notes(&self, span: Span, root: u32, word: &str) -> Vec<Note> {
        let range = span.start as usize..span.end as usize;
        let mut notes = self.text(span.source).notes(range, word, &self.files);
        if span.source != root {
            for (name, at) in self.path(root, span.source) {
                let word = format!("in the macro `{name}`, named here");
                let range = at.start as usize..at.end as usize;
                notes.extend(self.text(at.source).notes(range, &word, &self.files));
            }
        }
        notes
    }

    fn named_in(&self, id: u32) -> &[(u32, Span)] {
        self.texts.get(id as usize).map_or(&[], |source| &source.names)
    }

    /// The macros through which a text came into another, from the innermost outwards.
    fn path(&self, root: u32, target: u32) -> Vec<(&str, Span)> {
        // For each text, the first text that names it, and the place.
        let mut by: FxHashMap<u32, (u32, Span)> = FxHashMap::default();
        let mut queue = VecDeque::from([root]);
        'search: while let Some(id) = queue.pop_front() {
            for (index, span) in self.named_in(id) {
                let Some(text) = self.macros.get(*index as usize).copied() else { continue };
                if text != root && !by.contains_key(&text) {
                    by.insert(text, (id, *span));
                    if text == target {
                        break 'search;
                    }
                    queue.push_back(text);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = target;
        while let Some((from, span)) = by.remove(&at) {
            let name = self.macro_of(at).unwrap_or_default();
            path.push((name, span));
            at = from;
        }
        path
    }

    /// Name of a text's macro.
    fn macro_of(&self, id: u32) -> Option<&str> {
        let index = self.texts.get(id as usize)?.of_macro?;
        self.names.get(index as usize).map(|name| &**name)
    }

    /// Origin of a span, for users.
    pub(crate) fn origin(&self, span: Span) -> Option<Origin> {
        let range = span.start as usize..span.end as usize;
        let note = self.text(span.source).notes(range, "", &self.files).into_iter().next()?;
        let file = self.files.get(note.place.file as usize)?;
        let (line, _) = file.position(note.place.start as usize);
        let macro_name = self.macro_of(span.source).map(str::to_owned);
        Some(Origin { macro_name, file: file.name().to_owned(), line })
    }
}
