//! `cargo xtask proof`: measures detectors on this machine, and writes docs/proof.md and docs/proof.html.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use eyas_console::{note, say};

use crate::shell::{self, text};
use detector::Start;
use figures::Figures;
use measure::{Measure, Plan, QUICK, WHOLE};

mod chart;
mod detector;
mod figures;
pub mod generator;
mod measure;
mod page;
#[cfg(test)]
mod tests;

/// Measures and writes both pages. `words` are the options of the command.
pub fn run(words: &[&str]) -> Result<(), String> {
    let (mut plan, mut peer, mut own, mut to): (&Plan, _, _, _) =
        (&WHOLE, None, None, shell::root().join("docs"));
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().copied().ok_or_else(|| format!("{word} needs a value"));
        match *word {
            "--quick" => plan = &QUICK,
            "--peer" => peer = Some(value()?.to_owned()),
            "--falco" => own = Some(PathBuf::from(value()?)),
            "--to" => to = PathBuf::from(value()?),
            _ => {
                return Err(format!(
                    "unknown option `{word}`: --quick, --peer COMMAND, --falco PROGRAM, --to FOLDER"
                ));
            }
        }
    }
    if !rustix::process::geteuid().is_root() {
        say!("skipped: capturing live needs root; try `sudo -E cargo xtask proof`");
        return Ok(());
    }
    let own = match own {
        Some(own) => own,
        None => {
            shell::cargo(&["build", "--release", "-p", "eyas-falco"])?;
            shell::target().join("release/falco")
        }
    };
    let lock = std::fs::File::create(std::env::temp_dir().join("eyas-live.lock")).map_err(text)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(text)?;
    let dir = std::env::temp_dir().join(format!("eyas-proof-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(text)?;
    let done = measured(plan, &own, peer.as_deref(), dir.clone());
    drop(std::fs::remove_dir_all(&dir));
    let figures = done?;
    for (name, page) in [("proof.md", page::markdown(&figures)), ("proof.html", page::html(&figures))] {
        let path = to.join(name);
        std::fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))?;
        say!("wrote {}", path.display());
    }
    Ok(())
}

fn measured(plan: &Plan, own: &std::path::Path, peer: Option<&str>, dir: PathBuf) -> Result<Figures, String> {
    let (load, noise, begun) = (measure::load_average(), measure::noise(), Instant::now());
    let words = [own.to_string_lossy().as_ref(), "-U", "-r", "{rules}"].map(str::to_owned).to_vec();
    let mut starts = vec![Start { name: "eyas".into(), words }];
    if let Some(peer) = peer {
        let words: Vec<String> = peer.split_whitespace().map(str::to_owned).collect();
        starts.push(Start { name: "peer".into(), words });
    }
    let mut detectors = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        // Each has the time that the plan gives.
        let measure = Measure { plan, dir: dir.clone(), begun: Instant::now(), capture: capture(own) };
        let bare = measure.bare();
        detectors.push(measure.detector(start, index == 0, &bare)?);
    }
    let machine = measure::machine(load, noise, begun.elapsed().as_secs_f64());
    Ok(Figures { machine, detectors })
}

/// The capture to replay, and its number of events: a large one if it is available.
fn capture(own: &std::path::Path) -> Option<(PathBuf, u64)> {
    let shared =
        std::env::var_os("EYAS_SHARED").map_or_else(|| shell::root().join("../shared"), PathBuf::from);
    let path = shared.join("captures/heavy.scap.gz");
    if !path.exists() {
        note!("no captures/heavy.scap.gz in EYAS_SHARED: throughput is not measured");
        return None;
    }
    let rules = shell::root().join("demo/rules.yaml");
    let out = Command::new(own).args(["-v", "-r"]).arg(rules).arg("-e").arg(&path).output().ok()?;
    let text = String::from_utf8_lossy(&out.stderr);
    let count = text.split_once("Captured Events: ")?.1.split(',').next()?.parse().ok()?;
    Some((path, count))
}
