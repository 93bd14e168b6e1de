//! Tests lines of JSON with rules, without system calls.
//!
//! ```text
//! echo '{"request": {"path": "/login"}, "status": 403, "client": "203.0.113.7", "labels": {"user": "root"}}' |
//!     cargo run -p eyas-rules --example embed_rules
//! cargo run -p eyas-rules --example embed_rules -- RULES.yaml LOG.jsonl
//! ```

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::sync::Arc;

use eyas_fields::{
    Arg, ArgKind, Field, FieldDef, FieldFlags, FieldId, FieldSource, FieldType, Format, ResolveError, Schema,
    SchemaId, Value,
};
use eyas_rules::{AlertOptions, Matching, RuleSet, RuleSource};
use serde_json::Value as Json;

/// Default rules, if no file is given.
const RULES: &str = "
- list: trusted
  items: [10.0.0.0/8, 127.0.0.0/8]
- macro: failed
  condition: (http.status >= 400)
- rule: Login from outside fails
  desc: Somebody guesses passwords.
  condition: failed and http.path pmatch (/login) and not client.net in (trusted)
  output: login failed | client=%client.ip user=%log.label[user] status=%http.status
  priority: WARNING
  source: http
- rule: Server error
  desc: Something is broken.
  condition: http.status >= 500 or log.tags intersects (panic, oom)
  output: server error | path=%http.path status=%http.status tags=%log.tags
  priority: ERROR
  source: http
";

/// A field, and its path in a line.
struct Row {
    def: FieldDef,
    pointer: &'static str,
}

const fn row(
    name: &'static str,
    ty: FieldType,
    arg: ArgKind,
    flags: FieldFlags,
    pointer: &'static str,
) -> Row {
    let def = FieldDef::new(name, ty, "").with_arg(arg).with_flags(flags).with_format(Format::Dec);
    Row { def, pointer }
}

const NONE: FieldFlags = FieldFlags::NONE;
const ROWS: [Row; 6] = [
    row("http.path", FieldType::Str, ArgKind::None, NONE, "/request/path"),
    row("http.status", FieldType::Uint { bits: 16 }, ArgKind::None, NONE, "/status"),
    row("client.ip", FieldType::Ip, ArgKind::None, NONE, "/client"),
    row("client.net", FieldType::Net, ArgKind::None, NONE, "/client"),
    row("log.label", FieldType::Str, ArgKind::Key, NONE, "/labels"),
    row("log.tags", FieldType::Str, ArgKind::None, FieldFlags::LIST, "/tags"),
];

/// The fields of a line.
struct Lines(Vec<FieldDef>);

impl Schema for Lines {
    fn source(&self) -> &str {
        "http"
    }

    fn fields(&self) -> &[FieldDef] {
        &self.0
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let id = self.0.iter().position(|def| def.name == name).ok_or(ResolveError::Unknown)?;
        let def = &self.0[id];
        match (def.arg, arg) {
            (ArgKind::Key, None) => return Err(ResolveError::MissingArg),
            (ArgKind::None, Some(_)) => return Err(ResolveError::UnexpectedArg),
            _ => {}
        }
        let text = arg.map_or(name.to_owned(), |arg| format!("{name}[{arg}]"));
        let arg = arg.map(|key| Arg::Key(key.into()));
        Ok(Field::new(FieldId(id as u16), def, text).with_arg(arg))
    }
}

/// A line. The values of its list are stored in advance, because fields borrow them.
struct Line<'a> {
    schema: SchemaId,
    json: &'a Json,
    tags: Vec<Value<'a>>,
}

impl<'a> Line<'a> {
    fn new(schema: SchemaId, json: &'a Json) -> Self {
        let tags = json.get("tags").and_then(Json::as_array).into_iter().flatten();
        Self { schema, json, tags: tags.filter_map(|tag| tag.as_str().map(Value::from)).collect() }
    }
}

impl FieldSource for Line<'_> {
    fn schema_id(&self) -> SchemaId {
        self.schema
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        let row = &ROWS[usize::from(field.id.0)];
        let mut found = self.json.pointer(row.pointer)?;
        if let Some(Arg::Key(key)) = &field.arg {
            found = found.get(&**key)?;
        }
        match row.def.ty {
            _ if field.is_list => Some(Value::List(&self.tags)),
            FieldType::Uint { .. } => found.as_u64().map(Value::Uint),
            FieldType::Ip | FieldType::Net => found.as_str()?.parse::<IpAddr>().ok().map(Value::Ip),
            _ => found.as_str().map(Value::from),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let source = match args.next() {
        Some(path) => RuleSource::read(path)?,
        None => RuleSource::new("built in", RULES),
    };
    let log: Box<dyn BufRead> = match args.next() {
        Some(path) => Box::new(BufReader::new(std::fs::File::open(path)?)),
        None => Box::new(std::io::stdin().lock()),
    };
    let schema = Arc::new(Lines(ROWS.iter().map(|row| row.def).collect()));
    let schema_id = schema.id();
    let engine = RuleSet::new(schema, [source])?.matching(Matching::All).compile()?;
    let mut evaluator = engine.evaluator();
    let options = AlertOptions::default().with_json_output(false).with_json_message(true);
    let (mut found, mut out) = (Vec::new(), Vec::new());
    for line in log.lines() {
        let json: Json = serde_json::from_str(&line?)?;
        let line = Line::new(schema_id, &json);
        evaluator.matches(&line, &mut found)?;
        for hit in found.drain(..) {
            engine.alert(hit, &line, &options).write_json(&mut out);
            out.push(b'\n');
        }
    }
    std::io::stdout().write_all(&out)?;
    Ok(())
}
