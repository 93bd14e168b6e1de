//! A column: the values of buffered rows.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use eyas::fields::{FieldDef, FieldType, Value, write_value};
use eyas::rules::condition::sql_address;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, Int64Type};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::{ColumnDescPtr, Type, TypePtr};
use rustc_hash::FxHashMap;
use zstd::bulk::Compressor;

use super::chunk::Chunk;
use super::group::{Cell, Group, Place};
use crate::intern::{Numbers, Texts};

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Truth values.
    Bool,
    /// Signed integers of 64 bits.
    Int,
    /// Unsigned integers of 64 bits.
    Uint,
    /// Numbers that are close to their predecessors: times and numbers of events.
    Counter,
    /// Floating point numbers.
    Double,
    /// Times in microseconds; the input values are in nanoseconds.
    Time,
    /// Text.
    Text,
    /// Addresses as 32 hexadecimal digits, so that a network is a range of texts.
    Address,
}

impl Kind {
    /// The kind for values of a field type.
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

/// A column.
pub struct Column {
    /// Its name.
    pub name: String,
    kind: Kind,
    is_list: bool,
    def: Option<&'static FieldDef>,
    /// 1 for each row with a value, 0 for each other.
    levels: Vec<u8>,
    /// Cells of the rows with a value.
    cells: Vec<i64>,
    dictionary: Dictionary,
    /// Whether one of the texts is not UTF-8.
    has_other_bytes: bool,
    /// Codes of the texts of addresses.
    addresses: FxHashMap<IpAddr, i64>,
    lists: Vec<Arc<[i64]>>,
    list_places: FxHashMap<Arc<[i64]>, i64>,
    /// Bytes of lists.
    list_bytes: usize,
    scratch: Vec<u8>,
    /// Its place, if its values come from a group.
    pub place: Option<Place>,
}

/// Different values of a column.
enum Dictionary {
    /// Cells are the values themselves.
    Absent,
    Numbers(Numbers),
    Texts(Texts),
}

impl Dictionary {
    fn of(kind: Kind, is_list: bool) -> Self {
        match kind {
            Kind::Bool => Self::Absent,
            Kind::Counter | Kind::Time if !is_list => Self::Absent,
            Kind::Int | Kind::Uint | Kind::Double | Kind::Counter | Kind::Time => {
                Self::Numbers(Numbers::default())
            }
            Kind::Text | Kind::Address => Self::Texts(Texts::default()),
        }
    }
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
            dictionary: Dictionary::of(kind, false),
            has_other_bytes: false,
            addresses: FxHashMap::default(),
            lists: Vec::new(),
            list_places: FxHashMap::default(),
            list_bytes: 0,
            scratch: Vec::new(),
            place: None,
        }
    }

    /// Makes this a column with the values of a group.
    pub fn of_group(mut self, group: Option<usize>) -> Self {
        self.place = group.map(|group| Place { group, at: 0 });
        self
    }

    /// Takes the cells of its rows from its group, if it has one.
    fn take_shared(&mut self, groups: &[Group]) {
        let Some(Place { group, at }) = self.place else { return };
        let (cells, rows) = groups[group].column(at);
        rows.iter().for_each(|row| self.push(cells[*row as usize]));
    }

    /// The levels and values of its rows, which are in its group if it has one.
    fn levels_and_values(&mut self, groups: &[Group]) -> (Vec<u8>, Vec<u32>) {
        let Some(Place { group, at }) = self.place else {
            let values = self.cells.iter().map(|cell| *cell as u32).collect();
            return (std::mem::take(&mut self.levels), values);
        };
        let (cells, rows) = groups[group].column(at);
        let codes: Vec<(u32, u8)> =
            cells.iter().map(|cell| (cell.unwrap_or(0) as u32, u8::from(cell.is_some()))).collect();
        if cells.iter().all(Option::is_some) {
            return (vec![1; rows.len()], rows.iter().map(|row| codes[*row as usize].0).collect());
        }
        let mut values = vec![0; rows.len()];
        let mut count = 0;
        let level = |row: &u32| {
            let (code, level) = codes[*row as usize];
            values[count] = code;
            count += usize::from(level);
            level
        };
        let levels = rows.iter().map(level).collect();
        values.truncate(count);
        (levels, values)
    }

    /// Makes this a column of lists.
    pub fn of_lists(mut self, is_list: bool) -> Self {
        self.is_list = is_list;
        self.dictionary = Dictionary::of(self.kind, is_list);
        self
    }

    /// Makes this a column for the values of a field.
    pub fn of_field(mut self, def: &'static FieldDef) -> Self {
        self.def = Some(def);
        self
    }

    /// Whether values are close to their predecessors.
    pub fn counts(&self) -> bool {
        matches!(self.kind, Kind::Counter | Kind::Time) && !self.is_list
    }

    /// Memory of the buffered data, without the cells, bytes.
    pub fn bytes(&self) -> usize {
        let values = match &self.dictionary {
            Dictionary::Absent => 0,
            Dictionary::Numbers(numbers) => numbers.bytes(),
            Dictionary::Texts(texts) => texts.bytes(),
        };
        self.list_bytes + values
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

    /// Converts a value to a cell.
    #[inline]
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

    /// Appends the text of a row.
    #[inline]
    pub fn push_text(&mut self, text: Option<&[u8]>) {
        let cell = text.and_then(|text| self.text(text));
        self.push(cell);
    }

    /// Appends the number of a row.
    #[inline]
    pub fn push_number(&mut self, number: Option<i64>) {
        let cell = number.map(|number| self.number(number));
        self.push(cell);
    }

    /// Appends the value of a row.
    #[inline]
    pub fn push(&mut self, cell: Cell) {
        self.levels.push(u8::from(cell.is_some()));
        if let Some(cell) = cell {
            self.cells.push(cell);
        }
    }

    #[inline]
    fn text(&mut self, text: &[u8]) -> Cell {
        match &mut self.dictionary {
            Dictionary::Texts(texts) => {
                if let Some(code) = texts.find(text) {
                    return Some(code.into());
                }
                self.has_other_bytes |= std::str::from_utf8(text).is_err();
                Some(texts.code(text).into())
            }
            _ => None,
        }
    }

    #[inline]
    fn number(&mut self, number: i64) -> i64 {
        match &mut self.dictionary {
            Dictionary::Numbers(numbers) => numbers.code(number).into(),
            _ => number,
        }
    }

    fn list(&mut self, items: Arc<[i64]>) -> i64 {
        if let Some(place) = self.list_places.get(&items) {
            return *place;
        }
        let place = self.lists.len() as i64;
        self.list_bytes += 8 * items.len() + 64;
        self.lists.push(items.clone());
        self.list_places.insert(items, place);
        place
    }

    #[inline]
    fn scalar(&mut self, value: &Value<'_>) -> Cell {
        let number = match self.kind {
            Kind::Bool => match value {
                Value::Bool(truth) => i64::from(*truth),
                _ => return None,
            },
            Kind::Int | Kind::Counter | Kind::Time => match value {
                Value::Int(number) => *number,
                Value::Uint(number) => i64::try_from(*number).unwrap_or(i64::MAX),
                _ => return None,
            },
            Kind::Uint => match value {
                Value::Int(number) => *number,
                // Readers of the file interpret the bits as an unsigned number.
                Value::Uint(number) => *number as i64,
                _ => return None,
            },
            Kind::Double => match value {
                Value::Double(number) => number.to_bits() as i64,
                Value::Int(number) => (*number as f64).to_bits() as i64,
                Value::Uint(number) => (*number as f64).to_bits() as i64,
                _ => return None,
            },
            Kind::Address => {
                let address = match value {
                    Value::Ip(address) => *address,
                    Value::Net(net) => net.addr,
                    _ => return None,
                };
                return self.address(address, |column| column.text(sql_address(address).as_bytes()));
            }
            Kind::Text => match value {
                Value::Str(text) | Value::Bytes(text) => return self.text(text),
                Value::Ip(address) => return self.address(*address, |column| column.written(value)),
                value => return self.written(value),
            },
        };
        Some(self.number(number))
    }

    /// The cell for the text of an address, which `make` creates.
    fn address(&mut self, address: IpAddr, make: impl FnOnce(&mut Self) -> Cell) -> Cell {
        if let Some(known) = self.addresses.get(&address) {
            return Some(*known);
        }
        let made = make(self)?;
        self.addresses.insert(address, made);
        Some(made)
    }

    /// The cell for a value as text, if the value has another type.
    fn written(&mut self, value: &Value<'_>) -> Cell {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write_value(&mut scratch, value, self.def.unwrap_or(&PLAIN));
        let cell = self.text(&scratch);
        self.scratch = scratch;
        cell
    }

    /// Writes the rows and clears the column. All cells become invalid.
    pub fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        descr: ColumnDescPtr,
        groups: &[Group],
        compressor: &mut Compressor<'_>,
    ) -> Result<()> {
        if self.counts() || self.is_list {
            self.take_shared(groups);
        }
        let outcome = match self.counts() {
            true => self.write_counts(group),
            false => self.write_chunk(group, descr, groups, compressor),
        };
        self.levels.clear();
        self.cells.clear();
        match &mut self.dictionary {
            Dictionary::Absent => {}
            Dictionary::Numbers(numbers) => numbers.clear(),
            Dictionary::Texts(texts) => texts.clear(),
        }
        self.has_other_bytes = false;
        self.addresses.clear();
        self.lists.clear();
        self.list_places.clear();
        self.list_bytes = 0;
        outcome
    }

    /// Writes numbers that are close to their predecessors.
    fn write_counts<W: Write + Send>(&mut self, group: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        if self.kind == Kind::Time {
            self.cells.iter_mut().for_each(|ns| *ns /= 1000);
        }
        let mut column = group.next_column()?.ok_or_else(|| anyhow!("fewer columns than the schema has"))?;
        let levels: Vec<i16> = self.levels.iter().map(|level| (*level).into()).collect();
        column.typed::<Int64Type>().write_batch(&self.cells, Some(&levels), None)?;
        Ok(column.close()?)
    }

    fn write_chunk<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        descr: ColumnDescPtr,
        groups: &[Group],
        compressor: &mut Compressor<'_>,
    ) -> Result<()> {
        let (rows, levels, mut values, repeats) = match self.is_list {
            true => {
                let (levels, values, repeats) = self.items();
                (self.levels.len(), levels, values, repeats)
            }
            false => {
                let (levels, values) = self.levels_and_values(groups);
                (levels.len(), levels, values, Vec::new())
            }
        };
        let (page, clean): (Vec<u8>, Texts);
        let dictionary = match &self.dictionary {
            Dictionary::Absent => None,
            Dictionary::Numbers(numbers) => {
                page = numbers.values().iter().flat_map(|number| number.to_le_bytes()).collect();
                Some((&page[..], numbers.values().len()))
            }
            Dictionary::Texts(texts) if self.has_other_bytes => {
                clean = in_utf8(texts, &mut values);
                Some((clean.page(), clean.len()))
            }
            Dictionary::Texts(texts) => Some((texts.page(), texts.len())),
        };
        let nulls = (levels.len() - values.len()) as u64;
        let chunk = Chunk {
            descr,
            rows,
            repeats: &repeats,
            levels: &levels,
            dictionary,
            statistics: Some(self.statistics(&values, nulls)),
            values: &values,
        };
        let (bytes, close) = chunk.encode(compressor)?;
        Ok(group.append_column(&bytes, close)?)
    }

    /// Definition levels, values and repetition levels of the items of lists.
    fn items(&self) -> (Vec<u8>, Vec<u32>, Vec<u8>) {
        let (mut levels, mut values, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
        let mut cells = self.cells.iter();
        for level in &self.levels {
            let items = match level {
                0 => None,
                _ => cells.next().and_then(|cell| self.lists.get(*cell as usize)),
            };
            let items = items.map(AsRef::as_ref).unwrap_or_default();
            values.extend(items.iter().map(|item| *item as u32));
            // An absent or empty list has a level without a value.
            let level = if items.is_empty() { *level } else { 2 };
            levels.extend(std::iter::repeat_n(level, items.len().max(1)));
            repeats.extend((0..items.len().max(1)).map(|at| u8::from(at > 0)));
        }
        (levels, values, repeats)
    }

    /// Minimum, maximum, and the number of missing values.
    fn statistics(&self, values: &[u32], nulls: u64) -> Statistics {
        let nulls = Some(nulls);
        match (&self.dictionary, self.kind) {
            (_, Kind::Double) => Statistics::new::<f64>(None, None, None, nulls, false),
            (Dictionary::Numbers(numbers), kind) => {
                let order = |number: &&i64| match kind {
                    // Compares the bits as an unsigned number.
                    Kind::Uint => **number ^ i64::MIN,
                    _ => **number,
                };
                let numbers = numbers.values();
                let (least, largest) = (numbers.iter().min_by_key(order), numbers.iter().max_by_key(order));
                Statistics::new(least.copied(), largest.copied(), None, nulls, false)
            }
            (Dictionary::Texts(_), _) if self.has_other_bytes => {
                Statistics::new::<ByteArray>(None, None, None, nulls, false)
            }
            (Dictionary::Texts(texts), _) => {
                let (least, largest) = texts.bounds().unzip();
                let text = |text: Option<&[u8]>| text.map(|text| ByteArray::from(text.to_vec()));
                Statistics::new(text(least), text(largest), None, nulls, false)
            }
            (Dictionary::Absent, _) => {
                let (least, largest) = (values.iter().min(), values.iter().max());
                let truth = |value: Option<&u32>| value.map(|value| *value != 0);
                Statistics::new(truth(least), truth(largest), None, nulls, false)
            }
        }
    }
}

/// The same texts with U+FFFD for bytes that are not UTF-8, and their codes in place of the others.
fn in_utf8(texts: &Texts, codes: &mut [u32]) -> Texts {
    let mut clean = Texts::default();
    let all = (0..texts.len() as u32).filter_map(|code| texts.get(code));
    let new: Vec<u32> = all.map(|text| clean.code(String::from_utf8_lossy(text).as_bytes())).collect();
    codes.iter_mut().for_each(|code| *code = new[*code as usize]);
    clean
}

/// A field whose values are written unchanged.
static PLAIN: FieldDef = FieldDef::new("", FieldType::Str, "");
