//! No rule matches an event that verdicts on processes leave out, while processes change all the time: a live capture in which
//! the probe sends and marks all of these events. This needs root and a kernel that loads the probe.
//!
//! One capture, because two captures may order the same two events of different processors differently.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eyas::EngineFilters;
use eyas::events::filter::UnusedFiles;
use eyas::events::verdicts::VerdictTable;
use eyas::events::{SyscallCode, syscalls};
use eyas::rules::{AlertOptions, Engine, Matching, RuleSet, RuleSource};
use eyas::scap::EventSource;
use eyas::scap::live::{ProbeOptions, Source, Verdicts};
use eyas::sinsp::pushdown::{ProcessVerdicts, Pushdown};
use eyas::sinsp::{Inspector, Step, probe_filter, schema, syscalls_of_state};
use eyas_testing::{Numbers, test};
use rustix::fs::{AtFlags, CWD, Mode};

#[allow(dead_code, reason = "the tests of the filter use the rest")]
#[path = "filtered/ia32.rs"]
mod ia32;

/// Environment variable of the captured processes: whether the kernel accepts calls of 32-bit programs.
const IA32: &str = "EYAS_VERDICTS_IA32";
/// Environment variable of the captured processes: `SEED GENERATION SERIAL DIRECTORY`.
const WORK: &str = "EYAS_VERDICTS_WORK";
/// Environment variable of the captured processes: a control group that is a container, if there is one.
const CGROUP: &str = "EYAS_VERDICTS_CGROUP";
/// Depth of the tree of processes below the first one.
const GENERATIONS: u64 = 3;
/// Number of calls of each process.
const STEPS: u64 = 400;
/// Instead of the generation: a process that does not change, and its maximum number of calls.
const CALM: u64 = 60_000;
/// Number of events that verdicts must reject.
const ENOUGH: u64 = 200;

fn main() -> std::process::ExitCode {
    if ia32::is_attempt() {
        return std::process::ExitCode::SUCCESS;
    }
    if let Ok(work) = std::env::var(WORK) {
        let mut parts = work.split(' ');
        let mut number = || parts.next().unwrap().parse().unwrap();
        let (seed, generation, serial) = (number(), number(), number());
        work_on(Path::new(parts.next().unwrap()), seed, generation, serial);
        return std::process::ExitCode::SUCCESS;
    }
    eyas_testing::main()
}

/// Makes calls that rules match, and changes the process between them.
fn work_on(base: &Path, seed: u64, generation: u64, mut serial: u64) {
    if generation == CALM {
        for _ in 0..CALM {
            let _ = rustix::fs::mkdirat(CWD, base.join("b"), Mode::RWXU);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        return;
    }
    let mut random = Numbers::new(seed);
    let of_32_bits = std::env::var_os(IA32).and_then(|_| ia32::Caller::new());
    let names = ["plain", "other", "wanted", "elder"];
    let own = std::process::id();
    let again = |random: &mut Numbers, generation: u64, serial: u64| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let seed = (random.next() >> 1).max(1);
        command.env(WORK, format!("{seed} {generation} {serial} {}", base.display()));
        command.arg0(["worker", "deep worker", "shallow"][(random.next() % 3) as usize]);
        command
    };
    let mut children = Vec::new();
    // So some processes have a grandparent. In some of these lines it exists until they end.
    let next = match generation {
        GENERATIONS if serial == 0 => {
            rustix::thread::set_name(c"elder").unwrap();
            Some((1, 0))
        }
        1 if serial == 0 => Some((0, 1)),
        _ => None,
    };
    if let Some((generation, serial)) = next {
        let mut child = again(&mut random, generation, serial).spawn().unwrap();
        match generation == 0 || seed.is_multiple_of(2) {
            true => drop(child.wait()),
            false => children.push(child),
        }
    }
    while serial < STEPS {
        // The process rarely changes, so that it gets a verdict.
        for _ in 0..random.next() % 12 {
            serial += 1;
            let path = base.join(format!("{own}-{serial}-{}", ["a", "b"][(random.next() % 2) as usize]));
            let kind = random.next() % 4;
            if let Some(caller) = of_32_bits.as_ref().filter(|_| random.next().is_multiple_of(4)) {
                match kind {
                    0 => caller.chmod(&path, 0o700),
                    1 => caller.unlink(&path, 0),
                    2 => caller.symlink(Path::new("x"), &path),
                    _ => caller.mkdir(&path),
                }
                continue;
            }
            match kind {
                0 => drop(rustix::fs::chmodat(CWD, &path, Mode::RWXU, AtFlags::empty())),
                1 => drop(rustix::fs::unlinkat(CWD, &path, AtFlags::empty())),
                2 => drop(rustix::fs::symlinkat("x", CWD, &path)),
                _ => drop(rustix::fs::mkdirat(CWD, &path, Mode::RWXU)),
            }
        }
        // Give user space time to keep up.
        std::thread::sleep(std::time::Duration::from_micros(1000 + random.next() % 4000));
        match random.next() % 60 {
            0..4 => {
                let name = names[(random.next() % 4) as usize];
                if let Some(caller) = of_32_bits.as_ref().filter(|_| random.next().is_multiple_of(2)) {
                    caller.set_name(name);
                    continue;
                }
                let name = std::ffi::CString::new(name).unwrap();
                rustix::thread::set_name(&name).unwrap();
            }
            4 | 5 => {
                let id = |raw| Some(rustix::process::Uid::from_raw(raw));
                let effective = if random.next().is_multiple_of(2) { 4242 } else { 0 };
                if let Some(caller) = of_32_bits.as_ref().filter(|_| random.next().is_multiple_of(2)) {
                    caller.set_user(effective);
                    continue;
                }
                let _ = rustix::thread::set_thread_res_uid(
                    id(0).unwrap(),
                    id(effective).unwrap(),
                    id(0).unwrap(),
                );
            }
            6 if generation > 0 && children.len() < 2 => {
                children.push(again(&mut random, generation - 1, serial.max(1)).spawn().unwrap());
            }
            9 | 10 => {
                // No event shows that. From its next start or program on, the process is in the container or no longer.
                if let Ok(cgroup) = std::env::var(CGROUP) {
                    let cgroup = Path::new(&cgroup);
                    let to = [cgroup, cgroup.parent().unwrap()][(random.next() % 2) as usize];
                    // Not every user may.
                    let _ = std::fs::write(to.join("cgroup.procs"), own.to_string());
                }
            }
            7 | 8 => {
                // The new program keeps the children.
                panic!("{}", again(&mut random, generation, serial + STEPS / 4).exec());
            }
            _ => {}
        }
    }
    // Some processes end before their children.
    if random.next().is_multiple_of(2) {
        children.iter_mut().for_each(|child| drop(child.wait()));
    }
}

/// The rule that needs a container.
const IN_CONTAINER: &str = "by container";

const RULES: [(&str, &str); 11] = [
    ("by name", "evt.type in (chmod, fchmodat) and proc.name = wanted"),
    ("by name and path", "evt.type in (mkdir, mkdirat) and evt.arg.path endswith -a and proc.name = wanted"),
    ("by parent", "evt.type = unlinkat and proc.pname = elder"),
    ("by ancestor", "evt.type in (unlinkat, symlinkat) and proc.aname[2] = elder"),
    ("by user", "evt.type = symlinkat and user.uid = 4242"),
    ("by arguments", "evt.type in (mkdir, mkdirat) and proc.exeline startswith deep"),
    (
        "by parent and arguments",
        "evt.type in (chmod, fchmodat) and proc.pexe = shallow and proc.name != plain",
    ),
    (IN_CONTAINER, "evt.type in (chmod, fchmodat) and container.id = cccccccccccc"),
    (
        "on the host, by arguments",
        "evt.type = symlinkat and container.id = host and proc.exeline startswith deep",
    ),
    ("no process", "evt.type in (chmod, fchmodat, unlinkat, symlinkat, mkdirat) and proc.name = nobody"),
    ("no user", "evt.type in (chmod, fchmodat, unlinkat, symlinkat, mkdirat) and user.uid = 77777"),
];

fn engine() -> Engine {
    let mut text = String::new();
    for (name, condition) in RULES {
        text += &format!(
            "- rule: {name}\n  desc: d\n  priority: INFO\n  condition: {condition}\n  output: '%evt.type %evt.args %proc.name'\n"
        );
    }
    let source = RuleSource::new("rules.yaml", text);
    RuleSet::new(Arc::new(schema()), [source]).unwrap().matching(Matching::All).compile().unwrap()
}

/// A live capture with the filter of the rules, and with verdicts on processes.
struct Capture<'a> {
    engine: &'a Engine,
    rows: &'a Pushdown,
    source: Source,
    inspector: Inspector,
    table: Verdicts,
    verdicts: ProcessVerdicts<<Verdicts as VerdictTable>::Mark>,
}

/// What the rules found.
#[derive(Default)]
struct Found {
    /// The rules that matched events of the script.
    rules: BTreeSet<String>,
    alerts: usize,
    /// Alerts on events that the filter would filter out.
    wrong: Vec<String>,
}

impl<'a> Capture<'a> {
    /// The probe sends one in `sample` of the events that the filter rejects; 0: none.
    fn open(engine: &'a Engine, rows: &'a Pushdown, sample: u32) -> Self {
        let filter = probe_filter(rows, &engine.fields_by_use().concat(), UnusedFiles::NONE).unwrap();
        assert!(filter.depends_on_processes());
        let names = ["chmod", "fchmodat", "fchmodat2", "unlinkat", "symlinkat", "mkdir", "mkdirat"];
        let mut codes: Vec<SyscallCode> = syscalls_of_state();
        codes.extend(syscalls().filter(|call| names.contains(&call.name)).map(|call| call.code));
        let probe = ProbeOptions { interest: Some(codes), ring_bytes: 64 << 20, ..ProbeOptions::default() };
        let mut source = Source::open(probe).unwrap();
        let mut inspector = Inspector::default();
        assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
        source.set_filter(Some(&filter), sample).unwrap();
        let table = source.verdicts().unwrap();
        Self { engine, rows, source, inspector, table, verdicts: ProcessVerdicts::default() }
    }

    /// Reads events until the source is stopped. `samples` counts the marked ones, `left_out` those that verdicts left out.
    fn read(&mut self, base: &Path, samples: &AtomicU64, left_out: &AtomicU64) -> Found {
        let Self { engine, rows, source, inspector, table, verdicts } = self;
        let (mut evaluator, options) = (engine.evaluator(), AlertOptions::default());
        let (mut matches, mut found) = (Vec::new(), Found::default());
        loop {
            match inspector.next(source).unwrap() {
                Step::Event(view) => {
                    evaluator.matches(&view, &mut matches).unwrap();
                    for hit in matches.drain(..) {
                        let rule = engine.rule(hit.rule).name.clone();
                        let text = engine.alert(hit, &view, &options).to_text();
                        if view.is_sample() {
                            found.wrong.push(format!("{rule}: {text}"));
                        }
                        if text.contains(base.to_str().unwrap()) {
                            found.alerts += 1;
                            found.rules.insert(rule);
                        }
                    }
                    samples.fetch_add(view.is_sample().into(), Ordering::Relaxed);
                    left_out.store(table.left_out(), Ordering::Relaxed);
                    verdicts.learn(table, rows.groups(), &view);
                    if let Some(thread) = view.thread() {
                        verdicts.note(table, thread.pid as u32);
                    }
                    let judge = |id: u32| rows.groups().of_process(&view, id.into());
                    verdicts.step(table, view.sure_of_processes(), judge);
                }
                Step::Idle => {}
                Step::End => break,
            }
        }
        assert_eq!(source.stats().drops(), 0);
        found
    }
}

/// A control group with the name of one of Docker's containers, as long as the value exists.
struct Container(PathBuf);

impl Container {
    /// `None` if no such group can be made here, or if events do not show it.
    fn make() -> Option<Self> {
        let dir = Path::new("/sys/fs/cgroup/cpu").join(format!("docker-{}.scope", "c".repeat(64)));
        let is_made = std::fs::create_dir(&dir).is_ok() || dir.exists();
        is_made.then(|| Self(dir)).filter(|made| made.0.join("cgroup.procs").exists())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // The last processes in it may be about to end.
        for _ in 0..50 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn start(base: &Path, seed: u64, generation: u64, container: Option<&Container>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(WORK, format!("{seed} {generation} 0 {}", base.display()));
    command.envs(ia32::is_there().then_some((IA32, "1")));
    command.envs(container.map(|container| (CGROUP, &container.0)));
    command.spawn().unwrap()
}

/// Runs processes until all of them have ended.
fn run(base: &Path, container: Option<&Container>) {
    for round in 0..4 {
        let mut workers: Vec<_> =
            (1..4).map(|seed| start(base, 10 * round + seed, GENERATIONS, container)).collect();
        workers.iter_mut().for_each(|worker| assert!(worker.wait().unwrap().success()));
    }
    // Wait for processes whose parents did not wait for them.
    std::thread::sleep(std::time::Duration::from_millis(300));
}

/// Runs a process that does not change, until the number is large enough. On a busy machine, few others get a verdict in time.
fn run_calmly(base: &Path, number: &AtomicU64) {
    let mut worker = start(base, 1, CALM, None);
    while number.load(Ordering::Relaxed) < ENOUGH && worker.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let _ = worker.kill();
    worker.wait().unwrap();
}

fn capture(base: &Path, sample: u32, script: impl FnOnce(&AtomicU64, &AtomicU64) + Send) -> Found {
    let engine = engine();
    let rows = EngineFilters::new(&engine).rows();
    // A rule that tests the process and its ancestors is in two groups.
    assert_eq!(rows.groups().len(), 11);
    let mut capture = Capture::open(&engine, &rows, sample);
    let stop = capture.source.stop_handle();
    let (samples, left_out) = (AtomicU64::new(0), AtomicU64::new(0));
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            script(&samples, &left_out);
            stop.stop();
        });
        capture.read(base, &samples, &left_out)
    });
    let (samples, left_out) = (samples.into_inner(), left_out.into_inner());
    println!(
        "{} verdicts, {samples} samples, {left_out} left out; {} alerts",
        capture.verdicts.written(),
        found.alerts
    );
    assert!(samples.max(left_out) >= ENOUGH, "verdicts reject {samples} and {left_out} events");
    let stats = capture.source.stats();
    assert!(stats.filtered >= left_out, "{left_out}: {stats:?}");
    found
}

#[test]
fn no_rule_matches_an_event_that_live_verdicts_filter_out() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let dir = eyas_testing::Dir::new("verdicts");
    // The directory does not exist, so all calls fail quickly.
    let base: PathBuf = dir.join("missing");
    let container = Container::make();
    let found = capture(&base, 1, |samples, _| {
        run(&base, container.as_ref());
        run_calmly(&base, samples);
    });
    assert!(found.wrong.is_empty(), "{:#?}", found.wrong);
    let is_possible = |name: &str| !name.starts_with("no ") && (container.is_some() || name != IN_CONTAINER);
    let want: BTreeSet<_> =
        RULES.iter().filter(|rule| is_possible(rule.0)).map(|rule| rule.0.to_owned()).collect();
    assert_eq!(found.rules, want);
}

#[test]
fn verdicts_filter_out_events() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let dir = eyas_testing::Dir::new("verdicts-calm");
    let base: PathBuf = dir.join("missing");
    let found = capture(&base, 0, |_, left_out| run_calmly(&base, left_out));
    assert_eq!((found.alerts, found.wrong.len()), (0, 0));
}
