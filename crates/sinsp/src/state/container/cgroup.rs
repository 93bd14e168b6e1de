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
mod tests {
    use super::*;

    const ID: &str = "7951fb549ab99ac0722a949b7e1a9a8e7e0d9c8b7a6f5e4d3c2b1a0f9e8d7c6b";

    #[test]
    fn every_runtime_has_its_way_to_name_a_cgroup() {
        let outer = "0".repeat(64);
        let docker = Some(Kind::Docker);
        let podman = Some(Kind::Podman);
        let containerd = Some(Kind::Containerd);
        let crio = Some(Kind::CriO);
        let slices = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod63b3ebfc.slice";
        let rows = [
            // Docker: cgroupfs, systemd, rootless, with an init system inside, docker in docker.
            (format!("/docker/{ID}"), None),
            (format!("/system.slice/docker-{ID}.scope"), docker),
            (format!("/system.slice/docker-{ID}.scope (deleted)"), docker),
            (format!("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope"), docker),
            (format!("/system.slice/docker-{ID}.scope/init.scope"), docker),
            (format!("/docker/{outer}/docker/{ID}"), None),
            // Podman: systemd and cgroupfs, rootless, with a group inside, split mode, in a pod.
            (format!("/machine.slice/libpod-{ID}.scope"), podman),
            (format!("/machine.slice/libpod-{ID}.scope/container"), podman),
            (format!("/libpod_parent/libpod-{ID}"), podman),
            (
                format!(
                    "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container"
                ),
                podman,
            ),
            (format!("/system.slice/web.service/libpod-payload-{ID}"), podman),
            (format!("/machine.slice/machine-libpod_pod_{outer}.slice/libpod-{ID}.scope"), podman),
            // containerd in Kubernetes, and k3s: systemd, cgroupfs, below the service itself.
            (format!("{slices}/cri-containerd-{ID}.scope"), containerd),
            (format!("/kubepods/besteffort/pod4711/{ID}"), None),
            (format!("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}"), containerd),
            (format!("/system.slice/k3s.service/kubepods/burstable/pod4711/{ID}"), None),
            (format!("/k8s.io/{ID}"), None),
            // cri-dockerd, nerdctl, kind.
            (format!("{slices}/docker-{ID}.scope"), docker),
            (format!("/system.slice/nerdctl-{ID}.scope"), containerd),
            (format!("/docker/{outer}/kubelet/kubepods/besteffort/pod4711/{ID}"), None),
            // CRI-O: systemd, cgroupfs, with a group inside.
            (format!("{slices}/crio-{ID}.scope"), crio),
            (format!("/kubepods/besteffort/pod4711/crio-{ID}"), crio),
            (format!("{slices}/crio-{ID}.scope/container"), crio),
            // Seen from a cgroup namespace.
            (format!("/../{ID}"), None),
            (format!("/../../docker/{ID}"), None),
            (format!("/../docker-{ID}.scope"), docker),
            (format!("/../../machine.slice/libpod-{ID}.scope/container"), podman),
            (format!("/../../../kubepods/besteffort/pod4711/{ID}/init.scope"), None),
            (format!("/../../kubepods-pod1.slice/cri-containerd-{ID}.scope"), containerd),
            // Within others: Docker in LXC, Podman in Docker, Docker in Podman, Kubernetes in each.
            (format!("/lxc.payload.web/system.slice/docker-{ID}.scope"), docker),
            (format!("/docker/{outer}/libpod_parent/libpod-{ID}"), podman),
            (format!("/machine.slice/libpod-{outer}.scope/docker/{ID}"), None),
            (
                format!(
                    "/docker/{outer}/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}"
                ),
                containerd,
            ),
            (format!("/docker/{outer}/kubelet.slice{slices}/cri-containerd-{ID}.scope"), containerd),
        ];
        for (path, kind) in rows {
            // Version 1 has a path for each controller, version 2 has one.
            for groups in [
                format!("cpuset=/\0cpu={path}\0"),
                format!("cpuset={path}\0memory={path}\0"),
                format!("cpuset={path}\0"),
                format!("={path}\0"),
            ] {
                let found = of_cgroups(groups.as_bytes(), &Layouts::default())
                    .unwrap_or_else(|| panic!("{path} is a container"));
                assert_eq!(found, Found { id: &ID.as_bytes()[..12], kind }, "{path}");
            }
        }
    }

    #[test]
    fn names_that_people_gave() {
        let lxc = Kind::Lxc;
        let libvirt = Kind::LibvirtLxc;
        for (path, id, kind) in [
            ("/lxc/web", "web", lxc),
            ("/lxc/web/init.scope", "web", lxc),
            ("/lxc.payload/web", "web", lxc),
            ("/lxc.payload.web/system.slice/cron.service", "web", lxc),
            ("/user.slice/lxc.payload.a-name-of-more-than-12", "a-name-of-more-than-12", lxc),
            ("/machine/web.libvirt-lxc", "web", libvirt),
            (r"/machine.slice/machine-lxc\x2d22\x2dweb.scope", r"22\x2dweb", libvirt),
            (r"/machine.slice/machine-lxc\x2d22\x2dweb.scope/libvirt", r"22\x2dweb", libvirt),
            ("/libvirt/lxc/web", "web", libvirt),
            ("/system.slice/runc-bpm-garden.scope", "garden", Kind::Bpm),
            ("/bpm-garden", "garden", Kind::Bpm),
            ("/default/a-test-container", "a-test-conta", Kind::Containerd),
            // Created by hand in Kubernetes' namespace.
            ("/k8s.io/tiny", "tiny", Kind::Containerd),
            ("/../default/a-test-container", "a-test-conta", Kind::Containerd),
            ("/../lxc.payload.web/init.scope", "web", lxc),
            ("/machine.slice/systemd-nspawn@web.service/payload/init.scope", "web", Kind::Nspawn),
            (r"/machine.slice/machine-my\x2dweb.scope/payload", r"my\x2dweb", Kind::Nspawn),
            ("/init.scope/buildah-buildah3087666118", "buildah3087666118", Kind::Buildah),
        ] {
            let groups = format!("cpu={path}\0");
            let found = of_cgroups(groups.as_bytes(), &Layouts::default())
                .unwrap_or_else(|| panic!("{path} is a container"));
            assert_eq!(found, Found { id: id.as_bytes(), kind: Some(kind) }, "{path}");
        }
    }

    #[test]
    fn the_host_is_no_container() {
        for path in [
            "/",
            "",
            "/init.scope",
            "/user.slice/user-0.slice/session-3.scope",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-1.scope",
            "/system.slice/docker.service",
            "/system.slice/containerd.service",
            "/system.slice/k3s.service",
            "/kubepods.slice",
            "/kubepods/besteffort/pod63b3ebfc",
            "/lxc.monitor.web",
            "/lxc/",
            "/default/init.scope",
            "/machine.slice/systemd-nspawn@web.service/supervisor",
            r"/machine.slice/machine-qemu\x2d1\x2dvm.scope",
            "/payload",
            "/buildah-x",
            "/..",
            "/../..",
            "/../init.scope",
            "/..data",
            // Podman without systemd: its monitors, and its pods.
            &format!("/libpod_parent/{ID}/conmon"),
            &format!("/libpod_parent/{ID}"),
            &format!("/custom/{ID}/conmon"),
            "/libpod_parent/conmon",
            "/conmon",
            &format!("/libpod_parent/{ID}/libpod-conmon-{ID}"),
            &format!("/kubepods.slice/crio-conmon-{ID}.scope"),
            &format!("/machine.slice/libpod-conmon-{ID}.scope"),
            &format!("/machine.slice/machine-libpod_pod_{ID}.slice"),
            &format!("/system.slice/docker-{ID}0.scope"),
            &format!("/docker/{}", &ID[1..]),
            &format!("/docker/{}g", &ID[1..]),
        ] {
            assert_eq!(
                of_cgroups(format!("cpuset=/\0cpu={path}\0").as_bytes(), &Layouts::default()),
                None,
                "{path}"
            );
        }
        assert_eq!(of_cgroups(b"junk\0", &Layouts::default()), None);
    }

    #[test]
    fn a_path_that_is_cut_is_completed_by_that_of_the_maker() {
        let layouts = Layouts::default();
        let by = format!("cpu=/docker/{ID}/init.scope\0memory=/docker/{ID}\0");
        let deep =
            "cpu=/user.slice/user-0.slice/user@0.service/app.slice/a.slice/b.scope\0memory=/a/b/c/d/e/f\0";
        let want = format!(
            "cpu=/docker/{ID}/.../user.slice/user-0.slice/user@0.service/app.slice/a.slice/b.scope\0\
             memory=/docker/{ID}/.../a/b/c/d/e/f\0"
        );
        let found = completed(deep.as_bytes(), by.as_bytes(), &layouts).unwrap();
        assert_eq!(found, want.as_bytes());
        assert_eq!(id_of_cgroups(&found, &layouts), Some(&ID.as_bytes()[..SHORT_ID]));
        // Its children's paths are completed in the same way.
        assert_eq!(completed(deep.as_bytes(), &found, &layouts).unwrap(), want.as_bytes());
        // A whole path, one of a container, and one of a process that comes from the host.
        for (cgroups, by) in [
            ("cpu=/a/b/c\0", &*by),
            (&format!("cpu=/a/b/c/d/e/{ID}\0"), &by),
            (deep, "cpu=/init.scope\0"),
            ("cpuset=/a/b/c/d/e/f\0", &by),
        ] {
            assert_eq!(completed(cgroups.as_bytes(), by.as_bytes(), &layouts), None, "{cgroups} {by}");
        }
    }

    #[test]
    fn a_monitor_of_podman_in_a_container_is_in_that_container() {
        let pod = "1".repeat(64);
        for path in [
            format!("/docker/{ID}/libpod_parent/conmon"),
            format!("/docker/{ID}/conmon"),
            format!("/docker/{ID}/libpod_parent/{pod}/conmon"),
            format!("/libpod_parent/libpod-{ID}/libpod_parent/conmon"),
            format!("/libpod_parent/libpod-{ID}/libpod_parent/{pod}/conmon"),
            format!("/machine.slice/libpod-{ID}.scope/container/libpod_parent/conmon"),
            format!("/machine.slice/libpod-{ID}.scope/machine.slice/libpod-conmon-{pod}.scope"),
            format!("/kubepods/besteffort/pod4711/{ID}/libpod_parent/conmon"),
        ] {
            let groups = format!("cpu={path}\0");
            let found = of_cgroups(groups.as_bytes(), &Layouts::default());
            assert_eq!(found.map(|found| found.id), Some(&ID.as_bytes()[..SHORT_ID]), "{path}");
        }
    }

    #[test]
    fn a_container_in_a_pod_of_podman_is_one() {
        let pod = "0".repeat(64);
        for path in
            [format!("/libpod_parent/{pod}/libpod-{ID}"), format!("/custom/{pod}/libpod-{ID}/init.scope")]
        {
            let groups = format!("cpu={path}\0");
            let found = of_cgroups(groups.as_bytes(), &Layouts::default()).unwrap();
            assert_eq!(found, Found { id: &ID.as_bytes()[..12], kind: Some(Kind::Podman) }, "{path}");
        }
    }

    #[test]
    fn an_engine_that_is_disabled_has_no_containers() {
        use crate::state::container::layouts::Engines;
        let all = Engines::default();
        let none = |engines| Layouts::new(engines);
        for (path, layouts) in [
            ("/lxc.payload.web".to_owned(), none(Engines { lxc: false, ..all })),
            ("/lxc/web".to_owned(), none(Engines { lxc: false, ..all })),
            ("/libvirt/lxc/web".to_owned(), none(Engines { libvirt_lxc: false, ..all })),
            ("/bpm-garden".to_owned(), none(Engines { bpm: false, ..all })),
            ("/default/web".to_owned(), none(Engines { containerd: false, ..all })),
            (format!("/system.slice/docker-{ID}.scope"), none(Engines { docker: false, ..all })),
            (format!("/docker/{ID}"), none(Engines { docker: false, cri: false, ..all })),
            (format!("/machine.slice/libpod-{ID}.scope"), none(Engines { podman: false, ..all })),
            (format!("/kubepods/pod1/crio-{ID}"), none(Engines { cri: false, ..all })),
            (
                format!("/system.slice/nerdctl-{ID}.scope"),
                none(Engines { cri: false, containerd: false, ..all }),
            ),
        ] {
            let groups = format!("cpu={path}\0");
            assert!(of_cgroups(groups.as_bytes(), &Layouts::default()).is_some(), "{path}");
            assert_eq!(of_cgroups(groups.as_bytes(), &layouts), None, "{path}");
        }
        // What it made in a container of another engine is of that container.
        let inner = "1".repeat(64);
        for (path, layouts) in [
            (
                format!("/machine.slice/libpod-{ID}.scope/system.slice/docker-{inner}.scope"),
                none(Engines { docker: false, ..all }),
            ),
            (format!("/docker/{ID}/libpod_parent/libpod-{inner}"), none(Engines { podman: false, ..all })),
        ] {
            let groups = format!("cpu={path}\0");
            let found = of_cgroups(groups.as_bytes(), &layouts);
            assert_eq!(found.map(|found| found.id), Some(&ID.as_bytes()[..SHORT_ID]), "{path}");
        }
    }

    #[test]
    fn namespaces_of_containerd_are_told() {
        let mut layouts = Layouts::default();
        let groups = b"cpu=/foo/a-test-container\0";
        assert_eq!(of_cgroups(groups, &layouts), None);
        assert!(layouts.add_namespace(b"foo") && !layouts.add_namespace(b"foo"));
        let want = Found { id: b"a-test-conta", kind: Some(Kind::Containerd) };
        assert_eq!(of_cgroups(groups, &layouts), Some(want));
        assert_eq!(of_cgroups(b"cpu=/foo/run.service\0", &layouts), None);
    }
}
