//! Rules files that need Falco's YAML reader: messages, with line, column and offset.
//!
//! `places/expected.txt` has the messages of Falco 0.44.1 about the files in that directory.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use eyas::rules::{Context, RuleSet, RuleSource};
use eyas::sinsp::schema;

fn describe(out: &mut String, code: &str, context: &Context, file: &str) {
    writeln!(out, "  {code}").unwrap();
    for step in context.locations.iter().skip(1) {
        let name = if &*step.file == file { "" } else { &*step.file };
        let (kind, mark) = (step.item_type, step.mark);
        let line =
            format!("    {kind} `{}` {}:{}:{} {name}", step.item_name, mark.line, mark.column, mark.offset);
        writeln!(out, "{}", line.trim_end()).unwrap();
    }
}

#[test]
fn places_are_those_of_falco() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/places");
    let expected = std::fs::read_to_string(dir.join("expected.txt")).unwrap();
    let mut tried = 0;
    for case in expected.trim_start_matches("> ").split("\n> ") {
        let (name, want) = case.split_once('\n').unwrap();
        let text = std::fs::read(dir.join(name)).unwrap();
        let mut loader = RuleSet::builder(Arc::new(schema())).loader();
        let result = loader.load(&RuleSource::new(name, text));
        let mut got = format!("{}\n", if result.successful() { "loads" } else { "fails" });
        for error in &result.errors {
            describe(&mut got, error.code.code(), &error.context, name);
        }
        for warning in &result.warnings {
            describe(&mut got, warning.code.code(), &warning.context, name);
        }
        assert_eq!(got.trim_end(), want.trim_end(), "{name}");
        // Drawing a diagnostic never fails.
        result.diagnostics().for_each(|diagnostic| drop(diagnostic.to_string()));
        tried += 1;
    }
    let files = std::fs::read_dir(&dir).unwrap().count();
    assert_eq!(tried + 1, files, "each file has its answer");
}
