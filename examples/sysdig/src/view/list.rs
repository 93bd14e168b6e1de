//! Lists of single rows: as lines, as a table, or only the largest ones.

use std::io::Write;

use anyhow::{Result, anyhow};
use eyas::fields::{Field, FieldSource};
use serde_json::{Map, Value as Json};

use super::condition::Condition;
use super::grid::{Cell, Grid, Head, WIDTH};
use super::model::{Column, Hue, View};
use super::table::Table;
use super::template::{PrintSettings, Template, fit, pad};
use super::units;

/// A list of rows.
pub struct List {
    heads: Vec<Head>,
    /// Templates of the columns.
    values: Vec<Template>,
    /// Instead of columns: line templates, of which the first with a true condition is used.
    lines: Vec<(Option<Condition>, Template)>,
    is_line: bool,
    colors: Vec<(Option<Condition>, Hue)>,
    json: bool,
    /// The field that determines which rows are kept, and their maximum number.
    largest: Option<(Field, usize)>,
    /// Rows to print at the end, with their sort values.
    kept: Vec<(f64, Vec<Cell>)>,
    /// Whether rows are kept until the end, so that column widths fit.
    keeps: bool,
    /// The most rows; `None` without a limit, or for the largest rows.
    limit: Option<usize>,
    /// Number of rows that were printed or kept, with a limit.
    count: usize,
    has_begun: bool,
    buffer: Vec<u8>,
}

impl List {
    /// Creates a list for the view's columns or lines. Rows of the state are kept until [`List::finish`].
    pub fn new(view: &View, columns: &[&Column], json: bool, settings: PrintSettings<'_>) -> Result<Self> {
        let is_line = !view.line.is_empty() || !view.lines.is_empty();
        let mut values = Vec::new();
        let mut heads = Vec::new();
        for column in columns {
            let value = Template::parse(&column.value, column.unit, settings.schema)
                .map_err(|error| anyhow!("column `{}`: {error}", column.name))?;
            let field = value.field().map_or_else(|| column.name.clone(), |field| field.text.to_string());
            heads.push(Head { name: column.name.clone(), field, is_key: true, width: column.width });
            values.push(value);
        }
        let line = |when: &str, line: &str| {
            let when = Condition::optional(when, settings.schema)?;
            anyhow::Ok((when, Template::parse(line, Default::default(), settings.schema)?))
        };
        let mut lines = Vec::new();
        for case in &view.lines {
            lines.push(line(&case.when, &case.line)?);
        }
        if !view.line.is_empty() {
            lines.push(line("", &view.line)?);
        }
        let color = |color: &super::model::Color| {
            let when = Condition::optional(&color.when, settings.schema)?;
            Ok((when, color.color))
        };
        let largest = match view.order.is_empty() || view.rows.are_state() {
            true => None,
            false => Some((super::template::resolve(&view.order, settings.schema)?, view.limit.max(1))),
        };
        Ok(Self {
            heads,
            values,
            lines,
            is_line,
            colors: view.colors.iter().map(color).collect::<Result<_>>()?,
            json,
            keeps: view.rows.are_state() || largest.is_some(),
            limit: Some(view.limit).filter(|limit| *limit > 0 && largest.is_none()),
            count: 0,
            largest,
            kept: Vec::new(),
            has_begun: false,
            buffer: Vec::new(),
        })
    }

    /// Adds a row: prints it or keeps it.
    pub fn add(
        &mut self,
        row: &dyn FieldSource,
        out: &mut dyn Write,
        settings: PrintSettings<'_>,
    ) -> Result<()> {
        if self.is_full() {
            return Ok(());
        }
        self.count += usize::from(self.limit.is_some());
        if !self.keeps {
            return self.print(row, out, settings);
        }
        let weight = match &self.largest {
            None => 0.0,
            Some((field, limit)) => {
                let weight = row.get(field).as_ref().and_then(units::number).unwrap_or(0.0);
                let least = self.kept.get(limit - 1).map_or(0.0, |(weight, _)| *weight);
                if weight <= least {
                    return Ok(());
                }
                weight
            }
        };
        let cells = self.cells(row, settings);
        match &self.largest {
            None => self.kept.push((weight, cells)),
            Some((_, limit)) => {
                let at = self.kept.partition_point(|(other, _)| *other >= weight);
                self.kept.insert(at, (weight, cells));
                self.kept.truncate(*limit);
            }
        }
        Ok(())
    }

    fn cells(&mut self, row: &dyn FieldSource, settings: PrintSettings<'_>) -> Vec<Cell> {
        let (is_line, is_json) = (self.is_line, self.json);
        let cell = |value: &Template| {
            let mut text = Vec::new();
            value.write(&mut text, row, settings);
            let json = match is_json {
                true if is_line => object(value, row),
                true => json(value, row, &text),
                false => Json::Null,
            };
            Cell { text, json }
        };
        match is_line {
            true => self.line(row).map(cell).into_iter().collect(),
            false => self.values.iter().map(cell).collect(),
        }
    }

    /// The line of a row.
    fn line(&mut self, row: &dyn FieldSource) -> Option<&Template> {
        let holds = |when: &mut Option<Condition>| when.as_mut().is_none_or(|when| when.matches(row));
        self.lines.iter_mut().find_map(|(when, line)| holds(when).then_some(&*line))
    }

    fn print(
        &mut self,
        row: &dyn FieldSource,
        out: &mut dyn Write,
        settings: PrintSettings<'_>,
    ) -> Result<()> {
        if self.json {
            let cells = self.cells(row, settings);
            return self.print_object(&cells, out);
        }
        self.begin(out)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        if let Some(line) = self.line(row) {
            line.write(&mut buffer, row, settings);
        }
        self.buffer = buffer;
        for (at, value) in self.values.iter().enumerate() {
            let start = self.buffer.len();
            value.write(&mut self.buffer, row, settings);
            end_cell(&mut self.buffer, start, self.heads.get(at), at + 1 == self.heads.len());
        }
        let holds = |when: &mut Option<Condition>| when.as_mut().is_none_or(|when| when.matches(row));
        let color = match settings.is_terminal {
            true => self.colors.iter_mut().find_map(|(when, hue)| holds(when).then_some(*hue)),
            false => None,
        };
        if let Some(hue) = color {
            write!(out, "\x1b[{}m", hue as u8)?;
        }
        out.write_all(&self.buffer)?;
        out.write_all(if color.is_some() { b"\x1b[0m\n" } else { b"\n" })?;
        Ok(())
    }

    /// Prints the headings before the first row.
    pub fn begin(&mut self, out: &mut dyn Write) -> Result<()> {
        if std::mem::replace(&mut self.has_begun, true) || self.is_line || self.json || self.keeps {
            return Ok(());
        }
        let (mut names, mut rules) = (Vec::new(), Vec::new());
        for (at, head) in self.heads.iter().enumerate() {
            for (line, text) in
                [(&mut names, head.name.clone()), (&mut rules, "-".repeat(head.width.max(WIDTH)))]
            {
                let start = line.len();
                line.extend_from_slice(text.as_bytes());
                end_cell(line, start, Some(head), at + 1 == self.heads.len());
            }
        }
        out.write_all(&[names, b"\n".to_vec(), rules, b"\n".to_vec()].concat())?;
        Ok(())
    }

    /// The kept rows, if rows are kept.
    pub fn table(&self) -> Option<Table> {
        let rows = || self.kept.iter().map(|(_, row)| row.clone()).collect();
        (self.keeps && !self.is_line).then(|| Table { heads: self.heads.clone(), rows: rows() })
    }

    /// Whether there are as many rows as the view may have.
    pub fn is_full(&self) -> bool {
        self.limit == Some(self.count)
    }

    /// Clears the kept rows.
    pub fn clear(&mut self) {
        self.count = 0;
        self.kept.clear();
    }

    /// Prints and clears the kept rows.
    pub fn finish(&mut self, out: &mut dyn Write, width: Option<usize>) -> Result<()> {
        self.begin(out)?;
        if !self.keeps {
            return Ok(());
        }
        let rows: Vec<Vec<Cell>> = std::mem::take(&mut self.kept).into_iter().map(|(_, row)| row).collect();
        if self.json {
            return rows.iter().try_for_each(|row| self.print_object(row, out));
        }
        if self.is_line {
            for cell in rows.iter().flatten() {
                out.write_all(&cell.text)?;
                out.write_all(b"\n")?;
            }
            return Ok(());
        }
        Grid { heads: &self.heads, rows: &rows, has_rule: false }.print(out, width)
    }

    fn print_object(&self, row: &[Cell], out: &mut dyn Write) -> Result<()> {
        let object = match self.is_line {
            true => row.first().map(|cell| cell.json.clone()).unwrap_or_default(),
            false => {
                let member = |(head, cell): (&Head, &Cell)| (head.field.clone(), cell.json.clone());
                Json::Object(self.heads.iter().zip(row).map(member).collect())
            }
        };
        units::print_json(out, &object)?;
        Ok(())
    }
}

/// The JSON value: a number or boolean as such, everything else as text.
fn json(value: &Template, row: &dyn FieldSource, text: &[u8]) -> Json {
    let number = value.field().and_then(|field| row.get(field));
    match number {
        Some(eyas::fields::Value::Bool(truth)) => truth.into(),
        Some(value) if units::number(&value).is_some() => units::json(&value),
        None if value.field().is_some() => Json::Null,
        _ => String::from_utf8_lossy(text).into(),
    }
}

/// The fields of a line as a JSON object.
fn object(line: &Template, row: &dyn FieldSource) -> Json {
    let member = |field: &Field| {
        let value = row.get(field);
        let json = match value {
            None => Json::Null,
            Some(value) => units::json(&value),
        };
        (field.text.to_string(), json)
    };
    Json::Object(line.fields().map(member).collect::<Map<_, _>>())
}

/// Ends a cell that begins at `start`: cuts or pads it to the width that the view sets, and separates it from the next.
fn end_cell(line: &mut Vec<u8>, start: usize, head: Option<&Head>, is_last: bool) {
    match head.map_or(0, |head| head.width) {
        0 if is_last => return,
        0 => pad(line, start, WIDTH),
        width => fit(line, start, width),
    }
    line.push(b' ');
}
