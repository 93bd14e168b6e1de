//! The detector through the public interface: alerts, replacement of rules at run time, and errors.

use std::sync::Arc;

use eyas::fields::Schema;
use eyas::rules::{Matching, Priority, RuleSet, RuleSource};
use eyas::scap::Reader;
use eyas::{Detector, Error, load_rules};
use eyas_testing::Dir;

fn schema() -> Arc<dyn Schema> {
    Arc::new(eyas::sinsp::schema())
}

fn demo() -> Reader {
    Reader::open("demo/demo.scap.gz").unwrap()
}

#[test]
fn alerts_come_in_the_order_of_their_events() {
    let rules = load_rules(["demo/rules.yaml"]).unwrap();
    let alerts: Vec<_> = Detector::new(demo(), rules).map(Result::unwrap).collect();
    assert!(alerts.len() > 2, "{alerts:?}");
    assert!(alerts.is_sorted_by_key(|alert| alert.timestamp));
    for alert in &alerts {
        assert!(alert.line.contains(alert.priority.name()), "{alert:?}");
    }
    let again = Detector::new(demo(), load_rules(["demo/rules.yaml"]).unwrap()).json();
    for (json, text) in again.map(Result::unwrap).zip(&alerts) {
        let line: serde_json::Value = serde_json::from_str(&json.line).unwrap();
        assert_eq!(line["rule"], text.rule);
        // As text, control characters are escaped as in JSON.
        assert_eq!(line["output"].to_string(), format!("\"{}\"", text.line));
    }
}

#[test]
fn one_event_has_an_alert_for_each_rule_that_it_matches() {
    let rule = |name: &str| {
        format!("- rule: {name}\n  desc: d\n  condition: evt.num > 0\n  output: o\n  priority: INFO\n")
    };
    let source = RuleSource::new("two.yaml", rule("first") + &rule("second"));
    let mut rules = RuleSet::new(schema(), [source]).unwrap();
    let detector = Detector::new(demo(), rules.matching(Matching::All).compile().unwrap());
    let found: Vec<_> = detector.take(3).map(|alert| alert.unwrap().rule).collect();
    assert_eq!(found, ["first", "second", "first"]);
}

#[test]
fn rules_are_replaced_while_it_runs() {
    let all = |name: &str| {
        let text =
            format!("- rule: {name}\n  desc: d\n  condition: evt.num > 0\n  output: o\n  priority: INFO\n");
        let source = RuleSource::new("all.yaml", text);
        RuleSet::new(schema(), [source]).unwrap().compile().unwrap()
    };
    let mut detector = Detector::new(demo(), all("before"));
    assert_eq!(detector.next().unwrap().unwrap().rule, "before");
    detector.rules().swap(all("after")).unwrap();
    assert_eq!(detector.next().unwrap().unwrap().rule, "after");
    assert_eq!(detector.next().unwrap().unwrap().priority, Priority::Informational);
}

#[test]
fn errors_name_the_file_and_the_place() {
    let error = load_rules(["none.yaml"]).unwrap_err();
    assert!(
        matches!(error, Error::Rules(eyas::rules::Error::Read { .. }))
            && error.to_string().contains("none.yaml"),
        "{error}"
    );
    let dir = Dir::new("detector");
    let error = load_rules([dir.join("")]).unwrap_err();
    assert!(error.to_string().ends_with(": expected a regular file"), "{error}");
    let fifo = dir.join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    load_rules([fifo]).unwrap_err();
    let path = dir
        .write("r.yaml", "- rule: r\n  desc: d\n  condition: proc.nam = a\n  output: o\n  priority: INFO\n");
    let error = load_rules([&path]).unwrap_err();
    assert!(matches!(error, Error::Rules(eyas::rules::Error::File(_))), "{error}");
    assert!(error.to_string().contains(".yaml:3:14: error[LOAD_ERR_COMPILE_CONDITION]"), "{error}");
}

#[test]
fn a_damaged_capture_ends_with_an_error_and_then_for_good() {
    let whole = std::fs::read("demo/demo.scap.gz").unwrap();
    let cut = Reader::from_reader(std::io::Cursor::new(whole[..whole.len() / 2].to_vec())).unwrap();
    let mut detector = Detector::new(cut, load_rules(["demo/rules.yaml"]).unwrap());
    let error = detector.by_ref().find_map(Result::err).expect("the capture is cut");
    assert!(matches!(error, Error::Source(_)), "{error}");
    assert!(detector.next().is_none());
}

#[test]
fn errors_are_distinguished_by_their_variant() {
    let engine = || load_rules(["demo/rules.yaml"]).unwrap();
    let first =
        |path: &str| Detector::new(Reader::open(path).unwrap(), engine()).next().unwrap().unwrap_err();
    assert!(matches!(first("demo/rules.yaml"), Error::Source(eyas::scap::Error::NotACapture { .. })));
    let absent = Error::from(Reader::open("none.scap").unwrap_err());
    assert!(matches!(absent, Error::Source(eyas::scap::Error::Open { .. })), "{absent}");
}

#[test]
fn every_step_returns_a_result_for_the_question_mark() -> Result<(), Box<dyn std::error::Error>> {
    let rule = "- {rule: r, desc: d, condition: evt.type = open, output: o, priority: INFO}";
    let sources = [RuleSource::new("a.yaml", rule), RuleSource::read("demo/rules.yaml")?];
    assert!(RuleSet::new(schema(), sources.clone())?.compile()?.warnings().is_empty());
    let broken = RuleSource::new("b.yaml", "- {rule: s, condition: [}");
    let error = RuleSet::new(schema(), sources.into_iter().chain([broken])).unwrap_err();
    assert!(error.to_string().starts_with("b.yaml:1:"), "{error}");
    Ok(())
}

#[test]
fn rules_that_no_event_can_match_are_reported() {
    let rule = |name: &str, more: &str, condition: &str| {
        format!("- {{rule: {name}, desc: d, {more} condition: {condition}, output: o, priority: INFO}}\n")
    };
    let text = rule("live", "", "evt.type = open")
        + &rule("elsewhere", "source: k8s_audit,", "ka.verb = get")
        + &rule("contradiction", "", "evt.type = open and proc.name = a and proc.name = b")
        + &rule("no_type", "", "evt.type = open and evt.type = close");
    let rules = RuleSet::new(schema(), [RuleSource::new("dead.yaml", text)]).unwrap();
    let engine = rules.compile().unwrap();
    let warnings: Vec<String> = engine.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings[0].contains("LOAD_UNKNOWN_SOURCE") && warnings[0].contains("`elsewhere`"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].contains("EYAS_NEVER_MATCHES") && warnings[1].contains("`contradiction`"),
        "{warnings:?}"
    );
    assert!(warnings[2].starts_with("dead.yaml:4:") && warnings[2].contains("`no_type`"), "{warnings:?}");
}
