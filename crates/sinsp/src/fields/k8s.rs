//! `k8s.*`: what the container runtime says of the pod.

use eyas_fields::Value;

use super::container::{label, labels, text};
use super::{fields, key, none};
use crate::view::EventView;

fields! {
    "k8s.pod.name": STR Process Na (SUGGESTED); "Pod name learned from the container runtime."
        => |v, _| label(v, "labels", "io.kubernetes.pod.name"),
    "k8s.ns.name": STR Process Na (SUGGESTED); "Namespace name learned from the container runtime."
        => |v, _| label(v, "labels", "io.kubernetes.pod.namespace"),
    "k8s.pod.id": STR Process Na; "Legacy alias of k8s.pod.uid."
        => |v, _| label(v, "labels", "io.kubernetes.pod.uid"),
    "k8s.pod.uid": STR Process Na; "Pod UID."
        => |v, _| label(v, "labels", "io.kubernetes.pod.uid"),
    "k8s.pod.sandbox_id": STR Process Na; "First 12 characters of the sandbox id."
        => |v, _| short(v, "pod_sandbox_id"),
    "k8s.pod.full_sandbox_id": STR Process Na; "Full sandbox id."
        => |v, _| text(v, "pod_sandbox_id"),
    "k8s.pod.label" [Key]: STR Process Na; "One pod label by name, bracket or dot notation."
        => |v, f| label(v, "pod_sandbox_labels", key(f)?),
    "k8s.pod.labels": STR Process Na; "Pod labels as key:value list."
        => |v, _| labels(v, "pod_sandbox_labels"),
    "k8s.pod.ip": STR Process Na; "Pod IPv4 address, same as container.ip."
        => |v, _| text(v, "ip"),
    "k8s.pod.cni.json": STR Process Na; "Same as container.cni.json."
        => |v, _| text(v, "cni_json"),
    "k8s.rc.name": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rc.id": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rc.label" [Key]: STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rc.labels": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.svc.name": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.svc.id": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.svc.label" [Key]: STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.svc.labels": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.ns.id": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.ns.label" [Key]: STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.ns.labels": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rs.name": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rs.id": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rs.label" [Key]: STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.rs.labels": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.deployment.name": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.deployment.id": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.deployment.label" [Key]: STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
    "k8s.deployment.labels": STR Process Na (DEPRECATED); "Deprecated, superseded by the k8smeta plugin; extracts nothing."
        => none,
}

fn short<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match text(v, name)? {
        Value::Str(id) => Some(Value::Str(&id[..id.len().min(12)])),
        other => Some(other),
    }
}
