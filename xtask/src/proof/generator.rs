//! The load: a process that opens files at a rate, some of them marked.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use eyas_console::say;

/// The unmarked file that is opened.
pub const FILE: &str = "/etc/hostname";
/// Number of marked files that are opened per second, if there are as many events.
const MARKS: u64 = 200;
/// Interval of rate control.
const BEAT: Duration = Duration::from_millis(1);

/// Name of a marked file.
pub fn mark(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("mark-{number:07}"))
}

/// Number of the marked file in a line.
pub fn number(line: &str) -> Option<u64> {
    line.split_once("mark-")?.1.get(..7)?.parse().ok()
}

/// Creates a marked file. Returns the time, ns since the epoch.
pub fn touch(dir: &Path, number: u64) -> u64 {
    let at = now();
    drop(File::create(mark(dir, number)));
    at
}

/// Current time, ns since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// The command `cargo xtask pace`: produces this many events per second, or as many as possible if the rate
/// is 0. Prints the actual rate and the time at which each marked file was opened. The first marked file
/// has the number `first`.
pub fn run(words: &[&str]) -> Result<(), String> {
    let [rate, ms, first, dir] = words else {
        return Err("pace takes a rate, ms, a number and a folder".into());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is not a number"));
    let (rate, first, time) = (number(rate)?, number(first)?, Duration::from_millis(number(ms)?));
    let (begun, dir) = (Instant::now(), Path::new(dir));
    let (mut events, mut marks) = (0_u64, Vec::new());
    let marks_per_second = if rate == 0 { MARKS } else { MARKS.min(rate) };
    loop {
        let elapsed = begun.elapsed();
        if elapsed >= time {
            break;
        }
        if elapsed.as_secs_f64() * marks_per_second as f64 > marks.len() as f64 {
            marks.push(touch(dir, first + marks.len() as u64));
            events += 1;
        }
        let due = if rate == 0 { events + 200 } else { (elapsed.as_secs_f64() * rate as f64) as u64 };
        while events < due {
            drop(File::open(FILE).map_err(|error| format!("{FILE}: {error}"))?);
            events += 2;
        }
        if rate != 0 {
            std::thread::sleep(BEAT);
        }
    }
    say!("{}", events as f64 / begun.elapsed().as_secs_f64());
    marks.iter().for_each(|at| say!("{at}"));
    Ok(())
}

/// Starts a load.
pub fn start(rate: u64, time: Duration, first: u64, dir: &Path) -> Result<Child, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let words = [rate.to_string(), time.as_millis().to_string(), first.to_string()];
    let mut command = Command::new(this);
    command.arg("pace").args(words).arg(dir).stdout(Stdio::piped());
    command.spawn().map_err(|error| format!("can't start the load: {error}"))
}

/// Waits for the load. Returns events per second, and when each marked file was opened.
pub fn finish(child: Child) -> Result<(f64, Vec<u64>), String> {
    let out = child.wait_with_output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&out.stdout);
    let mut lines = text.lines();
    let rate = lines.next().and_then(|line| line.parse().ok()).ok_or("the load says nothing")?;
    Ok((rate, lines.filter_map(|line| line.parse().ok()).collect()))
}
