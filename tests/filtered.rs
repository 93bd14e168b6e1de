//! Compares captures of the same calls with and without the probe's filter: the alerts are the same, and no
//! rule needs the missing events. Needs root and a kernel that loads the probe.

use eyas_testing::{Dir, test};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use eyas::EngineFilters;
use eyas::events::filter::{Filter, UnusedFiles};
use eyas::events::{EventType, SyscallCode};
use eyas::rules::{AlertOptions, Engine, RuleFormulas, RuleSet, RuleSource};
use eyas::scap::live::{ProbeOptions, Source};
use eyas::scap::{EventSource, OwnedEvent};
use eyas::sinsp::pushdown::Pushdown;
use eyas::sinsp::{FileKind, Inspector, Step, probe_filter, schema};
use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use rustix::process::Signal;

#[path = "filtered/directories.rs"]
mod directories;
#[allow(dead_code, reason = "the tests of verdicts use the rest")]
#[path = "filtered/ia32.rs"]
mod ia32;
#[path = "filtered/opens.rs"]
mod opens;
#[path = "filtered/special.rs"]
mod special;

fn main() -> std::process::ExitCode {
    if ia32::is_attempt() {
        return std::process::ExitCode::SUCCESS;
    }
    eyas_testing::main()
}

/// One in this many filtered events is sent.
const SAMPLE: u32 = 8;
/// Rules use directories and pipes, but no plain files.
const PLAIN: UnusedFiles = UnusedFiles { plain: true, ..UnusedFiles::NONE };

/// Rules with every kind of predicate that the probe supports, and with some that it does not. `BASE` is a
/// directory.
const RULES: [(&str, &str); 18] = [
    (
        "a missing secret",
        "evt.type in (open, openat) and evt.failed = true and fd.name startswith BASE/secret/",
    ),
    ("a missing name", "evt.type in (open, openat) and fd.num < 0 and fd.filename = attack.conf"),
    ("any key", "evt.type in (open, openat) and fd.num < 0 and fd.name endswith .key"),
    ("a directory", "evt.type in (open, openat) and fd.num < 0 and fd.directory in (BASE/one, BASE/two)"),
    ("within", "evt.type in (access, faccessat, faccessat2) and evt.arg.name contains attack"),
    (
        "whole",
        "evt.type in (access, faccessat, faccessat2) and evt.arg.name in (BASE/one/file, BASE/.hidden/file)",
    ),
    ("a mode", "evt.type in (chmod, fchmodat, fchmodat2) and evt.arg.mode contains S_ISUID"),
    ("an error", "evt.type in (unlink, unlinkat) and evt.res = EISDIR"),
    ("a link", "evt.type = symlinkat and evt.arg.linkpath startswith BASE/two/ and evt.rawres = 0"),
    (
        "a rename that failed",
        "evt.type in (rename, renameat, renameat2) and evt.rawres < 0 and evt.arg.newpath endswith passwd",
    ),
    ("a flag", "evt.type = unlinkat and evt.arg.flags contains AT_REMOVEDIR and not evt.rawres = 0"),
    ("no program of that name", "evt.type in (mkdir, mkdirat) and proc.name = nobody-has-this-name"),
    ("a signal", "evt.type = kill and evt.arg.sig = SIGURG"),
    ("no such signal", "evt.type = kill and evt.arg.sig in (SIGSTOP, SIGSEGV)"),
    ("a new directory", "evt.type in (mkdir, mkdirat) and fs.path.name startswith BASE/two/"),
    ("a removed name", "evt.type = unlinkat and fs.path.nameraw endswith passwd"),
    ("a target", "evt.type = symlinkat and fs.path.target startswith BASE/none/"),
    (
        "the text of a path",
        "evt.type in (open, openat) and evt.failed = true and evt.rawarg.name endswith /b",
    ),
];

fn engine(base: &Path) -> Engine {
    engine_of(&RULES, "%evt.type %evt.res %evt.args %fd.name", base)
}

fn engine_of(rules: &[(&str, &str)], output: &str, base: &Path) -> Engine {
    let mut text = String::new();
    for (name, condition) in rules {
        let condition = condition.replace("BASE", base.to_str().unwrap());
        text += &format!(
            "- rule: {name}\n  desc: d\n  priority: INFO\n  condition: {condition}\n  output: '{output}'\n"
        );
    }
    let source = RuleSource::new("rules.yaml", text);
    RuleSet::new(Arc::new(schema()), [source])
        .unwrap()
        .matching(eyas::rules::Matching::All)
        .compile()
        .unwrap()
}

fn rows(engine: &Engine) -> Pushdown {
    let formulas = RuleFormulas::new(engine);
    Pushdown::new(&mut |code| formulas.conditions(code))
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Random calls, of which some are attacks.
fn script(base: &Path) {
    let long = format!("{}/secret", "long".repeat(80));
    let names = [
        "secret/a",
        "one/file",
        "one/attack.conf",
        "two//attack.conf",
        "two/../secret/b",
        ".hidden/file",
        "none/a.key",
        "none/a.keys",
        "one/attack",
        "secret",
        "two/passwd",
        "three/x",
        "one",
        &long,
        "a\tb/attack.conf",
        "link/attack.conf",
    ];
    let mut numbers = Numbers(1);
    let of_32_bits = ia32::is_there().then(ia32::Caller::new).flatten();
    for _ in 0..3600 {
        let mut path = base.join(names[numbers.below(names.len())]);
        if numbers.below(8) == 0 {
            path = path.strip_prefix("/").unwrap().to_path_buf();
        }
        let other = base.join(names[numbers.below(names.len())]);
        let kind = numbers.below(12);
        let mode = if numbers.below(2) == 0 { 0o4755 } else { 0o755 };
        let flags = [AtFlags::empty(), AtFlags::REMOVEDIR][numbers.below(2)];
        let signal = [Signal::URG, Signal::WINCH, Signal::CONT][numbers.below(3)];
        // Most fail on purpose.
        if let Some(caller) = of_32_bits.as_ref().filter(|_| numbers.below(3) == 0) {
            match kind {
                0..4 => caller.open(&path),
                4 => caller.access(&path),
                5 => caller.chmod(&path, mode),
                6 => caller.unlink(&path, flags.bits()),
                7 => caller.symlink(&other, &path),
                8 => caller.rename(&path, &other),
                9 | 10 => caller.mkdir(&path),
                _ => caller.kill(signal.as_raw() as u32),
            }
            continue;
        }
        match kind {
            0..4 => drop(rustix::fs::openat(CWD, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())),
            4 => drop(rustix::fs::access(&path, Access::READ_OK)),
            5 => drop(rustix::fs::chmodat(CWD, &path, Mode::from_raw_mode(mode), AtFlags::empty())),
            6 => drop(rustix::fs::unlinkat(CWD, &path, flags)),
            7 => drop(rustix::fs::symlinkat(&other, CWD, &path)),
            8 => drop(rustix::fs::renameat(CWD, &path, CWD, &other)),
            9 | 10 => drop(rustix::fs::mkdirat(CWD, &path, Mode::RWXU)),
            _ => drop(rustix::process::kill_process(rustix::process::getpid(), signal)),
        }
    }
}

/// An event of the script's thread.
struct Seen {
    event: OwnedEvent,
    may_match: bool,
    is_sample: bool,
    alerts: Vec<String>,
}

/// A capture, and the number of events read from it.
type Capture = (Source, Inspector, u64);

/// The events of a thread that has ended, in a capture.
fn seen(capture: &mut Capture, engine: &Engine, rows: &Pushdown, tid: i64) -> Vec<Seen> {
    let (source, inspector, delivered) = capture;
    let (mut evaluator, options) = (engine.evaluator(), AlertOptions::default());
    let (mut out, mut found) = (Vec::new(), Vec::new());
    source.stop_handle().stop();
    loop {
        match inspector.next(source).unwrap() {
            Step::Event(view) => {
                *delivered += 1;
                evaluator.matches(&view, &mut found).unwrap();
                let line = |hit: eyas::rules::Match| {
                    let text = engine.alert(hit, &view, &options).to_text();
                    // Without the time.
                    format!("{} {}", engine.rule(hit.rule).name, text.split_once(' ').unwrap().1)
                };
                let alerts: Vec<String> = found.drain(..).map(line).collect();
                if view.event().tid == tid {
                    let (may_match, is_sample) = (rows.may_match(&view), view.is_sample());
                    out.push(Seen { event: OwnedEvent::from(view.event()), may_match, is_sample, alerts });
                }
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    let stats = source.stats();
    assert_eq!(stats.drops(), 0);
    assert_eq!(stats.produced, *delivered + stats.filtered, "produced is not delivered and filtered");
    out
}

/// Calls with these names.
fn codes(names: &[&str]) -> Vec<SyscallCode> {
    eyas::events::syscalls().filter(|call| names.contains(&call.name)).map(|call| call.code).collect()
}

fn open(codes: &[SyscallCode]) -> Capture {
    let options = ProbeOptions { io_uring: false, ..ProbeOptions::only(codes) };
    let mut source = Source::open(options).unwrap();
    let mut inspector = Inspector::default();
    let begun = u64::from(matches!(inspector.next(&mut source).unwrap(), Step::Event(_)));
    (source, inspector, begun)
}

/// Runs the script in a thread of its own; returns the thread's id.
fn run(script: impl FnOnce() + Send) -> i64 {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            script();
            i64::from(rustix::thread::gettid().as_raw_nonzero().get())
        });
        thread.join().unwrap()
    })
}

/// Runs the script during a capture of these calls with the filter and one without. Returns the events of the script: all, and those
/// that the filter let pass.
fn seen_in_both(
    engine: &Engine,
    (filter, sample): (&Filter, u32),
    calls: &[&str],
    script: impl FnOnce() + Send,
) -> [Vec<Seen>; 2] {
    let (rows, codes) = (rows(engine), codes(calls));
    let (mut plain, mut filtered) = (open(&codes), open(&codes));
    filtered.0.set_filter(Some(filter), sample).unwrap();
    let tid = run(script);
    [&mut plain, &mut filtered].map(|capture| seen(capture, engine, &rows, tid))
}

fn alerts(of: &[Seen]) -> Vec<String> {
    of.iter().flat_map(|seen| seen.alerts.clone()).collect()
}

/// Fails at the first difference.
fn assert_same(have: &[String], want: &[String]) {
    let at = have.iter().zip(want).position(|(have, want)| have != want);
    let at = at.unwrap_or(have.len().min(want.len()));
    assert_eq!((have.get(at), have.len()), (want.get(at), want.len()), "at {at}");
}

/// Compares two captures: alerts, and event by event. Returns the events that the filter left out, and the
/// number of those that it could have left out but did not.
fn missing<'a>(all: &'a [Seen], some: &[Seen], rules: &[(&str, &str)]) -> (Vec<&'a Seen>, usize) {
    let (want, have) = (alerts(all), alerts(some));
    assert_same(&have, &want);
    for (rule, _) in rules {
        let is_there = want.iter().any(|alert| alert.starts_with(rule));
        assert!(is_there != rule.starts_with("no "), "what matches '{rule}'?");
    }
    let mut rest = some.iter().peekable();
    let (mut missing, mut kept) = (Vec::new(), 0);
    for seen in all {
        let is_same = |other: &&&Seen| {
            let (one, other) = (seen.event.as_raw(), other.event.as_raw());
            // The paths of directories come last, and only while the filter leaves directories out.
            one.ty == other.ty && one.params().zip(other.params()).all(|(one, other)| one == other)
        };
        if rest.next_if(|other| is_same(&other)).is_some() {
            kept += usize::from(!seen.may_match);
            continue;
        }
        missing.push(seen);
        // No rule needs the missing events.
        assert!(!seen.may_match, "the probe leaves out what a rule may need: {:?}", seen.event.as_raw());
    }
    assert!(rest.next().is_none(), "an event that did not happen");
    (missing, kept)
}

#[test]
fn alerts_are_those_without_the_filter() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = Dir::new("filtered");
    for name in ["secret", "one", "two", ".hidden"] {
        std::fs::create_dir_all(base.join(name)).unwrap();
    }
    std::fs::write(base.join(".hidden/file"), "").unwrap();
    std::os::unix::fs::symlink("one", base.join("link")).unwrap();
    let engine = engine(&base);
    let rows = rows(&engine);
    let fields = engine.fields_by_use().concat();
    let filter = probe_filter(&rows, &fields, UnusedFiles::NONE).unwrap();
    let codes = codes(&[
        "open",
        "openat",
        "close",
        "access",
        "faccessat",
        "faccessat2",
        "chmod",
        "fchmodat",
        "fchmodat2",
        "unlink",
        "unlinkat",
        "symlinkat",
        "rename",
        "renameat",
        "renameat2",
        "mkdir",
        "mkdirat",
        "kill",
    ]);
    let (mut plain, mut filtered) = (open(&codes), open(&codes));
    filtered.0.set_filter(Some(&filter), SAMPLE).unwrap();
    let tid = run(|| script(&base));
    let by_type = filtered.0.filtered_by_type();
    let all = seen(&mut plain, &engine, &rows, tid);
    let some = seen(&mut filtered, &engine, &rows, tid);

    let (missing, kept) = missing(&all, &some, &RULES);
    assert!(missing.len() > 500, "{} events are left out, {kept} of no use are not", missing.len());
    let samples = some.iter().filter(|seen| seen.is_sample).count();
    assert!(samples > missing.len() / (2 * SAMPLE as usize), "{samples} samples of {}", missing.len());
    assert!(some.iter().all(|seen| !seen.is_sample || !seen.may_match && seen.alerts.is_empty()));
    assert!(all.iter().all(|seen| !seen.is_sample));
    let count = |ty: EventType| by_type.iter().find(|(of, _)| *of == ty).map_or(0, |(_, count)| *count);
    assert!(count(EventType::SYSCALL_OPENAT_2_X) > 100, "{by_type:?}");
    println!(
        "{} of {} events are left out, {kept} of no use are not; {} bytes",
        missing.len(),
        all.len(),
        filter.bytes()
    );
}

/// Rules that use descriptors, but none of a plain file.
const RULES_ON_DESCRIPTORS: [(&str, &str); 10] = [
    ("a secret", "evt.type in (open, openat, openat2) and fd.num >= 0 and fd.name startswith BASE/secret/"),
    ("below a directory", "evt.type = openat and fd.name = BASE/one/wanted"),
    ("by a link", "evt.type = openat and fd.nameopened = BASE/one/wanted and fd.filename = link"),
    ("written to a pipe", "evt.type = write and fd.type = pipe"),
    ("written to a socket", "evt.type = write and fd.typechar = u"),
    ("a copy of a socket", "evt.type in (dup, dup2, dup3) and fd.type in (unix, ipv4)"),
    ("no copy of a socket", "evt.type in (dup, dup2, dup3) and fd.type = ipv6"),
    ("read from memory", "evt.type = read and fd.type = memfd"),
    ("mode of a directory", "evt.type = fchmod and fd.type = directory and fd.name = BASE/one"),
    ("a write to a directory", "evt.type = write and fd.type = directory"),
];

/// Random calls on file descriptors, whose numbers are reused for different files.
fn descriptors(base: &Path) {
    use rustix::{fs, io};
    // Closes of threads that share their descriptors are sent.
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES).unwrap();
    let mut numbers = Numbers(2);
    let mut held: Vec<OwnedFd> = Vec::new();
    let root = fs::openat(CWD, base, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
    let files = ["secret/a", "one/plain", "one/other", "one/link", "two/plain", "one/wanted"];
    for _ in 0..4000 {
        match numbers.below(16) {
            0..6 => {
                let name = files[numbers.below(files.len())];
                held.extend(fs::openat(CWD, base.join(name), OFlags::RDWR, Mode::empty()));
            }
            6 => held.extend(fs::openat(&root, "one/wanted", OFlags::RDONLY, Mode::empty())),
            7 => held.extend(fs::openat(CWD, base.join("one"), OFlags::RDONLY, Mode::empty())),
            8 => {
                let (reader, writer) = std::io::pipe().unwrap();
                held.extend([OwnedFd::from(reader), writer.into()]);
            }
            9 => {
                let (one, other) = UnixStream::pair().unwrap();
                held.extend([OwnedFd::from(one), other.into()]);
            }
            10 => {
                let memory = fs::memfd_create("m", fs::MemfdFlags::empty()).unwrap();
                io::write(&memory, b"x").unwrap();
                held.push(memory);
            }
            11 if held.len() > 1 => {
                // The previous file is closed without an event.
                let mut target = held.swap_remove(numbers.below(held.len()));
                let source = &held[numbers.below(held.len())];
                io::dup2(source, &mut target).unwrap();
                held.push(target);
            }
            12 if !held.is_empty() => {
                let copy = io::dup(&held[numbers.below(held.len())]).unwrap();
                held.push(copy);
            }
            _ => {}
        }
        // Calls on the current files of the descriptors.
        if !held.is_empty() {
            let fd = &held[numbers.below(held.len())];
            match numbers.below(4) {
                0 => {
                    let copy = io::fcntl_dupfd_cloexec(fd, 0);
                    held.extend(copy);
                }
                1 => drop(fs::fchmod(fd, Mode::RWXU)),
                2 => drop(io::read(fd, &mut [0; 1][..0])),
                _ => drop(io::write(fd, b"")),
            }
        }
        while held.len() > 24 || numbers.below(3) == 0 && !held.is_empty() {
            drop(held.swap_remove(numbers.below(held.len())));
        }
    }
}

/// Rules on names that depend on the start directory of a path, or, for the last two, on its spelling.
const RULES_ON_NAMES: [(&str, &str); 9] = [
    ("above an old name", "evt.type = openat and fd.num >= 0 and fd.name = BASE/one/lower"),
    ("below a link", "evt.type = openat and fd.num >= 0 and fd.name startswith BASE/alias/"),
    ("below an old name", "evt.type = openat and fd.num >= 0 and fd.name startswith BASE/old/"),
    ("below a new name", "evt.type = openat and fd.num >= 0 and fd.nameopened startswith BASE/new/"),
    ("where dots lead", "evt.type = openat and fd.num >= 0 and fd.name = BASE/two/wanted"),
    ("by the working directory", "evt.type = openat and fd.num >= 0 and fd.name = BASE/two/relative"),
    ("by a link to a file", "evt.type = openat and fd.num >= 0 and fd.name endswith /link"),
    ("with dots", "evt.type = openat and fd.num >= 0 and fd.nameraw contains one/../"),
    ("as it was given", "evt.type = openat and evt.arg.name contains ./plain"),
];

/// Opens of files by paths that begin at directories with several names.
fn names(base: &Path) {
    use rustix::{fs, process};
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES | rustix::thread::UnshareFlags::FS).unwrap();
    process::chdir(base.join("two")).unwrap();
    let mut numbers = Numbers(3);
    let directory = |path: &str| {
        fs::openat(CWD, base.join(path), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
    };
    let paths = [
        "plain",
        "wanted",
        "relative",
        "link",
        "./plain",
        "../one/plain",
        "../two/wanted",
        "../one/../two//wanted",
    ];
    let mut is_old = true;
    for _ in 0..400 {
        // The same directory under different names, with one file descriptor number.
        for at in ["one", "alias", "two", "alias/../two", "root"] {
            let at = if at == "root" { if is_old { "old" } else { "new" } } else { at };
            let held = directory(at);
            for _ in 0..2 {
                let path = paths[numbers.below(paths.len())];
                drop(fs::openat(&held, path, OFlags::RDONLY, Mode::empty()));
            }
            if at == "old" || at == "new" && numbers.below(2) == 0 {
                let other = if is_old { "new" } else { "old" };
                fs::rename(base.join(at), base.join(other)).unwrap();
                is_old = !is_old;
                drop(fs::openat(&held, "plain", OFlags::RDONLY, Mode::empty()));
            }
        }
        // Up from a directory, and from there down to files, as programs do that search a tree.
        for at in ["one/inner", "alias/inner", "two/inner", "one/inner"] {
            let held = directory(at);
            // Half of the times, it is elsewhere by then.
            let is_moved = at == "one/inner" && numbers.below(2) == 0;
            let moved = base.join("two/moved");
            if is_moved {
                fs::rename(base.join(at), &moved).unwrap();
            }
            let upper = fs::openat(&held, "..", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
            for _ in 0..3 {
                drop(fs::openat(&upper, paths[numbers.below(4)], OFlags::RDONLY, Mode::empty()));
            }
            drop(fs::openat(&upper, "lower", OFlags::RDONLY, Mode::empty()));
            if is_moved {
                fs::rename(&moved, base.join(at)).unwrap();
            }
        }
        let path = paths[numbers.below(paths.len())];
        drop(fs::openat(CWD, path, OFlags::RDONLY, Mode::empty()));
        drop(fs::openat(CWD, base.join("two").join(path), OFlags::RDONLY, Mode::empty()));
        drop(fs::openat(CWD, base.join("alias").join(path), OFlags::RDONLY, Mode::empty()));
    }
}

#[test]
fn directories_of_paths_have_the_names_that_rules_see() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = Dir::new("names");
    for directory in ["one", "two", "old"] {
        std::fs::create_dir_all(base.join(directory)).unwrap();
        for name in ["plain", "wanted", "relative"] {
            std::fs::write(base.join(directory).join(name), "text").unwrap();
        }
        std::os::unix::fs::symlink("plain", base.join(directory).join("link")).unwrap();
    }
    std::os::unix::fs::symlink("one", base.join("alias")).unwrap();
    std::fs::create_dir(base.join("one/inner")).unwrap();
    std::fs::create_dir(base.join("two/inner")).unwrap();
    std::fs::write(base.join("two/lower"), "text").unwrap();
    let [all, sent] = opens_of_names(&base, &RULES_ON_NAMES, true);
    println!("{sent} of {all} opens are sent to rules on paths as they are written");
    let others = &RULES_ON_NAMES[..RULES_ON_NAMES.len() - 2];
    let with_directories = [true, false].map(|follows_directories| {
        let [all, sent] = opens_of_names(&base, others, follows_directories);
        println!("{sent} of {all} opens are sent to others");
        // Half of the paths lead through a link, or up from where they begin.
        assert!(all - sent > 800, "{sent} of {all} opens are sent");
        sent
    });
    let [followed, left_out] = with_directories;
    assert!(left_out < followed, "{left_out} and {followed} opens are sent");
}

/// Runs the script during a capture with the filter and one without. Returns the number of opens in each.
fn opens_of_names(base: &Path, rules: &[(&str, &str)], follows_directories: bool) -> [usize; 2] {
    // The previous run has renamed the directory.
    let _ = std::fs::rename(base.join("new"), base.join("old"));
    let engine = engine_of(rules, "%evt.type %evt.res %fd.name %fd.nameraw", base);
    assert_eq!(file_user(&engine, true), None);
    let filter = match follows_directories {
        true => probe_filter(&rows(&engine), &engine.fields_by_use().concat(), PLAIN).unwrap(),
        false => directories::filter_of(&engine),
    };
    let calls = ["openat", "close", "chdir", "rename", "renameat", "renameat2", "unshare"];
    let [all, some] = seen_in_both(&engine, (&filter, 0), &calls, || names(base));
    let (want, have) = (alerts(&all), alerts(&some));
    assert_same(&have, &want);
    for (rule, _) in rules {
        assert!(want.iter().any(|alert| alert.starts_with(rule)), "no call matches '{rule}'");
    }
    [all, some]
        .map(|of| of.iter().filter(|seen| seen.event.as_raw().ty == EventType::SYSCALL_OPENAT_2_X).count())
}

/// The field of a rule that depends on the plain file of a descriptor.
fn file_user(engine: &Engine, is_live: bool) -> Option<&'static str> {
    EngineFilters::new(engine).file_user(FileKind::Plain, is_live).map(|user| user.field)
}

#[test]
fn rules_on_files_disable_the_filter_of_opens() {
    let base = Path::new("/base");
    let user = |condition: &str, output: &str| file_user(&engine_of(&[("r", condition)], output, base), true);
    assert_eq!(file_user(&engine_of(&RULES_ON_DESCRIPTORS, "%evt.type %fd.name %fd.type", base), true), None);
    for (condition, output, field) in [
        ("evt.type = read and fd.name = /etc/shadow", "o", "fd.name"),
        ("evt.type = fchmod and fd.name startswith /bin/", "o", "fd.name"),
        ("evt.type = fchmodat2 and fd.name startswith /bin/", "o", "fd.name"),
        ("evt.type = close and fd.directory = /etc", "o", "fd.directory"),
        ("evt.type = write and not fd.type = ipv4", "o", "fd.type"),
        ("evt.type = write and fd.type in (file, ipv4)", "o", "fd.type"),
        ("evt.type = write", "%fd.name", "fd.name"),
        ("evt.type = write", "%evt.args", "evt.args"),
        ("evt.type = mmap", "%evt.arg.fd", "evt.arg"),
        ("evt.type = openat and fd.name startswith /etc", "%evt.arg.dirfd", "evt.arg"),
        ("evt.type = dup", "%fd.num", "fd.num"),
        ("evt.type = poll", "%fdlist.names", "fdlist.names"),
        ("spawned_process and proc.stdin.type = file", "o", "proc.stdin.type"),
        ("evt.type = execve", "%fd.types", "fd.types"),
        ("evt.type = kill and proc.fdopencount > 100", "o", "proc.fdopencount"),
        ("evt.type = pwrite and evt.is_syslog = true", "o", "evt.is_syslog"),
        ("evt.category = file", "o", "evt.category"),
        ("evt.type = read and evt.buflen > 100", "o", "evt.buflen"),
        ("evt.type = linkat and evt.abspath.src = /etc/shadow", "o", "evt.abspath"),
        ("evt.type = fchmod", "%fs.path.name", "fs.path.name"),
        ("evt.type = fchownat", "%fs.path.name", "fs.path.name"),
        ("evt.type = unlinkat", "%evt.arg.dirfd", "evt.arg"),
    ] {
        let condition = condition.replace("spawned_process", "evt.type = execve");
        assert_eq!(user(&condition, output), Some(field), "{condition}, {output}");
    }
    for (condition, output) in [
        ("evt.type in (open, openat, openat2, creat) and fd.name startswith /etc", "%fd.name %fd.types"),
        ("evt.type = write and fd.type in (ipv4, ipv6) and not fd.name = x", "%fd.name"),
        ("evt.type in (sendto, sendmsg) and (fd.typechar = 4 or fd.typechar = 6)", "%fd.name %fd.sip"),
        ("evt.type = read and fd.sport = 22", "%fd.name"),
        ("evt.type = socket and evt.arg.domain contains AF_PACKET", "%evt.args %fd.name"),
        ("evt.type = read", "%fd.num %evt.res"),
        ("evt.type in (openat, renameat)", "%evt.args"),
        ("evt.type = linkat", "%evt.arg.oldpath"),
        ("evt.type = unlinkat", "%evt.abspath %fs.path.name"),
        ("evt.type = renameat or evt.type = openat and fd.typechar = f", "%fd.name"),
        ("evt.type = execve and proc.exepath = /bin/sh", "%proc.cwd %proc.fdlimit"),
        ("evt.type in (chmod, fchmod) and not (proc.name = x and fd.name = /exec.fifo)", "%evt.arg.fd"),
        (
            "evt.type = fchmodat2 and not (proc.name = x and fd.name = /exec.fifo)",
            "%evt.arg.dirfd %evt.arg.filename",
        ),
        ("evt.type = fchownat", "%fd.name"),
        ("evt.type = fchown and fd.type = file and not fd.directory = /tmp", "%fd.name"),
    ] {
        let output = output.replace(" %fd.types", "");
        assert_eq!(user(condition, &output), None, "{condition}, {output}");
    }
}

#[test]
fn unused_opens_and_closes_are_filtered_out() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = Dir::new("descriptors");
    for name in ["secret", "one", "two"] {
        std::fs::create_dir_all(base.join(name)).unwrap();
    }
    for name in ["secret/a", "one/plain", "one/other", "two/plain", "one/wanted"] {
        std::fs::write(base.join(name), "text").unwrap();
    }
    std::os::unix::fs::symlink("wanted", base.join("one/link")).unwrap();
    let engine = engine_of(&RULES_ON_DESCRIPTORS, "%evt.type %evt.res %fd.type %fd.name", &base);
    let (rows, fields) = (rows(&engine), engine.fields_by_use().concat());
    assert_eq!(file_user(&engine, true), None);
    let filter = probe_filter(&rows, &fields, PLAIN).unwrap();
    let codes = codes(&[
        "open",
        "openat",
        "openat2",
        "close",
        "dup",
        "dup2",
        "dup3",
        "fcntl",
        "pipe2",
        "socketpair",
        "read",
        "write",
        "memfd_create",
        "fchmod",
        "unshare",
    ]);
    let (mut plain, mut filtered) = (open(&codes), open(&codes));
    filtered.0.set_filter(Some(&filter), SAMPLE).unwrap();
    let tid = run(|| descriptors(&base));
    let by_type = filtered.0.filtered_by_type();
    let all = seen(&mut plain, &engine, &rows, tid);
    let some = seen(&mut filtered, &engine, &rows, tid);

    let (missing, kept) = missing(&all, &some, &RULES_ON_DESCRIPTORS);
    let of = |list: &[&Seen], ty: EventType| {
        list.iter()
            .filter(|seen| seen.event.as_raw().ty == ty && seen.event.as_raw().int(0) >= Some(0))
            .count()
    };
    let opened = of(&missing, EventType::SYSCALL_OPENAT_2_X);
    let closed = of(&missing, EventType::SYSCALL_CLOSE_X);
    println!(
        "{opened} opens and {closed} closes of {} events are left out; {kept} of no use are not; {by_type:?}",
        all.len()
    );
    assert!(opened > 400 && closed > 400, "{opened} opens and {closed} closes of {} are left out", all.len());
}

#[test]
fn filters_change_without_a_gap() {
    let _turn = eyas_testing::live_turn();
    let codes = [SyscallCode::ACCESS, SyscallCode::FACCESSAT];
    // Room for all calls, which nobody reads meanwhile.
    let options = ProbeOptions { ring_bytes: 64 << 20, ..ProbeOptions::only(codes) };
    let mut source = Source::open(options).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    // Both filters pass calls on one path, and each those on one more path.
    let filter = |other: &str| {
        let text = format!(
            "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type in (access, faccessat, faccessat2) and \
             evt.arg.name in (/eyas/always, /eyas/{other})\n"
        );
        let source = RuleSource::new("r.yaml", text);
        let engine = RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap();
        probe_filter(&rows(&engine), &[], UnusedFiles::NONE).unwrap()
    };
    let filters = [filter("one"), filter("two")];
    let (stop, rounds, made) = (AtomicBool::new(false), 20, AtomicU64::new(0));
    let calls = std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut calls = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for path in ["/eyas/always", "/eyas/never"] {
                    let _ = rustix::fs::access(path, Access::EXISTS);
                }
                calls += 1;
                made.store(calls, Ordering::Relaxed);
                if calls.is_multiple_of(64) {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            }
            (calls, i64::from(rustix::thread::gettid().as_raw_nonzero().get()))
        });
        for round in 0..rounds {
            source.set_filter(Some(&filters[round % 2]), 0).unwrap();
            let before = made.load(Ordering::Relaxed);
            while made.load(Ordering::Relaxed) < before + 64 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        stop.store(true, Ordering::Relaxed);
        caller.join().unwrap()
    });
    let (calls, tid) = calls;
    source.stop_handle().stop();
    let (mut always, mut never) = (0, 0);
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(view) if view.event().tid == tid => {
                let event = view.event();
                let has = |path: &[u8]| event.params().any(|param| param.starts_with(path));
                always += u64::from(has(b"/eyas/always"));
                never += u64::from(has(b"/eyas/never"));
            }
            Step::Event(_) | Step::Idle => {}
            Step::End => break,
        }
    }
    assert_eq!(source.stats().drops(), 0);
    assert_eq!(always, calls, "of {calls} calls that every filter sends {always} came");
    assert!(never < calls, "no filter was in use");
}

#[test]
fn the_filter_is_off_for_a_type_that_it_decided_wrongly() {
    let _turn = eyas_testing::live_turn();
    let mut source = Source::open(ProbeOptions::only([SyscallCode::ACCESS])).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    let engine = RuleSet::new(Arc::new(schema()), []).unwrap().compile().unwrap();
    let filter = probe_filter(&rows(&engine), &[], UnusedFiles::NONE).unwrap();
    source.set_filter(Some(&filter), 0).unwrap();
    let call = |name: &str| {
        let _ = rustix::fs::access(format!("/eyas/{name}"), Access::EXISTS);
    };
    call("left-out");
    source.send_all(EventType::SYSCALL_ACCESS_X);
    assert!(source.tampering().is_empty());
    call("sent");
    source.stop_handle().stop();
    let mut names = Vec::new();
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(view) => {
                let is_ours = |param: &&[u8]| param.starts_with(b"/eyas/");
                names.extend(
                    view.event()
                        .params()
                        .find(is_ours)
                        .map(|name| String::from_utf8_lossy(name).into_owned()),
                );
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    assert_eq!(names, ["/eyas/sent\0"]);
    assert!(source.stats().filtered > 0);
}
