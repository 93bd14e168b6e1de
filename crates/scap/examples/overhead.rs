//! What the probe adds to system calls, and how many events a second are taken without loss. As root:
//! `cargo run --release -p eyas-scap --features live --example overhead`.

use std::process::Command;
use std::time::{Duration, Instant};

use eyas_events::SyscallCode;
use eyas_scap::live::{Options, Source};
use eyas_scap::{EventSource, Next};
use rustix::fd::AsFd;
use rustix::net::{AddressFamily, SocketAddrV4, SocketType};
use rustix::time::{ClockId, clock_gettime};

/// Rounds of which the fastest counts: others may be at work on the machine.
const ROUNDS: usize = 11;
/// So large that no event of a round is lost, and nothing need be read meanwhile.
const RING: usize = 128 << 20;
const SETTLE: Duration = Duration::from_millis(20);
const FLOOD: Duration = Duration::from_secs(10);

type Failure = Box<dyn std::error::Error>;

/// A call to measure: its name, how many times a round has it, and the call.
struct Case<'a> {
    name: &'static str,
    times: u32,
    /// Of this thread, where no other takes part.
    clock: ClockId,
    call: Box<dyn FnMut() + 'a>,
}

fn main() -> Result<(), Failure> {
    added()?;
    flood()
}

/// Nothing attached; a program that does nothing; attached, but the call is not of interest; everything captured.
/// Whether the program that does nothing is there, and the interest.
const MODES: [(bool, Option<&[SyscallCode]>); 4] =
    [(false, Some(&[])), (true, Some(&[])), (false, Some(&[SyscallCode::QUOTACTL])), (false, None)];

fn added() -> Result<(), Failure> {
    let mut source = Source::open(Options { ring_bytes: RING, exclude_self: false, ..Options::default() })?;
    let zero = std::fs::File::open("/dev/zero")?;
    let null = std::fs::File::options().write(true).open("/dev/null")?;
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let address = SocketAddrV4::new([127, 0, 0, 1].into(), 9);
    let mut buffer = [0_u8; 64];
    let cases = [
        case("getppid", 200_000, || _ = rustix::process::getppid()),
        case("read 64 B", 200_000, || _ = rustix::io::read(zero.as_fd(), &mut buffer)),
        case("write 64 B", 200_000, || _ = rustix::io::write(null.as_fd(), &[7; 64])),
        case("open + close", 50_000, || _ = std::fs::File::open("/etc/passwd")),
        case("open missing", 50_000, || drop(std::fs::File::open("/etc/none"))),
        case("stat", 50_000, || _ = rustix::fs::stat("/etc/passwd")),
        case("connect (UDP)", 50_000, || _ = rustix::net::connect(&socket, &address)),
        Case {
            clock: ClockId::Monotonic,
            ..case("fork + exec", 50, || _ = Command::new("/bin/true").status())
        },
    ];
    println!("ns per call, fastest of {ROUNDS} rounds\n");
    println!("{:<14} {:>10} {:>10} {:>10} {:>12}", "call", "bare", "+ empty", "+ skipped", "+ captured");
    for mut case in cases {
        let mut times = [const { Vec::new() }; MODES.len()];
        for _ in 0..ROUNDS {
            for ((empty, mode), times) in MODES.iter().zip(&mut times) {
                source.set_empty(*empty)?;
                source.set_interest(*mode)?;
                // What attaching stirs up settles meanwhile.
                std::thread::sleep(SETTLE);
                for _ in 0..case.times / 10 {
                    (case.call)();
                }
                let start = spent(case.clock);
                for _ in 0..case.times {
                    (case.call)();
                }
                times.push((spent(case.clock) - start) / u64::from(case.times));
                // Reading makes calls, too.
                source.set_interest(Some(&[]))?;
                while !matches!(source.next()?, Next::Idle) {}
            }
        }
        let [bare, empty, skipped, captured] = times.map(|times| times.into_iter().min().unwrap_or(0) as i64);
        let [empty, skipped, captured] = [empty, skipped, captured].map(|time| time - bare);
        println!("{:<14} {bare:>10} {empty:>10} {skipped:>10} {captured:>12}", case.name);
    }
    let lost = source.stats().drops();
    if lost > 0 { Err(format!("{lost} events were lost: the figures are of no use").into()) } else { Ok(()) }
}

fn case<'a>(name: &'static str, times: u32, call: impl FnMut() + 'a) -> Case<'a> {
    Case { name, times, clock: ClockId::ThreadCPUTime, call: Box::new(call) }
}

/// What the clock says, ns.
fn spent(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// As many events as one thread makes, then fewer until none is lost.
fn flood() -> Result<(), Failure> {
    println!("\nevents a second for {} s, rings of 8 MiB\n", FLOOD.as_secs());
    let mut rest = 0;
    loop {
        let (made, stats) = flood_with(rest)?;
        let rate = stats.produced / FLOOD.as_secs();
        println!("{rate:>10} made, {:>8} of {} lost", stats.drops(), stats.produced);
        if stats.drops() == 0 || made == 0 {
            return Ok(());
        }
        // Time between bursts of calls, so that a quarter fewer are made.
        rest = rest * 4 / 3 + 20_000;
    }
}

/// A flood with a rest of `rest` ns after each hundred calls: how many calls, and what became of them.
fn flood_with(rest: u64) -> Result<(u64, eyas_scap::Stats), Failure> {
    let interest = Some(vec![SyscallCode::GETPPID]);
    let mut source = Source::open(Options { interest, exclude_self: false, ..Options::default() })?;
    let stop = source.stop_handle();
    source.next()?;
    let maker = std::thread::spawn(move || {
        let (start, mut made) = (Instant::now(), 0);
        while start.elapsed() < FLOOD {
            for _ in 0..100 {
                let _ = rustix::process::getppid();
            }
            made += 100;
            let pause = Instant::now();
            while (pause.elapsed().as_nanos() as u64) < rest {
                std::hint::spin_loop();
            }
        }
        stop.stop();
        made
    });
    while !matches!(source.next()?, Next::End) {}
    let made = maker.join().map_err(|_| "the flood ended early")?;
    Ok((made, source.stats()))
}
