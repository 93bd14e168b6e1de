//! Filters of the command line.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, anyhow};
use eyas::rules::{Diagnostic, condition};

use crate::schema::schema;

/// Compiles a filter with the fields of events. Also returns the domain names that it compares with
/// addresses.
pub fn compile(text: &str) -> Result<(condition::Filter, BTreeSet<String>)> {
    let schema = schema();
    // One line, like all errors here.
    let to_error = |diagnostic: Diagnostic| {
        let column = diagnostic.labels.first().map_or(1, |label| label.position().1);
        // There are no macros on a command line.
        let word =
            diagnostic.message.strip_prefix("Undefined macro '").and_then(|rest| rest.split('\'').next());
        let message = match word {
            Some(word) => format!("`{word}` is not a field"),
            None => diagnostic.message,
        };
        if let Some(file) = text.split_whitespace().find(|word| Path::new(word).is_file()) {
            return anyhow!(
                "filter: column {column}: {message}; `{file}` is a file: read a capture with -r FILE"
            );
        }
        let parts: Vec<String> = [message].into_iter().chain(diagnostic.help).collect();
        anyhow!("filter: column {column}: {}; see `sysdig -l` for the fields", parts.join("; "))
    };
    let expr = condition::parse(text).map_err(|e| to_error(e.to_diagnostic("filter", text, schema)))?;
    let filter = condition::compile(&expr, schema);
    let filter = filter.map_err(|e| to_error(e.to_diagnostic("filter", text, schema)))?;
    Ok((filter, condition::domain_names(&expr, schema)))
}
