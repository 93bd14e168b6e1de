//! Progress of reading captures.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eyas_console::print_error;

/// Minimum time between two reports.
const INTERVAL: Duration = Duration::from_millis(200);
/// Number of events between two checks of the clock.
const STRIDE: u32 = 4096;

/// Reports the percentage of the files that was read, on standard error.
pub struct Progress {
    /// Total size of all files in bytes; 0 if nothing is reported.
    all: u64,
    read: Arc<AtomicU64>,
    events: u32,
    last: Instant,
    is_quiet: bool,
}

impl Progress {
    /// Creates a progress report for these files, if it is enabled. Streams have no known length.
    pub fn new(paths: &[PathBuf], is_on: bool) -> Self {
        let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let all = if is_on { paths.iter().map(size).sum() } else { 0 };
        Self { all, read: Arc::default(), events: 0, last: Instant::now(), is_quiet: false }
    }

    /// Creates a progress counter for callers that show it themselves: see [`Progress::share`].
    pub fn quiet(paths: &[PathBuf]) -> Self {
        Self { is_quiet: true, ..Self::new(paths, true) }
    }

    /// The fraction that was read, from 0 to 1.
    pub fn share(&self) -> f64 {
        (self.read.load(Ordering::Relaxed) as f64 / self.all.max(1) as f64).min(1.0)
    }

    /// Opens a file and counts the bytes that are read from it; `None` if nothing is reported.
    pub fn open(&self, path: &Path) -> Option<io::Result<impl Read + Send + 'static>> {
        let read = self.read.clone();
        (self.all > 0).then(|| std::fs::File::open(path).map(|file| Counted(file, read)))
    }

    /// Call this for every event.
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
