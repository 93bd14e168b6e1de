//! A file of a table. It gets its final name when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas_console::ShowPath;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;
use zstd::bulk::Compressor;

use super::chunk;
use super::column::Column;
use super::group::Group;

/// A file that is being written.
pub struct Part {
    temporary: PathBuf,
    path: PathBuf,
    /// `None` once the file is being renamed.
    writer: Option<SerializedFileWriter<File>>,
    compressor: Compressor<'static>,
    rows: usize,
    is_whole: bool,
}

impl Part {
    /// Begins a file. Until it is complete, its name has a leading dot, so that query engines ignore it.
    pub fn create(directory: &Path, name: &str, schema: TypePtr, how: WriterPropertiesPtr) -> Result<Self> {
        let path = directory.join(name);
        let fail = || format!("cannot write {}", path.shown());
        fs::create_dir_all(directory).with_context(fail)?;
        refuse_existing(&path)?;
        let temporary = directory.join(format!(".{name}.{}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&temporary);
        let file = file.with_context(fail)?;
        let compressor = chunk::compressor()?;
        let mut part =
            Self { temporary, path: path.clone(), writer: None, compressor, rows: 0, is_whole: false };
        part.writer = Some(SerializedFileWriter::new(file, schema, how).map_err(plain).with_context(fail)?);
        Ok(part)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the rows of the columns.
    pub fn write(&mut self, columns: &mut [Column], groups: &[Group], rows: usize) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let outcome = write(writer, columns, groups, &mut self.compressor);
        self.rows += rows;
        outcome
            .map_err(|error| match error.downcast::<ParquetError>() {
                Ok(error) => plain(error).into(),
                Err(error) => error,
            })
            .with_context(|| format!("cannot write {}", self.path.shown()))
    }

    /// Completes the file and renames it to its final name.
    pub fn finish(mut self) -> Result<()> {
        let named = self.name();
        self.is_whole = named.is_ok();
        named.with_context(|| format!("cannot write {}", self.path.shown()))
    }

    fn name(&mut self) -> Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        writer.into_inner().map_err(plain)?.sync_data()?;
        refuse_existing(&self.path)?;
        Ok(fs::rename(&self.temporary, &self.path)?)
    }
}

/// Removes an incomplete file.
impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn write(
    writer: &mut SerializedFileWriter<File>,
    columns: &mut [Column],
    groups: &[Group],
    compressor: &mut Compressor<'_>,
) -> Result<()> {
    let schema: Vec<_> = (0..columns.len()).map(|at| writer.schema_descr().column(at)).collect();
    let mut group = writer.next_row_group()?;
    for (column, descr) in columns.iter_mut().zip(schema) {
        column.write(&mut group, descr, groups, compressor)?;
    }
    group.close()?;
    Ok(())
}

fn refuse_existing(path: &Path) -> Result<()> {
    if path.exists() {
        bail!(
            "{} is there already: this capture was written to it before; remove the file, or name another directory",
            path.shown()
        );
    }
    Ok(())
}

/// Extracts the operating system's error, if there is one.
fn plain(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}
