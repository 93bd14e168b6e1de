//! State tables, in both directions: those of the inspector, which plugins read and write, and those of plugins, which
//! other plugins read and write.
//!
//! Tables, columns and entries are named by numbers, so that a foreign caller that returns an old or a wrong one gets an
//! error and does no harm.

use std::sync::Arc;

use super::{DataType, Key, PluginError, Scalar, TableId};

/// A column of a table, or of all tables within entries of one column: valid until the inspector goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub u32);

/// An entry that a plugin holds: valid until it is released, and at most until the end of the plugin's present call.
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
    /// Type of its data.
    pub ty: DataType,
    /// Whether it cannot be written.
    pub is_read_only: bool,
}

/// The tables of an inspector, as a plugin has them for the time of a call.
///
/// Errors have the reference's words. A caller from outside may pass any number as an id.
pub trait Tables {
    /// All tables that are there by now.
    fn list(&mut self) -> Vec<TableInfo>;

    /// The table with this name; `None` if there is none.
    ///
    /// # Errors
    /// Its keys are of another type.
    fn table(&mut self, name: &str, key: DataType) -> Result<Option<TableId>, PluginError>;

    /// Adds a table of the plugin.
    ///
    /// # Errors
    /// There is one with this name.
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
    /// There is none, or it is of another type.
    fn column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError>;

    /// Adds a column to all entries, present and future; returns the one that is there if it has this type.
    ///
    /// # Errors
    /// There is one of another type, or the table takes none.
    fn add_column(&mut self, table: TableId, name: &str, ty: DataType) -> Result<ColumnId, PluginError>;

    /// The entry with this key.
    ///
    /// # Errors
    /// There is none, or the key is of another type.
    fn entry(&mut self, table: TableId, key: &Key) -> Result<EntryId, PluginError>;

    /// Gives an entry back; one that is not held is ignored.
    fn release(&mut self, table: TableId, entry: EntryId);

    /// Calls `visit` with each entry until it returns false. The entries are valid during the call alone. Returns whether
    /// all were visited.
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
    /// The table takes none.
    fn create(&mut self, table: TableId) -> Result<EntryId, PluginError>;

    /// Drops an entry that was created and not inserted.
    ///
    /// # Errors
    /// It is none of those.
    fn destroy(&mut self, table: TableId, entry: EntryId) -> Result<(), PluginError>;

    /// Inserts an entry that was created, instead of the one with this key, and returns it, held.
    ///
    /// # Errors
    /// The entry was not created, or the key is of another type.
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

    /// A datum of an entry.
    ///
    /// # Errors
    /// The entry or the column is not of this table.
    fn read(&mut self, table: TableId, entry: EntryId, column: ColumnId) -> Result<Scalar, PluginError>;

    /// Changes a datum of an entry.
    ///
    /// # Errors
    /// The column cannot be written, or is of another type.
    fn write(
        &mut self,
        table: TableId,
        entry: EntryId,
        column: ColumnId,
        value: &Scalar,
    ) -> Result<(), PluginError>;
}

/// A table that a plugin offers to others. Entries and columns are numbers of its own choosing.
///
/// Its errors are those of the plugin that owns it, in its words. Calls come from the inspector's thread alone.
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
    /// There is one of another type, or the table takes none.
    fn add_column(&self, name: &str, ty: DataType) -> Result<u64, PluginError>;

    /// A number for an entry, which [`PluginTable::release`] gives back.
    ///
    /// # Errors
    /// There is none with this key.
    fn entry(&self, key: &Key) -> Result<u64, PluginError>;

    /// Gives an entry back.
    fn release(&self, entry: u64);

    /// Calls `visit` with each entry until it returns false; returns whether all were visited. The entries are valid
    /// during the call alone. `visit` may read this table.
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

    /// Inserts an entry that was created; returns it, to be given back.
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

    /// A datum.
    ///
    /// # Errors
    /// The plugin fails.
    fn read(&self, entry: u64, column: u64) -> Result<Datum, PluginError>;

    /// Changes a datum.
    ///
    /// # Errors
    /// The plugin fails.
    fn write(&self, entry: u64, column: u64, value: &Scalar) -> Result<(), PluginError>;
}

/// A datum of a plugin's table.
pub enum Datum {
    /// A number, text or truth value.
    Scalar(Scalar),
    /// A table within the entry; it is dropped at the end of the present call.
    Table(Arc<dyn PluginTable>),
}
