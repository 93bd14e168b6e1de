//! Alerts of every event, with the event's number.

use std::path::PathBuf;

use super::Dir;

/// A rule that every event satisfies, with an alert of some 300 bytes.
pub fn numbered_rule(dir: &Dir) -> PathBuf {
    let text = "x".repeat(280);
    let rule = format!(
        "- {{rule: every, desc: d, condition: evt.num > 0, output: 'event %evt.num {text}', priority: INFO}}\n"
    );
    dir.write("rules.yaml", &rule)
}

/// The number in a line with such an alert.
pub fn number_of(line: &str) -> Option<u64> {
    line.split_once("event ")?.1.split_once(' ')?.0.parse().ok()
}
