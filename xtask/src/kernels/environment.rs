//! What tests run with in an emulated machine.

use std::path::Path;

/// What the tests run, and the names that it also goes by.
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

/// How many calls a race makes there.
const RACES: &str = "5000";
/// How long the state is compared with `/proc` there.
const SECONDS: &str = "20";
/// How long threads preempt one another there.
const STRESS: &str = "4";

/// Set, it makes tests say what the verifier says.
pub(super) const LOG: &str = "EYAS_BPF_LOG";

/// What every test is told in an emulator.
pub(super) fn environment() -> Vec<(&'static str, &'static str)> {
    let log = Path::new("/log").exists().then_some((LOG, "1"));
    let seconds = [("EYAS_PROC_SECONDS", SECONDS), ("EYAS_STRESS_SECONDS", STRESS)];
    [("EYAS_RACES", RACES), ("PATH", "/usr/bin:/bin")].into_iter().chain(seconds).chain(log).collect()
}
