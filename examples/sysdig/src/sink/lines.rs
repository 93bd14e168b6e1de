use std::io::{self, BufWriter, Stdout, Write};

use anyhow::{Result, anyhow};
use eyas::sinsp::{EventView, Formatter};

use super::Sink;

/// Prints a line for each event.
pub struct Lines {
    formatter: Formatter,
    out: BufWriter<Stdout>,
    line: String,
    unbuffered: bool,
}

impl Lines {
    pub fn new(format: &str, unbuffered: bool) -> Result<Self> {
        let formatter = Formatter::new(format).map_err(|error| anyhow!("format: {error}; see `sysdig -l`"))?;
        Ok(Self { formatter, out: BufWriter::new(io::stdout()), line: String::new(), unbuffered })
    }
}

impl Sink for Lines {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.line.clear();
        if self.formatter.text(event, &mut self.line) {
            self.line.push('\n');
            self.out.write_all(self.line.as_bytes())?;
            if self.unbuffered {
                self.out.flush()?;
            }
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
