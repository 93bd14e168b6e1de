//! State tables: those of the inspector and those of plugins. Plugins read and write both kinds.
//!
//! Tables, columns and entries have numbers. If foreign code passes an old or a wrong number, it gets an
//! error and does no harm.

use std::sync::Arc;

use super::{DataType, Key, PluginError, Scalar, TableId};

/// A column of a table, or of all nested tables of one column: valid until the inspector is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// An entry that a plugin holds: valid until it is released, and at most until the end of the plugin's
/// current call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub u64);

/// A table in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Type of its keys.
    pub key: DataType,
}

/// A column in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub ty: DataType,
    /// Whether it cannot be written.
    pub is_read_only: bool,
}

/// The tables of an inspector, for a plugin during a call.
///
/// Errors have Falco's messages. Foreign code may pass any number as an id.
pub trait Tables {
    /// All existing tables.
    fn list(&mut self) -> Vec<TableInfo>;

    /// The table with this name; `None` if there is none.
    ///
    /// # Errors
    /// Its keys are of another type.
    fn table(&mut self, name: &str, key: DataType) -> Result<Option<TableId>, PluginError>;

    /// Adds a table of the plugin.
    ///
    /// # Errors
    /// A table with this name exists.
    fn add_table(&mut self, table: Arc<dyn PluginTable>) -> Result<(), PluginError>;

    /// Name of a table.
    ///
    /// # Errors
    /// There is no such table.
    fn name(&mut self, table: TableId) -> Result<String, PluginError>;

    /// Type of its keys.
    ///
    /// # Errors
    /// There is no such table.
    fn key_type(&mut self, table: TableId) -> Result<DataType, PluginError>;

    /// Number of its entries.
    ///
    /// # Errors
    /// There is no such table, or it fails.
    fn len(&mut self, table: TableId) -> Result<u64, PluginError>;

    /// Its columns, in no particular order.
    ///
    /// # Errors
    /// There is no such table, or it fails.
    fn columns(&mut self, table: TableId) -> Result<Vec<ColumnInfo>, PluginError>;

    /// The column with this name and type.
    ///
    /// # Errors
    /// There is none, or it has another type.
    fn column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError>;

    /// Adds a column to all entries, present and future; returns the existing column if it has this type.
    ///
    /// # Errors
    /// A column of another type exists, or the table accepts none.
    fn add_column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError>;

    /// The entry with this key.
    ///
    /// # Errors
    /// There is none, or the key has another type.
    fn entry(&mut self, table: TableId, key: &Key) -> Result<EntryId, PluginError>;

    /// Releases an entry; ignores one that is not held.
    fn release(&mut self, table: TableId, entry: EntryId);

    /// Calls `visit` with each entry until it returns false. The entries are valid only during the call.
    /// Returns whether all were visited.
    ///
    /// # Errors
    /// There is no such table, or it fails.
    fn visit(
        &mut self,
        table: TableId,
        visit: &mut dyn FnMut(&mut dyn Tables, EntryId) -> bool,
    ) -> Result<bool, PluginError>;

    /// A new entry that is in no table yet.
    ///
    /// # Errors
    /// The table accepts none.
    fn create(&mut self, table: TableId) -> Result<EntryId, PluginError>;

    /// Drops an entry that was created and not inserted.
    ///
    /// # Errors
    /// The entry is not such an entry.
    fn destroy(&mut self, table: TableId, entry: EntryId) -> Result<(), PluginError>;

    /// Inserts a created entry, replacing the one with this key, and returns it, held.
    ///
    /// # Errors
    /// The entry was not created, or the key has another type.
    fn insert(&mut self, table: TableId, key: &Key, entry: EntryId) -> Result<EntryId, PluginError>;

    /// Removes an entry.
    ///
    /// # Errors
    /// There is none with this key.
    fn erase(&mut self, table: TableId, key: &Key) -> Result<(), PluginError>;

    /// Removes all entries.
    ///
    /// # Errors
    /// There is no such table, or it fails.
    fn clear(&mut self, table: TableId) -> Result<(), PluginError>;

    /// The value of a column of an entry.
    ///
    /// # Errors
    /// The entry or the column does not belong to this table.
    fn read(&mut self, table: TableId, entry: EntryId, column: ColumnId) -> Result<Scalar, PluginError>;

    /// Changes a value of an entry.
    ///
    /// # Errors
    /// The column cannot be written, or has another type.
    fn write(
        &mut self,
        table: TableId,
        entry: EntryId,
        column: ColumnId,
        value: &Scalar,
    ) -> Result<(), PluginError>;
}

/// A table that a plugin offers to others. The plugin chooses the numbers of entries and columns.
///
/// Its errors have the messages of the plugin that owns it. Only the inspector's thread makes calls.
pub trait PluginTable: Send + Sync {
    /// Its name: unique in an inspector.
    fn name(&self) -> &str;

    /// Type of its keys.
    fn key_type(&self) -> DataType;

    /// Number of its entries.
    ///
    /// # Errors
    /// The plugin fails.
    fn len(&self) -> Result<u64, PluginError>;

    /// Whether it has no entry.
    ///
    /// # Errors
    /// The plugin fails.
    fn is_empty(&self) -> Result<bool, PluginError> {
        Ok(self.len()? == 0)
    }

    /// Its columns.
    ///
    /// # Errors
    /// The plugin fails.
    fn columns(&self) -> Result<Vec<ColumnInfo>, PluginError>;

    /// A number for a column.
    ///
    /// # Errors
    /// There is none of this name and type.
    fn column(&self, name: &str, ty: DataType) -> Result<u64, PluginError>;

    /// Adds a column.
    ///
    /// # Errors
    /// A column of another type exists, or the table accepts none.
    fn add_column(&self, name: &str, ty: DataType) -> Result<u64, PluginError>;

    /// A number for an entry, which [`PluginTable::release`] releases.
    ///
    /// # Errors
    /// There is none with this key.
    fn entry(&self, key: &Key) -> Result<u64, PluginError>;

    /// Releases an entry.
    fn release(&self, entry: u64);

    /// Calls `visit` with each entry until it returns false; returns whether all were visited. The entries
    /// are valid only during the call. `visit` may read this table.
    ///
    /// # Errors
    /// The plugin fails.
    fn visit(&self, visit: &mut dyn FnMut(u64) -> bool) -> Result<bool, PluginError>;

    /// A new entry that is not in the table yet.
    ///
    /// # Errors
    /// The plugin fails.
    fn create(&self) -> Result<u64, PluginError>;

    /// Drops an entry that was created and not inserted.
    ///
    /// # Errors
    /// The plugin fails.
    fn destroy(&self, entry: u64) -> Result<(), PluginError>;

    /// Inserts a created entry, and returns it; the caller must release it.
    ///
    /// # Errors
    /// The plugin fails.
    fn insert(&self, key: &Key, entry: u64) -> Result<u64, PluginError>;

    /// Removes an entry.
    ///
    /// # Errors
    /// There is none with this key.
    fn erase(&self, key: &Key) -> Result<(), PluginError>;

    /// Removes all entries.
    ///
    /// # Errors
    /// The plugin fails.
    fn clear(&self) -> Result<(), PluginError>;

    /// Returns a value.
    ///
    /// # Errors
    /// The plugin fails.
    fn read(&self, entry: u64, column: u64) -> Result<Datum, PluginError>;

    /// Changes a value.
    ///
    /// # Errors
    /// The plugin fails.
    fn write(&self, entry: u64, column: u64, value: &Scalar) -> Result<(), PluginError>;
}

/// A value of a plugin's table.
pub enum Datum {
    /// A number, text or boolean.
    Scalar(Scalar),
    /// A nested table; it is dropped at the end of the current call.
    Table(Arc<dyn PluginTable>),
}
