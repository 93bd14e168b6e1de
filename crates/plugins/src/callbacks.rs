//! Functions of this program that plugins call.
//!
//! What a plugin passes back to be recognised (its owner, entries, fields) are numbers in the form of pointers, and tables
//! are pointers whose addresses are known: all are looked up, and one that is not known does nothing. No panic leaves a function here.

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
