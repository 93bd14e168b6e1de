//! Compares the snapshot with facts about this test, and with a naive reading of `/proc`.

use eyas_testing::{Dir, test};
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use eyas_events::FlagTable;
use eyas_scap::proc::{self, Options};
use eyas_scap::{FdDetail, FdEntry, Snapshot, ThreadEntry};

fn main() -> std::process::ExitCode {
    match std::env::var(ODD) {
        Ok(how) => odd_process(&how),
        Err(_) => eyas_testing::main(),
    }
}

/// In the environment of a process whose thread has files of its own (`apart`), or whose leader ends (`ended`).
const ODD: &str = "EYAS_ODD_PROCESS";

/// Prints the id of its thread, which stays.
fn odd_process(how: &str) -> std::process::ExitCode {
    let passwd = fs::File::open("/etc/passwd").unwrap();
    let is_apart = how == "apart";
    let thread = std::thread::spawn(move || {
        if is_apart {
            // SAFETY: numbers only; the file is opened after it, and no other thread uses it.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_FILES | libc::CLONE_FS) }, 0);
        }
        std::env::set_current_dir("/usr").unwrap();
        let _group = fs::File::open("/etc/group").unwrap();
        println!("{}", rustix::thread::gettid().as_raw_nonzero());
        // The test ends the process.
        std::thread::sleep(Duration::from_secs(600));
    });
    if !is_apart {
        // SAFETY: this thread ends without a destructor, and nothing waits for it.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
    thread.join().unwrap();
    drop(passwd);
    std::process::ExitCode::SUCCESS
}

/// Starts such a process: the process, the id of its thread.
fn start_odd(how: &str) -> (std::process::Child, i64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(ODD, how)
        .current_dir("/")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut byte = [0];
    let out = child.stdout.as_mut().unwrap();
    while out.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(char::from(byte[0]));
    }
    (child, line.parse().unwrap())
}

fn paths(fds: &[FdEntry]) -> Vec<String> {
    let path = |fd: &FdEntry| match &fd.detail {
        FdDetail::File { path, .. } => Some(String::from_utf8_lossy(path).into_owned()),
        _ => None,
    };
    fds.iter().filter_map(path).filter(|path| path.starts_with("/etc/")).collect()
}

/// `/proc` shows what threads share only in the directory of one that runs.
#[test]
fn a_process_whose_leader_has_ended_has_its_files() {
    let (mut child, tid) = start_odd("ended");
    let pid = i64::from(child.id());
    let until = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z ") {
        assert!(Instant::now() < until, "the leader has not ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    let snapshot = proc::snapshot(&Options::default()).unwrap();
    let alone = proc::thread(&Options::default(), pid).unwrap();
    let entries = snapshot.fds.iter().find(|(owner, _)| *owner == pid).unwrap();
    for fds in [&entries.1, &alone.1] {
        assert_eq!(paths(fds), ["/etc/passwd", "/etc/group"]);
    }
    let leader = thread_of(&snapshot, pid);
    assert_eq!(leader.cwd, b"/usr/");
    assert_eq!(leader.exepath, std::env::current_exe().unwrap().as_os_str().as_encoded_bytes());
    assert!(!leader.exe.is_empty() && !leader.env.is_empty() && !leader.root.is_empty());
    // Alone, it is shown as a leader that has ended.
    assert!(alone.0.exe.is_empty() && alone.0.exepath.is_empty());
    assert_eq!(thread_of(&snapshot, tid).exepath, thread_of(&snapshot, pid).exepath);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// kcmp(2) shows what threads share.
#[cfg(feature = "live")]
#[test]
fn a_thread_that_shares_no_files_has_its_own() {
    let (mut child, tid) = start_odd("apart");
    let pid = i64::from(child.id());
    if eyas_bpf::share(child.id(), child.id(), eyas_bpf::Sharing::Files).is_none() {
        eprintln!("the kernel does not compare threads here");
    } else {
        let snapshot = proc::snapshot(&Options::default()).unwrap();
        let of = |id: i64| &snapshot.fds.iter().find(|(owner, _)| *owner == id).unwrap().1;
        assert_eq!(paths(of(pid)), ["/etc/passwd"]);
        assert_eq!(paths(of(tid)), ["/etc/passwd", "/etc/group"]);
        let (leader, thread) = (thread_of(&snapshot, pid), thread_of(&snapshot, tid));
        assert_eq!((&*leader.cwd, &*thread.cwd), (&b"/"[..], &b"/usr/"[..]));
        let (alone, fds) = proc::thread(&Options::default(), tid).unwrap();
        assert_eq!((alone.flags, alone.cwd), (thread.flags, thread.cwd));
        assert_eq!(paths(&fds), ["/etc/passwd", "/etc/group"]);
        let files = FlagTable::CLONE_FLAGS.value("CLONE_FILES");
        assert_eq!(thread.flags & files, 0);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn own_pid() -> i64 {
    i64::from(std::process::id())
}

fn fds_of(snapshot: &Snapshot, pid: i64) -> HashMap<i64, FdEntry> {
    let (_, entries) = snapshot.fds.iter().find(|(owner, _)| *owner == pid).expect("no files");
    entries.iter().map(|entry| (entry.fd, entry.clone())).collect()
}

fn thread_of(snapshot: &Snapshot, tid: i64) -> ThreadEntry {
    let mut found = snapshot.threads.iter().filter(|thread| thread.tid == tid);
    let thread = found.next().unwrap_or_else(|| panic!("thread {tid} is missing")).clone();
    assert!(found.next().is_none(), "thread {tid} is there twice");
    thread
}

fn flag(name: &str) -> u32 {
    FlagTable::FILE_FLAGS.entries.iter().find(|(entry, _)| *entry == name).unwrap().1
}

fn link(path: String) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    fs::read_link(path).unwrap().into_os_string().into_vec()
}

#[test]
fn this_process_is_described() {
    let snapshot = proc::snapshot(&Options::default()).unwrap();
    let pid = own_pid();
    let leader = thread_of(&snapshot, pid);
    assert_eq!(leader.pid, pid);
    assert_eq!(leader.exepath, link("/proc/self/exe".into()));
    let mut cwd = link("/proc/self/cwd".into());
    cwd.push(b'/');
    assert_eq!(leader.cwd, cwd);
    assert_eq!(leader.root, b"/");
    let mut line = leader.exe.clone();
    line.push(0);
    line.extend_from_slice(&leader.args);
    assert_eq!(line, fs::read("/proc/self/cmdline").unwrap());
    let environment = fs::read("/proc/self/environ").unwrap();
    assert_eq!(leader.env, environment[..environment.len().min(4096)]);
    let comm = fs::read(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(leader.comm, comm.trim_ascii_end());
    assert_eq!(i64::from(rustix::process::getppid().unwrap().as_raw_nonzero().get()), leader.ptid);
    assert_eq!(i64::from(rustix::process::getpgrp().as_raw_nonzero().get()), leader.pgid);
    assert_eq!(leader.uid, rustix::process::geteuid().as_raw());
    assert_eq!(leader.gid, rustix::process::getegid().as_raw());
    assert_eq!(
        leader.fdlimit,
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap()
    );
    assert_eq!((leader.vtid, leader.vpid), (pid, pid));
    assert!(leader.vmsize_kb > leader.vmrss_kb && leader.vmrss_kb > 100);
    assert!(leader.pfminor > 0);

    use std::os::unix::fs::MetadataExt;
    let exe = fs::metadata("/proc/self/exe").unwrap();
    assert_eq!(leader.exe_ino, exe.ino());
    assert_eq!(leader.exe_ino_mtime, exe.mtime() as u64 * 1_000_000_000 + exe.mtime_nsec() as u64);
    assert_eq!(leader.exe_ino_ctime, exe.ctime() as u64 * 1_000_000_000 + exe.ctime_nsec() as u64);
    let euid = rustix::process::geteuid();
    assert_eq!(leader.exe_writable, euid.is_root() || exe.uid() == euid.as_raw());
    assert!(!leader.exe_from_memfd);

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let age = now.abs_diff(leader.clone_ts);
    assert!(age < 600_000_000_000, "started {age} ns ago");
    assert!(leader.pidns_init_start_ts <= leader.clone_ts);
}

#[test]
fn every_kind_of_file_is_named() {
    let dir = Dir::new("proc");
    let path = dir.join("a file");
    let file = fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
    let directory = fs::File::open(&dir).unwrap();
    let (pipe_end, _other_end) = rustix::pipe::pipe().unwrap();
    let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    let epoll = rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap();
    let inotify = rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::empty()).unwrap();
    let memfd = rustix::fs::memfd_create("scratch pad", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let pidfd = rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    let client = TcpStream::connect(server).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp_addr = udp.local_addr().unwrap();
    let sock_path = dir.join("a.sock");
    let unix = UnixListener::bind(&sock_path).unwrap();
    let (pair, _other) = UnixStream::pair().unwrap();
    let netlink =
        rustix::net::socket(rustix::net::AddressFamily::NETLINK, rustix::net::SocketType::RAW, None);
    let v6 = TcpListener::bind("[::1]:0");

    let snapshot = proc::snapshot(&Options::default()).unwrap();
    let fds = fds_of(&snapshot, own_pid());
    let get = |fd: &dyn AsRawFd| fds.get(&i64::from(fd.as_raw_fd())).expect("missing").clone();
    let other = |entry: &FdEntry| match &entry.detail {
        FdDetail::Other { type_code, name } => (*type_code, String::from_utf8_lossy(name).into_owned()),
        detail => panic!("{detail:?}"),
    };

    use std::os::unix::fs::MetadataExt;
    let entry = get(&file);
    let meta = file.metadata().unwrap();
    assert_eq!(entry.ino, meta.ino());
    match entry.detail {
        FdDetail::File { open_flags, path: name, dev, .. } => {
            assert_eq!(name, path.to_string_lossy().as_bytes());
            assert_eq!(u64::from(dev & 0xff), meta.dev() & 0xff);
            for set in ["O_WRONLY", "O_APPEND", "O_CLOEXEC"] {
                assert_ne!(open_flags & flag(set), 0, "{set}");
            }
            assert_eq!(open_flags & flag("O_TRUNC"), 0);
        }
        detail => panic!("{detail:?}"),
    }
    assert_eq!(other(&get(&directory)), (2, dir.to_string_lossy().into_owned()));
    let (code, name) = other(&get(&pipe_end));
    assert_eq!((code, name), (7, format!("pipe:[{}]", get(&pipe_end).ino)));
    assert_eq!(other(&get(&event)), (9, String::new()));
    assert_eq!(other(&get(&epoll)), (12, String::new()));
    assert_eq!(other(&get(&inotify)), (13, String::new()));
    assert_eq!(other(&get(&memfd)), (20, "scratch pad".into()));
    if let Ok(pidfd) = pidfd {
        // Newer kernels keep these in a file system of their own, and name them so.
        let (code, name) = other(&get(&pidfd));
        assert_eq!((code, name), (21, format!("/proc/{}", own_pid())));
    }
    let addr = (server.ip(), server.port());
    let peer = (client.local_addr().unwrap().ip(), client.local_addr().unwrap().port());
    assert_eq!(get(&listener).detail, FdDetail::ServerSocket { addr, l4: 2 });
    assert_eq!(get(&client).detail, FdDetail::Socket { local: peer, remote: addr, l4: 2 });
    assert_eq!(get(&accepted).detail, FdDetail::Socket { local: addr, remote: peer, l4: 2 });
    let udp_addr = (udp_addr.ip(), udp_addr.port());
    assert_eq!(get(&udp).detail, FdDetail::ServerSocket { addr: udp_addr, l4: 3 });
    match get(&unix).detail {
        FdDetail::Unix { path, .. } => assert_eq!(path, sock_path.to_string_lossy().as_bytes()),
        detail => panic!("{detail:?}"),
    }
    assert!(matches!(get(&pair).detail, FdDetail::Unix { path, .. } if path.is_empty()));
    if let Ok(netlink) = netlink {
        // An unbound one is in no table of the kernel's.
        assert!(matches!(other(&get(&netlink)).0, 10 | 15));
    }
    if let Ok(v6) = v6 {
        let addr = v6.local_addr().unwrap();
        assert_eq!(get(&v6).detail, FdDetail::ServerSocket { addr: (addr.ip(), addr.port()), l4: 2 });
    }
    let (_, again) = proc::thread(&Options::default(), own_pid()).unwrap();
    assert!(again.iter().any(|entry| entry.fd == i64::from(listener.as_raw_fd())));
}

#[test]
fn threads_have_the_shared_data_of_their_process() {
    let (send, receive) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let worker = std::thread::Builder::new()
        .name("a worker".into())
        .spawn(move || {
            send.send(i64::from(rustix::thread::gettid().as_raw_nonzero().get())).unwrap();
            let _ = stopped.recv();
        })
        .unwrap();
    let tid = receive.recv().unwrap();
    // The name is set by the new thread itself, after it could be seen.
    let snapshot = proc::snapshot(&Options::default()).unwrap();
    let (leader, thread) = (thread_of(&snapshot, own_pid()), thread_of(&snapshot, tid));
    assert_eq!(thread.pid, own_pid());
    assert_eq!(thread.comm, b"a worker");
    assert_eq!((&thread.exe, &thread.args, &thread.exepath), (&leader.exe, &leader.args, &leader.exepath));
    assert!(thread.env.is_empty() && thread.cwd.is_empty(), "those are the leader's");
    assert_eq!(leader.flags, 0);
    assert_ne!(thread.flags, 0);
    assert!(!snapshot.fds.iter().any(|(owner, _)| *owner == tid));
    let (alone, fds) = proc::thread(&Options::default(), tid).unwrap();
    assert_eq!((alone.tid, alone.pid, &alone.comm[..]), (tid, own_pid(), &b"a worker"[..]));
    assert_eq!(alone.flags, thread.flags);
    assert!(fds.is_empty());
    drop(stop);
    worker.join().unwrap();
    assert!(proc::thread(&Options::default(), tid).is_none());
    assert!(proc::thread(&Options::default(), -1).is_none());
    assert!(proc::thread(&Options::default(), i64::MAX).is_none());
}

#[test]
fn processes_that_end_meanwhile_are_skipped_completely() {
    let until = Instant::now() + Duration::from_millis(1500);
    let churn = std::thread::spawn(move || {
        let mut count = 0;
        while Instant::now() < until || count == 0 {
            Command::new("/bin/true").stdin(Stdio::null()).status().unwrap();
            count += 1;
        }
        count
    });
    let mut scans = 0;
    while Instant::now() < until || scans <= 3 {
        let snapshot = proc::snapshot(&Options::default()).unwrap();
        for thread in &snapshot.threads {
            assert!(thread.tid > 0 && thread.pid > 0 && thread.ptid >= 0, "{thread:?}");
            assert!(!thread.comm.is_empty() && !thread.cgroups.is_empty(), "{thread:?}");
            // Links of a more privileged process may not be read; one that ends has none any more.
            let root = fs::read_link(format!("/proc/{}/root", thread.tid));
            let mine = rustix::process::geteuid().is_root();
            let none = [std::io::ErrorKind::PermissionDenied, std::io::ErrorKind::NotFound];
            let hidden = root.is_err_and(|error| !mine || none.contains(&error.kind()));
            assert!(hidden || !thread.root.is_empty(), "{thread:?}");
        }
        let mut tids: Vec<i64> = snapshot.threads.iter().map(|thread| thread.tid).collect();
        tids.sort_unstable();
        tids.dedup();
        assert_eq!(tids.len(), snapshot.threads.len());
        scans += 1;
    }
    println!("{scans} scans beside {} processes", churn.join().unwrap());
}

#[test]
fn limits_are_applied() {
    let options = Options { max_threads: 1, max_fds: 2, ..Options::default() };
    let snapshot = proc::snapshot(&options).unwrap();
    assert!(snapshot.threads.len() <= 2, "{} threads", snapshot.threads.len());
    assert!(snapshot.fds.iter().all(|(_, fds)| fds.len() <= 2));
    let options = Options { fds: false, ..Options::default() };
    assert!(proc::snapshot(&options).unwrap().fds.is_empty());
}

#[test]
fn machine_and_users() {
    let snapshot = proc::snapshot(&Options::default()).unwrap();
    let machine = snapshot.machine.unwrap();
    assert_eq!(machine.hostname, rustix::system::uname().nodename().to_bytes());
    assert!(machine.cpus >= 1 && machine.memory > 1 << 20 && machine.boot_ts > 0);
    let root = snapshot.users.iter().find(|user| user.uid == 0).unwrap();
    assert_eq!(root.name, b"root");
    assert!(snapshot.groups.iter().any(|group| group.gid == 0));
}

#[test]
fn users_come_from_the_host_s_root() {
    let root = Dir::new("root");
    fs::create_dir_all(root.join("etc")).unwrap();
    std::os::unix::fs::symlink("/proc", root.join("proc")).unwrap();
    fs::write(root.join("etc/passwd"), "eve:x:7:8::/home/eve:/bin/sh\n").unwrap();
    let snapshot = proc::snapshot(&Options { root: root.to_owned(), ..Options::default() }).unwrap();
    assert!(snapshot.users.iter().any(|user| user.name == b"eve" && user.uid == 7));
    assert!(snapshot.threads.iter().any(|thread| thread.tid == own_pid()));
}

/// When a process began, ticks since boot; `None` if it is gone.
fn start(pid: i64) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_comm) = stat.rsplit_once(')')?;
    behind_comm.split_whitespace().nth(19)?.parse().ok()
}

/// When a child begins that is made now.
fn start_of_a_child() -> u64 {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let start = start(child.id().into()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    start
}

#[test]
fn all_processes_are_there() {
    let began = start_of_a_child();
    let snapshot = proc::snapshot(&Options::default()).unwrap();
    let mut missing = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok()) else {
            continue;
        };
        let mut line = Vec::new();
        let readable =
            fs::File::open(entry.path().join("cmdline")).and_then(|mut f| f.read_to_end(&mut line));
        if readable.is_ok() && !line.is_empty() && !snapshot.threads.iter().any(|thread| thread.tid == pid) {
            missing.push(pid);
        }
    }
    // What began after the snapshot may be missing; what is still there and older may not.
    missing.retain(|pid| start(*pid).is_some_and(|start| start < began));
    assert_eq!(missing, [] as [i64; 0]);
}

#[test]
fn the_layers_of_an_overlay_are_distinguished() {
    let dir = Dir::new("overlay");
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir_all(dir.join(name)).unwrap();
    }
    fs::copy("/bin/sleep", dir.join("lower/below")).unwrap();
    fs::copy("/bin/sleep", dir.join("upper/above")).unwrap();
    let script = "cd $0 && mount -t overlay overlay -o lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work \
        $0/merged && (exec $0/merged/below 600 & exec $0/merged/above 600 & echo ready; wait)";
    let child = Command::new(eyas_testing::need_program("unshare"))
        .args(["-m", "sh", "-c", script])
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut ready = [0; 5];
    let mounted = match child {
        Ok(mut child) => {
            let said = child.stdout.take().unwrap().read_exact(&mut ready).is_ok();
            said.then_some(child)
        }
        Err(_) => None,
    };
    if let Some(mut child) = mounted {
        let path = |name: &str| dir.join("merged").join(name).to_string_lossy().into_owned();
        let until = Instant::now() + Duration::from_secs(60);
        // The shell has begun them, but they may not execute their programs yet.
        let snapshot = loop {
            let snapshot = proc::snapshot(&Options::default()).unwrap();
            let runs = |name| snapshot.threads.iter().any(|thread| thread.exepath == path(name).as_bytes());
            if runs("below") && runs("above") {
                break snapshot;
            }
            assert!(Instant::now() < until, "they do not run");
            std::thread::sleep(Duration::from_millis(5));
        };
        let layers = |name: &str| {
            let path = path(name);
            let thread = snapshot.threads.iter().find(|thread| thread.exepath == path.as_bytes()).unwrap();
            rustix::process::kill_process(
                rustix::process::Pid::from_raw(thread.pid as i32).unwrap(),
                rustix::process::Signal::TERM,
            )
            .unwrap();
            (thread.exe_upper_layer, thread.exe_lower_layer)
        };
        assert_eq!(layers("below"), (false, true));
        assert_eq!(layers("above"), (true, false));
        child.wait().unwrap();
    } else {
        eyas_testing::ignore("overlays can't be mounted here");
    }
    let own = proc::snapshot(&Options::default()).unwrap();
    let own = thread_of(&own, own_pid());
    assert!(!own.exe_upper_layer || !own.exe_lower_layer);
}

#[test]
fn a_reader_caches_what_threads_share() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut reader = proc::ThreadReader::new(Options::default());
    let (thread, fds) = reader.thread(own_pid()).unwrap();
    let (alone, _) = proc::thread(&Options::default(), own_pid()).unwrap();
    assert_eq!((thread.comm.clone(), thread.exepath, thread.env), (alone.comm, alone.exepath, alone.env));
    assert_eq!(reader.comm(own_pid()), Some(thread.comm));
    let port = listener.local_addr().unwrap().port();
    let serves =
        |fd: &eyas_scap::FdEntry| matches!(fd.detail, FdDetail::ServerSocket { addr, .. } if addr.1 == port);
    assert!(fds.iter().any(serves));
    // A hundred threads with sockets cost one look at the tables, not a hundred.
    let begin = std::time::Instant::now();
    (0..100).for_each(|_| assert!(reader.thread(own_pid()).is_some()));
    println!("{:?} a thread", begin.elapsed() / 100);
    assert_eq!((reader.thread(-1).is_none(), reader.comm(i64::MAX)), (true, None));
}
