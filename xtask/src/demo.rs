//! What the project does, in half a minute.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eyas_console::say;

use crate::shell::{self, cargo, root};

/// How long the live part lasts.
const SECONDS: &str = "5";

/// Replays the sample, then captures live where that is possible.
pub fn run() -> Result<(), String> {
    cargo(&["build", "--release", "--package", "eyas-falco"])?;
    let falco = shell::target().join("release/falco");
    let rules = root().join("demo/rules.yaml");
    say!("\n== A recorded capture, demo/demo.scap.gz, with the rules of demo/rules.yaml ==\n");
    let sample = root().join("demo/demo.scap.gz");
    shell::run(
        Command::new(&falco)
            .arg("-r")
            .arg(&rules)
            .args(["-o", "engine.kind=replay", "-o", "time_format_iso_8601=true", "-o"])
            .arg(format!("engine.replay.capture_file={}", sample.display())),
    )?;
    say!("\n== This machine, live: somebody reads /etc/shadow ==\n");
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !is_root {
        say!("skipped: capturing live needs root; try `sudo -E cargo xtask demo`");
        return Ok(());
    }
    if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
        say!("skipped: this kernel has no BTF (/sys/kernel/btf/vmlinux), which the probe needs");
        return Ok(());
    }
    live(&falco, &rules)
}

fn live(falco: &std::path::Path, rules: &std::path::Path) -> Result<(), String> {
    let mut child = Command::new(falco)
        .arg("-r")
        .arg(rules)
        .args(["-M", SECONDS])
        .stdout(Stdio::inherit())
        .spawn()
        .map_err(|error| format!("can't run {}: {error}", falco.display()))?;
    // The capture needs a moment to begin; the file is read until it ends.
    let until = Instant::now() + Duration::from_secs(60);
    for second in 0.. {
        std::thread::sleep(Duration::from_secs(1));
        if second < 3 {
            drop(std::fs::read("/etc/shadow"));
        }
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("falco failed: {status}")),
            Ok(None) if Instant::now() < until => {}
            Ok(None) => {
                drop(child.kill());
                return Err("falco did not end in time".into());
            }
            Err(error) => return Err(format!("can't wait for falco: {error}")),
        }
    }
    Ok(())
}
