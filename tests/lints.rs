//! Warnings about rules that load but do not do what they seem to do, and rules without warnings.

use std::sync::Arc;
use std::time::Duration;

use eyas::rules::{Diagnostic, Matching, RuleSet, RuleSource};
use eyas::sinsp::schema;
use rustix::time::{ClockId, clock_gettime};

/// Codes of eyas's additional warnings about rules with these conditions.
fn codes(conditions: &[&str], matching: Matching) -> Vec<&'static str> {
    lint(conditions, matching).iter().map(|d| d.code).collect()
}

fn lint(conditions: &[&str], matching: Matching) -> Vec<Diagnostic> {
    let mut text = String::from("- list: shell_binaries\n  items: [bash, zsh]\n- list: empty\n  items: []\n");
    for (number, condition) in conditions.iter().enumerate() {
        text.push_str(&format!(
            "- rule: r{number}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
        ));
    }
    let source = RuleSource::new("r.yaml", text);
    RuleSet::new(Arc::new(schema()), [source]).unwrap().matching(matching).lint()
}

#[track_caller]
fn check(conditions: &[&str], want: &[&str]) {
    assert_eq!(codes(conditions, Matching::First), want, "{conditions:?}");
}

#[test]
fn contradictions() {
    const NEVER: &[&str] = &["EYAS_NEVER_MATCHES"];
    for condition in [
        "proc.name = bash and proc.name = zsh",
        "proc.name = bash and not proc.name in (shell_binaries, fish)",
        "proc.name in (shell_binaries) and proc.name startswith x",
        "proc.name startswith a and proc.name startswith b",
        "proc.name in (empty)",
        "proc.pid > 5 and proc.pid < 5",
        "proc.pid = 5 and proc.pid >= 6",
        "not proc.name exists and proc.name = bash",
        "(proc.name = a or proc.name = b) and proc.name = c",
        "not (proc.name != bash) and not proc.name = bash and proc.name exists and evt.type in ()",
        "evt.type = open and evt.type = close",
    ] {
        check(&[condition], NEVER);
    }
    for condition in [
        "proc.name = bash and proc.name in (shell_binaries)",
        "proc.name = bash and not proc.name = zsh",
        "proc.name startswith a and proc.name startswith ab",
        "proc.pid > 5 and proc.pid < 7",
        "(proc.name = a or proc.name = b) and proc.name = b",
        "proc.aname = a and proc.aname = b and evt.type = open",
        "fd.ip = 1.1.1.1 and fd.ip = 2.2.2.2",
        "not proc.name = bash and not proc.name = zsh",
        "proc.args = a and evt.type = open",
        "evt.rawres < 0 and evt.rawres != -1",
        // A negation is true for a missing value.
        "not proc.pid < 5 and not proc.pid > 3",
    ] {
        let found = codes(&[condition], Matching::First);
        assert!(!found.contains(&NEVER[0]), "{condition}: {found:?}");
    }
}

#[test]
fn shadows() {
    const SHADOWED: &[&str] = &["EYAS_SHADOWED"];
    for [first, second] in [
        ["evt.type = open", "evt.type = open"],
        ["evt.type in (open, openat)", "evt.type = open and proc.name = x"],
        ["evt.type = open and proc.name in (a, b)", "proc.name = a and evt.type = open"],
        ["evt.type = open and (proc.name = a or proc.pid = 1)", "evt.type = open and proc.pid = 1"],
        ["evt.type = open and not proc.name = a", "evt.type = open and proc.name = b"],
        ["evt.type = open and proc.name in (a, b)", "evt.type = open and (proc.name = a or proc.name = b)"],
        ["evt.type = open and proc.pid > 1", "evt.type = open and proc.pid > 2"],
        ["evt.type = open and not (proc.name = a and proc.pid = 1)", "evt.type = open and proc.name = b"],
        ["evt.type = open and fd.name startswith /e", "evt.type = open and fd.name startswith /etc"],
        ["evt.type = open and fd.name startswith /e", "evt.type = open and fd.name in (/etc, /efi)"],
        ["evt.type = open and fd.name endswith c", "evt.type = open and fd.name = /etc"],
        ["evt.type = open and proc.name exists", "evt.type = open and proc.name exists and proc.pid = 1"],
        [
            "evt.type = open and (proc.name = a or fd.name startswith /e or proc.pid in (1, 2, 3))",
            "evt.type = open and (fd.name = /etc or proc.name = a)",
        ],
        [
            "evt.type = open and (proc.name = a or not fd.num = 1 or proc.name contains x)",
            "evt.type = open and fd.num = 2",
        ],
    ] {
        check(&[first, second], SHADOWED);
        assert!(codes(&[first, second], Matching::All).is_empty());
        // The same among many rules, each with another condition.
        let crowd = |from: usize| {
            (from..from + 40).flat_map(|n| {
                [
                    format!("evt.type = open and proc.name = name{n}"),
                    format!("evt.type = open and proc.pname startswith p{n}x and not proc.name = a"),
                    format!("evt.type = open and (proc.sid = {n} or proc.vpid = {n})"),
                ]
            })
        };
        let pair = |condition: &str| std::iter::once(condition.to_owned());
        let all: Vec<String> =
            crowd(0).chain(pair(first)).chain(crowd(100)).chain(pair(second)).chain(crowd(200)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let found: Vec<String> = lint(&all, Matching::First).into_iter().map(|d| d.message).collect();
        let want = "the rule `r241` is shadowed by the earlier rule `r120`".to_owned();
        assert!(found.contains(&want), "{first}, {second}: {found:?}");
    }
    for [first, second] in [
        ["evt.type = open and proc.name = a", "evt.type = open"],
        ["evt.type = open", "evt.type in (open, openat)"],
        ["evt.type = open and proc.name != a", "evt.type = open and not proc.name = a"],
        ["evt.type = open and proc.name in (a, b)", "evt.type = open and proc.name in (a, b, c)"],
        ["evt.type = open and proc.pid > 2", "evt.type = open and proc.pid > 1"],
        [
            "evt.type = open and proc.name = a and proc.pid = 1",
            "evt.type = open and (proc.name = a or proc.pid = 1)",
        ],
    ] {
        check(&[first, second], &[]);
    }
}

#[test]
fn a_rule_that_is_off_shadows_nothing() {
    let rule = |name: &str, more: &str| {
        format!(
            "- rule: {name}\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n{more}"
        )
    };
    let source = RuleSource::new("r.yaml", rule("a", "  enabled: false\n") + &rule("b", ""));
    assert!(RuleSet::new(Arc::new(schema()), [source]).unwrap().lint().is_empty());
}

#[test]
fn names_of_lists() {
    const UNKNOWN: &[&str] = &["EYAS_UNKNOWN_LIST"];
    check(&["evt.type = open and proc.name in (shell_binaris, x)"], UNKNOWN);
    check(&["evt.type = open and proc.name in shells"], UNKNOWN);
    check(&["evt.type = open and proc.name in (my_shells)"], UNKNOWN);
    check(&["evt.type = open and proc.name in (\"my_shells\")"], &[]);
    check(&["evt.type = open and proc.name in (bash, sh)"], &[]);
    check(&["evt.type in (perf_event_open) and proc.name in (shell_binaries)"], &[]);
}

#[test]
fn absent_values() {
    const ABSENT: &[&str] = &["EYAS_ABSENT_VALUE"];
    check(&["evt.type = open and fd.name != x"], ABSENT);
    check(&["evt.type = open and not fd.name = x"], ABSENT);
    check(&["evt.type = open and fd.name exists and fd.name != x"], &[]);
    check(&["evt.type = open and fd.typechar = f and fd.name != x"], &[]);
    check(&["evt.type = open and (fd.typechar = f or fd.num = 3) and fd.name != x"], &[]);
    check(&["evt.type = open and proc.name != x"], &[]);
}

#[test]
fn large_rulesets_take_no_time() {
    let conditions: Vec<String> = (0..400)
        .map(|n| {
            format!(
                "evt.type = open and (proc.name = a{n} or proc.pname = b or proc.exe = c) and fd.num = {n}"
            )
        })
        .collect();
    let conditions: Vec<&str> = conditions.iter().map(String::as_str).collect();
    // The time of day depends on what else the machine does.
    let cpu_time = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let started = cpu_time();
    check(&conditions, &[]);
    let taken = cpu_time() - started;
    assert!(taken < Duration::from_secs(20), "{taken:?}");
}

#[test]
fn fields_of_a_configuration_hide_no_unknown_word() {
    let rule =
        "- {rule: r, desc: d, condition: evt.type = open and evt.res = SUCESS, output: o, priority: INFO}\n";
    let builder =
        RuleSet::builder(Arc::new(schema())).static_fields([("site".to_owned(), "berlin".to_owned())]);
    let found = builder.build([RuleSource::new("r.yaml", rule)]).unwrap().lint();
    assert!(found.iter().any(|d| d.message.contains("SUCESS")), "{found:?}");
}

#[test]
fn fields_without_values() {
    const WITHOUT: &[&str] = &["EYAS_WITHOUT_VALUE"];
    check(&["evt.type = open and k8s.rc.name = x"], WITHOUT);
    check(&["evt.type = open and k8s.rc.label[a] = x"], WITHOUT);
    check(&["evt.type = open and proc.name = val(k8s.rc.name)"], WITHOUT);
    check(&["evt.type = open and tolower(k8s.rc.name) = x"], WITHOUT);
    check(&["evt.type = open and k8s.pod.name = x"], &[]);
}

/// A warning of the engine, at every start.
#[test]
fn fields_that_nothing_supplies() {
    let warnings = |names: &[&str], enabled: bool| {
        let mut builder = RuleSet::builder(Arc::new(schema()));
        for names in names {
            builder = builder.unavailable(*names, "nobody is asked");
        }
        let rule = format!(
            "- {{rule: r, desc: d, condition: evt.type = open and container.image.repository = x, \
             output: \"%container.label[a]\", priority: INFO, enabled: {enabled}}}\n"
        );
        let engine = builder.build([RuleSource::new("r.yaml", rule)]).unwrap().compile().unwrap();
        engine.warnings().iter().map(|warning| warning.message.clone()).collect::<Vec<_>>()
    };
    let image = "the field `container.image.repository` never has a value: nobody is asked";
    let label = "the field `container.label` never has a value: nobody is asked";
    assert_eq!(warnings(&[], true), [""; 0]);
    assert_eq!(warnings(&["container.image"], true), [""; 0]);
    assert_eq!(warnings(&["container.image."], true), [image]);
    assert_eq!(warnings(&["container."], true), [image, label]);
    assert_eq!(warnings(&["container."], false), [""; 0]);
}
