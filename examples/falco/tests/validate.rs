//! Messages of `falco` about rules files, and their positions.

use eyas_testing::test;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// A rules file in a directory of this test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("validate");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn rule(condition: &str) -> String {
    format!("- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
}

fn falco(path: &Path, args: &[&str]) -> (Output, String, String) {
    let path = path.to_str().unwrap();
    let args: Vec<&str> = args.iter().map(|arg| if *arg == "FILE" { path } else { arg }).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_falco")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

#[test]
fn an_invalid_file_is_drawn_on_standard_error() {
    let path = file("invalid.yaml", &rule("evt.type = open and fd.nam = x"));
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert_eq!(output.status.code(), Some(1));
    // Programs get Falco's text.
    let file = path.display();
    let falcos = format!(
        "{file}: Invalid\n1 Errors:\nIn rules content: ({file}:0:0)\n    rule 'r': ({file}:0:2)\n    \
         rule condition: ({file}:2:13)\n    condition expression: (\"evt.type = open a...\":3:34)\n------\n\
         evt.type = open and fd.nam = x\n                    ^\n------\n\
         LOAD_ERR_COMPILE_CONDITION (Error compiling condition): \
         filter_check called with nonexistent field fd.nam\n\n"
    );
    assert_eq!(out, falcos);
    assert!(err.contains("unknown field `fd.nam`") && err.contains("invalid.yaml:3:34"), "{err}");
    assert!(err.ends_with("1 error\n") && !err.contains('\u{1b}'), "{err}");
    let (output, out, err) = falco(&path, &["-r", "FILE", "--dry-run"]);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), ""));
    assert!(err.contains("unknown field `fd.nam`") && err.contains("does not load"), "{err}");
}

/// With a small limit of the stack that the program may raise, and one that it may not.
#[test]
fn a_small_stack_holds_deep_files() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(5000), close.repeat(5000));
    let files = [
        file("deep.yaml", &deep("[", "]")),
        file("deep-condition.yaml", &rule(&format!("{}evt.num=1{}", "(".repeat(900), ")".repeat(900)))),
    ];
    let may_not: &[&str] = &["setpriv", "--bounding-set=-sys_resource"];
    for (path, parent) in files.iter().flat_map(|path| [(path, &[][..]), (path, may_not)]) {
        let mut small = Command::new("prlimit");
        small.arg("--stack=65536:65536").args(parent).arg(env!("CARGO_BIN_EXE_falco")).arg("-V").arg(path);
        let output = small.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{path:?}: {error}");
        assert!(error.contains(" error"), "{path:?}: {error}");
    }
}

#[test]
fn valid_rules_cause_no_output() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/rules.yaml");
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success() && err.is_empty(), "{err}");
    assert_eq!(out, format!("{}: Ok\n", path.display()));
}

#[test]
fn warnings_are_shown_on_request() {
    let path = file("odd.yaml", &rule("evt.type = open and fd.name in ()"));
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success());
    assert_eq!(out, format!("{}: Ok\n", path.display()));
    assert!(err.contains("warning[EYAS_NEVER_MATCHES]"), "{err}");
    let (output, _, err) = falco(&path, &["-r", "FILE", "--dry-run"]);
    assert!(output.status.success());
    assert!(err.contains("warning[EYAS_NEVER_MATCHES]"), "{err}");
    assert!(err.contains("| schema validation: ok"), "{err}");
}

#[test]
fn json_is_as_falco_writes_it() {
    let text = rule("evt.type = open and fd.name in ()") + "  tag: [x]\n";
    let path = file("json.yaml", &text);
    let (output, out, err) = falco(&path, &["-V", "FILE", "-o", "json_output=true"]);
    assert!(output.status.success() && err.is_empty(), "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let result = &json["falco_load_results"][0];
    assert_eq!(result["successful"], true);
    assert_eq!(result["schema_valid"], false);
    assert!(result["schema_warnings"][0].as_str().unwrap().ends_with("constraints: 'tag'."));
    assert_eq!(result["warnings"][0]["code"], "LOAD_UNKNOWN_KEY");
    assert!(!out.contains("EYAS_"));
    let keys: Vec<&String> = result.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["errors", "name", "schema_valid", "schema_warnings", "successful", "warnings"]);
}

#[test]
fn the_official_rules_are_quiet() {
    let path = eyas_testing::data_or_ignore("rules/falco_rules.yaml");
    let (output, out, err) = falco(&path, &["-r", "FILE", "--dry-run"]);
    assert!(output.status.success() && out.is_empty(), "{out}");
    assert_eq!(err.lines().count(), 2, "{err}");
    let (output, _, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success());
    assert!(!err.contains("error[") && err.matches("warning[").count() < 20, "{err}");
}

/// The message about a mistake on the command line.
fn mistake(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_falco")).args(args).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{args:?}: {err}");
    err
}

/// A file of network packets: the section header, an interface and a packet.
fn packets() -> PathBuf {
    let mut bytes = Vec::new();
    for (block, body) in [
        (0x0a0d_0d0a_u32, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255][..]),
        (1, &[1, 0, 0, 0, 0, 0, 0, 0]),
        (6, &[0; 20]),
    ] {
        let length = (body.len() as u32 + 12).to_le_bytes();
        bytes.extend([&block.to_le_bytes()[..], &length, body, &length].concat());
    }
    let path = file("packets.pcapng", "");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn files_in_the_wrong_place_are_named_with_what_they_are() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo");
    let (rules, capture) = (&format!("{demo}/rules.yaml"), &format!("{demo}/demo.scap.gz"));
    let absent = file("absent.yaml", "rules_files: [/nonexistent/rules.yaml]\n");
    let unset = file("unset.yaml", "rules_files: [\"${EYAS_NOT_SET}\"]\n");
    let (absent, unset) = (absent.to_str().unwrap(), unset.to_str().unwrap());
    let packets = packets();
    let packets = packets.to_str().unwrap();
    for (args, want) in [
        (
            &["-c", absent, "--dry-run"][..],
            "/nonexistent/rules.yaml, which rules_files of the configuration names, does not exist",
        ),
        (&["-c", unset, "--dry-run"], "is a variable in it not set?"),
        (&["-c", "/dev/null", "-r", capture], "is a capture and no rules file: replay it with -e"),
        (&["-c", "/dev/null", "-r", rules, "-e", rules], "it is a text, expected a section header block"),
        (&["-c", "/dev/null", "-r", rules, "-e", packets], "of network packets: it is a pcapng file"),
        (
            &["-c", "/dev/null", "-r", rules, "-e", rules],
            &format!("Could not open trace filename {rules} for reading: not a capture"),
        ),
        (&["-c", rules, "--dry-run"], "is a rules file and no configuration: name it with -r"),
        (
            &["-c", "/dev/null", "-r", rules, "-l", "Pasword file read"],
            "did you mean \"Password file read\"?",
        ),
        (&["-c", "/dev/null", "-r", rules, "-e", env!("CARGO_BIN_EXE_falco")], "it is an ELF file"),
        (
            &["-c", "/dev/null", "-r", rules, "-e", capture, "--explain", "Pasword"],
            "did you mean 'Password file read'?",
        ),
        (&["-c", "/dev/null", "--test", rules], "is a rules file and no file of rule tests"),
    ] {
        let said = mistake(args);
        assert!(said.contains(want), "{args:?}: {said}");
    }
    // A directory may contain rules and their tests.
    let output = Command::new(env!("CARGO_BIN_EXE_falco"))
        .args(["-c", "/dev/null", "--rules", demo, "--dry-run"])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && err.contains("rules.yaml") && !err.contains("test.yaml"), "{err}");
}

#[test]
fn a_missing_plugin_is_reported_before_other_errors() {
    let text = format!(
        "- required_plugin_versions: [{{name: json, version: 0.7.0}}]\n{}",
        rule("json.value[/x] = y")
    );
    let path = file("plugin.yaml", &text);
    for args in [&["-V", "FILE"][..], &["-V", "FILE", "-o", "json_output=true"], &["-r", "FILE", "--dry-run"]]
    {
        let (output, out, err) = falco(&path, args);
        assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{args:?}");
        assert!(
            err.ends_with("Error: Plugin requirement not satisfied, must load one of: json (>= 0.7.0)\n"),
            "{err}"
        );
    }
}

#[test]
fn a_repeated_key_is_reported_at_every_start() {
    let path = file("twice.yaml", &rule("evt.type = open\n  condition: evt.type = close"));
    let (output, out, err) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success() && err.contains("EYAS_REPEATED_KEY"), "{err}");
    assert_eq!(out, format!("{}: Ok\n", path.display()));
    let (output, _, err) = falco(&path, &["-c", "/dev/null", "-r", "FILE", "--dry-run"]);
    assert!(output.status.success() && err.contains("the key `condition` is repeated"), "{err}");
}

/// Falco prints how a file differs from the schema although the file is valid, but not beside warnings.
#[test]
fn schema_mismatches_of_a_valid_file_are_reported() {
    let rule = rule("evt.type = open").replace("INFO", "notice");
    let path = file("schema.yaml", &rule);
    let (output, out, _) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], format!("{}: Ok", path.display()));
    assert_eq!(lines[1], "3 Schema warnings:");
    assert_eq!(lines[3], "failed for <root>[0][priority]: Failed to match against any enum values.");
    assert_eq!((lines.len(), lines.last()), (10, Some(&"")), "{out}");
    let path = file("unused.yaml", &format!("- {{macro: m, condition: evt.type = open}}\n{rule}"));
    let (output, out, _) = falco(&path, &["-V", "FILE"]);
    assert!(output.status.success());
    assert_eq!(out, format!("{}: Ok, with warnings\n", path.display()));
}

/// As in Falco, whatever reads the log finds the codes of warnings without `-v`.
#[test]
fn warnings_of_rules_are_logged_at_the_start() {
    let path = file("warned.yaml", &format!("- {{list: l, items: [a]}}\n{}", rule("evt.type = open")));
    let args = ["-c", "/dev/null", "-r", "FILE", "--dry-run"];
    let (output, _, err) = falco(&path, &args);
    assert!(output.status.success());
    assert!(err.contains(&format!(": {}: Ok, with warnings\n1 Warnings:\n", path.display())), "{err}");
    assert!(
        err.contains("\nLOAD_UNUSED_LIST (Unused list): List not referred to by any other rule/macro/list\n"),
        "{err}"
    );
    let (_, _, err) = falco(&path, &[&args[..], &["-o", "log_level=error"]].concat());
    assert!(!err.contains("LOAD_UNUSED_LIST"), "{err}");
    // With `-v` they are drawn, and not said twice.
    let (_, _, err) = falco(&path, &[&args[..], &["-v"]].concat());
    assert_eq!(err.matches("LOAD_UNUSED_LIST").count(), 1, "{err}");
    // Nothing is logged about rules without a mistake.
    let (_, _, err) = falco(&file("right.yaml", &rule("evt.type = open")), &args);
    assert!(!err.contains("Warnings:"), "{err}");
}

#[test]
fn the_text_of_option_p_is_appended_at_most_once() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo");
    let (rules, capture) = (&format!("{demo}/rules.yaml"), &format!("{demo}/demo.scap.gz"));
    let alerts = |print: &[&str]| {
        let mut args = vec!["-c", "/dev/null", "-r", rules, "-e", capture];
        args.extend(print);
        let output = Command::new(env!("CARGO_BIN_EXE_falco")).args(args).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(err.contains("-p/--print option is deprecated"), !print.is_empty(), "{err}");
        let out = String::from_utf8(output.stdout).unwrap();
        out.lines()
            .take_while(|line| !line.starts_with("Events detected"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let plain = alerts(&[]);
    assert!(!plain.is_empty());
    for print in ["-pc", "-pk", "-pcontainer", "-pkubernetes", "--print=c"] {
        assert_eq!(alerts(&[print]), plain, "{print}");
    }
    let own: Vec<String> = plain.iter().map(|line| format!("{line} x")).collect();
    assert_eq!(alerts(&["-p", "x"]), own);
}
