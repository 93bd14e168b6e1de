//! The state tables of an inspector, for plugins.

use std::cell::RefCell;
use std::sync::Arc;

use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;

use super::builtin::{Builtins, Found, Kind, Made, Row};
use super::data::{DataType, Key, Scalar, TableId};
use super::error::PluginError;
use super::tables::{ColumnId, ColumnInfo, Datum, EntryId, PluginTable, TableInfo, Tables};
use crate::state::State;

/// All tables, and the numbers of tables, columns and entries for plugins.
pub(super) struct Registry {
    /// The table of threads, and those of plugins.
    tables: Vec<Table>,
    /// Nested tables, until the end of the call.
    nested: Vec<Table>,
    builtins: Builtins,
    columns: Vec<Column>,
    entries: FxHashMap<u64, Held>,
    last_entry: u64,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            tables: vec![Table::Own(Kind::Threads, None)],
            nested: Vec::new(),
            builtins: Builtins::default(),
            columns: Vec::new(),
            entries: FxHashMap::default(),
            last_entry: 0,
        }
    }
}

/// First number of nested tables.
const NESTED: u32 = 1 << 31;

impl Registry {
    /// Handles changes of file descriptors at this event.
    pub(super) fn follow(&mut self, state: &State, event: &RawEvent<'_>) {
        self.builtins.follow(state, event);
    }

    fn get(&self, table: TableId) -> Option<&Table> {
        match table.0.checked_sub(NESTED) {
            Some(at) => self.nested.get(at as usize),
            None => self.tables.get(table.0 as usize),
        }
    }
}

#[derive(Clone)]
enum Table {
    /// The inspector's table, inside the entry of a thread.
    Own(Kind, Option<i64>),
    /// A table of the inspector inside the new entry with this number.
    Made(Kind, u64),
    Plugin(Arc<dyn PluginTable>),
}

/// Owner of columns: all nested tables of one column share them.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Own(Kind),
    Plugin(TableId),
    Nested,
}

/// A column, with its owner's number for it.
#[derive(Clone, Copy, PartialEq)]
struct Column {
    owner: Owner,
    number: u64,
}

/// An entry that a plugin holds.
#[derive(Clone)]
struct Held {
    table: TableId,
    content: Content,
    /// Whether it is new, and in no table yet.
    is_new: bool,
}

#[derive(Clone)]
enum Content {
    /// The number of the entry in the plugin that owns the table.
    Number(u64),
    Own(Row),
}

/// The access of a plugin to the inspector's state during a call.
enum Access<'a> {
    /// The state is empty.
    Empty(Box<State>),
    Read(&'a State),
    Write(&'a mut State),
}

/// The tables during one call of a plugin. At its end, the entries that the plugin still holds are
/// released.
pub(super) struct TableAccess<'a> {
    registry: &'a RefCell<Registry>,
    access: Access<'a>,
}

impl<'a> TableAccess<'a> {
    /// The tables while a plugin starts: it can look up and add columns.
    pub(super) fn at_start(registry: &'a RefCell<Registry>) -> Self {
        Self { registry, access: Access::Empty(Box::new(State::with_max(0))) }
    }

    /// Writable tables.
    pub(super) fn writable(registry: &'a RefCell<Registry>, state: &'a mut State) -> Self {
        Self { registry, access: Access::Write(state) }
    }

    /// Read-only tables.
    pub(super) fn readable(registry: &'a RefCell<Registry>, state: &'a State) -> Self {
        Self { registry, access: Access::Read(state) }
    }

    fn state(&self) -> &State {
        match &self.access {
            Access::Empty(state) => state,
            Access::Read(state) => state,
            Access::Write(state) => state,
        }
    }

    fn state_mut(&mut self) -> Result<&mut State, PluginError> {
        match &mut self.access {
            Access::Empty(state) => Ok(state),
            Access::Write(state) => Ok(state),
            Access::Read(_) => Err(read_only()),
        }
    }

    fn get(&self, table: TableId) -> Result<Table, PluginError> {
        let found = self.registry.borrow().get(table).cloned();
        found.ok_or_else(|| PluginError::new(format!("there is no table with the number {}", table.0)))
    }

    fn for_change(&self, table: TableId) -> Result<Table, PluginError> {
        if let Access::Read(_) = self.access {
            return Err(read_only());
        }
        self.get(table)
    }

    fn owner(&self, table: TableId) -> Result<Owner, PluginError> {
        Ok(match self.get(table)? {
            Table::Own(kind, _) | Table::Made(kind, _) => Owner::Own(kind),
            Table::Plugin(_) if table.0 >= NESTED => Owner::Nested,
            Table::Plugin(_) => Owner::Plugin(table),
        })
    }

    fn column_of(&self, table: TableId, column: ColumnId) -> Result<u64, PluginError> {
        let owner = self.owner(table)?;
        let known = self.registry.borrow().columns.get(column.0 as usize).copied();
        let known = known.filter(|known| known.owner == owner);
        let why = "using dynamic field accessor on struct it was not created from";
        known.map(|known| known.number).ok_or_else(|| why.into())
    }

    fn held(&self, table: TableId, entry: EntryId) -> Result<Held, PluginError> {
        let held = self.registry.borrow().entries.get(&entry.0).cloned();
        held.filter(|held| held.table == table).ok_or_else(|| "the entry is not one of this table".into())
    }

    fn hold(&self, table: TableId, content: Content, is_new: bool) -> EntryId {
        let mut registry = self.registry.borrow_mut();
        registry.last_entry += 1;
        let number = registry.last_entry;
        registry.entries.insert(number, Held { table, content, is_new });
        EntryId(number)
    }

    fn forget(&self, entry: EntryId) -> Option<Held> {
        self.registry.borrow_mut().entries.remove(&entry.0)
    }

    fn new_column(&self, table: TableId, number: u64) -> Result<ColumnId, PluginError> {
        let column = Column { owner: self.owner(table)?, number };
        let columns = &mut self.registry.borrow_mut().columns;
        let known = columns.iter().position(|known| *known == column);
        Ok(ColumnId(known.unwrap_or_else(|| {
            columns.push(column);
            columns.len() - 1
        }) as u32))
    }

    fn new_nested(&self, table: Table) -> TableId {
        let nested = &mut self.registry.borrow_mut().nested;
        nested.push(table);
        TableId(NESTED + (nested.len() as u32 - 1))
    }
}

impl TableAccess<'_> {
    /// Calls a function with a new entry.
    fn made<R>(
        &self,
        entry: u64,
        body: impl FnOnce(&mut Made) -> Result<R, PluginError>,
    ) -> Result<R, PluginError> {
        match self.registry.borrow_mut().entries.get_mut(&entry) {
            Some(Held { content: Content::Own(Row::New(made)), .. }) => body(made),
            _ => Err("the entry that the table is in is gone".into()),
        }
    }

    /// Copies entries of the inspector's table that are about to be removed (the one with the key, or all),
    /// so that plugins can read them until they release them.
    fn preserve(&self, (kind, tid): (Kind, Option<i64>), key: Option<&Key>) {
        let goes = |row: &Row| match (kind, row) {
            (Kind::Threads, Row::Thread(tid)) => key.is_none_or(|key| *key == Scalar::I64(*tid)),
            (Kind::Files, Row::File(of, num)) => {
                tid == Some(*of) && key.is_none_or(|key| *key == Scalar::I64(*num))
            }
            _ => false,
        };
        let mut registry = self.registry.borrow_mut();
        let Registry { entries, builtins, .. } = &mut *registry;
        for held in entries.values_mut() {
            if let Content::Own(row) = &mut held.content
                && goes(row)
            {
                *row = builtins.copy(self.state(), kind, row);
            }
        }
    }
}

fn read_only() -> PluginError {
    "tables cannot be changed while fields are extracted".into()
}

impl Drop for TableAccess<'_> {
    fn drop(&mut self) {
        let entries = std::mem::take(&mut self.registry.borrow_mut().entries);
        for held in entries.into_values() {
            let (Ok(Table::Plugin(table)), Content::Number(number)) = (self.get(held.table), held.content)
            else {
                continue;
            };
            if held.is_new {
                // No other plugin uses it.
                let _ = table.destroy(number);
            } else {
                table.release(number);
            }
        }
        // Dropping a plugin's table may call the plugin.
        let nested = std::mem::take(&mut self.registry.borrow_mut().nested);
        drop(nested);
    }
}

impl Table {
    fn name(&self) -> &str {
        match self {
            Self::Own(kind, _) | Self::Made(kind, _) => Builtins::name(*kind),
            Self::Plugin(table) => table.name(),
        }
    }

    fn key_type(&self) -> DataType {
        match self {
            Self::Own(kind, _) | Self::Made(kind, _) => Builtins::key_type(*kind),
            Self::Plugin(table) => table.key_type(),
        }
    }
}

impl Tables for TableAccess<'_> {
    fn list(&mut self) -> Vec<TableInfo> {
        let registry = self.registry.borrow();
        registry
            .tables
            .iter()
            .map(|table| TableInfo { name: table.name().into(), key: table.key_type() })
            .collect()
    }

    fn table(&mut self, name: &str, key: DataType) -> Result<Option<TableId>, PluginError> {
        let registry = self.registry.borrow();
        let Some(at) = registry.tables.iter().position(|table| table.name() == name) else { return Ok(None) };
        let actual = registry.tables[at].key_type();
        if actual == key {
            return Ok(Some(TableId(at as u32)));
        }
        Err(format!(
            "table in registry accessed with wrong key type: table='{name}', requested='{}', actual='{}'",
            key.name(),
            actual.name()
        )
        .into())
    }

    fn add_table(&mut self, table: Arc<dyn PluginTable>) -> Result<(), PluginError> {
        let mut registry = self.registry.borrow_mut();
        if registry.tables.iter().any(|known| known.name() == table.name()) {
            return Err(format!("table added to registry multiple times: {}", table.name()).into());
        }
        registry.tables.push(Table::Plugin(table));
        Ok(())
    }

    fn name(&mut self, table: TableId) -> Result<String, PluginError> {
        Ok(self.get(table)?.name().to_owned())
    }

    fn key_type(&mut self, table: TableId) -> Result<DataType, PluginError> {
        Ok(self.get(table)?.key_type())
    }

    fn len(&mut self, table: TableId) -> Result<u64, PluginError> {
        match self.get(table)? {
            Table::Own(kind, tid) => Ok(Builtins::rows(self.state(), kind, tid).len() as u64),
            Table::Made(kind, within) => self.made(within, |made| Ok(made.keys(kind).len() as u64)),
            Table::Plugin(table) => table.len(),
        }
    }

    fn columns(&mut self, table: TableId) -> Result<Vec<ColumnInfo>, PluginError> {
        match self.get(table)? {
            Table::Own(kind, _) | Table::Made(kind, _) => Ok(self.registry.borrow().builtins.columns(kind)),
            Table::Plugin(table) => table.columns(),
        }
    }

    fn column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError> {
        let number = match self.get(table)? {
            Table::Own(kind, _) | Table::Made(kind, _) => {
                self.registry.borrow().builtins.column(kind, name, ty)?.into()
            }
            Table::Plugin(table) => table.column(name, ty)?,
        };
        self.new_column(table, number)
    }

    fn add_column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError> {
        let number = match self.for_change(table)? {
            Table::Own(kind, _) | Table::Made(kind, _) => {
                self.registry.borrow_mut().builtins.add_column(kind, name, ty)?.into()
            }
            Table::Plugin(table) => table.add_column(name, ty)?,
        };
        self.new_column(table, number)
    }

    fn entry(&mut self, table: TableId, key: &Key) -> Result<EntryId, PluginError> {
        let content = match self.get(table)? {
            Table::Own(kind, tid) => Content::Own(Builtins::row(self.state(), kind, tid, key)?),
            Table::Made(kind, within) => {
                self.made(within, |made| made.row(kind, key).map(drop))?;
                Content::Own(Row::Within(key.clone()))
            }
            Table::Plugin(table) => Content::Number(table.entry(key)?),
        };
        Ok(self.hold(table, content, false))
    }

    fn release(&mut self, table: TableId, entry: EntryId) {
        let Ok(held) = self.held(table, entry) else { return };
        if held.is_new {
            return;
        }
        self.forget(entry);
        if let (Ok(Table::Plugin(table)), Content::Number(number)) = (self.get(table), held.content) {
            table.release(number);
        }
    }

    fn visit(
        &mut self,
        table: TableId,
        visit: &mut dyn FnMut(&mut dyn Tables, EntryId) -> bool,
    ) -> Result<bool, PluginError> {
        // The owner of a plugin's table provides each entry, and gets it back.
        let mut each = |this: &mut Self, content: Content| {
            let entry = this.hold(table, content, false);
            let goes_on = visit(this, entry);
            this.forget(entry);
            goes_on
        };
        match self.get(table)? {
            Table::Own(kind, tid) => {
                let rows = Builtins::rows(self.state(), kind, tid);
                Ok(rows.into_iter().all(|row| each(self, Content::Own(row))))
            }
            Table::Made(kind, within) => {
                let keys = self.made(within, |made| Ok(made.keys(kind)))?;
                Ok(keys.into_iter().all(|key| each(self, Content::Own(Row::Within(key)))))
            }
            Table::Plugin(found) => found.visit(&mut |number| each(self, Content::Number(number))),
        }
    }

    fn create(&mut self, table: TableId) -> Result<EntryId, PluginError> {
        let content = match self.for_change(table)? {
            Table::Own(..) | Table::Made(..) => Content::Own(Row::New(Made::default())),
            Table::Plugin(table) => Content::Number(table.create()?),
        };
        Ok(self.hold(table, content, true))
    }

    fn destroy(&mut self, table: TableId, entry: EntryId) -> Result<(), PluginError> {
        match self.held(table, entry) {
            Ok(Held { content, is_new: true, .. }) => {
                self.forget(entry);
                match (self.get(table)?, content) {
                    (Table::Plugin(table), Content::Number(number)) => table.destroy(number),
                    _ => Ok(()),
                }
            }
            _ => Err("destroy_table_entry called on entry not created by create_table_entry".into()),
        }
    }

    fn insert(&mut self, table: TableId, key: &Key, entry: EntryId) -> Result<EntryId, PluginError> {
        let Ok(Held { content, is_new: true, .. }) = self.held(table, entry) else {
            return Err("add_entry called on entry not created by create_table_entry".into());
        };
        let content = match (self.for_change(table)?, content) {
            (Table::Plugin(table), Content::Number(number)) => Content::Number(table.insert(key, number)?),
            (Table::Made(kind, within), Content::Own(Row::New(row))) => {
                self.made(within, |made| made.insert(kind, key, row.values))?;
                Content::Own(Row::Within(key.clone()))
            }
            (Table::Own(kind, tid), Content::Own(row)) => {
                self.preserve((kind, tid), Some(key));
                let registry = self.registry;
                let state = self.state_mut()?;
                Content::Own(registry.borrow_mut().builtins.insert(state, (kind, tid), key, row)?)
            }
            _ => return Err("the entry is not one of this table".into()),
        };
        self.forget(entry);
        Ok(self.hold(table, content, false))
    }

    fn erase(&mut self, table: TableId, key: &Key) -> Result<(), PluginError> {
        match self.for_change(table)? {
            Table::Made(kind, within) => self.made(within, |made| made.erase(kind, key)),
            Table::Own(kind, tid) => {
                self.preserve((kind, tid), Some(key));
                let registry = self.registry;
                let state = self.state_mut()?;
                registry.borrow_mut().builtins.erase(state, (kind, tid), key)
            }
            Table::Plugin(table) => table.erase(key),
        }
    }

    fn clear(&mut self, table: TableId) -> Result<(), PluginError> {
        match self.for_change(table)? {
            Table::Made(kind, within) => self.made(within, |made| {
                made.clear(kind);
                Ok(())
            }),
            Table::Own(kind, tid) => {
                self.preserve((kind, tid), None);
                let registry = self.registry;
                let state = self.state_mut()?;
                registry.borrow_mut().builtins.clear(state, (kind, tid))
            }
            Table::Plugin(table) => table.clear(),
        }
    }

    fn read(&mut self, table: TableId, entry: EntryId, column: ColumnId) -> Result<Scalar, PluginError> {
        let held = self.held(table, entry)?;
        let column = self.column_of(table, column)?;
        match (self.get(table)?, held.content) {
            (Table::Plugin(table), Content::Number(number)) => match table.read(number, column)? {
                Datum::Scalar(value) => Ok(value),
                Datum::Table(nested) => Ok(Scalar::Table(self.new_nested(Table::Plugin(nested)))),
            },
            (Table::Made(kind, within), Content::Own(Row::Within(key))) => {
                let values = self.made(within, |made| made.row(kind, &key).cloned())?;
                let registry = self.registry.borrow();
                let value = registry.builtins.value(self.state(), kind, &values, column as u32);
                value.ok_or_else(|| "there is no such field".into())
            }
            (Table::Own(kind, _) | Table::Made(kind, _), Content::Own(row)) => {
                let found = self.registry.borrow().builtins.read(self.state(), kind, &row, column as u32)?;
                Ok(match found {
                    Found::Scalar(value) => value,
                    Found::Table(kind, None) => Scalar::Table(self.new_nested(Table::Made(kind, entry.0))),
                    Found::Table(kind, tid) => Scalar::Table(self.new_nested(Table::Own(kind, tid))),
                })
            }
            _ => Err("the entry is not one of this table".into()),
        }
    }

    fn write(
        &mut self,
        table: TableId,
        entry: EntryId,
        column: ColumnId,
        value: &Scalar,
    ) -> Result<(), PluginError> {
        let held = self.held(table, entry)?;
        let column = self.column_of(table, column)?;
        if value.data_type() == DataType::Table {
            return Err("writing to table fields is currently not supported".into());
        }
        match (self.for_change(table)?, held.content) {
            (Table::Plugin(table), Content::Number(number)) => table.write(number, column, value),
            (Table::Made(kind, within), Content::Own(Row::Within(key))) => {
                self.registry.borrow().builtins.check(kind, column as u32, value)?;
                self.made(within, |made| {
                    made.row_mut(kind, &key)?.insert(column as u32, value.clone());
                    Ok(())
                })
            }
            (Table::Own(kind, _) | Table::Made(kind, _), Content::Own(mut row)) => {
                let registry = self.registry;
                let state = self.state_mut()?;
                registry.borrow_mut().builtins.write(state, kind, &mut row, column as u32, value)?;
                if let (Row::New(_), Some(held)) = (&row, registry.borrow_mut().entries.get_mut(&entry.0)) {
                    held.content = Content::Own(row);
                }
                Ok(())
            }
            _ => Err("the entry is not one of this table".into()),
        }
    }
}
