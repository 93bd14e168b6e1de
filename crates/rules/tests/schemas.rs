//! Rules and conditions refuse events of another schema, and accept those of an equal one.

use std::sync::Arc;

use eyas_fields::{
    Field, FieldDef, FieldFlags, FieldId, FieldSource, FieldType, ResolveError, Schema, SchemaId, Scope,
    Value,
};
use eyas_rules::condition::{CompileErrorKind, Filter, compile, interpret, parse};
use eyas_rules::{
    Coverage, Engine, Expectation, Profile, RuleSet, RuleSource, SchemaMismatch, SharedEngine, Tester, Times,
};

/// A schema whose fields are texts with these names.
#[derive(Clone)]
struct Texts {
    source: &'static str,
    defs: Vec<FieldDef>,
    codes: &'static [&'static str],
}

fn texts(source: &'static str, names: &[&'static str]) -> Texts {
    let def = |name: &&'static str| FieldDef::new(name, FieldType::Str, "");
    Texts { source, defs: names.iter().map(def).collect(), codes: &["only"] }
}

impl Schema for Texts {
    fn source(&self) -> &str {
        self.source
    }

    fn fields(&self) -> &[FieldDef] {
        &self.defs
    }

    fn resolve(&self, name: &str, _: Option<&str>) -> Result<Field, ResolveError> {
        let id = self.defs.iter().position(|def| def.name == name).ok_or(ResolveError::Unknown)?;
        Ok(Field::new(FieldId(id as u16), &self.defs[id], name))
    }

    fn codes(&self) -> usize {
        self.codes.len()
    }

    fn code_name(&self, code: u16) -> Option<&str> {
        self.codes.get(usize::from(code)).copied()
    }
}

/// An event in which every field has its own name as its value.
struct Named<'a>(&'a Texts);

impl FieldSource for Named<'_> {
    fn get(&self, field: &Field) -> Option<Value<'_>> {
        self.0.defs.get(usize::from(field.id.0)).map(|def| Value::from(def.name))
    }

    fn schema_id(&self) -> SchemaId {
        self.0.id()
    }
}

/// Schemas of the same fields: the second one has them in another order.
fn schemas() -> (Texts, Texts) {
    (texts("toy", &["a.x", "a.y"]), texts("toy", &["a.y", "a.x"]))
}

fn filter(schema: &Texts, text: &str) -> Filter {
    compile(&parse(text).unwrap(), schema).unwrap()
}

fn engine(schema: &Texts) -> Engine {
    let source = schema.source;
    let rule = format!(
        "- {{rule: r, desc: d, condition: a.x = a.x, output: x, priority: INFO, source: {source}}}\n"
    );
    let source = RuleSource::new("r.yaml", rule);
    RuleSet::new(Arc::new(schema.clone()), [source]).unwrap().compile().unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, SchemaMismatch>, expected: &Texts, given: &Texts) {
    let error = result.unwrap_err();
    assert_eq!((error.expected_id, error.given_id), (expected.id(), given.id()));
    let text = error.to_string();
    assert!(text.contains("another schema") && text.contains(expected.source), "{text}");
}

#[test]
fn a_condition_refuses_events_of_another_schema() {
    let (a, b) = schemas();
    let filter = filter(&a, "a.x = a.x");
    assert_eq!(filter.matches(&Named(&a)), Ok(true));
    refused(filter.matches(&Named(&b)), &a, &b);
    let interpreted = |event| interpret(&parse("a.x = a.x").unwrap(), &a, &Named(event));
    assert_eq!(interpreted(&a), Ok(true));
    assert_eq!(interpreted(&b).unwrap_err().kind, CompileErrorKind::Schema);
    let mut scratch = filter.scratch();
    refused(filter.matches_with(&Named(&b), &mut scratch), &a, &b);
    refused(filter.matches_with(&Named(&b), &mut scratch), &a, &b);
    assert_eq!(filter.matches_with(&Named(&a), &mut scratch), Ok(true));
}

#[test]
fn engines_and_evaluators_refuse_events_of_another_schema() {
    let (a, b) = schemas();
    let engine = engine(&a);
    let rule = engine.find("r").unwrap();
    let mut found = Vec::new();
    for _ in 0..2 {
        engine.matches(&Named(&a), &mut found).unwrap();
        refused(engine.matches(&Named(&b), &mut found), &a, &b);
    }
    assert_eq!(found.len(), 2);
    refused(engine.evaluator().matches(&Named(&b), &mut found), &a, &b);
    refused(engine.explain(rule, &Named(&b)), &a, &b);
    assert!(engine.explain(rule, &Named(&a)).unwrap().matched);
    refused(Coverage::new(&engine, [rule]).record(&Named(&b)), &a, &b);
    refused(Profile::new(&engine, 1).record(&Named(&b), &[]), &a, &b);
    let mut tester = Tester::new(&engine, ["r"]);
    let expectation = Expectation { rule: "r".into(), times: Times::Some };
    refused(tester.case(&[expectation]).event(&Named(&b), &String::new), &a, &b);
    let shared = SharedEngine::new(engine);
    refused(shared.follower().matches(&Named(&b), &mut found).map(drop), &a, &b);
    assert_eq!(found.len(), 2, "nothing more was found");
}

#[test]
fn an_equal_schema_that_is_built_anew_is_the_same() {
    let (a, b) = schemas();
    let again = schemas().0;
    assert_eq!(filter(&a, "a.x = a.x").matches(&Named(&again)), Ok(true));
    let shared = SharedEngine::new(engine(&a));
    let mut follower = shared.follower();
    let mut found = Vec::new();
    shared.swap(engine(&again)).unwrap();
    follower.matches(&Named(&a), &mut found).unwrap();
    assert_eq!(found.len(), 1);
    let error = shared.swap(engine(&b)).unwrap_err().to_string();
    assert!(error.contains("both are for the source 'toy'") && error.contains("fields"), "{error}");
    let other = texts("other", &["a.x"]);
    let error = shared.swap(engine(&other)).unwrap_err().to_string();
    assert!(error.contains("'other' can't replace one for 'toy'"), "{error}");
}

#[test]
fn the_schema_id_covers_everything_that_changes_results() {
    let (a, _) = schemas();
    let other = |change: &dyn Fn(&mut Texts)| {
        let mut schema = a.clone();
        change(&mut schema);
        assert_ne!(schema.id(), a.id());
    };
    other(&|schema| schema.source = "other");
    other(&|schema| schema.defs[1].ty = FieldType::Bool);
    other(&|schema| schema.defs[1].flags = FieldFlags::LIST);
    other(&|schema| schema.defs[1].scope = Scope::Process);
    other(&|schema| schema.defs.truncate(1));
    other(&|schema| schema.codes = &["another"]);
    other(&|schema| schema.codes = &["only", "another"]);
    let mut documented = a.clone();
    documented.defs[0].doc = "a text";
    assert_eq!(documented.id(), a.id());
}

#[test]
fn scratch_of_another_condition_does_not_affect_the_result() {
    let (a, b) = schemas();
    let small = filter(&a, "a.x = none");
    let large = filter(&a, "(a.x = a.x and a.y = a.y) or a.x = none");
    let of_b = filter(&b, "a.x = none");
    let mut scratch = small.scratch();
    for _ in 0..3 {
        assert_eq!(small.matches_with(&Named(&a), &mut scratch), Ok(false));
        assert_eq!(large.matches_with(&Named(&a), &mut scratch), Ok(true));
        assert_eq!(of_b.matches_with(&Named(&b), &mut scratch), Ok(false));
        refused(small.matches_with(&Named(&b), &mut scratch), &a, &b);
    }
    assert_eq!(large.matches_with(&Named(&a), &mut of_b.scratch()), Ok(true));
}
