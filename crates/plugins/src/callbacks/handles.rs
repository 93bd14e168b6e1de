//! Tables as plugins have them: pointers to descriptions, of which the SDK for Rust reads the type of keys.

use std::cell::UnsafeCell;
use std::ffi::CString;

use eyas_sinsp::plugin::TableId;
use rustc_hash::FxHashMap;

use crate::abi;

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
    /// The pointer for a table, which is described by `input` but for name and pointer.
    pub(super) fn pointer(&mut self, id: TableId, name: &str, input: abi::TableInput) -> abi::Table {
        let slot = self.slots.entry(id.0).or_insert_with(|| Box::new(Slot::new(name, input)));
        let pointer = slot.input.get();
        // SAFETY: the pointer is that of a cell which is there.
        let known = unsafe { (*pointer).key_type };
        if known != input.key_type || slot.name.as_bytes() != name.as_bytes() {
            let Slot { input, name } = Slot::new(name, input);
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
    fn new(name: &str, mut input: abi::TableInput) -> Self {
        let name = CString::new(name).unwrap_or_default();
        // The bytes of a `CString` stay where they are when it is moved.
        input.name = name.as_ptr();
        Self { input: UnsafeCell::new(input), name }
    }
}
