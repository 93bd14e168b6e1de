//! The state of the system around each event: processes, files, sockets, users, containers; and the fields that rules test.
//!
//! Should I use this crate? Yes, to find out which process did what: it provides every field of Falco and
//! sysdig, and the state from which they come. For alerts by rules use the crate `eyas`, which has a `Detector`.
//!
//! ```text
//!   RawEvent ──> Inspector ──> EventView: FieldSource ──> conditions, outputs
//!                  │ State: threads, files, users, containers
//! ```
//!
//! ```
//! use eyas_scap::Reader;
//! use eyas_sinsp::{Inspector, Step};
//!
//! # fn main() -> Result<(), eyas_scap::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");
//! # if !std::path::Path::new(path).exists() { return Ok(()) }
//! let mut capture = Reader::open(path)?;
//! let mut inspector = Inspector::default();
//! loop {
//!     match inspector.next(&mut capture)? {
//!         Step::Event(event) => {
//!             if let Some(thread) = event.thread() {
//!                 println!("{} {}", thread.pid, String::from_utf8_lossy(&thread.comm));
//!             }
//!         }
//!         Step::Idle => {}
//!         Step::End => break,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This crate does not read the running system by itself. It gets `/proc` through [`ProcLookup`],
//! containers and their users through [`ContainerLookup`] and [`AccountLookup`], and domain names through
//! [`SharedNames`]. So a replay has the same results on every machine.
#![forbid(unsafe_code)]

mod account_files;
mod dns;
mod exe_hashes;
mod field_source;
mod fields;
mod inspector;
mod interest;
mod lookups;
pub mod names;
mod needs;
mod observer;
mod param_names;
mod path;
mod path_params;
pub mod plugin;
mod proc_lookup;
mod purge;
pub mod pushdown;
mod recent_files;
mod record;
mod render;
mod rendering;
#[cfg(feature = "runtimes")]
pub mod runtimes;
mod schema;
pub mod service;
pub mod state;
mod verdicts;
mod view;

pub use account_files::AccountFiles;
pub use exe_hashes::ExeHashes;
pub use inspector::{Config, Inspector, Skipped, Step};
pub use interest::{frequent_syscalls_of_state, syscalls_of, syscalls_of_state, syscalls_to_repair};
pub use lookups::{AccountLookup, ContainerLookup, RuntimeStats, SocketStats};
pub use names::{Names, SharedNames};
pub use needs::{FileFields, FileKind, Needs, may_filter_out, probe_filter};
pub use observer::Observer;
pub use proc_lookup::ProcLookup;
pub use record::{EventRecord, ParamRecord, ThreadRecord};
pub use render::names::{capability, error_result, signal_number};
pub use rendering::Rendering;
pub use schema::{SyscallSchema, schema};
pub use state::Accounts;
pub use state::changes_state;
pub use verdicts::LossWindow;
pub use view::{Described, EventView};
