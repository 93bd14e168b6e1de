use std::collections::HashMap;

use super::*;
use crate::runtimes::cri::messages as m;

pub(super) const POD: &str = "0123456789abffffffffffffffffffffffffffffffffffffffffffffffffffff";

fn map(entries: &[(&str, &str)]) -> HashMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn status() -> m::ContainerStatusResponse {
    let info = json!({
        "config": {
            "envs": [{"key": "A", "value": "b"}],
            "linux": {"security_context": {"privileged": true}},
        },
    });
    m::ContainerStatusResponse {
        status: Some(m::ContainerStatus {
            id: ID.into(),
            metadata: Some(m::ContainerMetadata { name: "app".into() }),
            created_at: 1_770_091_506_789_012_345,
            image: Some(m::ImageSpec { image: "quay.io/team/app:v1".into(), ..m::ImageSpec::default() }),
            image_ref: "quay.io/team/app@sha256:22".into(),
            labels: map(&[("team", "blue")]),
            mounts: vec![m::Mount {
                container_path: "/mnt".into(),
                host_path: "/etc".into(),
                readonly: true,
                propagation: 2,
            }],
            image_id: "sha256:11".into(),
        }),
        info: map(&[("info", &info.to_string())]),
    }
}

fn pod() -> m::PodSandboxStatusResponse {
    let cni = json!({"cniResult": {"Interfaces": {
        "lo": {"IPConfigs": [{"IP": "127.0.0.1"}]},
        "veth7": {},
        "eth0": {"IPConfigs": [{"IP": "10.1.2.3"}], "Mac": "00:11", "Sandbox": "/var/run/netns/x"},
    }}});
    let applied = json!({"spec": {"containers": [
        {"name": "sidecar"},
        {"name": "app", "livenessProbe": {"exec": {"command": ["/bin/live", "-q"]}}},
    ]}});
    let options = m::NamespaceOption { network: 0, pid: 2, ipc: 1 };
    m::PodSandboxStatusResponse {
        status: Some(m::PodSandboxStatus {
            id: POD.into(),
            metadata: Some(m::PodSandboxMetadata {
                name: "app-5f7".into(),
                uid: "4711".into(),
                namespace: "shop".into(),
            }),
            created_at: 5_000_000_000,
            network: Some(m::PodSandboxNetworkStatus { ip: "10.1.2.3".into() }),
            linux: Some(m::LinuxPodSandboxStatus {
                namespaces: Some(m::Namespace { options: Some(options) }),
            }),
            labels: map(&[("app", "shop")]),
            annotations: map(&[("kubectl.kubernetes.io/last-applied-configuration", &applied.to_string())]),
        }),
        info: map(&[("info", &cni.to_string())]),
    }
}

/// A runtime with one container in one pod.
pub(super) fn reply(name: &str, question: &server::Question) -> Reply {
    match question.path.as_str() {
        "/runtime.v1.RuntimeService/Version" => {
            Reply::message(&m::VersionResponse { runtime_name: name.into() })
        }
        "/runtime.v1.RuntimeService/ListContainers" => {
            let filter = question.message::<m::ListContainersRequest>().filter.unwrap();
            let container = m::Container { id: ID.into(), pod_sandbox_id: POD.into() };
            let containers = if ID.starts_with(&filter.id) { vec![container] } else { Vec::new() };
            Reply::message(&m::ListContainersResponse { containers })
        }
        "/runtime.v1.RuntimeService/ContainerStatus" => {
            let request: m::ContainerStatusRequest = question.message();
            assert_eq!((request.container_id.as_str(), request.verbose), (ID, true));
            Reply::message(&status())
        }
        "/runtime.v1.RuntimeService/PodSandboxStatus" => {
            let request: m::PodSandboxStatusRequest = question.message();
            match POD.starts_with(&request.pod_sandbox_id) {
                true => Reply::message(&pod()),
                false => Reply::Grpc(5, Default::default()),
            }
        }
        "/runtime.v1.ImageService/ImageStatus" => Reply::message(&m::ImageStatusResponse {
            image: Some(m::Image {
                id: "sha256:33".into(),
                repo_tags: vec!["quay.io/team/app:v1".into()],
                repo_digests: Vec::new(),
            }),
        }),
        "/runtime.v1.RuntimeService/ContainerStats" => Reply::message(&m::ContainerStatsResponse {
            stats: Some(m::ContainerStats {
                writable_layer: Some(m::FilesystemUsage { used_bytes: Some(m::Bytes { value: 4711 }) }),
            }),
        }),
        other => panic!("{other}"),
    }
}

#[test]
fn the_size_of_a_container_is_queried_only_on_request() {
    for with_size in [false, true] {
        let dir = Dir::new("runtimes");
        let _server = Server::grpc(&socket(&dir, "crio.sock"), |question| reply("cri-o", &question));
        let mut runtimes = start_with(&dir, &[(Api::Cri, "crio.sock")], |options| {
            options.follow = false;
            options.with_size = with_size;
        });
        assert_eq!(request(&mut runtimes).get("size").cloned(), with_size.then(|| json!(4711)));
    }
}

#[test]
fn a_container_and_its_pod_are_described() {
    let dir = Dir::new("runtimes");
    let _server = Server::grpc(&socket(&dir, "containerd.sock"), |question| reply("containerd", &question));
    let mut runtimes = start(&dir, &[(Api::Cri, "containerd.sock")]);
    assert_eq!(
        request(&mut runtimes),
        json!({
            "type": 7,
            "id": SHORT,
            "full_id": ID,
            "name": "app",
            "image": "quay.io/team/app:v1",
            "imageid": "33",
            "imagerepo": "quay.io/team/app",
            "imagetag": "v1",
            "imagedigest": "sha256:22",
            "created_time": 1_770_091_506,
            "ip": "10.1.2.3",
            "cni_json": r#"{"eth0":{"IPConfigs":[{"IP":"10.1.2.3"}]}}"#,
            "privileged": true,
            "host_pid": true,
            "host_network": false,
            "host_ipc": false,
            "is_pod_sandbox": false,
            "pod_sandbox_id": POD,
            "labels": {
                "io.kubernetes.pod.name": "app-5f7",
                "io.kubernetes.pod.namespace": "shop",
                "io.kubernetes.pod.uid": "4711",
                "io.kubernetes.sandbox.id": POD,
                "team": "blue",
            },
            "pod_sandbox_labels": {"app": "shop"},
            "env": ["A=b"],
            "Mounts": [{
                "Source": "/etc", "Destination": "/mnt", "Mode": "", "RW": false, "Propagation": "rshared",
            }],
            "LivenessProbe": {"exe": "/bin/live", "args": ["-q"]},
        })
    );
}

#[test]
fn a_pod_itself_is_described() {
    let dir = Dir::new("runtimes");
    let _server = Server::grpc(&socket(&dir, "crio.sock"), |question| reply("cri-o", &question));
    let mut runtimes = start(&dir, &[(Api::Cri, "crio.sock")]);
    assert!(runtimes.request(&POD.as_bytes()[..12]));
    let found = wait(&mut runtimes);
    assert_eq!((&found["type"], &found["is_pod_sandbox"]), (&json!(8), &json!(true)));
    assert_eq!(
        (&found["name"], &found["labels"]["io.kubernetes.pod.namespace"]),
        (&json!("app-5f7"), &json!("shop"))
    );
}

#[test]
fn replies_of_cri_o_are_understood() {
    let dir = Dir::new("runtimes");
    let info = json!({
        "privileged": true,
        "runtimeSpec": {
            "process": {"env": ["A=b"]},
            "annotations": {"io.kubernetes.cri-o.ImageName": "docker.io/library/nginx:1.27"},
        },
    });
    let cni = json!({"runtimeSpec": {"annotations": {"io.kubernetes.cri-o.CNIResult": "{\"ips\":[]}"}}});
    let _server = Server::grpc(&socket(&dir, "crio.sock"), move |question| {
        match question.path.rsplit('/').next().unwrap() {
            "ContainerStatus" => {
                let mut answer = status();
                let status = answer.status.as_mut().unwrap();
                status.image = Some(m::ImageSpec { image: "sha256:33".into(), ..m::ImageSpec::default() });
                status.image_ref = "sha256:44".into();
                answer.info = map(&[("info", &info.to_string())]);
                Reply::message(&answer)
            }
            "PodSandboxStatus" => Reply::message(&m::PodSandboxStatusResponse {
                info: map(&[("info", &cni.to_string())]),
                ..pod()
            }),
            "ImageStatus" => Reply::Grpc(12, Default::default()),
            _ => reply("cri-o", &question),
        }
    });
    let mut runtimes = start(&dir, &[(Api::Cri, "crio.sock")]);
    let found = request(&mut runtimes);
    for (name, value) in [
        ("type", json!(8)),
        ("image", json!("docker.io/library/nginx:1.27")),
        ("imagerepo", json!("docker.io/library/nginx")),
        ("imagetag", json!("1.27")),
        ("imageid", json!("11")),
        ("imagedigest", json!("sha256:44")),
        ("privileged", json!(true)),
        ("env", json!(["A=b"])),
        ("cni_json", json!("{\"ips\":[]}")),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
}

#[test]
fn a_failed_query_of_a_runtime_is_repeated() {
    let dir = Dir::new("runtimes");
    let server = Server::grpc(&socket(&dir, "containerd.sock"), |question| match question.number {
        0 => Reply::Grpc(14, Default::default()),
        1 => Reply::Http(503, Vec::new()),
        // No message, one that is cut, one that is packed, one that is none.
        2 => Reply::Grpc(0, Default::default()),
        3 => Reply::Grpc(0, b"\0\0\0\0\x09\x12\x07"[..].into()),
        4 => Reply::Grpc(0, b"\x01\0\0\0\0"[..].into()),
        5 => Reply::Grpc(0, b"\0\0\0\0\x02\xff\xff"[..].into()),
        6 => Reply::Grpc(0, vec![0; wire::MAX_ANSWER + 1].into()),
        _ => reply("containerd", &question),
    });
    let mut runtimes = start(&dir, &[(Api::Cri, "containerd.sock")]);
    assert_eq!(request(&mut runtimes)["name"], "app");
    assert_eq!(server.count(), 7 + 5);
}

#[test]
fn a_query_of_a_runtime_that_timed_out_is_repeated() {
    let dir = Dir::new("runtimes");
    let _server = Server::grpc(&socket(&dir, "containerd.sock"), |question| match question.number {
        0 => Reply::Silence,
        _ => reply("containerd", &question),
    });
    let mut runtimes = start_with(&dir, &[(Api::Cri, "containerd.sock")], |options| {
        (options.follow, options.deadline) = (false, Duration::from_millis(400));
    });
    assert_eq!(request(&mut runtimes)["name"], "app");
    assert!(runtimes.stats().failures > 0);
}
