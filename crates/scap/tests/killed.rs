//! A killed writer leaves a readable capture; a reader of a pipe gets events while the writer writes.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eyas_events::EventType;
use eyas_events::param::SYSCALL_CLOSE_X;
use eyas_scap::{EventBuilder, EventSource, Next, Reader, Snapshot, ThreadEntry, Writer};
use eyas_testing::Dir;

/// Environment variable of the process to be killed: the file, and `gz` or `plain`.
const ROLE: &str = "EYAS_KILLED_WRITER";
/// Events, and how many of them are in a second of their own time.
const EVENTS: u64 = 50_000;
const PER_SECOND: u64 = 1_000;

fn snapshot() -> Snapshot {
    let thread = ThreadEntry { tid: 9, pid: 9, comm: b"cat".to_vec(), ..ThreadEntry::default() };
    Snapshot { threads: vec![thread], ..Snapshot::default() }
}

fn write(writer: &mut Writer, count: u64) {
    for n in 0..count {
        let ts = 1_700_000_000_000_000_000 + n * 1_000_000_000 / PER_SECOND;
        let event =
            EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ts).tid(9).int(SYSCALL_CLOSE_X::fd, n as i64);
        writer.event(&event.build().as_raw()).unwrap();
    }
}

/// Not a test by itself: what the test below starts.
#[test]
fn writer_to_be_killed() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let path = PathBuf::from(role);
    let compress = path.extension().is_some_and(|extension| extension == "gz");
    let mut writer = Writer::create(&path, compress).unwrap();
    writer.snapshot(&snapshot()).unwrap();
    println!("snapshot");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    write(&mut writer, EVENTS);
    println!("events");
    std::io::stdin().read_line(&mut line).unwrap();
    unreachable!("killed before");
}

/// The numbers of the events, the snapshots, and whether the capture ends as it should.
fn read(path: &Path) -> (Vec<i64>, Vec<Snapshot>, bool) {
    let mut reader = Reader::open(path).unwrap();
    let (mut found, mut snapshots) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok(Next::Event(event)) => found.push(event.int(SYSCALL_CLOSE_X::fd).unwrap()),
            Ok(Next::Snapshot(snapshot)) => snapshots.push(*snapshot),
            Ok(Next::Idle) => unreachable!("a file is never idle"),
            Ok(Next::End) => return (found, snapshots, true),
            Err(_) => return (found, snapshots, false),
        }
    }
}

#[test]
fn a_killed_writer_leaves_what_it_wrote() {
    let folder = Dir::new("killed");
    for (name, after) in [("plain", "snapshot"), ("gz", "snapshot"), ("plain", "events"), ("gz", "events")] {
        let path = folder.join(format!("{after}.{name}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_to_be_killed", "--nocapture"])
            .env(ROLE, &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        for line in lines {
            if line.ends_with(after) {
                break;
            }
            if line.ends_with("snapshot") {
                stdin.write_all(b"\n").unwrap();
            }
        }
        // SIGKILL: nothing is tidied up.
        child.kill().unwrap();
        child.wait().unwrap();
        let (found, snapshots, _) = read(&path);
        assert_eq!(snapshots, [snapshot()], "{}", path.display());
        assert!(found.iter().copied().eq(0..found.len() as i64), "{}", path.display());
        if after == "events" {
            // No more than the last second of the events' own time is lost.
            assert!(found.len() as u64 > EVENTS - PER_SECOND, "{}: {}", path.display(), found.len());
        }
    }
}

#[test]
fn a_pipe_is_read_while_its_writer_continues() {
    for compress in [false, true] {
        let (from, to) = std::io::pipe().unwrap();
        let mut writer = Writer::new(to, compress);
        let (tell, told) = std::sync::mpsc::channel();
        let reading = std::thread::spawn(move || {
            let mut reader = Reader::from_reader(from).unwrap();
            let mut count = 0_u64;
            loop {
                match reader.next().unwrap() {
                    Next::Event(_) => {
                        count += 1;
                        tell.send(count).unwrap();
                    }
                    Next::End => return count,
                    Next::Snapshot(_) | Next::Idle => {}
                }
            }
        });
        writer.snapshot(&snapshot()).unwrap();
        // More than what the reader inflates itself, so that another thread does it in the end.
        for (count, all) in [(1, 1), (7, 8), (30_000, 30_008), (1, 30_009)] {
            write(&mut writer, count);
            writer.flush().unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while told.recv_timeout(deadline - Instant::now()).unwrap() < all {}
        }
        writer.finish().unwrap();
        assert_eq!(reading.join().unwrap(), 30_009, "compressed: {compress}");
    }
}

#[test]
fn a_writer_says_how_much_it_wrote() {
    for compress in [false, true] {
        let (mut from, to) = std::io::pipe().unwrap();
        let reading = std::thread::spawn(move || from.read_to_end(&mut Vec::new()).unwrap());
        let mut writer = Writer::new(to, compress);
        writer.snapshot(&snapshot()).unwrap();
        write(&mut writer, 10_000);
        writer.flush().unwrap();
        let written = writer.written();
        writer.finish().unwrap();
        let all = reading.join().unwrap() as u64;
        // A compressed one ends with its checksum.
        assert!(written <= all && all - written <= if compress { 16 } else { 0 }, "{written} of {all}");
    }
}
