//! Arguments that print something and end, and those that are wrong.

use std::process::{Command, Output};

use serde_json::Value;

mod common;

use common::Dir;

fn falco(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco")).args(["-c", "/dev/null"]).args(args).output().unwrap()
}

/// What is printed by arguments that are right.
fn printed(args: &[&str]) -> String {
    let out = falco(args);
    assert!(out.status.success(), "{args:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// What is said of arguments that are wrong.
fn refused(args: &[&str]) -> String {
    let out = falco(args);
    assert_eq!(out.status.code(), Some(1), "{args:?}: {out:?}");
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn versions_are_printed_as_falco_prints_them() {
    let text = printed(&["--version"]);
    assert!(text.starts_with("Falco version: 0.44.1"), "{text}");
    for line in
        ["Libs version:  0.25.4", "Plugin API:    3.12.0", "Engine:        0.62.0", "  Schema version: "]
    {
        assert!(text.contains(&format!("\n{line}")), "{text}");
    }
    let json: Value = serde_json::from_str(&printed(&["--version", "-o", "json_output=true"])).unwrap();
    assert_eq!(json["engine_version_semver"], "0.62.0");
}

#[test]
fn a_report_has_the_configuration_and_the_rules() {
    let dir = Dir::new("support");
    let rules = dir.write("rules.yaml", "- list: one\n  items: [a]\n");
    let config = dir.write("falco.yaml", "json_output: true\n");
    let (rules, config) = (rules.to_str().unwrap(), config.to_str().unwrap());
    let report: Value = serde_json::from_str(&printed(&["-c", config, "--support", "-r", rules])).unwrap();
    assert_eq!(report["config"], "json_output: true\n");
    assert_eq!(report["rules_files"][0]["name"], rules);
    assert_eq!(report["rules_files"][0]["contents"], "- list: one\n  items: [a]\n");
    assert_eq!(report["system_info"]["sysname"], "Linux");
    assert!(report["cmdline"].as_str().unwrap().contains("--support"));
}

#[test]
fn there_are_no_plugins() {
    assert_eq!(printed(&["--list-plugins"]), "0 Plugins Loaded:\n");
    assert!(refused(&["--plugin-info", "json"]).contains("can't find plugin `json`"));
}

#[test]
fn sources_are_checked_unless_a_capture_is_replayed() {
    let rules = common::root().join("demo/rules.yaml");
    let rules = ["--dry-run", "-r", rules.to_str().unwrap()];
    let with = |more: &[&'static str]| [&rules[..], more].concat();
    printed(&with(&["--enable-source", "syscall"]));
    let unknown = refused(&with(&["--enable-source", "syscall", "--enable-source", "k8s_audit"]));
    assert!(unknown.contains("Attempted enabling an unknown event source: k8s_audit"), "{unknown}");
    let unknown = refused(&with(&["--disable-source", "none"]));
    assert!(unknown.contains("Attempted disabling an unknown event source: none"), "{unknown}");
    assert!(
        refused(&with(&["--disable-source", "syscall"])).contains("Must enable at least one event source")
    );
    let mixed = refused(&with(&["--enable-source", "syscall", "--disable-source", "syscall"]));
    assert!(mixed.contains("cannot be used with"), "{mixed}");
    printed(&with(&["--disable-source", "syscall", "-e", "capture.scap"]));
}

#[test]
fn what_is_given_twice_counts_once_and_mistakes_end_with_1() {
    let rules = common::root().join("demo/rules.yaml");
    printed(&["-v", "-v", "-N", "-M", "1", "-M", "2", "--dry-run", "-r", rules.to_str().unwrap()]);
    assert!(refused(&["--none"]).contains("unexpected argument"));
    assert_eq!(falco(&["--help"]).status.code(), Some(0));
}
