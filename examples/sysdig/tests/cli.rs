//! The program from the user's perspective, with the capture in the repository.

use eyas_testing::{Dir, test};
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[path = "../../../tests/tidy/blocks.rs"]
mod blocks;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    command.env("TZ", "UTC");
    command
}

fn run(args: &[&str]) -> Output {
    command().args(["-r", DEMO]).args(args).output().unwrap()
}

/// Its standard output; standard error must be empty.
fn prints(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lines_are_sysdig_s() {
    let expected = "\
1176 19:15:35.267018253 0 cat (21825) < openat fd=4(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=/etc/shadow flags=1(O_RDONLY) mode=0 dev=FE00 ino=737
1181 19:15:35.267240117 0 cat (21825) < close res=0 fd=4(<f>/etc/shadow)
";
    let found = prints(&["-n", "2", "evt.type in (openat, close) and fd.name=/etc/shadow"]);
    assert_eq!(found, expected);
}

#[test]
fn a_filter_a_count_and_a_format() {
    let shadow = "fd.name=/etc/shadow and proc.name=cat and evt.num < 5000";
    let format = "%evt.num %evt.type";
    assert_eq!(prints(&["-p", format, "-n", "2", shadow]).lines().next(), Some("1176 openat"));
    // sysdig joins the words to one filter.
    let found = prints(&[
        "-p",
        "%evt.num",
        "fd.name=/etc/shadow",
        "and",
        "evt.type",
        "=",
        "openat",
        "and",
        "evt.num<5000",
    ]);
    assert_eq!(found, "1176\n");
    assert_eq!(prints(&["-M", "1", "-p", "%evt.num"]).lines().count(), 4_509);
    assert_eq!(prints(&["-t", "a", "-n", "1", "-p", "%evt.outputtime"]), "1795461335.167299752\n");
    // A line is left out if a field is absent, unless the format begins with a star.
    let format = "%evt.num %evt.buffer";
    let events = "evt.num >= 1176 and evt.num <= 1179 and evt.type in (openat, read)";
    assert_eq!(prints(&["-p", format, events]).lines().count(), 1);
    let found = prints(&["-p", &format!("*{format}"), events]);
    assert_eq!((found.lines().count(), found.lines().next()), (2, Some("1176 <NA>")));
    assert_eq!(prints(&["-q"]), "");
}

#[test]
fn options_may_follow_the_filter() {
    let found = prints(&["evt.num=1176", "-p", "%evt.num"]);
    assert_eq!(found, "1176\n");
    let found =
        prints(&["evt.type=openat", "and", "evt.num<2000", "-n1", "-p%proc.name", "and", "evt.num>1175"]);
    assert_eq!(found, "cat\n");
    // A negative number is a value, not an option.
    assert!(prints(&["-p", "%evt.rawres", "evt.rawres", "=", "-2", "-n", "1"]).starts_with("-2"));
}

#[test]
fn formats_have_breaks_and_tabs() {
    let one = "evt.num=1176";
    assert_eq!(prints(&["-p", r"a\n%evt.num\tb\\n\r", one]), "a\n1176\tb\\n\\r\n");
    let output = run(&["-p", "", one]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("-p is followed by nothing"), "{error}");
    let error = String::from_utf8(run(&["-p", "%proc.nam", one]).stderr).unwrap();
    assert!(error.contains("no field is named `proc.nam`; did you mean `proc.name`?"), "{error}");
}

#[test]
fn an_object_has_the_time_as_a_number_under_one_name() {
    for form in ["h", "a", "r", "d", "D"] {
        let text = prints(&["-j", "-t", form, "evt.num=1176"]);
        let row: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(row["evt.outputtime"], 1_795_461_335_267_018_253_u64, "-t {form}");
        assert!(row.get("evt.time").is_none() && row.get("evt.rawtime.s").is_none(), "{text}");
    }
}

#[test]
fn numbers_below_one_are_refused() {
    for option in ["-n", "-M", "-C", "-G", "-e", "-W"] {
        for value in ["0", "-1", "x", "1.5"] {
            let output = run(&["-q", option, value]);
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success(), "{option} {value}");
            assert!(error.contains("expected a whole number from 1 on"), "{option} {value}: {error}");
        }
    }
    let error = String::from_utf8(run(&["-s", "70000"]).stderr).unwrap();
    assert!(error.contains("from 0 to 65000"), "{error}");
}

#[test]
fn options_of_recordings_are_accepted_without_one() {
    let args =
        ["-q", "-z", "-F", "--filter-proclist", "-C", "1", "-G", "1", "-e", "1", "-W", "1", "evt.num=1"];
    let output = run(&args);
    let note = String::from_utf8(output.stderr).unwrap();
    let expected =
        "-z, -F, --filter-proclist, -C, -G, -e, -W: without effect, since no -w names a file to write\n";
    assert!(output.status.success() && note == expected, "{note}");
}

#[test]
fn files_that_cannot_be_written_are_named_with_what_to_do() {
    let said = |args: &[&str]| {
        let output = run(args);
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&["--parquet", DEMO]).contains("this is a file; name a directory"));
    assert!(said(&["--report", "-o", "/nope/x"]).contains("cannot write /nope/x: No such file"));
    assert!(said(&["--perfetto", "/nope/x"]).contains("cannot write /nope/x: No such file"));
    assert!(said(&["-w", "/nope/x"]).contains("cannot write /nope/x: "));
    assert!(
        said(&["--redact", "--redact-key", "/nope/x", "-w", "/dev/null"]).contains("cannot read the key")
    );
    for args in [&["--perfetto", "/dev/full"][..], &["-w", "/dev/full"], &["--report", "-o", "/dev/full"]] {
        assert!(said(args).contains("No space left on device"), "{args:?}");
    }
}

#[test]
fn a_capture_that_is_read_is_not_overwritten() {
    let folder = Dir::new("cli-input");
    let capture = folder.join("c.scap.gz");
    std::fs::copy(DEMO, &capture).unwrap();
    std::os::unix::fs::symlink(&capture, folder.join("link")).unwrap();
    let (capture, link) = (capture.to_str().unwrap(), folder.join("link"));
    for args in [
        &["-r", capture, "-w", capture][..],
        &["-r", DEMO, "-r", capture, "-w", link.to_str().unwrap(), "evt.num=1"],
        &["trace", "--perfetto", capture, "-r", capture],
        &["report", capture, "-o", capture],
    ] {
        let output = command().args(args).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains("this is the capture that is read"), "{error}");
    }
    assert_eq!(std::fs::read(capture).unwrap(), std::fs::read(DEMO).unwrap());
}

#[test]
fn the_capture_of_a_report_may_follow_options() {
    let folder = Dir::new("cli-report");
    let page = folder.join("page");
    let output = command().args(["report", "-o"]).arg(&page).arg(DEMO).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read_to_string(&page).unwrap().starts_with("<!doctype html>"));
    for args in [&["report"][..], &["report", DEMO, DEMO], &["report", "-o", "x", DEMO, "evt.num=1"]] {
        assert!(!command().args(args).output().unwrap().status.success(), "{args:?}");
    }
}

#[test]
fn a_view_is_a_subcommand() {
    let of = |args: &[&str]| command().args(args).args(["-r", DEMO]).output().unwrap().stdout;
    assert_eq!(of(&["topfiles_bytes"]), of(&["-c", "topfiles_bytes"]));
    assert_eq!(of(&["fdbytes_by", "fd.type", "-j"]), of(&["view", "fdbytes_by", "fd.type", "-j"]));
}

#[test]
fn errors_name_the_capture_or_the_output() {
    let folder = Dir::new("cli-errors");
    let part = folder.join("part.scap.gz");
    let whole = std::fs::read(DEMO).unwrap();
    std::fs::write(&part, &whole[..whole.len() / 2]).unwrap();
    let output = command().args(["-q", "-r", DEMO, "-r"]).arg(&part).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && error.starts_with(&format!("Error: {}: ", part.display())),
        "{error}"
    );
}

/// Every way in which the program writes to standard output.
const PRINTING: &[&[&str]] = &[
    &[],
    &["-j"],
    &["-A"],
    &["-X"],
    &["--unbuffered"],
    &["-S", "-q"],
    &["-w", "-"],
    &["-w", "-", "-z"],
    &["-w", "-", "evt.type=execve"],
    &["--perfetto", "-"],
    &["--report"],
    &["-c", "ps"],
    &["-c", "topscalls"],
    &["-c", "topscalls", "-j"],
    &["-c", "iobytes"],
    &["-c", "subsecoffset"],
    &["-c", "flame"],
    &["-c", "echo_fds"],
    &["-h"],
    &["--help"],
    &["--version"],
    &["--libs-version"],
    &["-l"],
    &["-lv"],
    &["-l", "-N"],
    &["--list-markdown"],
    &["-L"],
    &["-cl"],
    &["-i", "spy_file"],
    &["-Il"],
    &["--plugin-info", "json"],
    &["-pp"],
    &["--generate", "bash"],
    &["--generate", "man"],
];

#[test]
fn wrong_options_are_errors_with_the_status_of_sysdig() {
    for args in [
        &["--nonsense"][..],
        &["-c"],
        &["-w"],
        &["-n", "x"],
        &["-M", "0"],
        &["-s", "-1"],
        &["-t", "x"],
        &["--log-level", "x"],
        &["-A", "-x"],
        &["-C", "0", "-w", "/dev/null"],
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
        assert!(error.starts_with("Error: ") && output.stdout.is_empty(), "{args:?}: {error}");
    }
}

#[test]
fn an_endless_file_of_settings_is_an_error() {
    for args in [
        &["-r", "demo", "--plugin-config-file", "/dev/zero"][..],
        &["-r", "demo", "--view", "/dev/zero", "-c", "ps"],
        &["report", "demo", "--rules", "/dev/zero"],
        &["-r", "demo", "--redact", "--redact-key", "/dev/zero", "-w", "/dev/null"],
    ] {
        let args = args.iter().map(|arg| if *arg == "demo" { DEMO } else { arg });
        let output = command().args(args).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("/dev/zero: ") && error.contains("bytes: at most"), "{error}");
    }
}

#[test]
fn a_full_disk_and_a_file_open_for_reading_are_errors_whatever_is_printed() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let reading = || std::fs::File::open("/dev/null").unwrap();
    for args in PRINTING {
        for (out, why) in [(full(), "No space left on device"), (reading(), "Bad file descriptor")] {
            let output = command().args(["-r", DEMO]).args(*args).stdout(out).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            let named = ["cannot write to standard output: ", "standard output: cannot write the capture: "];
            assert!(
                output.status.code() == Some(1)
                    && error.lines().count() == 1
                    && named.iter().any(|named| error.contains(&format!("{named}{why}"))),
                "{args:?}: {}: {error}",
                output.status
            );
        }
    }
}

/// As a terminal multiplexer may leave it.
#[test]
fn a_limit_of_file_sizes_is_an_error() {
    let dir = Dir::new("limit");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (capture, spans) = (path("c.scap"), path("spans"));
    for args in [&[][..], &["-j"], &["-w", &capture], &["trace", "--perfetto", &spans]] {
        let out = std::fs::File::create(dir.join("out")).unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", "ulimit -f 1; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_sysdig")]);
        let output = command.args(args).args(["-r", DEMO]).stdout(out).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
        assert!(error.contains("File too large"), "{args:?}: {error}");
    }
}

#[test]
fn an_output_that_does_not_block_gets_everything() {
    let (mut reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let mut child = command().args(["-r", DEMO]).stdout(std::os::fd::OwnedFd::from(writer)).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mut lines = String::new();
    std::io::Read::read_to_string(&mut reader, &mut lines).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(lines.lines().count(), prints(&[]).lines().count());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for args in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command().args(["-r", DEMO]).args(*args).stdout(writer).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "{args:?}: {}: {error}", output.status);
    }
}

#[test]
fn json_has_an_object_in_each_line() {
    let text = prints(&["-j", "-p", "%evt.num %proc.name %fd.name %evt.buffer", "evt.num in (166, 167)"]);
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1, "{text}");
    assert_eq!(rows[0]["evt.num"], 166);
    assert_eq!(rows[0]["proc.name"], "bash");
    assert_eq!(rows[0]["fd.name"], "/etc/passwd");
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["evt.buffer", "evt.num", "fd.name", "proc.name"]);
}

#[test]
fn summaries_and_counters() {
    let text = prints(&["-S"]);
    assert_eq!(text.lines().nth(1), Some("Event                 #Calls"));
    assert_eq!(text.lines().nth(3), Some("< openat                1750"));
    let text = String::from_utf8(run(&["-q", "-v"]).stderr).unwrap();
    assert!(text.contains("Events produced: 4864\n") && text.contains("Captured Events: 4790, "), "{text}");
    let filtered = text.lines().find_map(|line| line.strip_prefix("Filtered out by the source: "));
    assert!(filtered.is_some_and(|number| number.parse::<u64>().is_ok()), "{text}");
}

#[test]
fn buffers_are_printed_in_the_requested_form() {
    let one = "evt.num=1178";
    let of = |option: &str| prints(&[option, "-p", "%evt.num %evt.arg.data", one]);
    assert!(of("-A").starts_with("1178 \nroot:"), "{}", of("-A"));
    assert!(of("-x").starts_with("1178 \n\t0x0000: 726f 6f74 3a"), "{}", of("-x"));
    assert!(
        of("-X")
            .lines()
            .nth(1)
            .is_some_and(|line| line.ends_with("  root:x:0:0:root:") || line.contains("  root:"))
    );
    assert!(of("-b").starts_with("1178 cm9vd"), "{}", of("-b"));
    // The field itself, and in JSON.
    assert!(prints(&["-x", "-p", "%evt.buffer", one]).starts_with("\n\t0x0000: 726f"));
    assert!(prints(&["-b", "-j", "-p", "%evt.buffer", one]).starts_with("{\"evt.buffer\":\"cm9vd"));
    // Conditions see the bytes.
    assert_eq!(prints(&["-X", "-p", "%evt.num", "evt.num=1178 and evt.buffer contains root:"]), "1178\n");
    let output = run(&["-A", "-x"]);
    assert!(!output.status.success());
}

#[test]
fn long_lists_are_cut_without_v() {
    let exec = "evt.type=execve and evt.arg.env exists";
    let longest = |args: &[&str]| {
        let text = prints(&[&["-n", "20", "-p", "%evt.arg.env", exec][..], args].concat());
        text.lines().map(str::len).max().unwrap()
    };
    assert_eq!(longest(&[]), 80);
    let output = run(&["-v", "-n", "20", "-p", "%evt.arg.env", exec]);
    assert!(String::from_utf8_lossy(&output.stdout).lines().any(|line| line.len() > 80));
}

#[test]
fn options_that_need_nothing_are_accepted() {
    let args = [
        "-q",
        "-d",
        "-B",
        "--modern-bpf",
        "--cpus-for-each-buffer",
        "2",
        "--log-level=debug",
        "-T",
        "-k",
        "url",
        "-K",
        "files",
        "--node-name",
        "n",
        "-m",
        "url",
        "--large-environment",
        "--page-faults",
        "--cri",
        "/s",
        "--cri-timeout",
        "5",
        "-E",
    ];
    let output = run(&args);
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && notes.contains("-m: ") && notes.contains("-T: "), "{notes}");
    assert_eq!(
        prints(&["-pp"]),
        "*%evt.num %evt.outputtime %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info\n"
    );
    assert!(prints(&["--libs-version"]).starts_with("eyas "));
    assert!(prints(&["-Il"]).starts_with("2 Plugins Loaded:"));
    assert!(prints(&["-pm", "-n", "1"]).contains(" <NA> (host) "));
    assert!(!run(&["-I", "dummy"]).status.success());
    assert!(!run(&["--list=k8s"]).status.success());
    assert_eq!(prints(&["--list=syscall", "-N"]), prints(&["-l", "-N"]));
    assert!(prints(&["-lv"]).contains("(uint64) Number of the event"));
    assert!(prints(&["--list-markdown"]).contains("\n`proc.name` | string | "));
}

#[test]
fn several_captures_are_read_one_after_another() {
    let once = prints(&["-p", "%evt.num"]).lines().count();
    let output = command().args(["-r", DEMO, "-r", DEMO, "-p", "%evt.num"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 2 * once);
    let output = command().args(["-r", DEMO, "-r", DEMO, "-p", "%evt.num", "-n", "4800"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 4800);
    let output = command().args(["-r", DEMO, "-q", "-P"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().ends_with("100.00\n"));
}

#[test]
fn suppressed_programs_are_hidden_with_their_children() {
    let names = |args: &[&str]| -> std::collections::BTreeMap<String, usize> {
        let text = prints(&[&["-p", "%proc.name"][..], args].concat());
        text.lines().fold(Default::default(), |mut names: std::collections::BTreeMap<_, _>, name| {
            *names.entry(name.to_owned()).or_default() += 1;
            names
        })
    };
    let (all, without) = (names(&[]), names(&["-U", "cat"]));
    assert!(all["cat"] > 0 && !without.contains_key("cat"));
    assert_eq!(all["bash"], without["bash"]);
    assert!(!names(&["-U", "bash"]).contains_key("cat"), "bash has started it");
}

#[test]
fn listings_name_fields_and_events() {
    let text = prints(&["-l", "-N"]);
    assert!(text.lines().any(|line| line == "proc.name") && text.lines().count() > 200);
    assert!(prints(&["-l"]).lines().any(|line| line.starts_with("fd.name ")));
    assert!(prints(&["-L"]).lines().any(|line| line == "< close(ERRNO res, FD fd)"));
}

#[test]
fn errors_are_one_line_that_says_what_to_do() {
    let cases: [(&[&str], &str); 6] = [
        (&[DEMO], "is a file: read a capture with -r FILE"),
        (&["proc.nam=cat"], "sysdig -l"),
        (&["proc.name="], "filter: "),
        (&["-p", "%no.such"], "format: "),
        (&["-p", "%evt.num %proc.nam"], "did you mean `proc.name`?"),
        (&["-p", "%tolower(proc.nam)"], "did you mean `proc.name`?"),
    ];
    for (args, part) in cases {
        let output = run(args);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text.starts_with("Error: ") && text.contains(part), "{args:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
    }
    let output = command().args(["-r", "/nonexistent"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("Error: ") && text.contains("/nonexistent") && text.contains("-r"), "{text}");
}

#[test]
fn a_reader_that_closes_its_pipe_causes_no_error() {
    let mut child = command()
        .args(["-r", DEMO, "--unbuffered"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Names of a capture's events.
#[test]
fn no_program_panics_where_its_output_fails() {
    let gone = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    for args in
        [&["-v"][..], &["-S", "-v"], &["-w", "-", "-v"], &["-l"], &["-L"], &["--nonsense"], &["--help"]]
    {
        for (out, error) in [(gone(), gone()), (full(), full()), (gone(), full()), (full(), gone())] {
            let status = command().args(["-r", DEMO]).args(args).stdout(out).stderr(error).status().unwrap();
            assert!(status.code().is_some_and(|code| code != 101), "{args:?}: {status}");
        }
    }
    let out = command().args(["-r", DEMO, "-w", "/dev/full"]).output().unwrap();
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(error, "Error: /dev/full: cannot write the capture: No space left on device (os error 28)\n");
}

#[test]
fn a_recording_that_was_stopped_at_once_is_a_capture() {
    let dir = Dir::new("early");
    for options in [&[][..], &["-z"], &["-G", "60"]] {
        let file = dir.join("early");
        let mut args = vec!["-r", "-", "-w", file.to_str().unwrap()];
        args.extend(options);
        let mut sysdig = command().args(args).stdin(Stdio::piped()).spawn().unwrap();
        eyas_testing::wait_for_handler(sysdig.id(), rustix::process::Signal::INT);
        let pid = rustix::process::Pid::from_child(&sysdig);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        assert!(sysdig.wait().unwrap().success());
        let written = std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
        let output = command().arg("-r").arg(&written).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{options:?}: {output:?}");
        std::fs::remove_file(written).unwrap();
    }
}

#[test]
fn a_fat_file_keeps_names_and_a_filtered_snapshot_keeps_what_passes() {
    let dir = Dir::new("fat");
    let show = |file: &str| {
        let output = command()
            .args(["-r", file, "-p", "%thread.tid %evt.type %proc.name %proc.pname %fd.name"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let out = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let filter = "proc.name=cat";
    let expected = prints(&["-p", "%thread.tid %evt.type %proc.name %proc.pname %fd.name", filter]);
    prints(&["-F", "-w", &out("fat"), filter]);
    prints(&["-w", &out("thin"), filter]);
    assert_eq!(show(&out("fat")), expected);
    assert_eq!(show(&out("thin")), expected);
    let threads = |file: &str| {
        let output = command().args(["-r", file, "-c", "ps"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    prints(&["--filter-proclist", "-w", &out("few"), "proc.name=bash and evt.num<100"]);
    prints(&["-w", &out("all"), "proc.name=bash and evt.num<100"]);
    assert!(threads(&out("few")) < threads(&out("all")), "{} {}", threads(&out("few")), threads(&out("all")));
}

fn names(path: &std::path::Path) -> Vec<String> {
    let output = command().arg("-r").arg(path).args(["-p", "%evt.type"]).output().unwrap();
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn events_that_pass_are_written_and_read_back() {
    let dir = Dir::new("cli");
    let out = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let filter = "evt.num in (1176, 1178, 1181)";
    let expected = ["openat", "read", "close"];

    assert_eq!(prints(&["-w", &out("plain"), filter]), "");
    assert_eq!(names(&dir.join("plain")), expected);
    prints(&["-z", "-w", &out("gzip"), filter]);
    assert_eq!(std::fs::read(dir.join("gzip")).unwrap()[..2], [0x1f, 0x8b]);
    assert_eq!(names(&dir.join("gzip")), expected);

    prints(&["-e", "2", "-w", &out("part"), filter]);
    assert_eq!(names(&dir.join("part0")), expected[..2]);
    assert_eq!(names(&dir.join("part1")), expected[2..]);
    prints(&["-e", "1", "-W", "2", "-w", &out("ring"), filter]);
    assert_eq!(names(&dir.join("ring0")), expected[2..]);
    assert_eq!(names(&dir.join("ring1")), expected[1..2]);

    // Everything, with the state.
    prints(&["-w", &out("all")]);
    let line = |from: &str| {
        let format = "*%evt.num %proc.name %proc.cmdline %fd.name %user.name";
        let output = command().args(["-r", from, "-p", format]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(line(&out("all")) == line(DEMO), "the copy differs");

    // Each of several files begins with the current state.
    prints(&["-e", "700", "-w", &out("state")]);
    let parts: String = (0..7).map(|n| line(&out(&format!("state{n}")))).collect();
    let without_numbers = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    };
    let (parts, whole) = (without_numbers(&parts), without_numbers(&line(DEMO)));
    assert_eq!(parts.len(), whole.len());
    let differ: Vec<_> = parts.iter().zip(&whole).filter(|(a, b)| a != b).collect();
    assert!(differ.is_empty(), "{}: {:#?}", differ.len(), &differ[..differ.len().min(20)]);

    // Names have the time of their first event.
    prints(&["-G", "1", "-w", &out("timed%H%M%S"), filter]);
    assert_eq!(names(&dir.join("timed191535")), expected);
    prints(&["-G", "1", "-w", &out("none%%"), "evt.num = 0"]);
    assert!(names(&dir.join("none%")).is_empty());

    let output = run(&["-w", "/nonexistent/out"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("Error: ") && text.contains("/nonexistent/out"), "{text}");
}

#[test]
fn captures_pass_through_pipes() {
    use std::io::Write;

    let filter = "evt.num in (1176, 1178, 1181)";
    let written = run(&["-z", "-w", "-", filter]);
    assert!(written.status.success() && written.stdout.starts_with(&[0x1f, 0x8b]));
    let mut child = command()
        .args(["-r", "-", "-p", "%evt.type"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&written.stdout).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "openat\nread\nclose\n");
    let output = run(&["-w", "-", "-e", "5"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("standard output"), "{text}");
}

/// A program that ends with its test.
#[cfg(feature = "live")]
struct Running(std::process::Child);

#[cfg(feature = "live")]
impl Drop for Running {
    fn drop(&mut self) {
        // If the test succeeds, the program has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `true` repeatedly until a live capture with these arguments prints a wanted line. Then ends the
/// capture, and returns its standard error.
#[cfg(feature = "live")]
fn watch(args: &[&str], is_wanted: fn(&str) -> bool) -> String {
    let _turn = eyas_testing::live_turn();
    let mut child =
        command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map(Running).unwrap();
    let mut out = std::io::BufReader::new(child.0.stdout.take().unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    let pid = rustix::process::Pid::from_child(&child.0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let began = std::time::Instant::now();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                Command::new("true").status().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(50));
                // On a saturated machine, the capture begins late. Its end ends the wait below.
                if began.elapsed() > std::time::Duration::from_secs(300) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                    break;
                }
            }
        });
        let mut lines = std::io::BufRead::lines(&mut out).map_while(Result::ok).take(100);
        let found = lines.any(|line| is_wanted(&line));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(found, "{args:?}: no such line");
    });
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    drop(out);
    let mut errors = String::new();
    std::io::Read::read_to_string(&mut child.0.stderr.take().unwrap(), &mut errors).unwrap();
    let status = child.0.wait().unwrap();
    assert!(status.success(), "{status:?}");
    errors
}

#[cfg(feature = "live")]
#[test]
fn a_live_capture_ends_cleanly_on_a_signal() {
    let errors = watch(&["-p", "%proc.name %evt.type", "proc.name=true and evt.type=execve"], |line| {
        line == "true execve"
    });
    assert!(errors.is_empty(), "{errors}");
}

#[cfg(feature = "live")]
#[test]
fn a_live_capture_ends_after_the_seconds_that_it_is_given() {
    use std::time::Duration;

    let _turn = eyas_testing::live_turn();
    let span = || match capture_two_seconds("proc.name=true")[..] {
        [first, .., last] => Duration::from_nanos(last - first),
        _ => Duration::ZERO,
    };
    // On a busy machine, `true` may run in a part of the time only.
    assert!((0..10).any(|_| span() >= Duration::from_secs(1)), "the captures are too short");
    // It also ends if no event passes its filter.
    assert_eq!(capture_two_seconds("proc.name=true and evt.num=0"), [0; 0]);
}

/// Runs `true` repeatedly during a live capture of two seconds. Returns the times of the events, ns.
#[cfg(feature = "live")]
fn capture_two_seconds(filter: &str) -> Vec<u64> {
    use std::time::{Duration, Instant};

    let began = Instant::now();
    let args = ["-M", "2", "-p", "%evt.rawtime", filter];
    let mut child = command().args(args).stdout(Stdio::piped()).spawn().map(Running).unwrap();
    let mut out = child.0.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut out, &mut text).map(|_| text)
    });
    let status = loop {
        Command::new("true").status().unwrap();
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "{filter}: it does not end");
    };
    assert!(status.success() && began.elapsed() >= Duration::from_secs(2), "{status}");
    reader.join().unwrap().unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

#[cfg(feature = "live")]
#[test]
fn a_live_capture_has_hashes_if_a_format_uses_them() {
    let filter = "proc.name=true and proc.exe_hash.sha256 exists";
    watch(&["-p", "%proc.exe_hash.sha256", filter], |line| {
        line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
}

#[cfg(feature = "live")]
#[test]
fn a_live_capture_has_decisions_if_a_format_uses_them() {
    use eyas::scap::live::{HookMethod, HookSource, ProbeOptions, Source};

    let method = {
        let _turn = eyas_testing::live_turn();
        let interest = Some(Vec::new());
        let mut source = Source::open(ProbeOptions { interest, ..ProbeOptions::default() }).unwrap();
        source.set_hooks(Some(HookSource::Auto)).unwrap()
    };
    // With `*`, lines are printed although fields have no value.
    let format = "*%evt.type %lsm.hook %lsm.verdict";
    if method == HookMethod::Tracepoints {
        let errors =
            watch(&["-p", format, "proc.name=true and evt.type=execve"], |line| line == "execve <NA> <NA>");
        assert!(errors.contains("lsm.* are absent"), "{errors}");
        return;
    }
    let errors = watch(&["-p", format, "proc.name=true and lsm.hook=bprm_check_security"], |line| {
        line == "execve bprm_check_security allowed"
    });
    assert!(errors.is_empty(), "{errors}");
}

#[test]
fn options_in_the_pages_exist() {
    let help = command().arg("--help").output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    let used = blocks::options(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), "sysdig");
    assert!(used.len() > 20, "{} options", used.len());
    for (place, option) in used {
        assert!(blocks::lists(&help, &option), "{place}: sysdig has no option {option}");
    }
}
