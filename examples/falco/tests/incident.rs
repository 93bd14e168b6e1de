//! `--incident`: the report of a capture.

use std::process::{Command, Output};

use expect_test::expect_file;

mod common;

use common::Dir;

fn report(rules: &str, capture: &std::path::Path) -> Output {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    // Times are in UTC whatever the time zone.
    falco.env("TZ", "Asia/Tokyo").args(["-c", "/dev/null", "-o", "log_level=error", "-r", rules]);
    falco.arg("--incident").arg(capture).output().unwrap()
}

fn text(out: &Output) -> String {
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout.clone()).unwrap()
}

#[test]
fn a_report_says_what_happened() {
    let rules = common::root().join("demo/rules.yaml");
    let text = text(&report(rules.to_str().unwrap(), &common::demo()));
    expect_file!["incident.txt"].assert_eq(&text);
}

#[test]
fn the_complete_part_of_a_truncated_capture_is_reported() {
    let dir = Dir::new("incident");
    let rules = common::root().join("demo/rules.yaml");
    let pieces = common::demo_pieces();
    let mut bytes = pieces[..pieces.len() / 2].concat();
    bytes.truncate(bytes.len() - 10);
    std::fs::write(dir.join("half.scap"), bytes).unwrap();
    let text = text(&report(rules.to_str().unwrap(), &dir.join("half.scap")));
    assert!(text.contains("the file breaks off: ") && text.contains("Password file read"), "{text}");
}

#[test]
fn a_capture_without_alerts_says_what_to_do() {
    let dir = Dir::new("incident-none");
    let rule =
        "- {rule: r, desc: d, condition: evt.type = bpf and proc.name = nobody, output: o, priority: INFO}\n";
    let rules = dir.write("rules.yaml", rule);
    let text = text(&report(rules.to_str().unwrap(), &common::demo()));
    assert!(text.contains("No rule has an alert in this capture"), "{text}");
    assert!(text.contains("-r FILE") && !text.contains("Timeline"), "{text}");
}

#[test]
fn a_stream_that_cannot_be_read_twice_is_refused() {
    let rules = common::root().join("demo/rules.yaml");
    let out = report(rules.to_str().unwrap(), "-".as_ref());
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stderr).unwrap().contains("give a file instead of standard input"));
}

#[test]
fn a_report_is_a_page_too() {
    let dir = Dir::new("incident-page");
    let rules = common::root().join("demo/rules.yaml");
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args(["-c", "/dev/null", "-o", "log_level=error", "-r", rules.to_str().unwrap(), "--incident"]);
    let out = falco.arg(common::demo()).arg("--page").arg(dir.join("page.html")).output().unwrap();
    assert_eq!(text(&out), "");
    let page = std::fs::read_to_string(dir.join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("Password file read"));
    assert!(page.contains("<svg id=\"slice\"") && page.ends_with("</html>\n"));
}
