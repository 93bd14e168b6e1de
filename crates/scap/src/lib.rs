//! Events as frames: read from captures, written to captures, or captured live.
//!
//! Should I use this crate? Yes, to read, convert or write `.scap` files, or to capture system calls,
//! without state. For the state of processes, files and users use `eyas-sinsp`; for rules use the crate
//! `eyas`.
//!
//! ```text
//!   kernel ──ring──> live::Source ┐
//!                                 ├─ EventSource ──> RawEvent<'_>, Snapshot
//!   .scap  ──file──> Reader       ┘
//! ```
//!
//! ```
//! use eyas_scap::{EventSource, Next, Reader};
//!
//! # fn main() -> Result<(), eyas_scap::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");
//! # if !std::path::Path::new(path).exists() { return Ok(()) }
//! let mut capture = Reader::open(path)?;
//! let mut events = 0;
//! loop {
//!     match capture.next()? {
//!         Next::Event(event) => events += u64::from(event.info().is_some()),
//!         Next::Snapshot(snapshot) => println!("{} threads", snapshot.threads.len()),
//!         Next::Idle => {}
//!         Next::End => break,
//!     }
//! }
//! println!("{events} events");
//! # assert!(events > 100);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod block_options;
mod builder;
mod convert;
mod decision;
mod error;
mod event;
mod frames;
mod io_uring;
#[cfg(feature = "live")]
pub mod live;
mod loss;
pub mod proc;
mod reader;
mod received;
mod snapshot;
mod source;
mod writer;

pub use builder::{EventBuilder, OwnedEvent};
pub use decision::Decision;
pub use error::Error;
pub use event::{Credentials, Params, RawEvent, SlicePlace};
pub use frames::Frames;
pub use io_uring::{IoUring, is_direct};
pub use loss::{Loss, Suspects};
pub use reader::Reader;
pub use received::{AddedFd, unix_name};
pub use snapshot::{FdDetail, FdEntry, Group, Interface, MachineInfo, Snapshot, ThreadEntry, User};
pub use source::{Advance, EventSource, Next, Stats};
pub use writer::Writer;
