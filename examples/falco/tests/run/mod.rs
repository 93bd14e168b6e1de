//! The program running, its log, and what its web server says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longer than anything here takes, even on a machine that is busy.
pub const SOON: Duration = Duration::from_secs(60);

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A directory of its own for a test.
pub fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("eyas-falco-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

pub fn falco(options: &[&str]) -> Command {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.env("FALCO_HOSTNAME", "vm").env("TZ", "UTC").args(["-c", "/dev/null"]);
    falco.arg("-r").arg(root().join("demo/rules.yaml"));
    for option in options {
        falco.args(["-o", option]);
    }
    falco
}

/// A program that runs.
pub struct Running {
    child: Child,
    /// What is replayed, if something is.
    pub capture: Option<ChildStdin>,
    log: Receiver<String>,
    /// Lines of the log so far.
    pub lines: Vec<String>,
    output: Option<std::thread::JoinHandle<String>>,
}

impl Running {
    /// Starts it; a replay is of what is written to `capture`.
    pub fn start(falco: &mut Command) -> Self {
        let falco = falco.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = falco.spawn().unwrap();
        let (send, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| drop(send.send(line)));
        });
        let mut stdout = child.stdout.take().unwrap();
        let output = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let capture = child.stdin.take();
        Self { child, capture, log, lines: Vec::new(), output: Some(output) }
    }

    /// The rest of the first line of the log that has `what`, behind it.
    pub fn wait_for(&mut self, what: &str) -> String {
        loop {
            let line = self.log.recv_timeout(SOON).unwrap_or_else(|_| panic!("no {what}: {:#?}", self.lines));
            self.lines.push(line.clone());
            if let Some((_, rest)) = line.split_once(what) {
                return rest.to_owned();
            }
        }
    }

    /// The port that the web server says it listens on.
    pub fn port(&mut self) -> u16 {
        let address = self.wait_for("Starting health webserver, listening on ");
        address.split_whitespace().next().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Has it end, by the end of the capture or an interrupt; answers standard output and the log.
    pub fn finish(mut self) -> (ExitStatus, String, String) {
        if self.capture.take().is_none() {
            self.interrupt();
        }
        let until = Instant::now() + SOON;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > until => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let output = self.output.take().unwrap().join().unwrap();
        self.lines.extend(self.log.iter());
        (status, output, self.lines.join("\n"))
    }

    fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server says to `request`, whole: head and body.
pub fn say(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A server that had nothing to say may end the connection in either way.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once("\r\n\r\n") {
        Some((head, body)) => (head.to_lowercase(), body.to_owned()),
        None => (text, String::new()),
    }
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// A page of the program's web server.
pub fn get(port: u16, path: &str) -> (String, String) {
    say(connect(port), &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}
