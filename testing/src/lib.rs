//! The harness of the workspace's tests. A test that the environment does not allow (it needs root, a program, data
//! that is not in the repository) is reported as *ignored, with the reason*: it neither passes nor fails.
//!
//! The built-in harness can't do that: a test decides before it runs. A target that needs it says `harness = false` in
//! its Cargo.toml and begins with
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

mod data;
mod dir;
mod environment;
mod numbers;
mod plugins;

pub use data::{data, data_or_ignore, root};
pub use dir::Dir;
pub use environment::{
    LiveTurn, ignore_in_chroot, is_chrooted, is_kernel_path, live_turn, need_live_capture, need_program,
    need_root,
};
pub use numbers::Numbers;
pub use plugins::{c_plugin, sdk_plugin};

/// A registered test: `#[test]` makes it.
pub struct Test {
    /// Path of the function, its crate first.
    pub name: &'static str,
    /// Runs the test.
    pub run: fn(),
}

inventory::collect!(Test);

/// What a test that is ignored unwinds with.
struct Ignored(String);

/// Ends the running test as ignored.
pub fn ignore(reason: impl Display) -> ! {
    // Not a panic: no message is printed, and no hook runs.
    resume_unwind(Box::new(Ignored(reason.to_string())))
}

/// Runs the tests of this target. Takes the arguments of the built-in harness.
#[must_use]
pub fn main() -> ExitCode {
    run_all(&Arguments::from_args()).exit_code()
}

/// As [`main`], with a test that runs when all others are over; it is told how many of them did not run to their end.
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
    let mut trials: Vec<Trial> = inventory::iter::<Test>.into_iter().map(trial).collect();
    assert!(!trials.is_empty(), "this target has no test");
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(arguments, trials)
}

fn trial(test: &'static Test) -> Trial {
    // As the built-in harness names tests: without the crate.
    let name = test.name.split_once("::").map_or(test.name, |(_, name)| name);
    Trial::ignorable_test(name, || run(test.run))
}

/// Runs a test in a thread of its own: it may change the root, the directory or the namespaces of its thread.
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

    // The harness's own attribute, not that of this crate.
    #[core::prelude::v1::test]
    fn what_a_test_does_to_its_thread_reaches_no_other() {
        thread_local!(static TOUCHED: Cell<bool> = const { Cell::new(false) });
        assert!(matches!(run(|| TOUCHED.set(true)), Ok(Completion::Completed)));
        assert!(!TOUCHED.get());
        assert!(matches!(run(|| ignore("no root")), Ok(Completion::Ignored { .. })));
        assert_eq!(run(|| panic!("wrong")).err().unwrap().message(), Some("wrong"));
    }
}
