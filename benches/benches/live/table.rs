//! Cost in nanoseconds that a capture adds to each call.

use eyas::events::SyscallCode;
use eyas::scap::live::{ProbeOptions, Source};

use crate::capture::Capture;
use crate::cases::{self, Case};
use crate::peer::Peer;
use crate::{Failure, Settings, stay};

/// How often each case is measured in each mode.
const ROUNDS: usize = 15;

/// Mode of a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Nothing.
    Bare,
    /// A program that does nothing at the end of every call.
    Empty,
    /// The probe, which is not interested in the call.
    Skipped,
    /// The probe, which captures everything.
    Captured,
}

const MODES: [Mode; 4] = [Mode::Bare, Mode::Empty, Mode::Skipped, Mode::Captured];

/// Applies a mode to the capture.
fn change(source: &mut Source, mode: Mode) -> Result<(), Failure> {
    source.set_empty(mode == Mode::Empty)?;
    source.set_interest(match mode {
        Mode::Bare | Mode::Empty => Some(&[]),
        Mode::Skipped => Some(&[SyscallCode::QUOTACTL]),
        Mode::Captured => None,
    })?;
    Ok(())
}

/// The fastest of each mode, and of the peer's two.
struct Row {
    name: &'static str,
    ours: [u64; MODES.len()],
    peer: Option<u64>,
    peer_skip: Option<u64>,
}

impl Row {
    fn bare(&self) -> u64 {
        self.ours[0]
    }
}

pub(crate) fn print(settings: &Settings) -> Result<(), Failure> {
    stay(true)?;
    let capture = Capture::start(
        ProbeOptions { interest: Some(Vec::new()), attach: settings.attach, ..ProbeOptions::default() },
        change,
    );
    let mut cases = cases::all()?;
    let row =
        |case: &Case| Row { name: case.name, ours: [u64::MAX; MODES.len()], peer: None, peer_skip: None };
    let mut rows: Vec<Row> = cases.iter().map(row).collect();
    for _ in 0..ROUNDS {
        for (index, mode) in MODES.iter().enumerate() {
            capture.set(*mode)?;
            for (case, row) in cases.iter_mut().zip(&mut rows) {
                row.ours[index] = case.measure().min(row.ours[index]);
            }
        }
    }
    let lost = capture.set(Mode::Bare)?;
    let bare = rows[0].bare();
    if let Some(command) = &settings.peer {
        let peer = beside(command, &mut cases, bare)?;
        rows.iter_mut().zip(peer).for_each(|(row, best)| row.peer = Some(best));
    }
    if let Some(command) = &settings.peer_skip {
        let peer = beside(command, &mut cases, bare)?;
        rows.iter_mut().zip(peer).for_each(|(row, best)| row.peer_skip = Some(best));
    }
    show(&rows);
    println!("\n{lost} events lost");
    Ok(())
}

/// The fastest of each case while a command runs.
fn beside(command: &str, cases: &mut [Case], bare: u64) -> Result<Vec<u64>, Failure> {
    let _peer = Peer::start(command, &mut cases[0], bare)?;
    let mut fastest = vec![u64::MAX; cases.len()];
    for _ in 0..ROUNDS {
        for (case, fastest) in cases.iter_mut().zip(&mut fastest) {
            *fastest = case.measure().min(*fastest);
        }
    }
    Ok(fastest)
}

fn show(rows: &[Row]) {
    println!("ns per call: bare, and what is added (fastest rounds)\n");
    println!(
        "| call | bare | empty program | skipped | captured | peer skips | peer captures | skipped : peer | captured : peer |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let added = |time: u64| time as i64 - row.bare() as i64;
        let [_, empty, skipped, captured] = row.ours.map(added);
        let number = |time: Option<i64>| time.map_or("-".into(), |time| time.to_string());
        let ratio = |own: i64, peer: Option<i64>| match peer {
            Some(peer) if peer > 0 => format!("{:.2}", own as f64 / peer as f64),
            _ => "-".into(),
        };
        let (peer, skip) = (row.peer.map(added), row.peer_skip.map(added));
        println!(
            "| {} | {} | {empty} | {skipped} | {captured} | {} | {} | {} | {} |",
            row.name,
            row.bare(),
            number(skip),
            number(peer),
            ratio(skipped, skip),
            ratio(captured, peer),
        );
    }
}
