//! This program as the first process of an emulated machine: it sets up the machine, runs the tests, and
//! turns the machine off.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use eyas_console::say;

use rustix::mount::{MountFlags, mount};
use rustix::net::{AddressFamily, SendFlags, SocketType, send, socket_with};

/// Arguments of every test program: one test at a time, so that live captures do not overlap.
pub(super) const ARGS: [&str; 1] = ["--test-threads=1"];
/// Maximum duration of one test program.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The last line of a machine's output.
const OVER: &str = "eyas: over";

/// Prefix of the line about a failed program.
pub(super) const FAILURE: &str = "failed: ";

/// Prefix of the line that names the program whose tests follow.
pub(super) const PROGRAM: &str = "program ";

/// The name of a test program without the suffix that cargo adds.
pub(super) fn name(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(&*name, |(name, _)| name).to_owned()
}

/// The line that reports a program that failed.
pub(super) fn failure(program: &Path, why: impl std::fmt::Display) -> String {
    format!("{FAILURE}{}: {why}", program.display())
}

/// Whether this program is the first process of a machine.
pub fn is_here() -> bool {
    std::process::id() == 1 && Path::new("/plan").exists()
}

/// Release of the running kernel.
pub(super) fn version() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Runs the plan, then turns the machine off.
pub fn run() {
    for (what, to) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("devpts", "/dev/pts"),
        ("tmpfs", "/tmp"),
        ("tracefs", "/sys/kernel/tracing"),
        ("cgroup2", "/sys/fs/cgroup"),
        ("securityfs", "/sys/kernel/security"),
    ] {
        // Creates directories that do not exist yet in a newly mounted file system.
        let _ = std::fs::create_dir_all(to);
        if let Err(error) = mount(what, to, what, MountFlags::empty(), None) {
            say!("{what} can't be mounted: {error}");
        }
    }
    if let Err(error) = raise_loopback() {
        say!("the loopback stays down: {error}");
    }
    say!("\nkernel {}", version());
    let plan = std::fs::read_to_string("/plan").unwrap_or_default();
    for line in plan.lines() {
        let mut words = line.split_whitespace();
        let Some(program) = words.next() else { continue };
        say!("{PROGRAM}{}", name(Path::new(program)));
        let child = Command::new(program)
            .args(words)
            .args(ARGS)
            .env_clear()
            .envs(super::environment::environment())
            .stdin(Stdio::null())
            .spawn();
        match child {
            Ok(mut child) => wait(&mut child, program),
            Err(error) => say!("{}", failure(Path::new(program), error)),
        }
    }
    say!("{OVER}");
    // Waits until the buffer of the serial line is empty.
    std::thread::sleep(Duration::from_millis(500));
    if let Err(error) = rustix::system::reboot(rustix::system::RebootCommand::PowerOff) {
        say!("can't turn the machine off: {error}");
    }
    std::thread::sleep(Duration::from_secs(3600));
}

fn wait(child: &mut Child, program: &str) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Ok(Some(status)) if !status.success() => {
                return say!("\n{}", failure(Path::new(program), status));
            }
            _ => return,
        }
    }
    say!("\n{}", failure(Path::new(program), "it did not end"));
    let _ = child.kill();
}

/// Brings up the loopback interface with a netlink message.
fn raise_loopback() -> rustix::io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST: u16 = 1;
    const UP: u32 = 1;
    let mut message = Vec::new();
    let push = |message: &mut Vec<u8>, bytes: &[u8]| message.extend_from_slice(bytes);
    push(&mut message, &32_u32.to_ne_bytes());
    push(&mut message, &NEW_LINK.to_ne_bytes());
    push(&mut message, &REQUEST.to_ne_bytes());
    // Sequence and sender; family and type; the interface's number, the flags that it gets, and which of them.
    for word in [1_u32, 0, 0, 1, UP, UP] {
        push(&mut message, &word.to_ne_bytes());
    }
    let flags = rustix::net::SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    send(&socket, &message, SendFlags::empty()).map(|_| ())
}

/// How long each thread of a process was ready to run while other threads had the CPU, ns, by thread.
type Delays = BTreeMap<std::ffi::OsString, u64>;

/// Returns the delays of a running process; none if the kernel does not report them.
fn delays(process: u32) -> Delays {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let delay = |thread: std::fs::DirEntry| {
        // Time on a CPU, time ready for one, number of turns.
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name(), text.split_whitespace().nth(1)?.parse().ok()?))
    };
    threads.filter_map(delay).collect()
}

/// Returns the part of `time` in which no thread waited for a CPU, by the thread that waited longest.
fn undelayed(time: Duration, before: &Delays, now: &Delays) -> Duration {
    let waited = |(thread, delay): (_, &u64)| delay.saturating_sub(before.get(thread).copied().unwrap_or(0));
    let longest = now.iter().map(waited).max().unwrap_or(0);
    time.saturating_sub(Duration::from_nanos(longest))
}

/// Returns a machine's output up to its end, or until it has been silent for too long, which is treated as a failure. The
/// time in which other programs kept it from the CPUs is not silence. While the machine runs, `log` contains the output so
/// far.
pub(super) fn collect(machine: &mut Child, silence: Duration, log: &Path) -> Result<String, String> {
    let mut said = machine.stdout.take().ok_or("the machine is mute")?;
    let mut log =
        std::fs::File::create(log).map_err(|error| format!("can't write {}: {error}", log.display()))?;
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = said.read(&mut buffer) {
            if send.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut text = Vec::new();
    let (mut last, mut before) = (Instant::now(), delays(machine.id()));
    loop {
        match receive.recv_timeout(silence / 16) {
            Ok(more) => {
                // An error is reported at the end, when the whole output is written.
                let _ = log.write_all(&more);
                text.extend_from_slice(&more);
                (last, before) = (Instant::now(), delays(machine.id()));
            }
            Err(RecvTimeoutError::Timeout) => {
                if undelayed(last.elapsed(), &before, &delays(machine.id())) >= silence {
                    break;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let _ = machine.kill();
    let _ = machine.wait();
    let mut text = String::from_utf8_lossy(&text).replace('\r', "");
    if !text.contains(OVER) {
        text.push_str(&format!("\n{FAILURE}the machine did not finish\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_silent_machine_times_out() {
        let dir = std::env::temp_dir().join(format!("eyas-guest-{}", std::process::id()));
        let run = |script: &str, silence| {
            let mut child = Command::new("sh");
            let child = child.args(["-c", script]).stdout(std::process::Stdio::piped()).spawn();
            collect(&mut child.unwrap(), silence, &dir).unwrap()
        };
        // It speaks for longer than it may be silent. Where the kernel does not report why it gets no CPU, it is another's turn.
        let speaks = format!("for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done; echo '{OVER}'");
        assert!((0..10).any(|_| {
            let text = run(&speaks, Duration::from_secs(1));
            text.ends_with(&format!("6\n{OVER}\n")) && std::fs::read_to_string(&dir).unwrap() == text
        }));
        let silent = format!("1\n\n{FAILURE}the machine did not finish\n");
        assert!((0..10).any(|_| run("echo 1; exec sleep 600", Duration::from_millis(300)) == silent));
        std::fs::remove_file(&dir).unwrap();
    }

    #[test]
    fn time_without_a_cpu_is_not_silence() {
        let all = |delays: &[(&str, u64)]| -> Delays {
            delays.iter().map(|(thread, seconds)| ((*thread).into(), seconds * 1_000_000_000)).collect()
        };
        let (before, now) = (all(&[("1", 5), ("2", 7)]), all(&[("1", 6), ("2", 10), ("3", 2)]));
        assert_eq!(undelayed(Duration::from_secs(10), &before, &now), Duration::from_secs(7));
        assert_eq!(undelayed(Duration::from_secs(10), &before, &all(&[])), Duration::from_secs(10));
        assert!(
            delays(std::process::id()).contains_key(std::ffi::OsStr::new(&std::process::id().to_string()))
        );
    }

    #[test]
    fn programs_are_named_without_what_cargo_adds() {
        assert_eq!(name(Path::new("/tests/live_proc-ec48634fa558d6ab")), "live_proc");
    }
}
