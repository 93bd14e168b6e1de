//! The fields of audit events: one row each.

use std::borrow::Cow;

use eyas_fields::{FieldType, Value};
use eyas_sinsp::plugin::{ArgForms, PluginField, Request, Wanted};

use crate::document::Node;
use crate::uri::query_value;

/// A field: its name, its argument, the place of its value, and a description.
pub(crate) struct Row {
    name: &'static str,
    arg: Arg,
    take: Take,
    doc: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Arg {
    None,
    /// An optional position.
    Index,
    /// A mandatory key.
    Key,
}

/// Place and type of the value in the event.
enum Take {
    /// The value at this path.
    Path(&'static [&'static str]),
    /// The items of the array at this path.
    Items(&'static [&'static str]),
    /// For each item of the array at the first path, the value at the second path.
    Each(&'static [&'static str], &'static [&'static str], Absent),
    /// The same, for the first item only.
    First(&'static [&'static str]),
    /// For each rule of a role, the items of the array with this key.
    Rules(&'static str),
    /// The effective user or group of a container: from its own security context, otherwise from the pod's,
    /// otherwise 0.
    Effective(&'static str),
    /// The repository parts of images.
    Repositories,
    /// The same, for the first container only.
    FirstRepository,
    /// Host ports of containers.
    HostPorts,
    /// Whether any container is privileged.
    AnyPrivileged,
    /// Types of the volumes.
    VolumeTypes,
    /// Whether a host path volume has the path of the argument, or this prefix if the argument ends in `*`.
    HasHostPath,
    /// The URI parameter with the name of the argument.
    UriParam,
    /// This text.
    Constant(&'static str),
}

/// Handling of an item of [`Take::Each`] without the value.
#[derive(Clone, Copy, PartialEq)]
enum Absent {
    /// The field has no value.
    Fails,
    /// The item is left out.
    Skipped,
}

use Absent::{Fails, Skipped};
use Take::{
    AnyPrivileged, Constant, Each, Effective, First, FirstRepository, HasHostPath, HostPorts, Items, Path,
    Repositories, Rules, UriParam, VolumeTypes,
};

const CONTAINERS: &[&str] = &["requestObject", "spec", "containers"];
const INIT_CONTAINERS: &[&str] = &["requestObject", "spec", "initContainers"];
const EPHEMERAL_CONTAINERS: &[&str] = &["requestObject", "spec", "ephemeralContainers"];
const PRIVILEGED: &[&str] = &["securityContext", "privileged"];
const VOLUMES: &[&str] = &["requestObject", "spec", "volumes"];
const RULES: &[&str] = &["requestObject", "rules"];
const IMAGE: &[&str] = &["image"];

const fn row(name: &'static str, arg: Arg, take: Take, doc: &'static str) -> Row {
    Row { name, arg, take, doc }
}

/// A value from the security context of each container.
const fn of_containers(
    name: &'static str,
    keys: &'static [&'static str],
    absent: Absent,
    doc: &'static str,
) -> Row {
    row(name, Arg::Index, Each(CONTAINERS, keys, absent), doc)
}

pub(crate) const ROWS: &[Row] = &[
    row("ka.auditid", Arg::None, Path(&["auditID"]), "Id of the audit event."),
    row("ka.stage", Arg::None, Path(&["stage"]), "Stage of the request, such as ResponseComplete."),
    row(
        "ka.auth.decision",
        Arg::None,
        Path(&["annotations", "authorization.k8s.io/decision"]),
        "Decision about the request: allow or forbid.",
    ),
    row(
        "ka.auth.reason",
        Arg::None,
        Path(&["annotations", "authorization.k8s.io/reason"]),
        "Reason of the decision.",
    ),
    row("ka.user.name", Arg::None, Path(&["user", "username"]), "User who sent the request."),
    row("ka.user.groups", Arg::None, Items(&["user", "groups"]), "Groups of the user."),
    row(
        "ka.impuser.name",
        Arg::None,
        Path(&["impersonatedUser", "username"]),
        "User whom the sender impersonates.",
    ),
    row("ka.verb", Arg::None, Path(&["verb"]), "Verb of the request, such as create."),
    row("ka.uri", Arg::None, Path(&["requestURI"]), "URI of the request."),
    row("ka.uri.param", Arg::Key, UriParam, "A query parameter of the URI."),
    row("ka.target.name", Arg::None, Path(&["objectRef", "name"]), "Name of the object."),
    row("ka.target.namespace", Arg::None, Path(&["objectRef", "namespace"]), "Namespace of the object."),
    row(
        "ka.target.resource",
        Arg::None,
        Path(&["objectRef", "resource"]),
        "Kind of the object, such as pods.",
    ),
    row(
        "ka.target.subresource",
        Arg::None,
        Path(&["objectRef", "subresource"]),
        "Part of the object, such as exec.",
    ),
    row(
        "ka.req.binding.subjects",
        Arg::None,
        Items(&["requestObject", "subjects"]),
        "Subjects of a role binding.",
    ),
    row(
        "ka.req.binding.role",
        Arg::None,
        Path(&["requestObject", "roleRef", "name"]),
        "Role of a role binding.",
    ),
    row("ka.req.binding.subject.has_name", Arg::Key, Constant("N/A"), "Kept for old rules; always N/A."),
    row("ka.req.configmap.name", Arg::None, Path(&["objectRef", "name"]), "Name of a config map."),
    row("ka.req.configmap.obj", Arg::None, Path(&["requestObject", "data"]), "Data of a config map."),
    row(
        "ka.req.pod.initContainers.image",
        Arg::Index,
        Each(INIT_CONTAINERS, IMAGE, Fails),
        "Images of init containers.",
    ),
    row(
        "ka.req.pod.initContainers.privileged",
        Arg::Index,
        Each(INIT_CONTAINERS, PRIVILEGED, Skipped),
        "Whether init containers are privileged.",
    ),
    row(
        "ka.req.pod.ephemeralContainers.image",
        Arg::Index,
        Each(EPHEMERAL_CONTAINERS, IMAGE, Fails),
        "Images of ephemeral containers.",
    ),
    row(
        "ka.req.pod.ephemeralContainers.privileged",
        Arg::Index,
        Each(EPHEMERAL_CONTAINERS, PRIVILEGED, Skipped),
        "Whether ephemeral containers are privileged.",
    ),
    of_containers("ka.req.pod.containers.image", IMAGE, Fails, "Images of the pod's containers."),
    row("ka.req.container.image", Arg::None, First(IMAGE), "Image of the pod's first container."),
    row(
        "ka.req.pod.containers.image.repository",
        Arg::Index,
        Repositories,
        "Images of the pod's containers, without tag and digest.",
    ),
    row(
        "ka.req.container.image.repository",
        Arg::None,
        FirstRepository,
        "Image of the first container, without tag and digest.",
    ),
    row(
        "ka.req.pod.host_ipc",
        Arg::None,
        Path(&["requestObject", "spec", "hostIPC"]),
        "Whether the pod uses the host's IPC namespace.",
    ),
    row(
        "ka.req.pod.host_network",
        Arg::None,
        Path(&["requestObject", "spec", "hostNetwork"]),
        "Whether the pod uses the host's network namespace.",
    ),
    row(
        "ka.req.container.host_network",
        Arg::None,
        Path(&["requestObject", "spec", "hostNetwork"]),
        "The same as ka.req.pod.host_network.",
    ),
    row(
        "ka.req.pod.host_pid",
        Arg::None,
        Path(&["requestObject", "spec", "hostPID"]),
        "Whether the pod uses the host's pid namespace.",
    ),
    row("ka.req.pod.containers.host_port", Arg::Index, HostPorts, "Host ports of the pod's containers."),
    of_containers(
        "ka.req.pod.containers.privileged",
        &["securityContext", "privileged"],
        Skipped,
        "Whether containers are privileged.",
    ),
    row("ka.req.container.privileged", Arg::None, AnyPrivileged, "Whether any container is privileged."),
    of_containers(
        "ka.req.pod.containers.allow_privilege_escalation",
        &["securityContext", "allowPrivilegeEscalation"],
        Fails,
        "Whether containers may gain privileges.",
    ),
    of_containers(
        "ka.req.pod.containers.read_only_fs",
        &["securityContext", "readOnlyRootFilesystem"],
        Fails,
        "Whether root file systems are read-only.",
    ),
    row(
        "ka.req.pod.run_as_user",
        Arg::None,
        Path(&["requestObject", "spec", "securityContext", "runAsUser"]),
        "User id in the pod's security context.",
    ),
    of_containers(
        "ka.req.pod.containers.run_as_user",
        &["securityContext", "runAsUser"],
        Fails,
        "User ids in the security contexts of containers.",
    ),
    row(
        "ka.req.pod.containers.eff_run_as_user",
        Arg::Index,
        Effective("runAsUser"),
        "Effective user ids of containers: from their security contexts, otherwise the pod's, otherwise 0.",
    ),
    row(
        "ka.req.pod.run_as_group",
        Arg::None,
        Path(&["requestObject", "spec", "securityContext", "runAsGroup"]),
        "Group id in the pod's security context.",
    ),
    of_containers(
        "ka.req.pod.containers.run_as_group",
        &["securityContext", "runAsGroup"],
        Fails,
        "Group ids in the security contexts of containers.",
    ),
    row(
        "ka.req.pod.containers.eff_run_as_group",
        Arg::Index,
        Effective("runAsGroup"),
        "Effective group ids of containers: from their security contexts, otherwise the pod's, otherwise 0.",
    ),
    of_containers(
        "ka.req.pod.containers.proc_mount",
        &["securityContext", "procMount"],
        Fails,
        "Types of the containers' /proc mounts (procMount).",
    ),
    row("ka.req.role.rules", Arg::None, Items(RULES), "Rules of a role."),
    row("ka.req.role.rules.apiGroups", Arg::Index, Rules("apiGroups"), "API groups of a role's rules."),
    row("ka.req.role.rules.nonResourceURLs", Arg::Index, Rules("nonResourceURLs"), "URLs of a role's rules."),
    row("ka.req.role.rules.verbs", Arg::Index, Rules("verbs"), "Verbs of a role's rules."),
    row("ka.req.role.rules.resources", Arg::Index, Rules("resources"), "Resources of a role's rules."),
    row(
        "ka.req.pod.fs_group",
        Arg::None,
        Path(&["requestObject", "spec", "securityContext", "fsGroup"]),
        "Group id of the pod's volumes (fsGroup).",
    ),
    row(
        "ka.req.pod.supplemental_groups",
        Arg::None,
        Items(&["requestObject", "spec", "securityContext", "supplementalGroups"]),
        "Supplemental group ids of the pod.",
    ),
    of_containers(
        "ka.req.pod.containers.add_capabilities",
        &["securityContext", "capabilities", "add"],
        Fails,
        "Capabilities that are added to containers.",
    ),
    row("ka.req.service.type", Arg::None, Path(&["requestObject", "spec", "type"]), "Type of a service."),
    row(
        "ka.req.service.ports",
        Arg::Index,
        Each(&["requestObject", "spec", "ports"], &[], Fails),
        "Ports of a service.",
    ),
    row(
        "ka.req.pod.volumes.hostpath",
        Arg::Index,
        Each(VOLUMES, &["hostPath", "path"], Skipped),
        "Paths of the host that a pod mounts.",
    ),
    row(
        "ka.req.volume.hostpath",
        Arg::Key,
        HasHostPath,
        "Whether the pod mounts this path of the host; a * at the end matches any rest of the path.",
    ),
    row(
        "ka.req.pod.volumes.flexvolume_driver",
        Arg::Index,
        Each(VOLUMES, &["flexVolume", "driver"], Fails),
        "Drivers of a pod's flex volumes.",
    ),
    row(
        "ka.req.pod.volumes.volume_type",
        Arg::Index,
        VolumeTypes,
        "Types of the pod's volumes, such as hostPath.",
    ),
    row(
        "ka.resp.name",
        Arg::None,
        Path(&["responseObject", "metadata", "name"]),
        "Name of the object in the response.",
    ),
    row("ka.response.code", Arg::None, Path(&["responseStatus", "code"]), "Status code of the response."),
    row(
        "ka.response.reason",
        Arg::None,
        Path(&["responseStatus", "reason"]),
        "Reason for which the request failed.",
    ),
    row("ka.useragent", Arg::None, Path(&["userAgent"]), "User agent of the request."),
    row("ka.sourceips", Arg::Index, Each(&["sourceIPs"], &[], Fails), "Source addresses of the request."),
];

/// The rows as field descriptions of a plugin.
pub(crate) fn described() -> Vec<PluginField> {
    ROWS.iter()
        .map(|row| {
            let arg = match row.arg {
                Arg::None => ArgForms::default(),
                Arg::Index => ArgForms { index: true, ..ArgForms::default() },
                Arg::Key => ArgForms { key: true, required: true, ..ArgForms::default() },
            };
            let field = PluginField::new(row.name, FieldType::Str, row.doc).with_arg(arg);
            if row.is_list() { field.list() } else { field }
        })
        .collect()
}

impl Row {
    fn is_list(&self) -> bool {
        self.arg == Arg::Index || matches!(self.take, Items(_))
    }
}

/// The items of an array, or the one at the requested position. `None` if there is no array, or no item at
/// that position.
fn items<'d>(root: Node<'d>, keys: &[&str], index: Option<u64>) -> Option<Vec<Node<'d>>> {
    let array = root.path(keys).filter(|node| node.is_array())?;
    match index {
        None => Some(array.items().collect()),
        Some(index) => Some(vec![array.items().nth(usize::try_from(index).ok()?)?]),
    }
}

/// An image without its tag and digest.
fn repository(image: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let end = image.iter().position(|byte| matches!(byte, b':' | b'@')).unwrap_or(image.len());
    match image {
        Cow::Borrowed(image) => Cow::Borrowed(&image[..end]),
        Cow::Owned(image) => Cow::Owned(image[..end].to_vec()),
    }
}

type Texts<'d> = Vec<Cow<'d, [u8]>>;

/// The value at the keys in each item.
fn each<'d>(items: Vec<Node<'d>>, keys: &[&str], absent: Absent) -> Option<Texts<'d>> {
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.path(keys) {
            Some(value) => texts.push(value.text()),
            None if absent == Skipped => {}
            None => return None,
        }
    }
    Some(texts)
}

/// The values of a list; `None` as for [`Take`].
fn list<'d>(take: &Take, root: Node<'d>, index: Option<u64>) -> Option<Texts<'d>> {
    match take {
        Items(keys) => each(items(root, keys, None)?, &[], Fails),
        Each(array, keys, absent) => each(items(root, array, index)?, keys, *absent),
        Repositories => {
            let images = each(items(root, CONTAINERS, index)?, IMAGE, Fails)?;
            Some(images.into_iter().map(repository).collect())
        }
        Rules(key) => {
            let rules = items(root, RULES, index)?.into_iter();
            let of_rule = rules.filter_map(|rule| rule.get(key.as_bytes())).flat_map(Node::items);
            Some(of_rule.map(Node::text).collect())
        }
        Effective(key) => {
            let context = ["securityContext", key];
            let pod =
                root.path(&["requestObject", "spec"]).and_then(|pod| pod.path(&context)).map(Node::text);
            let of_container = |container: Node<'d>| {
                container
                    .path(&context)
                    .map(Node::text)
                    .or_else(|| pod.clone())
                    .unwrap_or(Cow::Borrowed(b"0"))
            };
            Some(items(root, CONTAINERS, index)?.into_iter().map(of_container).collect())
        }
        HostPorts => {
            let mut ports = Vec::new();
            for container in items(root, CONTAINERS, index)? {
                for port in container.get(b"ports").into_iter().flat_map(Node::items) {
                    // In the host's network, the container port is a host port.
                    ports
                        .extend(port.get(b"hostPort").or_else(|| port.get(b"containerPort")).map(Node::text));
                }
            }
            Some(ports)
        }
        VolumeTypes => {
            let volumes = items(root, VOLUMES, index)?.into_iter().flat_map(Node::entries);
            Some(volumes.map(|(key, _)| key).filter(|key| **key != *b"name").collect())
        }
        _ => None,
    }
}

/// The value of a field with a single value.
fn single<'d>(take: &Take, root: Node<'d>, key: &str) -> Option<Cow<'d, [u8]>> {
    let truth = |holds: bool| Cow::Borrowed(if holds { &b"true"[..] } else { b"false" });
    match take {
        Path(keys) => Some(root.path(keys)?.text()),
        First(keys) => each(items(root, CONTAINERS, Some(0))?, keys, Fails)?.pop(),
        FirstRepository => each(items(root, CONTAINERS, Some(0))?, IMAGE, Fails)?.pop().map(repository),
        AnyPrivileged => {
            let privileged = |node: &Node<'_>| {
                node.path(&["securityContext", "privileged"]).is_some_and(|node| node.is_true())
            };
            Some(truth(items(root, CONTAINERS, None)?.iter().any(privileged)))
        }
        HasHostPath => {
            let paths = each(items(root, VOLUMES, None)?, &["hostPath", "path"], Skipped)?;
            let is_wanted = |path: &Cow<'_, [u8]>| match key.strip_suffix('*') {
                Some(start) => path.starts_with(start.as_bytes()),
                None => **path == *key.as_bytes(),
            };
            Some(truth(paths.iter().any(is_wanted)))
        }
        UriParam => Some(Cow::Owned(query_value(&root.get(b"requestURI")?.string()?, key)?)),
        Constant(text) => Some(Cow::Borrowed(text.as_bytes())),
        _ => None,
    }
}

/// Passes the value of the field to the request.
pub(crate) fn extract(root: Node<'_>, at: usize, wanted: &Wanted, request: &mut Request<'_>) {
    let Some(row) = ROWS.get(wanted.field) else { return };
    if row.is_list() {
        if let Some(texts) = list(&row.take, root, wanted.index) {
            request.set_list(at, texts.iter().map(|text| Value::Str(text)));
        }
    } else if let Some(text) = single(&row.take, root, wanted.key.as_deref().unwrap_or_default()) {
        request.set(at, Value::Str(&text));
    }
}
