//! The systemd unit: its syntax, its restrictions, and that live capture works under them.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::{live_turn, need_program, test};

use super::place::{fresh_dir, program, root, run, succeed, text_of};

/// Tenths that `systemd-analyze security` may count at most; 50 and more is its "MEDIUM".
const MOST_EXPOSURE: &str = "30";

/// Where the manager is that may run as an instance of a user.
const MANAGER: &str = "/lib/systemd/systemd";

fn unit() -> String {
    std::fs::read_to_string(root().join("packaging/systemd/falco.service")).unwrap()
}

/// Writes the unit with another command to start into the directory.
fn write_unit(dir: &Path, exec: &str) -> PathBuf {
    let lines = unit();
    let changed = lines.lines().map(|line| match line.split_once('=') {
        Some(("ExecStart", _)) => format!("ExecStart={exec}\n"),
        _ => format!("{line}\n"),
    });
    let path = dir.join("falco.service");
    std::fs::write(&path, changed.collect::<String>()).unwrap();
    path
}

#[test]
fn the_unit_is_well_formed() {
    let analyze = need_program("systemd-analyze");
    let dir = fresh_dir("unit-form");
    let unit = write_unit(&dir, "/bin/true");
    let output = run(Command::new(analyze).args(["verify", "--man=no"]).arg(unit));
    let text = text_of(&output);
    assert!(output.status.success() && text.is_empty(), "{text}");
}

#[test]
fn the_unit_exposes_little() {
    let analyze = need_program("systemd-analyze");
    let mut command = Command::new(analyze);
    command.args(["security", "--offline=true", "--no-pager", "--threshold", MOST_EXPOSURE]);
    let output = run(command.arg(root().join("packaging/systemd/falco.service")));
    let text = text_of(&output);
    if text.contains("unrecognized option") {
        eyas_testing::ignore("needs a systemd-analyze with security --offline, as systemd 250 has it");
    }
    assert!(output.status.success() && text.contains("Overall exposure level"), "{text}");
}

/// Runs the unit under a manager of its own, in a mount namespace whose `/run` is empty.
const SCRIPT: &str = r#"
mount -t tmpfs run /run && mkdir -p /run/systemd/system /run/systemd/user || exit 77
cp "$DIR/falco.service" /run/systemd/user/ || exit 1
export XDG_RUNTIME_DIR=/run HOME="$DIR" XDG_CONFIG_HOME="$DIR/config"
"$MANAGER" --user --log-target=null & manager=$!
trap 'systemctl --user stop falco; kill $manager; wait $manager' EXIT
for try in $(seq 40); do
    systemctl --user is-system-running 2>/dev/null | grep -qE 'running|degraded' && break
    [ "$try" = 40 ] && exit 77
    sleep 0.25
done
systemctl --user start falco || exit 1
for try in $(seq 60); do
    cat /etc/shadow >/dev/null
    grep -qs 'Password file read' "$DIR/config/log/falco/alerts.log" && break
    sleep 0.25
done
cat "/proc/$(systemctl --user show -P MainPID falco)/status"
cat "$DIR/config/log/falco/alerts.log" "$DIR/config/falco/copy"
"#;

#[test]
fn live_capture_works_with_what_the_unit_leaves() {
    let _turn = live_turn();
    for name in ["unshare", "systemctl", "mount", "seq"] {
        let _ = need_program(name);
    }
    if !Path::new(MANAGER).is_file() {
        eyas_testing::ignore(format_args!("needs {MANAGER}"));
    }
    let falco = program("falco");
    let dir = fresh_dir("unit-live");
    let packaging = root().join("packaging/etc");
    // The directories of a user's instance have other names than those of the machine's.
    let options = "-o rules_files[]=@/rules.d -o file_output.enabled=true -o webserver.enabled=false \
                   -o file_output.filename=${LOGS_DIRECTORY}/alerts.log -o program_output.enabled=true \
                   -o 'program_output.program=cat > $${STATE_DIRECTORY}/copy'";
    let options = options.replace('@', &packaging.display().to_string());
    let exec = format!("{} -c {}/falco.yaml {options}", falco.display(), packaging.display());
    write_unit(&dir, &exec);
    let output = run(Command::new("unshare")
        .args(["-m", "--propagation", "private", "timeout", "-k", "5", "60", "sh", "-c", SCRIPT])
        .env("DIR", &dir)
        .env("MANAGER", MANAGER));
    if output.status.code() == Some(77) {
        eyas_testing::ignore("systemd does not run as an instance of a user here");
    }
    let text = text_of(&output);
    let has_line = |start: &str, end: &str| {
        text.lines().any(|line| line.strip_prefix(start).is_some_and(|rest| rest.trim() == end))
    };
    assert!(has_line("NoNewPrivs:", "1") && has_line("Seccomp:", "2"), "{text}");
    // SYS_PTRACE (19), DAC_READ_SEARCH (2), PERFMON (38), BPF (39).
    assert!(has_line("CapBnd:", "000000c000080004"), "{text}");
    let alerts = text.lines().filter(|line| line.contains("Password file read |")).count();
    assert!(alerts >= 2, "an alert in the file, and one that the program got:\n{text}");
}

#[test]
fn the_default_configuration_and_rules_load_without_a_warning() {
    let falco = program("falco");
    let packaging = root().join("packaging/etc");
    let text = succeed(Command::new(&falco).arg("-V").arg(packaging.join("rules.d/eyas_rules.yaml")));
    assert!(text.ends_with("eyas_rules.yaml: Ok\n") && text.lines().count() == 1, "{text}");
    let mut command = Command::new(&falco);
    command
        .arg("-c")
        .arg(packaging.join("falco.yaml"))
        .args(["--dry-run", "-r"])
        .arg(packaging.join("rules.d"));
    let text = succeed(&mut command);
    assert!(text.contains("falco.yaml | schema validation: ok") && !text.contains("arning"), "{text}");
    let mut command = Command::new(&falco);
    command.arg("-r").arg(packaging.join("rules.d")).arg("-e").arg(root().join("demo/demo.scap.gz"));
    let text = succeed(&mut command);
    assert!(text.contains("Password file read: 1"), "{text}");
}
