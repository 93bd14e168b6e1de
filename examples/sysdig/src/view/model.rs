//! What a view is: data, of the program's own views and of those in YAML files.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A view of events, or of what is known of the system.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Name on the command line.
    pub name: String,
    /// Heading in the list of views.
    #[serde(default = "custom")]
    pub category: String,
    /// A line in the list of views.
    pub summary: String,
    /// More about it.
    #[serde(default)]
    pub about: String,
    /// What may follow the name.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// What is a row.
    #[serde(default)]
    pub rows: Rows,
    /// Which rows count.
    #[serde(default)]
    pub filter: String,
    /// If rows satisfy this condition, the others do not count.
    #[serde(default)]
    pub prefer: String,
    /// Columns of a table. If one has an aggregate, those without one group the rows.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Instead of columns: a template of what is printed for each row.
    #[serde(default)]
    pub line: String,
    /// Instead of columns: templates, of which the first one is printed whose condition holds.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Column that rows are ordered by, the largest first: that of the first aggregate unless it is named.
    #[serde(default)]
    pub order: String,
    /// The most rows; 0 for all.
    #[serde(default)]
    pub limit: usize,
    /// A line of aggregates is printed after so many milliseconds.
    #[serde(default)]
    pub interval: u64,
    /// Groups are printed as `KEY VALUE`, without a heading.
    #[serde(default)]
    pub folded: bool,
    /// Bytes of each buffer that a live capture needs for this.
    #[serde(default)]
    pub snaplen: u32,
    /// Whether a live capture needs context switches for this.
    #[serde(default)]
    pub scheduling: bool,
    /// Whether I/O buffers have their line breaks.
    #[serde(default)]
    pub text: bool,
    /// Colours of rows on a terminal: the first one whose condition holds.
    #[serde(default)]
    pub colors: Vec<Color>,
    /// A chart instead of columns.
    #[serde(default)]
    pub chart: Option<Chart>,
    /// Views that show more of a row.
    #[serde(default)]
    pub drill: Vec<Drill>,
}

impl View {
    /// What has fields in it: the filter, columns, lines and their conditions.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.columns.iter().flat_map(|column| [&column.value, &column.when]);
        let lines = self.lines.iter().flat_map(|line| [&line.line, &line.when]);
        [&self.filter, &self.prefer, &self.line].into_iter().chain(columns).chain(lines).cloned()
    }
}

fn custom() -> String {
    "Custom".into()
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rows {
    /// An event.
    #[default]
    Events,
    /// A line of text in the buffer of an event: the field `line.text`.
    Lines,
    /// An HTTP request with its response: the fields `http.*`.
    Http,
    /// A message for syslog: the fields `syslog.*`.
    Syslog,
    /// A thread that is known.
    Threads,
    /// An open file that is known.
    Files,
    /// A container that is known.
    Containers,
}

impl Rows {
    /// Whether rows are of the state at one moment.
    pub fn are_state(self) -> bool {
        matches!(self, Self::Threads | Self::Files | Self::Containers)
    }
}

/// What may follow the name of a view: `$name` stands for it in the view's texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is.
    pub about: String,
    /// What it has to be.
    #[serde(default)]
    pub kind: Kind,
    /// What stands for it if it is not given; without this it must be given.
    #[serde(default)]
    pub default: Option<String>,
    /// What stands for it if it is given: the value is put in place of `$`.
    #[serde(default)]
    pub form: String,
    /// The values that it may have, and what stands for each.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// What a number is multiplied by.
    #[serde(default)]
    pub factor: Option<f64>,
}

impl Parameter {
    /// Whether it may be left out.
    pub fn is_optional(&self) -> bool {
        self.default.is_some() || self.kind == Kind::Colors
    }
}

/// What a parameter has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any text; conditions have it in quotes.
    #[default]
    Text,
    /// A number.
    Number,
    /// The name of a field.
    Field,
    /// A condition, and so the rest of the arguments.
    Condition,
    /// `disable_colors`, for those who are used to it.
    Colors,
    /// A capture that the events around each row are written to.
    File,
    /// How far around, in milliseconds before and after.
    Range,
}

/// A column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// A field, or a template with fields in braces.
    #[serde(default)]
    pub value: String,
    /// What becomes of the values of a group.
    #[serde(default)]
    pub aggregate: Option<Aggregate>,
    /// Which rows of a group count for the aggregate.
    #[serde(default)]
    pub when: String,
    /// How numbers are written.
    #[serde(default)]
    pub unit: Unit,
    /// Width of a column of a list that is printed row by row.
    #[serde(default)]
    pub width: usize,
    /// Whether it is shown with `-pc` alone.
    #[serde(default)]
    pub container: bool,
}

/// What becomes of the values of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    Sum,
    Count,
    Mean,
    Max,
    Min,
    Distinct,
}

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// As the field is printed everywhere.
    #[default]
    Text,
    /// `1.21M`.
    Bytes,
    /// Of KiB: `1.21M`.
    Kib,
    /// Of ns: `12ms`.
    Time,
    /// Of ns: milliseconds with all digits.
    Ms,
    /// Of ns: seconds with all digits.
    Seconds,
    /// Of ns: percentage of the time that passed.
    Share,
    /// Of a text: line breaks are kept.
    Raw,
    /// Of `evt.io_dir`: `R` or `W`.
    Letter,
    /// Of `evt.io_dir`: `Read` or `Write`.
    Verb,
    /// Of `evt.io_dir`: `from` or `to`.
    Way,
    /// Of a list: its items from the last to the first, with semicolons between them.
    Stack,
    /// Of a number n: blanks, three for each above 1.
    Indent,
}

/// What is printed for a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Condition; an empty one always holds.
    #[serde(default)]
    pub when: String,
    /// A template.
    pub line: String,
}

/// A colour of rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Color {
    /// Condition; an empty one always holds.
    #[serde(default)]
    pub when: String,
    /// The colour.
    pub color: Hue,
}

/// A colour of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hue {
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
}

/// A heat map over time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// What the columns are.
    pub scale: Scale,
    /// Time of a line in milliseconds: a number, or a parameter.
    pub refresh: String,
}

/// Columns of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Latency, from 1 ns to 100 s.
    Latency,
    /// When in the time of a line the event happened.
    Offset,
}

/// A view that shows more of a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Name of the view.
    pub view: String,
    /// A condition, with the row's fields in braces.
    pub filter: String,
}
