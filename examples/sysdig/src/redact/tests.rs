use eyas::scap::{MachineInfo, User};

use super::*;

fn snapshot() -> Snapshot {
    let thread = ThreadEntry {
        tid: 7,
        pid: 7,
        comm: b"sshd".to_vec(),
        exe: b"sshd: alice@pts/0".to_vec(),
        args: b"-D\0--password=hunter2\0alice\x0010.0.0.5\0".to_vec(),
        env: b"HOME=/home/alice\0TOKEN=hunter2\0".to_vec(),
        cwd: b"/home/alice/web7/".to_vec(),
        ..ThreadEntry::default()
    };
    let user = |uid, name: &str| User {
        uid,
        gid: uid,
        name: name.into(),
        home: format!("/home/{name}").into_bytes(),
        shell: b"/bin/sh".to_vec(),
    };
    Snapshot {
        machine: Some(MachineInfo { hostname: b"web7".to_vec(), ..MachineInfo::default() }),
        users: vec![user(0, "root"), user(1000, "alice"), user(2, "bin")],
        threads: vec![thread],
        ..Snapshot::default()
    }
}

fn redacted() -> (Redactor, Snapshot) {
    let mut redactor = Redactor::new(None).unwrap();
    let mut kept = snapshot();
    redactor.snapshot(&snapshot(), &mut kept);
    (redactor, kept)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn personal_data_has_the_same_pseudonym_everywhere() {
    let (mut redactor, kept) = redacted();
    let alice = text(&kept.users[1].name);
    assert!(alice.starts_with("user-"), "{alice}");
    assert_eq!(
        (text(&kept.users[0].name), text(&kept.users[1].home)),
        ("root".into(), format!("/home/{alice}"))
    );
    assert_ne!(text(&kept.users[2].name), "bin");
    let host = text(&kept.machine.as_ref().unwrap().hostname);
    assert_eq!(text(&kept.threads[0].cwd), format!("/home/{alice}/{host}/"));
    let args = text(&kept.threads[0].args);
    let args: Vec<&str> = args.split_terminator('\0').collect();
    assert_eq!((args[0], args[2]), ("-D", &*alice));
    assert!(args[1].starts_with("arg-") && args[3].starts_with("10.") && args[3] != "10.0.0.5", "{args:?}");
    let env = text(&kept.threads[0].env);
    assert!(env.starts_with("HOME=arg-") && env.contains("\0TOKEN=arg-"), "{env}");
    assert!(!format!("{:?} {args:?} {env}", text(&kept.threads[0].exe)).contains("alice"));

    // In events.
    let connect = EventBuilder::new(EventType::SOCKET_CONNECT_X)
        .bytes(param::SOCKET_CONNECT_X::tuple, &[2, 10, 0, 0, 5, 0, 1, 10, 0, 0, 6, 1, 0])
        .build();
    let raw = redactor.event(&connect.as_raw());
    let tuple = raw.as_raw().param(param::SOCKET_CONNECT_X::tuple).unwrap().to_vec();
    let ip = std::net::Ipv4Addr::new(tuple[1], tuple[2], tuple[3], tuple[4]);
    assert_eq!((ip.to_string().as_str(), &tuple[5..7]), (args[3], &[0, 1][..]));
    let read = EventBuilder::new(EventType::SYSCALL_READ_X)
        .int(param::SYSCALL_READ_X::res, 7)
        .bytes(param::SYSCALL_READ_X::data, b"hunter2")
        .build();
    let first = redactor.event(&read.as_raw());
    let data = first.as_raw().param(param::SYSCALL_READ_X::data).unwrap().to_vec();
    assert!(data.len() == 7 && data != b"hunter2");
    assert_eq!(redactor.event(&read.as_raw()), first);
    let open = EventBuilder::new(EventType::SYSCALL_OPEN_X)
        .text(param::SYSCALL_OPEN_X::name, b"/home/bob/x/alice.txt")
        .build();
    let open = redactor.event(&open.as_raw());
    let path = text(open.as_raw().text(param::SYSCALL_OPEN_X::name).unwrap());
    assert!(path.starts_with("/home/user-") && path.ends_with(&format!("/x/{alice}.txt")), "{path}");
}

#[test]
fn a_container_keeps_its_image_and_loses_its_environment() {
    let (redactor, _) = redacted();
    let json = r#"{"container":{"id":"3ad7b26ded6d","Image":"redis:7","ip":"172.17.0.2","env":["P=hunter2"],"labels":{"owner":"alice"}}}"#;
    let out = text(&redactor.container(format!("{json}\0").as_bytes()));
    assert!(out.contains("3ad7b26ded6d") && out.contains("redis:7") && out.contains("\"172."), "{out}");
    assert!(!out.contains("hunter2") && !out.contains("alice") && !out.contains("172.17.0.2"), "{out}");
    assert!(out.contains("P=arg-") && out.ends_with('\0'), "{out}");
}

#[test]
fn texts_without_personal_data_are_kept() {
    let (redactor, _) = redacted();
    for same in
        ["/bin/sh", "/usr/bin/web70", "/proc/self/fd/3", "127.0.0.1:80", "/lib/libc-2.31.so", "/a/malice"]
    {
        assert_eq!(text(&redactor.text(same.as_bytes())), same);
    }
    assert!(!text(&redactor.text(b"peer 10.9.8.7:22")).contains("10.9.8.7"));
}

#[test]
fn a_key_makes_pseudonyms_that_last() {
    let dir = eyas_testing::Dir::new("redact-key");
    let path = dir.write("key", [7; 32]);
    let of = |other: bool| {
        let mut redactor = Redactor::new(Some(&path)).unwrap();
        let mut from = snapshot();
        if other {
            from.threads.clear();
        }
        let mut kept = from.clone();
        redactor.snapshot(&from, &mut kept);
        kept.users[1].name.clone()
    };
    assert_eq!(of(false), of(true));
    dir.write("key", [7; 3]);
    assert!(Redactor::new(Some(&path)).err().unwrap().to_string().contains("3 bytes"));
}

#[test]
fn a_path_that_leads_out_of_common_directories_is_redacted() {
    let (redactor, kept) = redacted();
    let alice = text(&kept.users[1].name);
    for path in [
        "/library/alice/x",
        "/libalice/alice",
        "/usr/../home/alice/x",
        "/proc/1/root/home/alice",
        "/proc/self/cwd/alice",
        "/dev/shm/alice",
        "/usr/local/alice",
    ] {
        assert!(text(&redactor.text(path.as_bytes())).contains(&alice), "{path}");
    }
    for path in ["/usr/share/alice", "/lib/alice/x", "/lib64/alice", "/dev/alice"] {
        assert_eq!(text(&redactor.text(path.as_bytes())), path);
    }
}

#[test]
fn without_a_snapshot_the_key_is_random() {
    let of = || {
        let mut redactor = Redactor::new(None).unwrap();
        redactor.snapshot(&Snapshot::default(), &mut Snapshot::default());
        redactor.argument(b"10.0.0.5")
    };
    assert_ne!((of(), of()), (b"10.0.0.5".to_vec(), b"10.0.0.5".to_vec()));
    assert!((0..4).map(|_| of()).collect::<std::collections::HashSet<_>>().len() > 1);
}
