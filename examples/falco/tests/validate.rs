//! What `falco` says of rules files, and where.

use eyas_testing::test;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// A rules file in a directory of this test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("validate");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn rule(condition: &str) -> String {
    format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
}

fn falco(path: &Path, args: &[&str]) -> (Output, String, String) {
    let path = path.to_str().unwrap();
    let args: Vec<&str> = args.iter().map(|arg| if *arg == "FILE" { path } else { arg }).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_falco")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn an_invalid_file_is_drawn_on_standard_error() {
    let path = file("invalid.yaml", &rule("evt.type = open and fd.nam = x"));
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert_eq!(output.status.code(), Some(1));
    // What a program reads is Falco's text.
    let file = path.display();
    let falcos = format!(
        "{file}: Invalid\n1 Errors:\nIn rules content: ({file}:0:0)\n    rule 'r': ({file}:0:2)\n    \
         rule condition: ({file}:2:13)\n    condition expression: (\"evt.type = open a...\":3:34)\n------\n\
         evt.type = open and fd.nam = x\n                    ^\n------\n\
         LOAD_ERR_COMPILE_CONDITION (Error compiling condition): \
         filter_check called with nonexistent field fd.nam\n\n"
    );
    assert_eq!(out, falcos);
    assert!(err.contains("unknown field `fd.nam`") && err.contains("invalid.yaml:3:34"), "{err}");
    assert!(err.ends_with("1 error\n") && !err.contains('\u{1b}'), "{err}");
    let (output, out, err) = falco(&path, &["-r", "FILE", "--dry-run"]);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""));
    assert!(err.contains("unknown field `fd.nam`") && err.contains("does not load"), "{err}");
}

#[test]
fn of_rules_without_fault_nothing_is_said() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/rules.yaml");
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success() && err.is_empty(), "{err}");
    assert_eq!(out, format!("{}: Ok\n", path.display()));
}

#[test]
fn oddities_are_shown_when_asked_for() {
    let path = file("odd.yaml", &rule("evt.type = open and fd.name in ()"));
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success());
    assert_eq!(out, format!("{}: Ok\n", path.display()));
    assert!(err.contains("warning[EYAS_NEVER_MATCHES]"), "{err}");
    let (output, _, err) = falco(&path, &["-r", "FILE", "--dry-run"]);
    assert!(output.status.success());
    assert!(!err.contains("EYAS_"), "{err}");
    assert!(err.contains("| schema validation: ok"), "{err}");
}

#[test]
fn json_is_as_falco_writes_it() {
    let text = rule("evt.type = open and fd.name in ()") + "  tag: [x]\n";
    let path = file("json.yaml", &text);
    let (output, out, err) = falco(&path, &["-V", "FILE", "-o", "json_output=true"]);
    assert!(output.status.success() && err.is_empty(), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let result = &json["falco_load_results"][0];
    assert_eq!(result["successful"], true);
    assert_eq!(result["schema_valid"], false);
    assert!(result["schema_warnings"][0].as_str().unwrap().ends_with("constraints: 'tag'."));
    assert_eq!(result["warnings"][0]["code"], "LOAD_UNKNOWN_KEY");
    assert!(!out.contains("EYAS_"));
    let keys: Vec<&String> = result.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["errors", "name", "schema_valid", "schema_warnings", "successful", "warnings"]);
}

#[test]
fn the_official_rules_are_quiet() {
    let path = eyas_testing::data_or_ignore("rules/falco_rules.yaml");
    let (output, out, err) = falco(&path, &["-r", "FILE", "--dry-run"]);
    assert!(output.status.success() && out.is_empty(), "{out}");
    assert_eq!(err.lines().count(), 2, "{err}");
    let (output, _, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success());
    assert!(!err.contains("error[") && err.matches("warning[").count() < 20, "{err}");
}
