//! Events made meaningful: what every process, file, socket and user is, and fields that say so.
//!
//! ```text
//!   RawEvent ──> Inspector ──> EventView: FieldSource ──> conditions, outputs
//!                  │ State: threads, files, users, containers
//! ```
//!
//! Nothing here reads the running system on its own: /proc comes through [`ProcLookup`], what is known of
//! containers through [`ContainerLookup`] and [`AccountLookup`], and what domain names stand for through [`SharedNames`], so a replay gives the same results on every machine.
#![forbid(unsafe_code)]

mod account_files;
mod field_source;
mod fields;
mod inspector;
mod interest;
mod lookups;
pub mod names;
mod observer;
mod param_names;
mod path;
mod path_params;
mod proc_lookup;
mod purge;
mod record;
mod render;
#[cfg(feature = "runtimes")]
pub mod runtimes;
mod schema;
pub mod state;
mod view;

pub use account_files::AccountFiles;
pub use inspector::{Config, Inspector, Skipped, Step};
pub use interest::{frequent_syscalls_of_state, syscalls_of, syscalls_of_state, syscalls_to_repair};
pub use lookups::{AccountLookup, ContainerLookup, RuntimeStats};
pub use names::{Names, SharedNames};
pub use observer::Observer;
pub use proc_lookup::ProcLookup;
pub use record::{EventRecord, ParamRecord, ThreadRecord};
pub use render::names::{capability, error_result, signal_number};
pub use schema::{SyscallSchema, schema};
pub use state::Accounts;
pub use view::EventView;
