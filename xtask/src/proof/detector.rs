//! A running detector, measured from outside.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::generator;

/// Timeout for the start of a detector.
const BEGIN: Duration = Duration::from_secs(30);
/// Timeout for the end of a detector.
const END: Duration = Duration::from_secs(5);
/// First number of the marks that show that a detector has started.
const FIRST_PROBE: u64 = 9_000_000;

/// Command line of a detector; `{rules}` is replaced by the rules file.
#[derive(Clone, Debug)]
pub struct Start {
    pub name: String,
    pub words: Vec<String>,
}

impl Start {
    fn command(&self, rules: &Path, more: &[String]) -> Result<Command, String> {
        let words = self.words.iter().map(|word| word.replace("{rules}", &rules.to_string_lossy()));
        let mut words = words.chain(more.iter().cloned());
        let mut command = Command::new(words.next().ok_or("the command of a detector is empty")?);
        command.args(words).stdin(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    /// Runs it to its end. Returns the processor time that it used, s.
    pub fn replay(&self, rules: &Path, capture: &Path) -> Result<f64, String> {
        let options =
            ["engine.kind=replay".to_owned(), format!("engine.replay.capture_file={}", capture.display())];
        let options: Vec<String> = options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect();
        let before = cpu_time("self", CHILDREN);
        let status = self.command(rules, &options)?.stdout(Stdio::null()).status();
        match status.map_err(|error| format!("can't start {}: {error}", self.name))?.success() {
            true => Ok(cpu_time("self", CHILDREN) - before),
            false => Err(format!("{} can't replay {}", self.name, capture.display())),
        }
    }
}

/// Marked files with an alert: their numbers, and the time of the output line, ns since the epoch.
type Found = Arc<Mutex<Vec<(u64, u64)>>>;

/// A running detector. Dropping this ends it.
pub struct Running {
    child: Child,
    found: Found,
    /// Time from its start to the first alert, s.
    pub start_up: f64,
}

impl Running {
    /// Starts it, and waits until it detects events.
    pub fn start(start: &Start, rules: &Path, more: &[String], dir: &Path) -> Result<Self, String> {
        let begun = Instant::now();
        let mut command = start.command(rules, more)?;
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", start.name))?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let found = Found::default();
        let to = Arc::clone(&found);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(number) = generator::number(&line) {
                    to.lock().unwrap_or_else(PoisonError::into_inner).push((number, generator::now()));
                }
            }
        });
        let mut running = Self { child, found, start_up: 0.0 };
        for number in FIRST_PROBE.. {
            if begun.elapsed() > BEGIN || running.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(format!("{} has no alert of an opened file", start.name));
            }
            generator::touch(dir, number);
            std::thread::sleep(Duration::from_millis(20));
            if !running.found().is_empty() {
                break;
            }
        }
        running.start_up = begun.elapsed().as_secs_f64();
        std::thread::sleep(Duration::from_millis(300));
        Ok(running)
    }

    /// Marked files with an alert so far.
    pub fn found(&self) -> Vec<(u64, u64)> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until no more alerts arrive.
    pub fn settle(&self) {
        let (until, mut before) = (Instant::now() + Duration::from_secs(4), usize::MAX);
        while Instant::now() < until && before != self.found().len() {
            before = self.found().len();
            std::thread::sleep(Duration::from_millis(400));
        }
    }

    /// Stops it for a while.
    pub fn pause(&self, time: Duration) {
        self.signal(rustix::process::Signal::STOP);
        std::thread::sleep(time);
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
    }

    /// Processor time so far, s.
    pub fn cpu_time(&self) -> f64 {
        cpu_time(&self.child.id().to_string(), OWN)
    }

    /// Resident memory, MiB.
    pub fn memory(&self) -> Option<f64> {
        let status =
            std::fs::read_to_string(PathBuf::from(format!("/proc/{}/status", self.child.id()))).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(rustix::process::Signal::INT);
        let until = Instant::now() + END;
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if Instant::now() > until {
                drop(self.child.kill());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Index of the process's own processor time after its name in the line, and of its children's.
const OWN: usize = 11;
const CHILDREN: usize = 13;

/// Processor time, s; 0 if the process has ended.
fn cpu_time(process: &str, from: usize) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, which may contain any character, ends at the last parenthesis.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(from).take(2).filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64
}
