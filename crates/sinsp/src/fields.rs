//! Every field has one row, in a file for each class.
//!
//! A row contains name, argument, type, scope, number format, flags, a description, and the function that
//! extracts the value from an event. Everything else (resolution, listings, docs, evaluation) comes from
//! the rows.

use eyas_fields::FieldDef;

mod container;
mod dns;
mod evt;
#[allow(clippy::redundant_closure, reason = "the function itself has a lifetime too long for a row")]
mod fd;
mod fdlist;
mod fspath;
mod io_uring;
mod k8s;
mod lsm;
mod metadata;
mod process;
mod row;
mod thread;
mod user;

pub(crate) use evt::{open, raw_type};
pub(crate) use fd::described;
pub(crate) use fspath::{PathOrigin, path_origin};
use row::{Extract, Row, none};

const CLASSES: [&[Row]; 12] = [
    evt::ROWS,
    process::ROWS,
    thread::ROWS,
    user::ROWS,
    fd::ROWS,
    fspath::ROWS,
    fdlist::ROWS,
    container::ROWS,
    k8s::ROWS,
    io_uring::ROWS,
    dns::ROWS,
    lsm::ROWS,
];

const fn count() -> usize {
    let (mut class, mut count) = (0, 0);
    while class < CLASSES.len() {
        count += CLASSES[class].len();
        class += 1;
    }
    count
}

/// Number of fields.
pub(crate) const COUNT: usize = count();

const fn extractors() -> [Extract; COUNT] {
    let mut all: [Extract; COUNT] = [none; COUNT];
    let (mut class, mut at) = (0, 0);
    while class < CLASSES.len() {
        let mut row = 0;
        while row < CLASSES[class].len() {
            all[at] = CLASSES[class][row].extract;
            row += 1;
            at += 1;
        }
        class += 1;
    }
    all
}

const fn defs() -> [FieldDef; COUNT] {
    let mut all = [CLASSES[0][0].def; COUNT];
    let (mut class, mut at) = (0, 0);
    while class < CLASSES.len() {
        let mut row = 0;
        while row < CLASSES[class].len() {
            all[at] = CLASSES[class][row].def;
            row += 1;
            at += 1;
        }
        class += 1;
    }
    all
}

/// Extractors by field id.
pub(crate) static EXTRACT: [Extract; COUNT] = extractors();

/// Descriptions by field id.
pub(crate) static DEFS: [FieldDef; COUNT] = defs();

#[cfg(test)]
mod tests {
    use eyas_fields::FieldFlags;

    use super::{CLASSES, none};

    /// The rules' loader warns about the fields with the flag.
    #[test]
    fn fields_without_values_have_the_flag() {
        for row in CLASSES.iter().copied().flatten() {
            let never = std::ptr::fn_addr_eq(row.extract, none as super::Extract);
            assert_eq!(row.def.flags.contains(FieldFlags::WITHOUT_VALUE), never, "{}", row.def.name);
        }
    }
}
