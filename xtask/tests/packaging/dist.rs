//! Output of `cargo xtask dist` for the built programs.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::place::{program, root, succeed};

/// Whether the cargo commands are there that make packages.
fn has_tools() -> bool {
    let bin = root().join("target/tools/bin");
    ["cargo-deb", "cargo-generate-rpm"].iter().all(|name| bin.join(name).is_file())
}

/// Makes it once, without packages where their tools are not there; returns `target/dist`. The test is ignored where a
/// program is missing.
pub fn made() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let falco = program("falco");
    let _sysdig = program("sysdig");
    for name in ["strip", "ldd", "tar"] {
        let _ = eyas_testing::need_program(name);
    }
    let made = root().join("target/dist");
    eyas_testing::need_own(&made);
    let make = || {
        let mut dist = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let what = if has_tools() { "--programs" } else { "--image" };
        succeed(dist.args(["dist", what]).arg(falco.parent().unwrap()));
        made
    };
    MADE.get_or_init(make).clone()
}

/// The package in `target/dist` whose name ends so. Its tools take minutes to build, so the test is ignored without them.
pub fn file(suffix: &str) -> PathBuf {
    if !has_tools() {
        eyas_testing::ignore(
            "needs cargo-deb and cargo-generate-rpm in target/tools: cargo xtask dist installs them",
        );
    }
    let _ = eyas_testing::need_program("dpkg-shlibdeps");
    let entries = std::fs::read_dir(made()).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(suffix)).collect();
    assert_eq!(found.len(), 1, "{suffix}: {found:?}");
    found[0].clone()
}
