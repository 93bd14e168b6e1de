//! The thread that resolves names.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Names, SharedNames};
use crate::service::{Service, Starter};

/// Time until a name is resolved again; it doubles while the addresses stay the same.
const REFRESH: Duration = Duration::from_secs(10);
/// The longest such time.
const MAX_REFRESH: Duration = Duration::from_secs(320);

/// Returns the addresses of a name; `None` if they cannot be known now. It may be slow.
pub type Addresses = dyn FnMut(&str) -> Option<Vec<IpAddr>> + Send;

/// Resolves names in a separate thread, for inspectors.
pub struct Resolver {
    shared: Arc<Shared>,
    thread: Arc<Thread>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// Name of the thread.
const THREAD: &str = "names";

/// The thread, which starts when there is a name to resolve.
struct Thread {
    starter: Starter<()>,
    /// The running thread keeps the lock.
    worker: Arc<Mutex<Worker>>,
}

impl Thread {
    fn start(&self) -> Result<(), Option<io::Error>> {
        self.starter.get(|| {
            let worker = self.worker.clone();
            let run = move || worker.lock().unwrap_or_else(PoisonError::into_inner).run();
            Service::start(THREAD, run).map(drop)
        })
    }
}

#[derive(Debug, Default)]
struct Shared {
    work: Mutex<Work>,
    /// Signals new names, new results, or the end.
    changed: Condvar,
    known: SharedNames,
}

#[derive(Debug, Default)]
struct Work {
    names: BTreeMap<String, Entry>,
    over: bool,
}

/// A requested name.
#[derive(Debug)]
struct Entry {
    addresses: Vec<IpAddr>,
    /// Time of the next lookup.
    due: Instant,
    pause: Duration,
    /// Whether it was resolved, with or without success.
    tried: bool,
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, work: &Work) {
        let addresses = work.names.iter().map(|(name, entry)| (name.clone(), entry.addresses.clone()));
        self.known.set(Names::new(&addresses.collect()));
    }
}

impl Resolver {
    /// A resolver without names. It finds names in `hosts` at once, and passes all others to `addresses`.
    pub fn new(hosts: Hosts, addresses: Box<Addresses>) -> Self {
        let shared = Arc::new(Shared::default());
        let worker = Worker { shared: shared.clone(), hosts, addresses };
        let thread = Thread { starter: Starter::new(THREAD), worker: Arc::new(Mutex::new(worker)) };
        Self { shared, thread: Arc::new(thread) }
    }

    /// Resolves these names from here on, and waits until each was resolved once, at most for `patience`.
    /// Returns whether all were.
    ///
    /// # Errors
    /// The system cannot start a thread. Inspectors with [`Resolver::names`] try again, at the earliest after a delay that
    /// doubles up to half a minute.
    pub fn set(&self, names: BTreeSet<String>, patience: Duration) -> io::Result<bool> {
        let is_needed = !names.is_empty();
        let mut work = self.shared.work();
        work.names.retain(|name, _| names.contains(name));
        for name in names {
            let entry = || Entry { addresses: Vec::new(), due: Instant::now(), pause: REFRESH, tried: false };
            work.names.entry(name).or_insert_with(entry);
        }
        self.shared.publish(&work);
        self.shared.changed.notify_all();
        if is_needed && let Err(error) = self.thread.start() {
            let thread = Arc::downgrade(&self.thread);
            let is_settled = move || thread.upgrade().is_none_or(|thread| thread.start().is_ok());
            self.shared.known.retry_until(is_settled);
            return error.map_or(Ok(false), Err);
        }
        let until = Instant::now() + patience;
        loop {
            if work.names.values().all(|entry| entry.tried) {
                return Ok(true);
            }
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return Ok(false);
            };
            let waited = self.shared.changed.wait_timeout(work, left);
            work = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The names for inspectors.
    pub fn names(&self) -> SharedNames {
        self.shared.known.clone()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.work().over = true;
        self.shared.changed.notify_all();
    }
}

struct Worker {
    shared: Arc<Shared>,
    hosts: Hosts,
    addresses: Box<Addresses>,
}

impl Worker {
    fn run(&mut self) {
        self.hosts.refresh();
        let shared = self.shared.clone();
        let mut work = shared.work();
        while !work.over {
            // Names that need no waiting come first.
            let now = Instant::now();
            let quick = |name: &String, entry: &Entry| !entry.tried && !self.hosts.of(name).is_empty();
            let next = work.names.iter().find(|(name, entry)| quick(name, entry)).or_else(|| {
                let waiting = work.names.iter().filter(|(_, entry)| entry.due <= now);
                waiting.min_by_key(|(_, entry)| entry.due)
            });
            let name = next.map(|(name, _)| name.clone());
            let Some((name, entry)) =
                name.and_then(|name| work.names.get_mut(&name).map(|entry| (name, entry)))
            else {
                let due = work.names.values().map(|entry| entry.due).min();
                let pause = due.map_or(MAX_REFRESH, |due| due.saturating_duration_since(now));
                let waited = shared.changed.wait_timeout(work, pause.max(Duration::from_millis(1)));
                work = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            };
            // If the lookup panics, the other names come first.
            entry.due = now + entry.pause;
            drop(work);
            let found = self.look_up(&name);
            work = shared.work();
            self.answer(&mut work, &name, found);
        }
    }

    fn look_up(&mut self, name: &str) -> Option<Vec<IpAddr>> {
        self.hosts.refresh();
        match self.hosts.of(name) {
            [] => (self.addresses)(name),
            known => Some(known.to_vec()),
        }
    }

    fn answer(&self, work: &mut Work, name: &str, found: Option<Vec<IpAddr>>) {
        let Some(entry) = work.names.get_mut(name) else { return };
        let mut addresses = found.unwrap_or_else(|| entry.addresses.clone());
        addresses.sort_unstable();
        addresses.dedup();
        let changed = addresses != entry.addresses;
        entry.pause = if changed || !entry.tried { REFRESH } else { (entry.pause * 2).min(MAX_REFRESH) };
        entry.due = Instant::now() + entry.pause;
        entry.tried = true;
        entry.addresses = addresses;
        if changed {
            self.shared.publish(work);
        }
        self.shared.changed.notify_all();
    }
}

/// A hosts file, whose names need no server.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    path: Option<std::path::PathBuf>,
    read: Option<std::time::SystemTime>,
    names: BTreeMap<String, Vec<IpAddr>>,
}

impl Hosts {
    /// The file at `path`, read again when it changes.
    pub fn at(path: &Path) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    /// Parses the text of a hosts file.
    pub fn parse(text: &str) -> Self {
        let mut names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse) else { continue };
            for name in words {
                names.entry(name.to_ascii_lowercase()).or_default().push(address);
            }
        }
        Self { names, ..Self::default() }
    }

    fn refresh(&mut self) {
        let Some(path) = &self.path else { return };
        let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        if modified.is_some() && modified == self.read {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap_or_default();
        self.names = Self::parse(&text).names;
        self.read = modified;
    }

    /// Addresses of a name.
    fn of(&self, name: &str) -> &[IpAddr] {
        self.names.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// Addresses from the system's resolver: a literal address, or the result of a name server.
pub fn system_addresses(name: &str) -> Option<Vec<IpAddr>> {
    let found = (name, 0).to_socket_addrs().ok()?;
    Some(found.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::Follower;
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn names_of(follower: &mut Follower, address: &str) -> Vec<String> {
        let names = follower.newer().expect("something changed");
        names.of(ip(address)).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn a_hosts_file_is_read_as_it_is() {
        let hosts =
            Hosts::parse("127.0.0.1 localhost Vm # x\n::1\tip6-localhost localhost\nbad name\n# 1.1.1.1 x\n");
        assert_eq!(hosts.of("LOCALHOST"), [ip("127.0.0.1"), ip("::1")]);
        assert_eq!(hosts.of("vm"), [ip("127.0.0.1")]);
        assert!(hosts.of("x").is_empty() && hosts.of("name").is_empty());
    }

    #[test]
    fn an_address_has_the_names_that_are_asked_for() {
        let hosts = Hosts::parse("127.0.0.1 localhost other\n10.0.0.1 Server\n");
        let ask = |name: &str| (name == "example.org").then(|| vec![ip("::ffff:10.0.0.1"), ip("fe80::1")]);
        let resolver = Resolver::new(hosts, Box::new(ask));
        let mut follower = Follower::new(resolver.names());
        assert!(follower.newer().is_none());
        assert!(
            resolver
                .set(set(&["localhost", "server", "example.org", "unknown"]), Duration::from_secs(60))
                .unwrap()
        );
        let names = follower.newer().unwrap();
        let of = |address: &str| names.of(ip(address)).len();
        assert_eq!((of("127.0.0.1"), of("10.0.0.1"), of("fe80::1"), of("::1")), (1, 2, 1, 0));
        assert!(follower.newer().is_none(), "nothing is new");
        assert!(resolver.set(set(&["server"]), Duration::from_secs(60)).unwrap());
        assert_eq!(names_of(&mut follower, "10.0.0.1"), ["server"]);
        assert!(resolver.set(BTreeSet::new(), Duration::ZERO).unwrap());
        assert!(follower.newer().unwrap().is_empty());
    }

    #[test]
    fn a_lookup_that_panics_delays_no_other_name() {
        let ask = |name: &str| match name {
            "a.example" => panic!("as meant"),
            _ => Some(vec![ip("10.0.0.2")]),
        };
        let resolver = Resolver::new(Hosts::default(), Box::new(ask));
        let mut follower = Follower::new(resolver.names());
        let before = crate::service::restarts();
        assert!(!resolver.set(set(&["a.example", "b.example"]), Duration::ZERO).unwrap());
        let until = Instant::now() + Duration::from_secs(60);
        while follower.newer().is_none_or(|names| names.of(ip("10.0.0.2")).is_empty()) {
            assert!(Instant::now() < until, "the thread has ended");
            std::thread::sleep(Duration::from_millis(2));
        }
        // The first name was due first.
        assert!(crate::service::restarts() > before);
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_waited_for() {
        let (answer, wait) = channel::<()>();
        let ask = move |_: &str| wait.recv().ok().map(|()| vec![ip("10.0.0.2")]);
        let hosts = Hosts::parse("127.0.0.1 localhost\n");
        let resolver = Resolver::new(hosts, Box::new(ask));
        let mut follower = Follower::new(resolver.names());
        let began = Instant::now();
        assert!(!resolver.set(set(&["a.example", "localhost"]), Duration::from_millis(200)).unwrap());
        assert!(began.elapsed() < Duration::from_secs(30));
        // Names in the file are still known.
        assert_eq!(names_of(&mut follower, "127.0.0.1"), ["localhost"]);
        answer.send(()).unwrap();
        assert!(resolver.set(set(&["a.example", "localhost"]), Duration::from_secs(60)).unwrap());
        assert_eq!(names_of(&mut follower, "10.0.0.2"), ["a.example"]);
    }
}
