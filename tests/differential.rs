//! The compiled graph against the plain interpreter: every rule on every event, and they never differ.

use eyas_testing::test;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eyas::rules::condition::interpret;
use eyas::rules::{Engine, Loader, Matching, Select};
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step, schema};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn engine(files: &[PathBuf]) -> Engine {
    let mut loader = Loader::new(Arc::new(schema()));
    loader.matching(Matching::All).select(true, Select::Rule("*".into()));
    for file in files {
        let result = loader.load(&file.display().to_string(), &std::fs::read_to_string(file).unwrap());
        assert!(result.successful(), "{}", result.verbose());
    }
    loader.build().unwrap()
}

/// Compares on one event in `stride` and on all that match; answers how many verdicts were compared and how many held.
fn compare(engine: &Engine, capture: &Path, stride: u64) -> (u64, u64) {
    let mut evaluator = engine.evaluator();
    let Ok(mut source) = Reader::open(capture) else { return (0, 0) };
    let mut inspector = Inspector::default();
    let (mut found, mut compared, mut held) = (Vec::new(), 0, 0);
    // A damaged capture is compared as far as it goes.
    while let Ok(Step::Event(event)) = inspector.next(&mut source) {
        found.clear();
        evaluator.matches(&event, &mut found).unwrap();
        if event.num() % stride != 0 && found.is_empty() {
            continue;
        }
        for (index, rule) in engine.rules().iter().enumerate().filter(|(_, rule)| rule.enabled) {
            let plain = interpret(&rule.compiled, schema(), &event).unwrap();
            let compiled = found.iter().any(|hit| hit.rule.0 as usize == index);
            assert_eq!(
                plain,
                compiled,
                "rule {} on event {} of {}",
                rule.name,
                event.num(),
                capture.display()
            );
            compared += 1;
            held += u64::from(plain);
        }
    }
    (compared, held)
}

#[test]
fn the_sample_with_its_rules() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let (compared, held) = compare(&engine(&[demo.join("rules.yaml")]), &demo.join("demo.scap.gz"), 1);
    assert!(compared > 10_000 && held == 6, "{compared} compared, {held} held");
}

/// Every capture in the folders, those that are large on one event in many.
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
    let (mut compared, mut held) = (0, 0);
    for (capture, stride) in captures {
        let one = compare(&engine, &capture, stride);
        compared += one.0;
        held += one.1;
    }
    assert!(compared > 1_000_000 && held > 90, "{compared} compared, {held} held");
}
