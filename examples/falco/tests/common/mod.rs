//! A replay of which the test decides when it goes on.
#![allow(dead_code, reason = "each test uses a part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eyas::scap::{EventSource, Next, Reader, Writer};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that goes with the test.
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("eyas-falco-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Puts a file in place as editors do.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let (path, other) = (self.path(name), self.path(".new"));
        std::fs::write(&other, text).unwrap();
        std::fs::rename(&other, &path).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The demo's capture.
pub fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/demo.scap.gz")
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The bytes of a capture, cut behind the snapshot and behind each event.
pub fn pieces(mut source: impl EventSource) -> Vec<Vec<u8>> {
    let sink = Sink::default();
    let mut writer = Writer::new(sink.clone(), false);
    let mut pieces = Vec::new();
    loop {
        match source.next().unwrap() {
            Next::Snapshot(snapshot) => writer.snapshot(&snapshot).unwrap(),
            Next::Event(event) => writer.event(&event).unwrap(),
            Next::Idle => continue,
            Next::End => return pieces,
        }
        writer.flush().unwrap();
        pieces.push(std::mem::take(&mut *sink.0.lock().unwrap()));
    }
}

pub fn demo_pieces() -> Vec<Vec<u8>> {
    pieces(Reader::open(demo()).unwrap())
}

/// A program that replays its standard input.
pub struct Run {
    pub child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<String>>,
    log: Receiver<String>,
    logged: Vec<String>,
}

impl Run {
    pub fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_falco"))
            .args(args)
            .env("FALCO_HOSTNAME", "vm")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let (mut out, err) = (child.stdout.take().unwrap(), BufReader::new(child.stderr.take().unwrap()));
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || err.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        Self { child, stdin, stdout: Some(stdout), log, logged: Vec::new() }
    }

    /// What it replays next.
    pub fn feed<'a>(&mut self, pieces: impl IntoIterator<Item = &'a Vec<u8>>) {
        let bytes: Vec<u8> = pieces.into_iter().flatten().copied().collect();
        self.stdin.as_mut().unwrap().write_all(&bytes).unwrap();
        self.stdin.as_mut().unwrap().flush().unwrap();
    }

    /// Whether such a line is logged within this time.
    pub fn logs(&mut self, part: &str, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.log.recv_timeout(left) else { return false };
            let found = line.contains(part);
            self.logged.push(line);
            if found {
                return true;
            }
        }
    }

    /// Waits until such a line is logged.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) {
        assert!(self.logs(part, PATIENCE), "`{part}` is not in the log: {:#?}", self.logged);
    }

    /// Feeds one piece after the other, `size` at a time, until such a line is logged; answers how many are left.
    #[track_caller]
    pub fn feed_until<'a>(&mut self, part: &str, pieces: &'a [Vec<u8>], size: usize) -> &'a [Vec<u8>] {
        let until = Instant::now() + PATIENCE;
        let mut rest = pieces;
        while !self.logs(part, Duration::from_millis(20)) {
            assert!(Instant::now() < until && rest.len() > size, "`{part}`: {:#?}", self.logged);
            let (now, then) = rest.split_at(size);
            self.feed(now);
            rest = then;
        }
        rest
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends the input and the program; what it printed and logged.
    #[track_caller]
    pub fn end(mut self) -> (String, String) {
        drop(self.stdin.take());
        let out = self.stdout.take().unwrap().join().unwrap();
        let status = self.child.wait().unwrap();
        let log = [self.logged, self.log.iter().collect()].concat().join("\n");
        assert!(status.success(), "{status}: {log}");
        (out, log)
    }
}
