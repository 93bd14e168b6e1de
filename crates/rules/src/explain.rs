//! Why a rule matches an event, or why not.

use std::fmt;

use eyas_fields::{FieldSource, Schema, write_value};

use crate::condition::ast::{Expr, Operand, Rhs, Test};
use crate::condition::{Source, codes, compile, visit};
use crate::mismatch::SchemaMismatch;
use crate::rule::{Origin, Rule};
use crate::ruleset::Sources;

/// Maximum length of a shown value or condition, bytes.
const SHOWN: usize = 240;
/// Maximum number of shown values of a conjunct.
const MAX_VALUES: usize = 12;

/// One of the parts of a condition that must all be true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conjunct {
    /// The part as a condition.
    pub condition: String,
    /// Whether it was true.
    pub held: bool,
    /// Its fields, and their values in the event as outputs print them; `None` if absent.
    pub values: Vec<(String, Option<String>)>,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// Why a rule matches an event, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The rule's name.
    pub rule: String,
    /// Whether the event satisfies the rule's condition.
    pub matched: bool,
    /// Whether the engine tests the rule for this event: the rule is enabled, and its condition can be true
    /// for this event type.
    pub tried: bool,
    /// The parts that must all be true.
    pub conjuncts: Vec<Conjunct>,
}

impl Explanation {
    pub(crate) fn new(
        rule: &Rule,
        schema: &dyn Schema,
        sources: &Sources,
        event: &dyn FieldSource,
    ) -> Result<Self, SchemaMismatch> {
        let conjuncts: Vec<Conjunct> = conjuncts(&rule.compiled)
            .into_iter()
            .map(|part| {
                Ok(Conjunct {
                    condition: part.to_string(),
                    held: part.holds(schema, event)?,
                    values: part.values(schema, event),
                    origin: part.origin(sources),
                })
            })
            .collect::<Result<_, SchemaMismatch>>()?;
        Ok(Self {
            rule: rule.name.clone(),
            matched: conjuncts.iter().all(|c| c.held),
            tried: rule.enabled && codes(&rule.compiled, schema).contains(event.code()),
            conjuncts,
        })
    }

    /// The parts that were false.
    pub fn failed(&self) -> impl Iterator<Item = &Conjunct> {
        self.conjuncts.iter().filter(|c| !c.held)
    }
}

/// One line shows whether the rule matches. Then come the false parts, or all parts if it matches.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.matched, self.tried) {
            (true, true) => "matches",
            (true, false) => "would match, but is off or not tried on events of this type",
            (false, _) => "does not match",
        };
        writeln!(f, "rule '{}' {verdict}", self.rule)?;
        for part in self.conjuncts.iter().filter(|c| self.matched || !c.held) {
            writeln!(f, "  {}: {}", if part.held { "true" } else { "false" }, cut(&part.condition))?;
            for (operand, value) in &part.values {
                match value {
                    Some(value) => writeln!(f, "      {operand} is {}", cut(value))?,
                    None => writeln!(f, "      {operand} is absent")?,
                }
            }
            if let Some(origin) = &part.origin {
                writeln!(f, "      in {origin}")?;
            }
        }
        Ok(())
    }
}

/// The text, shortened if it is long.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A part of a condition, perhaps negated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) negated: bool,
}

/// The parts of a condition that must all be true. Negations are pushed down if that gives more parts.
pub(crate) fn conjuncts(expr: &Expr) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    visit(expr, &mut |expr, negated| {
        let goes_on = match expr {
            Expr::And(_) => !negated,
            Expr::Or(_) => negated,
            Expr::Not(_) => true,
            Expr::Test(_) | Expr::Macro(..) => false,
        };
        if !goes_on {
            out.push(Part { expr, negated });
        }
        goes_on
    });
    out
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "not " } else { "" }, self.expr)
    }
}

impl<'a> Part<'a> {
    fn holds(&self, schema: &dyn Schema, event: &dyn FieldSource) -> Result<bool, SchemaMismatch> {
        // Conditions of an engine compile.
        let Ok(filter) = compile(self.expr, schema) else { return Ok(false) };
        Ok(filter.matches(event)? != self.negated)
    }

    pub(crate) fn tests(&self) -> Vec<&'a Test> {
        let mut tests = Vec::new();
        self.expr.tests(&mut |test| tests.push(&**test));
        tests
    }

    /// Its place, if all of its comparisons are in one macro, or in the rule itself.
    pub(crate) fn origin(&self, sources: &Sources) -> Option<Origin> {
        let tests = self.tests();
        let span = tests.first()?.span;
        tests.iter().all(|test| test.span.source == span.source).then(|| sources.origin(span)).flatten()
    }

    /// Its fields, and their values in the event.
    fn values(&self, schema: &dyn Schema, event: &dyn FieldSource) -> Vec<(String, Option<String>)> {
        let mut values: Vec<(String, Option<String>)> = Vec::new();
        let mut add = |operand: &Operand| {
            let name = operand.to_string();
            if values.len() < MAX_VALUES && values.iter().all(|(known, _)| *known != name) {
                let value = Source::resolve(operand, schema).ok().and_then(|s| shown(&s, schema, event));
                values.push((name, value));
            }
        };
        for test in self.tests() {
            add(&test.left);
            if let Rhs::Operand(right) = &test.right {
                add(right);
            }
        }
        values
    }
}

/// The operand's value as outputs print it, texts in quotes.
fn shown(source: &Source, schema: &dyn Schema, event: &dyn FieldSource) -> Option<String> {
    use eyas_fields::Value;
    fn quoted(out: &mut String, text: &[u8]) {
        out.push_str(&format!("{:?}", String::from_utf8_lossy(text)));
    }
    let print = |value: Value<'_>| {
        let mut out = String::new();
        match (value, source.field()) {
            (Value::Str(text), _) => quoted(&mut out, text),
            (Value::List(items), _) => {
                out.push('(');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    match item {
                        Value::Str(text) => quoted(&mut out, text),
                        other => out.push_str(&plain(other)),
                    }
                }
                out.push(')');
            }
            (value, Some(field)) => {
                let mut bytes = Vec::new();
                write_value(&mut bytes, &value, schema.def(field.id));
                out.push_str(&String::from_utf8_lossy(&bytes));
            }
            (value, None) => out.push_str(&plain(&value)),
        }
        out
    };
    source.take(event).map(|taken| taken.with(print))
}

fn plain(value: &eyas_fields::Value<'_>) -> String {
    use eyas_fields::Value;
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Double(n) => n.to_string(),
        Value::Str(text) | Value::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Ip(ip) => ip.to_string(),
        Value::Net(net) => net.to_string(),
        Value::List(items) => format!("({} values)", items.len()),
    }
}
