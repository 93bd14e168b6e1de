//! Contents of a view, for callers that draw it themselves.

use super::grid::{Cell, Head};

/// Rows with their headings.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub heads: Vec<Head>,
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Lines of text: one column without a heading.
    pub fn of_lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let head = Head { name: String::new(), field: String::new(), is_key: false, width: 0 };
        let row = |line: &[u8]| vec![Cell { text: line.to_vec(), json: serde_json::Value::Null }];
        Self { heads: vec![head], rows: lines.map(row).collect() }
    }

    /// Sorts the rows by a column: compares numbers if both values are numbers, otherwise texts.
    pub fn sort(&mut self, column: usize, is_ascending: bool) {
        let number =
            |cell: &Cell| cell.json.as_f64().or_else(|| std::str::from_utf8(&cell.text).ok()?.parse().ok());
        self.rows.sort_by(|a, b| {
            let order = match (a.get(column), b.get(column)) {
                (Some(a), Some(b)) => match (number(a), number(b)) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    (a_number, b_number) => {
                        a_number.is_none().cmp(&b_number.is_none()).then_with(|| a.text.cmp(&b.text))
                    }
                },
                _ => std::cmp::Ordering::Equal,
            };
            if is_ascending { order } else { order.reverse() }
        });
    }
}
