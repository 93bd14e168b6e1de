//! Makes the calls. Each CPU has threads that are always busy, and real-time threads that preempt them: by
//! a timer, on wake-up, at their beginning and end, and when they execute programs.

use std::ffi::CStr;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::net::{AddressFamily, SendFlags, SocketType};
use rustix::thread::CpuSet;

use crate::ring::{ASYNC, Entry, Ring};
use crate::tag::{KINDS, Kind, port, text};
use eyas_testing::Numbers;

/// How long a real-time thread rests, microseconds.
const REST: std::ops::Range<u64> = 300..2000;

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Makes calls all the time, and wakes others now and then.
    Busy,
    /// Preempts by a timer.
    Timed,
    /// Preempts when it is woken from another CPU.
    Woken,
    /// Makes threads that do one thing each.
    Begets,
    /// Executes programs.
    Executes,
}

/// What each CPU has.
const ROLES: [Role; 6] = [Role::Busy, Role::Busy, Role::Timed, Role::Woken, Role::Begets, Role::Executes];

/// What all threads have in common.
struct World {
    stop: AtomicBool,
    /// Threads that can be woken.
    sleepers: Mutex<Vec<Thread>>,
    /// A line for each thread that has ended.
    report: Mutex<String>,
    null: OwnedFd,
    socket: OwnedFd,
    peer: SocketAddrV4,
    /// Whether threads make requests of `io_uring`.
    requests: bool,
}

/// A thread that makes calls.
struct Caller<'a> {
    world: &'a World,
    cpu: usize,
    tid: i64,
    /// Its own, as what a connect sets is one for all.
    socket: OwnedFd,
    numbers: Numbers,
    made: [u64; KINDS.len()],
    /// Made at the first request. The memory of a ring stays mapped, so threads that make only one call have none.
    ring: Option<Ring>,
    requests: bool,
}

/// Makes calls for some time, and requests if it may, then says how many.
pub fn run(time: Duration, requests: bool) -> ExitCode {
    let receiver = udp();
    rustix::net::bind(&receiver, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let world = World {
        stop: AtomicBool::new(false),
        sleepers: Mutex::default(),
        report: Mutex::default(),
        null: rustix::fs::open("/dev/null", OFlags::WRONLY, Mode::empty()).unwrap(),
        socket: udp(),
        peer: rustix::net::getsockname(&receiver).unwrap().try_into().unwrap(),
        requests,
    };
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for cpu in 0..cpus {
            for role in ROLES {
                let world = &world;
                scope.spawn(move || Caller::on(world, cpu).play(role));
            }
        }
        std::thread::sleep(time);
        world.stop.store(true, Ordering::Relaxed);
        lock(&world.sleepers).iter().for_each(Thread::unpark);
    });
    print!("{}", lock(&world.report));
    ExitCode::SUCCESS
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn udp() -> OwnedFd {
    rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap()
}

impl<'a> Caller<'a> {
    fn on(world: &'a World, cpu: usize) -> Self {
        let mut only = CpuSet::new();
        only.set(cpu);
        // A CPU may be off.
        let _ = rustix::thread::sched_setaffinity(None, &only);
        let tid = i64::from(rustix::thread::gettid().as_raw_nonzero().get());
        let numbers = Numbers::new((tid as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self {
            world,
            cpu,
            tid,
            socket: udp(),
            numbers,
            made: [0; KINDS.len()],
            ring: None,
            requests: world.requests,
        }
    }

    fn play(mut self, role: Role) {
        match role {
            Role::Busy => {}
            Role::Timed => set_priority(10),
            Role::Woken => {
                set_priority(11);
                lock(&self.world.sleepers).push(std::thread::current());
            }
            Role::Executes => set_priority(12),
            Role::Begets => set_priority(15),
        }
        while !self.world.stop.load(Ordering::Relaxed) {
            match role {
                Role::Busy => {
                    self.some();
                    (0..self.random(1000)).for_each(|at| _ = std::hint::black_box(at));
                    if self.random(16) == 0 {
                        lock(&self.world.sleepers).iter().for_each(Thread::unpark);
                    }
                }
                Role::Timed => {
                    self.rest(1);
                    (0..=self.random(3)).for_each(|_| self.some());
                }
                Role::Woken => {
                    std::thread::park_timeout(Duration::from_millis(50));
                    (0..=self.random(2)).for_each(|_| self.some());
                }
                Role::Begets => {
                    self.rest(2);
                    let (world, cpu) = (self.world, self.cpu);
                    std::thread::scope(|scope| {
                        // The kernel may refuse while another thread is about to execute a program.
                        let _ = std::thread::Builder::new().spawn_scoped(scope, move || {
                            let mut brief = Caller::on(world, cpu);
                            brief.requests = false;
                            set_priority(20);
                            brief.some();
                        });
                    });
                }
                Role::Executes => {
                    self.rest(8);
                    self.make(Kind::Exec);
                }
            }
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.numbers.next() % below
    }

    fn rest(&mut self, times: u32) {
        let rest = REST.start + self.random(REST.end - REST.start);
        std::thread::sleep(Duration::from_micros(rest) * times);
    }

    fn some(&mut self) {
        let kind = match self.random(15) {
            0..3 => Kind::Open,
            3..6 => Kind::Write,
            6..8 => Kind::Send,
            8..10 => Kind::Unlink,
            10 => Kind::Connect,
            11 => Kind::GetParent,
            12 => Kind::FailedExec,
            _ if self.requests => Kind::Request,
            _ => Kind::Open,
        };
        self.make(kind);
    }

    /// One call.
    fn make(&mut self, kind: Kind) {
        let number = self.made[kind as usize];
        self.made[kind as usize] += 1;
        let most = if self.random(3) > 0 { 60 } else { 1200 };
        let pad = self.random(most) as usize;
        let mut text = text(self.tid, kind, number, pad);
        let (world, peer) = (self.world, self.world.peer);
        match kind {
            Kind::Open => {
                let _ = rustix::fs::openat(CWD, path(&mut text), OFlags::RDONLY, Mode::empty());
            }
            Kind::Write => _ = rustix::io::write(&world.null, &text),
            Kind::Send => _ = rustix::net::sendto(&world.socket, &text, SendFlags::DONTWAIT, &peer),
            Kind::Unlink => _ = rustix::fs::unlinkat(CWD, path(&mut text), AtFlags::empty()),
            Kind::Connect => {
                let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port(number));
                let _ = rustix::net::connect(&self.socket, &to);
            }
            Kind::GetParent => _ = rustix::process::getppid(),
            Kind::FailedExec => {
                let text = String::from_utf8(text).unwrap_or_default();
                let _ = Command::new("/nonexistent/x").arg0(&text).exec();
            }
            Kind::Exec => {
                let text = String::from_utf8(text).unwrap_or_default();
                let _ = Command::new("/bin/true").arg(text).status();
            }
            Kind::Request => {
                // Some by a worker thread in any case.
                let flags = if self.random(4) == 0 { ASYNC } else { 0 };
                let entry = Entry { flags, ..Entry::new(18, libc::AT_FDCWD.into()) };
                let ring = self.ring.get_or_insert_with(|| Ring::new(0, 0).unwrap());
                let result = ring.one(entry.addr(path(&mut text).as_ptr()));
                assert_eq!(result, -i64::from(libc::ENOENT));
            }
            Kind::Exit => {}
        }
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.made[Kind::Exit as usize] = 1;
        let mut report = lock(&self.world.report);
        let _ = write!(report, "{}", self.tid);
        self.made.iter().for_each(|made| _ = write!(report, " {made}"));
        report.push('\n');
    }
}

fn path(text: &mut Vec<u8>) -> &CStr {
    text.push(0);
    CStr::from_bytes_until_nul(text).unwrap_or_default()
}

/// Makes the calling thread a real-time one, or an ordinary one again.
fn set_priority(priority: i32) {
    let policy = if priority > 0 { libc::SCHED_FIFO } else { libc::SCHED_OTHER };
    let param = libc::sched_param { sched_priority: priority };
    // SAFETY: the kernel reads the structure, which outlives the call.
    unsafe { libc::sched_setscheduler(0, policy, &raw const param) };
}

/// Lets the calling thread come before all that make calls, so that it keeps up with them, until the value is dropped.
pub struct Hurry;

impl Hurry {
    pub fn up() -> Self {
        set_priority(50);
        Self
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        set_priority(0);
    }
}
