//! Replacement of rulesets while events arrive: the state stays, and every event is tested by exactly one
//! ruleset.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyas::fields::Schema;
use eyas::rules::{AlertOptions, Engine, Matching, RuleSet, RuleSource, SharedEngine};
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step, schema};

fn engine(rules: &[(&str, &str)]) -> Engine {
    let mut file = String::new();
    for (name, condition) in rules {
        file.push_str(&format!(
            "- {{rule: {name}, desc: d, condition: '{condition}', output: '%proc.name of %proc.pname', priority: INFO}}\n"
        ));
    }
    let source = RuleSource::new("swap.yaml", file);
    RuleSet::new(Arc::new(schema()), [source]).unwrap().matching(Matching::All).compile().unwrap()
}

fn demo() -> Reader {
    Reader::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/demo.scap.gz")).unwrap()
}

#[test]
fn the_state_stays_when_rules_are_replaced() {
    let before = "evt.type = execve and proc.name = curl";
    let after = "evt.type in (open, openat) and proc.name = cat and fd.name = /etc/shadow";
    let shared = SharedEngine::new(engine(&[("before", before)]));
    let mut follower = shared.follower();
    let mut inspector = Inspector::default();
    let mut source = demo();
    let options = AlertOptions::default();
    let (mut found, mut alerts) = (Vec::new(), Vec::new());
    while let Step::Event(event) = inspector.next(&mut source).unwrap() {
        // In the middle of the attack: the processes were started with the previous rules.
        if event.num() == 1170 {
            let old = shared.swap(engine(&[("first", "evt.num < 0"), ("after", after)])).unwrap();
            assert!(old.find("before").is_some());
        }
        let engine = follower.matches(&event, &mut found).unwrap();
        for hit in found.drain(..) {
            let text = engine.alert(hit, &event, &options).to_text();
            alerts.push(format!("{} {}", event.num(), text.split_once(' ').unwrap().1));
        }
    }
    assert!(alerts.contains(&"1176 Informational cat of bash".to_owned()), "{alerts:?}");
    assert!(
        alerts.iter().all(|a| a.split(' ').next().unwrap().parse::<u64>().unwrap() >= 1170),
        "{alerts:?}"
    );
}

#[test]
fn every_event_is_tested_by_one_ruleset() {
    // The matching rule has another position in each ruleset.
    let rulesets = [
        &[("even", "evt.type exists"), ("odd", "evt.num < 0")][..],
        &[("x", "evt.num < 0"), ("y", "evt.num < 0"), ("odd", "evt.type exists")][..],
    ];
    let shared = SharedEngine::new(engine(rulesets[0]));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                turn += 1;
                shared.swap(engine(rulesets[turn % 2])).unwrap();
            }
        });
        let mut names = std::collections::BTreeSet::new();
        let mut follower = shared.follower();
        let mut found = Vec::new();
        for _ in 0..20 {
            let mut inspector = Inspector::default();
            let mut source = demo();
            while let Step::Event(event) = inspector.next(&mut source).unwrap() {
                let engine = follower.matches(&event, &mut found).unwrap();
                let matched: Vec<&str> =
                    found.drain(..).map(|hit| engine.rule(hit.rule).name.as_str()).collect();
                assert_eq!(matched, [if engine.rules().len() == 2 { "even" } else { "odd" }]);
                names.insert(matched[0] == "even");
            }
            if names.len() == 2 {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!(names.len(), 2, "both rulesets were in place");
    });
}

/// A schema without fields.
struct Other;

impl Schema for Other {
    fn source(&self) -> &str {
        "other"
    }

    fn fields(&self) -> &[eyas::fields::FieldDef] {
        &[]
    }

    fn resolve(&self, _: &str, _: Option<&str>) -> Result<eyas::fields::Field, eyas::fields::ResolveError> {
        Err(eyas::fields::ResolveError::Unknown)
    }
}

#[test]
fn a_ruleset_of_another_schema_is_refused() {
    let shared = SharedEngine::new(engine(&[("r", "evt.num > 0")]));
    let other = RuleSet::new(Arc::new(Other), []).unwrap().compile().unwrap();
    let error = shared.swap(other).unwrap_err();
    assert_eq!((error.expected.as_str(), error.given.as_deref()), ("syscall", Some("other")));
    assert!(shared.current().find("r").is_some());
}
