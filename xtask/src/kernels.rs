//! Tests the probe on other kernels: Debian kernels in an emulator, and the running kernel.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use eyas_console::{note, say};

use crate::shell::{self, cargo_program, root};

pub(crate) mod cross;
mod debian;
mod environment;
pub mod guest;
mod initramfs;
pub(crate) mod linker;
mod machine;
mod outcome;
mod page;

use cross::Toolchain;
use environment::PROGRAMS;
use initramfs::Initramfs;
use machine::{Kind, MACHINES, Machine};
use outcome::{COMMIT, Outcome, Ran, Row};

/// Test programs: package, features, name and arguments.
const TESTS: [(&str, &[&str], &str, &[&str]); 15] = [
    ("eyas-bpf", &[], "budget", &[]),
    ("eyas-bpf", &[], "oldest", &[]),
    ("eyas-bpf", &[], "cpus", &[]),
    ("eyas-scap", &["--features", "live"], "syscalls", &[]),
    ("eyas-scap", &["--features", "live"], "live", &["--skip", "cpus_come_and_go"]),
    ("eyas-scap", &["--features", "live"], "hooks", &[]),
    ("eyas-scap", &["--features", "live"], "sleepable", &[]),
    ("eyas-scap", &["--features", "live"], "races", &[]),
    ("eyas-scap", &["--features", "live"], "stress", &[]),
    ("eyas-scap", &["--features", "live"], "rights", &[]),
    ("eyas-scap", &["--features", "live"], "snapshot", &[]),
    ("eyas-sinsp", &["--features", "live"], "live_proc", &[]),
    ("eyas", &["--features", "live"], "evasion", &[]),
    ("eyas", &["--features", "live"], "filtered", &[]),
    ("eyas", &["--features", "live"], "verdicts", &[]),
];

/// Maximum time without output of an emulated machine, while it has the CPUs. It is slower than a real one by a factor of
/// thirty, and one test may load the probe several times.
const SILENCE: Duration = Duration::from_secs(900);
/// Additional kernel arguments.
const ARGUMENTS: &str = "EYAS_KERNEL_ARGUMENTS";
/// Arguments of every kernel. The first two make it faster: no protection from attacks on real CPUs, and memory is not cleared when
/// it is allocated. Without the last one, an x86-64 kernel panics if the busy machine delays its timer.
const OF_EMULATOR: &str = "mitigations=off init_on_alloc=0 no_timer_check";

/// What is put into an emulated machine.
struct Programs {
    /// The first process.
    init: PathBuf,
    /// Paths of the programs that the tests run, by their names in the machine.
    others: Vec<(String, PathBuf)>,
    /// The test programs, each with its arguments.
    tests: Vec<(PathBuf, Vec<String>)>,
}

/// The machine that runs this program, among the emulated ones.
const HERE: &str = "here";
/// Requests only the page.
const PAGE: &str = "page";

/// Runs the tests on every kernel and writes the results; `only` names one of the machines, or `here`, a test
/// program, and one of its tests. If a kind of machine is not available, it is skipped with a message. The output of each
/// program's last whole run on each machine is kept, and `page` alone writes docs/kernels.md from it.
pub fn run(only: &[&str]) -> Result<(), String> {
    let dir = shell::target().join("kernels");
    std::fs::create_dir_all(&dir).map_err(|error| format!("can't make {}: {error}", dir.display()))?;
    let (only, test) =
        (only.first().copied(), only.get(1).map(|name| Chosen { name, part: only.get(2).copied() }));
    if only == Some(PAGE) {
        return write_page(&dir);
    }
    let chosen = |name: &str| only.is_none_or(|only| only == name);
    if !MACHINES.iter().map(|machine| machine.name).chain([HERE]).any(chosen) {
        let names = MACHINES.map(|machine| machine.name).join(", ");
        return Err(format!("there is no kernel {}: {names}, {HERE} or {PAGE}", only.unwrap_or_default()));
    }
    // Of what is built now; the work tree may change while the machines run.
    let commit = shell::commit();
    let mut outcomes = Vec::new();
    let mut left_out = String::new();
    let mut built: BTreeMap<&str, Result<Programs, String>> = BTreeMap::new();
    for machine in MACHINES.iter().filter(|machine| chosen(machine.name)) {
        let kind = machine.kind;
        match built.entry(kind.arch).or_insert_with(|| programs(kind, test, &dir)) {
            Ok(programs) => {
                let kernel = debian::kernel(machine, &dir)?;
                let text =
                    emulated(&kernel, machine, programs, &dir, &running(&log(&dir, machine.name, test)))?;
                outcomes.push(keep(machine.name, test, &commit, &text, &dir)?);
            }
            Err(error) if only.is_some() => return Err(error.clone()),
            Err(error) => _ = writeln!(left_out, "{} is left out: {error}", machine.name),
        }
    }
    if chosen(HERE) {
        let text = here(&build(test, None)?)?;
        outcomes.push(keep(HERE, test, &commit, &text, &dir)?);
    }
    let mut failures = String::new();
    for outcome in &outcomes {
        let Outcome { version, .. } = outcome;
        let Ran { passed, failed, ignored, names, .. } = outcome.total();
        say!("{version}: {passed} passed, {failed} failed, {ignored} ignored");
        if failed > 0 {
            let _ = writeln!(failures, "{version}: {}", names.join(", "));
        }
    }
    left_out.lines().for_each(|line| say!("{line}"));
    if only.is_none() {
        write_page(&dir)?;
    }
    if failures.is_empty() { Ok(()) } else { Err(format!("tests failed:\n{failures}")) }
}

/// Keeps what the tests of a commit said on a machine, and returns what that means.
fn keep(
    name: &str,
    test: Option<Chosen<'_>>,
    commit: &str,
    text: &str,
    dir: &Path,
) -> Result<Outcome, String> {
    let log = log(dir, name, test);
    let text = format!("{COMMIT}{commit}\n{text}");
    std::fs::write(&log, &text).map_err(|error| format!("can't write {}: {error}", log.display()))?;
    // The output of an emulated machine up to now.
    let _ = std::fs::remove_file(running(&log));
    note!("{}", log.display());
    Ok(Outcome::of(&text))
}

/// One test program, or a test of it.
#[derive(Clone, Copy)]
struct Chosen<'a> {
    name: &'a str,
    part: Option<&'a str>,
}

/// Where it is kept what the tests said on a machine: all of them, one program's, or a part of one's, of which the page
/// shows only that a failed test passes. The page shows nothing of runs that attach the probe in another way than usual.
fn log(dir: &Path, name: &str, test: Option<Chosen<'_>>) -> PathBuf {
    let name = match std::env::var(environment::ATTACH) {
        Ok(way) => format!("{name}-attached-{way}"),
        Err(_) => name.to_owned(),
    };
    dir.join(match test {
        None => format!("{name}.log"),
        Some(Chosen { name: test, part: None }) => format!("{name}-{test}.log"),
        Some(Chosen { name: test, part: Some(part) }) => {
            format!("{name}-{test}-{}.{PART}", part.replace('/', "-"))
        }
    })
}

/// Extension of the output of parts of programs.
const PART: &str = "part";

/// Whether a file is the output of a part of a program.
fn is_part(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == PART)
}

/// The outputs of parts of programs on a machine.
fn parts(dir: &Path, name: &str) -> Vec<PathBuf> {
    let prefixes = TESTS.map(|test| format!("{name}-{}-", test.2));
    let is_of_machine = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        prefixes.iter().any(|prefix| file.starts_with(prefix))
    };
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|file| is_part(file)).filter(is_of_machine).collect()
}

/// Existing files, the one that was changed first at the beginning.
fn by_time(files: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let time = |file: &Path| std::fs::metadata(file).and_then(|about| about.modified()).ok();
    let mut files: Vec<(SystemTime, PathBuf)> = files.filter_map(|file| Some((time(&file)?, file))).collect();
    files.sort();
    files.into_iter().map(|(_, file)| file).collect()
}

/// Where it is while the machine runs.
fn running(log: &Path) -> PathBuf {
    log.with_extension("running")
}

/// Writes docs/kernels.md from the last whole run of each program on each machine. Keeps the results of programs that were
/// not run on this computer.
fn write_page(dir: &Path) -> Result<(), String> {
    let page = root().join("docs/kernels.md");
    let text =
        std::fs::read_to_string(&page).map_err(|error| format!("can't read {}: {error}", page.display()))?;
    let mut known = page::read(&text);
    let machines = MACHINES.iter().map(|machine| (machine.name, machine.cpus, machine.arguments));
    let own = std::thread::available_parallelism().map_or(1, usize::from);
    let rows = machines.chain([(HERE, own, "")]).map(|(name, cpus, arguments)| {
        let programs = TESTS.iter().map(|test| Some(Chosen { name: test.2, part: None }));
        let logs = [None].into_iter().chain(programs).map(|test| log(dir, name, test));
        let mut outcome = known.remove(name);
        for file in by_time(logs.chain(parts(dir, name))) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            match &mut outcome {
                Some(outcome) if is_part(&file) => outcome.note_part(&text),
                _ if is_part(&file) => {}
                _ => outcome = outcome.into_iter().chain([Outcome::of(&text)]).reduce(Outcome::then),
            }
        }
        Row { name, cpus, arguments, outcome }
    });
    let programs = TESTS.map(|test| test.2);
    std::fs::write(&page, page::document(&rows.collect::<Vec<_>>(), &programs))
        .map_err(|error| format!("can't write {}: {error}", page.display()))
}

/// Builds or finds what the machines of a kind run.
fn programs(kind: &Kind, test: Option<Chosen<'_>>, dir: &Path) -> Result<Programs, String> {
    kind.ensure()?;
    if !kind.is_foreign {
        let there = PROGRAMS.iter().filter(|program| Path::new(program).exists());
        return Ok(Programs {
            init: std::env::current_exe().map_err(|error| format!("can't find this program: {error}"))?,
            others: there.map(|program| ((*program).to_owned(), PathBuf::from(program))).collect(),
            tests: build(test, None)?,
        });
    }
    let toolchain = Toolchain::find(dir)?;
    Ok(Programs {
        init: executable("xtask", &["build", "-p", "xtask"], Some(&toolchain))?,
        others: toolchain.programs(&PROGRAMS)?,
        tests: build(test, Some(&toolchain))?,
    })
}

/// Builds the test programs. Returns each with its arguments.
fn build(
    only: Option<Chosen<'_>>,
    toolchain: Option<&Toolchain>,
) -> Result<Vec<(PathBuf, Vec<String>)>, String> {
    let mut programs = Vec::new();
    for (package, features, name, args) in
        TESTS.iter().filter(|test| only.is_none_or(|only| only.name == test.2))
    {
        // For this machine with the packages and features of `cargo xtask test`, so that nothing is built twice.
        let all = ["--workspace", "--features", shell::FEATURES];
        let of = [&["-p", package], *features].concat();
        let which = if toolchain.is_none() { &all[..] } else { &of };
        let what = [&["test", "--no-run", "--test", name], which].concat();
        let part = only.and_then(|only| only.part);
        programs.push((
            executable(package, &what, toolchain)?,
            args.iter().copied().chain(part).map(str::to_owned).collect(),
        ));
    }
    if programs.is_empty() {
        let names = TESTS.map(|test| test.2).join(", ");
        return Err(format!("there is no test program {}: {names}", only.map_or("", |only| only.name)));
    }
    Ok(programs)
}

/// Path of the program of a package that cargo builds with these arguments.
fn executable(package: &str, args: &[&str], toolchain: Option<&Toolchain>) -> Result<PathBuf, String> {
    let mut command = Command::new(cargo_program());
    command.args(args).arg("--message-format=json");
    if let Some(toolchain) = toolchain {
        toolchain.set_up(&mut command);
    }
    let output = command
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("can't run cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let program = last_program(&text, package).filter(|_| output.status.success());
    program.map(PathBuf::from).ok_or_else(|| format!("cargo {} fails", args.join(" ")))
}

/// The last program of a package in cargo's messages. A test's own program comes after the package's other programs.
fn last_program<'a>(messages: &'a str, package: &str) -> Option<&'a str> {
    // The name is left out where it is that of the directory.
    let ids = [format!("#{package}@"), format!("/{package}#")];
    let of_package = |line: &&str| {
        let id = line.split_once("\"package_id\":\"").and_then(|(_, rest)| rest.split('"').next());
        id.is_some_and(|id| ids.iter().any(|end| id.contains(end)))
    };
    let mut programs = messages
        .lines()
        .filter(of_package)
        .filter_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
    programs.next_back()
}

/// Boots a kernel with the tests in its initial memory.
fn emulated(
    kernel: &Path,
    machine: &Machine,
    programs: &Programs,
    dir: &Path,
    log: &Path,
) -> Result<String, String> {
    let kind = machine.kind;
    let mut image = Initramfs::new(kind);
    image.program("/init", &programs.init, dir)?;
    for (to, from) in &programs.others {
        image.program(to, from, dir)?;
    }
    let mut plan = String::new();
    for (program, args) in &programs.tests {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let to = format!("/tests/{name}");
        image.program(&to, program, dir)?;
        let _ = writeln!(plan, "{to} {}", args.join(" "));
    }
    image.file(environment::GIVEN, environment::given().as_bytes(), 0o644);
    image.file("/plan", plan.as_bytes(), 0o644);
    image.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644);
    image.file("/etc/group", b"root:x:0:\n", 0o644);
    let initrd = dir.join("initramfs.img");
    std::fs::write(&initrd, image.finish())
        .map_err(|error| format!("can't write {}: {error}", initrd.display()))?;
    note!("$ {} -kernel {} # {}", kind.emulator, kernel.display(), machine.name);
    let more = std::env::var(ARGUMENTS).unwrap_or_default();
    let accel = if machine.takes_turns { "tcg,thread=single" } else { "tcg,thread=multi" };
    let mut child = Command::new(kind.emulator)
        .args(kind.args)
        .args(["-accel", accel, "-cpu", machine.cpu, "-smp", &machine.cpus.to_string()])
        .args(["-m", "3G", "-no-reboot", "-display", "none", "-serial", "stdio", "-monitor", "none"])
        .args(["-net", "none", "-kernel"])
        .arg(kernel)
        .arg("-initrd")
        .arg(&initrd)
        .arg("-append")
        .arg(format!(
            "console={} quiet panic=-1 rdinit=/init {OF_EMULATOR} {} {more}",
            kind.console, machine.arguments
        ))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("can't run qemu: {error}"))?;
    guest::collect(&mut child, SILENCE, log)
}

/// The same tests on the kernel that runs.
fn here(tests: &[(PathBuf, Vec<String>)]) -> Result<String, String> {
    let mut text = format!("kernel {}\n", guest::version());
    for (program, args) in tests {
        let _ = writeln!(text, "{}{}", guest::PROGRAM, guest::name(program));
        let output = Command::new(program)
            .args(args)
            .args(guest::ARGS)
            .output()
            .map_err(|error| format!("can't run {}: {error}", program.display()))?;
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            let _ = writeln!(text, "\n{}", guest::failure(program, output.status));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_that_of_its_package() {
        let line = |id: &str, program: &str| {
            format!(
                "{{\"package_id\":\"path+file:///{id}\",\"executable\":\"/t/{program}\",\"fresh\":true}}\n"
            )
        };
        let none = "{\"package_id\":\"path+file:///e/crates/scap#eyas-scap@1.0.0\",\"executable\":null}\n";
        let text = [
            line("e/crates/scap#eyas-scap@1.0.0", "live-1"),
            line("e/examples/falco#eyas-falco@1.0.0", "falco"),
            line("e/examples/falco#eyas-falco@1.0.0", "live-2"),
            line("e/xtask#1.0.0", "xtask"),
            none.to_owned(),
        ]
        .concat();
        assert_eq!(last_program(&text, "eyas-scap"), Some("/t/live-1"));
        assert_eq!(last_program(&text, "eyas-falco"), Some("/t/live-2"));
        assert_eq!(last_program(&text, "xtask"), Some("/t/xtask"));
        assert_eq!(last_program(&text, "eyas"), None);
    }
}
