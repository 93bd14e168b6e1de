//! The program on this machine: a process reads /etc/shadow, and the alert arrives. Needs root.

use eyas_testing::test;
mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn rules() -> (PathBuf, &'static str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match eyas_testing::data("rules/falco_rules.yaml") {
        Some(official) => (official, "Read sensitive file untrusted"),
        None => (root.join("demo/rules.yaml"), "Password file read"),
    }
}

#[test]
fn reading_the_password_file_raises_an_alert() {
    // One capture at a time, on the whole machine.
    let _lock = eyas_testing::live_turn();
    let (rules, rule) = rules();
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"))
        .arg("-r")
        .arg(rules)
        .args(common::PATIENT)
        .args(["-M", "600", "-o", "json_output=true"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (send, lines) = mpsc::channel();
    let stdout = BufReader::new(falco.stdout.take().unwrap());
    std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    // Reads the file until the capture has begun and the alert has arrived.
    let until = Instant::now() + common::SOON;
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

/// Reads /etc/shadow until `found` returns a value.
fn read_until<T>(until: Instant, mut found: impl FnMut() -> Option<T>) -> T {
    loop {
        assert!(Instant::now() < until, "not in time");
        Command::new("/bin/sh").args(["-c", "cat /etc/shadow >/dev/null; true"]).status().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        if let Some(found) = found() {
            return found;
        }
    }
}

#[test]
fn reloaded_rules_match_and_their_captures_are_readable() {
    let _lock = eyas_testing::live_turn();
    let dir = common::Dir::new("live");
    let rule = |name: &str, condition: &str| {
        let of = "evt.type in (open, openat) and proc.name = cat and fd.name = /etc/shadow";
        format!(
            "- {{rule: {name}, desc: d, condition: '{of}{condition}', output: '%proc.pname|%proc.cmdline|%fd.name', priority: INFO, capture: true}}\n"
        )
    };
    let rules = dir.write("rules.yaml", rule("before", ""));
    let alerts = dir.join("alerts");
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco
        .arg("-r")
        .arg(&rules)
        .args(common::PATIENT)
        .args(["-M", "600", "-o", "json_output=true", "-o", "capture.enabled=true", "-o"])
        .arg(format!("capture.path_prefix={}", dir.join("c").display()))
        // The captures also contain calls that no rule needs.
        .args(["-o", "capture.default_duration=500", "-o", "stdout_output.enabled=false", "-o"])
        .arg(format!("file_output={{enabled: true, filename: {}}}", alerts.display()));
    let mut run = common::Run::of(&mut falco);
    let until = Instant::now() + common::SOON;
    let has =
        |part: &str| std::fs::read_to_string(&alerts).is_ok_and(|text| text.contains(part)).then_some(());
    read_until(until, || has("\"before\""));
    dir.write("rules.yaml", "- rule: [");
    read_until(until, || has("hot restart failure"));
    let other = "- {rule: link, desc: d, condition: 'evt.type = symlinkat or evt.type = symlink', output: '%evt.arg.target', priority: INFO}\n";
    dir.write("rules.yaml", &(rule("after", " and proc.pname = sh") + other));
    read_until(until, || has("\"after\""));
    read_until(until, || {
        let _ = std::fs::remove_file(dir.join("link"));
        Command::new("ln").args(["-s", "to-nowhere"]).arg(dir.join("link")).status().unwrap();
        has("to-nowhere")
    });
    // The last capture also ends if no event of a rule follows.
    run.wait_for("Captured ");
    let mut ended = 1;
    while ended < common::captures(&dir).len() {
        run.wait_for("Captured ");
        ended += 1;
    }
    assert!(run.child.try_wait().unwrap().is_none(), "falco ended");
    run.stdin = None;
    run.end();
    let captures = common::captures(&dir);
    // Replays of the captures raise the same alerts as the live run.
    let both = dir.write("both.yaml", &(rule("before", "") + &rule("after", " and proc.pname = sh")));
    let fields = |line: &str| {
        let alert: serde_json::Value = serde_json::from_str(line).ok()?;
        let wanted = ["before", "after"].iter().any(|name| alert["rule"] == *name);
        wanted.then(|| {
            (alert["time"].to_string(), alert["rule"].to_string(), alert["output_fields"].to_string())
        })
    };
    let text = std::fs::read_to_string(&alerts).unwrap();
    let run: Vec<_> = text.lines().filter_map(fields).collect();
    let mut again = Vec::new();
    for capture in &captures {
        let out = Command::new(env!("CARGO_BIN_EXE_falco"))
            .arg("-r")
            .arg(&both)
            .arg("-e")
            .arg(capture)
            .args(["-o", "json_output=true", "-o", "rule_matching=all"])
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        again.extend(String::from_utf8(out.stdout).unwrap().lines().filter_map(fields));
    }
    assert!(run.len() >= 2);
    for alert in &run {
        assert!(again.contains(alert), "{alert:?} is not among {again:#?}");
    }
}

#[test]
fn a_capture_begins_before_its_alert() {
    let _lock = eyas_testing::live_turn();
    let dir = common::Dir::new("live-pre-roll");
    let [early, late] = ["early", "late"].map(|name| dir.write(name, ""));
    let rule = |path: &Path| {
        let condition = format!("evt.type in (open, openat) and fd.name = {}", path.display());
        format!(
            "- {{rule: r, desc: d, condition: '{condition}', output: '%proc.name %proc.pname %fd.name', priority: INFO, \
             capture: true, capture_duration: 1}}\n"
        )
    };
    let rules = dir.write("rules.yaml", rule(&late));
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"))
        .arg("-r")
        .arg(&rules)
        .args(common::PATIENT)
        .args(["-M", "600", "-o", "capture.enabled=true", "-o", "capture.pre_roll=20s", "-o"])
        .arg(format!("capture.path_prefix={}", dir.join("c").display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let until = Instant::now() + common::SOON;
    // The first capture may begin before the wanted events, because falco was just starting.
    while common::captures(&dir).len() < 2 {
        assert!(Instant::now() < until && falco.try_wait().unwrap().is_none(), "no capture");
        for path in [&early, &late] {
            Command::new("/bin/sh").args(["-c", "cat \"$0\"; true"]).arg(path).status().unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&falco), rustix::process::Signal::INT)
        .unwrap();
    let log = String::from_utf8(falco.wait_with_output().unwrap().stderr).unwrap();
    assert!(log.contains(" of them from before the alert"), "{log}");
    // The second file contains both events; the one that started it is the last.
    let both = dir.write("both.yaml", &(rule(&early) + &rule(&late).replace("rule: r", "rule: l")));
    let out = Command::new(env!("CARGO_BIN_EXE_falco"))
        .arg("-r")
        .arg(&both)
        .arg("-e")
        .arg(&common::captures(&dir)[1])
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    let found: Vec<&str> = out.lines().filter(|line| line.contains(" cat sh ")).collect();
    assert!(found.iter().any(|line| line.ends_with("early")), "{out}");
    assert!(found.last().is_some_and(|line| line.ends_with("late")), "{out}");
}

/// Opens of a file: more events than the smallest ring holds.
const MANY: usize = 50_000;

/// falco with verdict coverage and this size of the ring (a preset), after its first alert about `early`.
fn with_coverage(rules: &Path, early: &Path, preset: u8) -> (common::Run, u16) {
    let preset = format!("engine.modern_ebpf.buf_size_preset={preset}");
    let coverage = ["verdict_coverage.enabled=true", "verdict_coverage.alert_interval=1h"];
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args(["-c", "/dev/null"]).args(common::PATIENT).arg("-r").arg(rules);
    for option in common::WEB.iter().chain(&coverage).chain(&[&*preset]) {
        falco.args(["-o", option]);
    }
    let mut run = common::Run::of(&mut falco);
    // An interrupt ends it.
    run.stdin = None;
    let port = run.port();
    let until = Instant::now() + common::SOON;
    while !run.output(|out| out.contains("/early")) {
        assert!(Instant::now() < until, "no alert");
        open(early, 1);
        std::thread::sleep(Duration::from_millis(50));
    }
    (run, port)
}

fn open(path: &Path, times: usize) {
    (0..times).for_each(|_| drop(std::fs::File::open(path).unwrap()));
}

/// The number of lost events, and the coverage of the rule, once they are as wanted.
fn losses_until(port: u16, early: &Path, is_wanted: impl Fn(u64, f64) -> bool) -> (u64, f64) {
    let until = Instant::now() + common::SOON;
    loop {
        // The loop reports its numbers at the next event.
        open(early, 1);
        let page = common::get(port, "/metrics").1;
        let value = |name: &str| {
            let line = page.lines().find(|line| line.starts_with(name))?;
            line.rsplit(' ').next()?.parse::<f64>().ok()
        };
        let drops = value("falcosecurity_scap_n_drops_total ");
        let coverage = value("falcosecurity_falco_rules_verdict_coverage_ratio{");
        if let (Some(drops), Some(coverage)) = (drops.map(|drops| drops as u64), coverage)
            && is_wanted(drops, coverage)
        {
            return (drops, coverage);
        }
        assert!(Instant::now() < until, "{page}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_loss_raises_an_alert_and_lowers_the_coverage_of_the_rule() {
    let _lock = eyas_testing::live_turn();
    let dir = common::Dir::new("live-coverage");
    let [early, watched] = ["early", "watched"].map(|name| dir.write(name, ""));
    let paths = [&early, &watched].map(|path| path.display().to_string()).join(", ");
    let condition = format!("evt.type in (open, openat) and fd.name in ({paths})");
    let rule = format!(
        "- {{rule: opened, desc: d, condition: '{condition}', output: '%fd.name', priority: INFO}}\n"
    );
    let rules = dir.write("rules.yaml", rule);
    let misses = |out: &str| {
        out.matches("Falco internal: possible miss. Events that match the rule `opened` ").count()
    };

    let (run, port) = with_coverage(&rules, &early, 10);
    open(&watched, 1000);
    run.wait_for_output(|out| out.matches("/watched").count() == 1000);
    assert_eq!(losses_until(port, &early, |_, _| true), (0, 1.0));
    let (out, _) = run.end();
    assert_eq!(misses(&out), 0);

    let (run, port) = with_coverage(&rules, &early, 1);
    let (mut before, _) = losses_until(port, &early, |_, _| true);
    for _ in 0..2 {
        run.signal(rustix::process::Signal::STOP);
        open(&watched, MANY);
        run.signal(rustix::process::Signal::CONT);
        (before, _) = losses_until(port, &early, |drops, coverage| drops > before && coverage < 1.0);
        run.wait_for_output(|out| misses(out) > 0);
    }
    let (out, _) = run.end();
    assert!(out.matches("/watched").count() < 2 * MANY);
    // The next one is due after an hour.
    assert_eq!(misses(&out), 1);
}
