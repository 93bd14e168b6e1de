//! The program as its user runs it, on a capture that is made here.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use eyas::events::EventType;
use eyas::events::param::{
    PROCEXIT_1_E, SOCKET_CONNECT_X, SYSCALL_CLOSE_X, SYSCALL_OPENAT_2_X, SYSCALL_READ_X,
};
use eyas::scap::{
    EventBuilder, EventSource, FdDetail, FdEntry, MachineInfo, Next, OwnedEvent, Reader, Snapshot,
    ThreadEntry, User, Writer,
};

const START: u64 = 1_700_000_000_000_000_000;

fn snapshot() -> Snapshot {
    let thread = |tid: i64, ptid: i64, comm: &str, exepath: &str| ThreadEntry {
        tid,
        pid: tid,
        ptid,
        sid: 100,
        pgid: tid,
        vpgid: tid,
        vtid: tid,
        vpid: tid,
        comm: comm.into(),
        exe: comm.into(),
        exepath: exepath.into(),
        cwd: b"/root/".to_vec(),
        root: b"/".to_vec(),
        ..ThreadEntry::default()
    };
    let null = FdDetail::File { open_flags: 3, path: b"/dev/null".to_vec(), dev: 6, mount_id: 0 };
    Snapshot {
        machine: Some(MachineInfo { cpus: 2, hostname: b"host".to_vec(), ..MachineInfo::default() }),
        users: vec![User {
            uid: 0,
            gid: 0,
            name: b"root".to_vec(),
            home: b"/root".to_vec(),
            shell: b"/bin/bash".to_vec(),
        }],
        threads: vec![thread(100, 1, "bash", "/usr/bin/bash"), thread(200, 100, "cat", "/usr/bin/cat")],
        fds: vec![(100, vec![]), (200, vec![FdEntry { fd: 0, ino: 4, detail: null }])],
        ..Snapshot::default()
    }
}

fn events() -> Vec<OwnedEvent> {
    let at = |ms: u64, ty: EventType| EventBuilder::new(ty).ts(START + ms * 1_000_000).tid(200).cpu(1);
    let mut tuple = vec![2, 127, 0, 0, 1];
    tuple.extend_from_slice(&4000u16.to_le_bytes());
    tuple.extend_from_slice(&[127, 0, 0, 1]);
    tuple.extend_from_slice(&80u16.to_le_bytes());
    vec![
        at(0, EventType::SYSCALL_OPENAT_2_X)
            .int(SYSCALL_OPENAT_2_X::fd, 3)
            .int(SYSCALL_OPENAT_2_X::dirfd, -100)
            .text(SYSCALL_OPENAT_2_X::name, b"/etc/passwd")
            .uint(SYSCALL_OPENAT_2_X::flags, 1)
            .uint(SYSCALL_OPENAT_2_X::ino, 77)
            .build(),
        at(1, EventType::SYSCALL_READ_X)
            .int(SYSCALL_READ_X::res, 4)
            .bytes(SYSCALL_READ_X::data, b"root")
            .int(SYSCALL_READ_X::fd, 3)
            .uint(SYSCALL_READ_X::size, 4096)
            .build(),
        at(2, EventType::SYSCALL_CLOSE_X).int(SYSCALL_CLOSE_X::res, 0).int(SYSCALL_CLOSE_X::fd, 3).build(),
        at(1500, EventType::SOCKET_CONNECT_X)
            .int(SOCKET_CONNECT_X::res, -111)
            .bytes(SOCKET_CONNECT_X::tuple, &tuple)
            .int(SOCKET_CONNECT_X::fd, 4)
            .build(),
        at(2500, EventType::PROCEXIT_1_E).int(PROCEXIT_1_E::status, 0).build(),
    ]
}

/// A directory of this test with the capture in it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("eyas-sysdig-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let place = Self(dir);
        let mut writer = Writer::create(place.capture(), true).unwrap();
        writer.snapshot(&snapshot()).unwrap();
        for event in events() {
            writer.event(&event.as_raw()).unwrap();
        }
        writer.finish().unwrap();
        place
    }

    fn capture(&self) -> PathBuf {
        self.0.join("in.scap.gz")
    }

    fn run(&self, args: &[&str]) -> Output {
        command().arg("-r").arg(self.capture()).args(args).current_dir(&self.0).output().unwrap()
    }

    /// What it prints, which must be all that it says.
    fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && error.is_empty(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    command.env("TZ", "UTC");
    command
}

fn names(path: &Path) -> Vec<&'static str> {
    let mut reader = Reader::open(path).unwrap();
    let mut names = Vec::new();
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(found) => assert_eq!(found.threads.len(), 2),
            Next::Event(event) => names.push(event.info().unwrap().name),
            Next::Idle => {}
            Next::End => return names,
        }
    }
}

#[test]
fn lines_are_sysdig_s() {
    let place = Place::new("lines");
    let expected = "\
1 22:13:20.000000000 1 cat (200) < openat fd=3(<f>/etc/passwd) dirfd=-100(AT_FDCWD) name=/etc/passwd flags=1(O_RDONLY) mode=0 dev=0 ino=77
2 22:13:20.001000000 1 cat (200) < read res=4 data=root fd=3(<f>/etc/passwd) size=4096
3 22:13:20.002000000 1 cat (200) < close res=0 fd=3(<f>/etc/passwd)
4 22:13:21.500000000 1 cat (200) < connect res=-111(ECONNREFUSED) tuple=127.0.0.1:4000->127.0.0.1:80 fd=4 addr=NULL
5 22:13:22.500000000 1 cat (200) > procexit status=0 ret=0 sig=0 core=0 reaper_tid=0
";
    assert_eq!(place.prints(&[]), expected);
}

#[test]
fn a_filter_a_count_and_a_format() {
    let place = Place::new("filter");
    assert_eq!(
        place.prints(&["-p", "%evt.num %evt.type", "fd.name=/etc/passwd"]),
        "1 openat\n2 read\n3 close\n"
    );
    assert_eq!(place.prints(&["-n", "2", "-p", "%evt.num", "evt.type", "!=", "read"]), "1\n3\n");
    assert_eq!(place.prints(&["-M", "2", "-p", "%evt.num"]), "1\n2\n3\n4\n");
    assert_eq!(place.prints(&["-t", "r", "-n", "2", "-p", "%evt.outputtime"]), "0.000000000\n0.001000000\n");
    // A line is left out if a field is absent, unless the format begins with a star.
    assert_eq!(place.prints(&["-p", "%evt.type %evt.buffer"]), "read root\n");
    assert_eq!(place.prints(&["-n", "1", "-p", "*%evt.type %evt.buffer"]), "openat <NA>\n");
    assert_eq!(place.prints(&["-q"]), "");
}

#[test]
fn json_has_an_object_in_each_line() {
    let place = Place::new("json");
    let text = place.prints(&["-j", "-p", "%evt.num %proc.name %fd.name %evt.buffer", "evt.num<=2"]);
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["evt.num"], 2);
    assert_eq!(rows[0]["proc.name"], "cat");
    assert_eq!(rows[0]["fd.name"], "/etc/passwd");
    assert_eq!(rows[0]["evt.buffer"], "root");
    assert_eq!(rows.len(), 1);
}

#[test]
fn what_passes_is_written() {
    let place = Place::new("write");
    let out = place.0.join("out.scap");
    assert_eq!(place.prints(&["-w", "out.scap", "evt.type in (openat, close)"]), "");
    assert_eq!(names(&out), ["openat", "close"]);
    place.prints(&["-w", "out.scap.gz", "-z"]);
    assert_eq!(std::fs::read(place.0.join("out.scap.gz")).unwrap()[..2], [0x1f, 0x8b]);
    assert_eq!(names(&place.0.join("out.scap.gz")).len(), 5);
}

#[test]
fn recordings_go_on_in_new_files() {
    let place = Place::new("rotate");
    place.prints(&["-w", "part", "-e", "2"]);
    let parts: Vec<_> = (0..3).map(|i| names(&place.0.join(format!("part{i}")))).collect();
    assert_eq!(parts, [vec!["openat", "read"], vec!["close", "connect"], vec!["procexit"]]);
    place.prints(&["-w", "ring", "-e", "1", "-W", "2"]);
    assert_eq!(names(&place.0.join("ring0")), ["procexit"]);
    assert_eq!(names(&place.0.join("ring1")), ["connect"]);
    place.prints(&["-w", "time", "-G", "1"]);
    assert_eq!(names(&place.0.join("time1")), ["connect"]);
}

#[test]
fn summaries_and_counters() {
    let place = Place::new("summary");
    let text = place.prints(&["-S"]);
    assert_eq!(text.lines().nth(1), Some("Event                 #Calls"));
    assert_eq!(text.lines().nth(3), Some("close                      1"));
    let output = place.run(&["-q", "-v"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("Captured Events: 5, "), "{text}");
}

#[test]
fn listings_name_fields_and_events() {
    let place = Place::new("list");
    let text = place.prints(&["-l", "-N"]);
    assert!(text.lines().any(|line| line == "proc.name") && text.lines().count() > 200);
    assert!(place.prints(&["-l"]).lines().any(|line| line.starts_with("fd.name ")));
    assert!(place.prints(&["-L"]).lines().any(|line| line == "close(res, fd)"));
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let place = Place::new("errors");
    let cases: [(&[&str], &str); 4] = [
        (&["proc.nam=cat"], "sysdig -l"),
        (&["proc.name="], "filter: "),
        (&["-p", "%no.such"], "format: "),
        (&["-w", "/nonexistent/out"], "-w"),
    ];
    for (args, part) in cases {
        let output = place.run(args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text.starts_with("Error: ") && text.contains(part), "{args:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
    }
    let output = command().args(["-r", "/nonexistent"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("Error: ") && text.contains("/nonexistent") && text.contains("-r"), "{text}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::new("pipe");
    let mut child = command()
        .arg("-r")
        .arg(place.capture())
        .arg("--unbuffered")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(feature = "live")]
#[test]
fn a_live_capture_ends_cleanly_on_a_signal() {
    if std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) != 0) {
        println!("skipped: live capture needs root");
        return;
    }
    let lock = std::fs::File::create(std::env::temp_dir().join("eyas-live.lock")).unwrap();
    lock.lock().unwrap();
    let mut child = command()
        .args(["-p", "%proc.name %evt.type", "proc.name=true and evt.type=execve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                Command::new("true").status().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(50));
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(line, "true execve\n");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
