//! `container.*`: the container of the event's process, and its metadata from the runtime.

use eyas_fields::Value;
use serde_json::Value as Json;

use super::metadata::{About, about, label, labels_of, member, text};
use super::row::{fields, key, none};
use crate::state::{Kind, kind_of_cgroups};
use crate::view::EventView;

mod mount;

use mount::Member;

fields! {
    "container.id": STR Process Na (SUGGESTED); "First 12 characters of the container id found in the cgroups; the word host outside containers."
        => |v, _| id(v).map(Value::Str),
    "container.full_id": STR Process Na; "Full container id; known once the runtime has replied."
        => |v, _| named(v, "full_id"),
    "container.name": STR Process Na (SUGGESTED); "Name of the container; host outside containers."
        => |v, _| named(v, "name"),
    "container.image": STR Process Na; "Image of the container, as its runtime reports it."
        => |v, _| text(v, "image"),
    "container.image.id": STR Process Na; "Short id of the image."
        => |v, _| text(v, "imageid"),
    "container.type": STR Process Na; "Container runtime, such as docker, containerd, cri-o or podman; host outside containers."
        => |v, _| kind(v),
    "container.privileged": BOOL Process Na; "Whether the container is privileged."
        => |v, _| bool(v, "privileged"),
    "container.mounts": STR Process Na; "All mounts as source:destination:mode:rw:propagation, comma-separated."
        => |v, _| mount::all(v),
    "container.mount" [Key]: STR Process Na; "One mount as text, selected by number or by source (a glob)."
        => |v, f| mount::one(v, f, Member::All),
    "container.mount.source" [Key]: STR Process Na; "Source of one mount, selected by number or by destination (a glob)."
        => |v, f| mount::one(v, f, Member::Source),
    "container.mount.dest" [Key]: STR Process Na; "Destination of one mount, selected by number or by source (a glob)."
        => |v, f| mount::one(v, f, Member::Destination),
    "container.mount.mode" [Key]: STR Process Na; "Mode of one mount, selected by number or by source (a glob)."
        => |v, f| mount::one(v, f, Member::Mode),
    "container.mount.rdwr" [Key]: STR Process Na; "Whether one mount is writable, as the text true or false; selected by number or by source (a glob)."
        => |v, f| mount::one(v, f, Member::Rw),
    "container.mount.propagation" [Key]: STR Process Na; "Propagation of one mount, selected by number or by source (a glob)."
        => |v, f| mount::one(v, f, Member::Propagation),
    "container.image.repository": STR Process Na (SUGGESTED); "Repository of the image, without tag and digest."
        => |v, _| text(v, "imagerepo"),
    "container.image.tag": STR Process Na (SUGGESTED); "Tag of the image."
        => |v, _| text(v, "imagetag"),
    "container.image.digest": STR Process Na; "Digest of the image in its registry."
        => |v, _| text(v, "imagedigest"),
    "container.healthcheck": STR Process Na (DEPRECATED); "Command of the container's health check."
        => |v, _| probe(v, "Healthcheck"),
    "container.liveness_probe": STR Process Na (DEPRECATED); "Command of the container's liveness probe."
        => |v, _| probe(v, "LivenessProbe"),
    "container.readiness_probe": STR Process Na (DEPRECATED); "Command of the container's readiness probe."
        => |v, _| probe(v, "ReadinessProbe"),
    "container.start_ts": ABSTIME Process Na; "Start time of the container: of its pid namespace, or else as its runtime reports it."
        => |v, _| created(v).map(Value::Uint),
    "container.duration": RELTIME Event Na; "Nanoseconds since container.start_ts."
        => |v, _| Some(Value::Uint(v.event().ts.checked_sub(created(v)?)?)),
    "container.ip": STR Process Na; "First IPv4 address of the container, as its runtime reports it."
        => |v, _| text(v, "ip"),
    "container.cni.json": STR Process Na; "Result of the network plugin (CNI) as escaped JSON; only for CRI runtimes."
        => |v, _| text(v, "cni_json"),
    "container.host_pid": BOOL Process Na; "Whether the container shares the host's pid namespace."
        => |v, _| bool(v, "host_pid"),
    "container.host_network": BOOL Process Na; "Whether the container shares the host's network namespace."
        => |v, _| bool(v, "host_network"),
    "container.host_ipc": BOOL Process Na; "Whether the container shares the host's IPC namespace."
        => |v, _| bool(v, "host_ipc"),
    "container.label" [Key]: STR Process Na; "Value of the label with this name."
        => |v, f| label(v, key(f)?),
    "container.labels": STR Process Na; "Labels as name:value, comma-separated, without the internal labels of Kubernetes."
        => |v, _| labels(v),
    "proc.is_container_healthcheck": BOOL Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value."
        => none,
    "proc.is_container_liveness_probe": BOOL Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value."
        => none,
    "proc.is_container_readiness_probe": BOOL Process Na (DEPRECATED | WITHOUT_VALUE); "Deprecated: never has a value."
        => none,
}

/// Id and name outside containers.
const HOST: &[u8] = b"host";

fn id<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    Some(match about(v)? {
        About::Host => HOST,
        About::Known(json) => json.get("id").and_then(Json::as_str).unwrap_or_default().as_bytes(),
        About::Unknown(id) => id,
    })
}

/// A text; `host` outside containers.
fn named<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match about(v)? {
        About::Host => Some(Value::Str(HOST)),
        _ => text(v, name),
    }
}

fn bool<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    match about(v)? {
        About::Host => Some(Value::Bool(false)),
        About::Known(json) => Some(Value::Bool(json.get(name).and_then(Json::as_bool).unwrap_or(false))),
        About::Unknown(_) => None,
    }
}

/// Start time, ns since the epoch: the start of its pid namespace, if it has one, otherwise the runtime's
/// time, which is in seconds.
fn created(v: &EventView<'_>) -> Option<u64> {
    let thread = v.thread().filter(|t| t.container.is_some() && t.in_pid_namespace() && t.pidns_start != 0);
    match (thread, about(v)?) {
        (Some(thread), _) => Some(thread.pidns_start),
        (None, About::Known(json)) => json.get("created_time")?.as_u64()?.checked_mul(1_000_000_000),
        (None, _) => None,
    }
}

fn kind<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    let of_cgroups = || kind_of_cgroups(&v.thread()?.cgroups, &v.state().layouts);
    let kind = match about(v)? {
        About::Host => return Some(Value::Str(HOST)),
        About::Known(json) => {
            let known = Kind::of_number(json.get("type")?.as_u64()?);
            match known {
                // Podman can listen on Docker's socket; the name of the cgroup shows the runtime that made
                // the container.
                Some(Kind::Docker | Kind::Podman) => {
                    let named = of_cgroups().filter(|kind| matches!(kind, Kind::Docker | Kind::Podman));
                    named.or(known)
                }
                other => other,
            }
        }
        About::Unknown(_) => of_cgroups(),
    };
    kind.map(|kind| Value::from(kind.name()))
}

fn labels<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    match about(v)? {
        About::Host => Some(Value::Str(b"")),
        About::Known(json) => Some(labels_of(v, json, "labels")),
        About::Unknown(_) => None,
    }
}

/// Command line of a health probe.
fn probe<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    let About::Known(json) = about(v)? else { return None };
    let probe = json.get(name)?;
    let mut line = member(probe, "exe").to_owned();
    for arg in probe.get("args").and_then(Json::as_array).into_iter().flatten() {
        line.push(' ');
        line.push_str(arg.as_str().unwrap_or_default());
    }
    Some(Value::Str(v.bump().alloc_slice_copy(line.as_bytes())))
}
