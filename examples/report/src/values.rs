//! Values of fields as texts.

use anyhow::{Result, anyhow};
use eyas::fields::{Field, FieldDef, FieldSource, Schema, Value, write_text, write_value};
use eyas::sinsp::{EventView, schema};

/// Maximum number of shown characters of a text.
const MAX_LEN: usize = 200;

/// A field of events.
pub struct Named {
    field: Field,
    row: &'static FieldDef,
}

impl Named {
    /// # Errors
    /// The field does not exist.
    pub fn new(name: &str) -> Result<Self> {
        let field = schema().resolve(name, None).map_err(|error| anyhow!("the field {name}: {error:?}"))?;
        let row = &schema().fields()[usize::from(field.id.0)];
        Ok(Self { field, row })
    }

    /// The value in the format of outputs; `None` if it is absent or empty.
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

/// Converts bytes of the capture to a one-line text that is safe for terminals.
pub fn shown(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write_text(&mut out, bytes);
    shorten(&out)
}

fn shorten(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(MAX_LEN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.trim_end().to_owned(),
    }
}
