//! Event sources of plugins: a built-in one that reads audit logs of Kubernetes.

use std::process::{Command, Output};

use eyas_testing::Dir;

mod common;

/// A folder with a configuration that opens `log`, and rules.
struct Place(Dir);

impl Place {
    fn new(name: &str, log: &str) -> Self {
        let dir = Dir::new(name);
        let audit = common::root().join("crates/audit/tests/sample");
        let log = if log.is_empty() { audit.join("audit.jsonl") } else { log.into() };
        let config = format!(
            "engine: {{kind: nodriver}}\nrules_files: [{}]\nappend_output: []\nwatch_config_files: false\nplugins:\n\
             \x20 - {{name: k8saudit, library_path: 'native:k8saudit', open_params: '{}'}}\n\
             \x20 - {{name: json, library_path: 'native:json'}}\n\
             \x20 - {{name: absent, library_path: x.so}}\nload_plugins: [k8saudit, json]\n",
            audit.join("rules.yaml").display(),
            log.display()
        );
        dir.write("falco.yaml", config);
        Self(dir)
    }

    fn falco(&self, args: &[&str]) -> Output {
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        falco
            .env("FALCO_HOSTNAME", "vm")
            .env("TZ", "UTC")
            .arg("-c")
            .arg(self.0.join("falco.yaml"))
            .args(common::PATIENT);
        falco.args(args).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_rules_of_a_source_are_tested_on_its_events_until_it_ends() {
    let place = Place::new("sources-end", "");
    let run = place.falco(&["--disable-source", "syscall", "-v"]);
    let (out, log) = (text(&run.stdout), text(&run.stderr));
    assert!(run.status.success(), "{log}");
    let alerts: Vec<&str> = out.lines().filter(|line| line.starts_with("10:00")).collect();
    assert_eq!(alerts.len(), 4, "{out}{log}");
    assert!(alerts[1].contains("Notice command=cat pod=web code=101"), "{out}");
    assert!(out.contains("Events detected: 4") && out.contains("   Wildcard role: 1"), "{out}");
    for line in [
        "Loaded plugin 'k8saudit@0.18.0' from file native:k8saudit",
        "Loaded event sources: syscall, k8s_audit",
        "Enabled event sources: k8s_audit",
        "Opening 'k8s_audit' source with plugin 'k8saudit'",
        "(k8s_audit) Elapsed time: ",
    ] {
        assert!(log.contains(line), "{line} is missing in {log}");
    }
    assert!(!log.contains("LOAD_UNKNOWN_SOURCE"), "{log}");
}

#[test]
fn alerts_as_json_have_the_source() {
    let place = Place::new("sources-json", "");
    let run = place.falco(&["--enable-source", "k8s_audit", "-o", "json_output=true"]);
    let out = text(&run.stdout);
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((&first["source"], &first["rule"]), (&"k8s_audit".into(), &"Privileged pod".into()));
    let images = &first["output_fields"]["ka.req.pod.containers.image.repository"];
    assert_eq!(images, &serde_json::json!(["registry.example/shop/web", "registry.example/log"]));
}

#[test]
fn sources_that_do_not_exist_or_do_not_open_are_errors_with_the_reference_s_messages() {
    let place = Place::new("sources-errors", "");
    let error = |args: &[&str]| {
        let run = place.falco(args);
        assert!(!run.status.success());
        text(&run.stderr).lines().last().unwrap().to_owned()
    };
    assert_eq!(error(&["--enable-source", "zzz"]), "Error: Attempted enabling an unknown event source: zzz");
    assert_eq!(
        error(&["--disable-source", "syscall", "--disable-source", "k8s_audit"]),
        "Error: Must enable at least one event source"
    );
    assert_eq!(
        error(&["--enable-source", "syscall", "--disable-source", "k8s_audit"]),
        "Error: You can not mix --enable-source and --disable-source"
    );
    assert_eq!(
        error(&["-o", "load_plugins[]=nosuch"]),
        "Error: Cannot load plugin 'nosuch': plugin config not found for given name"
    );
    let place = Place::new("sources-absent", "/nowhere.jsonl");
    let run = place.falco(&["--disable-source", "syscall"]);
    assert!(
        text(&run.stderr).contains("Error: cannot open /nowhere.jsonl: No such file"),
        "{}",
        text(&run.stderr)
    );
}

#[test]
fn the_fields_of_a_source_are_those_of_all_events_and_of_its_plugins() {
    let place = Place::new("sources-list", "");
    let names = text(&place.falco(&["--list=k8s_audit", "-N"]).stdout);
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names[..2], ["evt.num", "evt.time"]);
    assert!(names.contains(&"ka.verb") && names.contains(&"jevt.value") && !names.contains(&"proc.name"));
    assert_eq!(names.iter().filter(|name| name.starts_with("evt.")).count(), 18);
    let shown = text(&place.falco(&["--list=k8s_audit"]).stdout);
    let class = "Field Class:                  k8saudit (plugin)\nEvent Sources:                k8s_audit \n\nka.auditid ";
    assert!(shown.contains(class), "{shown}");
    let run = place.falco(&["--list=zzz"]);
    assert!(text(&run.stderr).contains("Value for --list must be a valid source type"));
}
