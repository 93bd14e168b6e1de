//! Opens files that the user has named, without blocking: a FIFO, a device or an endless file must not stop
//! the program.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use eyas_console::ShowPath;

pub use eyas_console::file::{MAX_TEXT, OWNER_ALONE};
use eyas_console::{Writer, descriptor, file as regular};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::{inherited, streams};

/// Permissions of created files.
static MODE: AtomicU32 = AtomicU32::new(OWNER_ALONE);

/// Sets the permissions for files created from now on; the umask still applies.
pub fn set_mode(mode: u32) {
    MODE.store(mode, Ordering::Relaxed);
}

/// Permissions of created files.
pub fn mode() -> u32 {
    MODE.load(Ordering::Relaxed)
}

/// Whether the path leads to a file or directory, or is a stream of the command line.
pub fn exists(path: &Path) -> bool {
    streams::get(path).is_some() || path.exists()
}

/// The bytes of a regular file of at most `limit` bytes, or of a stream of the command line.
///
/// # Errors
/// As of [`regular::read`].
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    match streams::get(path) {
        Some(bytes) => Ok(bytes.to_vec()),
        None => regular::read(path, limit),
    }
}

/// The text of a regular file of at most [`MAX_TEXT`] bytes, or of a stream of the command line.
///
/// # Errors
/// As of [`regular::read_text`].
pub fn read_text(path: &Path) -> io::Result<String> {
    regular::text(read(path, MAX_TEXT)?)
}

/// Opens a file for appending; creates it if it is missing. If standard output or standard error goes to this file, the
/// writer shares its offset, so that neither overwrites the other.
///
/// # Errors
/// The file cannot be opened. For a FIFO without a reader, the error is [`io::ErrorKind::NotConnected`].
pub fn append(path: &Path) -> io::Result<Writer> {
    if let Some(number) = descriptor::named(path) {
        return inherited_one(number);
    }
    let file = open_to_write(OpenOptions::new().append(true).create(true), path)?;
    match descriptor::stream_of(&file) {
        Some(number) => inherited_one(number),
        None => Ok(Writer::of_own(file)),
    }
}

/// Opens a file for writing and truncates it; creates it if it is missing. An open descriptor (`/dev/stdout`) is not truncated.
///
/// # Errors
/// As for [`append`].
pub fn create(path: &Path) -> io::Result<Writer> {
    match descriptor::named(path) {
        Some(number) => inherited_one(number),
        None => open_to_write(OpenOptions::new().write(true).create(true).truncate(true), path)
            .map(Writer::of_own),
    }
}

/// A writer for a descriptor that this program was started with.
fn inherited_one(number: RawFd) -> io::Result<Writer> {
    if !inherited::is_kept(number) {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("falco was not started with a file descriptor {number}, or has closed it"),
        ));
    }
    Writer::new(descriptor::duplicate(number)?)
}

/// Opens a file for writing. In a world-writable directory, the name may be a symlink of an attacker that
/// points to another file, so symlinks there are not followed.
fn open_to_write(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_public = std::fs::metadata(directory).is_ok_and(|meta| meta.mode() & 0o002 != 0);
    let flags = if is_public { OFlags::NOFOLLOW } else { OFlags::empty() };
    options.mode(mode());
    open_with(options, path, flags).map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) if is_public => io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is a symlink in a directory that everybody may write: name the file itself, or another directory",
        ),
        Some(Errno::NOENT) if !directory.exists() => io::Error::new(
            io::ErrorKind::NotFound,
            format!("{error}: there is no directory {}: make it, or name another one", directory.shown()),
        ),
        _ => error,
    })
}

fn open_with(options: &mut OpenOptions, path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        let is_fifo = || std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo());
        match Errno::from_io_error(&error) {
            Some(Errno::NXIO) if is_fifo() => {
                io::Error::new(io::ErrorKind::NotConnected, "it is a FIFO without a reader")
            }
            _ => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use eyas_testing::Dir;
    use rustix::fs::{CWD, Mode};

    use super::*;

    #[test]
    fn a_symlink_of_another_user_is_not_followed() {
        let dir = Dir::new("file-link");
        let (target, link) = (dir.join("target"), dir.join("link"));
        std::fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mode = |mode| std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o1777);
        for error in [append(&link).unwrap_err(), create(&link).unwrap_err()] {
            assert!(error.to_string().contains("symlink in a directory"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
        append(&target).unwrap();
        // Only the owner of the directory could have created the symlink.
        mode(0o755);
        append(&link).unwrap();
        create(&link).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let dir = Dir::new("file-directory");
        let absent = dir.join("absent");
        for error in [append(&absent.join("file")).unwrap_err(), create(&absent.join("file")).unwrap_err()] {
            let want =
                format!("No such file or directory (os error 2): there is no directory {}", absent.display());
            assert!(error.to_string().starts_with(&want), "{error}");
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }

    #[test]
    fn a_fifo_is_written_to_once_it_has_a_reader() {
        let dir = Dir::new("file");
        let fifo = dir.join("fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let error = append(&fifo).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let _reader = open_with(OpenOptions::new().read(true), &fifo, OFlags::empty()).unwrap();
        append(&fifo).unwrap().write_all(b"now somebody does").unwrap();
    }
}
