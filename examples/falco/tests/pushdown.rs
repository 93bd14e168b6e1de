//! `--model-pushdown` and `--explain-pushdown`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn falco(args: &[&str]) -> Output {
    let demo = root().join("demo");
    let (rules, capture) = (demo.join("rules.yaml"), demo.join("demo.scap.gz"));
    let out = Command::new(env!("CARGO_BIN_EXE_falco"))
        .args(["-r", rules.to_str().unwrap(), "-e", capture.to_str().unwrap()])
        .args(args)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out
}

#[test]
fn alerts_are_the_same_with_fewer_events() {
    let plain = falco(&[]);
    for threads in ["1", "2"] {
        let filtered = falco(&["--model-pushdown", "--threads", threads]);
        assert_eq!(filtered.stdout, plain.stdout);
        let log = String::from_utf8(filtered.stderr).unwrap();
        let line = log.lines().find(|line| line.contains("did not come to the rules")).unwrap();
        let share: f64 = line.split_once('(').unwrap().1.split(' ').next().unwrap().parse().unwrap();
        assert!(share > 50.0 && share < 100.0, "{line}");
    }
}

#[test]
fn each_rule_has_a_certificate() {
    let out = falco(&["--explain-pushdown", "--format", "json"]);
    let rules: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
    assert!(rules.len() > 2, "{rules:?}");
    for rule in &rules {
        for types in rule["types"].as_array().unwrap() {
            let (passed, events) = (types["passed"].as_u64().unwrap(), types["events"].as_u64().unwrap());
            assert!(passed <= events, "{rule}");
            let weakened = types["weakened"].as_array().unwrap();
            assert!(!types["exact"].as_bool().unwrap() || weakened.is_empty(), "{rule}");
        }
    }
    let name = "Password file read";
    let text = String::from_utf8(falco(&["--explain-pushdown", name]).stdout).unwrap();
    assert!(text.starts_with(&format!("{name}\n  open")), "{text}");
    assert!(text.contains("    kept: fd.name"), "{text}");
    assert!(text.contains("    passes: "), "{text}");
}
