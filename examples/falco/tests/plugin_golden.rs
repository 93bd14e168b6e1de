//! Plugins in falco, compared with the output of Falco 0.44.1 with the same plugin, configuration and
//! rules. Two public plugins are replaced: by a test plugin with the same name, source and fields
//! (`dummy`), and by the built-in plugins.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::{c_plugin, data_or_ignore, sdk_plugin, test};
use serde_json::Value;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn golden(file: &str) -> String {
    std::fs::read_to_string(data_or_ignore(format!("plugins/golden/falco/{file}"))).unwrap()
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-golden");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

const DUMMY_FIELDS: &str = r#"FIELDS="[{\"type\":\"uint64\",\"name\":\"dummy.value\",\"desc\":\"d\"},{\"type\":\"string\",\"name\":\"dummy.strvalue\",\"desc\":\"d\"}]""#;

/// A configuration of the reference, with the plugins of this machine.
fn config(name: &str, test: &str) -> PathBuf {
    let dummy = folder().join(format!("dummy-{test}.so"));
    c_plugin(
        &dummy,
        &[
            "NAME=\"dummy\"",
            "VERSION=\"0.11.5\"",
            "ID=3",
            "SOURCE=\"dummy\"",
            "SOURCING",
            "EXTRACTION",
            DUMMY_FIELDS,
        ],
    );
    let text = golden(name)
        .replace("PLUGINS/libprobe_source.so", &sdk_plugin("probe_source").display().to_string())
        .replace("PLUGINS/libdummy.so", &dummy.display().to_string())
        .replace("PLUGINS/libjson.so", "native:json")
        .replace("PLUGINS/libk8saudit.so", "native:k8saudit")
        .replace(r#"'  {"start":1,"maxEvents":5}  '"#, "' eof '");
    let path = folder().join(format!("{test}.yaml"));
    std::fs::write(&path, text + "\nplugins_allow_writable: true\n").unwrap();
    path
}

/// Status, output and errors of falco.
fn falco(config: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_falco"))
        .arg("-c")
        .arg(config)
        .args(args)
        .env("FALCO_HOSTNAME", "vm")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Removes the times of alerts, and the descriptions and contacts of public plugins.
fn without_times(text: &str) -> String {
    let ours = ["an event source for tests of plugin hosts", "https://github.com/eyas-rs/eyas"];
    let line = |line: &str| {
        let is_time = line.as_bytes().get(2) == Some(&b':') && line.as_bytes().get(5) == Some(&b':');
        if is_time { line[18..].to_owned() } else { line.to_owned() }
    };
    let is_told = |line: &&str| {
        let of_public = line.starts_with("Description: ") || line.starts_with("Contact: ");
        !of_public || ours.iter().any(|text| line.ends_with(text))
    };
    text.lines().filter(is_told).map(line).collect::<Vec<_>>().join("\n")
}

/// The error that a run ends with.
fn error(text: &str) -> Option<String> {
    let line = text.lines().rev().find(|line| line.contains("rror: "))?;
    let (_, error) = line.split_once("rror: ")?;
    Some(error.trim_end_matches(". Exiting.").to_owned())
}

/// Runs falco, and compares with a golden run.
fn same(name: &str, config_name: &str, rules: Option<(&str, &str)>, args: &[&str]) {
    let config = config(config_name, name);
    let rules = rules.map(|(file, text)| {
        let path = folder().join(format!("{name}-{file}"));
        std::fs::write(&path, if text.is_empty() { golden(file) } else { text.to_owned() }).unwrap();
        path.display().to_string()
    });
    let mut all: Vec<&str> = args.to_vec();
    all.extend(rules.iter().flat_map(|path| ["-r", path]));
    let (status, out, err) = falco(&config, &all);
    let (expected_out, expected_err) = (golden(&format!("{name}.out")), golden(&format!("{name}.err")));
    // Quotes within alerts have a backslash: docs/compatibility.md.
    let out = out.replace("\\\"", "\"");
    assert_eq!(without_times(&out), without_times(&expected_out), "{name}: {err}");
    let expected = error(&expected_err);
    assert_eq!(status, Some(i32::from(expected.is_some())), "{name}: {err}");
    if let Some(expected) = expected {
        assert!(error(&err).is_some_and(|error| error.contains(&expected)), "{name}: {expected}\n{err}");
    }
}

#[test]
fn plugins_are_listed_and_described() {
    same("list_plugins", "falco.yaml", None, &["--list-plugins"]);
    same("no_load_plugins", "noload.yaml", None, &["--list-plugins"]);
    same("empty_load", "emptyload.yaml", None, &["--list-plugins"]);
    same("plugin_info", "falco.yaml", None, &["--plugin-info", "probe_source"]);
    same("plugin_info_unknown", "falco.yaml", None, &["--plugin-info", "nosuch"]);
}

#[test]
fn fields_of_a_source_are_listed() {
    same("list_names", "falco.yaml", None, &["--list=probe", "-N"]);
    let config = config("falco.yaml", "list_probe");
    let (_, out, _) = falco(&config, &["--list=probe"]);
    // Other classes have other descriptions.
    let class = |text: &str| {
        let from = text.find("Field Class:                  probe_source (plugin)").unwrap();
        let end = text[from..].find("\n---").unwrap();
        text[from..from + end].to_owned()
    };
    assert_eq!(class(&out), class(&golden("list_probe.out")));
    let (status, _, err) = falco(&config, &["--list=zzz"]);
    assert_eq!(status, Some(1));
    assert!(err.contains(&error(&golden("list_bad.err")).unwrap()), "{err}");
}

#[test]
fn sources_run_concurrently_until_they_end() {
    let of_plugins = ["--disable-source", "syscall"];
    same("run_two", "falco.yaml", Some(("rules.yaml", "")), &of_plugins);
    let with = |params: &str| format!("plugins[0].open_params={params}");
    let (fails, refuse) = (with("fail:2"), with("refuse"));
    let only = ["--enable-source", "probe"];
    same("fail_stream", "falco.yaml", Some(("rules.yaml", "")), &[only[0], only[1], "-o", &fails]);
    same("refuse", "falco.yaml", Some(("rules.yaml", "")), &[only[0], only[1], "-o", &refuse]);
    same(
        "src_mix",
        "falco.yaml",
        Some(("rules.yaml", "")),
        &[only[0], only[1], of_plugins[0], of_plugins[1]],
    );
    same("src_unknown", "falco.yaml", Some(("rules.yaml", "")), &["--enable-source", "zzz"]);
    let all: Vec<&str> =
        ["syscall", "probe", "dummy"].iter().flat_map(|name| ["--disable-source", name]).collect();
    same("src_none", "falco.yaml", Some(("rules.yaml", "")), &all);
}

#[test]
fn alerts_as_json_have_values_of_their_types() {
    let config = config("falco.yaml", "run_json");
    let rules = folder().join("run_json-rules.yaml");
    std::fs::write(&rules, golden("rules.yaml")).unwrap();
    let args = ["--enable-source", "probe", "-o", "json_output=true", "-r", rules.to_str().unwrap()];
    let (status, out, err) = falco(&config, &args);
    assert_eq!(status, Some(0), "{err}");
    let alerts = |text: &str| -> Vec<Value> {
        let lines = text.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| {
                let mut alert: Value = serde_json::from_str(line).unwrap();
                assert!(alert["output_fields"]["evt.time"].take().is_u64());
                assert!(alert["time"].take().is_string());
                let output = without_times(alert["output"].as_str().unwrap());
                alert["output"] = output.into();
                alert
            })
            .collect()
    };
    assert_eq!(alerts(&out), alerts(&golden("run_json.out")));
}

#[test]
fn rules_are_described_with_the_plugins_that_they_need() {
    let config = config("falco.yaml", "describe");
    let rules = folder().join("describe-rules.yaml");
    std::fs::write(&rules, golden("rules.yaml")).unwrap();
    let (_, out, err) = falco(&config, &["-L", "-o", "json_output=true", "-r", rules.to_str().unwrap()]);
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| panic!("{text}\n{err}"));
    let (found, expected) = (parse(&out), parse(&golden("describe.out")));
    assert_eq!(found["required_plugin_versions"], expected["required_plugin_versions"]);
    for (found, expected) in
        found["rules"].as_array().unwrap().iter().zip(expected["rules"].as_array().unwrap())
    {
        assert_eq!(found["info"], expected["info"]);
        for key in [
            "events",
            "plugins",
            "condition_fields",
            "condition_operators",
            "output_compiled",
            "lists",
            "macros",
        ] {
            assert_eq!(found["details"][key], expected["details"][key], "{key}: {found}");
        }
    }
}

#[test]
fn required_versions_are_checked() {
    let bad =
        "- required_plugin_versions: [{name: probe_source, version: 0.2}, {name: dummy, version: 0.1.0}]\n";
    let four = "- required_plugin_versions: [{name: probe_source, version: 0.2.0, alternatives: [{name: dummy, version: \
                0.1.0}]}]\n- {rule: r, desc: d, source: probe, condition: probe.n = 1, output: x, priority: INFO}\n";
    same("req_version", "falco.yaml", Some(("one.yaml", "")), &[]);
    same("req_missing", "falco.yaml", Some(("two.yaml", "")), &[]);
    same("req_first_loaded_decides", "falco.yaml", Some(("four.yaml", four)), &[]);
    let path = folder().join("three.yaml");
    std::fs::write(&path, bad).unwrap();
    let (status, _, err) = falco(&config("falco.yaml", "req_bad"), &["-r", path.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(err.contains("Invalid required version '0.2' for plugin 'probe_source'"), "{err}");
}

#[test]
fn configuration_errors_of_plugins_have_falco_s_messages() {
    same("not_found", "falco.yaml", None, &["-o", "load_plugins[0]=zzz", "--list-plugins"]);
    same("other_name", "other.yaml", Some(("one.yaml", "")), &[]);
    same("other_name2", "other.yaml", Some(("rules.yaml", "")), &[]);
    same("other_name3", "other.yaml", Some(("plain.yaml", "")), &["--enable-source", "probe"]);
    same("bad_schema", "falco.yaml", Some(("rules.yaml", "")), &["-o", "plugins[0].init_config.count=x"]);
    same("rel_ok", "falco.yaml", Some(("rules.yaml", "")), &["-o", "plugins[0].library_path=libx.so"]);
}

#[test]
fn conditions_and_outputs_of_a_plugin_source_have_its_fields_alone() {
    let config = config("falco.yaml", "fields");
    for (condition, output, error) in [
        ("evt.type = pluginevent", "x", "LOAD_ERR_COMPILE_CONDITION"),
        ("probe.n = 1", "x %proc.name", "LOAD_ERR_COMPILE_OUTPUT"),
    ] {
        let rules = folder().join("fields-rules.yaml");
        let rule = format!(
            "- rule: r\n  desc: d\n  source: probe\n  condition: {condition}\n  output: {output}\n  priority: INFO\n"
        );
        std::fs::write(&rules, rule).unwrap();
        let (status, _, err) = falco(&config, &["-V", rules.to_str().unwrap()]);
        assert_eq!(status, Some(1), "{err}");
        assert!(err.contains(error), "{err}");
    }
}

#[test]
fn asynchronous_events_reach_the_rules_of_their_source() {
    let config = config("falco.yaml", "async");
    let rules = folder().join("async-tick.yaml");
    std::fs::write(&rules, golden("tick.yaml")).unwrap();
    let (ticks, params) = ("plugins[0].init_config.tick_ms=1", "plugins[0].open_params=timeout:3000");
    let args = ["--enable-source", "probe", "-r", rules.to_str().unwrap(), "-o", ticks, "-o", params];
    let (status, out, err) = falco(&config, &args);
    assert_eq!(status, Some(0), "{err}");
    // Without the numbers of events, because the times of ticks differ.
    let lines = |text: &str, kind: &str| -> Vec<String> {
        let text = without_times(text).replace("\\\"", "\"");
        let of_kind = |line: &&str| line.starts_with(&format!(": Informational {kind} "));
        let number = |line: &str| match line.split_once("num ") {
            Some((head, rest)) => format!("{head}num {}", rest.split_once(' ').unwrap().1),
            None => line.to_owned(),
        };
        text.lines().filter(of_kind).map(number).collect()
    };
    let (found, expected) = (lines(&out, "tick"), lines(&golden("async.out"), "tick"));
    assert!(!found.is_empty() && found.iter().all(|line| *line == expected[0]), "{found:?}");
    let (found, expected) = (lines(&out, "num"), lines(&golden("async.out"), "num"));
    let events = |all: &[String]| {
        all.iter().filter(|line| !line.contains("probe_tick")).take(20).cloned().collect::<Vec<_>>()
    };
    assert_eq!(events(&found), events(&expected));
}

#[test]
fn an_empty_map_is_no_configuration() {
    let path = config("falco.yaml", "empty_map");
    let text = std::fs::read_to_string(&path).unwrap().replace("init_config: {count: 5}", "init_config: {}");
    std::fs::write(&path, text).unwrap();
    let rules = folder().join("empty_map-rules.yaml");
    std::fs::write(&rules, golden("rules.yaml")).unwrap();
    let (status, _, err) = falco(&path, &["-r", rules.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    let expected = error(&golden("empty_map.err")).unwrap();
    assert!(err.contains(&expected), "{expected}\n{err}");
}
