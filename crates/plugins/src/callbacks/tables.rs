//! Functions with which plugins use state tables.

use std::ptr::{null, null_mut, without_provenance_mut};
use std::sync::Arc;

use eyas_sinsp::plugin::{ColumnId, DataType, EntryId, PluginError, Scalar, TableId, Tables};

use super::current;
use super::owner::{contained, find};
use crate::abi::{self, Rc};
use crate::call::{self, ForeignTable, copied, data};

pub(crate) const READER: abi::ReaderVtable = abi::ReaderVtable {
    get_table_name: Some(get_table_name),
    get_table_size: Some(get_table_size),
    get_table_entry: Some(get_table_entry),
    read_entry_field: Some(read_entry_field),
};

pub(crate) static READER_EXT: abi::ReaderVtableExt = abi::ReaderVtableExt {
    get_table_name: Some(get_table_name),
    get_table_size: Some(get_table_size),
    get_table_entry: Some(get_table_entry),
    read_entry_field: Some(read_entry_field),
    release_table_entry: Some(release_table_entry),
    iterate_entries: Some(iterate_entries),
};

pub(crate) static WRITER: abi::WriterVtable = abi::WriterVtable {
    clear_table: Some(clear_table),
    erase_table_entry: Some(erase_table_entry),
    create_table_entry: Some(create_table_entry),
    destroy_table_entry: Some(destroy_table_entry),
    add_table_entry: Some(add_table_entry),
    write_entry_field: Some(write_entry_field),
};

pub(super) static FIELDS: abi::FieldsVtable = abi::FieldsVtable {
    list_table_fields: Some(list_table_fields),
    get_table_field: Some(get_table_field),
    add_table_field: Some(add_table_field),
};

/// A structure of pointers to data that lives as long as the program.
struct Constant(abi::InitTablesInput);

// SAFETY: nothing writes to it, nor to the targets of its pointers.
unsafe impl Sync for Constant {}

static INIT_TABLES: Constant = Constant(abi::InitTablesInput {
    list_tables: Some(list_tables),
    get_table: Some(get_table),
    add_table: Some(add_table),
    fields: FIELDS,
    fields_ext: &FIELDS,
    reader_ext: &READER_EXT,
    writer_ext: &WRITER,
});

/// Argument of `init`, which lives as long as the program.
pub(crate) fn init_tables() -> *const abi::InitTablesInput {
    &INIT_TABLES.0
}

// Numbers cast to pointers are never null.

/// The table to which a plugin refers.
///
/// # Errors
/// The plugin did not get this table from the host.
fn table_of(table: abi::Table) -> Result<TableId, PluginError> {
    let known = current::with_owner(|owner| owner.handles().id(table)).flatten();
    known.ok_or_else(|| "the table is none that this plugin was given".into())
}

/// Target of a plugin's table pointer, without the name.
fn input(key: DataType) -> abi::TableInput {
    abi::TableInput {
        name: null(),
        key_type: data::number_of(key),
        table: null_mut(),
        reader: READER,
        writer: WRITER,
        fields: FIELDS,
        reader_ext: &READER_EXT,
        writer_ext: &WRITER,
        fields_ext: &FIELDS,
    }
}

/// The pointer to a table for the plugin that is being called.
fn pointer_to(tables: &mut dyn Tables, id: TableId) -> Result<abi::Table, PluginError> {
    let (name, key) = (tables.name(id)?, tables.key_type(id)?);
    let pointer = current::with_owner(|owner| owner.handles().pointer(id, &name, input(key)));
    pointer.ok_or_else(|| "no plugin is being called".into())
}

fn column_of(column: abi::Accessor) -> ColumnId {
    ColumnId(u32::try_from(column.addr().wrapping_sub(1)).unwrap_or(u32::MAX))
}

fn entry_of(entry: abi::Entry) -> EntryId {
    EntryId(entry.addr().wrapping_sub(1) as u64)
}

fn to_pointer(id: u64) -> abi::Opaque {
    without_provenance_mut((id as usize).wrapping_add(1))
}

/// Runs a body; its error becomes the error of the plugin that is being called.
fn checked<R>(otherwise: R, body: impl FnOnce() -> Result<R, PluginError>) -> R {
    match contained(Err("the host failed".into()), body) {
        Ok(value) => value,
        Err(error) => {
            current::with_owner(|owner| owner.set_error(error.to_string()));
            otherwise
        }
    }
}

/// A key that a plugin passes.
///
/// # Safety
/// The pointer is null or points to a key of the table's type.
unsafe fn key_of(
    tables: &mut dyn Tables,
    table: TableId,
    key: *const abi::StateData,
) -> Result<Scalar, PluginError> {
    let ty = tables.key_type(table)?;
    // SAFETY: by this function's contract.
    unsafe { data::read(key, ty) }.ok_or_else(|| "the key is null or of a type that keys do not have".into())
}

extern "C-unwind" fn list_tables(owner: abi::Owner, len: *mut u32) -> *const abi::TableInfo {
    checked(null(), || {
        let _ = find(owner).ok_or("no such owner")?;
        let all = current::with_tables(|tables| Ok(tables.list()))?;
        let infos: Vec<abi::TableInfo> = all
            .iter()
            .map(|table| abi::TableInfo {
                name: current::keep_text(table.name.as_bytes()),
                key_type: data::number_of(table.key),
            })
            .collect();
        // SAFETY: a plugin passes null or a pointer to a number.
        unsafe { put(len, infos.len() as u32) };
        Ok(current::keep(Box::new(infos), |infos| infos.as_ptr()))
    })
}

/// Writes a number to an address that a plugin passed.
///
/// # Safety
/// The pointer is null, or there is room for a number.
unsafe fn put(place: *mut u32, number: u32) {
    if !place.is_null() && place.is_aligned() {
        // SAFETY: by this function's contract.
        unsafe { place.write(number) };
    }
}

unsafe extern "C-unwind" fn get_table(owner: abi::Owner, name: abi::Text, key: abi::StateType) -> abi::Table {
    checked(null_mut(), || {
        let _ = find(owner).ok_or("no such owner")?;
        // SAFETY: a plugin passes a text or null.
        let name = unsafe { copied(name) }.ok_or("the requested table has no name")?;
        let key = data::type_of(key).ok_or_else(|| format!("invalid key type of table '{name}': {key}"))?;
        current::with_tables(|tables| match tables.table(&name, key)? {
            Some(id) => pointer_to(tables, id),
            None => Ok(null_mut()),
        })
    })
}

unsafe extern "C-unwind" fn add_table(owner: abi::Owner, input: *const abi::TableInput) -> Rc {
    checked(abi::FAILURE, || {
        let owner = find(owner).ok_or("no such owner")?;
        // SAFETY: a plugin passes a table of its own, or null.
        let table = unsafe { ForeignTable::new(&owner, input) }?;
        current::with_tables(|tables| tables.add_table(Arc::new(table)))?;
        Ok(abi::SUCCESS)
    })
}

extern "C-unwind" fn list_table_fields(table: abi::Table, len: *mut u32) -> *const abi::TableFieldInfo {
    checked(null(), || {
        let columns = current::with_tables(|tables| tables.columns(table_of(table)?))?;
        let infos: Vec<abi::TableFieldInfo> = columns
            .iter()
            .map(|column| abi::TableFieldInfo {
                name: current::keep_text(column.name.as_bytes()),
                field_type: data::number_of(column.ty),
                read_only: column.is_read_only.into(),
            })
            .collect();
        // SAFETY: a plugin passes null or a pointer to a number.
        unsafe { put(len, infos.len() as u32) };
        Ok(current::keep(Box::new(infos), |infos| infos.as_ptr()))
    })
}

unsafe extern "C-unwind" fn get_table_field(
    table: abi::Table,
    name: abi::Text,
    ty: abi::StateType,
) -> abi::Accessor {
    // SAFETY: the plugin passes the arguments that the function requires.
    unsafe { column(table, name, ty, false) }
}

unsafe extern "C-unwind" fn add_table_field(
    table: abi::Table,
    name: abi::Text,
    ty: abi::StateType,
) -> abi::Accessor {
    // SAFETY: the plugin passes the arguments that the function requires.
    unsafe { column(table, name, ty, true) }
}

/// Finds or adds a column.
///
/// # Safety
/// The name is null or a text.
unsafe fn column(table: abi::Table, name: abi::Text, number: abi::StateType, adds: bool) -> abi::Accessor {
    checked(null_mut(), || {
        // SAFETY: by this function's contract.
        let name = unsafe { copied(name) }.ok_or("the requested field has no name")?;
        let ty = data::type_of(number).ok_or_else(|| format!("invalid type of field '{name}': {number}"))?;
        let table = table_of(table)?;
        let ColumnId(id) = current::with_tables(|tables| match adds {
            true => tables.add_column(table, &name, ty),
            false => tables.column(table, &name, ty),
        })?;
        current::with_owner(|owner| owner.columns().insert(id, number));
        Ok(to_pointer(id.into()))
    })
}

extern "C-unwind" fn get_table_name(table: abi::Table) -> abi::Text {
    checked(null(), || {
        let name = current::with_tables(|tables| tables.name(table_of(table)?))?;
        Ok(current::keep_text(name.as_bytes()))
    })
}

extern "C-unwind" fn get_table_size(table: abi::Table) -> u64 {
    checked(u64::MAX, || current::with_tables(|tables| tables.len(table_of(table)?)))
}

unsafe extern "C-unwind" fn get_table_entry(table: abi::Table, key: *const abi::StateData) -> abi::Entry {
    checked(null_mut(), || {
        let table = table_of(table)?;
        let EntryId(id) = current::with_tables(|tables| {
            // SAFETY: a plugin passes a key of the table's type, or null.
            let key = unsafe { key_of(tables, table, key) }?;
            tables.entry(table, &key)
        })?;
        Ok(to_pointer(id))
    })
}

unsafe extern "C-unwind" fn read_entry_field(
    table: abi::Table,
    entry: abi::Entry,
    column: abi::Accessor,
    out: *mut abi::StateData,
) -> Rc {
    checked(abi::FAILURE, || {
        if out.is_null() || !out.is_aligned() {
            return Err("there is no place for the value of a field".into());
        }
        // SAFETY: a plugin passes a pointer to a value.
        unsafe { out.write(abi::StateData { u64: 0 }) };
        let table = table_of(table)?;
        let value = current::with_tables(|tables| {
            Ok(match tables.read(table, entry_of(entry), column_of(column))? {
                Scalar::Str(bytes) => abi::StateData { text: current::keep_text(&bytes) },
                Scalar::Table(id) => abi::StateData { table: pointer_to(tables, id)? },
                number => data::to_data(&number, null()),
            })
        })?;
        // SAFETY: as above.
        unsafe { out.write(value) };
        Ok(abi::SUCCESS)
    })
}

extern "C-unwind" fn release_table_entry(table: abi::Table, entry: abi::Entry) {
    checked((), || {
        current::with_tables(|tables| {
            tables.release(table_of(table)?, entry_of(entry));
            Ok(())
        })
    });
}

unsafe extern "C-unwind" fn iterate_entries(
    table: abi::Table,
    visitor: Option<abi::IteratorFn>,
    state: abi::Opaque,
) -> abi::Bool {
    checked(0, || {
        let visitor = visitor.ok_or("entries are to be visited by no function")?;
        current::with_tables(|tables| {
            tables.visit(table_of(table)?, &mut |tables, EntryId(id)| {
                current::lend(tables, || call::visit(visitor, state, to_pointer(id)))
            })
        })
        .map(abi::Bool::from)
    })
}

extern "C-unwind" fn clear_table(table: abi::Table) -> Rc {
    checked(abi::FAILURE, || {
        current::with_tables(|tables| tables.clear(table_of(table)?))?;
        Ok(abi::SUCCESS)
    })
}

unsafe extern "C-unwind" fn erase_table_entry(table: abi::Table, key: *const abi::StateData) -> Rc {
    checked(abi::FAILURE, || {
        let table = table_of(table)?;
        current::with_tables(|tables| {
            // SAFETY: a plugin passes a key of the table's type, or null.
            let key = unsafe { key_of(tables, table, key) }?;
            tables.erase(table, &key)
        })?;
        Ok(abi::SUCCESS)
    })
}

extern "C-unwind" fn create_table_entry(table: abi::Table) -> abi::Entry {
    checked(null_mut(), || {
        let EntryId(id) = current::with_tables(|tables| tables.create(table_of(table)?))?;
        Ok(to_pointer(id))
    })
}

extern "C-unwind" fn destroy_table_entry(table: abi::Table, entry: abi::Entry) {
    checked((), || current::with_tables(|tables| tables.destroy(table_of(table)?, entry_of(entry))));
}

unsafe extern "C-unwind" fn add_table_entry(
    table: abi::Table,
    key: *const abi::StateData,
    entry: abi::Entry,
) -> abi::Entry {
    checked(null_mut(), || {
        let table = table_of(table)?;
        let EntryId(id) = current::with_tables(|tables| {
            // SAFETY: a plugin passes a key of the table's type, or null.
            let key = unsafe { key_of(tables, table, key) }?;
            tables.insert(table, &key, entry_of(entry))
        })?;
        Ok(to_pointer(id))
    })
}

unsafe extern "C-unwind" fn write_entry_field(
    table: abi::Table,
    entry: abi::Entry,
    column: abi::Accessor,
    value: *const abi::StateData,
) -> Rc {
    checked(abi::FAILURE, || {
        let ColumnId(id) = column_of(column);
        let number = current::with_owner(|owner| owner.columns().get(&id).copied());
        let ty = number
            .flatten()
            .and_then(data::type_of)
            .ok_or("the field is not one that the plugin has asked for")?;
        if ty == DataType::Table {
            return Err("writing to table fields is currently not supported".into());
        }
        // SAFETY: a plugin passes a value of the field's type, or null.
        let value = unsafe { data::read(value, ty) }.ok_or("the value is null")?;
        current::with_tables(|tables| tables.write(table_of(table)?, entry_of(entry), ColumnId(id), &value))?;
        Ok(abi::SUCCESS)
    })
}

#[cfg(test)]
mod tests {
    use super::super::handles::Handles;
    use super::*;

    #[test]
    fn table_pointers_convert_to_table_ids() {
        let mut handles = Handles::default();
        let threads = handles.pointer(TableId(0), "threads", input(DataType::I64));
        let nested = handles.pointer(TableId(7), "args", input(DataType::U64));
        assert_eq!(handles.pointer(TableId(0), "threads", input(DataType::I64)), threads);
        assert_eq!((handles.id(threads), handles.id(nested)), (Some(TableId(0)), Some(TableId(7))));
        assert_eq!(handles.id(without_provenance_mut(1)), None);
        // SAFETY: the handles are there.
        let read = |table: abi::Table| unsafe { table.cast::<abi::TableInput>().read() };
        assert_eq!((read(threads).key_type, read(threads).table), (data::number_of(DataType::I64), threads));
        // The number is used again in another call.
        assert_eq!(handles.pointer(TableId(7), "file_descriptors", input(DataType::I64)), nested);
        assert_eq!(read(nested).key_type, data::number_of(DataType::I64));
        // SAFETY: the name is a text that is there.
        let name = unsafe { copied(read(nested).name) };
        assert_eq!(name.as_deref(), Some("file_descriptors"));
    }
}
