//! Runs two falcos side by side, one with the probe's filter and one without it, and compares their alerts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread::{scope, sleep};
use std::time::Duration;

use eyas_console::say;
use rustix::process::{Pid, Signal, kill_process};

use crate::load::wait_until_it_captures;
use crate::proof::generator::now;
use crate::shell::{self, text};
use compare::Alert;
use load::Load;

mod compare;
mod load;

/// One in this many events that the filter would reject is sent anyway, to check the filter.
const SAMPLE: u32 = 64;
/// Time after a start and before an end in which only one of the programs may capture.
const EDGE: Duration = Duration::from_secs(2);
/// Maximum number of differences that are printed.
const SHOWN: usize = 20;

/// A falco. It ends with this.
struct Falco {
    child: Child,
    alerts: PathBuf,
    report: PathBuf,
}

impl Drop for Falco {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `differential [MINUTES] [--falco PROGRAM]`.
pub fn run(words: &[&str]) -> Result<(), String> {
    let (minutes, program) = match words {
        [] => ("60", None),
        ["--falco", program] => ("60", Some(*program)),
        [minutes] => (*minutes, None),
        [minutes, "--falco", program] => (*minutes, Some(*program)),
        _ => return Err("usage: cargo xtask differential [MINUTES] [--falco PROGRAM]".to_owned()),
    };
    let minutes: f64 = minutes.parse().map_err(|_| format!("`{minutes}` is not a number of minutes"))?;
    if !rustix::process::geteuid().is_root() {
        say!("skipped: capturing live needs root; try `sudo -E cargo xtask differential`");
        return Ok(());
    }
    let program = match program {
        Some(program) => PathBuf::from(program),
        None => {
            shell::cargo(&["build", "--release", "-p", "eyas-falco", "--bin", "falco"])?;
            shell::target().join("release/falco")
        }
    };
    let dir = std::env::temp_dir().join(format!("eyas-differential-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(text)?;
    let done = compared(&program, Duration::from_secs_f64(60.0 * minutes), &dir);
    match done.is_ok() {
        true => drop(fs::remove_dir_all(&dir)),
        false => say!("The alerts and the reports of both are in {}.", dir.display()),
    }
    done
}

fn compared(program: &Path, time: Duration, dir: &Path) -> Result<(), String> {
    let mut both = [start(program, dir, "filtered")?, start(program, dir, "whole")?];
    for falco in &mut both {
        let said = || fs::read_to_string(&falco.report).unwrap_or_default();
        wait_until_it_captures("falco", &mut falco.child, || said().contains("One ring buffer every"))
            .map_err(|error| format!("{error}\n{}", said()))?;
    }
    sleep(EDGE);
    let from = now();
    let load = Load::new(&dir.join("load"))?;
    scope(|scope| {
        scope.spawn(|| load.builds());
        scope.spawn(|| load.attacks());
        sleep(time);
        load.is_over.store(true, Ordering::Relaxed);
    });
    let to = now();
    sleep(EDGE);
    let mut drops = false;
    for (falco, name) in both.iter_mut().zip(["with the filter", "without it"]) {
        kill_process(Pid::from_child(&falco.child), Signal::INT).map_err(text)?;
        let status = falco.child.wait().map_err(text)?;
        let report = fs::read_to_string(&falco.report).map_err(text)?;
        if !status.success() {
            return Err(format!("falco {name} ended with {status}\n{report}"));
        }
        say!("{name}:");
        for line in report.lines().filter(|line| line.starts_with("Driver ") || line.contains("eps")) {
            say!("  {line}");
        }
        drops |=
            !report.lines().any(|line| line.strip_prefix("Driver Drops:").is_some_and(|n| n.trim() == "0"));
    }
    let [filtered, whole] = both.each_ref().map(|falco| compare::read(&falco.alerts));
    let (filtered, whole) = (filtered?, whole?);
    let difference = compare::compare(&filtered, &whole, [from, to]);
    let [builds, attacks] = [&load.builds, &load.attacks].map(|count| count.load(Ordering::Relaxed));
    say!(
        "{builds} builds, {attacks} attacks; {} alerts of {} rules are the same",
        difference.same,
        difference.rules
    );
    let print = |alerts: &[&Alert], of: &str| {
        for alert in alerts.iter().take(SHOWN) {
            say!("only {of}, {} ns: {}", alert.time, alert.key);
        }
    };
    print(&difference.only_first, "with the filter");
    print(&difference.only_second, "without it");
    match (difference.only_first.len(), difference.only_second.len()) {
        (0, 0) if difference.same == 0 => Err("there was no alert".to_owned()),
        (0, 0) => Ok(()),
        (first, second) => {
            let why = if drops { "; events were lost, see above" } else { "" };
            Err(format!("{first} alerts only with the filter, {second} only without it{why}"))
        }
    }
}

fn start(program: &Path, dir: &Path, name: &str) -> Result<Falco, String> {
    let [config, alerts, report] =
        ["yaml", "alerts", "report"].map(|kind| dir.join(format!("{name}.{kind}")));
    let rules: Vec<String> = shell::rules_files().iter().map(|file| file.display().to_string()).collect();
    let keys = serde_json::json!({
        "rules_files": rules,
        "rule_matching": "all",
        "json_output": true,
        "append_output": [{ "extra_fields": ["evt.rawtime"] }],
        "stdout_output": { "enabled": false },
        "syslog_output": { "enabled": false },
        "file_output": { "enabled": true, "keep_alive": true, "filename": alerts },
        "engine": {
            "kind": "modern_ebpf",
            "modern_ebpf": { "pushdown": name == "filtered", "pushdown_sample": SAMPLE },
        },
    });
    fs::write(&config, keys.to_string()).map_err(text)?;
    let child = Command::new(program)
        .arg("-v")
        .arg("-c")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&report).map_err(text)?)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(Falco { child, alerts, report })
}
