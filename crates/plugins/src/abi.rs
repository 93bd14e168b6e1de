//! The C interface between Falco and its plugins, version 3.12, with the memory layout of 64-bit Linux.
//!
//! The names are the names of the interface without the prefix `ss_plugin_`. A test compares every size and
//! offset with `falco_plugin_api`.

use std::ffi::{c_char, c_void};

/// Result of a call.
pub type Rc = i32;
/// The call succeeded.
pub const SUCCESS: Rc = 0;
/// The call failed; `get_last_error` returns the reason.
pub const FAILURE: Rc = 1;
/// No event is available now.
pub const TIMEOUT: Rc = -1;
/// There are no more events.
pub const EOF: Rc = 2;

/// 0 or another number.
pub type Bool = u32;
/// Target of [`State`] and of the other opaque pointer types.
pub type Opaque = *mut c_void;
/// State of a plugin, from `init`.
pub type State = Opaque;
/// An open event source, from `open`.
pub type Handle = Opaque;
/// Pointer that a plugin passes back to the host, so that the host recognises the plugin.
pub type Owner = Opaque;
/// A table.
pub type Table = Opaque;
/// An entry of a table.
pub type Entry = Opaque;
/// A field of a table.
pub type Accessor = Opaque;
/// A routine in the host's pool of threads.
pub type Routine = Opaque;
/// Text that ends at the first NUL.
pub type Text = *const c_char;

/// Size of the buffer for an error message of the asynchronous event handler, including the NUL.
pub const MAX_ERROR: usize = 1024;

/// Header of an event; the lengths of its parameters and their bytes follow.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct Event {
    pub ts: u64,
    pub tid: u64,
    pub len: u32,
    pub code: u16,
    pub nparams: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct EventInput {
    pub evt: *const Event,
    pub evtnum: u64,
    pub evtsrc: Text,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByteBuffer {
    pub len: u32,
    pub ptr: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ValueOffsets {
    pub start: *mut u32,
    pub length: *mut u32,
}

/// Values of a field: a pointer to the array that the plugin has filled.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Values {
    pub texts: *const Text,
    pub u64s: *const u64,
    pub bools: *const Bool,
    pub buffers: *const ByteBuffer,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtractField {
    pub res: Values,
    pub res_len: u64,
    pub field_id: u32,
    pub field: Text,
    pub arg_key: Text,
    pub arg_index: u64,
    pub arg_present: Bool,
    pub ftype: u32,
    pub flist: Bool,
}

pub const FTYPE_UINT64: u32 = 8;
pub const FTYPE_STRING: u32 = 9;
pub const FTYPE_RELTIME: u32 = 20;
pub const FTYPE_ABSTIME: u32 = 21;
pub const FTYPE_BOOL: u32 = 25;
pub const FTYPE_IPADDR: u32 = 40;
pub const FTYPE_IPNET: u32 = 41;

pub type StateType = u32;

/// A key or a value of a table.
#[repr(C)]
#[derive(Clone, Copy)]
pub union StateData {
    pub i8: i8,
    pub i16: i16,
    pub i32: i32,
    pub i64: i64,
    pub u8: u8,
    pub u16: u16,
    pub u32: u32,
    pub u64: u64,
    pub text: Text,
    pub bool: Bool,
    pub table: Table,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct TableInfo {
    pub name: Text,
    pub key_type: StateType,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct TableFieldInfo {
    pub name: Text,
    pub field_type: StateType,
    pub read_only: Bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union MetricData {
    pub u32: u32,
    pub i32: i32,
    pub u64: u64,
    pub i64: i64,
    pub f64: f64,
    pub f32: f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Metric {
    pub name: Text,
    pub kind: u32,
    pub value: MetricData,
    pub value_type: u32,
}

pub type ListFields = unsafe extern "C-unwind" fn(Table, *mut u32) -> *const TableFieldInfo;
pub type GetField = unsafe extern "C-unwind" fn(Table, Text, StateType) -> Accessor;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct FieldsVtable {
    pub list_table_fields: Option<ListFields>,
    pub get_table_field: Option<GetField>,
    pub add_table_field: Option<GetField>,
}

pub type GetTableName = unsafe extern "C-unwind" fn(Table) -> Text;
pub type GetTableSize = unsafe extern "C-unwind" fn(Table) -> u64;
pub type GetTableEntry = unsafe extern "C-unwind" fn(Table, *const StateData) -> Entry;
pub type ReadEntryField = unsafe extern "C-unwind" fn(Table, Entry, Accessor, *mut StateData) -> Rc;
pub type ReleaseTableEntry = unsafe extern "C-unwind" fn(Table, Entry);
pub type IteratorFn = unsafe extern "C-unwind" fn(Opaque, Entry) -> Bool;
pub type IterateEntries = unsafe extern "C-unwind" fn(Table, Option<IteratorFn>, Opaque) -> Bool;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ReaderVtable {
    pub get_table_name: Option<GetTableName>,
    pub get_table_size: Option<GetTableSize>,
    pub get_table_entry: Option<GetTableEntry>,
    pub read_entry_field: Option<ReadEntryField>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ReaderVtableExt {
    pub get_table_name: Option<GetTableName>,
    pub get_table_size: Option<GetTableSize>,
    pub get_table_entry: Option<GetTableEntry>,
    pub read_entry_field: Option<ReadEntryField>,
    pub release_table_entry: Option<ReleaseTableEntry>,
    pub iterate_entries: Option<IterateEntries>,
}

pub type ClearTable = unsafe extern "C-unwind" fn(Table) -> Rc;
pub type EraseTableEntry = unsafe extern "C-unwind" fn(Table, *const StateData) -> Rc;
pub type CreateTableEntry = unsafe extern "C-unwind" fn(Table) -> Entry;
pub type DestroyTableEntry = unsafe extern "C-unwind" fn(Table, Entry);
pub type AddTableEntry = unsafe extern "C-unwind" fn(Table, *const StateData, Entry) -> Entry;
pub type WriteEntryField = unsafe extern "C-unwind" fn(Table, Entry, Accessor, *const StateData) -> Rc;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct WriterVtable {
    pub clear_table: Option<ClearTable>,
    pub erase_table_entry: Option<EraseTableEntry>,
    pub create_table_entry: Option<CreateTableEntry>,
    pub destroy_table_entry: Option<DestroyTableEntry>,
    pub add_table_entry: Option<AddTableEntry>,
    pub write_entry_field: Option<WriteEntryField>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct TableInput {
    pub name: Text,
    pub key_type: StateType,
    pub table: Table,
    pub reader: ReaderVtable,
    pub writer: WriterVtable,
    pub fields: FieldsVtable,
    pub reader_ext: *const ReaderVtableExt,
    pub writer_ext: *const WriterVtable,
    pub fields_ext: *const FieldsVtable,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct InitTablesInput {
    pub list_tables: Option<unsafe extern "C-unwind" fn(Owner, *mut u32) -> *const TableInfo>,
    pub get_table: Option<unsafe extern "C-unwind" fn(Owner, Text, StateType) -> Table>,
    pub add_table: Option<unsafe extern "C-unwind" fn(Owner, *const TableInput) -> Rc>,
    pub fields: FieldsVtable,
    pub fields_ext: *const FieldsVtable,
    pub reader_ext: *const ReaderVtableExt,
    pub writer_ext: *const WriterVtable,
}

pub type LogFn = unsafe extern "C-unwind" fn(Owner, Text, Text, u32);
pub type OwnerErrorFn = unsafe extern "C-unwind" fn(Owner) -> Text;

#[repr(C)]
pub struct InitInput {
    pub config: Text,
    pub owner: Owner,
    pub get_owner_last_error: Option<OwnerErrorFn>,
    pub tables: *const InitTablesInput,
    pub log_fn: Option<LogFn>,
}

#[repr(C)]
pub struct ExtractInput {
    pub owner: Owner,
    pub get_owner_last_error: Option<OwnerErrorFn>,
    pub num_fields: u32,
    pub fields: *mut ExtractField,
    pub table_reader: ReaderVtable,
    pub table_reader_ext: *const ReaderVtableExt,
    pub value_offsets: *mut ValueOffsets,
}

#[repr(C)]
pub struct ParseInput {
    pub owner: Owner,
    pub get_owner_last_error: Option<OwnerErrorFn>,
    pub table_reader: ReaderVtable,
    pub table_writer: WriterVtable,
    pub table_reader_ext: *const ReaderVtableExt,
    pub table_writer_ext: *const WriterVtable,
}

#[repr(C)]
pub struct SetConfigInput {
    pub config: Text,
}

pub type RoutineFn = unsafe extern "C-unwind" fn(State, Opaque) -> Bool;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RoutineVtable {
    pub subscribe: Option<unsafe extern "C-unwind" fn(Owner, Option<RoutineFn>, Opaque) -> Routine>,
    pub unsubscribe: Option<unsafe extern "C-unwind" fn(Owner, Routine) -> Rc>,
}

#[repr(C)]
pub struct ListenInput {
    pub owner: Owner,
    pub routine: *const RoutineVtable,
    pub table_reader_ext: *const ReaderVtableExt,
    pub table_writer_ext: *const WriterVtable,
    pub get_owner_last_error: Option<OwnerErrorFn>,
}

pub type AsyncHandler = unsafe extern "C-unwind" fn(Owner, *const Event, *mut c_char) -> Rc;

// Signatures of the functions that a plugin exports.

pub type TextFn = unsafe extern "C-unwind" fn() -> Text;
pub type NumberFn = unsafe extern "C-unwind" fn() -> u32;
pub type SchemaFn = unsafe extern "C-unwind" fn(*mut u32) -> Text;
pub type InitFn = unsafe extern "C-unwind" fn(*const InitInput, *mut Rc) -> State;
pub type StateFn = unsafe extern "C-unwind" fn(State);
pub type StateTextFn = unsafe extern "C-unwind" fn(State) -> Text;
pub type SetConfigFn = unsafe extern "C-unwind" fn(State, *const SetConfigInput) -> Rc;
pub type MetricsFn = unsafe extern "C-unwind" fn(State, *mut u32) -> *const Metric;
pub type OpenFn = unsafe extern "C-unwind" fn(State, Text, *mut Rc) -> Handle;
pub type CloseFn = unsafe extern "C-unwind" fn(State, Handle);
pub type NextBatchFn = unsafe extern "C-unwind" fn(State, Handle, *mut u32, *mut *const *const Event) -> Rc;
pub type OpenParamsFn = unsafe extern "C-unwind" fn(State, *mut Rc) -> Text;
pub type ProgressFn = unsafe extern "C-unwind" fn(State, Handle, *mut u32) -> Text;
pub type EventTextFn = unsafe extern "C-unwind" fn(State, *const EventInput) -> Text;
pub type ExtractFn = unsafe extern "C-unwind" fn(State, *const EventInput, *const ExtractInput) -> Rc;
pub type EventTypesFn = unsafe extern "C-unwind" fn(*mut u32, State) -> *const u16;
pub type ParseFn = unsafe extern "C-unwind" fn(State, *const EventInput, *const ParseInput) -> Rc;
pub type SetHandlerFn = unsafe extern "C-unwind" fn(State, Owner, Option<AsyncHandler>) -> Rc;
pub type ListenFn = unsafe extern "C-unwind" fn(State, *const ListenInput) -> Rc;

#[cfg(test)]
mod tests;
