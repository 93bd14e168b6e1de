//! A capture of filtered events has the same field values as these events in the complete capture.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas::fields::{ArgKind, FieldFlags, Schema};
use eyas::scap::{EventSource, Loss, Next, Reader, Writer};
use eyas_testing::{Dir, Numbers, test};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

fn sysdig(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    let output = command.env("TZ", "UTC").args(args).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let says_more = args.contains(&"-v");
    assert!(output.status.success() && (says_more || error.is_empty()), "{args:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A line with every field that needs no argument.
fn every_field() -> String {
    let schema = eyas::sinsp::schema();
    let names = schema.fields().iter().filter(|def| {
        let shown = !def.flags.contains(FieldFlags::FILTER_ONLY);
        shown && matches!(def.arg, ArgKind::None) && !def.name.starts_with("evt.count")
    });
    let fields: Vec<String> = names.map(|def| format!("{0}=%{0}", def.name)).collect();
    format!("*{} evt.args=%evt.args proc.aname=%proc.aname[2] proc.apid=%proc.apid[1]", fields.join("\t"))
}

/// Checks that the slice prints the same lines as the capture with the filter. Returns the size of the slice.
#[track_caller]
fn check(capture: &Path, filter: &str, dir: &Dir) -> u64 {
    let slice = dir.join("slice.scap");
    let (from, to) = (capture.to_str().unwrap(), slice.to_str().unwrap());
    assert_eq!(sysdig(&["-r", from, "-w", to, filter]), "");
    let format = every_field();
    let whole = sysdig(&["-v", "-r", from, "-p", &format, filter]);
    let part = sysdig(&["-v", "-r", to, "-p", &format]);
    let (whole, part): (Vec<&str>, Vec<&str>) = (whole.lines().collect(), part.lines().collect());
    for (one, other) in whole.iter().zip(&part) {
        let fields = || one.split('\t').zip(other.split('\t'));
        let differ: Vec<_> = fields().filter(|(one, other)| one != other).collect();
        assert!(
            differ.is_empty(),
            "{from} {filter}: {}: {differ:#?}",
            fields().map(|(one, _)| one).take(12).collect::<Vec<_>>().join(" ")
        );
    }
    assert_eq!(whole.len(), part.len(), "{from} {filter}");
    std::fs::metadata(&slice).unwrap().len()
}

/// Filters for randomly chosen events of the capture.
fn drawn(capture: &Path, count: usize, seed: u64) -> Vec<String> {
    let sample = "*%evt.num\t%proc.name\t%proc.pid\t%evt.type\t%fd.name\t%thread.tid\t%user.name";
    let lines = sysdig(&["-r", capture.to_str().unwrap(), "-p", sample]);
    let lines: Vec<Vec<&str>> = lines.lines().map(|line| line.split('\t').collect()).collect();
    let mut numbers = Numbers::new(seed);
    if lines.is_empty() {
        return Vec::new();
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let one = |numbers: &mut Numbers| {
        let line = &lines[numbers.below(lines.len())];
        match numbers.below(8) {
            0 => format!("proc.name={}", quoted(line[1])),
            1 => format!("proc.pid={}", line[2].replace("<NA>", "1")),
            2 => format!("evt.type={}", line[3]),
            3 => format!("fd.name={}", quoted(line[4])),
            4 => format!("thread.tid={}", line[5]),
            5 => format!("evt.num in ({}, {})", line[0], lines[numbers.below(lines.len())][0]),
            6 => format!("evt.num >= {} and evt.num < {0} + 0", line[0]).replace(" + 0", "9"),
            _ => format!("proc.aname={}", quoted(line[1])),
        }
    };
    (0..count)
        .map(|_| match numbers.below(3) {
            0 => format!("{} and {}", one(&mut numbers), one(&mut numbers)),
            1 => format!("{} or {}", one(&mut numbers), one(&mut numbers)),
            _ => one(&mut numbers),
        })
        .collect()
}

#[test]
fn a_slice_of_the_demo_has_the_values_of_the_whole() {
    let dir = Dir::new("demo");
    let demo = Path::new(DEMO);
    for filter in [
        "proc.name=cat",
        "fd.name=/etc/shadow",
        "evt.type=execve",
        "evt.type in (connect, accept4)",
        "evt.num=4000",
        "evt.num=0",
        "fd.type=ipv4",
        "proc.aname=httpd",
        "evt.type=procexit",
        "evt.type=close",
        "evt.type=clone and evt.res=0",
        "proc.is_container_healthcheck=true or proc.name startswith s",
    ] {
        check(demo, filter, &dir);
    }
    for filter in drawn(demo, 20, 18) {
        check(demo, &filter, &dir);
    }
    let few = check(demo, "fd.name=/etc/shadow", &dir);
    let fat = dir.join("fat.scap");
    sysdig(&["-r", DEMO, "-F", "-w", fat.to_str().unwrap(), "fd.name=/etc/shadow"]);
    assert!(few * 2 < std::fs::metadata(&fat).unwrap().len(), "{few}");
}

#[test]
fn a_slice_of_a_slice_has_the_numbers_of_the_whole() {
    let dir = Dir::new("again");
    let first = dir.join("first.scap");
    sysdig(&["-r", DEMO, "-w", first.to_str().unwrap(), "proc.name in (cat, bash)"]);
    check(&first, "fd.name=/etc/shadow", &dir);
    let numbers = |from: &str| {
        sysdig(&["-r", from, "-p", "%evt.num %evt.deltatime", "fd.name=/etc/shadow and proc.name=cat"])
    };
    assert_eq!(numbers(dir.join("slice.scap").to_str().unwrap()), numbers(DEMO));
    // A count and a time limit apply to the wanted events, too.
    let count = dir.join("count.scap");
    sysdig(&["-r", DEMO, "-n", "3", "-w", count.to_str().unwrap(), "proc.name=cat"]);
    let lines = |args: &[&str]| sysdig(&[&["-p", "%evt.num %proc.name %proc.pname %fd.name"], args].concat());
    assert_eq!(lines(&["-r", count.to_str().unwrap()]), lines(&["-r", DEMO, "-n", "3", "proc.name=cat"]));
    // Two captures, one after the other.
    let two = dir.join("two.scap");
    let demo = ["-r", DEMO, "-r", DEMO];
    sysdig(&[&demo[..], &["-w", two.to_str().unwrap(), "proc.name=cat"]].concat());
    assert_eq!(
        lines(&["-r", two.to_str().unwrap()]).lines().count(),
        lines(&[&demo[..], &["proc.name=cat"]].concat()).lines().count()
    );
}

#[test]
fn a_slice_of_a_stream_knows_names() {
    let dir = Dir::new("stream");
    let slice = dir.join("slice.scap");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    command.args(["-r", "-", "-w", slice.to_str().unwrap(), "proc.name=cat"]);
    let status = command.stdin(std::fs::File::open(DEMO).unwrap()).status().unwrap();
    assert!(status.success());
    let lines = |args: &[&str]| sysdig(&[&["-p", "%evt.num %proc.name %proc.pname %fd.name"], args].concat());
    assert_eq!(lines(&["-r", slice.to_str().unwrap()]), lines(&["-r", DEMO, "proc.name=cat"]));
}

/// Every capture of a folder of the shared data.
fn captures(folder: &str) -> Vec<PathBuf> {
    let folder = eyas_testing::data_or_ignore(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".scap"))
        .filter(|path| std::fs::metadata(path).unwrap().len() < 4 << 20)
        .collect();
    paths.sort();
    paths
}

#[test]
fn slices_of_captures_that_others_wrote() {
    let dir = Dir::new("others");
    for path in captures("captures/upstream").into_iter().chain(captures("captures/public")) {
        for filter in drawn(&path, 3, 7) {
            check(&path, &filter, &dir);
        }
    }
}

#[test]
fn slices_of_an_attack() {
    let attack = eyas_testing::data_or_ignore("captures/attack.scap.gz");
    let dir = Dir::new("attack");
    for filter in [
        "fd.name=/etc/shadow",
        "evt.type in (ptrace, kill, setns, unshare)",
        "container.id != host and evt.type=execve",
    ] {
        check(&attack, filter, &dir);
    }
    for filter in drawn(&attack, 3, 3) {
        check(&attack, &filter, &dir);
    }
}

/// The bytes of a capture, uncompressed, as text.
fn bytes_of(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[test]
fn a_redacted_capture_has_none_of_the_names_and_stays_consistent() {
    let dir = Dir::new("redact");
    let (plain, redacted) = (dir.join("plain.scap"), dir.join("redacted.scap"));
    sysdig(&["-r", DEMO, "-w", plain.to_str().unwrap()]);
    sysdig(&["-r", DEMO, "--redact", "-w", redacted.to_str().unwrap()]);
    let (whole, hidden) = (bytes_of(&plain), bytes_of(&redacted));
    let host = sysdig(&["-r", DEMO, "-n", "1", "-p", "%evt.hostname"]);
    // An argument, a variable, the content of a file, the machine.
    for secret in ["whoami >/dev/null", "BEGIN OPENSSH", "reuid=daemon", "root:x:0:0:"] {
        assert!(whole.contains(secret), "{secret}");
        assert!(!hidden.contains(secret), "{secret}");
    }
    let shown = sysdig(&["-r", redacted.to_str().unwrap(), "-n", "1", "-p", "%evt.hostname"]);
    assert!(shown.starts_with("host-"), "{shown}");
    // Everything else stays, such as numbers, sizes and times.
    let lines = |path: &Path, format: &str| sysdig(&["-p", format, "-r", path.to_str().unwrap()]);
    let same = "*%evt.num %evt.rawtime %evt.type %proc.name %proc.pid %proc.pname %proc.exepath %fd.name %evt.rawres %evt.buflen";
    let (one, other) = (lines(&plain, same), lines(&redacted, same));
    let is_of_people = |line: &str| line.contains("/home/") || line.contains(host.trim());
    let differ: Vec<_> = one.lines().zip(other.lines()).filter(|(a, b)| a != b && !is_of_people(a)).collect();
    assert!(
        differ.is_empty() && one.lines().count() == other.lines().count(),
        "{:?}",
        &differ[..differ.len().min(5)]
    );
    // A text has one pseudonym.
    let pairs =
        |path: &Path| -> Vec<String> { lines(path, "*%proc.args").lines().map(str::to_owned).collect() };
    let mut names = std::collections::HashMap::new();
    for (one, other) in pairs(&plain).iter().zip(pairs(&redacted).iter()) {
        assert_eq!(names.entry(one.clone()).or_insert_with(|| other.clone()), other, "{one}");
    }
    // The result is the same again.
    let again = dir.join("again.scap");
    sysdig(&["-r", DEMO, "--redact", "-w", again.to_str().unwrap()]);
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&redacted).unwrap());
    // A slice has the pseudonyms of the whole capture.
    let part = dir.join("part.scap");
    sysdig(&["-r", DEMO, "--redact", "-w", part.to_str().unwrap(), "proc.name=cat"]);
    let args = |path: &Path| {
        sysdig(&["-p", "%evt.num %proc.cmdline", "-r", path.to_str().unwrap(), "proc.name=cat"])
    };
    assert_eq!(args(&part), args(&redacted));
}

#[test]
fn a_trace_has_lifelines_and_calls() {
    let dir = Dir::new("trace");
    let file = dir.join("out.json");
    assert_eq!(sysdig(&["trace", "--perfetto", file.to_str().unwrap(), "-r", DEMO, "proc.name=cat"]), "");
    let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let calls: Vec<_> = events.iter().filter(|event| event["cat"] == "call").collect();
    let expected = sysdig(&["-r", DEMO, "-p", "%evt.type", "proc.name=cat and evt.category != none"]);
    assert!(
        calls.len() + 5 > expected.lines().count() && calls.len() > 20,
        "{} {}",
        calls.len(),
        expected.lines().count()
    );
    assert!(
        calls
            .iter()
            .all(|call| call["ph"] == "X" && call["dur"].is_number() && call["ts"].as_f64().unwrap() >= 0.0)
    );
    let open =
        calls.iter().find(|call| call["name"] == "openat" && call["args"]["file"] == "/etc/shadow").unwrap();
    assert_eq!((&open["args"]["event"], &open["pid"]), (&1176.into(), &21825.into()));
    // Lives enclose the calls.
    for call in &calls {
        let life =
            events.iter().find(|event| event["cat"] == "lifeline" && event["tid"] == call["tid"]).unwrap();
        let (from, to) = (life["ts"].as_f64().unwrap(), life["dur"].as_f64().unwrap());
        let at = call["ts"].as_f64().unwrap();
        assert!(from < at && at <= from + to, "{call} {life}");
    }
    let name = |pid: i64| events.iter().find(|event| event["name"] == "process_name" && event["pid"] == pid);
    assert_eq!(name(21825).unwrap()["args"]["name"], "cat");
    // A trace without events, to standard output.
    let none: serde_json::Value =
        serde_json::from_str(&sysdig(&["trace", "--perfetto", "-", "-r", DEMO, "evt.num=0"])).unwrap();
    assert!(none["traceEvents"].as_array().unwrap().iter().all(|event| event["cat"] != "call"));
    let output = Command::new(env!("CARGO_BIN_EXE_sysdig")).args(["trace", "-r", DEMO]).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("--perfetto"));
}

/// The demo capture with losses before two of its events, and after the last event.
fn with_losses(to: &Path) {
    let mut reader = Reader::open(DEMO).unwrap();
    let mut writer = Writer::create(to, true).unwrap();
    let (mut count, mut last) = (0, 0);
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => writer.snapshot(&snapshot).unwrap(),
            Next::Event(event) => {
                (count, last) = (count + 1, event.ts);
                if [1_000, 3_000].contains(&count) {
                    writer.losses(&[Loss::unknown(1, event.ts - 1_000, event.ts - 1, 7)]);
                }
                writer.event(&event).unwrap();
            }
            Next::Idle => {}
            Next::End => break,
        }
    }
    writer.losses(&[Loss::unknown(0, last + 1, last + 2, 9)]);
    writer.finish().unwrap();
}

#[test]
fn losses_survive_copies_slices_and_parts() {
    let dir = Dir::new("slices-losses");
    let path = dir.join("lossy.scap.gz");
    with_losses(&path);
    let path = path.to_str().unwrap();
    let lost = |path: &str| -> u64 {
        let output =
            Command::new(env!("CARGO_BIN_EXE_sysdig")).args(["-q", "-v", "-r", path]).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let dropped = text.lines().find_map(|line| line.strip_prefix("Dropped: ")).unwrap();
        dropped.split(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!((lost(DEMO), lost(path)), (0, 23));
    let doubts = |path: &str| sysdig(&["-r", path, "-p", "*%evt.num %evt.is_doubtful %proc.name %evt.doubt"]);
    let whole = doubts(path);
    let count = |text: &str| text.lines().filter(|line| line.contains(" true ")).count();
    assert!(count(&doubts(DEMO)) == 0 && count(&whole) > 100, "{whole}");
    // The first loss affects all processes. Some events before it are hidden.
    let first = whole.lines().position(|line| line.contains(" true "));
    assert!(first.is_some_and(|first| (900..1_000).contains(&first)), "{first:?}");
    let copy = dir.join("copy.scap");
    let copy = copy.to_str().unwrap();
    sysdig(&["-r", path, "-w", copy]);
    assert_eq!((lost(copy), doubts(copy)), (23, whole));
    let slice = dir.join("slice.scap");
    sysdig(&["-r", path, "-w", slice.to_str().unwrap(), "proc.name=cat"]);
    assert_eq!(lost(slice.to_str().unwrap()), 23);
    let part = dir.join("part");
    sysdig(&["-r", path, "-w", part.to_str().unwrap(), "-e", "900"]);
    let parts = (0..).map(|n| dir.join(format!("part{n}"))).take_while(|part| part.exists());
    let parts: Vec<u64> = parts.map(|part| lost(part.to_str().unwrap())).collect();
    assert!(parts.len() > 4 && parts.iter().sum::<u64>() == 23, "{parts:?}");
}

#[test]
fn a_fifo_gets_the_capture_once_somebody_reads_it() {
    let dir = Dir::new("slices-fifo");
    let fifo = dir.fifo("fifo");
    let begin = |option: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
        command.args(["-r", DEMO, "-q", option]).arg(&fifo).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let writer = begin("-w");
    let bytes = std::fs::read(&fifo).unwrap();
    assert!(writer.wait_with_output().unwrap().status.success());
    let whole = dir.join("whole.scap");
    sysdig(&["-r", DEMO, "-q", "-w", whole.to_str().unwrap()]);
    assert!(bytes == std::fs::read(whole).unwrap());
    // Nobody reads.
    let waiting = ["-w", "--perfetto"].map(begin);
    for child in waiting {
        eyas_testing::wait_for_handler(child.id(), rustix::process::Signal::TERM);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(1) && error.contains("it is a FIFO that nobody reads"),
            "{error}"
        );
    }
}
