//! `--test` and `--explain`.

use eyas_testing::{Dir, test};
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Standard output and the exit code.
#[track_caller]
fn falco(args: &[&str]) -> (String, i32) {
    let out = Command::new(env!("CARGO_BIN_EXE_falco")).args(args).current_dir(root()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (text, out.status.code().unwrap())
}

/// Runs tests of the demo's rules; returns what is printed and the exit code.
fn demo_tests(name: &str, tests: &str) -> (String, i32) {
    let dir = Dir::new("rule-tests");
    let path = dir.write(&format!("{name}.yaml"), tests);
    falco(&["-r", "demo/rules.yaml", "--test", path.to_str().unwrap()])
}

#[test]
fn the_demos_tests_pass_and_cover_its_rules() {
    let (text, code) = falco(&["--test", "demo/rules.test.yaml"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("6 of 6 tests passed"), "{text}");
    assert!(text.contains("Password file read: 4 of 4 conjuncts seen both true and false"), "{text}");
}

#[test]
fn falcos_own_rules_pass_their_tests() {
    let rules = eyas_testing::data_or_ignore("rules/falco_rules.yaml");
    let tests = "examples/falco/tests/official.test.yaml";
    let (text, code) = falco(&["-r", rules.to_str().unwrap(), "--test", tests]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("12 of 12 tests passed"), "{text}");
    let line = "container.id != host (macro container, ";
    assert!(text.contains(&format!("never false: {line}{}:225)", rules.display())), "{text}");
}

#[test]
fn a_test_that_fails_says_what_was_false() {
    let (text, code) = demo_tests(
        "fails",
        "
tests:
  - test: sudo reads it
    processes: [{name: sudo}]
    events: [{event: openat, params: {fd: 3, dirfd: -100, name: /etc/shadow, flags: O_RDONLY}}]
    fires: [Password file read]
  - test: cat reads it
    processes: [{name: cat}]
    events: [{event: openat, params: {fd: 3, dirfd: -100, name: /etc/shadow, flags: O_RDONLY}}]
    silent: [Password file read]
  - test: nothing happens
    events: [{event: close, params: {fd: 3}}]
    fires: [Password file read, No such rule]
  - test: twice
    processes: [{name: cat}]
    events: [{event: openat, params: {fd: 3, dirfd: -100, name: /etc/shadow, flags: O_RDONLY}}]
    fires: {Password file read: 2}
",
    );
    assert_eq!(code, 1, "{text}");
    for part in [
        "FAIL  sudo reads it",
        "'Password file read' did not match; nearest was event 1 (openat by sudo), where",
        "false: not proc.name in (login, passwd, su, sudo, sshd, unix_chkpwd)",
        "proc.name is \"sudo\"",
        "in demo/rules.yaml:17",
        "FAIL  cat reads it",
        "'Password file read' matched event 1 (openat by cat), where",
        "in macro opened_for_reading, demo/rules.yaml:10",
        "no event is of a type that it can match",
        "there is no rule 'No such rule'",
        "matched 1 times, not 2",
        "0 of 4 tests passed",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_mistake_in_a_test_is_named() {
    let test = |body: &str| format!("tests:\n  - test: t\n    silent: [Password file read]\n{body}");
    for (name, body, want) in [
        ("event", "    events: [{event: opne}]", "there is no event `opne`"),
        (
            "param",
            "    events: [{event: close, params: {fb: 3}}]",
            "close has no parameter `fb`: it has res, fd",
        ),
        ("flag", "    events: [{event: openat, params: {flags: O_RDNOLY}}]", "`O_RDNOLY` is not one of"),
        ("number", "    events: [{event: close, params: {fd: three}}]", "`three` is not a number"),
        ("by", "    events: [{event: close, by: cat}]", "\"cat\" is not one of the processes"),
        ("key", "    event: [{event: close}]", "event"),
        (
            "container",
            "    processes: [{name: a, container: b}]\n    events: [{event: close}]",
            "`b` is not one of the containers",
        ),
        (
            "cap",
            "    processes: [{name: a, caps: [SYS]}]\n    events: [{event: close}]",
            "`SYS` is not a capability",
        ),
        ("nothing", "    processes: [{name: a}]", "neither events nor a capture"),
        ("filter", "    capture: x\n    filter: a.b = 1", "filter `a.b = 1`"),
        ("capture", "    capture: no-such-file", "can't open"),
        ("address", "    events: [{event: connect, params: {addr: here}}]", "`here` is not an address"),
    ] {
        let (text, code) = demo_tests(name, &test(body));
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains(want), "{name}: {want}\n{text}");
    }
}

#[test]
fn explain_says_which_conjunct_was_false() {
    let args = ["-r", "demo/rules.yaml", "-e", "demo/demo.scap.gz", "--explain"];
    let (text, code) = falco(&[&args[..], &["Password file read@100"]].concat());
    assert_eq!(code, 1, "{text}");
    for part in [
        "event 100 (close by bash): rule 'Password file read' does not match",
        "  false: evt.type in (open, openat, openat2)\n      evt.type is \"close\"\n",
        "      in macro opened_for_reading, demo/rules.yaml:10\n",
        "fd.name is \"/usr/lib/locale/C.utf8/LC_IDENTIFICATION\"",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("fd.num >= 0"), "what held is left out: {text}");
    let (text, code) = falco(&[&args[..], &["Password file read"]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("1 matched") && text.contains("first match: event "), "{text}");
    let (text, code) = falco(&[&args[..], &["No such rule"]].concat());
    assert!(code == 1 && text.contains("there is no rule 'No such rule'"), "{text}");
}

#[test]
fn static_fields_of_the_configuration_are_in_outputs() {
    let (text, code) = falco(&[
        "-r",
        "demo/rules.yaml",
        "-e",
        "demo/demo.scap.gz",
        "-o",
        "static_fields.site=north",
        "-p",
        "site=%static.site",
    ]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Warning Password file read | file=/etc/shadow process=cat"), "{text}");
    assert!(text.contains(" site=north\n"), "{text}");
}
