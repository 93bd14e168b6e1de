//! The test harness of the workspace. If the environment does not meet the requirements of a test (root, a
//! program, data outside of the repository), the test is reported as *ignored, with the reason*: it neither
//! passes nor fails.
//!
//! The built-in harness cannot do that: there, tests are marked as ignored at compile time. A target that
//! needs this harness sets `harness = false` in its Cargo.toml and begins with
//!
//! ```no_run
//! use eyas_testing::test;
//!
//! fn main() -> std::process::ExitCode {
//!     eyas_testing::main()
//! }
//!
//! #[test]
//! fn capture_of_a_read() {
//!     let _turn = eyas_testing::live_turn();
//!     // ...
//! }
//! ```
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::panic::resume_unwind;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};

pub use eyas_testing_macros::test;
#[doc(hidden)]
pub use inventory;

mod bpf;
mod data;
mod dir;
mod environment;
mod numbers;
mod parallel;
mod plugins;
mod signals;

pub use bpf::{own_bpf_maps, own_bpf_programs};
pub use data::{data, data_or_ignore, root};
pub use dir::Dir;
pub use environment::{
    LiveTurn, ignore_in_chroot, is_chrooted, is_kernel_path, live_turn, need_live_capture, need_own,
    need_program, need_root,
};
pub use numbers::Numbers;
pub use parallel::on_all_cpus;
pub use plugins::{c_plugin, sdk_plugin};
pub use signals::wait_for_handler;

/// A test that `#[test]` has registered.
pub struct Test {
    /// Path of the function, including its crate.
    pub name: &'static str,
    /// Runs the test.
    pub run: fn(),
}

inventory::collect!(Test);

/// Panic payload of an ignored test.
struct Ignored(String);

/// Ends the running test and marks it as ignored.
pub fn ignore(reason: impl Display) -> ! {
    // Not a panic: no message is printed, and no hook runs.
    resume_unwind(Box::new(Ignored(reason.to_string())))
}

/// Runs the tests of this target. Takes the arguments of the built-in harness.
#[must_use]
pub fn main() -> ExitCode {
    run_all(&Arguments::from_args()).exit_code()
}

/// Like [`main`], with a test that runs after all others. It gets the number of tests that did not
/// complete.
#[must_use]
pub fn main_with_last(name: &str, last: fn(u64)) -> ExitCode {
    let arguments = Arguments::from_args();
    let others = run_all(&arguments);
    let missing = others.num_filtered_out + others.num_failed + others.num_ignored;
    let trial = Trial::ignorable_test(name, move || run(move || last(missing)));
    let conclusion = libtest_mimic::run(&arguments, vec![trial]);
    if others.has_failed() { others.exit_code() } else { conclusion.exit_code() }
}

fn run_all(arguments: &Arguments) -> Conclusion {
    signals::ignore_no_signals();
    let mut trials: Vec<Trial> = inventory::iter::<Test>.into_iter().map(trial).collect();
    assert!(!trials.is_empty(), "this target has no test");
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(arguments, trials)
}

fn trial(test: &'static Test) -> Trial {
    // Test names have no crate, as in the built-in harness.
    let name = test.name.split_once("::").map_or(test.name, |(_, name)| name);
    Trial::ignorable_test(name, || run(test.run))
}

/// Runs a test in its own thread, because a test may change the root, the directory or the namespaces of
/// its thread.
fn run(test: impl FnOnce() + Send + 'static) -> Result<Completion, Failed> {
    std::thread::spawn(test).join().map(|()| Completion::Completed).or_else(|payload| {
        match payload.downcast::<Ignored>() {
            Ok(ignored) => Ok(Completion::ignored_with(ignored.0)),
            Err(payload) => Err(failure(payload.as_ref())),
        }
    })
}

/// The message of a panic.
fn failure(payload: &(dyn std::any::Any + Send)) -> Failed {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("panicked").into()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    // The built-in attribute, not the one of this crate.
    #[core::prelude::v1::test]
    fn what_a_test_does_to_its_thread_reaches_no_other() {
        thread_local!(static TOUCHED: Cell<bool> = const { Cell::new(false) });
        assert!(matches!(run(|| TOUCHED.set(true)), Ok(Completion::Completed)));
        assert!(!TOUCHED.get());
        assert!(matches!(run(|| ignore("no root")), Ok(Completion::Ignored { .. })));
        assert_eq!(run(|| panic!("wrong")).err().unwrap().message(), Some("wrong"));
    }
}
