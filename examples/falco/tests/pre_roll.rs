//! The flight recorder: captures that begin before their alert.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use eyas::events::{EventType, param};
use eyas::scap::{
    Advance, EventBuilder, EventSource, IoUring, Loss, Next, Reader, Snapshot, Suspects, Writer,
};
use eyas_testing::Numbers;

mod common;

use common::{Dir, PATIENT, alerts_of_every_event, captures, demo, every_event, times, trigger};

const MS: u64 = 1_000_000;

fn falco(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco")).args(PATIENT).args(args).env("TZ", "UTC").output().unwrap()
}

/// Replays with captures into the directory; returns the files, in order, and the log.
#[track_caller]
fn replay(dir: &Dir, rules: &str, capture: &Path, options: &[&str]) -> (Vec<PathBuf>, String) {
    let rules = dir.write("rules.yaml", rules);
    let prefix = format!("capture.path_prefix={}", dir.join("c").display());
    let mut args = vec!["-r", rules.to_str().unwrap(), "-e", capture.to_str().unwrap()];
    for option in ["capture.enabled=true", &prefix].into_iter().chain(options.iter().copied()) {
        args.extend(["-o", option]);
    }
    let out = falco(&args);
    let log = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{log}");
    (captures(dir), log)
}

/// Writes a capture with an event every millisecond, each with `data` bytes that don't compress.
fn steady(path: &Path, events: u64, data: usize) {
    let mut writer = Writer::create(path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let mut numbers = Numbers::new(1);
    for ts in 1..=events {
        let data: Vec<u8> = std::iter::repeat_with(|| numbers.next() as u8).take(data).collect();
        let event = EventBuilder::new(EventType::SYSCALL_WRITE_X).ts(ts * MS).tid(7);
        let event = event.int(param::SYSCALL_WRITE_X::res, 50).bytes(param::SYSCALL_WRITE_X::data, &data);
        writer.event(&event.build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn the_file_reads_as_the_run_did_from_before_the_alert() {
    let dir = Dir::new("pre-roll-same");
    let every = dir.write("every.yaml", every_event());
    let alerts = |capture: &Path| -> Vec<String> {
        let args = ["-r", every.to_str().unwrap(), "-e", capture.to_str().unwrap()];
        let out = falco(&[&args[..], &["-o", "time_format_iso_8601=true"]].concat());
        let out = String::from_utf8(out.stdout).unwrap();
        alerts_of_every_event(&out)
    };
    // One capture, and two, one after the other.
    let twice = dir.join("twice");
    let one = std::fs::read(demo()).unwrap();
    std::fs::write(&twice, [&one[..], &one].concat()).unwrap();
    for (capture, number) in [(demo(), 3000), (twice, 5000)] {
        let run = alerts(&capture);
        for pre_roll in ["20ms", "300ms", "1h"] {
            let rules = trigger("a", &format!("evt.num = {number}"), 5);
            let pre_roll = format!("capture.pre_roll={pre_roll}");
            let (files, log) = replay(&dir, &rules, &capture, &[&pre_roll, "capture.memory=1MiB"]);
            let [file] = &files[..] else { panic!("{files:?}") };
            assert!(log.contains(" of them from before the alert"), "{log}");
            let again = alerts(file);
            let at = run.iter().rposition(|line| *line == again[again.len() - 1]).unwrap() + 1;
            assert_eq!(again, run[at - again.len()..at], "{pre_roll}");
            assert!(again.len() > 20, "{pre_roll}: {}", again.len());
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn alerts_share_the_events_before_them() {
    let dir = Dir::new("pre-roll-time");
    let capture = dir.join("in");
    steady(&capture, 1000, 50);
    let rules = trigger("a", "evt.num in (500, 520)", 10) + &trigger("b", "evt.num = 40", 10);
    let (files, _) = replay(&dir, &rules, &capture, &["capture.pre_roll=100ms"]);
    let spans: Vec<(u64, u64)> = files
        .iter()
        .map(|file| {
            let times = times(file);
            let (first, last) = (times[0] / MS, times[times.len() - 1] / MS);
            assert_eq!(times, (first..=last).map(|ms| ms * MS).collect::<Vec<_>>());
            (first, last)
        })
        .collect();
    let [b, a, again] = spans[..] else { panic!("{spans:?}") };
    assert_eq!(b, (1, 50));
    for (alert, (first, last)) in [(500, a), (520, again)] {
        assert_eq!(last, alert + 10);
        assert!((alert - 200..=alert - 100).contains(&first), "{alert}: {first}");
    }
}

#[test]
fn requests_of_io_uring_stay_requests() {
    let dir = Dir::new("pre-roll-requests");
    let capture = dir.join("in");
    let mut writer = Writer::create(&capture, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let request = IoUring { opcode: 19, is_polled: true, is_presumed: false };
    for ts in 1..=20 {
        let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ts * MS).tid(7);
        let event = if ts % 2 == 0 { event.io_uring(request) } else { event };
        writer.event(&event.build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
    for options in [&[][..], &["capture.pre_roll=1h"]] {
        let (files, _) = replay(&dir, &trigger("a", "evt.num = 10", 5), &capture, options);
        let [file] = &files[..] else { panic!("{files:?}") };
        let mut reader = Reader::open(file).unwrap();
        let mut requests = 0;
        loop {
            match reader.next().unwrap() {
                Next::Event(event) => {
                    let is_request = (event.ts / MS).is_multiple_of(2);
                    assert_eq!(event.io_uring(), is_request.then_some(request));
                    requests += u32::from(is_request);
                }
                Next::End => break,
                Next::Snapshot(_) | Next::Idle => {}
            }
        }
        assert!(requests >= 3, "{requests}");
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn the_memory_limit_is_respected() {
    let dir = Dir::new("pre-roll-memory");
    let capture = dir.join("in");
    steady(&capture, 1000, 10_000);
    let rules = trigger("a", "evt.num = 900", 1);
    let options = ["capture.pre_roll=1h", "capture.memory=2MiB"];
    let (files, log) = replay(&dir, &rules, &capture, &options);
    let [file] = &files[..] else { panic!("{files:?}") };
    let times = times(file);
    let events = times.len() as u64;
    assert!(times.iter().copied().eq((902 - events..=901).map(|ms| ms * MS)));
    // The events take between half and all of the memory.
    assert!((100..=210).contains(&events), "{events}");
    assert!(log.contains(&format!("Captured {events} events")), "{log}");
    assert!(log.contains(&format!(", {} of them from before the alert", events - 2)), "{log}");
    // The size limit includes the events before the alert.
    std::fs::remove_file(file).unwrap();
    let options = [&options[..], &["capture.max_file_size_mb=1"]].concat();
    let (files, _) = replay(&dir, &rules, &capture, &options);
    let size = std::fs::metadata(&files[0]).unwrap().len();
    assert!((1 << 20..(1 << 20) + 300_000).contains(&size), "{size}");
}

/// The demo's capture, with losses before some events.
fn with_losses(path: &Path) {
    let mut reader = Reader::open(demo()).unwrap();
    let mut writer = Writer::create(path, false).unwrap();
    let mut events = 0;
    loop {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => writer.snapshot(&snapshot).unwrap(),
            Next::Event(event) => {
                events += 1;
                let mut of = Suspects::NONE;
                of.note(EventType::SYSCALL_OPENAT_2_X, event.tid);
                let loss = |number: u64| Loss {
                    cpu: event.cpu,
                    since: event.ts - number,
                    until: event.ts + 20 * MS,
                    events: number,
                    of,
                };
                if [1000, 2000, 4000].contains(&events) {
                    writer.losses(&[loss(events)]);
                }
                writer.event(&event).unwrap();
            }
            Next::Idle => {}
            Next::End => return writer.finish().unwrap(),
        }
    }
}

fn losses(path: &Path) -> Vec<Loss> {
    let mut reader = Reader::open(path).unwrap();
    let mut losses = Vec::new();
    loop {
        let is_over = matches!(reader.advance().unwrap(), Advance::End);
        losses.extend_from_slice(reader.losses());
        if is_over {
            return losses;
        }
    }
}

#[test]
fn a_replay_of_the_file_has_the_doubt_of_the_run() {
    let dir = Dir::new("pre-roll-losses");
    let capture = dir.join("in");
    with_losses(&capture);
    let rule = "- {rule: r, desc: d, condition: evt.num > 0, output: '%evt.type %thread.tid <%evt.doubt>', priority: INFO}\n";
    let every = dir.write("every.yaml", rule);
    let alerts = |capture: &Path| -> Vec<String> {
        let args = ["-r", every.to_str().unwrap(), "-e", capture.to_str().unwrap()];
        let out = falco(&[&args[..], &["-o", "time_format_iso_8601=true"]].concat());
        alerts_of_every_event(&String::from_utf8(out.stdout).unwrap())
    };
    let run = alerts(&capture);
    let is_doubted = |line: &&String| !line.contains("<NA>") && !line.contains("<>");
    assert!((100..run.len() - 900).contains(&run.iter().filter(is_doubted).count()), "{}", run[3000]);
    // In the middle of a loss, after two of them, and without losses; from the alert on, and from before it.
    for number in [500, 1005, 2500] {
        for (options, is_whole) in [
            (&[][..], false),
            (&["capture.pre_roll=20ms"], false),
            (&["capture.pre_roll=1h"], true),
            (&["capture.pre_roll=1h", "capture.memory=1MiB"], true),
        ] {
            let rules = trigger("a", &format!("evt.num = {number}"), 10_000);
            let (files, _) = replay(&dir, &rules, &capture, options);
            let [file] = &files[..] else { panic!("{files:?}") };
            let again = alerts(file);
            assert_eq!(again, run[run.len() - again.len()..], "{number} {options:?}");
            let events: u64 = losses(file).iter().map(|loss| loss.events).sum();
            let all = 7000;
            assert!(
                if is_whole { events == all } else { (4000..=all).contains(&events) },
                "{number} {options:?}: {events}"
            );
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn mistakes_are_named() {
    let dir = Dir::new("pre-roll-mistakes");
    let rules = dir.write("rules.yaml", trigger("a", "evt.num = 1", 1));
    for (option, want) in [
        ("capture.pre_roll=30", "capture.pre_roll is `30`: expected a number with a unit, as 30s"),
        ("capture.memory=64mb", "capture.memory is `64mb`: expected a number of bytes"),
        ("capture.memory=1000", "expected at least 1MiB"),
    ] {
        let out = falco(&["-r", rules.to_str().unwrap(), "--dry-run", "-o", option]);
        let log = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && log.contains(want), "{option}: {log}");
    }
}
