//! Conditions of views, with the memory that they are tested with.

use anyhow::{Result, anyhow};
use eyas::fields::{FieldSource, Schema};
use eyas::rules::condition::{self, Filter, Scratch};

/// A compiled condition.
pub struct Condition {
    filter: Filter,
    scratch: Scratch,
}

impl Condition {
    /// Compiles a condition.
    pub fn parse(text: &str, schema: &dyn Schema) -> Result<Self> {
        let refuse = |diagnostic: eyas::rules::Diagnostic| {
            let parts: Vec<String> = [diagnostic.message].into_iter().chain(diagnostic.help).collect();
            anyhow!("condition `{text}`: {}", parts.join("; "))
        };
        let expr = condition::parse(text).map_err(|e| refuse(e.to_diagnostic("filter", text, schema)))?;
        let filter = condition::compile(&expr, schema);
        let filter = filter.map_err(|e| refuse(e.to_diagnostic("filter", text, schema)))?;
        let scratch = filter.scratch();
        Ok(Self { filter, scratch })
    }

    /// Compiles a condition, if the text is not empty.
    pub fn optional(text: &str, schema: &dyn Schema) -> Result<Option<Self>> {
        if text.trim().is_empty() { Ok(None) } else { Self::parse(text, schema).map(Some) }
    }

    /// Whether the row satisfies it.
    pub fn matches(&mut self, row: &dyn FieldSource) -> bool {
        // The condition was compiled against the schema of the rows.
        self.filter.matches_with(row, &mut self.scratch).unwrap_or(false)
    }
}
