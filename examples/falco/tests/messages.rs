//! Messages about mistakes of users: each names the file, the option or the key, and is printed once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::process::Command;

mod common;

use common::{Dir, demo};

/// `count` rules that differ in their names only.
fn rules(count: usize) -> String {
    let rule = |n| {
        format!(
            "- {{rule: r{n}, desc: d, condition: evt.type = openat, output: o, priority: INFO, tags: [t]}}\n"
        )
    };
    (0..count).map(rule).collect()
}

/// Standard error and the exit code of a replay of the demo.
fn falco(config: &Path, args: &[&str]) -> (String, Option<i32>) {
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"] {
        falco.env_remove(variable);
    }
    let out = falco.arg("-c").arg(config).arg("-e").arg(demo()).args(args).output().unwrap();
    (String::from_utf8(out.stderr).unwrap(), out.status.code())
}

#[test]
fn a_mistake_in_append_output_is_reported_once_with_its_place() {
    let dir = Dir::new("append-messages");
    let file = dir.write("rules.yaml", rules(20));
    let config = |append: &str| {
        dir.write("falco.yaml", format!("rules_files: [{}]\n# x\nappend_output:\n{append}", file.display()))
    };
    let at = |line| format!("append_output[0] ({}, line {line})", dir.join("falco.yaml").display());
    for (append, want) in [
        ("  - extra_output: a=%fd.nme\n", "unknown field `fd.nme`"),
        ("  - extra_fields: [proc.name, fd.nme]\n", "unknown field `fd.nme`"),
        ("  - extra_fields: [{k: 'x %fd.nme'}]\n", "unknown field `fd.nme`"),
    ] {
        let (log, code) = falco(&config(append), &[]);
        assert_eq!(code, Some(1), "{log}");
        assert!(log.ends_with(&format!("Error: {}: {want}\n", at(4))), "{log}");
        assert_eq!(log.matches("error[").count(), 1, "{log}");
        assert!(log.contains("added to the outputs of this rule and of 19 others"), "{log}");
        assert!(log.contains("fd.name"), "advice: {log}");
    }
    // Only one rule has it.
    let (log, _) = falco(&config("  - {match: {rule: r3}, extra_output: '%fd.nme'}\n"), &[]);
    assert!(log.contains("added to the output of this rule\n"), "{log}");
    let (log, code) = falco(&config("  - extra_output: d=%evt.dir\n"), &[]);
    assert_eq!((code, log.matches("LOAD_DEPRECATED_ITEM").count()), (Some(0), 1), "{log}");
    let (log, code) = falco(&config("  - extra_output: c=%container.info\n"), &[]);
    assert_eq!((code, log.matches("%container.info is deprecated").count()), (Some(0), 1), "{log}");
    assert!(log.contains(&format!(" ({})\n", at(4))), "{log}");
    let (log, code) = falco(&config("  []\n"), &["-p", "%fd.nme"]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.ends_with("Error: the option -p: unknown field `fd.nme`\n"), "{log}");
    assert_eq!(log.matches("error[").count(), 1, "{log}");
}

#[test]
fn skippable_rules_are_skipped_with_one_warning() {
    let dir = Dir::new("append-skips");
    let skipped = rules(20).replace("tags:", "skip-if-unknown-filter: true, tags:");
    let file = dir.write("rules.yaml", &skipped);
    let config = dir.write("falco.yaml", format!("rules_files: [{}]\n", file.display()));
    let (log, code) = falco(&config, &["-o", "append_output[]={extra_output: '%ka.user'}"]);
    assert_eq!((code, log.matches("LOAD_UNKNOWN_FILTER").count()), (Some(0), 1), "{log}");
    // The rule's own mistake is its own.
    dir.write("rules.yaml", rules(1).replace("output: o", "output: '%fd.nme'"));
    let (log, code) = falco(&config, &["-o", "append_output[]={extra_output: '%proc.name'}"]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("rules.yaml does not load, line 1: LOAD_ERR_COMPILE_OUTPUT"), "{log}");
}

#[test]
fn messages_about_values_name_the_file_and_the_line_or_the_option() {
    let dir = Dir::new("value-messages");
    let file = dir.write("rules.yaml", rules(1));
    let more = dir.write("more.yaml", "# x\nhttp_output:\n  enabled: maybe\noutput_timeout: long\n");
    let base = format!("rules_files: [{}]\nconfig_files: [{}]\n", file.display(), more.display());
    let run = |text: &str, args: &[&str]| {
        let config = dir.write("falco.yaml", &(base.clone() + text));
        falco(&config, &[&["--dry-run"][..], args].concat())
    };
    let (main, more) = (dir.join("falco.yaml"), more.display());
    let main = main.display();
    let (log, code) =
        run("json_output: maybe\nwebserver:\n  enabled: false\n  k8s_healthz_endpoint: {a: b}\n", &[]);
    assert_eq!(code, Some(0), "{log}");
    for want in [
        format!("json_output is `maybe`, which has no effect: expected true or false ({main}, line 3)\n"),
        format!(
            "webserver.k8s_healthz_endpoint is keys with values, which has no effect: expected a text ({main}, line 6)\n"
        ),
        format!(
            "http_output.enabled is `maybe`, which has no effect: expected true or false ({more}, line 3)\n"
        ),
        format!(
            "output_timeout is `long`, which has no effect: expected a number from 0 to 4294967295 ({more}, line 4)\n"
        ),
    ] {
        assert!(log.contains(&want), "{want}\n{log}");
    }
    for (text, option, want) in [
        ("engine: {kind: x}\n", None, format!("({main}, line 3)")),
        ("engine:\n  modern_ebpf:\n    buf_size_preset: 11\n", None, format!("({main}, line 5)")),
        ("priority: x\n", None, format!("({main}, line 3)")),
        ("", Some("priority=x"), "(option -o priority)".to_owned()),
        ("priority: x\n", Some("priority=y"), "(option -o priority)".to_owned()),
        ("rules:\n  - enable: {rule: a}\n  - enable: {}\n", None, format!("({main}, line 5)")),
        ("file_output:\n  enabled: true\n", None, format!("({main}, line 3)")),
        ("syscall_event_drops: {threshold: 2}\n", None, format!("({main}, line 3)")),
        ("append_output:\n  - {}\n  - x\n", None, format!("({main}, line 5)")),
    ] {
        let options = option.map_or_else(Vec::new, |option| vec!["-o", option]);
        let (log, code) = run(text, &options);
        assert!(code == Some(1) && log.ends_with(&format!("{want}\n")), "{text} {option:?}: {want}\n{log}");
    }
    // The key itself is written nowhere.
    let (log, _) = run("", &["-o", "append_output.suggested_output=false"]);
    assert!(log.contains("expected a list (option -o append_output.suggested_output)\n"), "{log}");
    let (log, _) = run("static_fields: {'a b': x}\n", &[]);
    assert!(log.contains(&format!("static_fields: \"a b\" has no effect: names consist of letters, digits, `_`, `-` and `.` ({main}, line 3)\n")), "{log}");
    // Warnings that need the rules.
    let (log, _) = run("rules:\n  - disable: {rule: none}\n", &[]);
    assert!(log.contains(&format!("no loaded rule is named `none` ({main}, line 4)\n")), "{log}");
}

#[test]
fn a_file_of_tests_without_its_rules_is_named() {
    let dir = Dir::new("test-messages");
    let tests = dir.write("my.test.yaml", "rules: [none.yaml]\ntests: []\n");
    let run = |args: &[&str]| {
        let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
        let out = falco.args(["-c", "/dev/null", "--test"]).arg(&tests).args(args).output().unwrap();
        assert_eq!(out.status.code(), Some(1), "{out:?}");
        String::from_utf8(out.stderr).unwrap()
    };
    let (name, dir_name) = (tests.display(), dir.join("none.yaml"));
    let log = run(&[]);
    let want = format!(
        "Error: {name}: `rules` names {}, which does not exist; relative paths begin at",
        dir_name.display()
    );
    assert!(log.contains(&want) && log.contains("-r names other rules"), "{log}");
    dir.write("my.test.yaml", "tests: []\n");
    let log = run(&[]);
    assert!(log.contains(&format!("Error: {name}: no rules: ")), "{log}");
    let bad = dir.write("bad.yaml", "- rule: x\n");
    let log = run(&["-r", bad.to_str().unwrap()]);
    assert!(log.contains(&format!("Error: {name}: {}: Invalid", bad.display())), "{log}");
}

/// The address of a server that sends this to each client.
fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer);
                // To close it with unread bytes would lose the reply.
                let _ = stream.shutdown(Shutdown::Write);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    address
}

#[test]
fn a_server_of_another_protocol_is_explained() {
    let dir = Dir::new("server-messages");
    let file = dir.write("rules.yaml", rules(1));
    let config = format!("rules_files: [{}]\noutput_timeout: 3000\n", file.display());
    let config = dir.write("falco.yaml", &config);
    let web = server(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    for (option, want) in [
        #[cfg(feature = "grpc")]
        (
            format!("otlp_output={{enabled: true, protocol: grpc, endpoint: 'http://{web}'}}"),
            "does the server speak gRPC at this port?",
        ),
        (
            format!("http_output={{enabled: true, url: 'https://{web}'}}"),
            "does the server speak TLS at this port?",
        ),
    ] {
        let (log, _) = falco(&config, &["-o", &option]);
        assert!(log.contains(want), "{want}: {log}");
    }
}
