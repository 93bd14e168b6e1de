//! Filters of rules, and the cost of calls that they leave out.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Instant;

use eyas::events::SyscallCode;
use eyas::events::filter::Filter;
use eyas::events::verdicts::{Counts, LINEAGE, VerdictTable, slot, words};
use eyas::rules::Engine;
use eyas::scap::EventSource;
use eyas::scap::live::{ProbeOptions, Source};
use eyas::{EngineFilters, ProbeFilter};
use eyas_benches::{all_rules, engine, stable_rules, varied};

use crate::capture::Capture;
use crate::cases::{Case, case};
use crate::{Failure, stay};

/// Number of times that each filter is built and switched to.
const BUILDS: usize = 5;
/// Number of rounds in which the modes of a call take turns.
const ROUNDS: usize = 9;

/// The filter that falco would use for these rules.
pub(crate) fn build(engine: &Engine) -> Result<ProbeFilter, Failure> {
    let filters = EngineFilters::new(engine);
    filters.probe_filter().ok_or_else(|| "a rule needs every event".into())
}

/// The median and the maximum.
fn spread(times: &mut [f64]) -> [f64; 2] {
    times.sort_by(f64::total_cmp);
    [times[times.len() / 2], times[times.len() - 1]]
}

/// Prints the size of filters, and the time to build them and to switch to them.
pub(crate) fn print_filters() -> Result<(), Failure> {
    let mut source =
        Source::open(ProbeOptions { interest: Some(vec![SyscallCode::OPENAT]), ..ProbeOptions::default() })?;
    source.next()?;
    println!("| rules | rows | rows of the probe | texts: states | bytes | build, ms | switch, ms |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let sets = [
        ("stable", stable_rules()),
        ("all", all_rules()),
        ("1,000", vec![varied(&all_rules(), 1000)]),
        ("10,000", vec![varied(&all_rules(), 10_000)]),
    ];
    for (name, files) in sets {
        let engine = engine(&files);
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..BUILDS {
            let began = Instant::now();
            let built = build(&engine)?;
            let took = began.elapsed();
            source.set_filter(Some(&built.filter), 1024)?;
            for (times, time) in times.iter_mut().zip([took, began.elapsed() - took]) {
                times.push(time.as_secs_f64() * 1e3);
            }
            // Whatever it sends meanwhile.
            source.next()?;
        }
        let (filter, rows) = (build(&engine)?.filter, EngineFilters::new(&engine).rows().rows());
        let shown = times.each_mut().map(|times| {
            let [median, most] = spread(times);
            format!("{median:.1} (to {most:.1})")
        });
        let (own, states, bytes) = (filter.rows.len(), filter.lists_of.len(), filter.bytes());
        println!("| {name} | {rows} | {own} | {states} | {bytes} | {} |", shown.join(" | "));
    }
    Ok(())
}

/// What happens to the events of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// Nothing wants them.
    Skipped,
    /// No rule has their type.
    ByType,
    /// The rule accepts no event with this result.
    ByResult,
    /// A verdict on the process excludes the rule's group.
    ByVerdict,
    /// The rule's row tests the built event.
    ByRow,
    /// A rule may match.
    Sent,
}

const MODES: [(Mode, &str); 6] = [
    (Mode::Skipped, "not of interest"),
    (Mode::ByType, "filtered by type"),
    (Mode::ByResult, "filtered by the result"),
    (Mode::ByVerdict, "filtered by a verdict on the process"),
    (Mode::ByRow, "filtered by a row, after the event is built"),
    (Mode::Sent, "sent"),
];

/// A filter for a condition.
fn filter_of(condition: &str) -> Filter {
    let rule = format!("- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n");
    build(&engine(&[rule])).map(|built| built.filter).unwrap_or_else(|error| panic!("{condition}: {error}"))
}

fn filters() -> &'static BTreeMap<Mode, Filter> {
    static FILTERS: OnceLock<BTreeMap<Mode, Filter>> = OnceLock::new();
    FILTERS.get_or_init(|| {
        // The second and the last have a group, of which only one has a verdict.
        let of_process = "evt.type = kill and proc.name = nobody";
        let conditions = [
            (Mode::ByType, "evt.type = tkill"),
            (Mode::ByResult, "evt.type = kill and evt.rawres = -38"),
            (Mode::ByVerdict, of_process),
            (Mode::ByRow, "evt.type = kill and evt.rawarg.pid = 1"),
            (Mode::Sent, of_process),
        ];
        conditions.map(|(mode, condition)| (mode, filter_of(condition))).into()
    })
}

fn change(source: &mut Source, mode: Mode) -> Result<(), Failure> {
    source.set_interest(Some(match mode {
        Mode::Skipped => &[SyscallCode::QUOTACTL],
        _ => &[SyscallCode::KILL],
    }))?;
    source.set_filter(filters().get(&mode), 0)?;
    if mode == Mode::ByVerdict {
        let id = std::process::id();
        let mut table = source.verdicts()?;
        let counts = Counts { own: table.begun(slot(id)), lineage: table.begun(LINEAGE) };
        for (word, value) in words(id, counts, 0).into_iter().enumerate() {
            table.set_word(slot(id), word, value);
        }
    }
    Ok(())
}

/// Prints the cost of a call whose events are left out for different reasons.
pub(crate) fn print_verdicts() -> Result<(), Failure> {
    stay(true)?;
    filters();
    let capture =
        Capture::start(ProbeOptions { interest: Some(Vec::new()), ..ProbeOptions::default() }, change);
    let own = rustix::process::getpid();
    let mut call: Case = case("kill", 50_000, move || _ = rustix::process::test_kill_process(own));
    let mut times = [const { Vec::new() }; MODES.len()];
    for _ in 0..ROUNDS {
        for ((mode, _), times) in MODES.iter().zip(&mut times) {
            capture.set(*mode)?;
            times.push(call.measure() as f64);
        }
    }
    println!("ns of the calling thread for a `kill` of its own process with signal 0\n");
    println!("| events of the call | fastest | median |\n| --- | --- | --- |");
    for ((_, name), times) in MODES.iter().zip(&mut times) {
        let [median, _] = spread(times);
        println!("| {name} | {} | {median} |", times[0]);
    }
    println!("\n{} events lost", capture.set(Mode::Skipped)?);
    Ok(())
}
