//! Tests the example that tests lines of JSON with rules.

use std::io::Write;
use std::process::{Command, Stdio};

/// The output of the example for these lines.
fn alerts(args: &[&str], lines: &str) -> Vec<String> {
    let tests = std::env::current_exe().unwrap();
    let example = tests.parent().unwrap().parent().unwrap().join("examples/embed_rules");
    let mut child = Command::new(example)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo test builds the examples");
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

const LOG: &str = r#"{"client":"203.0.113.9","status":401,"request":{"path":"/login/form"},"labels":{"user":"root"}}
{"client":"10.1.2.3","status":401,"request":{"path":"/login"}}
{"client":"203.0.113.9","status":200,"request":{"path":"/login"}}
{"client":"::1","status":503,"request":{"path":"/"},"tags":["slow","oom"]}
{"status":200,"tags":["panic"]}
"#;

#[test]
fn rules_match_lines_of_json() {
    let found = alerts(&[], LOG);
    let messages: Vec<&str> = found
        .iter()
        .map(|line| line.split("\"message\":\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "login failed | client=203.0.113.9 user=root status=401",
            "server error | path=/ status=503 tags=(slow,oom)",
            "server error | path=<NA> status=200 tags=(panic)",
        ]
    );
    assert!(
        found[0].contains(r#""http.status":401"#) && found[0].contains(r#""source":"http""#),
        "{}",
        found[0]
    );
}
