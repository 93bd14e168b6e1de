//! The events that the probe still sends under a load of builds and searches, by type and by reason.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyas::EngineFilters;
use eyas::events::EventType;
use eyas::rules::Engine;
use eyas::scap::live::{ProbeOptions, Source};
use eyas::scap::{EventSource, RawEvent};
use eyas::sinsp::pushdown::{ProcessVerdicts, Pushdown};
use eyas::sinsp::{EventView, Inspector, Step, syscalls_of, syscalls_of_state};
use eyas_benches::{all_rules, engine, stable_rules};

use crate::Failure;
use crate::pushed::build;

/// A program with threads that share descriptors.
const THREADS: &str = "
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *work(void *of)
{
	for (int i = 0; i < 400; i++) {
		int fd = open(\"/etc/hostname\", O_RDONLY);
		char text[64];
		if (read(fd, text, sizeof(text)) < 0)
			perror(of);
		close(fd);
		usleep(1000);
	}
	return 0;
}
int main(void)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], 0, work, \"read\");
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], 0);
	return 0;
}
";

/// The load: each line is a program that runs again and again in the directory of `threads.c`.
const LOAD: [&str; 3] = [
    "gcc -O1 -c threads.c -o part.o && gcc part.o -o part -lpthread && rm part.o part",
    "grep -r a_word_that_is_nowhere /usr/include",
    "gcc threads.c -o threads -lpthread && ./threads",
];

/// The load, which ends with the value.
struct Load {
    programs: Vec<Child>,
    dir: std::path::PathBuf,
}

impl Load {
    fn start() -> Result<Self, Failure> {
        use std::os::unix::process::CommandExt;
        let dir = std::env::temp_dir().join(format!("eyas-sent-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join("threads.c"), THREADS)?;
        let start = |line: &&str| {
            let text = format!("while :; do {line}; done");
            let mut shell = Command::new("sh");
            shell.args(["-c", &text]).current_dir(&dir).process_group(0);
            shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let programs = LOAD.iter().map(start).collect::<Result<_, _>>()?;
        Ok(Self { programs, dir })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let group = rustix::process::Pid::from_child(program);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = program.wait();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// How the caller wrote a path.
fn form(path: &[u8]) -> &'static str {
    let has_dots = path.split(|byte| *byte == b'/').any(|part| part == b"." || part == b"..");
    match (path.first(), has_dots) {
        (Some(b'/'), false) => "absolute",
        (Some(b'/'), true) => "absolute with dots",
        (_, false) => "relative",
        (_, true) => "relative with dots",
    }
}

/// What the event's descriptor stands for, by the state.
fn kind(view: &EventView<'_>) -> String {
    let fd = view.fd();
    fd.map_or("a plain or unknown file".into(), |fd| format!("{:?}", fd.kind).to_lowercase())
}

/// The requested path of a call that opens.
fn path_of<'a>(event: &RawEvent<'a>) -> &'a [u8] {
    let info = event.info();
    let is_path = |info: &eyas::events::ParamInfo| {
        matches!(info.ty, eyas::events::ParamType::FSPATH | eyas::events::ParamType::FSRELPATH)
    };
    let at = info.and_then(|info| info.params.iter().position(is_path));
    at.and_then(|at| event.text(at)).unwrap_or_default()
}

/// Why the probe sent the event.
fn reason(view: &EventView<'_>, rows: &Pushdown) -> String {
    let event = view.event();
    if view.is_sample() {
        return "a sample".into();
    }
    let shares = |view: &EventView<'_>| {
        let is_leader = view.thread().is_none_or(|thread| thread.tid == thread.pid);
        if is_leader { "" } else { ", by a thread" }
    };
    if let Some(opened) = RawEvent::opened_path_index(event.ty) {
        let form = form(path_of(&event));
        let wanted = if rows.may_match(view) { "a rule may match" } else { "no rule matches" };
        if event.int(0).is_none_or(|res| res < 0) {
            return format!("{wanted}: failed, {form}");
        }
        let path = event.text(opened).unwrap_or_default();
        let is_link = view.fd().is_some_and(|fd| fd.opened().is_some());
        let link = if is_link { ", through a symlink" } else { "" };
        let what = match (view.fd().is_some_and(|fd| fd.is_directory()), path.first()) {
            (true, _) => "directory",
            (_, Some(b'/')) if path.starts_with(b"/dev/") || path.starts_with(b"/proc/") => {
                "of /dev or /proc"
            }
            (_, Some(b'/')) => "file",
            _ => "other",
        };
        return format!("{wanted}: {what}, {form}{link}");
    }
    if rows.may_match(view) {
        return "a rule may match".into();
    }
    if event.ty == EventType::SYSCALL_CLOSE_X {
        return format!("{}{}", kind(view), shares(view));
    }
    "the state depends on it".into()
}

/// Prints which share of the events is filtered out, and the others by type and reason.
pub(crate) fn print(seconds: Duration) -> Result<(), Failure> {
    for (name, files) in [("the stable rules", stable_rules()), ("all rules", all_rules())] {
        count(name, &engine(&files), seconds)?;
    }
    Ok(())
}

fn count(name: &str, engine: &Engine, seconds: Duration) -> Result<(), Failure> {
    let built = build(engine)?;
    let rows = EngineFilters::new(engine).rows();
    // As falco: what the rules can match, and what changes the state.
    let mut interest = syscalls_of(engine.codes());
    interest.extend(syscalls_of_state());
    let options = ProbeOptions { interest: Some(interest), ring_bytes: 32 << 20, ..ProbeOptions::default() };
    let mut source = Source::open(options)?;
    let mut inspector = Inspector::default();
    let _ = inspector.next(&mut source)?;
    source.set_filter(Some(&built.filter), 1024)?;
    let mut table = source.verdicts()?;
    let mut verdicts = ProcessVerdicts::default();
    let mut sent: BTreeMap<(&str, String), u64> = BTreeMap::new();
    let load = Load::start()?;
    let began = Instant::now();
    while began.elapsed() < seconds {
        if let Step::Event(view) = inspector.next(&mut source)? {
            verdicts.learn(&mut table, &built.groups, &view);
            if let Some(thread) = view.thread() {
                verdicts.note(&table, thread.pid as u32);
            }
            let judge = |id: u32| built.groups.of_process(&view, id.into());
            verdicts.step(&mut table, view.sure_of_processes(), judge);
            *sent.entry((view.event().ty.name(), reason(&view, &rows))).or_default() += 1;
        }
    }
    drop(load);
    let stats = source.stats();
    let all_sent: u64 = sent.values().sum();
    let all = all_sent + stats.filtered;
    let share = |count: u64| 100.0 * count as f64 / all.max(1) as f64;
    println!(
        "\nWith {name}: {} of {all} events filtered out ({:.1} %); {} lost, {} verdicts left out {}\n",
        stats.filtered,
        share(stats.filtered),
        stats.drops(),
        verdicts.written(),
        table.left_out()
    );
    println!("| type | events | filtered out |\n| --- | --- | --- |");
    let mut of_type: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
    for ((ty, _), count) in &sent {
        of_type.entry(ty).or_default()[0] += count;
    }
    for (ty, count) in source.filtered_by_type() {
        of_type.entry(ty.name()).or_default()[1] += count;
    }
    let mut of_type: Vec<_> = of_type.into_iter().collect();
    of_type.sort_by_key(|(_, counts)| std::cmp::Reverse(counts[0] + counts[1]));
    for (ty, [sent, filtered]) in of_type.into_iter().take(10) {
        let all = sent + filtered;
        println!("| `{ty}` | {all} | {:.1} % |", 100.0 * filtered as f64 / all as f64);
    }
    println!("\n| sent | reason | events | share of all |\n| --- | --- | --- | --- |");
    let mut sent: Vec<_> = sent.into_iter().collect();
    sent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((ty, reason), count) in sent.into_iter().take(24) {
        println!("| `{ty}` | {reason} | {count} | {:.1} % |", share(count));
    }
    Ok(())
}
