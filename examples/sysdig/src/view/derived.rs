//! Rows derived from events: HTTP requests, syslog messages, lines of text.

use super::model::Rows;
use crate::schema::schema;
use eyas::fields::{
    CodeSet, Field, FieldDef, FieldId, FieldSource, FieldType, Format, ResolveError, Schema, SchemaId, Value,
};

/// First id of fields that events do not have.
const FIRST: u16 = 60_000;

/// The fields of events, with the additional fields of a kind of row.
pub struct RowSchema(&'static [FieldDef]);

const fn field(name: &'static str, ty: FieldType, doc: &'static str) -> FieldDef {
    FieldDef::new(name, ty, doc).with_format(Format::Dec)
}

const NUMBER: FieldType = FieldType::Uint { bits: 64 };

static HTTP: [FieldDef; 6] = [
    field("http.dir", FieldType::Str, "< for a request that the process received, > for one that it sent."),
    field("http.method", FieldType::Str, "Method of the request."),
    field("http.url", FieldType::Str, "Host and path of the request."),
    field("http.code", NUMBER, "Status of the response."),
    field("http.latency", FieldType::RelTime, "From the request to the response, ns."),
    field("http.size", NUMBER, "Content-Length of the response; 0 without one."),
];

static SYSLOG: [FieldDef; 4] = [
    field("syslog.facility.str", FieldType::Str, "Name of the facility."),
    field("syslog.severity", NUMBER, "Severity, 0 to 7."),
    field("syslog.severity.str", FieldType::Str, "Name of the severity."),
    field("syslog.message", FieldType::Str, "The message without its priority."),
];

static LINE: [FieldDef; 1] = [field("line.text", FieldType::Str, "A line of the buffer.")];

impl RowSchema {
    /// The schema of a kind of row.
    pub fn of(rows: Rows) -> &'static Self {
        static SCHEMAS: [RowSchema; 4] =
            [RowSchema(&[]), RowSchema(&HTTP), RowSchema(&SYSLOG), RowSchema(&LINE)];
        match rows {
            Rows::Http => &SCHEMAS[1],
            Rows::Syslog => &SCHEMAS[2],
            Rows::Lines => &SCHEMAS[3],
            Rows::Events | Rows::Threads | Rows::Files | Rows::Containers => &SCHEMAS[0],
        }
    }
}

impl Schema for RowSchema {
    fn source(&self) -> &str {
        schema().source()
    }

    /// The same id as for events, because a row is an event with more fields.
    fn id(&self) -> SchemaId {
        schema().id()
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let Some(at) = self.0.iter().position(|def| def.name == name) else {
            return schema().resolve(name, arg);
        };
        if arg.is_some() {
            return Err(ResolveError::UnexpectedArg);
        }
        let id = FieldId(FIRST + at as u16);
        Ok(Field::new(id, &self.0[at], name))
    }

    fn fields(&self) -> &[FieldDef] {
        schema().fields()
    }

    fn def(&self, id: FieldId) -> &FieldDef {
        let own = id.0.checked_sub(FIRST).and_then(|at| self.0.get(usize::from(at)));
        own.unwrap_or_else(|| schema().def(id))
    }

    fn constant(&self, name: &str) -> Option<&str> {
        schema().constant(name)
    }

    fn codes(&self) -> usize {
        schema().codes()
    }

    fn is_type_field(&self, field: &Field) -> bool {
        field.id.0 < FIRST && schema().is_type_field(field)
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        schema().codes_of(name)
    }

    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        schema().fixed_type(field, code)
    }

    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        schema().older_type(field, code)
    }

    fn code_name(&self, code: u16) -> Option<&str> {
        schema().code_name(code)
    }

    fn always(&self) -> CodeSet {
        schema().always()
    }

    fn words(&self, field: &Field) -> Option<&[&str]> {
        if field.id.0 < FIRST { schema().words(field) } else { None }
    }

    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        if field.id.0 < FIRST { schema().check_value(field, value) } else { Ok(()) }
    }
}

/// An event with the values of the additional fields of its kind of row.
pub struct Derived<'a> {
    pub event: &'a dyn FieldSource,
    pub values: &'a [Value<'a>],
}

impl FieldSource for Derived<'_> {
    fn get(&self, field: &Field) -> Option<Value<'_>> {
        match field.id.0.checked_sub(FIRST) {
            Some(at) => self.values.get(usize::from(at)).copied(),
            None => self.event.get(field),
        }
    }

    fn schema_id(&self) -> SchemaId {
        self.event.schema_id()
    }

    fn code(&self) -> u16 {
        self.event.code()
    }

    fn timestamp(&self) -> Option<u64> {
        self.event.timestamp()
    }
}

/// Parses a syslog message in a buffer: facility, severity, and the rest.
pub fn syslog(buffer: &[u8]) -> Option<(usize, usize, &[u8])> {
    let rest = buffer.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let priority: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let message = rest[end + 1..].split(|byte| *byte == 0).next().unwrap_or_default();
    Some((priority >> 3, priority & 7, message))
}

/// Names of facilities and severities, by their numbers.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
pub const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_begins_with_its_priority() {
        assert_eq!(syslog(b"<86>sudo: x\0"), Some((10, 6, &b"sudo: x"[..])));
        assert_eq!(syslog(b"<6>"), Some((0, 6, &b""[..])));
        assert_eq!(syslog(b"no"), None);
        assert_eq!(syslog(b"<99999>x"), None);
    }
}
