//! Events of runtimes, and lookups of containers while another runtime hangs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::body::Bytes;
use prost::Message;
use tokio::sync::mpsc::UnboundedSender;

use super::*;
use crate::runtimes::cri::messages as m;

/// A runtime whose events the test sends, and which knows each container by the name that it has now.
struct Runtime {
    send: UnboundedSender<Bytes>,
    name: Arc<Mutex<String>>,
    _server: Server,
}

impl Runtime {
    fn docker(socket: &Path) -> Self {
        let (send, stream) = Reply::stream();
        let (stream, name) = (Mutex::new(Some(stream)), Arc::new(Mutex::new("web".to_owned())));
        let known = name.clone();
        let server = Server::http(socket, move |question| match question.path.as_str() {
            "/events" => stream.lock().unwrap().take().unwrap_or(Reply::Silence),
            path if path.starts_with("/containers/7951fb549ab9") => Reply::json(&json!({
                "Id": ID, "Name": format!("/{}", known.lock().unwrap()), "NetworkSettings": {"IPAddress": "1.2.3.4"},
            })),
            _ => Reply::Http(404, Vec::new()),
        });
        Self { send, name, _server: server }
    }

    fn tell(&self, event: &Json) {
        self.send.send(format!("{event}\n").into()).unwrap();
    }
}

fn follow(dir: &Dir, endpoints: &[(Api, &str)]) -> Runtimes {
    start_with(dir, endpoints, |_| {})
}

/// Whether nothing comes for a moment.
fn is_silent(runtimes: &mut Runtimes) -> bool {
    std::thread::sleep(Duration::from_millis(30));
    runtimes.take_result().is_none()
}

#[test]
fn a_container_is_known_when_it_is_created() {
    for api in [Api::Docker, Api::Podman] {
        let dir = Dir::new("runtimes");
        let runtime = Runtime::docker(&socket(&dir, "docker.sock"));
        let mut runtimes = follow(&dir, &[(api, "docker.sock")]);
        runtime.tell(&json!({"Type": "container", "Action": "create", "Actor": {"ID": ID}}));
        assert_eq!(wait(&mut runtimes)["name"], "web");
        // The older form, and what is of no interest.
        *runtime.name.lock().unwrap() = "other".into();
        runtime.send.send("no event\n".into()).unwrap();
        runtime.tell(&json!({"status": "exec_create: sh", "id": ID}));
        runtime.tell(&json!({"status": "die", "id": ID}));
        runtime.tell(&json!({"status": "create", "id": "../../images"}));
        assert!(is_silent(&mut runtimes));
        runtime.tell(&json!({"status": "rename", "id": ID}));
        assert_eq!(wait(&mut runtimes)["name"], "other");
    }
}

#[test]
fn an_event_may_come_in_pieces() {
    let dir = Dir::new("runtimes");
    let runtime = Runtime::docker(&socket(&dir, "docker.sock"));
    let mut runtimes = follow(&dir, &[(Api::Docker, "docker.sock")]);
    let event = format!("{}\n", json!({"Action": "start", "Actor": {"ID": ID}}));
    let (front, back) = event.split_at(20);
    runtime.send.send(front.to_owned().into()).unwrap();
    assert!(is_silent(&mut runtimes));
    runtime.send.send(back.to_owned().into()).unwrap();
    assert_eq!(wait(&mut runtimes)["full_id"], ID);
}

#[test]
fn pods_and_containers_of_kubernetes_are_known_when_they_are_created() {
    let dir = Dir::new("runtimes");
    let (send, stream) = Reply::stream();
    let stream = Mutex::new(Some(stream));
    let _server = Server::grpc(&socket(&dir, "containerd.sock"), move |question| {
        match question.path.rsplit('/').next().unwrap() {
            "GetContainerEvents" => stream.lock().unwrap().take().unwrap_or(Reply::Silence),
            _ => super::cri::reply("containerd", &question),
        }
    });
    let mut runtimes = follow(&dir, &[(Api::Cri, "containerd.sock")]);
    let event = |id: &str, kind| {
        let event = m::ContainerEventResponse { container_id: id.into(), container_event_type: kind };
        wire::frame(&event)
    };
    // Deleted, then created; two messages in one piece, the second one cut.
    let created = event(ID, 0);
    let both = [event(ID, 3), created.slice(..9)].concat();
    send.send(both.into()).unwrap();
    assert!(is_silent(&mut runtimes));
    send.send(created.slice(9..)).unwrap();
    assert_eq!(wait(&mut runtimes)["name"], "app");
    send.send(event(super::cri::POD, 0)).unwrap();
    assert_eq!(wait(&mut runtimes)["is_pod_sandbox"], true);
    assert!(m::ContainerEventResponse::decode(&created[5..]).is_ok());
}

#[test]
fn a_runtime_without_events_is_queried() {
    let dir = Dir::new("runtimes");
    let refused = Arc::new(AtomicUsize::new(0));
    let (by_cri, by_docker) = (refused.clone(), refused.clone());
    let _cri = Server::grpc(&socket(&dir, "containerd.sock"), move |question| {
        match question.path.rsplit('/').next().unwrap() {
            "GetContainerEvents" => {
                by_cri.fetch_add(1, Ordering::Relaxed);
                Reply::Grpc(12, Bytes::new())
            }
            _ => super::cri::reply("containerd", &question),
        }
    });
    let _docker = Server::http(&socket(&dir, "docker.sock"), move |question| match question.path.as_str() {
        "/events" => {
            by_docker.fetch_add(1, Ordering::Relaxed);
            Reply::Http(403, Vec::new())
        }
        _ => Reply::Http(404, Vec::new()),
    });
    let mut runtimes = follow(&dir, &[(Api::Cri, "containerd.sock"), (Api::Docker, "docker.sock")]);
    let began = Instant::now();
    while refused.load(Ordering::Relaxed) < 2 {
        assert!(began.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(request(&mut runtimes)["name"], "app");
    assert_eq!(runtimes.stats().failures, 0);
}

#[test]
fn containers_of_a_user_are_known_although_the_system_s_runtime_hangs() {
    let dir = Dir::new("runtimes");
    let _silent = Server::http(&socket(&dir, "docker.sock"), |_| Reply::Silence);
    let _user = Runtime::docker(&socket(&dir, "run/user/7/podman.sock"));
    let endpoints = [(Api::Docker, "docker.sock"), (Api::Podman, "run/user/*/podman.sock")];
    let mut runtimes = start_with(&dir, &endpoints, |options| {
        (options.deadline, options.patience) = (Duration::from_secs(3600), Duration::from_millis(100));
        options.follow = false;
    });
    assert_eq!(request(&mut runtimes)["name"], "web");
}

#[test]
fn the_last_answer_is_of_the_last_event() {
    let dir = Dir::new("runtimes");
    let (send, stream) = Reply::stream();
    let (stream, number) = (Mutex::new(Some(stream)), AtomicUsize::new(0));
    let _server = Server::http(&socket(&dir, "docker.sock"), move |question| match question.path.as_str() {
        "/events" => stream.lock().unwrap().take().unwrap_or(Reply::Silence),
        path if path.starts_with("/containers") => {
            // Each reply is another one; events continue to arrive while the test waits for the first.
            let number = number.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(if number == 0 { 30 } else { 0 }));
            Reply::json(&json!({"Id": ID, "Name": format!("/{number}")}))
        }
        _ => Reply::Http(404, Vec::new()),
    });
    let mut runtimes = follow(&dir, &[(Api::Docker, "docker.sock")]);
    for action in ["create", "start", "rename"] {
        send.send(format!("{}\n", json!({"Action": action, "Actor": {"ID": ID}})).into()).unwrap();
    }
    assert_eq!(wait(&mut runtimes)["name"], "0");
    assert_eq!(wait(&mut runtimes)["name"], "1");
}

#[test]
fn a_user_s_runtime_cannot_claim_containers_of_the_system() {
    let dir = Dir::new("runtimes");
    let user = Runtime::docker(&socket(&dir, "run/user/1000/podman.sock"));
    *user.name.lock().unwrap() = "of-a-user".into();
    let _system = Runtime::docker(&socket(&dir, "docker.sock"));
    let mut runtimes = follow(&dir, &[(Api::Podman, "run/user/*/podman.sock"), (Api::Docker, "docker.sock")]);
    user.tell(&json!({"Action": "create", "Actor": {"ID": ID}}));
    assert!(is_silent(&mut runtimes), "its events are not followed");
    assert_eq!(request(&mut runtimes)["name"], "web");
}

#[test]
fn a_runtime_that_hangs_holds_up_no_other() {
    let dir = Dir::new("runtimes");
    let _silent = Server::http(&socket(&dir, "docker.sock"), |_| Reply::Silence);
    let _good = Runtime::docker(&socket(&dir, "podman.sock"));
    let _user = Runtime::docker(&socket(&dir, "run/user/7/podman.sock"));
    let endpoints =
        [(Api::Docker, "docker.sock"), (Api::Podman, "podman.sock"), (Api::Podman, "run/user/*/podman.sock")];
    let mut runtimes = start_with(&dir, &endpoints, |options| {
        (options.deadline, options.patience) = (Duration::from_secs(3600), Duration::from_millis(100));
    });
    for number in 0..100 {
        assert!(runtimes.request(format!("{number:012}").as_bytes()));
    }
    assert_eq!(request(&mut runtimes)["name"], "web");
}

#[test]
fn a_socket_that_appears_is_used_at_the_next_process() {
    // Where the first question had to wait for a CPU, the socket was there already.
    assert!((0..20).any(|_| waits_for_a_process()), "no process, no question");
}

/// Whether eyas does not query a socket that appears before the next process begins.
fn waits_for_a_process() -> bool {
    let dir = Dir::new("runtimes");
    let begin = |follow| {
        start_with(&dir, &[(Api::Docker, "docker.sock")], move |options| {
            options.retry = Duration::from_secs(3600);
            options.follow = follow;
        })
    };
    let (mut asked, mut woken) = (begin(false), begin(true));
    assert!(asked.request(SHORT.as_bytes()) && woken.request(SHORT.as_bytes()));
    assert!(is_silent(&mut asked));
    let _runtime = Runtime::docker(&socket(&dir, "docker.sock"));
    if !is_silent(&mut asked) {
        return false;
    }
    assert_eq!(request(&mut asked)["name"], "web");
    // Whose events are followed, the socket itself is looked for.
    assert_eq!(wait(&mut woken)["name"], "web");
    true
}

#[test]
fn failures_are_counted_by_socket_until_it_responds() {
    let dir = Dir::new("runtimes");
    let socket = socket(&dir, "docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock"), (Api::Cri, "missing.sock")]);
    assert!(runtimes.request(SHORT.as_bytes()));
    let began = Instant::now();
    while runtimes.stats().failures == 0 {
        assert!(began.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(2));
    }
    let stats = runtimes.stats();
    let [failing] = &stats.sockets[..] else { panic!("{stats:?}") };
    assert_eq!(failing.socket, socket);
    assert!(failing.error.as_ref().unwrap().contains("refused"), "{failing:?}");
    std::fs::remove_file(&socket).unwrap();
    let _runtime = Runtime::docker(&socket);
    assert_eq!(request(&mut runtimes)["name"], "web");
    assert_eq!(runtimes.stats().sockets[0].error, None);
}
