//! Cost of one event: an open of a file, processed repeatedly, alone and with fields and rules.

use std::hint::black_box;

use criterion::Criterion;
use eyas::fields::{FieldSource, Schema};
use eyas::rules::{AlertOptions, Format, condition};
use eyas::sinsp::{EventView, schema};
use eyas_benches::{Preloaded, engine, short_capture};

const FIELDS: [(&str, Option<&str>); 10] = [
    ("evt.type", None),
    ("evt.time", None),
    ("evt.args", None),
    ("proc.name", None),
    ("proc.cmdline", None),
    ("proc.pname", None),
    ("proc.aname", Some("3")),
    ("fd.name", None),
    ("user.name", None),
    ("container.id", None),
];

const CONDITION: &str =
    "evt.type in (open, openat) and fd.name startswith /etc/ and not proc.name in (cat, ls)";

/// Eight fields.
const OUTPUT: &str = "%evt.num %evt.time %evt.cpu %proc.name %thread.tid %evt.type %fd.name %evt.args";

pub fn run(c: &mut Criterion) {
    let capture = Preloaded::read(&short_capture());
    let (mut inspector, open) = capture.up_to_open();
    let mut bench = |name: &str, ask: &mut dyn FnMut(&EventView<'_>)| {
        c.bench_function(&format!("event/{name}"), |b| b.iter(|| ask(&inspector.process(open))));
    };
    bench("state alone", &mut |view| _ = black_box(view));
    let schema = schema();
    for (name, arg) in FIELDS {
        let field = schema.resolve(name, arg).expect("the schema has it");
        bench(&format!("field {}", field.text), &mut |view| _ = black_box(view.get(&field)));
    }
    let expr = condition::parse(CONDITION).expect("it is well-formed");
    let filter = condition::compile(&expr, &schema).expect("its fields exist");
    let mut scratch = filter.scratch();
    bench("condition", &mut |view| _ = black_box(filter.matches_with(view, &mut scratch)));
    let format = Format::parse(OUTPUT, &schema).expect("its fields exist");
    let mut out = Vec::new();
    bench("format of 8 fields", &mut |view| {
        out.clear();
        format.write(black_box(&mut out), view, &schema);
    });
    let engine = engine(&[format!(
        "- {{rule: Open, desc: d, condition: 'evt.type in (open, openat)', output: '{OUTPUT}', priority: INFO, tags: [a, b]}}\n"
    )]);
    let options = AlertOptions::default();
    let mut found = Vec::new();
    let mut evaluator = engine.evaluator();
    bench("JSON alert of 8 fields", &mut |view| {
        out.clear();
        if found.is_empty() {
            evaluator.matches(view, &mut found).expect("the events are of the rules\' schema");
        }
        engine.alert(found[0], view, &options).write_json(black_box(&mut out));
    });
}
