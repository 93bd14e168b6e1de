//! Captures that alerts start: their contents, and the same results in a replay.

use std::path::Path;
use std::process::{Command, Output};

use eyas::events::{EventType, param};
use eyas::scap::{EventBuilder, Snapshot, Writer};
use eyas_testing::Numbers;

mod common;

use common::{
    Dir, PATIENT, Run, alerts_of_every_event, captures, demo, demo_pieces, every_event, times, trigger,
};

const MS: u64 = 1_000_000;

fn falco(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco")).args(PATIENT).args(args).env("TZ", "UTC").output().unwrap()
}

/// Standard output of a replay.
#[track_caller]
fn replay(rules: &Path, capture: &Path, more: &[&str]) -> String {
    let out = falco(&[&["-r", rules.to_str().unwrap(), "-e", capture.to_str().unwrap()], more].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Options for captures in this directory.
fn into(dir: &Dir) -> [String; 2] {
    ["capture.enabled=true".to_owned(), format!("capture.path_prefix={}", dir.join("c").display())]
}

#[test]
fn a_capture_reads_as_the_run_did() {
    let dir = Dir::new("capture-same");
    let every = dir.write("every.yaml", every_event());
    let alerts = |capture: &Path| -> Vec<String> {
        let out = replay(&every, capture, &["-o", "time_format_iso_8601=true"]);
        alerts_of_every_event(&out)
    };
    let run = alerts(&demo());
    let [on, prefix] = into(&dir);
    let options = ["-o", on.as_str(), "-o", prefix.as_str()];
    for (name, condition) in [
        ("numbers", "evt.num in (3, 150, 700, 1176, 2000, 3001, 4100)"),
        ("exits", "evt.type = procexit"),
        ("executes", "evt.type = execve"),
        ("clones", "evt.type in (clone, clone3, vfork, fork)"),
        ("directories", "evt.type = chdir"),
        ("connections", "evt.type in (connect, accept4, bind)"),
        ("closes", "evt.type = close and proc.name = cat"),
    ] {
        let rules = dir.write("trigger.yaml", trigger(name, condition, 5));
        let out = replay(&rules, &demo(), &options);
        let files = captures(&dir);
        let alerts_of = out.lines().filter(|line| line.contains(" Informational ")).count();
        assert!(!files.is_empty() && files.len() <= alerts_of, "{name}: {} of {alerts_of}", files.len());
        let mut read = 0;
        for file in &files {
            let again = alerts(file);
            let first = run.iter().position(|line| *line == again[0]);
            let first = first.unwrap_or_else(|| panic!("{name}: not of the run: {}", again[0]));
            assert_eq!(again, run[first..first + again.len()], "{name}");
            read += again.len();
            std::fs::remove_file(file).unwrap();
        }
        assert!(read > files.len(), "{name}");
    }
}

/// Writes a capture with a `close` at each of these times, ms.
fn write_closes(path: &Path, times: impl Iterator<Item = u64>) {
    let mut writer = Writer::create(path, true).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    for ms in times {
        let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ms * MS).tid(7);
        writer.event(&event.int(param::SYSCALL_CLOSE_X::res, 0).build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_capture_lasts_until_some_time_after_the_last_alert() {
    let dir = Dir::new("capture-time");
    let capture = dir.join("in.scap.gz");
    // One event a millisecond.
    write_closes(&capture, 1..=1000);
    let file = |ts: u64, number: u64| dir.join(format!("c_{:020}_{number:020}.scap", ts * MS));
    let [on, prefix] = into(&dir);
    let options = ["-o", on.as_str(), "-o", prefix.as_str(), "-o", "capture.default_duration=50"];
    let extending =
        "- {rule: more, desc: d, condition: 'evt.num in (10, 130, 600)', output: o, priority: INFO}\n";
    let rules = trigger("a", "evt.num = 100", 40) + &trigger("b", "evt.num = 300", 0) + extending;
    let rules = dir.write("rules.yaml", &rules);
    replay(&rules, &capture, &options);
    let range = |from: u64, to: u64| (from..=to).map(|ms| ms * MS).collect::<Vec<_>>();
    // `more` starts no capture, but extends one to 50 ms after it.
    assert_eq!(captures(&dir), [file(100, 100), file(300, 300)]);
    assert_eq!(times(&file(100, 100)), range(100, 180));
    assert_eq!(times(&file(300, 300)), range(300, 350));
    captures(&dir).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    // Any rule.
    replay(&rules, &capture, &[&options[..], &["-o", "capture.mode=all_rules"]].concat());
    let want = [file(10, 10), file(100, 100), file(300, 300), file(600, 600)];
    assert_eq!(captures(&dir), want);
    assert_eq!(times(&file(600, 600)), range(600, 650));
    // Again, over the same files; the last one ends with the run.
    let rules = dir.write("rules.yaml", trigger("a", "evt.num = 900", 5000));
    replay(&rules, &capture, &options);
    assert_eq!(times(&file(900, 900)), range(900, 1000));
    // Without `capture.enabled`, there is no capture.
    captures(&dir).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    replay(&rules, &capture, &["-o", &prefix]);
    assert!(captures(&dir).is_empty());
}

#[test]
fn a_capture_that_is_deleted_is_no_capture() {
    let dir = Dir::new("capture-deleted");
    let rules = dir.write("rules.yaml", trigger("a", "evt.num = 100", 5_000_000));
    let [on, prefix] = into(&dir);
    let mut run =
        Run::start(&["-c", "/dev/null", "-r", rules.to_str().unwrap(), "-e", "-", "-o", &on, "-o", &prefix]);
    let pieces = demo_pieces();
    let (first, rest) = pieces.split_at(pieces.len() - 50);
    run.feed(first);
    let began = std::time::Instant::now();
    let file = loop {
        assert!(began.elapsed() < common::SOON, "there is no capture");
        match captures(&dir).pop() {
            Some(file) => break file,
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    };
    std::fs::remove_file(&file).unwrap();
    run.feed(rest);
    let (_, log) = run.end();
    let want = format!(
        "capture: can't write {}: the file was deleted before it was complete, with ",
        file.display()
    );
    assert!(log.contains(&want) && !log.contains("Captured "), "{log}");
}

#[test]
fn a_capture_ends_when_the_clock_is_set_back() {
    let dir = Dir::new("capture-back");
    let capture = dir.join("in.scap.gz");
    // Two events are a little late; after event 20, the clock is set back by an hour.
    let hour = 3_600_000;
    let time = |n| if n > 20 { n } else { hour + n - if n % 10 == 5 { 3 } else { 0 } };
    write_closes(&capture, (1..=200).map(time));
    let [on, prefix] = into(&dir);
    let options = ["-o", on.as_str(), "-o", prefix.as_str(), "-o", "capture.default_duration=50"];
    let rules = trigger("a", "evt.num = 4", 50) + &trigger("b", "evt.num = 100", 50);
    replay(&dir.write("rules.yaml", rules), &capture, &options);
    let lengths: Vec<usize> = captures(&dir).iter().map(|file| times(file).len()).collect();
    // The files are in the order of their times.
    assert_eq!(lengths, [51, 17]);
}

/// A capture with much incompressible data.
fn large(path: &Path, events: u64) {
    let mut writer = Writer::create(path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let mut numbers = Numbers::new(1);
    for ts in 1..=events {
        let data: Vec<u8> = std::iter::repeat_with(|| numbers.next() as u8).take(50_000).collect();
        let event = EventBuilder::new(EventType::SYSCALL_WRITE_X).ts(ts * MS).tid(7);
        let event = event.int(param::SYSCALL_WRITE_X::res, 50_000).bytes(param::SYSCALL_WRITE_X::data, &data);
        writer.event(&event.build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_capture_ends_at_its_limit_and_an_alert_says_so() {
    let dir = Dir::new("capture-size");
    large(&dir.join("large"), 100);
    let rules = dir.write("rules.yaml", trigger("a", "evt.num in (10, 70)", 5000));
    let [on, prefix] = into(&dir);
    let options = ["-o", on.as_str(), "-o", prefix.as_str(), "-o", "capture.max_file_size_mb=1"];
    let json = [&options[..], &["-o", "json_output=true"]].concat();
    let out = replay(&rules, &dir.join("large"), &json);
    let limits: Vec<serde_json::Value> = out
        .lines()
        .filter(|line| line.contains("capture size limit reached"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let files = captures(&dir);
    assert_eq!((limits.len(), files.len()), (2, 2), "{out}");
    for (limit, file) in limits.iter().zip(&files) {
        let size = std::fs::metadata(file).unwrap().len();
        assert!((1 << 20..(1 << 20) + 200_000).contains(&size), "{size}");
        assert_eq!(limit["rule"], "Falco internal: capture size limit reached");
        assert_eq!(limit["priority"], "Informational");
        assert_eq!(limit["output_fields"]["max_file_size_mb"], 1);
        assert_eq!(limit["output_fields"]["written_bytes"], size);
        let events = times(file);
        assert!((20..30).contains(&events.len()), "{}", events.len());
    }
    let text = replay(&rules, &dir.join("large"), &options);
    assert!(
        text.contains(
            "Informational Falco internal: capture size limit reached. Configured limit: 1 MB. (max_file_size_mb=1 \
             written_bytes="
        ),
        "{text}"
    );
}

#[test]
fn a_fifo_in_place_of_a_capture_file_does_not_stop_detection() {
    let dir = Dir::new("capture-fifo");
    let rules = dir.write("rules.yaml", trigger("a", "evt.num = 1000", 5));
    let [on, prefix] = into(&dir);
    let options = ["-o", on.as_str(), "-o", prefix.as_str()];
    replay(&rules, &demo(), &options);
    let [file] = &captures(&dir)[..] else { panic!("{:?}", captures(&dir)) };
    std::fs::remove_file(file).unwrap();
    dir.fifo(file.file_name().unwrap().to_str().unwrap());
    let demo = demo();
    let args = [&["-r", rules.to_str().unwrap(), "-e", demo.to_str().unwrap()], &options[..]].concat();
    let out = falco(&args);
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && log.contains(&format!("capture: can't write {}", file.display())),
        "{log}"
    );
}

#[test]
fn a_capture_outlives_a_reload() {
    let dir = Dir::new("capture-reload");
    let rules = dir.write("rules.yaml", trigger("a", "evt.num = 1000", 600_000));
    let pieces = demo_pieces();
    let [on, prefix] = into(&dir);
    let mut run =
        Run::start(&["-r", rules.to_str().unwrap(), "-e", "-", "-o", on.as_str(), "-o", prefix.as_str()]);
    run.feed(&pieces[..2000]);
    run.wait_for_output(|out| out.contains("a 1000"));
    dir.write("rules.yaml", trigger("b", "evt.num = 1", 1));
    let rest = run.feed_until("Reloaded", &pieces[2000..], 1);
    run.feed(rest);
    let (_, log) = run.end();
    assert!(log.contains("Captured "), "{log}");
    let [file] = &captures(&dir)[..] else { panic!("one capture") };
    // The capture contains all later events, hidden ones too.
    assert_eq!(times(file).len(), pieces.len() - 1000);
}

#[test]
fn a_file_that_cannot_be_written_does_not_stop_detection() {
    let dir = Dir::new("capture-fails");
    let rules = dir.write("rules.yaml", trigger("a", "evt.num in (100, 101, 3000)", 1));
    let [on, prefix] = into(&dir);
    let args = ["-r", rules.to_str().unwrap(), "-e", demo().to_str().unwrap(), "-o", &on, "-o", &prefix]
        .map(str::to_owned);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert!(falco(&args).status.success());
    let first = captures(&dir)[0].clone();
    captures(&dir).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    // falco does not follow another user's symlink of that name.
    std::os::unix::fs::symlink(dir.join("elsewhere"), &first).unwrap();
    let out = falco(&args);
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && log.contains(&format!("capture: can't write {}", first.display())),
        "{log}"
    );
    assert!(String::from_utf8_lossy(&out.stdout).contains("Events detected: 3\n"));
    assert!(!dir.join("elsewhere").exists());
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let dir = Dir::new("capture-mistakes");
    let rules = dir.write("rules.yaml", trigger("a", "evt.num = 1", 1));
    for (options, want) in [
        (
            &["capture.mode=some"][..],
            "capture.mode 'some' is not a valid mode. Expected one of rules, all_rules",
        ),
        (&["capture.max_file_size_mb=1048577"], "capture.max_file_size_mb is 1048577: expected 0 to 1048576"),
        (
            &["capture.enabled=true", "capture.path_prefix=/nonexistent/c"],
            "the directory /nonexistent does not exist",
        ),
        (&["capture.enabled=true", "capture.path_prefix=/"], "a directory and the beginning of a name"),
    ] {
        let mut args = vec!["-r", rules.to_str().unwrap(), "--dry-run"];
        options.iter().for_each(|option| args.extend(["-o", option]));
        let out = falco(&args);
        let log = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && log.contains(want), "{options:?}: {log}");
    }
    // An invalid number has no effect, as in Falco.
    let out = falco(&["-r", rules.to_str().unwrap(), "--dry-run", "-o", "capture.default_duration=-1"]);
    let log = String::from_utf8_lossy(&out.stderr);
    let want =
        "capture.default_duration is `-1`, which has no effect: expected a number from 0 to 4294967295";
    assert!(out.status.success() && log.contains(want), "{log}");
    let demo = demo();
    let args = [
        "-r",
        rules.to_str().unwrap(),
        "-e",
        demo.to_str().unwrap(),
        "--threads",
        "2",
        "-o",
        "capture.enabled=true",
    ];
    let out = falco(&args);
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && log.contains("leave out --threads"), "{log}");
}
