//! Tables as plugins have them: pointers to descriptions, of which the SDK for Rust reads the type of keys.

use std::cell::UnsafeCell;
use std::ffi::CString;

use eyas_sinsp::plugin::{DataType, TableId};
use rustc_hash::FxHashMap;

use super::tables::{FIELDS, READER, READER_EXT, WRITER};
use crate::abi;
use crate::call::data;

/// The tables that a plugin has pointers to.
#[derive(Default)]
pub(crate) struct Handles {
    /// By the numbers of the tables. Those of tables within entries are used again by later calls of the plugin.
    slots: FxHashMap<u32, Box<Slot>>,
    /// Numbers of the tables by addresses.
    ids: FxHashMap<usize, TableId>,
}

/// What a pointer leads to. It stays where it is as long as the plugin may have the pointer.
struct Slot {
    input: UnsafeCell<abi::TableInput>,
    name: CString,
}

// SAFETY: the pointers lead to what is here as well, or to what lives as long as the program.
unsafe impl Send for Handles {}

impl Handles {
    /// The pointer for a table.
    pub(super) fn pointer(&mut self, id: TableId, name: &str, key: DataType) -> abi::Table {
        let key_type = data::number_of(key);
        let slot = self.slots.entry(id.0).or_insert_with(|| Box::new(Slot::new(name, key_type)));
        let pointer = slot.input.get();
        // SAFETY: the pointer is that of a cell which is there.
        let known = unsafe { (*pointer).key_type };
        if known != key_type || slot.name.as_bytes() != name.as_bytes() {
            let Slot { input, name } = Slot::new(name, key_type);
            slot.name = name;
            // SAFETY: as above. The call has ended for which the table was that was here before.
            unsafe { pointer.write(input.into_inner()) };
        }
        let table: abi::Table = pointer.cast();
        // SAFETY: as above.
        unsafe { (*pointer).table = table };
        self.ids.insert(table.addr(), id);
        table
    }

    /// The table that a plugin refers to.
    pub(super) fn id(&self, table: abi::Table) -> Option<TableId> {
        self.ids.get(&table.addr()).copied()
    }
}

impl Slot {
    fn new(name: &str, key_type: abi::StateType) -> Self {
        let name = CString::new(name).unwrap_or_default();
        let input = abi::TableInput {
            // The bytes of a `CString` stay where they are when it is moved.
            name: name.as_ptr(),
            key_type,
            table: std::ptr::null_mut(),
            reader: READER,
            writer: WRITER,
            fields: FIELDS,
            reader_ext: &READER_EXT,
            writer_ext: &WRITER,
            fields_ext: &FIELDS,
        };
        Self { input: UnsafeCell::new(input), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_a_description_and_back_to_the_table() {
        let mut handles = Handles::default();
        let threads = handles.pointer(TableId(0), "threads", DataType::I64);
        let nested = handles.pointer(TableId(7), "args", DataType::U64);
        assert_eq!(handles.pointer(TableId(0), "threads", DataType::I64), threads);
        assert_eq!((handles.id(threads), handles.id(nested)), (Some(TableId(0)), Some(TableId(7))));
        assert_eq!(handles.id(std::ptr::without_provenance_mut(1)), None);
        // SAFETY: the handles are there.
        let input = |table: abi::Table| unsafe { table.cast::<abi::TableInput>().read() };
        assert_eq!(
            (input(threads).key_type, input(threads).table),
            (data::number_of(DataType::I64), threads)
        );
        // The number is used again in another call.
        assert_eq!(handles.pointer(TableId(7), "file_descriptors", DataType::I64), nested);
        assert_eq!(input(nested).key_type, data::number_of(DataType::I64));
        // SAFETY: the name is a text that is there.
        let name = unsafe { crate::call::copied(input(nested).name) };
        assert_eq!(name.as_deref(), Some("file_descriptors"));
    }
}
