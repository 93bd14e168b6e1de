//! `program_output`: writes alerts to the standard input of a program.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::ioctl_fionread;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::config::{Config, JSON_SCHEMA, JsonSchema, Shape};
use crate::output::{Alert, Cx, Failure, Lines, Output, Section, reason};

/// Time between asking a program to end and killing it.
const GRACE: Duration = Duration::from_millis(100);
/// Capacity of a pipe, bytes.
const PIPE_BYTES: usize = 64 << 10;

/// `program_output:`
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the output is enabled.
    pub enabled: bool,
    /// Whether one process reads all alerts.
    pub keep_alive: bool,
    /// A command line for the shell.
    pub program: String,
    /// Schema of the written alerts.
    pub json_schema: JsonSchema,
}

impl Section for Settings {
    const NAME: &'static str = "program_output";
    const KEYS: &'static [(&'static str, Shape)] =
        &[("enabled", Shape::Bool), ("keep_alive", Shape::Bool), ("program", Shape::Text), JSON_SCHEMA];
    const FAILS_REPLAY: bool = true;

    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn json_schema(&self) -> JsonSchema {
        self.json_schema
    }

    fn check(&self) -> Result<()> {
        if self.enabled && self.program.is_empty() {
            bail!(
                "program output enabled but no program in configuration block: program_output.program is empty"
            );
        }
        Ok(())
    }

    fn place(&self) -> String {
        // Only the first word, because the command line may contain passwords.
        let mut words = self.program.split_whitespace().filter(|word| *word != "exec");
        words.next().unwrap_or_default().to_owned()
    }

    fn open(&self, _: &Config) -> Result<Box<dyn Output>> {
        Ok(Box::new(Program { command: self.program.clone(), keep_alive: self.keep_alive, process: None }))
    }
}

/// A shell command that reads alerts: one process for all (`keep_alive`), or one per alert.
struct Program {
    command: String,
    keep_alive: bool,
    process: Option<Process>,
}

struct Process {
    child: Child,
    /// `None` once the input of the process is closed.
    stdin: Option<ChildStdin>,
    /// The other end of the pipe, once the input is closed: it shows what the process has not read.
    rest: Option<File>,
    lines: Lines,
    /// Lengths of lines that may still be in the pipe.
    in_pipe: VecDeque<usize>,
}

impl Program {
    /// The process that reads alerts. It is started if it does not run.
    fn process(&mut self, cx: &Cx<'_>) -> Result<&mut Process, Failure> {
        if self.process.as_ref().is_some_and(|process| process.stdin.is_none()) {
            self.wait(cx)?;
        }
        if self.process.is_none() {
            self.process = Some(Process::start(&self.command).map_err(|error| {
                Failure::Lost(format!("the program can't be started: {}", reason(&error)))
            })?);
        }
        self.process.as_mut().ok_or(Failure::Interrupted)
    }

    fn end_input(&mut self) {
        if let Some(process) = &mut self.process
            && let Some(stdin) = process.stdin.take()
        {
            process.rest = other_end(&stdin).ok();
        }
    }

    /// Waits for the end of a process whose input is closed.
    fn wait(&mut self, cx: &Cx<'_>) -> Result<(), Failure> {
        let Some(Process { child, .. }) = &mut self.process else { return Ok(()) };
        let failed = |error: std::io::Error| Failure::Later(reason(&error));
        let end = pidfd_open(Pid::from_child(child), PidfdFlags::empty());
        cx.hint("the program does not end after its input was closed");
        cx.wait_readable(end.map_err(|error| failed(error.into()))?)?;
        let status = child.wait().map_err(failed)?;
        let Some(process) = self.process.take() else { return Ok(()) };
        if self.keep_alive {
            // Alerts that the program has read are treated as delivered, because falco cannot see what it did with them.
            cx.lose_delivered(process.unread(), UNREAD);
        } else if !status.success() {
            let last = process.in_pipe.len() as u64;
            cx.lose_delivered(last, &format!("the program failed: {}", describe(status)));
        }
        Ok(())
    }
}

impl Output for Program {
    fn most(&self) -> usize {
        if self.keep_alive { usize::MAX } else { 1 }
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        for _ in 0..2 {
            let process = self.process(cx)?;
            match process.write(alerts, cx) {
                Err(Failure::Gone) => {
                    cx.lose_delivered(process.unread(), UNREAD);
                    process.in_pipe.clear();
                    // Another process may read the alert.
                    self.end_input();
                }
                written => {
                    if written.is_ok() && !self.keep_alive {
                        self.end_input();
                    }
                    return written;
                }
            }
        }
        Err(Failure::Lost(UNREAD.into()))
    }

    fn reopen(&mut self) -> Result<(), String> {
        // The next alert restarts it.
        self.end_input();
        Ok(())
    }

    fn close(&mut self, cx: &Cx<'_>) {
        self.end_input();
        if self.wait(cx).is_err() {
            self.abandon(cx);
        }
    }

    fn abandon(&mut self, cx: &Cx<'_>) {
        if let Some(process) = self.process.take() {
            let unread = process.unread();
            process.kill();
            cx.lose_delivered(unread, "the program did not read them and was ended");
        }
    }
}

/// The meaning of an exit status of the shell.
pub(super) fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(127) => "the shell does not find it (status 127)".to_owned(),
        Some(126) => "the shell cannot execute it (status 126)".to_owned(),
        Some(code) => format!("status {code}"),
        None => format!("signal {}", status.signal().unwrap_or_default()),
    }
}

/// Why alerts are lost that a pipe took.
const UNREAD: &str = "the program ended and had not read them";

impl Process {
    fn start(command: &str) -> io::Result<Self> {
        // The process has its own group. So everything that the shell starts can be ended with it, and
        // Ctrl-C does not end it while alerts remain.
        let mut child =
            Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::piped()).process_group(0).spawn()?;
        let stdin = child.stdin.take();
        if let Some(stdin) = &stdin {
            fcntl_setfl(stdin, OFlags::NONBLOCK)?;
        }
        Ok(Self { child, stdin, rest: None, lines: Lines::default(), in_pipe: VecDeque::new() })
    }

    fn write(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let Self { stdin: Some(stdin), lines, .. } = self else { return Err(Failure::Gone) };
        let mut writer = &*stdin;
        let written = lines.write(alerts, cx, |bytes| writer.write(bytes), || cx.wait_writable(&*stdin))?;
        self.in_pipe.extend(alerts.iter().take(written).map(|alert| alert.text.len() + 1));
        let mut bytes: usize = self.in_pipe.iter().sum();
        while let Some(first) = self.in_pipe.front().filter(|first| bytes - **first >= PIPE_BYTES) {
            bytes -= first;
            self.in_pipe.pop_front();
        }
        Ok(written)
    }

    /// Number of alerts that are completely or partly in the pipe.
    fn unread(&self) -> u64 {
        let waiting = match (&self.stdin, &self.rest) {
            (Some(stdin), _) => ioctl_fionread(stdin),
            (None, Some(rest)) => ioctl_fionread(rest),
            (None, None) => Ok(0),
        };
        let waiting = waiting.unwrap_or(0);
        // The queue accounts for an alert that is only partly in the pipe.
        let mut bytes = waiting.saturating_sub(self.lines.sent() as u64);
        let mut alerts = 0;
        for line in self.in_pipe.iter().rev() {
            if bytes == 0 {
                break;
            }
            bytes = bytes.saturating_sub(*line as u64);
            alerts += 1;
        }
        alerts
    }

    /// Ends the process and everything that it started.
    fn kill(mut self) {
        self.stdin = None;
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        // The process is not reaped before the second signal, so until then its number cannot be reused.
        if let (Ok(end), Ok(grace)) = (pidfd_open(group, PidfdFlags::empty()), Timespec::try_from(GRACE)) {
            let _ = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&grace));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let until = Instant::now() + GRACE;
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(5));
        }
    }
}

/// The end of a pipe from which the other process reads.
fn other_end(stdin: &ChildStdin) -> io::Result<File> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let path = format!("/proc/self/fd/{}", stdin.as_raw_fd());
    OpenOptions::new().read(true).custom_flags(nonblocking).open(path)
}
