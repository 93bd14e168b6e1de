//! Large rules files, and such as mean harm: what they cost grows with what they say, and no more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;

use eyas::rules::condition::interpret;
use eyas::rules::{Engine, Loader, Matching};
use eyas::scap::{EventBuilder, Snapshot, ThreadEntry};
use eyas::sinsp::{Inspector, schema};

/// Counts what the thread that asks allocates.
struct Counting;

thread_local! {
    /// Allocations.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes held, and the most of them.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count(allocations: u64, bytes: i64) {
    // A thread that ends has no counters any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + allocations));
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller keeps the same promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the caller keeps the same promises.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps the same promises.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a call cost: allocations, and the most bytes that it held.
fn cost<R>(call: impl FnOnce() -> R) -> (R, u64, i64) {
    let (count, held) = (COUNT.get(), HELD.get());
    PEAK.set(held);
    let result = call();
    (result, COUNT.get() - count, PEAK.get() - held)
}

fn rule(number: usize, condition: &str) -> String {
    format!("- rule: R{number}\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n")
}

/// Macros that name one another, of which only the last is named by a rule.
fn chain(len: usize, link: impl Fn(usize) -> String) -> String {
    let mut text = String::from("- macro: m0\n  condition: (proc.name = a)\n");
    for i in 1..len {
        let _ = write!(text, "- macro: m{i}\n  condition: {}\n", link(i));
    }
    text + &rule(0, &format!("evt.type = close and m{}", len - 1))
}

/// Runs on a thread with the stack that threads have.
fn on_a_thread(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// What the rules say of an event: each by the graph and by the plain interpreter, which agree.
fn verdicts(engine: &Engine) -> Vec<bool> {
    let comm = b"cat".to_vec();
    let thread = ThreadEntry { tid: 7, pid: 7, ptid: 1, comm, ..ThreadEntry::default() };
    let mut inspector = Inspector::default();
    inspector.load(Snapshot { threads: vec![thread], ..Snapshot::default() });
    let close = EventBuilder::new(eyas::events::EventType::SYSCALL_CLOSE_X).tid(7).ts(1_000_000_000).build();
    let view = inspector.process(close.as_raw());
    let mut found = Vec::new();
    engine.matches(&view, &mut found);
    (0..engine.rules().len())
        .map(|index| {
            let matched = found.iter().any(|hit| hit.rule.0 as usize == index);
            let index = eyas::rules::RuleIndex(index as u32);
            assert_eq!(matched, interpret(&engine.rule(index).compiled, schema(), &view).unwrap());
            assert_eq!(matched, engine.explain(index, &view).matched);
            matched
        })
        .collect()
}

/// Loads, and does everything that can be done with what is loaded.
fn use_all(text: &str) -> Vec<bool> {
    let mut loader = Loader::new(Arc::new(schema()));
    loader.matching(Matching::All);
    let result = loader.load("rules.yaml", text);
    assert!(result.successful(), "{}", result.verbose());
    let _ = (loader.lint(), loader.describe());
    let engine = loader.build().unwrap();
    for rule in engine.rules() {
        assert!(rule.compiled.to_string().len() > 10);
        eyas::rules::condition::compile(&rule.compiled, schema()).unwrap();
    }
    verdicts(&engine)
}

fn refused(text: &str) -> String {
    let mut loader = Loader::new(Arc::new(schema()));
    let result = loader.load("rules.yaml", text);
    assert!(!result.successful());
    assert_eq!(loader.build().unwrap_err().message, result.errors[0].message);
    result.errors[0].message.clone()
}

#[test]
fn macros_nest_up_to_the_limit_on_any_thread() {
    on_a_thread(|| {
        let or = |i: usize| format!("(m{} or proc.pid = {i})", i - 1);
        let and = |i: usize| format!("m{} and proc.pid in ({i}, 7)", i - 1);
        let not = |i: usize| format!("not (proc.pid = {i} or m{})", i - 1);
        assert_eq!(use_all(&chain(990, or)), [true]);
        assert_eq!(use_all(&chain(990, and)), [false]);
        // Each is two levels.
        assert_eq!(use_all(&chain(490, not)), [false]);
        let nested = |n: usize| format!("{}proc.name{} = x", "tolower(".repeat(n), ")".repeat(n));
        assert_eq!(use_all(&rule(0, &format!("evt.type = close and {}", nested(190)))), [false]);
        let macros = format!("- {{macro: deep, condition: '{}'}}\n", nested(190));
        assert_eq!(use_all(&(macros + &rule(0, "evt.type = close and deep"))), [false]);
    });
}

#[test]
fn what_nests_deeper_is_refused_by_its_name() {
    on_a_thread(|| {
        let or = |i: usize| format!("(m{} or proc.pid = {i})", i - 1);
        let depth = "has 1001 levels of nesting, which exceeds the limit of 1000";
        let what = format!("with macro 'm999' the condition of macro 'm1000' {depth}");
        for len in [1001, 2000, 20_000] {
            let text = chain(len, or);
            let (message, allocations, bytes) = cost(|| refused(&text));
            assert_eq!(message, what);
            // It is not the whole chain that is put together.
            let per_macro = (allocations / len as u64, bytes / len as i64);
            assert!(per_macro.0 < 600 && per_macro.1 < 40_000, "{len}: {per_macro:?}");
        }
        // One less is too many for the rule, which is a level by itself.
        let message = refused(&chain(1000, or));
        assert_eq!(message, format!("with macro 'm999' the condition of rule 'R0' {depth}"));
        // Macros that name nothing else, and those that were defined the other way round.
        assert_eq!(use_all(&chain(5000, |i| format!("m{}", i - 1))), [false]);
        let mut reversed = String::new();
        for round in 0..2 {
            for i in 0..3000 {
                let condition =
                    if round == 0 { "proc.name = a".to_owned() } else { format!("(m{} or x)", i + 1) };
                let _ = writeln!(
                    reversed,
                    "- {{macro: m{i}, condition: {}}}",
                    condition.replace('x', "proc.pid = 7")
                );
            }
        }
        let message = refused(&reversed.replace("m3000 or ", ""));
        assert!(message.contains("of macro 'm0' has 1001 levels of nesting"), "{message}");
    });
}

#[test]
fn a_condition_that_doubles_is_refused_by_its_name() {
    let text = chain(60, |i| format!("m{} or m{}", i - 1, i - 1));
    let (message, allocations, bytes) = cost(|| refused(&text));
    let what =
        "with macro 'm16' the condition of macro 'm17' has 262143 parts, which exceeds the limit of 200000";
    assert_eq!(message, what);
    assert!(allocations < 100_000 && bytes < 1 << 20, "{allocations} allocations, {bytes} bytes");
    let mut lists = String::from("- {list: l0, items: [x, y]}\n");
    for n in 1..60 {
        let _ = writeln!(lists, "- {{list: l{n}, items: [l{}, l{}]}}", n - 1, n - 1);
    }
    let (message, allocations, bytes) = cost(|| refused(&lists));
    let what =
        "with the lists that it names list 'l20' has 2097152 items, which exceeds the limit of 1048576";
    assert_eq!(message, what);
    assert!(allocations < 100_000 && bytes < 1 << 20, "{allocations} allocations, {bytes} bytes");
}
