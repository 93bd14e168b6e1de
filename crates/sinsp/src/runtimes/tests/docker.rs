use super::*;

fn container() -> Json {
    json!({
        "Id": ID,
        "Created": "2026-02-03T04:05:06.789012345Z",
        "Name": "/web",
        "Image": format!("sha256:{}", "1".repeat(64)),
        "HostConfig": {"Privileged": true, "NetworkMode": "bridge", "PidMode": "host", "IpcMode": "private"},
        "Mounts": [{
            "Type": "bind", "Source": "/etc", "Destination": "/mnt", "Mode": "ro", "RW": false,
            "Propagation": "rprivate",
        }],
        "Config": {
            "Image": "quay.io/team/web:v1",
            "Env": ["A=b"],
            "Labels": {"team": "blue", "long": "x".repeat(101)},
            "Healthcheck": {"Test": ["CMD-SHELL", "curl localhost"]},
        },
        "NetworkSettings": {"IPAddress": "", "Networks": {"own": {"IPAddress": "172.18.0.2"}}},
    })
}

fn image() -> Json {
    json!({
        "Id": "sha256:11", "RepoTags": ["quay.io/team/web:v1"],
        "RepoDigests": ["quay.io/team/web@sha256:22"],
    })
}

fn reply(question: &server::Question) -> Reply {
    match question.path.as_str() {
        path if path.starts_with("/containers/7951fb549ab9") => Reply::json(&container()),
        path if path.starts_with("/images/1111") => Reply::json(&image()),
        _ => Reply::Http(404, br#"{"message": "no such thing"}"#.to_vec()),
    }
}

#[test]
fn a_container_is_described() {
    let dir = Dir::new("runtimes");
    let _server = Server::http(&socket(&dir, "docker.sock"), |question| reply(&question));
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    assert_eq!(
        request(&mut runtimes),
        json!({
            "type": 0,
            "id": SHORT,
            "full_id": ID,
            "name": "web",
            "image": "quay.io/team/web:v1",
            "imageid": "1".repeat(64),
            "imagerepo": "quay.io/team/web",
            "imagetag": "v1",
            "imagedigest": "sha256:22",
            "created_time": 1_770_091_506,
            "ip": "172.18.0.2",
            "cni_json": "",
            "privileged": true,
            "host_pid": true,
            "host_network": false,
            "host_ipc": false,
            "is_pod_sandbox": false,
            "pod_sandbox_id": "",
            "labels": {"team": "blue"},
            "pod_sandbox_labels": {},
            "env": ["A=b"],
            "Mounts": [{
                "Source": "/etc", "Destination": "/mnt", "Mode": "ro", "RW": false,
                "Propagation": "rprivate",
            }],
            "Healthcheck": {"exe": "/bin/sh", "args": ["-c", "curl localhost"]},
        })
    );
}

#[test]
fn the_size_of_a_container_is_queried_only_on_request() {
    for with_size in [false, true] {
        let dir = Dir::new("runtimes");
        let _server = Server::http(&socket(&dir, "docker.sock"), move |question| {
            let mut found = container();
            if question.query == "size=true" {
                found["SizeRw"] = json!(4711);
            }
            match question.path.starts_with("/containers/") {
                true => Reply::json(&found),
                false => reply(&question),
            }
        });
        let mut runtimes = start_with(&dir, &[(Api::Docker, "docker.sock")], |options| {
            options.follow = false;
            options.with_size = with_size;
        });
        assert_eq!(request(&mut runtimes).get("size").cloned(), with_size.then(|| json!(4711)));
    }
}

#[test]
fn a_container_without_details_is_one_still() {
    let dir = Dir::new("runtimes");
    let bare = json!({"Id": ID, "Name": null, "HostConfig": null});
    let bare = bare.as_object().unwrap().iter().filter(|(name, _)| *name != "Name");
    let bare: Json =
        bare.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into();
    let _server = Server::http(&socket(&dir, "docker.sock"), move |question| match question.path.as_str() {
        path if path.starts_with("/containers") => Reply::json(&bare),
        _ => Reply::Http(500, Vec::new()),
    });
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    let found = request(&mut runtimes);
    assert_eq!((&found["id"], &found["name"], &found["imagetag"]), (&json!(SHORT), &json!(""), &json!("")));
}

#[test]
fn a_network_shared_with_another_container_has_its_address() {
    let dir = Dir::new("runtimes");
    let _server = Server::http(&socket(&dir, "docker.sock"), |question| match question.path.as_str() {
        "/containers/other/json" => Reply::json(&json!({"NetworkSettings": {"IPAddress": "172.17.0.9"}})),
        path if path.starts_with("/containers") => {
            Reply::json(&json!({"Id": ID, "HostConfig": {"NetworkMode": "container:other"}}))
        }
        _ => Reply::Http(404, Vec::new()),
    });
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    assert_eq!(request(&mut runtimes)["ip"], "172.17.0.9");
}

#[test]
fn an_address_that_comes_late_is_reported_late() {
    let dir = Dir::new("runtimes");
    let _server = Server::http(&socket(&dir, "docker.sock"), |question| match question.number {
        0 => Reply::json(&json!({"Id": ID})),
        _ => reply(&question),
    });
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    assert_eq!(request(&mut runtimes)["ip"], "");
    assert_eq!(wait(&mut runtimes)["ip"], "172.18.0.2");
}

#[test]
fn sockets_of_users_are_found_below_the_root_and_queried_last() {
    let dir = Dir::new("runtimes");
    let claims = |name: &'static str| {
        move |question: server::Question| {
            let mut claim = container();
            claim["Name"] = name.into();
            match question.path.starts_with("/containers") {
                true => Reply::json(&claim),
                false => Reply::Http(404, Vec::new()),
            }
        }
    };
    let endpoints = [(Api::Podman, "run/user/*/podman/podman.sock"), (Api::Docker, "run/docker.sock")];
    let user = Server::http(&socket(&dir, "run/user/1000/podman/podman.sock"), claims("of-a-user"));
    let mut runtimes = start(&dir, &endpoints);
    let found = request(&mut runtimes);
    assert_eq!((&found["name"], &found["type"]), (&json!("of-a-user"), &json!(11)));
    let before = user.count();
    let _system = Server::http(&socket(&dir, "run/docker.sock"), claims("of-the-system"));
    assert_eq!(request(&mut runtimes)["name"], "of-the-system");
    assert_eq!(user.count(), before);
}
