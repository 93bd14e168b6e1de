//! Measures the throughput of open and close loops on every core while falco runs, and the events that
//! falco drops.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyas_console::say;

use crate::shell::{self, text};

/// Duration of the loops without falco, s.
const BARE: u64 = 10;
/// File that the loops open.
const FILE: &str = "/etc/hostname";

/// A loop: opens and closes a file for some seconds and prints the count.
pub fn spin(seconds: &str) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(parse(seconds)?);
    let mut count: u64 = 0;
    while !count.is_multiple_of(1024) || Instant::now() < until {
        drop(std::fs::File::open(FILE).map_err(|error| format!("{FILE}: {error}"))?);
        count += 1;
    }
    say!("{count}");
    Ok(())
}

fn parse(seconds: &str) -> Result<u64, String> {
    seconds.parse().map_err(|_| format!("`{seconds}` is not a number of seconds"))
}

/// Number of measurements of a detector's memory.
const LOOKS: u64 = 10;
/// Time for another detector to start, s.
const BEGIN: u64 = 6;

/// Runs a loop on each core: alone, then for `seconds` with falco, then with another detector if its
/// command is given.
pub fn run(seconds: &str, other: &[&str]) -> Result<(), String> {
    let seconds = parse(seconds)?;
    if !rustix::process::geteuid().is_root() {
        say!("skipped: capturing live needs root; try `sudo -E cargo xtask load`");
        return Ok(());
    }
    shell::cargo(&["build", "--release", "-p", "eyas-falco"])?;
    let lock = std::fs::File::create(std::env::temp_dir().join("eyas-live.lock")).map_err(text)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(text)?;
    let rules = shell::rules_files().swap_remove(0);
    say!("rules: {}", rules.display());
    let bare = loops(BARE)?;
    say!("{:<16} {:>10.0} loops/s", "alone", bare);
    let mut falco = Command::new(shell::target().join("release/falco"));
    falco.arg("-v").arg("-r").arg(&rules);
    let report = run_with_detector("falco", falco, seconds, bare, |said| said.contains("Opening 'syscall'"))?;
    counters(&report);
    if let [program, args @ ..] = other {
        let mut command = Command::new(program);
        command.args(args);
        let began = Instant::now();
        let report =
            run_with_detector("the other", command, seconds, bare, |_| began.elapsed().as_secs() >= BEGIN)?;
        counters(&report);
    }
    Ok(())
}

fn counters(report: &str) {
    let words = ["driver", "eps", "drop"];
    for line in report.lines().filter(|line| words.iter().any(|word| line.to_lowercase().contains(word))) {
        say!("  {line}");
    }
}

/// Runs the loops with a detector. The detector has started when `ready` returns true for its standard
/// error. Returns its standard error until it was asked to end.
fn run_with_detector(
    name: &str,
    mut command: Command,
    seconds: u64,
    bare: f64,
    ready: impl Fn(&str) -> bool,
) -> Result<String, String> {
    let path = std::env::temp_dir().join(format!("eyas-load-{}", std::process::id()));
    let errors = std::fs::File::create(&path).map_err(text)?;
    let mut child = command.stdout(Stdio::null()).stderr(errors).spawn().map_err(text)?;
    let done = measured(name, &mut child, seconds, bare, || {
        ready(&std::fs::read_to_string(&path).unwrap_or_default())
    });
    if done.is_err() {
        drop(child.kill());
    }
    drop(child.wait());
    let report = std::fs::read_to_string(&path).map_err(text);
    drop(std::fs::remove_file(&path));
    let report = report?;
    done.map_err(|error| format!("{error}\n{report}"))?;
    Ok(report)
}

/// Waits until `ready` returns true.
///
/// # Errors
/// The program ends before that, or it takes longer than 30 seconds.
pub fn wait_until_it_captures(name: &str, child: &mut Child, ready: impl Fn() -> bool) -> Result<(), String> {
    let until = Instant::now() + Duration::from_secs(30);
    while !ready() {
        if Instant::now() > until || child.try_wait().map_err(text)?.is_some() {
            return Err(format!("{name} did not begin to capture"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn measured(
    name: &str,
    child: &mut Child,
    seconds: u64,
    bare: f64,
    ready: impl Fn() -> bool,
) -> Result<(), String> {
    wait_until_it_captures(name, child, ready)?;
    let pid = child.id();
    let watcher = std::thread::spawn(move || {
        let pause = Duration::from_secs(seconds) / LOOKS as u32;
        let look = |_| {
            std::thread::sleep(pause);
            rss(pid)
        };
        (1..LOOKS).filter_map(look).collect::<Vec<u64>>()
    });
    let before = cpu_time(pid);
    let with = loops(seconds)?;
    let used = cpu_time(pid) - before;
    say!("{:<16} {with:>10.0} loops/s, {:.0} %", format!("beside {name}"), 100.0 * with / bare);
    let sizes = watcher.join().map_err(|_| "the watcher panicked".to_owned())?;
    say!("  memory, KiB: {sizes:?}");
    say!("  processor time: {used:.1} s of {seconds} s");
    let asked = rustix::process::Pid::from_child(child);
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

/// Resident memory, KiB.
fn rss(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// Processor time that the process used so far, s; 0 if it has ended.
fn cpu_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, which may contain any character, ends at the last parenthesis. The fields from the third on
    // follow it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64
}
