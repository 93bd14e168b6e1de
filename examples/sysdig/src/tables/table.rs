//! A table: rows in files, below a directory for each day and host.

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
use super::part::Part;

/// Rows that are written at once.
const GROUP: usize = 1 << 17;
/// Bytes of texts and lists that wait at most.
const GROUP_BYTES: usize = 48 << 20;
/// Rows of a file.
const MOST_ROWS: usize = 1 << 24;
/// Events of different CPUs may come in another order at midnight: rows may be so much older than their file's day, ns.
const LATE: u64 = 10_000_000_000;
/// How long a file of a live capture is written to.
pub const LIVE: Duration = Duration::from_secs(60);

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// A table.
pub struct Table {
    directory: PathBuf,
    /// Its columns; every row appends to each.
    pub columns: Vec<Column>,
    schema: TypePtr,
    how: WriterPropertiesPtr,
    host: String,
    /// Begin of the day of the rows that wait, and of the file.
    day: u64,
    rows: usize,
    part: Option<Part>,
    parts: u32,
    began: Instant,
    /// Counts the times at which cells became invalid.
    pub flushes: u64,
}

impl Table {
    /// One without rows.
    pub fn new(root: &Path, name: &str, columns: Vec<Column>) -> Result<Self> {
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

    /// From here on, rows are of this host.
    pub fn set_host(&mut self, host: &str) -> Result<()> {
        if self.host != host {
            self.finish()?;
            host.clone_into(&mut self.host);
        }
        Ok(())
    }

    /// Makes room for a row of an event at `ts`: cells that the columns returned before may be invalid afterwards.
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

    /// Every column has the row's value.
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.rows >= GROUP || self.columns.iter().map(Column::bytes).sum::<usize>() >= GROUP_BYTES
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
            part.write(&mut self.columns, rows)?;
        }
        if self.part.as_ref().is_some_and(|part| part.rows() >= MOST_ROWS) {
            self.finish()?;
        }
        Ok(())
    }

    /// Ends the file if it was begun long ago.
    pub fn finish_old(&mut self) -> Result<()> {
        if self.part.is_some() && self.began.elapsed() >= LIVE { self.finish() } else { Ok(()) }
    }

    /// Ends the file: it is whole, and has its name.
    pub fn finish(&mut self) -> Result<()> {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        let rows = std::mem::take(&mut self.rows);
        self.flushes += 1;
        if rows > 0 {
            part.write(&mut self.columns, rows)?;
        }
        part.finish()
    }
}

/// A value of a partition in a path, as Hive writes it.
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
    fn a_host_s_name_leads_nowhere_else() {
        assert_eq!(escaped("web-1.example"), "web-1.example");
        assert_eq!(escaped("../a=b c"), "..%2Fa%3Db%20c");
    }
}
