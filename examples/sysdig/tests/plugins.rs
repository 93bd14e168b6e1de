//! Plugins in sysdig: `-H`, `-I`, `-Il`, `--plugin-info`, `--plugin-config-file`.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::{c_plugin, sdk_plugin, test};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sysdig-plugins").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compiles the plugin of the host's tests.
fn plugin(folder: &Path, definitions: &[&str]) -> String {
    let out = folder.join("libprobe.so");
    c_plugin(&out, definitions);
    out.display().to_string()
}

/// Runs sysdig; returns what it prints and the errors.
fn sysdig(args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    command
        .env("TZ", "UTC")
        .env("SYSDIG_PLUGIN_DIR", folder("list"))
        .arg("--plugins-allow-writable")
        .args(args);
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// The lines, without the time that is the second and third word.
fn lines(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        format!("{} {}", words[0], words[3])
    };
    text.lines().map(line).collect()
}

#[test]
fn the_events_of_a_plugin_are_shown_filtered_and_formatted() {
    let library = plugin(&folder("input"), &["SOURCING", "EXTRACTION"]);
    let input = format!("{library}:two");
    let (out, err) = sysdig(&["-I", &input]);
    assert_eq!(lines(&out), ["1 [probe] 1 of probe: hello", "2 [probe] 2 of probe: world"], "{err}");
    let (out, _) = sysdig(&["-I", &input, "-p", "%evt.num %p.text %p.list", "p.text = world"]);
    assert_eq!(out, "2 world (a,b,c)\n");
    // `-H` loads the plugin, and `-I` names it.
    let (out, _) =
        sysdig(&["-H", &library, "-I", "probe:two", "-p", "%evt.source %evt.type %proc.name", "-n", "1"]);
    assert_eq!(out, "");
    let (out, _) =
        sysdig(&["-H", &library, "-I", "probe:two", "-p", "*%evt.source %evt.type %proc.name", "-n", "1"]);
    assert_eq!(out, "probe pluginevent <NA>\n");
    let (out, _) = sysdig(&["-H", &library, "-l", "-N"]);
    assert!(out.lines().any(|name| name == "p.text") && out.lines().any(|name| name == "proc.name"), "{out}");
}

#[test]
fn a_capture_contains_the_state_of_plugins_and_is_readable_without_them() {
    let folder = folder("write");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION", "ASYNC"]);
    let capture = folder.join("two.scap").display().to_string();
    let (out, err) = sysdig(&["-I", &format!("{library}:two"), "-w", &capture]);
    assert_eq!(out, "", "{err}");
    let format = ["-p", "*%evt.type %evt.args %evt.source %p.text", "evt.type = pluginevent"];
    let (out, err) = sysdig(&["-r", &capture, "-H", &library, format[0], format[1], format[2]]);
    let args = |text: &str| format!("pluginevent plugin_id=7 event_data={text}");
    assert_eq!(out, format!("{} probe hello\n{} probe world\n", args("hello"), args("world")), "{err}");
    let (out, _) = sysdig(&["-r", &capture, "-p", "*%evt.type %evt.args %evt.source", format[2]]);
    assert_eq!(out, format!("{} <NA>\n{} <NA>\n", args("hello"), args("world")));
    // The event of the dump is hidden, but in the file, with the plugin's time and id.
    let bytes = std::fs::read(&capture).unwrap();
    let id_and_name = [&77u32.to_le_bytes()[..], b"tick\0data"].concat();
    assert!(bytes.windows(id_and_name.len()).any(|window| window == id_and_name));
}

#[test]
fn fields_and_tables_of_a_plugin_are_there_in_a_replay() {
    let library = sdk_plugin("probe_threads").display().to_string();
    let demo = eyas_testing::root().join("demo/demo.scap.gz").display().to_string();
    let format = "%evt.num %proc.name %threads.seen %threads.label";
    let (out, err) = sysdig(&["-r", &demo, "-H", &library, "-n", "2", "-p", format]);
    let first = out.lines().next().unwrap_or_default().split(' ').collect::<Vec<_>>();
    assert_eq!((first[2], first[3]), ("1", format!("{}#1", first[1]).as_str()), "{out}{err}");
    // Views work beside plugins, without their fields.
    let (out, err) = sysdig(&["-r", &demo, "-H", &library, "-c", "topfiles_bytes"]);
    assert!(out.lines().count() > 2, "{out}{err}");
}

#[test]
fn unusable_plugins_are_refused_with_sysdig_s_messages() {
    let library = plugin(&folder("refused"), &["SOURCING", "EXTRACTION"]);
    let error = |args: &[&str]| sysdig(args).1;
    let with = |params: &str| format!("{library}:{params}");
    for (args, text) in [
        (&["-H", "nosuch"][..], "plugin not found, use -Il to list all the installed plugins: nosuch"),
        (&["-I", "json"], "plugin does not support the event sourcing capability: json"),
        (&["-I", &library, "-I", "k8saudit"], "using more than one plugin as input is not supported"),
        (&["-I", &with("refuse")], "open refused as asked"),
        (&["-H", &with("fail"), "-I", "probe"], "could not initialize plugin: the config asks to fail"),
        (&["-H", &library, "-H", &library], "found another plugin with name probe. Aborting."),
    ] {
        assert!(error(args).ends_with(&format!("{text}\n")), "{args:?}: {}", error(args));
    }
    let (out, err) = sysdig(&["-I", &with("fails"), "-p", "%p.text"]);
    assert_eq!((out.as_str(), err.contains("it fails as asked")), ("hello\nworld\n", true), "{err}");
}

#[test]
fn installed_plugins_are_listed_and_described() {
    plugin(&folder("list"), &["SOURCING", "EXTRACTION"]);
    std::fs::write(folder("list").join("none.so"), "no plugin").unwrap();
    let (out, err) = sysdig(&["-Il"]);
    assert!(out.starts_with("3 Plugins Loaded:\n\nName: probe\n"), "{out}");
    assert!(out.contains("\nName: k8saudit\n") && err.contains("none.so"), "{err}");
    // sysdig finds an installed plugin by its name.
    let (out, err) = sysdig(&["--plugin-info", "probe"]);
    assert!(out.contains("Suggested open params:\ntwo: two events\n"), "{out}{err}");
}

#[test]
fn a_configuration_of_falco_names_plugins() {
    let folder = folder("config");
    let library = plugin(&folder, &["SOURCING", "EXTRACTION"]);
    let path = folder.join("plugins.yaml");
    let text = format!(
        "load_plugins: [probe, json]\nplugins:\n  - {{name: probe, library_path: {library}, open_params: two}}\n  - {{name: \
         json, library_path: 'native:json'}}\n  - {{name: other, library_path: /nonexistent.so}}\n"
    );
    std::fs::write(&path, text).unwrap();
    let file = path.display().to_string();
    let (out, err) = sysdig(&["--plugin-config-file", &file, "-p", "%p.text", "-n", "1"]);
    assert_eq!(out, "hello\n", "{err}");
    let (out, _) = sysdig(&["--plugin-config-file", &file, "-I", "probe:eof", "-p", "%p.text"]);
    assert_eq!(out, "hello\nworld\n");
}
