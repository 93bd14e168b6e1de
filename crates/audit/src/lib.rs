//! Native plugins for Kubernetes audit events: the event source `k8s_audit`, the fields `ka.*`, and
//! `json.*` for any JSON.
//!
//! Should I use this crate? Yes, to test the audit log of a Kubernetes API server with Falco's rules,
//! without a plugin's shared object. It is also an example of a native plugin.
//!
//! ```text
//!   audit.jsonl ── AuditStream ──> plugin events ──> Document (parsed once) ──> ka.*, json.*, jevt.*
//! ```
//!
//! [`k8saudit`] and [`json`] have the names, versions and fields of the public plugins, so rules files that
//! require those plugins load. Both read values from one [`Document`] per event and thread.
//!
//! ```
//! use std::sync::Arc;
//!
//! use eyas_sinsp::plugin::PluginSet;
//!
//! let mut set = PluginSet::default();
//! set.add(Arc::new(eyas_audit::k8saudit()), "")?;
//! set.add(Arc::new(eyas_audit::json()), "")?;
//! assert_eq!(set.sources(), ["syscall", "k8s_audit"]);
//! # Ok::<(), eyas_sinsp::plugin::PluginError>(())
//! ```
#![forbid(unsafe_code)]

mod document;
mod fields;
mod generic;
mod parse;
mod plugins;
mod stream;
mod uri;

pub use document::{Document, Node};
pub use plugins::{json, k8saudit};
pub use stream::AuditStream;
