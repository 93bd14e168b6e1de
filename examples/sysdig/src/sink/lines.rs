use std::io::{BufWriter, Write};

use anyhow::Result;
use eyas::events::{Category, EventType};
use eyas::rules::Format;
use eyas::sinsp::EventView;
use eyas_report::slice::is_internal;

use super::Sink;
use crate::args::Args;
use crate::output::Output;
use crate::schema::schema;

/// Prints a line for each event: text, or a JSON object.
pub struct Lines {
    format: Format,
    /// Format of plugin events, if it is different.
    of_plugins: Option<Format>,
    json: bool,
    /// Whether events about the capture itself are shown.
    internal: bool,
    out: BufWriter<Output>,
    line: Vec<u8>,
    unbuffered: bool,
}

impl Lines {
    pub fn new(format: Format, of_plugins: Option<Format>, args: &Args) -> Self {
        let out = BufWriter::with_capacity(64 << 10, Output::new());
        let (json, unbuffered) = (args.json, args.unbuffered);
        let internal = args.debug || args.condition().is_some_and(|text| names_internal(&text));
        Self { format, of_plugins, json, internal, out, line: Vec::new(), unbuffered }
    }
}

/// Whether a filter names a type of the capture's own events.
fn names_internal(text: &str) -> bool {
    let is_named =
        |name: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
    let mut internal = eyas::events::events().filter(|info| info.category.activity() == Category::INTERNAL);
    internal.any(|info| is_named(info.name))
}

impl Sink for Lines {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        if !self.internal && is_internal(event) {
            return Ok(());
        }
        self.line.clear();
        let of_plugins = self.of_plugins.as_ref().filter(|_| event.event().ty == EventType::PLUGINEVENT_E);
        let format = of_plugins.unwrap_or(&self.format);
        let has_line = match self.json {
            true => format.write_object(&mut self.line, event, schema()),
            false => format.write_line(&mut self.line, event, schema()),
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
