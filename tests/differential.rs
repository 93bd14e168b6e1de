//! The compiled graph against the plain interpreter: every rule on every event, and they never differ.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eyas::rules::condition::interpret;
use eyas::rules::{Engine, Loader, Matching};
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step, schema};

fn engine(files: &[PathBuf]) -> Engine {
    let mut loader = Loader::new(Arc::new(schema()));
    loader.matching(Matching::All);
    for file in files {
        let result = loader.load(&file.display().to_string(), &std::fs::read_to_string(file).unwrap());
        assert!(result.successful(), "{}", result.verbose());
    }
    loader.build().unwrap()
}

/// Compares on one event in `stride`; answers how many verdicts were compared and how many held.
fn compare(engine: &Engine, capture: &Path, stride: u64) -> (u64, u64) {
    let mut evaluator = engine.evaluator();
    let mut source = Reader::open(capture).unwrap();
    let mut inspector = Inspector::default();
    let (mut found, mut compared, mut held) = (Vec::new(), 0, 0);
    while let Step::Event(event) = inspector.next(&mut source).unwrap() {
        if event.num() % stride != 0 {
            continue;
        }
        found.clear();
        evaluator.matches(&event, &mut found);
        for (index, rule) in engine.rules().iter().enumerate().filter(|(_, rule)| rule.enabled) {
            let plain = interpret(&rule.compiled, schema(), &event).unwrap();
            let compiled = found.iter().any(|hit| hit.rule.0 as usize == index);
            assert_eq!(plain, compiled, "rule {} on event {}", rule.name, event.num());
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

#[test]
fn the_official_rules_on_a_capture_of_attacks() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let shared = PathBuf::from(std::env::var_os("EYAS_SHARED").unwrap_or(default.into()));
    if !shared.join("rules").is_dir() {
        eprintln!("skipped: no rules in {}", shared.display());
        return;
    }
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let engine = engine(&names.map(|name| shared.join("rules").join(name)));
    let (compared, held) = compare(&engine, &shared.join("captures/attack.scap.gz"), 61);
    println!("{compared} verdicts compared, {held} held");
    assert!(compared > 50_000);
}
