//! Definitions of rules files: lists, macros and rules with their exceptions.

use std::sync::Arc;

use std::collections::BTreeSet;

use super::decode::Scalar;
use super::result::Context;
use super::table::{Named, Table};
use super::text::Text;
use super::yaml::At;
use crate::diagnostic::Place;
use crate::rule::Priority;

/// Definition of a list.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) items: Vec<Scalar>,
    pub(super) index: usize,
    pub(super) visibility: usize,
    pub(super) context: Context,
    /// Its name.
    pub(super) place: Place,
}

/// Definition of a macro.
#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    pub(super) condition: Text,
    pub(super) index: usize,
    pub(super) visibility: usize,
    pub(super) context: Context,
    pub(super) condition_context: Context,
    /// Its name.
    pub(super) place: Place,
}

/// Definition of a rule.
#[derive(Clone, Debug)]
pub(super) struct RawRule {
    pub(super) name: String,
    pub(super) condition: Text,
    pub(super) output: Text,
    pub(super) desc: String,
    pub(super) priority: Priority,
    pub(super) source: String,
    pub(super) enabled: bool,
    pub(super) tags: BTreeSet<String>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) warn_evttypes: bool,
    pub(super) skip_if_unknown: bool,
    pub(super) capture: bool,
    pub(super) capture_duration: u32,
    pub(super) context: Context,
    pub(super) condition_context: Context,
    pub(super) output_context: Context,
    /// Its name.
    pub(super) place: Place,
}

impl Named for List {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Macro {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for RawRule {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Reads the file of a list's items; the arguments are the name of the rules file and the path in it.
type ReadItems = dyn Fn(&str, &str) -> std::io::Result<String> + Send + Sync;

/// The function that reads files of items, if there is one.
#[derive(Clone, Default)]
pub(super) struct ItemFiles(pub(super) Option<Arc<ReadItems>>);

impl std::fmt::Debug for ItemFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItemFiles").finish_non_exhaustive()
    }
}

/// All definitions so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) lists: Table<List>,
    pub(super) macros: Table<Macro>,
    pub(super) rules: Table<RawRule>,
    pub(super) plugins: Vec<Vec<(String, String)>>,
    /// The newest engine version that some file requires.
    pub(super) engine: [u64; 3],
    pub(super) counter: usize,
    /// The function that reads files of items.
    pub(super) item_files: ItemFiles,
}

/// An exception of a rule.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) name: String,
    pub(super) fields: Entry,
    pub(super) comps: Entry,
    pub(super) values: Vec<Entry>,
    /// Place of the exception in its rule.
    pub(super) at: At,
    /// Its name.
    pub(super) place: Place,
}

impl Exception {
    /// Whether it excludes anything.
    pub(super) fn has_values(&self) -> bool {
        !self.values.is_empty()
    }
}

/// A text, or entries in brackets.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) at: At,
}

#[derive(Clone, Debug)]
pub(super) enum EntryKind {
    /// Empty if the value is absent or not a text.
    One(String),
    Many(Vec<Entry>),
}

impl Entry {
    pub(super) fn one(text: impl Into<String>, at: At) -> Self {
        Self { kind: EntryKind::One(text.into()), at }
    }

    /// The text; empty for a list.
    pub(super) fn text(&self) -> &str {
        match &self.kind {
            EntryKind::One(text) => text,
            EntryKind::Many(_) => "",
        }
    }

    /// The entries of a list.
    pub(super) fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            EntryKind::One(_) => None,
            EntryKind::Many(items) => Some(items),
        }
    }

    /// The entries of a list, or else the entry itself.
    pub(super) fn all(&self) -> &[Self] {
        self.items().unwrap_or(std::slice::from_ref(self))
    }

    pub(super) fn to_text(&self) -> Text {
        Text::scalar(self.text(), self.at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items().map_or(self.text().is_empty(), <[Self]>::is_empty)
    }

    /// The texts of [`Entry::all`].
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.all().iter().map(Self::text)
    }
}
