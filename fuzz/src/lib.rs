//! What is done with bytes of unknown origin: none of it may panic, hang or take much memory.
#![forbid(unsafe_code)]

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use eyas::events::EventType;
use eyas::rules::{AlertOptions, Engine, Loader, condition};
use eyas::scap::{Advance, EventSource, RawEvent, Reader};
use eyas::sinsp::{Inspector, Step, schema};

/// A capture read to its end or to its first error. Compressed ones are for [`gunzip`], as inflating what has
/// no end takes most of the time.
pub fn reader(bytes: &[u8]) {
    if !bytes.starts_with(&MAGIC) {
        read(bytes.to_vec());
    }
}

/// What gzip's members begin with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A compressed capture, given without its first two bytes, which are always the same.
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

/// Type, number of parameters and body of one event: every parameter by every access.
pub fn frame(bytes: &[u8]) {
    let Some(event) = event(bytes) else { return };
    for index in 0..event.nparams().min(64) + 1 {
        let _ = (event.param(index), event.int(index), event.uint(index), event.text(index));
    }
    let _ = (event.result(), event.opened_path(), event.named().count(), event.params().count());
}

/// The event as an old capture would hold it, brought up to date.
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

/// The block that a capture begins with: version 1.0, of unknown length.
const SECTION: [u8; 28] = [
    0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 28, 0, 0, 0,
];

/// A capture, its state, its fields and alerts on everything.
pub fn inspector(bytes: &[u8]) {
    const RULES: &str = "- {rule: any, desc: d, condition: evt.num > 0 and not proc.aname in (a) , priority: INFO, \
                         output: '%evt.args %evt.type %fd.name %proc.cmdline %proc.env %proc.aname[2] %fs.path.name'}";
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let mut loader = Loader::new(Arc::new(schema()));
        let result = loader.load("rules", RULES);
        loader.build().unwrap_or_else(|error| panic!("{error:?}: {}", result.verbose()))
    });
    let engine = &*ENGINE;
    let Ok(mut reader) = Reader::from_reader(Cursor::new(bytes.to_vec())) else { return };
    let (mut inspector, mut evaluator) = (Inspector::default(), engine.evaluator());
    let (mut found, options) = (Vec::new(), AlertOptions::default());
    while let Ok(step) = inspector.next(&mut reader) {
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

/// A condition: what is printed of it parses to the same.
pub fn condition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(expr) = condition::parse(text) else { return };
    let printed = expr.to_string();
    let again = condition::parse(&printed).unwrap_or_else(|error| panic!("{printed:?}: {error}"));
    assert_eq!(again.to_string(), printed);
    let _ = condition::compile(&expr, schema());
}

/// A rules file, and once more as a second one, which changes what the first defined.
pub fn rules(bytes: &[u8]) {
    let mut loader = Loader::new(Arc::new(schema()));
    for name in ["rules.yaml", "again.yaml"] {
        let result = loader.load(name, bytes);
        let _ = (result.verbose(), result.diagnostics().count());
        let _ = (loader.lint(), loader.describe());
        let _ = loader.build();
    }
}

/// An event: two bytes of type, one of the number of parameters, then lengths and parameters.
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
