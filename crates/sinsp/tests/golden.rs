//! Prints the first 20,000 events of every capture with 59 fields, and compares the output with the
//! reference's.

use eyas_testing::{data_or_ignore, test};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use eyas_fields::{Field, FieldSource, Schema, write_value_with};
use eyas_scap::Reader;
use eyas_sinsp::{Inspector, Step, schema};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Fields of a format such as `*%evt.num|%evt.type`.
fn fields(format: &str) -> Vec<Field> {
    let names =
        format.trim().trim_start_matches('*').split('|').map(|f| f.trim_start_matches('%').to_owned());
    names
        .map(|name| match name.split_once('[') {
            Some((name, arg)) => schema().resolve(name, Some(arg.trim_end_matches(']'))),
            None => schema().resolve(&name, None),
        })
        .map(|field| field.unwrap())
        .collect()
}

/// Formats non-text bytes like the reference.
fn sanitized(value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>().into_bytes()
}

#[derive(Default)]
struct Count {
    equal: u64,
    all: u64,
    example: String,
}

fn compare(capture: &Path, golden: &Path, fields: &[Field], counts: &mut BTreeMap<String, Count>) {
    let mut text = std::fs::read(golden).unwrap();
    if golden.extension().is_some_and(|extension| extension == "gz") {
        let packed = std::mem::take(&mut text);
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut text).unwrap();
    }
    let mut lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let mut source = Reader::open(capture).unwrap();
    let mut inspector = Inspector::default();
    let Some(mut line) = lines.next() else { return };
    let number = |line: &[u8]| -> u64 {
        let digits: String = line.iter().map(|b| char::from(*b)).take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let mut out = Vec::new();
    loop {
        let view = match inspector.next(&mut source) {
            Ok(Step::Event(view)) => view,
            Ok(Step::Idle) => continue,
            Ok(Step::End) | Err(_) => break,
        };
        if number(line) > view.num() {
            continue;
        }
        if number(line) < view.num() {
            counts.entry("(events missing)".into()).or_default().all += 1;
        } else {
            let mut rest = line;
            for (i, field) in fields.iter().enumerate() {
                out.clear();
                match view.get(field) {
                    Some(value) => write_value_with(&mut out, &value, schema().def(field.id), |out, text| {
                        out.extend_from_slice(text)
                    }),
                    None => out.extend_from_slice(b"<NA>"),
                }
                let ours = sanitized(&out);
                // A value may contain bars: if the reference's line begins with our value, that part is the value.
                let fits = rest.strip_prefix(&ours[..]).is_some_and(|r| r.is_empty() || r[0] == b'|');
                let bar = rest.iter().position(|b| *b == b'|').filter(|_| i + 1 < fields.len());
                let end = if fits { ours.len() } else { bar.unwrap_or(rest.len()) };
                let value = &rest[..end];
                rest = rest.get(end + 1..).unwrap_or_default();
                let count = counts.entry(field.text.to_string()).or_default();
                count.all += 1;
                if fits {
                    count.equal += 1;
                } else if count.example.len() < 2000 && (count.all - count.equal) % 37 == 1 {
                    count.example.push_str(&format!(
                        "\n    {} {} {}: ours {:?}, reference {:?}",
                        capture.file_name().unwrap().to_string_lossy(),
                        view.num(),
                        view.event().ty.name(),
                        String::from_utf8_lossy(&ours),
                        String::from_utf8_lossy(value)
                    ));
                }
            }
        }
        match lines.next() {
            Some(next) => line = next,
            None => break,
        }
    }
}

/// Compares a capture with its golden output and wants these differences, no more and no fewer, by field;
/// docs/compatibility-events.md gives their reasons.
fn check(name: &str, known: &[(&str, u64)]) {
    let capture = data_or_ignore(format!("captures/{name}.scap.gz"));
    let golden = data_or_ignore(format!("captures/golden/{name}.fmt.txt.gz"));
    let format = std::fs::read_to_string(data_or_ignore("captures/golden/FORMAT.txt")).unwrap();
    let mut counts = BTreeMap::new();
    compare(&capture, &golden, &fields(&format), &mut counts);
    check_counts(name, &counts, known);
}

fn check_counts(name: &str, counts: &BTreeMap<String, Count>, known: &[(&str, u64)]) {
    let (mut found, mut examples) = (Vec::new(), String::new());
    for (field, count) in counts.iter().filter(|(_, count)| count.equal < count.all) {
        found.push((field.as_str(), count.all - count.equal));
        examples.push_str(&format!(
            "
{field}: {} differ{}",
            count.all - count.equal,
            count.example
        ));
    }
    assert!(counts.values().any(|count| count.all > 0), "{name}: nothing was compared");
    assert_eq!(found, known, "{name}{examples}");
}

#[test]
fn fields_of_attack() {
    check(
        "attack",
        &[
            ("evt.buffer", 122),
            ("fd.directory", 784),
            ("fd.filename", 675),
            ("proc.vpgid", 213),
            ("thread.cap_effective", 1),
        ],
    );
}

#[test]
fn fields_of_gcc() {
    check("gcc", &[("evt.buffer", 45), ("fd.directory", 431), ("fd.filename", 1154), ("fs.path.name", 541)]);
}

#[test]
fn fields_of_nginx() {
    check(
        "nginx",
        &[
            ("evt.buffer", 16),
            ("fd.directory", 1182),
            ("fd.filename", 82),
            ("fd.is_server", 2523),
            ("fd.lport", 3199),
            ("fd.rport", 3199),
            ("thread.cap_effective", 9_698),
        ],
    );
}

#[test]
fn fields_of_heavy() {
    check("heavy", &[("evt.buffer", 12), ("fd.directory", 894), ("fd.filename", 85)]);
}

#[test]
fn fields_of_captures_of_ten_years() {
    let format = std::fs::read_to_string(data_or_ignore("captures/golden/FORMAT.txt")).unwrap();
    let (fields, mut counts) = (fields(&format), BTreeMap::new());
    for entry in std::fs::read_dir(data_or_ignore("captures/upstream")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(golden) = eyas_testing::data(format!("captures/upstream/golden/{name}.fmt.txt.gz")) {
            compare(&path, &golden, &fields, &mut counts);
        }
    }
    let known = [
        ("evt.args", 10),
        ("evt.buffer", 31),
        ("fd.cip", 10),
        ("fd.directory", 105),
        ("fd.filename", 2),
        ("fd.is_server", 23),
        ("fd.lip", 13),
        ("fd.lport", 3),
        ("fd.name", 10),
        ("fd.rip", 3),
        ("fd.rport", 3),
        ("fd.typechar", 2),
        ("proc.vpgid", 33),
    ];
    check_counts("upstream", &counts, &known);
}

/// Compares only fields of sockets, in captures of containers.
fn check_sockets(name: &str, known: &[(&str, u64)]) {
    let names = [
        "evt.num",
        "proc.name",
        "evt.type",
        "fd.num",
        "fd.name",
        "fd.type",
        "fd.l4proto",
        "fd.cip",
        "fd.cport",
    ];
    let names = names.into_iter().chain(["fd.sip", "fd.sport", "fd.is_server", "evt.args"]);
    let fields = fields(&names.map(|name| format!("%{name}")).collect::<Vec<_>>().join("|"));
    let capture = data_or_ignore(format!("captures/public/{name}.scap.gz"));
    let golden = data_or_ignore(format!("captures/public/{name}.fd.golden.txt"));
    let mut counts = BTreeMap::new();
    compare(&capture, &golden, &fields, &mut counts);
    check_counts(name, &counts, known);
}

#[test]
fn sockets_of_a_proxy() {
    check_sockets("502error", &[("fd.is_server", 37)]);
}

#[test]
fn sockets_of_a_kubernetes_node() {
    check_sockets("kubernetes", &[("evt.args", 14), ("fd.is_server", 143), ("fd.name", 14), ("fd.sip", 14)]);
}
