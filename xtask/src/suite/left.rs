//! Processes that outlive the tests that started them.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable by which a binary of tests and the processes that it starts are known.
pub const MARK: &str = "EYAS_TESTS_OF";

/// How long a process may take to end after its test.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// Ends the processes with this value of [`MARK`], and returns their command lines.
pub fn end(value: &str) -> Vec<String> {
    let entry = format!("{MARK}={value}");
    let until = Instant::now() + PATIENCE;
    let mut left = marked(&entry);
    while !left.is_empty() && Instant::now() < until {
        sleep(PAUSE);
        left = marked(&entry);
    }
    left.into_iter()
        .map(|(process, line)| {
            let _ = pidfd_send_signal(&process, Signal::KILL);
            line
        })
        .collect()
}

/// The processes with this entry in their environment, and their command lines.
fn marked(entry: &str) -> Vec<(OwnedFd, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    ids.filter_map(|id| {
        // The descriptor before the files, so that both are of the same process.
        let process = pidfd_open(id, PidfdFlags::empty()).ok()?;
        let read = |file| fs::read(format!("/proc/{}/{file}", id.as_raw_nonzero()));
        let environment = read("environ").ok()?;
        let is_marked = environment.split(|byte| *byte == 0).any(|part| part == entry.as_bytes());
        let line = read("cmdline").ok().filter(|_| is_marked)?;
        let words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect::<Vec<_>>();
        Some((process, format!("{} {}", id.as_raw_nonzero(), words.join(" ").trim_end())))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn processes_with_the_mark_are_found() {
        let value = format!("left-{}", std::process::id());
        let mut child = Command::new("sleep").arg("600").env(MARK, &value).spawn().unwrap();
        let entry = format!("{MARK}={value}");
        let (mut found, mut lines) = (Vec::new(), String::new());
        // The child has the environment when it has executed the program.
        while found.is_empty() {
            found = marked(&entry);
            lines = found.iter().map(|(_, line)| line.as_str()).collect();
        }
        found.iter().for_each(|(process, _)| pidfd_send_signal(process, Signal::KILL).unwrap());
        child.wait().unwrap();
        assert_eq!(lines, format!("{} sleep 600", child.id()));
        assert!(marked(&entry).is_empty());
    }
}
