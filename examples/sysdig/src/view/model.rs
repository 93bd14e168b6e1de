//! Data model of views, both built-in ones and those in YAML files.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A view of events, or of the state of the system.
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
    /// Parameters after the name.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Kind of the rows.
    #[serde(default)]
    pub rows: Rows,
    /// Filter of the rows.
    #[serde(default)]
    pub filter: String,
    /// If any row satisfies this condition, only such rows are used.
    #[serde(default)]
    pub prefer: String,
    /// Columns of a table. If a column has an aggregate, the columns without one are the grouping keys.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Instead of columns: a template for each row.
    #[serde(default)]
    pub line: String,
    /// Instead of columns: templates, of which the first one with a true condition is printed.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Sort column, the largest value first. Default: the first aggregate.
    #[serde(default)]
    pub order: String,
    /// Maximum number of rows; 0 for all.
    #[serde(default)]
    pub limit: usize,
    /// Interval of printing a line of aggregates, milliseconds.
    #[serde(default)]
    pub interval: u64,
    /// Whether groups are printed as `KEY VALUE`, without a heading.
    #[serde(default)]
    pub folded: bool,
    /// Number of bytes per buffer that a live capture needs for this view.
    #[serde(default)]
    pub snaplen: u32,
    /// Whether a live capture needs context switches for this view.
    #[serde(default)]
    pub scheduling: bool,
    /// Whether line breaks in I/O buffers are kept.
    #[serde(default)]
    pub text: bool,
    /// Colours of rows on a terminal; the first one with a true condition is used.
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
    /// All texts with fields: the filter, columns, lines and their conditions.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.columns.iter().flat_map(|column| [&column.value, &column.when]);
        let lines = self.lines.iter().flat_map(|line| [&line.line, &line.when]);
        [&self.filter, &self.prefer, &self.line].into_iter().chain(columns).chain(lines).cloned()
    }
}

fn custom() -> String {
    "Custom".into()
}

/// Kind of the rows.
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
    /// A syslog message: the fields `syslog.*`.
    Syslog,
    /// A known thread.
    Threads,
    /// A known open file.
    Files,
    /// A known container.
    Containers,
}

impl Rows {
    /// Whether rows come from the state at one moment.
    pub fn are_state(self) -> bool {
        matches!(self, Self::Threads | Self::Files | Self::Containers)
    }
}

/// A parameter of a view. `$name` in the view's texts is replaced by its value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Description.
    pub about: String,
    /// Kind of the value.
    #[serde(default)]
    pub kind: Kind,
    /// Default value; without one, the parameter is mandatory.
    #[serde(default)]
    pub default: Option<String>,
    /// Replacement text if it is given, in which `$` is replaced by the value.
    #[serde(default)]
    pub form: String,
    /// Allowed values, and the replacement of each.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// Factor for a number.
    #[serde(default)]
    pub factor: Option<f64>,
}

impl Parameter {
    /// Whether the parameter is optional.
    pub fn is_optional(&self) -> bool {
        self.default.is_some() || self.kind == Kind::Colors
    }
}

/// Kind of a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any text, which is quoted in conditions.
    #[default]
    Text,
    /// A number.
    Number,
    /// The name of a field.
    Field,
    /// A condition, which takes the rest of the arguments.
    Condition,
    /// `disable_colors`, for compatibility.
    Colors,
    /// Capture file for the events around each row.
    File,
    /// Time before and after each row, in milliseconds.
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
    /// Aggregate of the values of a group.
    #[serde(default)]
    pub aggregate: Option<Aggregate>,
    /// Condition for the rows of a group that the aggregate uses.
    #[serde(default)]
    pub when: String,
    /// Unit of numbers.
    #[serde(default)]
    pub unit: Unit,
    /// Width of the column in a list that is printed row by row.
    #[serde(default)]
    pub width: usize,
    /// Whether it is shown only with `-pc`.
    #[serde(default)]
    pub container: bool,
}

/// Aggregate of the values of a group.
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

/// Formats of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// The usual format of the field.
    #[default]
    Text,
    /// `1.21M`.
    Bytes,
    /// For KiB: `1.21M`.
    Kib,
    /// For ns: `12ms`.
    Time,
    /// For ns: milliseconds with all digits.
    Ms,
    /// For ns: seconds with all digits.
    Seconds,
    /// For ns: percentage of the elapsed time.
    Share,
    /// For a text: keeps line breaks.
    Raw,
    /// For `evt.io_dir`: `R` or `W`.
    Letter,
    /// For `evt.io_dir`: `Read` or `Write`.
    Verb,
    /// For `evt.io_dir`: `from` or `to`.
    Way,
    /// For a list: its items in reverse order, separated by semicolons.
    Stack,
    /// For a number n: 3 × (n − 1) spaces.
    Indent,
}

/// A line template for a row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Condition; an empty one is always true.
    #[serde(default)]
    pub when: String,
    /// A template.
    pub line: String,
}

/// A colour of rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Color {
    /// Condition; an empty one is always true.
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
    /// Scale of the columns.
    pub scale: Scale,
    /// Duration of a line in milliseconds: a number, or a parameter.
    pub refresh: String,
}

/// Columns of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Latency, from 1 ns to 100 s.
    Latency,
    /// Time of the event within the line.
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
