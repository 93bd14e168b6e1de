use super::*;

fn good() -> Json {
    json!({"Id": ID, "Name": "/web", "NetworkSettings": {"IPAddress": "172.17.0.2"}})
}

#[test]
fn failed_queries_are_repeated_until_they_succeed() {
    let dir = Dir::new("runtimes");
    let deep = format!("{}{}", "{\"HostConfig\":".repeat(10_000), "}".repeat(10_000));
    let server = Server::http(&socket(&dir, "docker.sock"), move |question| match question.number {
        0 => Reply::Http(404, b"{}".to_vec()),
        1 => Reply::Http(500, b"{}".to_vec()),
        2 => Reply::Http(200, good().to_string().into_bytes()[..40].to_vec()),
        3 => Reply::Http(200, vec![b' '; wire::MAX_ANSWER + 1]),
        4 => Reply::Http(200, deep.clone().into_bytes()),
        5 => Reply::json(&json!({"Id": format!("ffff{ID}")})),
        6 => Reply::json(&json!(["no", "container"])),
        _ => Reply::json(&good()),
    });
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    assert_eq!(request(&mut runtimes)["name"], "web");
    assert_eq!(server.count(), 8);
    let stats = runtimes.stats();
    // 404 is no failure, and neither is a reply about another container.
    assert_eq!((stats.lookups, stats.failures), (8, 4), "{stats:?}");
}

#[test]
fn a_query_that_times_out_is_repeated() {
    let dir = Dir::new("runtimes");
    let server = Server::http(&socket(&dir, "docker.sock"), move |question| match question.number {
        0 => Reply::Silence,
        _ => Reply::json(&good()),
    });
    let mut runtimes = start_with(&dir, &[(Api::Docker, "docker.sock")], |options| {
        (options.follow, options.deadline) = (false, Duration::from_millis(400));
    });
    assert_eq!(request(&mut runtimes)["name"], "web");
    // On a busy machine, another one may be late.
    let (stats, count) = (runtimes.stats(), server.count() as u64);
    assert!(count >= 2 && (stats.lookups, stats.failures) == (count, count - 1), "{stats:?}");
    let last = stats.last_error.unwrap();
    assert!(last.contains("docker.sock: no response within"), "{last}");
}

#[test]
fn one_that_never_answers_holds_up_nobody() {
    let dir = Dir::new("runtimes");
    let _silent = Server::http(&socket(&dir, "silent.sock"), |_| Reply::Silence);
    let _cut =
        Server::raw(&socket(&dir, "cut.sock"), b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Id\"");
    let _junk = Server::raw(&socket(&dir, "junk.sock"), b"\0\0\xff\xff");
    let _good = Server::http(&socket(&dir, "good.sock"), |_| Reply::json(&good()));
    let mut runtimes = start_with(
        &dir,
        &[
            (Api::Docker, "silent.sock"),
            (Api::Cri, "silent.sock"),
            (Api::Docker, "cut.sock"),
            (Api::Docker, "junk.sock"),
            (Api::Cri, "junk.sock"),
            (Api::Cri, "missing.sock"),
            (Api::Docker, "good.sock"),
        ],
        // Longer than the test waits for the reply.
        |options| (options.follow, options.deadline) = (false, Duration::from_secs(600)),
    );
    assert!(runtimes.request(SHORT.as_bytes()));
    assert!(runtimes.take_result().is_none());
    assert_eq!(wait(&mut runtimes)["name"], "web");
}

#[test]
fn a_socket_that_comes_later_is_found() {
    let dir = Dir::new("runtimes");
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    assert!(runtimes.request(SHORT.as_bytes()));
    std::thread::sleep(Duration::from_millis(20));
    assert!(runtimes.take_result().is_none());
    let _server = Server::http(&socket(&dir, "docker.sock"), |_| Reply::json(&good()));
    assert_eq!(wait(&mut runtimes)["name"], "web");
}

#[test]
fn queues_have_an_end_and_ids_are_ids() {
    let dir = Dir::new("runtimes");
    let server = Server::http(&socket(&dir, "docker.sock"), |_| Reply::Silence);
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    for id in [&b"../../images"[..], b"a/b", b"", b"a?b", b"\xff", &[b'a'; 65]] {
        assert!(runtimes.request(id), "nothing to request again");
    }
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(server.count(), 0);
    let refused = (0..100_000).filter(|n| !runtimes.request(format!("id{n}").as_bytes())).count();
    assert!(refused > 0);
}

#[test]
fn long_texts_and_many_entries_are_cut() {
    let dir = Dir::new("runtimes");
    let long = "é".repeat(5000);
    let _server = Server::http(&socket(&dir, "docker.sock"), move |_| {
        let mut answer = good();
        answer["Name"] = long.clone().into();
        answer["Config"] = json!({
            "Env": vec![long.clone(); 100],
            "Labels": (0..5000).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>(),
        });
        Reply::json(&answer)
    });
    let mut runtimes = start(&dir, &[(Api::Docker, "docker.sock")]);
    let found = request(&mut runtimes);
    assert_eq!(found["name"].as_str().unwrap().len(), 4096);
    assert_eq!(found["env"].as_array().unwrap().len(), 15);
    assert!((900..1100).contains(&found["labels"].as_object().unwrap().len()));
}

#[test]
fn labels_beyond_the_limit_are_dropped_except_those_of_pods() {
    for limit in [100, 0, 4096] {
        let dir = Dir::new("runtimes");
        let text = |len: usize| "x".repeat(len);
        let _server = Server::http(&socket(&dir, "docker.sock"), move |_| {
            let mut answer = good();
            answer["Config"] = json!({"Labels": {
                "at": text(limit),
                "above": text(limit + 1),
                // The limit is in bytes: a letter may have two.
                "wide": "é".repeat(limit / 2),
                "wider": "é".repeat(limit / 2 + 1),
                "empty": "",
                "io.kubernetes.pod.name": text(limit + 1),
                "io.kubernetes.pod.namespace": text(4096),
                "io.kubernetes.pod.uid": text(4097),
            }});
            Reply::json(&answer)
        });
        let mut runtimes =
            start_with(&dir, &[(Api::Docker, "docker.sock")], |options| options.max_label = limit);
        let found = request(&mut runtimes);
        let mut names: Vec<&str> = found["labels"].as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let mut expected = vec!["at", "empty", "io.kubernetes.pod.namespace", "wide"];
        if limit < 4096 {
            expected.insert(2, "io.kubernetes.pod.name");
        }
        assert_eq!(names, expected, "{limit}");
    }
}
