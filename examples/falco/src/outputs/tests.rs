use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eyas_testing::Dir;
use rustix::fs::OFlags;

use super::*;
use crate::config::{Config, EngineKind};
use crate::output::{Alert, Change, Cx, Failure, Lines, Output, Outputs, Section, Settings, with_cx};
use crate::signals::Stop;

/// Longer than any step of a test takes.
const LONG: Duration = Duration::from_secs(60);
/// Milliseconds after which an output is treated as stuck, where one is.
const SHORT: u64 = 300;

/// A live configuration with this file as its only output.
fn with_file(path: &Path) -> Config {
    let output_timeout = LONG.as_millis() as u64;
    let mut config = Config { output_timeout, ..Config::default() };
    stdout::Settings { enabled: false, ..stdout::Settings::default() }.put(&mut config);
    set_file(&mut config, path, true);
    config
}

fn set_file(config: &mut Config, path: &Path, keep_alive: bool) {
    let (enabled, filename) = (true, path.to_owned());
    file::Settings { enabled, keep_alive, filename, ..file::Settings::default() }.put(config);
}

fn set_program(config: &mut Config, program: &str, keep_alive: bool) {
    program::Settings {
        enabled: true,
        keep_alive,
        program: program.to_owned(),
        ..program::Settings::default()
    }
    .put(config);
}

fn open(config: &Config) -> Outputs {
    Outputs::open(OUTPUTS, config, false, Stop::default()).unwrap()
}

/// Changes after how many milliseconds outputs are treated as stuck.
fn set_timeout(outputs: &mut Outputs, config: &Config, ms: u64) {
    let config = Config { output_timeout: ms, ..config.clone() };
    outputs.change(Change::new(OUTPUTS, &config, Settings::new(&config, false), |_| false).unwrap());
}

fn send(outputs: &mut Outputs, text: &str) {
    outputs.batch().push(Alert::new(text.as_bytes(), 4));
    outputs.offer();
}

#[track_caller]
fn wait(what: &str, until: impl Fn() -> bool) {
    let began = Instant::now();
    while !until() {
        assert!(began.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn counts(outputs: &Outputs, name: &str) -> (u64, u64, u64) {
    let counts = outputs.hub().counts()[name];
    (counts.delivered, counts.lost, counts.waiting)
}

/// Opens a FIFO for reading, without waiting for a writer.
fn reader(path: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    File::options().read(true).custom_flags(flags).open(path).unwrap()
}

#[test]
fn rows_are_named_as_their_sections() {
    let known = serde_json::to_value(Config::default()).unwrap();
    for (at, row) in OUTPUTS.iter().enumerate() {
        assert!(row.depends_on.iter().all(|key| known.get(key).is_some()), "{}", row.name);
        // The shape and the section have the same keys, and the defaults are valid.
        let complete = (row.complete)(None).unwrap();
        let keys = |object: &serde_json::Value| -> Vec<String> {
            let mut keys: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        };
        let mut shape: Vec<&str> = row.shape.keys().iter().map(|(key, _)| *key).collect();
        shape.sort_unstable();
        assert_eq!(keys(&complete), shape, "{}", row.name);
        assert!(OUTPUTS[..at].iter().all(|other| other.name != row.name), "{}", row.name);
    }
}

#[test]
fn alerts_reach_a_file_and_a_program() {
    let dir = Dir::new("outputs-both");
    let mut config = with_file(&dir.join("alerts"));
    for keep_alive in [false, true] {
        set_program(&mut config, &format!("cat >> {}", dir.join("program").display()), keep_alive);
        set_file(&mut config, &dir.join("alerts"), keep_alive);
        let mut outputs = open(&config);
        send(&mut outputs, "one");
        outputs.reopen();
        send(&mut outputs, "two");
        assert!(!outputs.close());
        assert_eq!(counts(&outputs, "program_output"), (2, 0, 0));
    }
    for file in ["alerts", "program"] {
        assert_eq!(dir.read(file), "one\ntwo\none\ntwo\n", "{file}");
    }
}

#[test]
fn an_output_without_a_destination_is_refused() {
    let no_file = file::Settings { enabled: true, ..file::Settings::default() };
    assert!(no_file.check().unwrap_err().to_string().contains("file_output.filename is empty"));
    let no_program = program::Settings { enabled: true, ..program::Settings::default() };
    assert!(no_program.check().unwrap_err().to_string().contains("program_output.program is empty"));
    let outputs =
        Outputs::open(OUTPUTS, &with_file(Path::new("/nonexistent/alerts")), false, Stop::default());
    assert_eq!(
        format!("{:#}", outputs.err().unwrap()),
        "file_output: can't open /nonexistent/alerts: No such file or directory (os error 2): there is no directory /nonexistent: \
         make it, or name another one"
    );
}

#[test]
fn a_file_that_is_not_kept_open_may_be_moved_away() {
    let dir = Dir::new("outputs-moved");
    let mut config = with_file(&dir.join("alerts"));
    for (keep_alive, old, new) in [(true, "one\ntwo\n", None), (false, "one\n", Some("two\n"))] {
        set_file(&mut config, &dir.join("alerts"), keep_alive);
        let mut outputs = open(&config);
        send(&mut outputs, "one");
        wait("one", || counts(&outputs, "file_output").0 == 1);
        fs::rename(dir.join("alerts"), dir.join("old")).unwrap();
        send(&mut outputs, "two");
        outputs.close();
        assert_eq!(dir.read("old"), old);
        assert_eq!(fs::read_to_string(dir.join("alerts")).ok().as_deref(), new);
    }
}

#[test]
fn waiting_for_a_fifo_blocks_no_other_output() {
    let dir = Dir::new("outputs-fifo");
    let fifo = dir.fifo("alerts");
    let mut outputs = open(&Config { output_timeout: SHORT, ..with_file(&fifo) });
    send(&mut outputs, "one");
    wait("stuck", || outputs.hub().stuck().iter().any(|(_, text)| text.contains("a FIFO without a reader")));
    let mut read = reader(&fifo);
    send(&mut outputs, "two");
    wait("delivered", || counts(&outputs, "file_output") == (2, 0, 0));
    let mut bytes = [0; 64];
    let len = read.read(&mut bytes).unwrap();
    assert_eq!(&bytes[..len], b"one\ntwo\n");
    assert!(outputs.hub().stuck().is_empty());
    // The reader closes the FIFO, and another one opens it.
    drop(read);
    send(&mut outputs, "three");
    wait("the loss is noticed", || outputs.hub().stuck().iter().any(|(_, text)| text.contains("FIFO")));
    let mut read = reader(&fifo);
    wait("delivered again", || counts(&outputs, "file_output") == (3, 0, 0));
    let len = read.read(&mut bytes).unwrap();
    assert_eq!(&bytes[..len], b"three\n");
    assert!(!outputs.close());
}

#[test]
fn a_file_takes_the_place_of_a_fifo_that_is_full() {
    let dir = Dir::new("outputs-full-fifo");
    let fifo = dir.fifo("alerts");
    let mut read = reader(&fifo);
    let config = with_file(&fifo);
    let mut outputs = open(&Config { output_timeout: SHORT, ..config.clone() });
    let line = "x".repeat(999);
    for _ in 0..100 {
        send(&mut outputs, &line);
    }
    wait("stuck", || counts(&outputs, "file_output").0 >= 50 && !outputs.hub().stuck().is_empty());
    set_timeout(&mut outputs, &config, config.output_timeout);
    fs::remove_file(&fifo).unwrap();
    outputs.reopen();
    outputs.close();
    drop(outputs);
    let mut in_fifo = String::new();
    read.read_to_string(&mut in_fifo).unwrap();
    // The last line in the FIFO may be cut. It is in the file, too.
    let (text, in_fifo) = (dir.read("alerts"), in_fifo.matches(&format!("{line}\n")).count());
    assert!(text.lines().all(|text| text == line), "lines are whole");
    assert!((50..70).contains(&in_fifo), "{in_fifo}");
    assert_eq!(text.lines().count(), 100 - in_fifo);
}

#[test]
fn alerts_that_a_full_disk_refuses_are_counted() {
    let mut outputs = open(&with_file(Path::new("/dev/full")));
    for _ in 0..300 {
        send(&mut outputs, "alert");
    }
    wait("all lost", || counts(&outputs, "file_output") == (0, 300, 0));
    assert!(outputs.hub().stuck().is_empty(), "it is not stuck");
    outputs.close();
}

#[test]
fn a_line_that_a_full_disk_cut_ends_before_the_next() {
    let alerts =
        |texts: &[&str]| -> Vec<Alert> { texts.iter().map(|text| Alert::new(text.as_bytes(), 4)).collect() };
    let mut lines = Lines::default();
    let disk = std::cell::RefCell::new(Vec::new());
    let room = std::cell::Cell::new(6);
    let mut write = |texts: &[&str]| {
        let put = |bytes: &[u8]| {
            let fits = bytes.len().min(room.get());
            if fits == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            room.set(room.get() - fits);
            disk.borrow_mut().extend_from_slice(&bytes[..fits]);
            Ok(fits)
        };
        with_cx(|cx| lines.write(&alerts(texts), cx, put, || Ok(())))
    };
    assert!(matches!(write(&["one", "two", "three"]), Ok(1)));
    assert!(matches!(write(&["two", "three"]), Err(Failure::Lost(why)) if why == "disk full"));
    assert!(matches!(write(&["three"]), Err(Failure::Lost(_))));
    room.set(100);
    assert!(matches!(write(&["four", "five"]), Ok(2)));
    assert_eq!(*disk.borrow(), b"one\ntw\nfour\nfive\n");
}

#[test]
fn a_program_that_never_reads_blocks_no_other_output_and_is_ended() {
    let dir = Dir::new("outputs-hung");
    for keep_alive in [true, false] {
        let mut config = with_file(&dir.join("alerts"));
        set_program(
            &mut config,
            &format!("echo $$ > {}; exec sleep 600", dir.join("pid").display()),
            keep_alive,
        );
        let mut outputs = open(&Config { output_timeout: SHORT, ..config });
        for number in 0..1000 {
            send(&mut outputs, &format!("{number:0100}"));
        }
        wait("the file", || counts(&outputs, "file_output") == (1000, 0, 0));
        wait("stuck", || {
            outputs.hub().stuck().iter().any(|(channel, _)| channel.row().name == "program_output")
        });
        wait("its number", || fs::read_to_string(dir.join("pid")).is_ok_and(|text| text.ends_with('\n')));
        let began = Instant::now();
        assert!(!outputs.close());
        assert!(began.elapsed() < LONG / 2);
        // The thread of the output does the rest when it gets a CPU. The program read no alert, although some fit in the pipe.
        wait("all are lost", || counts(&outputs, "program_output") == (0, 1000, 0));
        let pid = dir.read("pid");
        wait("it was ended", || has_ended(&pid));
        fs::remove_file(dir.join("pid")).unwrap();
    }
}

/// Whether the process of this number has ended, which closes its files.
fn has_ended(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // Its state follows its name: it may wait for its parent.
    status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

#[test]
fn a_program_that_ends_is_started_again() {
    let dir = Dir::new("outputs-ends");
    let mut config = with_file(&dir.join("alerts"));
    set_program(
        &mut config,
        &format!("read line; echo \"$$ $line\" >> {}", dir.join("program").display()),
        true,
    );
    let mut outputs = open(&config);
    let lines = || fs::read_to_string(dir.join("program")).unwrap_or_default();
    let mut numbers = Vec::new();
    for number in 1..=3 {
        send(&mut outputs, &number.to_string());
        wait("it reads one", || lines().matches('\n').count() == number);
        let text = lines();
        let (pid, line) = text.lines().last().unwrap().split_once(' ').unwrap();
        assert_eq!(line, number.to_string());
        wait("it ends", || has_ended(pid));
        numbers.push(pid.to_owned());
    }
    outputs.close();
    assert_eq!(lines().lines().count(), 3);
    numbers.dedup();
    assert_eq!(numbers.len(), 3, "one process for each");
    assert_eq!(counts(&outputs, "program_output"), (3, 0, 0));
}

#[test]
fn alerts_of_a_failed_program_are_lost() {
    let dir = Dir::new("fails");
    let mut config = with_file(&dir.join("alerts"));
    let reads = "read line && test \"$line\" = good";
    for (program, lost) in [("exec /nonexistent/program", 2), (reads, 1), ("cat > /dev/null; kill -9 $$", 2)]
    {
        set_program(&mut config, program, false);
        let mut outputs = open(&config);
        for text in ["good", "bad"] {
            send(&mut outputs, text);
        }
        outputs.close();
        assert_eq!(counts(&outputs, "program_output"), (2 - lost, lost, 0), "{program}");
        assert_eq!(counts(&outputs, "file_output"), (2, 0, 0));
    }
    assert_eq!(program::describe(std::os::unix::process::ExitStatusExt::from_raw(9)), "signal 9");
}

#[test]
fn alerts_that_a_program_leaves_in_its_pipe_are_lost() {
    let dir = Dir::new("leaves");
    let mut config = with_file(&dir.join("alerts"));
    let go = dir.join("go");
    let waits = format!("until [ -e {} ]; do sleep 0.01; done", go.display());
    for (end, lost) in [("exit 0", 2), ("exec 0<&-; exit 0", 2), ("read line", 1), ("cat > /dev/null", 0)] {
        set_program(&mut config, &format!("{waits}; {end}"), true);
        let mut outputs = open(&config);
        // `read` takes single bytes from a pipe.
        for text in ["one", "two"] {
            send(&mut outputs, text);
        }
        wait("both are in the pipe", || counts(&outputs, "program_output").0 == 2);
        fs::write(&go, "").unwrap();
        outputs.close();
        assert_eq!(counts(&outputs, "program_output"), (2 - lost, lost, 0), "{end}");
        fs::remove_file(&go).unwrap();
    }
}

#[test]
fn a_deleted_file_is_created_again() {
    let dir = Dir::new("deleted");
    fs::create_dir(dir.join("logs")).unwrap();
    let mut outputs = open(&with_file(&dir.join("logs/alerts")));
    send(&mut outputs, "one");
    wait("the first", || counts(&outputs, "file_output") == (1, 0, 0));
    fs::remove_file(dir.join("logs/alerts")).unwrap();
    send(&mut outputs, "two");
    wait("the second", || counts(&outputs, "file_output") == (2, 0, 0));
    assert_eq!(dir.read("logs/alerts"), "two\n");
    fs::remove_dir_all(dir.join("logs")).unwrap();
    send(&mut outputs, "three");
    wait("the third", || counts(&outputs, "file_output") == (2, 1, 0));
    fs::create_dir(dir.join("logs")).unwrap();
    send(&mut outputs, "four");
    outputs.close();
    assert_eq!(dir.read("logs/alerts"), "four\n");
    assert_eq!(counts(&outputs, "file_output"), (3, 1, 0));
}

#[test]
fn a_queue_that_is_full_loses_alerts_of_its_output_alone() {
    let dir = Dir::new("outputs-queue-full");
    let fifo = dir.fifo("fifo");
    let _read = reader(&fifo);
    let mut config = with_file(&fifo);
    config.outputs_queue.capacity = 10;
    set_program(&mut config, &format!("cat > {}", dir.join("program").display()), true);
    let mut outputs = open(&Config { output_timeout: SHORT, ..config });
    let line = "x".repeat(9_999);
    for sent in 1..=50 {
        send(&mut outputs, &line);
        wait("the program", || counts(&outputs, "program_output").0 == sent);
    }
    let full = outputs.hub().counts()["file_output"].queue_full;
    // The FIFO takes 6, some perhaps late.
    assert!((30..=40).contains(&full), "{full}");
    outputs.close();
    let (delivered, lost, waiting) = counts(&outputs, "file_output");
    assert_eq!((delivered + lost, waiting), (50, 0));
    assert!(delivered <= 10 && lost >= full, "{delivered} {lost}");
    assert_eq!(outputs.hub().counts()["file_output"].queue_full, full);
}

#[test]
fn a_hanging_log_daemon_blocks_no_other_output() {
    static ROW: Row = Row {
        name: "test_syslog",
        // The socket of the daemon.
        place: |config| config.rules_files[0].display().to_string(),
        open: |config| Ok(syslog::open_at(&config.rules_files[0])),
        ..Row::BARE
    };
    let dir = Dir::new("outputs-log-hangs");
    let path = dir.join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let outputs = open(&Config { output_timeout: SHORT, ..with_file(Path::new("/dev/null")) });
    let config = Config { rules_files: vec![path.clone()], ..Config::default() };
    let channel = outputs.hub().add_file(&ROW, &config).unwrap();
    for number in 0..1000 {
        channel.push(&[Alert::new(format!("{number}").as_bytes(), 4)], |_| false);
    }
    // Even the first may wait for a CPU so long that the output is treated as stuck.
    wait("stuck", || counts(&outputs, "test_syslog").0 > 0 && !outputs.hub().stuck().is_empty());
    let (delivered, lost, waiting) = counts(&outputs, "test_syslog");
    assert_eq!((delivered + waiting, lost), (1000, 0));
    assert!(delivered > 0 && waiting > 0, "{delivered} {waiting}");
    // The daemon reads again.
    let mut bytes = [0; 64];
    for number in 0..1000 {
        let len = daemon.recv(&mut bytes).unwrap();
        assert!(bytes[..len].ends_with(format!(": {number}").as_bytes()), "in order");
    }
    wait("all", || counts(&outputs, "test_syslog") == (1000, 0, 0));
    assert!(outputs.hub().stuck().is_empty());
}

/// An output that panics once, at the second of three alerts.
struct Panics;

static DELIVERIES: AtomicUsize = AtomicUsize::new(0);

impl Output for Panics {
    fn deliver(&mut self, _: &[Alert], _: &Cx<'_>) -> Result<usize, Failure> {
        assert!(DELIVERIES.fetch_add(1, Ordering::Relaxed) != 1, "the second");
        Ok(1)
    }
}

#[test]
fn an_output_that_panics_continues_with_the_next_alert() {
    static ROW: Row = Row { name: "test", open: |_| Ok(Box::new(Panics)), ..Row::BARE };
    let outputs = open(&with_file(Path::new("/dev/null")));
    let channel = outputs.hub().add_file(&ROW, &Config::default()).unwrap();
    for _ in 0..3 {
        channel.push(&[Alert::new(b"x", 4)], |_| false);
    }
    wait("all three", || counts(&outputs, "test") == (2, 1, 0));
}

/// An output that takes its time for an alert, and in the end finds that nobody has read it.
struct Unread;

static IS_DELIVERING: AtomicBool = AtomicBool::new(false);
static MAY_GO_ON: AtomicBool = AtomicBool::new(false);

impl Output for Unread {
    fn deliver(&mut self, _: &[Alert], _: &Cx<'_>) -> Result<usize, Failure> {
        IS_DELIVERING.store(true, Ordering::Relaxed);
        wait("it may go on", || MAY_GO_ON.load(Ordering::Relaxed));
        Ok(1)
    }

    fn abandon(&mut self, cx: &Cx<'_>) {
        cx.lose_delivered(1, "nobody has read it");
    }
}

#[test]
fn an_alert_that_is_given_up_while_it_is_delivered_is_lost_once() {
    static ROW: Row = Row { name: "test", open: |_| Ok(Box::new(Unread)), ..Row::BARE };
    let outputs = open(&with_file(Path::new("/dev/null")));
    let channel = outputs.hub().add_file(&ROW, &Config::default()).unwrap();
    channel.push(&[Alert::new(b"x", 4), Alert::new(b"y", 4)], |_| false);
    wait("it is delivering", || IS_DELIVERING.load(Ordering::Relaxed));
    channel.abandon(1);
    MAY_GO_ON.store(true, Ordering::Relaxed);
    wait("the end", || channel.has_ended());
    assert_eq!(counts(&outputs, "test"), (0, 2, 0));
}

#[test]
fn outputs_that_a_reload_does_not_change_continue() {
    let dir = Dir::new("outputs-reload");
    let mut config = with_file(&dir.join("a"));
    set_program(&mut config, &format!("cat > {}", dir.join("program").display()), true);
    let mut outputs = open(&config);
    send(&mut outputs, "one");
    set_file(&mut config, &dir.join("b"), true);
    let change =
        Change::new(OUTPUTS, &config, Settings::new(&config, false), |row| row.name == "file_output")
            .unwrap();
    outputs.change(change);
    send(&mut outputs, "two");
    program::Settings::default().put(&mut config);
    outputs.change(Change::new(OUTPUTS, &config, Settings::new(&config, false), |_| false).unwrap());
    send(&mut outputs, "three");
    outputs.close();
    assert_eq!([dir.read("a"), dir.read("b"), dir.read("program")], ["one\n", "two\nthree\n", "one\ntwo\n"]);
    assert_eq!(counts(&outputs, "file_output"), (3, 0, 0));
    // A change that is not applied has no effect.
    drop(Change::new(OUTPUTS, &config, Settings::new(&config, false), |_| true).unwrap());
    assert_eq!(dir.read("b"), "two\nthree\n");
}

#[test]
fn a_request_to_end_is_obeyed_in_time_although_an_output_blocks() {
    let dir = Dir::new("outputs-asked");
    let fifo = dir.fifo("fifo");
    let mut config = with_file(&fifo);
    config.engine.kind = EngineKind::Replay;
    config.outputs_queue.capacity = 1;
    let stop = Stop::default();
    let mut outputs = Outputs::open(OUTPUTS, &config, false, stop.clone()).unwrap();
    send(&mut outputs, "one");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            stop.set();
        });
        let began = Instant::now();
        // A replay waits for room, but not for ever.
        send(&mut outputs, "two");
        assert!(began.elapsed() < LONG / 2);
    });
    assert_eq!(counts(&outputs, "file_output"), (0, 1, 1));
}
