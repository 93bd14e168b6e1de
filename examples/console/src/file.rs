//! Reads files that the user has named: a FIFO, a device or an endless file must not stop a program that
//! runs for long, nor fill the memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, major, minor};

/// Maximum size of a file of rules, rule tests or configuration, bytes.
pub const MAX_TEXT: u64 = 64 << 20;

/// `/dev/null`, which counts as an empty file.
const NULL: (u32, u32) = (1, 3);

/// The text of a regular file of at most [`MAX_TEXT`] bytes.
///
/// # Errors
/// The file cannot be opened or read, is not a regular file, is too large, or is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(read(path, MAX_TEXT)?)
}

/// The text of a file of at most [`MAX_TEXT`] bytes, which may be a FIFO (`<(COMMAND)` of a shell).
///
/// # Errors
/// The file cannot be opened or read, is too large, or is not UTF-8.
pub fn wait_for_text(path: &Path) -> io::Result<String> {
    text(wait_for(path, MAX_TEXT)?)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is no text in UTF-8: see byte {at}"))
    })
}

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// The file cannot be opened or read, is not a regular file, or is too large.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: File = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
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
    if meta.len() > limit {
        return Err(too_large(meta.len(), limit));
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    // The file size may have changed, and is 0 for files in /proc.
    read_to_end(file, &mut bytes, limit)?;
    Ok(bytes)
}

/// The bytes of a file of at most `limit` bytes, which may be a FIFO (`<(COMMAND)` of a shell).
///
/// # Errors
/// The file cannot be opened or read, or is too large.
pub fn wait_for(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_to_end(File::open(path)?, &mut bytes, limit)?;
    Ok(bytes)
}

fn read_to_end(file: File, bytes: &mut Vec<u8>, limit: u64) -> io::Result<()> {
    file.take(limit + 1).read_to_end(bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(format!("more than {limit}"), limit)) } else { Ok(()) }
}

fn too_large(size: impl std::fmt::Display, limit: u64) -> io::Error {
    invalid(format!("it has {size} bytes: at most {limit} are read"))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use eyas_testing::Dir;
    use rustix::fs::{CWD, Mode};

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let dir = Dir::new("console-file");
        rustix::fs::mkfifoat(CWD, dir.join("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
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
    }

    #[test]
    fn an_endless_file_ends_at_the_limit() {
        let error = wait_for(Path::new("/dev/zero"), 1000).unwrap_err().to_string();
        assert_eq!(error, "it has more than 1000 bytes: at most 1000 are read");
        let dir = Dir::new("console-fifo");
        let fifo = dir.join("fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let writer = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::write(fifo, "text").unwrap()
        });
        assert_eq!(wait_for_text(&fifo).unwrap(), "text");
        writer.join().unwrap();
    }
}
