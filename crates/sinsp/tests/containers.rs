//! Containers from control groups and from events: scripts of events, and the state after them.

use eyas_events::{EventType as E, param};
use eyas_scap::EventBuilder;
use eyas_sinsp::Inspector;
use serde_json::{Value, json};

mod script;

use script::{SECOND, at, clone, close, exec, see, system};

const ID: &str = "3f2a9c0d1e4b";

/// The shell executes a program in a container.
fn inside(second: u64, id: &str) -> EventBuilder {
    let group = format!("cpu=/docker/{id}{}\0", "0".repeat(64 - id.len()));
    exec(second, 10, b"cat", b"").bytes(param::SYSCALL_EXECVE_19_X::cgroups, group.as_bytes())
}

fn reported(second: u64, json: &Value) -> EventBuilder {
    at(second, E::CONTAINER_JSON_2_E, -1).text(param::CONTAINER_JSON_2_E::json, json.to_string().as_bytes())
}

/// In the format of Falco's container plugin.
fn by_plugin(second: u64, name: &[u8], json: &Value) -> EventBuilder {
    use param::ASYNCEVENT_E as p;
    let event = at(second, E::ASYNCEVENT_E, -1).text(p::name, name);
    event.text(p::data, json.to_string().as_bytes())
}

fn metadata() -> Value {
    json!({"container": {
        "type": 0, "id": ID, "full_id": format!("{ID}{}", "0".repeat(52)), "name": "web",
        "image": "example.org/web:1.2", "imageid": "f68d6e55e065", "imagerepo": "example.org/web",
        "imagetag": "1.2", "imagedigest": "sha256:96fb", "ip": "172.17.0.2", "privileged": true,
        "host_network": true, "created_time": 1_700_000_000, "pod_sandbox_labels": null,
        "Mounts": [
            {"Source": "/proc/sys", "Destination": "/host/proc", "Mode": "ro", "RW": false, "Propagation": "rprivate"},
            {"Source": "/srv", "Destination": "/data", "Mode": "", "RW": true, "Propagation": "rslave"},
        ],
        "labels": {"z": "last", "app": "web", "bare": "", "io.kubernetes.pod.name": "web-1",
                   "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u-1", "annotation.x": "y"},
        "Healthcheck": {"exe": "/bin/ok", "args": ["-q", "now"]},
    }})
}

const BASIC: [&str; 4] = ["container.id", "container.name", "container.image.repository", "container.type"];

#[test]
fn a_process_is_in_the_container_of_its_cgroups() {
    let mut inspector = system();
    assert_eq!(see(&mut inspector, close(1, 10, 99), &BASIC), ["host", "host", "", "host"]);
    // Data that was not reported yet is absent.
    assert_eq!(see(&mut inspector, inside(2, ID), &BASIC), [ID, "<NA>", "<NA>", "<NA>"]);
    see(&mut inspector, clone(3, 11, 0, 11, 10, 0), &[]);
    let group = format!("cpu=/docker/{}\0", "e".repeat(64));
    let other = clone(4, 12, 0, 12, 10, 0).bytes(param::SYSCALL_CLONE_20_X::cgroups, group.as_bytes());
    assert_eq!(see(&mut inspector, other, &["container.id"]), ["eeeeeeeeeeee"]);
}

#[test]
fn a_process_stays_in_its_container_if_the_event_cuts_its_cgroup() {
    use param::SYSCALL_CLONE_20_X as c;
    use param::SYSCALL_EXECVE_19_X as x;
    // An event contains only the last components of the path.
    let deep = b"cpu=/user.slice/user-0.slice/user@0.service/app.slice/a.slice/b.scope\0";
    let mut inspector = system();
    see(&mut inspector, inside(1, ID), &[]);
    let exec_deep = |second, tid| exec(second, tid, b"cat", b"").bytes(x::cgroups, deep);
    assert_eq!(see(&mut inspector, exec_deep(2, 10), &["container.id"]), [ID]);
    let child = clone(3, 11, 0, 11, 10, 0).bytes(c::cgroups, deep);
    assert_eq!(see(&mut inspector, child, &["container.id"]), [ID]);
    assert_eq!(see(&mut inspector, exec_deep(4, 11), &["container.id"]), [ID]);
    let group = ["thread.cgroup.cpu"];
    let want = format!(
        "/docker/{ID}{}/.../user.slice/user-0.slice/user@0.service/app.slice/a.slice/b.scope",
        "0".repeat(52)
    );
    assert_eq!(see(&mut inspector, close(5, 11, 9), &group), [want]);
    // A short path is complete. So is a long one of a process on the host.
    let out = exec(6, 11, b"cat", b"").bytes(x::cgroups, b"cpu=/init.scope\0");
    assert_eq!(see(&mut inspector, out, &["container.id"]), ["host"]);
    assert_eq!(see(&mut inspector, exec_deep(7, 1), &["container.id"]), ["host"]);
}

#[test]
fn a_host_is_no_container_and_has_no_privileges_of_one() {
    let mut inspector = system();
    let fields = [
        "container.full_id",
        "container.image",
        "container.mounts",
        "container.labels",
        "container.privileged",
        "container.host_pid",
        "container.ip",
        "k8s.pod.ip",
        "k8s.pod.labels",
        "container.start_ts",
        "k8s.pod.name",
        "container.mount[0]",
        "proc.is_container_healthcheck",
    ];
    let want = ["host", "", "", "", "false", "false", "", "", "", "<NA>", "<NA>", "<NA>", "<NA>"];
    assert_eq!(see(&mut inspector, close(1, 10, 99), &fields), want);
}

#[test]
fn metadata_comes_with_events_of_either_kind() {
    for event in [reported(1, &metadata()), by_plugin(1, b"container", &metadata())] {
        let mut inspector = system();
        // The event itself reports its container.
        let basic = [ID, "web", "example.org/web", "docker"];
        assert_eq!(see(&mut inspector, event, &BASIC), basic);
        assert_eq!(see(&mut inspector, close(2, 10, 99), &BASIC)[0], "host");
        assert_eq!(see(&mut inspector, inside(3, ID), &BASIC), basic);
    }
}

/// A process in a container that was reported.
fn known() -> Inspector {
    let mut inspector = system();
    see(&mut inspector, reported(1, &metadata()), &[]);
    see(&mut inspector, inside(2, ID), &[]);
    inspector
}

#[test]
fn a_group_that_podman_named_is_podmans_whoever_reports_it() {
    let mut inspector = system();
    let full = format!("{ID}{}", "0".repeat(52));
    let inside = |second, path: String| {
        let groups = format!("cpu={path}\0");
        exec(second, 10, b"cat", b"").bytes(param::SYSCALL_EXECVE_19_X::cgroups, groups.as_bytes())
    };
    let of = |kind: u8| json!({"container": {"id": ID, "full_id": full, "name": "web", "type": kind}});
    let (docker, podman, containerd) = (0, 11, 7);
    let mut second = 1;
    for (path, reported_by, expected) in [
        (format!("/machine.slice/libpod-{full}.scope"), docker, "podman"),
        (format!("/system.slice/docker-{full}.scope"), podman, "docker"),
        // Without such a name, the runtime that responds determines the type.
        (format!("/docker/{full}"), docker, "docker"),
        (format!("/custom/{full}"), podman, "podman"),
        // The CRI reports Docker's containers, too.
        (format!("/system.slice/docker-{full}.scope"), containerd, "containerd"),
    ] {
        see(&mut inspector, reported(second, &of(reported_by)), &[]);
        let found =
            see(&mut inspector, inside(second + 1, path.clone()), &["container.type", "container.name"]);
        assert_eq!(found, [expected, "web"], "{path}");
        second += 2;
    }
}

#[test]
fn all_metadata_of_a_container_are_fields() {
    let mut inspector = known();
    let fields = [
        ("container.full_id", &*format!("{ID}{}", "0".repeat(52))),
        ("container.image", "example.org/web:1.2"),
        ("container.image.id", "f68d6e55e065"),
        ("container.image.tag", "1.2"),
        ("container.image.digest", "sha256:96fb"),
        ("container.ip", "172.17.0.2"),
        ("container.privileged", "true"),
        ("container.host_network", "true"),
        ("container.host_ipc", "false"),
        ("container.label[app]", "web"),
        ("container.label[none]", "<NA>"),
        ("container.labels", "app:web, bare, z:last"),
        ("container.healthcheck", "/bin/ok -q now"),
        ("container.liveness_probe", "<NA>"),
        ("container.start_ts", "1700000000000000000"),
        ("container.cni.json", ""),
        ("k8s.pod.name", "web-1"),
        ("k8s.ns.name", "shop"),
        ("k8s.pod.uid", "u-1"),
        ("k8s.pod.id", "u-1"),
        ("k8s.rc.name", "<NA>"),
    ];
    let got = see(&mut inspector, close(3, 10, 99), &fields.map(|(name, _)| name));
    for ((name, want), got) in fields.iter().zip(got) {
        assert_eq!(got, *want, "{name}");
    }
}

#[test]
fn mounts_are_found_by_number_and_by_patterns() {
    let mut inspector = known();
    let (first, second) = ("/proc/sys:/host/proc:ro:false:rprivate", "/srv:/data::true:rslave");
    let both = format!("{first},{second}");
    let fields = [
        ("container.mounts", &*both),
        ("container.mount[0]", first),
        ("container.mount[1]", second),
        ("container.mount[2]", "<NA>"),
        ("container.mount[/srv]", second),
        ("container.mount[/data]", "<NA>"),
        ("container.mount.dest[/proc*]", "/host/proc"),
        ("container.mount.dest[/pro]", "<NA>"),
        ("container.mount.source[/data]", "/srv"),
        ("container.mount.source[/srv]", "<NA>"),
        ("container.mount.mode[/proc/*]", "ro"),
        ("container.mount.rdwr[/proc/*]", "false"),
        ("container.mount.rdwr[1]", "true"),
        ("container.mount.propagation[/sr?]", "rslave"),
    ];
    let got = see(&mut inspector, close(3, 10, 99), &fields.map(|(name, _)| name));
    for ((name, want), got) in fields.iter().zip(got) {
        assert_eq!(got, *want, "{name}");
    }
}

#[test]
fn metadata_that_a_container_lacks_come_from_its_pod_s_sandbox() {
    const POD: &str = "aaaaaaaaaaaa";
    let sandbox = format!("{POD}{}", "0".repeat(52));
    let container = json!({"container": {"id": ID, "type": 7, "pod_sandbox_id": sandbox}});
    let pod = json!({"container": {
        "id": POD, "type": 7, "is_pod_sandbox": true, "ip": "10.1.2.3", "cni_json": "{}",
        "pod_sandbox_labels": {"app": "web", "tier": "front"},
    }});
    let mut inspector = system();
    see(&mut inspector, reported(1, &container), &[]);
    let fields = [
        "k8s.pod.sandbox_id",
        "k8s.pod.full_sandbox_id",
        "k8s.pod.ip",
        "k8s.pod.cni.json",
        "k8s.pod.label[tier]",
        "k8s.pod.labels",
    ];
    assert_eq!(see(&mut inspector, inside(2, ID), &fields), [POD, &*sandbox, "<NA>", "<NA>", "<NA>", ""]);
    see(&mut inspector, reported(3, &pod), &[]);
    let want = [POD, &*sandbox, "10.1.2.3", "{}", "front", "app:web, tier:front"];
    assert_eq!(see(&mut inspector, close(4, 10, 99), &fields), want);
}

#[test]
fn a_container_that_is_gone_is_forgotten_with_its_users() {
    use param::USER_ADDED_E as u;
    let mut inspector = known();
    let user = at(3, E::USER_ADDED_E, -1).uint(u::uid, 0).text(u::name, b"admin");
    see(&mut inspector, user.text(u::container_id, ID.as_bytes()), &[]);
    let fields = ["container.name", "user.name"];
    assert_eq!(see(&mut inspector, close(4, 10, 99), &fields), ["web", "admin"]);
    let gone = by_plugin(5, b"container_removed", &metadata());
    assert_eq!(see(&mut inspector, gone, &BASIC[..2]), [ID, "web"], "rules still see it");
    assert_eq!(see(&mut inspector, close(6, 10, 99), &fields), ["<NA>", "root"]);
}

#[test]
fn a_container_began_with_its_pid_namespace() {
    use param::SYSCALL_CLONE_20_X as p;
    const IN_PIDNS: u32 = eyas_events::FlagTable::CLONE_FLAGS.value("CLONE_CHILD_IN_PIDNS");
    let mut inspector = system();
    let group = format!("cpu=/docker/{}\0", "e".repeat(64));
    let event = clone(9, 12, 0, 12, 10, IN_PIDNS)
        .int(p::vtid, 1)
        .int(p::vpid, 1)
        .uint(p::pidns_init_start_ts, 7 * SECOND)
        .bytes(p::cgroups, group.as_bytes());
    let fields = ["container.start_ts", "container.duration"];
    let want = [7 * SECOND, 2 * SECOND].map(|n| n.to_string());
    assert_eq!(see(&mut inspector, event, &fields), want, "whatever its runtime says");
}

#[test]
fn malformed_metadata_are_ignored() {
    let mut inspector = system();
    for text in [
        "",
        "{",
        "[]",
        "null",
        r#"{"container": 5}"#,
        r#"{"id": 7}"#,
        r#"{"container": {"id": "x", "labels": 3, "Mounts": {}}}"#,
    ] {
        let event = at(1, E::CONTAINER_JSON_2_E, -1).text(param::CONTAINER_JSON_2_E::json, text.as_bytes());
        let fields = ["container.labels", "container.mounts", "container.mount[0]", "k8s.pod.labels"];
        let want = if text.contains("Mounts") { ["", "", "<NA>", ""] } else { ["<NA>"; 4] };
        assert_eq!(see(&mut inspector, event, &fields), want, "{text}");
    }
}

#[test]
fn an_engine_that_is_disabled_has_no_containers() {
    let mut engines = eyas_sinsp::state::Engines::default();
    engines.lxc = false;
    let mut inspector = script::system_with(eyas_sinsp::Config::default().with_engines(engines));
    let inside = |second, group: &[u8]| {
        exec(second, 10, b"cat", b"").bytes(param::SYSCALL_EXECVE_19_X::cgroups, group)
    };
    assert_eq!(see(&mut inspector, inside(1, b"cpu=/lxc.payload.web\0"), &["container.id"]), ["host"]);
    // Another snapshot does not change the disabled engines.
    inspector.load(script::beginning());
    assert_eq!(see(&mut inspector, inside(2, b"cpu=/lxc.payload.web\0"), &["container.id"]), ["host"]);
    assert_eq!(see(&mut inspector, inside(3, b"cpu=/bpm-web\0"), &["container.id"]), ["web"]);
}

#[test]
fn a_namespace_of_containerd_is_known_by_its_containers() {
    let mut inspector = system();
    let inside = exec(1, 10, b"cat", b"");
    let inside = inside.bytes(param::SYSCALL_EXECVE_19_X::cgroups, b"cpu=/team/web\0");
    let fields = ["container.id", "container.name", "container.type"];
    assert_eq!(see(&mut inspector, inside, &fields), ["host", "host", "host"]);
    let told = json!({"container": {"id": "web", "name": "web", "type": 7, "namespace": "team"}});
    see(&mut inspector, reported(2, &told), &[]);
    // The process that is already running, and others.
    assert_eq!(see(&mut inspector, close(3, 10, 99), &fields), ["web", "web", "containerd"]);
}
