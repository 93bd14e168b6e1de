//! Keys and values of tables: conversion between C unions and our types.

use eyas_sinsp::plugin::{DataType, Scalar};

use super::text_bytes;
use crate::abi::{self, StateData, StateType};

const TYPES: [(StateType, DataType); 11] = [
    (1, DataType::I8),
    (2, DataType::I16),
    (3, DataType::I32),
    (4, DataType::I64),
    (5, DataType::U8),
    (6, DataType::U16),
    (7, DataType::U32),
    (8, DataType::U64),
    (9, DataType::Str),
    (10, DataType::Table),
    (25, DataType::Bool),
];

/// The type with this number; `None` if the interface has no such type.
pub(crate) fn type_of(number: StateType) -> Option<DataType> {
    TYPES.iter().find_map(|(known, ty)| (*known == number).then_some(*ty))
}

/// The number of a type.
pub(crate) fn number_of(ty: DataType) -> StateType {
    TYPES.iter().find_map(|(number, known)| (*known == ty).then_some(*number)).unwrap_or_default()
}

/// Reads a key or a value; `None` if it is null, a null text, or a table.
///
/// # Safety
/// The pointer is null or points to a value of the type. The pointer in a text value points to a text.
pub(crate) unsafe fn read(data: *const StateData, ty: DataType) -> Option<Scalar> {
    if data.is_null() || !data.is_aligned() {
        return None;
    }
    // SAFETY: by this function's contract; every member except the text is a number, for which any bytes
    // are valid.
    unsafe {
        // For a short member, only its own bytes are initialised.
        Some(match ty {
            DataType::I8 => Scalar::I8((&raw const (*data).i8).read()),
            DataType::I16 => Scalar::I16((&raw const (*data).i16).read()),
            DataType::I32 => Scalar::I32((&raw const (*data).i32).read()),
            DataType::I64 => Scalar::I64((&raw const (*data).i64).read()),
            DataType::U8 => Scalar::U8((&raw const (*data).u8).read()),
            DataType::U16 => Scalar::U16((&raw const (*data).u16).read()),
            DataType::U32 => Scalar::U32((&raw const (*data).u32).read()),
            DataType::U64 => Scalar::U64((&raw const (*data).u64).read()),
            DataType::Bool => Scalar::Bool((&raw const (*data).bool).read() != 0),
            DataType::Str => Scalar::text(text_bytes((&raw const (*data).text).read())?),
            DataType::Table => return None,
        })
    }
}

/// A key or a value for a plugin. `text` is the pointer for a text value; tables are null.
pub(crate) fn to_data(value: &Scalar, text: abi::Text) -> StateData {
    let mut data = StateData { u64: 0 };
    match *value {
        Scalar::I8(value) => data.i8 = value,
        Scalar::I16(value) => data.i16 = value,
        Scalar::I32(value) => data.i32 = value,
        Scalar::I64(value) => data.i64 = value,
        Scalar::U8(value) => data.u8 = value,
        Scalar::U16(value) => data.u16 = value,
        Scalar::U32(value) => data.u32 = value,
        Scalar::U64(value) => data.u64 = value,
        Scalar::Bool(value) => data.bool = value.into(),
        Scalar::Str(_) => data.text = text,
        Scalar::Table(_) => {}
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        let values = [
            Scalar::I8(-1),
            Scalar::I16(-2),
            Scalar::I32(-3),
            Scalar::I64(-4),
            Scalar::U8(255),
            Scalar::U16(65535),
            Scalar::U32(u32::MAX),
            Scalar::U64(u64::MAX),
            Scalar::Bool(true),
            Scalar::text("hello"),
        ];
        for value in values {
            let data = to_data(&value, c"hello".as_ptr());
            // SAFETY: the data was just created from a value of this type.
            assert_eq!(unsafe { read(&data, value.data_type()) }, Some(value));
        }
        // SAFETY: null is allowed.
        assert_eq!(unsafe { read(std::ptr::null(), DataType::U8) }, None);
        let null = StateData { text: std::ptr::null() };
        // SAFETY: a null text is allowed.
        assert_eq!(unsafe { read(&null, DataType::Str) }, None);
        assert!(TYPES.iter().all(|(number, ty)| number_of(*ty) == *number && type_of(*number) == Some(*ty)));
        assert_eq!(type_of(11), None);
    }
}
