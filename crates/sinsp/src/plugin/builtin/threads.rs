//! The columns of threads.

use super::super::data::{DataType, Scalar};
use super::super::error::PluginError;
use super::column::{Fixed, number, text};
use super::kind::{Kind, gone};
use crate::state::{Session, State, Text, Thread, ThreadFlags, ThreadKey};

type Read = fn(&State, &Thread) -> Scalar;

/// The way in which a column is written.
enum Write {
    /// The column is read-only.
    No,
    /// It is the key of the thread: only a new thread may have another value.
    Key,
    Thread(fn(&mut Thread, &Scalar) -> Option<()>),
    Session(fn(&mut Session, &Scalar) -> Option<()>),
    State(fn(&mut State, ThreadKey, &Scalar) -> Option<()>),
}

struct Column {
    name: &'static str,
    ty: DataType,
    read: Read,
    write: Write,
}

macro_rules! thread_columns {
    ($($name:literal $ty:ident $read:expr, $way:ident $($write:expr)?;)*) => {
        &[$(Column { name: $name, ty: DataType::$ty, read: $read, write: Write::$way $(($write))? },)*]
    };
}

fn rename(thread: &mut Thread, value: &Scalar) -> Option<()> {
    thread.comm = text(value)?;
    // The command line begins with the executable.
    let args = thread.args.clone();
    thread.set_args(args);
    Some(())
}

const PLAIN: &[Column] = thread_columns! {
    "tid" I64 |_, t| Scalar::I64(t.tid), Key;
    "pid" I64 |_, t| Scalar::I64(t.pid), State |s, key, v| number(v).map(|n| s.threads.set_pid(key, n));
    "ptid" I64 |_, t| Scalar::I64(t.ptid), State |s, key, v| {
        let parent = s.threads.key(number(v)?);
        s.threads.move_below(key, parent);
        Some(())
    };
    "reaper_tid" I64 |_, t| Scalar::I64(t.reaper_tid), Thread |t, v| number(v).map(|n| t.reaper_tid = n);
    "sid" I64 |s, t| Scalar::I64(s.threads.session(t).sid), Session |s, v| number(v).map(|n| s.sid = n);
    "comm" Str |_, t| Scalar::text(&t.comm), Thread rename;
    "exe" Str |_, t| Scalar::text(&t.exe), Thread |t, v| text(v).map(|text| t.exe = text);
    "exe_path" Str |_, t| Scalar::text(&t.executable.path),
        Thread |t, v| text(v).map(|text| t.executable.path = text);
    "exe_writable" Bool |_, t| Scalar::Bool(t.executable.is_writable),
        Thread |t, v| number(v).map(|n| t.executable.is_writable = n != 0);
    "exe_upper_layer" Bool |_, t| Scalar::Bool(t.executable.in_upper_layer),
        Thread |t, v| number(v).map(|n| t.executable.in_upper_layer = n != 0);
    "exe_lower_layer" Bool |_, t| Scalar::Bool(t.executable.in_lower_layer),
        Thread |t, v| number(v).map(|n| t.executable.in_lower_layer = n != 0);
    "exe_from_memfd" Bool |_, t| Scalar::Bool(t.executable.from_memfd),
        Thread |t, v| number(v).map(|n| t.executable.from_memfd = n != 0);
    "flags" U32 |_, t| Scalar::U32(t.flags.bits()),
        Thread |t, v| number(v).map(|n| t.flags = ThreadFlags::from_bits_retain(n as u32));
    "fd_limit" I64 |_, t| Scalar::I64(t.fdlimit), Thread |t, v| number(v).map(|n| t.fdlimit = n);
    "uid" U32 |_, t| Scalar::U32(t.uid), Thread |t, v| number(v).map(|n| t.uid = n as u32);
    "gid" U32 |_, t| Scalar::U32(t.gid), Thread |t, v| number(v).map(|n| t.gid = n as u32);
    "loginuid" U32 |_, t| Scalar::U32(t.loginuid), Thread |t, v| number(v).map(|n| t.loginuid = n as u32);
    "exe_ino" U64 |_, t| Scalar::U64(t.executable.ino),
        Thread |t, v| number(v).map(|n| t.executable.ino = n as u64);
    "exe_ino_ctime" U64 |_, t| Scalar::U64(t.executable.ctime),
        Thread |t, v| number(v).map(|n| t.executable.ctime = n as u64);
    "exe_ino_mtime" U64 |_, t| Scalar::U64(t.executable.mtime),
        Thread |t, v| number(v).map(|n| t.executable.mtime = n as u64);
    "vtid" I64 |_, t| Scalar::I64(t.vtid), Thread |t, v| number(v).map(|n| t.vtid = n);
    "vpid" I64 |_, t| Scalar::I64(t.vpid), Thread |t, v| number(v).map(|n| t.vpid = n);
    "vpgid" I64 |s, t| Scalar::I64(s.threads.session(t).vpgid), Session |s, v| number(v).map(|n| s.vpgid = n);
    "pgid" I64 |s, t| Scalar::I64(s.threads.session(t).pgid), Session |s, v| number(v).map(|n| s.pgid = n);
    "pidns_init_start_ts" U64 |_, t| Scalar::U64(t.pidns_start),
        Thread |t, v| number(v).map(|n| t.pidns_start = n as u64);
    "root" Str |s, t| Scalar::text(s.threads.directories(t).map_or(&b""[..], |directories| &directories.root)),
        State |s, key, v| text(v).map(|text| s.threads.set_root(key, &text));
    "tty" U32 |s, t| Scalar::U32(s.threads.session(t).tty), Session |s, v| number(v).map(|n| s.tty = n as u32);
    "cwd" Str |s, t| Scalar::text(s.threads.cwd(t)), No;
};

/// Columns that are tables.
const NESTED: &[(&str, Kind)] = &[
    ("args", Kind::Args),
    ("env", Kind::Env),
    ("cgroups", Kind::Cgroups),
    ("file_descriptors", Kind::Files),
];

pub(super) fn columns() -> impl Iterator<Item = Fixed> {
    let plain = PLAIN.iter().map(|column| Fixed {
        name: column.name,
        ty: column.ty,
        is_read_only: matches!(column.write, Write::No),
    });
    let table = |(name, _): &(&'static str, Kind)| Fixed { name, ty: DataType::Table, is_read_only: true };
    plain.chain(NESTED.iter().map(table))
}

/// The name of a table inside the entries of threads.
pub(super) fn nested_name(kind: Kind) -> Option<&'static str> {
    NESTED.iter().find(|(_, nested)| *nested == kind).map(|(name, _)| *name)
}

/// The nested table of a column.
pub(super) fn nested(column: u32) -> Option<Kind> {
    NESTED.get((column as usize).checked_sub(PLAIN.len())?).map(|(_, kind)| *kind)
}

pub(super) fn read(state: &State, thread: &Thread, column: u32) -> Option<Scalar> {
    PLAIN.get(column as usize).map(|column| (column.read)(state, thread))
}

/// The default value of a column for a thread that a plugin made.
pub(super) fn default_of(state: &State, column: u32) -> Option<Scalar> {
    let mut thread = Thread::unknown(-1, &Text::default());
    thread.flags = ThreadFlags::NAME_CHANGED;
    read(state, &thread, column)
}

/// Writes a column of the table; `None` if it is no fixed column.
pub(super) fn write(
    state: &mut State,
    key: ThreadKey,
    column: u32,
    value: &Scalar,
) -> Option<Result<(), PluginError>> {
    let column = PLAIN.get(column as usize)?;
    let outcome = match &column.write {
        Write::No => {
            return Some(Err(format!("can't set a read-only static struct field: {}", column.name).into()));
        }
        Write::Key => {
            let tid = state.threads.at(key).map(|thread| thread.tid);
            if tid != number(value) {
                let why =
                    format!("the key of an entry that is in the table cannot be changed: {}", column.name);
                return Some(Err(why.into()));
            }
            Some(())
        }
        Write::Thread(write) => match state.threads.at_mut(key) {
            Some(thread) => write(thread, value),
            None => return Some(Err(gone())),
        },
        Write::Session(write) => match state.threads.at(key) {
            Some(thread) => {
                let mut session = state.threads.session(thread);
                let written = write(&mut session, value);
                state.threads.set_session(key, session);
                written
            }
            None => return Some(Err(gone())),
        },
        Write::State(write) => write(state, key, value),
    };
    Some(outcome.ok_or_else(|| "the value does not fit".into()))
}

/// Adds a thread, and removes the one with this id. Returns the values of columns that are no part of a
/// thread.
pub(super) fn insert(
    state: &mut State,
    tid: i64,
    values: impl IntoIterator<Item = (u32, Scalar)>,
) -> Result<Vec<(u32, Scalar)>, PluginError> {
    if let Some(before) = state.threads.key(tid) {
        state.threads.replace(before);
    }
    let mut thread = Thread::unknown(tid, &Text::default());
    thread.flags = ThreadFlags::NAME_CHANGED;
    thread.pid = tid;
    let mut left = Vec::new();
    for (column, value) in values {
        match PLAIN.get(column as usize).map(|column| column.name) {
            Some("tid") => {}
            Some("pid") => thread.pid = number(&value).unwrap_or(tid),
            Some("ptid") => thread.ptid = number(&value).unwrap_or(-1),
            _ => left.push((column, value)),
        }
    }
    // Threads of the kernel may have no parent; with a number below 0, the entry would not be linked with
    // its process.
    thread.ptid = thread.ptid.max(0);
    let added = state.threads.add(thread).ok_or("the table of threads is full")?;
    state.threads.link(added);
    Ok(left)
}
