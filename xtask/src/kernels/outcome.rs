//! What the tests of a kernel came to.

use std::collections::BTreeMap;

use super::guest;

/// Begins the line that names the commit that was tested.
pub(super) const COMMIT: &str = "commit ";

/// What the tests of one kernel said.
#[derive(Default)]
pub(super) struct Outcome {
    /// What was tested.
    pub(super) commit: String,
    pub(super) version: String,
    pub(super) loads: bool,
    pub(super) passed: u32,
    pub(super) failed: u32,
    /// Those that failed.
    pub(super) names: Vec<String>,
    pub(super) ignored: u32,
    /// How decisions of security hooks are seen.
    pub(super) hooks: String,
    /// Whether programs at tracepoints of calls may sleep; empty if that was not asked.
    pub(super) sleeps: String,
    /// Instructions that the verifier looked at, by program.
    pub(super) verified: BTreeMap<String, u64>,
}

/// A machine and what its last run of all tests said, if there was one.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) cpus: usize,
    pub(super) arguments: &'static str,
    pub(super) outcome: Option<Outcome>,
    /// What it said when the programs alone were loaded since.
    pub(super) load: Option<Outcome>,
}

impl Row {
    /// The last time that the programs were loaded.
    pub(super) fn loaded(&self) -> Option<&Outcome> {
        self.load.as_ref().or(self.outcome.as_ref())
    }
}

impl Outcome {
    /// What the tests' output says.
    pub(super) fn of(text: &str) -> Self {
        let mut outcome = Self::default();
        // Failures of the programs that have ended.
        let mut known = 0;
        // What a program lists at its end: behind the second of those words the tests that failed.
        let mut listed = Vec::new();
        for line in text.lines() {
            if let Some(version) = line.strip_prefix("kernel ") {
                outcome.version = version.trim().to_owned();
            } else if let Some(commit) = line.strip_prefix(COMMIT) {
                outcome.commit = commit.to_owned();
            } else if let Some(rung) = line.strip_prefix("hooks: ") {
                rung.trim_end().clone_into(&mut outcome.hooks);
            } else if let Some(may) = line.strip_prefix("sleepable: ") {
                may.trim_end().clone_into(&mut outcome.sleeps);
            } else if let Some(counts) = line.strip_prefix("test result: ") {
                let words: Vec<&str> = counts.split_whitespace().collect();
                let count = |what: &str| {
                    let pair = words.windows(2).find(|pair| pair[1].starts_with(what));
                    pair.and_then(|pair| pair[0].parse::<u32>().ok()).unwrap_or(0)
                };
                outcome.passed += count("passed");
                outcome.failed += count("failed");
                outcome.ignored += count("ignored");
                if count("failed") > 0 {
                    outcome.names.append(&mut listed);
                }
                listed.clear();
            } else if line.trim_end() == "failures:" {
                listed.clear();
            } else if let Some(name) = line.strip_prefix("    ") {
                listed.push(name.trim_end().to_owned());
            } else if line.starts_with(guest::FAILURE) {
                // Of a test that failed the program has told itself.
                if outcome.failed == known {
                    outcome.names.push(line.to_owned());
                    outcome.failed += 1;
                }
                known = outcome.failed;
            } else if let Some((name, rest)) = line.split_once(": ")
                && let Some((count, _)) = rest.split_once(" instructions verified")
                && let Ok(count) = count.parse()
            {
                // Before the first one stands the name of the test that prints them.
                let name = name.rsplit(' ').next().unwrap_or(name);
                outcome.verified.insert(name.to_owned(), count);
            }
        }
        outcome.loads = !outcome.verified.is_empty();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_named_however_it_is_told() {
        let text = "commit 1234567+\nkernel 6.1\ntest a ... ok\ntest b ... noise\nFAILED\n\nsuccesses:\n    a\n\nfailures:\n\n---- b \
                    stdout ----\n    left: 1\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 1 \
                    ignored\n\nfailed: /tests/one: exit status: 101\ntest result: ok. 2 passed; 0 \
                    failed\n\nfailed: /tests/two: signal: 11\ntest budget ... sys_exit: 7 instructions verified, 2 \
                    functions\nhooks: BPF LSM, 27\nsleepable: no\n";
        let Outcome { commit, version, loads, passed, failed, names, ignored, hooks, sleeps, verified } =
            Outcome::of(text);
        assert_eq!(commit, "1234567+");
        assert_eq!((version.as_str(), loads, passed, failed, ignored), ("6.1", true, 3, 2, 1));
        assert_eq!(names, ["b", "failed: /tests/two: signal: 11"]);
        assert_eq!((verified["sys_exit"], hooks.as_str(), sleeps.as_str()), (7, "BPF LSM, 27", "no"));
    }
}
