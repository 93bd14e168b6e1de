//! Benchmark: the public rules for Kubernetes audit logs on 100,000 events, through the native source.

use std::hint::black_box;
use std::io::{BufReader, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use eyas::audit::{AuditStream, json, k8saudit};
use eyas::rules::{AlertOptions, Engine};
use eyas::scap::Snapshot;
use eyas::sinsp::plugin::{Log, Plugin, PluginSet, PluginSource, Scope};
use eyas::sinsp::{Config, Inspector, Step};
use eyas_benches::{audit_log, audit_rules};

const SOURCE: &str = "k8s_audit";
const EVENTS: usize = 100_000;

/// A reader that repeats a text.
struct Again {
    text: Arc<[u8]>,
    at: usize,
    left: usize,
}

impl Read for Again {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.text.len() {
            (self.at, self.left) = (0, self.left.saturating_sub(1));
        }
        if self.left == 0 {
            return Ok(0);
        }
        let read = (&self.text[self.at..]).read(out)?;
        self.at += read;
        Ok(read)
    }
}

fn plugins() -> PluginSet {
    let mut set = PluginSet::default();
    for plugin in [k8saudit(), json()] {
        set.add(Arc::new(plugin), "").unwrap_or_else(|error| panic!("{error}"));
    }
    set
}

/// Time for all events: only the source and the inspector, or also rules and the lines of alerts. Also
/// returns the number of alerts.
fn pass(set: &PluginSet, text: &Arc<[u8]>, times: usize, engine: Option<&Engine>) -> (Duration, usize) {
    let quiet: Log = Arc::new(|_, _| {});
    let mut plugins = set.start(Scope::Live(SOURCE), &quiet).unwrap_or_else(|error| panic!("{error}"));
    if let Some(engine) = engine {
        plugins.extract_together(engine.fields_by_use());
    }
    let reader = BufReader::with_capacity(256 << 10, Again { text: Arc::clone(text), at: 0, left: times });
    let stream = Box::new(AuditStream::new(reader));
    let mut source = PluginSource::new(Arc::clone(k8saudit().info()), stream, Snapshot::default());
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let mut evaluator = engine.map(Engine::evaluator);
    let options = AlertOptions::default();
    let (mut found, mut line, mut alerts) = (Vec::new(), Vec::new(), 0);
    let began = Instant::now();
    while let Step::Event(event) = inspector.next(&mut source).expect("memory has no errors") {
        black_box(&event);
        let Some((engine, evaluator)) = engine.zip(evaluator.as_mut()) else { continue };
        evaluator.matches(&event, &mut found).expect("the events are of the rules' schema");
        for hit in found.drain(..) {
            engine.alert(hit, &event, &options).write_text(&mut line);
            alerts += 1;
            black_box(&line);
            line.clear();
        }
    }
    (began.elapsed(), alerts)
}

pub fn run(c: &mut Criterion) {
    let set = plugins();
    let text: Arc<[u8]> = std::fs::read(audit_log()).expect("the audit log can be read").into();
    let engine = eyas::load_rules_of(&set, SOURCE, [audit_rules()]).unwrap_or_else(|error| panic!("{error}"));
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let times = EVENTS.div_ceil(lines);
    let mut group = c.benchmark_group("audit");
    group.sample_size(10).throughput(Throughput::Elements((lines * times) as u64));
    for (name, engine) in [("source", None), ("rules", Some(&engine))] {
        group.bench_function(name, |b| {
            b.iter_custom(|n| (0..n).map(|_| pass(&set, &text, times, engine).0).sum());
        });
    }
    group.finish();
    let [of_conditions, of_outputs] = engine.fields_by_use();
    let alerts = pass(&set, &text, times, Some(&engine)).1;
    println!(
        "audit: {} fields in conditions, {} in outputs alone; {alerts} alerts of {} events",
        of_conditions.len(),
        of_outputs.len(),
        lines * times
    );
}
