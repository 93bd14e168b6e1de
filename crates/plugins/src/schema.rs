//! The part of JSON Schema (draft 7) that plugins use for their configuration: every keyword except
//! `format`, `dependencies` and references to other documents.
//!
//! Only the first violation is reported, with the message of Falco's validator.

use regex::Regex;
use serde_json::{Map, Value};

/// Maximum depth of nested references and levels.
const MAX_LEVELS: usize = 256;

/// A violation of the schema, and its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// `<root>`, then the path to the value: `<root>[a][0]`.
    pub(crate) place: String,
    pub(crate) what: String,
}

/// Tests a value against a schema.
///
/// # Errors
/// The first violation.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<(), Violation> {
    At { root: schema, place: "<root>", level: 0 }.check(schema, value)
}

type Outcome = Result<(), Violation>;

/// A place in the value.
#[derive(Clone, Copy)]
struct At<'a> {
    /// The whole schema, in which references are resolved.
    root: &'a Value,
    place: &'a str,
    level: usize,
}

/// Tests a value against a keyword. Gets the schema, the value of the keyword, and the value to test.
type Test = fn(At<'_>, &Map<String, Value>, &Value, &Value) -> Outcome;

/// In the order of the tests.
const KEYWORDS: [(&str, Test); 24] = [
    ("allOf", |at, _, rule, value| schemas(rule).try_for_each(|schema| at.check(schema, value))),
    ("anyOf", |at, _, rule, value| {
        let first = schemas(rule).map(|schema| at.check(schema, value)).reduce(Result::or);
        // The violation of the first schema is reported; `or` would return the last one.
        match first {
            Some(Err(_)) => schemas(rule).next().map_or(Ok(()), |schema| at.check(schema, value)),
            _ => Ok(()),
        }
    }),
    ("const", |at, _, rule, value| {
        at.expect(is_equal(rule, value), "Failed to match expected value set by 'const' constraint.")
    }),
    ("contains", |at, _, rule, value| {
        let has_one = value.as_array().is_none_or(|all| all.iter().any(|one| at.check(rule, one).is_ok()));
        at.expect(has_one, "Failed to any values against subschema in 'contains' constraint.")
    }),
    ("enum", |at, _, rule, value| {
        let is_one = schemas(rule).any(|one| is_equal(one, value));
        at.expect(is_one, "Failed to match against any enum values.")
    }),
    ("exclusiveMaximum", |at, _, rule, value| {
        let text = |limit| format!("Expected number less than {limit:.6}");
        at.number(rule, value, |number, limit| number < limit, text)
    }),
    ("exclusiveMinimum", |at, _, rule, value| {
        let text = |limit| format!("Expected number greater than {limit:.6}");
        at.number(rule, value, |number, limit| number > limit, text)
    }),
    ("if", |at, schema, rule, value| {
        let branch = if at.check(rule, value).is_ok() { "then" } else { "else" };
        schema.get(branch).map_or(Ok(()), |branch| at.check(branch, value))
    }),
    ("items", |at, schema, rule, value| at.items(schema.get("additionalItems"), rule, value)),
    ("maximum", |at, _, rule, value| {
        let text = |limit| format!("Expected number less than or equal to {limit:.6}");
        at.number(rule, value, |number, limit| number <= limit, text)
    }),
    ("maxItems", |at, _, rule, value| {
        let text = |limit| format!("Array should contain no more than {limit} elements.");
        at.size(rule, value.as_array().map(Vec::len), |len, limit| len <= limit, text)
    }),
    ("maxLength", |at, _, rule, value| {
        let text = |limit| format!("String should be no more than {limit} characters in length.");
        at.size(rule, value.as_str().map(|text| text.chars().count()), |len, limit| len <= limit, text)
    }),
    ("maxProperties", |at, _, rule, value| {
        let text = |limit| format!("Object should have no more than {limit} properties.");
        at.size(rule, value.as_object().map(Map::len), |len, limit| len <= limit, text)
    }),
    ("minimum", |at, _, rule, value| {
        let text = |limit| format!("Expected number greater than or equal to {limit:.6}");
        at.number(rule, value, |number, limit| number >= limit, text)
    }),
    ("minItems", |at, _, rule, value| {
        let text = |limit| format!("Array should contain no fewer than {limit} elements.");
        at.size(rule, value.as_array().map(Vec::len), |len, limit| len >= limit, text)
    }),
    ("minLength", |at, _, rule, value| {
        let text = |limit| format!("String should be no fewer than {limit} characters in length.");
        at.size(rule, value.as_str().map(|text| text.chars().count()), |len, limit| len >= limit, text)
    }),
    ("minProperties", |at, _, rule, value| {
        let text = |limit| format!("Object should have no fewer than {limit} properties.");
        at.size(rule, value.as_object().map(Map::len), |len, limit| len >= limit, text)
    }),
    ("multipleOf", |at, _, rule, value| {
        let is_multiple = |number: f64, of: f64| of == 0.0 || (number / of).fract() == 0.0;
        at.number(rule, value, is_multiple, |of| format!("Value should be a multiple of {of}"))
    }),
    ("not", |at, _, rule, value| {
        let text = "Target should not validate against schema specified in 'not' constraint.";
        at.expect(at.check(rule, value).is_err(), text)
    }),
    ("oneOf", |at, _, rule, value| {
        match schemas(rule).filter(|schema| at.check(schema, value).is_ok()).count() {
            0 => schemas(rule).next().map_or(Ok(()), |schema| at.check(schema, value)),
            fitting => at.expect(fitting == 1, "Failed to validate against exactly one child schema."),
        }
    }),
    ("pattern", |at, _, rule, value| {
        let is_match = rule.as_str().zip(value.as_str()).is_none_or(|(pattern, text)| matches(pattern, text));
        at.expect(is_match, "Failed to match regex specified by 'pattern' constraint.")
    }),
    ("required", |at, _, rule, value| {
        let Some(members) = value.as_object() else { return Ok(()) };
        let missing = schemas(rule).filter_map(Value::as_str).find(|name| !members.contains_key(*name));
        missing.map_or(Ok(()), |name| at.expect(false, &format!("Missing required property '{name}'.")))
    }),
    ("type", |at, _, rule, value| {
        let is_one = match rule {
            Value::Array(types) => types.iter().filter_map(Value::as_str).any(|ty| is_of_type(value, ty)),
            ty => ty.as_str().is_none_or(|ty| is_of_type(value, ty)),
        };
        at.expect(is_one, "Value type not permitted by 'type' constraint.")
    }),
    ("uniqueItems", |at, _, rule, value| {
        let (Value::Bool(true), Value::Array(all)) = (rule, value) else { return Ok(()) };
        let pairs = (0..all.len()).flat_map(|a| (a + 1..all.len()).map(move |b| (a, b)));
        let equal = pairs.into_iter().find(|(a, b)| is_equal(&all[*a], &all[*b]));
        let text = |(a, b)| format!("Elements at indexes #{a} and #{b} violate uniqueness constraint.");
        equal.map_or(Ok(()), |pair| at.expect(false, &text(pair)))
    }),
];

/// The elements of a keyword with a list.
fn schemas(rule: &Value) -> impl Iterator<Item = &Value> {
    rule.as_array().into_iter().flatten()
}

/// An invalid pattern matches everything. The plugin checks its configuration itself, too.
fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).map_or(true, |pattern| pattern.is_match(text))
}

fn is_of_type(value: &Value, ty: &str) -> bool {
    match ty {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => ty == "any",
    }
}

/// Whether values are equal; numbers by their value.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

impl<'a> At<'a> {
    fn check(self, schema: &Value, value: &Value) -> Outcome {
        let below = At { level: self.level + 1, ..self };
        if self.level > MAX_LEVELS {
            return self.expect(false, "The schema refers to itself without end.");
        }
        let Value::Object(schema) = schema else {
            return self.expect(schema != &Value::Bool(false), "The schema permits no value.");
        };
        if let Some(Value::String(reference)) = schema.get("$ref") {
            return match reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(schema) => below.check(schema, value),
                None => self.expect(false, &format!("The schema lacks '{reference}', which it refers to.")),
            };
        }
        for (keyword, test) in KEYWORDS {
            if keyword == "required" {
                below.properties(schema, value)?;
            }
            if let Some(rule) = schema.get(keyword) {
                test(below, schema, rule, value)?;
            }
        }
        Ok(())
    }

    fn expect(self, holds: bool, what: &str) -> Outcome {
        if holds { Ok(()) } else { Err(Violation { place: self.place.to_owned(), what: what.to_owned() }) }
    }

    /// Tests the member or element of the value with this name or index.
    fn check_in(self, part: &str, schema: &Value, value: &Value) -> Outcome {
        let place = format!("{}[{part}]", self.place);
        At { place: &place, ..self }.check(schema, value)
    }

    fn number(
        self,
        rule: &Value,
        value: &Value,
        fits: impl Fn(f64, f64) -> bool,
        text: impl Fn(f64) -> String,
    ) -> Outcome {
        let (Some(limit), Value::Number(number)) = (rule.as_f64(), value) else { return Ok(()) };
        let number = number.as_f64().unwrap_or_default();
        if fits(number, limit) { Ok(()) } else { self.expect(false, &text(limit)) }
    }

    fn size(
        self,
        rule: &Value,
        size: Option<usize>,
        fits: impl Fn(u64, u64) -> bool,
        text: impl Fn(u64) -> String,
    ) -> Outcome {
        let (Some(limit), Some(size)) = (rule.as_u64(), size) else { return Ok(()) };
        if fits(size as u64, limit) { Ok(()) } else { self.expect(false, &text(limit)) }
    }

    fn items(self, additional: Option<&Value>, rule: &Value, value: &Value) -> Outcome {
        let Some(all) = value.as_array() else { return Ok(()) };
        for (index, item) in all.iter().enumerate() {
            let schema = match rule {
                Value::Array(schemas) => schemas.get(index).or(additional),
                schema => Some(schema),
            };
            let Some(schema) = schema else { continue };
            if schema == &Value::Bool(false) && rule.is_array() {
                return self.expect(false, "Array contains more items than allowed by items constraint.");
            }
            self.check_in(&index.to_string(), schema, item)?;
        }
        Ok(())
    }

    /// Tests members with `properties`, `patternProperties` and `propertyNames`. `additionalProperties`
    /// applies to the members that the first two do not cover.
    fn properties(self, schema: &Map<String, Value>, value: &Value) -> Outcome {
        let Some(members) = value.as_object() else { return Ok(()) };
        let rules = |keyword: &str| schema.get(keyword).and_then(Value::as_object);
        let (named, patterns) = (rules("properties"), rules("patternProperties"));
        let mut names: Vec<&String> = named.into_iter().flatten().map(|(name, _)| name).collect();
        names.sort_unstable();
        for name in names {
            if let (Some(value), Some(schema)) = (members.get(name), named.and_then(|named| named.get(name)))
            {
                self.check_in(name, schema, value)?;
            }
        }
        for (pattern, schema) in patterns.into_iter().flatten() {
            for (name, value) in members.iter().filter(|(name, _)| matches(pattern, name)) {
                self.check_in(name, schema, value)?;
            }
        }
        if let Some(names) = schema.get("propertyNames") {
            let is_allowed = |name: &&String| self.check(names, &Value::String((*name).clone())).is_ok();
            if let Some(name) = members.keys().find(|name| !is_allowed(name)) {
                return self.expect(false, &format!("The name '{name}' of a property is not permitted."));
            }
        }
        let Some(additional) = schema.get("additionalProperties") else { return Ok(()) };
        let is_matched = |name: &str| {
            named.is_some_and(|named| named.contains_key(name))
                || patterns.is_some_and(|all| all.keys().any(|pattern| matches(pattern, name)))
        };
        for (name, value) in members.iter().filter(|(name, _)| !is_matched(name)) {
            if additional == &Value::Bool(false) {
                let what = format!(
                    "Object contains a property that could not be validated using 'properties' or \
                     'additionalProperties' constraints: '{name}'."
                );
                return self.expect(false, &what);
            }
            self.check_in(name, additional, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
