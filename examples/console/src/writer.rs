//! Output streams whose reader may stop reading.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

/// Interval at which a write that waits checks the stop flag, ns.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How long the reader may take nothing after the program was asked to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// Number of bytes for which a pipe or a socket that poll reports as ready has room.
const PART: usize = 4096;

/// Set when the program is asked to end.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Lets writes of a [`Writer`] fail if `stop` is set and nobody reads. Without it they wait for ever. Only the first call
/// has an effect.
pub fn end_writes_with(stop: &Arc<AtomicBool>) {
    STOP.get_or_init(|| stop.clone());
}

/// Whether the program was asked to end.
pub(crate) fn is_stopped() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// A file, pipe, socket or terminal. While nobody reads, a write waits. After the program was asked to end, it
/// waits for at most a second, and then fails, like all later writes.
#[derive(Debug)]
pub struct Writer {
    file: File,
    /// Whether a write may block, so that only a small part is written, and only when there is room.
    in_parts: bool,
    has_given_up: bool,
}

impl Writer {
    /// For a file descriptor that other programs may share.
    ///
    /// # Errors
    /// The system allows no further file descriptor.
    pub fn new(stream: impl AsFd) -> io::Result<Self> {
        let shared = File::from(stream.as_fd().try_clone_to_owned()?);
        let (file, in_parts) = match may_block(&shared) {
            false => (shared, false),
            // With O_NONBLOCK on the shared one, writes of other programs would fail.
            true => match reopened(&shared) {
                Some(own) => (own, false),
                None => (shared, true),
            },
        };
        Ok(Self { file, in_parts, has_given_up: false })
    }

    /// For a regular file, or a stream that was opened with `O_NONBLOCK`.
    pub fn of_own(file: File) -> Self {
        Self { file, in_parts: false, has_given_up: false }
    }

    /// Writes to a descriptor that other programs may share, without waiting.
    ///
    /// # Errors
    /// It cannot be written to. If there is no room now, the error is [`io::ErrorKind::WouldBlock`].
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.in_parts && !takes_bytes(&self.file) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        (&self.file).write(self.part(bytes))
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    fn part<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        if self.in_parts { &bytes[..bytes.len().min(PART)] } else { bytes }
    }

    /// Waits until there is room.
    fn wait(&mut self, is_stopped: &dyn Fn() -> bool) -> io::Result<()> {
        let mut since = None;
        loop {
            match poll(&mut [PollFd::new(&self.file, PollFlags::OUT)], Some(&GLANCE)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if is_stopped() && since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
                self.has_given_up = true;
                return Err(unread());
            }
        }
    }

    fn write_until(&mut self, bytes: &[u8], is_stopped: &dyn Fn() -> bool) -> io::Result<usize> {
        if self.has_given_up {
            return Err(unread());
        }
        let part = self.part(bytes);
        let mut is_full = self.in_parts;
        loop {
            if is_full {
                self.wait(is_stopped)?;
            }
            match self.file.write(part) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => is_full = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl AsFd for Writer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_until(bytes, &is_stopped)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unread() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "nobody reads it, and the program was asked to end")
}

/// Whether a write may wait for a reader. On a descriptor that is not open for writing, it fails at once.
fn may_block(file: &File) -> bool {
    let is_for_writing = fcntl_getfl(file).is_ok_and(|flags| flags & OFlags::RWMODE != OFlags::RDONLY);
    let kind = file.metadata().map(|meta| meta.file_type());
    is_for_writing && kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket() || file.is_terminal())
}

/// Whether the stream takes more bytes now, or would report an error.
pub(crate) fn takes_bytes(stream: impl AsFd) -> bool {
    poll(&mut [PollFd::new(&stream, PollFlags::OUT)], Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// The same pipe or terminal with flags of its own. `None` for a socket, if nobody reads the pipe, or if the file belongs to
/// another user.
fn reopened(file: &File) -> Option<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().write(true).custom_flags(flags.bits().cast_signed()).open(path).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn a_reader_that_stops_reading_holds_up_no_end() {
        let dir = Dir::new("console-writer");
        let fifo = dir.fifo("fifo");
        let both = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let (_other, socket) = UnixStream::pair().unwrap();
        let (_reader, pipe) = io::pipe().unwrap();
        let writers = [
            ("pipe", Writer::new(&pipe).unwrap(), false),
            ("fifo", Writer::new(&both).unwrap(), false),
            ("socket", Writer::new(&socket).unwrap(), true),
        ];
        for (name, mut writer, in_parts) in writers {
            assert_eq!(writer.in_parts, in_parts, "{name}");
            let mut written = 0;
            let error = loop {
                match writer.write_until(&[7; 100_000], &|| true) {
                    Ok(length) => written += length,
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{name}");
            assert!(written > 0, "{name}");
            // What comes later does not wait again.
            assert_eq!(writer.write_all(b"more").unwrap_err().kind(), io::ErrorKind::TimedOut, "{name}");
            assert!(!fcntl_getfl(&pipe).unwrap().contains(OFlags::NONBLOCK));
        }
    }

    #[test]
    fn a_slow_reader_gets_everything() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let (mut other, socket) = UnixStream::pair().unwrap();
        let mut writers = [Writer::new(&pipe).unwrap(), Writer::new(&socket).unwrap()];
        drop((pipe, socket));
        let bytes = vec![7; 1 << 20];
        let mut readers: [&mut (dyn Read + Send); 2] = [&mut reader, &mut other];
        for (writer, reader) in writers.iter_mut().zip(&mut readers) {
            std::thread::scope(|scope| {
                let all = scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(100));
                    let mut all = vec![0; bytes.len()];
                    reader.read_exact(&mut all).map(|()| all)
                });
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let length = writer.write_until(rest, &|| true).unwrap();
                    rest = &rest[length..];
                }
                assert!(all.join().unwrap().unwrap() == bytes);
            });
        }
    }

    #[test]
    fn a_descriptor_that_is_not_for_writing_is_refused() {
        let (reader, _pipe) = io::pipe().unwrap();
        let mut writer = Writer::new(&reader).unwrap();
        assert!(writer.write(b"text").is_err());
    }
}
