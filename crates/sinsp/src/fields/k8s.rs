//! `k8s.*`: metadata of the pod from the container runtime.

use eyas_fields::Value;
use serde_json::Value as Json;

use super::metadata::{About, about, label, label_of, labels_of, member, text};
use super::row::{fields, key, none};
use crate::state::SHORT_ID;
use crate::view::EventView;

fields! {
    "k8s.pod.name": STR Process Na (SUGGESTED); "Name of the pod, from the container runtime."
        => |v, _| label(v, "io.kubernetes.pod.name"),
    "k8s.ns.name": STR Process Na (SUGGESTED); "Name of the pod's namespace, from the container runtime."
        => |v, _| label(v, "io.kubernetes.pod.namespace"),
    "k8s.pod.id": STR Process Na; "The same as k8s.pod.uid."
        => |v, _| label(v, "io.kubernetes.pod.uid"),
    "k8s.pod.uid": STR Process Na; "UID of the pod."
        => |v, _| label(v, "io.kubernetes.pod.uid"),
    "k8s.pod.sandbox_id": STR Process Na; "First 12 characters of the id of the pod's sandbox container."
        => |v, _| short(v, "pod_sandbox_id"),
    "k8s.pod.full_sandbox_id": STR Process Na; "Full id of the pod's sandbox container."
        => |v, _| text(v, "pod_sandbox_id"),
    "k8s.pod.label" [Key]: STR Process Na; "Value of the pod's label with this name, in brackets or after a dot."
        => |v, f| pod_label(v, key(f)?),
    "k8s.pod.labels": STR Process Na; "Labels of the pod as name:value, comma-separated."
        => |v, _| pod_labels(v),
    "k8s.pod.ip": STR Process Na; "IPv4 address of the pod, from the container or from the pod's sandbox container."
        => |v, _| of_pod(v, "ip"),
    "k8s.pod.cni.json": STR Process Na; "container.cni.json of the container, or of the pod's sandbox container."
        => |v, _| of_pod(v, "cni_json"),
    "k8s.rc.name": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rc.id": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rc.label" [Key]: STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rc.labels": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.svc.name": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.svc.id": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.svc.label" [Key]: STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.svc.labels": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.ns.id": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.ns.label" [Key]: STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.ns.labels": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rs.name": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rs.id": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rs.label" [Key]: STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.rs.labels": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.deployment.name": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.deployment.id": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.deployment.label" [Key]: STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
    "k8s.deployment.labels": STR Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value. Falco's plugin k8smeta replaces it."
        => none,
}

fn short<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match text(v, name)? {
        Value::Str(id) => Some(Value::Str(&id[..id.len().min(SHORT_ID)])),
        other => Some(other),
    }
}

/// Metadata of the pod's sandbox container, for a container that lacks metadata of the pod.
fn sandbox<'v>(v: &'v EventView<'v>, json: &Json) -> Option<&'v Json> {
    if !member(json, "cni_json").is_empty() {
        return None;
    }
    let id = member(json, "pod_sandbox_id").as_bytes();
    Some(&v.state().containers.get(&id[..id.len().min(SHORT_ID)])?.json)
}

fn of_pod<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match about(v)? {
        About::Known(json) if !member(json, "cni_json").is_empty() => Some(Value::from(member(json, name))),
        // The container is in no pod.
        About::Known(json) if member(json, "pod_sandbox_id").is_empty() => Some(Value::Str(b"")),
        About::Known(json) => sandbox(v, json).map(|pod| Value::from(member(pod, name))),
        _ => text(v, name),
    }
}

fn pod_label<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    const OF: &str = "pod_sandbox_labels";
    let About::Known(json) = about(v)? else { return None };
    sandbox(v, json).and_then(|pod| label_of(pod, OF, name)).or_else(|| label_of(json, OF, name))
}

fn pod_labels<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    match about(v)? {
        About::Host => Some(Value::Str(b"")),
        About::Known(json) => Some(labels_of(v, sandbox(v, json).unwrap_or(json), "pod_sandbox_labels")),
        About::Unknown(_) => None,
    }
}
