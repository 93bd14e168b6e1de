//! The fuzz targets: functions that process bytes of unknown origin. None may panic, hang or take much memory.
#![forbid(unsafe_code)]

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use eyas::audit::{AuditStream, json, k8saudit};
use eyas::events::{EventType, param};
use eyas::fields::{FieldSource, Schema};
use eyas::rules::{AlertOptions, Engine, RuleSet, RuleSource, condition};
use eyas::scap::{Advance, EventBuilder, EventSource, RawEvent, Reader, Snapshot, ThreadEntry};
use eyas::sinsp::plugin::{Log, PluginSet, PluginSource, Scope};
use eyas::sinsp::{Config, Inspector, Step, schema};
use eyas::yaml;

/// Reads a capture to its end or to its first error. Compressed captures are for [`gunzip`], because decompression of
/// endless input takes most of the time.
pub fn reader(bytes: &[u8]) {
    if !bytes.starts_with(&MAGIC) {
        read(bytes.to_vec());
    }
}

/// The first bytes of a gzip member.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads a compressed capture. The input lacks its first two bytes, which are always the same.
pub fn gunzip(bytes: &[u8]) {
    read([&MAGIC, bytes].concat());
}

fn read(bytes: Vec<u8>) {
    let Ok(mut reader) = Reader::from_reader(Cursor::new(bytes)) else { return };
    while let Ok(item) = reader.advance() {
        match item {
            Advance::Event => {
                let len = |event: RawEvent<'_>| event.params().map(<[u8]>::len).sum::<usize>();
                std::hint::black_box(reader.current().map(len));
            }
            Advance::End => return,
            Advance::Snapshot(_) | Advance::Idle => {}
        }
    }
}

/// Reads every parameter of one event in every way. The input is the event's type, number of parameters and body.
pub fn frame(bytes: &[u8]) {
    let Some(event) = event(bytes) else { return };
    for index in 0..event.nparams().min(64) + 1 {
        let _ = (event.param(index), event.int(index), event.uint(index), event.text(index));
    }
    let _ = (event.result(), event.opened_path(), event.named().count(), event.params().count());
}

/// Converts an event of an old capture to the current version.
pub fn converter(bytes: &[u8]) {
    let [low, high, nparams, body @ ..] = bytes else { return };
    let mut capture = SECTION.to_vec();
    let code = u16::from_le_bytes([*low, *high]) % 460;
    // Twice: the first may be kept for the second.
    for code in [code & !1, code] {
        let block = (10 + 26 + body.len() + 4) as u32;
        let mut put = |bytes: &[u8]| capture.extend_from_slice(bytes);
        put(&0x216_u32.to_le_bytes());
        put(&block.to_le_bytes());
        put(&[0; 2]);
        put(&1_u64.to_le_bytes());
        put(&2_u64.to_le_bytes());
        put(&(26 + body.len() as u32).to_le_bytes());
        put(&code.to_le_bytes());
        put(&u32::from(*nparams).to_le_bytes());
        put(body);
        put(&block.to_le_bytes());
    }
    read(capture);
}

/// The first block of a capture: version 1.0, unknown length.
const SECTION: [u8; 28] = [
    0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 28, 0, 0, 0,
];

/// Reads a capture, and makes its state, its fields and an alert for every event.
pub fn inspector(bytes: &[u8]) {
    const RULES: &str = "- {rule: any, desc: d, condition: evt.num > 0 and not proc.aname in (a) , priority: INFO, \
                         output: '%evt.args %evt.type %fd.name %proc.cmdline %proc.env %proc.aname[2] %fs.path.name'}";
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let rules = RuleSet::new(Arc::new(schema()), [RuleSource::new("rules", RULES)]);
        rules.and_then(|rules| rules.compile()).unwrap_or_else(|error| panic!("{error}"))
    });
    let Ok(mut reader) = Reader::from_reader(Cursor::new(bytes.to_vec())) else { return };
    alerts(&mut Inspector::default(), &mut reader, &ENGINE);
}

/// Makes the alerts of a source until it ends or fails.
fn alerts(inspector: &mut Inspector, source: &mut impl EventSource, engine: &Engine) {
    let mut evaluator = engine.evaluator();
    let (mut found, options) = (Vec::new(), AlertOptions::default());
    while let Ok(step) = inspector.next(source) {
        match step {
            Step::Event(event) => {
                evaluator.matches(&event, &mut found).expect("the events are of the rules' schema");
                found.drain(..).for_each(|hit| drop(engine.alert(hit, &event, &options).to_json()));
            }
            Step::Idle => {}
            Step::End => return,
        }
    }
}

/// Parses a condition, prints it, and checks that the printed text parses to the same condition.
pub fn condition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(expr) = condition::parse(text) else { return };
    let printed = expr.to_string();
    let again = condition::parse(&printed).unwrap_or_else(|error| panic!("{printed:?}: {error}"));
    assert_eq!(again.to_string(), printed);
    let _ = condition::compile(&expr, schema());
}

/// Loads a rules file, then the same file again, so that its items redefine and append to items of the first.
pub fn rules(bytes: &[u8]) {
    let sources = ["rules.yaml", "again.yaml"].map(|name| RuleSource::new(name, bytes));
    for count in 1..=sources.len() {
        let mut loader = RuleSet::builder(Arc::new(schema())).loader();
        for source in &sources[..count] {
            let result = loader.load(source);
            let _ = (result.verbose(), result.diagnostics().count());
        }
        if let Ok(rules) = loader.finish() {
            let _ = (rules.lint(), rules.describe(), rules.compile());
        }
    }
}

/// Makes an event from bytes: type (two bytes), number of parameters (one byte), lengths, parameters.
fn event(bytes: &[u8]) -> Option<RawEvent<'_>> {
    let [low, high, nparams, body @ ..] = bytes else { return None };
    RawEvent::from_parts(
        1,
        2,
        EventType(u16::from_le_bytes([*low, *high]) % 460),
        0,
        u32::from(*nparams),
        body,
    )
}

/// Processes a reply of a name server over UDP or TCP (the first byte decides), and a connection to the address in the reply.
pub fn dns(bytes: &[u8]) {
    use param::{SOCKET_CONNECT_X as connect, SOCKET_RECVFROM_X as receive, SOCKET_SOCKET_X as socket};
    let [first, message @ ..] = bytes else { return };
    let mut inspector = Inspector::default();
    let thread = ThreadEntry { tid: 10, pid: 10, vtid: 10, vpid: 10, ..ThreadEntry::default() };
    inspector.load(Snapshot { threads: vec![thread], ..Snapshot::default() });
    let at = |ty| EventBuilder::new(ty).ts(1).tid(10);
    let ty = 1 + i64::from(first % 2);
    let (server, named) =
        ([2, 10, 0, 0, 1, 0, 9, 10, 0, 0, 53, 53, 0], [2, 10, 0, 0, 1, 0, 9, 1, 2, 3, 4, 80, 0]);
    let open = |fd| {
        at(EventType::SOCKET_SOCKET_X).int(socket::fd, fd).int(socket::domain, 2).int(socket::r#type, ty)
    };
    let reach = |fd, tuple: &[u8]| {
        at(EventType::SOCKET_CONNECT_X).int(connect::res, 0).int(connect::fd, fd).bytes(connect::tuple, tuple)
    };
    let length = i64::try_from(message.len()).unwrap_or(0);
    let answer = at(EventType::SOCKET_RECVFROM_X)
        .int(receive::res, length)
        .int(receive::fd, 3)
        .bytes(receive::data, message);
    for event in [open(3), reach(3, &server), answer, open(4), reach(4, &named)] {
        let event = event.build();
        let view = inspector.process(event.as_raw());
        for name in ["dns.query", "dns.answers", "dns.is_answer", "fd.domain", "fd.sip.name", "evt.args"] {
            let field = schema().resolve(name, None).expect("a field of the schema");
            std::hint::black_box(view.get(&field));
        }
    }
}

/// Reads lines of a Kubernetes audit log, and makes their fields and an alert for every event.
pub fn audit(bytes: &[u8]) {
    const SOURCE: &str = "k8s_audit";
    const RULES: &str = "- {rule: any, desc: d, condition: evt.num > 0 and not ka.user.name in (a), source: k8s_audit, priority: INFO, \
                         output: '%ka.verb %ka.target.name %ka.req.pod.containers.image %ka.response.code %json.value[/a/0]'}";
    static ENGINE: LazyLock<(PluginSet, Engine)> = LazyLock::new(|| {
        let mut set = PluginSet::default();
        for plugin in [k8saudit(), json()] {
            set.add(Arc::new(plugin), "").expect("the built-in plugins load");
        }
        let rules = RuleSet::new(Arc::new(set.schema(SOURCE)), [RuleSource::new("rules", RULES)]);
        let engine = rules.and_then(|rules| rules.compile()).unwrap_or_else(|error| panic!("{error}"));
        (set, engine)
    });
    let (set, engine) = &*ENGINE;
    let log: Log = Arc::new(|_, _| {});
    let plugins = set.start(Scope::Live(SOURCE), &log).expect("the built-in plugins start");
    let (info, _) = plugins.open("k8saudit", "/dev/null").expect("an empty file opens");
    let lines = Box::new(AuditStream::new(Cursor::new(bytes.to_vec())));
    let mut source = PluginSource::new(info, lines, Snapshot::default());
    let mut inspector = Inspector::new(Config::default().with_plugins(plugins));
    alerts(&mut inspector, &mut source, engine);
}

/// Parses a YAML file of any encoding.
pub fn yaml(bytes: &[u8]) {
    let decoded = yaml::decode(bytes);
    match yaml::parse(&decoded) {
        Ok(parsed) => drop(std::hint::black_box(format!("{parsed:?}"))),
        Err(problem) => drop(std::hint::black_box(problem.to_string())),
    }
}
