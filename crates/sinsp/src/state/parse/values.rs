//! Values of processes in the form in which events and `/proc` report them.

use eyas_scap::RawEvent;

use crate::state::text::split_nul;
use crate::state::{Layouts, Text, Thread, id_of_cgroups};

/// A list as the kernel sends it, each entry ended by NUL.
pub(in crate::state) fn list(bytes: &[u8]) -> Text {
    bytes.into()
}

/// The path without what the kernel appends to the name of a deleted file.
pub(in crate::state) fn exepath(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// Sets the control groups under the names that the fields use, and the container that they name.
///
/// A malformed element discards the update.
pub(in crate::state) fn set_cgroups(thread: &mut Thread, bytes: &[u8], layouts: &Layouts) {
    let mut out = Vec::with_capacity(bytes.len());
    for group in split_nul(bytes) {
        let Some(at) = group.iter().position(|b| *b == b'=') else { return };
        let (name, path) = group.split_at(at);
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
    if *thread.cgroups == *out {
        return;
    }
    let id = id_of_cgroups(&out, layouts);
    if thread.container.as_deref() != id {
        thread.container = id.map(Text::from);
    }
    thread.cgroups = out.into();
}

/// As [`set_cgroups`]; an event without them leaves them as they are.
pub(in crate::state) fn update_cgroups(thread: &mut Thread, bytes: Option<&[u8]>, layouts: &Layouts) {
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        set_cgroups(thread, bytes, layouts);
    }
}

pub(in crate::state) fn text(raw: &RawEvent<'_>, index: usize) -> Text {
    raw.text(index).unwrap_or_default().into()
}

/// The command name: the executable's if there is none of its own.
pub(in crate::state) fn comm(name: Option<&[u8]>, exe: &Text) -> Text {
    name.filter(|name| *name != &**exe).map_or_else(|| exe.clone(), Text::from)
}
