//! Checks that the rules and conditions in the pages load.

use std::sync::Arc;

use eyas::rules::{RuleSet, RuleSource, condition};

use super::root;

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[track_caller]
fn load(texts: &[&str]) {
    let sources = texts.iter().map(|text| RuleSource::new("page.yaml", *text));
    let rules =
        RuleSet::new(Arc::new(eyas::sinsp::schema()), sources).unwrap_or_else(|error| panic!("{error}"));
    assert!(rules.compile().is_ok());
}

/// The rows' own tests run the examples over made-up fields. This test compiles them with the real fields.
#[test]
fn every_example_of_an_operator_or_a_transformer_compiles() {
    let operators = condition::ast::Op::ALL.iter().flat_map(|op| op.def().examples);
    let transformers = condition::TRANSFORMERS.iter().flat_map(|transformer| transformer.examples);
    for example in operators.chain(transformers) {
        let condition = example.condition;
        load(&[&format!(
            "- rule: example\n  desc: x\n  condition: >\n    evt.type in (open, read) and {condition}\n  output: x\n  priority: INFO\n"
        )]);
    }
}

#[test]
fn the_rules_of_the_guides_load() {
    let first = page("docs/first-rule.md");
    load(&[blocks(&first, "yaml")[0]]);
    let tuning = page("docs/tuning.md");
    load(&[&page("demo/rules.yaml"), blocks(&tuning, "yaml")[0]]);
}
