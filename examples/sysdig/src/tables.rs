//! `--parquet`: writes activity as tables, for query engines.
//!
//! ```text
//! events ──> Events, Lives, Uses, Losses ──> Table ──> Part: DIR/TABLE/day=…/host=…/part-….parquet
//! ```
//! Rows are buffered in columns until a row group is written. A file gets its final name when it is
//! complete.

mod chunk;
mod column;
mod events;
mod group;
mod hybrid;
mod lives;
mod losses;
mod part;
mod table;
mod uses;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use eyas::fields::Field;
use eyas::rules::Format;
use eyas::scap::{Loss, Snapshot};
use eyas::sinsp::{EventView, schema};
use eyas_console::ShowPath;

use crate::args::Args;
use crate::sink::{Ended, Sink};
use events::Events;
use lives::Lives;
use losses::Losses;
use table::Table;
use uses::Uses;

/// Number of events between two checks of the clock.
const STRIDE: u32 = 4096;

/// Writes the tables.
pub struct Tables {
    events: Events,
    lives: Lives,
    uses: Uses,
    losses: Losses,
    /// Whether the capture has just begun, so that its processes are not known yet.
    is_new: bool,
    is_live: bool,
    since: u32,
    last: u64,
    /// Whether a table could not be written. None of the files must then look complete.
    has_failed: bool,
}

impl Tables {
    /// Creates tables below this directory, with the event columns from the command line.
    pub fn create(root: &Path, args: &Args) -> Result<Self> {
        let events = Events::new(root, &columns(args)?)?;
        if root.exists() && !root.is_dir() {
            bail!("--parquet {}: this is a file; name a directory for the tables", root.shown());
        }
        std::fs::create_dir_all(root)
            .with_context(|| format!("--parquet {}: cannot create the directory", root.shown()))?;
        Ok(Self {
            events,
            lives: Lives::new(root)?,
            uses: Uses::new(root)?,
            losses: Losses::new(root, args.condition())?,
            is_new: false,
            is_live: !args.is_replay(),
            since: 0,
            last: 0,
            has_failed: false,
        })
    }

    fn tables(&mut self) -> [&mut Table; 6] {
        let (losses, uses) = (&mut self.losses, &mut self.uses);
        [
            &mut self.events.table,
            &mut self.lives.table,
            &mut uses.files,
            &mut uses.connections,
            &mut losses.losses,
            &mut losses.captures,
        ]
    }

    fn note(&mut self, event: &EventView<'_>, is_row: bool) -> Result<()> {
        if std::mem::take(&mut self.is_new) {
            self.lives.begin_with(event.state());
        }
        self.last = event.as_raw().ts;
        self.lives.note(event)?;
        self.uses.note(event)?;
        self.losses.note(event, is_row)?;
        self.since += 1;
        if self.is_live && self.since >= STRIDE {
            self.finish_old()?;
        }
        Ok(())
    }

    fn finish_old(&mut self) -> Result<()> {
        self.since = 0;
        self.tables().into_iter().try_for_each(Table::finish_old)
    }
}

/// The fields with a column in the table of events.
fn columns(args: &Args) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for names in &args.columns {
        fields.extend(events::fields(names)?);
    }
    if let Some(format) = &args.format {
        let format = Format::parse(format, schema()).map_err(|error| anyhow!("format: {error}"))?;
        fields.extend(format.fields().iter().cloned());
    }
    if fields.is_empty() {
        fields = events::usual()?;
    }
    if !args.rules.is_empty() {
        let [tested, _] = eyas_report::rules(&args.rules)?.fields_by_use();
        fields.extend(tested);
    }
    Ok(fields)
}

impl Tables {
    /// Performs an action on the tables, unless an earlier one failed.
    fn attempt(&mut self, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.has_failed {
            return Ok(());
        }
        let outcome = act(self);
        self.has_failed = outcome.is_err();
        outcome
    }

    fn begin(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.lives.end_all(self.last)?;
        self.uses.write_all(self.last)?;
        self.is_new = true;
        let Some(machine) = &snapshot.machine else { return Ok(()) };
        let host = String::from_utf8_lossy(&machine.hostname).into_owned();
        let host = if host.is_empty() { "unknown" } else { &host };
        self.tables().into_iter().try_for_each(|table| table.set_host(host))
    }

    fn end(&mut self, end: &Ended<'_>) -> Result<()> {
        self.lives.end_all(self.last)?;
        self.uses.write_all(self.last)?;
        self.losses.end(end)
    }
}

impl Sink for Tables {
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.attempt(|tables| tables.begin(snapshot))
    }

    fn event(&mut self, event: &EventView<'_>) -> Result<()> {
        self.attempt(|tables| {
            tables.events.add(event)?;
            tables.note(event, true)
        })
    }

    fn state(&mut self, event: &EventView<'_>) -> Result<()> {
        self.attempt(|tables| tables.note(event, false))
    }

    fn losses(&mut self, losses: &[Loss]) -> Result<()> {
        self.attempt(|tables| tables.losses.lost(losses))
    }

    fn idle(&mut self) -> Result<()> {
        self.attempt(Self::finish_old)
    }

    fn ended(&mut self, end: &Ended<'_>) -> Result<()> {
        self.attempt(|tables| tables.end(end))
    }

    fn finish(&mut self) -> Result<()> {
        self.attempt(|tables| tables.tables().into_iter().try_for_each(Table::finish))
    }
}
