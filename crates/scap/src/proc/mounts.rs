//! The file system of an executable.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatVfsMountFlags, StatxFlags};

use super::dir::{Buffers, Dir};
use super::parse;

const OVERLAYFS_MAGIC: u64 = 0x794c_7630;

/// A mounted file system.
#[derive(Clone, Debug, Default)]
pub(super) struct Mount {
    pub read_only: bool,
    overlay: Option<Overlay>,
}

/// An overlay: its mount point, and its writable layer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Overlay {
    point: PathBuf,
    upper: Option<PathBuf>,
}

/// The layer of an overlay that contains a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Upper,
    Lower,
}

impl Mount {
    /// Finds the mount with this id, for the executable of the process with this directory.
    pub(super) fn of_exe(dir: &Dir, id: u64, buffers: &mut Buffers) -> Self {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::openat(dir.fd(), "exe", flags, Mode::empty()) else {
            return Self::default();
        };
        let read_only =
            rustix::fs::fstatvfs(&file).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::RDONLY));
        let is_overlay = rustix::fs::fstatfs(&file).is_ok_and(|fs| fs.f_type as u64 == OVERLAYFS_MAGIC);
        let overlay = if is_overlay { overlay(dir, id, buffers) } else { None };
        Self { read_only, overlay }
    }

    /// The layer that contains a file of an overlay: the upper one if it has a file with that name.
    pub(super) fn layer(&self, root: &Path, path: &[u8]) -> Option<Layer> {
        let Overlay { point, upper } = self.overlay.as_ref()?;
        let Ok(inside) = Path::new(OsStr::from_bytes(path)).strip_prefix(point) else { return None };
        let Some(upper) = upper else { return Some(Layer::Lower) };
        let file = root.join(upper.strip_prefix("/").unwrap_or(upper)).join(inside);
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
        let found = rustix::fs::statx(CWD, &file, flags, StatxFlags::TYPE);
        match found.map(|stat| FileType::from_raw_mode(u32::from(stat.stx_mode))) {
            Ok(FileType::RegularFile) => Some(Layer::Upper),
            _ => Some(Layer::Lower),
        }
    }
}

/// Finds the mount in `mountinfo`.
fn overlay(dir: &Dir, id: u64, buffers: &mut Buffers) -> Option<Overlay> {
    let text = dir.read_all("mountinfo", 4 << 20, buffers).ok()?;
    parse::lines(text).find_map(|line| overlay_line(line, id))
}

/// `id parent major:minor root point options … - type source options`. The source may be empty.
fn overlay_line(line: &[u8], id: u64) -> Option<Overlay> {
    let mut words = line.split(|byte| *byte == b' ');
    if parse::decimal(words.next()?) != Some(id) {
        return None;
    }
    let root = words.nth(2)?;
    let point = path(words.next()?);
    let mut rest = words.skip_while(|word| *word != b"-").skip(1);
    if rest.next()? != b"overlay" {
        return None;
    }
    let upper = rest.nth(1)?.split(|byte| *byte == b',').find_map(|option| option.strip_prefix(b"upperdir="));
    let within = path(root);
    let upper = upper.map(|upper| path(upper).join(within.strip_prefix("/").unwrap_or(&within)));
    Some(Overlay { point, upper })
}

/// Undoes the kernel's octal escapes.
fn path(text: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        let code =
            (*first == b'\\').then(|| more.get(..3)).flatten().and_then(|digits| parse::number(digits, 8));
        match code {
            Some(code) => {
                out.push(code as u8);
                rest = &more[3..];
            }
            None => out.push(*first),
        }
    }
    PathBuf::from(OsStr::from_bytes(&out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_is_found_by_its_id() {
        let line =
            b"67 44 0:39 / /mnt/a\\040b rw - overlay overlay rw,lowerdir=/l,upperdir=/var/u,workdir=/w";
        let found = overlay_line(line, 67).unwrap();
        assert_eq!(found, Overlay { point: "/mnt/a b".into(), upper: Some("/var/u/".into()) });
        assert_eq!(overlay_line(line, 68), None);
        assert_eq!(overlay_line(b"67 44 0:39 / / rw - ext4 /dev/sda rw", 67), None);
        let bound = overlay_line(b"7 1 0:39 /sub /x rw shared:1 - overlay o rw,lowerdir=/l,upperdir=/u", 7);
        assert_eq!(bound.unwrap().upper, Some("/u/sub".into()));
        let read_only = overlay_line(b"7 1 0:39 / / ro - overlay o ro,lowerdir=/l:/m", 7).unwrap();
        assert_eq!(read_only.upper, None);
        let unnamed = overlay_line(b"7 1 0:39 / / rw - overlay  rw,lowerdir=/l,upperdir=/u", 7).unwrap();
        assert_eq!(unnamed.upper, Some("/u/".into()));
        assert_eq!(overlay_line(b"7", 7), None);
    }
}
