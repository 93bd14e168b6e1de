//! The state tables of an inspector, as plugins have them.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::data::{DataType, Key, Scalar, TableId};
use super::error::PluginError;
use super::tables::{ColumnId, ColumnInfo, Datum, EntryId, PluginTable, TableInfo, Tables};

/// All tables, and the numbers that plugins have for tables, columns and entries.
#[derive(Default)]
pub(super) struct Registry {
    /// Those of plugins, then those within entries, until the end of the call.
    tables: Vec<Arc<dyn PluginTable>>,
    /// How many of them stay.
    lasting: usize,
    columns: Vec<Column>,
    entries: FxHashMap<u64, Held>,
    last_entry: u64,
}

/// A column, by the number that the owner of its table has for it.
#[derive(Clone)]
struct Column {
    table: TableId,
    number: u64,
}

/// An entry that a plugin holds.
#[derive(Clone, Copy)]
struct Held {
    table: TableId,
    /// The number that the owner of its table has for it.
    number: u64,
    /// It was created and is in no table yet.
    is_new: bool,
}

/// The tables during one call of a plugin. What the plugin still holds at its end is given back.
pub(super) struct TableAccess<'a> {
    registry: &'a RefCell<Registry>,
    can_write: bool,
}

impl<'a> TableAccess<'a> {
    /// Tables that can be changed.
    pub(super) fn writable(registry: &'a RefCell<Registry>) -> Self {
        Self { registry, can_write: true }
    }

    /// Tables that can be read.
    pub(super) fn readable(registry: &'a RefCell<Registry>) -> Self {
        Self { registry, can_write: false }
    }

    fn get(&self, table: TableId) -> Result<Arc<dyn PluginTable>, PluginError> {
        let tables = &self.registry.borrow().tables;
        let found = tables.get(table.0 as usize).cloned();
        found.ok_or_else(|| PluginError::new(format!("there is no table with the number {}", table.0)))
    }

    fn for_change(&self, table: TableId) -> Result<Arc<dyn PluginTable>, PluginError> {
        if self.can_write {
            self.get(table)
        } else {
            Err("tables cannot be changed while fields are extracted".into())
        }
    }

    fn column_of(&self, table: TableId, column: ColumnId) -> Result<u64, PluginError> {
        let columns = &self.registry.borrow().columns;
        match columns.get(column.0 as usize) {
            Some(known) if known.table == table || self.is_within_entry(table) => Ok(known.number),
            _ => Err("using dynamic field accessor on struct it was not created from".into()),
        }
    }

    /// Tables within entries of one column have their columns in common, whatever their own numbers.
    fn is_within_entry(&self, table: TableId) -> bool {
        table.0 as usize >= self.registry.borrow().lasting
    }

    fn held(&self, table: TableId, entry: EntryId) -> Result<Held, PluginError> {
        let held = self.registry.borrow().entries.get(&entry.0).copied();
        held.filter(|held| held.table == table).ok_or_else(|| "the entry is not one of this table".into())
    }

    fn hold(&self, held: Held) -> EntryId {
        let mut registry = self.registry.borrow_mut();
        registry.last_entry += 1;
        let number = registry.last_entry;
        registry.entries.insert(number, held);
        EntryId(number)
    }

    fn forget(&self, entry: EntryId) -> Option<Held> {
        self.registry.borrow_mut().entries.remove(&entry.0)
    }

    fn new_column(&self, table: TableId, number: u64) -> ColumnId {
        let columns = &mut self.registry.borrow_mut().columns;
        let known = columns.iter().position(|column| column.table == table && column.number == number);
        ColumnId(known.unwrap_or_else(|| {
            columns.push(Column { table, number });
            columns.len() - 1
        }) as u32)
    }
}

impl Drop for TableAccess<'_> {
    fn drop(&mut self) {
        let (entries, lasting) = {
            let mut registry = self.registry.borrow_mut();
            (std::mem::take(&mut registry.entries), registry.lasting)
        };
        for held in entries.into_values() {
            let Ok(table) = self.get(held.table) else { continue };
            if held.is_new {
                // It belongs to nobody else.
                let _ = table.destroy(held.number);
            } else {
                table.release(held.number);
            }
        }
        self.registry.borrow_mut().tables.truncate(lasting);
    }
}

impl Tables for TableAccess<'_> {
    fn list(&mut self) -> Vec<TableInfo> {
        let registry = self.registry.borrow();
        let lasting = &registry.tables[..registry.lasting];
        lasting.iter().map(|table| TableInfo { name: table.name().into(), key: table.key_type() }).collect()
    }

    fn table(&mut self, name: &str, key: DataType) -> Result<Option<TableId>, PluginError> {
        let registry = self.registry.borrow();
        let lasting = &registry.tables[..registry.lasting];
        let Some(at) = lasting.iter().position(|table| table.name() == name) else { return Ok(None) };
        let actual = lasting[at].key_type();
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
        let lasting = registry.lasting;
        if registry.tables[..lasting].iter().any(|known| known.name() == table.name()) {
            return Err(format!("table added to registry multiple times: {}", table.name()).into());
        }
        if registry.tables.len() != lasting {
            return Err("a table is added while tables within entries are in use".into());
        }
        registry.tables.push(table);
        registry.lasting += 1;
        Ok(())
    }

    fn name(&mut self, table: TableId) -> Result<String, PluginError> {
        Ok(self.get(table)?.name().to_owned())
    }

    fn len(&mut self, table: TableId) -> Result<u64, PluginError> {
        self.get(table)?.len()
    }

    fn columns(&mut self, table: TableId) -> Result<Vec<ColumnInfo>, PluginError> {
        self.get(table)?.columns()
    }

    fn column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError> {
        let number = self.get(table)?.column(name, ty)?;
        Ok(self.new_column(table, number))
    }

    fn add_column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError> {
        let number = self.for_change(table)?.add_column(name, ty)?;
        Ok(self.new_column(table, number))
    }

    fn entry(&mut self, table: TableId, key: &Key) -> Result<EntryId, PluginError> {
        let number = self.get(table)?.entry(key)?;
        Ok(self.hold(Held { table, number, is_new: false }))
    }

    fn release(&mut self, table: TableId, entry: EntryId) {
        if let Ok(Held { number, is_new: false, .. }) = self.held(table, entry)
            && let Ok(found) = self.get(table)
        {
            self.forget(entry);
            found.release(number);
        }
    }

    fn visit(
        &mut self,
        table: TableId,
        visit: &mut dyn FnMut(&mut dyn Tables, EntryId) -> bool,
    ) -> Result<bool, PluginError> {
        let found = self.get(table)?;
        found.visit(&mut |number| {
            let entry = self.hold(Held { table, number, is_new: false });
            let goes_on = visit(self, entry);
            // The owner of the table gives it, and takes it back.
            self.forget(entry);
            goes_on
        })
    }

    fn create(&mut self, table: TableId) -> Result<EntryId, PluginError> {
        let number = self.for_change(table)?.create()?;
        Ok(self.hold(Held { table, number, is_new: true }))
    }

    fn destroy(&mut self, table: TableId, entry: EntryId) -> Result<(), PluginError> {
        match self.held(table, entry) {
            Ok(Held { number, is_new: true, .. }) => {
                self.forget(entry);
                self.get(table)?.destroy(number)
            }
            _ => Err("destroy_table_entry called on entry not created by create_table_entry".into()),
        }
    }

    fn insert(&mut self, table: TableId, key: &Key, entry: EntryId) -> Result<EntryId, PluginError> {
        match self.held(table, entry) {
            Ok(Held { number, is_new: true, .. }) => {
                let number = self.for_change(table)?.insert(key, number)?;
                self.forget(entry);
                Ok(self.hold(Held { table, number, is_new: false }))
            }
            _ => Err("add_entry called on entry not created by create_table_entry".into()),
        }
    }

    fn erase(&mut self, table: TableId, key: &Key) -> Result<(), PluginError> {
        self.for_change(table)?.erase(key)
    }

    fn clear(&mut self, table: TableId) -> Result<(), PluginError> {
        self.for_change(table)?.clear()
    }

    fn read(&mut self, table: TableId, entry: EntryId, column: ColumnId) -> Result<Scalar, PluginError> {
        let held = self.held(table, entry)?;
        let column = self.column_of(table, column)?;
        match self.get(table)?.read(held.number, column)? {
            Datum::Scalar(value) => Ok(value),
            Datum::Table(nested) => {
                let tables = &mut self.registry.borrow_mut().tables;
                tables.push(nested);
                Ok(Scalar::Table(TableId(tables.len() as u32 - 1)))
            }
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
        self.for_change(table)?.write(held.number, column, value)
    }
}
