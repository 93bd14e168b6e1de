//! Builds and attacks, none of which changes the machine.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use eyas_console::note;

use crate::shell::text;

/// Time between two attacks.
const PAUSE: Duration = Duration::from_millis(50);
/// A control group of this name makes its processes a container.
const CONTAINER: &str = "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";
/// Where groups are made: of version 1, and of version 2.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"];
const SOURCE: &str =
    "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return printf(\"%d\\n\", rand()) < 0; }\n";

/// Commands that rules are about, run by a shell in an empty directory. `PORT` is a port of this program.
const ATTACKS: [&str; 24] = [
    "cat /etc/shadow",
    "cd / && cd etc && head -c1 shadow",
    "tail -c1 /usr/../etc/shadow",
    "ln -s /etc/shadow link; cat link",
    "ln -s /etc directory; cat directory/shadow",
    "ln /etc/shadow hard; mv link moved; cat moved",
    "find /root /home -maxdepth 2 -name id_rsa",
    "grep -r 'BEGIN RSA PRIVATE KEY' .",
    "cp /bin/true .hidden; chmod u+s .hidden; ./.hidden",
    "cp /bin/echo new; chmod +x new; ./new one; mv new newer; ./newer two",
    "echo a > .bash_history; : > .bash_history; rm .bash_history",
    "echo aWQK | base64 -d | sh",
    "unshare -m sh -c 'mount -t tmpfs none /usr/local/bin; cp /bin/true /usr/local/bin/x; mkdir /usr/local/bin/y'",
    "unshare -m sh -c 'mount -t tmpfs none /etc/cron.d; echo > /etc/cron.d/x; mv /etc/cron.d/x /etc/cron.d/y'",
    "unshare -m sh -c 'mount -t tmpfs none /root; mkdir /root/.ssh; echo > /root/.ssh/authorized_keys; chmod 777 /root/.ssh'",
    "unshare -U -r id",
    "unshare -p -f sh -c 'cat /etc/shadow'",
    "setpriv --reuid=65534 --regid=65534 --clear-groups cat /etc/shadow",
    "setpriv --reuid=65534 --clear-groups sh -c 'ls /root; echo > /etc/x'",
    "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT; bash -c id <&3 >&3'",
    "bash -c 'exec 3<>/dev/udp/127.0.0.1/PORT; echo >&3'",
    "cat /proc/1/environ /proc/self/environ",
    "perl -e 'my $n = \"m\\0\"; my $fd = syscall(319, $n, 1); open(F, \">&=\", $fd); print F \"#!/bin/sh\\n\"; exec \"/proc/self/fd/$fd\"'",
    "dd if=/dev/zero of=file count=1; mkfifo fifo; rm -rf file fifo",
];

/// The load, with counts.
pub struct Load {
    pub is_over: AtomicBool,
    pub builds: AtomicU64,
    pub attacks: AtomicU64,
    dir: PathBuf,
    listener: TcpListener,
    /// Of a container.
    cgroup: Option<PathBuf>,
}

impl Load {
    pub fn new(dir: &Path) -> Result<Self, String> {
        fs::create_dir_all(dir).map_err(text)?;
        let mut groups = CGROUPS.iter().map(|root| Path::new(root).join(CONTAINER));
        let cgroup = groups.find(|group| fs::create_dir(group).is_ok());
        if cgroup.is_none() {
            note!("no attack runs in a container: no control group can be made in {}", CGROUPS.join(" or "));
        }
        Ok(Self {
            is_over: AtomicBool::new(false),
            builds: AtomicU64::new(0),
            attacks: AtomicU64::new(0),
            dir: dir.to_owned(),
            listener: TcpListener::bind("127.0.0.1:0").map_err(text)?,
            cgroup,
        })
    }

    fn continues(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Compiles and links a program, again and again.
    pub fn builds(&self) {
        let source = self.dir.join("main.c");
        let written = fs::write(&source, SOURCE);
        while written.is_ok() && self.continues() {
            let done =
                Command::new("cc").arg("-O2").arg(&source).arg("-o").arg(self.dir.join("main")).status();
            match done {
                Ok(status) if status.success() => drop(self.builds.fetch_add(1, Ordering::Relaxed)),
                _ => return note!("no C compiler works: nothing is built"),
            }
        }
    }

    /// Runs all attacks, again and again, in turn on the host and in a container.
    pub fn attacks(&self) {
        let port = self.listener.local_addr().map_or(0, |address| address.port()).to_string();
        let _ = self.listener.set_nonblocking(true);
        let groups = [None, self.cgroup.as_deref()];
        for (round, group) in groups.iter().cycle().enumerate() {
            let dir = self.dir.join(format!("round-{round}"));
            let _ = fs::create_dir(&dir);
            for attack in ATTACKS {
                if !self.continues() {
                    return;
                }
                self.attack(&attack.replace("PORT", &port), &dir, *group);
                while self.listener.accept().is_ok() {}
                std::thread::sleep(PAUSE);
            }
            let _ = fs::remove_dir_all(&dir);
        }
    }

    fn attack(&self, attack: &str, dir: &Path, group: Option<&Path>) {
        let script = match group {
            // The new program is one of the container.
            Some(group) => format!("echo $$ > {}/cgroup.procs; exec sh -c \"$0\"", group.display()),
            None => "exec sh -c \"$0\"".to_owned(),
        };
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", "10", "sh", "-c", &script, attack]).current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok() {
            self.attacks.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // The last processes in it may be about to end.
        let is_removed = || self.cgroup.as_ref().is_none_or(|group| fs::remove_dir(group).is_ok());
        for _ in 0..50 {
            if is_removed() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}
