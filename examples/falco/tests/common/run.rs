//! The program, its input, its output and its log.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENT, SOON, root};

/// The program with the demo's rules and these options.
pub fn falco(options: &[&str]) -> Command {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.env("FALCO_HOSTNAME", "vm").env("TZ", "UTC").args(["-c", "/dev/null"]).args(PATIENT);
    falco.arg("-r").arg(root().join("demo/rules.yaml"));
    for option in options {
        falco.args(["-o", option]);
    }
    falco
}

/// A running program; most replay their standard input.
pub struct Run {
    pub child: Child,
    /// Closing it ends a replay.
    pub stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<()>>,
    /// What it has written to standard output so far.
    out: Arc<Mutex<String>>,
    log: Receiver<String>,
    logged: Vec<String>,
}

impl Run {
    /// Starts the program with these arguments.
    pub fn start(args: &[&str]) -> Self {
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        Self::of(falco.args(PATIENT).args(args).env("FALCO_HOSTNAME", "vm").env("TZ", "UTC"))
    }

    /// Starts a program.
    pub fn of(falco: &mut Command) -> Self {
        let falco = falco.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = falco.spawn().unwrap();
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let err = BufReader::new(child.stderr.take().unwrap());
        let out = Arc::<Mutex<String>>::default();
        let text = Arc::clone(&out);
        let stdout = std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).unwrap() > 0 {
                text.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || err.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        Self { child, stdin, stdout: Some(stdout), out, log, logged: Vec::new() }
    }

    /// Feeds these bytes to the replay.
    pub fn feed<'a>(&mut self, pieces: impl IntoIterator<Item = &'a Vec<u8>>) {
        let bytes: Vec<u8> = pieces.into_iter().flatten().copied().collect();
        self.stdin.as_mut().unwrap().write_all(&bytes).unwrap();
        self.stdin.as_mut().unwrap().flush().unwrap();
    }

    /// The rest, after `part`, of the next line of the log that contains it; `None` if there is none within this time.
    fn next_line(&mut self, part: &str, time: Duration) -> Option<String> {
        let until = Instant::now() + time;
        loop {
            let line = self.log.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
            let rest = line.split_once(part).map(|(_, rest)| rest.to_owned());
            self.logged.push(line);
            if rest.is_some() {
                return rest;
            }
        }
    }

    /// Whether such a line is logged within this time.
    pub fn logs(&mut self, part: &str, time: Duration) -> bool {
        self.next_line(part, time).is_some()
    }

    /// Waits until such a line is logged; returns its rest.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) -> String {
        let rest = self.next_line(part, SOON);
        rest.unwrap_or_else(|| panic!("`{part}` is not in the log: {:#?}", self.logged))
    }

    /// What `view` makes of standard output so far.
    pub fn output<T>(&self, view: impl FnOnce(&str) -> T) -> T {
        view(&self.out.lock().unwrap())
    }

    /// Waits until standard output is as wanted.
    #[track_caller]
    pub fn wait_for_output(&self, is_wanted: impl Fn(&str) -> bool) {
        let until = Instant::now() + SOON;
        while !self.output(&is_wanted) {
            assert!(Instant::now() < until, "{}", self.output(str::to_owned));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Feeds the pieces, `size` at a time and ever more slowly, until such a line is logged. Returns the remaining pieces.
    #[track_caller]
    pub fn feed_until<'a>(&mut self, part: &str, pieces: &'a [Vec<u8>], size: usize) -> &'a [Vec<u8>] {
        let until = Instant::now() + SOON;
        let mut rest = pieces;
        let mut pause = Duration::from_millis(20);
        while !self.logs(part, pause) {
            assert!(Instant::now() < until && rest.len() > size, "`{part}`: {:#?}", self.logged);
            pause = (pause * 11 / 10).min(Duration::from_secs(2));
            let (now, then) = rest.split_at(size);
            self.feed(now);
            rest = then;
        }
        rest
    }

    /// The port of the web server, from the log.
    pub fn port(&mut self) -> u16 {
        let address = self.wait_for("Starting health webserver with threadiness 1, listening on ");
        address.split_whitespace().next().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends the program, by the end of its input or, if that is closed, by an interrupt. Returns the status, standard
    /// output and the log.
    pub fn finish(mut self) -> (ExitStatus, String, String) {
        if self.stdin.take().is_none() {
            self.signal(Signal::INT);
        }
        self.wait()
    }

    /// Waits for the end of the program. Returns the status, standard output and the log.
    pub fn wait(mut self) -> (ExitStatus, String, String) {
        let until = Instant::now() + SOON;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > until => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.stdout.take().unwrap().join().unwrap();
        let output = std::mem::take(&mut *self.out.lock().unwrap());
        self.logged.extend(self.log.iter());
        (status, output, self.logged.join("\n"))
    }

    /// Ends the program, which must succeed. Returns standard output and the log.
    #[track_caller]
    pub fn end(self) -> (String, String) {
        let (status, out, log) = self.finish();
        assert!(status.success(), "{status}: {log}");
        (out, log)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // If a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
