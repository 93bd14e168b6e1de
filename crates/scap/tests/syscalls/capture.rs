//! The live capture that all tests share, one at a time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use eyas_events::param::SYSCALL_LSEEK_X;
use eyas_events::{Arch, EventType, SyscallCode, ia32_calls, syscalls};
use eyas_scap::live::{ExcludedThreads, ProbeOptions, Source};
use eyas_scap::{EventSource, Next, OwnedEvent, RawEvent};
use rustix::time::{ClockId, clock_gettime};

use crate::attach::attach;
use crate::call::call;
use crate::want::{Want, mismatches};

/// How long an event may take to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the test waits for another event after one that differs.
const QUIET: Duration = Duration::from_secs(3);
/// Maximum time to read before the test checks the received events.
const LONGEST_READ: Duration = Duration::from_millis(20);

struct Shared {
    source: Source,
    /// The time of boot, ns since the epoch, a little too early.
    boot_time: u64,
    /// Keeps captures of other processes away.
    _turn: eyas_testing::LiveTurn,
}

/// A test's turn with the capture, for its events and for calls of this thread.
pub struct Capture {
    shared: MutexGuard<'static, Shared>,
    /// The time of its beginning, ns since the epoch. Events of earlier tests are not seen.
    since: u64,
    seen: Vec<OwnedEvent>,
}

/// Types of the events whose parameters were compared.
static TESTED: Mutex<BTreeSet<EventType>> = Mutex::new(BTreeSet::new());

/// Types of the events whose parameters were compared so far.
pub fn tested() -> BTreeSet<EventType> {
    TESTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn note_tested(ty: EventType) {
    TESTED.lock().unwrap_or_else(PoisonError::into_inner).insert(ty);
}

/// The architecture that this runs on.
const ARCH: Arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };

/// The calls to capture for this event; empty if the architecture lacks the call.
fn codes(ty: EventType) -> Vec<SyscallCode> {
    match ty {
        EventType::PAGE_FAULT_E if ARCH == Arch::Aarch64 => Vec::new(),
        EventType::PROCEXIT_1_E => vec![SyscallCode::SCHED_PROCESS_EXIT],
        EventType::TASK_RENAME_X => vec![SyscallCode::PRCTL],
        EventType::SCHEDSWITCH_6_E => vec![SyscallCode::SCHED_SWITCH],
        EventType::SIGNALDELIVER_E => vec![SyscallCode::SIGNAL_DELIVER],
        EventType::PAGE_FAULT_E => vec![SyscallCode::PAGE_FAULT_USER, SyscallCode::PAGE_FAULT_KERNEL],
        EventType::DROP_E | EventType::DROP_X => vec![SyscallCode::READ],
        EventType::GENERIC_X => vec![SyscallCode::GETPID, SyscallCode::SCHED_YIELD],
        _ => {
            let here = syscalls().filter(|info| info.exit == ty && info.number(ARCH).is_some());
            let of_32_bits = ia32_calls().filter(|call| call.exit == ty && ARCH == Arch::X86_64);
            here.map(|info| info.code).chain(of_32_bits.map(|call| call.code)).collect()
        }
    }
}

/// Whether the event can occur on this architecture.
pub fn is_here(ty: EventType) -> bool {
    !codes(ty).is_empty()
}

/// Captures these events from now on. Ignores the test if live capture is impossible.
pub fn capture(types: &[EventType]) -> Capture {
    let interest: Vec<SyscallCode> = types.iter().flat_map(|ty| codes(*ty)).collect();
    if interest.is_empty() {
        eyas_testing::ignore(format_args!("this architecture has no {types:?}"));
    }
    capture_calls(&interest)
}

/// Like [`capture`], of these system calls.
pub fn capture_calls(interest: &[SyscallCode]) -> Capture {
    static SHARED: OnceLock<Mutex<Shared>> = OnceLock::new();
    // Before the lock: a test that is ignored while it holds the lock would leave it empty for the next
    // one.
    eyas_testing::need_live_capture();
    let shared = SHARED.get_or_init(|| {
        let turn = eyas_testing::live_turn();
        // Room for what others do while the test has no CPU.
        let options =
            ProbeOptions { snaplen: 256, attach: attach(), ring_bytes: 32 << 20, ..ProbeOptions::default() };
        let mut source = Source::open(options).unwrap();
        assert!(matches!(source.next().unwrap(), Next::Snapshot(_)));
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        // Events get their time from an own estimate.
        let boot_time = since_epoch - now() - 1_000_000;
        Mutex::new(Shared { source, boot_time, _turn: turn })
    });
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    // Programs that the test before needed, too, stay attached: to detach one takes the kernel long.
    shared.source.set_interest(Some(interest)).unwrap();
    let since = now() + shared.boot_time;
    Capture { shared, since, seen: Vec::new() }
}

/// The time since boot, ns.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Begins and ends what [`Capture::own`] returns.
const MARK: i64 = 0x6d61_726b;

fn marked(calls: impl FnOnce()) {
    let mark = || call(libc::SYS_lseek, [-1, MARK, 0]);
    mark();
    calls();
    mark();
}

/// Runs `calls` in a thread with its own file descriptor table, which ends with the thread; also returns
/// the thread's id. In a longer-lived thread, copies of descriptors that others close would stay open, and
/// so would the programs that the capture detaches.
pub fn with_own_files<T: Send>(calls: impl FnOnce() -> T + Send) -> (i64, T) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            assert_eq!(call(libc::SYS_unshare, [libc::CLONE_FILES.into()]), 0);
            (tid(), calls())
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Id of the calling thread.
pub fn tid() -> i64 {
    i64::from(rustix::thread::gettid().as_raw_nonzero().get())
}

impl Capture {
    /// Checks that the event of this thread has the expected value for each parameter of its row. If the
    /// architecture lacks the call, checks that no event has arrived.
    #[track_caller]
    pub fn saw(&mut self, ty: EventType, wants: &[(&str, Want)]) {
        self.saw_of(tid(), ty, wants);
    }

    /// Like [`Capture::saw`], for another thread.
    #[track_caller]
    pub fn saw_of(&mut self, tid: i64, ty: EventType, wants: &[(&str, Want)]) {
        let info = ty.info().unwrap();
        let names: Vec<&str> = info.params.iter().map(|param| param.name).collect();
        let wanted: Vec<&str> = wants.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, wanted, "the parameters of {} and those tested", info.ident);
        if !is_here(ty) {
            assert!(!self.came(tid, ty), "{} came", info.ident);
            note_tested(ty);
            return;
        }
        let until = Instant::now() + PATIENCE;
        let mut best: Option<Vec<String>> = None;
        let mut differs = None;
        let mut next = 0;
        loop {
            while let Some(event) = self.seen.get(next) {
                next += 1;
                let raw = event.as_raw();
                if raw.ty != ty || raw.tid != tid {
                    continue;
                }
                let wrong = mismatches(&raw, wants);
                if wrong.is_empty() {
                    note_tested(ty);
                    return;
                }
                differs.get_or_insert_with(Instant::now);
                if best.as_ref().is_none_or(|best| best.len() > wrong.len()) {
                    best = Some(wrong);
                }
            }
            let is_it =
                |raw: &RawEvent<'_>| raw.ty == ty && raw.tid == tid && mismatches(raw, wants).is_empty();
            // A differing event may be followed by the right one, but not for long.
            let over = differs.is_some_and(|since| since.elapsed() >= QUIET) || Instant::now() >= until;
            let more = self.pull_until(is_it) && Instant::now() < until;
            assert!(more || !over, "{} of thread {tid}: {best:#?}", info.ident);
        }
    }

    /// Waits for the first event of a thread and type.
    #[track_caller]
    pub fn event_of(&mut self, tid: i64, ty: EventType) -> OwnedEvent {
        self.nth_where(0, |raw| raw.ty == ty && raw.tid == tid)
    }

    /// Waits for the first event that satisfies the condition.
    #[track_caller]
    pub fn event_where(&mut self, is_it: impl Fn(&RawEvent<'_>) -> bool) -> OwnedEvent {
        self.nth_where(0, is_it)
    }

    /// Waits for the n-th event, from 0, that satisfies the condition.
    #[track_caller]
    pub fn nth_where(&mut self, n: usize, is_it: impl Fn(&RawEvent<'_>) -> bool) -> OwnedEvent {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.seen.iter().filter(|event| is_it(&event.as_raw())).nth(n) {
                return event.clone();
            }
            assert!(Instant::now() < until, "the event does not come");
            self.pull_until(&is_it);
        }
    }

    /// Number of events so far that satisfy the condition. It opens a file that does not exist, which must be captured.
    #[track_caller]
    pub fn count_until_now(&mut self, is_it: impl Fn(&RawEvent<'_>) -> bool) -> usize {
        static MARKS: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("/nowhere/mark-{}", MARKS.fetch_add(1, Ordering::Relaxed));
        let name = std::ffi::CString::new(mark).unwrap();
        assert!(call(libc::SYS_openat, [libc::AT_FDCWD.into(), name.as_ptr() as i64, 0, 0]) < 0);
        let is_mark = |raw: &RawEvent<'_>| {
            raw.ty == EventType::SYSCALL_OPENAT_2_X && raw.text(2) == Some(name.as_bytes())
        };
        self.event_where(is_mark);
        let before = self.seen.iter().map(OwnedEvent::as_raw).take_while(|raw| !is_mark(raw));
        before.filter(is_it).count()
    }

    /// Whether an event of a thread has arrived.
    pub fn came(&mut self, tid: i64, ty: EventType) -> bool {
        self.pull();
        self.seen.iter().any(|event| event.as_raw().ty == ty && event.as_raw().tid == tid)
    }

    /// Number of events of this thread and type that have arrived.
    pub fn count(&mut self, ty: EventType) -> usize {
        self.pull();
        self.seen.iter().filter(|event| event.as_raw().ty == ty && event.as_raw().tid == tid()).count()
    }

    /// The time of each event of this thread and type that has arrived.
    pub fn times(&mut self, ty: EventType) -> Vec<u64> {
        self.pull();
        let own = self.seen.iter().map(OwnedEvent::as_raw).filter(|raw| raw.ty == ty && raw.tid == tid());
        own.map(|raw| raw.ts).collect()
    }

    /// A text of each event of this thread and type that has arrived.
    pub fn texts(&mut self, ty: EventType, param: usize) -> Vec<String> {
        self.pull();
        let own = self.seen.iter().map(OwnedEvent::as_raw).filter(|raw| raw.ty == ty && raw.tid == tid());
        own.map(|raw| String::from_utf8_lossy(raw.text(param).unwrap_or_default()).into_owned()).collect()
    }

    /// The only parameter of all events of this type, from any thread; the caller compares it.
    pub fn only_of_all(&mut self, ty: EventType) -> Vec<Option<u64>> {
        assert_eq!(ty.info().map(|info| info.params.len()), Some(1), "{ty:?} has one parameter");
        note_tested(ty);
        self.pull();
        self.seen.iter().map(OwnedEvent::as_raw).filter(|raw| raw.ty == ty).map(|raw| raw.uint(0)).collect()
    }

    /// Captures only a part of each second from now on.
    pub fn sample(&mut self, ratio: u32) {
        self.shared.source.set_sampling(ratio).unwrap();
    }

    /// Makes the interpreter build every event, or only those without specialised code. The interpreter is
    /// used for every decision that needs more than the table of calls, such as an excluded thread name,
    /// which no thread has here.
    pub fn interpret(&mut self, every: bool) {
        let comms = if every { vec!["nobody at all".to_owned()] } else { Vec::new() };
        self.shared
            .source
            .set_excluded_threads(&ExcludedThreads { comms, ..ExcludedThreads::default() })
            .unwrap();
    }

    /// The events of this thread that `calls` causes. lseek must be captured, because it marks their
    /// beginning and end.
    pub fn own(&mut self, calls: impl FnOnce()) -> Vec<OwnedEvent> {
        self.seen.clear();
        marked(calls);
        self.marked_of(tid())
    }

    /// Like [`Capture::own`], in a thread with descriptors of its own.
    pub fn own_apart(&mut self, calls: impl FnOnce() + Send) -> Vec<OwnedEvent> {
        self.seen.clear();
        let (tid, ()) = with_own_files(|| marked(calls));
        self.marked_of(tid)
    }

    fn marked_of(&mut self, tid: i64) -> Vec<OwnedEvent> {
        let own = |event: &OwnedEvent| event.as_raw().tid == tid;
        let is_mark = |raw: &RawEvent<'_>| {
            raw.tid == tid
                && raw.ty == EventType::SYSCALL_LSEEK_X
                && raw.int(SYSCALL_LSEEK_X::offset) == Some(MARK)
        };
        let until = Instant::now() + PATIENCE;
        let marks = |event: &OwnedEvent| is_mark(&event.as_raw());
        while self.seen.iter().filter(|event| marks(event)).count() < 2 {
            assert!(Instant::now() < until, "the marks do not come");
            self.pull_until(is_mark);
        }
        let mut between =
            std::mem::take(&mut self.seen).into_iter().skip_while(|event| !marks(event)).skip(1);
        between.by_ref().take_while(|event| !marks(event)).filter(own).collect()
    }

    /// Reads the available events. Returns whether there were any.
    fn pull(&mut self) -> bool {
        self.pull_until(|_| false)
    }

    /// Like [`Capture::pull`], but ends after an event that satisfies the condition.
    fn pull_until(&mut self, is_enough: impl Fn(&RawEvent<'_>) -> bool) -> bool {
        let before = self.seen.len();
        let until = Instant::now() + LONGEST_READ;
        let mut idle = 0;
        // Some events are caused by waiting for them.
        while idle < 3 && Instant::now() < until {
            match self.shared.source.next().unwrap() {
                Next::Event(event) if event.ts < self.since => {}
                Next::Event(event) => {
                    self.seen.push(OwnedEvent::from(event));
                    if is_enough(&event) {
                        break;
                    }
                }
                Next::Idle => idle += 1,
                other => panic!("{other:?}"),
            }
        }
        self.seen.len() > before
    }
}
