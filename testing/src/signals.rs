//! Processes that handle signals.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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

/// Programs that tests start do not ignore signals, also if a shell started the test in the background, which ignores SIGINT.
pub(crate) fn ignore_no_signals() {
    for signal in [Signal::HUP, Signal::INT, Signal::TERM, Signal::USR1] {
        if has_bit(std::process::id(), "SigIgn:", signal) {
            // Programs begin with the default action for a signal that this one handles.
            let always = Arc::new(AtomicBool::new(true));
            let registered = signal_hook::flag::register_conditional_default(signal.as_raw(), always);
            registered.unwrap_or_else(|error| panic!("{signal:?} cannot be handled: {error}"));
        }
    }
}

fn handles(process: u32, signal: Signal) -> bool {
    has_bit(process, "SigCgt:", signal)
}

/// Whether a set of signals in the status of the process contains this one.
fn has_bit(process: u32, set: &str, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.unwrap_or_else(|error| panic!("process {process} has ended: {error}"));
    let bits = status.lines().find_map(|line| line.strip_prefix(set)).unwrap_or_default();
    let bits = u64::from_str_radix(bits.trim(), 16).unwrap_or_default();
    bits >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[core::prelude::v1::test]
    fn rust_handles_segv_and_leaves_usr1_alone() {
        wait_for_handler(std::process::id(), Signal::SEGV);
        assert!(!handles(std::process::id(), Signal::USR1));
    }

    #[core::prelude::v1::test]
    fn programs_of_a_test_in_the_background_do_not_ignore_signals() {
        const NAME: &str = "signals::tests::programs_of_a_test_in_the_background_do_not_ignore_signals";
        const INNER: &str = "EYAS_TESTING_IN_BACKGROUND";
        if std::env::var_os(INNER).is_some() {
            assert!(has_bit(std::process::id(), "SigIgn:", Signal::INT));
            ignore_no_signals();
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            let is_ignored = has_bit(child.id(), "SigIgn:", Signal::INT);
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!is_ignored);
            return;
        }
        let this = std::env::current_exe().unwrap();
        let script = "trap '' INT; exec \"$0\" --exact \"$1\"";
        let output =
            Command::new("sh").args(["-c", script]).arg(this).arg(NAME).env(INNER, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
