//! Where alerts go.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};

use crate::config::Config;
use crate::file;
use crate::log::{Level, Seldom, log};

mod backlog;
mod http;
mod queue;
mod syslog;

pub use queue::{Batch, Queue, Side};
pub use syslog::Syslog;

/// Size of a batch where outputs are buffered.
const BATCH: usize = 64 << 10;

/// Alerts that a channel had no room for, since the program started.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many alerts a channel had no room for since the program started.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// One finished alert line and how grave it is.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The line without its end.
    pub text: &'a [u8],
    /// Priority as syslog counts: 0 is the gravest.
    pub severity: u8,
}

/// A channel for alert lines.
pub trait Output: Send {
    /// Name for messages.
    fn name(&self) -> &'static str;
    /// Takes one alert.
    fn write(&mut self, line: Line<'_>) -> io::Result<()>;
    /// Hands on what is buffered.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// Opens its file again, after rotation by someone else.
    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All channels that the configuration enables.
pub struct Outputs {
    channels: Vec<Channel>,
    buffered: bool,
}

impl Outputs {
    /// Opens the channels.
    pub fn open(config: &Config, unbuffered: bool) -> Result<Self> {
        let mut channels: Vec<Box<dyn Output>> = Vec::new();
        if config.stdout_output.enabled {
            channels.push(Box::new(Stream { out: BufWriter::with_capacity(BATCH, io::stdout()) }));
        }
        if config.syslog_output.enabled {
            channels.push(Box::new(Syslog::open()));
        }
        if config.file_output.enabled {
            let path = &config.file_output.filename;
            if path.as_os_str().is_empty() {
                bail!("file_output is enabled but file_output.filename is empty");
            }
            let out =
                open_append(path).with_context(|| format!("file_output: can't open {}", path.display()))?;
            channels.push(Box::new(FileOutput { path: path.clone(), out }));
        }
        if config.program_output.enabled {
            if config.program_output.program.is_empty() {
                bail!("program_output is enabled but program_output.program is empty");
            }
            channels.push(Box::new(ProgramOutput {
                command: config.program_output.program.clone(),
                keep_alive: config.program_output.keep_alive,
                running: None,
            }));
        }
        if config.http_output.enabled {
            channels.push(Box::new(http::Http::open(config)?));
        }
        let channels = channels.into_iter().map(|output| Channel { output, failing: Seldom::default() });
        Ok(Self { channels: channels.collect(), buffered: config.buffered_outputs && !unbuffered })
    }

    /// Sends alerts to every channel; what is buffered there is handed on if outputs are not buffered, or
    /// if `flush` demands it.
    ///
    /// # Errors
    /// Standard output is gone (so is the reader, usually); other channels' failures are logged.
    pub fn send<'a>(&mut self, lines: impl Iterator<Item = Line<'a>>, flush: bool) -> Result<()> {
        for line in lines {
            for channel in &mut self.channels {
                let sent = channel.output.write(line);
                channel.settle(sent)?;
            }
        }
        if flush || !self.buffered { self.flush() } else { Ok(()) }
    }

    /// Hands on what is buffered.
    pub fn flush(&mut self) -> Result<()> {
        for channel in &mut self.channels {
            let flushed = channel.output.flush();
            channel.settle(flushed)?;
        }
        Ok(())
    }

    /// Opens files again.
    pub fn reopen(&mut self) {
        for channel in &mut self.channels {
            if let Err(error) = channel.output.reopen() {
                crate::log::warning(&format!("{}: can't open again: {error}", channel.output.name()));
            }
        }
    }
}

/// So many alerts, in words.
fn alerts(times: u64) -> String {
    if times == 1 { "alert".to_owned() } else { format!("{times} alerts") }
}

struct Channel {
    output: Box<dyn Output>,
    failing: Seldom,
}

impl Channel {
    fn settle(&mut self, result: io::Result<()>) -> Result<()> {
        let Err(error) = result else { return Ok(()) };
        let name = self.output.name();
        if name == Stream::NAME {
            return Err(error).context("can't write alerts to standard output");
        }
        if let Some(times) = self.failing.happened() {
            log(Level::Error, &format!("{name}: {} not delivered: {error}", alerts(times)));
        }
        Ok(())
    }
}

struct Stream {
    out: BufWriter<io::Stdout>,
}

impl Stream {
    const NAME: &'static str = "stdout_output";
}

impl Output for Stream {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn write(&mut self, line: Line<'_>) -> io::Result<()> {
        self.out.write_all(line.text)?;
        self.out.write_all(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn open_append(path: &std::path::Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(BATCH, file::append(path)?))
}

struct FileOutput {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Output for FileOutput {
    fn name(&self) -> &'static str {
        "file_output"
    }

    fn write(&mut self, line: Line<'_>) -> io::Result<()> {
        self.out.write_all(line.text)?;
        self.out.write_all(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out = open_append(&self.path)?;
        Ok(())
    }
}

/// A shell command that reads alerts: one for all (`keep_alive`) or one for each.
struct ProgramOutput {
    command: String,
    keep_alive: bool,
    running: Option<(Child, ChildStdin)>,
}

impl ProgramOutput {
    fn start(&mut self) -> io::Result<&mut ChildStdin> {
        if self.running.is_none() {
            let mut child =
                Command::new("/bin/sh").args(["-c", &self.command]).stdin(Stdio::piped()).spawn()?;
            let stdin = child.stdin.take().ok_or_else(|| io::Error::other("the program has no input"))?;
            self.running = Some((child, stdin));
        }
        match &mut self.running {
            Some((_, stdin)) => Ok(stdin),
            None => Err(io::Error::other("the program did not start")),
        }
    }

    fn stop(&mut self) -> io::Result<()> {
        if let Some((mut child, stdin)) = self.running.take() {
            drop(stdin);
            child.wait()?;
        }
        Ok(())
    }
}

impl Output for ProgramOutput {
    fn name(&self) -> &'static str {
        "program_output"
    }

    fn write(&mut self, line: Line<'_>) -> io::Result<()> {
        let stdin = self.start()?;
        let written = stdin.write_all(line.text).and_then(|()| stdin.write_all(b"\n"));
        if written.is_err() || !self.keep_alive {
            self.stop()?;
        }
        written
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.stop()
    }
}

impl Drop for ProgramOutput {
    fn drop(&mut self) {
        // The program sees the end of its input; its exit status interests nobody now.
        let _ = self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_reach_a_file_and_a_program() {
        let dir = std::env::temp_dir().join(format!("eyas-falco-output-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut config = Config::default();
        config.stdout_output.enabled = false;
        config.file_output.enabled = true;
        config.file_output.filename = dir.join("alerts");
        config.program_output.enabled = true;
        config.program_output.program = format!("cat >> {}", dir.join("program").display());
        for keep_alive in [false, true] {
            config.program_output.keep_alive = keep_alive;
            let mut queue = Queue::start(Outputs::open(&config, false).unwrap()).unwrap();
            queue.batch().add(4, |out| out.extend_from_slice(b"one"));
            queue.reopen().unwrap();
            queue.batch().add(4, |out| out.extend_from_slice(b"two"));
            queue.offer().unwrap();
            queue.close().unwrap();
        }
        for file in ["alerts", "program"] {
            assert_eq!(std::fs::read_to_string(dir.join(file)).unwrap(), "one\ntwo\none\ntwo\n", "{file}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_channel_without_a_destination_is_refused() {
        let mut config = Config::default();
        config.file_output.enabled = true;
        assert!(Outputs::open(&config, false).err().unwrap().to_string().contains("file_output.filename"));
    }
}
