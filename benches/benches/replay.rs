//! Replays from a compressed file to alerts, compared with plain decompression of the same file.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use criterion::{Criterion, SamplingMode, Throughput};
use eyas::rules::{AlertOptions, Engine};
use eyas::scap::Reader;
use eyas::sinsp::{Inspector, Step};
use eyas_benches::{all_rules, engine, long_capture, median, now, stable_rules};
use rustix::time::ClockId;

fn inflate(path: &Path) {
    let file = std::fs::File::open(path).expect("the capture was there");
    let mut decoder = flate2::read::MultiGzDecoder::new(file);
    let mut buffer = vec![0; 256 << 10];
    while decoder.read(black_box(&mut buffer)).expect("a whole file") > 0 {}
}

/// Returns the number of events and alerts.
fn replay(path: &Path, engine: Option<&Engine>) -> (u64, u64) {
    let mut source = Reader::open(path).expect("the capture was there");
    let mut inspector = Inspector::default();
    let mut evaluator = engine.map(|engine| (engine, engine.evaluator()));
    let options = AlertOptions::default();
    let (mut found, mut line, mut events, mut alerts) = (Vec::new(), Vec::new(), 0, 0);
    while let Step::Event(view) = inspector.next(&mut source).expect("a whole capture") {
        events += 1;
        let Some((engine, evaluator)) = &mut evaluator else { continue };
        evaluator.matches(&view, &mut found).expect("the events are of the rules\' schema");
        for hit in found.drain(..) {
            alerts += 1;
            line.clear();
            engine.alert(hit, &view, &options).write_json(black_box(&mut line));
        }
    }
    (events, alerts)
}

pub fn run(c: &mut Criterion) {
    let path = long_capture();
    let (events, _) = replay(&path, None);
    let [stable, all] = [stable_rules(), all_rules()].map(|files| engine(&files));
    let cases: [(&str, &dyn Fn()); 4] = [
        ("inflate alone", &|| inflate(&path)),
        ("no rules", &|| _ = black_box(replay(&path, None))),
        ("stable rules", &|| _ = black_box(replay(&path, Some(&stable)))),
        ("all rules", &|| _ = black_box(replay(&path, Some(&all)))),
    ];
    let mut medians = Vec::new();
    let mut group = c.benchmark_group("replay");
    group.throughput(Throughput::Elements(events)).sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, case) in cases {
        let times = RefCell::new((Vec::new(), Vec::new()));
        group.bench_function(name, |b| {
            b.iter_custom(|n| {
                let (walls, cpus) = &mut *times.borrow_mut();
                let from = walls.len();
                for _ in 0..n {
                    let began = [ClockId::Monotonic, ClockId::ProcessCPUTime].map(now);
                    case();
                    walls.push(now(ClockId::Monotonic) - began[0]);
                    cpus.push(now(ClockId::ProcessCPUTime) - began[1]);
                }
                walls[from..].iter().sum()
            });
        });
        let (walls, cpus) = times.into_inner();
        medians.extend(median(walls).zip(median(cpus)).map(|(wall, cpu)| (name, wall, cpu)));
    }
    group.finish();
    let Some(&(first, base_wall, base_cpu)) = medians.first() else { return };
    println!("{} ({events} events): medians, and ratios to `{first}`", path.display());
    for (name, wall, cpu) in medians {
        println!(
            "{name:<16} wall {:>7.3} s {:>5.2}   CPU {:>7.3} s {:>5.2}",
            wall.as_secs_f64(),
            wall.as_secs_f64() / base_wall.as_secs_f64(),
            cpu.as_secs_f64(),
            cpu.as_secs_f64() / base_cpu.as_secs_f64()
        );
    }
    println!();
}
