use std::io::{self, BufWriter, Stdout, Write};

use anyhow::Result;
use eyas::sinsp::EventView;

use super::Sink;
use crate::format::Format;

/// Prints a line for each event: text, or a JSON object.
pub struct Lines {
    format: Format<'static>,
    json: bool,
    out: BufWriter<Stdout>,
    line: Vec<u8>,
    unbuffered: bool,
}

impl Lines {
    pub fn new(format: Format<'static>, json: bool, unbuffered: bool) -> Self {
        let out = BufWriter::with_capacity(64 << 10, io::stdout());
        Self { format, json, out, line: Vec::new(), unbuffered }
    }
}

impl Sink for Lines {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.line.clear();
        if self.json {
            let Some(object) = self.format.json(event) else { return Ok(()) };
            serde_json::to_writer(&mut self.line, &object)?;
        } else if !self.format.write(&mut self.line, event) {
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
