//! Memory in the steady state: repeated actions of a known process need no allocation.

use eyas_testing::{Dir, test};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use eyas::events::{EventType, param};
use eyas::rules::{Engine, RuleSet, RuleSource};
use eyas::scap::{EventBuilder, EventSource, Reader, Snapshot, ThreadEntry, Writer};
use eyas::sinsp::{Config, EventView, Inspector, Step, schema};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Counts the allocations of the current thread.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has no counter any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the same promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the same promises.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the same promises.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn demo_rules() -> Engine {
    let text = std::fs::read_to_string(root().join("demo/rules.yaml")).unwrap();
    let source = RuleSource::new("demo/rules.yaml", text);
    RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap()
}

/// Runs source, inspector and evaluator until `see` returns false. `see` gets each event, the number of matching rules,
/// and the number of allocations.
fn run(
    source: &mut dyn EventSource,
    config: Config,
    mut see: impl FnMut(&EventView<'_>, usize, u64) -> bool,
) {
    let engine = demo_rules();
    let mut evaluator = engine.evaluator();
    let mut inspector = Inspector::new(config);
    let mut found = Vec::new();
    let mut before = COUNT.get();
    loop {
        match inspector.next(source).unwrap() {
            Step::Event(view) => {
                evaluator.matches(&view, &mut found).unwrap();
                let cost = COUNT.get() - before;
                if !see(&view, found.len(), cost) {
                    return;
                }
                found.clear();
            }
            Step::Idle => {}
            Step::End => return,
        }
        before = COUNT.get();
    }
}

const TID: i64 = 100;

/// Repeated actions of one process, without times.
fn round() -> Vec<EventBuilder> {
    use EventType as E;
    use param::{SOCKET_CONNECT_X as connect, SOCKET_SOCKET_X as socket, SYSCALL_CLOSE_X as close};
    use param::{SYSCALL_OPENAT_2_E as enter, SYSCALL_OPENAT_2_X as open, SYSCALL_READ_X as read};
    let event = |ty| EventBuilder::new(ty).tid(TID);
    let opens = |num: i64, dirfd: i64, name: &[u8]| {
        let known = event(E::SYSCALL_OPENAT_2_E)
            .int(enter::dirfd, dirfd)
            .text(enter::name, name)
            .uint(enter::flags, 1);
        let done =
            event(E::SYSCALL_OPENAT_2_X).int(open::fd, num).int(open::dirfd, dirfd).text(open::name, name);
        [known, done.uint(open::flags, 1)]
    };
    let closes = |num| event(E::SYSCALL_CLOSE_X).int(close::res, 0).int(close::fd, num);
    let tuple =
        [&[2_u8, 127, 0, 0, 1][..], &40_000_u16.to_le_bytes(), &[127, 0, 0, 1], &80_u16.to_le_bytes()]
            .concat();
    let mut all = Vec::new();
    all.extend(opens(3, -100, b"/etc"));
    all.extend(opens(4, 3, b"../srv/data"));
    all.push(
        event(E::SYSCALL_READ_X)
            .int(read::res, 3)
            .bytes(read::data, b"vm\n")
            .int(read::fd, 4)
            .uint(read::size, 9),
    );
    all.extend(opens(5, -100, b"notes"));
    all.extend(opens(-2, -100, b"/etc/missing"));
    all.extend([closes(5), closes(4), closes(3)]);
    for domain in [1, 2] {
        let ends = match domain {
            1 => [&[1_u8; 17][..], b"/run/service\0"].concat(),
            _ => tuple.clone(),
        };
        all.push(
            event(E::SOCKET_SOCKET_X).int(socket::fd, 6).uint(socket::domain, domain).uint(socket::r#type, 1),
        );
        all.push(
            event(E::SOCKET_CONNECT_X).int(connect::res, 0).bytes(connect::tuple, &ends).int(connect::fd, 6),
        );
        all.push(closes(6));
    }
    all
}

#[test]
fn repeated_events_allocate_nothing() {
    const ROUNDS: u64 = 20_000;
    let dir = Dir::new("steady");
    let path = dir.join("steady.scap");
    let mut writer = Writer::create(&path, false).unwrap();
    let (comm, cwd) = (b"service".to_vec(), b"/srv".to_vec());
    let thread =
        ThreadEntry { tid: TID, pid: TID, vtid: TID, vpid: TID, comm, cwd, ..ThreadEntry::default() };
    writer.snapshot(&Snapshot { threads: vec![thread], ..Snapshot::default() }).unwrap();
    let round = round();
    let mut ts = 1_000_000_000_000;
    for _ in 0..ROUNDS {
        for event in &round {
            ts += 1000;
            writer.event(&event.clone().ts(ts).build().as_raw()).unwrap();
        }
    }
    writer.finish().unwrap();
    // The inspector processes enter events, but does not show them.
    let shown = round.iter().filter(|event| (*event).clone().build().as_raw().ty.is_exit()).count() as u64;
    let mut costs = BTreeMap::<_, u64>::new();
    let mut events = 0;
    let mut names = std::collections::BTreeSet::new();
    run(&mut Reader::open(&path).unwrap(), Config::default(), |view, matched, cost| {
        assert_eq!(matched, 0);
        events += 1;
        if events <= shown {
            names.extend(view.fd().map(|fd| fd.name.to_vec()));
        }
        if events > ROUNDS * shown / 2 && cost > 0 {
            *costs.entry(view.event().ty.name()).or_default() += cost;
        }
        true
    });
    assert_eq!(events, ROUNDS * shown);
    for name in [
        "/srv/data",
        "/srv/notes",
        "127.0.0.1:40000->127.0.0.1:80",
        "101010101010101->101010101010101 /run/service",
    ] {
        assert!(names.contains(name.as_bytes()), "{name} is not among {names:?}");
    }
    assert!(costs.is_empty(), "allocations in the second half: {costs:?}");
}

/// Reads the capture from memory, so that no event's cost includes decompression.
fn inflated(path: &Path) -> Reader {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    Reader::from_reader(std::io::Cursor::new(bytes)).unwrap()
}

/// Maximum cost of an event with new information: a new name, a new process, an additional open file.
///
/// An open allocates the file, its name, the requested path, and memory of a growing table. A connection or a datagram
/// allocates the socket's ends and their name. A clone allocates the process, its table entries, its cgroups and a table
/// of files.
fn bound(event: &str) -> u64 {
    match event {
        "open" | "openat" | "openat2" | "creat" | "dup" | "dup2" | "dup3" | "fcntl" | "pipe" | "pipe2" => 5,
        "socket" | "socketpair" | "bind" | "connect" | "accept" | "accept4" | "sendto" | "sendmsg"
        | "recvfrom" | "recvmsg" => 5,
        "clone" | "clone3" | "fork" | "vfork" | "execve" | "execveat" => 16,
        "chdir" | "fchdir" | "chroot" | "getcwd" => 2,
        "eventfd" | "eventfd2" | "epoll_create" | "epoll_create1" | "timerfd_create" | "signalfd4"
        | "inotify_init1" | "memfd_create" | "pidfd_open" | "bpf" => 5,
        // The first event of a thread: its CPU times.
        "switch" | "procinfo" => 1,
        _ => 0,
    }
}

#[test]
fn only_new_data_allocates_in_the_demo() {
    only_what_is_new_costs(&root().join("demo/demo.scap.gz"));
}

#[test]
fn only_new_data_allocates_in_attack() {
    only_what_is_new_costs(&eyas_testing::data_or_ignore("captures/attack.scap.gz"));
}

#[test]
fn only_new_data_allocates_in_gcc() {
    only_what_is_new_costs(&eyas_testing::data_or_ignore("captures/gcc.scap.gz"));
}

#[test]
fn only_new_data_allocates_in_nginx() {
    only_what_is_new_costs(&eyas_testing::data_or_ignore("captures/nginx.scap.gz"));
}

fn only_what_is_new_costs(path: &Path) {
    let mut total = 0;
    run(&mut inflated(path), Config::default(), |_, _, _| {
        total += 1;
        true
    });
    let (mut events, mut seen, mut calm) = (0, 0, 0);
    let mut tids = std::collections::BTreeSet::new();
    let (mut removes, mut num) = (false, 0);
    run(&mut inflated(path), Config::default(), |view, _, cost| {
        let event = view.event();
        let name = event.ty.name();
        events += 1;
        // An unknown thread is added to the table. The next event performs an event's removals: then a table of files
        // that processes share since a fork is copied. Hidden events cost allocations, too.
        let hidden = view.num() - std::mem::replace(&mut num, view.num()) > 1;
        let is_new = hidden
            | tids.insert(event.tid)
            | std::mem::replace(&mut removes, matches!(name, "procexit" | "close" | "close_range"));
        if events > total / 2 {
            seen += 1;
            calm += u64::from(cost == 0);
            let most = if is_new { bound("clone") } else { bound(name) };
            assert!(cost <= most, "{}: {name}, number {events}: {cost}", path.display());
        }
        true
    });
    println!("{}: {calm} of {seen} events without an allocation", path.display());
    assert!(seen > 1000 && calm * 20 > seen * 18, "{}: {calm} of {seen}", path.display());
}

/// A live capture of a thread of this test that opens, reads and closes files.
#[cfg(feature = "live")]
#[test]
fn repeated_live_events_allocate_nothing() {
    // In a chroot, every open also keeps the kernel's path.
    eyas_testing::ignore_in_chroot();
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
    use std::time::{Duration, Instant};

    use eyas::scap::{live, proc};

    // One capture at a time, on the whole machine.
    let _lock = eyas_testing::live_turn();
    let engine = demo_rules();
    let mut codes = eyas::sinsp::syscalls_of_state();
    codes.extend(eyas::sinsp::syscalls_of(engine.codes()));
    // Room for what happens while this test has no CPU: to look up what was lost takes memory.
    let options =
        live::ProbeOptions { interest: Some(codes), ring_bytes: 64 << 20, ..live::ProbeOptions::default() };
    let proc_options = proc::Options::default();
    let mut source = live::Source::open(options).unwrap();
    let lookup = proc::ThreadReader::new(proc_options);
    let config = Config::default().with_proc(lookup);
    let (tid, done) = (AtomicI64::new(-1), AtomicBool::new(false));
    let (mut seen, mut costs) = (0_u64, BTreeMap::<_, u64>::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            tid.store(i64::from(rustix::thread::gettid().as_raw_nonzero().get()), Ordering::Relaxed);
            // Not through a symlink: a second name of a file costs an allocation.
            let path = format!("/proc/{}/comm", std::process::id());
            while !done.load(Ordering::Relaxed) {
                let mut bytes = [0; 64];
                let read = std::fs::File::open(&path).and_then(|mut file| file.read(&mut bytes));
                assert!(read.unwrap() > 0);
                // A missing file, with a relative path.
                assert!(std::fs::File::open("eyas-is-not-here").is_err());
            }
        });
        let until = Instant::now() + Duration::from_secs(300);
        run(&mut source, config, |view, _, cost| {
            if view.event().tid == tid.load(Ordering::Relaxed) {
                seen += 1;
                if seen > 10_000 && cost > 0 {
                    *costs.entry(view.event().ty.name()).or_default() += cost;
                }
            }
            seen < 100_000 && Instant::now() < until
        });
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(seen, 100_000, "the thread was not seen often enough");
    println!("90,000 events, allocations: {costs:?}");
    // The cost of an event includes removals by earlier events of other processes.
    assert!(costs.values().sum::<u64>() * 1000 < seen, "allocations: {costs:?}");
}
