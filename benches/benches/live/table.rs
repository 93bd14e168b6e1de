//! Cost in nanoseconds that a capture adds to each call.

use std::sync::LazyLock;

use eyas::events::SyscallCode;
use eyas::events::filter::Filter;
use eyas::scap::live::{ProbeOptions, Source};
use eyas::sinsp::{syscalls_of, syscalls_of_state};
use eyas_benches::{engine, stable_rules};

use crate::capture::Capture;
use crate::cases::{self, Case};
use crate::peer::Peer;
use crate::pushed::build;
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
    /// Also programs that do nothing at the beginning of opens and closes, where push-down needs programs.
    EmptyTwice,
    /// The probe, which is not interested in the call.
    Skipped,
    /// The probe with the filter of the stable rules, which rejects the events of these calls.
    Filtered,
    /// The probe, which captures everything.
    Captured,
}

const MODES: [Mode; 6] =
    [Mode::Bare, Mode::Empty, Mode::EmptyTwice, Mode::Skipped, Mode::Filtered, Mode::Captured];

/// What falco captures with the stable rules, and its filter.
static STABLE: LazyLock<(Vec<SyscallCode>, Filter)> = LazyLock::new(|| {
    let engine = engine(&stable_rules());
    let mut interest = syscalls_of(engine.codes());
    interest.extend(syscalls_of_state());
    (interest, build(&engine).unwrap_or_else(|error| panic!("{error}")).filter)
});

/// Applies a mode to the capture.
fn change(source: &mut Source, mode: Mode) -> Result<(), Failure> {
    source.set_empty(matches!(mode, Mode::Empty | Mode::EmptyTwice), mode == Mode::EmptyTwice)?;
    source.set_filter((mode == Mode::Filtered).then_some(&STABLE.1), 0)?;
    source.set_interest(match mode {
        Mode::Bare | Mode::Empty | Mode::EmptyTwice => Some(&[]),
        Mode::Skipped => Some(&[SyscallCode::QUOTACTL]),
        Mode::Filtered => Some(&STABLE.0),
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
        let peer = fastest_during(command, &mut cases, bare)?;
        rows.iter_mut().zip(peer).for_each(|(row, best)| row.peer = Some(best));
    }
    if let Some(command) = &settings.peer_skip {
        let peer = fastest_during(command, &mut cases, bare)?;
        rows.iter_mut().zip(peer).for_each(|(row, best)| row.peer_skip = Some(best));
    }
    show(&rows);
    println!("\n{lost} events lost");
    Ok(())
}

/// The fastest of each case while a command runs.
fn fastest_during(command: &str, cases: &mut [Case], bare: u64) -> Result<Vec<u64>, Failure> {
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
        "| call | bare | empty program | empty programs | skipped | filtered | captured | peer skips | peer captures | skipped : peer | captured : peer |"
    );
    println!("|{}", " --- |".repeat(11));
    for row in rows {
        let added = |time: u64| time as i64 - row.bare() as i64;
        let [_, empty, twice, skipped, filtered, captured] = row.ours.map(added);
        let number = |time: Option<i64>| time.map_or("-".into(), |time| time.to_string());
        let ratio = |own: i64, peer: Option<i64>| match peer {
            Some(peer) if peer > 0 => format!("{:.2}", own as f64 / peer as f64),
            _ => "-".into(),
        };
        let (peer, skip) = (row.peer.map(added), row.peer_skip.map(added));
        println!(
            "| {} | {} | {empty} | {twice} | {skipped} | {filtered} | {captured} | {} | {} | {} | {} |",
            row.name,
            row.bare(),
            number(skip),
            number(peer),
            ratio(skipped, skip),
            ratio(captured, peer),
        );
    }
}
