//! `--model-pushdown` and `--explain-pushdown`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use eyas_testing::test;
use serde_json::{Value, json};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn falco(args: &[&str]) -> Output {
    let demo = root().join("demo");
    falco_with(&[demo.join("rules.yaml")], &demo.join("demo.scap.gz"), args)
}

fn falco_with(rules: &[PathBuf], capture: &Path, args: &[&str]) -> Output {
    let out = run(rules, capture, args);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out
}

fn run(rules: &[PathBuf], capture: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
    command.args(rules.iter().flat_map(|file| [Path::new("-r"), file]));
    command.arg("-e").arg(capture).args(args).output().unwrap()
}

/// The explanation of the rules in a text.
fn explained(rules: &str) -> String {
    let dir = eyas_testing::Dir::new("explained");
    let file = dir.join("rules.yaml");
    std::fs::write(&file, rules).unwrap();
    let capture = root().join("demo/demo.scap.gz");
    String::from_utf8(falco_with(&[file], &capture, &["--explain-pushdown"]).stdout).unwrap()
}

#[test]
fn hints_are_given_for_events_that_pass() {
    let rule = |condition: &str| {
        format!("- {{rule: r, desc: d, condition: {condition:?}, output: o, priority: INFO}}\n")
    };
    let only_type = "the rule tests only the event type";
    let nothing_kept = "no part is decided by the event alone";
    for (condition, hint) in [
        ("evt.type = execve", Some(only_type)),
        ("evt.type = execve and proc.exepath startswith /tmp/", None),
        ("evt.type = execve and proc.tty = 3", Some(nothing_kept)),
        ("evt.type = chmod and evt.rawres >= 0", None),
    ] {
        let text = explained(&rule(condition));
        let found = text.lines().find_map(|line| line.split_once("hint: ")).map(|(_, hint)| hint);
        assert_eq!(found.is_some(), hint.is_some(), "{text}");
        assert!(hint.is_none_or(|hint| found.unwrap().starts_with(hint)), "{text}");
    }
}

#[test]
fn each_type_is_listed_once() {
    let rule = "- {rule: r, desc: d, condition: 'evt.type in (open, openat, mount) and evt.rawarg.flags > 2', \
                output: o, priority: INFO}\n";
    let text = explained(rule);
    let types = text.lines().skip(1).filter_map(|line| line.strip_prefix("  ")?.split_once(": "));
    let mut names: Vec<&str> =
        types.filter(|(types, _)| !types.starts_with(' ')).flat_map(|(types, _)| types.split(", ")).collect();
    names.sort_unstable();
    assert_eq!(names, ["mount", "move_mount", "open", "openat"], "{text}");
}

#[test]
fn alerts_are_the_same_with_every_rules_file_and_capture() {
    let rules = eyas_testing::data_or_ignore("spec/conformance/rules-files");
    let files = |dir: &Path, end: &str| {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|path| path.to_str().is_some_and(|path| path.ends_with(end))).collect();
        files.sort();
        files
    };
    let captures: Vec<PathBuf> = ["captures/upstream", "captures/synthetic"]
        .iter()
        .map(eyas_testing::data_or_ignore)
        .flat_map(|dir| [files(&dir, ".scap"), files(&dir, ".scap.gz")].concat())
        .chain([root().join("demo/demo.scap.gz")])
        .filter(|path| path.metadata().unwrap().len() < 100 << 10)
        .collect();
    let official: Vec<_> = ["falco_rules", "falco-incubating_rules", "falco-sandbox_rules"]
        .map(|name| eyas_testing::data_or_ignore("rules").join(format!("{name}.yaml")))
        .into();
    // Each capture with the official rules, and each other file with one capture.
    let mut pairs: Vec<_> = captures.iter().map(|capture| (official.clone(), capture.clone())).collect();
    let others = files(&rules, ".yaml").into_iter().enumerate();
    pairs.extend(others.map(|(at, file)| (vec![file], captures[at % captures.len()].clone())));
    let counts = eyas_testing::on_all_cpus(pairs, |(rules, capture)| {
        let plain = run(&rules, &capture, &[]);
        let filtered = run(&rules, &capture, &["--model-pushdown"]);
        let shown = format!("{rules:?} {}", capture.display());
        assert_eq!(plain.status, filtered.status, "{shown}");
        assert!(plain.stdout == filtered.stdout, "{shown}");
        [usize::from(plain.status.success()), usize::from(!plain.stdout.is_empty())]
    });
    let [loaded, with_alerts] = counts.into_iter().fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    assert!(loaded > 40 && with_alerts > 5, "{loaded} replays, {with_alerts} with alerts");
}

#[test]
fn alerts_are_the_same_with_fewer_events() {
    let plain = falco(&[]);
    for threads in ["1", "2"] {
        let filtered = falco(&["--model-pushdown", "--threads", threads]);
        assert_eq!(filtered.stdout, plain.stdout);
        let log = String::from_utf8(filtered.stderr).unwrap();
        let line = log.lines().find(|line| line.contains("did not come to the rules")).unwrap();
        let shares: Vec<f64> =
            line.split('(').skip(1).map(|part| part.split_once(" %").unwrap().0.parse().unwrap()).collect();
        let [share, unsent] = shares[..] else { panic!("{line}") };
        // The state needs some of the events, such as starts of processes.
        assert!(share > 50.0 && share < 100.0 && unsent > 10.0 && unsent < 100.0, "{line}");
    }
}

#[test]
fn the_explanation_of_each_rule_is_consistent() {
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

#[test]
fn the_explanation_names_the_files_that_rules_use() {
    let dir = eyas_testing::Dir::new("uses");
    let file = dir.join("rules.yaml");
    let explained = |rules: &str, format: &str| {
        std::fs::write(&file, rules).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
        let out = command.args(["--explain-pushdown", "--format", format, "-r"]).arg(&file).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let rules = "\
- {rule: opens, desc: d, condition: evt.type = openat and fd.name = /etc/shadow, output: '%fd.name', priority: INFO}
- {rule: writes, desc: d, condition: evt.type = write and fd.name = /x, output: o, priority: INFO, enabled: false}
- {rule: pipes, desc: d, condition: evt.type = dup and fd.type = pipe, output: o, priority: INFO}
";
    let text = explained(rules, "text");
    let uses: Vec<&str> =
        text.lines().filter(|line| line.contains("make, copy or close")).map(str::trim).collect();
    assert!(text.contains("\nwrites (disabled)\n"), "{text}");
    assert_eq!(
        uses,
        [
            "uses the file of a write by fd.name: the probe would send all events that make, copy or close files of every kind",
            "uses the pipe of a dup by fd.type: the probe sends all events that make, copy or close pipes",
            // The disabled rule does not count.
            "The probe sends all events that make, copy or close pipes, because rule 'pipes' uses the pipe of a dup by fd.type",
        ]
    );
    let rules: Vec<Value> = serde_json::from_str(&explained(rules, "json")).unwrap();
    let of = |at: usize| (&rules[at]["enabled"], rules[at]["uses_files"].as_array().unwrap().len());
    assert_eq!([of(0), of(1), of(2)], [(&json!(true), 0), (&json!(false), 1), (&json!(true), 1)]);
    let pipe = json!({"kind": "pipe", "event_type": "dup", "field": "fd.type", "hint": null});
    assert_eq!(rules[2]["uses_files"][0], pipe);
    assert!(rules[1]["uses_files"][0]["hint"].as_str().unwrap().contains("when the file is opened"));
}
