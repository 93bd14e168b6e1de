//! `container.*`: the container of the event's process, and what its runtime says of it.

use std::net::IpAddr;

use eyas_fields::{Field, Value};
use serde_json::Value as Json;

use super::{fields, key};
use crate::state::{Kind, kind_of_cgroups};
use crate::view::EventView;

fields! {
    "container.id": STR Process Na (SUGGESTED); "First 12 characters of the container id found in the cgroups; the word host outside containers."
        => |v, _| Some(Value::Str(id(v)?)),
    "container.full_id": STR Process Na; "Full container id, known after engine lookup."
        => |v, _| text(v, "full_id"),
    "container.name": STR Process Na (SUGGESTED); "Container name from the engine; host outside containers."
        => |v, _| named(v, "name"),
    "container.image": STR Process Na; "Image reference as the engine gives it."
        => |v, _| image(v, "image"),
    "container.image.id": STR Process Na; "Short image id."
        => |v, _| image(v, "imageid"),
    "container.type": STR Process Na; "Engine kind, e.g. docker, containerd, cri-o, podman."
        => |v, _| kind(v),
    "container.privileged": BOOL Process Na; "True for privileged containers."
        => |v, _| bool(v, "privileged"),
    "container.mounts": STR Process Na; "All mounts rendered source:dest:mode:rdrw:propagation (code joins with commas)."
        => |v, _| mounts(v),
    "container.mount" [Key]: STR Process Na; "One mount as text, selected by index or by path (globs allowed)."
        => |v, f| mount(v, f, ""),
    "container.mount.source" [Key]: STR Process Na; "Source of one mount (key = destination), selected by index or by path (globs allowed)."
        => |v, f| mount(v, f, "Source"),
    "container.mount.dest" [Key]: STR Process Na; "Destination of one mount (key = source), selected by index or by path (globs allowed)."
        => |v, f| mount(v, f, "Destination"),
    "container.mount.mode" [Key]: STR Process Na; "Mode of one mount, selected by index or by path (globs allowed)."
        => |v, f| mount(v, f, "Mode"),
    "container.mount.rdwr" [Key]: STR Process Na; "true/false text for one mount, selected by index or by path (globs allowed)."
        => |v, f| mount(v, f, "RW"),
    "container.mount.propagation" [Key]: STR Process Na; "Propagation of one mount, selected by index or by path (globs allowed)."
        => |v, f| mount(v, f, "Propagation"),
    "container.image.repository": STR Process Na (SUGGESTED); "Image repository without tag or digest."
        => |v, _| image(v, "imagerepo"),
    "container.image.tag": STR Process Na (SUGGESTED); "Image tag."
        => |v, _| image(v, "imagetag"),
    "container.image.digest": STR Process Na; "Registry digest of the image."
        => |v, _| image(v, "imagedigest"),
    "container.healthcheck": STR Process Na (DEPRECATED); "Deprecated, extracts nothing."
        => |v, _| probe(v, "Healthcheck"),
    "container.liveness_probe": STR Process Na (DEPRECATED); "Deprecated, extracts nothing."
        => |v, _| probe(v, "LivenessProbe"),
    "container.readiness_probe": STR Process Na (DEPRECATED); "Deprecated, extracts nothing."
        => |v, _| probe(v, "ReadinessProbe"),
    "container.start_ts": ABSTIME Process Na; "Container start derived from the pid namespace start time."
        => |v, _| created(v).map(Value::Uint),
    "container.duration": RELTIME Event Na; "Event time minus container.start_ts."
        => |v, _| Some(Value::Uint(v.event().ts.checked_sub(created(v)?)?)),
    "container.ip": STR Process Na; "Primary IPv4 address reported by the engine."
        => |v, _| text(v, "ip"),
    "container.cni.json": STR Process Na; "CNI result as escaped JSON text (CRI only)."
        => |v, _| text(v, "cni_json"),
    "container.host_pid": BOOL Process Na; "Shares the host pid namespace."
        => |v, _| bool(v, "host_pid"),
    "container.host_network": BOOL Process Na; "Shares the host network namespace."
        => |v, _| bool(v, "host_network"),
    "container.host_ipc": BOOL Process Na; "Shares the host IPC namespace."
        => |v, _| bool(v, "host_ipc"),
    "container.label" [Key]: STR Process Na; "One label value by name."
        => |v, f| label(v, "labels", key(f)?),
    "container.labels": STR Process Na; "Labels as key:value list, internal ones excluded."
        => |v, _| labels(v, "labels"),
    "proc.is_container_healthcheck": BOOL Process Na (DEPRECATED); "Deprecated probe marker."
        => |v, _| v.thread().map(|_| Value::Bool(false)),
    "proc.is_container_liveness_probe": BOOL Process Na (DEPRECATED); "Deprecated probe marker."
        => |v, _| v.thread().map(|_| Value::Bool(false)),
    "proc.is_container_readiness_probe": BOOL Process Na (DEPRECATED); "Deprecated probe marker."
        => |v, _| v.thread().map(|_| Value::Bool(false)),
}

/// What stands for the id and the name of no container.
const HOST: &[u8] = b"host";

pub(super) fn id<'v>(v: &'v EventView<'v>) -> Option<&'v [u8]> {
    Some(v.thread()?.container.as_deref().unwrap_or(HOST))
}

/// Metadata of the process's container; `None` on the host and before it is known.
fn meta<'v>(v: &'v EventView<'v>, name: &str) -> Option<&'v Json> {
    let id = v.thread()?.container.as_deref()?;
    v.state().containers.get(id)?.json.get(name)
}

/// Whether the address is here: of the machine, or of the process's container. Of a container whose address is not
/// known, any container's counts; IPv6 addresses of containers nobody tells.
pub(super) fn is_local(v: &EventView<'_>, ip: IpAddr) -> bool {
    let containers = &v.state().containers;
    match v.thread().and_then(|t| t.container.as_deref()) {
        None => v.state().is_local(ip),
        Some(_) if ip.is_ipv6() => false,
        Some(id) => match containers.get(id).and_then(|container| container.address) {
            Some(own) => own == ip || v.state().is_local(ip),
            None => containers.have_address(ip),
        },
    }
}

fn is_host(v: &EventView<'_>) -> bool {
    v.thread().is_some_and(|t| t.container.is_none())
}

pub(super) fn text<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    meta(v, name)?.as_str().filter(|text| !text.is_empty()).map(Value::from)
}

/// A text that is `host` where there is no container.
fn named<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    if is_host(v) { Some(Value::Str(HOST)) } else { text(v, name) }
}

/// A text that is empty where there is no container.
fn image<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    if is_host(v) { Some(Value::Str(b"")) } else { text(v, name) }
}

fn bool<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    meta(v, name)?.as_bool().map(Value::Bool)
}

/// When it started, ns since the epoch: its pid namespace did, else what the runtime says, in seconds.
/// `None` on the host and where nothing but the id is known.
fn created(v: &EventView<'_>) -> Option<u64> {
    let created = meta(v, "created_time");
    let known = created.is_some() || meta(v, "name").is_some();
    match v.thread()?.pidns_start {
        start if start != 0 && known => Some(start),
        _ => created?.as_u64()?.checked_mul(1_000_000_000),
    }
}

fn kind<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    if is_host(v) {
        return Some(Value::Str(HOST));
    }
    let kind = match meta(v, "type").and_then(Json::as_u64) {
        Some(number) => Kind::of_number(number),
        None => kind_of_cgroups(&v.thread()?.cgroups),
    };
    kind.map(|kind| Value::from(kind.name()))
}

pub(super) fn label<'v>(v: &'v EventView<'v>, of: &str, name: &str) -> Option<Value<'v>> {
    meta(v, of)?.get(name)?.as_str().map(Value::from)
}

/// `key:value`, comma-separated.
pub(super) fn labels<'v>(v: &'v EventView<'v>, of: &str) -> Option<Value<'v>> {
    let mut out = crate::render::Text::new(v.bump());
    for (name, value) in meta(v, of)?.as_object()? {
        if !out.is_empty() {
            out.push(b", ");
        }
        out.print(format_args!("{name}:{}", value.as_str().unwrap_or_default()));
    }
    (!out.is_empty()).then(|| Value::Str(out.finish()))
}

/// A member of a mount as text.
fn member(mount: &Json, name: &str) -> String {
    match mount.get(name) {
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn whole(mount: &Json) -> String {
    ["Source", "Destination", "Mode", "RW", "Propagation"].map(|name| member(mount, name)).join(":")
}

fn mounts<'v>(v: &'v EventView<'v>) -> Option<Value<'v>> {
    let all: Vec<String> = meta(v, "Mounts")?.as_array()?.iter().map(whole).collect();
    (!all.is_empty()).then(|| Value::Str(v.bump().alloc_slice_copy(all.join(",").as_bytes())))
}

/// One mount, by number, source or destination; all of it or one member.
fn mount<'v>(v: &'v EventView<'v>, field: &Field, name: &str) -> Option<Value<'v>> {
    let wanted = key(field)?;
    let list = meta(v, "Mounts")?.as_array()?;
    let found = match wanted.parse::<usize>() {
        Ok(index) => list.get(index),
        Err(_) => list.iter().find(|m| ["Source", "Destination"].iter().any(|n| member(m, n) == wanted)),
    }?;
    let text = if name.is_empty() { whole(found) } else { member(found, name) };
    Some(Value::Str(v.bump().alloc_slice_copy(text.as_bytes())))
}

/// Command line of a health probe.
fn probe<'v>(v: &'v EventView<'v>, name: &str) -> Option<Value<'v>> {
    let probe = meta(v, name)?;
    let mut line = member(probe, "exe");
    for arg in probe.get("args").and_then(Json::as_array).into_iter().flatten() {
        line.push(' ');
        line.push_str(arg.as_str().unwrap_or_default());
    }
    Some(Value::Str(v.bump().alloc_slice_copy(line.as_bytes())))
}
