//! Damaged captures and rules: an error, never a panic, in bounded time.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use eyas::rules::{AlertOptions, Engine, Error, Matching, RuleSet, RuleSource};
use eyas::scap::{EventSource, Next, Reader};
use eyas::sinsp::{Inspector, Step, schema};
use eyas_testing::Numbers;

fn demo() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo")
}

/// The beginning of the sample, uncompressed.
fn sample(len: usize) -> Vec<u8> {
    let file = std::fs::File::open(demo().join("demo.scap.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file).take(len as u64).read_to_end(&mut bytes).unwrap();
    bytes
}

fn engine() -> Engine {
    let everything = "
- rule: everything
  desc: asks for as much as possible
  condition: evt.args contains e or proc.aname = x or fd.name glob '*a' or fs.path.name startswith /
  output: '%evt.args %proc.cmdline %fd.name %fd.cip %proc.aname[2] %user.name %evt.buffer %fdlist.names %evt.abspath'
  priority: DEBUG
";
    let source = RuleSource::new("everything.yaml", everything);
    RuleSet::new(Arc::new(schema()), [source]).unwrap().matching(Matching::All).compile().unwrap()
}

/// Replays the bytes up to the first error. Returns the number of events.
fn replay(engine: &Engine, bytes: Vec<u8>) -> u64 {
    let Ok(mut source) = Reader::from_reader(Cursor::new(bytes)) else { return 0 };
    let mut inspector = Inspector::default();
    let mut evaluator = engine.evaluator();
    let options = AlertOptions::default();
    let (mut found, mut out, mut events) = (Vec::new(), Vec::new(), 0);
    while let Ok(Step::Event(event)) = inspector.next(&mut source) {
        events += 1;
        evaluator.matches(&event, &mut found).unwrap();
        for hit in found.drain(..) {
            out.clear();
            engine.alert(hit, &event, &options).write_json(&mut out);
        }
    }
    events
}

#[test]
fn flipped_bytes_in_a_capture() {
    let engine = engine();
    let clean = sample(160 << 10);
    assert!(replay(&engine, clean.clone()) > 500);
    let mut numbers = Numbers::new(0x5eed);
    for _ in 0..300 {
        let mut bytes = clean.clone();
        for _ in 0..1 + numbers.below(60) {
            let at = numbers.below(bytes.len());
            bytes[at] = match numbers.below(4) {
                0 => 0,
                1 => 0xff,
                _ => numbers.next() as u8,
            };
        }
        replay(&engine, bytes);
    }
}

#[test]
fn captures_that_end_anywhere() {
    let engine = engine();
    let clean = sample(24 << 10);
    for len in (0..clean.len()).step_by(97) {
        replay(&engine, clean[..len].to_vec());
    }
}

#[test]
fn a_block_of_four_gib_is_refused_without_taking_the_memory() {
    let mut bytes = sample(28);
    bytes.extend_from_slice(&[0x15, 2, 0, 0, 0xf0, 0xff, 0xff, 0xff]);
    let mut reader = Reader::from_reader(Cursor::new(bytes)).unwrap();
    // The reader delivers everything before the block.
    assert!(matches!(reader.next(), Ok(Next::Snapshot(system)) if system.threads.is_empty()));
    let error = reader.next().unwrap_err().to_string();
    assert!(error.contains("limit") && error.contains("byte 28"), "{error}");
}

#[test]
fn hostile_rules_are_refused_or_bounded() {
    let load = |text: &str| match RuleSet::new(Arc::new(schema()), [RuleSource::new("bad.yaml", text)]) {
        Err(Error::File(result)) => result.errors[0].message.clone(),
        _ => panic!("{}", &text[..text.len().min(80)]),
    };
    let mut bomb = String::from("- list: l\n  items: &a0 [x, x]\n");
    for n in 1..60 {
        bomb.push_str(&format!("- list: l{n}\n  items: &a{n} [*a{}, *a{}]\n", n - 1, n - 1));
    }
    load(&bomb);
    load(&"[".repeat(100_000));
    load(&format!("- macro: m\n  condition: {}a.b=1{}\n", "(".repeat(100_000), ")".repeat(100_000)));
    let mut doubling = String::from("- macro: m0\n  condition: evt.type=open\n");
    for n in 1..60 {
        doubling.push_str(&format!("- macro: m{n}\n  condition: m{} or m{}\n", n - 1, n - 1));
    }
    assert!(load(&doubling).contains("exceeds"));
    let mut lists = String::from("- {list: l0, items: [x, y]}\n");
    for n in 1..60 {
        lists.push_str(&format!("- {{list: l{n}, items: [l{}, l{}]}}\n", n - 1, n - 1));
    }
    let message = load(&lists);
    assert!(message.contains("exceed"), "{message}");
    // Finding the end of a field after `%` is fast for every text.
    for token in [
        "%nothing",
        "%tolower(",
        "%proc.name[",
        "%proc.env['xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "%join(\\\",\\\",(",
    ] {
        let output = token.repeat((1 << 20) / token.len());
        load(&format!("- {{rule: r, desc: d, condition: a b, output: \"{output}\", priority: INFO}}\n"));
    }
    let huge = format!(
        "- rule: r\n  desc: d\n  condition: proc.name={}\n  output: o\n  priority: INFO\n",
        "x".repeat(10 << 20)
    );
    assert!(load(&huge).contains("255"));
}
