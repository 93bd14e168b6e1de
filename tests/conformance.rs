//! Conditions and rules files that the real Falco accepted or rejected, with its error codes.

use eyas_testing::{data_or_ignore, test};
use std::sync::Arc;

use eyas::rules::{LoadResult, RuleSet, RuleSource};
use eyas::sinsp::schema;
use serde_json::Value;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A rules file with the vector's lists and macros and one rule.
fn file(vector: &Value) -> String {
    let mut out = String::new();
    for (name, items) in vector["lists"].as_object().into_iter().flatten() {
        out.push_str(&format!("- list: {name}\n  items: {items}\n"));
    }
    for (name, condition) in vector["macros"].as_object().into_iter().flatten() {
        out.push_str(&format!("- macro: {name}\n  condition: {}\n", quoted(condition.as_str().unwrap())));
    }
    let condition = quoted(vector["condition"].as_str().unwrap());
    out + &format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
}

fn codes(result: &LoadResult) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut warnings: Vec<_> = result.warnings.iter().map(|w| w.code.code()).collect();
    warnings.sort_unstable();
    warnings.dedup();
    (result.errors.iter().map(|e| e.code.code()).collect(), warnings)
}

fn words(list: &Value) -> Vec<&str> {
    let mut words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Conditions on which eyas differs on purpose; docs/compatibility.md has the reasons.
const DELIBERATE: [&str; 9] = [
    // An escape that Falco refuses.
    r#"fd.name="\x41""#,
    // No event satisfies this condition, so eyas does not warn about too many types.
    // An escape that empties its list.
    r#"proc.name in ("a\qb")"#,
    // Fields that Falco has from a plugin.
    "container.id=host",
    "k8s.ns.name=x",
    // No event satisfies it.
    "syscall.type=nosuchsyscall",
    // Falco ends with an exception.
    "evt.type=val(syscall.type)",
    "tolower(evt.type)=open",
    "tolower(proc.name,proc.pname)=x",
    // No event satisfies it.
    "(m) and not(m)",
];

#[test]
fn conditions_are_accepted_and_refused_as_by_falco() {
    let path = data_or_ignore("spec/conformance/conditions.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut agree, mut deliberate, mut differ) = (0, Vec::new(), Vec::new());
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let mut loader = RuleSet::builder(Arc::new(schema())).loader();
        let result = loader.load(&RuleSource::new("v.yaml", file(&vector)));
        let (errors, warnings) = codes(result);
        let same = match vector["code"].as_str() {
            Some(code) => errors == [code],
            // The vectors do not contain warnings about unused items.
            None => {
                let warnings: Vec<_> =
                    warnings.iter().filter(|w| !w.starts_with("LOAD_UNUSED")).copied().collect();
                errors.is_empty() && warnings == words(&vector["warnings"])
            }
        };
        if same {
            agree += 1;
        } else if DELIBERATE.contains(&vector["condition"].as_str().unwrap()) {
            deliberate.push(vector["condition"].as_str().unwrap().to_owned());
        } else {
            let message = result.errors.first().map(|e| e.message.clone()).unwrap_or_default();
            let shown: String = vector["condition"].as_str().unwrap().chars().take(80).collect();
            differ.push(format!(
                "{shown}: {} {}: {errors:?} {warnings:?} {message}",
                vector["code"], vector["warnings"]
            ));
        }
    }
    assert_eq!(deliberate, DELIBERATE, "these differ on purpose");
    assert!(agree > 400, "{agree}");
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn rules_files_load_with_the_codes_that_falco_gives() {
    let dir = data_or_ignore("spec/conformance/rules-files");
    let index: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("index.json")).unwrap()).unwrap();
    let (mut agree, mut differ) = (0, Vec::new());
    for case in index["cases"].as_array().unwrap() {
        let mut loader = RuleSet::builder(Arc::new(schema())).loader();
        let name = case["case"].as_str().unwrap();
        let mut same = true;
        let mut shown = String::new();
        for (file, want) in
            case["files"].as_array().unwrap().iter().zip(case["results"].as_array().into_iter().flatten())
        {
            let file = file.as_str().unwrap();
            let Ok(text) = std::fs::read_to_string(dir.join(file)) else { continue };
            let result = loader.load(&RuleSource::new(file, text));
            let (errors, warnings) = codes(result);
            same &= errors == words(&want["errors"]) && warnings == words(&want["warnings"]);
            let schema = result.schema_validation();
            let at: Vec<Value> = result
                .errors
                .iter()
                .filter_map(|e| e.context.innermost())
                .map(|l| serde_json::json!([l.item_type, l.item_name]))
                .collect();
            same &= want["error_at"].as_array() == Some(&at);
            same &= want["schema"].as_str().is_some_and(|wanted| schema.starts_with(wanted));
            let message = result.errors.first().map(|e| e.message.clone()).unwrap_or_default();
            shown.push_str(&format!(
                "{errors:?} {warnings:?} {schema} {at:?} {message} / {} {} {} {}",
                want["errors"], want["warnings"], want["schema"], want["error_at"]
            ));
        }
        if same || case.get("fatal").is_some() {
            agree += 1;
        } else {
            differ.push(format!("{name}: {shown}"));
        }
    }
    println!("{agree} agree, {} differ:\n{}", differ.len(), differ.join("\n"));
    assert!(differ.is_empty(), "{} differ", differ.len());
}
