//! Outputs with other schemas than Falco's, together with outputs that use Falco's.

use std::process::Command;

use serde_json::Value;

mod common;

use common::{Dir, demo};

#[test]
fn each_output_has_its_schema() {
    let dir = Dir::new("schemas");
    let rules = dir.write(
        "rules.yaml",
        "- {rule: r, desc: d, condition: 'evt.type = execve and proc.name = cat', output: 'run %proc.name', priority: ERROR, \
         tags: [T1059]}\n",
    );
    let file = dir.join("ocsf");
    let program = dir.join("ecs");
    let options = [
        format!("file_output={{enabled: true, filename: {}, json_schema: ocsf}}", file.display()),
        format!(
            "program_output={{enabled: true, keep_alive: true, json_schema: ecs, program: 'cat > {}'}}",
            program.display()
        ),
        // The other schemas contain the fields that this option removes from Falco's JSON.
        "json_include_output_fields_property=false".to_owned(),
    ];
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args(["-r".as_ref(), rules.as_os_str(), "-e".as_ref(), demo().as_os_str()]);
    for option in &options {
        falco.args(["-o", option]);
    }
    let out = falco.output().unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    let lines: Vec<&str> = out.lines().filter(|line| line.contains(": Error run cat")).collect();
    assert!(!lines.is_empty(), "{out}");
    let read = |path| -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (findings, documents) = (read(&file), read(&program));
    assert_eq!((findings.len(), documents.len()), (lines.len(), lines.len()));
    for (finding, document) in findings.iter().zip(&documents) {
        assert_eq!(finding["class_uid"], 2004);
        assert_eq!(finding["message"], "run cat");
        assert_eq!(finding["evidences"][0]["process"]["name"], "cat");
        assert_eq!(document["event"]["kind"], "alert");
        assert_eq!(document["process"]["name"], "cat");
        assert_eq!(document["threat"]["technique"]["id"][0], "T1059");
    }
}

#[test]
fn an_unknown_schema_is_named() {
    let dir = Dir::new("schemas-unknown");
    let rules =
        dir.write("rules.yaml", "- {rule: r, desc: d, condition: evt.num=1, output: o, priority: ERROR}\n");
    let out = Command::new(env!("CARGO_BIN_EXE_falco"))
        .args(["-r".as_ref(), rules.as_os_str()])
        .args(["--dry-run", "-o", "stdout_output.json_schema=cef"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(log.contains("json_schema") && log.contains("falco, ecs, ocsf"), "{log}");
}
