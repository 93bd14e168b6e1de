//! Starts the container runtimes, and makes the image of their containers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::shell::{self, text};

/// The image of the containers.
const IMAGE: &str = "example.org/eyas/tiny:1";
/// The id of a user that exists only in the containers.
const USER: &str = "4242";
/// Programs that the containers need; all are symlinks to busybox.
const PROGRAMS: [&str; 3] = ["sh", "usleep", "sleep"];

/// A runtime that works on this machine.
pub(super) struct Runtime {
    /// The type of its containers.
    pub(super) name: &'static str,
    /// The argument of the programs in its containers, different for each runtime: microseconds to sleep.
    pub(super) argument: &'static str,
    /// Makes the command that runs a container to its end.
    command: Box<dyn Fn(usize) -> Command>,
}

impl Runtime {
    /// Makes the command that runs the container with this number to its end.
    pub(super) fn run(&self, number: usize) -> Command {
        let mut command = (self.command)(number);
        command.args(["/bin/usleep", self.argument]);
        command
    }
}

/// The daemons that this program started. They are ended on drop.
#[derive(Default)]
pub(super) struct Daemons(Vec<Child>);

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
    /// Starts a program unless its socket exists; returns whether the socket exists in the end.
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

/// Starts the runtimes that are installed.
pub(super) fn runtimes(dir: &Path, daemons: &mut Daemons) -> Result<Vec<Runtime>, String> {
    let tar = &root_file_system(dir)?;
    let mut runtimes = Vec::new();
    let mut dockerd = Command::new("dockerd");
    dockerd.args(["--iptables=false", "--bridge=none", "--data-root"]).arg(dir.join("docker"));
    if shell::has("dockerd") && daemons.start("/var/run/docker.sock", &mut dockerd) {
        import("docker", tar)?;
        let command = |_| run_command("docker", &["run", "--rm", "--network", "none", "-u", USER, IMAGE]);
        runtimes.push(Runtime { name: "docker", argument: "50001", command: Box::new(command) });
    }
    let mut podman = Command::new("podman");
    podman.args(["system", "service", "-t", "0", "unix:///run/podman/podman.sock"]);
    fs::create_dir_all("/run/podman").map_err(text)?;
    if shell::has("podman") && daemons.start("/run/podman/podman.sock", &mut podman) {
        import("podman", tar)?;
        // Podman's default limits may exceed the machine's.
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
        let runtime: &[&str] = if shell::has("runc") { &["--runtime", "runc"] } else { &[] };
        let command = move |_| {
            let words =
                [runtime, &["run", "--rm", "--network", "none", "-u", USER], &limits, &[IMAGE]].concat();
            run_command("podman", &words)
        };
        runtimes.push(Runtime { name: "podman", argument: "50002", command: Box::new(command) });
    }
    let mut containerd = Command::new("containerd");
    containerd.arg("--root").arg(dir.join("containerd"));
    if shell::has("ctr") && daemons.start("/run/containerd/containerd.sock", &mut containerd) {
        import("ctr", tar)?;
        let command =
            |number| run_command("ctr", &["-n", "eyas", "run", "--rm", IMAGE, &format!("tiny{number}")]);
        runtimes.push(Runtime { name: "containerd", argument: "50003", command: Box::new(command) });
    }
    Ok(runtimes)
}

/// Imports the image into a runtime.
fn import(runtime: &str, tar: &Path) -> Result<(), String> {
    if runtime == "ctr" {
        // ctr cannot import a root file system, but it can import what Docker or Podman save.
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

fn run_command(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    command
}

/// Makes an archive of a root file system with busybox and its own user.
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
