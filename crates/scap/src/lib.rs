//! Raw event frames: read from captures, written to captures, or taken live from the kernel.
//!
//! ```text
//!   kernel ──ring──> live::Source ┐
//!                                 ├─ EventSource ──> RawEvent<'_>, Snapshot
//!   .scap  ──file──> Reader       ┘
//! ```
#![forbid(unsafe_code)]

mod beside;
mod builder;
mod convert;
mod error;
mod event;
#[cfg(feature = "live")]
pub mod live;
pub mod proc;
mod reader;
mod received;
mod snapshot;
mod source;
mod writer;

pub use builder::{EventBuilder, OwnedEvent};
pub use error::Error;
pub use event::{Credentials, Params, RawEvent};
pub use reader::Reader;
pub use snapshot::{FdDetail, FdEntry, Group, Interface, MachineInfo, Snapshot, ThreadEntry, User};
pub use source::{Advance, EventSource, Loss, Next, Stats};
pub use writer::Writer;
