//! `file_output`: appends alerts to a file.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas_console::ShowPath;
use eyas_console::Writer;
use eyas_console::descriptor::{self, is_named_fifo};
use serde::{Deserialize, Serialize};

use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape};
use crate::file;
use crate::log;
use crate::output::{Alert, Cx, Failure, Lines, NO_READER, Output, Section, most_of, reason, whole_lines};

/// `file_output:`
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// Whether the file stays open between alerts.
    pub keep_alive: bool,
    /// Path of the file.
    pub filename: PathBuf,
    /// Schema of the written alerts.
    pub json_schema: JsonSchema,
}

impl Section for Settings {
    const NAME: &'static str = "file_output";
    const KEYS: &'static [(&'static str, Shape)] =
        &[("enabled", Shape::Bool), ("keep_alive", Shape::Bool), ("filename", Shape::Text), JSON_SCHEMA];
    const FAILS_REPLAY: bool = true;

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn json_schema(&self) -> JsonSchema {
        self.json_schema
    }

    fn check(&self) -> Result<()> {
        if self.enabled && self.filename.as_os_str().is_empty() {
            bail!(
                "file output enabled but no filename in configuration block: file_output.filename is empty"
            );
        }
        Ok(())
    }

    fn place(&self) -> String {
        self.filename.shown()
    }

    fn open(&self, _: &Config) -> Result<Box<dyn Output>> {
        open(&self.filename, self.keep_alive).context("file_output")
    }
}

struct FileOutput {
    path: PathBuf,
    /// Whether the file stays open between alerts.
    keep_alive: bool,
    /// `None` while it is closed, or if it is a FIFO without a reader.
    file: Option<Writer>,
    /// Whether the path is the name of a descriptor, such as `/dev/stdout`, which cannot be opened again.
    is_descriptor: bool,
    lines: Lines,
}

/// Opens an output that appends lines to this file.
///
/// # Errors
/// The file cannot be opened. A FIFO without a reader is no error; it is opened later, when there is a
/// reader.
pub fn open(path: &Path, keep_alive: bool) -> Result<Box<dyn Output>> {
    let file = match file::append(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::NotConnected => None,
        Err(error) => return Err(error).with_context(|| format!("can't open {}", path.shown())),
    };
    let is_descriptor = descriptor::named(path).is_some();
    Ok(Box::new(FileOutput {
        path: path.to_owned(),
        keep_alive,
        file,
        is_descriptor,
        lines: Lines::default(),
    }))
}

impl FileOutput {
    /// Closes a deleted file, because nobody can read it.
    fn close_if_deleted(&mut self) {
        let is_deleted =
            |file: &Writer| file.file().metadata().is_ok_and(|meta| meta.is_file() && meta.nlink() == 0);
        if !self.is_descriptor && self.file.as_ref().is_some_and(is_deleted) {
            log::warning(&format!(
                "{} was deleted while falco wrote to it; falco creates it again",
                self.path.shown()
            ));
            self.file = None;
        }
    }

    fn open(&mut self) -> Result<(), Failure> {
        if self.file.is_none() {
            let file = file::append(&self.path).map_err(|error| match error.kind() {
                ErrorKind::NotConnected | ErrorKind::WouldBlock => Failure::Later(reason(&error)),
                _ => Failure::Lost(format!("it can't be opened: {}", reason(&error))),
            })?;
            self.lines.restart(file.file().metadata().is_ok_and(|meta| meta.len() == 0));
            self.file = Some(file);
        }
        Ok(())
    }
}

impl Output for FileOutput {
    fn most(&self) -> usize {
        usize::MAX
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        self.close_if_deleted();
        self.open()?;
        let Self { file: Some(file), lines, .. } = self else { return Err(Failure::Interrupted) };
        let file = &*file;
        let most = most_of(file);
        let put = |bytes: &[u8]| file.try_write(whole_lines(bytes, most));
        let mut outcome = lines.write(alerts, cx, put, || cx.wait_writable(file));
        if matches!(outcome, Err(Failure::Gone)) && (!self.is_descriptor || is_named_fifo(file)) {
            // Another reader may come.
            outcome = Err(Failure::Later(NO_READER.to_owned()));
            self.file = None;
        } else if !self.keep_alive && self.lines.sent() == 0 {
            self.file = None;
        }
        outcome
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.file = None;
        match self.open() {
            Err(Failure::Lost(why) | Failure::Later(why)) => Err(why),
            _ => Ok(()),
        }
    }
}
