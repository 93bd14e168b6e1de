//! Routing: which plugin gets which event, and in which order.

use std::sync::Arc;

use eyas_events::EventType;
use eyas_fields::{Field, FieldSource, Schema, Value};
use eyas_plugins::{Library, Options};
use eyas_scap::{EventBuilder, OwnedEvent, RawEvent, Reader, Snapshot, ThreadEntry};
use eyas_sinsp::plugin::{Plugin, PluginSet, Scope};
use eyas_sinsp::{Config, Inspector, Step};
use eyas_testing::{data_or_ignore, test};

use crate::build::{Messages, compile, load};

const OPEN_E: EventType = EventType::SYSCALL_OPEN_E;
const OPEN_X: EventType = EventType::SYSCALL_OPEN_X;
const OPENAT_X: EventType = EventType::SYSCALL_OPENAT_2_X;
const CLOSE_X: EventType = EventType::SYSCALL_CLOSE_X;
const INOTIFY_X: EventType = EventType::SYSCALL_INOTIFY_INIT1_X;
const BY_HANDLE_X: EventType = EventType::SYSCALL_OPEN_BY_HANDLE_AT_X;

fn plugin(definitions: &[&str]) -> Arc<dyn Plugin> {
    let path = compile("syscalls.c", definitions);
    let library = Library::load(&path, &Options::default().with_allow_writable(true)).unwrap();
    std::fs::remove_file(&path).unwrap();
    Arc::new(library)
}

fn parser() -> Arc<dyn Plugin> {
    plugin(&["PARSER", &format!("PARSE_TYPES={},{},{}", OPEN_E.0, OPEN_X.0, BY_HANDLE_X.0)])
}

fn extractor() -> Arc<dyn Plugin> {
    let types = [OPEN_E, OPEN_X, INOTIFY_X, EventType::ASYNCEVENT_E].map(|ty| ty.0.to_string()).join(",");
    plugin(&["EXTRACTOR", &format!("EXTRACT_TYPES={types}")])
}

/// An inspector with these plugins, in this order, and one process.
struct Place {
    inspector: Inspector,
    fields: Vec<Field>,
}

impl Place {
    fn new(plugins: impl IntoIterator<Item = Arc<dyn Plugin>>, fields: &[&str]) -> Self {
        let mut set = PluginSet::default();
        plugins.into_iter().for_each(|plugin| set.add(plugin, "").unwrap());
        let schema = set.schema_of_all();
        let fields = fields.iter().map(|name| schema.resolve(name, None).unwrap()).collect();
        let plugins = set.start(Scope::Capture, &Messages::default().log()).unwrap();
        let plugins = plugins.with_one_schema(schema.id());
        let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
        let init = ThreadEntry { tid: 1, pid: 1, ptid: 0, comm: b"init".to_vec(), ..ThreadEntry::default() };
        inspector.load(Snapshot { threads: vec![init], ..Snapshot::default() });
        Self { inspector, fields }
    }

    /// What the fields are in the event.
    fn values(&mut self, event: &OwnedEvent) -> String {
        let view = self.inspector.process(event.as_raw());
        self.fields.iter().map(|field| shown(view.get(field))).collect::<Vec<_>>().join(" ")
    }
}

fn shown(value: Option<Value<'_>>) -> String {
    match value {
        None => "-".into(),
        Some(Value::Str(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(Value::Uint(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
    }
}

fn event(ty: EventType) -> OwnedEvent {
    EventBuilder::new(ty).tid(1).ts(1).build()
}

/// An event of the source with this id.
fn of_plugin(ty: EventType, id: u32) -> OwnedEvent {
    let params: &[&[u8]] = match ty {
        EventType::PLUGINEVENT_E => &[&id.to_le_bytes(), b"hello"],
        _ => &[&id.to_le_bytes(), b"tick\0", b"data"],
    };
    let lengths = params.iter().flat_map(|param| (param.len() as u32).to_le_bytes());
    let body: Vec<u8> = lengths.chain(params.iter().flat_map(|param| param.iter().copied())).collect();
    RawEvent::from_parts(1, -1, ty, 0, params.len() as u32, &body).unwrap().into()
}

const ALL: [&str; 5] =
    ["sample.is_open", "sample.proc_name", "sample.tick", "sample.open_count", "sample.evt_count"];

#[test]
fn fields_are_of_the_types_and_sources_that_the_plugin_names() {
    let source: Arc<dyn Plugin> = Arc::new(load(&["SOURCING", "ID=999", "SOURCE=\"sample\""]).unwrap());
    let mut place = Place::new([source, extractor()], &ALL[..3]);
    assert_eq!(place.values(&event(OPEN_X)), "1 init false");
    assert_eq!(place.values(&event(INOTIFY_X)), "0 init false");
    assert_eq!(place.values(&event(BY_HANDLE_X)), "- - -");
    assert_eq!(place.values(&of_plugin(EventType::PLUGINEVENT_E, 999)), "- - -");
    // Asynchronous events of system calls have no id; those of another source are of that.
    assert_eq!(place.values(&of_plugin(EventType::ASYNCEVENT_E, 0)), "0 - true");
    assert_eq!(place.values(&of_plugin(EventType::ASYNCEVENT_E, 999)), "- - -");
}

/// Which of these events a plugin with these definitions extracts a field from: of `sample`, of a plugin that is not loaded,
/// asynchronous of `sample`, two system calls.
fn extracted(definitions: &[&str]) -> [bool; 5] {
    let source: Arc<dyn Plugin> =
        Arc::new(load(&["SOURCING", "NAME=\"source\"", "ID=999", "SOURCE=\"sample\""]).unwrap());
    let extractor: Arc<dyn Plugin> = Arc::new(load(&[&["EXTRACTION"], definitions].concat()).unwrap());
    let mut place = Place::new([source, extractor], &["p.num"]);
    [
        of_plugin(EventType::PLUGINEVENT_E, 999),
        of_plugin(EventType::PLUGINEVENT_E, 55),
        of_plugin(EventType::ASYNCEVENT_E, 999),
        event(OPEN_X),
        event(INOTIFY_X),
    ]
    .map(|event| place.values(&event) != "-")
}

#[test]
fn undeclared_event_types_and_sources_have_defaults() {
    let sample = "EXTRACT_SOURCES=\"[\\\"sample\\\"]\"";
    let syscall = "EXTRACT_SOURCES=\"[\\\"syscall\\\"]\"";
    let opens = format!("EXTRACT_TYPES={}", OPEN_X.0);
    for (definitions, expected) in [
        // Sources without types: only plugin events, of those sources.
        (&[sample][..], [true, false, false, false, false]),
        (&[syscall], [false, false, false, true, true]),
        // Sources and types: both count.
        (&[syscall, &opens], [false, false, false, true, false]),
        (&[sample, &opens], [false, false, false, false, false]),
        (&[sample, "EXTRACT_TYPES=402"], [false, false, true, false, false]),
        // Neither: all events of all sources.
        (&[], [true, false, true, true, true]),
        // Only types.
        (&[&opens], [false, false, false, true, false]),
        // With a source of its own: that one, and those that it names.
        (&["SOURCING"], [false, false, false, false, false]),
        (&["SOURCING", sample], [true, false, false, false, false]),
    ] {
        assert_eq!(extracted(definitions), expected, "{definitions:?}");
    }
}

#[test]
fn an_event_of_no_loaded_plugin_has_no_source() {
    let source: Arc<dyn Plugin> = Arc::new(load(&["SOURCING", "EXTRACTION"]).unwrap());
    let names = ["evt.source", "evt.pluginname", "p.num"];
    let mut place = Place::new([source], &names);
    assert_eq!(place.values(&of_plugin(EventType::PLUGINEVENT_E, 7)), "probe probe 1");
    assert_eq!(place.values(&of_plugin(EventType::PLUGINEVENT_E, 8)), "- - -");
    assert_eq!(place.values(&of_plugin(EventType::ASYNCEVENT_E, 8)), "- - -");
    assert_eq!(place.values(&of_plugin(EventType::ASYNCEVENT_E, 7)), "probe - -");
}

#[test]
fn events_are_parsed_before_fields_are_extracted_and_without_that_too() {
    let mut place = Place::new([parser(), extractor()], &["sample.open_count", "sample.evt_count"]);
    place.values(&event(OPEN_E));
    assert_eq!(place.values(&event(OPEN_X)), "2 1");
    assert_eq!(place.values(&event(INOTIFY_X)), "2 0");
    // It is parsed, and has no fields.
    assert_eq!(place.values(&event(BY_HANDLE_X)), "- -");
    assert_eq!(place.values(&event(INOTIFY_X)), "3 0");
    assert_eq!(place.values(&event(OPEN_X)), "4 2");
}

#[test]
fn a_plugin_reads_columns_that_earlier_plugins_added() {
    let mut place =
        Place::new([extractor(), parser()], &["sample.open_count", "sample.evt_count", "sample.is_open"]);
    place.values(&event(OPEN_E));
    assert_eq!(place.values(&event(OPEN_X)), "- - 1");
}

#[test]
fn a_plugin_gets_every_event_of_a_capture() {
    let path = data_or_ignore("captures/nginx.scap.gz");
    let parser = plugin(&["PARSER", &format!("PARSE_TYPES={}", OPENAT_X.0)]);
    let extractor = plugin(&["EXTRACTOR", &format!("EXTRACT_TYPES={},{}", OPENAT_X.0, CLOSE_X.0)]);
    let Place { mut inspector, fields } = Place::new([parser, extractor], &ALL);
    let mut reader = Reader::open(path).unwrap();
    let (mut opens, mut of_types) = (std::collections::BTreeMap::new(), [0_u64; 512]);
    let mut seen = 0;
    loop {
        let event = match inspector.next(&mut reader).unwrap() {
            Step::Event(event) => event,
            Step::Idle => continue,
            Step::End => break,
        };
        let raw = event.event();
        let thread = event.thread().map(|thread| (thread.tid, thread.comm.to_vec()));
        if raw.ty == OPENAT_X {
            of_types[raw.ty.0 as usize] += 1;
            if let Some((tid, _)) = &thread {
                *opens.entry(*tid).or_insert(0_u64) += 1;
            }
        }
        let is_open = raw.ty == OPENAT_X;
        if !is_open && raw.ty != CLOSE_X {
            assert!(fields.iter().all(|field| event.get(field).is_none()));
            continue;
        }
        seen += 1;
        let values: Vec<String> = fields.iter().map(|field| shown(event.get(field))).collect();
        let of_thread = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let comm = thread.as_ref().map(|(_, comm)| String::from_utf8_lossy(comm).into_owned());
        let count = thread.as_ref().map(|(tid, _)| opens.get(tid).copied().unwrap_or(0).to_string());
        let expected = [
            u64::from(is_open).to_string(),
            of_thread(comm),
            "false".into(),
            of_thread(count),
            of_types[raw.ty.0 as usize].to_string(),
        ];
        assert_eq!(values, expected, "event {}", event.num());
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn only_a_plugin_with_a_source_can_be_opened() {
    let mut set = PluginSet::default();
    set.add(parser(), "").unwrap();
    let plugins = set.start(Scope::Live("syscall"), &Messages::default().log()).unwrap();
    let refusal = |name| plugins.open(name, "").err().unwrap().to_string();
    assert_eq!(
        refusal("sample_parse"),
        "plugin sample_parse has not event sourcing capabilities and cannot be used as input."
    );
    assert_eq!(refusal("nosuch"), "plugin nosuch does not exist");
}
