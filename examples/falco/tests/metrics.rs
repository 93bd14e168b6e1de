//! Metrics: as alerts, in a file, and for Prometheus; for replays, and for this machine.

use eyas_testing::test;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Dir, Run, SOON, WEB, demo_pieces, falco, get, root};
use serde_json::Value;

mod common;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Keys that every snapshot of a replay has.
const GENERAL: [&str; 16] = [
    "evt.hostname",
    "evt.source",
    "evt.time",
    "falco.duration_sec",
    "falco.host_boot_ts",
    "falco.host_num_cpus",
    "falco.kernel_release",
    "falco.num_evts",
    "falco.num_evts_prev",
    "falco.outputs_queue_num_drops",
    "falco.reload_ts",
    "falco.sha256_rules_file.rules_yaml",
    "falco.start_ts",
    "falco.version",
    "scap.n_drops",
    "scap.n_evts",
];

/// Keys of counters, which only grow.
const COUNTERS: [&str; 8] = [
    "falco.num_evts",
    "falco.rules.matches_total",
    "falco.n_added_threads",
    "falco.n_added_fds",
    "falco.n_removed_fds",
    "falco.duration_sec",
    "scap.n_evts",
    "scap.n_drops",
];

fn snapshots(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that snapshots have consecutive numbers, that counters grow, and that differences fit the previous snapshot.
fn check_series(series: &[Value]) {
    let empty = Value::from(0);
    for (number, line) in series.iter().enumerate() {
        assert_eq!(line["sample"], number);
        let fields = line["output_fields"].as_object().unwrap();
        for key in GENERAL {
            assert!(fields.contains_key(key), "{key}: {fields:#?}");
        }
        let Some(before) = number.checked_sub(1).map(|at| series[at]["output_fields"].as_object().unwrap())
        else {
            assert_eq!(fields["falco.num_evts_prev"], 0);
            continue;
        };
        for key in COUNTERS {
            let [old, new] = [before, fields].map(|map| map.get(key).unwrap_or(&empty).as_u64().unwrap());
            assert!(old <= new, "{key}: {old}, then {new}");
        }
        assert!(before["evt.time"].as_u64() < fields["evt.time"].as_u64());
        assert_eq!(fields["falco.num_evts_prev"], before["falco.num_evts"]);
        assert_eq!(fields["scap.n_evts_prev"], before["scap.n_evts"]);
    }
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().matches('\n').count()
}

/// Feeds an event at a time, ever more slowly, until it is enough. Returns the remaining pieces.
#[track_caller]
fn feed_until<'a>(falco: &mut Run, pieces: &'a [Vec<u8>], is_enough: impl Fn() -> bool) -> &'a [Vec<u8>] {
    let until = Instant::now() + SOON;
    let (mut rest, mut pause) = (pieces.iter(), Duration::from_millis(2));
    while !is_enough() {
        assert!(Instant::now() < until && rest.len() > 1);
        falco.feed(rest.next());
        std::thread::sleep(pause);
        pause = (pause * 101 / 100).min(Duration::from_millis(500));
    }
    rest.as_slice()
}

#[test]
fn snapshots_are_alerts_and_lines_of_a_file() {
    let dir = Dir::new("metrics-replay");
    let file = dir.join("metrics.jsonl");
    let mut falco = Run::of(
        falco(&[
            "metrics.enabled=true",
            "metrics.interval=100ms",
            "metrics.output_rule=true",
            &format!("metrics.output_file={}", file.display()),
            "json_output=true",
        ])
        .args(["-e", "-"]),
    );
    falco.wait_for("Setting metrics interval to 100ms");
    let pieces = demo_pieces();
    let rest = feed_until(&mut falco, &pieces, || lines(&file) > 2);
    falco.feed(rest);
    let (status, output, log) = falco.finish();
    assert!(status.success(), "{log}");
    let series = snapshots(&std::fs::read_to_string(&file).unwrap());
    assert!(series.len() > 2, "{series:#?}");
    check_series(&series);
    let last = series.last().unwrap()["output_fields"].as_object().unwrap();
    assert_eq!(last["evt.hostname"], "vm");
    assert!(last["falco.memory_rss_mb"].as_f64().unwrap() > 1.0, "{last:#?}");
    assert!(
        !last.contains_key("falco.memory_rss_kb") && !last.contains_key("scap.n_drops_buffer_total"),
        "{last:#?}"
    );

    let alerts: Vec<Value> = output
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|alert: &Value| alert["rule"] == "Falco internal: metrics snapshot")
        .collect();
    assert_eq!(alerts.len(), series.len());
    for (alert, line) in alerts.iter().zip(&series) {
        assert_eq!(alert["output_fields"], line["output_fields"]);
        let told = [&alert["output"], &alert["priority"], &alert["source"], &alert["hostname"]];
        assert_eq!(told, ["Falco metrics snapshot", "Informational", "internal", "vm"]);
    }
}

#[test]
fn a_short_replay_has_one_snapshot_whatever_the_number_of_threads() {
    let dir = Dir::new("metrics-short");
    for threads in ["1", "2", "3"] {
        let file = dir.join(threads);
        let out = falco(&[
            "metrics.enabled=true",
            "metrics.output_rule=true",
            "metrics.convert_memory_to_mb=false",
            "metrics.include_empty_values=true",
            "metrics.kernel_event_counters_enabled=false",
            "metrics.kernel_event_counters_per_cpu_enabled=false",
            &format!("metrics.output_file={}", file.display()),
        ])
        .args(["--threads", threads, "-e"])
        .arg(root().join("demo/demo.scap.gz"))
        .output()
        .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let series = snapshots(&std::fs::read_to_string(&file).unwrap());
        assert_eq!(series.len(), 1);
        let fields = series[0]["output_fields"].as_object().unwrap();
        for key in [
            "falco.memory_rss_kb",
            "falco.rules.matches_total",
            "falco.rules.Path_that_climbs",
            "falco.n_fds",
        ] {
            assert!(fields[key].is_u64(), "{key}: {fields:#?}");
        }
        assert!(!fields.contains_key("scap.n_evts"));
        let text = String::from_utf8(out.stdout).unwrap();
        let line = text.lines().find(|line| line.contains("Falco metrics snapshot")).unwrap();
        let (_, alert) = line.split_once(": ").unwrap();
        assert!(
            alert.starts_with("Informational Falco metrics snapshot (evt.hostname=\"vm\" evt.source="),
            "{line}"
        );
        assert!(
            text.contains("\nEvents detected: 6\n"),
            "alerts of the program itself are not counted: {text}"
        );
    }
}

#[test]
fn metrics_have_the_new_rules_and_the_total_after_a_reload() {
    let dir = Dir::new("metrics-reload");
    let (file, rules) = (dir.join("metrics.jsonl"), dir.join("own.yaml"));
    let text = std::fs::read_to_string(root().join("demo/rules.yaml")).unwrap();
    std::fs::write(&rules, &text).unwrap();
    let mut falco = falco(&[
        "metrics.enabled=true",
        "metrics.interval=100ms",
        &format!("metrics.output_file={}", file.display()),
    ]);
    let mut falco = Run::of(falco.arg("-r").arg(&rules).args(["-e", "-"]));
    falco.wait_for("Setting metrics interval to 100ms");
    let pieces = demo_pieces();
    let rest = feed_until(&mut falco, &pieces, || lines(&file) > 0);
    std::fs::write(&rules, text + "# others\n").unwrap();
    falco.wait_for("restarting");
    let rest = falco.feed_until("Reloaded: ", rest, 1);
    let before = lines(&file);
    let rest = feed_until(&mut falco, rest, || lines(&file) > before + 1);
    falco.feed(rest);
    let (status, output, log) = falco.finish();
    assert!(status.success() && output.contains("\nEvents detected: 6\n"), "{output}{log}");
    let series = snapshots(&std::fs::read_to_string(&file).unwrap());
    check_series(&series);
    let [first, last] = [series.first(), series.last()].map(|line| &line.unwrap()["output_fields"]);
    let sha = "falco.sha256_rules_file.own_yaml";
    assert!(first[sha].is_string() && last[sha].is_string() && first[sha] != last[sha], "{first}{last}");
    assert!(first["falco.reload_ts"].as_u64() < last["falco.reload_ts"].as_u64());
    assert_eq!(first["falco.start_ts"], last["falco.start_ts"]);
}

/// Names with kind and samples; every name must be reported once.
fn parse(page: &str) -> BTreeMap<String, (String, Vec<(String, f64)>)> {
    let mut found: BTreeMap<String, (String, Vec<(String, f64)>)> = BTreeMap::new();
    let mut at = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && name.starts_with("falcosecurity_"), "{line}");
            assert!(
                found.insert(name.to_owned(), (String::new(), Vec::new())).is_none(),
                "{name} comes twice"
            );
            name.clone_into(&mut at);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(name == at && ["counter", "gauge"].contains(&kind), "{line}");
            kind.clone_into(&mut found.get_mut(name).unwrap().0);
        } else {
            let rest = line.strip_prefix(&at).unwrap_or_else(|| panic!("{line} is not of {at}"));
            let (labels, value) = rest.rsplit_once(' ').unwrap();
            found.get_mut(&at).unwrap().1.push((labels.to_owned(), value.parse().unwrap()));
        }
    }
    found
}

fn value(page: &str, name: &str) -> f64 {
    let parsed = parse(page);
    let (_, samples) = parsed.get(name).unwrap_or_else(|| panic!("no {name}: {page}"));
    samples.iter().map(|(_, value)| value).sum()
}

#[test]
fn prometheus_gets_the_same_numbers() {
    let mut falco = Run::of(falco(&WEB).args(["-e", "-"]));
    let port = falco.port();
    let pieces = demo_pieces();
    // All alerts come before the last events.
    let (begin, end) = pieces.split_at(pieces.len() - 500);
    falco.feed(begin);
    let page = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let until = Instant::now() + SOON;
            loop {
                let (head, page) = get(port, "/metrics");
                assert!(head.starts_with("http/1.1 200"), "{head}");
                assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
                if page.contains("falcosecurity_falco_rules_matches_total{") {
                    return page;
                }
                assert!(Instant::now() < until, "{page}");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        // The loop reports its numbers at the next event.
        let rest = feed_until(&mut falco, end, || reader.is_finished());
        falco.feed(rest);
        reader.join().unwrap()
    });
    let parsed = parse(&page);
    for name in ["scap_n_threads_total", "scap_n_fds_total", "falco_memory_rss_bytes", "falco_num_evts_total"]
    {
        assert!(value(&page, &format!("falcosecurity_{name}")) > 0.0, "{name}: {page}");
    }
    assert_eq!(parsed["falcosecurity_scap_n_threads_total"].0, "gauge");
    assert_eq!(parsed["falcosecurity_scap_n_added_threads_total"].0, "counter");
    assert_eq!(value(&page, "falcosecurity_falco_version_info"), 1.0);
    assert_eq!(parsed["falcosecurity_evt_hostname_info"].1[0].0, "{hostname=\"vm\"}");
    let (labels, sha) = (&parsed["falcosecurity_falco_sha256_rules_files_info"].1[0].0, "\",sha256=\"");
    assert!(labels.starts_with("{file_name=\"rules.yaml") && labels.contains(sha), "{labels}");
    let rule = &parsed["falcosecurity_falco_rules_matches_total"].1[0].0;
    assert!(
        rule.starts_with("{priority=\"")
            && rule.contains(",rule_name=\"")
            && rule.contains(",source=\"syscall\""),
        "{rule}"
    );
    let (status, output, log) = falco.finish();
    assert!(status.success() && output.contains("\nEvents detected: 6\n"), "{output}{log}");
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    for (options, want) in [
        (
            &["metrics.interval=5000"][..],
            "Metrics interval was passed as numeric value without Prometheus time unit",
        ),
        (&["metrics.interval=10ms"], "Metrics interval must have a minimum value of 100ms"),
        (&["metrics.interval=often"], "Error: metrics.interval is `often`"),
        (&["metrics.output_rule=false"], "Metrics are enabled with no output configured"),
        (
            &["metrics.output_file=/nonexistent/x"],
            "Error: metrics.output_file: can't open /nonexistent/x: No such",
        ),
    ] {
        let first = ["metrics.enabled=true", "metrics.output_rule=true"];
        let out = falco(&[&first, options].concat())
            .arg("-e")
            .arg(root().join("demo/demo.scap.gz"))
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(1) && log.contains(want), "{want}: {log}");
    }
}

#[test]
fn lost_snapshots_of_metrics_are_logged() {
    let out = falco(&["metrics.enabled=true", "metrics.output_file=/dev/full"])
        .arg("-e")
        .arg(root().join("demo/demo.scap.gz"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && log.contains("metrics.output_file: 1 snapshot lost since "), "{log}");
    assert!(log.contains(", disk full (/dev/full)\n"), "{log}");
}

#[cfg(feature = "live")]
#[test]
fn this_machine_is_measured() {
    // One capture at a time, on the whole machine.
    let _lock = eyas_testing::live_turn();
    let dir = Dir::new("metrics-live");
    let file = dir.join("metrics.jsonl");
    let file_option = format!("metrics.output_file={}", file.display());
    let options = [&WEB[..], &["metrics.interval=200ms", &file_option]].concat();
    let mut falco = Run::of(falco(&options).args(["-M", "600"]));
    let port = falco.port();
    // Another program cannot use the port.
    let taken = format!("webserver.listen_port={port}");
    let out = common::falco(&[WEB[0], WEB[1], &taken]).args(["-M", "1"]).output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.code() == Some(1) && log.contains("Error: webserver: can't listen on 127.0.0.1"),
        "{log}"
    );

    let until = Instant::now() + SOON;
    let name = "falcosecurity_scap_n_evts_total";
    let first = loop {
        let page = get(port, "/metrics").1;
        if page.contains(name) && value(&page, name) > 0.0 {
            break page;
        }
        assert!(Instant::now() < until, "{page}");
    };
    let second = loop {
        std::fs::read("/etc/hostname").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let page = get(port, "/metrics").1;
        // The sum over CPUs is the total, unless there are events between the two readings.
        let is_sum = value(&page, "falcosecurity_scap_n_evts_cpu_total") == value(&page, name);
        if value(&first, name) < value(&page, name) && is_sum && lines(&file) > 2 {
            break page;
        }
        assert!(Instant::now() < until, "{page}");
    };
    for name in
        ["scap_n_evts", "falco_num_evts", "scap_n_added_fds", "falco_duration_seconds", "scap_n_drops"]
    {
        let name = format!("falcosecurity_{name}_total");
        assert!(value(&first, &name) <= value(&second, &name), "{name}: {first}{second}");
    }
    let engine = "falcosecurity_scap_engine_name_info{engine_name=\"modern_bpf\",evt_source=\"syscall\"} 1\n";
    assert!(second.contains(engine), "{second}");
    assert!(value(&second, "falcosecurity_scap_n_threads_total") > 10.0);

    falco.stdin = None;
    let (status, _, log) = falco.finish();
    assert!(status.success(), "{log}");
    let series = snapshots(&std::fs::read_to_string(&file).unwrap());
    assert!(series.len() > 2);
    check_series(&series);
    let last = &series.last().unwrap()["output_fields"];
    for key in [
        "scap.n_evts_cpu_0",
        "scap.evts_rate_sec",
        "falco.evts_rate_sec",
        "scap.engine_name",
        "falco.n_threads",
    ] {
        assert!(!last[key].is_null(), "{key}: {last:#}");
    }
}
