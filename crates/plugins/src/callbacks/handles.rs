//! Table handles of plugins: pointers to descriptions. The Rust SDK reads the key type from the
//! description.

use std::cell::UnsafeCell;
use std::ffi::CString;

use eyas_sinsp::plugin::TableId;
use rustc_hash::FxHashMap;

use crate::abi;

/// The tables that a plugin has pointers to.
#[derive(Default)]
pub(crate) struct Handles {
    /// Slots by table number. Later calls of the plugin use the numbers of tables within entries again.
    slots: FxHashMap<u32, Box<Slot>>,
    /// Table numbers by address.
    ids: FxHashMap<usize, TableId>,
}

/// Target of a pointer. It does not move as long as the plugin may have the pointer.
struct Slot {
    input: UnsafeCell<abi::TableInput>,
    name: CString,
}

// SAFETY: the pointers point into the same structure, or to data that lives as long as the program.
unsafe impl Send for Handles {}

impl Handles {
    /// The pointer for a table. `input` describes the table except for name and pointer.
    pub(super) fn pointer(&mut self, id: TableId, name: &str, input: abi::TableInput) -> abi::Table {
        let slot = self.slots.entry(id.0).or_insert_with(|| Box::new(Slot::new(name, input)));
        let pointer = slot.input.get();
        // SAFETY: the pointer points to an existing cell.
        let known = unsafe { (*pointer).key_type };
        if known != input.key_type || slot.name.as_bytes() != name.as_bytes() {
            let Slot { input, name } = Slot::new(name, input);
            slot.name = name;
            // SAFETY: as above. The previous table in this slot belonged to a call that has ended.
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
    fn new(name: &str, mut input: abi::TableInput) -> Self {
        let name = CString::new(name).unwrap_or_default();
        // The bytes of a `CString` keep their address when the `CString` is moved.
        input.name = name.as_ptr();
        Self { input: UnsafeCell::new(input), name }
    }
}
