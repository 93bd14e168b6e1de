//! All tests and checks, in the least time.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};

use eyas_console::note;

use crate::checks;
use crate::shell::{FEATURES, cargo, target};

/// Runs the tests and the checks. The lints run beside the tests, most of which wait or use one CPU.
pub fn run() -> Result<(), String> {
    cargo(&["test", "--workspace", "--features", FEATURES, "--no-run"])?;
    let lints = Lints::start()?;
    let tested = checks::test();
    let linted = lints.finish();
    tested.and(linted)?;
    checks::rest()
}

/// The lints, while they run in a process of their own.
struct Lints {
    process: Child,
    log: PathBuf,
}

impl Lints {
    /// Starts them on what the tests leave of the CPUs. They have a target directory of their own, because cargo locks it, and
    /// some tests run cargo.
    fn start() -> Result<Self, String> {
        let folder = target().join("lints");
        let log = folder.join("log");
        let fail = |error: std::io::Error| format!("can't run the lints: {error}");
        std::fs::create_dir_all(&folder).map_err(fail)?;
        let output = File::create(&log).map_err(fail)?;
        let process = Command::new("nice")
            .args(["-n", "19"])
            .arg(std::env::current_exe().map_err(fail)?)
            .arg("lints")
            .env("CARGO_TARGET_DIR", &folder)
            .stdout(output.try_clone().map_err(fail)?)
            .stderr(output)
            .spawn()
            .map_err(fail)?;
        Ok(Self { process, log })
    }

    /// Waits for their end, and prints their output.
    fn finish(mut self) -> Result<(), String> {
        let status = self.process.wait();
        note!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the lints failed: {status}")),
            Err(error) => Err(format!("can't wait for the lints: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_builds_this_program_with_the_features_of_the_tests() {
        let script = std::fs::read_to_string(crate::shell::root().join(".ci/run")).unwrap();
        assert!(script.contains(&format!("--workspace --features {FEATURES} --bin xtask")), "{script}");
    }
}
