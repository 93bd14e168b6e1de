//! Each filter of the golden list matches as many events as libsinsp counted.

use eyas_testing::test;
use std::collections::BTreeMap;

use eyas::rules::condition::{self, Filter};
use eyas::scap::Reader;
use eyas::sinsp::{Config, Inspector, Step};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Filters that count differently on purpose: the filter, why, and how many events match here in attack,
/// gcc and nginx.
const DELIBERATE: &[(&str, &str, [Option<u64>; 3])] = &[
    (
        "fd.net in (10.99.0.0/16,127.0.0.0/8)",
        "libsinsp tests only the first network",
        [Some(48), Some(0), Some(210_081)],
    ),
    (
        "fd.snet = anyof (10.99.0.0/16,127.0.0.0/8)",
        "libsinsp never matches a network with a modifier",
        [Some(48), Some(0), Some(210_081)],
    ),
    (
        "proc.env[PATH] contains /usr",
        "libsinsp keeps the old environment after an execve with an empty one",
        [Some(102_290), Some(244_736), Some(574_700)],
    ),
    (
        "proc.env[LANG]=C.UTF-8 and evt.type=execve",
        "libsinsp keeps the old environment after an execve with an empty one",
        [Some(258), Some(162), Some(10)],
    ),
    (
        "fd.connected=true",
        "libsinsp takes a datagram socket that sends for connected",
        [Some(45), Some(0), Some(210_075)],
    ),
    (
        "proc.pgid=val(proc.pid)",
        "libsinsp keeps the process group after setpgid and setsid",
        [Some(511), Some(0), Some(0)],
    ),
    (
        "evt.is_open_create=true",
        "libsinsp takes an open of a directory for one that makes a file without a name",
        [Some(27), Some(41), Some(5)],
    ),
    (
        "fd.filename exists",
        "libsinsp has no file name of an open that fails",
        [Some(26_043), Some(35_878), Some(165_976)],
    ),
];

const CAPTURES: [&str; 3] = ["attack", "gcc", "nginx"];

/// What libsinsp counted in a capture, or the error that it gave for the filter.
fn golden(capture: &str) -> BTreeMap<String, Result<u64, String>> {
    let path = eyas_testing::data_or_ignore("captures/golden/filter-counts.json");
    let text = std::fs::read_to_string(path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).expect("the golden counts are JSON");
    let counts = json["counts"].as_object().expect("the golden counts have a table");
    let of = |value: &serde_json::Value| match value[capture].as_u64() {
        Some(count) => Ok(count),
        None => Err(value[capture]["error"].as_str().unwrap_or_default().to_owned()),
    };
    counts.iter().map(|(filter, value)| (filter.clone(), of(value))).collect()
}

fn compile(text: &str) -> Result<Filter, String> {
    let expr = condition::parse(text).map_err(|error| error.to_string())?;
    condition::compile(&expr, eyas::sinsp::schema()).map_err(|error| error.to_string())
}

fn check(position: usize) {
    let capture = CAPTURES[position];
    let path = eyas_testing::data_or_ignore(format!("captures/{capture}.scap.gz"));
    let golden = golden(capture);
    let mut differences = Vec::new();
    let mut filters = Vec::new();
    for (text, expected) in &golden {
        let deliberate = DELIBERATE.iter().find(|(filter, ..)| filter == text);
        let expected = match deliberate {
            Some((.., ours)) => ours[position],
            None => expected.clone().ok(),
        };
        match (compile(text), expected) {
            (Ok(filter), Some(expected)) => filters.push((text, filter, expected, 0u64)),
            (Ok(_), None) => differences.push(format!("{text}: compiles, libsinsp refuses it")),
            (Err(error), Some(expected)) => differences.push(format!("{text}: expected {expected}, {error}")),
            (Err(_), None) => {}
        }
    }
    let mut source = Reader::open(&path).unwrap();
    let mut inspector = Inspector::new(Config::default());
    let mut events = 0u64;
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(view) => {
                events += 1;
                for (_, filter, _, found) in &mut filters {
                    *found += u64::from(filter.matches(&view).unwrap());
                }
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    for (text, _, expected, found) in &filters {
        if expected != found {
            differences.push(format!("{text}: expected {expected}, found {found}"));
        }
    }
    println!("{capture}: {events} events, {} filters, {} differ", golden.len(), differences.len());
    assert!(differences.is_empty(), "{capture}:\n  {}", differences.join("\n  "));
}

/// Ignores the large captures where the code is not optimized.
fn ignore_in_debug_builds() {
    if cfg!(debug_assertions) {
        eyas_testing::ignore("takes minutes without --release");
    }
}

#[test]
fn attack() {
    check(0);
}

#[test]
fn gcc() {
    ignore_in_debug_builds();
    check(1);
}

#[test]
fn nginx() {
    ignore_in_debug_builds();
    check(2);
}
