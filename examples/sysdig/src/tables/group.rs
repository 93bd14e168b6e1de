//! Columns whose values come together: those of a process, or of a file. Each row of the table refers to a row of
//! the group. The values of the columns are filled in when the rows are written.

/// A buffered value of a column: a number, or the code of a number, a text or a list.
pub type Cell = Option<i64>;

/// A column's place in a group.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Number of the group.
    pub group: usize,
    /// Position in the group.
    pub at: usize,
}

/// The values of some columns.
#[derive(Default)]
pub struct Group {
    /// Number of columns.
    width: usize,
    /// The cells of the group's rows, one row after the other.
    cells: Vec<Cell>,
    count: u32,
    /// For each row of the table, the row of the group.
    rows: Vec<u32>,
}

impl Group {
    /// The groups of columns with these places, whose positions are set.
    pub fn all<'a>(places: impl Iterator<Item = &'a mut Place>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for place in places {
            if groups.len() <= place.group {
                groups.resize_with(place.group + 1, Self::default);
            }
            place.at = groups[place.group].width;
            groups[place.group].width += 1;
        }
        groups
    }

    /// Adds a row of the group.
    pub fn add(&mut self, cells: impl Iterator<Item = Cell>) -> u32 {
        self.cells.extend(cells);
        self.count += 1;
        self.count - 1
    }

    /// Appends a row of the table.
    #[inline]
    pub fn push(&mut self, row: u32) {
        self.rows.push(row);
    }

    /// The cells of a column, for the rows of the group, and the row of the group for each row of the table.
    pub fn column(&self, at: usize) -> (Vec<Cell>, &[u32]) {
        (self.cells.iter().skip(at).step_by(self.width).copied().collect(), &self.rows)
    }

    /// Memory of the cells, bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Cell>() * self.cells.len()
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.rows.clear();
        self.count = 0;
    }
}
