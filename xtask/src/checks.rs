//! What a change must pass, beside the tests.

use std::process::Command;
use std::thread;

use eyas_console::{note, say};

use crate::shell::{FEATURES, cargo, cargo_program, cargo_with, root, run_quietly};
use crate::{codegen, guide, publish};

/// Runs every check.
pub fn run() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"])?;
    // Clang compiles the probe on one CPU, and the lints leave one idle at times.
    let tests = thread::spawn(tests);
    let lints = lints();
    let tests = tests.join().unwrap_or_else(|_| Err("a check panicked".to_owned()));
    lints.and(tests)?;
    // The guides, in a copy.
    guide::run()?;
    codegen::check()?;
    publish::check_rust_version()?;
    publish::check()
}

fn lints() -> Result<(), String> {
    let lint = ["clippy", "--workspace", "--all-targets", "--features", FEATURES, "--", "-D", "warnings"];
    cargo(&lint)?;
    let pages = ["doc", "--workspace", "--no-deps", "--features", FEATURES];
    cargo_with(&pages, &[("RUSTDOCFLAGS", "-D warnings")])
}

/// The probe for every architecture: it compiles, and the shipped objects are what it compiles to. Links, language and
/// examples of the pages, and what the project promises about its own code. With the features of the tests, so that
/// nothing is built twice.
fn tests() -> Result<(), String> {
    let args = ["test", "--workspace", "--features", FEATURES, "--test", "targets", "--test", "tidy"];
    let mut command = Command::new(cargo_program());
    command.args(args).env("EYAS_COMPILE_PROBE", "1").current_dir(root());
    note!("$ cargo {}", args.join(" "));
    let (passed, output) = run_quietly(&mut command).map_err(|error| format!("can't run cargo: {error}"))?;
    say!("{output}");
    if passed { Ok(()) } else { Err("cargo test failed".to_owned()) }
}
