//! How the program starts, with arguments and limits that its parent has chosen.

use eyas_testing::test;
use std::process::Command;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

/// With a small limit of the stack that the program may raise, and one that it may not.
#[test]
fn a_small_stack_holds_a_deep_filter() {
    let filter = format!("{}evt.num=1{}", "(".repeat(900), ")".repeat(900));
    let may_not: &[&str] = &["setpriv", "--bounding-set=-sys_resource"];
    for parent in [&[][..], may_not] {
        let mut small = Command::new("prlimit");
        small.arg("--stack=65536:65536").args(parent).arg(env!("CARGO_BIN_EXE_sysdig"));
        let output = small.args(["-r", DEMO, &filter]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("exceeded max depth limit"), "{parent:?}: {error}");
    }
}

#[test]
fn files_may_have_names_that_are_not_utf_8() {
    use std::os::unix::ffi::OsStrExt;

    let dir = eyas_testing::Dir::new("names");
    let at = |name: &[u8]| dir.join(std::ffi::OsStr::from_bytes(name));
    let (read, written, absent) = (at(b"in\xff.scap"), at(b"out\xfe.scap"), at(b"absent\xff\x1b"));
    std::fs::copy(DEMO, &read).unwrap();
    let sysdig = |from: &std::path::Path, more: &[&std::ffi::OsStr]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
        command.args(["-n", "9", "-r"]).arg(from).args(more).output().unwrap()
    };
    let output = sysdig(&read, &["-w".as_ref(), written.as_os_str()]);
    assert!(output.status.success(), "{output:?}");
    let output = sysdig(&written, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 9, "{output:?}");
    // A message shows every byte.
    let error = String::from_utf8(sysdig(&absent, &[]).stderr).unwrap();
    assert!(error.contains(r"/absent\xff\u001b: No such file"), "{error}");
    let (view, wrong) = (at(b"view\xff.yaml"), at(b"wrong\xff\n.yaml"));
    std::fs::write(&view, "name: numbers\nsummary: s\nlimit: 3\nline: '{evt.num}'\n").unwrap();
    std::fs::write(&wrong, "name: a\nsumary: b\n").unwrap();
    let output = sysdig(&read, &["--view".as_ref(), view.as_os_str()]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3, "{output:?}");
    let error = String::from_utf8(sysdig(&read, &["--view".as_ref(), wrong.as_os_str()]).stderr).unwrap();
    assert!(error.contains(r"/wrong\xff\n.yaml: ") && error.contains("sumary"), "{error}");
}

#[test]
fn an_argument_that_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStrExt;

    let word = |bytes| std::ffi::OsStr::from_bytes(bytes);
    let output = Command::new(env!("CARGO_BIN_EXE_sysdig"))
        .args([word(b"-r"), word(b"caf\xe9"), word(b"-p"), word(b"x\xff")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "Error: argument 2 (caf\\xe9), 4 (x\\xff) of the command line is not UTF-8: write it in UTF-8; only names of files may \
         contain other bytes\n"
    );
}
