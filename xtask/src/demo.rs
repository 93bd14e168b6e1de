//! The demo: alerts for a recorded capture, then for this machine.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eyas_console::say;

use crate::setup::{self, Consent};
use crate::shell::{self, cargo, root};

/// Duration of the live part, seconds.
const SECONDS: &str = "5";
const RULES: &str = "demo/rules.yaml";
const CAPTURE: &str = "demo/demo.scap.gz";
/// The file that the demo reads.
const SECRET: &str = "/etc/shadow";

/// Replays the sample, then captures live if possible.
pub fn run(consent: Consent) -> Result<(), String> {
    let obstacle = obstacle();
    say!("{}", plan(obstacle.as_deref(), &setup::missing_packages()));
    say!("== Step 1: {CAPTURE} with the rules in {RULES} ==\n");
    cargo(&["run", "--example", "detect", "--", RULES, CAPTURE])?;
    say!("\n== Step 2: this machine, live ==\n");
    if let Some(obstacle) = obstacle {
        say!("skipped: {obstacle}");
        say!("\n{}", next(false));
        return Ok(());
    }
    if let Err(error) = setup::ensure(consent) {
        say!("{}\n", next(false));
        return Err(error);
    }
    cargo(&["build", "--package", "eyas-falco"])?;
    say!(
        "\nfalco watches this machine for {SECONDS} s. Meanwhile the demo reads {SECRET}, and falco reports it:\n"
    );
    live(&shell::target().join("debug/falco"), &root().join(RULES))?;
    say!("\n{}", next(true));
    Ok(())
}

/// Why this process cannot capture live here.
fn obstacle() -> Option<String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return Some("live capture needs root; run `sudo -E env \"PATH=$PATH\" cargo xtask demo`".into());
    }
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Some("the probe needs a kernel with BTF; this one has no /sys/kernel/btf/vmlinux".into());
    }
    None
}

/// Describes what the demo will do and install, and its duration.
fn plan(obstacle: Option<&str>, packages: &[&str]) -> String {
    let install = match packages {
        _ if obstacle.is_some() => String::new(),
        [] => "     Every package that it needs is installed.\n".to_owned(),
        packages => format!("     Installs first, with apt-get: {}\n", packages.join(" ")),
    };
    let live = match obstacle {
        Some(obstacle) => format!("  2. Skipped: {obstacle}\n"),
        None => format!(
            "  2. Watch this machine for {SECONDS} s with the program `falco`.\n     Builds the probe and falco: {FALCO_COST}.\n"
        ),
    };
    format!(
        "This demo shows alerts in two steps. It writes only to {}.\n  \
         1. Replay a recorded capture with the example program `detect`.\n     \
         Builds the libraries: {LIBRARIES_COST}.\n{live}{install}",
        shell::target().display()
    )
}

/// CPU time and disk of the first build of each step, as measured in a fresh clone on x86-64.
const LIBRARIES_COST: &str = "about 3 CPU minutes and 0.7 GB";
const FALCO_COST: &str = "about 6 CPU minutes and 1.4 GB more";

/// Commands to try after the demo.
fn next(live_works: bool) -> String {
    let (watch, falco) = if live_works {
        let watch =
            "target/debug/falco -r demo/rules.yaml                 # watch this machine; Ctrl-C ends it";
        (watch, "target/debug/falco")
    } else {
        let observe =
            "cargo run --example observe -- demo/demo.scap.gz      # which programs ran and connected";
        (observe, "cargo run -p eyas-falco --no-default-features --")
    };
    format!(
        "Try next:\n  {watch}\n  \
         {falco} -r demo/rules.yaml -e demo/demo.scap.gz --explain 'Password file read'\n  \
         cargo install --locked --path examples/falco          # optimised and on your PATH; see README.md"
    )
}

/// Runs falco, and reads the file until falco has reported that or ends.
fn live(falco: &Path, rules: &Path) -> Result<(), String> {
    let mut child = Command::new(falco)
        .arg("-r")
        .arg(rules)
        .args(["-M", SECONDS])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("can't run {}: {error}", falco.display()))?;
    let (output, is_reported) = (child.stdout.take(), Arc::new(AtomicBool::new(false)));
    let printer = {
        let is_reported = is_reported.clone();
        std::thread::spawn(move || {
            for line in
                output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok)
            {
                say!("{line}");
                if line.contains(SECRET) {
                    is_reported.store(true, Ordering::Relaxed);
                }
            }
        })
    };
    let done = wait(&mut child, || {
        // The probe takes some seconds to load.
        if !is_reported.load(Ordering::Relaxed) {
            drop(std::fs::read(SECRET));
        }
    });
    let printed = printer.join();
    done?;
    match is_reported.load(Ordering::Relaxed) && printed.is_ok() {
        true => Ok(()),
        false => Err(format!("falco did not report that the demo read {SECRET}")),
    }
}

/// Waits until falco ends, and calls `each_second` meanwhile.
fn wait(child: &mut Child, each_second: impl Fn()) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        std::thread::sleep(Duration::from_secs(1));
        each_second();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_lists_the_packages_that_it_installs() {
        let plan = plan(None, &["libelf-dev", "make"]);
        assert!(plan.contains("Installs first, with apt-get: libelf-dev make"), "{plan}");
        assert!(plan.contains(LIBRARIES_COST) && plan.contains(FALCO_COST), "{plan}");
    }

    #[test]
    fn the_plan_installs_nothing_where_live_capture_is_impossible() {
        let plan = plan(Some("no root"), &["libelf-dev", "make"]);
        assert!(plan.contains("Skipped: no root") && !plan.contains("libelf"), "{plan}");
    }

    #[test]
    fn the_demo_ends_with_three_commands() {
        for live_works in [true, false] {
            assert_eq!(next(live_works).lines().count(), 4);
        }
    }
}
