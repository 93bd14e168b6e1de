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
            format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container"),
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
    let deep = "cpu=/user.slice/user-0.slice/user@0.service/app.slice/a.slice/b.scope\0memory=/a/b/c/d/e/f\0";
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
    for path in [format!("/libpod_parent/{pod}/libpod-{ID}"), format!("/custom/{pod}/libpod-{ID}/init.scope")]
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
        (format!("/system.slice/nerdctl-{ID}.scope"), none(Engines { cri: false, containerd: false, ..all })),
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
fn names_below_a_known_containerd_namespace_are_containers() {
    let mut layouts = Layouts::default();
    let groups = b"cpu=/foo/a-test-container\0";
    assert_eq!(of_cgroups(groups, &layouts), None);
    assert!(layouts.add_namespace(b"foo") && !layouts.add_namespace(b"foo"));
    let want = Found { id: b"a-test-conta", kind: Some(Kind::Containerd) };
    assert_eq!(of_cgroups(groups, &layouts), Some(want));
    assert_eq!(of_cgroups(b"cpu=/foo/run.service\0", &layouts), None);
}
