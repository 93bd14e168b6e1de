//! Decisions of the kernel's security hooks, hook by hook, with each method that the kernel supports. Needs
//! root.

use std::fmt::Write;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use eyas_events::{EventType, SyscallCode, hooks};
use eyas_scap::live::{ExcludedThreads, HookMethod, HookSource, ProbeOptions, Source};
use eyas_scap::{Decision, EventSource, Next, OwnedEvent};
use eyas_testing::{Dir, test};
use rustix::fs::{CWD, FileType, Mode, OFlags, XattrFlags};

#[path = "syscalls/ring.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod ring;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Timeout for a decision.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many times the capture must be idle after a decision that differs.
const IDLE: u32 = 10;

/// A directory of the test's own, gone when it is over.
struct Place(Dir);

impl Place {
    fn new() -> Self {
        Self(Dir::new("hooks"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, name: &str) -> PathBuf {
        fs::write(self.at(name), "text").unwrap();
        self.at(name)
    }
}

/// Where a decision is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// In the event of the call.
    Call,
    /// In a separate event.
    Itself,
}

struct Hooked {
    source: Source,
    from: HookSource,
    wrong: String,
    /// What could not be tested, with the reason.
    lacking: Vec<String>,
}

impl Hooked {
    /// Notes a hook at which no program is, and whether the kernel lacks the function or refused the program.
    fn note_lack(&mut self, hook: &str) {
        let row = hooks().find(|row| row.name == hook).unwrap();
        let function = match self.from {
            HookSource::Lsm => format!("bpf_lsm_{hook}"),
            _ => row.function.to_owned(),
        };
        let symbols = fs::read_to_string("/proc/kallsyms").unwrap();
        let is_there = symbols.lines().any(|line| line.split_ascii_whitespace().nth(2) == Some(&function));
        let why = if is_there { "the kernel refused a program at" } else { "the kernel has no" };
        self.lacking.push(format!("{hook} ({why} {function})"));
    }

    /// Does something, and looks for what the hook decided.
    fn check(
        &mut self,
        hook: &str,
        of: Of,
        act: impl FnOnce(&mut Source),
        is_it: impl Fn(&Decision<'_>) -> bool,
    ) {
        if self.source.hooked().all(|there| there.name != hook) {
            return self.note_lack(hook);
        }
        act(&mut self.source);
        let until = Instant::now() + PATIENCE;
        let (mut seen, mut idle) = (Vec::new(), 0);
        while Instant::now() < until && idle < IDLE {
            let event = match self.source.next().unwrap() {
                Next::Event(event) => OwnedEvent::from(event),
                _ => {
                    idle += u32::from(!seen.is_empty());
                    continue;
                }
            };
            let raw = event.as_raw();
            let Some(decision) = raw.decision() else { continue };
            if decision.hook().is_none_or(|found| found.name != hook) {
                continue;
            }
            let found = if raw.ty == EventType::LSM_X { Of::Itself } else { Of::Call };
            if found == of && is_it(&decision) {
                return println!("{hook}: seen");
            }
            let text = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or(b"-")).into_owned();
            seen.push(format!(
                "{:?} {} {} {:?}",
                raw.ty,
                text(decision.path()),
                text(decision.target()),
                decision.value()
            ));
        }
        seen.truncate(8);
        let _ = writeln!(self.wrong, "{hook}, {of:?}: {seen:#?}");
    }
}

/// Whether a path is the requested one, wherever the file system of the test is mounted.
fn is(found: Option<&[u8]>, path: &Path) -> bool {
    found.is_some_and(|found| found == path.as_os_str().as_encoded_bytes())
}

fn capture(from: HookSource) -> Option<Hooked> {
    eyas_testing::need_live_capture();
    let calls = hooks().flat_map(|hook| hook.calls.iter().copied());
    let interest = calls.chain([SyscallCode::SCHED_PROCESS_EXIT]).collect();
    let mut source = Source::open(ProbeOptions {
        interest: Some(interest),
        ring_bytes: 32 << 20,
        ..ProbeOptions::default()
    })
    .unwrap();
    assert!(matches!(source.next().unwrap(), Next::Snapshot(_)));
    let method = source.set_hooks(Some(from)).unwrap();
    println!("method of {from:?}: {method}, {} hooks", source.hooked().count());
    (method != HookMethod::Tracepoints).then_some(Hooked {
        source,
        from,
        wrong: String::new(),
        lacking: Vec::new(),
    })
}

/// Every hook that this kernel supports with that method.
fn every_hook(from: HookSource) {
    let _turn = eyas_testing::live_turn();
    let Some(mut live) = capture(from) else {
        eyas_testing::ignore("the kernel lets no program see its security hooks there");
    };
    let place = Place::new();
    files(&mut live, &place);
    names(&mut live, &place);
    attributes(&mut live, &place);
    sockets(&mut live);
    processes(&mut live, &place);
    rings(&mut live);
    assert!(live.wrong.is_empty(), "{}", live.wrong);
    // Without them nothing more comes.
    live.source.set_hooks(None).unwrap();
    while !matches!(live.source.next().unwrap(), Next::Idle) {}
    drop(File::open("/etc/passwd"));
    while let Next::Event(event) = live.source.next().unwrap() {
        assert!(event.decision().is_none());
    }
    if !live.lacking.is_empty() {
        let lacking = live.lacking.join(", ");
        eyas_testing::ignore(format_args!(
            "the decisions of all other hooks are right; not tested: {lacking}"
        ));
    }
}

fn files(live: &mut Hooked, place: &Place) {
    let file = place.file("opened");
    live.check(
        "file_open",
        Of::Call,
        |_| drop(File::open(&file)),
        |found| is(found.path(), &file) && found.verdict() == 0 && found.value().is_some(),
    );
    let link = place.at("leads");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    live.check("file_open", Of::Call, |_| drop(File::open(&link)), |found| is(found.path(), &file));
    live.check(
        "file_truncate",
        Of::Call,
        |_| File::options().write(true).open(&file).unwrap().set_len(1).unwrap(),
        |found| is(found.path(), &file),
    );
    let module = place.file("module");
    let load = |_: &mut Source| {
        let module = File::open(&module).unwrap();
        // No module: the kernel refuses it after the hook.
        rustix::system::finit_module(&module, c"", 0).unwrap_err();
    };
    live.check("kernel_read_file", Of::Call, load, |found| is(found.path(), &module));
    // The interpreter and libraries of a program.
    let run = |_: &mut Source| assert!(Command::new("/bin/true").status().unwrap().success());
    live.check("mmap_file", Of::Call, run, |found| found.path().is_some() && found.value().is_some());
    live.check("file_mprotect", Of::Call, run, |found| found.value().is_some());
}

fn names(live: &mut Hooked, place: &Place) {
    let dir = place.at("dir");
    live.check("path_mkdir", Of::Call, |_| fs::create_dir(&dir).unwrap(), |found| is(found.path(), &dir));
    live.check("path_rmdir", Of::Call, |_| fs::remove_dir(&dir).unwrap(), |found| is(found.path(), &dir));
    let (old, new) = (place.file("old"), place.at("new"));
    live.check(
        "path_rename",
        Of::Call,
        |_| fs::rename(&old, &new).unwrap(),
        |found| is(found.path(), &old) && is(found.target(), &new),
    );
    let linked = place.at("linked");
    live.check(
        "path_link",
        Of::Call,
        |_| fs::hard_link(&new, &linked).unwrap(),
        |found| is(found.path(), &new) && is(found.target(), &linked),
    );
    let symlink = place.at("symlink");
    live.check(
        "path_symlink",
        Of::Call,
        |_| std::os::unix::fs::symlink("/etc/shadow", &symlink).unwrap(),
        |found| is(found.path(), &symlink) && found.target() == Some(b"/etc/shadow"),
    );
    let fifo = place.at("fifo");
    let make = |_: &mut Source| rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
    live.check("path_mknod", Of::Call, make, |found| is(found.path(), &fifo));
    live.check(
        "path_unlink",
        Of::Call,
        |_| fs::remove_file(&linked).unwrap(),
        |found| is(found.path(), &linked),
    );
}

fn attributes(live: &mut Hooked, place: &Place) {
    let file = place.file("attributes");
    let mode = |_: &mut Source| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    live.check("path_chmod", Of::Call, mode, |found| {
        is(found.path(), &file) && found.value().is_some_and(|mode| mode & 0o777 == 0o600)
    });
    let own = |_: &mut Source| std::os::unix::fs::chown(&file, Some(12), None).unwrap();
    live.check("path_chown", Of::Call, own, |found| is(found.path(), &file) && found.value() == Some(12));
    // A file system may have none; the kernel calls the hook before.
    let set = |_: &mut Source| {
        let _ = rustix::fs::setxattr(&file, c"user.eyas", b"1", XattrFlags::empty());
    };
    live.check("inode_setxattr", Of::Call, set, |found| found.target() == Some(b"user.eyas"));
    let point = place.at("mounted");
    fs::create_dir(&point).unwrap();
    let mount = |_: &mut Source| {
        let flags = rustix::mount::MountFlags::empty();
        if rustix::mount::mount("tmpfs", &point, "tmpfs", flags, None).is_ok() {
            rustix::mount::unmount(&point, rustix::mount::UnmountFlags::DETACH).unwrap();
        }
    };
    live.check("sb_mount", Of::Call, mount, |found| {
        is(found.path(), &point) && found.target() == Some(b"tmpfs")
    });
    let cut = place.file("cut");
    let open = |_: &mut Source| {
        rustix::fs::open(&cut, OFlags::WRONLY | OFlags::TRUNC, Mode::empty()).unwrap();
    };
    let shorten = |_: &mut Source| {
        let path = std::ffi::CString::new(cut.as_os_str().as_encoded_bytes()).unwrap();
        // SAFETY: the path ends in a NUL.
        assert_eq!(unsafe { libc::truncate(path.as_ptr(), 2) }, 0);
    };
    live.check("path_truncate", Of::Call, shorten, |found| is(found.path(), &cut));
    // An open that empties a file calls one hook or the other, depending on the kernel's version.
    let hook = if live.source.hooked().any(|hook| hook.name == "file_truncate") {
        "file_truncate"
    } else {
        "path_truncate"
    };
    live.check(hook, Of::Itself, open, |found| is(found.path(), &cut));
}

fn sockets(live: &mut Hooked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let address = |port: u16| [&[2, 127, 0, 0, 1][..], &port.to_le_bytes()].concat();
    live.check(
        "socket_connect",
        Of::Call,
        |_| drop(TcpStream::connect(to).unwrap()),
        |found| found.address() == Some(&address(to.port())),
    );
    let listen = |_: &mut Source| drop(TcpListener::bind("127.0.0.1:0").unwrap());
    live.check("socket_create", Of::Call, listen, |found| found.value() == Some(2));
    live.check("socket_bind", Of::Call, listen, |found| found.address() == Some(&address(0)));
    live.check("socket_listen", Of::Call, listen, |found| found.value().is_some());
    let send = |_: &mut Source| _ = UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"text", to).unwrap();
    live.check("socket_sendmsg", Of::Call, send, |found| {
        found.address() == Some(&address(to.port())) && found.value() == Some(4)
    });
}

fn processes(live: &mut Hooked, place: &Place) {
    let script = place.at("script");
    fs::write(&script, "#!/bin/true\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |_: &mut Source| assert!(Command::new(&script).status().unwrap().success());
    live.check("bprm_check_security", Of::Call, run, |found| is(found.path(), &script));
    // The files that the kernel opens meanwhile, each with a call of the hook.
    live.check("file_open", Of::Itself, run, |found| is(found.path(), &script));
    let change = |_: &mut Source| assert!(Command::new("/bin/true").uid(12).status().unwrap().success());
    live.check("task_fix_setuid", Of::Call, change, |found| found.value() == Some(12));
    let look = |_: &mut Source| drop(fs::read("/proc/1/environ"));
    live.check("ptrace_access_check", Of::Itself, look, |found| found.value() == Some(1));
    let set = |source: &mut Source| {
        let nobody = ExcludedThreads { comms: vec!["nobody at all".into()], ..ExcludedThreads::default() };
        source.set_excluded_threads(&nobody).unwrap();
    };
    live.check("bpf", Of::Call, set, |found| found.value().is_some());
}

/// Rings of io_uring, where the system has them.
fn rings(live: &mut Hooked) {
    use ring::{Entry, POLLED, Ring};

    let mut ring = match Ring::new(0, 0) {
        Ok(ring) => ring,
        Err(error) => {
            return live.lacking.push(format!("requests of io_uring (error {error})"));
        }
    };
    let poll = |_: &mut Source| drop(Ring::new(POLLED, 0).unwrap());
    live.check("uring_sqpoll", Of::Call, poll, |found| found.verdict() == 0);
    let personality = ring.personality() as u16;
    let as_another = |_: &mut Source| assert_eq!(ring.one(Entry { personality, ..Entry::new(0, -1) }), 0);
    live.check("uring_override_creds", Of::Itself, as_another, |found| found.verdict() == 0);
    // The number of bytes that wait in a socket. A kernel whose sockets lack this request does not call the hook.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let request = Entry::new(46, std::os::fd::AsRawFd::as_raw_fd(&socket).into());
    if ring.one(request) == -i64::from(libc::EOPNOTSUPP) {
        return live.lacking.push("uring_cmd (no file takes a request)".to_owned());
    }
    live.check("uring_cmd", Of::Itself, |_| _ = ring.one(request), |found| found.path().is_some());
}

#[test]
fn each_hook_reports_its_object_with_bpf_lsm() {
    every_hook(HookSource::Lsm);
}

#[test]
fn each_hook_reports_its_object_with_fexit() {
    every_hook(HookSource::Functions);
}

#[test]
fn the_best_method_that_the_kernel_supports_is_chosen() {
    let _turn = eyas_testing::live_turn();
    let method = capture(HookSource::Auto).map_or(HookMethod::Tracepoints, |live| {
        let (method, count) = live.source.hooks();
        // How often each of their programs ran is known.
        let programs = live.source.runs();
        assert_eq!(programs.iter().filter(|program| program.name.starts_with("decide_")).count(), count);
        method
    });
    let modules = eyas_scap::live::Features::detect().security_modules;
    if modules.iter().all(|module| module != "bpf") {
        assert_ne!(method, HookMethod::Lsm, "programs of BPF LSM are never run here");
    }
    println!("\nhooks: {method}");
}
