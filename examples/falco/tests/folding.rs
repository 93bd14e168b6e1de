//! `alert_folding`: repeated alerts become one alert and a summary.

use std::path::Path;
use std::process::Command;

use eyas::events::{EventType, param};
use eyas::scap::{EventBuilder, Snapshot, Writer};
use serde_json::Value;

mod common;

use common::Dir;

const MS: u64 = 1_000_000;
/// All events happen within an hour of this time, ns.
const BASE: u64 = 1_700_000_000_000_000_000;

/// Writes a capture in which threads 7 and 8 change directories in turn, with an event each millisecond.
fn capture(dir: &Dir) -> std::path::PathBuf {
    let path = dir.join("in");
    let mut writer = Writer::create(&path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    for ms in 0..100 {
        let event = EventBuilder::new(EventType::SYSCALL_CHDIR_X).ts(BASE + ms * MS).tid(7 + (ms as i64 % 2));
        let event = event.int(param::SYSCALL_CHDIR_X::res, 0).text(param::SYSCALL_CHDIR_X::path, b"/tmp");
        writer.event(&event.build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn rules(dir: &Dir) -> std::path::PathBuf {
    dir.write(
        "rules.yaml",
        "- {rule: r, desc: d, condition: evt.type=chdir, output: 'chdir %thread.tid', priority: INFO}\n",
    )
}

/// Lines of alerts, and the log.
fn alerts(rules: &Path, capture: &Path, options: &[&str]) -> (Vec<String>, String) {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args(["-r".as_ref(), rules.as_os_str(), "-e".as_ref(), capture.as_os_str()]);
    for option in options.iter().chain(&["time_format_iso_8601=true"]) {
        falco.args(["-o", option]);
    }
    let out = falco.output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let lines = text.lines().filter(|line| line.contains("Informational"));
    (lines.map(str::to_owned).collect(), String::from_utf8_lossy(&out.stderr).into_owned() + &text)
}

#[test]
fn repeated_alerts_are_counted() {
    let dir = Dir::new("folding");
    let (rules, capture) = (rules(&dir), capture(&dir));
    let (plain, _) = alerts(&rules, &capture, &[]);
    assert_eq!(plain.len(), 100);
    // Folded by output: one alert of each thread, and a summary of each.
    let (lines, log) = alerts(&rules, &capture, &["alert_folding.window=10s"]);
    let ends = |line: &str, end: &str| assert!(line.ends_with(end), "{line}");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[..2], plain[..2]);
    ends(
        &lines[2],
        "chdir 7 (alert.count=50 alert.first=2023-11-14T22:13:20.000000000Z alert.last=2023-11-14T22:13:20.098000000Z)",
    );
    ends(
        &lines[3],
        "chdir 8 (alert.count=50 alert.first=2023-11-14T22:13:20.001000000Z alert.last=2023-11-14T22:13:20.099000000Z)",
    );
    assert!(log.contains("Events detected: 100\n"), "{log}");
    // Folded by a field with one value; windows of 40 ms.
    let (lines, _) = alerts(&rules, &capture, &["alert_folding={by: [evt.type], window: 40ms}"]);
    let counts: Vec<bool> = lines.iter().map(|line| line.contains("alert.count=")).collect();
    assert_eq!(counts, [false, true, false, true, false, true], "{lines:?}");
    let sum: u64 = lines
        .iter()
        .filter_map(|line| line.split("alert.count=").nth(1)?.split(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(sum, 100, "none is lost: {lines:?}");
}

#[test]
fn summaries_are_json_too() {
    let dir = Dir::new("folding-json");
    let (rules, capture) = (rules(&dir), capture(&dir));
    let file = dir.join("ecs");
    let output = format!("file_output={{enabled: true, json_schema: ecs, filename: {}}}", file.display());
    let options = ["json_output=true", "alert_folding={by: [evt.type], window: 1h}", &output];
    let (lines, _) = alerts(&rules, &capture, &options);
    let summary: Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(summary["output_fields"]["alert.count"], 100);
    assert_eq!(summary["output_fields"]["thread.tid"], 7);
    assert_eq!(summary["output_fields"]["alert.last"], "2023-11-14T22:13:20.099000000Z");
    assert!(summary["output"].as_str().unwrap().contains("(alert.count=100 "));
    let text = std::fs::read_to_string(file).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents[1]["falco"]["output_fields"]["alert.count"], 100);
}

#[test]
fn the_number_of_remembered_alerts_is_limited() {
    let dir = Dir::new("folding-limit");
    let (rules, capture) = (rules(&dir), capture(&dir));
    let (lines, log) = alerts(&rules, &capture, &["alert_folding={max: 1, window: 10s}"]);
    // falco folds the alerts of thread 7, but not those of thread 8.
    assert_eq!(lines.len(), 52, "{log}");
    assert_eq!(log.matches("further ones are not folded").count(), 1, "{log}");
}

#[test]
fn mistakes_are_named() {
    let dir = Dir::new("folding-mistakes");
    let (rules, capture) = (rules(&dir), capture(&dir));
    for (option, want) in [
        ("alert_folding.window=soon", "alert_folding.window is `soon`: expected a number with a unit"),
        ("alert_folding.max=0", "alert_folding.max is 0: expected 1 to 1000000"),
        ("alert_folding={by: [proc.nam], window: 1s}", "alert_folding.by: `proc.nam`"),
        ("alert_folding={by: [proc.name]}", "alert_folding.by has no effect without a window"),
    ] {
        let (lines, log) = alerts(&rules, &capture, &[option]);
        assert!(lines.is_empty() && log.contains(want), "{option}: {log}");
    }
    let (_, log) = alerts(&rules, &capture, &["alert_folding={by: [proc.nam], window: 1s}"]);
    assert!(log.contains("did you mean `proc.name`?"), "{log}");
}
