//! Every field: one row each, in a file per class.
//!
//! A row says name, argument, type, scope, number format, flags and a sentence, and how the value is
//! taken from an event. Everything else (resolution, listings, docs, evaluation) comes from the rows.

use eyas_fields::{Field, FieldDef, FieldType, Value};

use crate::view::EventView;

mod container;
mod evt;
#[allow(clippy::redundant_closure, reason = "the function itself has a lifetime too long for a row")]
mod fd;
mod fdlist;
mod fspath;
mod k8s;
mod process;
mod thread;
mod user;

pub(crate) use evt::raw_type;

/// Takes a field's value from an event.
pub(crate) type Extract = for<'v> fn(&'v EventView<'v>, &Field) -> Option<Value<'v>>;

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) def: FieldDef,
    pub(crate) extract: Extract,
}

const STR: FieldType = FieldType::Str;
const BYTES: FieldType = FieldType::Bytes;
const BOOL: FieldType = FieldType::Bool;
const INT16: FieldType = FieldType::Int { bits: 16 };
const INT32: FieldType = FieldType::Int { bits: 32 };
const INT64: FieldType = FieldType::Int { bits: 64 };
const UINT32: FieldType = FieldType::Uint { bits: 32 };
const UINT64: FieldType = FieldType::Uint { bits: 64 };
const DOUBLE: FieldType = FieldType::Double;
const RELTIME: FieldType = FieldType::RelTime;
const ABSTIME: FieldType = FieldType::AbsTime;
const PORT: FieldType = FieldType::Port;
const IP: FieldType = FieldType::Ip;
const NET: FieldType = FieldType::Net;
const DYNAMIC: FieldType = FieldType::Dynamic;

/// Writes rows: `"name" [argument]: TYPE Scope Format (FLAG | FLAG); "doc" => extractor,`.
macro_rules! fields {
    ($(
        $name:literal $([$arg:ident])?: $ty:ident $scope:ident $format:ident $(($($flag:ident)|+))?; $doc:literal
            => $extract:expr,
    )*) => {
        pub(super) const ROWS: &[$crate::fields::Row] = &[$($crate::fields::Row {
            def: eyas_fields::FieldDef {
                name: $name,
                ty: $crate::fields::$ty,
                arg: $crate::fields::fields!(@arg $($arg)?),
                scope: eyas_fields::Scope::$scope,
                format: eyas_fields::Format::$format,
                flags: eyas_fields::FieldFlags::NONE$($(.union(eyas_fields::FieldFlags::$flag))+)?,
                doc: $doc,
            },
            extract: $extract,
        },)*];
    };
    (@arg) => {
        eyas_fields::ArgKind::None
    };
    (@arg $arg:ident) => {
        eyas_fields::ArgKind::$arg
    };
}
use fields;

const CLASSES: [&[Row]; 9] = [
    evt::ROWS,
    process::ROWS,
    thread::ROWS,
    user::ROWS,
    fd::ROWS,
    fspath::ROWS,
    fdlist::ROWS,
    container::ROWS,
    k8s::ROWS,
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

/// A field that no event has any more.
pub(crate) fn none<'v>(_: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    None
}

/// The number in brackets, if one was given.
pub(crate) fn index(field: &Field) -> Option<u64> {
    match field.arg {
        Some(eyas_fields::Arg::Index(n)) => Some(n),
        _ => None,
    }
}

/// The text in brackets or behind the name, if one was given.
pub(crate) fn key(field: &Field) -> Option<&str> {
    match &field.arg {
        Some(eyas_fields::Arg::Key(key)) => Some(key),
        _ => None,
    }
}
