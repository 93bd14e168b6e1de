//! Kinds of the inspector's tables, and errors for missing entries.

use super::super::error::PluginError;

/// A table of an inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::plugin) enum Kind {
    Threads,
    Files,
    Args,
    Env,
    Cgroups,
}

pub(super) fn absent() -> PluginError {
    "get_entry found no element at given key".into()
}

pub(super) fn gone() -> PluginError {
    "the entry is gone".into()
}
