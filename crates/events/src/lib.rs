//! Every event type of the schema, its parameters and flags, and every system call of x86-64 and aarch64, as constant
//! tables.
//!
//! Should I use this crate? Yes, to decode or make events, or to map system calls to events. It has no
//! dependency but `bitflags` and does no I/O. To read captures use `eyas-scap`; for detection use the crate
//! `eyas`.
//!
//! ```text
//!   table/<family>.rs ── one row per call ───┬─> names, parameters, flags: this crate's functions
//!                                            ├─> the probe's tables (eyas-bpf)
//!                                            └─> decoding (eyas-scap), state and fields (eyas-sinsp)
//! ```
//!
//! A system call is one row in `table/<family>.rs`: its code, its number on each architecture, and the
//! event that it is sent as, with the event's code, name, category, flags and parameters, and where the
//! probe takes each parameter from. Events that are no system calls are rows beside them. Everything else
//! (counts, decoding, the probe's descriptor table, the C header, the documentation) follows from these
//! rows.
//!
//! ```
//! use eyas_events::{EventType, param};
//!
//! let open = EventType::SYSCALL_OPEN_X.info().expect("in the table");
//! assert_eq!(open.name, "open");
//! assert_eq!(open.params[param::SYSCALL_OPEN_X::name].name, "name");
//! ```
//!
//! Codes are newtypes: an unknown code is kept, and prints as a number.
#![no_std]
#![forbid(unsafe_code)]

mod class;
mod concat;
pub mod filter;
mod flags;
mod hooks;
mod requests;
mod syscalls;
mod table;
pub mod verdicts;

pub use class::EventClass;
pub use flags::{FlagMap, FlagMapKind, FlagTable};
pub use hooks::{Hook, hook_of, hooks};
pub use requests::{ArgPlace, Request, request_of, requests};
pub use syscalls::{
    Arch, Ia32Args, Ia32Call, SyscallCode, SyscallFlags, SyscallInfo, ia32_call, ia32_calls, ia32_ipc_call,
    ia32_socketcall, syscalls,
};
pub use table::{
    Category, Dynamic, EventFlags, EventInfo, EventType, Format, KernelPath, Op, ParamDetail, ParamInfo,
    ParamType, Source, events, param,
};

/// Size in bytes of an event's header: time stamp, thread id, length, type, number of parameters.
pub const HEADER_LEN: usize = 26;

/// Maximum number of parameters of an event type.
pub const MAX_PARAMS: usize = 32;
