//! Runs every test, several binaries at a time. `cargo test` runs one after another, so the CPUs idle while a test waits.

use std::io::{BufRead, BufReader};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use eyas_console::note;

use crate::shell::{self, FEATURES};

mod job;
mod left;
mod queue;

use job::{Ended, Job};
use queue::Queue;

/// How many of the longest binaries the last line names.
const LONGEST: usize = 5;

enum Event {
    /// Cargo has built a binary.
    Binary(Job),
    /// Cargo has built all of them, or failed.
    Built(Result<(), String>),
    Ended(Ended),
}

/// Builds and runs every test, or those that options of cargo choose. A failure does not hide others.
pub fn run(options: &[&str]) -> Result<(), String> {
    let began = Instant::now();
    let (sender, events) = channel();
    let building = sender.clone();
    let doctests = options.is_empty().then(Job::doctests);
    let options: Vec<String> = options.iter().copied().map(str::to_owned).collect();
    thread::spawn(move || {
        let built = build(&options, &building);
        let _ = building.send(Event::Built(built));
    });
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let ended = run_all(&sender, &events, Queue::new(cpus), doctests)?;
    let failed: Vec<&str> = ended.iter().filter(|job| !job.passed).map(|job| job.title.as_str()).collect();
    let mut longest: Vec<&Ended> = ended.iter().collect();
    longest.sort_by_key(|job| std::cmp::Reverse(job.took));
    let longest: Vec<String> = longest
        .into_iter()
        .take(LONGEST)
        .map(|job| format!("{} {} s", job.title, job.took.as_secs()))
        .collect();
    let count = ended.len();
    note!(
        "{count} binaries and doctests in {} s; longest: {}",
        began.elapsed().as_secs(),
        longest.join(", ")
    );
    match failed.len() {
        0 => Ok(()),
        number => Err(format!("{number} of {count} failed:\n  {}", failed.join("\n  "))),
    }
}

/// Runs what cargo builds, and the doctests when everything is built; returns when all have ended.
fn run_all(
    sender: &Sender<Event>,
    events: &Receiver<Event>,
    mut queue: Queue<Job>,
    mut doctests: Option<Job>,
) -> Result<Vec<Ended>, String> {
    let mut ended = Vec::new();
    let mut failure = None;
    loop {
        while let Some(job) = queue.take(|job| job.needs) {
            let sender = sender.clone();
            thread::spawn(move || {
                let ended = job.run();
                let _ = sender.send(Event::Ended(ended));
            });
        }
        if queue.is_done() {
            return failure.map_or(Ok(ended), Err);
        }
        // This function has a sender, so the channel is open.
        match events.recv() {
            Ok(Event::Binary(job)) => queue.add(job),
            Ok(Event::Built(Ok(()))) => {
                doctests.take().into_iter().for_each(|job| queue.add(job));
                queue.builds = false;
            }
            Ok(Event::Built(Err(error))) => {
                failure = Some(error);
                queue.close();
            }
            Ok(Event::Ended(job)) => {
                job.print();
                queue.end(job.needs);
                ended.push(job);
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Builds the tests, and sends each binary when it is built.
fn build(options: &[String], sender: &Sender<Event>) -> Result<(), String> {
    let mut args = vec!["test", "--workspace", "--features", FEATURES, "--no-run"];
    args.extend(options.iter().map(String::as_str));
    note!("$ cargo {}", args.join(" "));
    let mut cargo = Command::new(shell::cargo_program())
        .args(args)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(shell::root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("can't run cargo: {error}"))?;
    if let Some(messages) = cargo.stdout.take() {
        for line in BufReader::new(messages).lines() {
            let line = line.map_err(|error| format!("can't read cargo's messages: {error}"))?;
            if let Some(job) = Job::built(&line)? {
                let _ = sender.send(Event::Binary(job));
            }
        }
    }
    let status = cargo.wait().map_err(|error| format!("can't wait for cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo test --no-run failed: {status}")) }
}
