//! Reads the processes of the wild program from `/proc`, only for this comparison.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A process that has not exited.
#[derive(Debug, Default)]
pub struct Process {
    pub threads: BTreeMap<i64, Task>,
    pub exe: Vec<u8>,
    pub pgid: i64,
    pub sid: i64,
    pub tty: u32,
}

/// A thread that has not exited.
#[derive(Debug)]
pub struct Task {
    pub comm: Vec<u8>,
    pub uid: u32,
    pub gid: u32,
    /// Inheritable, permitted and effective capabilities.
    pub caps: [u64; 3],
    pub cwd: Vec<u8>,
    pub fds: BTreeMap<i64, File>,
}

/// An open file: the letter of its type, and which part of its name events report.
#[derive(Clone, Debug)]
pub struct File {
    pub letter: char,
    pub name: Name,
}

#[derive(Clone, Debug)]
pub enum Name {
    /// The complete name.
    Is(Vec<u8>),
    /// The end of the name: a Unix socket's path.
    EndsWith(Vec<u8>),
    /// Both ends of a connection, in either order.
    Ends([String; 2]),
    /// Events report no name.
    Unknown,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Is(name) => write!(f, "{}", String::from_utf8_lossy(name)),
            Self::EndsWith(path) => write!(f, "…{}", String::from_utf8_lossy(path)),
            Self::Ends([a, b]) => write!(f, "{a} and {b}"),
            Self::Unknown => write!(f, "(no name)"),
        }
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// State, process group, session and terminal in the text of `stat`.
fn stat(dir: &Path) -> Option<(char, i64, i64, u32)> {
    let text = read(&dir.join("stat"))?;
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let [state, _, pgid, sid, tty, ..] = words[..] else { return None };
    Some((state.chars().next()?, pgid.parse().ok()?, sid.parse().ok()?, tty.parse().ok()?))
}

fn numbers(dir: &Path) -> Vec<i64> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Processes that run a program of the directory, zombies left out.
pub fn members(dir: &Path) -> Vec<i64> {
    let runs = |pid: &i64| {
        let tasks = PathBuf::from(format!("/proc/{pid}/task"));
        // A leader that has exited has no program any more.
        numbers(&tasks).into_iter().any(|tid| {
            let program = std::fs::read_link(tasks.join(format!("{tid}/exe")));
            program.is_ok_and(|program| program.starts_with(dir))
        })
    };
    numbers(Path::new("/proc")).into_iter().filter(runs).collect()
}

/// Threads of the processes that are not stopped yet.
pub fn running(dir: &Path) -> usize {
    let tasks = members(dir).into_iter().map(|pid| PathBuf::from(format!("/proc/{pid}/task")));
    tasks
        .flat_map(|tasks| numbers(&tasks).into_iter().map(move |tid| tasks.join(tid.to_string())))
        .filter(|task| stat(task).is_some_and(|(state, ..)| !matches!(state, 'T' | 'Z' | 'X')))
        .count()
}

/// The processes in `/proc`; they must be stopped.
pub fn look(dir: &Path) -> BTreeMap<i64, Process> {
    members(dir).into_iter().filter_map(|pid| Some((pid, process(pid)?))).collect()
}

fn process(pid: i64) -> Option<Process> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let (_, pgid, sid, tty) = stat(&dir)?;
    let mut process = Process { pgid, sid, tty, ..Process::default() };
    let mut sockets = None;
    for tid in numbers(&dir.join("task")) {
        let path = dir.join(format!("task/{tid}"));
        if stat(&path).is_some_and(|(state, ..)| !matches!(state, 'Z' | 'X')) {
            let sockets = sockets.get_or_insert_with(|| Sockets::read(&path));
            process.exe = undeleted(&std::fs::read_link(path.join("exe")).ok()?);
            process.threads.insert(tid, task(&path, sockets)?);
        }
    }
    (!process.threads.is_empty()).then_some(process)
}

fn task(dir: &Path, sockets: &Sockets) -> Option<Task> {
    let status = read(&dir.join("status"))?;
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let effective = |name: &str| of(name)?.split_whitespace().nth(1)?.parse().ok();
    let caps = |name: &str| u64::from_str_radix(of(name)?.trim(), 16).ok();
    let comm = std::fs::read(dir.join("comm")).ok()?;
    let mut cwd = undeleted(&std::fs::read_link(dir.join("cwd")).ok()?);
    if cwd.last() != Some(&b'/') {
        cwd.push(b'/');
    }
    let mut fds = BTreeMap::new();
    for num in numbers(&dir.join("fd")) {
        let path = dir.join(format!("fd/{num}"));
        let Ok(link) = std::fs::read_link(&path) else { continue };
        fds.insert(num, file(&path, &link, sockets));
    }
    Some(Task {
        comm: comm.strip_suffix(b"\n").unwrap_or(&comm).to_vec(),
        uid: effective("Uid:")?,
        gid: effective("Gid:")?,
        caps: [caps("CapInh:")?, caps("CapPrm:")?, caps("CapEff:")?],
        cwd,
        fds,
    })
}

fn undeleted(path: &Path) -> Vec<u8> {
    let path = path.as_os_str().as_bytes();
    path.strip_suffix(b" (deleted)").unwrap_or(path).to_vec()
}

fn file(path: &Path, link: &Path, sockets: &Sockets) -> File {
    let text = link.to_string_lossy();
    let known = |letter| File { letter, name: Name::Unknown };
    if let Some(name) = text.strip_prefix("/memfd:") {
        let name = name.strip_suffix(" (deleted)").unwrap_or(name);
        return File { letter: 'm', name: Name::Is(name.into()) };
    }
    if text.starts_with('/') {
        let is_directory = std::fs::metadata(path).is_ok_and(|meta| meta.is_dir());
        return File { letter: if is_directory { 'd' } else { 'f' }, name: Name::Is(undeleted(link)) };
    }
    if let Some(inode) = text.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
        return sockets.file(inode);
    }
    match &*text {
        "anon_inode:[eventfd]" => known('e'),
        "anon_inode:[eventpoll]" => known('l'),
        "anon_inode:inotify" | "anon_inode:[inotify]" => known('i'),
        "anon_inode:[signalfd]" => known('s'),
        "anon_inode:[timerfd]" => known('t'),
        "anon_inode:[pidfd]" => known('P'),
        text if text.starts_with("pipe:") => known('p'),
        text if text.starts_with("pidfd:") => known('P'),
        _ => known('?'),
    }
}

/// Sockets by inode.
struct Sockets(BTreeMap<String, File>);

impl Sockets {
    fn read(task: &Path) -> Self {
        let mut sockets = BTreeMap::new();
        for table in ["net/tcp", "net/udp"] {
            let text = read(&task.join(table)).unwrap_or_default();
            for line in text.lines().skip(1) {
                let words: Vec<_> = line.split_whitespace().collect();
                if let [_, local, remote, _, _, _, _, _, _, inode, ..] = words[..] {
                    let (local, remote) = (end(local), end(remote));
                    let name = match remote == "0.0.0.0:0" {
                        true => Name::Is(local.into_bytes()),
                        false => Name::Ends([local, remote]),
                    };
                    sockets.insert(inode.to_owned(), File { letter: '4', name });
                }
            }
        }
        let text = read(&task.join("net/unix")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let words: Vec<_> = line.split_whitespace().collect();
            let name = words.get(7).map_or(Name::Unknown, |path| Name::EndsWith(path.as_bytes().to_vec()));
            if let Some(inode) = words.get(6) {
                sockets.insert((*inode).to_owned(), File { letter: 'u', name });
            }
        }
        Self(sockets)
    }

    fn file(&self, inode: &str) -> File {
        // A connection whose other end is closed, or a socket that was never bound, is in no table.
        self.0.get(inode).cloned().unwrap_or(File { letter: '?', name: Name::Unknown })
    }
}

/// `0100007F:0050` as `127.0.0.1:80`.
fn end(hex: &str) -> String {
    let (ip, port) = hex.split_once(':').unwrap_or_default();
    let ip = u32::from_str_radix(ip, 16).unwrap_or(0).to_le_bytes();
    let port = u16::from_str_radix(port, 16).unwrap_or(0);
    format!("{}:{port}", std::net::Ipv4Addr::from(ip))
}

/// Whether a thread was stopped within a connect of this socket. The call starts again when the thread continues, and the
/// connection may exist by then.
pub fn is_connecting(pid: i64, fd: i64) -> bool {
    let call = format!("{} {fd:#x} ", libc::SYS_connect);
    std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| {
        tasks.flatten().any(|task| {
            std::fs::read_to_string(task.path().join("syscall")).is_ok_and(|text| {
                text.starts_with(&call)
                    || (cfg!(target_arch = "aarch64") && stands_at_call(&task.path(), &text).unwrap_or(false))
            })
        })
    })
}

/// Whether the thread's next instruction repeats a call, on kernels that do not show the call in which a thread was
/// stopped. `text` contains no call, the stack pointer, and the program counter.
fn stands_at_call(task: &Path, text: &str) -> Option<bool> {
    const CALL: u32 = 0xd400_0001;
    let at = text.strip_prefix("-1 ")?.split_whitespace().nth(1)?;
    let at = u64::from_str_radix(at.strip_prefix("0x")?, 16).ok()?;
    let mut word = [0; 4];
    std::fs::File::open(task.join("mem")).ok()?.read_exact_at(&mut word, at).ok()?;
    Some(u32::from_le_bytes(word) == CALL)
}
