//! Another program that captures, to be compared with.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::cases::Case;

/// How long it may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// What it still does when its first programs are attached.
const SETTLE: Duration = Duration::from_secs(3);
/// How much slower a call has to be, in percent, for it to have begun.
const SLOWER: u64 = 108;

/// The program, which runs until this is dropped.
pub(crate) struct Peer(Child);

impl Peer {
    /// Starts it and waits until a call takes longer than `bare`.
    pub(crate) fn start(command: &str, probe: &mut Case, bare: u64) -> Result<Self, Failure> {
        let child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut peer = Self(child);
        let start = Instant::now();
        // Three times in a row, as something else may have come between.
        let mut slower = 0;
        while slower < 3 {
            if start.elapsed() > PATIENCE || peer.0.try_wait()?.is_some() {
                return Err(format!("`{command}` does not begin to capture").into());
            }
            slower = if probe.measure() * 100 > bare * SLOWER { slower + 1 } else { 0 };
        }
        std::thread::sleep(SETTLE);
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.0);
        let start = Instant::now();
        let _ = kill_process(pid, Signal::INT);
        while matches!(self.0.try_wait(), Ok(None)) {
            if start.elapsed() > PATIENCE {
                let _ = self.0.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
