//! Rules files with their mistakes: which code each gives, and of what item it is said.

use std::sync::Arc;

use eyas::rules::{LoadResult, Loader};
use eyas::sinsp::schema;

/// A rule to change.
const RULE: &str = "- {rule: r, desc: d, condition: evt.type = open, output: o, priority: INFO}\n";

fn load(text: &str) -> LoadResult {
    Loader::new(Arc::new(schema())).load("rules.yaml", text)
}

/// Codes, the error's innermost item behind a colon: `YAML_VALIDATE:value for condition | UNKNOWN_KEY`.
fn said(text: &str) -> String {
    let result = load(text);
    let error = result.errors.iter().map(|error| {
        let at = error.context.innermost().unwrap();
        let code = error.code.code().trim_start_matches("LOAD_ERR_");
        format!("{code}:{}", [at.item_type, &at.item_name].join(" ").trim())
    });
    let mut warnings: Vec<_> =
        result.warnings.iter().map(|w| w.code.code().trim_start_matches("LOAD_").to_owned()).collect();
    warnings.sort();
    warnings.dedup();
    [error.collect::<Vec<_>>().join(", "), warnings.join(", ")]
        .join(" | ")
        .trim_matches([' ', '|'])
        .to_owned()
}

#[track_caller]
fn check(text: &str, want: &str) {
    assert_eq!(said(text), want, "{text}");
}

#[track_caller]
fn check_rule(keys: &str, want: &str) {
    check(&format!("{}, {keys}}}\n", RULE.trim_end().trim_end_matches('}')), want);
}

#[track_caller]
fn check_change(item: &str, want: &str) {
    check(&format!("{RULE}- {item}\n"), want);
}

#[test]
fn values_have_their_form() {
    check("- {rule: r, desc: d, condition: , output: o, priority: INFO}", "YAML_VALIDATE:rule r");
    check(
        "- {rule: r, desc: d, condition: '', output: o, priority: INFO}",
        "YAML_VALIDATE:value for condition",
    );
    check_rule("enabled: tRUE", "YAML_VALIDATE:value for enabled");
    check_rule("enabled: YES", "");
    check_rule("capture_duration: 0x10", "");
    check_rule("capture_duration: -1", "YAML_VALIDATE:value for capture_duration");
    check_rule("source: ", "YAML_VALIDATE:rule r");
    check_rule("source: [a]", "YAML_VALIDATE:value for source");
    check_rule("source: k8s_audit", "UNKNOWN_SOURCE");
    check_rule("tags: ", "YAML_VALIDATE:value for tags");
    check_rule("tags: [~]", "YAML_VALIDATE:list item");
    check_rule("nothing: 1", "UNKNOWN_KEY");
    check_rule("override: yes", "");
}

#[test]
fn versions_are_compared() {
    check("- required_engine_version: 0x3e", "");
    check("- required_engine_version: 0.62.0-rc1", "");
    check("- required_engine_version: 63", "VALIDATE:required_engine_version");
    check("- required_engine_version: 0.10", "YAML_VALIDATE:required_engine_version");
    check("- required_plugin_versions: [a]", "YAML_VALIDATE:required plugin versions entry");
    check(
        "- required_plugin_versions: [{name: a, version: 1.0.0, alternatives: ~}]",
        "YAML_VALIDATE:required plugin versions entry a",
    );
    check(
        "- required_plugin_versions: [{name: a, version: 1.0.0, alternatives: [{name: a, version: 1.0.0}]}]",
        "VALIDATE:required plugin versions entry a",
    );
}

#[test]
fn what_is_said_of_a_change_that_does_not_fit() {
    check_change(
        "{rule: r, append: false, condition: evt.type = close, output: o, desc: d, priority: INFO}",
        "",
    );
    check_change("{rule: r, append: true}", "VALIDATE:rule r | DEPRECATED_ITEM");
    check_change("{rule: s, append: true, condition: or x}", "VALIDATE:rule s | DEPRECATED_ITEM");
    check_change(
        "{rule: r, append: true, source: other, condition: and x}",
        "VALIDATE:rule r | DEPRECATED_ITEM",
    );
    check_change("{rule: r, enabled: false}", "DEPRECATED_ITEM");
    check_change("{rule: s, enabled: false}", "VALIDATE:rule s | DEPRECATED_ITEM");
    check_change("{rule: r}", "YAML_VALIDATE:rule r");
    check_change("{rule: r, override: {tags: append}, tags: [a]}", "");
    check_change("{rule: r, override: {tags: append}}", "YAML_VALIDATE:rule r");
    check_change(
        "{rule: r, override: {priority: append}, priority: INFO}",
        "YAML_VALIDATE:overrides priority",
    );
    check_change("{rule: r, override: {tags: }, tags: [a]}", "YAML_VALIDATE:value for tags");
    check_change("{rule: r, override: [tags], tags: [a]}", "VALIDATE:rules content");
    // That there is no such rule comes before the keys that are too many.
    check_change("{rule: s, override: {tags: append}, tags: [a], desc: d}", "VALIDATE:rule s");
    check_change("{rule: r, override: {tags: append}, tags: [a], desc: d}", "YAML_VALIDATE:overrides desc");
}

#[test]
fn exceptions_fit_together() {
    let exception = |keys: &str, want: &str| check_rule(&format!("exceptions: [{{name: e{keys}}}]"), want);
    exception(", fields: [proc.name], comps: ['='], values: [[x]]", "");
    exception(", fields: [proc.name], comps: [], values: [[x]]", "");
    exception("", "YAML_VALIDATE:exception e");
    exception(", fields: ", "VALIDATE:exception e");
    exception(", fields: []", "VALIDATE:exception e");
    exception(", fields: [proc.name], comps: '='", "VALIDATE:exception e");
    exception(", fields: proc.name, comps: [in]", "VALIDATE:exception e");
    exception(", fields: proc.name, comps: ' in ', values: [x]", "");
    exception(", fields: ' proc.name', values: [x]", "VALIDATE:exception e");
    exception(", fields: proc.name, values: [['a']]", "VALIDATE:exception e");
    exception(", fields: proc.name, values: ['']", "YAML_VALIDATE:value for");
    exception(", fields: [proc.name], values: [x]", "VALIDATE:exception e");
    // Behind an operator of lists a value is put in as it is.
    exception(
        ", fields: [proc.name], comps: [in], values: [['a b']]",
        "COMPILE_CONDITION:condition expression",
    );
    check_rule("exceptions: [x]", "YAML_VALIDATE:exception");
    check_rule("exceptions: ", "");
    let other = "source: other, exceptions: [{name: e, fields: ka.user, values: [x]}]";
    check_rule(other, "UNKNOWN_SOURCE");
    let append = |keys: &str, want: &str| {
        check_change(
            &format!("{{rule: r, override: {{exceptions: append}}, exceptions: [{{name: e{keys}}}]}}"),
            want,
        );
    };
    append(", fields: proc.name, values: [x]", "");
    append(", fields: proc.name", "VALIDATE:exception e | APPEND_NO_VALUES");
    append(", values: []", "VALIDATE:exception e");
}

#[test]
fn the_output_is_looked_at_before_the_condition() {
    let rule = |condition: &str, output: &str| {
        format!("- {{rule: r, desc: d, condition: {condition}, output: '{output}', priority: INFO}}\n")
    };
    check(&rule("a b c", "%no.field"), "COMPILE_OUTPUT:rule output");
    check(&rule("a b c", "o"), "COMPILE_CONDITION:condition expression");
    check(&rule("evt.type = open and evt.dir = <", "o"), "DEPRECATED_ITEM");
    check(
        &rule("evt.type = open and evt.dir = < and no.field = 1", "o"),
        "COMPILE_CONDITION:condition expression | DEPRECATED_ITEM",
    );
    check(&rule("evt.type = open", "evt.latency.ns"), "DEPRECATED_ITEM");
    assert_eq!(load(&rule("evt.type = open", "evt.latency.ns")).warnings.len(), 2, "one begins the other");
}

#[test]
fn values_are_placed_where_falco_places_them() {
    let at = |text: &str| {
        let result = load(text);
        let mark = result.errors[0].context.innermost().unwrap().mark;
        (mark.line, mark.column, mark.offset)
    };
    // A value that is not there: where the next token is.
    assert_eq!(at("- list: l\n  items:\n  # none\n  append: true\n"), (3, 2, 30));
    assert_eq!(at("- {list: l, items: }\n"), (0, 19, 19));
    assert_eq!(at("- list: l\n  items: ~\n"), (1, 9, 19));
    // A sequence that is no deeper than its key: where its first dash is.
    assert_eq!(at("- required_plugin_versions:\n  - name: a\n"), (1, 4, 32));
    // A block: the place of its `>`, and from there to the mistake in the condition.
    assert_eq!(at("- macro: m\n  condition: >-\n    a b\n"), (2, 16, 26));
}

#[test]
fn a_rule_of_an_unknown_source_is_told_of_where_it_is_defined() {
    let mut loader = Loader::new(Arc::new(schema()));
    let other = RULE.replace("rule: r,", "rule: s, source: other,");
    assert_eq!(loader.load("first.yaml", &other).warnings.len(), 1);
    assert_eq!(loader.load("second.yaml", RULE).warnings, []);
}

#[test]
fn what_is_loaded_is_described() {
    let mut loader = Loader::new(Arc::new(schema()));
    let text = "\
- required_engine_version: 31
- {list: shells, items: [bash, sh]}
- {list: all, items: [shells, fish]}
- {macro: opens, condition: 'evt.type in (open, openat)'}
- rule: r
  desc: d
  condition: opens and proc.name in (all) and tolower(proc.exe) startswith anyof (a, b)
  output: by %proc.name %toupper(proc.pname)
  priority: INFO
  exceptions: [{name: e, fields: [fd.name, user.name], comps: [glob, '='], values: [[a*, root]]}]
";
    let result = loader.load("rules.yaml", text);
    assert!(result.successful(), "{}", result.verbose());
    let all = loader.describe().unwrap();
    let words = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(all.required_engine_version, [0, 31, 0]);
    let rule = &all.rules[0];
    assert_eq!(words(&rule.condition.macros), "opens");
    assert_eq!(words(&rule.condition.lists), "all");
    assert_eq!(words(&rule.condition.operators), "= glob in startswith anyof");
    assert_eq!(words(&rule.condition.fields), "evt.type fd.name proc.exe proc.name user.name");
    assert_eq!(words(&rule.output_fields), "proc.name proc.pname toupper(proc.pname)");
    assert_eq!(words(&rule.exception_fields), "fd.name user.name");
    assert_eq!(words(&rule.exception_operators), "= glob");
    assert!(all.macros[0].used && all.lists.iter().all(|list| list.used));
    assert_eq!((words(&all.lists[1].lists).as_str(), &*all.lists[1].items.concat()), ("shells", "fish"));
    assert_eq!(all.lists[1].items_compiled, ["bash", "sh", "fish"]);
}

/// Lists whose items are the lines of a file.
#[test]
fn lists_from_files() {
    let rule = "- {rule: r, desc: d, condition: evt.type = open and fd.name in (paths), output: o, priority: INFO}\n";
    let list = "- {list: paths, items: [/a], items_file: paths.txt}\n";
    let loaded = |text: &'static str| {
        let mut loader = Loader::new(Arc::new(schema()));
        loader.item_files(move |rules, path| {
            assert_eq!((rules, path), ("dir/rules.yaml", "paths.txt"));
            if text == "missing" { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(text.to_owned()) }
        });
        loader.load("dir/rules.yaml", &format!("{list}{rule}"))
    };
    let result = loaded("# a comment\n/b\n\n  with \"quotes\", (brackets) and \\\\ \n8080\r\npaths\n");
    assert!(result.successful() && result.warnings.is_empty(), "{}", result.verbose());
    let result = loaded("missing");
    let error = &result.errors[0];
    assert!(
        error.message.contains("'paths.txt'") && error.message.contains("not found"),
        "{}",
        error.message
    );
    // A file alone, and a program that reads none.
    check("- {list: paths, items_file: paths.txt}\n", "VALIDATE:list paths");
}
