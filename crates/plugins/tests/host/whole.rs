//! The C plugin in docs/plugins.md: a source, fields, a parser, tables, asynchronous events and routines in
//! one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eyas_fields::{Field, FieldSource, Schema, Value};
use eyas_plugins::{Library, Options};
use eyas_scap::Snapshot;
use eyas_sinsp::plugin::{AsyncSource, Capabilities, MetricValue, Plugin, PluginSet, PluginSource, Scope};
use eyas_sinsp::{Config, Inspector, Step};
use eyas_testing::test;

use crate::build::{Messages, compile};

fn counter() -> PluginSet {
    let path = compile("counter.c", &[]);
    let library = Library::load(&path, &Options::default().with_allow_writable(true)).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut set = PluginSet::default();
    set.add(Arc::new(library) as Arc<dyn Plugin>, "").unwrap();
    set
}

fn shown(value: Option<Value<'_>>) -> String {
    match value {
        None => "-".into(),
        Some(Value::Str(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(Value::Uint(number)) => number.to_string(),
        Some(Value::List(all)) => all.iter().map(|one| shown(Some(*one))).collect::<Vec<_>>().join(","),
        Some(other) => format!("{other:?}"),
    }
}

#[test]
fn a_plugin_in_c_has_every_capability() {
    let set = counter();
    let info = Arc::clone(set.infos().next().unwrap());
    let all =
        Capabilities { sourcing: true, extraction: true, parsing: true, async_events: true, listening: true };
    assert_eq!(info.capabilities, all);
    let messages = Messages::default();
    let schema = set.schema("counter");
    let field = |name: &str, arg| schema.resolve(name, arg).unwrap();
    let fields: [Field; 7] = [
        field("evt.num", None),
        field("counter.n", None),
        field("counter.word", None),
        field("counter.of", Some("even")),
        field("counter.of", Some("neither")),
        field("counter.divisors", None),
        field("evt.asynctype", None),
    ];
    let plugins = set.start(Scope::Live("counter"), &messages.log()).unwrap();
    assert_eq!(
        plugins.open("counter", "many").err().unwrap().to_string(),
        "the open parameter is a number of events"
    );
    let (info, stream) = plugins.open("counter", "7").unwrap();
    let queue = plugins.queue().unwrap().clone();
    let mut source = AsyncSource::new(PluginSource::new(info, stream, Snapshot::default()), queue);
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let mut lines = Vec::new();
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(event) => {
                lines.push(fields.iter().map(|field| shown(event.get(field))).collect::<Vec<_>>().join(" "));
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    let expected = [
        "1 0 even 1 - - -",
        "2 1 odd 1 - 1 -",
        "3 2 even 2 - 1,2 -",
        "4 - - - - - counter_third",
        "5 3 odd 2 - 1,3 -",
        "6 4 even 3 - 1,2,4 -",
        "7 5 odd 3 - 1,5 -",
        "8 - - - - - counter_third",
        "9 6 even 4 - 1,2,3,6 -",
    ];
    assert_eq!(lines, expected);
    assert_eq!(source.inner_mut().progress(), Some((100.0, String::new())));
    let plugins = inspector.plugins().unwrap();
    let mut dumped = Vec::new();
    plugins
        .dump_state(&mut |event| {
            dumped.push((event.name.to_vec(), event.data.to_vec()));
            Ok(())
        })
        .unwrap();
    assert_eq!(dumped, [(b"counter_third".to_vec(), b"the state".to_vec())]);
    let began = Instant::now();
    let metrics = || plugins.metrics().into_iter().map(|(_, metric)| metric.value).collect::<Vec<_>>();
    while metrics() != [MetricValue::Uint(7), MetricValue::Uint(10)] {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", metrics());
        std::thread::yield_now();
    }
    inspector.close().unwrap();
    assert_eq!(messages.take(), [""; 0]);
}
