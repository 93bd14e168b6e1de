//! `--parquet`: the tables are correct, and either complete or absent.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use eyas::events::EventType;
use eyas::scap::{EventBuilder, Loss, RawEvent, Snapshot, Writer};
use eyas_testing::{Dir, test};
use parquet::basic::Encoding;
use parquet::file::reader::{FileReader, SerializedFileReader};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

/// The directory of the tables; sysdig creates it.
struct Tables {
    /// The directory around it.
    dir: Dir,
    path: PathBuf,
}

impl Tables {
    fn new(name: &str) -> Self {
        let dir = Dir::new(name);
        Self { path: dir.join("tables"), dir }
    }

    fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sysdig")).env("TZ", "UTC").args(args).output().unwrap()
}

/// Standard output; standard error must be empty.
fn prints(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a failure.
fn refuses(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?} succeeds");
    String::from_utf8(output.stderr).unwrap()
}

/// All files below a directory, sorted.
fn files(at: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![at.to_owned()];
    while let Some(at) = open.pop() {
        let Ok(entries) = fs::read_dir(&at) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() { open.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

/// The rows of a table, each by the names of its columns; values as text.
fn rows(tables: &Tables, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for path in files(&tables.path.join(table)) {
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let values = row.get_column_iter().map(|(name, value)| (name.clone(), value.to_string()));
            rows.push(values.collect());
        }
    }
    rows
}

/// A text as a row shows it.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[test]
fn a_row_has_the_values_of_a_line() {
    let tables = Tables::new("rows");
    let filter = "evt.type in (openat, execve, connect, clone, procexit, dup)";
    let names = [
        "evt.num",
        "evt.type",
        "evt.rawres",
        "evt.failed",
        "proc.name",
        "proc.cmdline",
        "fd.name",
        "user.uid",
    ];
    assert_eq!(prints(&["-r", DEMO, "--parquet", tables.text(), "--columns", &names.join(","), filter]), "");
    let format = names.map(|name| format!("%{name}")).join("\t");
    let lines = prints(&["-r", DEMO, "-p", &format!("*{format}"), filter]);
    let rows = rows(&tables, "events");
    let firsts: Vec<_> = rows.iter().filter(|row| row["alternate"] == "false").collect();
    assert_eq!(firsts.len(), lines.lines().count());
    for (line, row) in lines.lines().zip(firsts) {
        for (shown, name) in line.split('\t').zip(names) {
            let value = &row[name];
            let is_same = match shown {
                "<NA>" => value == "null",
                shown => *value == shown || *value == quoted(shown) || shown.contains(['\\', '\u{fffd}']),
            };
            assert!(is_same, "{name}: {shown} or {value}? {line}");
        }
    }
}

#[test]
fn the_tables_contain_processes_files_and_connections() {
    let tables = Tables::new("state");
    // The filter applies only to events.
    prints(&["-r", DEMO, "--parquet", tables.text(), "evt.type=execve"]);
    let processes = rows(&tables, "processes");
    let cat = processes
        .iter()
        .find(|row| row["proc.name"] == quoted("cat") && row["end"] == quoted("exit"))
        .unwrap();
    assert_eq!(
        (&*cat["begin"], &*cat["status"], &*cat["proc.exepath"]),
        ("\"execve\"", "0", "\"/usr/bin/cat\"")
    );
    assert!(cat["proc.aname"].contains("\"bash\""), "{}", cat["proc.aname"]);
    let ended = processes.iter().filter(|row| row["end"] == quoted("exit")).count();
    let exits = prints(&["-r", DEMO, "-p", "%evt.num", "evt.type=procexit and thread.ismain=true"]);
    assert_eq!(ended, exits.lines().count());
    let files = rows(&tables, "files");
    let shadow = files.iter().find(|row| row["fd.name"] == quoted("/etc/shadow")).unwrap();
    assert!(shadow["opens"] != "0" && shadow["fd.type"] == quoted("file"), "{shadow:?}");
    let bytes: i64 = files.iter().map(|row| row["bytes_read"].parse::<i64>().unwrap()).sum();
    let reads = prints(&[
        "-r",
        DEMO,
        "-p",
        "%evt.rawres",
        "evt.io_dir=read and fd.type in (file, directory) and evt.rawres > 0",
    ]);
    assert_eq!(bytes, reads.lines().map(|line| line.parse::<i64>().unwrap()).sum::<i64>());
    let captures = rows(&tables, "captures");
    let [capture] = &captures[..] else { panic!("{captures:?}") };
    assert_eq!(
        (&*capture["whole"], &*capture["error"], &*capture["filter"]),
        ("true", "null", "\"evt.type=execve\"")
    );
    assert_eq!(
        capture["rows"],
        rows(&tables, "events").iter().filter(|row| row["alternate"] == "false").count().to_string()
    );
    assert!(rows(&tables, "losses").is_empty());
}

#[test]
fn partitions_types_and_encodings() {
    let tables = Tables::new("types");
    prints(&["-r", DEMO, "--parquet", tables.text(), "--columns", "usual,proc.aname"]);
    let all = files(&tables.path.join("events"));
    let [path] = &all[..] else { panic!("{all:?}") };
    let shown = path.strip_prefix(&tables.path).unwrap().display().to_string();
    assert!(
        shown.starts_with("events/day=2026-11-23/host=vm/part-") && shown.ends_with(".parquet"),
        "{shown}"
    );
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, reader.metadata().file_metadata().schema());
    let text = String::from_utf8(text).unwrap();
    for part in [
        "OPTIONAL INT64 time (TIMESTAMP(MICROS,true))",
        "OPTIONAL BOOLEAN evt.failed",
        "OPTIONAL INT64 evt.rawres;",
        "OPTIONAL BYTE_ARRAY proc.name (STRING)",
        "OPTIONAL group proc.aname (LIST)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for column in reader.metadata().row_group(0).columns() {
        let name = column.column_path().string();
        let is_dictionary = column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY);
        let counts = ["time", "evt.num", "alternate", "evt.failed"].contains(&&*name);
        // The capture has no client's address.
        let is_empty =
            column.statistics().and_then(|all| all.null_count_opt()) == Some(column.num_values() as u64);
        assert_eq!(is_dictionary, !counts && !is_empty, "{name}");
        assert!(!is_empty || name.starts_with("fd."), "{name}");
    }
    assert!(fs::metadata(path).unwrap().len() < fs::metadata(DEMO).unwrap().len());
}

#[test]
fn several_captures_and_columns_of_rules() {
    let (one, both) = (Tables::new("one"), Tables::new("both"));
    let rules = one.dir.write("rules.yaml", "- {rule: r, desc: d, condition: 'evt.arg.flags contains O_CREAT and proc.aname[3] = sh', output: o, priority: INFO}");
    prints(&[
        "-r",
        DEMO,
        "--parquet",
        one.text(),
        "--columns",
        "evt.num",
        "--rules",
        rules.to_str().unwrap(),
    ]);
    prints(&["-r", DEMO, "-r", DEMO, "--parquet", both.text(), "-p", "%evt.num %proc.name"]);
    let (once, twice) = (rows(&one, "events"), rows(&both, "events"));
    assert_eq!(once.len() * 2, twice.len());
    assert!(once[0].contains_key("evt.arg.flags") && once[0].contains_key("proc.aname[3]"), "{:?}", once[0]);
    let names: Vec<&str> = twice[0].keys().map(String::as_str).collect();
    assert_eq!(names, ["alternate", "evt.num", "proc.name", "time"]);
    assert_eq!(rows(&both, "captures").len(), 2);
}

#[test]
fn mistakes_are_reported() {
    let tables = Tables::new("errors");
    let error = refuses(&["-r", DEMO, "--parquet", tables.text(), "--columns", "evt.num,proc.nam"]);
    assert!(error.contains("column `proc.nam`") && error.contains("did you mean `proc.name`?"), "{error}");
    assert!(!tables.path.exists(), "nothing is made for a mistake");
    prints(&["-r", DEMO, "--parquet", tables.text()]);
    let before = files(&tables.path);
    let error = refuses(&["-r", DEMO, "--parquet", tables.text()]);
    assert!(error.contains("is there already"), "{error}");
    assert_eq!(files(&tables.path), before, "what is there stays, and nothing is added");
    let error = refuses(&["-r", DEMO, "--parquet", DEMO]);
    assert!(error.contains("--parquet") && error.contains("demo.scap.gz"), "{error}");
    let error = refuses(&["--columns", "evt.num", "-r", DEMO]);
    assert!(error.contains("--parquet"), "{error}");
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_behind() {
    let tables = Tables::new("full");
    // Like a full disk, the limit makes writes fail.
    let script = "ulimit -f 16; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_sysdig"), "-r", DEMO, "--parquet", tables.text()]);
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && error.contains("cannot write") && error.contains("File too large"),
        "{error}"
    );
    let events = files(&tables.path.join("events"));
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn a_capture_that_ends_too_early_is_named_in_the_tables() {
    let tables = Tables::new("cut");
    let whole = Command::new("gzip").args(["-dc", DEMO]).output().unwrap().stdout;
    let part = tables.dir.write("part.scap", &whole[..whole.len() / 2 + 1]);
    let error = refuses(&["-r", part.to_str().unwrap(), "--parquet", tables.text()]);
    assert!(!error.is_empty());
    let captures = rows(&tables, "captures");
    assert_eq!(captures[0]["whole"], "false");
    let said = captures[0]["error"].trim_matches('"').to_owned();
    assert!(error.contains(&said) && !said.is_empty(), "{said}: {error}");
    let losses = rows(&tables, "losses");
    assert_eq!(losses[0]["cause"], quoted("capture ends before its end"));
    assert_eq!(
        captures[0]["rows"],
        rows(&tables, "events").iter().filter(|row| row["alternate"] == "false").count().to_string()
    );
}

#[test]
fn a_stream_that_ends_is_a_capture() {
    let tables = Tables::new("stream");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    let command = command.args(["-r", "-", "--parquet", tables.text()]);
    let output = command.stdin(Stdio::from(File::open(DEMO).unwrap())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(rows(&tables, "captures")[0]["path"], quoted("-"));
}

#[test]
fn events_that_the_recorder_skipped_are_losses() {
    let tables = Tables::new("losses");
    let capture = tables.dir.join("losses.scap");
    let mut writer = Writer::create(&capture, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let ratio = 1_u32.to_le_bytes();
    for (second, ty) in
        [(1, EventType::DROP_E), (5, EventType::DROP_X), (7, EventType::DROP_E), (9, EventType::PROCEXIT_1_E)]
    {
        let params: &[&[u8]] = if ty == EventType::PROCEXIT_1_E { &[] } else { &[&ratio] };
        let body: Vec<u8> = params.iter().flat_map(|param| param.iter().copied()).collect();
        let lengths: Vec<u8> = params.iter().flat_map(|param| (param.len() as u16).to_le_bytes()).collect();
        let frame = [lengths, body].concat();
        let event =
            RawEvent::from_parts(second * 1_000_000_000, 1, ty, 0, params.len() as u32, &frame).unwrap();
        writer.event(&event).unwrap();
    }
    writer.finish().unwrap();
    prints(&["-r", capture.to_str().unwrap(), "--parquet", tables.text()]);
    let losses = rows(&tables, "losses");
    let spans: Vec<_> = losses.iter().map(|row| (&*row["begin"], &*row["end"])).collect();
    let time = |second: u32| format!("1970-01-01 00:00:0{second}.000000 +00:00");
    let (first, second) = ((time(1), time(5)), (time(7), time(9)));
    assert_eq!(spans, [(&*first.0, &*first.1), (&*second.0, &*second.1)], "{losses:?}");
}

#[test]
fn losses_of_a_recording_are_rows() {
    let tables = Tables::new("recorded-losses");
    let capture = tables.dir.join("losses.scap");
    let mut writer = Writer::create(&capture, true).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    let exit =
        |second: u64| EventBuilder::new(EventType::PROCEXIT_1_E).ts(second * 1_000_000_000).tid(1).build();
    writer.event(&exit(1).as_raw()).unwrap();
    writer.losses(&[Loss::unknown(3, 2_000_000_000, 4_000_000_000, 17)]);
    writer.event(&exit(9).as_raw()).unwrap();
    writer.finish().unwrap();
    prints(&["-r", capture.to_str().unwrap(), "--parquet", tables.text()]);
    let losses = rows(&tables, "losses");
    let [row] = &losses[..] else { panic!("{losses:?}") };
    let time = |second: u32| format!("1970-01-01 00:00:0{second}.000000 +00:00");
    assert_eq!((&row["begin"], &row["end"]), (&time(2), &time(4)));
    assert_eq!((&*row["events"], &*row["evt.cpu"]), ("17", "3"));
    assert_eq!(rows(&tables, "captures")[0]["lost"], "17");
}
