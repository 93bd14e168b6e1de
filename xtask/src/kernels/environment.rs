//! Programs and environment of tests in an emulated machine.

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
const LOG: &str = "EYAS_BPF_LOG";
/// Environment variable that says how the tests `syscalls` and `stress` attach the probe: `btf` or `perf`.
pub(super) const ATTACH: &str = "EYAS_ATTACH";
/// File in an emulated machine with the lines `NAME=VALUE` of [`given`].
pub(super) const GIVEN: &str = "/environment";

/// The variables of this program's environment that the tests in an emulator also get.
pub(super) fn given() -> String {
    let line = |name| Some(format!("{name}={}\n", std::env::var(name).ok()?));
    [LOG, ATTACH].into_iter().filter_map(line).collect()
}

/// Environment variables of every test in an emulator.
pub(super) fn environment() -> Vec<(String, String)> {
    let ours = [
        ("EYAS_RACES", RACES),
        ("PATH", "/usr/bin:/bin"),
        ("EYAS_PROC_SECONDS", SECONDS),
        ("EYAS_STRESS_SECONDS", STRESS),
    ];
    let given = std::fs::read_to_string(GIVEN).unwrap_or_default();
    let given = given.lines().filter_map(|line| line.split_once('='));
    ours.into_iter().chain(given).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
