//! Processes that handle signals.

use std::time::{Duration, Instant};

use rustix::process::Signal;

/// Waits until the process handles this signal: before that, the signal would kill it.
///
/// # Panics
/// The process has ended, or does not handle the signal within a minute.
#[track_caller]
pub fn wait_for_handler(process: u32, signal: Signal) {
    let until = Instant::now() + Duration::from_secs(60);
    while !handles(process, signal) {
        assert!(Instant::now() < until, "process {process} does not handle {signal:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn handles(process: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.unwrap_or_else(|error| panic!("process {process} has ended: {error}"));
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap_or_default();
    caught >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[core::prelude::v1::test]
    fn rust_handles_segv_and_leaves_usr1_alone() {
        wait_for_handler(std::process::id(), Signal::SEGV);
        assert!(!handles(std::process::id(), Signal::USR1));
    }
}
