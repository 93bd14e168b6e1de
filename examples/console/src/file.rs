//! Reads files that the user has named: a FIFO, a device or an endless file must not stop a program that
//! runs for long, nor fill the memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, major, minor};
use rustix::io::Errno;

use crate::descriptor;
use crate::writer::{Writer, is_stopped};

/// Maximum size of a file of rules, rule tests or configuration, bytes.
pub const MAX_TEXT: u64 = 64 << 20;

/// How long [`wait_for`] and [`create`] wait.
const LIMITS: Limits = Limits {
    writer: Duration::from_secs(10),
    reader: Duration::from_secs(10),
    bytes: Duration::from_secs(60),
};

/// Limits of waiting for a stream.
#[derive(Clone, Copy)]
struct Limits {
    /// For a FIFO that nobody writes to.
    writer: Duration,
    /// For a FIFO that nobody reads.
    reader: Duration,
    /// For the next bytes, while the stream is open for writing.
    bytes: Duration,
}

/// Names of standard input.
const STDIN: [&str; 3] = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/// Whether the path is a name of standard input.
pub fn is_stdin(path: &Path) -> bool {
    STDIN.iter().any(|name| path == Path::new(name))
}

/// Whether the file has bytes that can be read only once: a FIFO, or standard input that is no regular file.
pub fn is_stream(path: &Path) -> bool {
    let kind = std::fs::metadata(path).map(|meta| meta.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || is_stdin(path) && !kind.is_file() && !kind.is_dir())
}

/// `/dev/null`, which counts as an empty file.
pub(crate) const NULL: (u32, u32) = (1, 3);

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

/// The bytes as text.
///
/// # Errors
/// They are not UTF-8.
pub fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(io::ErrorKind::InvalidData, format!("it is not text in UTF-8: see byte {at}"))
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

/// The bytes of a file of at most `limit` bytes, which may be a FIFO (`<(COMMAND)` of a shell) or standard input
/// (`/dev/stdin`). Waits at most 10 s for a writer of the FIFO, and then at most 60 s for each of its writes.
///
/// # Errors
/// The file cannot be opened or read, or is too large; the wait is over, or a signal has interrupted it.
pub fn wait_for(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    wait_within(path, limit, LIMITS)
}

fn wait_within(path: &Path, limit: u64, limits: Limits) -> io::Result<Vec<u8>> {
    let file: File = if is_stream(path) && is_stdin(path) {
        // Opening a socket by its name fails, and so may a terminal of another user.
        io::stdin().as_fd().try_clone_to_owned()?.into()
    } else {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?
    };
    let mut bytes = Vec::new();
    read_to_end(Patient { file, limits }, &mut bytes, limit)?;
    Ok(bytes)
}

/// A file whose reads wait for a limited time.
struct Patient {
    file: File,
    limits: Limits,
}

impl Read for Patient {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        loop {
            let mut most = self.limits.writer;
            if !self.is_ready(most.saturating_sub(began.elapsed()))? {
                // Without a writer, this returns 0.
                match self.file.read(bytes) {
                    Ok(0) => {
                        let text = format!("nobody has opened it for writing within {} s", most.as_secs());
                        return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done,
                }
                most = self.limits.bytes;
                if !self.is_ready(most.saturating_sub(began.elapsed()))? {
                    let text = format!("its writer has written nothing for {} s", most.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, text));
                }
            }
            match self.file.read(bytes) {
                // Another reader was faster.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }
}

impl Patient {
    /// Whether a read returns bytes or the end now, or within this time.
    fn is_ready(&self, time: Duration) -> io::Result<bool> {
        let time = Timespec::try_from(time).map_err(|_| invalid("the limit is too long".to_owned()))?;
        match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&time)) {
            Err(Errno::INTR) => Err(io::Error::other("a signal has interrupted the wait for it")),
            outcome => Ok(outcome? > 0),
        }
    }
}

/// Permissions of a file that only its owner may read and write.
pub const OWNER_ALONE: u32 = 0o600;
/// Permissions of other files, before the umask.
const EVERYBODY: u32 = 0o666;

/// Creates or truncates a file. Waits at most 10 s for a reader of a FIFO, and no longer than until the program is asked to end.
/// An open descriptor (`/dev/stdout`), which may be a socket, is used as it is.
///
/// # Errors
/// The file cannot be created, or the wait is over.
pub fn create(path: &Path) -> io::Result<Writer> {
    create_with(path, EVERYBODY)
}

/// As [`create`], with these permissions if there is no such file; the umask still applies.
///
/// # Errors
/// As of [`create`].
pub fn create_with(path: &Path, mode: u32) -> io::Result<Writer> {
    match descriptor::named(path) {
        Some(number) => Writer::new(descriptor::duplicate(number)?),
        None => create_within(path, mode, LIMITS.reader, &is_stopped),
    }
}

fn create_within(
    path: &Path,
    mode: u32,
    limit: Duration,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<Writer> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.write(true).create(true).truncate(true).mode(mode).custom_flags(flags.bits().cast_signed());
    let began = Instant::now();
    loop {
        match options.open(path) {
            Ok(file) => return Ok(Writer::of_own(file)),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) && is_stream(path) => {
                if is_stopped() {
                    return Err(unread("it is a FIFO that nobody reads".to_owned()));
                }
                if began.elapsed() >= limit {
                    let within = limit.as_secs();
                    return Err(unread(format!(
                        "it is a FIFO that nobody has opened for reading within {within} s"
                    )));
                }
                std::thread::sleep(GLANCE);
            }
            Err(error) => return Err(error),
        }
    }
}

fn unread(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, text)
}

/// Interval at which [`create`] looks for a reader.
const GLANCE: Duration = Duration::from_millis(50);

fn read_to_end(file: impl Read, bytes: &mut Vec<u8>, limit: u64) -> io::Result<()> {
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
    use std::io::Write;
    use std::os::unix::net::{UnixListener, UnixStream};

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let dir = Dir::new("console-file");
        dir.fifo("fifo");
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
        assert_eq!(error("latin"), "it is not text in UTF-8: see byte 3");
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
        let fifo = dir.fifo("fifo");
        let writer = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::write(fifo, "text").unwrap()
        });
        assert_eq!(wait_for_text(&fifo).unwrap(), "text");
        writer.join().unwrap();
    }

    #[test]
    fn a_wait_ends_without_a_writer_and_with_a_silent_one() {
        let dir = Dir::new("console-wait");
        let fifo = dir.fifo("fifo");
        let limits =
            Limits { writer: Duration::from_millis(50), bytes: Duration::from_millis(100), ..LIMITS };
        let error = || wait_within(&fifo, 1000, limits).unwrap_err().to_string();
        assert_eq!(error(), "nobody has opened it for writing within 0 s");
        let _silent = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        assert_eq!(error(), "its writer has written nothing for 0 s");
        assert!(is_stream(&fifo) && !is_stream(Path::new("/dev/zero")) && !is_stream(&dir.join("absent")));
    }

    #[test]
    fn a_file_for_a_fifo_waits_for_its_reader_or_the_end() {
        let dir = Dir::new("console-create");
        let fifo = dir.fifo("fifo");
        let error = |limit, is_stopped| {
            create_within(&fifo, OWNER_ALONE, limit, &|| is_stopped).err().unwrap().to_string()
        };
        assert_eq!(error(Duration::MAX, true), "it is a FIFO that nobody reads");
        let unread = "it is a FIFO that nobody has opened for reading within 0 s";
        assert_eq!(error(Duration::from_millis(60), false), unread);
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read_to_string(fifo).unwrap()
        });
        let bytes = "x".repeat(1 << 20);
        create(&fifo).unwrap().write_all(bytes.as_bytes()).unwrap();
        assert!(reader.join().unwrap() == bytes);
        assert!(create(&dir).err().unwrap().to_string().contains("Is a directory"));
        // A socket cannot be opened by its name.
        let (mut socket, own) = UnixStream::pair().unwrap();
        let name = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&own));
        create(Path::new(&name)).unwrap().write_all(b"text").unwrap();
        drop(own);
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
    }

    #[test]
    fn a_pipe_is_read_to_its_end_under_its_name() {
        let (read, write) = io::pipe().unwrap();
        // As a shell's `<(COMMAND)`, whose command has ended.
        (&write).write_all(b"text").unwrap();
        drop(write);
        let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&read));
        assert_eq!(wait_for_text(Path::new(&name)).unwrap(), "text");
    }
}
