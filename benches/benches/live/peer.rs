//! Another capturing program, for comparison.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::cases::Case;

/// Timeout for its start and its end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time for the rest of its startup after its first programs are attached.
const SETTLE: Duration = Duration::from_secs(3);
/// Relative duration of a call, in percent, from which on the program counts as started.
const SLOWER: u64 = 108;

/// The program, which runs until this is dropped.
pub(crate) struct Peer {
    child: Child,
    /// Its output.
    output: File,
}

impl Peer {
    /// Starts it and waits until a call takes longer than `bare`.
    pub(crate) fn start(command: &str, probe: &mut Case, bare: u64) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("eyas-peer-{}", std::process::id()));
        let output = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
        std::fs::remove_file(&path)?;
        let child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?)
            .spawn()?;
        let mut peer = Self { child, output };
        let start = Instant::now();
        // Three times in a row, as something else may have come between.
        let mut slower = 0;
        while slower < 3 {
            if start.elapsed() > PATIENCE || peer.child.try_wait()?.is_some() {
                return Err(format!("`{command}` does not begin to capture").into());
            }
            slower = if probe.measure() * 100 > bare * SLOWER { slower + 1 } else { 0 };
        }
        std::thread::sleep(SETTLE);
        Ok(peer)
    }

    /// Ends it. Returns its output lines about drops other than zero.
    pub(crate) fn stop(mut self) -> Result<Vec<String>, Failure> {
        self.end();
        let mut text = String::new();
        self.output.seek(SeekFrom::Start(0))?;
        self.output.read_to_string(&mut text)?;
        let tells = |line: &&str| line.contains("drop") && !line.trim_end().ends_with(": 0");
        Ok(text.lines().filter(tells).map(str::to_owned).collect())
    }

    fn end(&mut self) {
        let start = Instant::now();
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
