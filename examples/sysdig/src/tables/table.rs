//! A table: files with rows, in a directory for each day and host.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parquet::basic::{Compression, Encoding, Repetition};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::column::{Column, Kind};
use super::group::Group;
use super::part::Part;

/// Number of rows in a row group.
const GROUP: usize = 1 << 17;
/// Maximum size of buffered texts and lists, bytes.
const GROUP_BYTES: usize = 48 << 20;
/// Maximum number of rows in a file.
const MAX_ROWS: usize = 1 << 24;
/// Events of different CPUs may be out of order at midnight. So rows may be older than their file's day by
/// this much, ns.
const LATE: u64 = 10_000_000_000;
/// Maximum duration of a file in a live capture.
pub const LIVE: Duration = Duration::from_secs(60);

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// A table.
pub struct Table {
    directory: PathBuf,
    /// The columns; each row appends a value to every column.
    pub columns: Vec<Column>,
    /// Values that columns share: each row refers to a row of each group.
    pub groups: Vec<Group>,
    schema: TypePtr,
    how: WriterPropertiesPtr,
    host: String,
    /// Beginning of the day of the buffered rows and of the file.
    day: u64,
    rows: usize,
    part: Option<Part>,
    parts: u32,
    began: Instant,
    /// Number of flushes; each makes all cells invalid.
    pub flushes: u64,
}

impl Table {
    /// Creates a table without rows.
    pub fn new(root: &Path, name: &str, mut columns: Vec<Column>) -> Result<Self> {
        let fields = columns.iter().map(|column| column.schema().map(Arc::new)).collect::<Result<_>>()?;
        let schema = Type::group_type_builder(name)
            .with_repetition(Repetition::REQUIRED)
            .with_fields(fields)
            .build()?;
        let mut how = WriterProperties::builder()
            .set_created_by(concat!("eyas ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(Default::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(None);
        for column in &columns {
            if column.counts() {
                let path = ColumnPath::new(vec![column.name.clone()]);
                how = how
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
        }
        Ok(Self {
            directory: root.join(name),
            groups: Group::all(columns.iter_mut().filter_map(|column| column.place.as_mut())),
            columns,
            schema: Arc::new(schema),
            how: Arc::new(how.build()),
            host: "unknown".to_owned(),
            day: 0,
            rows: 0,
            part: None,
            parts: 0,
            began: Instant::now(),
            flushes: 0,
        })
    }

    /// Sets the host of further rows.
    pub fn set_host(&mut self, host: &str) -> Result<()> {
        if self.host != host {
            self.finish()?;
            host.clone_into(&mut self.host);
        }
        Ok(())
    }

    /// Prepares a row for an event at `ts`. Earlier cells of the columns may become invalid.
    #[inline]
    pub fn begin_row(&mut self, ts: u64) -> Result<()> {
        if ts.wrapping_sub(self.day) >= DAY {
            self.change_day(ts)?;
        } else if self.rows.is_multiple_of(1024) && self.is_full() {
            self.flush()?;
        }
        if self.part.is_none() {
            self.create(ts)?;
        }
        Ok(())
    }

    /// Completes a row, after every column got its value.
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        let bytes = self.columns.iter().map(Column::bytes).chain(self.groups.iter().map(Group::bytes));
        self.rows >= GROUP || bytes.sum::<usize>() >= GROUP_BYTES
    }

    #[cold]
    fn change_day(&mut self, ts: u64) -> Result<()> {
        if self.part.is_some() && ts < self.day && self.day - ts < LATE {
            return Ok(());
        }
        self.finish()?;
        self.day = ts - ts % DAY;
        Ok(())
    }

    fn create(&mut self, ts: u64) -> Result<()> {
        let day = Timestamp::from_second((self.day / SECOND) as i64)?.to_zoned(TimeZone::UTC).date();
        let directory =
            self.directory.join(format!("day={day}")).join(format!("host={}", escaped(&self.host)));
        let name = format!("part-{ts}-{}.parquet", self.parts);
        self.parts += 1;
        self.part = Some(Part::create(&directory, &name, self.schema.clone(), self.how.clone())?);
        self.began = Instant::now();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.flushes += 1;
        if let Some(part) = self.part.as_mut().filter(|_| rows > 0) {
            part.write(&mut self.columns, &self.groups, rows)?;
        }
        self.groups.iter_mut().for_each(Group::clear);
        if self.part.as_ref().is_some_and(|part| part.rows() >= MAX_ROWS) {
            self.finish()?;
        }
        Ok(())
    }

    /// Completes the file if it is old enough.
    pub fn finish_old(&mut self) -> Result<()> {
        if self.part.is_some() && self.began.elapsed() >= LIVE { self.finish() } else { Ok(()) }
    }

    /// Completes the file and renames it.
    pub fn finish(&mut self) -> Result<()> {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        let rows = std::mem::take(&mut self.rows);
        self.flushes += 1;
        if rows > 0 {
            part.write(&mut self.columns, &self.groups, rows)?;
        }
        self.groups.iter_mut().for_each(Group::clear);
        part.finish()
    }
}

/// Escapes a partition value for a path, like Hive.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A column without a field.
pub fn plain(name: &str, kind: Kind) -> Column {
    Column::new(name, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_s_name_cannot_leave_the_directory() {
        assert_eq!(escaped("web-1.example"), "web-1.example");
        assert_eq!(escaped("../a=b c"), "..%2Fa%3Db%20c");
    }
}
