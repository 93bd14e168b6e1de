//! The program on this machine: somebody reads /etc/shadow, and the alert arrives. Needs root.
#![cfg(feature = "live")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

fn rules() -> (PathBuf, &'static str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("EYAS_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let official = shared.join("rules/falco_rules.yaml");
    if official.is_file() {
        (official, "Read sensitive file untrusted")
    } else {
        eprintln!("skipped: no official rules in {}; the demo's are used", shared.display());
        (root.join("demo/rules.yaml"), "Password file read")
    }
}

#[test]
fn reading_the_password_file_raises_an_alert() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: live capture needs root");
        return;
    }
    // One capture at a time, on the whole machine.
    let lock = std::fs::File::create(std::env::temp_dir().join("eyas-live.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (rules, rule) = rules();
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"))
        .arg("-r")
        .arg(rules)
        .args(["-M", "60", "-o", "json_output=true"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (send, lines) = mpsc::channel();
    let stdout = BufReader::new(falco.stdout.take().unwrap());
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    // Read until the capture has begun and the alert is there.
    let until = Instant::now() + Duration::from_secs(50);
    let alert = loop {
        assert!(Instant::now() < until, "no alert");
        assert!(falco.try_wait().unwrap().is_none(), "falco ended");
        Command::new("/bin/sh").args(["-c", "cat /etc/shadow >/dev/null; true"]).status().unwrap();
        let found = lines
            .recv_timeout(Duration::from_secs(1))
            .into_iter()
            .find(|line| line.contains(rule) && line.contains("cat /etc/shadow"));
        if let Some(line) = found {
            break serde_json::from_str::<serde_json::Value>(&line).unwrap();
        }
    };
    rustix::process::kill_process(rustix::process::Pid::from_child(&falco), rustix::process::Signal::INT)
        .unwrap();
    let status = falco.wait().unwrap();
    assert!(status.success(), "an interrupt ends it cleanly: {status}");
    assert!(lines.iter().any(|line| line.starts_with("Events detected: ")), "the statistics come last");
    let fields = &alert["output_fields"];
    assert_eq!(fields["fd.name"], "/etc/shadow");
    assert_eq!(fields["proc.name"], "cat");
    assert_eq!(fields["user.name"], "root");
    assert_eq!(fields["proc.pname"], "sh");
    assert_eq!(fields["proc.cmdline"], "cat /etc/shadow");
}
