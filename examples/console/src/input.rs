//! Input streams that may have no data for a long time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Interval at which a read without data checks the stop flag, ns.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A stream that ends when the program is asked to end, even while a read waits for a pipe.
pub struct Input {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Input {
    /// Standard input.
    ///
    /// # Errors
    /// The system allows no further file descriptor.
    pub fn stdin(stop: Arc<AtomicBool>) -> io::Result<Self> {
        Ok(Self { file: io::stdin().as_fd().try_clone_to_owned()?.into(), stop })
    }

    /// Opens a FIFO or a device. Returns `None` for a regular file, which never blocks, or if the file does
    /// not exist.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn stream(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Option<Self>> {
        if std::fs::metadata(path).map_or(true, |meta| meta.is_file() || meta.is_dir()) {
            return Ok(None);
        }
        // Opening does not wait for a writer; reads do.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        Ok(Some(Self { file, stop }))
    }
}

impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut fds, Some(&GLANCE)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            match self.file.read(bytes) {
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn a_fifo_is_read_to_its_end_or_until_asked_to_stop() {
        let dir = Dir::new("console");
        let path = dir.join("fifo");
        let stop = Arc::<AtomicBool>::default();
        assert!(Input::stream(&path, stop.clone()).unwrap().is_none());
        dir.fifo("fifo");
        let mut input = Input::stream(&path, stop.clone()).unwrap().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                File::options().write(true).open(&path).unwrap().write_all(b"text").unwrap();
            });
            let mut text = String::new();
            input.read_to_string(&mut text).unwrap();
            assert_eq!(text, "text");
        });
        let mut input = Input::stream(&path, stop.clone()).unwrap().unwrap();
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                stop.store(true, Ordering::Relaxed);
            });
            assert_eq!(input.read(&mut [0; 8]).unwrap(), 0);
        });
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
