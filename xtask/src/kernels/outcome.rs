//! Results of the tests on a kernel.

use std::collections::BTreeMap;

use super::guest;

/// Prefix of the line with the tested commit.
pub(super) const COMMIT: &str = "commit ";

/// The results of the tests on one kernel.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) version: String,
    pub(super) loads: bool,
    /// The result of each test program.
    pub(super) programs: BTreeMap<String, Ran>,
    /// How eyas sees decisions of security hooks.
    pub(super) hooks: String,
    /// Whether programs at tracepoints of calls may sleep; empty if it was not tested.
    pub(super) sleeps: String,
    /// Number of instructions that the verifier processed, by program.
    pub(super) verified: BTreeMap<String, u64>,
}

/// The result of a test program.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// The tested commit.
    pub(super) commit: String,
    pub(super) passed: u32,
    pub(super) failed: u32,
    pub(super) ignored: u32,
    /// Whether the program came to its end.
    pub(super) has_ended: bool,
    /// Names of the failed tests. For one that passed when it ran alone later, the tested commit follows the name.
    pub(super) names: Vec<String>,
}

/// What stands between the name of a failed test and the commit at which it passed when it ran alone.
const ALONE: &str = " (alone it passes at ";

/// A machine, and the results of the tests on it, if they ran there.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) cpus: usize,
    pub(super) arguments: &'static str,
    pub(super) outcome: Option<Outcome>,
}

impl Outcome {
    /// Merges the results of a later run, which replace earlier ones.
    pub(super) fn then(mut self, later: Self) -> Self {
        self.version = later.version;
        self.programs.extend(later.programs);
        if later.loads {
            (self.loads, self.verified) = (true, later.verified);
        }
        for (known, new) in [(&mut self.hooks, later.hooks), (&mut self.sleeps, later.sleeps)] {
            if !new.is_empty() {
                *known = new;
            }
        }
        self
    }

    /// Notes which of the failed tests passed when a part of their program ran later; `text` is the output of that run.
    pub(super) fn note_part(&mut self, text: &str) {
        let part = Self::of(text);
        for (program, later) in &part.programs {
            let Some(ran) = self.programs.get_mut(program) else { continue };
            for name in &mut ran.names {
                let test = name.split(ALONE).next().unwrap_or_default().to_owned();
                // The name is followed by the result, or by what the test says.
                let line = format!("\ntest {test} ");
                if later.has_ended && text.contains(&line) && !later.names.contains(&test) {
                    *name = format!("{test}{ALONE}{})", later.commit);
                }
            }
        }
    }

    /// The sum of the results of all programs, without the commit.
    pub(super) fn total(&self) -> Ran {
        self.programs.values().fold(Ran::default(), |mut all, ran| {
            all.passed += ran.passed;
            all.failed += ran.failed;
            all.ignored += ran.ignored;
            all.names.extend_from_slice(&ran.names);
            all
        })
    }

    /// Parses the output of the tests.
    pub(super) fn of(text: &str) -> Self {
        let mut outcome = Self::default();
        let mut commit = "";
        let begin = format!("\n{}", guest::PROGRAM);
        let mut parts = text.split(&begin as &str);
        for line in parts.next().unwrap_or_default().lines() {
            if let Some(version) = line.strip_prefix("kernel ") {
                version.trim().clone_into(&mut outcome.version);
            } else if let Some(name) = line.strip_prefix(COMMIT) {
                commit = name;
            }
        }
        for part in parts {
            let (name, said) = part.split_once('\n').unwrap_or((part, ""));
            let ran = Ran { commit: commit.to_owned(), ..Ran::of(said) };
            // Only one program reports the kernel's features; others may print similar lines.
            if name.trim() == "budget" {
                said.lines().for_each(|line| outcome.learn(line));
            }
            outcome.programs.insert(name.trim().to_owned(), ran);
        }
        outcome.loads = !outcome.verified.is_empty();
        outcome
    }

    /// Notes what a line reports about the kernel.
    fn learn(&mut self, line: &str) {
        if let Some(rung) = line.strip_prefix("hooks: ") {
            rung.trim_end().clone_into(&mut self.hooks);
        } else if let Some(may) = line.strip_prefix("sleepable: ") {
            may.trim_end().clone_into(&mut self.sleeps);
        } else if let Some((name, rest)) = line.split_once(": ")
            && let Some((count, _)) = rest.split_once(" instructions verified")
            && let Ok(count) = count.parse()
        {
            // The name of the test precedes the first one on its line.
            let name = name.rsplit(' ').next().unwrap_or(name);
            self.verified.insert(name.to_owned(), count);
        }
    }
}

impl Ran {
    /// Parses the output of one program.
    fn of(text: &str) -> Self {
        let mut ran = Self::default();
        // Tests that passed, for a program that does not reach its end.
        let mut passed = 0;
        // Names that the program lists at its end. Those after the second `failures:` are the failed tests.
        let mut listed = Vec::new();
        for line in text.lines() {
            if let Some(counts) = line.strip_prefix("test result: ") {
                let words: Vec<&str> = counts.split_whitespace().collect();
                let count = |what: &str| {
                    let pair = words.windows(2).find(|pair| pair[1].starts_with(what));
                    pair.and_then(|pair| pair[0].parse::<u32>().ok()).unwrap_or(0)
                };
                ran.passed += count("passed");
                ran.failed += count("failed");
                ran.ignored += count("ignored");
                if count("failed") > 0 {
                    ran.names.append(&mut listed);
                }
                listed.clear();
                ran.has_ended = true;
            } else if line.trim_end() == "failures:" {
                listed.clear();
            } else if let Some(name) = line.strip_prefix("    ") {
                listed.push(name.trim_end().to_owned());
            } else if line.starts_with(guest::FAILURE) {
                // If a test failed, the program itself has reported it.
                if ran.failed == 0 {
                    ran.names.push(line.to_owned());
                    ran.failed += 1;
                }
            } else if line.trim_end() == "ok" || line.starts_with("test ") && line.ends_with("... ok") {
                passed += 1;
            }
        }
        if !ran.has_ended {
            ran.passed = passed;
        }
        ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "commit 1234567+\nkernel 6.1\nprogram budget\ntest budget ... sys_exit: 7 instructions verified, 2 \
                        functions\nhooks: BPF LSM, 27\nsleepable: no\nok\ntest result: ok. 1 passed; 0 failed\nprogram \
                        one\ntest a ... ok\ntest b ... noise\nFAILED\n\nsuccesses:\n    a\n\nfailures:\n\n---- b \
                        stdout ----\n    left: 1\n\nfailures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed; 1 \
                        ignored\n\nfailed: /tests/one: exit status: 101\nprogram two\ntest c ... ok\ntest d ... \
                        noise\nok\ntest e ... \nfailed: the machine did not finish\n";

    #[test]
    fn failed_tests_are_named_in_every_form_of_output() {
        let outcome = Outcome::of(TEXT);
        assert_eq!((outcome.version.as_str(), outcome.loads), ("6.1", true));
        let ran = |passed, failed, ignored, names: &[&str]| Ran {
            commit: "1234567+".into(),
            passed,
            failed,
            ignored,
            has_ended: !names.contains(&"failed: the machine did not finish"),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(outcome.programs["budget"], ran(1, 0, 0, &[]));
        assert_eq!(outcome.programs["one"], ran(1, 1, 1, &["b"]));
        assert_eq!(outcome.programs["two"], ran(2, 1, 0, &["failed: the machine did not finish"]));
        let total = outcome.total();
        assert_eq!((total.passed, total.failed, total.ignored, total.names.len()), (4, 2, 1, 2));
        assert_eq!(
            (outcome.verified["sys_exit"], outcome.hooks.as_str(), outcome.sleeps.as_str()),
            (7, "BPF LSM, 27", "no")
        );
    }

    #[test]
    fn the_results_of_a_later_run_replace_earlier_ones() {
        let later = Outcome::of(
            "commit 7654321\nkernel 6.1.1\nprogram one\nhooks: none\ntest result: ok. 3 passed; 0 failed\n",
        );
        let all = Outcome::of(TEXT).then(later);
        assert_eq!((all.version.as_str(), all.loads, all.hooks.as_str()), ("6.1.1", true, "BPF LSM, 27"));
        assert_eq!((all.programs["one"].commit.as_str(), all.programs["one"].passed), ("7654321", 3));
        assert_eq!(all.programs["two"].commit, "1234567+");
        assert_eq!(all.total().passed, 6);
    }

    #[test]
    fn a_failed_test_that_later_passes_alone_is_marked() {
        let part = |result: &str, end: &str| {
            format!("commit 89abcde\nkernel 6.1\nprogram one\n\nrunning 1 test\ntest b   ... {result}\n{end}")
        };
        let names = |text: &str| {
            let mut outcome = Outcome::of(TEXT);
            outcome.note_part(text);
            outcome.programs["one"].names.clone()
        };
        let passes = ["b (alone it passes at 89abcde)"];
        assert_eq!(names(&part("ok", "test result: ok. 1 passed; 0 failed\n")), passes);
        assert_eq!(names(&part("noise\nok", "test result: ok. 1 passed; 0 failed\n")), passes);
        assert_eq!(names(&part("ok", "")), ["b"], "the program did not come to its end");
        let failed = "\nfailures:\n    b\n\ntest result: FAILED. 0 passed; 1 failed\n";
        assert_eq!(names(&part("FAILED", failed)), ["b"]);
        assert_eq!(names(&part("ok", "").replace("test b", "test bb")), ["b"]);
        // And again, at another commit.
        let mut outcome = Outcome::of(TEXT);
        let good = part("ok", "test result: ok. 1 passed; 0 failed\n");
        outcome.note_part(&good);
        outcome.note_part(&good.replace("89abcde", "fedcba9"));
        assert_eq!(outcome.programs["one"].names, ["b (alone it passes at fedcba9)"]);
    }
}
