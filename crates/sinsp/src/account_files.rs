//! `/etc/passwd` and `/etc/group` as a container's processes see them, read by a thread of its own.
//!
//! What is in a container is its own: links end inside it, pipes and devices are passed over, what is long is
//! cut, and a file system that never answers holds up nobody but that thread.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use eyas_scap::{Group, User};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, stat};
use rustix::io::Errno;

use crate::outside::{AccountLookup, Accounts, Mailbox, Sender, mailbox};
use crate::state::Text;

/// Questions and answers that wait at most.
const QUEUE: usize = 256;
/// The most of a file that is read, bytes.
const MAX_FILE: u64 = 256 << 10;
/// Users, and groups, of a container.
const MAX_ENTRIES: usize = 4096;
/// The longest text that captures hold.
const MAX_TEXT: usize = 255;
/// Times a process is looked at that has not got its container's root directory yet.
const TRIES: u32 = 5;
/// Time between two of them.
const PAUSE: Duration = Duration::from_millis(50);

/// Reads users and groups of containers below `/proc/<pid>/root`; the thread ends when this is dropped.
#[derive(Debug)]
pub struct AccountFiles {
    questions: SyncSender<Question>,
    answers: Mailbox<Accounts>,
}

#[derive(Debug)]
struct Question {
    container: Text,
    pid: i64,
    tries: u32,
}

impl AccountFiles {
    /// Starts the thread. The host's root directory is seen at `root` (`HOST_ROOT`).
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(root: PathBuf) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel(QUEUE);
        let (sender, answers) = mailbox(QUEUE);
        std::thread::Builder::new().name("accounts".into()).spawn(move || serve(&root, &asked, &sender))?;
        Ok(Self { questions, answers })
    }
}

impl AccountLookup for AccountFiles {
    fn ask(&mut self, container: &Text, pid: i64) -> bool {
        self.questions.try_send(Question { container: container.clone(), pid, tries: 1 }).is_ok()
    }

    fn answer(&mut self) -> Option<Accounts> {
        self.answers.take()
    }
}

/// Answers questions until nobody can ask any more.
fn serve(root: &Path, asked: &Receiver<Question>, answers: &Sender<Accounts>) {
    let mut again: Vec<(Instant, Question)> = Vec::new();
    loop {
        let question = match again.is_empty() {
            true => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => asked.recv_timeout(PAUSE),
        };
        let now = Instant::now();
        let mut due: Vec<Question> = again.extract_if(.., |(at, _)| *at <= now).map(|(_, q)| q).collect();
        match question {
            Ok(question) => due.push(question),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for mut question in due {
            match accounts(root, &question) {
                Ok(accounts) => {
                    // An answer without room is asked for again with the next process.
                    answers.send(accounts);
                }
                Err(Errno::AGAIN) if question.tries < TRIES && again.len() < QUEUE => {
                    question.tries += 1;
                    again.push((now + PAUSE, question));
                }
                Err(_) => {}
            }
        }
    }
}

/// Reads both files; `AGAIN` while the process still has the host's root directory, as one that makes a
/// container has at first.
fn accounts(host: &Path, question: &Question) -> Result<Accounts, Errno> {
    let path = host.join(format!("proc/{}/root", question.pid));
    let root = openat(CWD, &path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (own, hosts) = (fstat(&root)?, stat(host)?);
    if (own.st_dev, own.st_ino) == (hosts.st_dev, hosts.st_ino) {
        return Err(Errno::AGAIN);
    }
    Ok(Accounts {
        container: question.container.clone(),
        users: lines(&read(&root, "etc/passwd")).filter_map(user).take(MAX_ENTRIES).collect(),
        groups: lines(&read(&root, "etc/group")).filter_map(group).take(MAX_ENTRIES).collect(),
    })
}

/// The beginning of a plain file below a root directory that its links cannot leave; nothing if there is none.
fn read(root: &OwnedFd, path: &str) -> Vec<u8> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let mut bytes = Vec::new();
    if let Ok(file) = openat2(root, path, flags, Mode::empty(), inside)
        && fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    {
        // What was read before a failure is still worth having.
        let _ = std::fs::File::from(file).take(MAX_FILE).read_to_end(&mut bytes);
    }
    bytes
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// `name:password:uid:gid:comment:home:shell`
fn user(line: &[u8]) -> Option<User> {
    let mut parts = line.split(|byte| *byte == b':');
    let name = text(parts.next()?);
    let (uid, gid) = (number(parts.nth(1)?)?, number(parts.next()?)?);
    let (home, shell) = (text(parts.nth(1)?), text(parts.next().unwrap_or_default()));
    Some(User { uid, gid, name, home, shell })
}

/// `name:password:gid:members`
fn group(line: &[u8]) -> Option<Group> {
    let mut parts = line.split(|byte| *byte == b':');
    let name = text(parts.next()?);
    Some(Group { gid: number(parts.nth(1)?)?, name })
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn text(text: &[u8]) -> Vec<u8> {
    text[..text.len().min(MAX_TEXT)].to_vec()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A host with a process whose root directory is `proc/7/root`.
    struct Host(PathBuf);

    impl Host {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("eyas-accounts-{}-{name}", std::process::id()));
            std::fs::create_dir_all(path.join("proc/7/root/etc")).unwrap();
            Self(path)
        }

        fn etc(&self, name: &str) -> PathBuf {
            self.0.join("proc/7/root/etc").join(name)
        }

        fn ask(&self) -> Result<Accounts, Errno> {
            accounts(&self.0, &Question { container: Text::from(&b"c"[..]), pid: 7, tries: 1 })
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn both_files_are_read_in_the_background() {
        let host = Host::new("plain");
        std::fs::write(
            host.etc("passwd"),
            "root:x:0:0:root:/root:/bin/sh\njunk\nweb:x:33:34::/srv:\nbad:x:y:1:::\n",
        )
        .unwrap();
        std::fs::write(host.etc("group"), "web:x:34:a,b\n:\n").unwrap();
        let mut files = AccountFiles::start(host.0.clone()).unwrap();
        assert!(files.ask(&Text::from(&b"c"[..]), 7));
        let began = Instant::now();
        let found = loop {
            if let Some(found) = files.answer() {
                break found;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no answer");
            std::thread::sleep(Duration::from_millis(2));
        };
        let users: Vec<_> =
            found.users.iter().map(|u| (u.uid, u.gid, &*u.name, &*u.home, &*u.shell)).collect();
        assert_eq!(
            users,
            [(0, 0, &b"root"[..], &b"/root"[..], &b"/bin/sh"[..]), (33, 34, b"web", b"/srv", b"")]
        );
        assert_eq!(found.groups.len(), 1);
        assert_eq!((&*found.container, found.groups[0].gid), (&b"c"[..], 34));
    }

    #[test]
    fn links_end_inside_the_container() {
        let host = Host::new("links");
        std::fs::create_dir_all(host.0.join("etc")).unwrap();
        std::fs::write(host.0.join("etc/passwd"), "host:x:1:1:::\n").unwrap();
        symlink(host.0.join("etc/passwd"), host.etc("passwd")).unwrap();
        symlink("../../../../etc/passwd", host.etc("group")).unwrap();
        let found = host.ask().unwrap();
        assert!(found.users.is_empty() && found.groups.is_empty());
        std::fs::remove_file(host.etc("passwd")).unwrap();
        std::fs::write(host.etc("real"), "own:x:2:2:::\n").unwrap();
        symlink("/etc/real", host.etc("passwd")).unwrap();
        assert_eq!(host.ask().unwrap().users[0].uid, 2);
    }

    #[test]
    fn what_is_no_file_or_too_long_harms_nobody() {
        let host = Host::new("hostile");
        rustix::fs::mknodat(CWD, host.etc("passwd"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        std::fs::write(host.etc("group"), "g:x:1:\n".repeat(1 << 17)).unwrap();
        let found = host.ask().unwrap();
        assert_eq!((found.users.len(), found.groups.len()), (0, MAX_ENTRIES));
        assert_eq!(
            accounts(&host.0, &Question { container: Text::default(), pid: 8, tries: 1 }).err(),
            Some(Errno::NOENT)
        );
    }

    #[test]
    fn a_process_with_the_hosts_root_is_asked_again() {
        let host = Host::new("root");
        let root = host.0.join("proc/7/root");
        std::fs::remove_dir_all(&root).unwrap();
        symlink(&host.0, &root).unwrap();
        assert_eq!(host.ask().err(), Some(Errno::AGAIN));
    }
}
