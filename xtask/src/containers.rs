//! Real container runtimes: the first process of each container, live and in a capture.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyas_console::say;

use crate::shell::{self, text};

mod account;
mod runtimes;

use account::{Account, Execs, FILTER, FORMAT, dropped};
use runtimes::{Daemons, Runtime, runtimes};

/// Default number of containers per runtime; `EYAS_CONTAINERS` overrides it.
const COUNT: usize = 15;
/// Default number of containers that are started at the same time; `EYAS_AT_ONCE` overrides it.
const AT_ONCE: usize = 1;
/// Timeout for the start of sysdig.
const START: Duration = Duration::from_secs(60);

/// Starts the installed runtimes, runs containers, and prints what was known about each.
pub fn run() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        say!("skipped: it needs root; try `sudo -E cargo xtask containers`");
        return Ok(());
    }
    let sysdig = match std::env::var_os("SYSDIG") {
        Some(path) => PathBuf::from(path),
        None => {
            // A debug build is too slow while containers start: it would lose events.
            shell::cargo(&["build", "--release", "-p", "eyas-sysdig"])?;
            shell::target().join("release/sysdig")
        }
    };
    let dir = std::env::temp_dir().join(format!("eyas-containers-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(text)?;
    let outcome = with(&dir, &sysdig);
    drop(fs::remove_dir_all(&dir));
    outcome
}

fn with(dir: &Path, sysdig: &Path) -> Result<(), String> {
    let mut daemons = Daemons::default();
    let runtimes = runtimes(dir, &mut daemons)?;
    if runtimes.is_empty() {
        return Err("no runtime works here: install docker.io, podman or containerd".to_owned());
    }
    let lock = File::create(std::env::temp_dir().join("eyas-live.lock")).map_err(text)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(text)?;
    let (lines, capture) = (dir.join("lines"), dir.join("capture.scap"));
    let reports = [dir.join("live"), dir.join("written")];
    let mut live = Command::new(sysdig)
        .args(["-v", "-p", FORMAT, FILTER])
        .stdout(File::create(&lines).map_err(text)?)
        .stderr(File::create(&reports[0]).map_err(text)?)
        .spawn()
        .map_err(text)?;
    let mut writes = Command::new(sysdig)
        .args(["-v", "-w"])
        .arg(&capture)
        .stderr(File::create(&reports[1]).map_err(text)?)
        .spawn()
        .map_err(text)?;
    // Both have begun once the capture has its snapshot, give or take a moment.
    let began = Instant::now();
    while fs::metadata(&capture).map_or(0, |meta| meta.len()) == 0 && began.elapsed() < START {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(3));
    let started = runtimes.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    std::thread::sleep(Duration::from_secs(1));
    stop(&mut live)?;
    stop(&mut writes)?;
    let live = fs::read_to_string(&lines).map_err(text)?;
    let live = Execs::of(&live);
    let replay = read(sysdig, &capture)?;
    let replay = Execs::of(&replay);
    // The original, if it is installed.
    let original = Path::new("/usr/bin/sysdig");
    let original = if original.exists() { Some(read(original, &capture)?) } else { None };
    let original = original.as_deref().map(Execs::of);
    say!("{}", Account::HEADER);
    let mut missing = 0;
    for (runtime, Started { containers, failure }) in runtimes.iter().zip(&started) {
        let account = Account::new(runtime.argument, &live, &replay, original.as_ref());
        say!("{}", account.row(runtime.name, *containers));
        missing += containers.saturating_sub(account.execs);
        if let Some(why) = failure {
            say!("  some did not run: {why}");
        }
    }
    let mut lost = 0;
    for (what, report) in ["printed", "written"].into_iter().zip(&reports) {
        let report = fs::read_to_string(report).map_err(text)?;
        let Some(line) = dropped(&report) else { return Err(format!("sysdig failed: {report}")) };
        say!("events {what}: {}", line.text);
        lost += line.count;
    }
    match (missing, lost) {
        (0, _) => Ok(()),
        (_, 0) => Err(format!(
            "{missing} containers ran whose first process was not reported, and no event was lost"
        )),
        _ => Err(format!("{missing} first processes were lost: the machine is too busy for this sysdig")),
    }
}

/// The results of a runtime's containers.
#[derive(Default)]
struct Started {
    /// Number of containers that ran to their end.
    containers: usize,
    /// Why the last of the other containers failed.
    failure: Option<String>,
}

fn start(runtime: &Runtime) -> Result<Started, String> {
    let (count, at_once) = (number("EYAS_CONTAINERS", COUNT), number("EYAS_AT_ONCE", AT_ONCE));
    let mut started = Started::default();
    for first in (0..count).step_by(at_once) {
        let start = |number| runtime.run(number).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let children: Vec<_> = (first..count.min(first + at_once)).map(start).collect();
        for child in children {
            let done = child.and_then(Child::wait_with_output).map_err(text)?;
            if done.status.success() {
                started.containers += 1;
            } else {
                started.failure = Some(String::from_utf8_lossy(&done.stderr).trim().to_owned());
            }
        }
    }
    Ok(started)
}

/// The number in an environment variable.
fn number(variable: &str, otherwise: usize) -> usize {
    let set = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    set.filter(|number| *number > 0).unwrap_or(otherwise)
}

/// Output of a sysdig for the capture.
fn read(sysdig: &Path, capture: &Path) -> Result<String, String> {
    let out = Command::new(sysdig).arg("-r").arg(capture).args(["-p", FORMAT, FILTER]).output();
    Ok(String::from_utf8_lossy(&out.map_err(text)?.stdout).into_owned())
}

/// Ends a program that ends by SIGINT.
fn stop(child: &mut Child) -> Result<(), String> {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).map_err(text)?;
    child.wait().map(drop).map_err(text)
}
