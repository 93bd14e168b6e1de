//! Tables as text and as JSON.

use std::io::Write;

use anyhow::Result;
use serde_json::{Value as Json, json};

use super::template::fit;
use super::units;

/// A value of a table, as text and as JSON.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub text: Vec<u8>,
    pub json: Json,
}

/// Width of a column for which the view sets none.
pub const WIDTH: usize = 20;

/// A column's heading.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name for display.
    pub name: String,
    /// The field, or otherwise the heading.
    pub field: String,
    pub is_key: bool,
    /// Minimum width, including the gap to the next column.
    pub width: usize,
}

/// A table.
pub struct Grid<'a> {
    pub heads: &'a [Head],
    pub rows: &'a [Vec<Cell>],
    /// Whether a line is drawn below the headings.
    pub has_rule: bool,
}

/// Length of the line below the headings.
const RULE: usize = 80;

impl Grid<'_> {
    /// Prints the table as text. Cuts lines to `width`, if it is given.
    pub fn print(&self, out: &mut dyn Write, width: Option<usize>) -> Result<()> {
        let widths: Vec<usize> = (0..self.heads.len()).map(|at| self.width(at)).collect();
        let last = self.heads.len().saturating_sub(1);
        let line = |texts: &mut dyn Iterator<Item = &[u8]>| {
            let mut line = Vec::new();
            for (at, text) in texts.enumerate() {
                let start = line.len();
                line.extend_from_slice(text);
                if at < last {
                    fit(&mut line, start, widths[at]);
                }
            }
            if let Some(width) = width {
                cut(&mut line, width);
            }
            line.push(b'\n');
            line
        };
        out.write_all(&line(&mut self.heads.iter().map(|head| head.name.as_bytes())))?;
        if self.has_rule {
            writeln!(out, "{}", "-".repeat(width.unwrap_or(RULE).min(RULE)))?;
        }
        for row in self.rows {
            out.write_all(&line(&mut row.iter().map(|cell| &*cell.text)))?;
        }
        Ok(())
    }

    fn width(&self, at: usize) -> usize {
        let length = |text: &[u8]| String::from_utf8_lossy(text).chars().count() + 1;
        let longest = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| length(&cell.text)).max();
        let head = &self.heads[at];
        head.width.max(length(head.name.as_bytes())).max(longest.unwrap_or(0))
    }

    /// Prints the table as one JSON object. In each row, keys precede values.
    pub fn print_json(&self, out: &mut dyn Write, ts: u64) -> Result<()> {
        let mut order: Vec<usize> = (0..self.heads.len()).collect();
        order.sort_by_key(|at| !self.heads[*at].is_key);
        let info: Vec<Json> = order
            .iter()
            .map(|at| &self.heads[*at])
            .map(|head| json!({"name": head.field, "desc": head.name, "is_key": head.is_key}))
            .collect();
        let row = |row: &Vec<Cell>| Json::Array(order.iter().map(|at| row[*at].json.clone()).collect());
        let data: Vec<Json> = self.rows.iter().map(row).collect();
        units::print_json(out, &json!({"ts": ts.to_string(), "data": data, "info": info}))?;
        Ok(())
    }
}

/// Cuts a line to this number of characters.
fn cut(line: &mut Vec<u8>, width: usize) {
    let text = String::from_utf8_lossy(line);
    if let Some((at, _)) = text.char_indices().nth(width) {
        *line = text[..at].as_bytes().to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_the_terminal() {
        let head = |name: &str, is_key| Head { name: name.into(), field: name.into(), is_key, width: 8 };
        let cell = |text: &str| Cell { text: text.as_bytes().to_vec(), json: text.into() };
        let heads = [head("N", false), head("Name", true)];
        let rows = [vec![cell("1"), cell("a-long-name")], vec![cell("123456789"), cell("é")]];
        let grid = Grid { heads: &heads, rows: &rows, has_rule: true };
        let mut out = Vec::new();
        grid.print(&mut out, Some(16)).unwrap();
        let want = "N         Name\n----------------\n1         a-long\n123456789 é\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
        let mut out = Vec::new();
        grid.print_json(&mut out, 5).unwrap();
        let json: Json = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["data"][0], json!(["a-long-name", "1"]));
        assert_eq!(json["info"][1], json!({"name": "N", "desc": "N", "is_key": false}));
    }
}
