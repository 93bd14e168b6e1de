use std::io::{self, BufWriter, Stdout, Write};

use anyhow::Result;
use eyas::rules::Format;
use eyas::sinsp::{EventView, schema};
use eyas_report::slice::is_internal;

use super::Sink;
use crate::args::Args;

/// Prints a line for each event: text, or a JSON object.
pub struct Lines {
    format: Format,
    json: bool,
    /// Events of the capture itself are shown to those who ask for them.
    internal: bool,
    out: BufWriter<Stdout>,
    line: Vec<u8>,
    unbuffered: bool,
}

impl Lines {
    pub fn new(format: Format, args: &Args) -> Self {
        let out = BufWriter::with_capacity(64 << 10, io::stdout());
        let (json, unbuffered, internal) =
            (args.json, args.unbuffered, args.debug || !args.filter.is_empty());
        Self { format, json, internal, out, line: Vec::new(), unbuffered }
    }
}

impl Sink for Lines {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        // One that was kept by a filter was asked for.
        if !self.internal && event.event().place.num == 0 && is_internal(event) {
            return Ok(());
        }
        self.line.clear();
        let has_line = match self.json {
            true => self.format.write_object(&mut self.line, event, schema()),
            false => self.format.write_line(&mut self.line, event, schema()),
        };
        if !has_line {
            return Ok(());
        }
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        if self.unbuffered {
            self.out.flush()?;
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}
