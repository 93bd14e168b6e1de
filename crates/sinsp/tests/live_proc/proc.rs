//! What `/proc` says of a group of processes, read for this comparison alone.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A process that has not exited.
#[derive(Debug, Default)]
pub struct Process {
    /// Command names by thread.
    pub threads: BTreeMap<i64, Vec<u8>>,
    pub uid: u32,
    pub exe: Vec<u8>,
    pub cwd: Vec<u8>,
    pub fds: BTreeMap<i64, File>,
}

/// An open file: the letter of its type, and how its name is known.
#[derive(Clone, Debug)]
pub struct File {
    pub letter: char,
    pub name: Name,
}

#[derive(Clone, Debug)]
pub enum Name {
    /// The whole of it.
    Is(Vec<u8>),
    /// Its end: a Unix socket's path.
    EndsWith(Vec<u8>),
    /// Both ends of a connection, in either order.
    Ends([String; 2]),
    /// It has none that events tell.
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

/// State and process group in the text of `stat`.
fn stat(dir: &Path) -> Option<(char, i64)> {
    let text = read(&dir.join("stat"))?;
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.nth(1)?.parse().ok()?))
}

fn numbers(dir: &Path) -> Vec<i64> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Processes of the group, zombies left out.
fn members(group: i64) -> Vec<i64> {
    let proc = Path::new("/proc");
    let of_group = |pid: &i64| stat(&proc.join(pid.to_string())).is_some_and(|(_, of)| of == group);
    numbers(proc).into_iter().filter(of_group).collect()
}

/// Threads of the group that are not stopped yet.
pub fn running(group: i64) -> usize {
    let tasks = members(group).into_iter().map(|pid| PathBuf::from(format!("/proc/{pid}/task")));
    tasks
        .flat_map(|tasks| numbers(&tasks).into_iter().map(move |tid| tasks.join(tid.to_string())))
        .filter(|task| stat(task).is_some_and(|(state, _)| !matches!(state, 'T' | 'Z' | 'X')))
        .count()
}

/// The group as it is now; its processes must be stopped.
pub fn look(group: i64) -> BTreeMap<i64, Process> {
    members(group).into_iter().filter_map(|pid| Some((pid, process(pid)?))).collect()
}

fn process(pid: i64) -> Option<Process> {
    let dir = PathBuf::from(format!("/proc/{pid}"));
    let mut process = Process::default();
    for tid in numbers(&dir.join("task")) {
        let task = dir.join(format!("task/{tid}"));
        if stat(&task).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X')) {
            let comm = std::fs::read(task.join("comm")).ok()?;
            process.threads.insert(tid, comm.trim_ascii_end().to_vec());
        }
    }
    if process.threads.is_empty() {
        return None;
    }
    // A leader that has exited has no files of its own to show: its threads have.
    let task = dir.join(format!("task/{}", process.threads.keys().next()?));
    let status = read(&task.join("status"))?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    process.uid = uids.split_whitespace().nth(1)?.parse().ok()?;
    let link = |name: &str| std::fs::read_link(task.join(name)).map(|path| undeleted(&path));
    process.exe = link("exe").ok()?;
    process.cwd = link("cwd").ok()?;
    if process.cwd.last() != Some(&b'/') {
        process.cwd.push(b'/');
    }
    let sockets = Sockets::read(&task);
    for num in numbers(&task.join("fd")) {
        let path = task.join(format!("fd/{num}"));
        let Ok(link) = std::fs::read_link(&path) else { continue };
        process.fds.insert(num, file(&path, &link, &sockets));
    }
    Some(process)
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
        // In no table: a connection whose end is gone, or one that was never bound.
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

/// Whether a thread was stopped within a connect of this socket: the call begins anew when the thread goes on, and the
/// connection may be there by then.
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

/// Where the kernel forgets which call a thread was stopped in: whether it stands at the instruction that makes one
/// anew. `text` has no call, the stack's end, and where the thread stands.
fn stands_at_call(task: &Path, text: &str) -> Option<bool> {
    const CALL: u32 = 0xd400_0001;
    let at = text.strip_prefix("-1 ")?.split_whitespace().nth(1)?;
    let at = u64::from_str_radix(at.strip_prefix("0x")?, 16).ok()?;
    let mut word = [0; 4];
    std::fs::File::open(task.join("mem")).ok()?.read_exact_at(&mut word, at).ok()?;
    Some(u32::from_le_bytes(word) == CALL)
}
