//! Host for Falco's plugins: shared objects with event sources, fields, parsers and asynchronous events.
//!
//! Should I use this crate? Yes, to load plugins that were built for Falco, with any SDK. To write a plugin
//! in Rust for a program that is linked with eyas, implement the traits of `eyas_sinsp::plugin` instead: no
//! C interface is needed.
//!
//! ```text
//!   file ── Library::load ──> Library: Plugin ── start ──> Instance ──> sources, fields, parsers, events
//!                              │ checks                     │ calls: one thread at a time
//!   abi.rs    the C interface  │   call.rs  every call into a plugin   │   callbacks.rs  what plugins call
//! ```
//!
//! The crate implements version 3.12 of the interface, with all its capabilities. Plugins that were built
//! for version 3.0 or newer run unchanged.
//!
//! ```no_run
//! use eyas_plugins::{Library, Options};
//! use eyas_sinsp::plugin::Plugin;
//!
//! let library = Library::load("/usr/share/falco/plugins/libk8saudit.so", &Options::default())?;
//! let info = library.info();
//! println!("{} {}: {}", info.name, info.version, info.description);
//! # Ok::<(), eyas_plugins::Error>(())
//! ```
//!
//! # Safety
//!
//! A plugin is native code in this process. The host cannot detect that a plugin corrupts memory. It checks
//! returned data as far as possible: the lengths in events; null pointers and limits for texts and lists;
//! known numbers for tables, entries and fields. The host refuses a file that users other than its owner
//! and root may change.
#![deny(unsafe_code)]

mod abi;
mod async_events;
#[allow(unsafe_code)]
mod call;
#[allow(unsafe_code)]
mod callbacks;
mod config;
mod declared;
mod elf;
mod error;
mod events;
mod extraction;
mod fields;
mod file;
mod hosted;
mod library;
mod open_params;
mod schema;
mod stream;
mod turn;
mod version;

pub use error::{API_VERSION, Error, LoadError};
pub use library::{Library, Options};
pub use version::EVENT_SCHEMA;
