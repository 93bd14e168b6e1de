//! Finds the container of a process by the names of its cgroups.

use super::kind::Kind;
use super::layouts::Layouts;
use crate::state::text::split_nul;

/// Length of the short form of an id.
pub(crate) const SHORT_ID: usize = 12;
/// Length of a full id: SHA-256 in hexadecimal.
const FULL_ID: usize = 64;

/// Short id of the container of these cgroups (`subsystem=path`, each ended by NUL); `None` on the host.
pub(crate) fn id_of_cgroups<'a>(cgroups: &'a [u8], layouts: &Layouts) -> Option<&'a [u8]> {
    of_cgroups(cgroups, layouts).map(|found| found.id)
}

/// The runtime that made the container, if the names show it.
pub(crate) fn kind_of_cgroups(cgroups: &[u8], layouts: &Layouts) -> Option<Kind> {
    of_cgroups(cgroups, layouts)?.kind
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Found<'a> {
    id: &'a [u8],
    kind: Option<Kind>,
}

fn of_cgroups<'a>(cgroups: &'a [u8], layouts: &Layouts) -> Option<Found<'a>> {
    split_nul(cgroups).find_map(|group| of_path(split(group)?.1, layouts))
}

/// The name of the hierarchy, and the path.
fn split(group: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = group.iter().position(|b| *b == b'=')?;
    Some((&group[..at], &group[at + 1..]))
}

fn of_path<'a>(path: &'a [u8], layouts: &Layouts) -> Option<Found<'a>> {
    let path = below_root(path);
    // The last threads of a container may outlive its cgroup.
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let path = path.strip_suffix(b"/conmon").map_or(path, around_monitor);
    // Use the innermost container. Containers with names are never inside containers with ids.
    innermost(path, layouts).or_else(|| named(path, layouts))
}

/// Maximum number of components of a path in events: of this probe, and of Falco's. Both probes send the last components of a
/// longer path.
const CUT: [usize; 2] = [6, 8];

/// Whether the paths of all these cgroups, as an event reports them, are complete. Then the container depends only on them.
pub(crate) fn are_whole(cgroups: &[u8]) -> bool {
    split_nul(cgroups).all(|group| split(group).is_some_and(|(_, path)| !is_cut(path)))
}

/// Whether a path has the maximum number of components, so that its beginning may be missing.
fn is_cut(path: &[u8]) -> bool {
    CUT.contains(&path.iter().filter(|b| **b == b'/').count())
}

/// Replaces the missing components.
const MISSING: &[u8] = b"/...";

/// Completes paths of cgroups that may be cut, because the cut part may name the container: puts the path of the container before
/// them, taken from `by`. These are the cgroups of the same process before its exec, or of the process that created it. `None` if
/// nothing changes.
pub(crate) fn completed(cgroups: &[u8], by: &[u8], layouts: &Layouts) -> Option<Vec<u8>> {
    let mut is_completed = false;
    let mut out = Vec::with_capacity(cgroups.len() + by.len());
    for group in split_nul(cgroups) {
        let (name, path) = split(group)?;
        let container = || {
            let (_, path) = split_nul(by).filter_map(split).find(|(other, _)| *other == name)?;
            container_part(path, layouts)
        };
        out.extend_from_slice(name);
        out.push(b'=');
        if is_cut(path)
            && let Some(container) = container()
        {
            is_completed = true;
            out.extend_from_slice(container);
            out.extend_from_slice(MISSING);
        }
        out.extend_from_slice(path);
        out.push(0);
    }
    (is_completed && of_cgroups(cgroups, layouts).is_none()).then_some(out)
}

/// The part of the path up to the cgroup of its container.
fn container_part<'a>(path: &'a [u8], layouts: &Layouts) -> Option<&'a [u8]> {
    let id = of_path(path, layouts)?.id;
    let ends = (1..=path.len()).filter(|end| path.get(*end).is_none_or(|b| *b == b'/'));
    let mut parts = ends.map(|end| &path[..end]);
    parts.find(|part| of_path(part, layouts).is_some_and(|found| found.id == id))
}

/// The path without the leading `..` components. If the monitor is in a cgroup namespace, `/proc` shows the
/// cgroups of other processes relative to its own.
fn below_root(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"/..").filter(|rest| rest.is_empty() || rest.starts_with(b"/"))
    {
        path = rest;
    }
    path
}

/// The part of a path that determines the container of Podman's monitor, and of the programs that the monitor starts to clean up.
/// Their cgroup is beside that of the monitored container, in a pod or in the parent of all of Podman's cgroups. If Podman itself
/// runs in a container, they belong to that container.
fn around_monitor(group: &[u8]) -> &[u8] {
    let start = group.iter().rposition(|b| *b == b'/').unwrap_or(0);
    let (before, name) = group.split_at(start);
    let is_pod = numbered(name.strip_prefix(b"/").unwrap_or(name)).is_some_and(|found| found.kind.is_none());
    if is_pod && !before.ends_with(b"/docker") { before } else { group }
}

/// The container of the last component whose name contains a full id. A container of a disabled engine is skipped, so its
/// processes belong to the container around it.
fn innermost<'a>(path: &'a [u8], layouts: &Layouts) -> Option<Found<'a>> {
    let mut rest = path;
    loop {
        let start = rest.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
        let (before, name) = rest.split_at(start);
        if let Some(found) = numbered(name)
            && found.kind.map_or_else(|| is_container_in(before, layouts), |kind| layouts.engines.has(kind))
        {
            return Some(found);
        }
        rest = before.strip_suffix(b"/")?;
    }
}

/// Whether a cgroup below this one, whose name is only an id, is a container. Podman's pods have such
/// names, and so do Docker and CRI runtimes without systemd.
fn is_container_in(parent: &[u8], layouts: &Layouts) -> bool {
    let engines = layouts.engines;
    if parent.ends_with(b"/libpod_parent/") {
        return false;
    }
    match parent.ends_with(b"/docker/") {
        true => engines.docker || engines.cri,
        false => engines.docker || engines.podman || engines.cri || engines.containerd,
    }
}

/// Prefixes of full ids, with their runtimes.
const PREFIXES: [(&[u8], Option<Kind>); 9] = [
    (b"docker-", Some(Kind::Docker)),
    (b"libpod-payload-", Some(Kind::Podman)),
    (b"libpod-", Some(Kind::Podman)),
    (b"crio-", Some(Kind::CriO)),
    (b"cri-containerd-", Some(Kind::Containerd)),
    (b"containerd-", Some(Kind::Containerd)),
    (b"nerdctl-", Some(Kind::Containerd)),
    // Below containerd's own service the slice comes first: `<slice>:cri-containerd:<id>`.
    (b"cri-containerd:", Some(Kind::Containerd)),
    (b"", None),
];

/// A cgroup with a full id. Other names with these prefixes (`crio-conmon-<id>`: a monitor) are outside
/// containers.
fn numbered(name: &[u8]) -> Option<Found<'_>> {
    let name = name.strip_suffix(b".scope").unwrap_or(name);
    let name = match name.iter().position(|b| *b == b':') {
        Some(colon) => &name[colon + 1..],
        None => name,
    };
    PREFIXES.iter().find_map(|(prefix, kind)| {
        let id = name.strip_prefix(*prefix)?;
        let is_id = id.len() == FULL_ID && id.iter().all(u8::is_ascii_hexdigit);
        is_id.then(|| Found { id: &id[..SHORT_ID], kind: *kind })
    })
}

/// A cgroup with a name from a user.
fn named<'a>(path: &'a [u8], layouts: &Layouts) -> Option<Found<'a>> {
    let lxc = [&b"/lxc.payload."[..], b"/lxc.payload/", b"/lxc/"];
    // Legacy cgroups of libvirt are below `/libvirt/lxc/`, so this is checked first.
    let found = after(path, b"/libvirt/lxc/")
        .map(component)
        .or_else(|| path.rsplit(|b| *b == b'/').find_map(libvirt))
        .map(|id| (id, Kind::LibvirtLxc))
        .or_else(|| {
            lxc.iter().find_map(|prefix| after(path, prefix)).map(|rest| (component(rest), Kind::Lxc))
        })
        .or_else(|| path.rsplit(|b| *b == b'/').find_map(bpm).map(|id| (id, Kind::Bpm)))
        .or_else(|| Some((nspawn(path)?, Kind::Nspawn)))
        .or_else(|| path.rsplit(|b| *b == b'/').find_map(buildah).map(|id| (id, Kind::Buildah)))
        .or_else(|| Some((ctr(path, layouts)?, Kind::Containerd)));
    let (id, kind) = found.filter(|(id, kind)| !id.is_empty() && layouts.engines.has(*kind))?;
    Some(Found { id, kind: Some(kind) })
}

fn after<'a>(path: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    path.windows(what.len()).position(|part| part == what).map(|at| &path[at + what.len()..])
}

fn component(rest: &[u8]) -> &[u8] {
    rest.split(|b| *b == b'/').next().unwrap_or_default()
}

/// `<name>.libvirt-lxc`, or under systemd `machine-lxc\x2d<name>.scope`, its dashes escaped.
fn libvirt(name: &[u8]) -> Option<&[u8]> {
    name.strip_suffix(b".libvirt-lxc")
        .or_else(|| name.strip_prefix(br"machine-lxc\x2d")?.strip_suffix(b".scope"))
}

fn bpm(name: &[u8]) -> Option<&[u8]> {
    let id = name.strip_prefix(b"runc-").unwrap_or(name).strip_prefix(b"bpm-")?;
    let id = id.strip_suffix(b".scope").unwrap_or(id);
    id.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)).then_some(id)
}

/// The processes of systemd-nspawn's container are in `payload`; systemd-nspawn itself is beside it. The
/// parent cgroup has the machine's name, its dashes escaped: `systemd-nspawn@<name>.service`, or
/// `machine-<name>.scope` as for virtual machines and libvirt.
fn nspawn(path: &[u8]) -> Option<&[u8]> {
    let mut above: &[u8] = b"";
    for name in path.split(|b| *b == b'/') {
        if name == b"payload" {
            let unit = above.strip_prefix(b"systemd-nspawn@").and_then(|unit| unit.strip_suffix(b".service"));
            let scope = || above.strip_prefix(b"machine-")?.strip_suffix(b".scope");
            if let Some(id) = unit.or_else(scope) {
                return Some(id);
            }
        }
        above = name;
    }
    None
}

/// `buildah run` names the group after its working directory: `buildah-buildah<number>`.
fn buildah(name: &[u8]) -> Option<&[u8]> {
    let id = name.strip_suffix(b".scope").unwrap_or(name).strip_prefix(b"buildah-")?;
    let number = id.strip_prefix(b"buildah")?;
    (!number.is_empty() && number.iter().all(u8::is_ascii_digit)).then_some(id)
}

/// Containers of `ctr` have any name, below that of their namespace. The namespace must be known; otherwise
/// every cgroup of two names would be a container.
fn ctr<'a>(path: &'a [u8], layouts: &Layouts) -> Option<&'a [u8]> {
    if !layouts.engines.containerd {
        return None;
    }
    let rest = path.strip_prefix(b"/")?;
    let (namespace, id) = rest.split_at(rest.iter().position(|b| *b == b'/')?);
    let id = id.strip_prefix(b"/").filter(|id| !id.is_empty() && layouts.has_namespace(namespace))?;
    let systemd = [&b".service"[..], b".slice", b".scope"].iter().any(|suffix| id.ends_with(suffix));
    (!systemd && !id.contains(&b'/')).then(|| &id[..id.len().min(SHORT_ID)])
}

#[cfg(test)]
mod tests;
