//! How much of the captures was read.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eyas_console::print_error;

/// Least time between two reports.
const INTERVAL: Duration = Duration::from_millis(200);
/// Events between two looks at the clock.
const STRIDE: u32 = 4096;

/// Reports on standard error which percentage of the files was read.
pub struct Progress {
    /// Bytes of all files; 0 where nothing is reported.
    all: u64,
    read: Arc<AtomicU64>,
    events: u32,
    last: Instant,
    is_quiet: bool,
}

impl Progress {
    /// Of these files, if it is asked for. The length of a stream is not known.
    pub fn new(paths: &[PathBuf], is_on: bool) -> Self {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let all = if is_on { paths.iter().map(size).sum() } else { 0 };
        Self { all, read: Arc::default(), events: 0, last: Instant::now(), is_quiet: false }
    }

    /// Of these files, for those who show it themselves: see [`Progress::share`].
    pub fn quiet(paths: &[PathBuf]) -> Self {
        Self { is_quiet: true, ..Self::new(paths, true) }
    }

    /// Which part was read, from 0 to 1.
    pub fn share(&self) -> f64 {
        (self.read.load(Ordering::Relaxed) as f64 / self.all.max(1) as f64).min(1.0)
    }

    /// A file whose bytes are counted as they are read; nothing where nothing is reported.
    pub fn open(&self, path: &Path) -> Option<io::Result<impl Read + Send + 'static>> {
        let read = self.read.clone();
        (self.all > 0).then(|| std::fs::File::open(path).map(|file| Counted(file, read)))
    }

    /// An event was read.
    pub fn event(&mut self) {
        self.events += 1;
        if self.events < STRIDE || self.all == 0 || self.is_quiet {
            return;
        }
        self.events = 0;
        if self.last.elapsed() >= INTERVAL {
            self.last = Instant::now();
            let percent = self.read.load(Ordering::Relaxed) as f64 * 100.0 / self.all as f64;
            print_error(&format!("\r{percent:.2}"));
        }
    }

    /// All was read.
    pub fn finish(&self) {
        if self.all > 0 {
            print_error("\r100.00\n");
        }
    }
}

struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.0.read(bytes)?;
        self.1.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}
