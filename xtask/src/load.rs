//! What remains of every core's open and close loops beside falco, and what falco loses of them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::shell;

/// How long the loops run without falco, s.
const BARE: u64 = 10;
/// What the loops open.
const FILE: &str = "/etc/hostname";

/// A loop: opens and closes a file for some seconds and prints how often.
pub fn spin(seconds: &str) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(parse(seconds)?);
    let mut count: u64 = 0;
    while !count.is_multiple_of(1024) || Instant::now() < until {
        drop(std::fs::File::open(FILE).map_err(|error| format!("{FILE}: {error}"))?);
        count += 1;
    }
    println!("{count}");
    Ok(())
}

fn parse(seconds: &str) -> Result<u64, String> {
    seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))
}

/// A loop on each core, first alone and then for `seconds` beside falco.
pub fn run(seconds: &str) -> Result<(), String> {
    let seconds = parse(seconds)?;
    if !rustix::process::geteuid().is_root() {
        println!("skipped: capturing live needs root; try `sudo -E cargo xtask load`");
        return Ok(());
    }
    shell::cargo(&["build", "--release", "-p", "eyas-falco"])?;
    let lock = std::fs::File::create(std::env::temp_dir().join("eyas-live.lock")).map_err(text)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(text)?;
    let rules = rules();
    println!("rules: {}", rules.display());
    let bare = loops(BARE)?;
    println!("{:<16} {:>10.0} loops/s", "alone", bare);
    let report = std::env::temp_dir().join(format!("eyas-load-{}", std::process::id()));
    let errors = std::fs::File::create(&report).map_err(text)?;
    let falco = shell::target().join("release/falco");
    let mut child = Command::new(falco)
        .args(["-v", "-M", &(seconds + 10).to_string(), "-r"])
        .arg(&rules)
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .map_err(text)?;
    let done = beside(&mut child, seconds, bare, &report);
    if done.is_err() {
        drop(child.kill());
    }
    drop(child.wait());
    let counters = std::fs::read_to_string(&report).map_err(text);
    drop(std::fs::remove_file(&report));
    let counters = counters?;
    done?;
    for line in counters.lines().filter(|line| line.contains("Driver") || line.contains("eps")) {
        println!("{line}");
    }
    Ok(())
}

fn beside(falco: &mut Child, seconds: u64, bare: f64, report: &Path) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(30);
    while !std::fs::read_to_string(report).is_ok_and(|text| text.contains("Opening 'syscall'")) {
        if Instant::now() > until || falco.try_wait().map_err(text)?.is_some() {
            let said = std::fs::read_to_string(report).unwrap_or_default();
            return Err(format!("falco did not begin to capture\n{said}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = falco.id();
    let watcher = std::thread::spawn(move || {
        let early = Duration::from_secs(2.min(seconds / 2));
        std::thread::sleep(early);
        let begin = rss(pid);
        std::thread::sleep(Duration::from_secs(seconds) - early);
        (begin, rss(pid))
    });
    let with = loops(seconds)?;
    println!("{:<16} {:>10.0} loops/s, {:.0} %", "beside falco", with, 100.0 * with / bare);
    let (begin, end) = watcher.join().map_err(|_| "the watcher panicked".to_owned())?;
    println!("memory of falco  {begin} at 2 s, {end} at the end");
    let asked = rustix::process::Pid::from_child(falco);
    rustix::process::kill_process(asked, rustix::process::Signal::INT).map_err(text)
}

/// Loops per second of all cores together.
fn loops(seconds: u64) -> Result<f64, String> {
    let cores = std::thread::available_parallelism().map_err(text)?.get();
    let this = std::env::current_exe().map_err(text)?;
    let spin = |_| Command::new(&this).args(["spin", &seconds.to_string()]).stdout(Stdio::piped()).spawn();
    let children: Vec<Child> = (0..cores).map(spin).collect::<Result<_, _>>().map_err(text)?;
    let mut sum = 0.0;
    for child in children {
        let out = child.wait_with_output().map_err(text)?;
        let count: f64 = String::from_utf8_lossy(&out.stdout).trim().parse().map_err(text)?;
        sum += count;
    }
    Ok(sum / seconds as f64)
}

fn rss(pid: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or_else(|| "unknown".to_owned(), |size| size.trim().to_owned())
}

/// Falco's stable rules where they are at hand, else the demo's.
fn rules() -> PathBuf {
    let shared =
        std::env::var_os("EYAS_SHARED").map_or_else(|| shell::root().join("../shared"), PathBuf::from);
    let stable = shared.join("rules/falco_rules.yaml");
    if stable.exists() { stable } else { shell::root().join("demo/rules.yaml") }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
