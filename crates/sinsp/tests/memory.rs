//! Memory of a full system, and proof that a malicious one needs no more: every allocation of a test is
//! counted.
//!
//! With `--release` or `EYAS_FULL=1`, the tests use a hundred thousand threads and a million processes.
//! Otherwise they use an eighth of each, with an eighth of the memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use eyas_events::{EventType as E, FlagTable, param};
use eyas_sinsp::{Config, Inspector};

mod script;

use script::{SECOND, at, clone, close, exec, open, system};

/// Counts the allocated bytes of each thread, and the maximum since the last reset.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    HELD.set(HELD.get() + bytes);
    MOST.set(MOST.get().max(HELD.get()));
}

// SAFETY: every call is passed to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // The old block and the new one may exist at the same time.
        count(size as isize);
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocated bytes of the result of `work`, and the maximum during `work`.
fn measure<T>(work: impl FnOnce() -> T) -> (T, isize, isize) {
    let before = HELD.get();
    MOST.set(before);
    let made = work();
    (made, HELD.get() - before, MOST.get() - before)
}

/// The full number in optimised builds or with `EYAS_FULL`, otherwise an eighth: tables that grow by doubling are equally
/// full then.
fn scaled(full: i64) -> i64 {
    let all = !cfg!(debug_assertions) || std::env::var_os("EYAS_FULL").is_some();
    let count = if all { full } else { full / 8 };
    println!("{count} of {full}; all of them with --release or EYAS_FULL=1");
    count
}

const MB: f64 = 1e6;
/// Bytes that a thread with its files may cost: 300 MB for 100,000.
const BYTES_PER_THREAD: isize = 300_000_000 / 100_000;

fn fits(what: &str, threads: i64, held: isize, most: isize) {
    let allowed = BYTES_PER_THREAD * threads as isize;
    println!(
        "{what}: {:.1} MB held, {:.1} at most, {:.1} allowed, {} bytes each",
        held as f64 / MB,
        most as f64 / MB,
        allowed as f64 / MB,
        held / threads as isize
    );
    assert!(most < allowed, "{what}: {most} bytes, {allowed} allowed");
}

fn take(inspector: &mut Inspector, event: eyas_scap::EventBuilder) {
    inspector.process(event.build().as_raw());
}

/// A process executes its own program, and opens ten files that no other process has open.
fn busy_process(inspector: &mut Inspector, pid: i64) {
    use param::SYSCALL_EXECVE_19_X as x;
    take(inspector, clone(1, pid, 0, pid, 10, 0));
    let group = format!("cpuset=/\0memory=/system.slice/worker@{pid}.service\0");
    let arguments = format!("--config\0/etc/worker/{pid}.conf\0");
    let environment = format!("PATH=/usr/bin:/bin\0HOME=/var/lib/worker\0INSTANCE={pid}\0");
    let execute = exec(1, pid, b"worker", arguments.as_bytes())
        .bytes(x::cgroups, group.as_bytes())
        .bytes(x::env, environment.as_bytes());
    take(inspector, execute);
    for fd in 3..13 {
        take(inspector, open(1, pid, fd, -100, format!("/var/lib/worker/{pid}/{fd}.db").as_bytes()));
    }
}

#[test]
fn processes_with_ten_files_of_their_own_fit() {
    let processes = scaled(100_000);
    let (inspector, held, most) = measure(|| {
        let mut inspector = system();
        (100..100 + processes).for_each(|pid| busy_process(&mut inspector, pid));
        inspector
    });
    let threads = &inspector.state().threads;
    assert_eq!(threads.len() as i64, processes + 2);
    let files: usize = threads.iter().map(|thread| threads.fds(thread).map_or(0, |fds| fds.len())).sum();
    assert!(files as i64 >= 10 * processes, "{files}");
    fits("processes", processes, held, most);
}

#[test]
fn threads_that_share_ten_files_fit() {
    const THREAD: u32 = FlagTable::CLONE_FLAGS.value("CLONE_THREAD")
        | FlagTable::CLONE_FLAGS.value("CLONE_FS")
        | FlagTable::CLONE_FLAGS.value("CLONE_FILES");
    let count = scaled(100_000);
    let (inspector, held, most) = measure(|| {
        let mut inspector = system();
        (4..13).for_each(|fd| take(&mut inspector, open(1, 10, fd, -100, b"shared")));
        (100..100 + count).for_each(|tid| take(&mut inspector, clone(1, tid, 0, 10, 1, THREAD)));
        inspector
    });
    let threads = &inspector.state().threads;
    assert_eq!(threads.len() as i64, count + 2);
    assert_eq!(threads.fds(threads.get(100).unwrap()).unwrap().len(), 10);
    fits("threads", count, held, most);
}

#[test]
fn a_bomb_of_short_lived_processes_ends_with_the_table_it_began_with() {
    let processes = scaled(1_000_000);
    let mut inspector = system();
    let ids = |inspector: &Inspector| {
        let mut ids: Vec<_> = inspector.state().threads.iter().map(|t| (t.tid, t.pid, t.ptid)).collect();
        ids.sort_unstable();
        ids
    };
    let began_with = ids(&inspector);
    // Ids wrap, as in the kernel, and the processes of a generation live on while the next one starts.
    let id = |n: i64| 100 + n % 30_000;
    let round = |inspector: &mut Inspector, n: i64| {
        let second = 1 + n as u64 / 5000;
        take(inspector, clone(second, 10, id(n), 10, 1, 0));
        take(inspector, clone(second, id(n), 0, id(n), 10, 0));
        if n >= 50 {
            take(inspector, at(second, E::PROCEXIT_1_E, id(n - 50)));
        }
    };
    // The memory for exits is bounded. It must be full before the test can detect growth.
    let warm = processes / 10;
    (0..warm).for_each(|n| round(&mut inspector, n));
    let ((), held, most) = measure(|| (warm..processes).for_each(|n| round(&mut inspector, n)));
    println!("{processes} processes: {held} bytes more than after {warm}, {most} at most");
    assert!(most < 64 * 1024, "{most} bytes at most");
    (processes - 50..processes).for_each(|n| take(&mut inspector, at(1000, E::PROCEXIT_1_E, id(n))));
    take(&mut inspector, close(1001, 10, 99));
    assert_eq!(ids(&inspector), began_with);
    let stats = inspector.stats();
    assert_eq!(stats.threads_added, processes as u64 + 2);
    assert_eq!((stats.threads_removed, stats.threads_rejected), (processes as u64, 0));
}

#[test]
fn a_bomb_whose_exits_are_lost_fills_the_table_and_no_more() {
    let mut inspector = Inspector::new(Config::default().with_max_threads(1000));
    (100..2600).for_each(|tid| take(&mut inspector, clone(1, tid, 0, tid, 10, 0)));
    // One entry is for their parent, which is otherwise unknown.
    assert_eq!(inspector.state().threads.len(), 1000);
    let stats = inspector.stats();
    assert_eq!((stats.threads_added, stats.threads_rejected), (1000, 1501));
    // Threads without room are unknown, and their events do no harm.
    take(&mut inspector, open(2, 2599, 5, -100, b"x"));
    assert_eq!(inspector.stats().fds_added, 0);
    assert_eq!(inspector.stats().threads_rejected, 1502);
}

#[test]
fn processes_that_ended_unseen_are_found_and_counted() {
    let alive = |tid| {
        let thread =
            eyas_scap::ThreadEntry { tid, pid: tid, ptid: 1, comm: b"sh".to_vec(), ..Default::default() };
        (tid % 2 == 0).then(|| (thread, Vec::new()))
    };
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = asked.clone();
    let alive = move |tid| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        alive(tid)
    };
    let asked = || asked.load(std::sync::atomic::Ordering::Relaxed);
    let mut inspector = Inspector::new(Config::default().with_proc(alive));
    (100..1100).for_each(|tid| take(&mut inspector, clone(1, tid, 0, tid, 10, 0)));
    // Their parent is known from /proc, too.
    assert_eq!(inspector.state().threads.len(), 1001);
    assert_eq!(inspector.stats().proc_lookups, 1);
    take(&mut inspector, close(400, 100, 3));
    // An event causes at most four lookups.
    for ms in 0..600 {
        let before = asked();
        take(&mut inspector, close(800, 100, 3).ts(800_000_000_000 + ms * 2_000_000));
        assert!(asked() - before <= 4, "{}", asked() - before);
    }
    assert_eq!(inspector.state().threads.len(), 501);
    assert_eq!(inspector.stats().threads_removed, 500);
}

#[test]
fn lookups_of_unknown_threads_are_within_the_budget() {
    let nobody = |_| None;
    for max_threads in [10, 1 << 20] {
        let config = Config::default().with_proc(nobody).with_max_threads(max_threads);
        let mut inspector = Inspector::new(config);
        // A thousand threads at once, each with two events, and a thousand more in the next second.
        for tid in 1000..2000 {
            take(&mut inspector, close(5, tid, 3));
            take(&mut inspector, close(5, tid, 3));
        }
        let stats = inspector.stats();
        let bound = if max_threads == 10 { 10 } else { 500 };
        assert_eq!(stats.proc_lookups, bound);
        assert_eq!(stats.proc_lookups_deferred > 0, max_threads > 10);
        // Later events cause the postponed lookups.
        if max_threads > 10 {
            take(&mut inspector, close(6, 1999, 3));
            assert_eq!(inspector.stats().proc_lookups, bound + 1);
        }
    }
}

#[test]
fn a_process_that_opens_without_end_fills_its_own_table_and_no_more() {
    let mut inspector = system();
    (0..6000).for_each(|fd| take(&mut inspector, open(1, 10, fd, -100, b"x")));
    let threads = &inspector.state().threads;
    assert_eq!(threads.get(10).and_then(|thread| threads.fds(thread)).map(|fds| fds.len()), Some(4096));
    // The snapshot contained 3. Opening a known descriptor again adds no entry.
    assert_eq!(inspector.stats().fds_added, 4097);
    assert_eq!(inspector.stats().fds_rejected, 6000 - 4096);
}

#[test]
fn enter_events_that_wait_are_one_a_thread() {
    let mut inspector = system();
    let path = [b'p'; 4000];
    let enter = |second| {
        use param::SYSCALL_OPENAT_2_E as p;
        at(second, E::SYSCALL_OPENAT_2_E, 10).int(p::dirfd, -100).text(p::name, &path)
    };
    take(&mut inspector, enter(1));
    let ((), held, _) = measure(|| (0..1000).for_each(|n| take(&mut inspector, enter(2 + n))));
    assert!(held < SECOND as isize / 1_000_000, "{held} bytes");
}
