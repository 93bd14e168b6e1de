//! This program as another process with one thread, for actions that change the whole process or end it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::call::{at, call};

/// What the process does.
const TASK: &str = "EYAS_TEST_TASK";

/// A process that does something; it ends with this.
pub struct Another {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Another {
    pub fn start(task: &str) -> Self {
        let own = std::env::current_exe().unwrap();
        let mut command = Command::new(own);
        let mut child = command.env(TASK, task).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    pub fn id(&self) -> i64 {
        self.child.id().into()
    }

    /// What it says next.
    pub fn says(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// It may go on after what it said.
    pub fn go_on(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// Waits for its end.
    pub fn end(mut self) -> i64 {
        assert!(self.child.wait().unwrap().success());
        self.id()
    }
}

impl Drop for Another {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says something, and waits until it may go on.
fn say(text: impl std::fmt::Display) {
    println!("{text}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Does what this process was started for, if it was.
pub fn run_if_asked() {
    let Ok(task) = std::env::var(TASK) else { return };
    // SAFETY: nothing else runs yet.
    unsafe { std::env::remove_var(TASK) };
    let (task, rest) = task.split_once(' ').unwrap_or((&task, ""));
    match task {
        "exec" => execute(rest),
        "exec-in-thread" => std::thread::scope(|scope| {
            let _ = scope.spawn(|| execute(rest)).join();
        }),
        "identity" => change_identity(),
        "terminal" => change_terminal(rest),
        _ => panic!("{task}"),
    }
    std::process::exit(0);
}

/// Executes /bin/true by one of the calls.
fn execute(how: &str) {
    let (file, none) = (c"/bin/true", c"");
    let (argv, envp) = ([at(file.as_ptr()), 0], [0_i64]);
    let name = at(file.as_ptr());
    let res = match how {
        "execve" => call(libc::SYS_execve, [name, at(&argv), at(&envp)]),
        "execveat" => call(libc::SYS_execveat, [-100, name, at(&argv), at(&envp), 0]),
        "execveat-descriptor" => {
            let fd = crate::call::open(file, libc::O_PATH | libc::O_CLOEXEC);
            let args = [fd.0, at(none.as_ptr()), at(&argv), at(&envp), libc::AT_EMPTY_PATH.into()];
            call(libc::SYS_execveat, args)
        }
        #[cfg(target_arch = "x86_64")]
        "execve-32" | "execveat-32" => crate::ia32::execute(how == "execveat-32", file).into(),
        _ => panic!("{how}"),
    };
    panic!("{how}: {res}");
}

/// Changes ids and capabilities in a user namespace, once it has got its ids.
fn change_identity() {
    assert_eq!(call(libc::SYS_unshare, [libc::CLONE_NEWUSER.into()]), 0);
    say("in a namespace");
    assert_eq!(call(libc::SYS_setresgid, [5, 6, 7]), 0);
    say("setresgid");
    // SECBIT_KEEP_CAPS
    assert_eq!(call(libc::SYS_prctl, [libc::PR_SET_SECUREBITS.into(), 0x10]), 0);
    assert_eq!(call(libc::SYS_setresuid, [1, 2, 3]), 0);
    say("setresuid");
    let header = [0x2008_0522_u32, 0];
    let sets = [0_u32, 1 << 5, 0, 0, 0, 0];
    assert_eq!(call(libc::SYS_capset, [at(&header), at(&sets)]), 0);
    say("capset");
}

/// The controlling terminal as the kernel shows it.
fn terminal() -> String {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let behind = stat.rsplit_once(')').unwrap().1;
    behind.split_whitespace().nth(4).unwrap().to_owned()
}

/// Gets a terminal by an open, gives it up, and gets it by an ioctl; each time says which it has.
fn change_terminal(path: &str) {
    const TIOCSCTTY: i64 = 0x540e;
    const TIOCNOTTY: i64 = 0x5422;
    let path = std::ffi::CString::new(path).unwrap();
    // Who leads a session gets a signal when its terminal is gone.
    // SAFETY: no handler is set.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    assert!(call(libc::SYS_setsid, []) > 0);
    let before = crate::call::open(&path, libc::O_RDWR | libc::O_NOCTTY);
    say(terminal());
    let terminal_fd = crate::call::open(&path, libc::O_RDWR);
    say(terminal());
    assert_eq!(call(libc::SYS_ioctl, [terminal_fd.0, TIOCNOTTY]), 0);
    say(terminal());
    assert_eq!(call(libc::SYS_ioctl, [before.0, TIOCSCTTY, 0]), 0);
    say(terminal());
}
