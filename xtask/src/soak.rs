//! Runs falco for minutes, with every output, under a load of builds and connections.

use std::path::PathBuf;
use std::process::Command;

use eyas_console::say;

use crate::shell;

/// Rules files, as far as they are available.
const RULES: [&str; 3] = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];

/// Builds both programs and runs them.
pub fn run(minutes: &str) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        say!("skipped: capturing live needs root; try `sudo -E cargo xtask soak`");
        return Ok(());
    }
    shell::cargo(&["build", "--release", "-p", "eyas-falco", "--bin", "falco", "--example", "soak"])?;
    let shared =
        std::env::var_os("EYAS_SHARED").map_or_else(|| shell::root().join("../shared"), PathBuf::from);
    let mut rules: Vec<PathBuf> = RULES.iter().map(|name| shared.join("rules").join(name)).collect();
    rules.retain(|file| file.exists());
    if rules.is_empty() {
        rules.push(shell::root().join("demo/rules.yaml"));
    }
    let release = shell::target().join("release");
    let mut soak = Command::new(release.join("examples/soak"));
    soak.arg(release.join("falco")).arg(minutes).args(rules);
    match soak.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("soak: {status}")),
        Err(error) => Err(format!("soak: {error}")),
    }
}
