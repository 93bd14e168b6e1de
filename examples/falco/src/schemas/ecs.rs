//! Elastic Common Schema.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::attack;
use super::object::{directory_of, name_of, put, put_some};
use super::record::Record;

/// The version of the schema.
const VERSION: &str = "8.17.0";

/// Text fields of alerts, and their names in the schema.
const TEXTS: [(&str, &str); 25] = [
    ("proc.name", "process.name"),
    ("proc.exepath", "process.executable"),
    ("proc.cmdline", "process.command_line"),
    ("proc.cwd", "process.working_directory"),
    ("proc.pname", "process.parent.name"),
    ("proc.pexepath", "process.parent.executable"),
    ("proc.pcmdline", "process.parent.command_line"),
    ("proc.sname", "process.session_leader.name"),
    ("proc.sid.exepath", "process.session_leader.executable"),
    ("proc.vpgid.name", "process.group_leader.name"),
    ("user.name", "user.name"),
    ("user.uid", "user.id"),
    ("group.name", "group.name"),
    ("group.gid", "group.id"),
    ("user.loginname", "process.session_leader.user.name"),
    ("fd.l4proto", "network.transport"),
    ("container.id", "container.id"),
    ("container.name", "container.name"),
    ("container.type", "container.runtime"),
    ("container.image.repository", "container.image.name"),
    ("k8s.ns.name", "orchestrator.namespace"),
    ("k8s.pod.name", "orchestrator.resource.name"),
    ("k8s.pod.uid", "orchestrator.resource.id"),
    ("evt.type", "event.action"),
    ("evt.hostname", "host.name"),
];

/// The same for numbers.
const NUMBERS: [(&str, &str); 5] = [
    ("proc.pid", "process.pid"),
    ("proc.ppid", "process.parent.pid"),
    ("proc.sid", "process.session_leader.pid"),
    ("proc.pgid", "process.group_leader.pid"),
    ("thread.tid", "process.thread.id"),
];

/// Converts a record to a document of the schema. Data without a place in the schema goes to `falco`.
pub fn document(record: &Record) -> Value {
    let mut doc = Map::new();
    put(&mut doc, "@timestamp", record.time.to_string());
    put(&mut doc, "ecs.version", VERSION);
    put(&mut doc, "message", record.message());
    put(&mut doc, "tags", record.tags.clone());
    put(&mut doc, "log.level", record.priority.to_lowercase());
    put(&mut doc, "rule.name", record.rule.as_str());
    put(&mut doc, "event.kind", "alert");
    put(&mut doc, "event.module", "falco");
    put(&mut doc, "event.provider", record.source.as_str());
    put(&mut doc, "event.dataset", "falco.alerts");
    put(&mut doc, "event.original", record.output.as_str());
    if !record.hostname.is_empty() {
        put(&mut doc, "host.hostname", record.hostname.as_str());
        put(&mut doc, "host.name", record.hostname.as_str());
        put(&mut doc, "related.hosts", [record.hostname.as_str()].as_slice());
    }
    // The host is not a container.
    let is_of_host = record.text("container.id").is_some_and(|id| id == "host");
    for (field, path) in
        TEXTS.into_iter().filter(|(field, _)| !is_of_host || !field.starts_with("container."))
    {
        put_some(&mut doc, path, record.text(field));
    }
    for (field, path) in NUMBERS {
        put_some(&mut doc, path, record.number(field));
    }
    if let Some(user) = record.text("user.name") {
        put(&mut doc, "related.user", [user].as_slice());
    }
    if !is_of_host {
        put_some(&mut doc, "container.image.tag", record.text("container.image.tag").map(|tag| json!([tag])));
        let digest = record.text("container.image.digest");
        put_some(&mut doc, "container.image.hash.all", digest.map(|digest| json!([digest])));
    }
    if record.text("k8s.pod.name").is_some() {
        put(&mut doc, "orchestrator.type", "kubernetes");
        put(&mut doc, "orchestrator.resource.type", "pod");
    }
    let category = subject(&mut doc, record);
    put(&mut doc, "event.category", [category].as_slice());
    put(&mut doc, "event.type", ["info"].as_slice());
    put_some(&mut doc, "event.outcome", outcome(record));
    threat(&mut doc, &record.tags);
    put(&mut doc, "falco.priority", record.priority.as_str());
    put(&mut doc, "falco.output_fields", record.fields.clone());
    Value::Object(doc)
}

/// Adds the file or the connection of the event. Returns the category of the event.
fn subject(doc: &mut Map<String, Value>, record: &Record) -> &'static str {
    if let Some(connection) = record.connection() {
        let mut related = Vec::new();
        for (side, end) in [("source", connection.client), ("destination", connection.server)] {
            let Some((ip, port)) = end else { continue };
            put(doc, &format!("{side}.ip"), ip.to_string());
            put(doc, &format!("{side}.address"), ip.to_string());
            put(doc, &format!("{side}.port"), port);
            put(doc, "network.type", if matches!(ip, IpAddr::V4(_)) { "ipv4" } else { "ipv6" });
            related.push(ip.to_string());
        }
        put(doc, "related.ip", related);
        return "network";
    }
    if let Some(path) = record.path() {
        put(doc, "file.path", path.as_str());
        put(doc, "file.name", name_of(&path));
        put_some(doc, "file.directory", directory_of(&path));
        return "file";
    }
    "process"
}

/// Outcome from `evt.res`.
fn outcome(record: &Record) -> Option<&'static str> {
    let result = record.text("evt.res")?;
    Some(if result == "SUCCESS" { "success" } else { "failure" })
}

fn threat(doc: &mut Map<String, Value>, tags: &[String]) {
    let (tactics, techniques) = (attack::tactics(tags), attack::techniques(tags));
    if tactics.is_empty() && techniques.is_empty() {
        return;
    }
    put(doc, "threat.framework", "MITRE ATT&CK");
    if !tactics.is_empty() {
        let (ids, names): (Vec<_>, Vec<_>) = tactics.into_iter().unzip();
        put(doc, "threat.tactic.id", ids);
        put(doc, "threat.tactic.name", names);
    }
    let (subs, whole): (Vec<&str>, Vec<&str>) = techniques.into_iter().partition(|id| id.contains('.'));
    if !whole.is_empty() {
        put(doc, "threat.technique.id", whole);
    }
    if !subs.is_empty() {
        put(doc, "threat.technique.subtechnique.id", subs);
    }
}
