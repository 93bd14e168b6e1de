//! Waits for signals and for changes of files.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use eyas_console::ShowPath;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::files::Files;
use crate::log;

/// Maximum number of symlinks in a path, as in the kernel.
const MAX_LINKS: usize = 40;

/// Pause if the kernel cannot wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Reason for waking up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The program ends.
    Stop,
    /// SIGHUP.
    Hangup,
    /// Something changed in the watched directories.
    Change,
    /// The timeout has expired.
    Timeout,
}

/// Other reasons for waking up than changes.
pub struct Waker {
    hangup: UnixStream,
    stop: UnixStream,
}

impl Waker {
    /// Each byte from `hangup` is a signal. When `stop` is closed, the program ends.
    pub fn new(hangup: UnixStream, stop: UnixStream) -> Result<Self> {
        hangup.set_nonblocking(true).context("can't listen for SIGHUP")?;
        Ok(Self { hangup, stop })
    }

    /// Waits, at most for `timeout` if it is given.
    pub fn wait(&self, watch: Option<&Watch>, timeout: Option<Duration>) -> Wake {
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        loop {
            let mut fds =
                vec![PollFd::new(&self.stop, PollFlags::IN), PollFd::new(&self.hangup, PollFlags::IN)];
            fds.extend(watch.map(|watch| PollFd::new(&watch.0, PollFlags::IN)));
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Wake::Timeout,
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                // For example out of memory, which may be temporary.
                Err(_) => {
                    sleep(PAUSE);
                    return Wake::Timeout;
                }
            }
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready[0] {
                return Wake::Stop;
            }
            if ready[1] {
                return if self.drain() { Wake::Hangup } else { Wake::Stop };
            }
            return Wake::Change;
        }
    }

    /// Several signals are treated as one. Returns whether more may come.
    fn drain(&self) -> bool {
        let mut bytes = [0; 64];
        loop {
            match (&self.hangup).read(&mut bytes) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            }
        }
    }
}

/// Watches all directories on the paths of the files. It does not watch the files themselves, because most
/// editors replace files, and Kubernetes replaces symlinks to directories.
///
/// After a change, create a new watch, because the paths may lead to other directories.
pub struct Watch(OwnedFd);

impl Watch {
    /// Returns `None`, with a warning, if a kernel limit is exceeded.
    pub fn of(files: &Files) -> Option<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .inspect_err(|error| {
                log::warning(&format!(
                    "changes of files will not be noticed, send SIGHUP instead: can't watch any: {error} \
                     (see sysctl fs.inotify.max_user_instances, and ulimit -n)"
                ));
            })
            .ok()?;
        let mut directories = BTreeMap::new();
        files.paths().iter().for_each(|path| add_directories(path, &mut directories));
        for (directory, has_files) in directories {
            let entries =
                WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
            let own = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
            let written =
                if has_files { WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB } else { WatchFlags::empty() };
            match inotify::add_watch(fd.as_fd(), &*directory, entries | own | written) {
                // If a directory no longer exists, its parent is watched instead.
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => log::warning(&format!(
                    "changes in {} will not be noticed, send SIGHUP instead: {error} \
                     (sysctl fs.inotify.max_user_watches)",
                    directory.shown()
                )),
            }
        }
        Some(Self(fd))
    }
}

/// Adds the directories on a path, following symlinks; `true` for those that contain files to read.
fn add_directories(path: &Path, directories: &mut BTreeMap<PathBuf, bool>) {
    let Ok(path) = std::path::absolute(path) else { return };
    let mut at = PathBuf::from("/");
    let mut rest: Vec<PathBuf> = parts(&path);
    let mut links = 0;
    while let Some(name) = rest.pop() {
        if name == Path::new("..") {
            at.pop();
            continue;
        }
        let is_last = rest.is_empty();
        *directories.entry(at.clone()).or_default() |= is_last;
        let next = at.join(&name);
        match std::fs::read_link(&next) {
            Ok(target) if links < MAX_LINKS => {
                links += 1;
                if target.is_absolute() {
                    at = "/".into();
                }
                rest.extend(parts(&target));
            }
            _ => at = next,
        }
    }
    if at.is_dir() {
        directories.insert(at, true);
    }
}

/// The components of a path, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let names = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.rev().map(|part| PathBuf::from(part.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn every_directory_on_a_path_is_watched() {
        let dir = Dir::new("watch");
        let root = &*dir;
        fs::create_dir_all(root.join("map/..one")).unwrap();
        fs::write(root.join("map/..one/rules.yaml"), "").unwrap();
        symlink("..one", root.join("map/..data")).unwrap();
        symlink("..data/rules.yaml", root.join("map/rules.yaml")).unwrap();
        symlink(root.join("map"), root.join("link")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let leads = |name: &str| {
            let mut found = BTreeMap::new();
            add_directories(&root.join(name), &mut found);
            found.retain(|path, _| path.starts_with(root));
            let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
            found
                .iter()
                .map(|(path, files)| format!("{}{}", name(path), if *files { "*" } else { "" }))
                .collect()
        };
        let of = |name: &str| -> Vec<String> { leads(name) };
        assert_eq!(of("map/rules.yaml"), ["", "map*", "map/..one*"]);
        assert_eq!(of("link/../map/rules.yaml"), ["", "map*", "map/..one*"]);
        assert_eq!(of("map"), ["*", "map*"]);
        assert_eq!(of("gone/rules.yaml"), ["", "gone*"]);
        assert_eq!(of("loop"), ["*"]);
    }
}
