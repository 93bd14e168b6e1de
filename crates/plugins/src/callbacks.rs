//! Functions of this program that plugins call.
//!
//! The owner, entries and fields that a plugin passes back are numbers cast to pointers. Tables are
//! pointers to known addresses. The functions look up all of them, and do nothing if one is unknown. No
//! panic leaves a function here.

mod current;
mod handles;
mod log;
mod owner;
mod routines;
mod send;
mod tables;

pub(crate) use current::{DumpFn, during, during_dump};
pub(crate) use log::{LOG, OWNER_ERROR};
pub(crate) use owner::{Link, Owner};
pub(crate) use routines::ROUTINES;
pub(crate) use send::{ASYNC_HANDLER, DUMP_HANDLER};
pub(crate) use tables::{READER, READER_EXT, WRITER, init_tables};
