//! Restarts of containers and runtimes, and runtimes that replace each other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use hyper::body::Bytes;
use tokio::sync::mpsc::UnboundedSender;

use super::*;
use crate::state::Kind;

/// What a runtime has of containers, by their ids, and the streams of its events, one after the other.
#[derive(Default)]
struct World {
    containers: BTreeMap<String, Json>,
    streams: VecDeque<Reply>,
    /// The requests that the streams got.
    queries: Vec<String>,
    /// Questions for containers.
    inspected: usize,
}

struct Docker {
    world: Arc<Mutex<World>>,
    _server: Server,
}

impl Docker {
    fn new(socket: &Path) -> Self {
        let world = Arc::<Mutex<World>>::default();
        let known = world.clone();
        let server = Server::http(socket, move |question| {
            let mut world = known.lock().unwrap();
            if question.path == "/events" {
                world.queries.push(question.query.clone());
                return world.streams.pop_front().unwrap_or(Reply::Silence);
            }
            let id = question.path.strip_prefix("/containers/").and_then(|rest| rest.split('/').next());
            world.inspected += usize::from(id.is_some());
            let found = id.and_then(|id| world.containers.iter().find(|(full, _)| full.starts_with(id)));
            found.map_or(Reply::Http(404, Vec::new()), |(_, json)| Reply::json(json))
        });
        Self { world, _server: server }
    }

    /// Another stream that events can be sent into.
    fn stream(&self) -> UnboundedSender<Bytes> {
        let (send, stream) = Reply::stream();
        self.world.lock().unwrap().streams.push_back(stream);
        send
    }

    fn put(&self, id: &str, name: &str, ip: &str) {
        let json = json!({"Id": id, "Name": format!("/{name}"), "NetworkSettings": {"IPAddress": ip}});
        self.world.lock().unwrap().containers.insert(id.to_owned(), json);
    }

    /// Waits until this many streams were requested.
    fn wait_for_streams(&self, count: usize) {
        let began = Instant::now();
        while self.world.lock().unwrap().queries.len() < count {
            assert!(began.elapsed() < LONG, "no stream");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn event(action: &str, id: &str) -> Bytes {
    format!("{}\n", json!({"Type": "container", "Action": action, "Actor": {"ID": id}})).into()
}

#[test]
fn a_stream_that_ends_is_followed_again_from_where_it_ended() {
    let dir = Dir::new("runtimes");
    let docker = Docker::new(&socket(&dir, "docker.sock"));
    let (first, second, third) = (docker.stream(), docker.stream(), docker.stream());
    docker.put(ID, "web", "10.0.0.1");
    let mut runtimes = start_with(&dir, &[(Api::Docker, "docker.sock")], |_| {});
    first.send(event("create", ID)).unwrap();
    assert_eq!(wait(&mut runtimes)["name"], "web");
    // The daemon is restarted: its streams end, one of them in the middle of an event.
    drop(first);
    docker.put(ID, "moved", "10.0.0.1");
    docker.wait_for_streams(2);
    second.send(event("rename", ID).slice(..10)).unwrap();
    drop(second);
    docker.wait_for_streams(3);
    third.send(event("rename", ID)).unwrap();
    assert_eq!(wait(&mut runtimes)["name"], "moved");
    let queries = docker.world.lock().unwrap().queries.clone();
    assert!(!queries[0].contains("since"), "{queries:?}");
    // What happened while there was no stream is reported, too.
    for query in &queries[1..] {
        let since: u64 = query.split_once("&since=").unwrap().1.parse().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(since <= now && now - since < 600, "{query}");
    }
}

#[test]
fn a_restarted_runtime_is_followed_again() {
    let dir = Dir::new("runtimes");
    let socket = socket(&dir, "docker.sock");
    let docker = Docker::new(&socket);
    let first = docker.stream();
    docker.put(ID, "web", "10.0.0.1");
    let mut runtimes = start_with(&dir, &[(Api::Docker, "docker.sock")], |_| {});
    first.send(event("create", ID)).unwrap();
    assert_eq!(wait(&mut runtimes)["name"], "web");
    drop(docker);
    drop(first);
    std::fs::remove_file(&socket).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    // It has its stream and its container when it is found.
    let new = dir.join("new.sock");
    let docker = Docker::new(&new);
    let second = docker.stream();
    docker.put(ID, "again", "10.0.0.1");
    std::fs::rename(&new, &socket).unwrap();
    docker.wait_for_streams(1);
    second.send(event("start", ID)).unwrap();
    assert_eq!(wait(&mut runtimes)["name"], "again");
}

#[test]
fn a_container_that_restarts_or_gets_another_name_is_inspected_again() {
    let dir = Dir::new("runtimes");
    let docker = Docker::new(&socket(&dir, "docker.sock"));
    let stream = docker.stream();
    docker.put(ID, "web", "");
    let mut runtimes = start_with(&dir, &[(Api::Docker, "docker.sock")], |_| {});
    for (action, name, ip) in [
        ("create", "web", ""),
        ("start", "web", "10.0.0.1"),
        ("restart", "web", "10.0.0.2"),
        ("rename", "shop", "10.0.0.2"),
        ("start", "shop", "10.0.0.3"),
    ] {
        docker.put(ID, name, ip);
        stream.send(event(action, ID)).unwrap();
        let found = wait(&mut runtimes);
        assert_eq!((&found["name"], &found["ip"]), (&name.into(), &ip.into()), "{action}");
    }
    // Its end says nothing new.
    for action in ["kill", "die", "stop", "destroy"] {
        stream.send(event(action, ID)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    assert!(runtimes.take_result().is_none());
}

#[test]
fn a_name_may_be_that_of_another_container_a_moment_later() {
    let other = "1".repeat(64);
    let dir = Dir::new("runtimes");
    let docker = Docker::new(&socket(&dir, "docker.sock"));
    let stream = docker.stream();
    let mut runtimes = start_with(&dir, &[(Api::Docker, "docker.sock")], |_| {});
    docker.put(ID, "web", "10.0.0.1");
    stream.send(event("create", ID)).unwrap();
    assert_eq!(wait(&mut runtimes)["full_id"], ID);
    stream.send(event("destroy", ID)).unwrap();
    docker.world.lock().unwrap().containers.remove(ID);
    docker.put(&other, "web", "10.0.0.2");
    stream.send(event("create", &other)).unwrap();
    let found = wait(&mut runtimes);
    assert_eq!((&found["full_id"], &found["name"]), (&other.as_str().into(), &"web".into()));
    // One that is gone before it is inspected is no other one's: nothing comes of it.
    stream.send(event("create", ID)).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(runtimes.take_result().is_none());
    // As with an id that another container begins with.
    assert!(runtimes.request(b"111111111111"));
    assert_eq!(wait(&mut runtimes)["full_id"], other.as_str());
}

#[test]
fn podman_in_the_place_of_docker_is_podman() {
    let dir = Dir::new("runtimes");
    let podman = Docker::new(&socket(&dir, "run/podman/podman.sock"));
    let stream = podman.stream();
    podman.put(ID, "web", "10.0.0.1");
    std::os::unix::fs::symlink("podman/podman.sock", dir.join("run/docker.sock")).unwrap();
    let endpoints = [(Api::Docker, "run/docker.sock"), (Api::Podman, "run/podman/podman.sock")];
    let mut runtimes = start_with(&dir, &endpoints, |_| {});
    stream.send(event("create", ID)).unwrap();
    let mut found = wait(&mut runtimes);
    for _ in 0..4 {
        assert_eq!((&found["name"], &found["type"]), (&"web".into(), &(Kind::Podman as u8).into()));
        found = request(&mut runtimes);
    }
    // One stream, and one query for each, not two: eyas does not treat it as Docker.
    let world = podman.world.lock().unwrap();
    assert_eq!(world.queries.len(), 1);
    assert!((5..10).contains(&world.inspected), "{}", world.inspected);
    // If Podman is not queried, eyas treats the socket as Docker's.
    drop(world);
    let mut runtimes = start(&dir, &[(Api::Docker, "run/docker.sock")]);
    assert_eq!(request(&mut runtimes)["type"], Kind::Docker as u8);
}

#[test]
fn the_first_runtime_that_knows_a_container_wins_and_no_other_is_queried() {
    let dir = Dir::new("runtimes");
    let (docker, podman) =
        (Docker::new(&socket(&dir, "docker.sock")), Docker::new(&socket(&dir, "podman.sock")));
    docker.put(ID, "of-docker", "10.0.0.1");
    podman.put(ID, "of-podman", "10.0.0.2");
    let endpoints = [(Api::Docker, "docker.sock"), (Api::Podman, "podman.sock")];
    let mut runtimes = start(&dir, &endpoints);
    let found = request(&mut runtimes);
    // One of them, whole.
    let whole = [("of-docker", "10.0.0.1", Kind::Docker), ("of-podman", "10.0.0.2", Kind::Podman)];
    assert!(
        whole.iter().any(|(name, ip, kind)| {
            (&found["name"], &found["ip"], &found["type"])
                == (&(*name).into(), &(*ip).into(), &(*kind as u8).into())
        }),
        "{found}"
    );
    std::thread::sleep(Duration::from_millis(200));
    let asked = |one: &Docker| one.world.lock().unwrap().inspected;
    let asked = (asked(&docker), asked(&podman));
    assert!(asked.0 <= 2 && asked.1 <= 2, "it is known: {asked:?}");
}
