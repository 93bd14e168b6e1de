//! Effects of the configuration on rules: which are enabled, in which order, and additions to their
//! outputs.

use std::sync::Arc;

use eyas::events::{EventType, param::SYSCALL_CLOSE_X as close};
use eyas::rules::{
    AlertOptions, Engine, Extra, Matching, Priority, RuleSet, RuleSetBuilder, RuleSource, Select,
};
use eyas::scap::{EventBuilder, FdDetail, FdEntry, Snapshot, ThreadEntry};
use eyas::sinsp::{Inspector, schema};

const RULES: &str = "
- {rule: first a, desc: d, condition: evt.type = close, output: one, priority: WARNING, tags: [x, y]}
- {rule: second a, desc: d, condition: evt.type = close, output: two, priority: ERROR, tags: [y]}
- {rule: third b, desc: d, condition: evt.type = close, output: three %proc.name, priority: INFO, enabled: false}
";

fn builder() -> RuleSetBuilder {
    RuleSet::builder(Arc::new(schema()))
}

fn rules(builder: RuleSetBuilder) -> RuleSet {
    builder.build([RuleSource::new("rules.yaml", RULES)]).unwrap()
}

/// The engine of chosen rules, of which all that match are returned.
fn engine(choose: impl FnOnce(&mut RuleSet)) -> Engine {
    let mut rules = rules(builder());
    rules.matching(Matching::All);
    choose(&mut rules);
    rules.compile().unwrap()
}

/// Names of the rules that match an event, in order, and their alerts as JSON.
fn alerts(engine: &Engine) -> (Vec<&str>, Vec<String>) {
    let mut inspector = Inspector::default();
    let comm = b"cat".to_vec();
    let thread = ThreadEntry { tid: 7, pid: 7, ptid: 1, comm, fdlimit: 8, ..ThreadEntry::default() };
    let file = FdDetail::File { open_flags: 1, path: b"/etc/motd".to_vec(), dev: 0xfe02, mount_id: 0 };
    let fds = vec![(7, vec![FdEntry::new(3, 7, file)])];
    inspector.load(Snapshot { threads: vec![thread], fds, ..Snapshot::default() });
    let event =
        EventBuilder::new(EventType::SYSCALL_CLOSE_X).tid(7).ts(1_000_000_000).int(close::fd, 3).build();
    let view = inspector.process(event.as_raw());
    let mut found = Vec::new();
    engine.matches(&view, &mut found).unwrap();
    let options = AlertOptions::default().with_hostname("h").with_time_iso_8601(true);
    let alert = |hit| engine.alert(hit, &view, &options).to_json();
    (
        found.iter().map(|hit| engine.rule(hit.rule).name.as_str()).collect(),
        found.iter().map(|hit| alert(*hit)).collect(),
    )
}

#[test]
fn characters_of_the_rule_s_own_text_are_kept_and_width_zero_means_none() {
    let text = r#"- {rule: "a\tb", desc: d, condition: evt.type = close, output: "x\t%0proc.name|%5proc.name|%2proc.name%proc.name[\"x\\", priority: INFO}"#;
    let rules = builder().build([RuleSource::new("rules.yaml", text)]).unwrap();
    let (_, json) = alerts(&rules.compile().unwrap());
    assert!(json[0].contains(r#"Informational x\tcat|cat  |cacat[\"x\\""#), "{}", json[0]);
    assert!(json[0].contains(r#""rule":"a\tb""#), "{}", json[0]);
}

#[test]
fn selections_are_applied_in_their_order() {
    let on = |which: &[(bool, Select)]| {
        let engine = engine(|rules| {
            for (on, which) in which {
                rules.select(*on, which.clone());
            }
        });
        alerts(&engine).0.join(", ")
    };
    let rule = |pattern: &str| Select::Rule(pattern.into());
    let tag = |tag: &str| Select::Tag(tag.into());
    assert_eq!(on(&[]), "first a, second a");
    assert_eq!(on(&[(true, rule("*"))]), "first a, second a, third b");
    assert_eq!(on(&[(false, rule("* a")), (true, rule("third*"))]), "third b");
    assert_eq!(on(&[(false, tag("y")), (true, tag("x"))]), "first a");
    assert_eq!(on(&[(true, tag("x")), (false, tag("y"))]), "", "the later one wins");
    assert_eq!(
        on(&[(false, rule("first a")), (true, rule("first a"))]),
        "second a, first a",
        "again, at the end"
    );
    assert_eq!(on(&[(false, rule("first"))]), "first a, second a", "a pattern is of the whole name");
    assert_eq!(on(&[(false, Select::Source("syscall".into())), (true, rule("*b"))]), "third b");
    assert_eq!(on(&[(false, Select::Source("other".into()))]), "first a, second a");
}

#[test]
fn rules_below_the_minimum_priority_stay_off() {
    let engine = engine(|rules| {
        rules.minimum_priority(Priority::Error).select(true, Select::Rule("*".into()));
    });
    assert_eq!(alerts(&engine).0, ["second a"]);
}

#[test]
fn the_first_rule_that_is_on_wins() {
    let engine = engine(|rules| {
        rules.matching(Matching::First);
        rules.select(false, Select::Rule("first a".into())).select(true, Select::Rule("first a".into()));
    });
    assert_eq!(alerts(&engine).0, ["second a"]);
}

#[test]
fn outputs_are_added_to_by_rule_tag_and_source() {
    let extra = |text: &str| Extra { text: text.into(), ..Extra::default() };
    let builder = builder()
        .append_output(Extra { tags: vec!["x".into(), "y".into()], ..extra("tags=%proc.name") })
        .append_output(Extra { rule: Some("second a".into()), ..extra("by name") })
        .append_output(Extra { source: Some("other".into()), ..extra("never") })
        .append_output(Extra {
            source: Some("syscall".into()),
            fields: vec![("fd.num".into(), None), ("who".into(), Some("%proc.name %user.uid".into()))],
            ..extra("last")
        });
    let engine = rules(builder).every_rule().compile().unwrap();
    let (_, alerts) = alerts(&engine);
    let time = "1970-01-01T00:00:01.000000000";
    let json = |fields: &str, output: &str, priority: &str, rule: &str, tags: &str| {
        format!(
            r#"{{"hostname":"h","output":"{time}+0000: {priority} {output}","output_fields":{{"evt.time.iso8601":1000000000,"fd.num":3,{fields}"who":"cat 0"}},"priority":"{priority}","rule":"{rule}","source":"syscall","tags":[{tags}],"time":"{time}Z"}}"#
        )
    };
    assert_eq!(
        alerts[0],
        json(r#""proc.name":"cat","#, "one tags=cat last", "Warning", "first a", r#""x","y""#)
    );
    assert_eq!(alerts[1], json("", "two by name last", "Error", "second a", r#""y""#));
    assert_eq!(alerts[2], json(r#""proc.name":"cat","#, "three cat last", "Informational", "third b", ""));
}

#[test]
fn static_fields_are_fields_like_others() {
    let load = |condition: &str| {
        let statics = [("site".to_owned(), "north".to_owned()), ("n".to_owned(), "7".to_owned())];
        let rule = "desc: d, output: 'at %static.site.', priority: INFO}";
        let file = format!("- {{rule: r, condition: 'evt.type = close and {condition}', {rule}\n");
        let rules = builder().static_fields(statics).build([RuleSource::new("s.yaml", file)]).unwrap();
        alerts(&rules.compile().unwrap()).1
    };
    let found = load("static.site = north and toupper(static.site) startswith NOR and static.n in (6, 7)");
    assert!(found[0].contains(r#"Informational at north.","#), "{}", found[0]);
    assert!(found[0].contains(r#""static.site":"north"}"#), "{}", found[0]);
    assert!(load("static.site != north").is_empty());
    assert!(load("not static.n exists").is_empty());
    let mut loader = builder().static_fields([("site".to_owned(), "north".to_owned())]).loader();
    let unknown = "- {rule: r, condition: static.other = 1, desc: d, output: o, priority: INFO}";
    let result = loader.load(&RuleSource::new("s.yaml", unknown));
    assert_eq!(result.errors[0].code.code(), "LOAD_ERR_COMPILE_CONDITION");
}

#[test]
fn suggested_fields_are_appended_by_name() {
    let builder = builder()
        .append_output(Extra { suggested: true, ..Extra::default() })
        .static_fields([("site".to_owned(), "north".to_owned())]);
    let engine = rules(builder).compile().unwrap();
    let (_, alerts) = alerts(&engine);
    assert!(alerts[0].contains(" static_site=north container_id="), "{}", alerts[0]);
    let names = ["container.id", "container.name", "container.image.repository", "container.image.tag"];
    for name in names.into_iter().chain(["k8s.pod.name", "k8s.ns.name"]) {
        assert!(alerts[0].contains(&format!(" {}=", name.replace('.', "_"))), "{name} {}", alerts[0]);
        assert!(alerts[0].contains(&format!("\"{name}\":")), "{name} {}", alerts[0]);
    }
}

#[test]
fn versions_that_are_required() {
    let load = |text: &str| {
        let mut loader = builder().loader();
        let result = loader.load(&RuleSource::new("v.yaml", text));
        (result.errors.first().map(|e| e.code.code()), result.unmet_requirement().map(str::to_owned))
    };
    let engine = |version: &str| load(&format!("- required_engine_version: {version}\n")).0;
    for version in ["0", "61", "62", "0.62.0", "0.61.9"] {
        assert_eq!(engine(version), None, "{version}");
    }
    for version in ["63", "0.62.1", "0.63.0", "1.0.0"] {
        assert_eq!(engine(version), Some("LOAD_ERR_VALIDATE"), "{version}");
    }
    for version in ["-1", "0.10", "x", "''"] {
        assert_eq!(engine(version), Some("LOAD_ERR_YAML_VALIDATE"), "{version}");
    }
    let plugin = |entry: &str| load(&format!("- required_plugin_versions: [{entry}]\n"));
    let unmet = |entry: &str| {
        let (error, unmet) = plugin(entry);
        assert_eq!(error, None, "{entry}");
        unmet
    };
    assert_eq!(unmet("{name: container, version: 0.1.0}"), None, "built in");
    let either = "{name: json, version: 0.7.0, alternatives: [{name: container, version: 0.2.0}]}";
    assert_eq!(unmet(either), None, "one of them is");
    for (entry, want) in [
        ("{name: json, version: 0.7.0}", "must load one of: json (>= 0.7.0)"),
        (
            "{name: json, version: 0.7.0, alternatives: [{name: k8saudit, version: 0.2.0}]}",
            "must load one of: json (>= 0.7.0), k8saudit (>= 0.2.0)",
        ),
        ("{name: container, version: 0.99.0}", "Plugin 'container' version '0.7.1' is not compatible"),
        ("{name: container, version: 1.0.0}", "with required plugin version '1.0.0'"),
    ] {
        let said = unmet(entry).unwrap();
        assert!(said.contains(want), "{said}");
        // The unmet requirement explains an unknown field of the plugin.
        let rule =
            "- {rule: r, desc: d, condition: evt.type = close and json.x = 1, output: o, priority: INFO}";
        let text = format!("- required_plugin_versions: [{entry}]\n{rule}\n");
        let error = builder().build([RuleSource::new("v.yaml", text)]).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
    assert_eq!(plugin("{name: json, version: 7}").0, Some("LOAD_ERR_VALIDATE"));
    let twice = "{name: json, version: 0.7.0, alternatives: [{name: json, version: 0.8.0}]}";
    assert_eq!(plugin(twice).0, Some("LOAD_ERR_VALIDATE"));
}

#[test]
fn fields_of_alerts_are_typed() {
    let fields = "evt.time evt.datetime.s evt.rawtime.ns proc.pid proc.tty fd.dev fd.types proc.fdusage evt.is_io fd.name";
    let builder = builder().append_output(Extra {
        rule: Some("first a".into()),
        fields: fields.split(' ').map(|name| (name.to_owned(), None)).collect(),
        ..Extra::default()
    });
    let engine = rules(builder).compile().unwrap();
    let json = &alerts(&engine).1[0];
    let fields = json.split_once("\"output_fields\":{").unwrap().1.split_once('}').unwrap().0;
    assert_eq!(
        fields,
        "\"evt.datetime.s\":1000000000,\"evt.is_io\":false,\"evt.rawtime.ns\":0,\"evt.time\":1000000000,\
         \"evt.time.iso8601\":1000000000,\"fd.dev\":\"FE02\",\"fd.name\":\"/etc/motd\",\"fd.types\":[\"file\"],\
         \"proc.fdusage\":12.5,\"proc.pid\":7,\"proc.tty\":0"
    );
}

#[test]
fn control_characters_stay_and_a_line_stays_one_line() {
    let rules = "- {rule: r, desc: d, condition: evt.type = close, priority: ERROR, \
                 output: 'a=%proc.args c=%proc.cmdline u=%toupper(proc.args) n=%proc.aname'}\n";
    let engine = builder().build([RuleSource::new("rules.yaml", rules)]).unwrap().compile().unwrap();
    let mut inspector = Inspector::default();
    let text = b"x\ny\tz\x1b[0m\x7f\xff\xe2\x80\xae\"\\".to_vec();
    let thread = ThreadEntry {
        tid: 7,
        pid: 7,
        comm: b"c\nd".to_vec(),
        args: [&text[..], b"\0"].concat(),
        ..ThreadEntry::default()
    };
    inspector.load(Snapshot { threads: vec![thread], ..Snapshot::default() });
    let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).tid(7).int(close::fd, 3).build();
    let view = inspector.process(event.as_raw());
    let mut found = Vec::new();
    engine.matches(&view, &mut found).unwrap();
    let options = AlertOptions::default();
    let alert = engine.alert(found[0], &view, &options);
    let want = r#"x\ny\tz\u001b[0m\u007f�\u202e\"\\"#;
    let line = alert.to_text();
    assert!(line.contains(&format!("a={want} c=")), "{line}");
    assert!(!line.contains(char::is_control), "{line}");
    let json: serde_json::Value = serde_json::from_str(&alert.to_json()).unwrap();
    let args = json["output_fields"]["proc.args"].as_str().unwrap();
    assert_eq!(args, "x\ny\tz\u{1b}[0m\u{7f}\u{fffd}\u{202e}\"\\");
    assert!(line.contains(r"u=X\nY\tZ\u001b"), "{line}");
}
