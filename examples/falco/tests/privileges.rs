//! Privileges that a running falco has given up; it still detects and reloads. Needs root.

use eyas_testing::test;
mod common;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Dir, Run};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// A line of /proc/PID/status of every thread, as a number.
fn status(run: &Run, key: &str, radix: u32) -> Vec<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", run.child.id())).unwrap();
    let read = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(key))?;
        u64::from_str_radix(value.trim(), radix).ok()
    };
    tasks.filter_map(read).collect()
}

fn rule(name: &str) -> String {
    format!(
        "- {{rule: {name}, desc: d, condition: 'evt.type in (open, openat) and fd.name = /etc/shadow', output: '{name} \
         %proc.name', priority: INFO}}\n"
    )
}

/// Reads /etc/shadow until such an alert arrives.
fn read_until(alerts: &Path, what: &str) {
    let until = Instant::now() + common::SOON;
    while !std::fs::read_to_string(alerts).is_ok_and(|text| text.contains(what)) {
        assert!(Instant::now() < until, "{what}");
        Command::new("/bin/cat").arg("/etc/shadow").output().unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Bits of the capabilities.
const SYS_MODULE: u64 = 1 << 16;
const SYS_ADMIN: u64 = 1 << 21;
const BPF: u64 = 1 << 39;

#[test]
fn a_running_program_has_what_it_needs_and_no_more() {
    let _lock = eyas_testing::live_turn();
    let dir = Dir::new("privileges");
    let rules = dir.write("rules.yaml", rule("before"));
    let alerts = dir.join("alerts");
    let output = format!("file_output={{enabled: true, filename: {}}}", alerts.display());
    let run = Run::start(&["-c", "/dev/null", "-M", "600", "-r", rules.to_str().unwrap(), "-o", &output]);
    read_until(&alerts, "before cat");
    let held = status(&run, "CapEff:", 16);
    assert!(held.len() > 3, "threads");
    for caps in held {
        assert_eq!(caps & SYS_MODULE, 0, "{caps:x}");
        assert_ne!(caps & BPF, 0, "{caps:x}");
        if std::path::Path::new("/sys/kernel/tracing/events").exists() {
            assert_eq!(caps & SYS_ADMIN, 0, "{caps:x}");
        }
    }
    assert!(status(&run, "NoNewPrivs:", 10).iter().all(|set| *set == 1));
    assert!(status(&run, "Seccomp:", 10).iter().all(|mode| *mode == 2), "a filter");
    // After a reload, falco attaches BPF programs with its remaining capabilities.
    let more = "- {rule: link, desc: d, condition: evt.type = symlinkat, output: o, priority: INFO}\n";
    dir.write("rules.yaml", &(rule("after") + more));
    read_until(&alerts, "after cat");
    run.signal(rustix::process::Signal::INT);
    let (status, _, log) = run.finish();
    assert!(status.success() && !log.contains("privileges:"), "{log}");
}

#[test]
fn privileges_are_kept_if_configured_and_for_program_output() {
    let dir = Dir::new("privileges-kept");
    let rules = dir.write("rules.yaml", rule("r"));
    let status_with = |options: &[&str]| {
        let options = options.iter().flat_map(|option| ["-o", option]);
        let args = ["-c", "/dev/null", "-r", rules.to_str().unwrap(), "-o", "engine.kind=nodriver"];
        let mut run = Run::start(&args.into_iter().chain(options).collect::<Vec<_>>());
        run.wait_for("Opening 'syscall' source with no driver");
        let found = (status(&run, "NoNewPrivs:", 10)[0], status(&run, "Seccomp:", 10)[0]);
        run.signal(rustix::process::Signal::TERM);
        run.finish();
        found
    };
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    if !own.contains("Seccomp:\t0") || !own.contains("NoNewPrivs:\t0") {
        eyas_testing::ignore("this test has no privileges to keep itself");
    }
    assert_eq!(status_with(&[]), (1, 2));
    assert_eq!(status_with(&["privileges.seccomp=off"]), (1, 0));
    assert_eq!(status_with(&["privileges.drop=false"]), (0, 0));
    assert_eq!(status_with(&["program_output.enabled=true", "program_output.program=cat"]), (0, 0));
}
