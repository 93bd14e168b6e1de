//! A file whose kernel path differs from the requested path: rules are tested with both.

use std::sync::Arc;

use eyas::events::{EventType, param::SYSCALL_OPENAT_2_X as openat};
use eyas::rules::{AlertOptions, RuleSet, RuleSource};
use eyas::scap::{EventBuilder, OwnedEvent, Snapshot, ThreadEntry};
use eyas::sinsp::{Inspector, schema};

/// A thread opens `requested`, and the kernel reports that it opened `opened`.
fn open(requested: &[u8], opened: &[u8]) -> OwnedEvent {
    let row = EventType::SYSCALL_OPENAT_2_X.info().unwrap().params.len();
    EventBuilder::new(EventType::SYSCALL_OPENAT_2_X)
        .tid(7)
        .int(openat::fd, 3)
        .int(openat::dirfd, -100)
        .text(openat::name, requested)
        .text(row, opened)
        .build()
}

/// The alerts of the rules with these conditions, with the file's name and the opened path.
fn alerts(conditions: &[&str], event: &OwnedEvent) -> Vec<String> {
    let rules: Vec<String> = conditions
        .iter()
        .enumerate()
        .map(|(at, condition)| {
            format!(
                "- rule: r{at}\n  desc: d\n  priority: ERROR\n  condition: evt.type = openat and {condition}\n  \
                 output: r{at} %fd.name %fd.nameopened\n"
            )
        })
        .collect();
    let source = RuleSource::new("rules.yaml", rules.concat());
    let engine = RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap();
    let mut inspector = Inspector::default();
    let thread = ThreadEntry { tid: 7, pid: 7, ptid: 1, cwd: b"/".to_vec(), ..ThreadEntry::default() };
    inspector.load(Snapshot { threads: vec![thread], ..Snapshot::default() });
    let view = inspector.process(event.as_raw());
    let mut found = Vec::new();
    engine.matches(&view, &mut found).unwrap();
    let options = AlertOptions::default();
    let text = |hit| engine.alert(hit, &view, &options).to_text();
    found.into_iter().map(|hit| text(hit).split("Error ").last().unwrap().to_owned()).collect()
}

#[test]
fn rules_match_either_path_but_no_mixture() {
    let link = open(b"/tmp/link", b"/etc/shadow");
    // The opened path matches; the requested path matches; both match, with one alert.
    assert_eq!(alerts(&["fd.name = /etc/shadow"], &link), ["r0 /etc/shadow /etc/shadow"]);
    assert_eq!(alerts(&["fd.name = /tmp/link"], &link), ["r0 /tmp/link /etc/shadow"]);
    assert_eq!(alerts(&["fd.name startswith /"], &link), ["r0 /tmp/link /etc/shadow"]);
    // An exception applies only to its own name.
    assert_eq!(alerts(&["not fd.name = /tmp/link"], &link), ["r0 /etc/shadow /etc/shadow"]);
    assert!(alerts(&["fd.name = /tmp/link and fd.directory = /etc"], &link).is_empty());
    assert!(alerts(&["not fd.name in (/tmp/link, /etc/shadow)"], &link).is_empty());
    // A rule that the requested path matches does not hide a rule that the opened path matches.
    let both = alerts(&["fd.name = /tmp/link", "fs.path.name = /etc/shadow"], &link);
    assert_eq!(both, ["r0 /tmp/link /etc/shadow", "r1 /etc/shadow /etc/shadow"]);
}

#[test]
fn equal_paths_raise_one_alert() {
    let plain = open(b"/etc/shadow", b"/etc/shadow");
    assert_eq!(alerts(&["fd.name = /etc/shadow"], &plain), ["r0 /etc/shadow /etc/shadow"]);
    let relative = open(b"etc/../etc/shadow", b"/etc/shadow");
    assert_eq!(alerts(&["fd.name = /etc/shadow"], &relative), ["r0 /etc/shadow /etc/shadow"]);
}

#[test]
fn a_file_without_a_path_has_no_directory() {
    let nowhere = &["fd.directory = /", "fd.name startswith /", "fd.name = /"];
    for (asked, opened, kind) in [
        ("/dev/stdout", "pipe:[77]", "pipe"),
        ("/proc/self/ns/mnt", "mnt:[4026531832]", "unsupported"),
        ("/proc/self/fd/3", "memfd:name", "memfd"),
    ] {
        let event = open(asked.as_bytes(), opened.as_bytes());
        let not_asked = nowhere.map(|condition| format!("not fd.name = {asked} and {condition}"));
        assert!(alerts(&not_asked.each_ref().map(String::as_str), &event).is_empty(), "{opened}");
        let found = alerts(&[&format!("fd.name = {opened} and fd.type = {kind}")], &event);
        assert_eq!(found, [format!("r0 {opened} {opened}")]);
        assert_eq!(alerts(&["fd.typechar = f"], &event), [format!("r0 {asked} {opened}")]);
    }
    let detached = open(b"/proc/self/fd/3", b"(unreachable)/passwd");
    assert!(alerts(&["fd.name = /passwd", "fd.directory = /"], &detached).is_empty());
    let found = alerts(&["fd.filename = passwd and fd.typechar = f"], &detached);
    assert_eq!(found, ["r0 (unreachable)/passwd (unreachable)/passwd"]);
}
