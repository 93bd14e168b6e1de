//! Listings: fields, events, rules.

mod events;
mod fields;
mod rules;
mod wrap;

pub use events::{events, ignored};
pub use fields::fields;
pub use rules::{as_json as rules_as_json, as_text as rules_as_text};
