//! Values of fields as texts.

use anyhow::{Result, anyhow};
use eyas::fields::{Field, FieldDef, FieldSource, Schema, Value, write_text, write_value};
use eyas::sinsp::{EventView, schema};

/// The most characters of a text that are shown.
const LONGEST: usize = 200;

/// A field of events.
pub struct Named {
    field: Field,
    row: &'static FieldDef,
}

impl Named {
    /// # Errors
    /// There is no such field.
    pub fn new(name: &str) -> Result<Self> {
        let field = schema().resolve(name, None).map_err(|error| anyhow!("the field {name}: {error:?}"))?;
        let row = &schema().fields()[usize::from(field.id.0)];
        Ok(Self { field, row })
    }

    /// Its value as outputs print it; nothing where there is none, or an empty one.
    pub fn text(&self, event: &EventView<'_>) -> Option<String> {
        let value = event.get(&self.field)?;
        let mut out = Vec::new();
        write_value(&mut out, &value, self.row);
        Some(shorten(&out)).filter(|text| !text.is_empty())
    }

    /// Whether its value is true.
    pub fn is_true(&self, event: &EventView<'_>) -> bool {
        event.get(&self.field) == Some(Value::Bool(true))
    }
}

/// Bytes of the capture as a text of one line that a terminal shows as it is.
pub fn shown(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write_text(&mut out, bytes);
    shorten(&out)
}

fn shorten(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.trim_end().to_owned(),
    }
}
