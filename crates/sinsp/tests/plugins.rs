//! A native plugin: its source, fields, parser, asynchronous events, tables; and captures of its events.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use eyas_events::EventType;
use eyas_fields::{Field, FieldSource, FieldType, ResolveError, Schema, Value};
use eyas_scap::{Advance, EventSource, Snapshot};
use eyas_sinsp::plugin::{
    ArgForms, AsyncEvent, AsyncEvents, AsyncSender, AsyncSource, Batch, BatchedEvent, Capabilities,
    EventStream, Extraction, Flow, Instance, Listening, Log, Native, Parsing, PluginError, PluginEvent,
    PluginField, PluginInfo, PluginSet, PluginSource, Pool, Request, Scope, Sourcing, Tables, Version,
};
use eyas_sinsp::{Config, Inspector, Step};
use eyas_testing::Dir;

const UINT: FieldType = FieldType::Uint { bits: 64 };

/// Records the calls of the plugin.
#[derive(Default)]
struct Calls {
    /// Names of the fields of each extraction.
    extractions: Mutex<Vec<Vec<String>>>,
    parsed: Mutex<Vec<(u64, String)>>,
    listening: Mutex<Vec<&'static str>>,
    senders: Mutex<Vec<AsyncSender>>,
    turns: AtomicUsize,
}

struct Probe(Arc<Calls>);

fn info() -> PluginInfo {
    let arg = |required, index, key| ArgForms { required, index, key };
    let fields = vec![
        PluginField::new("probe.msg", FieldType::Str, "The message."),
        PluginField::new("probe.n", UINT, "The number."),
        PluginField::new("probe.words", FieldType::Str, "Words of the message.").list(),
        PluginField::new("probe.word", FieldType::Str, "A word.").with_arg(arg(true, true, false)),
        PluginField::new("probe.echo", FieldType::Str, "The key.").with_arg(arg(true, false, true)),
    ];
    let mut info =
        PluginInfo::new("probe_source", Version([0, 1, 0])).with_source(998, "probe").with_fields(fields);
    info.capabilities =
        Capabilities { sourcing: true, extraction: true, parsing: true, async_events: true, listening: true };
    info.async_names = vec!["probe_tick".into()];
    info
}

fn set(calls: &Arc<Calls>) -> PluginSet {
    let calls = Arc::clone(calls);
    let plugin = Native::new(info(), move |start| match start.config {
        "fail" => Err("the config asks to fail".into()),
        _ => Ok(Box::new(Probe(Arc::clone(&calls)))),
    });
    let mut set = PluginSet::default();
    set.add(Arc::new(plugin), "").unwrap();
    set
}

impl Instance for Probe {
    fn sourcing(&mut self) -> Option<&mut dyn Sourcing> {
        Some(self)
    }
    fn extraction(&mut self) -> Option<&mut dyn Extraction> {
        Some(self)
    }
    fn parsing(&mut self) -> Option<&mut dyn Parsing> {
        Some(self)
    }
    fn async_events(&mut self) -> Option<&mut dyn AsyncEvents> {
        Some(self)
    }
    fn listening(&mut self) -> Option<&mut dyn Listening> {
        Some(self)
    }
}

/// Yields `count` events in batches of three, and then fails if `fails` is set.
struct Stream {
    next: u64,
    count: u64,
    fails: bool,
}

impl Sourcing for Probe {
    fn open(&mut self, params: &str) -> Result<Box<dyn EventStream>, PluginError> {
        let (count, fails) = match params.split_once(':') {
            Some(("fail", count)) => (count, true),
            _ => (params, false),
        };
        let count = count.parse().map_err(|_| "open refused as asked")?;
        Ok(Box::new(Stream { next: 0, count, fails }))
    }

    fn event_text(&mut self, event: &PluginEvent<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"probe: ");
        out.extend_from_slice(event.data().unwrap());
    }
}

impl EventStream for Stream {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError> {
        for _ in 0..3 {
            if self.next == self.count {
                return if self.fails { Err("the source fails as asked".into()) } else { Ok(Flow::End) };
            }
            batch.push(Some(1_000 + self.next), format!("probe event {}", self.next).as_bytes());
            self.next += 1;
        }
        Ok(Flow::More)
    }
}

impl Extraction for Probe {
    fn extract(
        &mut self,
        event: &PluginEvent<'_>,
        request: &mut Request<'_>,
        _: &mut dyn Tables,
    ) -> Result<(), PluginError> {
        let text = std::str::from_utf8(event.data().unwrap()).unwrap();
        let mut names = Vec::new();
        for (at, wanted) in request.wanted().iter().enumerate() {
            names.push(info().fields[wanted.field].name.clone());
            let words = || text.split(' ').map(Value::from);
            match wanted.field {
                0 => {
                    request.set(at, Value::from(text));
                    let place = 38..38 + text.len() as u32;
                    request.set_offsets(at, std::slice::from_ref(&place));
                }
                1 => request.set(at, Value::Uint(text.rsplit(' ').next().unwrap().parse().unwrap())),
                2 => request.set_list(at, words()),
                3 => words()
                    .nth(wanted.index.unwrap() as usize)
                    .into_iter()
                    .for_each(|word| request.set(at, word)),
                _ => request.set(at, Value::from(&**wanted.key.as_ref().unwrap())),
            }
        }
        self.0.extractions.lock().unwrap().push(names);
        Ok(())
    }
}

impl Parsing for Probe {
    fn parse(&mut self, event: &PluginEvent<'_>, _: &mut dyn Tables) -> Result<(), PluginError> {
        self.0.parsed.lock().unwrap().push((event.num, event.source.into()));
        Ok(())
    }
}

impl AsyncEvents for Probe {
    fn start(&mut self, sender: AsyncSender) -> Result<(), PluginError> {
        self.0.listening.lock().unwrap().push("start");
        self.0.senders.lock().unwrap().push(sender);
        Ok(())
    }
    fn stop(&mut self) -> Result<(), PluginError> {
        self.0.listening.lock().unwrap().push("stop");
        Ok(())
    }
}

impl Listening for Probe {
    fn capture_open(&mut self, pool: &Pool, _: &mut dyn Tables) -> Result<(), PluginError> {
        self.0.listening.lock().unwrap().push("open");
        let calls = Arc::clone(&self.0);
        pool.subscribe(move || calls.turns.fetch_add(1, Ordering::Relaxed) < 9).ok_or("no thread")?;
        Ok(())
    }
    fn capture_close(&mut self, _: &Pool, _: &mut dyn Tables) -> Result<(), PluginError> {
        self.0.listening.lock().unwrap().push("close");
        Ok(())
    }
}

fn quiet() -> Log {
    Arc::new(|_, _| {})
}

/// An inspector, and a source with these parameters.
fn open(set: &PluginSet, params: &str) -> (Inspector, PluginSource) {
    let plugins = set.start(Scope::Live("probe"), &quiet()).unwrap();
    let (info, stream) = plugins.open("probe_source", params).unwrap();
    let source = PluginSource::new(info, stream, Snapshot::default());
    (Inspector::new(Config::default().with_plugins(plugins)), source)
}

fn text(value: Option<Value<'_>>) -> String {
    match value {
        None => "<NA>".into(),
        Some(Value::Str(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(other) => format!("{other:?}"),
    }
}

/// The values of the fields in every event.
fn values(
    set: &PluginSet,
    inspector: &mut Inspector,
    source: &mut dyn EventSource,
    names: &[(&str, Option<&str>)],
) -> Vec<String> {
    let schema = set.schema("probe");
    let fields: Vec<Field> = names.iter().map(|(name, arg)| schema.resolve(name, *arg).unwrap()).collect();
    let mut lines = Vec::new();
    loop {
        match inspector.next(source).unwrap() {
            Step::Event(event) => {
                assert_eq!(event.schema_id(), schema.id());
                lines.push(fields.iter().map(|field| text(event.get(field))).collect::<Vec<_>>().join(" | "));
            }
            Step::Idle => {}
            Step::End => return lines,
        }
    }
}

#[test]
fn events_of_a_plugin_have_its_fields_and_those_of_all_events() {
    let calls = Arc::default();
    let set = set(&calls);
    let (mut inspector, mut source) = open(&set, "4");
    let names = [
        ("evt.num", None),
        ("evt.source", None),
        ("evt.pluginname", None),
        ("evt.plugininfo", None),
        ("evt.is_async", None),
        ("evt.asynctype", None),
        ("probe.msg", None),
        ("probe.n", None),
        ("probe.word", Some("0")),
        ("probe.word", Some("9")),
        ("probe.echo", Some("ab")),
    ];
    let lines = values(&set, &mut inspector, &mut source, &names);
    let line = |n: u64| {
        format!(
            "Uint({}) | probe | probe_source | probe: probe event {n} | Bool(false) | <NA> | probe event {n} | Uint({n}) \
             | probe | <NA> | ab",
            n + 1
        )
    };
    assert_eq!(lines, (0..4).map(line).collect::<Vec<_>>());
    let parsed = (1..=4).map(|num| (num, "probe".to_owned())).collect::<Vec<_>>();
    assert_eq!(*calls.parsed.lock().unwrap(), parsed);
    assert_eq!(*calls.listening.lock().unwrap(), ["start", "open"]);
    inspector.close().unwrap();
    drop(inspector);
    assert_eq!(*calls.listening.lock().unwrap(), ["start", "open", "stop", "close"]);
}

#[test]
fn fields_that_belong_together_are_extracted_in_one_call_and_each_once() {
    let calls = Arc::<Calls>::default();
    let set = set(&calls);
    let (mut inspector, mut source) = open(&set, "2");
    let schema = set.schema("probe");
    let field = |name: &str, arg| schema.resolve(name, arg).unwrap();
    let of_conditions =
        vec![field("probe.msg", None), field("probe.word", Some("1")), field("probe.msg", None)];
    let of_outputs = vec![field("probe.n", None), field("probe.msg", None), field("probe.words", None)];
    inspector.plugins_mut().unwrap().extract_together([of_conditions, of_outputs]);
    let names = [
        ("probe.word", Some("1")),
        ("probe.msg", None),
        ("probe.word", Some("1")),
        ("probe.n", None),
        ("probe.words", None),
        ("probe.echo", Some("x")),
        ("probe.echo", Some("x")),
    ];
    let lines = values(&set, &mut inspector, &mut source, &names);
    assert!(lines[1].starts_with("event | probe event 1 | event | Uint(1) | List(["), "{}", lines[1]);
    assert!(lines[1].ends_with("| x | x"));
    let of_event = [vec!["probe.msg", "probe.word"], vec!["probe.n", "probe.words"], vec!["probe.echo"]];
    assert_eq!(*calls.extractions.lock().unwrap(), [of_event.clone(), of_event].concat());
}

#[test]
fn a_schema_of_another_set_is_not_confused_with_this_one() {
    let calls = Arc::default();
    let (own, other) = (set(&calls), set(&calls));
    // Fields with arguments get their numbers in the order of the requests.
    let swapped = other.schema("probe").resolve("probe.echo", Some("b")).unwrap();
    own.schema("probe").resolve("probe.word", Some("0")).unwrap();
    let (mut inspector, mut source) = open(&own, "1");
    let first = own.schema("probe").resolve("probe.word", Some("0")).unwrap();
    inspector.plugins_mut().unwrap().extract_together([vec![first.clone()]]);
    assert!(matches!(source.advance(), Ok(Advance::Snapshot(_))));
    let Ok(Step::Event(event)) = inspector.next(&mut source) else { panic!() };
    assert_eq!((swapped.hint, first.hint), (0, 0));
    assert_eq!([text(event.get(&swapped)), text(event.get(&first))], ["b", "probe"]);
}

#[test]
fn a_source_that_fails_yields_its_events_before() {
    let set = set(&Arc::default());
    let (mut inspector, mut source) = open(&set, "fail:2");
    for _ in 0..2 {
        assert!(matches!(inspector.next(&mut source), Ok(Step::Event(_))));
    }
    assert_eq!(inspector.next(&mut source).unwrap_err().to_string(), "the source fails as asked");
    let plugins = set.start(Scope::Live("probe"), &quiet()).unwrap();
    let refusal = |name, params| plugins.open(name, params).err().unwrap().to_string();
    assert_eq!(refusal("probe_source", "refuse"), "open refused as asked");
    assert_eq!(refusal("nosuch", ""), "plugin nosuch does not exist");
}

#[test]
fn rules_of_another_source_have_no_fields_of_processes() {
    let set = set(&Arc::default());
    let schema = set.schema("probe");
    let bad = |name, arg| match schema.resolve(name, arg) {
        Err(ResolveError::BadArg(why)) => why,
        other => panic!("{other:?}"),
    };
    for name in ["evt.type", "evt.args", "proc.name", "fd.name", "evt.arg.fd"] {
        assert_eq!(schema.resolve(name, None), Err(ResolveError::Unknown), "{name}");
    }
    assert_eq!(
        bad("probe.word", None),
        "filter 'probe.word': probe.word requires an argument but none provided"
    );
    assert_eq!(
        bad("probe.msg", Some("1")),
        "filter 'probe.msg[1]': probe.msg does not allow nor require an argument but one is provided: 1"
    );
    assert_eq!(
        bad("probe.word", Some("x")),
        "filter probe.word[x] probe.word has an invalid index argument not composed only by digits: x"
    );
    assert_eq!(
        bad("probe.word", Some("01")),
        "filter probe.word[01] probe.word has an invalid index argument starting with 0: 01"
    );
    assert_eq!(
        bad("probe.word", Some("99999999999999999999")),
        "filter probe.word[99999999999999999999] probe.word has an invalid index argument not representable on 64 bit: \
         99999999999999999999"
    );
    assert_eq!(schema.fields().len(), 18 + 5);
    // The schema of system calls has their fields, and no field of a plugin with another source.
    let syscalls = set.schema("syscall");
    assert!(syscalls.resolve("proc.name", None).is_ok());
    assert_eq!(syscalls.resolve("probe.msg", None), Err(ResolveError::Unknown));
    assert_eq!(syscalls.id(), eyas_sinsp::schema().id());
    // Names of asynchronous events are event types.
    let ty = syscalls.resolve("evt.type", None).unwrap();
    assert!(syscalls.check_value(&ty, "probe_tick").is_ok());
    assert_eq!(syscalls.check_value(&ty, "nosuch").unwrap_err(), "unknown event type nosuch");
    assert_eq!(syscalls.codes_of("probe_tick").unwrap().iter().collect::<Vec<_>>(), [402]);
}

#[test]
fn asynchronous_events_come_among_the_others_by_time() {
    let calls = Arc::<Calls>::default();
    let set = set(&calls);
    let (mut inspector, source) = open(&set, "3");
    let queue = inspector.plugins().unwrap().queue().unwrap().clone();
    let mut source = AsyncSource::new(source, queue);
    // The capture begins with the first event; from then on, a sender exists.
    let Ok(Step::Event(first)) = inspector.next(&mut source) else { panic!() };
    assert_eq!(first.event().ts, 1_000);
    let sender = calls.senders.lock().unwrap()[0].clone();
    std::thread::spawn(move || {
        for ts in [1_001, 1_002] {
            let event =
                AsyncEvent { ts: Some(ts), tid: -1, plugin_id: 0, name: b"probe_tick", data: b"tick" };
            sender.send(&event).unwrap();
        }
    })
    .join()
    .unwrap();
    let names = [
        ("evt.rawtime", None),
        ("evt.source", None),
        ("evt.is_async", None),
        ("evt.asynctype", None),
        ("evt.pluginname", None),
        ("probe.msg", None),
    ];
    let lines = values(&set, &mut inspector, &mut source, &names);
    let tick = |ts| format!("Uint({ts}) | probe | Bool(true) | probe_tick | <NA> | <NA>");
    let event = |ts, n| format!("Uint({ts}) | probe | Bool(false) | <NA> | probe_source | probe event {n}");
    assert_eq!(lines, [tick(1_001), event(1_001, 1), tick(1_002), event(1_002, 2)]);
}

#[test]
fn plugin_and_asynchronous_events_are_written_and_replayed() {
    let calls = Arc::<Calls>::default();
    let set = set(&calls);
    let (mut inspector, source) = open(&set, "2");
    let queue = inspector.plugins().unwrap().queue().unwrap().clone();
    let mut source = AsyncSource::new(source, queue);
    let dir = Dir::new("plugins");
    let path = dir.join("plugins.scap");
    let mut writer = eyas_scap::Writer::create(&path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(event) => {
                writer.event(&event.event()).unwrap();
                let tick = AsyncEvent { ts: None, tid: -1, plugin_id: 0, name: b"probe_tick", data: b"t" };
                let sender = calls.senders.lock().unwrap()[0].clone();
                if event.event().ty == EventType::PLUGINEVENT_E {
                    sender.send(&tick).unwrap();
                }
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    writer.finish().unwrap();
    let names = [("evt.num", None), ("evt.source", None), ("evt.asynctype", None), ("probe.msg", None)];
    let replay = |set: &PluginSet| {
        let plugins = set.start(Scope::Capture, &quiet()).unwrap();
        assert!(plugins.queue().is_none(), "the capture has its asynchronous events");
        Inspector::new(Config::default().with_plugins(plugins))
    };
    let mut reader = eyas_scap::Reader::open(&path).unwrap();
    let lines = values(&set, &mut replay(&set), &mut reader, &names);
    let expected = [
        "Uint(1) | probe | <NA> | probe event 0",
        "Uint(2) | probe | probe_tick | <NA>",
        "Uint(3) | probe | <NA> | probe event 1",
    ];
    assert_eq!(lines[..3], expected);
    assert_eq!(calls.senders.lock().unwrap().len(), 1, "no sender in a replay");
    // Without the plugin the events have no source.
    let mut reader = eyas_scap::Reader::open(&path).unwrap();
    let mut inspector = Inspector::default();
    let field = |name| eyas_sinsp::schema().resolve(name, None).unwrap();
    let Ok(Step::Event(event)) = inspector.next(&mut reader) else { panic!() };
    let shown =
        ["evt.source", "evt.pluginname", "evt.type", "evt.args"].map(|name| text(event.get(&field(name))));
    assert_eq!(shown, ["<NA>", "<NA>", "pluginevent", "plugin_id=998 event_data=probe event 0"]);
}

#[test]
fn malformed_events_of_a_source_are_refused_with_falco_s_messages() {
    struct Liar(Vec<(EventType, u32, Vec<u8>)>);
    impl EventStream for Liar {
        fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError> {
            for (ty, nparams, body) in self.0.drain(..) {
                batch.push_event(BatchedEvent { ts: None, tid: 5, ty, nparams, body: &body });
            }
            Ok(Flow::More)
        }
    }
    let body = |id: u32, claimed: u32, data: &[u8]| {
        [&4u32.to_le_bytes()[..], &claimed.to_le_bytes(), &id.to_le_bytes(), data].concat()
    };
    let first = |info: PluginInfo, events| {
        let mut source = PluginSource::new(Arc::new(info), Box::new(Liar(events)), Snapshot::default());
        assert!(matches!(source.advance(), Ok(Advance::Snapshot(_))));
        match source.advance() {
            Err(error) => error.to_string(),
            Ok(_) => {
                let event = source.current().unwrap();
                format!("{} {:?} {}", event.ty.0, event.uint(0), event.tid)
            }
        }
    };
    let plugin = EventType::PLUGINEVENT_E;
    let own = || PluginInfo::new("p", Version::default()).with_source(7, "s");
    let none = || PluginInfo::new("p", Version::default());
    let malformed = "malformed plugin event produced by plugin: 'p'";
    for (info, events, expected) in [
        (own(), vec![], "unexpected 0 size event returned by plugin p"),
        (own(), vec![(plugin, 2, body(0, 1, b"x"))], "322 Some(7) -1"),
        (own(), vec![(plugin, 2, body(7, 1, b"x"))], "322 Some(7) -1"),
        (
            own(),
            vec![(plugin, 2, body(8, 1, b"x"))],
            "unexpected plugin ID in plugin event: plugin='p', expected_id=7, actual_id=8",
        ),
        (own(), vec![(EventType(3), 2, body(7, 1, b"x"))], malformed),
        (own(), vec![(plugin, 3, body(7, 1, b"x"))], malformed),
        (own(), vec![(plugin, 2, body(7, u32::MAX, b"x"))], malformed),
        (own(), vec![(plugin, u32::MAX, body(7, 1, b"x"))], malformed),
        (own(), vec![(plugin, 2, vec![1])], malformed),
        (own(), vec![(plugin, 2, [&[0u8; 8][..], b"data"].concat())], malformed),
        (
            none(),
            vec![(plugin, 2, body(0, 1, b"x"))],
            "malformed plugin event produced by plugin (no ID): 'p'",
        ),
        (none(), vec![(EventType(60_000), 0, vec![])], malformed),
        (none(), vec![(EventType::SYSCALL_CLOSE_X, 0, vec![])], "11 None 5"),
    ] {
        let shown = first(info, events);
        let is_close = expected.starts_with("11") && shown.ends_with("None 5");
        assert!(is_close || shown == expected, "{shown} instead of {expected}");
    }
}

#[test]
fn offsets_are_from_the_start_of_the_event() {
    let set = set(&Arc::default());
    let (mut inspector, mut source) = open(&set, "1");
    let Ok(Step::Event(event)) = inspector.next(&mut source) else { panic!() };
    let field = |name: &str| set.schema("probe").resolve(name, None).unwrap();
    let mut ranges = event.offsets(&field("probe.msg"));
    assert_eq!((ranges.len(), ranges.pop()), (1, Some(38..51)));
    assert!(event.offsets(&field("probe.n")).iter().all(|range| range.is_empty()));
    assert!(event.offsets(&field("evt.num")).is_empty());
}

#[test]
fn contradictory_sets_of_plugins_are_refused() {
    let native = |info| Arc::new(Native::new(info, |_| Err("it is not started".into())));
    let named = |name: &str| PluginInfo::new(name, Version::default());
    let mut set = PluginSet::default();
    let mut add = |info| set.add(native(info), "").err().map(|error| error.to_string());
    assert_eq!(add(named("a").with_source(7, "s")), None);
    assert_eq!(add(named("a")).as_deref(), Some("found another plugin with name a. Aborting."));
    assert_eq!(
        add(named("b").with_source(7, "t")).as_deref(),
        Some("found another plugin with ID 7. Aborting.")
    );
    assert_eq!(
        add(named("c").with_source(999, "syscall")).as_deref(),
        Some("plugin can't implement the reserved event source 'syscall'")
    );
    let field = || vec![PluginField::new("x.y", UINT, "A number.")];
    assert_eq!(add(named("d").with_source(8, "s").with_fields(field())), None);
    assert!(set.check_fields().is_ok());
    let mut other = named("e").with_fields(field());
    other.extract_sources = vec!["t".into()];
    set.add(native(other), "").unwrap();
    assert!(set.check_fields().is_ok(), "they are of different sources");
    set.add(native(named("f").with_fields(field())), "").unwrap();
    assert_eq!(
        set.check_fields().unwrap_err().to_string(),
        "Plugin 'f' supports extraction of field 'x.y' that is overlapping for source 's'"
    );
    assert_eq!(set.sources(), ["syscall", "s"]);
    let unused: Vec<_> = set.unused().map(|info| &*info.name).collect();
    assert_eq!(unused, ["e"]);
    assert_eq!(set.inputs_of("s").count(), 2);
}
