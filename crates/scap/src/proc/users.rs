//! Users and groups of the host or of a container, from its own files, because it may use other name
//! services than this process.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::parse;
use crate::{Group, User};

/// Maximum length of a text in captures.
const TEXT: usize = 255;
const FILES: [&str; 2] = ["etc/passwd", "etc/group"];

/// Users and groups in files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounts {
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
}

/// Limits of [`AccountReader`].
#[derive(Clone, Copy, Debug)]
pub struct AccountLimits {
    /// Maximum size of a file, bytes.
    pub bytes: u64,
    /// Maximum number of users, and of groups.
    pub entries: usize,
}

impl AccountLimits {
    /// Enough for the host.
    pub const HOST: Self = Self { bytes: 16 << 20, entries: usize::MAX };
    /// Enough for a container.
    pub const CONTAINER: Self = Self { bytes: 256 << 10, entries: 4096 };
}

/// Reads `/etc/passwd` and `/etc/group` below a root directory.
///
/// Symlinks cannot leave that directory. Pipes and devices are skipped, and long files are cut.
#[derive(Debug)]
pub struct AccountReader {
    root: OwnedFd,
    limits: AccountLimits,
    /// The versions of the files at the last read.
    seen: [Option<Stamp>; 2],
    has_read: bool,
    is_host: bool,
}

/// The version of a file: device, inode, size, times of modification and change.
type Stamp = (u64, u64, i64, [i64; 2], [i64; 2]);

impl AccountReader {
    /// A reader of the files below `root`.
    pub fn new(root: OwnedFd, limits: AccountLimits) -> Self {
        Self { root, limits, seen: [None; 2], has_read: false, is_host: false }
    }

    /// A reader of the files of the host, whose root directory is at `root` (`HOST_ROOT`).
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn of_host(root: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, root, flags, Mode::empty())?;
        Ok(Self { is_host: true, ..Self::new(root, AccountLimits::HOST) })
    }

    /// The content of the files; `None` if neither has changed since the last read. A missing file is
    /// treated as empty.
    pub fn read(&mut self) -> Option<Accounts> {
        let files = FILES.map(|name| self.open(name));
        let stamps = files.each_ref().map(|file| file.as_ref().map(|(_, stamp)| *stamp));
        if self.has_read && stamps == self.seen {
            return None;
        }
        (self.seen, self.has_read) = (stamps, true);
        let [users, groups] = files.map(|file| self.text_of(file));
        let most = self.limits.entries;
        let found = Accounts {
            users: parse::lines(&users).filter_map(user).take(most).collect(),
            groups: parse::lines(&groups).filter_map(group).take(most).collect(),
        };
        Some(if self.is_host { found.with_root() } else { found })
    }

    fn open(&self, name: &str) -> Option<(OwnedFd, Stamp)> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(self.root.as_fd(), name, flags, Mode::empty(), inside).ok()?;
        let stat = fstat(&file).ok()?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        #[allow(clippy::useless_conversion, reason = "their types differ between architectures")]
        let stamp = (
            stat.st_dev.into(),
            stat.st_ino.into(),
            stat.st_size.into(),
            [stat.st_mtime as i64, stat.st_mtime_nsec as i64],
            [stat.st_ctime as i64, stat.st_ctime_nsec as i64],
        );
        is_file.then_some((file, stamp))
    }

    fn text_of(&self, file: Option<(OwnedFd, Stamp)>) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some((file, _)) = file {
            // The part that was read before a failure is still used.
            let _ = std::fs::File::from(file).take(self.limits.bytes).read_to_end(&mut bytes);
        }
        bytes
    }
}

impl Accounts {
    /// Adds user 0, which exists on every machine.
    fn with_root(mut self) -> Self {
        if !self.users.iter().any(|user| user.uid == 0) {
            let (name, home) = (b"root".to_vec(), b"/root".to_vec());
            self.users.push(User { uid: 0, gid: 0, name, home, shell: Vec::new() });
        }
        if !self.groups.iter().any(|group| group.gid == 0) {
            self.groups.push(Group { gid: 0, name: b"root".to_vec() });
        }
        self
    }
}

/// Users and groups of the host.
pub(super) fn of_host(root: &Path) -> Accounts {
    AccountReader::of_host(root).ok().and_then(|mut files| files.read()).unwrap_or_default().with_root()
}

/// `name:password:uid:gid:comment:home:shell`
fn user(line: &[u8]) -> Option<User> {
    let mut parts = line.split(|byte| *byte == b':');
    let name = text(parts.next()?);
    let uid = id(parts.nth(1)?)?;
    let gid = id(parts.next()?)?;
    let home = text(parts.nth(1)?);
    let shell = text(parts.next().unwrap_or_default());
    Some(User { uid, gid, name, home, shell })
}

/// `name:password:gid:members`
fn group(line: &[u8]) -> Option<Group> {
    let mut parts = line.split(|byte| *byte == b':');
    let name = text(parts.next()?);
    Some(Group { gid: id(parts.nth(1)?)?, name })
}

fn id(text: &[u8]) -> Option<u32> {
    u32::try_from(parse::decimal(text)?).ok()
}

fn text(text: &[u8]) -> Vec<u8> {
    text[..text.len().min(TEXT)].to_vec()
}

#[cfg(test)]
mod tests {
    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn lines_of_passwd_and_group() {
        let found = user(b"www-data:x:33:34:www,data:/var/www:/usr/sbin/nologin").unwrap();
        assert_eq!((found.uid, found.gid), (33, 34));
        assert_eq!((&found.name[..], &found.home[..]), (&b"www-data"[..], &b"/var/www"[..]));
        assert_eq!(found.shell, b"/usr/sbin/nologin");
        assert_eq!(user(b"# comment"), None);
        assert_eq!(user(b"a:x:99999999999:0::/:/"), None);
        assert_eq!(group(b"adm:x:4:syslog").unwrap(), Group { gid: 4, name: b"adm".to_vec() });
        assert_eq!(group(b""), None);
    }

    #[test]
    fn files_are_read_again_when_they_changed() {
        let root = Dir::new("users");
        let etc = root.join("etc");
        std::fs::create_dir_all(&etc).unwrap();
        let mut files = AccountReader::of_host(&root).unwrap();
        let root_alone = files.read().unwrap();
        assert_eq!((&root_alone.users[0].name[..], root_alone.users.len()), (&b"root"[..], 1));
        assert_eq!(files.read(), None);
        std::fs::write(etc.join("passwd"), "one:x:1:1:::\n").unwrap();
        assert_eq!(files.read().unwrap().users[0].name, b"one");
        assert_eq!(files.read(), None);
        // As tools do, a new file replaces the old one.
        std::fs::write(etc.join("group.new"), "one:x:1:\n").unwrap();
        std::fs::rename(etc.join("group.new"), etc.join("group")).unwrap();
        let found = files.read().unwrap();
        assert_eq!((found.users.len(), found.groups.len()), (2, 2));
        std::fs::remove_file(etc.join("passwd")).unwrap();
        let found = files.read().unwrap();
        assert_eq!((found.users.len(), found.groups.len()), (1, 2));
    }
}
