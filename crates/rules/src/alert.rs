//! Alerts for matches, in Falco's formats.

use eyas_fields::{FieldSource, Format as Number, Schema, write_uint};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::json::escape_written;
use crate::output::Written;
use crate::rule::Rule;

mod time;

pub use time::Zone;

/// Options of alerts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AlertOptions {
    /// Value of `hostname` in the JSON.
    pub hostname: String,
    /// Whether times are in UTC and ISO 8601, instead of the local time of day.
    pub time_iso_8601: bool,
    /// Whether the JSON contains `output`: the text with time and priority.
    pub json_output: bool,
    /// Whether the JSON contains `message`: only the text.
    pub json_message: bool,
    /// Whether the JSON contains `output_fields`.
    pub json_fields: bool,
    /// Whether the JSON contains `tags`.
    pub json_tags: bool,
    /// Time zone of local times.
    pub zone: Zone,
}

/// Each function replaces the option of its name.
impl AlertOptions {
    /// See [`AlertOptions::hostname`].
    #[must_use]
    pub fn with_hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = hostname.into();
        self
    }

    /// See [`AlertOptions::time_iso_8601`].
    #[must_use]
    pub fn with_time_iso_8601(mut self, is_iso: bool) -> Self {
        self.time_iso_8601 = is_iso;
        self
    }

    /// See [`AlertOptions::json_output`].
    #[must_use]
    pub fn with_json_output(mut self, has_output: bool) -> Self {
        self.json_output = has_output;
        self
    }

    /// See [`AlertOptions::json_message`].
    #[must_use]
    pub fn with_json_message(mut self, has_message: bool) -> Self {
        self.json_message = has_message;
        self
    }

    /// See [`AlertOptions::json_fields`].
    #[must_use]
    pub fn with_json_fields(mut self, has_fields: bool) -> Self {
        self.json_fields = has_fields;
        self
    }

    /// See [`AlertOptions::json_tags`].
    #[must_use]
    pub fn with_json_tags(mut self, has_tags: bool) -> Self {
        self.json_tags = has_tags;
        self
    }

    /// See [`AlertOptions::zone`].
    #[must_use]
    pub fn with_zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            time_iso_8601: false,
            json_output: true,
            json_message: false,
            json_fields: true,
            json_tags: true,
            zone: TimeZone::system().into(),
        }
    }
}

/// A match, ready to be written as an alert.
pub struct Alert<'a> {
    rule: &'a Rule,
    schema: &'a dyn Schema,
    event: &'a dyn FieldSource,
    options: &'a AlertOptions,
    ts: u64,
}

impl std::fmt::Debug for Alert<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alert").field("rule", &self.rule.name).field("ts", &self.ts).finish_non_exhaustive()
    }
}

impl<'a> Alert<'a> {
    pub(crate) fn new(
        rule: &'a Rule,
        schema: &'a dyn Schema,
        event: &'a dyn FieldSource,
        options: &'a AlertOptions,
    ) -> Self {
        let ts = event.timestamp().unwrap_or_else(|| {
            let now = Timestamp::now().as_nanosecond();
            u64::try_from(now).unwrap_or(0)
        });
        Self { rule, schema, event, options, ts }
    }

    /// Time of the event, ns since the epoch; the present time if the event has none.
    pub fn timestamp(&self) -> u64 {
        self.ts
    }

    /// The alert as one line of text, without a line feed.
    pub fn to_text(&self) -> String {
        let mut out = Vec::new();
        self.write_text(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The alert as one line of JSON, without a line feed.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends only the rule's output, without time and priority, escaped for a JSON string.
    pub fn write_message(&self, out: &mut Vec<u8>) {
        let format = &self.rule.format;
        format.write_escaped(out, &mut format.text_values(self.event, self.schema), self.event, self.schema);
    }

    /// Appends what [`Alert::to_text`] returns.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        self.line(out, &mut self.rule.format.text_values(self.event, self.schema));
    }

    /// Appends time, priority and the rule's output, escaped for a JSON string.
    fn line(&self, out: &mut Vec<u8>, values: &mut Written<'_>) {
        if self.options.time_iso_8601 {
            time::write_utc(out, self.ts);
            out.extend_from_slice(b"+0000: ");
        } else {
            time::write_local(out, self.ts, &self.options.zone);
            out.extend_from_slice(b": ");
        }
        out.extend_from_slice(self.rule.priority.name().as_bytes());
        out.push(b' ');
        self.rule.format.write_escaped(out, values, self.event, self.schema);
    }

    /// Appends what [`Alert::to_json`] returns.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let options = self.options;
        let format = &self.rule.format;
        let mut values = match options.json_fields {
            true => format.values(self.event, self.schema),
            false => format.text_values(self.event, self.schema),
        };
        out.extend_from_slice(b"{\"hostname\":\"");
        escape_written(out, &options.hostname);
        if options.json_message {
            out.extend_from_slice(b"\",\"message\":\"");
            format.write_escaped(out, &mut values, self.event, self.schema);
        }
        if options.json_output {
            out.extend_from_slice(b"\",\"output\":\"");
            self.line(out, &mut values);
        }
        out.push(b'"');
        if options.json_fields {
            out.extend_from_slice(b",\"output_fields\":{");
            let key = if options.time_iso_8601 { "evt.time.iso8601" } else { "evt.time" };
            format.write_fields(out, &values, self.event, self.schema, key, &|out| {
                write_uint(out, self.ts, Number::Dec);
            });
            out.push(b'}');
        }
        let json = self.rule.json();
        out.extend_from_slice(&json.rule);
        if options.json_tags {
            out.extend_from_slice(&json.tags);
        }
        out.extend_from_slice(b",\"time\":\"");
        time::write_utc(out, self.ts);
        out.extend_from_slice(b"Z\"}");
    }
}
