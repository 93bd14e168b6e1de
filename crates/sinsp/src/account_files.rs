//! Reads `/etc/passwd` and `/etc/group` of the host and of containers, in a separate thread.
//!
//! A file system that never responds delays only that thread.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use eyas_scap::proc::{AccountLimits, AccountReader};
use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;

use crate::lookups::{AccountLookup, Mailbox, Sender, mailbox};
use crate::service::Service;
use crate::state::{Accounts, Text};

mod id_map;

use id_map::IdMap;

/// Maximum number of waiting requests, and of waiting results.
const QUEUE: usize = 256;
/// Number of tries for a process that does not have its container's root directory yet.
const TRIES: u32 = 5;
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Reads users and groups of the host, and of containers below `/proc/<pid>/root`. Dropping it ends the
/// thread.
#[derive(Debug)]
pub struct AccountFiles {
    requests: SyncSender<Request>,
    results: Mailbox<Accounts>,
    /// Number of requests so far.
    sent: u64,
    finished: Arc<Finished>,
    /// The request whose wait timed out. Until it is finished, nothing waits for a later one.
    stuck: u64,
}

/// Number of finished requests, in order.
#[derive(Debug, Default)]
struct Finished {
    count: Mutex<u64>,
    grown: Condvar,
}

impl Finished {
    fn grow(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.grown.notify_one();
    }

    /// Waits until `count` requests are finished; returns whether they are.
    fn reaches(&self, count: u64, patience: Duration) -> bool {
        let finished = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.grown.wait_timeout_while(finished, patience, |finished| *finished < count);
        *waited.unwrap_or_else(PoisonError::into_inner).0 >= count
    }
}

/// Counts a request as finished when dropped, also after a panic.
struct Served<'a>(&'a Finished);

impl Drop for Served<'_> {
    fn drop(&mut self) {
        self.0.grow();
    }
}

#[derive(Debug)]
enum Request {
    Host,
    Container(InContainer),
}

#[derive(Debug)]
struct InContainer {
    container: Text,
    pid: i64,
    tries: u32,
}

impl InContainer {
    fn is_same(&self, other: &Self) -> bool {
        self.container == other.container && self.pid == other.pid
    }
}

impl AccountFiles {
    /// A suitable value of [`Config::account_wait`], the time that an event may wait for the users of its
    /// container: much longer than reading them from a working disk takes.
    ///
    /// [`Config::account_wait`]: crate::Config::account_wait
    pub const WAIT: Duration = Duration::from_millis(20);

    /// Starts the thread. The host's root directory is seen at `root` (`HOST_ROOT`).
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(root: PathBuf) -> std::io::Result<Self> {
        Self::start_with(root, accounts)
    }

    fn start_with(
        root: PathBuf,
        read: impl FnMut(&Path, &InContainer) -> Result<Accounts, Errno> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (requests, incoming) = sync_channel(QUEUE);
        let (sender, results) = mailbox(QUEUE);
        let finished = Arc::<Finished>::default();
        let counted = finished.clone();
        let mut worker = Worker {
            root,
            incoming,
            results: sender,
            finished: counted,
            read,
            host: None,
            again: Vec::new(),
        };
        Service::start("accounts", move || worker.serve())?;
        Ok(Self { requests, results, sent: 0, finished, stuck: 0 })
    }

    fn send(&mut self, request: Request) -> bool {
        let is_sent = self.requests.try_send(request).is_ok();
        self.sent += u64::from(is_sent);
        is_sent
    }
}

impl AccountLookup for AccountFiles {
    fn request(&mut self, container: &Text, pid: i64) -> bool {
        let request = InContainer { container: container.clone(), pid, tries: 1 };
        self.send(Request::Container(request))
    }

    fn request_host(&mut self) -> bool {
        self.send(Request::Host)
    }

    fn take_result(&mut self) -> Option<Accounts> {
        self.results.take()
    }

    fn wait(&mut self, patience: Duration) {
        if patience.is_zero() || !self.finished.reaches(self.stuck, Duration::ZERO) {
            return;
        }
        if !self.finished.reaches(self.sent, patience) {
            self.stuck = self.sent;
        }
    }
}

/// The data of the thread, which a panic leaves as they are.
struct Worker<R> {
    root: PathBuf,
    incoming: Receiver<Request>,
    results: Sender<Accounts>,
    finished: Arc<Finished>,
    /// Reads the files of a container.
    read: R,
    host: Option<AccountReader>,
    /// Requests to try again, each with its time.
    again: Vec<(Instant, InContainer)>,
}

impl<R: FnMut(&Path, &InContainer) -> Result<Accounts, Errno>> Worker<R> {
    /// Serves requests until all senders are gone.
    fn serve(&mut self) {
        let finished = self.finished.clone();
        loop {
            let request = match self.again.is_empty() {
                true => self.incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => self.incoming.recv_timeout(PAUSE),
            };
            let now = Instant::now();
            let _served = request.is_ok().then(|| Served(&finished));
            let mut due: Vec<InContainer> =
                self.again.extract_if(.., |(at, _)| *at <= now).map(|(_, request)| request).collect();
            match request {
                Ok(Request::Container(request)) => due.push(request),
                Ok(Request::Host) => self.serve_host(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for request in due {
                self.serve_container(request, now);
            }
        }
    }

    fn serve_host(&mut self) {
        if self.host.is_none() {
            self.host = AccountReader::of_host(&self.root).ok();
        }
        if let Some(found) = self.host.as_mut().and_then(AccountReader::read) {
            self.results.send(Accounts { container: None, users: found.users, groups: found.groups });
        }
    }

    fn serve_container(&mut self, mut request: InContainer, now: Instant) {
        match (self.read)(&self.root, &request) {
            Ok(accounts) => {
                // If there is no room, the next process requests it again.
                self.results.send(accounts);
            }
            // One process makes many events before it has the root directory.
            Err(Errno::AGAIN) if self.again.iter().any(|(_, other)| other.is_same(&request)) => {}
            Err(Errno::AGAIN) if request.tries < TRIES && self.again.len() < QUEUE => {
                request.tries += 1;
                self.again.push((now + PAUSE, request));
            }
            Err(_) => {}
        }
    }
}

/// Reads both files. Returns `AGAIN` while the process still has the host's root directory, because a
/// container is being set up.
fn accounts(host: &Path, request: &InContainer) -> Result<Accounts, Errno> {
    let path = host.join(format!("proc/{}/root", request.pid));
    let root = openat(CWD, &path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (own, hosts) = (fstat(&root)?, stat(host)?);
    if (own.st_dev, own.st_ino) == (hosts.st_dev, hosts.st_ino) {
        return Err(Errno::AGAIN);
    }
    let mut found = AccountReader::new(root, AccountLimits::CONTAINER).read().unwrap_or_default();
    let map = |name: &str| IdMap::read(&host.join(format!("proc/{}/{name}", request.pid)));
    let (uids, gids) = (map("uid_map"), map("gid_map"));
    // An id without one outside runs no process.
    found.users.retain_mut(|user| {
        user.gid = gids.outside(user.gid).unwrap_or(user.gid);
        uids.outside(user.uid).map(|uid| user.uid = uid).is_some()
    });
    found.groups.retain_mut(|group| gids.outside(group.gid).map(|gid| group.gid = gid).is_some());
    let container = Some(request.container.clone());
    Ok(Accounts { container, users: found.users, groups: found.groups })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use eyas_testing::Dir;
    use rustix::fs::FileType;

    use super::*;

    /// A host with a process whose root directory is `proc/7/root`.
    struct Host(Dir);

    impl Host {
        fn new() -> Self {
            let dir = Dir::new("accounts");
            std::fs::create_dir_all(dir.join("proc/7/root/etc")).unwrap();
            Self(dir)
        }

        fn path(&self) -> &Path {
            &self.0
        }

        fn etc(&self, name: &str) -> PathBuf {
            self.path().join("proc/7/root/etc").join(name)
        }

        fn accounts(&self) -> Result<Accounts, Errno> {
            accounts(self.path(), &InContainer { container: Text::from(&b"c"[..]), pid: 7, tries: 1 })
        }
    }

    fn next(files: &mut AccountFiles) -> Accounts {
        let began = Instant::now();
        loop {
            if let Some(found) = files.take_result() {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no answer");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn files_of_the_host_are_read_when_they_changed() {
        let host = Host::new();
        std::fs::create_dir_all(host.path().join("etc")).unwrap();
        let passwd = host.path().join("etc/passwd");
        std::fs::write(&passwd, "one:x:1:1:::\n").unwrap();
        let mut files = AccountFiles::start(host.path().to_owned()).unwrap();
        assert!(files.request_host());
        let found = next(&mut files);
        assert_eq!((found.container, found.users.len()), (None, 2));
        // The second request has no result, the third one has.
        assert!(files.request_host());
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&passwd, "one:x:1:1:::\ntwo:x:2:2:::\n").unwrap();
        assert!(files.request_host());
        assert_eq!(next(&mut files).users.len(), 3);
        assert!(files.take_result().is_none());
    }

    #[test]
    fn a_panic_loses_one_container_and_no_wait_hangs() {
        let host = Host::new();
        std::fs::write(host.etc("passwd"), "web:x:33:34:::\n").unwrap();
        let read = |root: &Path, request: &InContainer| {
            assert!(&*request.container != b"bad", "as meant");
            accounts(root, request)
        };
        let before = crate::service::restarts();
        let mut files = AccountFiles::start_with(host.path().to_owned(), read).unwrap();
        let patience = Duration::from_secs(60);
        for (container, found) in [(&b"bad"[..], false), (b"good", true)] {
            assert!(files.request(&Text::from(container), 7));
            // It returns as soon as the request is finished; a request that is not would end all later waits.
            files.wait(patience);
            assert_eq!((files.stuck, files.take_result().is_some()), (0, found));
        }
        assert!(crate::service::restarts() > before);
    }

    #[test]
    fn both_files_are_read_in_the_background() {
        let host = Host::new();
        std::fs::write(
            host.etc("passwd"),
            "root:x:0:0:root:/root:/bin/sh\njunk\nweb:x:33:34::/srv:\nbad:x:y:1:::\n",
        )
        .unwrap();
        std::fs::write(host.etc("group"), "web:x:34:a,b\n:\n").unwrap();
        let mut files = AccountFiles::start(host.path().to_owned()).unwrap();
        assert!(files.request(&Text::from(&b"c"[..]), 7));
        let found = next(&mut files);
        let users: Vec<_> =
            found.users.iter().map(|u| (u.uid, u.gid, &*u.name, &*u.home, &*u.shell)).collect();
        assert_eq!(
            users,
            [(0, 0, &b"root"[..], &b"/root"[..], &b"/bin/sh"[..]), (33, 34, b"web", b"/srv", b"")]
        );
        assert_eq!(found.groups.len(), 1);
        assert_eq!((found.container.as_deref(), found.groups[0].gid), (Some(&b"c"[..]), 34));
    }

    #[test]
    fn links_end_inside_the_container() {
        let host = Host::new();
        std::fs::create_dir_all(host.path().join("etc")).unwrap();
        std::fs::write(host.path().join("etc/passwd"), "host:x:1:1:::\n").unwrap();
        symlink(host.path().join("etc/passwd"), host.etc("passwd")).unwrap();
        symlink("../../../../etc/passwd", host.etc("group")).unwrap();
        let found = host.accounts().unwrap();
        assert!(found.users.is_empty() && found.groups.is_empty());
        std::fs::remove_file(host.etc("passwd")).unwrap();
        std::fs::write(host.etc("real"), "own:x:2:2:::\n").unwrap();
        symlink("/etc/real", host.etc("passwd")).unwrap();
        assert_eq!(host.accounts().unwrap().users[0].uid, 2);
    }

    #[test]
    fn special_files_are_skipped_and_long_ones_are_cut() {
        let host = Host::new();
        rustix::fs::mknodat(CWD, host.etc("passwd"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        std::fs::write(host.etc("group"), "g:x:1:\n".repeat(1 << 17)).unwrap();
        let found = host.accounts().unwrap();
        assert_eq!((found.users.len(), found.groups.len()), (0, AccountLimits::CONTAINER.entries));
        assert_eq!(
            accounts(host.path(), &InContainer { container: Text::default(), pid: 8, tries: 1 }).err(),
            Some(Errno::NOENT)
        );
    }

    #[test]
    fn users_in_a_user_namespace_have_the_ids_that_events_have() {
        let host = Host::new();
        std::fs::write(host.etc("passwd"), "root:x:0:0:::\nweb:x:33:34:::\nfar:x:99999:0:::\n").unwrap();
        std::fs::write(host.etc("group"), "root:x:0:\nweb:x:34:\n").unwrap();
        let process = host.path().join("proc/7");
        std::fs::write(process.join("uid_map"), "0 100000 1000\n").unwrap();
        std::fs::write(process.join("gid_map"), "0 200000 1000\n").unwrap();
        let found = host.accounts().unwrap();
        let users: Vec<_> = found.users.iter().map(|user| (user.uid, user.gid, &*user.name)).collect();
        assert_eq!(users, [(100_000, 200_000, &b"root"[..]), (100_033, 200_034, b"web")]);
        let groups: Vec<_> = found.groups.iter().map(|group| group.gid).collect();
        assert_eq!(groups, [200_000, 200_034]);
    }

    #[test]
    fn a_process_with_the_host_s_root_is_tried_again() {
        let host = Host::new();
        let root = host.path().join("proc/7/root");
        std::fs::remove_dir_all(&root).unwrap();
        symlink(host.path(), &root).unwrap();
        assert_eq!(host.accounts().err(), Some(Errno::AGAIN));
    }
}
