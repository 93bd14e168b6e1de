//! The messages, with names and numbers from the files in `proto`.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;
use serde_json::Value;

use crate::output::Alert;
use crate::schemas::Record;
use crate::versions;

/// `google.protobuf.Timestamp`
#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// `falco.outputs.response`: an alert.
#[derive(Clone, PartialEq, Message)]
struct Output {
    #[prost(message, optional, tag = "1")]
    time: Option<Timestamp>,
    /// `falco.schema.priority`, with the numbers of syslog.
    #[prost(int32, tag = "2")]
    priority: i32,
    #[prost(enumeration = "Source", tag = "3")]
    source_deprecated: i32,
    #[prost(string, tag = "4")]
    rule: String,
    #[prost(string, tag = "5")]
    output: String,
    #[prost(btree_map = "string, string", tag = "6")]
    output_fields: BTreeMap<String, String>,
    #[prost(string, tag = "7")]
    hostname: String,
    #[prost(string, repeated, tag = "8")]
    tags: Vec<String>,
    #[prost(string, tag = "9")]
    source: String,
}

/// `falco.schema.source`
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum Source {
    Syscall = 0,
    K8sAudit = 1,
    Internal = 2,
    Plugin = 3,
}

/// `falco.version.response`
#[derive(Clone, PartialEq, Message)]
struct Version {
    #[prost(string, tag = "1")]
    version: String,
    #[prost(uint32, tag = "2")]
    major: u32,
    #[prost(uint32, tag = "3")]
    minor: u32,
    #[prost(uint32, tag = "4")]
    patch: u32,
    #[prost(string, tag = "5")]
    prerelease: String,
    #[prost(string, tag = "6")]
    build: String,
    #[prost(uint32, tag = "7")]
    engine_minor: u32,
    #[prost(string, tag = "8")]
    engine_fields_checksum: String,
    #[prost(uint32, tag = "9")]
    engine_major: u32,
    #[prost(uint32, tag = "10")]
    engine_patch: u32,
    #[prost(string, tag = "11")]
    engine_version: String,
}

/// The message of an alert, encoded; `None` if it has no record.
pub fn alert(alert: &Alert) -> Option<Bytes> {
    let record = Record::parse(alert.record.as_deref()?)?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let source = match record.source.as_str() {
        "syscall" => Source::Syscall,
        "k8s_audit" => Source::K8sAudit,
        "internal" => Source::Internal,
        _ => Source::Plugin,
    };
    let ns = record.time.as_nanosecond();
    let output = Output {
        time: Some(Timestamp {
            seconds: ns.div_euclid(1_000_000_000) as i64,
            nanos: ns.rem_euclid(1_000_000_000) as i32,
        }),
        priority: i32::from(alert.severity),
        source_deprecated: source.into(),
        rule: record.rule,
        output: String::from_utf8_lossy(&alert.text).into_owned(),
        output_fields: record.fields.into_iter().map(|(name, value)| (name, text(value))).collect(),
        hostname: record.hostname,
        tags: record.tags,
        source: record.source,
    };
    Some(output.encode_to_vec().into())
}

/// The message of this program's versions, encoded.
pub fn version() -> Bytes {
    let [major, minor, patch] = numbers(versions::FALCO);
    let [engine_major, engine_minor, engine_patch] = numbers(versions::ENGINE);
    let (rest, build) = versions::FALCO.split_once('+').unwrap_or((versions::FALCO, ""));
    let version = Version {
        version: versions::FALCO.into(),
        major,
        minor,
        patch,
        prerelease: rest.split_once('-').map_or("", |(_, prerelease)| prerelease).into(),
        build: build.into(),
        engine_minor,
        engine_fields_checksum: versions::ENGINE_CHECKSUM.into(),
        engine_major,
        engine_patch,
        engine_version: versions::ENGINE.into(),
    };
    version.encode_to_vec().into()
}

/// The three numbers that a version begins with.
fn numbers(version: &str) -> [u32; 3] {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = core.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests;
