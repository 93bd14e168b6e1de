//! Containers: falco inside a container, and the standard rule about the Kubernetes API.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Output};

use eyas::events::{EventType, param};
use eyas::scap::{EventBuilder, FdDetail, FdEntry, OwnedEvent, Snapshot, ThreadEntry, Writer};
use eyas_testing::{Dir, data_or_ignore, test};

mod common;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Runs a shell in its own namespaces; ignores the test if that is impossible.
fn unshared(flags: &[&str], script: &str) -> Output {
    let mut unshare = Command::new(eyas_testing::need_program("unshare"));
    let is_possible =
        Command::new("unshare").args(flags).arg("true").output().is_ok_and(|out| out.status.success());
    if !is_possible {
        eyas_testing::ignore("namespaces cannot be made here");
    }
    unshare.args(flags).args(["sh", "-c", script]).env("FALCO", env!("CARGO_BIN_EXE_falco"));
    unshare.env("RULES", common::root().join("demo/rules.yaml")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_monitor_in_a_container_s_pid_namespace_says_how_to_run_it() {
    let _lock = eyas_testing::live_turn();
    eyas_testing::need_root();
    let run = r#""$FALCO" -c /dev/null -r "$RULES" -M 1"#;
    let own = ["--pid", "--fork", "--mount-proc"];
    for host_root in ["unset HOST_ROOT;", "export HOST_ROOT=;"] {
        let out = unshared(&own, &format!("{host_root} {run}"));
        let log = text(&out.stderr);
        assert!(out.status.success(), "{log}");
        assert!(log.contains("shows the processes of a container alone"), "{log}");
        assert!(log.contains("--pid=host") && log.contains("HOST_ROOT=/host"), "{log}");
    }
    // With the machine's root directory, there is no warning.
    let host = Dir::new("host-root");
    std::fs::create_dir_all(host.join("proc")).unwrap();
    let mount = format!("mount --bind /proc {0}/proc && ", host.display());
    let outer = format!(
        "{mount} HOST_ROOT={} unshare --pid --fork --mount-proc sh -c '{run}'; result=$?; umount {0}/proc; exit $result",
        host.display(),
    )
    .replace("{0}", &host.display().to_string());
    let out = unshared(&["--mount"], &outer);
    let log = text(&out.stderr);
    assert!(out.status.success(), "{log}");
    assert!(!log.contains("shows the processes of a container alone"), "{log}");
}

#[test]
fn an_empty_host_root_is_the_root_directory() {
    // It loads the probe.
    let _lock = eyas_testing::live_turn();
    let dir = Dir::new("docker");
    let socket = dir.join("docker.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let sockets = |host_root: Option<&str>| {
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        falco.args(["-c", "/dev/null", "--doctor", "-o", "json_output=true", "-r"]);
        falco.arg(common::root().join("demo/rules.yaml")).args(["-e".as_ref(), common::demo().as_os_str()]);
        falco.arg("-o").arg(format!("container_engines.docker.sockets[0]={}", socket.display()));
        match host_root {
            Some(path) => falco.env("HOST_ROOT", path),
            None => falco.env_remove("HOST_ROOT"),
        };
        let out = falco.output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap().iter();
        let found =
            checks.filter(|check| check["name"] == "runtimes").map(|check| check["found"].to_string());
        found.collect::<Vec<_>>().join("\n")
    };
    let path = format!("\"{} ", socket.display());
    for host_root in [None, Some(""), Some("/")] {
        assert!(sockets(host_root).contains(&path), "{host_root:?}: {}", sockets(host_root));
    }
    assert!(!sockets(Some("/nowhere")).contains(&path));
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1));

/// A capture in which a process of a container connects to an address.
fn capture(path: &Path, address: IpAddr, group: &str) {
    let thread = ThreadEntry {
        tid: 7,
        pid: 7,
        ptid: 1,
        comm: b"nc".to_vec(),
        cgroups: format!("cpu={group}\0").into_bytes(),
        fdlimit: 8,
        ..ThreadEntry::default()
    };
    let detail =
        FdDetail::Socket { local: (Ipv4Addr::new(10, 0, 0, 9).into(), 4000), remote: (address, 443), l4: 1 };
    let fds = vec![(7, vec![FdEntry::new(3, 7, detail)])];
    let snapshot = Snapshot { threads: vec![thread], fds, ..Snapshot::default() };
    let IpAddr::V4(v4) = address else { panic!() };
    let tuple =
        [&[2][..], &[10, 0, 0, 9], &4000u16.to_le_bytes(), &v4.octets(), &443u16.to_le_bytes()].concat();
    use param::SOCKET_CONNECT_X as p;
    let connect: OwnedEvent = EventBuilder::new(EventType::SOCKET_CONNECT_X)
        .tid(7)
        .ts(1)
        .int(p::res, 0)
        .bytes(p::tuple, &tuple)
        .int(p::fd, 3)
        .build();
    let mut writer = Writer::create(path, false).unwrap();
    writer.snapshot(&snapshot).unwrap();
    writer.event(&connect.as_raw()).unwrap();
    writer.finish().unwrap();
}

/// Falco's own rule, with the address of its domain name in `/etc/hosts`.
#[test]
fn contact_of_a_container_with_kubernetes_interface_is_an_alert() {
    eyas_testing::need_root();
    let rules = data_or_ignore("rules/falco_rules.yaml");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes");
    std::fs::create_dir_all(&folder).unwrap();
    let hosts = folder.join("hosts");
    std::fs::write(&hosts, format!("127.0.0.1 localhost\n{ADDRESS} kubernetes.default.svc.cluster.local\n"))
        .unwrap();
    let container = format!("/kubepods/besteffort/pod4711/{}", "a".repeat(64));
    for (number, (address, group, count)) in [
        (ADDRESS, container.as_str(), 1),
        (Ipv4Addr::new(10, 96, 0, 2).into(), &container, 0),
        (ADDRESS, "/user.slice", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.join(format!("{number}.scap"));
        capture(&path, address, group);
        let script = format!(
            "mount --bind {} /etc/hosts && \"$FALCO\" -c /dev/null -r {} -e {}",
            hosts.display(),
            rules.display(),
            path.display()
        );
        let out = unshared(&["--mount"], &script);
        let (alerts, log) = (text(&out.stdout), text(&out.stderr));
        assert!(out.status.success(), "{log}");
        let found = alerts.matches("Unexpected connection to K8s API Server from container").count();
        assert_eq!(found, count, "{address} {group}: {alerts}{log}");
    }
}

/// The kernel ignores signals to the first process of a container that have no handler.
#[test]
fn the_first_process_of_a_container_can_be_stopped_while_it_starts() {
    let unshare = eyas_testing::need_program("unshare");
    let is_possible = Command::new(&unshare).args(["--pid", "--fork", "true"]).output();
    if !is_possible.is_ok_and(|out| out.status.success()) {
        eyas_testing::ignore("namespaces cannot be made here");
    }
    let dir = Dir::new("first-process");
    let rule = |n| {
        format!(
            "- {{rule: r{n}, desc: d, condition: evt.type = open and proc.pid = {n}, output: o, priority: INFO}}\n"
        )
    };
    let rules = dir.write("rules.yaml", (0..2000).map(rule).collect::<String>());
    let config =
        dir.write("falco.yaml", format!("engine: {{kind: nodriver}}\nrules_files: [{}]\n", rules.display()));
    let mut falco = Command::new(unshare);
    falco.args(["--pid", "--fork", "--kill-child", env!("CARGO_BIN_EXE_falco"), "-c"]).arg(config);
    let mut run = common::Run::of(&mut falco);
    run.wait_for("Falco initialized with configuration files:");
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.child.id())).unwrap();
    let first = rustix::process::Pid::from_raw(children.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(first, rustix::process::Signal::TERM).unwrap();
    let (status, _, log) = run.finish();
    assert!(matches!(status.code(), Some(143 | 0)), "{status}: {log}");
}
