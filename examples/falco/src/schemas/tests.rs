use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::*;

/// Records of all kinds: a file, a connection, a container, an internal alert, and an almost empty one.
fn records() -> Vec<Value> {
    let alert = |fields: Value| {
        json!({
            "hostname": "vm", "message": "It happened", "output": "10:00:00: Warning It happened",
            "output_fields": fields, "priority": "Warning", "rule": "A rule", "source": "syscall",
            "tags": ["host", "mitre_command_and_control", "T1059", "T1059.004", "Tuesday"],
            "time": "2026-01-02T03:04:05.000000006Z",
        })
    };
    let process = json!({
        "proc.name": "cat", "proc.pid": 7, "proc.exepath": "/bin/cat", "proc.cmdline": "cat x", "proc.cwd": "/",
        "proc.ppid": 6, "proc.pname": "sh", "proc.pexepath": "/bin/sh", "proc.pcmdline": "sh", "thread.tid": 8,
        "proc.sid": 5, "proc.pgid": 4, "user.name": "root", "user.uid": 0, "group.name": "root", "group.gid": 0,
        "evt.type": "openat", "evt.res": "ENOENT", "user.loginname": "<NA>", "proc.sname": null,
    });
    let with = |more: Value| {
        let mut fields = process.as_object().unwrap().clone();
        fields.extend(more.as_object().unwrap().clone());
        alert(Value::Object(fields))
    };
    let container = json!({
        "container.id": "3ad7b26ded6d", "container.name": "web", "container.type": "docker",
        "container.image.repository": "nginx", "container.image.tag": "1", "container.image.digest": "sha256:1",
        "container.image.id": "5", "k8s.ns.name": "default", "k8s.pod.name": "web-1", "k8s.pod.uid": "u",
        "fd.name": "10.0.0.1:4711->10.0.0.2:80", "fd.l4proto": "tcp", "evt.res": "SUCCESS",
    });
    let internal = json!({
        "hostname": "vm", "output": "Falco internal: a thing", "output_fields": { "n": 1 }, "priority": "Debug",
        "rule": "Falco internal: a thing", "source": "internal", "time": "2026-01-02T03:04:05Z",
    });
    vec![
        with(json!({ "fd.name": "/etc/shadow", "container.id": "host", "container.name": "host" })),
        with(json!({ "fd.cip": "::1", "fd.cport": 1, "fd.sip": "::1", "fd.sport": 65535 })),
        with(container),
        alert(json!({})),
        internal,
    ]
}

fn translated(schema: JsonSchema, record: &Value) -> Value {
    let record = Some(record.to_string().into_bytes().into());
    let alert = Alert { record, ..Alert::new(b"", 4) };
    serde_json::from_str(&translate(schema, &alert).unwrap()).unwrap()
}

/// The rows of a table of facts about a schema; a line has two words, or four.
fn rows(table: &'static str, key: usize) -> BTreeMap<String, (&'static str, bool)> {
    let row = |line: &'static str| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[..key].join("."), (words[key], words.len() > key + 1))
    };
    table.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// The values at an attribute, which is an array if its type says so.
fn values<'v>(value: &'v Value, ty: &str, at: &str) -> Vec<&'v Value> {
    match value.as_array() {
        Some(values) if ty.ends_with("[]") => values.iter().collect(),
        None if !ty.ends_with("[]") => vec![value],
        _ => panic!("{at}: {ty}, not {value}"),
    }
}

#[test]
fn documents_are_of_ecs() {
    let fields = rows(include_str!("tests/ecs.txt"), 1);
    fn walk(doc: &Map<String, Value>, path: &str, fields: &BTreeMap<String, (&str, bool)>) {
        for (name, value) in doc {
            let at = format!("{path}{name}");
            let Some((ty, _)) = fields.get(&at) else {
                let inner = value.as_object().unwrap_or_else(|| panic!("no field {at}"));
                walk(inner, &format!("{at}."), fields);
                continue;
            };
            for value in values(value, ty, &at) {
                let is = match ty.trim_end_matches("[]") {
                    "long" => value.is_u64(),
                    "ip" => value.as_str().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()),
                    "date" => value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
                    _ => value.is_string(),
                };
                assert!(is, "{at}: {ty}, not {value}");
            }
        }
    }
    let docs: Vec<Value> = records().iter().map(|record| translated(JsonSchema::Ecs, record)).collect();
    for doc in &docs {
        let mut doc = doc.as_object().unwrap().clone();
        assert!(doc.remove("falco").is_some(), "the alert's own fields");
        walk(&doc, "", &fields);
    }
    let [file, connection, container, ..] = &docs[..] else { unreachable!() };
    assert_eq!(file["@timestamp"], "2026-01-02T03:04:05.000000006Z");
    assert_eq!(file["file"], json!({ "path": "/etc/shadow", "name": "shadow", "directory": "/etc" }));
    assert_eq!(file["event"]["category"], json!(["file"]));
    assert_eq!(file["event"]["outcome"], "failure");
    assert!(file.get("container").is_none(), "the host is none");
    assert!(file["process"].get("session_leader").is_some_and(|leader| leader.get("name").is_none()));
    assert_eq!(file["threat"]["tactic"]["name"], json!(["Command and Control"]));
    assert_eq!(file["threat"]["technique"]["id"], json!(["T1059"]));
    assert_eq!(connection["destination"], json!({ "ip": "::1", "address": "::1", "port": 65535 }));
    assert_eq!(container["source"]["port"], 4711);
    assert_eq!(container["container"]["image"]["tag"], json!(["1"]));
    assert_eq!(container["event"]["outcome"], "success");
}

#[test]
fn findings_are_of_ocsf() {
    let table = rows(include_str!("tests/ocsf.txt"), 2);
    fn walk(object: &Map<String, Value>, class: &str, table: &BTreeMap<String, (&str, bool)>) {
        let own =
            |at: &str| at.strip_prefix(class).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
        for name in table.iter().filter(|(_, (_, required))| *required).filter_map(|(at, _)| own(at)) {
            assert!(object.contains_key(&name), "{class} has no {name}");
        }
        for (name, value) in object {
            let at = format!("{class}.{name}");
            let (ty, _) = table.get(&at).unwrap_or_else(|| panic!("no attribute {at}"));
            for value in values(value, ty, &at) {
                match ty.trim_end_matches("[]") {
                    "object" => assert!(value.is_object(), "{at}"),
                    "string" => assert!(value.is_string(), "{at}: {value}"),
                    "integer" | "long" => assert!(value.is_i64() || value.is_u64(), "{at}: {value}"),
                    "boolean" => assert!(value.is_boolean(), "{at}: {value}"),
                    class => walk(value.as_object().unwrap_or_else(|| panic!("{at}: {value}")), class, table),
                }
            }
        }
    }
    let findings: Vec<Value> = records().iter().map(|record| translated(JsonSchema::Ocsf, record)).collect();
    for finding in &findings {
        walk(finding.as_object().unwrap(), "detection_finding", &table);
        assert_eq!(finding["type_uid"], 200_401);
        assert_eq!((&finding["severity_id"], &finding["severity"]), (&json!(3), &json!("Medium")));
    }
    let [file, _, container, ..] = &findings[..] else { unreachable!() };
    assert_eq!(file["time"], 1_767_323_045_000_i64);
    assert_eq!(file["evidences"][0]["file"]["path"], "/etc/shadow");
    assert_eq!(file["evidences"][0]["actor"]["process"]["parent_process"]["name"], "sh");
    assert!(file["evidences"][0].get("container").is_none());
    assert_eq!(container["evidences"][0]["dst_endpoint"], json!({ "ip": "10.0.0.2", "port": 80 }));
    assert_eq!(container["evidences"][0]["container"]["image"]["name"], "nginx");
    assert_eq!(file["finding_info"]["attacks"].as_array().unwrap().len(), 3);
}
