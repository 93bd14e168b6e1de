use std::sync::Mutex;

use hyper::body::Bytes;
use prost::Message;

use super::*;
use crate::runtimes::containerd::messages as m;

const NAMED: &str = "a-test-container";

fn spec() -> Json {
    json!({
        "process": {"env": ["A=b"], "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind", "rprivate", "ro"]},
        ],
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "ipc"}]},
        "annotations": {
            "io.kubernetes.cri.sandbox-id": "0123456789abcdef",
            "io.kubernetes.cri.sandbox-name": "web-1",
            "io.kubernetes.cri.sandbox-namespace": "shop",
        },
    })
}

fn container(id: &str, labels: &[(&str, &str)]) -> m::Container {
    m::Container {
        id: id.into(),
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        image: "quay.io/team/web:v1".into(),
        spec: Some(m::Any { value: spec().to_string().into_bytes() }),
        created_at: Some(m::Timestamp { seconds: 1_770_091_506 }),
    }
}

/// A containerd with a container of `ctr`, and the container of a pod in Kubernetes' namespace.
fn reply(question: &server::Question) -> Reply {
    match question.path.as_str() {
        "/containerd.services.namespaces.v1.Namespaces/List" => {
            let namespaces = ["moby", "k8s.io", "foo"].map(|name| m::Namespace { name: name.into() });
            Reply::message(&m::ListNamespacesResponse { namespaces: namespaces.into() })
        }
        "/containerd.services.containers.v1.Containers/List" => {
            let asked: m::ListContainersRequest = question.message();
            let known = match question.namespace.as_deref() {
                Some("foo") => {
                    let others = ["tiny10", "tiny1"].map(|name| container(name, &[]));
                    [vec![container(NAMED, &[("team", "blue")])], others.into()].concat()
                }
                Some("k8s.io") => vec![container(ID, &[("io.cri-containerd.kind", "sandbox")])],
                other => panic!("{other:?} is not asked"),
            };
            let fits = |c: &m::Container| {
                asked.filters.is_empty()
                    || asked.filters.iter().any(|filter| {
                        filter.strip_prefix("id~=^").is_some_and(|id| c.id.starts_with(&id.replace('\\', "")))
                    })
            };
            Reply::message(&m::ListContainersResponse {
                containers: known.into_iter().filter(fits).collect(),
            })
        }
        "/containerd.services.images.v1.Images/Get" => {
            let target = Some(m::Descriptor { digest: "sha256:22".into() });
            Reply::message(&m::GetImageResponse { image: Some(m::Image { target }) })
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_container_of_any_namespace_is_described() {
    let dir = Dir::new("runtimes");
    let _server = Server::grpc(&socket(&dir, "containerd.sock"), |question| reply(&question));
    let mut runtimes = start(&dir, &[(Api::Containerd, "containerd.sock")]);
    assert!(runtimes.request(&NAMED.as_bytes()[..12]));
    let found = wait(&mut runtimes);
    for (name, value) in [
        ("id", json!("a-test-conta")),
        ("full_id", json!(NAMED)),
        ("name", json!(NAMED)),
        ("type", json!(7)),
        ("namespace", json!("foo")),
        ("image", json!("quay.io/team/web:v1")),
        ("imagerepo", json!("quay.io/team/web")),
        ("imagetag", json!("v1")),
        ("imagedigest", json!("sha256:22")),
        ("created_time", json!(1_770_091_506)),
        ("privileged", json!(true)),
        ("host_network", json!(true)),
        ("host_pid", json!(false)),
        ("env", json!(["A=b"])),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    assert_eq!(found["labels"]["team"], "blue");
    assert_eq!(found["Mounts"].as_array().unwrap().len(), 1);
    assert_eq!((&found["Mounts"][0]["RW"], &found["Mounts"][0]["Source"]), (&json!(false), &json!("/etc")));
}

#[test]
fn a_container_whose_name_is_a_prefix_of_another_s_is_found() {
    let dir = Dir::new("runtimes");
    let _server = Server::grpc(&socket(&dir, "containerd.sock"), |question| reply(&question));
    let mut runtimes = start(&dir, &[(Api::Containerd, "containerd.sock")]);
    for name in ["tiny1", "tiny10"] {
        assert!(runtimes.request(name.as_bytes()));
        assert_eq!(wait(&mut runtimes)["full_id"], name);
    }
}

#[test]
fn a_pod_is_known_before_kubernetes_interface_knows_it() {
    let dir = Dir::new("runtimes");
    let (send, stream) = Reply::stream();
    let stream = Mutex::new(Some(stream));
    let is_late = Arc::new(Mutex::new(true));
    let late = is_late.clone();
    let _server = Server::grpc(&socket(&dir, "containerd.sock"), move |question| {
        match question.path.rsplit('/').next().unwrap() {
            "Subscribe" => stream.lock().unwrap().take().unwrap_or(Reply::Silence),
            "GetContainerEvents" => Reply::Grpc(12, Bytes::new()),
            "ListContainers" if *late.lock().unwrap() => {
                Reply::Grpc(0, wire::frame(&m::ListNamespacesRequest {}))
            }
            "PodSandboxStatus" if *late.lock().unwrap() => Reply::Grpc(5, Bytes::new()),
            _ if question.path.starts_with("/runtime.") => super::cri::reply("containerd", &question),
            _ => reply(&question),
        }
    });
    let both = [(Api::Cri, "containerd.sock"), (Api::Containerd, "containerd.sock")];
    let mut runtimes = start_with(&dir, &both, |_| {});
    // What runs already is known by itself, but for what others say more of.
    for _ in [NAMED, "tiny1", "tiny10"] {
        assert_eq!(wait(&mut runtimes)["namespace"], "foo");
    }
    let event = Some(m::Any { value: m::ContainerCreate { id: ID.into() }.encode_to_vec() });
    let envelope = |namespace: &str| m::Envelope {
        namespace: namespace.into(),
        topic: "/containers/create".into(),
        event: event.clone(),
    };
    send.send(wire::frame(&envelope("moby"))).unwrap();
    send.send(wire::frame(&envelope("k8s.io"))).unwrap();
    let found = wait(&mut runtimes);
    assert_eq!((&found["name"], &found["is_pod_sandbox"]), (&json!("web-1"), &json!(true)));
    assert_eq!(found["labels"]["io.kubernetes.pod.namespace"], "shop");
    assert_eq!(found["pod_sandbox_id"], "0123456789abcdef");
    *is_late.lock().unwrap() = false;
    let began = Instant::now();
    while wait(&mut runtimes)["name"] != "app" {
        assert!(began.elapsed() < LONG);
    }
}
