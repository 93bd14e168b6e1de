//! The measurements.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eyas_console::note;
use rustix::time::{ClockId, clock_gettime};

use super::detector::{Running, Start};
use super::figures::{Detector, Load, Machine, quantiles};
use super::generator;

/// Plan of a measurement.
pub struct Plan {
    /// Events per second; 0 means as many as possible.
    pub loads: &'static [u64],
    pub load_time: Duration,
    pub idle: Duration,
    pub rules: &'static [u64],
    pub rounds: usize,
    /// Maximum total time; the remaining measurements are then skipped.
    pub most: Duration,
}

/// Three minutes at most.
pub const WHOLE: Plan = Plan {
    loads: &[2, 1000, 10_000, 50_000, 200_000, 0],
    load_time: Duration::from_secs(4),
    idle: Duration::from_secs(5),
    rules: &[10, 100, 1000, 10_000],
    rounds: 15,
    most: Duration::from_secs(180),
};
/// One minute at most.
pub const QUICK: Plan = Plan {
    loads: &[10_000, 0],
    load_time: Duration::from_millis(1500),
    idle: Duration::from_secs(2),
    rules: &[10, 1000],
    rounds: 5,
    most: Duration::from_secs(60),
};

const OPENS: &str = "evt.type in (open, openat, openat2)";
/// A condition that is never true. Only user space can decide it, and for each event anew, so a filter in the kernel passes the event.
const NEVER: &str = "proc.duration = 1";

/// Processor time of calls without a detector, ns.
pub struct Bare {
    kill: f64,
    open: f64,
}

/// A `kill` that sends no signal.
fn kill() {
    _ = rustix::process::test_kill_process(rustix::process::getpid());
}

/// An open and the close of a file.
fn open() {
    drop(std::fs::File::open(generator::FILE));
}

/// A measurement in its own directory.
pub struct Measure<'a> {
    pub plan: &'a Plan,
    pub dir: PathBuf,
    pub begun: Instant,
    /// The capture to replay, and its number of events.
    pub capture: Option<(PathBuf, u64)>,
}

impl Measure<'_> {
    fn is_over(&self) -> bool {
        self.begun.elapsed() > self.plan.most
    }

    /// Writes a rules file: the rule for marks, and others.
    fn rules(&self, name: &str, others: &str) -> Result<PathBuf, String> {
        let marks = self.dir.join("mark-");
        let text = format!(
            "- rule: Marked file\n  desc: A marked file is opened.\n  condition: evt.type in (open, openat, openat2) and fd.name \
             startswith {}\n  output: Marked file (file=%fd.name)\n  priority: NOTICE\n{others}",
            marks.display(),
        );
        let path = self.dir.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    /// Measures one detector. `is_own` is true for eyas, which reports its own coverage.
    pub fn detector(&self, start: &Start, is_own: bool, bare: &Bare) -> Result<Detector, String> {
        let mut out = Detector { name: start.name.clone(), ..Detector::default() };
        let rules = self.rules("marks.yaml", &rule("Every file", &format!("{OPENS} and {NEVER}")))?;
        let running = Running::start(start, &rules, &[], &self.dir)?;
        out.start_up = Some(running.start_up);
        let before = running.cpu_time();
        std::thread::sleep(self.plan.idle);
        out.idle_percent = Some(100.0 * (running.cpu_time() - before) / self.plan.idle.as_secs_f64());
        out.calls.push(("kill: no rule about it".into(), self.call(kill) - bare.kill));
        for (index, rate) in self.plan.loads.iter().enumerate().take_while(|_| !self.is_over()) {
            note!("{}: {rate} events/s", start.name);
            out.loads.push(self.load(&running, *rate, 100_000 * (index as u64 + 1), false)?);
        }
        out.memory_mib = running.memory();
        drop(running);
        let by_result = rule("Call", "evt.type = kill and evt.rawres > 1000000");
        let sent = rule("Call", &format!("evt.type in (kill, open, openat, openat2) and {NEVER}"));
        for (what, others) in [("filtered", by_result), ("sent", sent)] {
            if self.is_over() {
                break;
            }
            note!("{}: calls, {what}", start.name);
            let rules = self.rules("call.yaml", &others)?;
            let _running = Running::start(start, &rules, &[], &self.dir)?;
            out.calls.push((format!("kill: {what}"), self.call(kill) - bare.kill));
            out.calls.push((format!("open and close: {what}"), self.call(open) - bare.open));
        }
        if is_own && !self.is_over() {
            out.coverage = self.coverage(start, &rules)?;
        }
        out.rules = self.throughput(start)?;
        Ok(out)
    }

    /// Measures alerts for marked files while others are opened at a rate.
    fn load(&self, running: &Running, rate: u64, first: u64, pauses: bool) -> Result<Load, String> {
        let child = generator::start(rate, self.plan.load_time, first, &self.dir)?;
        if pauses {
            std::thread::sleep(self.plan.load_time / 4);
            running.pause(self.plan.load_time / 4);
        }
        let (rate, marks) = generator::finish(child)?;
        running.settle();
        let mut latency = Vec::new();
        for (number, at) in running.found() {
            if let Some(begun) = number.checked_sub(first).and_then(|index| marks.get(index as usize)) {
                latency.push(at.saturating_sub(*begun) as f64 / 1e6);
            }
        }
        let found = latency.len() as u64;
        Ok(Load { rate, marks: marks.len() as u64, found, latency: quantiles(latency) })
    }

    /// The calls without a detector.
    pub fn bare(&self) -> Bare {
        Bare { kill: self.call(kill), open: self.call(open) }
    }

    /// Processor time of a call, ns.
    fn call(&self, call: fn()) -> f64 {
        const CALLS: u32 = 100_000;
        let time = || {
            let time = clock_gettime(ClockId::ThreadCPUTime);
            time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
        };
        let round = |_| {
            let before = time();
            (0..CALLS).for_each(|_| call());
            (time() - before) / f64::from(CALLS)
        };
        (0..self.plan.rounds).map(round).fold(f64::INFINITY, f64::min)
    }

    /// Measures losses and reported coverage with the smallest ring, while the detector is stopped for a
    /// quarter of the time.
    fn coverage(&self, start: &Start, rules: &Path) -> Result<Vec<(u64, f64, f64)>, String> {
        let mut out = Vec::new();
        let metrics = self.dir.join("metrics");
        let options = [
            "engine.modern_ebpf.buf_size_preset=1".to_owned(),
            "verdict_coverage.enabled=true".into(),
            "metrics.enabled=true".into(),
            "metrics.interval=1s".into(),
            format!("metrics.output_file={}", metrics.display()),
        ];
        let options: Vec<String> = options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect();
        let loads = self.plan.loads.iter().filter(|rate| **rate >= 10_000 || **rate == 0);
        for (index, rate) in loads.enumerate().take_while(|_| !self.is_over()) {
            note!("{}: verdict coverage at {rate} events/s", start.name);
            drop(std::fs::remove_file(&metrics));
            let running = Running::start(start, rules, &options, &self.dir)?;
            let load = self.load(&running, *rate, 1_000_000 + 100_000 * index as u64, true)?;
            std::thread::sleep(Duration::from_millis(1200));
            drop(running);
            let text = std::fs::read_to_string(&metrics).unwrap_or_default();
            match text.lines().rev().find_map(covered) {
                Some(percent) => out.push((load.rate as u64, load.lost_percent() / 100.0, percent / 100.0)),
                None => {
                    let (name, file) = (&start.name, metrics.display());
                    return Err(format!("{name} says in {file} nothing of the verdict coverage of its rule"));
                }
            }
        }
        Ok(out)
    }

    /// Measures events of the replay per second of processor time, by number of rules.
    fn throughput(&self, start: &Start) -> Result<Vec<(u64, f64)>, String> {
        let Some((capture, events)) = &self.capture else { return Ok(Vec::new()) };
        let empty = crate::shell::root().join("demo/demo.scap.gz");
        let mut out = Vec::new();
        for count in self.plan.rules.iter().take_while(|_| !self.is_over()) {
            note!("{}: a replay with {count} rules", start.name);
            let each = |n| {
                let condition = format!(
                    "evt.type in (open, openat) and fd.name = /proof/{n} and proc.name = program-{n}"
                );
                rule(&format!("Rule {n}"), &condition)
            };
            let rules = self.rules("many.yaml", &(1..*count).map(each).collect::<String>())?;
            let time = start.replay(&rules, capture)? - start.replay(&rules, &empty)?;
            out.push((*count, *events as f64 / time.max(0.01)));
        }
        Ok(out)
    }
}

fn rule(name: &str, condition: &str) -> String {
    format!(
        "- rule: {name}\n  desc: It never matches.\n  condition: {condition}\n  output: x\n  priority: INFO\n"
    )
}

/// The verdict coverage of the rule for marks in a metrics snapshot, in percent.
pub fn covered(line: &str) -> Option<f64> {
    let value = line.split_once("\"falco.rules_verdict_coverage_perc.Marked_file\":")?.1;
    value.split([',', '}']).next()?.trim().parse().ok()
}

/// Describes this machine.
pub fn machine(load_before: f64, noise: f64, seconds: f64) -> Machine {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| -> Option<String> {
        Some(
            text.lines()
                .find_map(|line| line.strip_prefix(key))?
                .trim_start_matches([':', ' ', '\t'])
                .to_owned(),
        )
    };
    let memory = after(&read("/proc/meminfo"), "MemTotal");
    let kib = memory.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
    let processor =
        after(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    Machine {
        version: crate::shell::commit(),
        date: date(generator::now() / 1_000_000_000),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        processor,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_mib: kib / 1024,
        load: [load_before, load_average()],
        noise,
        seconds,
    }
}

/// The load average of the last minute.
pub fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// Relative difference between the slowest and the fastest of equal loops, in wall-clock time.
pub fn noise() -> f64 {
    let round = |_| {
        let begun = Instant::now();
        let mut sum = 0_u64;
        (0..3_000_000_u64).for_each(|n| sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(n)));
        begun.elapsed().as_secs_f64()
    };
    let times: Vec<f64> = (0..40).map(round).collect();
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    times.iter().copied().fold(0.0, f64::max) / least - 1.0
}

/// Calendar date of a time in seconds since the epoch.
pub fn date(seconds: u64) -> String {
    // Days since the first of March of the year 0, whose years end with the leap day.
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{day:02}", era * 400 + year + next)
}
