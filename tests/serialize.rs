//! Types that programs exchange, serialised with serde.

use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step};
use eyas::{Detector, load_rules};
use serde_json::{json, to_value};

#[test]
fn detections_and_rules_are_written() {
    let rules = load_rules(["demo/rules.yaml"]).unwrap();
    let rule = to_value(rules.rule(rules.find("Password file read").unwrap())).unwrap();
    assert_eq!(
        (&rule["name"], &rule["priority"], &rule["source"]),
        (&json!("Password file read"), &json!("Warning"), &json!("syscall"))
    );
    assert!(rule.get("compiled").is_none());
    let mut detector = Detector::new(Reader::open("demo/demo.scap.gz").unwrap(), rules);
    let detection = to_value(detector.next().unwrap().unwrap()).unwrap();
    assert_eq!(
        (&detection["rule"], &detection["priority"]),
        (&json!("Password file read"), &json!("Warning"))
    );
    assert!(detection["line"].as_str().unwrap().contains("/etc/shadow"));
}

#[test]
fn an_event_is_written_with_its_parameters_and_its_thread() {
    let mut source = Reader::open("demo/demo.scap.gz").unwrap();
    let mut inspector = Inspector::default();
    let record = loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(event) if event.event().info().is_some_and(|info| info.name == "openat") => {
                let record = event.to_record();
                if record.params.iter().any(|param| param.value == "/etc/shadow") {
                    break record;
                }
            }
            Step::End => panic!("the capture opens /etc/shadow"),
            _ => {}
        }
    };
    let written = to_value(&record).unwrap();
    assert_eq!((&written["name"], &written["is_exit"]), (&json!("openat"), &json!(true)));
    assert_eq!(written["thread"]["comm"], "cat");
    assert_eq!(written["thread"]["args"], json!(["/etc/shadow"]));
    let flags = record.params.iter().find(|param| param.name == "flags").unwrap();
    assert!(flags.resolved.as_ref().unwrap().contains("O_RDONLY"), "{flags:?}");
}

#[test]
fn a_diagnostic_is_written_with_its_places() {
    let rule = "- rule: r\n  desc: d\n  condition: proc.nam = a\n  output: o\n  priority: INFO\n";
    let source = eyas::rules::RuleSource::new("a.yaml", rule);
    let mut loader = eyas::rules::RuleSet::builder(std::sync::Arc::new(eyas::sinsp::schema())).loader();
    let result = loader.load(&source);
    let written = to_value(result.diagnostics().next().unwrap()).unwrap();
    assert_eq!(
        (&written["severity"], &written["code"]),
        (&json!("Error"), &json!("LOAD_ERR_COMPILE_CONDITION"))
    );
    let place = &written["labels"][0];
    assert_eq!((&place["file"], &place["line"], &place["column"]), (&json!("a.yaml"), &json!(3), &json!(14)));
}
