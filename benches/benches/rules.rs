//! Cost of rules: load time, and cost by number of rules.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use eyas::EngineFilters;
use eyas::rules::Engine;
use eyas::rules::RuleSource;
use eyas::sinsp::{Inspector, Step};
use eyas_benches::{Preloaded, all_rules, builder, engine, median, now, short_capture, varied};
use rustix::time::ClockId;

pub fn run(c: &mut Criterion) {
    load(c);
    count(c);
}

fn load(c: &mut Criterion) {
    let source = RuleSource::new("rules.yaml", varied(&all_rules(), 1000));
    let ready = builder().build([source.clone()]).unwrap_or_else(|error| panic!("{error}"));
    let mut group = c.benchmark_group("1000 rules");
    group.sample_size(20);
    group.bench_function("load", |b| {
        b.iter_custom(|n| cpu_time(n, || builder().loader().load(black_box(&source)).successful()));
    });
    group.bench_function("build", |b| b.iter_custom(|n| cpu_time(n, || ready.compile())));
    let engine = ready.compile().unwrap_or_else(|error| panic!("{error}"));
    let filter = || EngineFilters::new(&engine).probe_filter();
    group.bench_function("filter of the probe", |b| b.iter_custom(|n| cpu_time(n, filter)));
    group.finish();
}

/// Processor time of the calling thread for `n` calls; other threads do not count.
fn cpu_time<T>(n: u64, mut call: impl FnMut() -> T) -> Duration {
    let began = now(ClockId::ThreadCPUTime);
    for _ in 0..n {
        black_box(call());
    }
    now(ClockId::ThreadCPUTime) - began
}

/// State and match, over all events of a capture in memory.
fn matches(capture: &Preloaded, engine: Option<&Engine>) -> Duration {
    let began = Instant::now();
    let (mut source, mut inspector) = (capture.play(), Inspector::default());
    let mut evaluator = engine.map(Engine::evaluator);
    let mut found = Vec::new();
    while let Step::Event(view) = inspector.next(&mut source).expect("memory has no errors") {
        if let Some(evaluator) = &mut evaluator {
            evaluator.matches(&view, &mut found).expect("the events are of the rules\' schema");
        }
        black_box(&view);
        found.clear();
    }
    began.elapsed()
}

fn count(c: &mut Criterion) {
    let capture = Preloaded::read(&short_capture());
    let mut engines = vec![("no rules", None)];
    let sets = [(100, "100 rules"), (1000, "1000 rules")].map(|(n, name)| (name, varied(&all_rules(), n)));
    engines.extend(sets.into_iter().map(|(name, text)| (name, Some(engine(&[text])))));
    let mut medians = Vec::new();
    let mut group = c.benchmark_group("state and match");
    group.throughput(Throughput::Elements(capture.events().len() as u64)).sample_size(20);
    for (name, engine) in &engines {
        let times = RefCell::new(Vec::new());
        group.bench_function(*name, |b| {
            b.iter_custom(|n| {
                let times = &mut *times.borrow_mut();
                let from = times.len();
                times.extend((0..n).map(|_| matches(&capture, engine.as_ref())));
                times[from..].iter().sum()
            });
        });
        medians.extend(median(times.into_inner()).map(|time| time.as_secs_f64()));
    }
    group.finish();
    // All three exist unless a filter was given.
    if let [none, hundred, thousand] = medians[..] {
        println!(
            "1000 rules cost {:.2} times what 100 cost; without the state's share {:.2} times\n",
            thousand / hundred,
            (thousand - none) / (hundred - none)
        );
    }
}
