//! Two test plugins, built with Falco's Rust SDK, behave here as in the reference.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use eyas::fields::Schema;
use eyas::rules::Format;
use eyas::rules::condition::{compile, parse};
use eyas::scap::{Reader, Snapshot};
use eyas::sinsp::plugin::{Log, MetricValue, Plugin, PluginInfo, PluginSet, PluginSource, Scope};
use eyas::sinsp::{Config, Inspector, Step};
use eyas_plugins::{Library, Options};
use eyas_testing::{data_or_ignore, sdk_plugin, test};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn quiet() -> Log {
    Arc::new(|_, _| {})
}

/// A set of one plugin.
fn set(name: &str, config: &str) -> PluginSet {
    let library = Library::load(sdk_plugin(name), &Options::default().with_allow_writable(true)).unwrap();
    let mut set = PluginSet::default();
    set.add(Arc::new(library) as Arc<dyn Plugin>, config).unwrap();
    set
}

/// A golden file: the settings, and the output of the reference.
struct Golden {
    config: String,
    params: String,
    fields: Vec<String>,
    lines: Vec<String>,
}

impl Golden {
    fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(data_or_ignore(format!("plugins/golden/{name}.txt"))).unwrap();
        let mut lines = text.lines();
        let mut words = lines.next().unwrap().split(' ').skip_while(|word| *word != "-p").skip(1);
        let config = words.next().unwrap().split_once(".so:").unwrap().1.to_owned();
        assert_eq!(words.next(), Some("-o"));
        let params = words.next().unwrap().split_once(':').unwrap().1.to_owned();
        let fields = words.filter(|word| !word.starts_with('-')).map(str::to_owned).collect();
        Self { config, params, fields, lines: lines.map(str::to_owned).collect() }
    }
}

/// The plugin's description, in the format of the reference's program.
fn head(info: &PluginInfo) -> String {
    let capabilities = info.capabilities;
    let bits = [
        capabilities.sourcing,
        capabilities.extraction,
        capabilities.parsing,
        capabilities.async_events,
        capabilities.listening,
    ];
    let bits = (0..).zip(bits).fold(0, |all, (bit, is_set)| all | u32::from(is_set) << bit);
    let own = info.source.as_ref().unwrap();
    let (name, version, source) = (&info.name, info.version, &own.name);
    format!(
        "plugin {name} {version} caps {bits} id {} source '{source}' extract codes 1 sources {source}",
        own.id
    )
}

/// Runs the source of the plugin to its end. Returns lines in the format of the reference's program.
fn run(golden: &Golden) -> Vec<String> {
    let set = set("probe_source", &golden.config);
    let info = Arc::clone(set.infos().next().unwrap());
    let schema = set.schema_of_all();
    let plugins = match set.start(Scope::Live("probe"), &quiet()) {
        Ok(plugins) => plugins.with_one_schema(schema.id()),
        Err(error) if error.to_string().starts_with("could not") => {
            return vec![format!("INIT FAIL probe_source: {error}")];
        }
        Err(error) => return vec![format!("EXCEPTION {error}")],
    };
    let mut lines = vec![head(&info)];
    let stream = match plugins.open("probe_source", &golden.params) {
        Ok((_, stream)) => stream,
        Err(error) => {
            lines.push(format!("EXCEPTION {error}"));
            return lines;
        }
    };
    let mut source = PluginSource::new(info, stream, Snapshot::default());
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let text: Vec<String> = golden.fields.iter().map(|field| format!("{field}=%{field}")).collect();
    let format = Format::parse(&text.join(" "), &schema).unwrap();
    let mut events = 0;
    loop {
        match inspector.next(&mut source) {
            Ok(Step::Event(event)) => {
                events += 1;
                let raw = event.event();
                let mut line =
                    format!("{} type={} tid={} src=1/probe | ", event.num(), raw.ty.0, raw.tid).into_bytes();
                format.write(&mut line, &event, &schema);
                lines.push(String::from_utf8(line).unwrap());
            }
            Ok(Step::Idle) => {}
            Ok(Step::End) => {
                lines.push("EOF".into());
                break;
            }
            Err(error) if error.to_string().starts_with("capture_open") => {
                lines.push(format!("EXCEPTION {error}"));
                return lines;
            }
            Err(error) => {
                lines.push(format!("ERROR 1: {error}"));
                break;
            }
        }
    }
    if lines.iter().any(|line| line == "EOF") && golden.lines.iter().any(|line| line.starts_with("metric")) {
        lines.extend(metrics(&inspector));
    }
    let (percent, text) = source.progress().unwrap();
    lines.push(format!("progress {percent} '{text}'"));
    lines.push(format!("done {events}"));
    lines
}

/// The plugin's metrics, with the bits of their values.
fn metrics(inspector: &Inspector) -> Vec<String> {
    let line = |(plugin, metric): (String, eyas::sinsp::plugin::Metric)| {
        let (ty, bits) = match metric.value {
            MetricValue::Uint(n) => (2, n),
            MetricValue::Int(n) => (3, n as u64),
            MetricValue::Double(x) => (4, x.to_bits()),
        };
        let kind = u8::from(!metric.is_monotonic);
        // The number of turns of a routine differs between machines. The reference has no threads for routines.
        let bits = if metric.name == "turns" { 0 } else { bits };
        format!("metric {plugin}.{} type {ty} metric_type {kind} unit 0 u64 {bits}", metric.name)
    };
    inspector.plugins().unwrap().metrics().into_iter().map(line).collect()
}

fn same(name: &str) {
    let golden = Golden::read(name);
    assert_eq!(run(&golden), golden.lines, "{name}");
}

#[test]
fn every_field_of_every_event() {
    same("probe_source");
}

#[test]
fn failures() {
    for name in ["fail", "fail_init", "fail_open", "not_json", "bad_config", "refuse", "timeout"] {
        same(&format!("probe_source_{name}"));
    }
}

/// Numbers of the events that match a condition, or why it does not compile.
fn matching(condition: &str) -> String {
    let set = set("probe_source", r#"{"count":6}"#);
    let schema: Arc<dyn Schema> = Arc::new(set.schema_of_all());
    let plugins = set.start(Scope::Live("probe"), &quiet()).unwrap().with_one_schema(schema.id());
    let filter = match parse(condition).map_err(|error| error.to_string()) {
        Ok(tree) => compile(&tree, &*schema).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => return format!("EXCEPTION filter error: {error}"),
    };
    let (info, stream) = plugins.open("probe_source", "").unwrap();
    let mut source = PluginSource::new(info, stream, Snapshot::default());
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let mut numbers = String::new();
    while let Step::Event(event) = inspector.next(&mut source).unwrap() {
        if filter.matches(&event).unwrap() {
            numbers += &format!("{} ", event.num() - 1);
        }
    }
    numbers
}

#[test]
fn conditions_over_fields_of_plugins() {
    let text = std::fs::read_to_string(data_or_ignore("plugins/golden/filters_probe.txt")).unwrap();
    let mut wrong = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains(" -> ")) {
        let (condition, expected) = line.split_once(" -> ").unwrap();
        let found = matching(condition);
        // Both refuse the condition; the messages differ.
        let both_refuse = expected.starts_with("EXCEPTION") && found.starts_with("EXCEPTION");
        if found != expected && !both_refuse {
            wrong.insert(condition, (expected, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn asynchronous_events_come_among_the_others_and_unknown_ones_are_refused() {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let log: Log = {
        let messages = Arc::clone(&messages);
        Arc::new(move |_, text| messages.lock().unwrap().push(text.to_owned()))
    };
    let set = set("probe_source", r#"{"tick_ms":5,"count":2}"#);
    let schema = set.schema_of_all();
    let plugins = set.start(Scope::Live("probe"), &log).unwrap().with_one_schema(schema.id());
    let (info, stream) = plugins.open("probe_source", "timeout:100000").unwrap();
    let queue = plugins.queue().unwrap().clone();
    let source = PluginSource::new(info, stream, Snapshot::default());
    let mut source = eyas::sinsp::plugin::AsyncSource::new(source, queue);
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let fields = "%evt.source %evt.type %evt.asynctype %evt.is_async %evt.args %evt.pluginname %evt.plugininfo %probe.n";
    let format = Format::parse(fields, &schema).unwrap();
    let mut lines = Vec::new();
    while lines.len() < 3 {
        let Step::Event(event) = inspector.next(&mut source).unwrap() else { continue };
        if event.event().ty == eyas::events::EventType::ASYNCEVENT_E {
            let mut line = Vec::new();
            format.write(&mut line, &event, &schema);
            lines.push(String::from_utf8(line).unwrap());
        }
    }
    inspector.close().unwrap();
    let expected = |n| {
        format!("probe probe_tick probe_tick true plugin_id=998 name=probe_tick data=tick {n} <NA> <NA> <NA>")
    };
    assert_eq!(lines, [1, 2, 3].map(expected));
    let all = messages.lock().unwrap();
    assert!(!all.iter().any(|text| text.contains("unknown name")), "{all:?}");
}

/// The plugin that shares tables, over events of system calls: in threads, open files, arguments, and tables of its own.
#[test]
fn tables_of_threads_and_of_the_plugin() {
    let text = std::fs::read_to_string(data_or_ignore("plugins/golden/probe_threads.txt")).unwrap();
    let mut golden = text.lines();
    let command: Vec<&str> = golden.next().unwrap().split(' ').collect();
    let most = command.iter().position(|word| *word == "-n").unwrap() + 1;
    let count: usize = command[most].parse().unwrap();
    let fields: Vec<String> = command[most + 1..].iter().map(|field| format!("{field}=%{field}")).collect();
    let set = set("probe_threads", "");
    let schema = set.schema_of_all();
    let plugins = set.start(Scope::Capture, &quiet()).unwrap().with_one_schema(schema.id());
    let format = Format::parse(&fields.join(" "), &schema).unwrap();
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    let mut source = Reader::open(data_or_ignore("captures/nginx.scap.gz")).unwrap();
    let head =
        "plugin probe_threads 0.1.0 caps 6 id 0 source '' extract codes 454 sources parse codes 454 sources";
    assert_eq!(golden.next().map(str::trim_end), Some(head));
    let mut differences = Vec::new();
    for expected in golden.by_ref().take(count) {
        let Step::Event(event) = inspector.next(&mut source).unwrap() else { panic!("too few events") };
        let raw = event.event();
        let mut line =
            format!("{} type={} tid={} src=0/syscall | ", event.num(), raw.ty.0, raw.tid).into_bytes();
        format.write(&mut line, &event, &schema);
        let line = String::from_utf8_lossy(&line).into_owned();
        if line != expected {
            differences.push(format!("- {expected}\n+ {line}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} lines differ:\n{}",
        differences.len(),
        differences[..differences.len().min(5)].join("\n")
    );
    assert_eq!(golden.next(), Some(format!("done {count}").as_str()));
}
