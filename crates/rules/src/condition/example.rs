//! Examples of operators and transformers: shown in the documentation, and run as tests.

use eyas_fields::{
    Field, FieldDef, FieldFlags, FieldId, FieldSource, FieldType, Format, ResolveError, Schema, SchemaId,
    Value,
};

/// A condition, an event, and whether the event satisfies the condition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Example {
    /// The condition.
    pub condition: &'static str,
    /// Names of the condition's fields, each with its value in the event; `None` if it is absent.
    pub event: &'static [(&'static str, Option<Value<'static>>)],
    /// Whether the event satisfies the condition.
    pub holds: bool,
}

/// An example; the first one of a row is shown in the documentation.
pub(super) const fn example(
    condition: &'static str,
    event: &'static [(&'static str, Option<Value<'static>>)],
    holds: bool,
) -> Example {
    Example { condition, event, holds }
}

/// A text, as the value of a field of an example.
pub(super) const fn text(text: &'static str) -> Option<Value<'static>> {
    Some(Value::Str(text.as_bytes()))
}

/// The event of an example. It has the fields that the condition names, so it is also their schema.
#[derive(Clone, Debug)]
pub struct ExampleEvent {
    defs: Vec<FieldDef>,
    values: Vec<Option<Value<'static>>>,
}

fn type_of(value: Option<Value<'_>>) -> (FieldType, bool) {
    match value {
        Some(Value::Bool(_)) => (FieldType::Bool, false),
        Some(Value::Int(_)) => (FieldType::Int { bits: 64 }, false),
        Some(Value::Uint(_)) => (FieldType::Uint { bits: 64 }, false),
        Some(Value::Double(_)) => (FieldType::Double, false),
        Some(Value::Bytes(_)) => (FieldType::Bytes, false),
        Some(Value::Ip(_)) => (FieldType::Ip, false),
        Some(Value::Net(_)) => (FieldType::Net, false),
        Some(Value::List(items)) => (type_of(items.first().copied()).0, true),
        Some(Value::Str(_)) | None => (FieldType::Str, false),
    }
}

impl ExampleEvent {
    /// The event of an example.
    #[must_use]
    pub fn new(example: &Example) -> Self {
        let def = |(name, value): &(&'static str, Option<Value<'static>>)| {
            let (ty, is_list) = type_of(*value);
            let flags = if is_list { FieldFlags::LIST } else { FieldFlags::NONE };
            FieldDef::new(name, ty, "").with_format(Format::Dec).with_flags(flags)
        };
        let values = example.event.iter().map(|(_, value)| *value).collect();
        Self { defs: example.event.iter().map(def).collect(), values }
    }
}

impl Schema for ExampleEvent {
    fn source(&self) -> &str {
        "example"
    }

    fn fields(&self) -> &[FieldDef] {
        &self.defs
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let text = arg.map_or(name.to_owned(), |arg| format!("{name}[{arg}]"));
        let at = self.defs.iter().position(|def| def.name == text).ok_or(ResolveError::Unknown)?;
        Ok(Field::new(FieldId(at as u16), &self.defs[at], text))
    }
}

impl FieldSource for ExampleEvent {
    fn get(&self, field: &Field) -> Option<Value<'_>> {
        self.values[usize::from(field.id.0)]
    }

    fn schema_id(&self) -> SchemaId {
        self.id()
    }
}

#[cfg(test)]
mod tests {
    use super::super::operators::Op;
    use super::super::transformers::TRANSFORMERS;
    use super::super::{compile, interpret, parse};
    use super::*;

    #[track_caller]
    fn run(name: &str, examples: &[Example]) {
        assert!(examples.iter().any(|e| e.holds), "{name} has no example that holds");
        for example in examples {
            let event = ExampleEvent::new(example);
            let shown = example.condition;
            let expr = parse(shown).unwrap_or_else(|e| panic!("{shown}: {e}"));
            let filter = compile(&expr, &event).unwrap_or_else(|e| panic!("{shown}: {e}"));
            assert_eq!(filter.matches(&event), Ok(example.holds), "{shown}");
            assert_eq!(interpret(&expr, &event, &event).unwrap(), example.holds, "interpreted: {shown}");
        }
    }

    #[test]
    fn examples_of_operators_have_the_stated_results() {
        for op in Op::ALL {
            let def = op.def();
            run(def.word, def.examples);
            assert!(def.examples.iter().any(|e| !e.holds), "{} has no example that fails", def.word);
            let word = format!(" {}", def.word);
            assert!(
                def.examples.iter().all(|e| e.condition.contains(&word)),
                "{}: another's example",
                def.word
            );
        }
    }

    #[test]
    fn examples_of_transformers_have_the_stated_results() {
        for transformer in TRANSFORMERS {
            run(transformer.name, transformer.examples);
            let call = format!("{}(", transformer.name);
            assert!(transformer.examples.iter().all(|e| e.condition.contains(&call)), "{call}");
        }
    }
}
