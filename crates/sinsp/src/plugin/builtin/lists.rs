//! The lists of a process as tables: arguments, environment, cgroups. The key of an entry is its index.

use super::super::data::{DataType, Scalar};
use super::super::error::PluginError;
use super::column::Fixed;
use super::kind::{Kind, absent, gone};
use crate::state::{State, Text, Thread};

/// Maximum length of a list that plugins write.
const MAX_LEN: u64 = 1 << 16;

const ITEM: &[&str] = &["value"];
const CGROUP: &[&str] = &["first", "second"];

fn names(kind: Kind) -> &'static [&'static str] {
    if kind == Kind::Cgroups { CGROUP } else { ITEM }
}

pub(super) fn columns(kind: Kind) -> impl Iterator<Item = Fixed> {
    names(kind).iter().map(|name| Fixed { name, ty: DataType::Str, is_read_only: false })
}

fn text<'s>(state: &'s State, kind: Kind, thread: &'s Thread) -> &'s [u8] {
    match kind {
        Kind::Args => &thread.args,
        Kind::Env => state.threads.env(thread),
        Kind::Cgroups => &thread.cgroups,
        Kind::Threads | Kind::Files => b"",
    }
}

/// The entries of a list. Unlike elsewhere, a list may consist of one empty entry.
fn items(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_empty = text.is_empty();
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    text.split(|byte| *byte == 0).filter(move |_| !is_empty)
}

pub(super) fn len(state: &State, kind: Kind, thread: &Thread) -> u64 {
    items(text(state, kind, thread)).count() as u64
}

/// A part of an entry: all of it, or the part before or after the first `=` of a cgroup.
fn part(kind: Kind, item: &[u8], column: u32) -> Option<&[u8]> {
    let equals = item.iter().position(|byte| *byte == b'=').unwrap_or(item.len());
    match (kind, column) {
        (Kind::Cgroups, 0) => Some(&item[..equals]),
        (Kind::Cgroups, 1) => Some(item.get(equals + 1..).unwrap_or_default()),
        (_, 0) => Some(item),
        _ => None,
    }
}

pub(super) fn read(state: &State, kind: Kind, tid: i64, at: u64, column: u32) -> Result<Scalar, PluginError> {
    let thread = state.threads.get(tid).ok_or_else(gone)?;
    let item = items(text(state, kind, thread)).nth(at as usize).ok_or_else(gone)?;
    let part = part(kind, item, column).ok_or("there is no such field")?;
    Ok(Scalar::text(part))
}

/// Changes the list of a thread.
fn change(
    state: &mut State,
    kind: Kind,
    tid: Option<i64>,
    change: impl FnOnce(&mut Vec<Vec<u8>>) -> Result<(), PluginError>,
) -> Result<(), PluginError> {
    let outside = || PluginError::new("the entry that the table is in is gone, or in no table yet");
    let key = tid.and_then(|tid| state.threads.key(tid)).ok_or_else(outside)?;
    // The environment belongs to the process.
    let key = if kind == Kind::Env { state.threads.main_key(key).ok_or_else(gone)? } else { key };
    let thread = state.threads.at(key).ok_or_else(gone)?;
    let mut all: Vec<Vec<u8>> = items(text(state, kind, thread)).map(<[u8]>::to_vec).collect();
    change(&mut all)?;
    let mut text = Vec::new();
    for item in &all {
        // A NUL ends a text.
        text.extend(item.split(|byte| *byte == 0).next().unwrap_or_default());
        text.push(0);
    }
    let text = Text::from(text);
    let thread = state.threads.at_mut(key).ok_or_else(gone)?;
    match kind {
        Kind::Args => thread.set_args(text),
        Kind::Env => thread.env = text,
        Kind::Cgroups => thread.cgroups = text,
        Kind::Threads | Kind::Files => {}
    }
    Ok(())
}

fn bytes(value: &Scalar) -> Result<&[u8], PluginError> {
    match value {
        Scalar::Str(text) => Ok(text),
        _ => Err("the value does not fit".into()),
    }
}

fn set(kind: Kind, item: &mut Vec<u8>, column: u32, value: &Scalar) -> Result<(), PluginError> {
    let value = bytes(value)?;
    let of = |column| part(kind, item, column).unwrap_or_default();
    *item = match (kind, column) {
        (Kind::Cgroups, 0) => [value, b"=", of(1)].concat(),
        (Kind::Cgroups, 1) => [of(0), b"=", value].concat(),
        (_, 0) => value.to_vec(),
        _ => return Err("there is no such field".into()),
    };
    Ok(())
}

pub(super) fn write(
    state: &mut State,
    kind: Kind,
    (tid, at): (i64, u64),
    column: u32,
    value: &Scalar,
) -> Result<(), PluginError> {
    change(state, kind, Some(tid), |all| {
        let item = all.get_mut(at as usize).ok_or_else(gone)?;
        set(kind, item, column, value)
    })
}

/// The index in a key.
pub(super) fn place(key: &Scalar) -> Result<u64, PluginError> {
    match key {
        Scalar::U64(at) => Ok(*at),
        _ => Err("unsupported key type".into()),
    }
}

/// Like [`place`], for an entry to be inserted.
pub(super) fn checked_place(key: &Scalar) -> Result<u64, PluginError> {
    let at = place(key)?;
    if at < MAX_LEN {
        return Ok(at);
    }
    Err(format!("a list of a process has at most {MAX_LEN} entries, and none at {at}").into())
}

/// Inserts an entry at an index; a shorter list is filled with empty entries.
pub(super) fn insert(
    state: &mut State,
    kind: Kind,
    tid: Option<i64>,
    at: u64,
    values: impl IntoIterator<Item = (u32, Scalar)>,
) -> Result<(), PluginError> {
    change(state, kind, tid, |all| {
        if all.len() <= at as usize {
            all.resize(at as usize + 1, Vec::new());
        }
        let mut item = Vec::new();
        for (column, value) in values {
            set(kind, &mut item, column, &value)?;
        }
        all[at as usize] = item;
        Ok(())
    })
}

/// Removes an entry; later entries move up.
pub(super) fn erase(
    state: &mut State,
    kind: Kind,
    tid: Option<i64>,
    key: &Scalar,
) -> Result<(), PluginError> {
    let at = place(key)? as usize;
    change(state, kind, tid, |all| {
        if at >= all.len() {
            return Err("table entry not found".into());
        }
        all.remove(at);
        Ok(())
    })
}

pub(super) fn clear(state: &mut State, kind: Kind, tid: Option<i64>) -> Result<(), PluginError> {
    change(state, kind, tid, |all| {
        all.clear();
        Ok(())
    })
}

/// Checks that the list has an entry at the index.
///
/// # Errors
/// There is no such entry.
pub(super) fn find(state: &State, kind: Kind, thread: &Thread, key: &Scalar) -> Result<u64, PluginError> {
    let at = place(key)?;
    if at < len(state, kind, thread) { Ok(at) } else { Err(absent()) }
}
