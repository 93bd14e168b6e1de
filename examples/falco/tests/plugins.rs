//! Plugins in the configuration: printed information, and refused plugins.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas::events::EventType;
use eyas::scap::{EventSource, Next, RawEvent, Reader, Snapshot, Writer};
use eyas_testing::test;

mod common;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// A folder for a test's files.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compiles the plugin of the host's tests.
fn plugin(folder: &Path, definitions: &[&str]) -> String {
    let out = folder.join("probe.so");
    eyas_testing::c_plugin(&out, definitions);
    out.display().to_string()
}

/// Runs falco with a configuration; returns its status and what it prints.
fn falco(folder: &Path, config: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let path = folder.join("falco.yaml");
    std::fs::write(&path, config).unwrap();
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    let output = falco.arg("-c").arg(&path).args(common::PATIENT).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const BLOCK: &str = "Name: probe
Description: a plugin of the tests
Contact: nobody
Version: 1.2.3
Capabilities: \u{20}
  - Event Sourcing (ID=7, source='probe')
  - Field Extraction
";

fn config(library: &str, more: &str) -> String {
    format!(
        "engine: {{kind: nodriver}}\nplugins_allow_writable: true\nplugins: [{{name: probe, library_path: {library}{more}}}]\n"
    )
}

fn block() -> String {
    BLOCK.replace("Capabilities: \u{20}", "Capabilities: ")
}

#[test]
fn plugins_are_listed_as_falco_lists_them() {
    let folder = folder("list");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    let (status, out, err) = falco(&folder, &config(&library, ""), &["--list-plugins"]);
    assert_eq!((status, out), (Some(0), format!("1 Plugins Loaded:\n\n{}\n\n", block())), "{err}");
    let none = config(&library, "") + "load_plugins: []\n";
    assert_eq!(falco(&folder, &none, &["--list-plugins"]).1, "0 Plugins Loaded:\n\n\n");
    let unknown = config(&library, "") + "load_plugins: [zzz]\n";
    let (status, _, err) = falco(&folder, &unknown, &["--list-plugins"]);
    assert_eq!(status, Some(1));
    assert!(
        err.ends_with("Error: Cannot load plugin 'zzz': plugin config not found for given name\n"),
        "{err}"
    );
}

#[test]
fn a_plugin_is_described_by_its_name_or_its_path() {
    let folder = folder("info");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    let no_schema = "Init config schema type: Not available, plugin does not implement the init config schema \
                     functionality";
    let expected = format!("{}\n{no_schema}\n\nSuggested open params:\ntwo: two events\n\n", block());
    for name in ["probe", &library] {
        let (status, out, err) = falco(&folder, &config(&library, ""), &["--plugin-info", name]);
        assert_eq!((status, out), (Some(0), expected.clone()), "{err}");
    }
    let (status, _, err) = falco(&folder, &config(&library, ""), &["--plugin-info", "nosuch"]);
    assert_eq!(status, Some(1));
    assert!(err.ends_with("Error: can't find plugin and print its info: nosuch\n"), "{err}");
    let (status, _, err) =
        falco(&folder, &config(&library, ", init_config: fail"), &["--plugin-info", "probe"]);
    assert_eq!(status, Some(1));
    assert!(err.contains("could not initialize plugin: the config asks to fail"), "{err}");
}

#[test]
fn files_that_cannot_be_loaded_are_named() {
    let folder = folder("load");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    let error = |config: &str| falco(&folder, config, &["--list-plugins"]).2;
    let twice = format!(
        "plugins_allow_writable: true\nplugins: [{{name: a, library_path: {library}}}, {{name: b, library_path: {library}}}]\n"
    );
    let expected = format!(
        "cannot register plugin {library} in inspector: found another plugin with name probe. Aborting."
    );
    assert!(error(&twice).contains(&expected), "{}", error(&twice));
    let nosuch = error(&config("/nonexistent.so", ""));
    assert!(
        nosuch.contains("cannot load plugin /nonexistent.so: can't load plugin dynamic library: "),
        "{nosuch}"
    );
    let fifos = common::Dir::new("plugin-fifo");
    let fifo = error(&config(fifos.fifo("x.so").to_str().unwrap(), ""));
    assert!(fifo.contains("x.so: it is not a regular file"), "{fifo}");
    let cut = folder.join("cut.so");
    std::fs::write(&cut, &std::fs::read(&library).unwrap()[..2000]).unwrap();
    let cut = error(&config(cut.to_str().unwrap(), ""));
    assert!(cut.contains("cut.so: the file is cut: it has 2000 bytes of at least "), "{cut}");
    let outside = error("plugins: [{name: x, library_path: ../x.so}]\n");
    assert!(
        outside.contains("'../x.so' resolves outside the plugins directory (/usr/share/falco/plugins/)"),
        "{outside}"
    );
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o777)).unwrap();
    let writable = error(&config(&library, "").replace("plugins_allow_writable: true\n", ""));
    assert!(writable.contains("can be changed by others than its owner and root (mode 777)"), "{writable}");
}

#[test]
fn the_first_plugin_that_is_loaded_decides_about_a_requirement() {
    let folder = folder("required");
    let library = plugin(&folder, &["PARSING"]);
    let rules = folder.join("rules.yaml");
    let rule = "- rule: r\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n";
    for (required, error) in [
        ("[{name: nosuch, version: 1.0.0, alternatives: [{name: probe, version: 1.2.0}]}]", None),
        (
            "[{name: probe, version: 1.3.0, alternatives: [{name: container, version: 0.1.0}]}]",
            Some("Plugin 'probe' version '1.2.3' is not compatible with required plugin version '1.3.0'"),
        ),
        (
            "[{name: nosuch, version: 1.2.3, alternatives: [{name: other, version: 2.0.0}]}]",
            Some("Plugin requirement not satisfied, must load one of: nosuch (>= 1.2.3), other (>= 2.0.0)"),
        ),
    ] {
        std::fs::write(&rules, format!("- required_plugin_versions: {required}\n{rule}")).unwrap();
        let (status, _, err) = falco(&folder, &config(&library, ""), &["-V", rules.to_str().unwrap()]);
        match error {
            None => assert_eq!(status, Some(0), "{err}"),
            Some(error) => assert!(err.ends_with(&format!("Error: {error}\n")), "{err}"),
        }
    }
}

/// Writes rules; returns the path.
fn rules(folder: &Path, source: &str, condition: &str, output: &str) -> String {
    let path = folder.join("rules.yaml");
    let text = format!(
        "- rule: r\n  desc: d\n  source: {source}\n  condition: {condition}\n  output: {output}\n  priority: INFO\n"
    );
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The texts of alerts after the time and the priority.
fn alerts(out: &str) -> Vec<&str> {
    out.lines().filter_map(|line| line.split_once(": Informational ")).map(|(_, text)| text).collect()
}

#[test]
fn a_plugin_without_an_id_yields_events_of_system_calls() {
    let folder = folder("syscalls");
    let library = plugin(&folder, &["SOURCING", "NO_ID", "NO_SOURCE"]);
    let output = "\"%fd.name %fd.directory %fd.filename %thread.tid %evt.source %evt.pluginname\"";
    let rules = rules(&folder, "syscall", "evt.type = open", output);
    let config = config(&library, ", open_params: opens");
    let (status, out, err) = falco(&folder, &config, &["-r", &rules]);
    let expected = "/tmp/the_file /tmp the_file 1 syscall <NA>";
    assert_eq!((status, alerts(&out)), (Some(0), vec![expected; 2]), "{err}");
    assert!(err.contains("Opening 'syscall' source with plugin 'probe'"), "{err}");
}

#[test]
fn the_error_of_a_source_names_the_source() {
    let folder = folder("named");
    let library = plugin(&folder, &["SOURCING"]);
    let rules = rules(&folder, "probe", "evt.num > 0", "o");
    for (params, error) in [("wild len", "malformed plugin event"), ("other id", "unexpected plugin ID")] {
        let config = config(&library, &format!(", open_params: {params}"));
        let (status, _, err) = falco(&folder, &config, &["-r", &rules]);
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains(&format!("Error: event source 'probe': {error}")), "{err}");
    }
}

#[test]
fn values_are_copied_before_the_next_call_of_the_plugin() {
    let folder = folder("copied");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    // The plugin returns all values of `p.shared` in the same memory.
    for (condition, count) in [
        ("p.shared[4] = val(p.shared[4])", 2),
        ("p.shared[4] = val(p.shared[5])", 0),
        ("p.shared[4] != val(p.shared[5])", 2),
        ("p.shared[4] = 4 and p.shared[5] = 5 and p.shared[4] = 4 and p.shared[5] != val(p.shared[4])", 2),
        ("p.text = val(p.text) and p.shared[1] = 1 and p.text in (hello, world)", 2),
    ] {
        let rules = rules(&folder, "probe", condition, "\"%p.shared[1] %p.shared[2] %p.shared[1]\"");
        let config = config(&library, ", open_params: two");
        let args = ["-r", &rules, "--enable-source", "probe"];
        let (status, out, err) = falco(&folder, &config, &args);
        assert_eq!((status, alerts(&out)), (Some(0), vec!["1 2 1"; count]), "{condition}: {err}");
    }
}

#[test]
fn plugins_of_different_sources_may_have_fields_of_one_name() {
    let folder = folder("same-names");
    let first = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    let second = folder.join("second.so");
    eyas_testing::c_plugin(
        &second,
        &["SOURCING", "EXTRACTION", "NAME=\"other\"", "ID=8", "SOURCE=\"other\""],
    );
    let text = format!(
        "engine: {{kind: nodriver}}\nplugins_allow_writable: true\nplugins:\n  - {{name: probe, library_path: {first}, \
         open_params: eof}}\n  - {{name: other, library_path: {}, open_params: eof}}\n",
        second.display()
    );
    let rules = folder.join("rules.yaml");
    let rule = |source: &str| {
        format!(
            "- {{rule: {source}, desc: d, source: {source}, condition: p.text = hello, output: '{source} %p.text', \
             priority: INFO}}\n"
        )
    };
    std::fs::write(&rules, rule("probe") + &rule("other")).unwrap();
    let args = ["-r", rules.to_str().unwrap(), "--disable-source", "syscall"];
    let (status, out, err) = falco(&folder, &text, &args);
    let mut found = alerts(&out);
    found.sort_unstable();
    assert_eq!((status, found), (Some(0), vec!["other hello", "probe hello"]), "{err}");
    // Two plugins with this field for one source are refused.
    eyas_testing::c_plugin(&second, &["EXTRACTION", "NAME=\"other\""]);
    let (status, _, err) = falco(&folder, &text, &args);
    let expected =
        "Plugin 'other' supports extraction of field 'p.text' that is overlapping for source 'probe'";
    assert_eq!((status, err.contains(expected)), (Some(1), true), "{err}");
}

#[test]
fn asynchronous_events_reach_the_rules_of_system_calls() {
    let folder = folder("async");
    let library = plugin(&folder, &["ASYNC"]);
    let rules =
        rules(&folder, "syscall", "evt.type = tick", "\"%evt.type %evt.asynctype %evt.is_async %evt.args\"");
    let (status, out, err) = falco(&folder, &config(&library, ""), &["-r", &rules, "-M", "1"]);
    // The second alert is about the event of a thread.
    let expected = "tick tick true plugin_id=0 name=tick data=data";
    assert_eq!((status, alerts(&out)), (Some(0), vec![expected; 2]), "{err}");
}

#[test]
fn asynchronous_events_reach_the_rules_of_the_plugins_source() {
    let folder = folder("own-async");
    let library = plugin(&folder, &["SOURCING", "ASYNC", "ASYNC_SOURCES=\"[\\\"probe\\\"]\""]);
    let output = "\"%evt.asynctype %evt.is_async %evt.source %evt.pluginname\"";
    let rules = rules(&folder, "probe", "evt.asynctype = tick", output);
    let config = config(&library, ", open_params: two");
    let args = ["-r", &rules, "--enable-source", "probe"];
    let (status, out, err) = falco(&folder, &config, &args);
    assert_eq!((status, alerts(&out)), (Some(0), vec!["tick true probe <NA>"]), "{err}");
    // The event of a thread is refused: the source has no threads.
    assert!(err.contains("thread"), "{err}");
}

#[test]
fn counters_of_plugins_are_metrics() {
    let folder = folder("metrics");
    let library = plugin(&folder, &["PARSING"]);
    let rules = rules(&folder, "syscall", "evt.type = open", "x");
    let of = |more: &str| {
        let metrics = format!("metrics: {{enabled: true, interval: 200ms, output_rule: true{more}}}\n");
        let config = config(&library, "") + "json_output: true\n" + &metrics;
        let (status, out, err) = falco(&folder, &config, &["-r", &rules, "-M", "1"]);
        assert_eq!(status, Some(0), "{err}");
        out
    };
    let out = of("");
    assert!(out.contains("\"plugins.probe.half\":0.5") && !out.contains("plugins.probe.calls"), "{out}");
    assert!(of(", include_empty_values: true").contains("\"plugins.probe.calls\":0"));
    assert!(!of(", plugins_metrics_enabled: false").contains("plugins.probe"));
}

fn demo() -> String {
    eyas_testing::root().join("demo/demo.scap.gz").display().to_string()
}

#[test]
fn a_replay_on_several_threads_has_the_plugins_in_each() {
    let folder = folder("threads");
    let library = eyas_testing::sdk_plugin("probe_threads").display().to_string();
    let rules =
        rules(&folder, "syscall", "threads.seen = 3 or threads.of_type = 7", "\"%evt.num %threads.label\"");
    let config = config(&library, "").replace("name: probe", "name: probe_threads");
    let run = |threads: &str| {
        let args = ["-r", &rules, "-e", &demo(), "--threads", threads];
        let (status, out, err) = falco(&folder, &config, &args);
        assert_eq!(status, Some(0), "{err}");
        alerts(&out).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let alone = run("1");
    assert!(alone.len() > 20, "{alone:?}");
    assert_eq!(run("2"), alone);
}

#[test]
fn falcos_plugin_for_containers_takes_over() {
    let folder = folder("container");
    let library = plugin(
        &folder,
        &[
            "NAME=\"container\"",
            "EXTRACTION",
            r#"FIELDS="[{\"type\":\"string\",\"name\":\"container.id\",\"desc\":\"d\"}]""#,
        ],
    );
    let rules = rules(&folder, "syscall", "evt.num = 2000", "\"%container.id %container.name\"");
    let args = ["-r", &rules, "-e", &demo()];
    let takes_over = "The plugin `container` is loaded: falco itself does not query container runtimes";
    // The plugin has no value for its field; the built-in metadata supplies the other fields.
    let with = config(&library, "").replace("name: probe", "name: container");
    let (status, out, err) = falco(&folder, &with, &args);
    assert_eq!((status, alerts(&out)), (Some(0), vec!["<NA> host"]), "{err}");
    assert!(err.contains(takes_over), "{err}");
    // With only the configuration and no file, falco uses the built-in metadata.
    let (status, out, err) = falco(&folder, &with.replace(&library, "/nonexistent/libcontainer.so"), &args);
    assert_eq!((status, alerts(&out)), (Some(0), vec!["host host"]), "{err}");
    assert!(!err.contains(takes_over), "{err}");
}

#[test]
fn a_capture_contains_the_state_of_plugins() {
    let folder = folder("dump");
    let library = plugin(&folder, &["ASYNC"]);
    let rules = rules(&folder, "syscall", "evt.num = 2000", "x");
    let prefix = folder.join("capture");
    let config = config(&library, "")
        + &format!(
            "capture: {{enabled: true, mode: all_rules, path_prefix: {}, default_duration: 10}}\n",
            prefix.display()
        );
    for old in std::fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .filter(|old| old.path().extension() == Some("scap".as_ref()))
    {
        std::fs::remove_file(old.path()).unwrap();
    }
    let (status, _, err) = falco(&folder, &config, &["-r", &rules, "-e", &demo()]);
    assert_eq!(status, Some(0), "{err}");
    let files = std::fs::read_dir(&folder).unwrap().flatten().map(|file| file.path());
    let file = files.into_iter().find(|path| path.extension() == Some("scap".as_ref())).unwrap();
    // The event has the id that the plugin gave it.
    let mut reader = Reader::open(file).unwrap();
    let mut is_there = false;
    while let Next::Snapshot(_) | Next::Event(_) = reader.next().unwrap() {
        let event = reader.current().filter(|event| event.ty == EventType::ASYNCEVENT_E);
        is_there |= event.is_some_and(|event| event.uint(0) == Some(77) && event.param(2) == Some(b"data"));
    }
    assert!(is_there, "{err}");
}

/// Writes a capture of three asynchronous events and two events of the plugin with the id 7.
fn capture(folder: &Path) -> String {
    let path = folder.join("plugin.scap");
    let mut writer = Writer::create(&path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let body = |params: &[&[u8]]| {
        let lengths = params.iter().flat_map(|param| (param.len() as u32).to_le_bytes());
        lengths.chain(params.iter().flat_map(|param| param.iter().copied())).collect::<Vec<u8>>()
    };
    let id = 7u32.to_le_bytes();
    let tick = body(&[&id, b"tick\0", b"data"]);
    let text = body(&[&id, b"hello"]);
    for (ts, ty, nparams, body) in [
        (1, EventType::ASYNCEVENT_E, 3, &tick),
        (2, EventType::ASYNCEVENT_E, 3, &tick),
        (3, EventType::ASYNCEVENT_E, 3, &tick),
        (4, EventType::PLUGINEVENT_E, 2, &text),
        (5, EventType::PLUGINEVENT_E, 2, &text),
    ] {
        writer.event(&RawEvent::from_parts(ts, -1, ty, 0, nparams, body).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    path.display().to_string()
}

#[test]
fn a_replay_needs_the_plugin_whose_events_it_has() {
    let folder = folder("replay");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION", "ASYNC"]);
    let capture = capture(&folder);
    let rules = rules(&folder, "probe", "p.text = hello", "\"%evt.num %p.text %evt.source\"");
    for threads in ["1", "2"] {
        let args = ["-r", &rules, "-e", &capture, "--threads", threads];
        let (status, out, err) = falco(&folder, &config(&library, ""), &args);
        let expected = ["4 hello probe", "5 hello probe"];
        assert_eq!((status, alerts(&out)), (Some(0), expected.to_vec()), "{err}");
        let (status, _, err) =
            falco(&folder, "plugins: [{name: json, library_path: 'native:json'}]\n", &args);
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains("Unknown event source for inspector's event (plugin ID: 7)"), "{err}");
    }
}

/// Runs falco with a plugin whose source does not end.
fn running(name: &str, more: &str) -> (common::Dir, common::Run) {
    let dir = common::Dir::new(name);
    let library = plugin(&folder(name), &["SOURCING", "EXTRACTION"]);
    let rule = dir.write("rules.yaml", rule_of_calls("old"));
    let text =
        config(&library, ", open_params: slow") + "log_level: info\nwatch_config_files: false\n" + more;
    let config = dir.write("falco.yaml", &text);
    let args =
        ["-c", config.to_str().unwrap(), "-r", rule.to_str().unwrap(), "--enable-source", "probe", "-U"];
    let run = common::Run::start(&args);
    (dir, run)
}

fn rule_of_calls(name: &str) -> String {
    format!(
        "- {{rule: {name}, desc: d, source: probe, condition: p.text = hello, output: '{name} %p.calls %evt.num', \
         priority: INFO}}\n"
    )
}

#[test]
fn a_reload_leaves_plugins_as_they_are() {
    let (dir, mut run) = running("reload", "");
    run.wait_for("Opening 'probe' source");
    run.wait_for_output(|out| out.matches("old ").count() > 2);
    dir.write("rules.yaml", rule_of_calls("new"));
    run.signal(rustix::process::Signal::HUP);
    run.wait_for("Reloaded: 1 rules");
    run.wait_for_output(|out| out.matches("new ").count() > 2);
    // A change of `plugins` takes effect at the next start.
    let changed = std::fs::read_to_string(dir.join("falco.yaml")).unwrap().replace("slow", "two");
    dir.write("falco.yaml", &changed);
    run.signal(rustix::process::Signal::HUP);
    run.wait_for("plugins has changed; the change takes effect on restart");
    run.wait_for("Reloaded: 1 rules");
    let before = run.output(|out| out.matches("new ").count());
    run.wait_for_output(|out| out.matches("new ").count() > before + 1);
    run.stdin = None;
    let (out, log) = run.end();
    let alerts: Vec<(&str, u64)> = alerts(&out)
        .into_iter()
        .map(|text| {
            let mut words = text.split(' ');
            (words.next().unwrap(), words.next().unwrap().parse().unwrap())
        })
        .collect();
    let old = alerts.iter().take_while(|(name, _)| *name == "old").count();
    assert!(old > 2 && alerts.len() > old + 2, "{out}");
    assert!(alerts[old..].iter().all(|(name, _)| *name == "new"));
    // The plugin keeps its count.
    assert!(alerts.is_sorted_by(|one, next| one.1 < next.1), "{alerts:?}");
    assert_eq!(log.matches("probe: initializing plugin...").count(), 1, "{log}");
    assert_eq!(log.matches("probe: destroying plugin...").count(), 1, "{log}");
}

#[test]
fn counters_of_plugins_are_on_the_prometheus_page() {
    let more = "metrics: {enabled: true}\nwebserver: {enabled: true, prometheus_metrics_enabled: true, listen_address: \
                127.0.0.1, listen_port: 0}\n";
    let (_dir, mut run) = running("prometheus", more);
    let port = run.port();
    let began = std::time::Instant::now();
    let number = |page: &str, name: &str| -> Option<u64> {
        page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    let name = "falcosecurity_plugins_probe_calls_total";
    let page = loop {
        let (_, page) = common::get(port, "/metrics");
        if number(&page, name).is_some_and(|calls| calls > 0) {
            break page;
        }
        assert!(began.elapsed() < common::SOON, "{page}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    for line in [
        "# HELP falcosecurity_plugins_probe_calls_total Counted by the plugin probe",
        "# TYPE falcosecurity_plugins_probe_calls_total counter",
        "# TYPE falcosecurity_plugins_probe_half gauge",
        "falcosecurity_plugins_probe_half 0.500000",
    ] {
        assert!(page.lines().any(|there| there == line), "{line}: {page}");
    }
    run.stdin = None;
    run.end();
}

#[test]
fn a_plugin_that_does_not_return_does_not_keep_falco_from_ending() {
    let folder = folder("hang");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    let rules = rules(&folder, "probe", "p.num > 0", "x");
    let config = config(&library, ", open_params: hang");
    let (status, _, err) = falco(&folder, &config, &["-r", &rules, "--enable-source", "probe", "-M", "1"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("an event source of a plugin does not end: its last alerts are lost"), "{err}");
    // A signal ends it, too.
    let mut run = common::Run::start(&[
        "-c",
        folder.join("falco.yaml").to_str().unwrap(),
        "-r",
        &rules,
        "--enable-source",
        "probe",
    ]);
    run.wait_for("Opening 'probe' source");
    // The thread of the source begins its call of the plugin.
    std::thread::sleep(std::time::Duration::from_millis(200));
    run.stdin = None;
    let log = run.end().1;
    assert!(log.contains("an event source of a plugin does not end: its last alerts are lost"), "{log}");
}

/// An exception that leaves a C++ plugin ends the program: only C++ can catch it.
#[test]
fn an_exception_that_leaves_a_plugin_ends_the_program() {
    let folder = folder("throws");
    let cxx = eyas_testing::need_program("c++");
    let out = folder.join("libthrower.so");
    let source = eyas_testing::root().join("crates/plugins/tests/probes/thrower.cpp");
    let status =
        Command::new(cxx).args(["-shared", "-fPIC", "-w", "-o"]).arg(&out).arg(source).status().unwrap();
    assert!(status.success());
    let config = |init: &str| {
        config(&out.display().to_string(), &format!(", init_config: {init}"))
            .replace("name: probe", "name: thrower")
    };
    let info = ["--plugin-info", "thrower"];
    // An exception that the plugin catches is a failure like any other.
    let (status, _, err) = falco(&folder, &config("caught"), &info);
    assert_eq!(status, Some(1), "{err}");
    assert!(err.contains("could not initialize plugin: thrown and caught"), "{err}");
    let (status, out, err) = falco(&folder, &config("fine"), &info);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains("Name: thrower\n"), "{out}");
    let (status, _, err) = falco(&folder, &config("thrown"), &info);
    assert_eq!(status, None, "a signal ends it: {err}");
    assert!(err.contains("fatal runtime error: Rust cannot catch foreign exceptions, aborting"), "{err}");
}
