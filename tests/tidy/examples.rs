//! Rules and conditions that the pages show load.

use std::sync::Arc;

use eyas::rules::{Loader, condition};

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
    let mut loader = Loader::new(Arc::new(eyas::sinsp::schema()));
    for text in texts {
        let result = loader.load("page.yaml", *text);
        assert!(result.successful(), "{}\n{text}", result.verbose());
    }
    assert!(loader.build().is_ok());
}

#[test]
fn every_example_of_an_operator_compiles() {
    let text = page("docs/conditions.md");
    let table = text.split("## Operators").nth(1).unwrap().split("\n\n").nth(1).unwrap();
    let mut words = Vec::new();
    for row in table.lines().skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        words.extend(cells[0].split('`').skip(1).step_by(2).map(str::to_owned));
        let example = cells[3].trim().trim_matches('`');
        load(&[&format!(
            "- rule: example\n  desc: x\n  condition: >\n    evt.type in (open, read) and {example}\n  output: x\n  priority: INFO\n"
        )]);
    }
    for op in condition::ast::Op::ALL {
        assert!(words.iter().any(|word| word == op.word()), "docs/conditions.md lacks `{}`", op.word());
    }
}

#[test]
fn the_rules_of_the_guides_load() {
    let first = page("docs/first-rule.md");
    load(&[blocks(&first, "yaml")[0]]);
    let tuning = page("docs/tuning.md");
    load(&[&page("demo/rules.yaml"), blocks(&tuning, "yaml")[0]]);
}
