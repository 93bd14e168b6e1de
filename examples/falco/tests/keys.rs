//! Keys of falco.yaml and their effects, with replays of the demo's capture.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

mod common;

use common::{Dir, PATIENT, demo};

/// Two rules for opens of files in /etc, and one for executed programs.
const RULES: &str = "
- rule: Etc opened
  desc: d
  condition: evt.type = openat and fd.directory = /etc
  output: \"opened %fd.name by %proc.name\"
  priority: WARNING
  tags: [file, etc]
- rule: Any opened
  desc: d
  condition: evt.type = openat
  output: \"any %fd.name\"
  priority: NOTICE
  tags: [file]
- rule: Program started
  desc: d
  condition: evt.type = execve and evt.res = SUCCESS
  output: \"started %proc.name\"
  priority: INFO
  tags: [process]
";

struct Run {
    /// Lines of standard output before the statistics.
    alerts: Vec<String>,
    log: String,
    code: Option<i32>,
}

impl Run {
    fn json(&self) -> Vec<Value> {
        self.alerts.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many alerts have this text.
    fn count(&self, text: &str) -> usize {
        self.alerts.iter().filter(|line| line.contains(text)).count()
    }
}

/// Replays the demo with this configuration, these options and these variables.
fn replay(config: &Path, options: &[&str], env: &[(&str, &str)]) -> Run {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco
        .env("FALCO_HOSTNAME", "vm")
        .env("TZ", "UTC")
        .envs(env.iter().copied())
        .arg("-c")
        .arg(config)
        .args(PATIENT);
    for option in options {
        falco.args(["-o", option]);
    }
    let out = falco.arg("-e").arg(demo()).output().unwrap();
    let stdout = String::from_utf8(out.stdout).unwrap();
    let alerts = stdout.lines().take_while(|line| !line.starts_with("Events detected"));
    Run {
        alerts: alerts.map(str::to_owned).collect(),
        log: String::from_utf8(out.stderr).unwrap(),
        code: out.status.code(),
    }
}

/// A directory with the rules, and a configuration with them and `more`.
fn setup(name: &str, more: &str) -> (Dir, std::path::PathBuf) {
    let dir = Dir::new(name);
    let rules = dir.write("rules.yaml", RULES);
    let config = dir.write("falco.yaml", format!("rules_files: [{}]\n{more}\n", rules.display()));
    (dir, config)
}

#[test]
fn rules_are_chosen_by_name_tag_and_priority() {
    let (_dir, config) = setup("chosen", "");
    let counts = |options: &[&str]| {
        let run = replay(&config, options, &[]);
        assert_eq!(run.code, Some(0), "{options:?}: {}", run.log);
        [run.count("opened /etc"), run.count("any "), run.count("started ")].map(|count| count > 0)
    };
    assert_eq!(counts(&[]), [true, true, true]);
    // Only the first rule matches opens in /etc, unless `rule_matching` is `all`.
    let first = replay(&config, &[], &[]);
    assert_eq!(first.count("any /etc"), 0);
    let all = replay(&config, &["rule_matching=all"], &[]);
    assert!(all.count("any /etc") == all.count("opened /etc") && all.count("any /etc") > 0);
    for (options, want) in [
        (&["rules[].disable.rule=*", "rules[].enable.tag=process"][..], [false, false, true]),
        (&["rules[].disable.tag=file", "rules[].enable.rule=Any*"], [false, true, true]),
        (&["rules[]={disable: {rule: '*opened'}}"], [false, false, true]),
        (&["rules[0].disable.tag=none"], [true, true, true]),
        (&["priority=warning"], [true, false, false]),
        (&["priority=NOTICE"], [true, true, false]),
    ] {
        assert_eq!(counts(options), want, "{options:?}");
    }
}

#[test]
fn entries_about_rules_that_do_not_exist_are_named() {
    let (_dir, config) = setup("unmatched", "");
    for (option, want) in [
        (
            "rules[].disable.rule=Any opend",
            "rules[0].disable.rule has no effect: no loaded rule is named `Any opend`; did you mean `Any opened`?",
        ),
        ("rules[].enable.rule=x*y", "rules[0].enable.rule has no effect: no loaded rule is named `x*y`"),
        (
            "rules[].enable.tag=proces",
            "rules[0].enable.tag has no effect: no loaded rule has the tag `proces`; did you mean `process`?",
        ),
        (
            "rules[]={disable: {rule: '*'}, enable: {tag: file}}",
            "rules[0].disable has no effect beside enable: write two entries",
        ),
        (
            "append_output[]={match: {rule: Any}, extra_output: x}",
            "append_output[0].match.rule has no effect: no loaded rule is named `Any`",
        ),
        (
            "append_output[]={match: {source: sycall}, extra_output: x}",
            "append_output[0].match.source has no effect: no event source is called `sycall`; did you mean `syscall`?",
        ),
        (
            "append_output[]={match: {tags: [file, process]}, extra_output: x}",
            "append_output[0].match.tags has no effect: no loaded rule has the tags `file`, `process`",
        ),
    ] {
        let run = replay(&config, &[option], &[]);
        assert!(run.code == Some(0) && run.log.contains(want), "{option}: {}", run.log);
    }
    for option in [
        "rules[].disable.rule=Any*",
        "append_output[]={match: {rule: Any opened, tags: [file]}, extra_output: x}",
    ] {
        let run = replay(&config, &[option], &[]);
        assert!(!run.log.contains("has no effect"), "{option}: {}", run.log);
    }
}

#[test]
fn drops_are_simulated_by_the_clock_of_a_replay() {
    let (_dir, config) = setup("drops", "syscall_event_drops: {simulate_drops: true, rate: 0, max_burst: 1}");
    let run = |actions: &str| {
        let actions = format!("syscall_event_drops.actions={actions}");
        replay(&config, &[&actions, "log_level=debug"], &[])
    };
    let log = run("[log]");
    assert_eq!((log.code, log.count("Falco internal")), (Some(0), 0), "{}", log.log);
    // Between two checks, at least a second of the capture passes.
    let looks = log.log.matches("Simulating syscall event drop").count();
    assert!((1..=3).contains(&looks), "{}", log.log);
    assert!(log.log.contains(&format!("event drop detected: {looks} occurrences")), "{}", log.log);
    assert!(log.log.contains("num times actions taken: 1"), "{}", log.log);
    assert_eq!(log.log.matches("Falco internal: syscall event drop").count(), 1, "{}", log.log);
    let alert = run("[alert]");
    assert_eq!(
        (alert.code, alert.count("Falco internal: syscall event drop")),
        (Some(0), 1),
        "{}",
        alert.log
    );
    let told = alert.alerts.iter().find(|line| line.contains("Falco internal")).unwrap();
    assert!(told.starts_with("19:15:3") && told.contains("ebpf_enabled=\"0\""), "{told}");
    let exit = run("[exit, alert]");
    assert_eq!((exit.code, exit.count("Falco internal: syscall event drop")), (Some(1), 1), "{}", exit.log);
    for words in ["Exiting.\n", "event drop detected: 1 occurrences", "Error: Drop manager internal error"] {
        assert!(exit.log.contains(words), "{words}: {}", exit.log);
    }
    assert_eq!(
        replay(&config, &["syscall_event_drops.simulate_drops=false"], &[])
            .log
            .matches("Falco internal")
            .count(),
        0
    );
}

#[test]
fn alerts_have_the_configured_properties() {
    let (_dir, config) = setup("properties", "json_output: true");
    let keys = |options: &[&str]| {
        let run = replay(&config, options, &[]);
        let alert = run.json().swap_remove(0);
        let keys: Vec<String> = alert.as_object().unwrap().keys().cloned().collect();
        (keys, alert)
    };
    let usual = ["hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"];
    assert_eq!(keys(&[]).0, usual);
    let without = [
        "json_include_output_property=false",
        "json_include_tags_property=no",
        "json_include_output_fields_property=\"false\"",
        "json_include_message_property=true",
    ];
    let (found, alert) = keys(&without);
    assert_eq!(found, ["hostname", "message", "priority", "rule", "source", "time"]);
    assert!(!alert["message"].as_str().unwrap().contains("Warning"), "{alert}");
    let (_, alert) = keys(&["time_format_iso_8601=true"]);
    let output = alert["output"].as_str().unwrap();
    assert!(output.starts_with("2026-") && output.contains("+0000: "), "{output}");
    assert!(alert["output_fields"]["evt.time.iso8601"].is_number(), "{alert}");
}

#[test]
fn outputs_are_added_to() {
    let (_dir, config) = setup(
        "added",
        "json_output: true\nstatic_fields: {site: \"${SITE:-nowhere}\", n: 5}\nappend_output:\n\
         - match: {tags: [etc]}\n  extra_output: \"at %static.site\"\n  extra_fields: [evt.cpu, {both: \"%proc.pid-%static.n\"}]\n\
         - match: {rule: Program started}\n  suggested_output: false\n  extra_output: 100%%\n",
    );
    for (env, site) in [(&[("SITE", "here")][..], "here"), (&[("SITE", "")], "nowhere"), (&[], "nowhere")] {
        let run = replay(&config, &[], env);
        let alerts = run.json();
        let etc = alerts.iter().find(|alert| alert["rule"] == "Etc opened").unwrap();
        assert!(etc["output"].as_str().unwrap().ends_with(&format!("at {site}")), "{etc}");
        assert_eq!(etc["output_fields"]["static.site"], site);
        assert!(etc["output_fields"]["evt.cpu"].is_number(), "{etc}");
        assert!(etc["output_fields"]["both"].as_str().unwrap().ends_with("-5"), "{etc}");
        let any = alerts.iter().find(|alert| alert["rule"] == "Any opened").unwrap();
        assert_eq!(any["output_fields"].as_object().unwrap().len(), 2, "{any}");
        let started = alerts.iter().find(|alert| alert["rule"] == "Program started").unwrap();
        assert!(started["output"].as_str().unwrap().ends_with(" 100%"), "{started}");
    }
}

#[test]
fn alerts_go_only_to_the_configured_outputs() {
    let (dir, config) = setup("outputs", "stdout_output: {enabled: false}\nbuffered_outputs: true");
    let (file, program) = (dir.join("alerts"), dir.join("program"));
    let options = [
        "file_output.enabled=true",
        &format!("file_output.filename={}", file.display()),
        "file_output.keep_alive=true",
        "program_output.enabled=true",
        "program_output.keep_alive=true",
        &format!("program_output.program=cat > {}", program.display()),
        "outputs_queue.capacity=100000",
    ];
    let run = replay(&config, &options, &[]);
    assert!(run.alerts.is_empty() && run.code == Some(0), "{}", run.log);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.lines().count() > 10);
    assert_eq!(std::fs::read_to_string(program).unwrap(), text);
}

#[test]
fn files_are_for_their_owner_unless_the_configuration_says_otherwise() {
    use std::os::unix::fs::PermissionsExt;

    let (dir, config) = setup("modes", "stdout_output: {enabled: false}");
    for (number, (options, want)) in
        [(&[][..], 0o600), (&["file_mode=0640"], 0o640), (&["file_mode='0600'"], 0o600)]
            .into_iter()
            .enumerate()
    {
        let file = dir.join(format!("alerts{number}"));
        let name = format!("file_output={{enabled: true, filename: {}}}", file.display());
        let options: Vec<&str> = options.iter().copied().chain([name.as_str()]).collect();
        let run = replay(&config, &options, &[]);
        assert_eq!(run.code, Some(0), "{}", run.log);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, want, "{}", file.display());
    }
    for wrong in ["file_mode=rw", "file_mode=0400", "file_mode=7777"] {
        let run = replay(&config, &[wrong], &[]);
        assert!(run.code == Some(1) && run.log.contains("file_mode is `"), "{}", run.log);
    }
}

#[test]
fn the_log_has_the_configured_level() {
    let (_dir, config) = setup("verbose", "");
    let log = |options: &[&str]| replay(&config, options, &[]).log;
    assert!(log(&[]).contains("Falco version"));
    for options in [&["log_level=warning"][..], &["log_level=ERROR"], &["log_stderr=false"]] {
        let log = log(options);
        assert!(!log.contains("Falco version") && log.contains("Syscall event drop monitoring"), "{log}");
    }
    assert!(log(&["time_format_iso_8601=true"]).starts_with("20"), "a date in ISO 8601");
    assert!(log(&["log_level=error", "plugins_hostinfo=false"]).find("plugins_hostinfo").is_none());
    assert!(
        log(&["webserver.threadiness=4"]).contains("webserver.threadiness is set in the configuration but")
    );
}

#[test]
fn without_a_driver_the_program_serves_until_a_signal() {
    let (dir, config) = setup("nodriver", "engine: {kind: nodriver}");
    let options = common::WEB.iter().flat_map(|option| ["-o", option]);
    let args: Vec<&str> = ["-c", config.to_str().unwrap()].into_iter().chain(options).collect();
    let mut run = common::Run::start(&args);
    let port = run.port();
    run.wait_for("Opening 'syscall' source with no driver");
    assert!(common::get(port, "/healthz").1.contains("ok"));
    assert!(common::get(port, "/metrics").1.contains("falcosecurity_falco_version_info"));
    dir.write("rules.yaml", RULES.replace("Any opened", "All opened"));
    run.wait_for("Reloaded: 3 rules are enabled");
    run.signal(rustix::process::Signal::TERM);
    let (status, out, log) = run.finish();
    assert!(status.success() && out.contains("Events detected: 0"), "{log}");
}

#[test]
fn files_directories_and_options_are_merged_in_their_order() {
    let (dir, config) = setup("merged", "");
    std::fs::create_dir_all(dir.join("rules.d")).unwrap();
    std::fs::create_dir_all(dir.join("config.d")).unwrap();
    dir.write(
        "rules.d/20.yaml",
        "- rule: Program started\n  output: \"second\"\n  override: {output: replace}\n",
    );
    dir.write(
        "rules.d/10.yaml",
        "- rule: Program started\n  output: \"first\"\n  override: {output: replace}\n",
    );
    dir.write("rules.d/30.txt", "no rules at all: [");
    let rules = dir.join("rules.d");
    dir.write("config.d/a.yaml", format!("rules_files: [\"{}\"]\npriority: info\n", rules.display()));
    dir.write("config.d/b.yaml", "priority: \"${LEAST}\"\n");
    let further = format!("config_files[]={}", dir.join("config.d").display());
    let run = replay(&config, &[&further], &[("LEAST", "debug")]);
    assert!(run.count("second") > 0 && run.count("first") == 0, "{}", run.log);
    assert!(run.log.contains("b.yaml | schema validation:"), "{}", run.log);
    // Options override files. The strategy `add-only` adds only missing keys.
    let run = replay(&config, &[&further, "priority=notice"], &[("LEAST", "debug")]);
    assert_eq!(run.count("second"), 0);
    let further = format!("config_files[]={{path: {}, strategy: add-only}}", dir.join("config.d").display());
    let run = replay(&config, &[&further], &[("LEAST", "debug")]);
    assert!(run.count("started") > 0 && run.count("second") == 0, "{}", run.log);
}

/// Every key with its default value; most defaults are those of Falco's own file.
const DEFAULTS: &str = "
watch_config_files: true
rules: []
engine:
  kind: replay
  kmod: {buf_size_preset: 4, drop_failed_exit: false}
  modern_ebpf: {cpus_for_each_buffer: 2, buf_size_preset: 4, drop_failed_exit: false, disable_iterators: false, io_uring: true, lsm: auto}
  replay: {capture_file: \"\"}
capture: {enabled: false, path_prefix: /tmp/falco, mode: rules, default_duration: 5000, max_file_size_mb: 0}
load_plugins: []
plugins: []
plugins_hostinfo: true
time_format_iso_8601: false
buffer_format_base64: false
file_mode: '0600'
priority: debug
json_output: false
json_include_output_property: true
json_include_message_property: false
json_include_output_fields_property: true
json_include_tags_property: true
buffered_outputs: false
rule_matching: first
outputs_queue: {capacity: 0}
output_timeout: 2000
append_output: [{suggested_output: true}]
static_fields: {}
stdout_output: {enabled: true}
syslog_output: {enabled: false}
file_output: {enabled: false, keep_alive: false, filename: ./events.txt}
http_output:
  {enabled: false, url: \"\", user_agent: falcosecurity/falco, insecure: false, ca_cert: \"\", ca_bundle: \"\",
   ca_path: /etc/ssl/certs, mtls: false, client_cert: /etc/ssl/certs/client.crt, client_key: /etc/ssl/certs/client.key,
   echo: false, compress_uploads: false, keep_alive: false, max_consecutive_timeouts: 5}
program_output: {enabled: false, keep_alive: false, program: jq}
webserver:
  {enabled: false, threadiness: 0, listen_port: 8765, listen_address: 0.0.0.0, k8s_healthz_endpoint: /healthz,
   prometheus_metrics_enabled: false, ssl_enabled: false, ssl_certificate: /etc/falco/falco.pem}
log_stderr: true
log_syslog: false
log_level: info
libs_logger: {enabled: false, severity: info}
syscall_event_timeouts: {max_consecutives: 1000}
syscall_event_drops: {threshold: .1, actions: [log, alert], rate: .03333, max_burst: 1, simulate_drops: false}
metrics:
  {enabled: false, interval: 1h, output_rule: true, rules_counters_enabled: true, resource_utilization_enabled: true,
   state_counters_enabled: true, kernel_event_counters_enabled: true, kernel_event_counters_per_cpu_enabled: false,
   libbpf_stats_enabled: true, plugins_metrics_enabled: true, jemalloc_stats_enabled: false,
   convert_memory_to_mb: true, include_empty_values: false}
base_syscalls: {custom_set: [], repair: false, all: false}
falco_libs: {thread_table_size: 262144, snaplen: 80, thread_table_auto_purging_interval_s: 300, thread_table_auto_purging_thread_timeout_s: 300}
container_engines:
  docker: {enabled: true}
  cri: {enabled: true, sockets: [/run/containerd/containerd.sock], disable_async: false}
  podman: {enabled: true}
  lxc: {enabled: true}
  libvirt_lxc: {enabled: true}
  bpm: {enabled: true}
";

#[test]
fn usual_values_need_no_warning() {
    let (_dir, config) = setup("usual", DEFAULTS);
    let run = replay(&config, &[], &[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert!(run.log.contains("falco.yaml | schema validation: ok"), "{}", run.log);
    assert!(run.count("opened /etc") > 0);
    for word in ["set in the configuration but", "unknown", "no effect", "deprecated"] {
        assert!(!run.log.contains(word), "{word}: {}", run.log);
    }
}

/// Scripts that read the log find Falco's messages.
#[test]
fn the_log_and_errors_have_falcos_words() {
    let (_dir, config) = setup("words", "");
    let run = |options: &[&str]| replay(&config, options, &[("FALCO_HOSTNAME", "other")]);
    let accepted: &[(&[&str], &str)] = &[
        (&[], "Replaying events from the capture file: "),
        (&[], "Hostname value has been overridden via environment variable to: other"),
        (&["log_level=debug"], "Configured rules filenames:"),
        (&["rules[]={disable: {rule: Any*}}"], "Disabling rules with name: Any*"),
        (&["rules[]={enable: {tag: etc}}"], "Enabling rules with tag: etc"),
        (&["base_syscalls.custom_set=[redd, opne, \"!x\"]"], "(base_syscalls override): opne, redd"),
        (&["base_syscalls.custom_set=[redd, opne, \"!x\"]"], "Invalid (negative) syscall names: "),
        (
            &["append_output=[{match: {rule: Any opened, tags: [file]}, extra_output: x}]"],
            "specifies both a rule (Any opened) and a list of tags (file). This means",
        ),
        (
            &["metrics.enabled=true", "metrics.interval=1h", "metrics.output_rule=true"],
            "Setting metrics interval to 1h, equivalent to 3600000 (ms)",
        ),
    ];
    for (options, want) in accepted {
        let run = run(options);
        assert!(run.code == Some(0) && run.log.contains(want), "{options:?}: {want}: {}", run.log);
    }
    for (option, want) in [
        (
            "syscall_event_drops.threshold=2",
            "syscall event drops threshold must be a double in the range [0, 1]",
        ),
        (
            "priority=x",
            "priority \"x\"--must be one of emergency, alert, critical, error, warning, notice, informational, debug",
        ),
        ("engine.kind=x", "engine.kind 'x' is not a valid kind."),
        (
            "stdout_output.enabled=false",
            "No output configured, please make sure at least one output is configured",
        ),
        ("rules_file=x", "both 'rules_files' and 'rules_file' keys set"),
        ("engine.modern_ebpf.buf_size_preset=0", "'buf_size_preset' value must be between '1' and '10'"),
    ] {
        let run = run(&[option]);
        assert!(run.code == Some(1) && run.log.contains(want), "{option}: {}", run.log);
    }
}

/// A service must not keep open what its parent forgot to close.
#[test]
fn descriptors_of_the_parent_are_closed() {
    let (dir, config) = setup("inherited", "engine: {kind: nodriver}");
    let kept = dir.write("kept", "");
    let script = format!("exec 7<'{}'; exec \"$0\" -c \"$1\"", kept.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_falco")]).arg(&config);
    let mut run = common::Run::of(&mut shell);
    run.wait_for("Opening 'syscall' source with no driver");
    let is_open = || {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", run.child.id())).unwrap();
        fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok()).any(|link| link == kept)
    };
    let began = std::time::Instant::now();
    while is_open() {
        assert!(began.elapsed() < common::SOON, "it is still open");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    run.signal(rustix::process::Signal::TERM);
    run.finish();
}
