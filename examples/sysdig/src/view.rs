//! Views: tables, lists and charts of events or of the state. Each view is described by data.
//!
//! ```text
//!   views.yaml, --view FILE ──> View ──bind──> ViewSink: filter ──> rows ──> Groups | List | Heat ──> Grid
//! ```

mod bind;
pub mod catalog;
mod chart;
mod condition;
mod derived;
mod grid;
mod groups;
mod http;
mod keys;
mod list;
mod listing;
mod model;
mod quick;
mod sink;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod units;

pub use bind::{Bound, bind, takes};
pub use grid::Head;
pub use listing::{describe, list};
pub use model::{Parameter, View};
pub use sink::{Options, ViewSink};
pub use table::Table;
