//! Replays: on several threads, and with the costs of rules.

use eyas_testing::{Dir, test};
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn replay(rules: &[PathBuf], capture: &Path, more: &[&str]) -> String {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    for file in rules {
        falco.arg("-r").arg(file);
    }
    let out = falco.arg("-e").arg(capture).args(["-o", "rule_matching=all"]).args(more).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    same_alerts_with_any_number_of_threads(&[root.join("demo/rules.yaml")], &root.join("demo/demo.scap.gz"));
}

#[test]
fn the_number_of_threads_changes_nothing_of_the_official_rules() {
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let rules = names.map(|name| eyas_testing::data_or_ignore(format!("rules/{name}")));
    same_alerts_with_any_number_of_threads(&rules, &eyas_testing::data_or_ignore("captures/attack.scap.gz"));
}

fn same_alerts_with_any_number_of_threads(rules: &[PathBuf], capture: &Path) {
    let alone = replay(rules, capture, &[]);
    assert!(alone.lines().count() > 5, "{alone}");
    for threads in ["2", "3", "8"] {
        let together = replay(rules, capture, &["--threads", threads]);
        assert_eq!(together, alone, "{threads} threads, {}", capture.display());
    }
    let some = replay(rules, capture, &["--threads", "4", "-M", "1"]);
    assert_eq!(some, replay(rules, capture, &["-M", "1"]));
}

#[test]
fn a_live_capture_refuses_several_threads() {
    let rules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/rules.yaml");
    let out = Command::new(env!("CARGO_BIN_EXE_falco"))
        .arg("-r")
        .arg(rules)
        .args(["--threads", "2"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && text.contains("--threads is for replays"), "{text}");
}

#[test]
fn rule_profile_prints_the_costs() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = replay(&[root.join("demo/rules.yaml")], &root.join("demo/demo.scap.gz"), &["--rule-profile"]);
    let (_, profile) = out.split_once("Cost of rules").expect("a profile");
    assert!(profile.contains(" events measured):\n") && profile.contains("% hold"), "{profile}");
    for name in ["tried on", "evaluated"] {
        assert!(profile.matches(name).count() > 1, "{profile}");
    }
}

/// Unprintable bytes are dots; base64 keeps all bytes.
#[test]
fn buffers_are_written_in_base64_on_request() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let rule = "- rule: buffers\n  desc: d\n  condition: evt.type = write and evt.buffer exists\n  \
                output: '[%evt.buffer] [%evt.arg.data]'\n  priority: INFO\n";
    let dir = Dir::new("buffers");
    let rules = dir.write("rules.yaml", rule);
    let of = |more: &[&str]| replay(std::slice::from_ref(&rules), &root.join("demo/demo.scap.gz"), more);
    let (dots, encoded) = (of(&[]), of(&["-o", "buffer_format_base64=true", "-o", "json_output=true"]));
    let mut count = 0;
    for (dots, line) in dots.lines().filter(|line| line.contains('[')).zip(encoded.lines()) {
        let alert: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = alert["output_fields"]["evt.buffer"].as_str().unwrap();
        assert_eq!(alert["output_fields"]["evt.arg.data"], text);
        assert!(alert["output"].as_str().unwrap().contains(&format!("[{text}] [{text}]")), "{line}");
        // Base64 has four letters for every three bytes; the text has a dot or a letter for each byte.
        let shown = dots.split_once('[').unwrap().1.split_once("] [").unwrap().0.replace("\\\"", "\"");
        assert_eq!(text.len(), shown.len().div_ceil(3) * 4, "{dots}\n{line}");
        count += 1;
    }
    assert!(count > 0, "{dots}");
}

#[test]
fn names_of_rules_do_not_change_the_terminal() {
    let dir = Dir::new("names");
    let rules = dir.join("rules.yaml");
    let rule = "- rule: \"one\\e[2J\"\n  desc: \"two\\e[2J\"\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n";
    std::fs::write(&rules, rule).unwrap();
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/demo.scap.gz");
    let listed = Command::new(env!("CARGO_BIN_EXE_falco")).arg("-L").arg("-r").arg(&rules).output().unwrap();
    let replayed = replay(&[rules], &demo, &[]);
    let [listed, replayed] = [String::from_utf8(listed.stdout).unwrap(), replayed];
    for (text, shown) in [(listed, ["one\\u001b[2J", "two\\u001b[2J"]), (replayed, ["one\\u001b[2J"; 2])] {
        assert!(!text.contains('\u{1b}') && shown.iter().all(|shown| text.contains(shown)), "{text}");
    }
}
