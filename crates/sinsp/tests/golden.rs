//! The first 20,000 events of every capture, printed with 59 fields, against what the reference printed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use eyas_fields::{Field, FieldSource, Schema, write_value};
use eyas_scap::Reader;
use eyas_sinsp::{Inspector, Step, schema};

fn shared() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let dir = PathBuf::from(std::env::var_os("EYAS_SHARED").unwrap_or(default.into())).join("captures");
    if !dir.is_dir() {
        eprintln!("skipped: no captures in {}", dir.display());
        return None;
    }
    Some(dir)
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

/// What the reference's formatter makes of bytes that are no text.
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
    let mut text = Vec::new();
    let file = std::fs::File::open(golden).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
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
                    Some(value) => write_value(&mut out, &value, schema().def(field.id)),
                    None => out.extend_from_slice(b"<NA>"),
                }
                let ours = sanitized(&out);
                // A value may hold bars itself: where ours fits, it is taken to be the value.
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

/// Share of equal fields that must not be undercut.
const FLOOR: f64 = 0.9998;

/// The same of each field by itself; docs/compatibility.md says how those differ that do.
const FIELD_FLOOR: f64 = 0.999;
/// Fields where the reference is wrong more often than that.
const REFERENCE_IS_WRONG: [(&str, f64); 2] = [("fs.path.name", 0.994), ("evt.buffer", 0.997)];

#[test]
fn fields_read_as_the_reference_reads_them() {
    let Some(dir) = shared() else { return };
    let fields = fields(&std::fs::read_to_string(dir.join("golden/FORMAT.txt")).unwrap());
    let mut counts = BTreeMap::new();
    for name in ["attack", "gcc", "nginx", "heavy"] {
        let golden = dir.join(format!("golden/{name}.fmt.txt.gz"));
        compare(&dir.join(format!("{name}.scap.gz")), &golden, &fields, &mut counts);
    }
    for entry in std::fs::read_dir(dir.join("upstream")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let golden = dir.join(format!("upstream/golden/{name}.fmt.txt.gz"));
        if golden.is_file() {
            compare(&path, &golden, &fields, &mut counts);
        }
    }
    for (name, count) in &counts {
        println!("{name}: {} of {} equal", count.equal, count.all);
    }
    let (equal, all) = counts.values().fold((0, 0), |(e, a), c| (e + c.equal, a + c.all));
    for (name, count) in &counts {
        if count.equal < count.all {
            println!("{name}: {} of {} differ{}", count.all - count.equal, count.all, count.example);
        }
    }
    println!("{equal} of {all} fields equal");
    assert!(all > 1_000_000);
    for (name, count) in &counts {
        let share = count.equal as f64 / count.all as f64;
        let excused = REFERENCE_IS_WRONG.iter().find(|(field, _)| field == name);
        let floor = excused.map_or(FIELD_FLOOR, |(_, floor)| *floor);
        assert!(share >= floor, "{name}: {} of {} equal", count.equal, count.all);
    }
    assert!(equal as f64 / all as f64 > FLOOR, "{equal} of {all} fields equal");
}
