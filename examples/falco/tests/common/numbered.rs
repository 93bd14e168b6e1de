//! Alerts of every event, with the event's number.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{Dir, SOON, demo, demo_pieces};

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

/// Numbers of the events with an alert in a text, whose last line may not be complete yet.
pub fn numbers(text: &str) -> Vec<u64> {
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with("xxx\n"));
    lines.map(|line| number_of(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

/// Numbers of the demo's events, each of which has an alert.
pub fn all_numbers() -> &'static [u64] {
    static ALL: OnceLock<Vec<u64>> = OnceLock::new();
    ALL.get_or_init(|| {
        let dir = Dir::new("all-numbers");
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        let falco = falco.args(["-c", "/dev/null", "-r"]).arg(numbered_rule(&dir)).arg("-e").arg(demo());
        let out = falco.output().unwrap();
        let numbers = numbers(&String::from_utf8(out.stdout).unwrap());
        assert!(numbers.len() > 4000, "{}", String::from_utf8_lossy(&out.stderr));
        numbers
    })
}

/// The number in the last complete line of this text.
pub fn last_number(text: &str) -> Option<u64> {
    let (lines, _) = text.rsplit_once('\n')?;
    number_of(lines.rsplit('\n').next()?)
}

/// The end of a file, or nothing if there is no file.
pub fn end_of(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = File::open(path) {
        let len = file.metadata().unwrap().len();
        file.seek(SeekFrom::Start(len.saturating_sub(1000))).unwrap();
        file.read_to_string(&mut text).unwrap();
    }
    text
}

/// Feeds the demo, `size` events at a time, and waits each time until the alerts have arrived where `last` returns the
/// number of the last one. So only outputs that are stuck run out of time, however short it is.
#[track_caller]
pub fn feed_numbered(input: &mut impl Write, size: usize, last: impl Fn() -> Option<u64>) {
    let mut fed = 0;
    for pieces in demo_pieces().chunks(size) {
        // If the program has ended, its log shows why.
        if input.write_all(&pieces.concat()).is_err() {
            return;
        }
        // The first piece is the snapshot.
        fed += pieces.len() as u64;
        let want = all_numbers().iter().copied().take_while(|number| *number < fed).last();
        let until = Instant::now() + SOON;
        while last() < want {
            assert!(Instant::now() < until, "{:?} of {want:?}", last());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
