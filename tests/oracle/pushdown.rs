//! Random conditions on random events: no event that push-down rows reject satisfies a rule.

use std::sync::Arc;

use eyas::EngineFilters;
use eyas::events::EventType;
use eyas::fields::{Field, FieldSource};
use eyas::rules::condition::ast::Expr;
use eyas::rules::condition::parse;
use eyas::rules::{Engine, RuleFormulas};
use eyas::scap::{Advance, Error, EventSource, OwnedEvent, RawEvent, Snapshot};
use eyas::sinsp::pushdown::{Model, Pushdown, pushed_parts};
use eyas::sinsp::{Inspector, Needs, Step};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{engine, matched, syscalls};

/// Comparisons of event data, with all kinds of tests that rows have.
const TESTS: &[&str] = &[
    "evt.type in (open, openat)",
    "evt.type = openat",
    "evt.type = times",
    "evt.type != getitimer",
    "evt.type in (fchmodat, mount, fchmodat2)",
    "evt.num = 0",
    "evt.num >= 1",
    "evt.num > 3",
    "evt.rawres >= 0",
    "evt.rawres < 3",
    "evt.rawres in (1, 3, -2)",
    "evt.rawres != 2",
    "evt.rawres exists",
    "evt.failed = true",
    "evt.failed != true",
    "evt.res = SUCCESS",
    "evt.res != SUCCESS",
    "evt.res in (EPERM, ENOENT)",
    "evt.res startswith E",
    "evt.res contains OEN",
    "evt.is_open_read = true",
    "evt.is_open_write = true",
    "evt.is_open_write = false",
    "evt.is_open_exec = true",
    "evt.is_open_create = true",
    "evt.is_open_exec != true",
    "fd.name glob /etc/*",
    "fd.name glob *pass?d",
    "fd.nameraw glob */*/x",
    "evt.arg.name glob /etc/*wd*",
    "evt.rawarg.name glob *etc",
    "proc.name = cat and not proc.pname exists",
    "evt.is_io_read = true",
    "evt.is_io_write = false",
    "evt.is_wait = true",
    "evt.dir = <",
    "fd.num >= 0",
    "fd.num = -1",
    "fd.num in (3, 4)",
    "fd.num in (0, 1, 2)",
    "fd.num = 7",
    "fd.num != 3",
    "evt.type in (dup, dup2, dup3) and fd.num = 4",
    "evt.type in (dup, close, socket) and fd.num <= 1",
    "evt.arg.sig = SIGINT",
    "evt.arg.sig in (SIGHUP, SIGKILL)",
    "evt.arg.sig contains 1",
    "evt.arg.sig != SIGQUIT",
    "evt.type in (kill, tgkill) and evt.arg.sig = SIGTRAP",
    "fs.path.name startswith /etc",
    "fs.path.name = /etc/passwd",
    "fs.path.name != /etc",
    "fs.path.name glob /etc/*d",
    "fs.path.nameraw = /etc/passwd",
    "fs.path.nameraw endswith x",
    "not fs.path.nameraw contains etc",
    "fs.path.namereal startswith /var",
    "fs.path.source in (/etc, /etc/passwd)",
    "fs.path.sourceraw contains //",
    "fs.path.sourcereal endswith run",
    "fs.path.target startswith /etc",
    "fs.path.targetraw = /var/run",
    "fs.path.targetreal contains pass",
    "evt.type in (mkdir, unlinkat) and fs.path.name startswith /etc/",
    "evt.type in (rename, symlink, mount) and fs.path.target endswith passwd",
    "fd.typechar = f",
    "fd.name = /etc/passwd",
    "fd.name in (/etc, /var/run, /etc/passwd/x)",
    "fd.name startswith /etc",
    "fd.name endswith x",
    "fd.name contains pass",
    "fd.name contains \"\"",
    "fd.name pmatch (/etc)",
    "fd.name exists",
    "fd.nameraw contains //",
    "fd.nameraw startswith /var",
    "fd.nameopened startswith /etc/",
    "fd.directory = /etc",
    "fd.directory in (/, /etc/passwd)",
    "fd.filename = passwd",
    "fd.filename in (run, x)",
    "fd.sport = 443",
    "evt.arg.name startswith /etc",
    "evt.arg.path = /etc/passwd",
    "evt.arg.dev startswith /",
    "evt.arg.filename contains pass",
    "evt.arg.exe = cat",
    "evt.arg.flags contains O_RDONLY",
    "evt.arg.flags contains O_",
    "evt.arg.flags contains |",
    "evt.arg.flags = O_NONE",
    "evt.arg.flags contains RDONLY",
    "evt.arg.mode contains S_I",
    "evt.arg.mode contains 0",
    "evt.arg[0] = 3",
    "evt.arg[1] contains a",
    "evt.arg.target = ab",
    "evt.rawarg.res < 0",
    "evt.rawarg.fd in (3, 7)",
    "evt.rawarg.flags = 1",
    "evt.rawarg.flags > 2",
    "evt.rawarg.name = /etc",
    "evt.rawarg.size exists",
    "evt.rawarg.mode != 7",
    "evt.rawarg.flags < 0",
    "proc.name = cat",
    "proc.aname in (a, cat)",
    "proc.name in (cat, sh)",
    "proc.name != cat",
    "proc.pname = cat",
    "proc.aname[2] exists",
    "proc.exepath startswith /bin",
    "proc.cmdline contains a",
    "user.uid = 0",
    "user.loginuid != 1000",
    "container.id = host",
    "thread.cap_effective contains CAP_SYS",
    "toupper(fd.name) contains ETC",
    "fd.name = val(fs.path.name)",
];

fn conditions() -> BoxedStrategy<Expr> {
    let known = select(TESTS).prop_map(|text| parse(text).unwrap());
    let leaf = prop_oneof![6 => known, 1 => syscalls::conditions()];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..5);
        prop_oneof![
            3 => several.clone().prop_map(|parts| Expr::And(parts.into())),
            2 => several.prop_map(|parts| Expr::Or(parts.into())),
            1 => inner.prop_map(|part| Expr::Not(Arc::new(part))),
        ]
    })
    .boxed()
}

/// Counts events that the rows reject, and those that they pass and a rule matches.
fn reject(conditions: &[Expr], events: &[OwnedEvent]) -> Result<[u32; 2], TestCaseError> {
    let engine = engine(Arc::new(eyas::sinsp::schema()), conditions);
    let formulas = RuleFormulas::new(&engine);
    let rows = Pushdown::new(&mut |code| formulas.conditions(code));
    let cheap = Pushdown::cheap(&mut |code| formulas.conditions(code));
    // Otherwise it has too many texts, and tests fewer of them.
    let is_equal = cheap.rows() == rows.rows();
    let mut evaluator = engine.evaluator();
    let mut counts = [0, 0];
    syscalls::replay(events, |event| {
        let found = matched(&mut evaluator, conditions.len(), event);
        prop_assert!(cheap.may_match(event) == rows.may_match(event) || !is_equal && cheap.may_match(event));
        if !rows.may_match(event) {
            counts[0] += 1;
            let shown: Vec<_> = conditions.iter().map(Expr::to_string).collect();
            prop_assert!(
                !found.contains(&true),
                "{:?} {:?} {shown:?} {found:?}",
                eyas::events::EventType(event.code()),
                event.event()
            );
        } else if found.contains(&true) {
            counts[1] += 1;
        }
        Ok(())
    })?;
    Ok(counts)
}

#[test]
fn no_rule_matches_an_event_that_the_rows_reject() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let mut runner = TestRunner::deterministic();
    let conditions = proptest::collection::vec(conditions(), 1..4);
    let events = proptest::collection::vec(syscalls::events(), 1..12);
    let mut counts = [0, 0];
    for _ in 0..cases {
        let conditions = conditions.new_tree(&mut runner).unwrap().current();
        let events = events.new_tree(&mut runner).unwrap().current();
        let [rejected, matched] = reject(&conditions, &events).unwrap();
        counts = [counts[0] + rejected, counts[1] + matched];
    }
    // The test covers both results.
    assert!(counts.iter().all(|count| *count > cases), "{counts:?}");
}

#[test]
fn types_that_a_rule_treats_alike_share_a_formula() {
    let condition = "evt.type in (open, openat) and fd.name = /x or evt.type = close and fd.num = 3";
    let engine = engine(Arc::new(eyas::sinsp::schema()), &[parse(condition).unwrap()]);
    let formulas = RuleFormulas::new(&engine);
    let of = |ty: EventType| formulas.conditions(ty.0);
    let [open, openat, close] =
        [EventType::SYSCALL_OPEN_X, EventType::SYSCALL_OPENAT_2_X, EventType::SYSCALL_CLOSE_X].map(of);
    assert!(std::ptr::eq(open[0], openat[0]) && !std::ptr::eq(open[0], close[0]));
    assert!(of(EventType::SYSCALL_READ_X).is_empty());
}

#[test]
fn tests_that_the_event_decides_become_rows() {
    for condition in [
        "evt.type = dup and fd.num = 1",
        "evt.type = dup2 and fd.num in (0, 1, 2)",
        "evt.type = read and fd.num = 0",
        "evt.type = socket and fd.num > 2",
        "evt.type = kill and evt.arg.sig = SIGKILL",
        "evt.type = tgkill and not evt.arg.sig in (SIGTERM, SIGKILL)",
        "evt.type = mkdir and fs.path.name startswith /etc/",
        "evt.type = unlinkat and fs.path.nameraw endswith .log",
        "evt.type = chmod and not fs.path.nameraw endswith .log",
        "evt.type = openat and fs.path.name glob /proc/*/environ",
        "evt.type = rename and fs.path.source = /etc/passwd",
        "evt.type = link and fs.path.targetreal = /etc/shadow",
        "evt.type = symlink and fs.path.target startswith /etc/",
        "evt.type = symlink and evt.arg.target startswith /etc/",
        "evt.type = mount and fs.path.target = /mnt",
    ] {
        let engine = engine(Arc::new(eyas::sinsp::schema()), &[parse(condition).unwrap()]);
        let formulas = RuleFormulas::new(&engine);
        let codes = engine.codes().iter().filter(|code| !EventType(*code).is_own());
        let parts: Vec<_> = codes
            .flat_map(|code| formulas.of_code(code).map(move |(_, of)| pushed_parts(code, of)))
            .collect();
        assert!(
            parts.iter().any(|parts| parts.weakened.is_empty() && parts.kept.len() == 1 && !parts.passes_all),
            "{condition}: {parts:?}"
        );
    }
    for condition in ["evt.type = pipe and fd.num = 1", "evt.type = fchmod and fs.path.name startswith /etc"]
    {
        let engine = engine(Arc::new(eyas::sinsp::schema()), &[parse(condition).unwrap()]);
        let formulas = RuleFormulas::new(&engine);
        for code in engine.codes().iter() {
            for (_, of) in formulas.of_code(code) {
                assert!(pushed_parts(code, of).kept.is_empty(), "{condition}");
            }
        }
    }
}

/// Conditions of processes and their ancestors.
const OF_PROCESSES: [&str; 12] = [
    "proc.name in (cat, a)",
    "proc.name != cat",
    "proc.exe exists",
    "proc.cmdline contains a",
    "proc.pname = cat",
    "not proc.pname in (a, b)",
    "proc.aname[2] in (a, cat)",
    "proc.pcmdline contains b",
    "proc.ppid = 7",
    "user.uid in (0, 1, 2)",
    "group.gid = 3",
    "thread.cap_effective contains CAP_CHOWN",
];

#[test]
fn no_rule_matches_an_event_that_verdicts_reject() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60_u64);
    let mut runner = TestRunner::deterministic();
    let known = select(&OF_PROCESSES[..]).prop_map(|text| parse(text).unwrap());
    let conditions = proptest::collection::vec(proptest::collection::vec(known, 1..3), 1..3);
    let events = proptest::collection::vec(syscalls::process_calls(), 500);
    let mut counts = [0; 3];
    for _ in 0..cases {
        let conditions = conditions.new_tree(&mut runner).unwrap().current();
        let conditions = conditions.into_iter().map(|mut parts| {
            parts.push(parse("evt.type = fchmodat").unwrap());
            Expr::And(parts.into())
        });
        let conditions: Vec<Expr> = conditions.collect();
        let events = syscalls::of_processes(events.new_tree(&mut runner).unwrap().current());
        let engine = engine(Arc::new(eyas::sinsp::schema()), &conditions);
        let rows = EngineFilters::new(&engine).rows();
        let (mut evaluator, mut model) = (engine.evaluator(), Model::default());
        syscalls::replay(&events, |event| {
            let found = matched(&mut evaluator, conditions.len(), event);
            let may_match = model.may_match(&rows, event);
            let shown: Vec<_> = conditions.iter().map(Expr::to_string).collect();
            prop_assert!(may_match || !found.contains(&true), "{shown:?} {found:?} {:?}", event.event());
            counts[2] += u64::from(found.contains(&true));
            Ok(())
        })
        .unwrap();
        let [written, left_out] = model.counts();
        counts = [counts[0] + written, counts[1] + left_out, counts[2]];
    }
    assert!(counts[0] > cases && counts[1] > cases && counts[2] > cases, "{counts:?}");
}

/// A source of events after a snapshot.
struct Events<'e> {
    snapshot: Option<Snapshot>,
    events: &'e [OwnedEvent],
    /// The next event.
    at: usize,
}

impl EventSource for Events<'_> {
    fn advance(&mut self) -> Result<Advance, Error> {
        if let Some(snapshot) = self.snapshot.take() {
            return Ok(Advance::Snapshot(Box::new(snapshot)));
        }
        self.at += 1;
        Ok(if self.at <= self.events.len() { Advance::Event } else { Advance::End })
    }

    fn current(&self) -> Option<RawEvent<'_>> {
        Some(self.events.get(self.at.checked_sub(1)?)?.as_raw())
    }
}

/// The number of an event, the rules that match it, and fields.
type Shown = (u64, Vec<u32>, Vec<String>);

/// Numbers of the visible events that match a rule, with the rules and the values of their fields; and the number of events
/// that are left out.
fn replay(
    engine: &Engine,
    fields: &[Field],
    events: &[OwnedEvent],
    needs: Option<Needs>,
) -> (Vec<Shown>, u64) {
    let mut source = Events { snapshot: Some(syscalls::snapshot()), events, at: 0 };
    let mut inspector = Inspector::default();
    inspector.set_needs(needs.map(Arc::new));
    let (mut evaluator, mut found, mut all) = (engine.evaluator(), Vec::new(), Vec::new());
    while let Step::Event(event) = inspector.next(&mut source).unwrap() {
        found.clear();
        evaluator.matches(&event, &mut found).unwrap();
        if !found.is_empty() {
            assert!(!event.is_sample(), "event {} is of use", event.num());
            let values = fields.iter().map(|field| format!("{:?}", event.get(field)));
            all.push((event.num(), found.iter().map(|hit| hit.rule.0).collect(), values.collect()));
        }
    }
    (all, inspector.skipped())
}

#[test]
fn skipped_events_change_no_match_and_no_field() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60_u64);
    let mut runner = TestRunner::deterministic();
    let conditions = proptest::collection::vec(conditions(), 1..3);
    let events = proptest::collection::vec(syscalls::exit_events(), 100..200);
    let (mut skipped, mut matches) = (0, 0);
    for case in 0..cases {
        let mut conditions = conditions.new_tree(&mut runner).unwrap().current();
        // Without a test of the type, the replay would need every event.
        for condition in &mut conditions {
            let of_type = parse("evt.type in (openat, connect, execve, close, fchmodat)").unwrap();
            *condition = Expr::And([of_type, condition.clone()].into());
        }
        let events = events.new_tree(&mut runner).unwrap().current();
        let engine = engine(Arc::new(eyas::sinsp::schema()), &conditions);
        let fields = engine.fields_by_use().concat();
        let formulas = RuleFormulas::new(&engine);
        let rows = Pushdown::new(&mut |code| formulas.conditions(code));
        let needs = Needs::of_rules(engine.codes(), &fields, Some(rows).filter(|_| case % 2 == 0));
        let (plain, none) = replay(&engine, &fields, &events, None);
        let (left, some) = replay(&engine, &fields, &events, Some(needs));
        assert_eq!(none, 0);
        assert_eq!(plain, left, "{:?}", conditions.iter().map(Expr::to_string).collect::<Vec<_>>());
        skipped += some;
        matches += plain.len() as u64;
    }
    assert!(skipped > 10 * cases && matches > cases, "{skipped} left out, {matches} matches");
}
