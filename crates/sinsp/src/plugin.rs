//! Plugins: event sources, fields, parsers, asynchronous events and tables that a program adds to an inspector.
//!
//! ```text
//!   Plugin (loaded) ── start ──> Instance (one per inspector)
//!                                  ├─ sourcing   ── open ──> EventStream ──> batches of events
//!                                  ├─ extraction: all fields wanted of an event in one call
//!                                  ├─ parsing:    every event, before rules see it
//!                                  ├─ async_events: an AsyncSender that any thread may use
//!                                  └─ listening:  begin and end of a capture, with a pool of threads
//! ```
//!
//! A Rust type that implements these traits is a *native plugin*. The crate `eyas-plugins` implements them
//! for shared objects with Falco's C interface. This crate uses only the traits.
//!
//! An instance belongs to one inspector, whose thread makes all calls. Other threads may use the streams,
//! senders and routines of an instance.

mod async_events;
mod batch;
mod builtin;
mod data;
mod error;
mod info;
mod log;
mod native;
mod pool;
mod registry;
mod request;
mod running;
mod schema;
mod set;
mod source;
mod tables;
mod traits;

pub use async_events::{
    AsyncEvent, AsyncQueue, AsyncSender, AsyncSettings, MAX_ASYNC_BYTES, MAX_QUEUED, QueuedEvent,
};
pub use batch::{Batch, BatchedEvent, Flow};
pub use data::{DataType, Key, Scalar, TableId};
pub use error::PluginError;
pub use info::{
    ArgForms, Capabilities, Metric, MetricValue, OpenParam, PluginField, PluginInfo, SYSCALL, SourceName,
    Version,
};
pub use log::{Log, Severity};
pub use native::Native;
pub use pool::{Pool, RoutineId};
pub use request::{FieldValues, Request, Wanted};
pub use running::Plugins;
pub use schema::PluginSchema;
pub use set::{PluginSet, Scope};
pub(crate) use source::known_source;
pub use source::{AsyncSource, PluginSource};
pub use tables::{ColumnId, ColumnInfo, Datum, EntryId, PluginTable, TableInfo, Tables};
pub use traits::{
    AsyncEvents, EventStream, Extraction, Instance, Listening, Parsing, Plugin, PluginEvent, Sourcing, Start,
};
