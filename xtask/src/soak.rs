//! Runs falco for minutes, with every output, under a load of builds and connections.

use std::process::Command;

use eyas_console::say;

use crate::shell;

/// Builds both programs and runs them.
pub fn run(minutes: &str) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        say!("skipped: capturing live needs root; try `sudo -E cargo xtask soak`");
        return Ok(());
    }
    shell::cargo(&["build", "--release", "-p", "eyas-falco", "--bin", "falco", "--example", "soak"])?;
    let release = shell::target().join("release");
    let mut soak = Command::new(release.join("examples/soak"));
    soak.arg(release.join("falco")).arg(minutes).args(shell::rules_files());
    match soak.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("soak: {status}")),
        Err(error) => Err(format!("soak: {error}")),
    }
}
