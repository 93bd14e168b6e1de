//! Runtime security and system inspection for Linux: captures, the state of the system, fields, and Falco's rules.
//!
//! Should I use this crate? Yes, to run Falco's rules over captures, over live system calls or over the events of
//! plugins in your own program. To read or write `.scap` files without state, use `eyas-scap`; for rules over other
//! events, `eyas-rules`. The programs `falco` and `sysdig` are built on this crate.
//!
//! ```text
//! kernel ──ring──> scap::live   ┐
//!                               ├─ EventSource ─> sinsp::Inspector ─> EventView ─> rules::Engine ─> Match ─> Alert
//! .scap  ──file──> scap::Reader ┘                                                        ^
//! rules  ──file──> rules::RuleSource ─> RuleSet ─────────────────────────────────────────┘
//! ```
//!
//! A [`Detector`] joins the parts: it is an iterator over the alerts of a source. [`load_rules`] is the short way from
//! files to an engine.
//!
//! ```
//! use eyas::{Detector, load_rules, scap::Reader};
//!
//! let rules = load_rules(["demo/rules.yaml"])?;
//! for alert in Detector::new(Reader::open("demo/demo.scap.gz")?, rules) {
//!     println!("{}", alert?.line);
//! }
//! # Ok::<(), eyas::Error>(())
//! ```
//!
//! If you need every event, or other results than alerts, use the parts directly:
//!
//! | module | content |
//! | --- | --- |
//! | [`scap`] | sources of events: captures, and live capture with the feature `live` |
//! | [`sinsp`] | the state of threads, files, users and containers, and the fields; plugins |
//! | [`rules`] | conditions, rules files, engines, alerts |
//! | [`fields`] | the traits between events and rules |
//! | [`events`] | the tables of events, flags and system calls |
//! | [`audit`] | Kubernetes audit events as native plugins |
//! | [`yaml`] | YAML as Falco's parser reads it |
//!
//! [`EngineFilters`] makes the filter with which the kernel filters out events that no rule needs.
//!
//! Features: `live` captures from the kernel, `runtimes` queries container runtimes, `async` has
//! `Detector::into_stream`, `serde` implements `Serialize` for public data, and `tracing` logs failures that are not
//! returned as errors. The guide [docs/embedding.md](https://github.com/eyas-rs/eyas/blob/main/docs/embedding.md) has
//! five steps.
#![forbid(unsafe_code)]

mod detector;
mod filters;
#[cfg(feature = "async")]
mod stream;

pub use detector::{Detection, Detector, Error, load_rules, load_rules_of, rules_with_plugins};
pub use eyas_audit as audit;
pub use eyas_events as events;
pub use eyas_fields as fields;
pub use eyas_rules as rules;
pub use eyas_scap as scap;
pub use eyas_sinsp as sinsp;
pub use eyas_yaml as yaml;
pub use filters::{EngineFilters, FileUser, ProbeFilter};
#[cfg(feature = "async")]
pub use stream::DetectionStream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/native-plugins.md")]
struct NativePlugins;

#[cfg(all(doctest, feature = "live"))]
#[doc = include_str!("../docs/embedding.md")]
struct EmbeddingGuide;
