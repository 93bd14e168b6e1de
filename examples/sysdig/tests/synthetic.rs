//! Captures of every version of the format, with the same output as the reference.

use eyas_testing::test;
use std::path::PathBuf;
use std::process::Command;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const FORMAT: &str = "*%evt.num|%evt.type|%evt.args|%proc.name|%proc.pid|%proc.ppid|%proc.exe|%proc.args|%proc.cwd|%proc.env|%user.name|%fd.num|%fd.name|%fd.type";

/// For a capture without users, the reference shows the user 1000 of the machine on which it ran.
const READERS_OWN_USER: (&str, &str, &str) = ("pre010", "|cloudsdk|", "|<NA>|");

fn synthetic() -> PathBuf {
    eyas_testing::data_or_ignore("captures/synthetic")
}

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scap"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn synthetic_captures_print_what_the_reference_prints() {
    let dir = synthetic();
    let names = names(&dir);
    assert!(names.len() >= 14, "{names:?}");
    for name in names {
        let output = Command::new(env!("CARGO_BIN_EXE_sysdig"))
            .args(["-p", FORMAT, "-r"])
            .arg(dir.join(format!("{name}.scap")))
            .output()
            .unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        let mut golden = std::fs::read_to_string(dir.join(format!("golden/{name}.fmt.txt"))).unwrap();
        if name == READERS_OWN_USER.0 {
            assert!(golden.contains(READERS_OWN_USER.1), "{golden}");
            golden = golden.replace(READERS_OWN_USER.1, READERS_OWN_USER.2);
        }
        assert_eq!(found, golden, "{name}");
        let error = String::from_utf8(output.stderr).unwrap();
        let fails = dir.join(format!("golden/{name}.err.txt")).exists();
        match name.as_str() {
            // The reference refuses these captures.
            "noevents" => assert!(fails && output.status.success() && error.is_empty(), "{error}"),
            "trunc" => {
                assert!(fails && !output.status.success() && error.contains("is truncated"), "{error}")
            }
            _ => assert!(!fails && output.status.success() && error.is_empty(), "{name}: {error}"),
        }
    }
}
