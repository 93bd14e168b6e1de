//! Real container runtimes: which containers sysdig names at their first process, and whether a capture has the same.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eyas_console::say;

use crate::shell;

/// Containers of each runtime, unless `EYAS_CONTAINERS` says how many.
const COUNT: usize = 15;
/// Containers that are started at the same time, where `EYAS_AT_ONCE` does not say how many.
const AT_ONCE: usize = 1;
/// How long sysdig may take to begin.
const START: Duration = Duration::from_secs(60);
/// The image that the containers are made of.
const IMAGE: &str = "example.org/eyas/tiny:1";
/// A user that only the containers have.
const USER: &str = "4242";
/// What is printed of each event.
const FORMAT: &str = "*%container.type %container.id %proc.vpid %user.name %group.name %container.name \
                      %container.image.repository %proc.name";
/// Which events.
const FILTER: &str = "evt.type=execve and container.id!=host and proc.name=usleep";
/// Programs that the containers need, all of them links to busybox.
const PROGRAMS: [&str; 3] = ["sh", "usleep", "sleep"];

/// Starts the runtimes that the machine has, runs containers and prints what was known of each.
pub fn run() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        say!("skipped: it needs root; try `sudo -E cargo xtask containers`");
        return Ok(());
    }
    let sysdig = match std::env::var_os("SYSDIG") {
        Some(path) => PathBuf::from(path),
        None => {
            shell::cargo(&["build", "-p", "eyas-sysdig"])?;
            shell::target().join("debug/sysdig")
        }
    };
    let dir = std::env::temp_dir().join(format!("eyas-containers-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(text)?;
    let outcome = with(&dir, &sysdig);
    drop(fs::remove_dir_all(&dir));
    outcome
}

fn with(dir: &Path, sysdig: &Path) -> Result<(), String> {
    let tar = root_file_system(dir)?;
    let mut daemons = Daemons::default();
    let runtimes = runtimes(dir, &tar, &mut daemons)?;
    if runtimes.is_empty() {
        return Err("no runtime works here: install docker.io, podman or containerd".to_owned());
    }
    let lock = File::create(std::env::temp_dir().join("eyas-live.lock")).map_err(text)?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(text)?;
    let (lines, capture) = (dir.join("lines"), dir.join("capture.scap"));
    let mut live = Command::new(sysdig)
        .args(["-p", FORMAT, FILTER])
        .stdout(File::create(&lines).map_err(text)?)
        .spawn()
        .map_err(text)?;
    let mut writes = Command::new(sysdig).arg("-w").arg(&capture).spawn().map_err(text)?;
    // Both have begun once the capture has its snapshot, give or take a moment.
    let began = Instant::now();
    while fs::metadata(&capture).map_or(0, |meta| meta.len()) == 0 && began.elapsed() < START {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(3));
    let mut failed = BTreeMap::new();
    let (count, at_once) = (number("EYAS_CONTAINERS", COUNT), number("EYAS_AT_ONCE", AT_ONCE));
    for Runtime { name, command } in &runtimes {
        for first in (0..count).step_by(at_once) {
            let start = |number| command(number).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
            let children: Vec<_> = (first..count.min(first + at_once)).map(start).collect();
            for child in children {
                let done = child.and_then(Child::wait_with_output).map_err(text)?;
                if !done.status.success() {
                    failed.insert(*name, String::from_utf8_lossy(&done.stderr).trim().to_owned());
                }
            }
        }
    }
    std::thread::sleep(Duration::from_secs(1));
    stop(&mut live)?;
    stop(&mut writes)?;
    let live = fs::read_to_string(&lines).map_err(text)?;
    let replay = read(sysdig, &capture)?;
    // The original, if it is installed.
    let original = Path::new("/usr/bin/sysdig");
    let original = if original.exists() { Some(read(original, &capture)?) } else { None };
    say!(
        "{:<12} {:>14} {:>8} {:>8} {:>8} {:>8}",
        "runtime",
        "first execs",
        "named",
        "user",
        "replayed",
        "original"
    );
    for Runtime { name, .. } in &runtimes {
        let first = of(&live, name);
        let named = first.iter().filter(|line| line[5] != "<NA>" && line[6] != "<NA>").count();
        // `ctr` runs as root.
        let users = first.iter().filter(|line| matches!(line[3], "app" | "root")).count();
        let again = of(&replay, name);
        let same = first.iter().filter(|line| again.contains(line)).count();
        let by_original = original.as_ref().map_or_else(
            || "-".to_owned(),
            |lines| {
                let lines = of(lines, name);
                first.iter().filter(|line| lines.contains(line)).count().to_string()
            },
        );
        say!("{name:<12} {:>7} of {count:>3} {named:>8} {users:>8} {same:>8} {by_original:>8}", first.len());
        if let Some(why) = failed.get(name) {
            say!("  some did not run: {why}");
        }
    }
    Ok(())
}

/// The number that a variable of the environment has.
fn number(variable: &str, otherwise: usize) -> usize {
    let set = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    set.filter(|number| *number > 0).unwrap_or(otherwise)
}

/// What a sysdig prints of the capture.
fn read(sysdig: &Path, capture: &Path) -> Result<String, String> {
    let out = Command::new(sysdig).arg("-r").arg(capture).args(["-p", FORMAT, FILTER]).output();
    Ok(String::from_utf8_lossy(&out.map_err(text)?.stdout).into_owned())
}

/// The first processes of a runtime's containers: the fields of their lines.
fn of<'a>(lines: &'a str, runtime: &str) -> Vec<Vec<&'a str>> {
    let fields = lines.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.filter(|line| line.len() == 8 && line[0] == runtime && line[2] == "1").collect()
}

/// Ends a program that ends by SIGINT.
fn stop(child: &mut Child) -> Result<(), String> {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).map_err(text)?;
    child.wait().map(drop).map_err(text)
}

/// A runtime that works here.
struct Runtime {
    /// Its containers' type.
    name: &'static str,
    /// Runs a container to its end.
    command: Box<dyn Fn(usize) -> Command>,
}

/// What was started here ends with this.
#[derive(Default)]
struct Daemons(Vec<Child>);

impl Drop for Daemons {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let pid = rustix::process::Pid::from_child(child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = child.wait();
        }
    }
}

impl Daemons {
    /// Starts a program unless its socket is there; returns whether it is in the end.
    fn start(&mut self, socket: &str, command: &mut Command) -> bool {
        if Path::new(socket).exists() {
            return true;
        }
        let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else { return false };
        self.0.push(child);
        let began = Instant::now();
        while !Path::new(socket).exists() && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(100));
        }
        std::thread::sleep(Duration::from_secs(1));
        Path::new(socket).exists()
    }
}

fn runtimes(dir: &Path, tar: &Path, daemons: &mut Daemons) -> Result<Vec<Runtime>, String> {
    let mut runtimes = Vec::new();
    let mut dockerd = Command::new("dockerd");
    dockerd.args(["--iptables=false", "--bridge=none", "--data-root"]).arg(dir.join("docker"));
    if shell::has("dockerd") && daemons.start("/var/run/docker.sock", &mut dockerd) {
        import("docker", tar)?;
        let command = |_| run_command("docker", &["run", "--rm", "--network", "none", "-u", USER, IMAGE]);
        runtimes.push(Runtime { name: "docker", command: Box::new(command) });
    }
    let mut podman = Command::new("podman");
    podman.args(["system", "service", "-t", "0", "unix:///run/podman/podman.sock"]);
    fs::create_dir_all("/run/podman").map_err(text)?;
    if shell::has("podman") && daemons.start("/run/podman/podman.sock", &mut podman) {
        import("podman", tar)?;
        // A limit that the machine's may be below of.
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
        let runtime: &[&str] = if shell::has("runc") { &["--runtime", "runc"] } else { &[] };
        let command = move |_| {
            let words =
                [runtime, &["run", "--rm", "--network", "none", "-u", USER], &limits, &[IMAGE]].concat();
            run_command("podman", &words)
        };
        runtimes.push(Runtime { name: "podman", command: Box::new(command) });
    }
    let mut containerd = Command::new("containerd");
    containerd.arg("--root").arg(dir.join("containerd"));
    if shell::has("ctr") && daemons.start("/run/containerd/containerd.sock", &mut containerd) {
        import("ctr", tar)?;
        let command =
            |number| run_command("ctr", &["-n", "eyas", "run", "--rm", IMAGE, &format!("tiny{number}")]);
        runtimes.push(Runtime { name: "containerd", command: Box::new(command) });
    }
    Ok(runtimes)
}

/// Gives a runtime the image.
fn import(runtime: &str, tar: &Path) -> Result<(), String> {
    if runtime == "ctr" {
        // It has no images of root file systems, but takes what Docker or Podman save.
        let saved = tar.with_file_name("image.tar");
        let from = ["docker", "podman"].into_iter().find(|program| shell::has(program));
        let from = from.ok_or("containerd takes the image from docker or podman, and neither is there")?;
        quiet(Command::new(from).args(["save", "-o"]).arg(&saved).arg(IMAGE))?;
        return quiet(Command::new("ctr").args(["-n", "eyas", "images", "import"]).arg(&saved));
    }
    quiet(Command::new(runtime).args(["import", "-c", "CMD [\"/bin/sh\"]"]).arg(tar).arg(IMAGE))
}

fn quiet(command: &mut Command) -> Result<(), String> {
    shell::run(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

/// A container that lives for 50 ms.
fn run_command(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).args(["/bin/usleep", "50000"]);
    command
}

/// A root file system with busybox and a user of its own, as an archive.
fn root_file_system(dir: &Path) -> Result<PathBuf, String> {
    const BUSYBOX: &str = "/bin/busybox";
    if !Path::new(BUSYBOX).exists() {
        return Err("the containers need a static busybox at /bin/busybox: install busybox-static".to_owned());
    }
    let root = dir.join("root");
    for name in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        fs::create_dir_all(root.join(name)).map_err(text)?;
    }
    fs::copy(BUSYBOX, root.join("bin/busybox")).map_err(text)?;
    for program in PROGRAMS {
        symlink("busybox", root.join("bin").join(program)).map_err(text)?;
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\napp:x:4242:4343::/:/bin/sh\n")
        .map_err(text)?;
    fs::write(root.join("etc/group"), "root:x:0:\napps:x:4343:\n").map_err(text)?;
    let tar = dir.join("root.tar");
    quiet(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg("."))?;
    Ok(tar)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
