//! What the probe adds to system calls, and how many events a second are taken without loss. As root:
//! `cargo run --release -p eyas-scap --features live --example overhead`.

use std::process::Command;
use std::time::{Duration, Instant};

use eyas_events::SyscallCode;
use eyas_scap::live::{Options, Source};
use eyas_scap::{EventSource, Next};
use rustix::fd::AsFd;
use rustix::net::{AddressFamily, SocketAddrV4, SocketType};

/// Rounds whose median counts.
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
    call: Box<dyn FnMut() + 'a>,
}

fn main() -> Result<(), Failure> {
    added()?;
    flood()
}

/// Nothing attached; attached, but the call is not of interest; everything captured.
const MODES: [Option<&[SyscallCode]>; 3] = [Some(&[]), Some(&[SyscallCode::QUOTACTL]), None];

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
        case("stat", 50_000, || _ = rustix::fs::stat("/etc/passwd")),
        case("connect (UDP)", 50_000, || _ = rustix::net::connect(&socket, &address)),
        case("fork + exec", 50, || _ = Command::new("/bin/true").status()),
    ];
    println!("ns per call, median of {ROUNDS} rounds\n");
    println!("{:<14} {:>10} {:>10} {:>12}", "call", "bare", "+ skipped", "+ captured");
    for mut case in cases {
        let mut times = [const { Vec::new() }; MODES.len()];
        for _ in 0..ROUNDS {
            for (mode, times) in MODES.iter().zip(&mut times) {
                source.set_interest(*mode)?;
                // What attaching stirs up settles meanwhile.
                std::thread::sleep(SETTLE);
                for _ in 0..case.times / 10 {
                    (case.call)();
                }
                let start = Instant::now();
                for _ in 0..case.times {
                    (case.call)();
                }
                times.push(start.elapsed().as_nanos() as u64 / u64::from(case.times));
                // Reading makes calls, too.
                source.set_interest(Some(&[]))?;
                while !matches!(source.next()?, Next::Idle) {}
            }
        }
        let [bare, skipped, captured] = times.map(|mut times| {
            times.sort_unstable();
            times[ROUNDS / 2] as i64
        });
        println!("{:<14} {bare:>10} {:>10} {:>12}", case.name, skipped - bare, captured - bare);
    }
    let lost = source.stats().drops();
    if lost > 0 { Err(format!("{lost} events were lost: the figures are of no use").into()) } else { Ok(()) }
}

fn case<'a>(name: &'static str, times: u32, call: impl FnMut() + 'a) -> Case<'a> {
    Case { name, times, call: Box::new(call) }
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
