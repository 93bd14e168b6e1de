//! Columns of the inspector's tables.

use super::super::data::{DataType, Scalar};
use crate::state::Text;

/// A fixed column.
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    pub(super) name: &'static str,
    pub(super) ty: DataType,
    pub(super) is_read_only: bool,
}

/// The number that a plugin writes.
pub(super) fn number(value: &Scalar) -> Option<i64> {
    Some(match *value {
        Scalar::I64(n) => n,
        Scalar::U8(n) => n.into(),
        Scalar::U16(n) => n.into(),
        Scalar::U32(n) => n.into(),
        Scalar::U64(n) => n as i64,
        Scalar::Bool(n) => n.into(),
        _ => return None,
    })
}

/// The text that a plugin writes.
pub(super) fn text(value: &Scalar) -> Option<Text> {
    match value {
        Scalar::Str(text) => Some(Text::from(&**text)),
        _ => None,
    }
}
