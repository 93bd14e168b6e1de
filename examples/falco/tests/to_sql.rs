//! `--to-sql`: the exact SQL text of conditions. The tests of sysdig check the results of the queries.

use std::process::{Command, Output};

use eyas_testing::test;

mod common;

use common::Dir;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn run(dir: &Dir, rules: &str, arguments: &[&str]) -> Output {
    let path = dir.write("rules.yaml", rules);
    let mut falco = Command::new(env!("CARGO_BIN_EXE_falco"));
    falco.args(["-c", "/dev/null", "-r"]).arg(path).args(arguments).output().unwrap()
}

/// Compares the SQL of a condition, after `WHERE`; SQL can express it.
#[track_caller]
fn check(name: &str, condition: &str, expected: &str) {
    let dir = Dir::new(name);
    let condition = condition.replace('\\', "\\\\").replace('"', "\\\"");
    let rules = format!("- {{rule: r, desc: d, condition: \"{condition}\", output: o, priority: INFO}}\n");
    let out = run(&dir, &rules, &["--to-sql", "r"]);
    assert!(out.status.success(), "{condition}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let found = text.split_once("WHERE ").unwrap().1.strip_suffix(";\n").unwrap();
    assert_eq!(found, expected, "{condition}");
}

#[test]
fn comparisons() {
    for (condition, expected) in [
        ("proc.name = cat", "\"proc.name\" = 'cat'"),
        ("proc.name = \"it's\"", "\"proc.name\" = 'it''s'"),
        ("evt.num > 5", "\"evt.num\" > 5"),
        ("evt.failed = true", "\"evt.failed\" = TRUE"),
        ("fd.name exists", "\"fd.name\" IS NOT NULL"),
        ("proc.name in (a, b, a)", "\"proc.name\" IN ('a', 'b')"),
        ("proc.name contains x", "contains(\"proc.name\", 'x')"),
        ("proc.name startswith x", "starts_with(\"proc.name\", 'x')"),
        ("proc.name endswith x", "ends_with(\"proc.name\", 'x')"),
        ("fd.name glob \"/a/*.so\"", "\"fd.name\" ~ '(?s)^/a/.*\\.so$'"),
        ("fd.name pmatch (/etc, /usr/*/x)", "\"fd.name\" ~ '(?s)^/*(?:etc|usr/+[^/]*/+x)(?:/.*)?$'"),
        ("proc.name regex \"py.+\"", "\"proc.name\" ~ '(?m)\\A(?:py.+)\\z'"),
        ("proc.name = val(proc.pname)", "\"proc.name\" = \"proc.pname\""),
        (
            "proc.name = oneof (a, b)",
            "(CASE WHEN \"proc.name\" = 'a' THEN 1 ELSE 0 END + CASE WHEN \"proc.name\" = 'b' THEN 1 ELSE 0 END = 1)",
        ),
        (
            "proc.name startswith anyof (a, b)",
            "(starts_with(\"proc.name\", 'a') OR starts_with(\"proc.name\", 'b'))",
        ),
        ("len(fd.name) > 3", "CAST(bit_length(\"fd.name\") / 8 AS BIGINT) > 3"),
        ("basename(fd.name) = x", "regexp_replace(\"fd.name\", '(?s)^.*/', '') = 'x'"),
        ("proc.aname = sh", "array_has(\"proc.aname\", 'sh')"),
        ("proc.aname[2] = sh", "\"proc.aname[2]\" = 'sh'"),
        ("proc.aname in (sh, bash)", "array_has_any(\"proc.aname\", ['sh', 'bash'])"),
        (
            "proc.aname startswith sh",
            "(array_length(\"proc.aname\") > 0 AND contains(chr(1) || array_to_string(\"proc.aname\", chr(1)) || chr(1), chr(1) || 'sh'))",
        ),
        (
            "fd.snet = \"10.0.0.0/8\"",
            "\"fd.snet\" BETWEEN '00000000000000000000ffff0a000000' AND '00000000000000000000ffff0affffff'",
        ),
        (
            "fd.snet in (\"fe80::/10\")",
            "(\"fd.snet\" BETWEEN 'fe800000000000000000000000000000' AND 'febfffffffffffffffffffffffffffff')",
        ),
        ("fd.port < 1024", "(\"fd.port\"[1] < 1024 OR \"fd.port\"[2] < 1024)"),
        ("fd.ip != \"1.2.3.4\"", "(array_length(\"fd.ip\") > 0 AND NOT array_has(\"fd.ip\", '1.2.3.4'))"),
        ("fd.sport in (80, 443)", "\"fd.sport\" IN (80, 443)"),
    ] {
        check("to-sql", condition, expected);
    }
}

#[test]
fn an_absent_value_satisfies_no_comparison_and_its_negation() {
    check(
        "to-sql-not",
        "not (proc.name = a and not fd.num > 2) or fd.name exists",
        "(NOT coalesce((\"proc.name\" = 'a' AND NOT coalesce(\"fd.num\" > 2, FALSE)), FALSE) OR \"fd.name\" IS NOT NULL)",
    );
}

#[test]
fn comparisons_that_sql_cannot_express_are_reported_and_true() {
    let dir = Dir::new("to-sql-missing");
    let rules = "\
- rule: one
  desc: d
  condition: evt.type = open and b64(proc.args) contains x and not getopt(proc.args, \"x\")[x] = y
  output: o
  priority: INFO
- rule: two
  desc: d
  condition: proc.name = a
  output: o
  priority: INFO
";
    let rules = rules.replace("and not getopt(proc.args, \"x\")[x] = y", "and not b64(proc.cmdline) = y");
    let out = run(&dir, &rules, &["--to-sql"]);
    assert_eq!(out.status.code(), Some(1));
    let (text, said) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    let expected = "\
-- one
-- columns: evt.type
-- finds more than the rule, without `b64(proc.args) contains x`
-- finds more than the rule, without `b64(proc.cmdline) = y`
SELECT * FROM events WHERE (\"evt.type\" = 'open' AND TRUE AND NOT coalesce(FALSE, FALSE));
-- two
-- columns: proc.name
SELECT * FROM events WHERE \"proc.name\" = 'a';
";
    assert_eq!(text, expected);
    assert!(said.contains("one: SQL cannot express `b64(proc.args) contains x`"), "{said}");
    assert!(run(&dir, &rules, &["--to-sql", "two"]).status.success());
    let unknown = run(&dir, &rules, &["--to-sql", "twoo"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(1) && said.contains("did you mean 'two'?"), "{said}");
}

#[test]
fn disabled_rules_have_a_query_only_if_named() {
    let dir = Dir::new("to-sql-off");
    let rules = "\
- {rule: on, desc: d, condition: proc.name = a, output: o, priority: INFO}
- {rule: off, desc: d, condition: proc.name = b, output: o, priority: INFO, enabled: false}
";
    let text = |arguments: &[&str]| String::from_utf8(run(&dir, rules, arguments).stdout).unwrap();
    let all = text(&["--to-sql"]);
    assert!(all.contains("-- on\n") && !all.contains("-- off\n"), "{all}");
    assert!(text(&["--to-sql", "off"]).starts_with("-- off\n"));
}
