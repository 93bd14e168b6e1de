//! Alerts of the program: for the sample, and compared with the real Falco.

use eyas_testing::{Dir, data_or_ignore, test};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn falco(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco"))
        .args(args)
        .env("FALCO_HOSTNAME", "vm")
        .env("TZ", "UTC")
        .output()
        .unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn replay(capture: &Path, rules: &[PathBuf], more: &[&str]) -> Output {
    let capture = format!("engine.replay.capture_file={}", capture.display());
    let mut args = vec!["-o", "engine.kind=replay", "-o", &capture];
    let names: Vec<&str> = rules.iter().map(|path| path.to_str().unwrap()).collect();
    for name in names {
        args.extend(["-r", name]);
    }
    args.extend(more);
    falco(&args)
}

#[test]
fn the_sample_raises_its_alerts() {
    let rules = [root().join("demo/rules.yaml")];
    let out = replay(&root().join("demo/demo.scap.gz"), &rules, &[]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "19:15:35.267018253: Warning Password file read | file=/etc/shadow process=cat command=cat /etc/shadow \
         parent=bash user=root container=host"
    );
    assert!(text.contains("\nEvents detected: 6\n"), "{text}");
    assert!(text.contains("\n   Path that climbs: 2\n"), "{text}");
}

/// Falco 0.44 writes U+FFFD for each control character; eyas keeps them.
fn replace_control_characters(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace(|c: char| c.is_control(), "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(replace_control_characters),
        Value::Object(items) => items.values_mut().for_each(replace_control_characters),
        _ => {}
    }
}

/// Falco shows the server's end as local on both sides of a connection within one machine.
fn swap_ends_within_one_machine(alert: &mut Value) {
    let fields = &mut alert["output_fields"];
    assert_eq!(fields["fd.sip"], "127.0.0.1", "the connection is not within one machine");
    let (local, remote) = (fields["fd.lport"].take(), fields["fd.rport"].take());
    let before = format!("lport={local} rport={remote}");
    let after = format!("lport={remote} rport={local}");
    (fields["fd.lport"], fields["fd.rport"]) = (remote, local);
    let output = alert["output"].as_str().unwrap().replace(&before, &after);
    alert["output"] = output.into();
}

/// Alerts by time and rule.
fn alerts(text: &str) -> BTreeMap<(String, String), Vec<Value>> {
    let mut out: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let mut alert: Value = serde_json::from_str(line).unwrap();
        replace_control_characters(&mut alert);
        let key = (alert["time"].as_str().unwrap().to_owned(), alert["rule"].as_str().unwrap().to_owned());
        out.entry(key).or_default().push(alert);
    }
    out
}

#[test]
fn alerts_are_those_of_falco() {
    let rules = data_or_ignore("rules");
    let dir = data_or_ignore("captures");
    let file = |name: &str| rules.join(name);
    let stable = vec![file("falco_rules.yaml")];
    let every =
        vec![file("falco_rules.yaml"), file("falco-incubating_rules.yaml"), file("falco-sandbox_rules.yaml")];
    let mut captures: Vec<(PathBuf, PathBuf)> = ["attack", "gcc", "nginx"]
        .map(|name| (dir.join(format!("{name}.scap.gz")), dir.join(format!("golden/{name}"))))
        .into();
    for entry in std::fs::read_dir(data_or_ignore("captures/upstream")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|e| e == "scap") {
            captures.push((path, dir.join(format!("upstream/golden/{stem}"))));
        }
    }
    let options = [
        "-o",
        "json_output=true",
        "-o",
        "time_format_iso_8601=true",
        "-o",
        "append_output[]={suggested_output: true}",
    ];
    let all: Vec<&str> = options.iter().copied().chain(["-o", "rule_matching=all"]).collect();
    let sets: [(&str, &[PathBuf], &[&str]); 3] = [
        ("falco", &stable, &options),
        ("falco_allrules", &every, &options),
        ("falco_allrules_matchall", &every, &all),
    ];
    let equal = eyas_testing::on_all_cpus(&captures, |(capture, golden)| {
        let mut equal = 0;
        for (suffix, rules, more) in &sets {
            let golden = PathBuf::from(format!("{}.{suffix}.alerts.jsonl", golden.display()));
            let Ok(golden_text) = std::fs::read_to_string(&golden) else { continue };
            let out = replay(capture, rules, more);
            assert!(out.status.success(), "{}: {}", capture.display(), String::from_utf8_lossy(&out.stderr));
            let ours = alerts(&String::from_utf8(out.stdout).unwrap());
            let golden = alerts(&golden_text);
            let name = format!("{} {suffix}", capture.display());
            assert_eq!(ours.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>(), "{name}");
            for (key, alert) in &golden {
                let mut alert = alert.clone();
                if ours[key] != alert {
                    alert.iter_mut().for_each(swap_ends_within_one_machine);
                }
                assert_eq!(ours[key], alert, "{name}");
                equal += 1;
            }
        }
        equal
    });
    // All times and rules in Falco's outputs.
    assert_eq!(equal.into_iter().sum::<usize>(), 200);
}

#[test]
fn files_that_a_configuration_names_need_not_all_be_there() {
    let dir = Dir::new("falco-absent");
    let config = dir.join("falco.yaml");
    let rules = root().join("demo/rules.yaml");
    let (absent, rules) = (dir.join("rules.d"), rules.display());
    let text = format!("config_files: [{0}]\nrules_files: [{rules}, {0}]\n", absent.display());
    std::fs::write(&config, text).unwrap();
    let capture = root().join("demo/demo.scap.gz");
    let (config, capture) = (config.to_str().unwrap(), capture.to_str().unwrap());
    let out = falco(&["-c", config, "-e", capture]);
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && log.contains("rules.d | does not exist"), "{log}");
    assert!(String::from_utf8_lossy(&out.stdout).contains("\nEvents detected: 6\n"));
    // Without rules, falco would detect nothing.
    let out = falco(&["-c", config, "-e", capture, "-o", "rules_files=[/nonexistent]"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("Error: no rules"));
    let out = falco(&["-c", config, "-e", capture, "-r", "/nonexistent"]);
    assert!(
        String::from_utf8_lossy(&out.stderr)
            .contains("Error: Could not open file /nonexistent for reading: No such file")
    );
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn mistakes_are_named_on_one_line() {
    let rules = root().join("demo/rules.yaml");
    let rules = rules.to_str().unwrap();
    for (args, want) in [
        (
            &["-r", "/nonexistent.yaml"][..],
            "Error: Could not open file /nonexistent.yaml for reading: No such file",
        ),
        (&["-o", "engine.kind=nodriver"], "You must specify at least one rules file/directory via -r"),
        (&["-o", "engine.kind=replay", "--dry-run"], "but no engine.replay.capture_file specified"),
        (&["-r", rules, "-o", "engine.kind=replay"], "no engine.replay.capture_file specified"),
        (&["-r", rules, "-o", "engine.kind=kmod"], "Error: engine.kind `kmod`"),
        (
            &["-r", rules, "-o", "engine.kind=replay", "-o", "engine.replay.capture_file=/x"],
            "Could not open trace filename /x for reading: cannot open capture /x",
        ),
        (&["-c", "/nonexistent.yaml"], "Could not find configuration file at /nonexistent.yaml"),
    ] {
        let out = falco(args);
        let text = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        let line = text.lines().find(|line| line.starts_with("Error: ")).unwrap_or_default();
        assert!(line.contains(want), "{args:?}: {text}");
    }
}
