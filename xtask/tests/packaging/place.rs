//! Files and programs for the packaging tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A program of the workspace, as cargo built it beside this one; without it the test is ignored.
pub fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name(name);
    if !path.is_file() {
        eyas_testing::ignore(format_args!(
            "needs {}: cargo build -p eyas-falco -p eyas-sysdig",
            path.display()
        ));
    }
    path
}

/// An empty directory of that name below cargo's directory for tests.
pub fn fresh_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    eyas_testing::need_own(&dir);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Runs a command to its end; returns its status and what it printed.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"))
}

/// Like [`run`], and expects success; returns standard output and standard error.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let text = text_of(&output);
    assert!(output.status.success(), "{command:?} ended with {}:\n{text}", output.status);
    text
}

/// Standard output and standard error.
pub fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
