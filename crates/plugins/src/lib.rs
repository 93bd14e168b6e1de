//! Falco's plugins: shared objects that bring event sources, fields, parsers and asynchronous events.
//!
//! Should I use this crate? Yes, to load plugins that were built for Falco, with whatever SDK. To write a plugin in Rust for
//! a program that is linked with eyas, implement the traits of `eyas_sinsp::plugin` instead: no C interface is needed.
//!
//! ```text
//!   file ── Library::load ──> Library: Plugin ── start ──> Instance ──> sources, fields, parsers, events
//!                              │ checks                     │ calls: one thread at a time
//!   abi.rs    the C interface  │   call.rs  every call into a plugin   │   callbacks.rs  what plugins call
//! ```
//!
//! The crate implements version 3.12 of the interface, with all its capabilities: plugins that were built for 3.0 or newer
//! run unchanged.
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
//! A plugin is native code in this process: what it does wrong in its own memory is not noticed. What it returns is checked
//! as far as that is possible: events by their lengths, texts and lists by null pointers and limits, tables, entries and
//! fields by numbers that are looked up. A file that others than its owner and root may change is refused.
#![deny(unsafe_code)]

mod abi;
mod async_events;
#[allow(unsafe_code)]
mod call;
#[allow(unsafe_code)]
mod callbacks;
mod config;
mod declared;
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
