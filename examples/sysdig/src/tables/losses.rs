//! The tables of captures that were read, and of gaps in them.

use std::path::Path;

use anyhow::Result;
use eyas::events::EventType;
use eyas::scap::Loss;
use eyas::sinsp::EventView;

use super::column::Kind;
use super::table::{Table, plain};
use crate::sink::Ended;

/// Both tables.
pub struct Losses {
    /// Rows of losses.
    pub losses: Table,
    /// Rows of captures.
    pub captures: Table,
    span: Option<(u64, u64)>,
    events: u64,
    written: u64,
    /// Beginning of the current gap.
    gap: Option<u64>,
    filter: String,
}

const LOSSES: [(&str, Kind); 5] = [
    ("begin", Kind::Time),
    ("end", Kind::Time),
    ("cause", Kind::Text),
    ("events", Kind::Int),
    ("evt.cpu", Kind::Int),
];
const CAPTURES: [(&str, Kind); 11] = [
    ("first", Kind::Time),
    ("last", Kind::Time),
    ("path", Kind::Text),
    ("filter", Kind::Text),
    ("events", Kind::Int),
    ("rows", Kind::Int),
    ("lost", Kind::Int),
    ("left_out", Kind::Int),
    ("parameters_lost", Kind::Int),
    ("whole", Kind::Bool),
    ("error", Kind::Text),
];

impl Losses {
    /// Creates the tables below a directory. The filter is recorded, because the table of events has only
    /// matching events.
    pub fn new(root: &Path, filter: Option<String>) -> Result<Self> {
        let columns = |names: &[(&str, Kind)]| names.iter().map(|(name, kind)| plain(name, *kind)).collect();
        Ok(Self {
            losses: Table::new(root, "losses", columns(&LOSSES))?,
            captures: Table::new(root, "captures", columns(&CAPTURES))?,
            span: None,
            events: 0,
            written: 0,
            gap: None,
            filter: filter.unwrap_or_default(),
        })
    }

    /// Records an event, and whether it has a row.
    pub fn note(&mut self, event: &EventView<'_>, is_row: bool) -> Result<()> {
        let raw = event.event();
        let (first, last) = self.span.unwrap_or((raw.ts, raw.ts));
        self.span = Some((first.min(raw.ts), last.max(raw.ts)));
        self.events += 1;
        self.written += u64::from(is_row);
        // The first event marks the beginning of a gap, the second its end.
        match raw.ty {
            EventType::DROP_E => drop(self.gap.get_or_insert(raw.ts)),
            EventType::DROP_X => {
                let begin = self.gap.take().unwrap_or(first);
                self.row(begin, raw.ts, "left out by the recorder", None, None)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes events that are missing before the next event.
    pub fn lost(&mut self, losses: &[Loss]) -> Result<()> {
        losses.iter().try_for_each(|loss| {
            let until = loss.until.max(loss.since);
            self.row(loss.since, until, "buffer full", Some(loss.events), Some(loss.cpu))
        })
    }

    fn row(&mut self, from: u64, to: u64, cause: &str, events: Option<u64>, cpu: Option<u16>) -> Result<()> {
        self.losses.begin_row(to)?;
        let [begin, end, why, count, core] = &mut self.losses.columns[..] else { return Ok(()) };
        begin.push_number(Some(from as i64));
        end.push_number(Some(to as i64));
        why.push_text(Some(cause.as_bytes()));
        count.push_number(events.map(|events| events as i64));
        core.push_number(cpu.map(i64::from));
        self.losses.end_row();
        Ok(())
    }

    /// Records the end of a capture.
    pub fn end(&mut self, end: &Ended<'_>) -> Result<()> {
        let span = self.span.take();
        let last = span.map_or(0, |(_, last)| last);
        if let Some(begin) = self.gap.take() {
            self.row(begin, last, "left out by the recorder", None, None)?;
        }
        if end.error.is_some() {
            self.row(last, last, "capture ends before its end", None, None)?;
        }
        self.captures.begin_row(last)?;
        let [begin, until, path, filter, events, rows, lost, left_out, parameters, whole, error] =
            &mut self.captures.columns[..]
        else {
            return Ok(());
        };
        begin.push_number(span.map(|(first, _)| first as i64));
        until.push_number(span.map(|(_, last)| last as i64));
        path.push_text(Some(end.path.as_bytes()));
        filter.push_text(Some(self.filter.as_bytes()));
        let counts = [
            (events, std::mem::take(&mut self.events)),
            (rows, std::mem::take(&mut self.written)),
            (lost, end.stats.drops()),
            (left_out, end.stats.filtered),
            (parameters, end.stats.page_faults),
        ];
        counts.into_iter().for_each(|(column, count)| column.push_number(Some(count as i64)));
        whole.push_number(Some(i64::from(end.error.is_none())));
        error.push_text(end.error.as_ref().map(String::as_bytes));
        self.captures.end_row();
        Ok(())
    }
}
