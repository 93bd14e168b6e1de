//! The texts that conditions were parsed from, by the number that spans name them with.

use std::collections::VecDeque;
use std::sync::Arc;

use super::collect::Tables;
use super::text::Text;
use crate::condition::ast::{Expr, Span};
use crate::condition::parse_in;
use crate::diagnostic::{Note, SourceFile};
use crate::explain::Origin;

/// Texts of all macros, in the order of their table, then those of rules.
pub(super) struct Sources<'a> {
    tables: &'a Tables,
    pub(super) files: &'a [Arc<SourceFile>],
    texts: Vec<Text>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(tables: &'a Tables, files: &'a [Arc<SourceFile>]) -> Self {
        let texts = Vec::with_capacity(tables.macros.len() + tables.rules.len());
        Self { tables, files, texts }
    }

    pub(super) fn into_texts(self) -> Arc<Vec<Text>> {
        Arc::new(self.texts)
    }

    /// Adds the next text; answers its number.
    pub(super) fn push(&mut self, text: Text) -> u32 {
        self.texts.push(text);
        self.texts.len() as u32 - 1
    }

    /// The text with this number.
    pub(super) fn text(&self, id: u32) -> &Text {
        self.texts.get(id as usize).unwrap_or(const { &Text::EMPTY })
    }

    /// What a span is of.
    pub(super) fn shown(&self, span: Span) -> &str {
        self.text(span.source).as_str().get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Whether the span was written where it stands: no list brought it.
    pub(super) fn is_own(&self, span: Span) -> bool {
        self.text(span.source).is_own(span.start as usize)
    }

    /// The place of a span, and by what lists and macros it came into the text `root`.
    pub(super) fn notes(&self, span: Span, root: u32, word: &str) -> Vec<Note> {
        let range = span.start as usize..span.end as usize;
        let mut notes = self.text(span.source).notes(range, word, self.files);
        if span.source != root {
            for (name, at) in self.path(root, span.source) {
                let word = format!("in the macro `{name}`, named here");
                let range = at.start as usize..at.end as usize;
                notes.extend(self.text(at.source).notes(range, &word, self.files));
            }
        }
        notes
    }

    /// Numbers of the macros that a text names.
    pub(super) fn macros_in(&self, id: u32) -> Vec<u32> {
        self.named_in(id).into_iter().map(|(index, ..)| index).collect()
    }

    /// Macros that a text names, and where. It is parsed again: this is asked only when there is
    /// something to say.
    fn named_in(&self, id: u32) -> Vec<(u32, String, Span)> {
        let mut names = Vec::new();
        if let Ok(expr) = parse_in(self.text(id).as_str(), id) {
            macros(&expr, &mut names);
        }
        let number = |name: &str| self.tables.macros.iter().position(|m| m.name == name);
        names.into_iter().filter_map(|(name, span)| Some((number(&name)? as u32, name, span))).collect()
    }

    /// How the text of a macro came into another: the names of macros, from the innermost outwards.
    fn path(&self, root: u32, target: u32) -> Vec<(String, Span)> {
        let mut by: Vec<Option<(u32, String, Span)>> = vec![None; self.texts.len()];
        let mut queue = VecDeque::from([root]);
        while let Some(id) = queue.pop_front() {
            for (index, name, span) in self.named_in(id) {
                if index != root && by.get(index as usize).is_some_and(Option::is_none) {
                    by[index as usize] = Some((id, name, span));
                    queue.push_back(index);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = target;
        while let Some((from, name, span)) = by.get_mut(at as usize).and_then(Option::take) {
            path.push((name, span));
            at = from;
        }
        path
    }
}

/// Where the parts of all conditions of a ruleset were written.
pub(crate) struct Origins {
    /// Names; a macro's number is that of its text.
    macros: Vec<String>,
    texts: Arc<Vec<Text>>,
    files: Vec<Arc<SourceFile>>,
}

impl Origins {
    pub(super) fn new(tables: &Tables, texts: Arc<Vec<Text>>, files: &[Arc<SourceFile>]) -> Self {
        let macros = tables.macros.iter().map(|m| m.name.clone()).collect();
        Self { macros, texts, files: files.to_vec() }
    }

    /// Where a span was written.
    pub(crate) fn of(&self, span: Span) -> Option<Origin> {
        let range = span.start as usize..span.end as usize;
        let note = self.texts.get(span.source as usize)?.notes(range, "", &self.files).into_iter().next()?;
        let file = self.files.get(note.place.file as usize)?;
        let (line, _) = file.position(note.place.start as usize);
        let macro_name = self.macros.get(span.source as usize).cloned();
        Some(Origin { macro_name, file: file.name().to_owned(), line })
    }
}

/// Macros that a condition names.
fn macros(expr: &Expr, out: &mut Vec<(String, Span)>) {
    match expr {
        Expr::And(children) | Expr::Or(children) => children.iter().for_each(|c| macros(c, out)),
        Expr::Not(child) => macros(child, out),
        Expr::Macro(name, span) => out.push((name.clone(), *span)),
        Expr::Test(_) => {}
    }
}
