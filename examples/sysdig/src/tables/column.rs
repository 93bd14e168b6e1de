//! A column: the values of the rows that wait to be written.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use eyas::fields::{FieldDef, FieldType, Value, write_value};
use eyas::rules::condition::sql_address;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::{Type, TypePtr};
use rustc_hash::FxHashMap;

/// Rows whose values are handed to the writer at once.
const BATCH: usize = 8192;

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Truth values.
    Bool,
    /// Signed integers of 64 bits.
    Int,
    /// Unsigned integers of 64 bits.
    Uint,
    /// Numbers of which each is near the one before: times and numbers of events.
    Counter,
    /// Floating point numbers.
    Double,
    /// Points in time, microseconds; values are given in nanoseconds.
    Time,
    /// Text.
    Text,
    /// Addresses as 32 hexadecimal digits, so that a network is a range of texts.
    Address,
}

impl Kind {
    /// That of a field's values.
    pub fn of(ty: FieldType) -> Self {
        match ty {
            FieldType::Bool => Self::Bool,
            FieldType::Uint { bits: 64 } => Self::Uint,
            FieldType::Int { .. } | FieldType::Uint { .. } | FieldType::Port | FieldType::RelTime => {
                Self::Int
            }
            FieldType::AbsTime => Self::Counter,
            FieldType::Double => Self::Double,
            FieldType::Net => Self::Address,
            _ => Self::Text,
        }
    }

    fn physical(self) -> Physical {
        match self {
            Self::Bool => Physical::BOOLEAN,
            Self::Int | Self::Uint | Self::Counter | Self::Time => Physical::INT64,
            Self::Double => Physical::DOUBLE,
            Self::Text | Self::Address => Physical::BYTE_ARRAY,
        }
    }

    fn logical(self) -> Option<LogicalType> {
        match self {
            Self::Uint => Some(LogicalType::integer(64, false)),
            Self::Time => Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
            Self::Text | Self::Address => Some(LogicalType::String),
            _ => None,
        }
    }
}

/// A value as a column keeps it: a number, the bits of one, or the place of a text or a list among the column's.
pub type Cell = Option<i64>;

/// A column.
pub struct Column {
    /// Its name.
    pub name: String,
    kind: Kind,
    is_list: bool,
    def: Option<&'static FieldDef>,
    /// 1 for each row with a value, 0 for each other.
    levels: Vec<i16>,
    /// Of the rows with a value.
    cells: Vec<i64>,
    texts: Vec<ByteArray>,
    places: FxHashMap<Box<[u8]>, i64>,
    lists: Vec<Arc<[i64]>>,
    list_places: FxHashMap<Arc<[i64]>, i64>,
    /// Bytes of texts and lists.
    bytes: usize,
    scratch: Vec<u8>,
}

impl Column {
    /// An empty one.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            is_list: false,
            def: None,
            levels: Vec::new(),
            cells: Vec::new(),
            texts: Vec::new(),
            places: FxHashMap::default(),
            lists: Vec::new(),
            list_places: FxHashMap::default(),
            bytes: 0,
            scratch: Vec::new(),
        }
    }

    /// With lists of such values.
    pub fn of_lists(mut self, is_list: bool) -> Self {
        self.is_list = is_list;
        self
    }

    /// Of the values of a field.
    pub fn of_field(mut self, def: &'static FieldDef) -> Self {
        self.def = Some(def);
        self
    }

    /// Whether each value is near the one before.
    pub fn counts(&self) -> bool {
        matches!(self.kind, Kind::Counter | Kind::Time) && !self.is_list
    }

    /// Whether its values are texts.
    pub fn has_texts(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Address)
    }

    /// Its place in a schema.
    pub fn path(&self) -> Vec<String> {
        let inner: &[&str] = if self.is_list { &["list", "element"] } else { &[] };
        std::iter::once(self.name.as_str()).chain(inner.iter().copied()).map(str::to_owned).collect()
    }

    /// Bytes of what waits, apart from the cells.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The column in a schema.
    pub fn schema(&self) -> Result<Type> {
        let value = |name, repetition| {
            Type::primitive_type_builder(name, self.kind.physical())
                .with_repetition(repetition)
                .with_logical_type(self.kind.logical())
                .build()
        };
        if !self.is_list {
            return Ok(value(&self.name, Repetition::OPTIONAL)?);
        }
        let group = |name, repetition, logical, inner: Type| {
            Type::group_type_builder(name)
                .with_repetition(repetition)
                .with_logical_type(logical)
                .with_fields(vec![TypePtr::new(inner)])
                .build()
        };
        let element = value("element", Repetition::REQUIRED)?;
        let list = group("list", Repetition::REPEATED, None, element)?;
        Ok(group(&self.name, Repetition::OPTIONAL, Some(LogicalType::List), list)?)
    }

    /// A value as the column keeps it until it is written.
    pub fn cell(&mut self, value: Option<&Value<'_>>) -> Cell {
        match (value?, self.is_list) {
            (Value::List(items), true) => {
                let items: Arc<[i64]> = items.iter().filter_map(|item| self.scalar(item)).collect();
                Some(self.list(items))
            }
            (value, true) => {
                let item = self.scalar(value)?;
                Some(self.list(Arc::new([item])))
            }
            (Value::List(items), false) => self.scalar(items.first()?),
            (value, false) => self.scalar(value),
        }
    }

    /// A text as the column keeps it.
    pub fn text(&mut self, text: &[u8]) -> Cell {
        if let Some(place) = self.places.get(text) {
            return Some(*place);
        }
        let place = self.texts.len() as i64;
        self.places.insert(text.into(), place);
        self.texts.push(match String::from_utf8_lossy(text) {
            std::borrow::Cow::Borrowed(text) => ByteArray::from(text),
            std::borrow::Cow::Owned(text) => ByteArray::from(text.into_bytes()),
        });
        // The text is there twice, with its place and its length.
        self.bytes += 2 * text.len() + 64;
        Some(place)
    }

    /// Appends the value of a row.
    #[inline]
    pub fn push(&mut self, cell: Cell) {
        self.levels.push(i16::from(cell.is_some()));
        self.cells.extend(cell);
    }

    fn list(&mut self, items: Arc<[i64]>) -> i64 {
        if let Some(place) = self.list_places.get(&items) {
            return *place;
        }
        let place = self.lists.len() as i64;
        self.bytes += 8 * items.len() + 64;
        self.lists.push(items.clone());
        self.list_places.insert(items, place);
        place
    }

    fn scalar(&mut self, value: &Value<'_>) -> Option<i64> {
        match self.kind {
            Kind::Bool => match value {
                Value::Bool(truth) => Some(i64::from(*truth)),
                _ => None,
            },
            Kind::Int | Kind::Counter | Kind::Time => match value {
                Value::Int(number) => Some(*number),
                Value::Uint(number) => Some(i64::try_from(*number).unwrap_or(i64::MAX)),
                _ => None,
            },
            Kind::Uint => match value {
                Value::Int(number) => Some(*number),
                // The bits are those of an unsigned number to whoever reads the file.
                Value::Uint(number) => Some(*number as i64),
                _ => None,
            },
            Kind::Double => match value {
                Value::Double(number) => Some(number.to_bits() as i64),
                Value::Int(number) => Some((*number as f64).to_bits() as i64),
                Value::Uint(number) => Some((*number as f64).to_bits() as i64),
                _ => None,
            },
            Kind::Address => {
                let address = match value {
                    Value::Ip(address) => *address,
                    Value::Net(net) => net.addr,
                    _ => return None,
                };
                self.text(sql_address(address).as_bytes())
            }
            Kind::Text => match value {
                Value::Str(text) | Value::Bytes(text) => self.text(text),
                value => {
                    let mut scratch = std::mem::take(&mut self.scratch);
                    scratch.clear();
                    let def = self.def.unwrap_or(&PLAIN);
                    write_value(&mut scratch, value, def);
                    let place = self.text(&scratch);
                    self.scratch = scratch;
                    place
                }
            },
        }
    }

    /// Writes the rows, and forgets them and every cell.
    pub fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let outcome = match self.kind {
            Kind::Bool => self.write_as::<BoolType>(writer, |_, cell| cell != 0),
            Kind::Int | Kind::Uint | Kind::Counter => self.write_as::<Int64Type>(writer, |_, cell| cell),
            Kind::Time => self.write_as::<Int64Type>(writer, |_, cell| cell / 1000),
            Kind::Double => self.write_as::<DoubleType>(writer, |_, cell| f64::from_bits(cell as u64)),
            Kind::Text | Kind::Address => {
                self.write_as::<ByteArrayType>(writer, |texts, cell| texts[cell as usize].clone())
            }
        };
        self.levels.clear();
        self.cells.clear();
        self.texts.clear();
        self.places.clear();
        self.lists.clear();
        self.list_places.clear();
        self.bytes = 0;
        outcome
    }

    fn write_as<T: DataType>(
        &self,
        writer: &mut SerializedColumnWriter<'_>,
        value: impl Fn(&[ByteArray], i64) -> T::T,
    ) -> Result<()> {
        let writer = writer.typed::<T>();
        let mut cells = self.cells.iter();
        let (mut values, mut levels, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
        for rows in self.levels.chunks(BATCH) {
            values.clear();
            let present = rows.iter().filter(|level| **level > 0).count();
            if !self.is_list {
                values.extend(cells.by_ref().take(present).map(|cell| value(&self.texts, *cell)));
                writer.write_batch(&values, Some(rows), None)?;
                continue;
            }
            levels.clear();
            repeats.clear();
            for level in rows {
                let items = match level {
                    0 => None,
                    _ => cells.next().and_then(|cell| self.lists.get(*cell as usize)),
                };
                let items = items.map(AsRef::as_ref).unwrap_or_default();
                values.extend(items.iter().map(|item| value(&self.texts, *item)));
                // Of an absent list and of an empty one there is a level without a value.
                levels.extend(std::iter::repeat_n(
                    if items.is_empty() { *level } else { 2 },
                    items.len().max(1),
                ));
                repeats.extend((0..items.len().max(1)).map(|at| i16::from(at > 0)));
            }
            writer.write_batch(&values, Some(&levels), Some(&repeats))?;
        }
        match cells.next() {
            None => Ok(()),
            Some(_) => Err(anyhow!("column {}: more values than rows", self.name)),
        }
    }
}

/// A field whose values are written as they are.
static PLAIN: FieldDef = FieldDef::new("", FieldType::Str, "");
