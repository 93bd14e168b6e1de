//! Arguments that print something and exit, and invalid arguments.

use std::process::{Command, Output};

use serde_json::Value;

#[path = "../../../tests/tidy/blocks.rs"]
mod blocks;
mod common;

use common::{Dir, root};

fn falco(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_falco")).args(["-c", "/dev/null"]).args(args).output().unwrap()
}

/// Output for valid arguments.
fn printed(args: &[&str]) -> String {
    let out = falco(args);
    assert!(out.status.success(), "{args:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// Error for invalid arguments.
fn refused(args: &[&str]) -> String {
    let out = falco(args);
    assert_eq!(out.status.code(), Some(1), "{args:?}: {out:?}");
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn versions_are_printed_as_falco_prints_them() {
    let text = printed(&["--version"]);
    assert!(text.starts_with("Falco version: 0.44.1\n") && text.contains("\neyas version:  "), "{text}");
    for line in
        ["Libs version:  0.25.4", "Plugin API:    3.12.0", "Engine:        0.62.0", "  Schema version: "]
    {
        assert!(text.contains(&format!("\n{line}")), "{text}");
    }
    let json = printed(&["--version", "-o", "json_output=true"]);
    assert!(json.starts_with("{\"default_driver_version\":") && json.lines().count() == 1, "{json}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["engine_version_semver"], "0.62.0");
}

#[test]
fn files_may_have_names_that_are_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;

    let dir = Dir::new("foreign-names");
    let at = |name: &[u8]| dir.join(std::ffi::OsStr::from_bytes(name));
    let [config, rules, capture, absent] =
        [&b"config\xff.yaml"[..], b"rules\xff.yaml", b"capture\xff.scap", b"absent\xff\x1b"].map(at);
    std::fs::write(&config, "stdout_output: {enabled: true}\n").unwrap();
    std::fs::copy(root().join("demo/rules.yaml"), &rules).unwrap();
    std::fs::copy(root().join("demo/demo.scap.gz"), &capture).unwrap();
    let falco = |config: &std::path::Path, rules: &std::path::Path, capture: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
        command.arg("-c").arg(config).arg("-r").arg(rules).arg("-e").arg(capture).output().unwrap()
    };
    let output = falco(&config, &rules, &capture);
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
    // A message shows every byte.
    for output in
        [falco(&absent, &rules, &capture), falco(&config, &absent, &capture), falco(&config, &rules, &absent)]
    {
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(r"/absent\xff\u001b"), "{error}");
    }
}

#[test]
fn an_argument_that_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStrExt;

    let word = std::ffi::OsStr::from_bytes(b"stdout_output.enabled=caf\xe9");
    let output = Command::new(env!("CARGO_BIN_EXE_falco")).arg("-o").arg(word).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    let wanted = "Error: argument 2 (stdout_output.enabled=caf\\xe9) of the command line is not UTF-8: write it in UTF-8";
    assert!(error.starts_with(wanted), "{error}");
}

#[test]
fn a_report_has_the_configuration_and_the_rules() {
    let dir = Dir::new("support");
    let rules = dir.write("rules.yaml", "- list: one\n  items: [a]\n");
    let config = dir.write("falco.yaml", "json_output: true\n");
    let (rules, config) = (rules.to_str().unwrap(), config.to_str().unwrap());
    let args = ["-c", config, "--support", "-r", rules, "-o", "engine.kind=nodriver"];
    let report: Value = serde_json::from_str(&printed(&args)).unwrap();
    assert_eq!(report["config"], "json_output: true\nengine:\n  kind: nodriver\n");
    assert_eq!(report["engine_info"]["engine_version_semver"], "0.62.0");
    assert_eq!(report["rules_files"][0]["name"], rules);
    assert_eq!(report["rules_files"][0]["variants"][0]["content"], "- list: one\n  items: [a]\n");
    assert_eq!(report["system_info"]["sysname"], "Linux");
    assert!(report["cmdline"].as_str().unwrap().contains("--support"));
    // A directory stands for the files in it.
    let report: Value =
        serde_json::from_str(&printed(&["--support", "-r", dir.join("").to_str().unwrap()])).unwrap();
    let names: Vec<&str> =
        report["rules_files"].as_array().unwrap().iter().filter_map(|file| file["name"].as_str()).collect();
    assert!(names.len() == 2 && names[1] == rules, "{names:?}");
}

#[test]
fn schemas_are_printed_as_json() {
    let config: Value = serde_json::from_str(&printed(&["--config-schema"])).unwrap();
    assert!(
        config["properties"]["engine"]["properties"]["kind"]["enum"]
            .as_array()
            .unwrap()
            .contains(&"replay".into())
    );
    assert_eq!(config["additionalProperties"], false);
    let rules: Value = serde_json::from_str(&printed(&["--rule-schema"])).unwrap();
    let keys = &rules["items"]["properties"];
    assert_eq!(keys["exceptions"]["items"]["required"], serde_json::json!(["name"]));
    assert!(keys["priority"]["enum"].as_array().unwrap().contains(&"Warning".into()));
}

#[test]
fn calls_that_are_captured_only_on_request_are_listed() {
    let list = printed(&["-i"]);
    assert!(list.starts_with("Ignored syscall(s):\n- "), "{list}");
    for (name, is_there) in [("read", true), ("pwritev", true), ("openat", false), ("recvfrom", false)] {
        assert_eq!(list.contains(&format!("- {name}\n")), is_there, "{name}: {list}");
    }
}

#[test]
fn help_has_groups_and_examples() {
    let help = printed(&["--help"]);
    for part in ["\nRules:", "\nRunning:", "\nInformation (print and exit):", "\nExamples:\n  falco "] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn removed_options_are_named_with_their_replacements() {
    for (option, instead) in [
        ("-A", "base_syscalls.all=true"),
        ("--snaplen=3", "falco_libs.snaplen"),
        ("-Tx", "disable: {tag"),
        ("--list-syscall-events", "use --list-events"),
        ("--print-base64", "buffer_format_base64=true"),
        ("--gvisor-config=x", "engine.kind=modern_ebpf"),
        ("-kx", "container runtimes"),
    ] {
        let text = refused(&[option]);
        assert!(text.contains("Falco has removed the option") && text.contains(instead), "{option}: {text}");
        assert!(!text.contains("tip:"), "a guess beside the answer: {text}");
    }
    for seconds in ["-1", "1.5", "x", ""] {
        let text = refused(&["-M", seconds]);
        assert!(text.contains("expected a whole number of seconds"), "{seconds}: {text}");
    }
}

#[test]
fn deprecated_options_work_with_a_warning() {
    let warning = |args: &[&str]| {
        let out = falco(args);
        assert!(out.status.success(), "{args:?}: {out:?}");
        (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (list, log) = warning(&["--list-events", "--markdown"]);
    assert!(list.contains("Default | Dir | Name"), "{list}");
    assert!(log.contains("--markdown is deprecated"), "{log}");
    let both = refused(&["--list-events", "--markdown", "--format", "json"]);
    assert!(both.contains("Cannot specify both --markdown and --format options together"), "{both}");
    let unknown = refused(&["--list-events", "--format", "xml"]);
    assert!(unknown.contains("Invalid format 'xml'. Valid values are: text, markdown, json"), "{unknown}");
    let (rules, capture) = (common::root().join("demo/rules.yaml"), common::demo());
    let replay = ["-r", rules.to_str().unwrap(), "-e", capture.to_str().unwrap()];
    let (plain, _) = warning(&replay);
    for print in ["-pc", "-pk", "-pcontainer", "-pkubernetes"] {
        let (alerts, log) = warning(&[&replay[..], &[print]].concat());
        assert_eq!(alerts, plain, "{print}");
        assert!(
            log.contains("is deprecated and will be removed. Use -o append_output=... instead. -p"),
            "{log}"
        );
    }
    let (alerts, log) = warning(&[&replay[..], &["-p", "at 100%% of %evt.type"]].concat());
    assert!(alerts.lines().next().unwrap().ends_with("at 100% of openat"), "{alerts}");
    assert!(log.contains("The -p/--print option is deprecated"), "{log}");
}

#[test]
fn the_log_begins_as_falcos() {
    let dir = Dir::new("start");
    let further = dir.write("further.yaml", "gvisor: {enabled: true}\n");
    let config = format!("engine: {{kind: nodriver}}\nconfig_files: [{}]\n", further.display());
    let config = dir.write("falco.yaml", &config);
    let rules = common::root().join("demo/rules.yaml");
    let out = falco(&["-c", config.to_str().unwrap(), "-r", rules.to_str().unwrap(), "-M", "1"]);
    assert!(out.status.success(), "{out:?}");
    let log = String::from_utf8(out.stderr).unwrap();
    let mut rest = log.as_str();
    for line in [
        "configuration key `gvisor` is unknown".to_owned(),
        "Falco version: 0.44.1".to_owned(),
        "Falco initialized with configuration files:".to_owned(),
        format!("   {} | schema validation: ok", config.display()),
        format!(
            "   {} | schema validation: failed for <root>: Object contains a property that could not be validated",
            further.display()
        ),
        "System info: Linux version ".to_owned(),
        "Loading rules from:".to_owned(),
        format!("   {} | schema validation: ok", rules.display()),
        "Loaded event sources: syscall".to_owned(),
        "Enabled event sources: syscall".to_owned(),
        "Enabled event source 'syscall' will be opened with no driver, no event will be produced".to_owned(),
        "Opening 'syscall' source with no driver".to_owned(),
    ] {
        let at = rest.find(&line);
        rest = &rest[at.unwrap_or_else(|| panic!("`{line}` is missing or out of order: {log}"))..];
    }
}

#[test]
fn drops_are_simulated_and_counted_by_occurrence() {
    let rules = common::root().join("demo/rules.yaml");
    let run = |actions: &str| {
        let actions = format!("syscall_event_drops.actions={actions}");
        falco(&[
            "-r",
            rules.to_str().unwrap(),
            "-M",
            "2",
            "-o",
            "engine.kind=nodriver",
            "-o",
            "syscall_event_drops.simulate_drops=true",
            "-o",
            "syscall_event_drops.threshold=1",
            "-o",
            &actions,
            "-o",
            "json_output=true",
        ])
    };
    let out = run("[log, alert]");
    let (alerts, log) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(out.status.success(), "{log}");
    let alert: Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    assert_eq!(alert["rule"], "Falco internal: syscall event drop");
    assert_eq!(alert["output_fields"]["n_drops"], "1");
    assert!(log.contains("Simulating syscall event drop"), "{log}");
    assert!(log.contains("1 system calls dropped in last second"), "{log}");
    assert!(
        log.contains("event drop detected: 1 occurrences")
            || log.contains("event drop detected: 2 occurrences"),
        "{log}"
    );
    assert!(log.contains("num times actions taken: 1"), "{log}");
    let out = run("exit");
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let refused = run("[ignore, log]");
    let log = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(log.contains("does not make sense with the \"ignore\" action"), "{log}");
}

#[test]
fn there_are_no_plugins() {
    assert_eq!(printed(&["--list-plugins"]), "0 Plugins Loaded:\n\n\n");
    assert!(refused(&["--plugin-info", "json"]).contains("can't find plugin and print its info: json"));
}

#[test]
fn sources_are_checked_unless_a_capture_is_replayed() {
    let rules = common::root().join("demo/rules.yaml");
    let rules = ["--dry-run", "-r", rules.to_str().unwrap()];
    let with = |more: &[&'static str]| [&rules[..], more].concat();
    printed(&with(&["--enable-source", "syscall"]));
    let unknown = refused(&with(&["--enable-source", "syscall", "--enable-source", "k8s_audit"]));
    assert!(unknown.contains("Attempted enabling an unknown event source: k8s_audit"), "{unknown}");
    let unknown = refused(&with(&["--disable-source", "none"]));
    assert!(unknown.contains("Attempted disabling an unknown event source: none"), "{unknown}");
    assert!(
        refused(&with(&["--disable-source", "syscall"])).contains("Must enable at least one event source")
    );
    let mixed = refused(&with(&["--enable-source", "syscall", "--disable-source", "syscall"]));
    assert!(mixed.contains("You can not mix --enable-source and --disable-source"), "{mixed}");
    printed(&with(&["--disable-source", "syscall", "-e", "capture.scap"]));
}

#[test]
fn options_may_be_repeated_and_mistakes_end_with_1() {
    let rules = common::root().join("demo/rules.yaml");
    printed(&["-v", "-v", "-N", "-M", "1", "-M", "2", "--dry-run", "-r", rules.to_str().unwrap()]);
    assert!(refused(&["--none"]).starts_with("Error: unexpected argument"));
    for threads in ["0", "257", "1000000000"] {
        assert!(refused(&["--threads", threads]).contains("1..=256"), "{threads}");
    }
    assert_eq!(falco(&["--help"]).status.code(), Some(0));
}

/// As in Falco, whose options are parsed by cxxopts.
#[test]
fn options_without_a_value_may_have_one() {
    let rules = common::root().join("demo/rules.yaml");
    printed(&["-r", rules.to_str().unwrap(), "--verbose=0", "--dry-run=true"]);
    assert_eq!(printed(&["--version=true"]), printed(&["--version"]));
    assert_eq!(printed(&["--page-size=T", "--version=false"]), printed(&["--page-size"]));
    assert!(refused(&["--version=maybe"]).contains("unexpected value 'maybe'"));
    assert_eq!(printed(&["--list-events", "--format=JSON"]), printed(&["--list-events", "--format", "json"]));
    assert!(refused(&["--list", "--format=xml"]).contains("Valid values are: text, markdown, json"));
}

/// Without a runtime, nothing in a live capture knows images.
#[test]
fn fields_of_disabled_runtimes_are_reported() {
    let scratch = Dir::new("unasked");
    let rule = "- {rule: r, desc: d, condition: evt.type = execve and container.image = x, output: o, priority: INFO}";
    let rules = scratch.write("r.yaml", rule);
    let said = |kind: &str, rest: &str| {
        let off = ["docker", "podman", "cri"].map(|name| format!("container_engines.{name}.enabled=false"));
        let last = format!("container_engines.containerd.enabled={rest}");
        let mut args = vec!["-r", rules.to_str().unwrap(), "--dry-run", "-o", kind, "-o", &last];
        off.iter().for_each(|option| args.extend(["-o", option]));
        let out = falco(&args);
        assert!(out.status.success(), "{out:?}");
        String::from_utf8_lossy(&out.stderr).contains("the field `container.image` never has a value")
    };
    assert!(said("engine.kind=modern_ebpf", "false"));
    assert!(!said("engine.kind=modern_ebpf", "true"));
    assert!(!said("engine.kind=nodriver", "true"));
}

#[test]
fn options_in_the_pages_exist() {
    let help = printed(&["--help"]);
    let used = blocks::options(&root(), "falco");
    assert!(used.len() > 40, "{} options", used.len());
    for (place, option) in used {
        assert!(blocks::lists(&help, &option), "{place}: falco has no option {option}");
    }
    assert!(!blocks::lists(&help, "--no-such-option") && !blocks::lists(&help, "-y"));
}

/// Pages whose YAML is not a configuration: rules, tests of rules, views.
const OTHER_YAML: &[&str] =
    &["conditions.md", "diagnostics.md", "first-rule.md", "rule-tests.md", "tuning.md", "views.md"];

#[test]
fn configurations_in_the_pages_have_known_keys_and_values_of_their_types() {
    let dir = Dir::new("pages");
    let mut checked = 0;
    for block in blocks::blocks(&root(), "yaml") {
        if OTHER_YAML.contains(&block.page.as_str()) || block.text.starts_with("- ") {
            continue;
        }
        let file = dir.write("falco.yaml", &block.text);
        let rules = root().join("demo/rules.yaml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_falco"));
        let out = command.arg("-c").arg(&file).arg("-r").arg(rules).arg("--dry-run").output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        let place = format!("{}:{}", block.page, block.line);
        // A plugin may be missing here; the configuration is checked before.
        assert!(text.contains("schema validation: ok"), "{place}: {text}");
        assert!(!text.contains("has no effect"), "{place}: {text}");
        checked += 1;
    }
    assert!(checked > 8, "{checked} configurations");
}
