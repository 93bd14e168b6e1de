//! Compares views with the chisels of sysdig 0.29.3 on captures that both can read: tables row by row,
//! lists line by line.
//!
//! docs/compatibility-sysdig.md lists the differences; the tests remove them from both sides before the
//! comparison.

use eyas_testing::{data_or_ignore, ignore, need_program, test};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Captures that have enter events, which sysdig 0.29.3 needs for most chisels.
const CAPTURES: [&str; 3] =
    ["public/502error.scap.gz", "upstream/psp_run_as_user_0_container.scap", "upstream/curl_google.scap"];

/// How the test changes the lines of both programs before it compares them.
#[derive(Clone, Copy)]
enum Rule {
    /// Nothing.
    Same,
    /// Rows with the smallest value may differ, because both programs cut a list of equal values.
    Ties,
    /// Leaves out rows of calls that sysdig counts differently.
    Without(&'static [&'static str]),
    /// The same, and compares only the first 20 remaining rows.
    Top(&'static [&'static str]),
    /// The same, and without those with the smallest value.
    TopTies(&'static [&'static str]),
    /// Each line begins with this many words that count.
    Words(usize),
    /// The words of each line are in another order; leaves out some rows.
    AnyOrder(&'static [&'static str]),
    /// The view has the last part of a second, too.
    LastPart,
    /// Lines about the exit of a call: some of their words. Event numbers differ.
    Calls,
    /// Data whose headings name descriptors: a datagram socket by another of its addresses, and sockets of
    /// old captures with a line break.
    Echo,
    /// Data without its headings.
    Data,
    /// These words of the chisel's lines and of the view's lines. A negative index counts from the end.
    Pick(&'static [isize], &'static [isize]),
    /// Files of processes, without user names. Threads share the files of their process.
    Files,
}
use Rule::{AnyOrder, Calls, Data, Echo, Files, LastPart, Pick, Same, Ties, Top, TopTies, Without, Words};

/// Chisels with their arguments, and how they are compared.
const CHISELS: &[(&str, Rule)] = &[
    ("topprocs_cpu", Without(&["0.00%"])),
    ("topprocs_net", Ties),
    ("topprocs_file", Ties),
    ("topprocs_errors", Ties),
    ("topfiles_bytes", Ties),
    ("topfiles_time", Ties),
    ("topfiles_errors", Ties),
    // The programs show different addresses of a datagram socket.
    ("topconns", Words(1)),
    ("topports_server", Ties),
    // The chisel counts enter events, too, and what is no call.
    (
        "topscalls evt.dir=<",
        TopTies(&["procinfo", "container", "notification", "signaldeliver", "accept", "accept4"]),
    ),
    // Context switches are no calls, and accept4 has its own name.
    ("topscalls_time", Top(&["switch", "accept", "accept4", "signaldeliver"])),
    ("topcontainers_cpu", Without(&["0.00%"])),
    ("topcontainers_net", Ties),
    ("topcontainers_file", Ties),
    ("topcontainers_error", Ties),
    ("fdbytes_by fd.type", Ties),
    ("fdbytes_by proc.name", Ties),
    ("fdtime_by proc.name", Ties),
    ("scallslower 20", Without(&["switch"])),
    ("proc_exec_time", Same),
    ("spy_logs", Same),
    ("spy_syslog", Same),
    ("stdin", Same),
    ("stdout", Same),
    ("stderr", Same),
    // Latencies have all their digits here.
    ("fileslower 0", Words(4)),
    ("netlower 0", Words(4)),
    ("iobytes", LastPart),
    ("iobytes_file", LastPart),
    ("iobytes_net", LastPart),
    ("bottlenecks", Calls),
    ("echo_fds", Echo),
    ("spy_file", Same),
    ("spy_file R", Same),
    ("spy_ip 192.168.0.2", Data),
    ("spy_ip 2607:f8b0:4004:802::2004", Data),
    ("spy_port 80", Data),
    ("spy_users", Same),
    // Latency and size follow.
    ("httplog", Words(6)),
    // The view has all three numbers.
    ("httptop", Pick(&[0, 1, 2], &[0, 3, 4])),
    ("httptop time", Pick(&[0, 1, 2], &[1, 3, 4])),
    ("httptop bytes", Pick(&[0, 1, 2], &[2, 3, 4])),
    ("lsof", Files),
    // The chisel cuts names.
    ("lscontainers", Pick(&[0, -1], &[0, -1])),
    // The chisel repeats one shell; the view counts programs of each.
    ("list_login_shells", Pick(&[0], &[1])),
    // The port of an IPv6 address is not printed there.
    ("netstat", Without(&["fe80"])),
    ("ps", Words(2)),
    // eyas shows no name of an unconnected Unix socket; enter events give datagram sockets other names.
    ("fdcount_by fd.type", AnyOrder(&["unix", "ipv4"])),
];

fn sysdig() -> &'static Path {
    let path = Path::new("/usr/bin/sysdig");
    let version = Command::new(path).arg("--version").output();
    match version {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("0.29.3") => path,
        _ => ignore("sysdig 0.29.3 is not installed as /usr/bin/sysdig"),
    }
}

/// The lines that a program prints, without colours, headings, and blanks that only fill columns.
fn lines(program: &Path, capture: &Path, chisel: &str) -> Vec<Vec<String>> {
    let (name, arguments) = chisel.split_once(' ').unwrap_or((chisel, ""));
    let mut command = Command::new(program);
    command.env("TZ", "UTC").arg("-r").arg(capture).args(["-c", name]);
    if !arguments.is_empty() {
        command.arg(arguments);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{chisel}: {}", String::from_utf8_lossy(&output.stderr));
    let text = without_colors(&String::from_utf8_lossy(&output.stdout));
    let is_row = |line: &Vec<String>| {
        let first = line.first().map_or("", String::as_str);
        let is_rule = line.iter().all(|word| word.bytes().all(|byte| byte == b'-'));
        !first.is_empty() && !is_rule && !is_heading(line)
    };
    text.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).filter(is_row).collect()
}

fn is_heading(line: &[String]) -> bool {
    const FIRST: [&str; 16] = [
        "Bytes",
        "Time",
        "#Errors",
        "CPU%",
        "evt.datetime",
        "proc.duration",
        "Proto",
        "TID",
        "COMMAND",
        "FDs",
        "ncalls",
        "time",
        "bytes",
        "container.type",
        "Programs",
        "All",
    ];
    FIRST.contains(&line[0].as_str()) || line.iter().take(2).eq(["#", "Calls"])
}

fn without_colors(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// Whose lines they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Theirs,
    Ours,
}

/// The lines as they are compared: sorted, and without what the rule leaves out.
fn comparable(mut lines: Vec<Vec<String>>, rule: Rule, side: Side) -> Vec<String> {
    let drop_rows = |lines: &mut Vec<Vec<String>>, words: &[&str]| {
        lines.retain(|line| {
            !words
                .iter()
                .any(|gone| line.iter().any(|word| word == gone || *gone == "fe80" && word.starts_with(gone)))
        });
    };
    let drop_ties = |lines: &mut Vec<Vec<String>>| {
        if let Some(last) = lines.last().map(|line| line[0].clone()) {
            lines.retain(|line| line[0] != last);
        }
    };
    match rule {
        Same => {}
        Ties => drop_ties(&mut lines),
        Without(words) => drop_rows(&mut lines, words),
        Top(words) => {
            drop_rows(&mut lines, words);
            lines.truncate(20);
        }
        TopTies(words) => {
            drop_rows(&mut lines, words);
            lines.truncate(20);
            drop_ties(&mut lines);
        }
        Words(count) => lines.iter_mut().for_each(|line| line.truncate(count)),
        AnyOrder(words) => {
            drop_rows(&mut lines, words);
            lines.iter_mut().for_each(|line| line.sort());
        }
        LastPart => {
            if side == Side::Ours {
                lines.pop();
            }
        }
        Calls => {
            lines.retain(|line| line.get(4).is_some_and(|word| word == "<"));
            lines.iter_mut().for_each(|line| *line = line[1..6].to_vec());
        }
        Echo => {
            for line in lines.iter_mut().filter(|line| line[0] == "------") {
                let end = line.len() - 1;
                line.drain(line.len().min(4).min(end)..end);
            }
        }
        Data => lines.retain(|line| line[0] != "------"),
        Pick(theirs, ours) => {
            let wanted = if side == Side::Theirs { theirs } else { ours };
            for line in &mut lines {
                let at = |index: &isize| index.rem_euclid(line.len() as isize) as usize;
                *line = wanted.iter().map(|index| line[at(index)].clone()).collect();
            }
            lines.sort();
            lines.dedup();
        }
        Files => {
            // COMMAND PID TID USER FD TYPE NAME; old captures have names of sockets with a line break.
            lines.retain(|line| line.len() >= 6 && line[1] == line[2]);
            for line in &mut lines {
                line.remove(3);
                line.truncate(6);
                if let Some(name) = line.get_mut(5) {
                    *name = name.trim_end_matches("\\n").to_owned();
                }
            }
        }
    }
    let mut lines: Vec<String> = lines.into_iter().map(|line| line.join(" ")).collect();
    lines.sort();
    lines
}

#[test]
fn views_show_what_the_chisels_of_sysdig_show() {
    let (theirs, ours) = (sysdig(), PathBuf::from(env!("CARGO_BIN_EXE_sysdig")));
    let captures = CAPTURES.map(|capture| (capture, data_or_ignore(format!("captures/{capture}"))));
    let cases = captures.iter().flat_map(|capture| CHISELS.iter().map(move |chisel| (capture, chisel)));
    let wrong = eyas_testing::on_all_cpus(cases, |((capture, path), (chisel, rule))| {
        let theirs = comparable(lines(theirs, path, chisel), *rule, Side::Theirs);
        let ours = comparable(lines(&ours, path, chisel), *rule, Side::Ours);
        let first = theirs.iter().zip(&ours).find(|(a, b)| a != b);
        (theirs != ours)
            .then(|| format!("{capture} {chisel}: {} and {} lines, {first:?}", theirs.len(), ours.len()))
    });
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The columns of each line of a heat map that have a colour. The chisels draw on terminals only.
fn heat_map(program: &Path, capture: &Path, arguments: &str) -> Vec<Vec<usize>> {
    let script = need_program("script");
    let (program, capture) = (program.display(), capture.display());
    let command = format!("stty cols 120 rows 30; exec {program} -r {capture} -c {arguments}");
    let output = Command::new(script)
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(colored).filter(|columns| !columns.is_empty()).collect()
}

/// The columns of a line that have a background other than black.
fn colored(line: &str) -> Vec<usize> {
    let (mut columns, mut column, mut is_colored) = (Vec::new(), 0, false);
    let mut parts = line.split('\x1b');
    let mut add = |text: &str, is_colored: bool| {
        for _ in text.chars().filter(|c| *c != '\r') {
            columns.extend(is_colored.then_some(column));
            column += 1;
        }
    };
    add(parts.next().unwrap_or_default(), false);
    for part in parts {
        let Some((code, text)) = part.split_once(|c: char| c.is_ascii_alphabetic()) else { continue };
        if let Some(background) = code.strip_prefix("[48;5;") {
            is_colored = background != "0";
        } else if matches!(code, "[" | "[0") && part[code.len()..].starts_with('m') {
            is_colored = false;
        }
        add(text, is_colored);
    }
    columns
}

#[test]
fn heat_maps_have_the_columns_of_the_chisels() {
    let (theirs, ours) = (sysdig(), PathBuf::from(env!("CARGO_BIN_EXE_sysdig")));
    for capture in CAPTURES {
        let path = data_or_ignore(format!("captures/{capture}"));
        let latencies = [theirs, &ours].map(|program| heat_map(program, &path, "spectrogram"));
        assert!(latencies[0].concat().len() > 20, "{latencies:?}");
        assert_eq!(latencies[0], latencies[1], "{capture}");
        // The chisel draws each column one place too far left, the first one not at all, and no last part of a
        // second.
        let [theirs, ours] = [theirs, &ours]
            .map(|program| heat_map(program, &path, "subsecoffset 'evt.type in (open, close)'"));
        let columns = |lines: &[Vec<usize>], shift: usize| -> BTreeSet<usize> {
            lines.iter().flatten().map(|column| column + shift).filter(|column| *column > 0).collect()
        };
        let (all, without_last) = (columns(&ours, 0), columns(&ours[..ours.len() - 1], 0));
        let theirs = columns(&theirs, 1);
        assert!(!theirs.is_empty(), "{capture}");
        assert!(
            theirs.is_subset(&all) && theirs.is_superset(&without_last),
            "{capture}: {theirs:?} {ours:?}"
        );
    }
}

/// The number of rows that a view has of each capture, and the first value: what was found equal once.
const RECORDED: &[(&str, [(usize, &str); 3])] = &[
    ("topprocs_cpu", [(2, "0.41%"), (2, "1.06%"), (1, "0.25%")]),
    ("topprocs_net", [(2, "23.50KB"), (1, "4.89KB"), (1, "11.40KB")]),
    ("topprocs_file", [(10, "1.91KB"), (8, "6.58KB"), (1, "31.36KB")]),
    ("topprocs_errors", [(39, "160"), (9, "9"), (1, "43")]),
    ("topfiles_bytes", [(5, "30.06KB"), (10, "6.71KB"), (10, "832B")]),
    ("topfiles_time", [(5, "380us"), (10, "3.44ms"), (10, "21us")]),
    ("topports_server", [(2, "25.41KB"), (1, "4.89KB"), (2, "11.31KB")]),
    ("topscalls_time", [(30, "22.03s"), (30, "21.83s"), (30, "80ms")]),
    ("topcontainers_file", [(0, ""), (1, "4.68KB"), (0, "")]),
    ("fdbytes_by fd.type", [(3, "70.60KB"), (7, "18.55KB"), (2, "31.36KB")]),
    ("fdtime_by proc.name", [(3, "29ms"), (10, "3.63ms"), (1, "510us")]),
    ("proc_exec_time", [(74, "180us"), (1, "9.25ms"), (1, "12ms")]),
    ("scallslower 20", [(91, "2017-09-23"), (82, "2019-07-09"), (1, "2018-08-17")]),
    ("stdout", [(349, "GET"), (6, "ls"), (5, "<!doctype")]),
    ("httplog", [(111, "2017-09-23"), (0, ""), (1, "2018-08-17")]),
    ("netstat", [(4, "tcp"), (37, "udp"), (6, "udp")]),
];

#[test]
fn views_show_what_was_found_equal_before() {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_sysdig"));
    let mut found: BTreeMap<&str, Vec<(usize, String)>> = BTreeMap::new();
    for capture in CAPTURES {
        let path = data_or_ignore(format!("captures/{capture}"));
        for (chisel, expected) in RECORDED {
            let lines = lines(&ours, &path, chisel);
            let first = lines.first().map_or(String::new(), |line| line[0].clone());
            let _ = expected;
            found.entry(chisel).or_default().push((lines.len(), first));
        }
    }
    for (chisel, expected) in RECORDED {
        let expected: Vec<(usize, String)> =
            expected.iter().map(|(count, first)| (*count, (*first).to_owned())).collect();
        assert_eq!(found[chisel], expected, "{chisel}");
    }
}
