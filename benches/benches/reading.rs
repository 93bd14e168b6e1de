//! Cost of reading a capture, compared with plain decompression of the same file, in alternating rounds:
//! `cargo bench -p eyas-benches --bench reading`.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::io::{Cursor, Read};
use std::path::Path;

use eyas::scap::{Advance, EventSource, Reader};
use eyas_benches::{long_capture, now};
use rustix::time::ClockId;

const ROUNDS: usize = 15;

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("skipped: benches run with `cargo bench` only");
        return;
    }
    let path = long_capture();
    let mut plain = Vec::new();
    inflater(&path).read_to_end(&mut plain).expect("a whole file");
    let bytes = plain.len();
    let plain: std::sync::Arc<[u8]> = plain.into();
    let events = read(Reader::open(&path).expect("the capture was there"));
    let in_memory = || Reader::from_reader(Cursor::new(plain.clone())).expect("memory has no errors");
    let cases: [(&str, &dyn Fn()); 3] = [
        ("inflate alone", &|| inflate(&path)),
        ("read from gzip", &|| _ = black_box(read(Reader::open(&path).expect("the capture was there")))),
        ("read from memory", &|| _ = black_box(read(in_memory()))),
    ];
    let mut times = cases.map(|_| [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        for ((_, case), [walls, cpus]) in cases.iter().zip(&mut times) {
            let began = [ClockId::Monotonic, ClockId::ProcessCPUTime].map(now);
            case();
            walls.push(now(ClockId::Monotonic) - began[0]);
            cpus.push(now(ClockId::ProcessCPUTime) - began[1]);
        }
    }
    println!(
        "{}: {events} events, {} MB; the fastest of {ROUNDS} rounds, and ratios to `{}`",
        path.display(),
        bytes / 1_000_000,
        cases[0].0
    );
    let fastest =
        times.map(|clocks| clocks.map(|times| times.into_iter().min().unwrap_or_default().as_secs_f64()));
    for ((name, _), [wall, cpu]) in cases.iter().zip(fastest) {
        println!(
            "{name:<17} wall {wall:>6.3} s {:>5.2}   CPU {cpu:>6.3} s {:>5.2}   {:>6.0} MB/s  {:>6.1} M events/s",
            wall / fastest[0][0],
            cpu / fastest[0][1],
            bytes as f64 / wall / 1e6,
            events as f64 / wall / 1e6,
        );
    }
}

fn inflater(path: &Path) -> impl Read {
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).expect("the capture was there"))
}

fn inflate(path: &Path) {
    let mut decoder = inflater(path);
    let mut buffer = vec![0; 256 << 10];
    while decoder.read(black_box(&mut buffer)).expect("a whole file") > 0 {}
}

/// Returns the number of events.
fn read(mut reader: Reader) -> u64 {
    let mut events = 0;
    loop {
        match reader.advance().expect("a whole capture") {
            Advance::Event => {
                black_box(reader.current());
                events += 1;
            }
            Advance::End => return events,
            Advance::Snapshot(_) | Advance::Idle => {}
        }
    }
}
