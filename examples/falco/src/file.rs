//! Opens files that the user has named, without blocking: a FIFO, a device or an endless file must not stop
//! the program.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{OFlags, major, minor};
use rustix::io::Errno;

/// Maximum size of a file of rules, rule tests or configuration, bytes.
pub const MAX_TEXT: u64 = 64 << 20;

/// `/dev/null`, which counts as an empty file.
const NULL: (u32, u32) = (1, 3);

/// The text of a regular file of at most [`MAX_TEXT`] bytes.
///
/// # Errors
/// The file cannot be opened or read, is not a regular file, is too large, or is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path, MAX_TEXT)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is no text in UTF-8: see byte {at}"))
    })
}

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// The file cannot be opened or read, is not a regular file, or is too large.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(OpenOptions::new().read(true), path)?;
    let meta = file.metadata()?;
    let (kind, device) = (meta.file_type(), meta.rdev());
    if kind.is_char_device() && (major(device), minor(device)) == NULL {
        return Ok(Vec::new());
    }
    if !kind.is_file() {
        let what = match kind {
            kind if kind.is_dir() => "a directory",
            kind if kind.is_fifo() => "a FIFO",
            kind if kind.is_socket() => "a socket",
            _ => "a device",
        };
        return Err(invalid(format!("it is {what}: expected a regular file")));
    }
    let too_large = |size| Err(invalid(format!("it has {size} bytes: at most {limit} are read")));
    if meta.len() > limit {
        return too_large(meta.len().to_string());
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    // The file size may have changed, and is 0 for files in /proc.
    if bytes.len() as u64 > limit { too_large(format!("more than {limit}")) } else { Ok(bytes) }
}

/// Permissions of files that only their owner may read and write.
pub const OWNER_ALONE: u32 = 0o600;

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

/// Opens a file for appending; creates it if it is missing.
///
/// # Errors
/// The file cannot be opened. For a FIFO without a reader, the error is [`io::ErrorKind::NotConnected`].
pub fn append(path: &Path) -> io::Result<File> {
    open_to_write(OpenOptions::new().append(true).create(true), path)
}

/// Opens a file for writing and truncates it; creates it if it is missing.
///
/// # Errors
/// As for [`append`].
pub fn create(path: &Path) -> io::Result<File> {
    open_to_write(OpenOptions::new().write(true).create(true).truncate(true), path)
}

fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    open_with(options, path, OFlags::empty())
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
        _ => error,
    })
}

fn open_with(options: &mut OpenOptions, path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        let is_fifo = || std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_fifo());
        match Errno::from_io_error(&error) {
            Some(Errno::NXIO) if is_fifo() => {
                io::Error::new(io::ErrorKind::NotConnected, "it is a FIFO that nobody reads")
            }
            _ => error,
        }
    })
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use eyas_testing::Dir;
    use rustix::fs::{CWD, Mode};

    use super::*;

    #[test]
    fn a_symlink_of_a_stranger_is_not_followed() {
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
    fn what_is_no_regular_file_is_refused_at_once() {
        let dir = Dir::new("file");
        let fifo = dir.join("fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let _socket = UnixListener::bind(dir.join("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.join("link")).unwrap();
        std::fs::write(dir.join("file"), "text").unwrap();
        std::fs::write(dir.join("latin"), b"caf\xe9").unwrap();
        File::create(dir.join("sparse")).unwrap().set_len(MAX_TEXT + 1).unwrap();
        let error = |name: &str| read_text(&dir.join(name)).unwrap_err().to_string();
        assert_eq!(error("fifo"), "it is a FIFO: expected a regular file");
        assert_eq!(error("link"), "it is a device: expected a regular file");
        assert_eq!(error(""), "it is a directory: expected a regular file");
        assert_eq!(error("sparse"), "it has 67108865 bytes: at most 67108864 are read");
        assert_eq!(error("latin"), "it is no text in UTF-8: see byte 3");
        assert!(error("socket").contains("No such device"), "{}", error("socket"));
        assert_eq!(read_text(&dir.join("file")).unwrap(), "text");
        assert_eq!(read_text(Path::new("/dev/null")).unwrap(), "");
        assert!(read(Path::new("/proc/self/status"), 10).unwrap_err().to_string().contains("more than 10"));

        let error = append(&fifo).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let _reader = open(OpenOptions::new().read(true), &fifo).unwrap();
        append(&fifo).unwrap().write_all(b"now somebody does").unwrap();
    }
}
