//! What a change must pass.

use crate::shell::FEATURES;
use crate::{codegen, guide, publish, shell};

/// Runs every test.
pub fn test() -> Result<(), String> {
    // One binary after another, so that live tests never overlap. A failure does not hide others.
    shell::cargo(&["test", "--workspace", "--features", FEATURES, "--no-fail-fast"])
}

/// Runs every check.
pub fn run() -> Result<(), String> {
    shell::cargo(&["fmt", "--all", "--check"])?;
    let lint = ["clippy", "--workspace", "--all-targets", "--features", FEATURES, "--", "-D", "warnings"];
    shell::cargo(&lint)?;
    shell::cargo_with(
        &["doc", "--workspace", "--no-deps", "--features", FEATURES],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    // The probe for every architecture: it compiles, and the shipped objects are what it compiles to. Links, language and
    // examples of the pages, and what the project promises about its own code. With the features of the tests, so that
    // nothing is built twice.
    shell::cargo_with(
        &["test", "--workspace", "--features", FEATURES, "--test", "targets", "--test", "tidy"],
        &[("EYAS_COMPILE_PROBE", "1")],
    )?;
    // The guides, in a copy.
    guide::run()?;
    codegen::check()?;
    publish::check_rust_version()?;
    publish::check()
}
