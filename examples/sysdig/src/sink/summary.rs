use std::collections::HashMap;
use std::io::Write;

use anyhow::{Result, anyhow};
use eyas::fields::{Field, FieldSource, Value};
use eyas::sinsp::EventView;

use super::Sink;
use crate::output::Output;
use crate::schema::schema;

/// Counts events by type and prints the most frequent at the end.
pub struct Summary {
    name: Field,
    /// Counts of enter events and of exit events.
    counts: [HashMap<String, u64>; 2],
}

impl Summary {
    pub fn new() -> Result<Self> {
        // This field also has the name of a call without its own event type.
        let name = schema().resolve("evt.type", None).map_err(|error| anyhow!("evt.type: {error}"))?;
        Ok(Self { name, counts: Default::default() })
    }

    /// Rows in printing order.
    fn rows(&self) -> Vec<(String, u64)> {
        let of = |(sign, counts): (char, &HashMap<String, u64>)| -> Vec<(String, u64)> {
            counts.iter().map(|(name, count)| (format!("{sign} {name}"), *count)).collect()
        };
        let mut rows: Vec<_> = ['>', '<'].into_iter().zip(&self.counts).flat_map(of).collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rows
    }

    fn count(&mut self, is_exit: bool, name: &str) {
        let counts = &mut self.counts[usize::from(is_exit)];
        match counts.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(counts.insert(name.to_owned(), 1)),
        }
    }
}

impl Sink for Summary {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        let name = match event.get(&self.name) {
            Some(Value::Str(name)) => String::from_utf8_lossy(name),
            _ => "unknown".into(),
        };
        self.count(event.event().ty.is_exit(), &name);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let rows = self.rows();
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(18);
        let rule = "-".repeat(width + 10);
        let mut out = Output::new();
        writeln!(out, "{rule}\n{:<width$}{:>10}\n{rule}", "Event", "#Calls")?;
        for (name, count) in rows {
            writeln!(out, "{name:<width$}{count:>10}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let mut summary = Summary::new().unwrap();
        ["open", "close", "open", "brk"].iter().for_each(|name| summary.count(true, name));
        summary.count(false, "switch");
        let rows = summary.rows();
        let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["< open", "< brk", "< close", "> switch"]);
    }
}
