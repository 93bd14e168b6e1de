//! Large and malicious rules files: their cost is proportional to their size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;
use std::sync::Arc;

use eyas::rules::condition::interpret;
use eyas::rules::{Engine, Error, Loader, Matching, RuleSet, RuleSource};
use eyas::scap::{EventBuilder, Snapshot, ThreadEntry};
use eyas::sinsp::{Inspector, schema};
use eyas_testing::Numbers;

/// Counts the allocations of the current thread.
struct Counting;

thread_local! {
    /// Allocations.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Allocated bytes, and their maximum.
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

/// Cost of a call: allocations, and the maximum of allocated bytes.
fn cost<R>(call: impl FnOnce() -> R) -> (R, u64, i64) {
    let (count, held) = (COUNT.get(), HELD.get());
    PEAK.set(held);
    let result = call();
    (result, COUNT.get() - count, PEAK.get() - held)
}

fn rule(number: usize, condition: &str) -> String {
    format!("- rule: R{number}\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n")
}

/// A chain of macros; a rule names the last one.
fn chain(len: usize, link: impl Fn(usize) -> String) -> String {
    let mut text = String::from("- macro: m0\n  condition: (proc.name = a)\n");
    for i in 1..len {
        let _ = write!(text, "- macro: m{i}\n  condition: {}\n", link(i));
    }
    text + &rule(0, &format!("evt.type = close and m{}", len - 1))
}

/// Runs on a thread with the default stack size.
fn on_a_thread(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// Results of the rules for an event, with the graph and with the plain interpreter, which must agree.
fn verdicts(engine: &Engine) -> Vec<bool> {
    let comm = b"cat".to_vec();
    let thread = ThreadEntry { tid: 7, pid: 7, ptid: 1, comm, ..ThreadEntry::default() };
    let mut inspector = Inspector::default();
    inspector.load(Snapshot { threads: vec![thread], ..Snapshot::default() });
    let close = EventBuilder::new(eyas::events::EventType::SYSCALL_CLOSE_X).tid(7).ts(1_000_000_000).build();
    let view = inspector.process(close.as_raw());
    let mut found = Vec::new();
    engine.matches(&view, &mut found).unwrap();
    (0..engine.rules().len())
        .map(|index| {
            let matched = found.iter().any(|hit| hit.rule.0 as usize == index);
            let index = eyas::rules::RuleIndex(index as u32);
            assert_eq!(matched, interpret(&engine.rule(index).compiled, schema(), &view).unwrap());
            assert_eq!(matched, engine.explain(index, &view).unwrap().matched);
            matched
        })
        .collect()
}

/// Loads the text, and uses the result in every way.
fn use_all(text: &str) -> Vec<bool> {
    let mut rules = RuleSet::new(Arc::new(schema()), [RuleSource::new("rules.yaml", text)]).unwrap();
    rules.matching(Matching::All);
    let _ = (rules.lint(), rules.describe());
    let engine = rules.compile().unwrap();
    for rule in engine.rules() {
        assert!(rule.compiled.to_string().len() > 10);
        eyas::rules::condition::compile(&rule.compiled, schema()).unwrap();
    }
    verdicts(&engine)
}

fn refused(text: &str) -> String {
    match RuleSet::new(Arc::new(schema()), [RuleSource::new("rules.yaml", text)]) {
        Err(Error::File(result)) => result.errors[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn macros_nest_up_to_the_limit_on_any_thread() {
    on_a_thread(|| {
        let or = |i: usize| format!("(m{} or proc.pid = {i})", i - 1);
        let and = |i: usize| format!("m{} and proc.pid in ({i}, 7)", i - 1);
        let not = |i: usize| format!("not (proc.pid = {i} or m{})", i - 1);
        assert_eq!(use_all(&chain(990, or)), [true]);
        assert_eq!(use_all(&chain(990, and)), [false]);
        // Each macro adds two levels.
        assert_eq!(use_all(&chain(490, not)), [false]);
        let nested = |n: usize| format!("{}proc.name{} = x", "tolower(".repeat(n), ")".repeat(n));
        assert_eq!(use_all(&rule(0, &format!("evt.type = close and {}", nested(190)))), [false]);
        let macros = format!("- {{macro: deep, condition: '{}'}}\n", nested(190));
        assert_eq!(use_all(&(macros + &rule(0, "evt.type = close and deep"))), [false]);
    });
}

#[test]
fn a_macro_that_is_nested_too_deeply_is_refused_by_name() {
    on_a_thread(|| {
        let or = |i: usize| format!("(m{} or proc.pid = {i})", i - 1);
        let depth = "has 1001 levels of nesting, which exceeds the limit of 1000";
        let what = format!("with macro 'm999' the condition of macro 'm1000' {depth}");
        for len in [1001, 2000, 20_000] {
            let text = chain(len, or);
            let (message, allocations, bytes) = cost(|| refused(&text));
            assert_eq!(message, what);
            // The error does not copy the whole chain.
            let per_macro = (allocations / len as u64, bytes / len as i64);
            assert!(per_macro.0 < 600 && per_macro.1 < 40_000, "{len}: {per_macro:?}");
        }
        // One level less is still too many for the rule, which adds a level.
        let message = refused(&chain(1000, or));
        assert_eq!(message, format!("with macro 'm999' the condition of rule 'R0' {depth}"));
        // Macros that contain only another macro, and macros that were defined in reverse order.
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
fn a_condition_that_doubles_is_refused_by_name() {
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

/// Loads, lints and builds, as `falco -V` and a start do.
fn load_all(files: &[String]) -> Engine {
    let source = |(number, text): (usize, &String)| RuleSource::new(format!("{number}.yaml"), text.as_str());
    let rules = RuleSet::new(Arc::new(schema()), files.iter().enumerate().map(source)).unwrap();
    let _ = rules.lint();
    rules.compile().unwrap()
}

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

const OPENS: &str = "evt.type in (open, openat) and";

/// Files that grow with a number, each in another way.
fn growing(n: usize) -> Vec<(&'static str, String)> {
    let exception = |i: usize| {
        format!(
            "    - {{name: e{i}, fields: [proc.name, fd.name], comps: [=, startswith], values: [[a{i}, /x]]}}\n"
        )
    };
    vec![
        (
            "rules",
            repeated(n, |i| rule(i, &format!("{OPENS} proc.name = a{i} and fd.name startswith /x{i}"))),
        ),
        (
            "rules alike",
            repeated(n, |i| rule(i, &format!("{OPENS} not proc.name in (a{i}) and fd.num > {i}"))),
        ),
        (
            "lists",
            repeated(n, |i| {
                format!("- {{list: l{i}, items: [a{i}, b{i}, c]}}\n")
                    + &rule(i, &format!("{OPENS} proc.name in (l{i})"))
            }),
        ),
        (
            "lists in one condition",
            repeated(n, |i| format!("- {{list: l{i}, items: [a{i}, b{i}]}}\n"))
                + &rule(0, &format!("{OPENS} proc.name in ({}z)", repeated(n, |i| format!("l{i}, ")))),
        ),
        (
            "macros",
            repeated(n, |i| {
                format!("- {{macro: m{i}, condition: proc.name = a{i} or proc.pname = b{i}}}\n")
                    + &rule(i, &format!("{OPENS} m{i}"))
            }),
        ),
        (
            "items appended",
            "- {list: l, items: [a]}\n".to_owned()
                + &repeated(n, |i| format!("- {{list: l, items: [b{i}], override: {{items: append}}}}\n"))
                + &rule(0, &format!("{OPENS} proc.name in (l)")),
        ),
        (
            "conditions appended",
            rule(0, &format!("{OPENS} proc.name exists"))
                + &repeated(n, |i| {
                    format!(
                        "- {{rule: R0, condition: and proc.pid != {i}, override: {{condition: append}}}}\n"
                    )
                }),
        ),
        ("exceptions", rule(0, OPENS.trim_end_matches(" and")) + "  exceptions:\n" + &repeated(n, exception)),
        ("warnings", repeated(n, |i| rule(i, &format!("{OPENS} evt.dir = < and proc.name = a{i}")))),
    ]
}

#[test]
fn work_and_memory_grow_as_the_file_does() {
    const N: usize = 300;
    for ((what, small), (_, large)) in growing(N).into_iter().zip(growing(2 * N)) {
        let (_, work, bytes) = cost(|| load_all(&[small]));
        let (_, more_work, more_bytes) = cost(|| load_all(&[large]));
        // Twice as much, and some more for memory that grows in steps.
        assert!(more_work < 5 * work / 2, "{what}: {work} allocations become {more_work}");
        assert!(more_bytes < 3 * bytes, "{what}: {bytes} bytes become {more_bytes}");
    }
}

#[test]
fn many_files_cost_as_much_as_one() {
    let rules: Vec<String> = (0..800)
        .map(|i| {
            let list = format!("- {{list: l{i}, items: [a{i}, b{i}]}}\n");
            let condition = format!("{OPENS} proc.name in (l{i}) and common");
            list + &format!("- {{macro: m{i}, condition: fd.name startswith /x{i}}}\n")
                + &rule(i, &format!("{condition} and m{i}"))
        })
        .collect();
    let first = "- {list: names, items: [x, y]}\n- {macro: common, condition: not proc.pname in (names)}\n";
    let whole = [first, &rules.concat()].concat();
    let parts: Vec<String> = rules.chunks(10).map(<[String]>::concat).collect();
    let files: Vec<String> = std::iter::once(first.to_owned()).chain(parts).collect();
    let (_, work, bytes) = cost(|| load_all(&[whole]));
    let (_, more_work, more_bytes) = cost(|| load_all(&files));
    assert!(more_work < 3 * work / 2, "{work} allocations become {more_work}");
    assert!(more_bytes < 2 * bytes, "{bytes} bytes become {more_bytes}");
}

#[test]
fn data_that_rules_share_exists_once() {
    let items = repeated(5000, |i| format!("item{i}, "));
    let paths = repeated(5000, |i| format!("/dir{i}/x, "));
    let nets = repeated(5000, |i| format!("10.{}.{}.0/24, ", i / 256, i % 256));
    let lists = format!("- list: big\n  items: [{items}last]\n- list: paths\n  items: [{paths}/last]\n")
        + &format!("- list: nets\n  items: [{nets}11.0.0.0/8]\n");
    type Kind = (&'static str, fn(usize) -> String);
    let kinds: [Kind; 8] = [
        ("a name more", |i| rule(i, &format!("{OPENS} proc.name in (big, x{i})"))),
        ("nothing more", |i| rule(i, &format!("{OPENS} proc.name in (big) and proc.pid != {i}"))),
        ("macros", |i| {
            format!("- {{macro: m{i}, condition: 'proc.name in (x{i}, big)'}}\n")
                + &rule(i, &format!("{OPENS} not m{i}"))
        }),
        ("lists", |i| {
            format!("- {{list: l{i}, items: [big, x{i}]}}\n")
                + &rule(i, &format!("{OPENS} proc.name in (l{i})"))
        }),
        ("exceptions", |i| {
            let exception = format!("{{name: e, fields: proc.name, comps: in, values: [big, x{i}]}}");
            rule(i, &format!("{OPENS} fd.num = {i}")) + &format!("  exceptions: [{exception}]\n")
        }),
        ("paths", |i| rule(i, &format!("{OPENS} fd.name pmatch (paths, /x{i})"))),
        ("networks", |i| rule(i, &format!("evt.type = connect and fd.snet in (nets, 12.{i}.0.0/16)"))),
        ("texts within", |i| rule(i, &format!("{OPENS} proc.cmdline contains oneof (big, x{i})"))),
    ];
    for (what, kind) in kinds {
        let of = |count: usize| lists.clone() + &repeated(count, kind);
        let (_, work, bytes) = cost(|| load_all(&[of(1)]));
        let (_, more_work, more_bytes) = cost(|| load_all(&[of(101)]));
        let (work, bytes) = ((more_work - work) / 100, (more_bytes - bytes) / 100);
        // A copy of the list would be 5,000 allocations.
        assert!(work < 1500 && bytes < 30_000, "{what}: {work} allocations and {bytes} bytes each");
    }
}

/// One of these patterns, with a random number for `#`.
fn one(numbers: &mut Numbers, of: &[&str]) -> String {
    let pattern = of[numbers.below(of.len())];
    let parts = pattern.split('#').map(str::to_owned);
    parts.reduce(|all, next| format!("{all}{}{next}", numbers.below(4))).unwrap_or_default()
}

/// Random definitions with few names. They refer to and change one another, and some are wrong.
fn random_file(numbers: &mut Numbers) -> String {
    const ITEMS: &[&str] = &["a", "b", "l#", "'x y'", "''", "l#, c", "m#", "p#"];
    const PARTS: &[&str] = &[
        "proc.name in (l#, a)",
        "proc.name in (l#)",
        "m#",
        "not m#",
        "fd.num = #",
        "proc.pname = p#",
        "evt.dir = <",
        "proc.name = proc.exe",
        "fd.nothing = #",
    ];
    let mut text = String::new();
    for _ in 0..1 + numbers.below(4) {
        let items = one(numbers, ITEMS);
        // The last part is a mistake, and rare.
        let parts = if numbers.below(12) == 0 { PARTS } else { &PARTS[..PARTS.len() - 1] };
        let condition =
            format!("{} {} {}", one(numbers, parts), ["and", "or"][numbers.below(2)], one(numbers, parts));
        let number = numbers.below(4);
        text += &match numbers.below(9) {
            0 | 1 => format!("- {{list: l{number}, items: [{items}]}}\n"),
            2 => format!("- {{list: l{number}, items: [{items}], override: {{items: append}}}}\n"),
            3 | 4 => format!("- {{macro: m{number}, condition: '{condition}'}}\n"),
            5 => format!(
                "- {{macro: m{number}, condition: 'and {condition}', override: {{condition: append}}}}\n"
            ),
            6 => format!(
                "- {{rule: R{number}, condition: 'or {condition}', override: {{condition: append}}}}\n"
            ),
            _ => rule(number, &format!("'evt.type = close and ({condition})'")),
        };
    }
    text
}

/// The loaded items without spans: a text that is compiled again has other spans.
fn described(rules: &RuleSet) -> String {
    let shown = format!("{:?}", rules.describe());
    let mut parts = shown.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// A loader of these sources, which forgets before each source what it compiled, or keeps it.
fn loaded(sources: &[RuleSource], forgets: bool) -> Loader {
    let mut loader = RuleSet::builder(Arc::new(schema())).loader();
    for source in sources {
        if forgets {
            loader.forget_compiled();
        }
        loader.load(source);
    }
    loader
}

#[test]
fn incremental_compilation_gives_the_same_results() {
    let mut numbers = Numbers::new(0x5eed);
    let (mut valid, mut files) = (0, 0);
    for _ in 0..250 {
        // Most of the named items exist.
        let names = if numbers.below(4) == 0 { 2 } else { 4 };
        let first = repeated(names, |i| {
            let list = format!("- {{list: l{i}, items: [a{i}]}}\n");
            list + &format!("- {{macro: m{i}, condition: proc.pid = {i}}}\n") + &rule(i, "evt.type = close")
        });
        let mut sources = vec![RuleSource::new("first.yaml", first)];
        for number in 0..1 + numbers.below(6) {
            let text = random_file(&mut numbers);
            sources.push(RuleSource::new(format!("{number}.yaml"), text.as_str()));
            let (keeps, forgets) = (loaded(&sources, false), loaded(&sources, true));
            assert_eq!(keeps.results(), forgets.results(), "{text}");
            files += 1;
            valid += usize::from(keeps.results()[sources.len() - 1].successful());
            match (keeps.finish(), forgets.finish()) {
                (Ok(mut kept), Ok(mut anew)) => {
                    assert_eq!(described(&kept), described(&anew), "{text}");
                    kept.matching(Matching::All);
                    anew.matching(Matching::All);
                    assert_eq!(kept.lint(), anew.lint(), "{text}");
                    let engines = [kept, anew].map(|rules| verdicts(&rules.compile().unwrap()));
                    assert_eq!(engines[0], engines[1], "{text}");
                }
                (kept, anew) => {
                    assert_eq!(kept.unwrap_err().to_string(), anew.unwrap_err().to_string(), "{text}");
                    // Half of the broken files stay: the files after them are loaded all the same.
                    if numbers.below(2) == 0 {
                        sources.pop();
                    }
                }
            }
        }
    }
    assert!(valid > files / 4 && valid < files, "{valid} of {files} files are valid");
}
