//! Compares two live captures, one with verdicts on processes and one without: alerts are the same while processes change all the
//! time. This needs root and a kernel that loads the probe.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eyas::events::{SyscallCode, syscalls};
use eyas::rules::{AlertOptions, Engine, Loader, Matching, RuleFormulas};
use eyas::scap::EventSource;
use eyas::scap::live::{ProbeOptions, Source, Verdicts};
use eyas::sinsp::pushdown::{ProcessVerdicts, Pushdown};
use eyas::sinsp::{EventView, Inspector, Step, probe_filter, schema, syscalls_of_state};
use eyas_testing::{Numbers, test};
use rustix::fs::{AtFlags, CWD, Mode};

/// Environment variable of the captured processes: `SEED GENERATION SERIAL DIRECTORY`.
const WORK: &str = "EYAS_VERDICTS_WORK";
/// Depth of the tree of processes below the first one.
const GENERATIONS: u64 = 3;
/// Number of calls of each process.
const STEPS: u64 = 400;

fn main() -> std::process::ExitCode {
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
    let mut random = Numbers::new(seed);
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
    // So some processes have a grandparent.
    if generation == GENERATIONS && serial == 0 {
        rustix::thread::set_name(c"elder").unwrap();
        children.push(again(&mut random, 1, 0).spawn().unwrap());
    } else if generation == 1 && serial == 0 {
        children.push(again(&mut random, 0, 1).spawn().unwrap());
    }
    while serial < STEPS {
        // The process rarely changes, so that it gets a verdict.
        for _ in 0..random.next() % 12 {
            serial += 1;
            let path = base.join(format!("{own}-{serial}-{}", ["a", "b"][(random.next() % 2) as usize]));
            match random.next() % 4 {
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
                let name = std::ffi::CString::new(name).unwrap();
                rustix::thread::set_name(&name).unwrap();
            }
            4 | 5 => {
                let id = |raw| Some(rustix::process::Uid::from_raw(raw));
                let effective = if random.next().is_multiple_of(2) { 4242 } else { 0 };
                let _ = rustix::thread::set_thread_res_uid(
                    id(0).unwrap(),
                    id(effective).unwrap(),
                    id(0).unwrap(),
                );
            }
            6 if generation > 0 && children.len() < 2 => {
                children.push(again(&mut random, generation - 1, serial.max(1)).spawn().unwrap());
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

const RULES: [(&str, &str); 9] = [
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
    ("no process", "evt.type in (chmod, fchmodat, unlinkat, symlinkat, mkdirat) and proc.name = nobody"),
    ("no user", "evt.type in (chmod, fchmodat, unlinkat, symlinkat, mkdirat) and user.uid = 77777"),
];

fn engine(base: &Path) -> Engine {
    let mut text = String::new();
    for (name, condition) in RULES {
        text += &format!(
            "- rule: {name}\n  desc: d\n  priority: INFO\n  condition: {condition}\n  output: '%evt.type %evt.args %proc.name'\n"
        );
    }
    let mut loader = Loader::new(Arc::new(schema()));
    loader.matching(Matching::All);
    let loaded = loader.load("rules.yaml", &text);
    assert!(loaded.successful(), "{base:?}: {}", loaded.verbose());
    loader.build().unwrap()
}

type Alerts = BTreeMap<String, usize>;

/// Reads the events of a source to the end, and calls `note` for each event.
fn alerts(
    source: &mut Source,
    inspector: &mut Inspector,
    engine: &Engine,
    base: &Path,
    mut note: impl FnMut(&EventView<'_>),
) -> Alerts {
    let (mut evaluator, options) = (engine.evaluator(), AlertOptions::default());
    let (mut found, mut all) = (Vec::new(), Alerts::new());
    let base = base.to_str().unwrap();
    loop {
        match inspector.next(source).unwrap() {
            Step::Event(view) => {
                evaluator.matches(&view, &mut found).unwrap();
                for hit in found.drain(..) {
                    let text = engine.alert(hit, &view, &options).to_text();
                    let text = text.split_once(' ').unwrap().1;
                    if text.contains(base) {
                        *all.entry(format!("{} {text}", engine.rule(hit.rule).name)).or_default() += 1;
                    }
                }
                note(&view);
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    assert_eq!(source.stats().drops(), 0);
    all
}

fn open(codes: &[SyscallCode]) -> (Source, Inspector) {
    let probe =
        ProbeOptions { interest: Some(codes.to_vec()), ring_bytes: 32 << 20, ..ProbeOptions::default() };
    let mut source = Source::open(probe).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    (source, inspector)
}

/// Runs processes until all of them have ended.
fn run(base: &Path) {
    let start = |seed: u64| {
        let work = format!("{seed} {GENERATIONS} 0 {}", base.display());
        Command::new(std::env::current_exe().unwrap()).env(WORK, work).spawn().unwrap()
    };
    for round in 0..4 {
        let mut workers: Vec<_> = (1..4).map(|seed| start(10 * round + seed)).collect();
        workers.iter_mut().for_each(|worker| assert!(worker.wait().unwrap().success()));
    }
    // Wait for processes whose parents did not wait for them.
    std::thread::sleep(std::time::Duration::from_millis(300));
}

#[test]
fn alerts_are_those_without_verdicts() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let dir = eyas_testing::Dir::new("verdicts");
    // The directory does not exist, so all calls fail quickly.
    let base: PathBuf = dir.join("missing");
    let engine = engine(&base);
    let formulas = RuleFormulas::new(&engine);
    let mut of_code = |code| formulas.of_code(code).into_iter().map(|(_, formula)| formula).collect();
    let rows = Pushdown::with_processes(&mut of_code);
    let filter = probe_filter(&rows, &engine.fields_by_use().concat()).unwrap();
    assert!(filter.asks_for_processes());
    assert_eq!(rows.groups().len(), 8);
    let names = ["chmod", "fchmodat", "fchmodat2", "unlinkat", "symlinkat", "mkdir", "mkdirat"];
    let mut codes: Vec<SyscallCode> = syscalls_of_state();
    codes.extend(syscalls().filter(|call| names.contains(&call.name)).map(|call| call.code));
    let (mut plain, mut filtered) = (open(&codes), open(&codes));
    filtered.0.set_filter(Some(&filter), 64).unwrap();
    let mut table: Verdicts = filtered.0.verdicts().unwrap();
    let stops = [plain.0.stop_handle(), filtered.0.stop_handle()];
    let mut verdicts = ProcessVerdicts::default();
    let is_over = AtomicBool::new(false);
    let (want, have) = std::thread::scope(|scope| {
        let want = scope.spawn(|| alerts(&mut plain.0, &mut plain.1, &engine, &base, |_| {}));
        scope.spawn(|| {
            run(&base);
            is_over.store(true, Ordering::Relaxed);
            stops.iter().for_each(eyas::scap::live::Stop::stop);
        });
        let have = alerts(&mut filtered.0, &mut filtered.1, &engine, &base, |view| {
            if let Some(thread) = view.thread() {
                verdicts.note(&table, thread.pid as u32);
            }
            let judge = |id: u32| rows.groups().of_process(view, id.into());
            verdicts.step(&mut table, view.sure_of_processes(), judge);
        });
        (want.join().unwrap(), have)
    });
    assert!(is_over.load(Ordering::Relaxed));
    let (written, left_out) = (verdicts.written(), table.left_out());
    println!("{written} verdicts left out {left_out} events; {} alerts", want.values().sum::<usize>());
    let differ: Vec<_> =
        want.keys().chain(have.keys()).filter(|alert| want.get(*alert) != have.get(*alert)).collect();
    assert!(
        differ.is_empty(),
        "{} of {} alerts differ: {:?}",
        differ.len(),
        want.len(),
        &differ[..differ.len().min(5)]
    );
    for (rule, _) in RULES {
        let is_there = want.keys().any(|alert| alert.starts_with(&format!("{rule} ")));
        assert_eq!(is_there, !rule.starts_with("no "), "what matches '{rule}'?");
    }
    assert!(written > 20 && left_out > 200, "{written} verdicts left out {left_out} events");
    let stats = filtered.0.stats();
    assert!(stats.filtered >= left_out, "{stats:?}");
}
