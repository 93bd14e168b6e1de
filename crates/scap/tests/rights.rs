//! Requirements of a live capture, and errors if they are not met. Each case runs this program again with
//! fewer privileges or in its own namespaces. Needs root, `setpriv` and `unshare`.

use eyas_testing::{Dir, test};
use std::process::Command;

use eyas_events::SyscallCode;
use eyas_scap::live::{ProbeOptions, Source};
use eyas_scap::{EventSource, Next};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Environment variable of the process that captures.
const INSIDE: &str = "EYAS_TEST_INSIDE";

/// Captures with the rights of this process, and prints the result.
fn capture() {
    let mut source = match Source::open(ProbeOptions::only([SyscallCode::GETPPID, SyscallCode::OPENAT])) {
        Ok(source) => source,
        Err(error) => return println!("outcome: {error}"),
    };
    let Next::Snapshot(snapshot) = source.next().unwrap() else { panic!("the first item is no snapshot") };
    assert!(!snapshot.threads.is_empty());
    let _ = rustix::process::getppid();
    source.stop_handle().stop();
    let mut events = 0;
    while !matches!(source.next().unwrap(), Next::End) {
        events += 1;
    }
    println!("outcome: {}", if events > 0 { "events" } else { "nothing" });
}

/// A copy of this program that everybody may run, gone when the test is over.
struct Copy(Dir);

impl Copy {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;

        let dir = Dir::new("rights");
        let everybody = || std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&dir, everybody()).unwrap();
        std::fs::copy(std::env::current_exe().unwrap(), dir.join("test")).unwrap();
        std::fs::set_permissions(dir.join("test"), everybody()).unwrap();
        Self(dir)
    }

    /// What it says, run by the words before it.
    fn run(&self, before: &[&str]) -> String {
        let output = Command::new(before[0])
            .args(&before[1..])
            .arg(self.0.join("test"))
            .args(["--nocapture", "--exact", "missing_capabilities_are_named"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let outcome = text.lines().find_map(|line| line.split_once("outcome: "));
        outcome.map_or_else(|| panic!("{before:?}: {text} {output:?}"), |(_, said)| said.to_owned())
    }
}

/// Whether the kernel is older than a version.
fn is_older_than(major: u32, minor: u32) -> bool {
    let name = rustix::system::uname();
    let name = name.release().to_string_lossy();
    let mut numbers = name.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (major, minor)
}

#[test]
fn missing_capabilities_are_named() {
    if std::env::var_os(INSIDE).is_some() {
        return capture();
    }
    // There `unshare` can't make the root directory a mount of its own.
    eyas_testing::ignore_in_chroot();
    for program in ["setpriv", "unshare"] {
        let _ = eyas_testing::need_program(program);
    }
    let _lock = eyas_testing::live_turn();
    let copy = Copy::new();
    // As nobody, with these capabilities and no others.
    let nobody = |caps: &str| {
        let [inheritable, ambient] = ["inh", "ambient"].map(|set| format!("--{set}-caps={caps}"));
        copy.run(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", &inheritable, &ambient])
    };
    // Before Linux 5.11 the memory of BPF is limited, too.
    let is_limited = is_older_than(5, 11);
    let or_limited = |said: String| {
        let expected = if is_limited { "RLIMIT_MEMLOCK" } else { "events" };
        assert!(said.contains(expected), "{said}");
    };
    or_limited(nobody("+bpf,+perfmon,+sys_ptrace"));
    or_limited(nobody("+bpf,+perfmon"));
    if is_limited {
        assert_eq!(nobody("+bpf,+perfmon,+sys_resource"), "events");
    }
    let lacks = |said: String, what: &str| {
        assert!(said.contains(&format!("of which this process lacks {what}: ")), "{said}");
    };
    lacks(nobody("-all"), "CAP_BPF and CAP_PERFMON");
    lacks(nobody("+bpf"), "CAP_PERFMON");
    lacks(nobody("+perfmon"), "CAP_BPF");
    // A root without the right to raise limits is enough.
    or_limited(copy.run(&["setpriv", "--bounding-set=-sys_admin,-sys_resource"]));

    // Worlds in which something is not there.
    let world =
        |script: &str| copy.run(&["unshare", "-m", "sh", "-c", &format!("{script} && exec \"$0\" \"$@\"")]);
    let says = |said: String, what: &str| assert!(said.contains(what), "{said}");
    says(world("mount -t tmpfs none /sys"), "/sys is not mounted here");
    says(world("mount -t tmpfs none /sys/kernel/btf"), "this kernel has no BTF (/sys/kernel/btf/vmlinux)");
    let locked = "mount -t tmpfs none /sys/kernel/security && \
                  echo 'none integrity [confidentiality]' > /sys/kernel/security/lockdown";
    if std::path::Path::new("/sys/kernel/security").exists() {
        says(world(locked), "the kernel is locked down (confidentiality)");
    }
    // Without tracefs the beginnings of calls are seen by one program for all.
    assert_eq!(world("mount -t tmpfs none /sys/kernel/tracing"), "events");
}
