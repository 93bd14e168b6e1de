//! Plugins that the configuration names: what is printed of them, and what is refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::test;

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
    let cc = eyas_testing::need_program("cc");
    let out = folder.join("probe.so");
    let status = Command::new(cc)
        .args(["-shared", "-fPIC", "-w", "-o"])
        .arg(&out)
        .args(definitions.iter().map(|definition| format!("-D{definition}")))
        .arg(eyas_testing::root().join("crates/plugins/tests/probes/probe.c"))
        .status()
        .unwrap();
    assert!(status.success());
    out.display().to_string()
}

/// Runs falco with a configuration; returns its status and what it prints.
fn falco(folder: &Path, config: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let path = folder.join("falco.yaml");
    std::fs::write(&path, config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_falco")).arg("-c").arg(&path).args(args).output().unwrap();
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
