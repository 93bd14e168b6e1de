//! The transformers, each in a separate file; see docs/adding-an-operator.md.

use super::transformer::{Takes, Transformer};

// begin transformers: `cargo xtask codegen` writes this list from the files of transformers/
mod b64;
mod basename;
mod concat;
mod getopt;
mod join;
mod len;
mod tolower;
mod toupper;
mod val;

/// Every transformer, by name.
pub static TRANSFORMERS: &[&Transformer] = &[
    &b64::ROW,
    &basename::ROW,
    &concat::ROW,
    &getopt::ROW,
    &join::ROW,
    &len::ROW,
    &tolower::ROW,
    &toupper::ROW,
    &val::ROW,
];
// end transformers

/// The transformer with this name.
pub(crate) fn find(name: &str) -> Option<&'static Transformer> {
    TRANSFORMERS.iter().copied().find(|transformer| transformer.name == name)
}

/// Names of the transformers that may stand on either side.
pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    let either = TRANSFORMERS.iter().filter(|transformer| !matches!(transformer.takes, Takes::Field));
    either.map(|transformer| transformer.name)
}
