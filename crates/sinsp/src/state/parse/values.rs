//! Values of processes in the form in which events and `/proc` report them.

use eyas_scap::RawEvent;

use crate::state::text::split_nul;
use crate::state::{Layouts, Text, Thread, completed, id_of_cgroups};

/// A list from the kernel, each entry ended by NUL.
pub(in crate::state) fn list(bytes: &[u8]) -> Text {
    bytes.into()
}

/// The path without the suffix of a deleted file.
pub(in crate::state) fn exepath(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// Sets the cgroups, with the names that the fields use, and their container.
///
/// A malformed element discards the update.
pub(in crate::state) fn set_cgroups(thread: &mut Thread, bytes: &[u8], layouts: &Layouts) {
    let Some(cgroups) = named(bytes).filter(|cgroups| **cgroups != *thread.cgroups) else { return };
    let id = id_of_cgroups(&cgroups, layouts);
    if thread.container.as_deref() != id {
        thread.container = id.map(Text::from);
    }
    thread.cgroups = cgroups.into();
}

/// Cgroups with the names that the fields use; `None` if an element is malformed.
fn named(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    for group in split_nul(bytes) {
        let (name, path) = group.split_at(group.iter().position(|b| *b == b'=')?);
        let name = name.strip_suffix(b"_cgroup").unwrap_or(name);
        out.extend_from_slice(match name {
            b"perf" => b"perf_event",
            b"mem" => b"memory",
            b"io" => b"blkio",
            name => name,
        });
        out.extend_from_slice(path);
        out.push(0);
    }
    Some(out)
}

/// Whether the thread has other cgroups than these.
pub(in crate::state) fn has_other_cgroups(thread: &Thread, bytes: Option<&[u8]>) -> bool {
    bytes.and_then(named).is_some_and(|cgroups| !cgroups.is_empty() && *cgroups != *thread.cgroups)
}

/// Like [`set_cgroups`], for a process whose previous cgroups are known. If the event reports none, they stay.
pub(in crate::state) fn update_cgroups(thread: &mut Thread, bytes: Option<&[u8]>, layouts: &Layouts) {
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        let before = thread.container.is_some().then(|| thread.cgroups.clone());
        set_cgroups(thread, bytes, layouts);
        if let Some(before) = before {
            complete_cgroups(thread, &before, layouts);
        }
    }
}

/// Completes cgroups of which the event contains only the last components. `by` are the previous cgroups of the process, or those
/// of its creator.
pub(in crate::state) fn complete_cgroups(thread: &mut Thread, by: &[u8], layouts: &Layouts) {
    if thread.container.is_none()
        && let Some(cgroups) = completed(&thread.cgroups, by, layouts)
    {
        set_cgroups(thread, &cgroups, layouts);
    }
}

pub(in crate::state) fn text(raw: &RawEvent<'_>, index: usize) -> Text {
    raw.text(index).unwrap_or_default().into()
}

/// The command name, or the executable's name if there is none.
pub(in crate::state) fn comm(name: Option<&[u8]>, exe: &Text) -> Text {
    name.filter(|name| *name != &**exe).map_or_else(|| exe.clone(), Text::from)
}
