//! Instruction counts of short operations on the demo's capture, measured with Valgrind: the same on every
//! run.
#![allow(missing_docs, reason = "the macros make public items")]

use std::hint::black_box;

use eyas::fields::{Field, FieldSource, Schema};
use eyas::rules::condition::{self, Filter};
use eyas::rules::{Engine, Format};
use eyas::scap::{Advance, EventSource, RawEvent, Reader};
use eyas::sinsp::{Inspector, Step, schema};
use eyas_benches::{Preloaded, demo_capture, engine, stable_rules};
use gungraun::prelude::*;

/// How often an event is processed.
const TIMES: usize = 1000;

type Prepared = (Inspector, RawEvent<'static>);

fn capture() -> &'static Preloaded {
    Box::leak(Box::new(Preloaded::read(&demo_capture())))
}

fn open() -> Prepared {
    capture().up_to_open()
}

fn with_field(name: &str) -> (Prepared, Field) {
    (open(), schema().resolve(name, None).expect("the schema has it"))
}

fn with_filter(text: &str) -> (Prepared, Filter) {
    let expr = condition::parse(text).expect("it is well-formed");
    (open(), condition::compile(&expr, &schema()).expect("its fields exist"))
}

fn with_format(text: &str) -> (Prepared, Format) {
    (open(), Format::parse(text, &schema()).expect("its fields exist"))
}

fn stable() -> (&'static Preloaded, Engine) {
    (capture(), engine(&stable_rules()))
}

#[library_benchmark]
#[bench::open_1000_times(open())]
fn state((mut inspector, open): Prepared) -> Inspector {
    for _ in 0..TIMES {
        black_box(inspector.process(open));
    }
    inspector
}

#[library_benchmark]
#[bench::fd_name(with_field("fd.name"))]
#[bench::proc_cmdline(with_field("proc.cmdline"))]
#[bench::evt_args(with_field("evt.args"))]
fn field(((mut inspector, open), field): (Prepared, Field)) -> Inspector {
    for _ in 0..TIMES {
        black_box(inspector.process(open).get(&field));
    }
    inspector
}

#[library_benchmark]
#[bench::of_an_open(with_filter(
    "evt.type = openat and fd.name startswith /etc/ and not proc.name in (cat, ls)"
))]
fn one_condition(((mut inspector, open), filter): (Prepared, Filter)) -> Inspector {
    let mut scratch = filter.scratch();
    for _ in 0..TIMES {
        black_box(filter.matches_with(&inspector.process(open), &mut scratch));
    }
    inspector
}

#[library_benchmark]
#[bench::of_8_fields(with_format(
    "%evt.num %evt.time %evt.cpu %proc.name %thread.tid %evt.type %fd.name %evt.args"
))]
fn format(((mut inspector, open), format): (Prepared, Format)) -> Inspector {
    let schema = schema();
    let mut out = Vec::new();
    for _ in 0..TIMES {
        out.clear();
        format.write(black_box(&mut out), &inspector.process(open), &schema);
    }
    inspector
}

#[library_benchmark]
#[bench::the_demo()]
fn decode() {
    let mut reader = Reader::open(demo_capture()).expect("the capture is committed");
    while !matches!(reader.advance().expect("a whole capture"), Advance::End) {
        black_box(reader.current());
    }
}

#[library_benchmark]
#[bench::stable_over_the_demo(stable())]
fn rules((capture, engine): (&'static Preloaded, Engine)) -> usize {
    let (mut source, mut inspector) = (capture.play(), Inspector::default());
    let (mut evaluator, mut found) = (engine.evaluator(), Vec::new());
    while let Step::Event(view) = inspector.next(&mut source).expect("memory has no errors") {
        evaluator.matches(&view, &mut found).expect("the events are of the rules\' schema");
    }
    found.len()
}

library_benchmark_group!(name = short, benchmarks = [state, field, one_condition, format, decode, rules]);
main!(library_benchmark_groups = short);
