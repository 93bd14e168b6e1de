//! Measures the cost that the probe adds to system calls, and the number of events per second without a
//! loss.
//!
//! As root: `cargo bench -p eyas-benches --features live --bench live`. With `--peer COMMAND` the same calls are made
//! while that program runs instead, and with `--peer-skip COMMAND` while it runs and wants none of them; each is ended
//! by SIGINT. `--attach btf` and `--attach perf` attach the probe so, whatever the kernel asks for. `--flood SECONDS` sets how long a flood
//! lasts; `--turns COUNT` how often modes take turns; `--only added`, `--only requests` (of io_uring), `--only decisions` (of security hooks) or `--only flood` does one of the four.
//!
//! Only if they are asked for: `--only filters` (size of the probe's filter, time to build and to switch), `--only verdicts` (cost
//! of a verdict on a process) and `--only sent` (which events the filter lets pass under a load of `--flood` seconds, and why).

mod capture;
mod cases;
mod flood;
mod peer;
mod pushed;
#[path = "../../../crates/scap/tests/syscalls/ring.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod ring;
mod sent;
mod sources;
mod table;

use std::fs::File;
use std::time::Duration;

use eyas::scap::live::Attach;
use rustix::thread::CpuSet;

/// Any error ends the benchmark, because its figures would be useless.
type Failure = Box<dyn std::error::Error>;

/// Settings from the command line.
struct Settings {
    peer: Option<String>,
    peer_skip: Option<String>,
    flood: Duration,
    only: Option<String>,
    turns: Option<usize>,
    attach: Attach,
}

impl Settings {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut settings = Self {
            peer: None,
            peer_skip: None,
            flood: Duration::from_secs(10),
            only: None,
            turns: None,
            attach: Attach::Auto,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--peer" => settings.peer = Some(value()?),
                "--peer-skip" => settings.peer_skip = Some(value()?),
                "--flood" => settings.flood = Duration::from_secs(value()?.parse()?),
                "--attach" => {
                    settings.attach = match value()?.as_str() {
                        "btf" => Attach::Btf,
                        "perf" => Attach::Perf,
                        other => return Err(format!("--attach takes btf or perf, not {other}").into()),
                    }
                }
                "--only" => settings.only = Some(value()?),
                "--turns" => settings.turns = Some(value()?.parse()?),
                // cargo passes it to every benchmark.
                "--bench" => {}
                _ => {
                    return Err(format!(
                        "`{arg}` is none of --peer, --peer-skip, --attach, --flood, --turns, --only"
                    )
                    .into());
                }
            }
        }
        Ok(settings)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == part)
    }
}

fn main() -> Result<(), Failure> {
    let settings = Settings::parse(std::env::args().skip(1))?;
    if !rustix::process::geteuid().is_root() {
        println!("skipped: capturing live needs root");
        return Ok(());
    }
    let lock = File::create(std::env::temp_dir().join("eyas-live.lock"))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
    if settings.wants("added") {
        table::print(&settings)?;
    }
    if settings.wants("requests") || settings.wants("decisions") {
        sources::print(|part| settings.wants(part), settings.turns)?;
    }
    if settings.wants("flood") {
        flood::print(&settings)?;
    }
    match settings.only.as_deref() {
        Some("filters") => pushed::print_filters()?,
        Some("verdicts") => pushed::print_verdicts()?,
        Some("sent") => sent::print(settings.flood)?,
        _ => {}
    }
    Ok(())
}

/// Pins the calling thread to the first or the last CPU, so that measuring and reading use different CPUs
/// if there are two.
fn stay(on_last: bool) -> Result<(), Failure> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let mut all = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let cpu = if on_last { all.next_back() } else { all.next() };
    let mut only = CpuSet::new();
    only.set(cpu.ok_or("this thread may run nowhere")?);
    Ok(rustix::thread::sched_setaffinity(None, &only)?)
}
