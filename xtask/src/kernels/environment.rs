//! Programs and environment of tests in an emulated machine.

use std::path::Path;

/// Programs that the tests run, including aliases.
pub(super) const PROGRAMS: [&str; 9] = [
    "/bin/cat",
    "/bin/sh",
    "/bin/mkdir",
    "/bin/mount",
    "/bin/true",
    "/bin/sleep",
    "/usr/bin/setpriv",
    "/usr/bin/setsid",
    "/usr/bin/unshare",
];

/// Number of calls of a race test.
const RACES: &str = "5000";
/// Duration of the comparison of the state with `/proc`, s.
const SECONDS: &str = "20";
/// How long threads preempt one another there.
const STRESS: &str = "4";

/// Environment variable that makes tests print the verifier's log.
pub(super) const LOG: &str = "EYAS_BPF_LOG";

/// Environment variables of every test in an emulator.
pub(super) fn environment() -> Vec<(&'static str, &'static str)> {
    let log = Path::new("/log").exists().then_some((LOG, "1"));
    let seconds = [("EYAS_PROC_SECONDS", SECONDS), ("EYAS_STRESS_SECONDS", STRESS)];
    [("EYAS_RACES", RACES), ("PATH", "/usr/bin:/bin")].into_iter().chain(seconds).chain(log).collect()
}
