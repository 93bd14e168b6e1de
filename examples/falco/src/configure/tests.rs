use std::collections::BTreeSet;

use eyas_testing::Dir;

use super::fit::{Path as KeyPath, fit};
use super::not_honoured::NOT_HONOURED;
use super::*;
use eyas::rules::Priority;

use crate::config::{DropAction, EngineKind, ExtraField, RuleMatching, Shape};
use crate::output::Section;
use crate::outputs::file::Settings as FileOutput;
use crate::outputs::stdout::Settings as StdoutOutput;

fn options(list: &[&str]) -> Result<Loaded> {
    let empty = Path::new("/dev/null");
    read_all(Some(empty), &list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), None)
}

/// The configuration in a file, and the warnings about it.
fn file(text: &str) -> Result<(Config, Vec<String>)> {
    let dir = Dir::new("config");
    let loaded = read_all(Some(&dir.write("falco.yaml", text)), &[], None);
    loaded.map(|loaded| (loaded.config, loaded.warnings))
}

#[test]
fn keys_that_are_not_set_have_the_defaults() {
    let config = options(&[]).unwrap().config;
    assert_eq!(config.rule_matching, RuleMatching::First);
    assert!(StdoutOutput::of(&config).enabled && config.json_include_tags_property && !config.json_output);
    assert_eq!(config.falco_libs.snaplen, 80);
}

#[test]
fn lists_of_maps_get_their_types() {
    let loaded = options(&[
        "rules[]={disable: {tag: network}}",
        "rules[]={enable: {rule: Read*, tag: x}}",
        "append_output[]={match: {source: syscall}, extra_fields: [evt.cpu, {x: \"%proc.pid\"}], extra_output: 5}",
        "rules_file=/x.yaml",
    ])
    .unwrap();
    let chosen: Vec<_> = loaded.config.rules.iter().map(|entry| entry.get().unwrap()).collect();
    assert_eq!((chosen[0].0, chosen[0].1.tag.as_deref()), (false, Some("network")));
    assert_eq!((chosen[1].0, chosen[1].1.rule.as_deref()), (true, Some("Read*")));
    let append = &loaded.config.append_output[0];
    assert!(matches!(&append.extra_fields[1], ExtraField::Formatted(m) if m["x"] == "%proc.pid"));
    assert_eq!(append.extra_output, "5");
    assert_eq!(loaded.config.rules_files, [PathBuf::from("/x.yaml")]);
    assert_eq!(loaded.warnings, [super::DEPRECATED_RULES_FILE]);
    assert!(options(&["rules_file=/x", "rules_files=/y"]).is_err());
    for entry in ["{enable: {}}", "{enable: {rul: x}}", "{}"] {
        let error = format!("{:#}", options(&[&format!("rules[]={entry}")]).err().unwrap());
        assert!(error.contains("rules[0]: expected `enable` or `disable`"), "{error}");
    }
}

#[test]
fn the_container_plugin_s_keys_are_read_as_container_engines() {
    let own = options(&[
        "container_engines.docker.enabled=false",
        "container_engines.cri.sockets[]=/run/x.sock",
        "container_engines.cri.disable_async=true",
    ])
    .unwrap();
    let engines = own.config.container_engines;
    assert!(!engines.docker.enabled && engines.podman.enabled && engines.podman.sockets.is_empty());
    assert_eq!(engines.cri.sockets, [PathBuf::from("/run/x.sock")]);
    assert!(own.warnings[0].contains("never waited for"), "{:?}", own.warnings);
    for settings in [
        "{label_max_len: 7, engines: {docker: {enabled: false}}}",
        "'{\"label_max_len\": 7, \"engines\": {\"docker\": {\"enabled\": false}}}'",
    ] {
        let plugin = options(&[&format!("plugins[]={{name: container, init_config: {settings}}}")]).unwrap();
        let engines = plugin.config.container_engines;
        let found = (engines.docker.enabled, engines.cri.enabled, engines.label_max_len);
        assert_eq!((found, plugin.warnings.len()), ((false, true, 7), 0), "{settings}");
    }
}

#[test]
fn an_invalid_value_is_reported_with_the_expected_ones() {
    for (option, want) in [
        ("engine.kind=kmod", "engine.kind `kmod`"),
        ("rule_matching=some", "Unknown rule matching strategy \"some\"--must be one of first, all"),
        ("priority=high", "Unknown priority \"high\"--must be one of emergency, alert"),
        ("engine.kind=x", "engine.kind 'x' is not a valid kind"),
        ("syscall_event_drops.actions=stop", "available actions for syscall event drops are \"ignore\""),
        ("engine.modern_ebpf.buf_size_preset=11", "must be between '1' and '10'"),
        ("log_level=loud", "Unknown log level loud: expected one of emergency, alert,"),
        ("libs_logger.severity=loud", "Unknown sinsp log severity loud: expected one of "),
        ("syscall_event_drops.threshold=2", "must be a double in the range [0, 1]"),
        ("webserver=yes", "webserver is `yes`: expected keys with values"),
        (
            "syscall_event_drops.actions=[ignore, log]",
            "\"log\" does not make sense with the \"ignore\" action",
        ),
        ("rules[]=x", "rules[0] is `x`"),
        ("rules[0]=x", "rules[0] is `x`: expected keys with values"),
        (
            "append_output[]={extra_fields: [{a: x}, {b: y}, {a: z}]}",
            "append_output[0]: extra_fields has `a` twice",
        ),
        ("append_output[]={extra_fields: [{proc.pid: x}, proc.pid]}", "extra_fields has `proc.pid` twice"),
    ] {
        let Some(error) = options(&[option]).err() else { panic!("{option} is accepted") };
        let error = format!("{error:#}");
        assert!(error.contains(want), "{option}: {error}");
    }
    for (option, want) in [
        (
            "webserver.listen_port=http",
            "webserver.listen_port is `http`, which has no effect: expected a number from",
        ),
        ("webserver.listen_port=-1", "expected a number from 0 to 4294967295"),
        ("json_output=maybe", "json_output is `maybe`, which has no effect: expected true or false"),
        ("http_output.max_consecutive_timeouts=256", "expected a number from 0 to 255"),
        ("engine.replay=x", "engine.replay is `x`, which has no effect: expected keys with values"),
        ("container_engines=x", "container_engines is `x`, which has no effect"),
        ("static_fields=x", "static_fields is `x`, which has no effect"),
    ] {
        let loaded = options(&[option]).unwrap();
        assert!(loaded.warnings[0].contains(want), "{:?}", loaded.warnings);
        assert_eq!((loaded.config.webserver.listen_port, loaded.config.json_output), (8765, false));
    }
}

#[test]
fn values_are_taken_as_they_are_written() {
    let (config, warnings) = file(
        "json_output: \"yes\"\ntime_format_iso_8601: 'on'\nbuffered_outputs: Y\n\
         webserver: {enabled: 'True', listen_port: \"8766\"}\nsyscall_event_drops: {threshold: '0.5', actions: log}\n\
         outputs_queue: {capacity: 0x10}\nbase_syscalls: {custom_set: getuid}\npriority: 'info'\n\
         append_output: {suggested_output: true}\nrules_files: /x.yaml\nconfig_files:\nhttp_output:\nmetrics:\n\
         rules:\nstatic_fields: {a: 010, b: yes, c: }\nfile_output: {filename: 5}\nengine: [x]\n",
    )
    .unwrap();
    assert!(config.json_output && config.time_format_iso_8601 && config.buffered_outputs);
    assert!(config.webserver.enabled && config.webserver.listen_port == 8766);
    assert_eq!(
        (config.syscall_event_drops.threshold, &config.syscall_event_drops.actions[..]),
        (0.5, &[DropAction::Log][..])
    );
    assert_eq!((config.outputs_queue.capacity, config.priority), (16, Priority::Informational));
    assert_eq!(config.base_syscalls.custom_set, ["getuid"]);
    assert_eq!(config.rules_files, [PathBuf::from("/x.yaml")]);
    assert_eq!((&*config.static_fields["a"], &*config.static_fields["c"]), ("010", ""));
    assert_eq!(
        (FileOutput::of(&config).filename, config.engine.kind),
        (PathBuf::from("5"), EngineKind::ModernEbpf)
    );
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().any(|w| w.contains("append_output is keys with values, which has no effect")));
    assert!(warnings.iter().any(|w| w.contains("engine is a list, which has no effect")));
}

/// Every key of the schema, with its path and its shape.
fn leaves(shape: &'static Shape, way: &mut Vec<String>, visit: &mut dyn FnMut(&[String], &'static Shape)) {
    visit(way, shape);
    match shape {
        Shape::List(of) => {
            way.push("[0]".to_owned());
            leaves(of, way, visit);
            way.pop();
        }
        _ => {
            for (key, inner) in shape.keys() {
                way.push((*key).to_owned());
                leaves(inner, way, visit);
                way.pop();
            }
        }
    }
}

/// The text of a file in which one key has this value.
fn nested(way: &[String], value: &str) -> String {
    way.iter().rev().fold(value.to_owned(), |inner, step| match step.as_str() {
        "[0]" => format!("[{inner}]"),
        key => format!("{{\"{key}\": {inner}}}"),
    })
}

#[test]
fn every_key_takes_every_form_of_its_value() {
    let mut tried = 0;
    leaves(&CONFIG, &mut Vec::new(), &mut |way, shape| {
        let forms: &[&str] = match shape {
            Shape::Bool => &["true", "'true'", "\"yes\"", "Off", "~", ""],
            Shape::Number(_) => &["7", "'7'", "\"0x7\"", "007", "~", ""],
            Shape::Float => &["1", "'0.5'", "1e0", "~", ""],
            Shape::Text | Shape::TextOrPair | Shape::TextOr(_) => &["word", "'word'", "5", "true", "~", ""],
            Shape::List(_) => &["[]", "~", "", "{a: b}"],
            Shape::Section(_) => &["{}", "~", ""],
            Shape::Texts => &["{a: 1, b: }", "~", ""],
            Shape::TextOrAnything => &["{a: [b]}", "word", "~", ""],
            Shape::Anything => &["{a: [b]}", "word", "~"],
            Shape::Choice(_) => &[],
        };
        let forms = match shape {
            // Each name by itself: each must be a variant of the type.
            Shape::Choice(names) => {
                let forms = names.iter().flat_map(|name| [format!("'{name}'"), name.to_uppercase()]);
                forms.chain(["~".to_owned()]).collect()
            }
            _ => forms.iter().map(|form| (*form).to_owned()).collect::<Vec<_>>(),
        };
        for form in &forms {
            let text = nested(way, form);
            let tree = tree::parse("f", text.as_bytes(), &mut Vec::new())
                .unwrap_or_else(|error| panic!("{text}: {error:#}"));
            let mut warnings = Vec::new();
            unknown::keys(&tree, &CONFIG, &KeyPath::default(), "f", &mut warnings);
            let fitted = fit(&tree, &CONFIG, &KeyPath::default(), &mut warnings);
            let fitted = fitted.unwrap_or_else(|error| panic!("{text}: {error:#}")).unwrap_or_default();
            assert_eq!(warnings.is_empty(), form != "{a: b}", "{text}: {warnings:?}");
            // An entry of `config_files` without a path is an error as in Falco.
            if !text.contains("config_files") {
                let config: Result<Config, _> = serde_json::from_value(fitted);
                assert!(config.is_ok(), "{text}: {:?}", config.err());
            }
            tried += 1;
        }
    });
    assert!(tried > 500, "{tried}");
}

/// Every list of the configuration with one element that has every key, and every section that is absent by default.
const LISTS: &str = "\
rules: [{enable: {rule: r, tag: t}, disable: {rule: r, tag: t}}]
append_output: [{match: {rule: r, source: syscall, tags: [t]}, extra_output: x, extra_fields: [evt.cpu], suggested_output: true}]
alert_folding: {by: [proc.name], window: 60s, max: 5}
plugins: [{name: x, library_path: x, init_config: {}, open_params: x}]
";

/// The keys of a value, with dots, `[]` for the elements of lists.
fn keys_of(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                keys_of(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, keys);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().for_each(|value| keys_of(value, &format!("{path}[]"), keys));
        }
        _ => drop(keys.insert(path.to_owned())),
    }
}

/// The same keys of the schema.
fn keys_of_shape(shape: &Shape, path: &str, keys: &mut BTreeSet<String>) {
    match shape {
        Shape::Section(inner) => {
            for (key, shape) in *inner {
                let path = if path.is_empty() { (*key).to_owned() } else { format!("{path}.{key}") };
                keys_of_shape(shape, &path, keys);
            }
        }
        Shape::List(Shape::Section(_)) => {
            let Shape::List(of) = shape else { unreachable!("matched above") };
            keys_of_shape(of, &format!("{path}[]"), keys);
        }
        _ => drop(keys.insert(path.to_owned())),
    }
}

#[test]
fn every_key_is_read_or_a_warning_names_it() {
    let (config, _) = file(LISTS).unwrap();
    let (mut read, mut known) = (BTreeSet::new(), BTreeSet::new());
    keys_of(&serde_json::to_value(config).unwrap(), "", &mut read);
    keys_of_shape(&CONFIG, "", &mut known);
    let warned: BTreeSet<String> = NOT_HONOURED.iter().map(|row| row.key.to_owned()).collect();
    // `rules_file` is the old name of `rules_files`.
    let is_special = |key: &str| key == "rules_file";
    for key in &known {
        let ways = [read.contains(key), warned.contains(key), is_special(key)];
        assert_eq!(
            ways.iter().filter(|way| **way).count(),
            1,
            "{key}: read, warned about, special: {ways:?}"
        );
    }
    for key in read.iter().chain(&warned) {
        assert!(known.contains(key), "{key} is not in the schema");
    }
    assert!(known.len() > 110, "{}", known.len());
}

#[test]
fn a_key_without_effect_is_named() {
    let mut quiet = Vec::new();
    for row in NOT_HONOURED {
        let needs = row.needs.map(|key| vec![format!("{key}=true"), "metrics.output_rule=true".to_owned()]);
        let needs = needs.unwrap_or_default();
        let with = |value: &str| {
            let mut all: Vec<&str> = needs.iter().map(String::as_str).collect();
            let option = format!("{}={value}", row.key);
            all.push(&option);
            options(&all).unwrap_or_else(|error| panic!("{option}: {error:#}")).warnings
        };
        // At least one of these values is valid and not a default.
        let shape = row.key.split('.').try_fold(&CONFIG, |shape, key| shape.key(key)).unwrap();
        let others: &[&str] = match shape {
            Shape::Bool => &["true", "false"],
            Shape::Number(_) => &["3"],
            Shape::Choice(names) => names,
            _ => &["other"],
        };
        let other = others.iter().find(|value| !row.usual.contains(value)).unwrap();
        let warnings = with(other);
        assert!(warnings.len() == 1 && warnings[0].contains(row.key), "{}: {warnings:?}", row.key);
        let want = format!("{} (option -o {})", row.why, row.key);
        assert!(warnings[0].ends_with(&want), "{warnings:?}");
        for usual in row.usual {
            assert_eq!(with(usual), [""; 0], "{}={usual}", row.key);
        }
        if row.needs.is_some() {
            assert_eq!(
                options(&[&format!("{}={other}", row.key)]).unwrap().warnings,
                [""; 0],
                "metrics are off"
            );
            quiet.push(row.key);
        }
    }
    assert!(!quiet.is_empty());
}

#[test]
fn keys_without_an_effect_are_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
    let page = std::fs::read_to_string(page).unwrap();
    for row in NOT_HONOURED {
        assert!(page.contains(&format!("`{}`", row.key)), "{} is missing in docs/compatibility.md", row.key);
    }
}

#[test]
fn the_init_config_of_the_container_plugin_is_applied() {
    let settings = "{engines: {containerd: {sockets: [/run/x.sock]}, lxc: {enabled: false}}, with_size: true, hooks: [create, remove], with_siz: 1}";
    let loaded = options(&[&format!("plugins[]={{name: container, init_config: {settings}}}")]).unwrap();
    let engines = loaded.config.container_engines;
    assert_eq!(engines.containerd.sockets, [PathBuf::from("/run/x.sock")]);
    let counted = engines.engines();
    assert!(!counted.lxc && counted.libvirt_lxc && counted.bpm && counted.containerd);
    for want in ["hooks of the plugin", "`with_siz` is unknown"] {
        assert!(
            loaded.warnings.iter().any(|warning| warning.contains(want)),
            "{want}: {:?}",
            loaded.warnings
        );
    }
    assert!(engines.with_size);
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}

#[test]
fn the_json_schema_has_every_key() {
    fn keys(schema: &Value, path: &str, out: &mut BTreeSet<String>) {
        for part in schema["anyOf"].as_array().into_iter().flatten() {
            // A list may be given as its only element.
            if part["type"] == "array" {
                keys(&part["items"], &format!("{path}[]"), out);
            }
        }
        match schema["properties"].as_object() {
            Some(properties) => {
                assert_eq!(schema["additionalProperties"], false, "{path}");
                for (key, value) in properties {
                    keys(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, out);
                }
            }
            None => drop(out.insert(path.to_owned())),
        }
    }
    let (mut found, mut known) = (BTreeSet::new(), BTreeSet::new());
    keys(&json_schema(), "", &mut found);
    keys_of_shape(&CONFIG, "", &mut known);
    let missing: Vec<_> = known.iter().filter(|key| !found.contains(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn files_are_compared_with_the_schema_in_falcos_words() {
    for (text, want) in [
        ("json_output: true\nwebserver:\nrules_files: /x\npriority: WARNING\n", "ok"),
        ("", "ok"),
        (
            "engine: {kindd: x}",
            "failed for <root>[engine]: Object contains a property that could not be validated using 'properties' or \
             'additionalProperties' constraints: 'kindd'.",
        ),
        (
            "json_output: true\ngvisor: {}",
            "failed for <root>: Object contains a property that could not be validated using 'properties' or \
             'additionalProperties' constraints: 'gvisor'.",
        ),
        (
            "append_output: [{match: 5}]",
            "failed for <root>[append_output][0][match]: Value type not permitted by 'type' constraint.",
        ),
        (
            "json_output: maybe",
            "failed for <root>[json_output]: Value type not permitted by 'type' constraint.",
        ),
        ("engine: {kind: x}", "failed for <root>[engine][kind]: Failed to match against any enum values."),
    ] {
        let tree = tree::parse("f", text.as_bytes(), &mut Vec::new()).unwrap();
        assert_eq!(validate::validate(&tree), want, "{text}");
    }
}

#[test]
fn unknown_keys_are_named_at_every_level() {
    let (_, warnings) = file(
        "engine:\n  kid: replay\nhttp_output: {urll: x}\nrules: [{enable: {rul: y, tag: t}}]\njson_ouput: true\n\
         append_output:\n  - match: {sorce: syscall}\nstatic_fields: {any: 1}\n\
         plugins: [{name: container, init_config: {label_max_len: 1}, open_param: x}]\n",
    )
    .unwrap();
    for (key, line, meant) in [
        ("engine.kid", 2, "engine.kind"),
        ("http_output.urll", 3, "http_output.url"),
        ("rules[0].enable.rul", 4, "rules[0].enable.rule"),
        ("json_ouput", 5, "json_output"),
        ("append_output[0].match.sorce", 7, "append_output[0].match.source"),
        ("plugins[0].open_param", 9, "plugins[0].open_params"),
    ] {
        let starts = format!("configuration key `{key}` is unknown and has no effect (");
        let ends = format!("line {line}); did you mean `{meant}`?");
        assert!(warnings.iter().any(|w| w.starts_with(&starts) && w.ends_with(&ends)), "{key}: {warnings:?}");
    }
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    let (_, warnings) = file("static_fields: &a {b: c}\nwebserver: {<<: *a}\n").unwrap();
    assert!(warnings[0].ends_with("merges mappings: write the keys themselves"), "{warnings:?}");
}

#[test]
fn a_list_is_no_configuration_of_a_plugin() {
    let error = options(&["plugins[]={name: x, library_path: y, init_config: [a]}"]).err().unwrap();
    let want = "plugins[0].init_config is a list: expected a text, or keys with values (option -o plugins[])";
    assert_eq!(format!("{error:#}"), want);
}

#[test]
fn repeated_keys_are_named_and_have_no_effect() {
    let dir = Dir::new("repeated");
    let more = dir.write("more.yaml", "metrics: {enabled: true}\nmetrics: {enabled: false}\n");
    let main = dir.write(
        "falco.yaml",
        format!(
            "json_output: true\nconfig_files: [{}]\nfile_output:\n  filename: /a\n  filename: /b\njson_output: false\n\
             ---\npriority: error\n",
            more.display()
        ),
    );
    let loaded = read_all(Some(&main), &["metrics.output_rule=true".to_owned()], None).unwrap();
    assert!(loaded.config.json_output && loaded.config.metrics.enabled);
    let (main, more) = (main.display(), more.display());
    let mut want = vec![
        format!("{main} has a second document (line 8), which has no effect: join the two"),
        format!(
            "configuration key `json_output` is there twice ({main}, lines 1 and 6): the second has no effect"
        ),
        format!(
            "configuration key `file_output.filename` is there twice ({main}, lines 4 and 5): the second has no effect"
        ),
        format!(
            "configuration key `metrics` is there twice ({more}, lines 1 and 2): the second has no effect"
        ),
    ];
    let mut got = loaded.warnings;
    got.sort();
    want.sort();
    assert_eq!(got, want);
}

#[test]
fn keys_that_are_no_names_are_shown_as_they_are() {
    let dir = Dir::new("odd-keys");
    let main = dir.write("falco.yaml", "\"\": 1\n~: 2\n[a, b]: 3\nwebserver: {\"\": 4}\n");
    let warnings = read_all(Some(&main), &[], None).unwrap().warnings;
    for key in ["\"\"", "null", "[]", "webserver.\"\""] {
        let want = format!("configuration key `{key}` is unknown");
        assert!(warnings.iter().any(|warning| warning.starts_with(&want)), "{key}: {warnings:?}");
    }
    let main = dir.write("falco.yaml", "priority: &a [*a]\n");
    let error = format!("{:#}", read_all(Some(&main), &[], None).err().unwrap());
    assert_eq!(error.matches("is inside of the value that it refers to").count(), 1, "{error}");
}

#[test]
fn limits_that_prevent_actions_are_named() {
    for (key, value) in [("rate", "-1"), ("rate", "0"), ("max_burst", "0.5"), ("max_burst", "-1")] {
        let loaded = options(&[&format!("syscall_event_drops.{key}={value}")]).unwrap();
        let want = format!("syscall_event_drops.{key} is {value}: ");
        assert!(loaded.warnings.iter().any(|w| w.starts_with(&want)), "{want}{:?}", loaded.warnings);
    }
    let quiet = options(&["syscall_event_drops.actions=ignore", "syscall_event_drops.rate=0"]).unwrap();
    assert!(quiet.warnings.is_empty(), "{:?}", quiet.warnings);
}

#[test]
fn a_table_without_room_is_named() {
    let loaded = options(&["falco_libs.thread_table_size=0"]).unwrap();
    assert!(
        loaded.warnings.iter().any(|w| w.starts_with("falco_libs.thread_table_size is 0: ")),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn values_without_effect_are_named_unless_they_are_usual() {
    let usual = [
        "engine.modern_ebpf.cpus_for_each_buffer=2",
        "syscall_event_timeouts.max_consecutives=1000",
        "load_plugins[]=container",
    ];
    assert_eq!(options(&usual).unwrap().warnings, [""; 0]);
    let warnings = options(&["engine.modern_ebpf.cpus_for_each_buffer=4"]).unwrap().warnings;
    let want = "cpus_for_each_buffer is set in the configuration but";
    assert!(warnings.len() == 1 && warnings[0].contains(want), "{warnings:?}");
}

#[test]
fn included_files_join() {
    let dir = Dir::new("included");
    std::fs::create_dir_all(dir.join("config.d/more")).unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
    let list = |text: &str| put("falco.yaml", &format!("rules_files: [/a]\njson_output: false\n{text}"));
    let read = || read_all(Some(&dir.join("falco.yaml")), &[], None);
    let said = || format!("{:#}", read().err().unwrap());
    let d = dir.display();
    put("config.d/20.yaml", "json_output: true\nrules_files: [/b]\n");
    put("config.d/30.conf", "rules_files: [/c]\nengin: {}\n");
    list(&format!("config_files: [{d}/config.d, {d}/absent]\n"));
    let loaded = read().unwrap();
    assert_eq!(loaded.config.rules_files, ["/a", "/b", "/c"].map(PathBuf::from));
    assert!(loaded.config.json_output && loaded.files.len() == 3);
    assert!(loaded.warnings[0].contains("30.conf, line 2"), "{:?}", loaded.warnings);
    list(&format!("config_files: {{path: {d}/config.d}}\n"));
    assert_eq!(read().unwrap().config.rules_files, [PathBuf::from("/a")], "keys for a list: none");
    for (entry, files) in [
        ("strategy: override", &["/c"][..]),
        ("strategy: add-only", &["/a"]),
        ("strategy: x", &["/a", "/b", "/c"]),
    ] {
        list(&format!("config_files: [{{path: {d}/config.d, {entry}}}]\n"));
        let loaded = read().unwrap();
        assert_eq!(loaded.config.rules_files, files.iter().map(PathBuf::from).collect::<Vec<_>>(), "{entry}");
        assert_eq!(loaded.warnings.iter().any(|w| w.contains("counts as append")), entry.ends_with('x'));
    }
    list(&format!("config_files: [{d}/falco.yaml]\n"));
    assert!(said().contains("tried to recursively include main config file"), "{}", said());
    put("config.d/40.yaml", "config_files: [/x]\n");
    list(&format!("config_files: [{d}/config.d]\n"));
    assert!(said().contains("directive in included config file") && said().contains("40.yaml"), "{}", said());
    put("config.d/40.yaml", "a: [b\n");
    assert!(said().contains("40.yaml: yaml-cpp: error at line"), "{}", said());
    std::fs::remove_dir_all(&dir).unwrap();
}
