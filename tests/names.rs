//! Domain names in conditions: addresses are compared with the current addresses of the names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use eyas::events::{EventType, param::SYSCALL_CLOSE_X as close};
use eyas::rules::{AlertOptions, Matching, RuleSet, RuleSource};
use eyas::scap::{EventBuilder, FdDetail, FdEntry, Snapshot, ThreadEntry};
use eyas::sinsp::{Config, Inspector, Names, SharedNames, schema};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The alerts of all rules when the socket is closed; `names` are the known names.
fn alerts(rules: &str, remote: Option<&str>, names: &[(&str, &[&str])]) -> Vec<String> {
    let source = RuleSource::new("rules.yaml", rules);
    let engine =
        RuleSet::new(Arc::new(schema()), [source]).unwrap().matching(Matching::All).compile().unwrap();
    // The resolver is asked for the names in rules.
    let mut known = BTreeMap::new();
    for name in engine.domain_names() {
        let found = names.iter().find(|(known, _)| *known == name);
        known.insert(name, found.map_or(&[][..], |(_, list)| list).iter().map(|text| ip(text)).collect());
    }
    let names = Some(SharedNames::new(Names::new(&known)));
    let mut inspector = Inspector::new(Config::default().with_names(names));
    let thread =
        ThreadEntry { tid: 7, pid: 7, ptid: 1, comm: b"nc".to_vec(), fdlimit: 8, ..ThreadEntry::default() };
    let detail = match remote {
        Some(remote) => FdDetail::Socket { local: (ip("10.0.0.9"), 4000), remote: (ip(remote), 443), l4: 1 },
        None => FdDetail::File { open_flags: 1, path: b"/etc/motd".to_vec(), dev: 0xfe02, mount_id: 0 },
    };
    let fds = vec![(7, vec![FdEntry::new(3, 7, detail)])];
    inspector.load(Snapshot { threads: vec![thread], fds, ..Snapshot::default() });
    let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).tid(7).ts(1).int(close::fd, 3).build();
    let view = inspector.process(event.as_raw());
    let mut found = Vec::new();
    engine.matches(&view, &mut found).unwrap();
    let options = AlertOptions::default();
    found.iter().map(|hit| engine.alert(*hit, &view, &options).to_text()).collect()
}

/// Which of the conditions match, in order.
fn matching(remote: Option<&str>, names: &[(&str, &[&str])]) -> Vec<usize> {
    let conditions = [
        "fd.sip.name = a.example",
        "fd.sip.name != a.example",
        "fd.sip.name in (b.example, a.example)",
        "not fd.sip.name = a.example",
        "fd.rip.name = b.example",
        "fd.cip.name = a.example",
        "fd.lip.name in (client.example)",
    ];
    let rule = |(at, condition): (usize, &&str)| {
        format!(
            "- {{rule: r{at}, desc: d, condition: '{condition} and evt.type = close', output: '<{at}>', priority: INFO}}\n"
        )
    };
    let rules: String = conditions.iter().enumerate().map(rule).collect();
    let alerts = alerts(&rules, remote, names);
    let number = |alert: &String| alert.split(['<', '>']).nth(1).unwrap().parse().unwrap();
    alerts.iter().map(number).collect()
}

#[test]
fn an_address_matches_its_names() {
    let a: (&str, &[&str]) = ("a.example", &["1.2.3.4", "2001:db8::1"]);
    let b: (&str, &[&str]) = ("b.example", &["1.2.3.4"]);
    let client: (&str, &[&str]) = ("client.example", &["10.0.0.9"]);
    for (remote, names, want) in [
        (Some("1.2.3.4"), &[a][..], &[0, 2][..]),
        (Some("2001:db8::1"), &[a, b], &[0, 2]),
        (Some("::ffff:1.2.3.4"), &[a], &[0, 2]),
        // Two names for one address: both match.
        (Some("1.2.3.4"), &[a, b], &[0, 2, 4]),
        (Some("9.9.9.9"), &[a, b], &[1, 3]),
        (Some("1.2.3.4"), &[], &[1, 3]),
        // A value without an address is neither equal nor unequal to a name.
        (None, &[a, b], &[3]),
    ] {
        let found: Vec<usize> = matching(remote, names).into_iter().filter(|at| *at < 5).collect();
        assert_eq!(found, want, "{remote:?} {names:?}");
    }
    let found = matching(Some("1.2.3.4"), &[client, ("a.example", &["10.0.0.9"])]);
    assert!(found.contains(&5), "{found:?}");
}

#[test]
fn an_output_has_the_name_or_nothing() {
    let rules = "- {rule: r, desc: d, condition: 'evt.type = close and fd.sip.name != x.example and not fd.sip.name in (a.example, b.example) \
                 or fd.sip.name in (a.example, b.example)', output: '%fd.sip.name|%fd.cip.name', priority: INFO}\n";
    for (remote, names, want) in [
        ("1.2.3.4", &[("a.example", &["1.2.3.4"][..])][..], "a.example|<NA>"),
        ("1.2.3.4", &[("a.example", &["1.2.3.4"]), ("b.example", &["1.2.3.4"])], "a.example b.example|<NA>"),
        ("9.9.9.9", &[], "<NA>|<NA>"),
    ] {
        let alerts = alerts(rules, Some(remote), names);
        assert!(alerts[0].ends_with(want), "{alerts:?}");
    }
}

#[test]
fn only_names_of_rules_that_are_on_are_looked_up() {
    let rules = "
- list: bad
  items: [b.example, c.example]
- macro: to_bad
  condition: (fd.rip.name in (bad))
- {rule: on, desc: d, condition: evt.type = connect and (to_bad or fd.sip.name = a.example), output: o, priority: INFO}
- {rule: off, desc: d, condition: evt.type = connect and fd.sip.name = d.example, output: o, priority: INFO, enabled: false}
- {rule: other, desc: d, condition: evt.type = connect and fd.name = e.example, output: o, priority: INFO}
";
    let source = RuleSource::new("rules.yaml", rules);
    let engine = RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap();
    let names: Vec<String> = engine.domain_names().into_iter().collect();
    assert_eq!(names, ["a.example", "b.example", "c.example"]);
}
