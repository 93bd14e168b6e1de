//! The program as its user runs it, on the capture that the project carries.

use std::process::{Command, Output, Stdio};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    command.env("TZ", "UTC");
    command
}

fn run(args: &[&str]) -> Output {
    command().args(["-r", DEMO]).args(args).output().unwrap()
}

/// What it prints, which must be all that it says.
fn prints(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lines_are_sysdig_s() {
    let expected = "\
4196 19:15:35.267018253 0 cat (21825) < openat fd=4(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=/etc/shadow flags=1(O_RDONLY) mode=0 dev=FE00 ino=737
4208 19:15:35.267240117 0 cat (21825) < close res=0 fd=4(<f>/etc/shadow)
";
    let found = prints(&["-n", "2", "evt.type in (openat, close) and fd.name=/etc/shadow"]);
    assert_eq!(found, expected);
}

#[test]
fn a_filter_a_count_and_a_format() {
    let shadow = "fd.name=/etc/shadow and proc.name=cat and evt.num < 5000";
    let format = "%evt.num %evt.type";
    assert_eq!(prints(&["-p", format, "-n", "2", shadow]).lines().next(), Some("4196 openat"));
    // Words are joined to one filter.
    let found = prints(&[
        "-p",
        "%evt.num",
        "fd.name=/etc/shadow",
        "and",
        "evt.type",
        "=",
        "openat",
        "and",
        "evt.num<5000",
    ]);
    assert_eq!(found, "4196\n");
    assert_eq!(prints(&["-M", "1", "-p", "%evt.num"]).lines().count(), 18_658);
    assert_eq!(prints(&["-t", "a", "-n", "1", "-p", "%evt.outputtime"]), "1795461335.167288216\n");
    // A line is left out if a field is absent, unless the format begins with a star.
    let format = "%evt.num %evt.buffer";
    let events = "evt.num >= 4196 and evt.num <= 4204 and evt.type in (openat, read)";
    assert_eq!(prints(&["-p", format, events]).lines().count(), 1);
    let found = prints(&["-p", &format!("*{format}"), events]);
    assert_eq!((found.lines().count(), found.lines().next()), (2, Some("4196 <NA>")));
    assert_eq!(prints(&["-q"]), "");
}

#[test]
fn json_has_an_object_in_each_line() {
    let text = prints(&["-j", "-p", "%evt.num %proc.name %fd.name %evt.buffer", "evt.num in (424, 425)"]);
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1, "{text}");
    assert_eq!(rows[0]["evt.num"], 424);
    assert_eq!(rows[0]["proc.name"], "bash");
    assert_eq!(rows[0]["fd.name"], "/etc/passwd");
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["evt.buffer", "evt.num", "fd.name", "proc.name"]);
}

#[test]
fn summaries_and_counters() {
    let text = prints(&["-S"]);
    assert_eq!(text.lines().nth(1), Some("Event                 #Calls"));
    assert_eq!(text.lines().nth(3), Some("page_fault             11179"));
    let text = String::from_utf8(run(&["-q", "-v"]).stderr).unwrap();
    assert!(text.contains("Events produced: 22000\n") && text.contains("Captured Events: 21926, "), "{text}");
}

#[test]
fn listings_name_fields_and_events() {
    let text = prints(&["-l", "-N"]);
    assert!(text.lines().any(|line| line == "proc.name") && text.lines().count() > 200);
    assert!(prints(&["-l"]).lines().any(|line| line.starts_with("fd.name ")));
    assert!(prints(&["-L"]).lines().any(|line| line == "close(res, fd)"));
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let cases: [(&[&str], &str); 3] =
        [(&["proc.nam=cat"], "sysdig -l"), (&["proc.name="], "filter: "), (&["-p", "%no.such"], "format: ")];
    for (args, part) in cases {
        let output = run(args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text.starts_with("Error: ") && text.contains(part), "{args:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
    }
    let output = command().args(["-r", "/nonexistent"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("Error: ") && text.contains("/nonexistent") && text.contains("-r"), "{text}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = command()
        .args(["-r", DEMO, "--unbuffered"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
