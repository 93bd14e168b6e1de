//! The tables of an inspector: `threads`, and within its entries files, arguments, environment and control groups.

use rustc_hash::FxHashMap;
use slotmap::Key as _;

use super::data::{DataType, Scalar};
use super::error::PluginError;
use super::tables::ColumnInfo;
use crate::state::{Fd, Socket, State, Text, Thread, ThreadFlags, ThreadKey, split_nul};

/// Name of the only table that is not within an entry.
pub(super) const THREADS: &str = "threads";

/// A table of an inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Threads,
    Files,
    Args,
    Env,
    Cgroups,
}

/// An entry of a table.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// The thread with this id.
    Thread(i64),
    /// An open file of the thread.
    File(i64, i64),
    /// A place in a list of the thread.
    Item(i64, u64),
    /// One that is in no table yet, with what was written to it.
    New(FxHashMap<u32, Scalar>),
}

type Read = fn(&State, &Thread) -> Scalar;
type Write = fn(&mut Thread, &Scalar) -> Option<()>;

/// A column of threads.
struct Column {
    name: &'static str,
    ty: DataType,
    read: Read,
    write: Option<Write>,
}

fn number(value: &Scalar) -> Option<i64> {
    Some(match *value {
        Scalar::I64(n) => n,
        Scalar::U32(n) => n.into(),
        Scalar::U64(n) => n as i64,
        Scalar::Bool(n) => n.into(),
        _ => return None,
    })
}

fn text(value: &Scalar) -> Option<Text> {
    match value {
        Scalar::Str(text) => Some(Text::from(&**text)),
        _ => None,
    }
}

/// Rows: name, type, how it is read, and how it is written if it can be.
macro_rules! columns {
    ($($name:literal $ty:ident $read:expr $(, $write:expr)?;)*) => {
        &[$(Column { name: $name, ty: DataType::$ty, read: $read, write: columns!(@write $($write)?)},)*]
    };
    (@write) => { None };
    (@write $write:expr) => { Some($write) };
}

const PLAIN: &[Column] = columns! {
    "tid" I64 |_, t| Scalar::I64(t.tid);
    "pid" I64 |_, t| Scalar::I64(t.pid);
    "ptid" I64 |_, t| Scalar::I64(t.ptid);
    "reaper_tid" I64 |_, t| Scalar::I64(t.reaper_tid), |t, v| number(v).map(|n| t.reaper_tid = n);
    "sid" I64 |s, t| Scalar::I64(s.threads.session(t).sid);
    "comm" Str |_, t| Scalar::text(&t.comm), |t, v| text(v).map(|text| t.comm = text);
    "exe" Str |_, t| Scalar::text(&t.exe), |t, v| text(v).map(|text| t.exe = text);
    "exe_path" Str |_, t| Scalar::text(&t.executable.path), |t, v| text(v).map(|text| t.executable.path = text);
    "exe_writable" Bool |_, t| Scalar::Bool(t.executable.is_writable),
        |t, v| number(v).map(|n| t.executable.is_writable = n != 0);
    "exe_upper_layer" Bool |_, t| Scalar::Bool(t.executable.in_upper_layer),
        |t, v| number(v).map(|n| t.executable.in_upper_layer = n != 0);
    "exe_lower_layer" Bool |_, t| Scalar::Bool(t.executable.in_lower_layer),
        |t, v| number(v).map(|n| t.executable.in_lower_layer = n != 0);
    "exe_from_memfd" Bool |_, t| Scalar::Bool(t.executable.from_memfd),
        |t, v| number(v).map(|n| t.executable.from_memfd = n != 0);
    "flags" U32 |_, t| Scalar::U32(t.flags.bits()),
        |t, v| number(v).map(|n| t.flags = ThreadFlags::from_bits_retain(n as u32));
    "fd_limit" I64 |_, t| Scalar::I64(t.fdlimit), |t, v| number(v).map(|n| t.fdlimit = n);
    "uid" U32 |_, t| Scalar::U32(t.uid), |t, v| number(v).map(|n| t.uid = n as u32);
    "gid" U32 |_, t| Scalar::U32(t.gid), |t, v| number(v).map(|n| t.gid = n as u32);
    "loginuid" U32 |_, t| Scalar::U32(t.loginuid), |t, v| number(v).map(|n| t.loginuid = n as u32);
    "exe_ino" U64 |_, t| Scalar::U64(t.executable.ino), |t, v| number(v).map(|n| t.executable.ino = n as u64);
    "exe_ino_ctime" U64 |_, t| Scalar::U64(t.executable.ctime),
        |t, v| number(v).map(|n| t.executable.ctime = n as u64);
    "exe_ino_mtime" U64 |_, t| Scalar::U64(t.executable.mtime),
        |t, v| number(v).map(|n| t.executable.mtime = n as u64);
    "vtid" I64 |_, t| Scalar::I64(t.vtid), |t, v| number(v).map(|n| t.vtid = n);
    "vpid" I64 |_, t| Scalar::I64(t.vpid), |t, v| number(v).map(|n| t.vpid = n);
    "vpgid" I64 |s, t| Scalar::I64(s.threads.session(t).vpgid);
    "pgid" I64 |s, t| Scalar::I64(s.threads.session(t).pgid);
    "pidns_init_start_ts" U64 |_, t| Scalar::U64(t.pidns_start), |t, v| number(v).map(|n| t.pidns_start = n as u64);
    "root" Str |s, t| Scalar::text(s.threads.directories(t).map_or(&b""[..], |directories| &directories.root));
    "tty" U32 |s, t| Scalar::U32(s.threads.session(t).tty);
    "cwd" Str |s, t| Scalar::text(s.threads.cwd(t));
};

/// Columns that are tables.
const NESTED: &[(&str, Kind)] = &[
    ("args", Kind::Args),
    ("env", Kind::Env),
    ("cgroups", Kind::Cgroups),
    ("file_descriptors", Kind::Files),
];

type ReadFile = fn(i64, &Fd) -> Scalar;

fn ipv4(fd: &Fd, is_source: bool) -> (u32, u16) {
    let (ip, port) = ends(fd, is_source);
    match ip {
        Some(std::net::IpAddr::V4(ip)) => (u32::from_ne_bytes(ip.octets()), port),
        _ => (0, 0),
    }
}

fn ends(fd: &Fd, is_source: bool) -> (Option<std::net::IpAddr>, u16) {
    match fd.socket() {
        Socket::Inet { source, destination } => {
            let end = if is_source { source } else { destination };
            (Some(end.0), end.1)
        }
        Socket::Server { addr } if !is_source => (Some(addr.0), addr.1),
        _ => (None, 0),
    }
}

const FILES: &[(&str, DataType, ReadFile)] = &[
    ("type", DataType::U8, |_, fd| Scalar::U8(fd.kind as u8)),
    ("open_flags", DataType::U32, |_, fd| Scalar::U32(fd.open_flags)),
    ("name", DataType::Str, |_, fd| Scalar::text(&fd.name)),
    ("name_raw", DataType::Str, |_, fd| Scalar::text(&fd.raw_name)),
    ("dev", DataType::U32, |_, fd| Scalar::U32(fd.dev)),
    ("mount_id", DataType::U32, |_, fd| Scalar::U32(fd.mount_id)),
    ("ino", DataType::U64, |_, fd| Scalar::U64(fd.ino)),
    ("pid", DataType::I64, |_, fd| Scalar::I64(fd.pid.into())),
    ("fd", DataType::I64, |num, _| Scalar::I64(num)),
    ("socket_ipv4_src_ip", DataType::U32, |_, fd| Scalar::U32(ipv4(fd, true).0)),
    ("socket_ipv4_dest_dip", DataType::U32, |_, fd| Scalar::U32(ipv4(fd, false).0)),
    ("socket_ipv4_src_port", DataType::U16, |_, fd| Scalar::U16(ipv4(fd, true).1)),
    ("socket_ipv4_dst_port", DataType::U16, |_, fd| Scalar::U16(ipv4(fd, false).1)),
    ("socket_ipv4_l4_proto", DataType::U8, |_, fd| Scalar::U8(fd.l4 as u8)),
];

/// Columns of the lists of texts.
const ITEM: &[&str] = &["value"];
const CGROUP: &[&str] = &["first", "second"];

/// What a datum is, or the table that it stands for.
pub(super) enum Found {
    Scalar(Scalar),
    /// A table within the entry of the thread; of no thread within one that is in no table yet.
    Table(Kind, Option<i64>),
}

/// Columns that plugins added, and what they wrote to them.
#[derive(Default)]
pub(super) struct Builtins {
    threads: Vec<(Box<str>, DataType)>,
    files: Vec<(Box<str>, DataType)>,
    /// By thread (never the same for another one), descriptor and column.
    values: FxHashMap<(u64, Option<i64>, u32), Scalar>,
}

/// Most data that plugins keep: those of threads that are gone are dropped then.
const MAX_VALUES: usize = 1 << 18;

fn absent() -> PluginError {
    "get_entry found no element at given key".into()
}

fn list(state: &State, kind: Kind, thread: &Thread) -> Vec<Box<[u8]>> {
    let text = match kind {
        Kind::Args => &*thread.args,
        Kind::Env => state.threads.env(thread),
        Kind::Cgroups => &*thread.cgroups,
        Kind::Threads | Kind::Files => b"",
    };
    split_nul(text).map(Into::into).collect()
}

impl Builtins {
    pub(super) fn key_type(kind: Kind) -> DataType {
        match kind {
            Kind::Threads | Kind::Files => DataType::I64,
            Kind::Args | Kind::Env | Kind::Cgroups => DataType::U64,
        }
    }

    pub(super) fn name(kind: Kind) -> &'static str {
        NESTED.iter().find(|(_, nested)| *nested == kind).map_or(THREADS, |(name, _)| name)
    }

    /// Columns that are always there: name, type, and whether they can be written.
    fn fixed(kind: Kind) -> Vec<(&'static str, DataType, bool)> {
        match kind {
            Kind::Threads => {
                let plain = PLAIN.iter().map(|column| (column.name, column.ty, column.write.is_some()));
                plain.chain(NESTED.iter().map(|(name, _)| (*name, DataType::Table, false))).collect()
            }
            Kind::Files => FILES.iter().map(|(name, ty, _)| (*name, *ty, false)).collect(),
            Kind::Args | Kind::Env => ITEM.iter().map(|name| (*name, DataType::Str, false)).collect(),
            Kind::Cgroups => CGROUP.iter().map(|name| (*name, DataType::Str, false)).collect(),
        }
    }

    fn added(&self, kind: Kind) -> &[(Box<str>, DataType)] {
        match kind {
            Kind::Threads => &self.threads,
            Kind::Files => &self.files,
            Kind::Args | Kind::Env | Kind::Cgroups => &[],
        }
    }

    pub(super) fn columns(&self, kind: Kind) -> Vec<ColumnInfo> {
        let fixed = Self::fixed(kind).into_iter().map(|(name, ty, can_write)| ColumnInfo {
            name: name.into(),
            ty,
            is_read_only: !can_write,
        });
        let info = |(name, ty): &(Box<str>, DataType)| ColumnInfo {
            name: name.to_string(),
            ty: *ty,
            is_read_only: false,
        };
        fixed.chain(self.added(kind).iter().map(info)).collect()
    }

    /// Number of a column.
    pub(super) fn column(&self, kind: Kind, name: &str, ty: DataType) -> Result<u32, PluginError> {
        let columns = self.columns(kind);
        let Some(at) = columns.iter().position(|column| column.name == name) else {
            return Err(format!("undefined field '{name}' in table '{}'", Self::name(kind)).into());
        };
        if columns[at].ty == ty {
            return Ok(at as u32);
        }
        let sort = if at < Self::fixed(kind).len() { "static" } else { "dynamic" };
        Err(format!("incompatible data types for {sort} field: {name}").into())
    }

    pub(super) fn add_column(&mut self, kind: Kind, name: &str, ty: DataType) -> Result<u32, PluginError> {
        let fixed = Self::fixed(kind);
        if fixed.iter().any(|(known, ..)| *known == name) {
            return Err(format!("can't add dynamic field already defined as static: {name}").into());
        }
        if ty == DataType::Table {
            return Err(format!("can't add dynamic field of type table: {name}").into());
        }
        let added = match kind {
            Kind::Threads => &mut self.threads,
            Kind::Files => &mut self.files,
            Kind::Args | Kind::Env | Kind::Cgroups => {
                return Err(format!("table '{}' takes no fields", Self::name(kind)).into());
            }
        };
        let at = added.iter().position(|(known, _)| **known == *name);
        if let Some((_, before)) = at.and_then(|at| added.get(at)).filter(|(_, before)| *before != ty) {
            return Err(format!(
                "multiple definitions of dynamic field with different types in struct: {name}, prevtype={}, newtype={}",
                before.name(),
                ty.name()
            )
            .into());
        }
        let at = at.unwrap_or_else(|| {
            added.push((name.into(), ty));
            added.len() - 1
        });
        Ok((fixed.len() + at) as u32)
    }

    /// All entries of a table.
    pub(super) fn rows(state: &State, kind: Kind, tid: Option<i64>) -> Vec<Row> {
        if kind == Kind::Threads {
            return state.threads.iter().map(|thread| Row::Thread(thread.tid)).collect();
        }
        let Some(thread) = tid.and_then(|tid| state.threads.get(tid)) else { return Vec::new() };
        match kind {
            Kind::Files => {
                let files = state.threads.fds(thread).into_iter().flat_map(|files| files.iter());
                files.map(|(num, _)| Row::File(thread.tid, num)).collect()
            }
            _ => (0..list(state, kind, thread).len() as u64).map(|at| Row::Item(thread.tid, at)).collect(),
        }
    }

    /// The entry with a key.
    pub(super) fn row(state: &State, kind: Kind, tid: Option<i64>, key: &Scalar) -> Result<Row, PluginError> {
        let thread = |tid: Option<i64>| tid.and_then(|tid| state.threads.get(tid)).ok_or_else(absent);
        match (kind, key) {
            (Kind::Threads, Scalar::I64(tid)) => thread(Some(*tid)).map(|thread| Row::Thread(thread.tid)),
            (Kind::Files, Scalar::I64(num)) => {
                let thread = thread(tid)?;
                let files = state.threads.fds(thread).filter(|files| files.get(*num).is_some());
                files.map(|_| Row::File(thread.tid, *num)).ok_or_else(absent)
            }
            (Kind::Args | Kind::Env | Kind::Cgroups, Scalar::U64(at)) => {
                let thread = thread(tid)?;
                let len = list(state, kind, thread).len() as u64;
                (*at < len).then_some(Row::Item(thread.tid, *at)).ok_or_else(absent)
            }
            _ => Err("unsupported key type".into()),
        }
    }

    /// What a column that was added has.
    fn added_value(&self, kind: Kind, place: (ThreadKey, Option<i64>), column: u32) -> Option<Scalar> {
        let at = (column as usize).checked_sub(Self::fixed(kind).len())?;
        let (_, ty) = self.added(kind).get(at)?;
        let known = self.values.get(&(place.0.data().as_ffi(), place.1, column)).cloned();
        known.or_else(|| ty.zero())
    }

    pub(super) fn read(
        &self,
        state: &State,
        kind: Kind,
        row: &Row,
        column: u32,
    ) -> Result<Found, PluginError> {
        let nested = (kind == Kind::Threads)
            .then(|| NESTED.get((column as usize).checked_sub(PLAIN.len())?))
            .flatten();
        let gone = || PluginError::new("the entry is gone");
        let no_column = || PluginError::new("there is no such field");
        match row {
            Row::New(values) => match nested {
                Some((_, kind)) => Ok(Found::Table(*kind, None)),
                None => {
                    let columns = self.columns(kind);
                    let ty = columns.get(column as usize).map(|column| column.ty).ok_or_else(no_column)?;
                    let value = values.get(&column).cloned().or_else(|| ty.zero());
                    value.map(Found::Scalar).ok_or_else(no_column)
                }
            },
            Row::Thread(tid) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                let thread = state.threads.at(key).ok_or_else(gone)?;
                if let Some((_, kind)) = nested {
                    // The files of a thread whose leader is gone are not known.
                    if *kind == Kind::Files && state.threads.main_of(thread).is_none() {
                        return Err("".into());
                    }
                    return Ok(Found::Table(*kind, Some(*tid)));
                }
                let value = match PLAIN.get(column as usize) {
                    Some(column) => Some((column.read)(state, thread)),
                    None => self.added_value(kind, (key, None), column),
                };
                value.map(Found::Scalar).ok_or_else(no_column)
            }
            Row::File(tid, num) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                let main = state.threads.main_key(key).ok_or_else(gone)?;
                let thread = state.threads.at(key).ok_or_else(gone)?;
                let file = state.threads.fds(thread).and_then(|files| files.get(*num)).ok_or_else(gone)?;
                let value = match FILES.get(column as usize) {
                    Some((.., read)) => Some(read(*num, file)),
                    None => self.added_value(kind, (main, Some(*num)), column),
                };
                value.map(Found::Scalar).ok_or_else(no_column)
            }
            Row::Item(tid, at) => {
                let thread = state.threads.get(*tid).ok_or_else(gone)?;
                let item = list(state, kind, thread).into_iter().nth(*at as usize).ok_or_else(gone)?;
                let equals = item.iter().position(|byte| *byte == b'=').unwrap_or(item.len());
                let part = match (kind, column) {
                    (Kind::Cgroups, 0) => &item[..equals],
                    (Kind::Cgroups, 1) => item.get(equals + 1..).unwrap_or_default(),
                    (_, 0) => &item,
                    _ => return Err(no_column()),
                };
                Ok(Found::Scalar(Scalar::text(part)))
            }
        }
    }

    pub(super) fn write(
        &mut self,
        state: &mut State,
        kind: Kind,
        row: &mut Row,
        column: u32,
        value: &Scalar,
    ) -> Result<(), PluginError> {
        let columns = self.columns(kind);
        let known = columns.get(column as usize).ok_or("there is no such field")?;
        if known.is_read_only {
            return Err(format!("can't set a read-only static struct field: {}", known.name).into());
        }
        if known.ty != value.data_type() {
            return Err(format!("incompatible data types for field: {}", known.name).into());
        }
        let gone = || PluginError::new("the entry is gone");
        let place = match row {
            Row::New(values) => {
                values.insert(column, value.clone());
                return Ok(());
            }
            Row::Thread(tid) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                if let Some(write) = PLAIN.get(column as usize).and_then(|column| column.write) {
                    let thread = state.threads.at_mut(key).ok_or_else(gone)?;
                    return write(thread, value).ok_or_else(|| "the value does not fit".into());
                }
                (key, None)
            }
            Row::File(tid, num) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                (state.threads.main_key(key).ok_or_else(gone)?, Some(*num))
            }
            Row::Item(..) => return Err(gone()),
        };
        if self.values.len() >= MAX_VALUES {
            let lives = |key: u64| state.threads.at(slotmap::KeyData::from_ffi(key).into()).is_some();
            self.values.retain(|(key, ..), _| lives(*key));
        }
        if self.values.len() >= MAX_VALUES {
            return Err("the fields that plugins added to threads have too many values".into());
        }
        self.values.insert((place.0.data().as_ffi(), place.1, column), value.clone());
        Ok(())
    }

    /// Adds a new thread, instead of the one with this id.
    pub(super) fn insert(&mut self, state: &mut State, key: &Scalar, row: Row) -> Result<Row, PluginError> {
        let (Scalar::I64(tid), Row::New(values)) = (key, row) else {
            return Err("unsupported key type".into());
        };
        if let Some(before) = state.threads.key(*tid) {
            state.threads.replace(before);
        }
        let mut thread = Thread::unknown(*tid, &Text::default());
        thread.flags = ThreadFlags::NAME_CHANGED;
        thread.pid = *tid;
        let added = state.threads.add(thread).ok_or("the table of threads is full")?;
        state.threads.link(added);
        let mut row = Row::Thread(*tid);
        for (column, value) in &values {
            self.write(state, Kind::Threads, &mut row, *column, value)?;
        }
        Ok(row)
    }

    pub(super) fn erase(state: &mut State, key: &Scalar) -> Result<(), PluginError> {
        let Scalar::I64(tid) = key else { return Err("unsupported key type".into()) };
        let key = state.threads.key(*tid).ok_or("table entry not found")?;
        state.threads.replace(key);
        Ok(())
    }

    pub(super) fn clear(state: &mut State) {
        let all: Vec<i64> = state.threads.iter().map(|thread| thread.tid).collect();
        for key in all.into_iter().filter_map(|tid| state.threads.key(tid)).collect::<Vec<_>>() {
            state.threads.replace(key);
        }
    }
}
