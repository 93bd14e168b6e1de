use eyas::rules::{AlertOptions, RuleSet, RuleSource};
use eyas::scap::EventBuilder;
use eyas::sinsp::schema;

use super::*;
use crate::config::Config;
use crate::hashes::ReadFiles;
use crate::pushdown::Filter;

/// One in this many rejected events is tested.
const SHADOW: usize = 1024;

fn engine(condition: &str) -> Engine {
    let rule = format!("- {{rule: r, desc: d, condition: {condition:?}, output: o, priority: INFO}}\n");
    let source = RuleSource::new("rules.yaml", rule);
    RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap()
}

/// Tests a call, and returns the number of internal alerts and of others.
fn judge(judge: &mut Judge<'_>, inspector: &mut Inspector, ty: EventType) -> [usize; 2] {
    let (event, mut batch, mut matches) =
        (EventBuilder::new(ty).tid(7).ts(1).int(0, 3).build(), Batch::default(), 0);
    judge.judge(&inspector.process(event.as_raw()), &mut batch, |_, _| matches += 1).unwrap();
    let is_internal = |line: &[u8]| {
        line.windows(b"push-down filters out".len()).any(|part| part == b"push-down filters out")
    };
    let internal = batch.alerts().iter().filter(|alert| is_internal(&alert.text)).count();
    assert_eq!(batch.alerts().len(), internal + matches);
    [internal, matches]
}

/// The rows are those of another rule, and reject what the rule matches.
#[test]
fn a_wrong_row_raises_one_alert_and_rejects_no_more_events_of_the_type() {
    let wrong = engine("evt.type in (close, openat) and evt.rawres = 12345");
    let engine = Arc::new(engine("evt.type in (close, openat)"));
    let setup = Setup {
        engine,
        others: Vec::new(),
        options: AlertOptions::default(),
        record: None,
        config: Config::default(),
        files: ReadFiles::new(&[], &[]),
        needs: Some(Arc::new(eyas::EngineFilters::new(&wrong).replay_needs())),
        filter: None,
        pushdown: Some(Filter::new(&wrong, false)),
    };
    let mut tested = Judge::new(Arc::new(setup));
    let mut inspector = Inspector::default();
    for _ in 1..SHADOW {
        assert_eq!(judge(&mut tested, &mut inspector, EventType::SYSCALL_CLOSE_X), [0, 0]);
    }
    assert!(tested.refuted.is_empty() && tested.needs().is_some());
    // The sample.
    assert_eq!(judge(&mut tested, &mut inspector, EventType::SYSCALL_CLOSE_X), [1, 1]);
    // The source sends all events of the type from here on, and a replay leaves out no events.
    assert_eq!(tested.refuted, [EventType::SYSCALL_CLOSE_X.0]);
    assert!(tested.needs_changed && tested.needs().is_none());
    for _ in 0..2 * SHADOW {
        assert_eq!(judge(&mut tested, &mut inspector, EventType::SYSCALL_CLOSE_X), [0, 1]);
    }
    // Other types are still filtered.
    assert_eq!(judge(&mut tested, &mut inspector, EventType::SYSCALL_OPENAT_2_X), [0, 0]);
    // Rules that are loaded again start again.
    let setup = Arc::clone(&tested.setup);
    tested.replace(setup).unwrap();
    assert_eq!(judge(&mut tested, &mut inspector, EventType::SYSCALL_CLOSE_X), [0, 0]);
    assert!(tested.needs().is_some());
}
