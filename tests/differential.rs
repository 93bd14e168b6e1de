//! Compares the compiled graph with the plain interpreter: every rule on every event, without differences.
//! Also, no rule matches an event that push-down rows reject.

use eyas_testing::test;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eyas::EngineFilters;
use eyas::rules::condition::interpret;
use eyas::rules::{Engine, Match, RuleSet, RuleSource};
use eyas::scap::Reader;
use eyas::sinsp::pushdown::{Model, Pushdown};
use eyas::sinsp::{EventView, Inspector, Step, schema};
use serde_json::Value;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// All rules of these files.
fn engine(files: &[PathBuf]) -> Engine {
    RuleSet::builder(Arc::new(schema())).read(files).unwrap().every_rule().compile().unwrap()
}

/// Number of comparisons.
#[derive(Debug, Default)]
struct Counts {
    /// Verdicts of rules on events.
    compared: u64,
    /// Verdicts that were true.
    held: u64,
    events: u64,
    /// Events that rows reject.
    rejected: u64,
    /// Events that rows reject only with verdicts on processes, and the number of these verdicts.
    by_process: u64,
    verdicts: u64,
}

impl Counts {
    fn and(self, other: Self) -> Self {
        Self {
            compared: self.compared + other.compared,
            held: self.held + other.held,
            events: self.events + other.events,
            rejected: self.rejected + other.rejected,
            by_process: self.by_process + other.by_process,
            verdicts: self.verdicts + other.verdicts,
        }
    }
}

/// Compares the verdicts of all rules on an event.
fn compare_event(
    engine: &Engine,
    event: &EventView<'_>,
    found: &[Match],
    capture: &Path,
    counts: &mut Counts,
) {
    for (index, rule) in engine.rules().iter().enumerate().filter(|(_, rule)| rule.enabled) {
        let plain = interpret(&rule.compiled, schema(), event).unwrap();
        let compiled = found.iter().any(|hit| hit.rule.0 as usize == index);
        let at = || format!("event {} of {}", event.num(), capture.display());
        assert_eq!(plain, compiled, "rule {} ({}) on {}", rule.name, rule.condition, at());
        counts.compared += 1;
        counts.held += u64::from(plain);
    }
}

/// Compares on one in `stride` of the first events.
fn compare_some(engine: &Engine, capture: &Path, stride: u64, counts: &mut Counts) {
    const EVENTS: u64 = 200_000;
    let mut evaluator = engine.evaluator();
    let Ok(mut source) = Reader::open(capture) else { return };
    let (mut inspector, mut found) = (Inspector::default(), Vec::new());
    while let Ok(Step::Event(event)) = inspector.next(&mut source) {
        if event.num() > EVENTS {
            break;
        }
        found.clear();
        evaluator.matches(&event, &mut found).unwrap();
        if event.num() % stride == 0 {
            compare_event(engine, &event, &found, capture, counts);
        }
    }
}

/// Compares on one in `stride` events, and on all matching ones.
fn compare(engine: &Engine, rows: &Pushdown, capture: &Path, stride: u64, counts: &mut Counts) {
    let mut evaluator = engine.evaluator();
    let Ok(mut source) = Reader::open(capture) else { return };
    let mut inspector = Inspector::default();
    let (mut found, mut model) = (Vec::new(), Model::default());
    // A damaged capture is compared as far as it goes.
    while let Ok(Step::Event(event)) = inspector.next(&mut source) {
        found.clear();
        evaluator.matches(&event, &mut found).unwrap();
        counts.events += 1;
        if !model.may_match(rows, &event) {
            counts.rejected += 1;
            let rules: Vec<_> = found.iter().map(|hit| &engine.rule(hit.rule).name).collect();
            assert!(found.is_empty(), "{rules:?} match event {} of {}", event.num(), capture.display());
        }
        if event.num() % stride != 0 && found.is_empty() {
            continue;
        }
        compare_event(engine, &event, &found, capture, counts);
    }
    let [verdicts, by_process] = model.counts();
    counts.verdicts += verdicts;
    counts.by_process += by_process;
}

#[test]
fn the_sample_with_its_rules() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let engine = engine(&[demo.join("rules.yaml")]);
    let mut counts = Counts::default();
    compare(&engine, &EngineFilters::new(&engine).rows(), &demo.join("demo.scap.gz"), 1, &mut counts);
    assert!(counts.compared > 10_000 && counts.held == 6, "{counts:?}");
    assert!(counts.rejected > counts.events / 2, "{counts:?}");
}

/// Every capture in the folders, with the stride: 1, or more for large ones.
fn captures() -> Vec<(PathBuf, u64)> {
    let mut all = Vec::new();
    for folder in ["captures", "captures/upstream", "captures/synthetic"] {
        for entry in std::fs::read_dir(eyas_testing::data_or_ignore(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.ends_with(".scap") || name.ends_with(".scap.gz") {
                let stride = match path.metadata().unwrap().len() {
                    len if len > 10 << 20 => 4001,
                    len if len > 1 << 20 => 89,
                    len if len > 50 << 10 => 3,
                    _ => 1,
                };
                all.push((path, stride));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn every_official_rule_on_every_capture() {
    let rules = eyas_testing::data_or_ignore("rules");
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let engine = engine(&names.map(|name| rules.join(name)));
    let captures = captures();
    assert!(captures.len() > 20, "{} captures", captures.len());
    let rows = EngineFilters::new(&engine).rows();
    let counts = eyas_testing::on_all_cpus(captures, |(capture, stride)| {
        let mut counts = Counts::default();
        compare(&engine, &rows, &capture, stride, &mut counts);
        counts
    });
    let counts = counts.into_iter().fold(Counts::default(), Counts::and);
    assert!(counts.compared > 1_000_000 && counts.held > 90, "{counts:?}");
    // All rules were enabled.
    assert!(counts.rejected > counts.events / 2, "{counts:?}");
    assert!(counts.verdicts > 100 && counts.by_process > 1000, "{counts:?}");
}

/// The rules of each conformance case that loads, and of each valid condition.
fn conformance() -> Vec<Engine> {
    let dir = eyas_testing::data_or_ignore("spec/conformance");
    let engine = |sources: Vec<RuleSource>| {
        let mut rules = RuleSet::builder(Arc::new(schema())).build(sources).ok()?;
        rules.every_rule().compile().ok().filter(|engine| !engine.rules().is_empty())
    };
    let index: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("rules-files/index.json")).unwrap()).unwrap();
    let of_case = |case: &Value| {
        let names = case["files"].as_array().unwrap().iter().filter_map(Value::as_str);
        let source = |name: &str| {
            let text = std::fs::read_to_string(dir.join("rules-files").join(name)).ok()?;
            Some(RuleSource::new(name, text))
        };
        engine(names.filter_map(source).collect())
    };
    let conditions = std::fs::read_to_string(dir.join("conditions.jsonl")).unwrap();
    let of_condition = |line: &str| {
        let vector: Value = serde_json::from_str(line).unwrap();
        let condition = vector["condition"].as_str().filter(|_| vector["valid"] == true)?;
        let rule = serde_json::json!([{
            "rule": "r", "desc": "d", "condition": condition, "output": "o", "priority": "INFO",
        }]);
        engine(vec![RuleSource::new("v.yaml", rule.to_string())])
    };
    let cases = index["cases"].as_array().unwrap().iter().filter_map(of_case);
    cases.chain(conditions.lines().filter_map(of_condition)).collect()
}

#[test]
fn every_conformance_rule_on_every_capture() {
    /// Each event is tested with one in this many engines, and only so many events of a capture are.
    const STRIDE: u64 = 29;
    const EVENTS: u64 = 20_000;
    let engines = conformance();
    assert!(engines.len() > 200, "{} rules files", engines.len());
    let rows: Vec<Pushdown> = engines.iter().map(|engine| EngineFilters::new(engine).rows()).collect();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo.scap.gz");
    let captures: Vec<_> = captures().into_iter().map(|(path, _)| path).chain([demo]).collect();
    let counts = eyas_testing::on_all_cpus(captures, |capture| {
        let (mut rejected, mut matched, mut found) = (0_u64, 0_u64, Vec::new());
        let mut evaluators: Vec<_> = engines.iter().map(Engine::evaluator).collect();
        let Ok(mut source) = Reader::open(&capture) else { return [0; 2] };
        let mut inspector = Inspector::default();
        while let Ok(Step::Event(event)) = inspector.next(&mut source) {
            if event.num() > EVENTS {
                break;
            }
            let first = (event.num() % STRIDE) as usize;
            for at in (first..engines.len()).step_by(STRIDE as usize) {
                found.clear();
                evaluators[at].matches(&event, &mut found).unwrap();
                let is_rejected = !rows[at].may_match(&event);
                assert!(
                    !is_rejected || found.is_empty(),
                    "{:?} matches event {} of {}",
                    engines[at].rule(found[0].rule).condition,
                    event.num(),
                    capture.display()
                );
                rejected += u64::from(is_rejected);
                matched += u64::from(!found.is_empty());
            }
        }
        [rejected, matched]
    });
    let [rejected, matched] = counts.into_iter().fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    assert!(rejected > 100_000 && matched > 1000, "{rejected} rejected, {matched} matched");
}

/// Rules whose parts about the open file are tested once while the file recurs, in all kinds of conditions.
fn rules_about_files() -> Engine {
    let texts = ["fd.name", "fd.directory", "fd.filename", "fd.nameraw", "fd.nameopened"];
    let of_text = [
        "$ startswith /etc",
        "$ contains lib",
        "not $ endswith .so",
        "$ exists",
        "$ in (/dev/null, /etc, passwd, ld.so.cache)",
        "toupper($) startswith /USR",
        "len($) > 15",
        "$ = val(fd.name)",
        "$ glob *.so*",
        "not ($ pmatch (/etc, /usr/lib) or $ regex '.*[0-9]')",
    ];
    let others = [
        "fd.ino > 0",
        "not fd.ino exists",
        "fd.dev != 0 and fd.dev.major != 0",
        "fd.type = file",
        "not fd.typechar in (f, d)",
        "(fd.is_upper_layer = false and fd.is_lower_layer = false)",
        "fd.connected = false",
        "fd.cport exists",
        "(fd.l4proto = tcp or fd.directory = /dev)",
    ];
    let around = [
        "$",
        "$ and evt.type in (read, openat, open, close)",
        "($ or proc.name contains s)",
        "$ and proc.name contains s and evt.is_open_read = true",
        "($ or evt.hostname exists) and fd.num > 3",
        "not $ and evt.dir = <",
    ];
    let tests = texts.iter().flat_map(|field| of_text.map(|test| test.replace('$', field)));
    let tests: Vec<String> = tests.chain(others.map(str::to_owned)).collect();
    let conditions = tests.iter().flat_map(|test| around.map(|around| around.replace('$', test)));
    let rules = conditions.enumerate().map(|(number, condition)| {
        let name = format!("rule {number}");
        serde_json::json!({ "rule": name, "desc": "d", "condition": condition, "output": "o", "priority": "INFO" })
    });
    let source = RuleSource::new("files.yaml", Value::from_iter(rules).to_string());
    let mut rules = RuleSet::builder(Arc::new(schema())).build(vec![source]).unwrap();
    rules.every_rule().compile().unwrap()
}

#[test]
fn rules_about_files_on_every_capture() {
    /// More, because most of these rules match many events.
    const STRIDE: u64 = 7;
    let engine = rules_about_files();
    let counts = eyas_testing::on_all_cpus(captures(), |(capture, stride)| {
        let mut counts = Counts::default();
        compare_some(&engine, &capture, stride * STRIDE, &mut counts);
        counts
    });
    let counts = counts.into_iter().fold(Counts::default(), Counts::and);
    assert!(counts.compared > 100_000 && counts.held > 10_000, "{counts:?}");
}
