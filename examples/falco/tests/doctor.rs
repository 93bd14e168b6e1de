//! `--doctor`: checks of the machine, and the largest costs.

use eyas_testing::test;
mod common;

use std::process::{Command, Output};

use serde_json::Value;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn doctor(program: &mut Command, args: &[&str]) -> Output {
    let rules = common::root().join("demo/rules.yaml");
    program.args(["-c", "/dev/null", "-o", "log_level=error", "--doctor", "-r"]).arg(rules);
    program.args(args).output().unwrap()
}

fn falco() -> Command {
    Command::new(env!("CARGO_BIN_EXE_falco"))
}

#[test]
fn doctor_names_the_missing_privileges() {
    // An environment in which no program can be loaded, even if root runs the test.
    let mut program = Command::new("setpriv");
    program.args(["--bounding-set=-all", "--inh-caps=-all", env!("CARGO_BIN_EXE_falco")]);
    let out = doctor(&mut program, &["-o", "json_output=true"]);
    if out.status.code() == Some(127) || String::from_utf8_lossy(&out.stderr).contains("setpriv:") {
        eyas_testing::ignore("setpriv cannot drop capabilities here");
    }
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["can_capture"], false);
    let bpf = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "CAP_BPF").unwrap();
    assert_eq!(bpf["status"], "missing");
    assert!(bpf["advice"].as_str().unwrap().contains("setcap"), "{bpf}");
    assert_eq!(report["costs"], Value::Null);
}

#[test]
fn doctor_reports_a_user_namespace() {
    let _lock = eyas_testing::live_turn();
    let inside = || {
        let mut program = Command::new("unshare");
        program.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_falco")]);
        program
    };
    if !inside().arg("--version").output().is_ok_and(|out| out.status.success()) {
        eyas_testing::ignore("unshare cannot make a user namespace here");
    }
    let out = doctor(&mut inside(), &[]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.code() == Some(1) && text.contains("only in a user namespace"), "{text}");
    let out = inside()
        .args(["-c", "/dev/null", "-r"])
        .arg(common::root().join("demo/rules.yaml"))
        .output()
        .unwrap();
    let log = String::from_utf8(out.stderr).unwrap();
    assert!(log.contains("run it as root of the machine, outside of the namespace"), "{log}");
}

#[test]
fn doctor_reports_the_costs_of_a_capture() {
    let _lock = eyas_testing::live_turn();
    let capture = common::demo();
    let out = doctor(&mut falco(), &["-e", capture.to_str().unwrap()]);
    let text = String::from_utf8(out.stdout).unwrap();
    for part in [
        "4790 events in ",
        "Rules by cost",
        " Password file read\n",
        "Calls by events:\n",
        "Processes by events:\n",
        "What to do:\n* ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let line = text.lines().find(|line| line.starts_with("ok       kernel")).expect("the kernel");
    assert!(line.ends_with(rustix::system::uname().release().to_str().unwrap()), "{line}");
}

#[test]
fn doctor_reports_the_costs_of_this_machine() {
    let _lock = eyas_testing::live_turn();
    let out = doctor(&mut falco(), &["-M", "2", "-o", "json_output=true"]);
    assert!(out.status.success(), "{out:?}");
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["can_capture"], true);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["name"] == "probe" && check["status"] == "ok"), "{report:#}");
    assert!(report["costs"]["seconds"].as_f64().unwrap() >= 2.0);
    assert!(report["costs"]["advice"].is_array());
}
