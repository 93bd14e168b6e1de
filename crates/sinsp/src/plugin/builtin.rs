//! The tables of an inspector: `threads`, and inside its entries files, arguments, environment and cgroups.

use eyas_events::{EventFlags, ParamType};
use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;
use slotmap::Key as _;

use super::data::{DataType, Scalar};
use super::error::PluginError;
use super::tables::ColumnInfo;
use crate::state::{Fd, FdKind, State, Text, ThreadKey};

mod column;
mod files;
mod kind;
mod lists;
mod made;
mod threads;

use column::Fixed;
pub(super) use kind::Kind;
use kind::{absent, gone};
pub(super) use made::{Made, Values};

/// Name of the only table that is not inside an entry.
pub(super) const THREADS: &str = "threads";

/// An entry of a table.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// The thread with this id.
    Thread(i64),
    /// An open file of the thread.
    File(i64, i64),
    /// An item of a list of the thread.
    Item(i64, u64),
    /// A new entry that is in no table yet, with its written values.
    New(Made),
    /// The entry with this key in a table of a new entry.
    Within(Scalar),
}

/// A value, or a nested table.
pub(super) enum Found {
    Scalar(Scalar),
    /// A table inside the entry of the thread; without a thread, inside a new entry.
    Table(Kind, Option<i64>),
}

/// Columns that plugins added, with their values.
#[derive(Default)]
pub(super) struct Builtins {
    threads: Vec<(Box<str>, DataType)>,
    files: Vec<(Box<str>, DataType)>,
    /// Values by thread key (which is never reused) and descriptor, then by column.
    values: FxHashMap<(u64, Option<i64>), FxHashMap<u32, Scalar>>,
}

/// Maximum number of threads and files with values of plugins. When it is reached, the values of ended
/// threads are dropped.
const MAX_VALUES: usize = 1 << 17;

impl Builtins {
    pub(super) fn key_type(kind: Kind) -> DataType {
        match kind {
            Kind::Threads | Kind::Files => DataType::I64,
            Kind::Args | Kind::Env | Kind::Cgroups => DataType::U64,
        }
    }

    pub(super) fn name(kind: Kind) -> &'static str {
        threads::nested_name(kind).unwrap_or(THREADS)
    }

    /// The fixed columns of a table.
    fn fixed(kind: Kind) -> Vec<Fixed> {
        match kind {
            Kind::Threads => threads::columns().collect(),
            Kind::Files => files::columns().collect(),
            Kind::Args | Kind::Env | Kind::Cgroups => lists::columns(kind).collect(),
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
        let fixed = Self::fixed(kind).into_iter().map(|column| ColumnInfo {
            name: column.name.into(),
            ty: column.ty,
            is_read_only: column.is_read_only,
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
        if fixed.iter().any(|known| known.name == name) {
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
            _ => (0..lists::len(state, kind, thread)).map(|at| Row::Item(thread.tid, at)).collect(),
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
            (Kind::Args | Kind::Env | Kind::Cgroups, key) => {
                let thread = thread(tid)?;
                Ok(Row::Item(thread.tid, lists::find(state, kind, thread, key)?))
            }
            _ => Err("unsupported key type".into()),
        }
    }

    /// The value in a column that a plugin added.
    fn kept(&self, kind: Kind, place: (ThreadKey, Option<i64>), column: u32) -> Option<Scalar> {
        let known = self.values.get(&(place.0.data().as_ffi(), place.1));
        let known = known.and_then(|values| values.get(&column)).cloned();
        known.or_else(|| self.type_of(kind, column)?.zero())
    }

    fn type_of(&self, kind: Kind, column: u32) -> Option<DataType> {
        let fixed = Self::fixed(kind);
        match fixed.get(column as usize) {
            Some(column) => Some(column.ty),
            None => self.added(kind).get(column as usize - fixed.len()).map(|(_, ty)| *ty),
        }
    }

    /// The default value of a column in a new entry.
    fn default_of(&self, state: &State, kind: Kind, column: u32) -> Option<Scalar> {
        let known = match kind {
            Kind::Threads => threads::default_of(state, column),
            Kind::Files => files::default_of(column),
            Kind::Args | Kind::Env | Kind::Cgroups => None,
        };
        known.or_else(|| self.type_of(kind, column)?.zero())
    }

    pub(super) fn read(
        &self,
        state: &State,
        kind: Kind,
        row: &Row,
        column: u32,
    ) -> Result<Found, PluginError> {
        let nested = if kind == Kind::Threads { threads::nested(column) } else { None };
        let no_column = || PluginError::new("there is no such field");
        let value = match row {
            Row::New(made) => {
                if let Some(kind) = nested {
                    return Ok(Found::Table(kind, None));
                }
                self.value(state, kind, &made.values, column)
            }
            Row::Within(..) => return Err(gone()),
            Row::Thread(tid) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                let thread = state.threads.at(key).ok_or_else(gone)?;
                if let Some(kind) = nested {
                    // The files of a thread without a leader are unknown.
                    if kind == Kind::Files && state.threads.main_of(thread).is_none() {
                        return Err("".into());
                    }
                    return Ok(Found::Table(kind, Some(*tid)));
                }
                threads::read(state, thread, column).or_else(|| self.kept(kind, (key, None), column))
            }
            Row::File(tid, num) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                let main = state.threads.main_key(key).ok_or_else(gone)?;
                let thread = state.threads.at(key).ok_or_else(gone)?;
                let file = state.threads.fds(thread).and_then(|files| files.get(*num)).ok_or_else(gone)?;
                files::read(*num, file, column).or_else(|| self.kept(kind, (main, Some(*num)), column))
            }
            Row::Item(tid, at) => Some(lists::read(state, kind, *tid, *at, column)?),
        };
        value.map(Found::Scalar).ok_or_else(no_column)
    }

    /// The value of a column in a new entry with these written values.
    pub(super) fn value(&self, state: &State, kind: Kind, values: &Values, column: u32) -> Option<Scalar> {
        values.get(&column).cloned().or_else(|| self.default_of(state, kind, column))
    }

    /// A copy of an entry that is about to be removed, so that a plugin that holds it can still read it.
    pub(super) fn copy(&self, state: &State, kind: Kind, row: &Row) -> Row {
        let columns = Self::fixed(kind).len() + self.added(kind).len();
        let value = |column: u32| match self.read(state, kind, row, column) {
            Ok(Found::Scalar(value)) => Some((column, value)),
            _ => None,
        };
        Row::New((0..columns as u32).filter_map(value).collect::<Values>().into())
    }

    /// Whether the value may be written to the column.
    ///
    /// # Errors
    /// There is no such column, it cannot be written, or it is of another type.
    pub(super) fn check(&self, kind: Kind, column: u32, value: &Scalar) -> Result<(), PluginError> {
        let ty = self.type_of(kind, column).ok_or("there is no such field")?;
        let fixed = Self::fixed(kind).into_iter().nth(column as usize);
        if let Some(column) = fixed.filter(|column| column.is_read_only) {
            return Err(format!("can't set a read-only static struct field: {}", column.name).into());
        }
        if ty != value.data_type() {
            let columns = self.columns(kind);
            let name = columns.get(column as usize).map_or("", |column| &column.name);
            return Err(format!("incompatible data types for field: {name}").into());
        }
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        state: &mut State,
        kind: Kind,
        row: &mut Row,
        column: u32,
        value: &Scalar,
    ) -> Result<(), PluginError> {
        self.check(kind, column, value)?;
        let place = match row {
            Row::New(made) => {
                made.values.insert(column, value.clone());
                return Ok(());
            }
            Row::Within(..) => return Err(gone()),
            Row::Thread(tid) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                if let Some(outcome) = threads::write(state, key, column, value) {
                    return outcome;
                }
                (key, None)
            }
            Row::File(tid, num) => {
                let key = state.threads.key(*tid).ok_or_else(gone)?;
                let file =
                    state.threads.fds_mut(key).and_then(|files| files.get_mut(*num)).ok_or_else(gone)?;
                if let Some(outcome) = files::write(*num, file, column, value) {
                    return outcome.map_err(Into::into);
                }
                (state.threads.main_key(key).ok_or_else(gone)?, Some(*num))
            }
            Row::Item(tid, at) => return lists::write(state, kind, (*tid, *at), column, value),
        };
        let place = (place.0.data().as_ffi(), place.1);
        if self.values.len() >= MAX_VALUES && !self.values.contains_key(&place) {
            let lives = |key: u64| state.threads.at(slotmap::KeyData::from_ffi(key).into()).is_some();
            self.values.retain(|(key, _), _| lives(*key));
            if self.values.len() >= MAX_VALUES {
                return Err("the fields that plugins added to threads have too many values".into());
            }
        }
        self.values.entry(place).or_default().insert(column, value.clone());
        Ok(())
    }

    /// Adds an entry that a plugin made; it replaces the one with this key.
    pub(super) fn insert(
        &mut self,
        state: &mut State,
        (kind, tid): (Kind, Option<i64>),
        key: &Scalar,
        row: Row,
    ) -> Result<Row, PluginError> {
        let Row::New(mut made) = row else { return Err("unsupported key type".into()) };
        let values = std::mem::take(&mut made.values);
        if kind != Kind::Threads && kind != Kind::Files {
            lists::checked_place(key)?;
        }
        let (mut row, left) = match (kind, key) {
            (Kind::Threads, Scalar::I64(tid)) => (Row::Thread(*tid), threads::insert(state, *tid, values)?),
            (Kind::Files, Scalar::I64(num)) => {
                let key = tid.and_then(|tid| state.threads.key(tid)).ok_or_else(gone)?;
                let main = state.threads.main_key(key).ok_or_else(gone)?;
                self.forget_file(main, *num);
                let files = state.threads.fds_mut(key).ok_or_else(gone)?;
                let file = Fd::new(FdKind::Unknown, &Text::default());
                if !files.insert(*num, file.into(), false) {
                    return Err(format!("the table of open files takes no file {num}").into());
                }
                (Row::File(tid.unwrap_or(-1), *num), values.into_iter().collect())
            }
            (Kind::Args | Kind::Env | Kind::Cgroups, key) => {
                let at = lists::place(key)?;
                lists::insert(state, kind, tid, at, values)?;
                (Row::Item(tid.unwrap_or(-1), at), Vec::new())
            }
            _ => return Err("unsupported key type".into()),
        };
        for (column, value) in left {
            self.write(state, kind, &mut row, column, &value)?;
        }
        if let Row::Thread(tid) = row {
            for (kind, key, values) in made.into_rows() {
                self.insert(state, (kind, Some(tid)), &key, Row::New(values.into()))?;
            }
        }
        Ok(row)
    }

    /// Values of the previous file do not belong to the new file with this number.
    fn forget_file(&mut self, main: ThreadKey, num: i64) {
        self.values.remove(&(main.data().as_ffi(), Some(num)));
    }

    /// Drops the values for files whose numbers refer to other files since this event.
    pub(super) fn follow(&mut self, state: &State, event: &RawEvent<'_>) {
        let Some(info) = event.ty.info().filter(|info| info.flags.contains(EventFlags::CREATES_FD)) else {
            return;
        };
        let main = state.threads.key(event.tid).and_then(|key| state.threads.main_key(key));
        let Some(main) = main.filter(|_| !self.values.is_empty()) else { return };
        // In an event that also uses a file, the new one comes first.
        let is_new = |at: usize| at == 0 || !info.flags.contains(EventFlags::USES_FD);
        for (at, param) in info.params.iter().enumerate() {
            if param.ty == ParamType::FD && is_new(at) {
                event.int(at).into_iter().for_each(|num| self.forget_file(main, num));
            }
        }
    }

    pub(super) fn erase(
        &mut self,
        state: &mut State,
        (kind, tid): (Kind, Option<i64>),
        key: &Scalar,
    ) -> Result<(), PluginError> {
        let absent = || PluginError::new("table entry not found");
        match (kind, key) {
            (Kind::Threads, Scalar::I64(tid)) => {
                let key = state.threads.key(*tid).ok_or_else(absent)?;
                state.threads.replace(key);
                Ok(())
            }
            (Kind::Files, Scalar::I64(num)) => {
                let key = tid.and_then(|tid| state.threads.key(tid)).ok_or_else(gone)?;
                let main = state.threads.main_key(key).ok_or_else(gone)?;
                state.threads.fds_mut(key).and_then(|files| files.remove(*num)).ok_or_else(absent)?;
                self.forget_file(main, *num);
                Ok(())
            }
            (Kind::Args | Kind::Env | Kind::Cgroups, key) => lists::erase(state, kind, tid, key),
            _ => Err("unsupported key type".into()),
        }
    }

    pub(super) fn clear(
        &mut self,
        state: &mut State,
        (kind, tid): (Kind, Option<i64>),
    ) -> Result<(), PluginError> {
        match kind {
            Kind::Threads => {
                let all: Vec<i64> = state.threads.iter().map(|thread| thread.tid).collect();
                for tid in all {
                    // If it is a leader, other threads have ended.
                    if let Some(key) = state.threads.key(tid) {
                        state.threads.replace(key);
                    }
                }
                Ok(())
            }
            Kind::Files => {
                let keys = Self::rows(state, kind, tid).into_iter().filter_map(|row| match row {
                    Row::File(_, num) => Some(Scalar::I64(num)),
                    _ => None,
                });
                keys.collect::<Vec<_>>().iter().try_for_each(|key| self.erase(state, (kind, tid), key))
            }
            Kind::Args | Kind::Env | Kind::Cgroups => lists::clear(state, kind, tid),
        }
    }
}
