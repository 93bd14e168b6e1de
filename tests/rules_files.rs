//! Rules files with mistakes: the code of each, and the item in the message.

use std::sync::Arc;

use eyas::rules::{LoadResult, RuleSet, RuleSource};
use eyas::sinsp::schema;

/// A rule to change.
const RULE: &str = "- {rule: r, desc: d, condition: evt.type = open, output: o, priority: INFO}\n";

fn load(text: &str) -> LoadResult {
    RuleSet::builder(Arc::new(schema())).loader().load(&RuleSource::new("rules.yaml", text)).clone()
}

/// Codes, with the error's innermost item after a colon: `YAML_VALIDATE:value for condition | UNKNOWN_KEY`.
fn found(text: &str) -> String {
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
    assert_eq!(found(text), want, "{text}");
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
fn invalid_appends_and_overrides_have_falco_s_codes() {
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
    // The missing rule is reported before the excess keys.
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
    // After an operator of lists, the value is inserted unchanged.
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
fn the_output_is_compiled_before_the_condition() {
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
    // A missing value: the place of the next token.
    assert_eq!(at("- list: l\n  items:\n  # none\n  append: true\n"), (3, 2, 30));
    assert_eq!(at("- {list: l, items: }\n"), (0, 19, 19));
    assert_eq!(at("- list: l\n  items: ~\n"), (1, 9, 19));
    // A sequence with the indentation of its key: the place of its first dash.
    assert_eq!(at("- required_plugin_versions:\n  - name: a\n"), (1, 4, 32));
    // A block: the place of its `>`, plus the offset of the mistake in the condition.
    assert_eq!(at("- macro: m\n  condition: >-\n    a b\n"), (2, 16, 26));
}

#[test]
fn a_rule_of_an_unknown_source_is_reported_for_its_own_file() {
    let mut loader = RuleSet::builder(Arc::new(schema())).loader();
    let other = RULE.replace("rule: r,", "rule: s, source: other,");
    assert_eq!(loader.load(&RuleSource::new("first.yaml", other)).warnings.len(), 1);
    assert_eq!(loader.load(&RuleSource::new("second.yaml", RULE)).warnings, []);
}

#[test]
fn describe_returns_all_definitions() {
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
    let all = RuleSet::new(Arc::new(schema()), [RuleSource::new("rules.yaml", text)]).unwrap().describe();
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
        let builder = RuleSet::builder(Arc::new(schema())).item_files(move |rules, path| {
            assert_eq!((rules, path), ("dir/rules.yaml", "paths.txt"));
            if text == "missing" { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(text.to_owned()) }
        });
        builder.loader().load(&RuleSource::new("dir/rules.yaml", format!("{list}{rule}"))).clone()
    };
    let result = loaded("# a comment\n/b\n\n  with \"quotes\", (brackets) and \\\\ \n8080\r\npaths\n");
    assert!(result.successful() && result.warnings.is_empty(), "{}", result.verbose());
    let builder = RuleSet::builder(Arc::new(schema())).item_files(|_, _| Ok("\u{feff}/b\n/c".to_owned()));
    let rules = builder.build([RuleSource::new("rules.yaml", format!("{list}{rule}"))]).unwrap();
    assert_eq!(rules.describe().lists[0].items, ["/a", "\"/b\"", "\"/c\""], "a byte order mark");
    let result = loaded("/b\n/c\0d\n");
    assert!(
        result.errors[0].message.ends_with("with a NUL byte: 'paths.txt', line 2"),
        "{}",
        result.verbose()
    );
    let result = loaded("missing");
    let error = &result.errors[0];
    assert!(
        error.message.contains("'paths.txt'") && error.message.contains("not found"),
        "{}",
        error.message
    );
    // A list with only a file, in a program that reads no such files.
    check("- {list: paths, items_file: paths.txt}\n", "VALIDATE:list paths");
}

/// All messages about a file. Programs that parse Falco's messages search for them.
fn sentences(text: &str) -> Vec<String> {
    let result = load(text);
    let errors = result.errors.iter().map(|error| error.message.clone());
    errors.chain(result.warnings.iter().map(|warning| warning.message.clone())).collect()
}

#[track_caller]
fn check_sentence(text: &str, want: &str) {
    let said = sentences(text);
    assert!(said.iter().any(|sentence| sentence == want), "{text}: {said:?}, expected {want:?}");
}

#[test]
fn files_are_refused_with_falco_s_messages() {
    for (text, want) in [
        ("rule: r\n", "Rules content is not yaml array of objects"),
        ("a text\n", "Rules content is not yaml"),
        ("- a: b: c\n", "yaml-cpp: error at line 1, column 7: illegal map value"),
        ("- [a, b\n", "yaml-cpp: error at line 2, column 1: end of sequence flow not found"),
        ("- \"\\q\"\n", "yaml-cpp: error at line 1, column 6: unknown escape character: q"),
        ("- *a\n", "yaml-cpp: error at line 1, column 3: the referenced anchor is not defined: a"),
        ("- text\n", "Unexpected element type. Each element should be a yaml associative array."),
        ("- foo: 1\n", "Unknown top level item"),
        ("- list:\n  items: [a]\n", "Mapping for key 'list' is empty"),
        ("- macro:\n  condition: a\n", "Mapping for key 'macro' is empty"),
        ("- rule:\n", "Mapping for key 'rule' is empty"),
        ("- list: l\n", "Item has no mapping for key 'items'"),
        ("- list: l\n  items: a\n", "Value is not a sequence"),
        ("- list: l\n  items: [[a]]\n", "sequence value is not scalar"),
        ("- list: ''\n  items: [a]\n", "Value must be non-empty"),
        ("- macro: [m]\n  condition: a\n", "Value is not a scalar value"),
        ("- macro: m\n", "Item has no mapping for key 'condition'"),
        ("- list: l\n  items: [a]\n  append: maybe\n", "Can't decode YAML scalar value"),
        (
            "- {list: l, items: [a], append: true, override: {items: append}}\n",
            "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: \
             append') under 'override' instead.",
        ),
        (
            "- {list: a b, items: [a]}\n",
            "List has an invalid name. List names should match a regular expression: ([^()\"'[:space:]=,]+)",
        ),
        (
            "- {macro: a-b, condition: proc.name = x}\n",
            "Macro has an invalid name. Macro names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)",
        ),
        (
            "- {list: l, items: [a], append: true}\n",
            "List uses 'append' or 'override.items: append' but no list by that name already exists",
        ),
        (
            "- {macro: m, condition: or x, override: {condition: append}}\n",
            "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists",
        ),
        (
            "- required_engine_version: seven\n",
            "Unable to parse engine version 'seven' as a semver string. Expected \"x.y.z\" semver format.",
        ),
        (
            "- required_engine_version: 99\n",
            "Rules require engine version 0.99.0, but engine version is 0.62.0",
        ),
        ("- required_plugin_versions: a\n", "Value of required_plugin_versions must be a sequence"),
        ("- required_plugin_versions: [a]\n", "Plugin version must be a mapping"),
        (
            "- required_plugin_versions: [{name: a, version: 1.0.0, alternatives: [b]}]\n",
            "Plugin version alternative must be a mapping",
        ),
    ] {
        check_sentence(text, want);
    }
}

#[test]
fn changes_are_refused_with_falco_s_messages() {
    for (item, want) in [
        (
            "{rule: s, append: true, condition: or x}",
            "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists",
        ),
        (
            "{rule: s, condition: or x, override: {condition: append}}",
            "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists",
        ),
        (
            "{rule: s, condition: x, override: {condition: replace}}",
            "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists",
        ),
        ("{rule: s, enabled: true}", "Rule has 'enabled' key but no rule by that name already exists"),
        ("{rule: r}", "Item has no mapping for key 'enabled'"),
        ("{rule: r, append: true}", "Appended rule must have exceptions or condition property"),
        (
            "{rule: r, append: true, condition: and proc.name = x}",
            "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.",
        ),
        (
            "{rule: r, priority: INFO, override: {priority: append}}",
            "Key 'priority' cannot be appended to, use 'replace' instead",
        ),
        ("{rule: r, source: a, override: {source: replace}}", "Key 'source' cannot be replaced"),
        (
            "{rule: r, priority: INFO, override: {priority: merge}}",
            "Invalid override operation for key 'priority': 'merge'. Allowed values are: replace ",
        ),
        (
            "{rule: r, desc: d, override: {desc: merge}}",
            "Invalid override operation for key 'desc': 'merge'. Allowed values are: append replace ",
        ),
        (
            "{rule: r, desc: d, override: {desc: replace, condition: append}}",
            "An append override for 'condition' was specified but 'condition' is not defined",
        ),
        (
            "{rule: r, desc: d, priority: INFO, override: {desc: replace}}",
            "Unexpected key 'priority': no corresponding entry under 'override' is defined.",
        ),
        ("{rule: r, desc: d, condition: x, output: o, priority: what}", "Invalid priority"),
        (
            "{rule: r, desc: d, condition: x, output: o, priority: INFO, nothing: 1}",
            "Unknown key 'nothing'. The key will be ignored.",
        ),
        (
            "{rule: s, desc: d, condition: x, output: o, priority: INFO, source: other}",
            "Unknown source other, skipping",
        ),
        (
            "{rule: r, desc: d, condition: x, output: o, priority: INFO, source: other}",
            "Rule has been re-defined with a different source",
        ),
    ] {
        check_sentence(&format!("{RULE}- {item}\n"), want);
    }
}

#[test]
fn exceptions_are_refused_with_falco_s_messages() {
    let rule = RULE.trim_end().trim_end_matches('}');
    for (exception, want) in [
        ("{fields: [proc.name]}", "Item has no mapping for key 'name'"),
        ("{name: e}", "Item has no mapping for key 'fields'"),
        ("{name: e, fields: [proc.name], comps: [in, in]}", "Fields and comps lists must have equal length"),
        ("{name: e, fields: proc.name, comps: [in]}", "Fields and comps must both be strings"),
        (
            "{name: e, fields: proc.name, comps: contains}",
            "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator (e.g. \
             startswith oneof)",
        ),
        ("{name: e, fields: [proc.name], comps: [like]}", "'like' is not a supported comparison operator"),
        ("{name: e, fields: [no.field]}", "'no.field' is not a supported filter field"),
        ("{name: e, fields: proc.name, values: a}", "Rule exception values must be a sequence"),
        ("{name: e, fields: proc.name, values: [[a]]}", "Expected values array to contain a list of strings"),
        (
            "{name: e, fields: [proc.name], values: [[a, b]]}",
            "Fields and values lists must have equal length",
        ),
        ("{name: e, fields: [proc.name], values: [a]}", "Fields and values lists must have equal length"),
    ] {
        check_sentence(&format!("{rule}, exceptions: [{exception}]}}\n"), want);
    }
    let known = "exceptions: [{name: e, fields: proc.name, values: [a]}]";
    for (exception, want) in [
        (
            "{name: e, fields: proc.name, values: [b]}",
            "Can not append exception fields to existing exception, only values",
        ),
        (
            "{name: e, comps: in, values: [b]}",
            "Can not append exception comps to existing exception, only values",
        ),
        ("{name: f, values: [b]}", "Rule exception must have fields property with a list of fields"),
        ("{name: f, fields: proc.name}", "Rule exception must have values property with a list of values"),
        ("{name: e}", "Overriding/appending exception with no values"),
    ] {
        let change = format!("{{rule: r, exceptions: [{exception}], override: {{exceptions: append}}}}");
        check_sentence(&format!("{rule}, {known}}}\n- {change}\n"), want);
    }
}

#[test]
fn conditions_and_outputs_are_refused_with_falco_s_messages() {
    let rule = |condition: &str, output: &str| {
        format!(
            "- rule: r\n  desc: d\n  priority: INFO\n  output: '{output}'\n  condition: >-\n    {condition}\n"
        )
    };
    for (condition, want) in [
        ("evt.type=open evt.type=close", "unexpected token after 'open', expecting 'or', 'and'"),
        ("evt.type in (open, close) or", "expected blank or '(' after 'or'"),
        ("no.field = 1", "filter_check called with nonexistent field no.field"),
        ("evt.type = opne", "unknown event type opne"),
        ("nothing", "Undefined macro 'nothing' used in filter."),
        ("proc.pid = abc", "abc is not a valid number"),
        ("evt.is_io_read = 3", "filter error: unrecognized boolean value 3"),
        ("fd.sip = abc", "unrecognized IP address abc"),
        ("fd.snet = 1.2.3.4", "unrecognized IP network 1.2.3.4"),
        (
            "evt.buffer bcontains zz",
            "filter error: bcontains and bstartswith operator support hex strings only",
        ),
        ("proc.pid contains 5", "filter error: 'contains' operator not supported for numeric filters"),
        ("evt.is_io_read contains 5", "filter error: 'contains' operator not supported for numeric filters"),
        (
            "fd.sip contains 5",
            "filter error: 'contains' operator not supported for ip address and network filters",
        ),
        ("evt.buffer glob x", "filter error: 'glob' operator not supported for buffer filters"),
        ("proc.name bcontains 00", "filter error: 'bcontains' operator not supported for string filters"),
        ("fd.snet = val(fd.sip)", "field type 'IPNET' doesn't support right-hand side fields"),
        ("evt.arg.nothing = 1", "unknown event argument nothing"),
        ("proc.name = proc.pname", "'proc.pname' may be a valid field misused as a const string value"),
        (
            "proc.name regex abc",
            "regex check with 'abc' may be optimized with simpler operators such as '=', 'contains', 'startswith', \
             'endswith'",
        ),
        (
            "evt.type = open and evt.dir = <",
            "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' always \
             evaluates to false. The rule expression can be simplified by removing the condition on 'evt.dir'",
        ),
        ("evt.type = open and evt.latency > 5", "field is not available due to the drop of enter events."),
    ] {
        check_sentence(&rule(condition, "o"), want);
    }
    let both = rule("evt.type = open and evt.latency > 5 and evt.latency.ns > 5", "o");
    assert_eq!(sentences(&both).len(), 2, "one for each field");
    for (output, want) in [
        ("%no.field", "unknown filter: unexpected token after '"),
        ("at the end %", "invalid formatting syntax: formatting cannot end with a %"),
        ("at the end %12", "invalid formatting syntax: formatting cannot end with a number"),
        ("%evt.dir", "usage of deprecated field 'evt.dir' has been detected in the rule output"),
    ] {
        check_sentence(&rule("evt.type = open", output), want);
    }
}

#[test]
fn a_comparison_with_na_is_reported() {
    let mut set = eyas::sinsp::plugin::PluginSet::default();
    set.add(Arc::new(eyas::audit::k8saudit()), "").unwrap();
    let builder = RuleSet::builder(Arc::new(schema())).add_schema(Arc::new(set.schema("k8s_audit")));
    let mut loader = builder.loader();
    let rule = |condition: &str| {
        format!(
            "- {{rule: r, desc: d, condition: '{condition}', output: o, priority: INFO, source: k8s_audit}}\n"
        )
    };
    for (condition, said) in [
        ("ka.verb = <NA>", true),
        ("ka.verb in (a, <NA>)", true),
        ("not ka.verb != \"<NA>\"", true),
        ("ka.verb contains <NA>", false),
        ("ka.verb exists", false),
        ("evt.source = <NA>", false),
    ] {
        let result = loader.load(&RuleSource::new("r.yaml", rule(condition)));
        assert!(result.successful(), "{}", result.verbose());
        let found = result.warnings.iter().find(|warning| warning.code.code() == "LOAD_UNSAFE_NA_CHECK");
        assert_eq!(found.is_some(), said, "{condition}");
        if let Some(warning) = found {
            assert_eq!(warning.message, "", "Falco has no more than the code");
            assert!(warning.to_diagnostic().help[0].ends_with("`ka.verb exists`"));
        }
    }
}
