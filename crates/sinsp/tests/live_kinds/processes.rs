//! Processes that came to be what they are in unusual ways, one of each kind. Each reports its id and then waits.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::io::{BufRead, BufReader};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::maker::{at, call, open};

mod executed;
mod placed;

/// Environment variable that makes the test program report and wait: the name of the kind.
pub const REPORT: &str = "EYAS_KINDS_REPORT";
/// Environment variable that makes the test program the maker of the processes: an empty directory.
pub const ENV: &str = "EYAS_PROCESS_KINDS";

/// Descriptors of every process: where it reports, `/proc` of the host, and what ends when the maker ends.
const REPORTS: i64 = 200;
const PROC: i64 = 201;
const ENDS: i64 = 202;

/// A kind of process: its name, and what a new process does to become one. An error is the number of the kernel.
type Kind = (&'static str, fn(&Scene) -> Result<(), i64>);

/// The surroundings of a new process.
pub struct Scene {
    pub name: &'static str,
    /// A directory of its own, which is its working directory.
    pub dir: PathBuf,
}

impl Scene {
    /// A path in the directory.
    pub fn path(&self, name: &str) -> CString {
        text(self.dir.join(name).as_os_str().as_bytes())
    }

    /// Another name of the test program, which reports and waits.
    pub fn program(&self, name: &str) -> CString {
        let path = self.path(name);
        let own = std::fs::canonicalize("/proc/self/exe").unwrap();
        std::fs::copy(own, self.dir.join(name)).unwrap();
        path
    }

    /// The environment of executed programs.
    pub fn environment(&self) -> CString {
        text(format!("{REPORT}={}", self.name).as_bytes())
    }

    /// Executes a program; returns only the error.
    pub fn exec(&self, path: &CStr, args: &[&CStr]) -> Result<(), i64> {
        self.exec_at(libc::AT_FDCWD.into(), path, args, 0)
    }

    pub fn exec_at(&self, dir: i64, path: &CStr, args: &[&CStr], flags: i32) -> Result<(), i64> {
        let environment = self.environment();
        let pointers: Vec<*const i8> =
            args.iter().map(|arg| arg.as_ptr()).chain([std::ptr::null()]).collect();
        let variables = [environment.as_ptr(), std::ptr::null()];
        let args = [dir, at(path.as_ptr()), at(pointers.as_ptr()), at(variables.as_ptr()), flags.into()];
        if dir == i64::from(libc::AT_FDCWD) && flags == 0 {
            return made(call(libc::SYS_execve, [args[1], args[2], args[3]])).map(drop);
        }
        made(call(libc::SYS_execveat, args)).map(drop)
    }
}

pub fn text(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap()
}

/// The result of a call, or its error.
pub fn made(result: i64) -> Result<i64, i64> {
    if result < 0 { Err(-result) } else { Ok(result) }
}

/// Makes a process like `fork`, with these flags in addition.
pub fn fork(flags: i32) -> Result<i64, i64> {
    made(call(libc::SYS_clone, [i64::from(flags | libc::SIGCHLD), 0, 0, 0, 0]))
}

/// Reports the calling thread, and waits for the end of the maker.
pub fn report(name: &str) -> ! {
    let mut id = [0_u8; 64];
    let length = call(libc::SYS_readlinkat, [PROC, at(c"thread-self".as_ptr()), at(id.as_mut_ptr()), 64]);
    let id = String::from_utf8_lossy(&id[..length.max(0) as usize]).into_owned();
    let tid = id.rsplit('/').next().unwrap_or("?");
    let line = format!("{tid} {name}\n");
    call(libc::SYS_write, [REPORTS, at(line.as_ptr()), line.len() as i64]);
    wait_for_end();
    call(libc::SYS_exit_group, [0]);
    unreachable!()
}

pub fn wait_for_end() {
    let mut byte = [0_u8; 1];
    call(libc::SYS_read, [ENDS, at(byte.as_mut_ptr()), 1]);
}

/// Ends this process at the end of the maker.
pub fn exit_at_end() -> ! {
    wait_for_end();
    std::process::exit(0)
}

/// A namespace of a process.
pub fn namespace(process: i64, kind: &str) -> Result<i64, i64> {
    let path = text(format!("/proc/{process}/ns/{kind}").as_bytes());
    made(open(&path, libc::O_RDONLY | libc::O_CLOEXEC))
}

fn kinds() -> impl Iterator<Item = &'static Kind> {
    executed::KINDS.iter().chain(placed::KINDS)
}

/// Kinds without a process, although the kernel has what they need. `made` has the name of each process, `errors` those
/// of kinds that could not be made.
pub fn missing<'m>(
    made: impl Iterator<Item = &'m String>,
    errors: &BTreeMap<String, Vec<i32>>,
) -> Vec<&'static str> {
    let made: BTreeSet<&str> = made.map(String::as_str).collect();
    let is_made = |name: &str| made.contains(name) && !errors.contains_key(name);
    kinds().map(|(name, _)| *name).filter(|name| !is_made(name) && !is_lacking(name)).collect()
}

/// Whether the system lacks what a kind of process needs.
fn is_lacking(name: &str) -> bool {
    let has_line = |path: &str, part: &str| {
        std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(|line| line.contains(part)))
    };
    match name {
        "in a cgroup from the start" | "moved to a cgroup" => !has_line("/proc/self/mounts", " cgroup2 "),
        _ if name.starts_with("interpreter ") => !has_line("/proc/filesystems", "\tbinfmt_misc"),
        _ if name.contains("a user namespace") => !Path::new("/proc/self/ns/user").exists(),
        _ if name.contains("a login user") => !Path::new("/proc/self/loginuid").exists(),
        _ => false,
    }
}

/// Makes one process of each kind, and prints their ids.
pub fn run() -> ! {
    let dir = PathBuf::from(std::env::var_os(ENV).unwrap());
    let (mut reports, mut ends) = ([0_i32; 2], [0_i32; 2]);
    call(libc::SYS_pipe2, [at(reports.as_mut_ptr()), libc::O_CLOEXEC.into()]);
    call(libc::SYS_pipe2, [at(ends.as_mut_ptr()), libc::O_CLOEXEC.into()]);
    let proc = open(c"/proc", libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC);
    // SAFETY: the descriptor is new, and nothing else owns it.
    let mut lines = BufReader::new(std::fs::File::from(unsafe { OwnedFd::from_raw_fd(reports[0]) })).lines();
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    for (number, (name, become_one)) in kinds().enumerate() {
        let scene = Scene { name, dir: dir.join(number.to_string()) };
        std::fs::create_dir(&scene.dir).unwrap();
        if fork(0) == Ok(0) {
            call(libc::SYS_dup3, [reports[1].into(), REPORTS, 0]);
            call(libc::SYS_dup3, [proc, PROC, 0]);
            call(libc::SYS_dup3, [ends[0].into(), ENDS, 0]);
            call(libc::SYS_close, [ends[1].into()]);
            call(libc::SYS_chdir, [at(scene.path("").as_ptr())]);
            begin(&scene, *become_one);
        }
        println!("{}", lines.next().unwrap().unwrap());
    }
    println!("done");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    std::process::exit(0)
}

fn begin(scene: &Scene, become_one: fn(&Scene) -> Result<(), i64>) -> ! {
    match become_one(scene) {
        Ok(()) => report(scene.name),
        Err(error) => {
            let line = format!("- {}: error {error}\n", scene.name);
            call(libc::SYS_write, [REPORTS, at(line.as_ptr()), line.len() as i64]);
            call(libc::SYS_exit_group, [1]);
            unreachable!()
        }
    }
}

/// Writes a file of the kernel.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), i64> {
    std::fs::write(path, bytes).map_err(|error| error.raw_os_error().unwrap_or(0).into())
}
