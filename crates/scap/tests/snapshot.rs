//! Compares the snapshot of a live capture, with open files from BPF iterators, with a snapshot from
//! `/proc`. Needs root and a kernel that loads the probe.

use eyas_testing::{Dir, test};
use std::collections::{HashMap, HashSet};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eyas_events::{EventType, SyscallCode};
use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::{EventSource, FdDetail, FdEntry, Next, Snapshot, ThreadEntry, proc};

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "syscalls/ring.rs"]
mod ring;

use ring::call;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Types of files as captures number them.
const DIRECTORY: u8 = 2;
const BPF: u8 = 17;

/// A capture, and what keeps others away meanwhile.
fn open() -> (Source, eyas_testing::LiveTurn) {
    let turn = eyas_testing::live_turn();
    let source = Source::open(ProbeOptions::only([SyscallCode::EXECVE])).unwrap();
    (source, turn)
}

fn files(snapshot: &Snapshot) -> HashMap<i64, Vec<FdEntry>> {
    let mut files: HashMap<i64, Vec<FdEntry>> = HashMap::new();
    for (pid, entries) in &snapshot.fds {
        assert!(files.insert(*pid, entries.clone()).is_none(), "the files of {pid} are there twice");
    }
    files
}

fn unique(snapshot: &Snapshot) -> HashSet<i64> {
    let tids: HashSet<i64> = snapshot.threads.iter().map(|thread| thread.tid).collect();
    assert_eq!(tids.len(), snapshot.threads.len(), "a thread is there twice");
    tids
}

fn sleeper() -> Child {
    Command::new("/bin/sleep").arg("600").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

/// Waits until a sleeper sleeps: at first it has its parent's files, then those that its loader opens.
fn settled(child: &Child) {
    let process = std::path::PathBuf::from(format!("/proc/{}", child.id()));
    let sleeps = || {
        let stat = std::fs::read_to_string(process.join("stat")).unwrap();
        let own = std::fs::read_link(process.join("exe")).unwrap() != std::env::current_exe().unwrap();
        own && stat.contains(") S ")
    };
    let until = Instant::now() + Duration::from_secs(60);
    while !sleeps() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn files_are_those_of_proc() {
    eyas_testing::ignore_in_chroot();
    let (source, _turn) = open();
    let dir = Dir::new("files");
    std::fs::create_dir_all(dir.join("deep/er")).unwrap();
    // One of each kind stays open during both snapshots.
    let path = dir.join("deep/er/a file");
    let _written = std::fs::File::options().append(true).create(true).open(&path).unwrap();
    let gone = dir.join("gone");
    let _gone = std::fs::File::create(&gone).unwrap();
    std::fs::remove_file(&gone).unwrap();
    let _kept = [
        std::fs::File::open(&dir).unwrap(),
        std::fs::File::open("/").unwrap(),
        std::fs::File::open("/sys/kernel").unwrap(),
        std::fs::File::open("/dev/null").unwrap(),
        std::fs::File::open("/proc/self/ns/net").unwrap(),
    ];
    let fifo = dir.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _fifo = std::fs::File::options().read(true).write(true).open(&fifo).unwrap();
    let _others = [
        rustix::pipe::pipe().unwrap().0,
        rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap(),
        rustix::event::epoll::create(rustix::event::epoll::CreateFlags::empty()).unwrap(),
        rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::empty()).unwrap(),
        rustix::fs::memfd_create("scratch pad", rustix::fs::MemfdFlags::CLOEXEC).unwrap(),
        rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty()).unwrap(),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let _unix = UnixListener::bind(dir.join("a.sock")).unwrap();
    let mut children: Vec<Child> = (0..20).map(|_| sleeper()).collect();
    children.iter().for_each(settled);

    let by_kernel = source.snapshot().unwrap();
    let by_proc = proc::snapshot(&proc::Options::default()).unwrap();
    let (kernel, proc) = (files(&by_kernel), files(&by_proc));
    let own = i64::from(std::process::id());
    // What a scan itself has open comes and goes. A detached mount, as the one that the capture has its tracepoints
    // from, has no path; /proc shows its files as if they lay in the root.
    let is_scan = |entry: &FdEntry| match &entry.detail {
        FdDetail::Other { type_code: DIRECTORY, name } if name == b"(unreachable)/" || entry.ino == 1 => true,
        FdDetail::Other { type_code: DIRECTORY, name } => name.starts_with(b"/proc"),
        FdDetail::Other { type_code, .. } => *type_code == BPF,
        FdDetail::File { path, .. } => path.starts_with(b"/proc"),
        _ => false,
    };
    let stable = |files: &HashMap<i64, Vec<FdEntry>>| -> Vec<FdEntry> {
        files[&own].iter().filter(|entry| !is_scan(entry)).cloned().collect()
    };
    let (mine, other) = (stable(&kernel), stable(&proc));
    assert!(mine.len() >= 20, "{} files", mine.len());
    for entry in &mine {
        assert!(other.contains(entry), "{entry:?}, {:?}", other.iter().find(|other| other.fd == entry.fd));
    }
    assert!(other.iter().all(|entry| mine.iter().any(|mine| mine.fd == entry.fd)), "{other:?}");
    for child in &mut children {
        let pid = i64::from(child.id());
        assert_eq!(kernel[&pid], proc[&pid]);
        assert!(kernel[&pid].len() >= 3);
        end(child);
    }
    // Those of all other processes that have the same files before and after. One that opens and closes a file between
    // the two looks is seen so once, not five times.
    let mut differ: Vec<i64> = Vec::new();
    for _ in 0..5 {
        let before = files(&proc::snapshot(&proc::Options::default()).unwrap());
        let kernel = files(&source.snapshot().unwrap());
        let after = files(&proc::snapshot(&proc::Options::default()).unwrap());
        let at_rest =
            |pid: &&i64| **pid != own && after.contains_key(*pid) && before.get(*pid) == after.get(*pid);
        let attached = |files: &[FdEntry]| -> Vec<FdEntry> {
            files.iter().filter(|entry| !is_scan(entry)).cloned().collect()
        };
        let differs = |pid: &&i64| attached(&kernel[*pid]) != attached(&after[*pid]);
        differ = kernel.keys().filter(at_rest).filter(differs).copied().collect();
        if differ.is_empty() {
            break;
        }
    }
    assert!(differ.is_empty(), "{differ:?}");
}

/// A pidfd that was opened by a handle with O_CLOEXEC; `None` if the kernel has no handles of pidfds.
fn process_by_a_handle() -> Option<OwnedFd> {
    const OF_PROCESSES: i64 = -10_002;
    let process =
        rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty());
    let process = process.unwrap();
    // Room for bytes, kind, and the handle.
    let (mut handle, mut mount) = ([0_u32; 34], 0_i32);
    handle[0] = 128;
    let empty = i64::from(libc::AT_EMPTY_PATH);
    let place = [c"".as_ptr() as i64, (&raw mut handle) as i64, (&raw mut mount) as i64, empty];
    let [path, handle, mount, flags] = place;
    let named = call(libc::SYS_name_to_handle_at, [process.as_raw_fd().into(), path, handle, mount, flags]);
    if named < 0 {
        return None;
    }
    let fd = call(libc::SYS_open_by_handle_at, [OF_PROCESSES, handle, libc::O_CLOEXEC.into()]);
    // SAFETY: nothing else owns it.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A new terminal, and its other end, opened by `TIOCGPTPEER` with O_CLOEXEC.
fn terminal() -> [OwnedFd; 2] {
    let terminal = std::fs::File::options().read(true).write(true).open("/dev/ptmx").unwrap();
    let unlock = 0_i32;
    call(libc::SYS_ioctl, [terminal.as_raw_fd().into(), libc::TIOCSPTLCK as i64, (&raw const unlock) as i64]);
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let fd = call(libc::SYS_ioctl, [terminal.as_raw_fd().into(), libc::TIOCGPTPEER as i64, flags.into()]);
    assert!(fd >= 0, "error {}", -fd);
    // SAFETY: nothing else owns it.
    [terminal.into(), unsafe { OwnedFd::from_raw_fd(fd as i32) }]
}

#[test]
fn an_exec_closes_a_descriptor_and_not_its_copy() {
    let (source, _turn) = open();
    let [_terminal, end] = terminal();
    let mut opened = vec![end];
    opened.extend(process_by_a_handle());
    let copies: Vec<OwnedFd> = opened.iter().map(|file| rustix::io::dup(file).unwrap()).collect();
    let kernel = files(&source.snapshot().unwrap());
    let entry = |fd: i64| kernel[&i64::from(std::process::id())].iter().find(|entry| entry.fd == fd).unwrap();
    let closes = |entry: &FdEntry| {
        const CLOSES: u32 = eyas_events::FlagTable::FILE_FLAGS.value("O_CLOEXEC");
        match entry.detail {
            FdDetail::File { open_flags, .. } => {
                assert_eq!(open_flags & CLOSES != 0, entry.close_on_exec, "{entry:?}");
                entry.close_on_exec
            }
            _ => entry.close_on_exec,
        }
    };
    for (file, copy) in opened.iter().zip(copies) {
        let [file, copy] = [file, &copy].map(|fd| entry(fd.as_raw_fd().into()));
        assert!(closes(file) && !closes(copy), "{file:?}, {copy:?}");
    }
}

/// A thread without what changes by itself, and without what `/proc` has in another grain: start times in ticks, page
/// faults of the leader for the whole process, memory by other counters, control groups in another order.
fn lasting(thread: &ThreadEntry) -> ThreadEntry {
    let mut cgroups: Vec<&[u8]> = thread.cgroups.split_inclusive(|byte| *byte == 0).collect();
    cgroups.sort_unstable();
    ThreadEntry {
        cgroups: cgroups.concat(),
        clone_ts: 0,
        pidns_init_start_ts: 0,
        pfmajor: 0,
        pfminor: 0,
        vmsize_kb: 0,
        vmrss_kb: 0,
        vmswap_kb: 0,
        ..thread.clone()
    }
}

#[test]
fn threads_are_those_of_proc() {
    eyas_testing::ignore_in_chroot();
    let (source, _turn) = open();
    let mut children: Vec<Child> = (0..3).map(|_| sleeper()).collect();
    // Without arguments to speak of, with much environment, in another directory, with another root, of another user.
    let special = |change: &dyn Fn(&mut Command)| {
        let mut command = Command::new("/bin/sleep");
        command.arg("600").stdin(Stdio::null());
        change(&mut command);
        command.spawn().unwrap()
    };
    children.push(special(&|command| {
        command.env_clear().arg0("");
    }));
    children.push(special(&|command| {
        command.env("LONG", "x".repeat(10_000)).arg("0".repeat(5_000)).current_dir("/usr/bin");
    }));
    children.push(special(&|command| {
        command.uid(65_534).gid(65_534).current_dir("/");
    }));
    children.iter().for_each(settled);
    let over = AtomicBool::new(false);
    let (by_kernel, by_proc) = std::thread::scope(|scope| {
        let wait = || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        (0..3).for_each(|_| {
            scope.spawn(wait);
        });
        let both = (source.snapshot().unwrap(), proc::snapshot(&proc::Options::default()).unwrap());
        over.store(true, Ordering::Relaxed);
        both
    });
    let by_tid = |snapshot: &Snapshot| -> HashMap<i64, ThreadEntry> {
        snapshot.threads.iter().map(|thread| (thread.tid, thread.clone())).collect()
    };
    let (kernel, proc) = (by_tid(&by_kernel), by_tid(&by_proc));
    for child in &mut children {
        let tid = i64::from(child.id());
        assert_eq!(lasting(&kernel[&tid]), lasting(&proc[&tid]));
        assert!(kernel[&tid].clone_ts.abs_diff(proc[&tid].clone_ts) < 20_000_000);
        assert_eq!(kernel[&tid].vmsize_kb, proc[&tid].vmsize_kb);
        assert!(kernel[&tid].vmrss_kb > 0 && kernel[&tid].pfminor > 0);
        end(child);
    }
    let own = i64::from(std::process::id());
    let ours = |threads: &HashMap<i64, ThreadEntry>| threads.values().filter(|t| t.pid == own).count();
    // A scan of `/proc` starts threads of its own.
    assert!(ours(&kernel) >= 5 && ours(&proc) >= ours(&kernel), "{} and {}", ours(&kernel), ours(&proc));
    // Those of all others that are the same before and after. One that executes a program and ends between the two looks
    // is seen so once, not five times.
    // A machine may have hardly any.
    let mut resting: Vec<Child> = (0..11).map(|_| sleeper()).collect();
    resting.iter().for_each(settled);
    let (mut missing, mut differ) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let before = by_tid(&proc::snapshot(&proc::Options::default()).unwrap());
        let kernel = by_tid(&source.snapshot().unwrap());
        let after = by_tid(&proc::snapshot(&proc::Options::default()).unwrap());
        let at_rest: Vec<ThreadEntry> = after
            .values()
            .filter(|thread| before.get(&thread.tid).is_some_and(|before| lasting(before) == lasting(thread)))
            .map(lasting)
            .collect();
        assert!(at_rest.len() > 10, "{} threads at rest", at_rest.len());
        let known = |thread: &ThreadEntry| kernel.get(&thread.tid).map(lasting);
        missing = at_rest.iter().filter(|thread| known(thread).is_none()).map(|thread| thread.tid).collect();
        let pairs = at_rest.iter().filter_map(|thread| Some((known(thread)?, thread.clone())));
        differ = pairs.filter(|(kernel, proc)| kernel != proc).collect();
        if missing.is_empty() && differ.is_empty() {
            break;
        }
    }
    resting.iter_mut().for_each(end);
    assert!(missing.is_empty() && differ.is_empty(), "missing: {missing:?}, different: {differ:#?}");
}

/// Parent and name of a process.
fn parent_and_name(pid: i64) -> Option<(i64, String)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    Some((line("PPid:")?.parse().ok()?, line("Name:")?.to_owned()))
}

fn children(parent: i64, name: &str) -> Vec<i64> {
    let pids = std::fs::read_dir("/proc").unwrap();
    let pids = pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_and_name(*pid) == Some((parent, name.to_owned()))).collect()
}

/// Groups and sessions from outside have no id in a pid namespace.
#[test]
fn processes_in_a_pid_namespace_have_its_ids() {
    eyas_testing::ignore_in_chroot();
    let (source, _turn) = open();
    let mut outer = Command::new(eyas_testing::need_program("unshare"))
        .args(["--pid", "--fork", "sh", "-c", "sleep 600 & setsid sleep 600 & read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let (first, sleepers) = loop {
        let first = children(outer.id().into(), "sh");
        let sleepers = first.first().map(|first| children(*first, "sleep")).unwrap_or_default();
        if sleepers.len() == 2 {
            break (first[0], sleepers);
        }
        assert!(Instant::now() < until, "no processes in the namespace");
        std::thread::sleep(Duration::from_millis(5));
    };
    let snapshots = [source.snapshot().unwrap(), proc::snapshot(&proc::Options::default()).unwrap()];
    for snapshot in &snapshots {
        let of = |pid: i64| snapshot.threads.iter().find(|thread| thread.tid == pid).unwrap();
        let (outside, first) = (of(outer.id().into()), of(first));
        assert_eq!((first.vpid, first.vtid, first.vpgid, first.pgid), (1, 1, 0, outside.pgid));
        assert_eq!(first.sid, outside.sid);
        let [mut leaders, mut others] = [0, 0];
        for sleeper in sleepers.iter().map(|pid| of(*pid)) {
            let sessions = (sleeper.vpgid, sleeper.pgid, sleeper.sid);
            if sessions == (sleeper.vpid, sleeper.pid, sleeper.vpid) {
                leaders += 1;
            } else if sessions == (0, outside.pgid, outside.sid) {
                others += 1;
            }
        }
        assert_eq!((leaders, others), (1, 1));
    }
    // The first process ends, and all others with it.
    drop(outer.stdin.take());
    outer.wait().unwrap();
}

#[test]
fn a_process_that_comes_or_goes_meanwhile_is_neither_lost_nor_doubled() {
    let (mut source, _turn) = open();
    let mut elders: Vec<Child> = (0..5).map(|_| sleeper()).collect();
    let (over, has_begun) = (AtomicBool::new(false), AtomicBool::new(false));
    // Short-lived ones without a pause, and now and then one that stays.
    let (snapshots, mut stayed) = std::thread::scope(|scope| {
        let churn = scope.spawn(|| {
            let mut stayed = Vec::new();
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                Command::new("/bin/true").stdin(Stdio::null()).status().unwrap();
                count += 1;
                if count % 20 == 1 {
                    stayed.push(sleeper());
                    has_begun.store(true, Ordering::Relaxed);
                }
            }
            stayed
        });
        let until = Instant::now() + Duration::from_millis(1500);
        let mut snapshots = Vec::new();
        // An emulated machine takes long for each.
        while Instant::now() < until || snapshots.len() <= 3 || !has_begun.load(Ordering::Relaxed) {
            snapshots.push(source.snapshot().unwrap());
        }
        over.store(true, Ordering::Relaxed);
        (snapshots, churn.join().unwrap())
    });
    let Next::Snapshot(last) = source.next().unwrap() else { panic!("the first item is no snapshot") };
    source.stop_handle().stop();
    let mut started = HashSet::new();
    loop {
        match source.next().unwrap() {
            Next::Event(event) if event.ty == EventType::SYSCALL_EXECVE_19_X && event.result() == Some(0) => {
                started.insert(event.tid);
            }
            Next::End => break,
            _ => {}
        }
    }
    for snapshot in &snapshots {
        let (tids, files) = (unique(snapshot), files(snapshot));
        for pid in elders.iter().map(|child| i64::from(child.id())) {
            assert!(tids.contains(&pid) && files[&pid].len() >= 3, "{pid} was there all the time");
        }
        assert!(files.keys().all(|pid| tids.contains(pid)), "files of no process");
    }
    let tids = unique(&last);
    for pid in stayed.iter().map(|child| i64::from(child.id())) {
        assert!(tids.contains(&pid) && started.contains(&pid), "{pid} is lost");
    }
    println!(
        "{} snapshots beside {} processes, {} of which stayed",
        snapshots.len(),
        started.len(),
        stayed.len()
    );
    assert!(snapshots.len() > 3 && !stayed.is_empty());
    stayed.iter_mut().chain(&mut elders).for_each(end);
}
