//! Views from the user's perspective, with the capture in the repository.

use eyas_testing::{Dir, test};
use std::process::{Command, Output};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysdig"));
    command.env("TZ", "UTC").args(["-r", DEMO]).args(args).output().unwrap()
}

fn prints(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The views, with arguments if they need some.
fn views() -> Vec<String> {
    let list = prints(&["-cl"]);
    let names = list.lines().filter(|line| {
        !line.is_empty()
            && !line.starts_with([' ', '-'])
            && !line.starts_with("Category")
            && !line.starts_with("sysdig ")
    });
    let with_arguments = |line: &str| {
        let name = line.split_whitespace().next().unwrap();
        match name {
            "fdbytes_by" | "fdcount_by" | "fdtime_by" => format!("{name} proc.name"),
            "fileslower" | "netlower" | "scallslower" => format!("{name} 0"),
            "spy_port" => format!("{name} 80"),
            "spy_ip" => format!("{name} 127.0.0.1"),
            "around" => String::new(),
            _ => name.to_owned(),
        }
    };
    names.map(with_arguments).filter(|view| !view.is_empty()).collect()
}

#[test]
fn every_view_is_shown_and_every_line_of_its_json_is_an_object() {
    let views = views();
    assert!(views.len() > 40, "{views:?}");
    eyas_testing::on_all_cpus(views, |view| {
        prints(&["-c", &view]);
        for line in prints(&["-j", "-c", &view]).lines() {
            let json: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{view}: {e}: {line}"));
            assert!(json.is_object(), "{view}: {line}");
        }
    });
}

#[test]
fn a_table_is_a_chisel_a_subcommand_and_json() {
    let text = prints(&["-c", "topfiles_bytes", "proc.name=cat"]);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("Bytes               Filename"));
    assert_eq!(lines.next(), Some(&*"-".repeat(80)));
    assert!(text.lines().count() > 3, "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_sysdig"))
        .args(["view", "topfiles_bytes", "-r", DEMO, "proc.name=cat"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    let json: serde_json::Value =
        serde_json::from_str(&prints(&["-j", "-c", "topfiles_bytes", "proc.name=cat"])).unwrap();
    assert_eq!(json["info"][0]["name"], "fd.name");
    let first = text.lines().nth(2).unwrap();
    assert!(first.ends_with(json["data"][0][0].as_str().unwrap()), "{first}: {json}");
}

#[test]
fn aggregates_add_up_to_what_the_events_say() {
    let calls: usize = prints(&["-j", "-c", "flame"])
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .flat_map(|json| json["data"].as_array().unwrap().clone())
        .map(|row| row[1].as_u64().unwrap() as usize)
        .sum();
    assert_eq!(calls, prints(&["-p", "%evt.num", "syscall.type exists"]).lines().count());
    let text = prints(&["-c", "fdcount_by proc.name"]);
    let cat = text.lines().find(|line| line.ends_with(" cat")).unwrap();
    let mut files: Vec<String> =
        prints(&["-p", "%fd.num %fd.name", "proc.name=cat and fd.num > 0 and fd.name != ''"])
            .lines()
            .map(str::to_owned)
            .collect();
    files.sort();
    files.dedup();
    assert_eq!(cat.split_whitespace().next(), Some(&*files.len().to_string()), "{text}");
}

#[test]
fn the_state_is_that_of_the_first_event_that_passes() {
    let shells = prints(&["-c", "ps", "proc.name=bash"]);
    assert!(
        shells.lines().skip(1).all(|line| line.ends_with(" bash")) && shells.lines().count() > 1,
        "{shells}"
    );
    let before = prints(&["-c", "lsof", "fd.name=/etc/shadow"]);
    assert_eq!(before.lines().count(), 1, "{before}");
    let open = prints(&["-c", "lsof fd.name=/etc/shadow", "evt.num>=1178"]);
    assert!(
        open.lines().nth(1).is_some_and(|line| line.starts_with("cat ") && line.ends_with("/etc/shadow")),
        "{open}"
    );
    // No event passes the filter: the view shows the state at the end.
    assert!(prints(&["-M", "1", "-c", "ps", "proc.pid>0", "evt.num=0"]).lines().count() > 1);
}

#[test]
fn data_is_shown_raw_or_in_the_requested_form() {
    let file = "spy_file R /etc/shadow";
    let text = prints(&["-c", file]);
    assert!(text.contains(" cat(") && text.contains(" R ") && text.contains("/etc/shadow \nroot:"), "{text}");
    let hex = prints(&["-x", "-c", file]);
    assert!(hex.contains("\n\t0x0000: 726f 6f74 3a"), "{hex}");
}

#[test]
fn events_around_a_row_are_written_to_a_capture() {
    let dir = Dir::new("around");
    let path = dir.join("around.scap");
    let name = path.to_str().unwrap();
    let output =
        run(&["-c", &format!("around {name} 1"), "evt.type=openat and fd.name=/etc/shadow and evt.num=1176"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "19:15:35.267018253 cat(21825)\n");
    let read = Command::new(env!("CARGO_BIN_EXE_sysdig"))
        .args(["-r", name, "-p", "%evt.rawtime %thread.tid %proc.name"])
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let times: Vec<u64> = text
        .lines()
        .map(|line| {
            assert!(line.ends_with(" 21825 cat"), "{line}");
            line.split(' ').next().unwrap().parse().unwrap()
        })
        .collect();
    assert!(
        times.len() > 2 && times.iter().all(|ts| ts.abs_diff(1_795_461_335_267_018_253) <= 1_000_000),
        "{text}"
    );
}

#[test]
fn a_user_adds_a_view_with_a_file() {
    let dir = Dir::new("views");
    let write = |name: &str, text: &str| dir.write(name, text);
    let path = write(
        "sizes.yaml",
        "name: read_sizes\nsummary: sizes of reads\n\
         parameters:\n- {name: key, about: field, kind: field, default: proc.name}\n\
         filter: evt.type=read and evt.rawres > 0\norder: mean\ncolumns:\n\
         - {name: mean, value: evt.rawarg.res, aggregate: mean, unit: bytes}\n\
         - {name: max, value: evt.rawarg.res, aggregate: max}\n\
         - {name: min, value: evt.rawarg.res, aggregate: min}\n\
         - {name: n, aggregate: count}\n- {name: $key, value: $key}\n",
    );
    let path = path.to_str().unwrap();
    let text = prints(&["--view", path, "proc.name=cat"]);
    let row: Vec<&str> = text.lines().nth(2).unwrap().split_whitespace().collect();
    let sizes: Vec<i64> =
        prints(&["-p", "%evt.rawres", "proc.name=cat and evt.type=read and evt.rawres > 0"])
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
    assert_eq!(
        row[1..],
        [
            &*sizes.iter().max().unwrap().to_string(),
            &*sizes.iter().min().unwrap().to_string(),
            &*sizes.len().to_string(),
            "cat"
        ]
    );
    assert!(prints(&["--view", path, "-c", "read_sizes fd.name"]).contains("/etc/shadow"));
    assert!(prints(&["--view", path, "-cl"]).contains("read_sizes"));
    for (text, part) in [
        ("name: a\nsumary: b\n", "sumary"),
        ("name: a\nsummary: b\ncolumns: [{name: c, value: proc.nam}]\n", "did you mean `proc.name`?"),
        ("", "wrong.yaml"),
        ("name: a\nname: b\nsummary: c\nline: d\n", "duplicate mapping key: name\n --> "),
        ("name: a\nsummary: b\nline: evt.num\ndrill: [{view: nope, filter: ''}]\n", "drill of view `a`"),
    ] {
        let path = write("wrong.yaml", text);
        // A word that would be an argument of the view is not the mistake, if the file has one.
        let more = if part.contains('`') { &[][..] } else { &["-c", "a", "proc.name"] };
        for more in [&[][..], more] {
            let output = run(&[&["--view", path.to_str().unwrap()], more].concat());
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && error.contains(part), "{text}: {more:?}: {error}");
            assert!(!error.contains("<input>") && !error.contains("Policy"), "{error}");
        }
    }
}

#[test]
fn a_limit_ends_lines_and_rows_of_the_state() {
    let dir = Dir::new("views-limit");
    let view = |text: &str| prints(&["--view", dir.write("limit.yaml", text).to_str().unwrap()]);
    assert_eq!(view("name: x\nsummary: s\nlimit: 3\nline: '{evt.num}'\n").lines().count(), 3);
    let rows = "name: x\nsummary: s\nlimit: 2\nrows: threads\ncolumns: [{name: id, value: thread.tid}]\n";
    assert_eq!(view(rows).lines().count(), 3, "with the heading");
}

#[test]
fn columns_without_a_width_have_a_gap() {
    let dir = Dir::new("views-gap");
    let view = dir.write(
        "view.yaml",
        "name: x\nsummary: s\ncolumns:\n- {name: process, value: proc.name}\n- {name: id, value: proc.pid}\n",
    );
    let text = prints(&["--view", view.to_str().unwrap(), "proc.name=cat"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("{:<20} id", "process"), "{text}");
    assert_eq!(lines[1], format!("{0} {0}", "-".repeat(20)), "{text}");
    assert!(lines[2].starts_with(&format!("{:<20} ", "cat")), "{text}");
}

#[test]
fn unknown_views_and_wrong_arguments_are_errors() {
    for (args, part) in [
        (&["-c", "topproc_cpu"][..], "did you mean `topprocs_cpu`?"),
        (&["-c", "statsd"], "8125"),
        (&["-c", "around"], "dump_file_name"),
        (&["-c", "spy_ip"], "host_ip"),
        (&["-c", "fileslower", "x"], "not a number"),
        (&["-i", "nothing"], "-cl"),
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(error.starts_with("Error: ") && error.contains(part), "{args:?}: {error}");
    }
    assert!(prints(&["-i", "spy_file"]).contains("spy_on_file_name"));
}
