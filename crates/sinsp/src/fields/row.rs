//! The parts of a row of the table of fields.

use eyas_fields::{Field, FieldDef, FieldType, Value};

use crate::view::EventView;

/// Extracts a field's value from an event.
pub(super) type Extract = for<'v> fn(&'v EventView<'v>, &Field) -> Option<Value<'v>>;

/// A field's row.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) def: FieldDef,
    pub(super) extract: Extract,
}

pub(super) const STR: FieldType = FieldType::Str;
pub(super) const BYTES: FieldType = FieldType::Bytes;
pub(super) const BOOL: FieldType = FieldType::Bool;
pub(super) const INT16: FieldType = FieldType::Int { bits: 16 };
pub(super) const INT32: FieldType = FieldType::Int { bits: 32 };
pub(super) const INT64: FieldType = FieldType::Int { bits: 64 };
pub(super) const UINT32: FieldType = FieldType::Uint { bits: 32 };
pub(super) const UINT64: FieldType = FieldType::Uint { bits: 64 };
pub(super) const DOUBLE: FieldType = FieldType::Double;
pub(super) const RELTIME: FieldType = FieldType::RelTime;
pub(super) const ABSTIME: FieldType = FieldType::AbsTime;
pub(super) const PORT: FieldType = FieldType::Port;
pub(super) const IP: FieldType = FieldType::Ip;
pub(super) const NET: FieldType = FieldType::Net;
pub(super) const DYNAMIC: FieldType = FieldType::Dynamic;

/// Writes rows: `"name" [argument]: TYPE Scope Format (FLAG | FLAG); "doc" => extractor,`.
macro_rules! fields {
    ($(
        $name:literal $([$arg:ident])?: $ty:ident $scope:ident $format:ident $(($($flag:ident)|+))?; $doc:literal
            => $extract:expr,
    )*) => {
        pub(super) const ROWS: &[$crate::fields::row::Row] = &[$($crate::fields::row::Row {
            def: eyas_fields::FieldDef::new($name, $crate::fields::row::$ty, $doc)
                .with_arg($crate::fields::row::fields!(@arg $($arg)?))
                .with_scope(eyas_fields::Scope::$scope)
                .with_format(eyas_fields::Format::$format)
                .with_flags(eyas_fields::FieldFlags::NONE$($(.union(eyas_fields::FieldFlags::$flag))+)?),
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
pub(super) use fields;

/// The extractor of fields without values.
pub(super) fn none<'v>(_: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    None
}

/// The number in brackets, if one was given.
pub(super) fn index(field: &Field) -> Option<u64> {
    match field.arg {
        Some(eyas_fields::Arg::Index(n)) => Some(n),
        _ => None,
    }
}

/// The text in brackets or after the name, if one was given.
pub(super) fn key(field: &Field) -> Option<&str> {
    match &field.arg {
        Some(eyas_fields::Arg::Key(key)) => Some(key),
        _ => None,
    }
}
