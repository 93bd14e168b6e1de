//! Tables of a plugin: the functions that it offers to the host and to other plugins.

use std::ffi::CString;
use std::ptr::with_exposed_provenance_mut;
use std::sync::Arc;

use eyas_sinsp::plugin::{ColumnInfo, DataType, Datum, Key, PluginError, PluginTable, Scalar};

use super::{copied, data, elements, guarded, text_bytes};
use crate::abi::{self, FieldsVtable, ReaderVtableExt, WriterVtable};
use crate::callbacks::Owner;

/// A table of a plugin.
pub(crate) struct ForeignTable {
    name: String,
    key_type: DataType,
    table: abi::Table,
    reader: ReaderVtableExt,
    writer: WriterVtable,
    fields: FieldsVtable,
    owner: Arc<Owner>,
}

// SAFETY: the interface allows calls from any thread, one at a time; by the contract of `PluginTable`, only
// the thread of the inspector makes them.
unsafe impl Send for ForeignTable {}
// SAFETY: as above.
unsafe impl Sync for ForeignTable {}

/// A number that stands for a pointer of the plugin.
fn number_of(pointer: abi::Opaque) -> u64 {
    pointer.expose_provenance() as u64
}

/// The pointer that was passed to [`number_of`].
fn pointer_of(number: u64) -> abi::Opaque {
    with_exposed_provenance_mut(number as usize)
}

/// Replacement for a function that the interface lacks before version 3.1: entries need not be released
/// there.
unsafe extern "C-unwind" fn release_nothing(_: abi::Table, _: abi::Entry) {}

/// Replacement for a function that the interface lacks before version 3.1.
unsafe extern "C-unwind" fn iterate_nothing(
    _: abi::Table,
    _: Option<abi::IteratorFn>,
    _: abi::Opaque,
) -> abi::Bool {
    0
}

macro_rules! same {
    ($old:expr, $new:expr, $($name:ident),*) => {
        $($old.$name.is_some() && $old.$name.map(|f| f as usize) == $new.$name.map(|f| f as usize))&&*
    };
}

impl ForeignTable {
    /// A table that a plugin adds.
    ///
    /// # Safety
    /// The pointer is null, or points to a table of the plugin that lives as long as the plugin.
    pub(crate) unsafe fn new(owner: &Arc<Owner>, input: *const abi::TableInput) -> Result<Self, PluginError> {
        let plugin = &owner.name;
        let failure = |why: &str| {
            PluginError::from(format!("failure in adding state table defined by plugin '{plugin}': {why}"))
        };
        if input.is_null() || !input.is_aligned() {
            return Err(failure("null table"));
        }
        // SAFETY: by this function's contract.
        let input = unsafe { input.read() };
        // SAFETY: as above.
        let name = unsafe { copied(input.name) }.ok_or_else(|| failure("null name"))?;
        let key_type = data::type_of(input.key_type).filter(|ty| *ty != DataType::Table);
        let key_type = key_type.ok_or_else(|| failure("invalid key type"))?;
        let (reader, writer, fields);
        if owner.api_minor < 1 {
            let abi::ReaderVtable { get_table_name, get_table_size, get_table_entry, read_entry_field } =
                input.reader;
            reader = ReaderVtableExt {
                get_table_name,
                get_table_size,
                get_table_entry,
                read_entry_field,
                release_table_entry: Some(release_nothing),
                iterate_entries: Some(iterate_nothing),
            };
            (writer, fields) = (input.writer, input.fields);
        } else {
            if input.reader_ext.is_null() || input.writer_ext.is_null() || input.fields_ext.is_null() {
                return Err(failure("extended vtables must all be defined"));
            }
            // SAFETY: as above; none of them is null.
            (reader, writer, fields) =
                unsafe { (input.reader_ext.read(), input.writer_ext.read(), input.fields_ext.read()) };
            if !same!(input.reader, reader, get_table_name, get_table_size, get_table_entry, read_entry_field)
                || reader.release_table_entry.is_none()
                || reader.iterate_entries.is_none()
            {
                return Err(failure("broken or inconsistent reader vtables"));
            }
            if !same!(
                input.writer,
                writer,
                clear_table,
                erase_table_entry,
                create_table_entry,
                destroy_table_entry,
                add_table_entry,
                write_entry_field
            ) {
                return Err(failure("broken or inconsistent writer vtables"));
            }
            if !same!(input.fields, fields, list_table_fields, get_table_field, add_table_field) {
                return Err(failure("broken or inconsistent fields vtables"));
            }
        }
        Ok(Self { name, key_type, table: input.table, reader, writer, fields, owner: Arc::clone(owner) })
    }

    /// Calls a function of the table. If the call fails, the error has the plugin's message.
    fn call<F, R>(&self, function: Option<F>, call: impl FnOnce(F) -> Option<R>) -> Result<R, PluginError> {
        let ended = || format!("the plugin of table '{}' has ended", self.name);
        // This reference keeps the plugin alive during the call.
        let plugin = self.owner.kept().map_err(|()| ended())?;
        let function = function.ok_or_else(|| format!("table '{}' lacks a function", self.name))?;
        match guarded(|| call(function)).flatten() {
            Some(result) => Ok(result),
            None => {
                let error = plugin.map_or_else(String::new, |plugin| plugin.last_error());
                Err(if error.is_empty() { format!("table '{}' failed", self.name) } else { error }.into())
            }
        }
    }

    /// Calls `body` with a key or a value in the form that the plugin uses.
    fn with_data<R>(value: &Scalar, body: impl FnOnce(*const abi::StateData) -> R) -> R {
        let text = match value {
            Scalar::Str(bytes) => CString::new(&bytes[..]).unwrap_or_default(),
            _ => CString::default(),
        };
        let data = data::to_data(value, text.as_ptr());
        body(&data)
    }

    fn check_key(&self, key: &Key) -> Result<(), PluginError> {
        if key.data_type() == self.key_type {
            return Ok(());
        }
        let (expected, given) = (self.key_type.name(), key.data_type().name());
        Err(format!("table '{}' has keys of type {expected}, not {given}", self.name).into())
    }

    fn find_column(
        &self,
        name: &str,
        ty: DataType,
        function: Option<abi::GetField>,
    ) -> Result<u64, PluginError> {
        let text = CString::new(name).unwrap_or_default();
        let number = self.call(function, |function| {
            // SAFETY: the table is of this plugin; the name lives during the call.
            let column = unsafe { function(self.table, text.as_ptr(), data::number_of(ty)) };
            (!column.is_null()).then(|| number_of(column))
        })?;
        self.owner.offered_columns().insert(number, ty);
        Ok(number)
    }

    fn type_of(&self, column: u64) -> Result<DataType, PluginError> {
        let columns = self.owner.offered_columns();
        columns.get(&column).copied().ok_or_else(|| format!("not a field of table '{}'", self.name).into())
    }
}

impl PluginTable for ForeignTable {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_type(&self) -> DataType {
        self.key_type
    }

    fn len(&self) -> Result<u64, PluginError> {
        self.call(self.reader.get_table_size, |function| {
            // SAFETY: the table is of this plugin.
            let len = unsafe { function(self.table) };
            (len != u64::MAX).then_some(len)
        })
    }

    fn columns(&self) -> Result<Vec<ColumnInfo>, PluginError> {
        let infos = self.call(self.fields.list_table_fields, |function| {
            let mut len = 0;
            // SAFETY: the table is of this plugin; the plugin returns as many fields as it reports, valid
            // until the next call.
            let infos = unsafe { elements(function(self.table, &mut len), len.into()) };
            let read = |info: &abi::TableFieldInfo| {
                // SAFETY: the name is a text of the plugin.
                let name = unsafe { copied(info.name) }?;
                let ty = data::type_of(info.field_type)?;
                Some(ColumnInfo { name, ty, is_read_only: info.read_only != 0 })
            };
            Some(infos.iter().filter_map(read).collect())
        })?;
        Ok(infos)
    }

    fn column(&self, name: &str, ty: DataType) -> Result<u64, PluginError> {
        self.find_column(name, ty, self.fields.get_table_field)
    }

    fn add_column(&self, name: &str, ty: DataType) -> Result<u64, PluginError> {
        self.find_column(name, ty, self.fields.add_table_field)
    }

    fn entry(&self, key: &Key) -> Result<u64, PluginError> {
        self.check_key(key)?;
        self.call(self.reader.get_table_entry, |function| {
            // SAFETY: the table is of this plugin; the key is of its type and lives during the call.
            let entry = Self::with_data(key, |key| unsafe { function(self.table, key) });
            (!entry.is_null()).then(|| number_of(entry))
        })
    }

    fn release(&self, entry: u64) {
        // It cannot fail.
        let _ = self.call(self.reader.release_table_entry, |function| {
            // SAFETY: table and entry are of this plugin.
            unsafe { function(self.table, pointer_of(entry)) };
            Some(())
        });
    }

    fn visit(&self, visit: &mut dyn FnMut(u64) -> bool) -> Result<bool, PluginError> {
        /// The context that the plugin passes back to the callback.
        struct Visitor<'a>(&'a mut dyn FnMut(u64) -> bool);

        unsafe extern "C-unwind" fn visit_one(visitor: abi::Opaque, entry: abi::Entry) -> abi::Bool {
            // SAFETY: the plugin passes back the pointer that it got in this call.
            let visitor = unsafe { &mut *visitor.cast::<Visitor<'_>>() };
            guarded(|| (visitor.0)(number_of(entry))).unwrap_or(false).into()
        }

        let mut visitor = Visitor(visit);
        self.call(self.reader.iterate_entries, |function| {
            // SAFETY: the table is of this plugin; the visitor lives during the call.
            Some(unsafe { function(self.table, Some(visit_one), (&raw mut visitor).cast()) } != 0)
        })
    }

    fn create(&self) -> Result<u64, PluginError> {
        self.call(self.writer.create_table_entry, |function| {
            // SAFETY: the table is of this plugin.
            let entry = unsafe { function(self.table) };
            (!entry.is_null()).then(|| number_of(entry))
        })
    }

    fn destroy(&self, entry: u64) -> Result<(), PluginError> {
        self.call(self.writer.destroy_table_entry, |function| {
            // SAFETY: table and entry are of this plugin, and nothing uses the entry after this.
            unsafe { function(self.table, pointer_of(entry)) };
            Some(())
        })
    }

    fn insert(&self, key: &Key, entry: u64) -> Result<u64, PluginError> {
        self.check_key(key)?;
        self.call(self.writer.add_table_entry, |function| {
            // SAFETY: table and entry are of this plugin; the key is of its type and lives during the call.
            let entry = Self::with_data(key, |key| unsafe { function(self.table, key, pointer_of(entry)) });
            (!entry.is_null()).then(|| number_of(entry))
        })
    }

    fn erase(&self, key: &Key) -> Result<(), PluginError> {
        self.check_key(key)?;
        self.call(self.writer.erase_table_entry, |function| {
            // SAFETY: as for `entry`.
            let rc = Self::with_data(key, |key| unsafe { function(self.table, key) });
            (rc == abi::SUCCESS).then_some(())
        })
    }

    fn clear(&self) -> Result<(), PluginError> {
        self.call(self.writer.clear_table, |function| {
            // SAFETY: the table is of this plugin.
            (unsafe { function(self.table) } == abi::SUCCESS).then_some(())
        })
    }

    fn read(&self, entry: u64, column: u64) -> Result<Datum, PluginError> {
        let ty = self.type_of(column)?;
        let mut out = abi::StateData { u64: 0 };
        let is_read = self.call(self.reader.read_entry_field, |function| {
            // SAFETY: table, entry and column are of this plugin; there is room for the value.
            let rc = unsafe { function(self.table, pointer_of(entry), pointer_of(column), &mut out) };
            (rc == abi::SUCCESS).then_some(())
        });
        is_read?;
        if ty == DataType::Table {
            // SAFETY: according to the plugin, it has set the member of this type.
            let nested = unsafe { ForeignTable::new(&self.owner, out.table.cast::<abi::TableInput>()) };
            return nested.map(|table| Datum::Table(Arc::new(table) as Arc<dyn PluginTable>));
        }
        // SAFETY: as above; a text is valid until the next call.
        let value = unsafe {
            match ty {
                DataType::Str => Some(Scalar::text(text_bytes(out.text).unwrap_or_default())),
                _ => data::read(&out, ty),
            }
        };
        value.map(Datum::Scalar).ok_or_else(|| format!("table '{}' has a value of no type", self.name).into())
    }

    fn write(&self, entry: u64, column: u64, value: &Scalar) -> Result<(), PluginError> {
        let ty = self.type_of(column)?;
        if value.data_type() != ty {
            let (expected, given) = (ty.name(), value.data_type().name());
            return Err(format!("a field of table '{}' is of type {expected}, not {given}", self.name).into());
        }
        self.call(self.writer.write_entry_field, |function| {
            let rc = Self::with_data(value, |value| {
                // SAFETY: table, entry and column are of this plugin; the value is of the column's type and lives during
                // the call.
                unsafe { function(self.table, pointer_of(entry), pointer_of(column), value) }
            });
            (rc == abi::SUCCESS).then_some(())
        })
    }
}
