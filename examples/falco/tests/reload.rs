//! Rules and configuration that change during a replay: every event is tested once, with the rules that
//! were active at that time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use eyas::events::{EventType, param};
use eyas::scap::{EventBuilder, Reader, Snapshot, Writer};
use rustix::process::Signal;

mod common;

use common::{Dir, Run, demo_pieces, pieces};

/// A rule that every event satisfies.
fn every(name: &str) -> String {
    format!(
        "- {{rule: {name}, desc: d, condition: evt.num > 0, output: '{name} %evt.num', priority: INFO}}\n"
    )
}

/// Rule and number of each alert.
fn alerts(out: &str) -> Vec<(String, u64)> {
    let alert = |line: &str| {
        let (_, text) = line.split_once("Informational ")?;
        let (name, number) = text.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    out.lines().filter_map(alert).collect()
}

/// Asserts that every event has an alert, in order, first of one rule, then of the other. Returns the number of the last
/// event of the first rule.
#[track_caller]
fn assert_taken_over(out: &str, numbers: &[u64]) -> u64 {
    let alerts = alerts(out);
    assert_eq!(alerts.iter().map(|(_, number)| *number).collect::<Vec<_>>(), numbers);
    let old = alerts.iter().take_while(|(name, _)| name == "old").count();
    assert!(old > 0 && old < alerts.len(), "{old}");
    assert!(alerts[old..].iter().all(|(name, _)| name == "new"));
    let new = alerts.len() - old;
    for line in [
        format!("Events detected: {}", alerts.len()),
        format!("   new: {new}\n   old: {old}"),
        format!("   INFO: {}", alerts.len()),
    ] {
        assert!(out.contains(&line), "{line}");
    }
    alerts[old - 1].1
}

/// Numbers of the demo's visible events.
fn demo_numbers() -> &'static [u64] {
    static NUMBERS: OnceLock<Vec<u64>> = OnceLock::new();
    NUMBERS.get_or_init(|| {
        let dir = Dir::new("numbers");
        let rules = dir.write("rules.yaml", every("one"));
        let demo = common::demo();
        let run = Run::start(&["-r", rules.to_str().unwrap(), "-e", demo.to_str().unwrap()]);
        let numbers: Vec<u64> = alerts(&run.end().0).into_iter().map(|(_, number)| number).collect();
        assert!(numbers.len() > 4000, "{}", numbers.len());
        numbers
    })
}

#[test]
fn signals_while_the_program_starts_do_not_end_it() {
    let dir = Dir::new("early-signals");
    // Loading takes long enough for the signals.
    let slow: String = (0..300).map(|n| every(&format!("r{n}"))).collect();
    let rules = dir.write("rules.yaml", &slow);
    let rules = rules.to_str().unwrap();
    let mut run = Run::start(&["-c", "/dev/null", "-r", rules, "-e", "-", "-o", "watch_config_files=false"]);
    run.wait_for("Falco initialized with configuration files");
    run.signal(Signal::HUP);
    run.signal(Signal::USR1);
    run.wait_for("SIGHUP received, restarting...");
    let pieces = demo_pieces();
    // The rules do not see the first events.
    run.feed(&pieces[..1000]);
    run.feed_until("Reloaded: 300 rules are enabled", &pieces[1000..], 1);
    run.end();
}

/// As a shell without job control starts programs in the background.
#[test]
fn a_program_that_starts_with_sigint_ignored_ends_by_it() {
    let dir = Dir::new("ignored-signal");
    let slow: String = (0..300).map(|n| every(&format!("r{n}"))).collect();
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "trap '' INT; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_falco"),
        "-c",
        "/dev/null",
        "-r",
    ]);
    let mut run = Run::of(shell.arg(dir.write("rules.yaml", &slow)).args(["-o", "engine.kind=nodriver"]));
    run.wait_for("Falco initialized with configuration files");
    run.signal(Signal::INT);
    let (status, _, log) = run.wait();
    // It may be ready already.
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert!(signal == Some(2) || status.success(), "{status}: {log}");
}

#[test]
fn signals_that_the_parent_blocked_or_ignored_have_their_effect() {
    let dir = Dir::new("blocked-signals");
    let rules = dir.write("rules.yaml", every("r"));
    let read = dir.join("read");
    let mut env = Command::new("env");
    env.args(["--block-signal=HUP,INT,TERM,USR1", "--ignore-signal=CHLD", env!("CARGO_BIN_EXE_falco")]);
    env.args(["-c", "/dev/null"]).args(common::PATIENT).arg("-r").arg(&rules).args(["-e", "-"]);
    // A process for each alert.
    env.args(["-o", "program_output.enabled=true", "-o"]);
    env.arg(format!("program_output.program=cat >> {}", read.display()));
    let mut run = Run::of(&mut env);
    let pieces = demo_pieces();
    run.feed(&pieces[..200]);
    let until = Instant::now() + common::SOON;
    while std::fs::read_to_string(&read).unwrap_or_default().lines().count() < 3 {
        assert!(Instant::now() < until, "the second program did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal(Signal::HUP);
    run.wait_for("SIGHUP received, restarting...");
    run.signal(Signal::TERM);
    let (status, _, log) = run.wait();
    assert!(status.success() || std::os::unix::process::ExitStatusExt::signal(&status) == Some(15), "{log}");
}

#[test]
fn a_file_that_is_replaced_takes_over_between_two_events() {
    let dir = Dir::new("replaced");
    let rules = dir.write("rules.yaml", every("old"));
    let pieces = demo_pieces();
    let mut run = Run::start(&["-r", rules.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    dir.write("rules.yaml", every("new"));
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[1000..], 1);
    run.feed(rest);
    assert_taken_over(&run.end().0, demo_numbers());
}

#[test]
fn a_file_that_is_not_regular_does_not_end_reloads() {
    let dir = Dir::new("irregular");
    let rules = dir.write("rules.yaml", every("old"));
    let pieces = demo_pieces();
    let mut run = Run::start(&["-r", rules.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    dir.fifo("fifo");
    symlink("/dev/zero", dir.join("zero")).unwrap();
    File::create(dir.join("huge")).unwrap().set_len(65 << 20).unwrap();
    std::fs::create_dir(dir.join("empty")).unwrap();
    let mut fed = 1000;
    for (name, want) in [
        ("fifo", "rules.yaml for reading: it is a FIFO: expected a regular file"),
        ("zero", "rules.yaml for reading: it is a device: expected a regular file"),
        ("huge", "rules.yaml for reading: it has 68157440 bytes: at most 67108864 are read"),
        ("empty", "no rules: "),
    ] {
        let _ = std::fs::remove_file(&rules);
        std::fs::rename(dir.join(name), &rules).unwrap();
        run.wait_for(want);
        // Each failure is an alert between two events.
        run.feed(&pieces[fed..fed + 10]);
        fed += 10;
    }
    std::fs::remove_dir(&rules).unwrap();
    dir.write("rules.yaml", every("new"));
    run.signal(Signal::HUP);
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[fed..], 1);
    run.feed(rest);
    let out = run.end().0;
    assert!(out.matches("hot restart failure").count() >= 4, "{out}");
    assert!(out.contains("\n   new: ") && out.contains("\n   old: "), "{}", &out[out.len() - 300..]);
}

/// A rule that every event satisfies, unless its process is named by a file of items.
fn unless_listed(name: &str, items: &str) -> String {
    format!(
        "- {{list: listed, items_file: {items}}}\n\
         - {{rule: {name}, desc: d, condition: evt.num > 0 and not proc.name in (listed), output: '{name} %evt.num', \
         priority: INFO}}\n"
    )
}

#[test]
fn a_file_of_items_that_changes_takes_effect() {
    let dir = Dir::new("items");
    let rules = dir.write("rules.yaml", unless_listed("old", "names.txt"));
    let names = dir.write("names.txt", "nobody\n");
    let pieces = demo_pieces();
    let mut run = Run::start(&["-r", rules.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    // A file that is no longer regular ends no reload, and is watched further.
    std::fs::rename(dir.fifo("fifo"), &names).unwrap();
    run.wait_for("the file of items `names.txt` can't be read: it is a FIFO: expected a regular file");
    run.feed(&pieces[1000..1010]);
    std::fs::remove_file(&names).unwrap();
    dir.write("names.txt", "bash\nsh\n");
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[1010..], 1);
    run.feed(rest);
    let numbers: BTreeSet<u64> = alerts(&run.end().0).into_iter().map(|(_, number)| number).collect();
    let all = demo_numbers();
    let missing = all.iter().filter(|number| !numbers.contains(number)).count();
    assert!(missing > 0 && missing < all.len(), "{missing}");
}

#[test]
fn files_that_are_not_regular_are_refused_at_the_start() {
    let dir = Dir::new("irregular-start");
    let fifo = dir.fifo("fifo.yaml");
    let fifo = fifo.to_str().unwrap();
    let rules = dir.write("rules.yaml", every("old"));
    let (rules, demo) = (rules.to_str().unwrap(), common::demo());
    let replay = ["-r", rules, "-e", demo.to_str().unwrap()];
    let items = dir.write("items.yaml", unless_listed("old", "fifo.yaml"));
    let items = items.to_str().unwrap();
    let http = ["-o", "http_output.enabled=true", "-o", "http_output.url=https://127.0.0.1:9"];
    let ca = format!("http_output.ca_cert={fifo}");
    let named = format!("rules_files=[{fifo}]");
    let linked = dir.join("rules.d");
    std::fs::create_dir(&linked).unwrap();
    symlink(fifo, linked.join("link.yaml")).unwrap();
    for args in [
        &["-c", "/dev/null", "-o", &named, "-e", "-"][..],
        &["-V", items],
        &["-r", items, "-e", "-"],
        &[&replay[..], &http, &["-o", &ca]].concat(),
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_falco")).args(args).output().unwrap();
        let log = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{args:?}: {log}");
        assert!(log.contains("it is a FIFO: expected a regular file"), "{args:?}: {log}");
    }
    let out =
        Command::new(env!("CARGO_BIN_EXE_falco")).arg("-r").arg(&linked).args(["-e", "-"]).output().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("no file that ends with .yaml"), "{out:?}");
    let pid = Command::new(env!("CARGO_BIN_EXE_falco")).args(replay).args(["-P", fifo]).output().unwrap();
    let log = String::from_utf8_lossy(&pid.stderr);
    assert!(pid.status.code() == Some(1) && log.contains("it is a FIFO without a reader"), "{log}");
}

#[test]
fn a_fifo_of_the_command_line_is_read_once() {
    let dir = Dir::new("streams");
    let [config, rules] = ["falco.yaml", "rules.yaml"].map(|name| dir.fifo(name));
    let texts = [(&config, "json_output: false\n".to_owned()), (&rules, every("old"))];
    std::thread::scope(|scope| {
        for (path, text) in texts {
            scope.spawn(move || std::fs::write(path, text).unwrap());
        }
        let pieces = demo_pieces();
        let named = [config.to_str().unwrap(), rules.to_str().unwrap()];
        let mut run = Run::start(&["-c", named[0], "-r", named[1], "-e", "-"]);
        run.wait_for("falco.yaml | schema validation: ok");
        run.feed(&pieces[..1000]);
        run.wait_for("Opening 'syscall' source");
        // Nobody writes to them any more, and they are not opened again.
        [&config, &rules].into_iter().for_each(|path| std::fs::remove_file(path).unwrap());
        run.signal(Signal::HUP);
        let rest = run.feed_until("Reloaded: 1 rules", &pieces[1000..], 1);
        run.feed(rest);
        let numbers: Vec<u64> = alerts(&run.end().0).into_iter().map(|(_, number)| number).collect();
        assert_eq!(numbers, demo_numbers());
    });
}

#[test]
fn standard_input_and_pipes_of_a_shell_are_files() {
    let dir = Dir::new("substitution");
    let rules = dir.write("rules.yaml", every("one"));
    let (falco, rules, demo) = (env!("CARGO_BIN_EXE_falco"), rules.display(), common::demo());
    let demo = demo.display();
    for (script, want) in [
        (format!("{falco} -V <(cat {rules})"), "/dev/fd/63: Ok"),
        (format!("cat {rules} | {falco} -V /dev/stdin"), "/dev/stdin: Ok"),
        (format!("{falco} -V /dev/stdin < {rules}"), "/dev/stdin: Ok"),
        (
            format!("{falco} -c <(echo 'json_output: true') -r <(cat {rules}) -e {demo} | head -1"),
            "{\"hostname\"",
        ),
        (format!("{falco} -r <(cat {rules}) -l one"), "\none  "),
        (format!("cat {demo} | {falco} -r /dev/stdin -e - 2>&1"), "/dev/stdin and -e - are the same file"),
        (format!("head -c 70000000 /dev/zero | {falco} -V /dev/stdin 2>&1"), "more than 67108864 bytes"),
    ] {
        let out = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout);
        assert!(text.contains(want), "{script}: {text} {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn a_fifo_without_a_writer_ends_the_start() {
    let dir = Dir::new("no-writer");
    let fifo = dir.fifo("fifo.yaml");
    let start = |option: &str| {
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        falco.arg(option).arg(&fifo).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        falco.spawn().unwrap()
    };
    let waiting = ["-c", "-r", "-V", "--test"].map(start);
    let mut ended = start("-r");
    // It may wait already. Before that, the signal ends it as well.
    std::thread::sleep(Duration::from_millis(300));
    let pid = rustix::process::Pid::from_child(&ended);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let status = ended.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(15), "{status}");
    for falco in waiting {
        let out = falco.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&out.stderr);
        assert!(
            out.status.code() == Some(1) && log.contains("nobody has opened it for writing within 10 s"),
            "{log}"
        );
    }
}

#[test]
fn a_log_whose_reader_is_gone_ends_no_reload() {
    let dir = Dir::new("log-gone");
    let rules = dir.write("rules.yaml", every("old"));
    let pieces = demo_pieces();
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args([
        "-c",
        "/dev/null",
        "-r",
        rules.to_str().unwrap(),
        "-e",
        "-",
        "-o",
        "stdout_output.enabled=false",
    ]);
    falco.arg("-o").arg(format!("file_output={{enabled: true, filename: {}}}", dir.join("alerts").display()));
    falco.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut falco = falco.spawn().unwrap();
    drop(falco.stderr.take());
    let mut input = falco.stdin.take().unwrap();
    let has = |part: &str| std::fs::read_to_string(dir.join("alerts")).is_ok_and(|text| text.contains(part));
    let until = Instant::now() + common::SOON;
    let mut pieces = pieces.iter();
    let mut feed_until = |part: &str| {
        while !has(part) {
            assert!(Instant::now() < until, "{part}");
            input.write_all(pieces.next().unwrap()).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    feed_until("old ");
    dir.write("rules.yaml", "- rule: [");
    feed_until("hot restart failure");
    dir.write("rules.yaml", every("new"));
    feed_until("new ");
    drop(input);
    assert!(falco.wait().unwrap().success());
}

#[test]
fn the_state_outlives_the_rules() {
    let dir = Dir::new("state");
    let rules = dir.write("rules.yaml", every("old"));
    let shadow = "- {rule: shadow, desc: d, condition: fd.name = /etc/shadow and proc.name = cat, \
                  output: 'shadow %evt.num %proc.pname %proc.cmdline', priority: INFO}\n";
    let pieces = demo_pieces();
    let mut run = Run::start(&["-r", rules.to_str().unwrap(), "-e", "-"]);
    // The processes start while the first rules are active.
    run.feed(&pieces[..1100]);
    run.wait_for_output(|out| alerts(out).iter().any(|(_, number)| *number > 1000));
    dir.write("rules.yaml", shadow);
    let rest = run.feed_until("Reloaded", &pieces[1100..1170], 1);
    run.feed(rest);
    run.feed(&pieces[1170..]);
    let out = run.end().0;
    assert!(out.contains(" bash cat /etc/shadow"), "{}", out.lines().rev().take(20).collect::<String>());
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let dir = Dir::new("broken");
    let rules = dir.write("rules.yaml", every("old"));
    let config = dir.write("falco.yaml", format!("rules_files: [{}]\njson_output: true\n", rules.display()));
    let pieces = demo_pieces();
    let mut run = Run::start(&["-c", config.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..1000]);
    run.wait_for("Opening 'syscall' source");
    dir.write("rules.yaml", "- {rule: bad, desc: d, condition: evt.nmu > 0, output: o, priority: INFO}");
    run.wait_for("Not reloaded, the previous rules and configuration stay: the rules file");
    run.feed(&pieces[1000..1500]);
    dir.write("falco.yaml", "json_output: [");
    run.wait_for("Not reloaded, the previous rules and configuration stay: ");
    run.feed(&pieces[1500..2000]);
    let numbers = demo_numbers();
    let early = numbers.iter().filter(|number| **number < 2000).count();
    run.wait_for_output(|out| out.matches("\"rule\":\"old\"").count() == early);
    std::fs::remove_file(dir.join("falco.yaml")).unwrap();
    run.wait_for(
        "Not reloaded, the previous rules and configuration stay: Could not find configuration file",
    );
    // Valid files again: falco uses them.
    dir.write("rules.yaml", every("new"));
    dir.write("falco.yaml", format!("rules_files: [{}]\n", rules.display()));
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[2000..], 1);
    run.feed(rest);
    let out = run.end().0;
    let failures: Vec<serde_json::Value> = out
        .lines()
        .filter(|line| line.contains("hot restart failure"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // One more if the program sees the first of the two valid files without the second.
    assert!(failures.len() >= 3, "{failures:#?}");
    for failure in &failures {
        assert_eq!(failure["rule"], "Falco internal: hot restart failure");
        assert_eq!(failure["priority"], "Critical");
        assert_eq!((&failure["source"], &failure["hostname"]), (&"internal".into(), &"vm".into()));
    }
    let said = failures[0]["output"].as_str().unwrap();
    assert!(said.contains("line 1: LOAD_ERR_COMPILE_CONDITION") && said.contains("evt.nmu"), "{said}");
    // Alerts are JSON until the new configuration.
    let old = out.lines().filter(|line| line.contains("\"rule\":\"old\"")).count();
    let new = alerts(&out);
    assert!(old >= early, "{old}");
    assert!(!new.is_empty() && new.iter().all(|(name, _)| name == "new"));
    assert_eq!(old + new.len(), numbers.len());
}

#[test]
fn a_replaced_directory_behind_a_symlink_is_noticed() {
    let dir = Dir::new("links");
    let map = dir.join("map");
    for (version, name) in [("..1", "old"), ("..2", "new")] {
        std::fs::create_dir_all(map.join(version)).unwrap();
        std::fs::write(map.join(version).join("rules.yaml"), every(name)).unwrap();
    }
    symlink("..1", map.join("..data")).unwrap();
    symlink("..data/rules.yaml", map.join("rules.yaml")).unwrap();
    let pieces = demo_pieces();
    let mut run = Run::start(&["-r", map.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    // As Kubernetes updates a ConfigMap.
    symlink("..2", map.join("..data_tmp")).unwrap();
    std::fs::rename(map.join("..data_tmp"), map.join("..data")).unwrap();
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[1000..], 1);
    run.feed(rest);
    assert_taken_over(&run.end().0, demo_numbers());
}

#[test]
fn a_signal_reloads_files_that_are_not_watched() {
    let dir = Dir::new("signal");
    let rules = dir.write("rules.yaml", every("old"));
    let pieces = demo_pieces();
    let args = ["-r", rules.to_str().unwrap(), "-e", "-", "-o", "watch_config_files=false"];
    let mut run = Run::start(&args);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    dir.write("rules.yaml", every("new"));
    assert!(!run.logs("restarting", Duration::from_millis(500)), "nobody asked for it");
    run.signal(Signal::HUP);
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[1000..], 1);
    run.feed(rest);
    assert_taken_over(&run.end().0, demo_numbers());
}

#[test]
fn a_storm_of_signals_loses_no_event() {
    let dir = Dir::new("storm");
    let rules = dir.write("rules.yaml", every("one"));
    let pieces = demo_pieces();
    let mut run = Run::start(&["-c", "/dev/null", "-r", rules.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..100]);
    run.wait_for_output(|out| out.contains("one "));
    let (storm, mut rest) = pieces[100..].split_at(2000);
    for pieces in storm.chunks(40) {
        run.signal(Signal::HUP);
        run.feed(pieces);
        std::thread::sleep(Duration::from_millis(2));
    }
    for _ in 0..2 {
        run.signal(Signal::HUP);
        rest = run.feed_until("Reloaded: 1 rules", rest, 1);
    }
    run.feed(rest);
    let (out, log) = run.end();
    let numbers: Vec<u64> = alerts(&out).into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers, demo_numbers());
    let reloads = log.matches("Reloaded: 1 rules").count();
    assert!(reloads > 1 && !log.contains("hot restart failure"), "{log}");
}

#[test]
fn a_reload_takes_over_what_can_change_and_names_what_cannot() {
    let dir = Dir::new("settings");
    let rules = dir.write("rules.yaml", &(every("old") + &every("new")));
    let alerts_file = dir.join("alerts");
    let head = format!("rules_files: [{}]\n", rules.display());
    let config = dir.write("falco.yaml", format!("{head}rules: [{{disable: {{rule: new}}}}]\n"));
    let pieces = demo_pieces();
    let mut run = Run::start(&["-c", config.to_str().unwrap(), "-e", "-"]);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    dir.write(
        "falco.yaml",
        format!(
            "{head}rules: [{{disable: {{rule: old}}}}]\nfalco_libs: {{snaplen: 120}}\n\
             engine: {{modern_ebpf: {{buf_size_preset: 5}}}}\nstdout_output: {{enabled: false}}\n\
             file_output: {{enabled: true, filename: {}}}\n",
            alerts_file.display()
        ),
    );
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[1000..], 1);
    run.feed(rest);
    let (out, log) = run.end();
    for key in ["engine.modern_ebpf.buf_size_preset", "falco_libs.snaplen"] {
        assert!(log.contains(&format!("{key} has changed; the change takes effect on")), "{log}");
    }
    let (before, after) = (alerts(&out), alerts(&std::fs::read_to_string(&alerts_file).unwrap()));
    assert!(before.iter().all(|(name, _)| name == "old") && after.iter().all(|(name, _)| name == "new"));
    let numbers: Vec<u64> = before.iter().chain(&after).map(|(_, number)| *number).collect();
    assert_eq!(numbers, demo_numbers());
}

#[test]
fn threads_of_a_replay_switch_rules_at_one_event() {
    const EVENTS: u64 = 150_000;
    let dir = Dir::new("threads");
    let rules = dir.write("rules.yaml", every("old"));
    let capture = dir.join("many.scap");
    let mut writer = Writer::create(&capture, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    for ts in 1..=EVENTS {
        let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ts).tid(7);
        writer.event(&event.int(param::SYSCALL_CLOSE_X::res, 0).build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
    let pieces = pieces(Reader::open(&capture).unwrap());
    let mut run = Run::start(&["-r", rules.to_str().unwrap(), "-e", "-", "--threads", "3"]);
    run.feed(&pieces[..20_000]);
    run.wait_for_output(|out| out.contains("old "));
    dir.write("rules.yaml", every("new"));
    let rest = run.feed_until("Reloaded: 1 rules", &pieces[20_000..], 1000);
    run.feed(rest);
    let numbers: Vec<u64> = (1..=EVENTS).collect();
    let last = assert_taken_over(&run.end().0, &numbers);
    assert_eq!((last + 1) % 4096, 0, "a whole stretch is tested by the same rules");
}

#[test]
fn a_reload_with_rule_profile_is_refused() {
    let dir = Dir::new("profile");
    let rules = dir.write("rules.yaml", every("old"));
    let pieces = demo_pieces();
    let mut run = Run::start(&["-r", rules.to_str().unwrap(), "-e", "-", "--rule-profile"]);
    run.feed(&pieces[..1000]);
    run.wait_for_output(|out| out.contains("old "));
    run.signal(Signal::HUP);
    run.wait_for("--rule-profile measures the rules that were loaded at the start");
    run.feed(&pieces[1000..]);
    let (out, _) = run.end();
    let names: BTreeSet<String> = alerts(&out).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["old".to_owned()].into());
}
