//! Rules over anything that has fields: a condition language, rules files, alerts.
//!
//! Knows `eyas-fields` only: an embedder says which fields its values have ([`eyas_fields::Schema`]) and
//! answers them ([`eyas_fields::FieldSource`]).
#![forbid(unsafe_code)]

pub mod condition;
