//! Data in state tables.

/// A table: valid until the inspector is dropped; a nested table until the end of the plugin's current
/// call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// Type of a key or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 8 bits, signed.
    I8,
    /// 16 bits, signed.
    I16,
    /// 32 bits, signed.
    I32,
    /// 64 bits, signed.
    I64,
    /// 8 bits.
    U8,
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// 64 bits.
    U64,
    /// Bytes without NUL.
    Str,
    /// A nested table.
    Table,
    /// A truth value.
    Bool,
}

impl DataType {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Str => "string",
            Self::Table => "table",
            Self::Bool => "bool",
        }
    }

    /// The default value of a column of this type; `None` for tables.
    pub fn zero(self) -> Option<Scalar> {
        Some(match self {
            Self::I8 => Scalar::I8(0),
            Self::I16 => Scalar::I16(0),
            Self::I32 => Scalar::I32(0),
            Self::I64 => Scalar::I64(0),
            Self::U8 => Scalar::U8(0),
            Self::U16 => Scalar::U16(0),
            Self::U32 => Scalar::U32(0),
            Self::U64 => Scalar::U64(0),
            Self::Str => Scalar::Str(Box::default()),
            Self::Bool => Scalar::Bool(false),
            Self::Table => return None,
        })
    }
}

/// A value in a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// 8 bits, signed.
    I8(i8),
    /// 16 bits, signed.
    I16(i16),
    /// 32 bits, signed.
    I32(i32),
    /// 64 bits, signed.
    I64(i64),
    /// 8 bits.
    U8(u8),
    /// 16 bits.
    U16(u16),
    /// 32 bits.
    U32(u32),
    /// 64 bits.
    U64(u64),
    /// Bytes without NUL.
    Str(Box<[u8]>),
    /// A nested table: valid until the end of the plugin's current call.
    Table(TableId),
    /// A truth value.
    Bool(bool),
}

impl Scalar {
    /// A text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Str(text.as_ref().into())
    }

    /// Its type.
    pub const fn data_type(&self) -> DataType {
        match self {
            Self::I8(_) => DataType::I8,
            Self::I16(_) => DataType::I16,
            Self::I32(_) => DataType::I32,
            Self::I64(_) => DataType::I64,
            Self::U8(_) => DataType::U8,
            Self::U16(_) => DataType::U16,
            Self::U32(_) => DataType::U32,
            Self::U64(_) => DataType::U64,
            Self::Str(_) => DataType::Str,
            Self::Table(_) => DataType::Table,
            Self::Bool(_) => DataType::Bool,
        }
    }
}

/// Key of an entry: a [`Scalar`] that is no table.
pub type Key = Scalar;
