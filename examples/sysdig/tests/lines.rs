//! Compares the lines of every capture with those of sysdig 0.29.3.
//!
//! sysdig 0.29.3 prints two lines for a call, one when it begins and one when it ends. eyas prints one line with the
//! parameters of both. docs/compatibility-sysdig.md describes the other differences; [`is_same`] implements the list.

use eyas_testing::{Dir, data_or_ignore, ignore, test};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyas::scap::{EventSource, Next, Reader, Writer};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const THEIRS: &str = "/usr/bin/sysdig";
const OURS: &str = env!("CARGO_BIN_EXE_sysdig");
/// Event codes that sysdig 0.29.3 knows. It ends with a segmentation fault at later codes, and at generic events of
/// calls that it does not know.
const KNOWN: std::ops::Range<u16> = 2..336;
/// Number of events of a long capture that are compared, which keeps the test short.
const MOST: usize = 30_000;
/// Captures that sysdig 0.29.3 refuses, with a part of its message.
const REFUSED: [(&str, &str); 7] = [
    ("async.scap", "wrong fd type"),
    ("concat.scap", "wrong fd type"),
    ("curl_google_comments.scap", "expecting 4 bytes"),
    ("kubernetes.scap.gz", "invalid block type"),
    ("noevents.scap", "wrong fd type"),
    ("trunc.scap", "wrong fd type"),
    ("v9.scap", "wrong block total length"),
];

fn need_sysdig() {
    let version = Command::new(THEIRS).arg("--version").output();
    if !version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("0.29.3")) {
        ignore("sysdig 0.29.3 is not installed as /usr/bin/sysdig");
    }
}

/// The parts of a line in the default format.
#[derive(Debug)]
struct Line<'a> {
    time: &'a str,
    cpu: &'a str,
    process: &'a str,
    tid: &'a str,
    is_exit: bool,
    event: &'a str,
    text: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Self {
        Self::parts(line).unwrap_or_else(|| panic!("not a line of an event: {line}"))
    }

    fn parts(line: &'a str) -> Option<Self> {
        let (_number, rest) = line.split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        let (cpu, rest) = rest.split_once(' ')?;
        // A name may contain parentheses, so the direction marks its end.
        let begin = [") > ", ") < "].iter().filter_map(|mark| rest.find(mark)).min()?;
        let (process, tid) = rest[..begin].rsplit_once(" (")?;
        let is_exit = rest[begin..].starts_with(") <");
        let rest = &rest[begin + 4..];
        let (event, text) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Self { time, cpu, process, tid, is_exit, event, text, parameters: parameters_of(text) })
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }
}

/// Splits parameters into names and values. A value may contain blanks.
fn parameters_of(text: &str) -> Vec<(&str, &str)> {
    let is_name = |word: &str| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    };
    let starts: Vec<usize> = (0..text.len())
        .filter(|&at| at == 0 || text.as_bytes()[at - 1] == b' ')
        .filter(|&at| is_name(text[at..].split(' ').next().unwrap_or("")))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let parameter = |(start, end): (&usize, usize)| text[*start..end].split_once('=').unwrap();
    starts.iter().zip(ends).map(parameter).map(|(name, value)| (name, value.trim_end())).collect()
}

/// The event that a parameter comes from.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Enter,
    Exit,
    /// An exit event without an enter event, from a current probe.
    LoneExit,
}

/// Whether two values of one parameter are equivalent.
fn is_same(event: &str, name: &str, theirs: &str, ours: &str, of: Of) -> bool {
    let number = |text: &str| text.split('(').next().unwrap_or("").to_owned();
    match (event, name) {
        _ if theirs == ours => true,
        // Falco 0.44.1 prints the address in decimal.
        ("mmap", "res") => u64::from_str_radix(theirs, 16).is_ok_and(|address| ours.parse() == Ok(address)),
        ("socket", "domain") => theirs.replace("AF_LOCAL", "AF_LOCAL|AF_UNIX") == ours,
        // eyas shows the descriptor after the call, when it is connected.
        ("connect" | "bind" | "sendto" | "sendmsg", "fd") if of == Of::Enter => {
            number(theirs) == number(ours)
        }
        // The requested and the ready descriptors have the same name; eyas shows the ready ones.
        ("poll", "fds") if of == Of::Enter => true,
        ("execve", "loginuid") if theirs == number(ours) => true,
        // An empty buffer, or a parameter that the capture lacks.
        _ if theirs.is_empty() => ["NULL", "<NA>"].contains(&ours),
        (_, "cwd") if theirs == " N" => ours == "<NA>",
        // sysdig 0.29.3 learns working directories, duplicates and sockets only from enter events.
        (_, "fd" | "res" | "dirfd" | "name" | "path" | "oldpath" | "newpath" | "linkpath")
            if of == Of::LoneExit =>
        {
            number(theirs) == number(ours)
        }
        ("poll" | "ppoll", "fds") if of == Of::LoneExit => true,
        // sysdig 0.29.3 keeps ended threads, and knows a child before the child's own event.
        ("signaldeliver" | "clone3" | "switch", "spid" | "res" | "next") => number(theirs) == ours,
        // Newer flags.
        (_, "flags") => ours.starts_with(theirs.trim_end_matches(')')),
        // eyas escapes control characters; sysdig 0.29.3 leaves them out.
        _ => theirs == ours.replace("\\n", ""),
    }
}

/// eyas's name for a parameter of sysdig 0.29.3.
fn name_here<'a>(event: &str, name: &'a str) -> &'a str {
    match (event, name) {
        ("execve", "pgid") => "vpgid",
        _ => name,
    }
}

/// The differences between the lines of both, and the number of sysdig 0.29.3's lines that were compared.
fn differences(theirs: &str, ours: &str) -> (Vec<String>, usize) {
    let mut here: BTreeMap<(&str, &str, &str, bool), Vec<Line<'_>>> = BTreeMap::new();
    for line in ours.lines().rev().map(Line::parse) {
        here.entry((line.time, line.cpu, line.tid, line.is_exit)).or_default().push(line);
    }
    let mut begun: BTreeMap<&str, Line<'_>> = BTreeMap::new();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for text in theirs.lines().filter(|line| !line.trim().is_empty()) {
        count += 1;
        let line = Line::parse(text);
        let found = here.get_mut(&(line.time, line.cpu, line.tid, line.is_exit)).and_then(Vec::pop);
        let Some(found) = found else {
            match line.is_exit {
                true => wrong.push(format!("{} is missing: {text}", line.event)),
                false => drop(begun.insert(line.tid, line)),
            }
            continue;
        };
        let is_event = match line.event {
            "<unknown>" => true,
            "accept" => ["accept", "accept4"].contains(&found.event),
            event => event == found.event,
        };
        // sysdig 0.29.3 shows the container as the process of an event without a thread.
        let is_process = line.process == found.process || line.process.starts_with("container:");
        if !is_event || !is_process {
            wrong.push(format!(
                "{} {} is {} {}: {text}",
                line.process, line.event, found.process, found.event
            ));
        }
        let enter = begun.remove(line.tid).filter(|enter| line.is_exit && enter.event == line.event);
        let exit = if line.is_exit && enter.is_none() { Of::LoneExit } else { Of::Exit };
        let of_exit = line.parameters.iter().map(|parameter| (parameter, exit));
        // A buffer may contain text that looks like parameters.
        let of_exit = of_exit.filter(|_| !found.text.starts_with(line.text.trim_end()));
        let of_enter =
            enter.iter().flat_map(|enter| &enter.parameters).map(|parameter| (parameter, Of::Enter));
        for ((name, value), of) in of_exit.chain(of_enter) {
            let name = name_here(line.event, name);
            match found.parameter(name) {
                Some(ours) if is_same(line.event, name, value, ours, of) => {}
                ours => wrong.push(format!("{} {name}={value} is {ours:?}: {text}", line.event)),
            }
        }
    }
    wrong.extend(here.values().flatten().map(|line| format!("{} is one more: {line:?}", line.event)));
    (wrong, count)
}

/// A program's lines, and its standard error.
fn lines(program: &str, capture: &Path) -> (String, String) {
    let output = Command::new(program).env("TZ", "UTC").arg("-r").arg(capture).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Copies the events that sysdig 0.29.3 knows.
fn copy_known(from: &Path, to: &Path, most: usize) {
    let mut reader = Reader::open(from).unwrap().raw();
    let mut writer = Writer::create(to, false).unwrap();
    let mut count = 0;
    while count < most {
        match reader.next().unwrap() {
            Next::Snapshot(snapshot) => writer.snapshot(&snapshot).unwrap(),
            Next::Event(event) if KNOWN.contains(&event.ty.0) => {
                writer.event(&event).unwrap();
                count += 1;
            }
            Next::Event(_) => {}
            Next::Idle => unreachable!("a file is never idle"),
            Next::End => break,
        }
    }
    writer.finish().unwrap();
}

fn captures() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for folder in ["captures", "captures/upstream", "captures/synthetic", "captures/public"] {
        let entries = std::fs::read_dir(data_or_ignore(folder)).unwrap();
        let is_capture = |path: &PathBuf| {
            path.is_file() && path.to_string_lossy().trim_end_matches(".gz").ends_with(".scap")
        };
        paths.extend(entries.map(|entry| entry.unwrap().path()).filter(is_capture));
    }
    paths.sort();
    paths
}

#[test]
fn lines_are_equal_to_those_of_sysdig() {
    need_sysdig();
    let folder = Dir::new("lines");
    let compared = eyas_testing::on_all_cpus(captures(), |path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // These captures are from Linux 6.18 and contain events that sysdig 0.29.3 does not know.
        let is_new = path.parent().unwrap().ends_with("captures");
        let capture = if is_new { folder.join(&name) } else { path.clone() };
        if is_new {
            let most = if name.starts_with("attack") { usize::MAX } else { MOST };
            copy_known(&path, &capture, most);
        }
        let (theirs, error) = lines(THEIRS, &capture);
        if let Some((_, message)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
            assert!(error.contains(message), "{name}: {error}");
            return (Vec::new(), 0);
        }
        assert!(error.is_empty(), "{name}: {error}");
        let (ours, error) = lines(OURS, &capture);
        assert!(error.is_empty(), "{name}: {error}");
        let (differences, count) = differences(&theirs, &ours);
        println!("{name}: {count} lines, {} differences", differences.len());
        (differences.into_iter().map(|difference| format!("{name}: {difference}")).collect(), count)
    });
    let (wrong, counts): (Vec<Vec<String>>, Vec<usize>) = compared.into_iter().unzip();
    let (wrong, compared) = (wrong.concat(), counts.into_iter().sum::<usize>());
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 180_000, "{compared} lines");
}

#[test]
fn differences_from_sysdig_are_found() {
    let theirs = "1 00:00:01.0 1 cat (100) > read fd=3(<f>/a b) size=4096 \n\
                  2 00:00:02.0 1 cat (100) < read res=5 data=hello x=1 \n\
                  3 00:00:03.0 0 a (b) c (7) < close res=0 \n";
    let ours = "1 00:00:02.0 1 cat (100) < read res=5 data=hello x=1 fd=3(<f>/a b) size=4096\n\
                2 00:00:03.0 0 a (b) c (7) < close res=0 fd=4\n";
    assert_eq!(differences(theirs, ours), (Vec::new(), 3));
    for (part, other) in [
        ("res=5", "res=6"),
        ("/a b", "/a c"),
        ("size=4096", ""),
        ("data=hello", "data=hell"),
        ("cat", "dog"),
        ("close", "open"),
        ("0 a (b)", "1 a (b)"),
        ("(7)", "(8)"),
    ] {
        assert!(!differences(theirs, &ours.replace(part, other)).0.is_empty(), "{part} {other}");
    }
}

#[test]
fn events_of_the_capture_itself_are_shown_to_those_who_name_them() {
    let capture = data_or_ignore("captures/upstream/curl_google.scap");
    let count = |args: &[&str]| {
        let output = Command::new(OURS).arg("-r").arg(&capture).args(args).output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).matches(" > procinfo ").count()
    };
    for hidden in [&[][..], &[""], &[" "], &["proc.name=systemd"], &["evt.num=1"]] {
        assert_eq!(count(hidden), 0, "{hidden:?}");
    }
    assert_eq!((count(&["-D"]), count(&["-D", "evt.num=1"])), (315, 1));
    assert_eq!(count(&["evt.type in (read, procinfo)"]), 315);
}
