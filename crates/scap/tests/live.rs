//! Live captures of actions of this test. Needs root and a kernel that loads the probe.

use eyas_testing::{Dir, test};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eyas_events::param::{SOCKET_CONNECT_X, SYSCALL_EXECVE_19_X, SYSCALL_OPENAT_2_X, SYSCALL_READ_X};
use eyas_events::{EventClass, EventType, SyscallCode};
use eyas_scap::live::{Attach, ExcludedThreads, Options, Order, ProbeError, ProbeOptions, Source};
use eyas_scap::{Advance, Error, EventSource, Loss, Next, OwnedEvent, Snapshot, Suspects};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn open(options: impl Into<Options>) -> (Source, Box<Snapshot>) {
    let mut source = Source::open(options).unwrap();
    match source.next().unwrap() {
        Next::Snapshot(snapshot) => (source, snapshot),
        other => panic!("the first item is {other:?}"),
    }
}

/// Everything until the end, after the source was stopped.
fn finish(source: &mut Source) -> Vec<OwnedEvent> {
    source.stop_handle().stop();
    let until = Instant::now() + Duration::from_secs(120);
    let mut events = Vec::new();
    while Instant::now() < until {
        match source.next().unwrap() {
            Next::Event(event) => events.push(OwnedEvent::from(event)),
            Next::Idle => {}
            Next::End => return events,
            Next::Snapshot(_) => panic!("a second snapshot"),
        }
    }
    panic!("no end");
}

/// Size of rings for what others do while this test has no CPU.
const ROOMY: usize = 64 << 20;

fn of(events: &[OwnedEvent], ty: EventType) -> Vec<&OwnedEvent> {
    events.iter().filter(|event| event.as_raw().ty == ty).collect()
}

fn own_pid() -> i64 {
    i64::from(std::process::id())
}

#[test]
fn calls_of_this_process_are_captured() {
    let _turn = eyas_testing::live_turn();
    // However the programs get to their tracepoints.
    forms().into_iter().for_each(sees_this_process);
}

/// The ways to tracepoints that this kernel has.
fn forms() -> Vec<Attach> {
    let has = |attach: &Attach| {
        let options = ProbeOptions { attach: *attach, ..ProbeOptions::only([]) };
        !matches!(Source::open(options), Err(Error::Live(ProbeError::KernelTooOld { .. })))
    };
    [Attach::Btf, Attach::Perf].into_iter().filter(has).collect()
}

fn sees_this_process(attach: Attach) {
    let options = ProbeOptions { attach, io_uring: false, ring_bytes: ROOMY, ..ProbeOptions::default() };
    let (mut source, snapshot) = open(options);
    assert!(snapshot.threads.iter().any(|thread| thread.tid == own_pid()));
    let tid = i64::from(rustix::thread::gettid().as_raw_nonzero().get());

    let scratch = Dir::new("live");
    let path = scratch.write("file", "a secret of twenty-four b");
    let mut text = [0; 25];
    std::fs::File::open(&path).unwrap().read_exact(&mut text).unwrap();
    let mut child = Command::new("/bin/true").arg("--marked").spawn().unwrap();
    assert!(child.wait().unwrap().success());
    let child = i64::from(child.id());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();

    let events = finish(&mut source);
    let opened = of(&events, EventType::SYSCALL_OPENAT_2_X);
    assert!(opened.iter().any(|event| {
        let raw = event.as_raw();
        raw.tid == tid && raw.text(SYSCALL_OPENAT_2_X::name) == Some(path.as_os_str().as_encoded_bytes())
    }));
    assert!(of(&events, EventType::SYSCALL_READ_X).iter().any(|event| {
        let raw = event.as_raw();
        raw.tid == tid
            && raw.param(SYSCALL_READ_X::data) == Some(b"a secret of twenty-four b")
            && raw.int(SYSCALL_READ_X::res) == Some(25)
    }));
    assert!(of(&events, EventType::SYSCALL_EXECVE_19_X).iter().any(|event| {
        let raw = event.as_raw();
        raw.int(SYSCALL_EXECVE_19_X::res) == Some(0)
            && raw.param(SYSCALL_EXECVE_19_X::args) == Some(b"--marked\0")
            && raw.text(SYSCALL_EXECVE_19_X::comm) == Some(b"true")
            && raw.text(SYSCALL_EXECVE_19_X::trusted_exepath).is_some_and(|path| path.ends_with(b"/true"))
    }));
    assert!(of(&events, EventType::PROCEXIT_1_E).iter().any(|event| event.as_raw().tid == child));
    let connects = of(&events, EventType::SOCKET_CONNECT_X);
    let connect = connects.iter().find(|event| event.as_raw().tid == tid).expect("no connect");
    assert_eq!(connect.as_raw().int(SOCKET_CONNECT_X::res), Some(0));
    let tuple = connect.as_raw().param(SOCKET_CONNECT_X::tuple).unwrap();
    assert!(tuple.ends_with(&[&[127, 0, 0, 1][..], &port.to_le_bytes()].concat()), "{tuple:?}");

    assert!(events.is_sorted_by_key(|event| event.as_raw().ts), "events are out of order");
    let last = events.last().unwrap().as_raw().ts;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    assert!(now.abs_diff(last) < 60_000_000_000, "the last event is of {last}, now is {now}");
}

#[test]
fn without_iterators_the_snapshot_is_that_of_proc() {
    let _turn = eyas_testing::live_turn();
    let options = Options { iterators: false, ..Options::from(ProbeOptions::only([])) };
    let (mut source, snapshot) = open(options);
    let own = snapshot.threads.iter().find(|thread| thread.tid == own_pid()).expect("this process");
    assert!(!own.exepath.is_empty() && own.pid == own_pid());
    finish(&mut source);
}

#[test]
fn every_lost_event_is_counted() {
    let _turn = eyas_testing::live_turn();
    let (mut source, _) =
        open(ProbeOptions { ring_bytes: 16 << 10, io_uring: false, ..ProbeOptions::default() });
    // Nobody reads: the rings overflow.
    for _ in 0..20_000 {
        let _ = std::fs::metadata("/nonexistent");
    }
    // The position of missing events is reported, too.
    source.stop_handle().stop();
    let (mut delivered, mut losses, mut last) = (0, Vec::new(), [0; 1024]);
    loop {
        let step = source.advance().unwrap();
        losses.extend_from_slice(source.losses());
        match step {
            Advance::Event => {
                let event = source.current().unwrap();
                let behind = source.losses().iter().filter(|loss| loss.cpu == event.cpu);
                let last = &mut last[usize::from(event.cpu)];
                behind.for_each(|loss| assert!(*last <= loss.since && loss.since <= event.ts, "{loss:?}"));
                (delivered, *last) = (delivered + 1, event.ts);
            }
            Advance::End => break,
            _ => {}
        }
    }
    let stats = source.stats();
    println!("{stats:?}, {delivered} delivered, {losses:?}");
    assert!(stats.drops_buffer > 1000);
    assert_eq!(stats.produced, delivered + stats.drops());
    assert_eq!(losses.iter().map(|loss| loss.events).sum::<u64>(), stats.drops());
    let is_own = |loss: &&Loss| loss.of.may_be_of(own_pid());
    let own: u64 = losses.iter().filter(is_own).map(|loss| loss.events).sum();
    assert!(own > 1000 && losses.iter().all(|loss| loss.since <= loss.until), "{losses:?}");
    assert!(matches!(source.next().unwrap(), Next::End) && source.losses().is_empty());
}

#[test]
fn a_loss_reports_types_and_thread_groups() {
    let _turn = eyas_testing::live_turn();
    let (mut source, _) =
        open(ProbeOptions { ring_bytes: 4096, ..ProbeOptions::only([SyscallCode::GETEGID]) });
    let mut only = rustix::thread::CpuSet::new();
    only.set(0);
    rustix::thread::sched_setaffinity(None, &only).unwrap();
    (0..1000).for_each(|_| _ = rustix::process::getegid());
    let mut losses = Vec::new();
    // One more, once there is room, reports them. It may be another program's.
    while !matches!(source.next().unwrap(), Next::Idle) {
        losses.extend_from_slice(source.losses());
    }
    let _ = rustix::process::getegid();
    source.stop_handle().stop();
    while !matches!(source.next().unwrap(), Next::End) {
        losses.extend_from_slice(source.losses());
    }
    let is_it = |loss: &&Loss| loss.of != Suspects::ALL && loss.of.may_be_of(own_pid());
    let loss = losses.iter().find(is_it).expect("a report");
    assert_eq!(loss.of.types().collect::<Vec<_>>(), [EventType::SYSCALL_GETEGID_X]);
    assert!(loss.of.may_be_of(own_pid()) && loss.events > 500 && loss.since < loss.until, "{loss:?}");
    assert!(loss.of.count(EventClass::User) >= loss.events, "{loss:?}");
    let others = (1..10_000).filter(|group| *group != own_pid() && loss.of.may_be_of(*group)).count();
    assert!(others < 1000, "{others} others are suspected");
}

#[test]
fn events_that_change_the_state_are_dropped_last() {
    let _turn = eyas_testing::live_turn();
    let interest = [SyscallCode::GETEGID, SyscallCode::GETEUID, SyscallCode::UMASK];
    let (mut source, _) = open(ProbeOptions { ring_bytes: 64 << 10, ..ProbeOptions::only(interest) });
    source.set_order(|ty| match ty {
        EventType::SYSCALL_GETEUID_X => Order::Last,
        EventType::SYSCALL_GETEGID_X => Order::Second,
        _ => Order::First,
    });
    let mut only = rustix::thread::CpuSet::new();
    only.set(0);
    rustix::thread::sched_setaffinity(None, &only).unwrap();
    for _ in 0..5000 {
        let _ = (rustix::process::geteuid(), rustix::process::getegid());
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o22));
    }
    source.stop_handle().stop();
    let mut counts = [0; 3];
    loop {
        match source.next().unwrap() {
            Next::Event(event) if event.tid == i64::from(rustix::thread::gettid().as_raw_nonzero().get()) => {
                match event.ty {
                    EventType::SYSCALL_GETEUID_X => counts[0] += 1,
                    EventType::SYSCALL_GETEGID_X => counts[1] += 1,
                    _ => counts[2] += 1,
                }
            }
            Next::End => break,
            _ => {}
        }
    }
    println!("{counts:?}");
    assert!(counts[0] + 50 < counts[1] && counts[1] + 50 < counts[2], "{counts:?}");
}

/// Makes calls on as many threads as there are CPUs, and one more, until it is dropped.
struct Flood {
    over: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Flood {
    fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let threads = std::thread::available_parallelism().map_or(2, |cpus| cpus.get() + 1);
        let thread = |_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let _ = (std::fs::metadata("/nonexistent"), rustix::process::getppid());
                }
            })
        };
        let threads = (0..threads).map(thread).collect();
        Self { over, threads }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn the_counters_are_exact_while_calls_continue() {
    let _turn = eyas_testing::live_turn();
    for is_cut_short in [false, true, false] {
        let options = ProbeOptions { ring_bytes: 256 << 10, io_uring: false, ..ProbeOptions::default() };
        let (mut source, _) = open(options);
        let flood = Flood::start();
        let (mut delivered, mut last, begun) = (0, 0, Instant::now());
        loop {
            match source.advance().unwrap() {
                Advance::Event => {
                    let ts = source.current().unwrap().ts;
                    assert!(last <= ts, "an event of {last} came before one of {ts}");
                    (delivered, last) = (delivered + 1, ts);
                }
                Advance::End => break,
                _ => {}
            }
            if begun.elapsed() > Duration::from_millis(200) {
                match is_cut_short {
                    true => source.finish().unwrap(),
                    false => assert!(source.stop()),
                }
            }
        }
        let stats = source.stats();
        println!("{stats:?}, {delivered} delivered");
        assert!(delivered > 100 && (is_cut_short || stats.filtered == 0));
        assert_eq!(stats.produced, delivered + stats.filtered + stats.drops());
        // Though calls are still made.
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(source.stats(), stats);
        drop(flood);
    }
}

#[test]
fn a_loss_is_reported_where_events_are_missing() {
    let _turn = eyas_testing::live_turn();
    // On one CPU, as what was lost on another is reported at the end.
    let mut only = rustix::thread::CpuSet::new();
    only.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &only).unwrap();
    let (mut source, _) =
        open(ProbeOptions { ring_bytes: 4096, ..ProbeOptions::only([SyscallCode::GETPPID]) });
    let burst = |calls| (0..calls).for_each(|_| _ = rustix::process::getppid());
    let mut told = Vec::new();
    for _ in 0..3 {
        burst(1000);
        let mut idle = 0;
        while idle < 2 {
            let step = source.advance().unwrap();
            told.extend_from_slice(source.losses());
            idle += u32::from(matches!(step, Advance::Idle));
        }
    }
    // No event of this CPU reports the third before the end.
    finish(&mut source);
    told.extend_from_slice(source.losses());
    println!("{told:?}");
    assert!(told.len() >= 3 && told.iter().all(|loss| loss.events > 100), "{told:?}");
    assert!(told.windows(2).all(|two| two[0].since < two[1].since));
    assert_eq!(told.iter().map(|loss| loss.events).sum::<u64>(), source.stats().drops());
}

#[test]
fn only_calls_of_the_interest_are_captured() {
    let _turn = eyas_testing::live_turn();
    let interest = Some(vec![SyscallCode::MKDIR, SyscallCode::MKDIRAT]);
    let (mut source, _) = open(ProbeOptions { interest, io_uring: false, ..ProbeOptions::default() });
    let scratch = Dir::new("live-dir");
    let dir = scratch.join("dir");
    std::fs::create_dir(&dir).unwrap();
    // Younger architectures have only the calls on directories that take one to begin at.
    source.set_interest(Some(&[SyscallCode::RMDIR, SyscallCode::UNLINKAT])).unwrap();
    std::fs::remove_dir(&dir).unwrap();
    std::fs::create_dir(&dir).unwrap();
    std::fs::remove_dir(&dir).unwrap();
    let events = finish(&mut source);
    let mine = events.iter().filter(|event| {
        event.as_raw().params().any(|param| param.starts_with(dir.as_os_str().as_encoded_bytes()))
    });
    let names: Vec<&str> = mine.map(|event| event.as_raw().info().unwrap().name).collect();
    let wanted = if cfg!(target_arch = "x86_64") {
        ["mkdir", "rmdir", "rmdir"]
    } else {
        ["mkdirat", "unlinkat", "unlinkat"]
    };
    assert_eq!(names, wanted);
}

#[test]
fn a_fixed_interest_loads_only_the_programs_that_it_needs() {
    let _turn = eyas_testing::live_turn();
    let (mut source, _) = open(ProbeOptions::only([SyscallCode::GETEUID, SyscallCode::GETEGID]));
    assert!(!source.sees_requests());
    for (call, needed) in [(SyscallCode::EXECVE, "process_exec"), (SyscallCode::SCHED_SWITCH, "sched_switch")]
    {
        match source.set_interest(Some(&[call])) {
            Err(Error::Live(ProbeError::NotLoaded { program })) => assert_eq!(program, needed),
            other => panic!("{other:?}"),
        }
    }
    let calls = || _ = (rustix::process::geteuid(), rustix::process::getegid());
    calls();
    source.set_interest(Some(&[SyscallCode::GETEGID])).unwrap();
    calls();
    let events = finish(&mut source);
    let tid = i64::from(rustix::thread::gettid().as_raw_nonzero().get());
    let own = events.iter().map(OwnedEvent::as_raw).filter(|event| event.tid == tid);
    let names: Vec<&str> = own.map(|event| event.info().unwrap().name).collect();
    assert_eq!(names, ["geteuid", "getegid", "getegid"]);
}

#[test]
fn a_quiet_capture_wakes_up_rarely_and_reports_the_first_event() {
    let _turn = eyas_testing::live_turn();
    // A call that hardly anybody makes.
    let (mut source, _) = open(ProbeOptions::only([SyscallCode::MKNODAT]));
    for _ in 0..5 {
        let (begun, mut idle) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_millis(300) || idle < 3 {
            idle += u32::from(matches!(source.next().unwrap(), Next::Idle));
        }
        // Fewer than 60 a second, however long each takes.
        let most = begun.elapsed().as_secs_f64() * 60.0;
        assert!(f64::from(idle) < most, "{idle} times in {:?}", begun.elapsed());
        make_event();
        while !matches!(source.next().unwrap(), Next::Event(_)) {}
    }
}

/// A call of `mknodat`.
fn make_event() {
    let (dir, kind) = (rustix::fs::CWD, rustix::fs::FileType::Fifo);
    rustix::fs::mknodat(dir, "/nonexistent/fifo", kind, rustix::fs::Mode::empty(), 0).unwrap_err();
}

#[test]
fn threads_are_excluded_by_name_and_by_id() {
    let _turn = eyas_testing::live_turn();
    forms().into_iter().for_each(leaves_threads_out);
}

fn leaves_threads_out(attach: Attach) {
    let interest = [SyscallCode::MKDIR, SyscallCode::MKDIRAT];
    let (mut source, _) = open(ProbeOptions { attach, io_uring: false, ..ProbeOptions::only(interest) });
    let quiet = |comms: &[&str], tids: &[u32]| ExcludedThreads {
        comms: comms.iter().map(ToString::to_string).collect(),
        tids: tids.to_vec(),
    };
    // Each makes a directory that is there already, in a thread whose name the kernel cuts.
    let make = |name: &str| {
        let path = format!("/tmp/{name}");
        let thread = std::thread::Builder::new().name("a name longer than 15".into());
        let made = thread.spawn(move || std::fs::create_dir(path).map(|()| 0)).unwrap();
        let _ = made.join();
        let _ = std::fs::remove_dir(format!("/tmp/{name}"));
    };
    make("eyas-quiet-seen");
    source.set_excluded_threads(&quiet(&["someone else", "a name longer than 15"], &[])).unwrap();
    make("eyas-quiet-by-name");
    source.set_excluded_threads(&quiet(&[], &[std::process::id()])).unwrap();
    make("eyas-quiet-by-id");
    source.set_excluded_threads(&ExcludedThreads::default()).unwrap();
    make("eyas-quiet-again");
    // A child of one that is left out, by whatever name, but not the next that gets its id.
    source.set_excluded_threads(&quiet(&["quiet parent"], &[])).unwrap();
    let parent = std::thread::Builder::new().name("quiet parent".into());
    let made =
        parent.spawn(|| Command::new("/bin/mkdir").arg("/tmp/eyas-quiet-child").status().unwrap()).unwrap();
    assert!(made.join().unwrap().success());
    std::fs::remove_dir("/tmp/eyas-quiet-child").unwrap();
    let made = Command::new("/bin/mkdir").arg("/tmp/eyas-quiet-stranger").status().unwrap();
    assert!(made.success());
    std::fs::remove_dir("/tmp/eyas-quiet-stranger").unwrap();
    let events = finish(&mut source);
    let seen = |name: &str| {
        let path = format!("/tmp/{name}\0");
        events.iter().any(|event| event.as_raw().params().any(|param| param == path.as_bytes()))
    };
    let names = ["seen", "by-name", "by-id", "again", "child", "stranger"];
    let names = names.map(|name| seen(&format!("eyas-quiet-{name}")));
    assert_eq!(names, [true, false, false, true, false, true]);
}

#[test]
fn child_processes_of_the_capturing_process_are_reported() {
    let _turn = eyas_testing::live_turn();
    let mut options = Options::default();
    (options.probe.io_uring, options.probe.ring_bytes) = (false, ROOMY);
    let (mut source, _) = open(options);
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    let thread = std::thread::spawn(|| i64::from(rustix::thread::gettid().as_raw_nonzero().get()));
    let thread = thread.join().unwrap();
    let events = finish(&mut source);
    let of = |tid: i64| -> Vec<&str> {
        let own = events.iter().map(OwnedEvent::as_raw).filter(|event| event.tid == tid);
        own.filter(|event| event.result() == Some(0)).map(|event| event.info().unwrap().name).collect()
    };
    let told = of(child.id().into());
    assert!(["clone", "clone3", "vfork"].contains(told.first().unwrap()), "{told:?}");
    assert!(told.contains(&"execve"), "{told:?}");
    assert_eq!(of(thread), [""; 0]);
}

#[test]
fn presets_are_the_sizes_of_rings() {
    use eyas_scap::live::ring_bytes;

    assert_eq!(ring_bytes(1), Some(1 << 20));
    assert_eq!(ring_bytes(4), Some(ProbeOptions::default().ring_bytes));
    assert_eq!(ring_bytes(10), Some(512 << 20));
    assert_eq!((ring_bytes(0), ring_bytes(11)), (None, None));
}

#[test]
fn losses_are_counted_by_cause_and_cpu() {
    let _turn = eyas_testing::live_turn();
    let only = ProbeOptions { io_uring: false, ..ProbeOptions::only([SyscallCode::WRITE]) };
    let options = ProbeOptions { ring_bytes: 4096, snaplen: 65_000, ..only };
    let (mut source, _) = open(options);
    let null = std::fs::File::options().write(true).open("/dev/null").unwrap();
    // So large that it is mapped afresh and was never touched: the kernel has not brought it in.
    let fresh = vec![0_u8; 64 << 20];
    let large = vec![1_u8; 65_000];
    for _ in 0..100 {
        let _ = rustix::io::write(&null, &large);
    }
    let _ = rustix::io::write(&null, &fresh[1 << 25..][..100]);
    finish(&mut source);
    let (stats, cpus) = (source.stats(), source.drops());
    println!("{stats:?} {cpus:?}");
    assert!(stats.drops_buffer >= 100 && stats.page_faults >= 1 && stats.drops_other == 0);
    assert_eq!(cpus.iter().map(|cpu| cpu.buffer).sum::<u64>(), stats.drops_buffer);
    assert_eq!(cpus.iter().map(|cpu| cpu.page_faults).sum::<u64>(), stats.page_faults);
}

/// A CPU that is off until this is dropped, or turned on.
struct Off(std::path::PathBuf);

impl Off {
    /// Turns the last CPU off, if there is more than one and the machine lets it.
    fn last() -> Option<(u16, Self)> {
        let cpu = std::thread::available_parallelism().ok()?.get().checked_sub(1).filter(|cpu| *cpu > 0)?;
        let switch = std::path::PathBuf::from(format!("/sys/devices/system/cpu/cpu{cpu}/online"));
        std::fs::write(&switch, "0").ok()?;
        Some((cpu as u16, Self(switch)))
    }

    fn turn_on(&self) {
        std::fs::write(&self.0, "1").unwrap();
    }

    fn turn_off(&self) {
        std::fs::write(&self.0, "0").unwrap();
    }
}

impl Drop for Off {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.0, "1");
    }
}

#[test]
fn cpus_come_and_go() {
    let _turn = eyas_testing::live_turn();
    if std::env::var_os("EYAS_TEST_CPUS").is_none() {
        eyas_testing::ignore("turns a CPU off, which others may use: EYAS_TEST_CPUS=1 runs it");
    }
    let Some((cpu, switch)) = Off::last() else { eyas_testing::ignore("no CPU can be turned off here") };
    let (mut source, _) = open(ProbeOptions::only([SyscallCode::GETPPID]));
    for _ in 0..2 {
        switch.turn_on();
        let calls = std::thread::spawn(move || {
            let mut only = rustix::thread::CpuSet::new();
            only.set(usize::from(cpu));
            rustix::thread::sched_setaffinity(None, &only).unwrap();
            for _ in 0..100 {
                let _ = rustix::process::getppid();
            }
        });
        calls.join().unwrap();
        switch.turn_off();
    }
    switch.turn_on();
    let events = finish(&mut source);
    let there = events.iter().filter(|event| event.as_raw().cpu == cpu).count();
    assert!(there >= 200, "{there} events of CPU {cpu}");
    assert_eq!(source.stats().drops(), 0);
}

#[test]
fn ports_and_protocols_raise_the_limit_of_payloads() {
    use std::io::Write;

    use eyas_events::param::{SOCKET_SENDTO_X, SYSCALL_WRITE_X, SYSCALL_WRITEV_X};
    use eyas_scap::live::Payloads;

    let _turn = eyas_testing::live_turn();
    let [full, plain] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let port = full.local_addr().unwrap().port();
    let interest = [SyscallCode::WRITE, SyscallCode::WRITEV, SyscallCode::SENDTO];
    let payloads = Some(Payloads { full: Some(port..=port), ..Payloads::default() });
    let (mut source, _) = open(ProbeOptions { payloads, io_uring: false, ..ProbeOptions::only(interest) });
    let tid = i64::from(rustix::thread::gettid().as_raw_nonzero().get());
    let text = |begin: &str| [begin.as_bytes(), &[b'x'; 20_000]].concat();
    // Beginning, length and where to; then how much of it is kept.
    let connect = |listener: &TcpListener| TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut to_full, mut to_plain) = (connect(&full), connect(&plain));
    to_full.write_all(&text("a-full")[..20_000]).unwrap();
    to_plain.write_all(&text("b-plain")[..3000]).unwrap();
    to_plain.write_all(&text("GET /c")[..3000]).unwrap();
    to_plain.write_all(&text("HTTP/1.1 d")[..300]).unwrap();
    to_plain.write_all(&text("HTTPX")[..300]).unwrap();
    let vectored = [
        to_full.write_vectored(&[std::io::IoSlice::new(&text("e-full")[..18_000])]).unwrap(),
        to_plain.write_vectored(&[std::io::IoSlice::new(&text("GET /f")[..300])]).unwrap(),
    ];
    assert_eq!(vectored, [18_000, 300]);
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for port in [53, 8125, 9999] {
        udp.send_to(&text("g-datagram")[..3000], ("127.0.0.1", port)).unwrap();
    }
    let mut null = std::fs::File::options().write(true).open("/dev/null").unwrap();
    null.write_all(&text("GET /file")[..3000]).unwrap();

    let events = finish(&mut source);
    let kept: Vec<usize> = events
        .iter()
        .filter_map(|event| {
            let raw = event.as_raw();
            let at = match raw.ty {
                _ if raw.tid != tid => return None,
                EventType::SYSCALL_WRITE_X => SYSCALL_WRITE_X::data,
                EventType::SYSCALL_WRITEV_X => SYSCALL_WRITEV_X::data,
                EventType::SOCKET_SENDTO_X => SOCKET_SENDTO_X::data,
                _ => return None,
            };
            raw.param(at).filter(|data| data.ends_with(b"x")).map(<[u8]>::len)
        })
        .collect();
    assert_eq!(kept, [16_000, 80, 2000, 300, 80, 16_000, 80, 512, 2000, 80, 80]);
}
