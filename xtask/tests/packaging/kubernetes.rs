//! The manifests and the chart.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::{need_program, test};

use super::place::{fresh_dir, program, root, succeed};

fn manifest() -> PathBuf {
    root().join("packaging/kubernetes/eyas.yaml")
}

fn chart() -> PathBuf {
    root().join("packaging/helm/eyas")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The capabilities that the DaemonSet has.
pub fn capabilities() -> Vec<String> {
    let text = read(&manifest());
    let list = text.lines().find_map(|line| line.trim().strip_prefix("add: [")?.strip_suffix(']')).unwrap();
    list.split(", ").map(str::to_owned).collect()
}

/// Checks a file by the schemas of Kubernetes.
fn validate(path: &Path) {
    let validator = need_program("kubernetes-validate");
    let text = succeed(Command::new(validator).args(["--strict"]).arg(path));
    assert!(text.contains("passed for resource daemonset/"), "{text}");
}

#[test]
fn the_manifests_are_valid() {
    validate(&manifest());
}

#[test]
fn the_chart_renders_to_valid_manifests() {
    let helm = need_program("helm");
    let dir = fresh_dir("chart");
    for (name, values) in
        [("plain", ""), ("other", "privileged=true,rules.a\\.yaml=[],falco.webserver.enabled=false")]
    {
        let mut command = Command::new(&helm);
        let text = succeed(command.args(["template", "eyas"]).arg(chart()).args(["--set", values]));
        let path = dir.join(format!("{name}.yaml"));
        std::fs::write(&path, text).unwrap();
        validate(&path);
    }
    succeed(Command::new(&helm).args(["lint", "--strict"]).arg(chart()));
}

/// Lines that begin so, without what is around them.
fn lines<'a>(text: &'a str, start: &'a str) -> Vec<&'a str> {
    let mut found: Vec<_> = text.lines().map(str::trim).filter(|line| line.starts_with(start)).collect();
    found.sort_unstable();
    found
}

#[test]
fn the_chart_has_the_parts_that_a_chart_needs() {
    for start in ["apiVersion: v2", "name: eyas", "version: ", "appVersion: "] {
        assert!(read(&chart().join("Chart.yaml")).lines().any(|line| line.starts_with(start)), "{start}");
    }
    let version = format!("appVersion: {}", env!("CARGO_PKG_VERSION"));
    assert!(read(&chart().join("Chart.yaml")).contains(&version), "the chart is of another version");
    assert!(read(&manifest()).contains(&format!("image: eyas:{}", env!("CARGO_PKG_VERSION"))));
    let values = read(&chart().join("values.yaml"));
    for name in ["_helpers.tpl", "configmap.yaml", "daemonset.yaml", "serviceaccount.yaml"] {
        let text = read(&chart().join("templates").join(name));
        let opened = ["{{- if ", "{{- with ", "{{- define "]
            .iter()
            .map(|word| text.matches(word).count())
            .sum::<usize>();
        let ends = text.matches("{{- end }}").count() + text.matches("{{ end }}").count();
        let inline = text.matches("{{- if contains").count();
        assert_eq!(opened, ends, "{name}: what is opened is closed ({inline} in a line)");
        // Every value that a template reads has a default.
        for used in text.split(".Values.").skip(1) {
            let word: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '.' || *c == '_').collect();
            let first = word.split('.').next().unwrap();
            let last = word.split('.').next_back().unwrap();
            assert!(
                values.lines().any(|line| line.starts_with(&format!("{first}:"))),
                "{name}: no default of {word}"
            );
            assert!(values.contains(&format!("{last}:")), "{name}: no default of {word}");
        }
    }
}

#[test]
fn the_chart_and_the_manifests_agree() {
    let (manifest, chart) = (read(&manifest()), read(&chart().join("templates/daemonset.yaml")));
    for start in [
        "- {name: ",
        "hostPath:",
        "hostPID:",
        "httpGet:",
        "readOnlyRootFilesystem:",
        "allowPrivilegeEscalation:",
        "periodSeconds:",
        "- name: HOST_ROOT",
        "args:",
        "drop:",
        "terminationGracePeriodSeconds:",
    ] {
        let found = lines(&manifest, start);
        assert!(!found.is_empty(), "the manifests have no {start}");
        assert_eq!(found, lines(&chart, start));
    }
    let values = read(&root().join("packaging/helm/eyas/values.yaml"));
    let list = values.split_once("\ncapabilities:\n").unwrap().1;
    let of_chart: Vec<_> = list.lines().map_while(|line| line.trim().strip_prefix("- ")).collect();
    assert_eq!(of_chart, capabilities());
}

#[test]
fn falco_reads_the_configuration_of_the_manifests() {
    let falco = program("falco");
    let dir = fresh_dir("config-map");
    let text = read(&manifest());
    for key in ["falco.yaml", "rules.yaml"] {
        let body = text.split_once(&format!("  {key}: |-\n")).unwrap().1;
        let body: String = body
            .lines()
            .map_while(|line| line.strip_prefix("    "))
            .map(|line| format!("{line}\n"))
            .collect();
        std::fs::write(
            dir.join(key),
            body.replace("/etc/falco/rules.d", &dir.join("rules.yaml").to_string_lossy()),
        )
        .unwrap();
    }
    let output = succeed(Command::new(falco).arg("-c").arg(dir.join("falco.yaml")).arg("--dry-run"));
    assert_eq!(output.matches("schema validation: ok").count(), 2, "{output}");
    assert!(!output.contains("arning"), "{output}");
}
