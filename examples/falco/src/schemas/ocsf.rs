//! Detection Findings (class 2004) of the Open Cybersecurity Schema Framework.

use serde_json::{Map, Value, json};

use super::attack;
use super::object::{directory_of, name_of, put, put_some};
use super::record::Record;

/// The version of the schema.
const VERSION: &str = "1.6.0";
/// The category of findings, the class of detection findings, and the activity of creating one.
const CATEGORY: u32 = 2;
const CLASS: u32 = 2004;
const CREATE: u32 = 1;
/// The schema's numbers for types of files, devices and endpoints.
const REGULAR_FILE: u32 = 1;
const OTHER: u32 = 99;
const UNKNOWN: u32 = 0;

/// Severities of the schema, by syslog number of the priority.
const SEVERITIES: [(u32, &str); 8] = [
    (6, "Fatal"),
    (5, "Critical"),
    (5, "Critical"),
    (4, "High"),
    (3, "Medium"),
    (2, "Low"),
    (1, "Informational"),
    (1, "Informational"),
];

/// Converts a record to a finding. Data without a place in the schema goes to `unmapped`.
pub fn finding(record: &Record, severity: u8) -> Value {
    let (severity_id, severity) =
        SEVERITIES.get(usize::from(severity)).copied().unwrap_or((UNKNOWN, "Unknown"));
    let time = record.time.as_millisecond();
    // The same alert, ingested twice, has the same id.
    let uid = format!("{}-{}", record.time.as_nanosecond(), record.rule.replace(' ', "_"));
    let product = json!({
        "name": "eyas falco",
        "vendor_name": "eyas",
        "version": env!("CARGO_PKG_VERSION"),
    });
    let mut info = Map::new();
    put(&mut info, "uid", uid.as_str());
    put(&mut info, "title", record.rule.as_str());
    put(&mut info, "desc", record.message());
    put(&mut info, "created_time", time);
    put(&mut info, "first_seen_time", time);
    put(&mut info, "last_seen_time", time);
    put(&mut info, "data_sources", [record.source.as_str()].as_slice());
    put(&mut info, "analytic", json!({ "name": record.rule, "type_id": 1, "type": "Rule" }));
    let attacks = attacks(&record.tags);
    if !attacks.is_empty() {
        put(&mut info, "attacks", attacks);
    }
    let mut device = Map::new();
    put(&mut device, "type_id", UNKNOWN);
    if !record.hostname.is_empty() {
        put(&mut device, "hostname", record.hostname.as_str());
    }
    json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "time": time,
        "message": record.message(),
        "is_alert": true,
        "metadata": {
            "version": VERSION,
            "product": product,
            "profiles": ["host"],
            "log_name": "falco",
            "log_provider": record.source,
            "labels": record.tags,
        },
        "device": device,
        "finding_info": info,
        "evidences": [evidence(record)],
        "unmapped": { "priority": record.priority, "output_fields": record.fields },
    })
}

fn attacks(tags: &[String]) -> Vec<Value> {
    let tactics = attack::tactics(tags).into_iter();
    let mut attacks: Vec<Value> =
        tactics.map(|(uid, name)| json!({ "tactic": { "uid": uid, "name": name } })).collect();
    for id in attack::techniques(tags) {
        attacks.push(match id.split_once('.') {
            None => json!({ "technique": { "uid": id } }),
            Some((whole, _)) => json!({ "technique": { "uid": whole }, "sub_technique": { "uid": id } }),
        });
    }
    attacks
}

fn evidence(record: &Record) -> Value {
    let mut evidence = Map::new();
    let process = process(record, "proc.pid", "proc.name", "proc.exepath", "proc.cmdline");
    if let Some(mut process) = process {
        let parent = self::process(record, "proc.ppid", "proc.pname", "proc.pexepath", "proc.pcmdline");
        put_some(&mut process, "parent_process", parent);
        put_some(&mut process, "tid", record.number("thread.tid"));
        put_some(&mut process, "working_directory", record.text("proc.cwd"));
        put_some(&mut process, "user", user(record));
        put_some(&mut evidence, "actor.user", user(record));
        put(&mut evidence, "actor.process", process.clone());
        put(&mut evidence, "process", process);
    }
    put_some(&mut evidence, "user", user(record));
    if let Some(connection) = record.connection() {
        for (side, end) in [("src_endpoint", connection.client), ("dst_endpoint", connection.server)] {
            if let Some((ip, port)) = end {
                put(&mut evidence, side, json!({ "ip": ip, "port": port }));
            }
        }
        let mut info = Map::new();
        put(&mut info, "direction_id", UNKNOWN);
        put_some(&mut info, "protocol_name", record.text("fd.l4proto"));
        put(&mut evidence, "connection_info", info);
    } else if let Some(path) = record.path() {
        put(&mut evidence, "file", file(&path, OTHER));
    }
    if record.text("container.id").is_some_and(|id| id != "host") {
        put_some(&mut evidence, "container.uid", record.text("container.id"));
        put_some(&mut evidence, "container.name", record.text("container.name"));
        put_some(&mut evidence, "container.runtime", record.text("container.type"));
        put_some(&mut evidence, "container.image.name", record.text("container.image.repository"));
        put_some(&mut evidence, "container.image.tag", record.text("container.image.tag"));
        put_some(&mut evidence, "container.image.uid", record.text("container.image.id"));
        put_some(&mut evidence, "container.pod_uuid", record.text("k8s.pod.uid"));
    }
    Value::Object(evidence)
}

fn process(record: &Record, pid: &str, name: &str, path: &str, command: &str) -> Option<Map<String, Value>> {
    let mut process = Map::new();
    put_some(&mut process, "pid", record.number(pid));
    put_some(&mut process, "name", record.text(name));
    put_some(&mut process, "cmd_line", record.text(command));
    put_some(&mut process, "file", record.text(path).map(|path| file(&path, REGULAR_FILE)));
    (!process.is_empty()).then_some(process)
}

fn user(record: &Record) -> Option<Map<String, Value>> {
    let mut user = Map::new();
    put_some(&mut user, "name", record.text("user.name"));
    put_some(&mut user, "uid", record.text("user.uid"));
    (!user.is_empty()).then_some(user)
}

fn file(path: &str, type_id: u32) -> Map<String, Value> {
    let mut file = Map::new();
    put(&mut file, "name", name_of(path));
    put(&mut file, "path", path);
    put(&mut file, "type_id", type_id);
    put_some(&mut file, "parent_folder", directory_of(path));
    file
}
