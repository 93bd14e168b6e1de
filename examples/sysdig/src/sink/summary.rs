use std::io::{self, Write};

use anyhow::Result;
use eyas::sinsp::EventView;

use super::Sink;

/// Counts events by type and prints the most frequent at the end.
#[derive(Default)]
pub struct Summary {
    counts: Vec<(String, u64)>,
}

impl Summary {
    /// Rows in the order in which they are printed.
    fn rows(&self) -> Vec<&(String, u64)> {
        let mut rows: Vec<_> = self.counts.iter().collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rows
    }

    fn count(&mut self, name: &str) {
        match self.counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((name.to_owned(), 1)),
        }
    }
}

impl Sink for Summary {
    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.count(event.event().info().map_or("unknown", |info| info.name));
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let mut out = io::stdout().lock();
        let rule = "-".repeat(28);
        writeln!(out, "{rule}\n{:<18}{:>10}\n{rule}", "Event", "#Calls")?;
        for (name, count) in self.rows() {
            writeln!(out, "{name:<18}{count:>10}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let mut summary = Summary::default();
        ["open", "close", "open", "brk"].iter().for_each(|name| summary.count(name));
        let names: Vec<&str> = summary.rows().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["open", "brk", "close"]);
    }
}
