//! A byte stream seen through a window that moves forward. It begins small, so that a small capture opens
//! fast. Another thread decompresses a long capture if that saves time.

use std::io::{self, Read};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::buf::Buf;
use super::feed::{self, Feed};
use super::gunzip::{Gunzip, Input, MAGIC, read};

/// Number of bytes from which on another thread may decompress.
const THREAD_FROM: u64 = 1 << 20;
/// The other thread decompresses if the reader uses at least this part of the decompression time. Otherwise
/// the transfer costs more than it saves.
const WORTH_IT: u32 = 3;

/// The window.
pub(super) struct Window {
    feed: Feed,
    buf: Buf,
    /// Offset of the visible bytes in the stream.
    offset: u64,
    ended: bool,
    pace: Pace,
}

/// CPU times of the reading thread: at its last decompression, in all decompressions, and in between.
#[derive(Default)]
struct Pace {
    last: Duration,
    inflating: Duration,
    between: Duration,
}

impl Window {
    pub(super) fn new(input: Input) -> io::Result<Self> {
        let (input, compressed) = detect(input)?;
        let feed = if compressed { Feed::Inflate(Box::new(Gunzip::new(input))) } else { Feed::Plain(input) };
        Ok(Self::with_feed(feed))
    }

    /// Windows on one stream, which is read and decompressed once. The slowest delays the others.
    pub(super) fn shared(input: Input, count: usize) -> io::Result<Vec<Self>> {
        let (input, compressed) = detect(input)?;
        let input = if compressed { Box::new(Gunzip::new(input)) } else { input };
        Ok(feed::shared(input, count)?.into_iter().map(Self::with_feed).collect())
    }

    fn with_feed(feed: Feed) -> Self {
        Self { feed, buf: Buf::small(), offset: 0, ended: false, pace: Pace::default() }
    }

    /// Offset in the uncompressed stream, bytes.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes at least `len` bytes visible if the stream has them; returns the number of visible bytes.
    #[inline]
    pub(super) fn need(&mut self, len: usize) -> io::Result<usize> {
        while self.buf.len() < len && !self.ended {
            self.more()?;
        }
        Ok(self.buf.len())
    }

    #[cold]
    fn more(&mut self) -> io::Result<()> {
        let got = match self.feed {
            Feed::Inflate(_) => self.inflate_more(),
            _ => self.feed.fill(&mut self.buf),
        };
        // After an error there is no more data.
        self.ended = !matches!(got, Ok(1..));
        got.map(drop)
    }

    /// Decompresses, and decides whether another thread should do it.
    fn inflate_more(&mut self) -> io::Result<usize> {
        let began = processor_time();
        if self.offset > 0 {
            self.pace.between += began.saturating_sub(self.pace.last);
        }
        if self.offset >= THREAD_FROM && self.pace.between * WORTH_IT > self.pace.inflating {
            self.feed = self.take_feed().into_thread();
        }
        let got = self.feed.fill(&mut self.buf);
        self.pace.last = processor_time();
        self.pace.inflating += self.pace.last.saturating_sub(began);
        got
    }

    fn take_feed(&mut self) -> Feed {
        std::mem::replace(&mut self.feed, Feed::Plain(Box::new(io::empty())))
    }

    /// Whether the visible bytes begin a gzip member.
    pub(super) fn is_compressed(&self) -> bool {
        self.visible().starts_with(&MAGIC)
    }

    /// Decompresses from here on.
    pub(super) fn inflate(&mut self) {
        let rest = io::Cursor::new(self.visible().to_vec());
        let input: Input =
            if self.ended { Box::new(rest) } else { Box::new(rest.chain(self.take_feed().into_input())) };
        *self = Self { offset: self.offset, ..Self::with_feed(Feed::Inflate(Box::new(Gunzip::new(input)))) };
    }

    /// The visible bytes.
    #[inline]
    pub(super) fn visible(&self) -> &[u8] {
        self.buf.visible()
    }

    /// Moves forward by `len` visible bytes.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        debug_assert!(len <= self.buf.len());
        self.buf.advance(len);
        self.offset += len as u64;
    }

    /// Skips up to `len` bytes; returns the number of skipped bytes.
    pub(super) fn skip(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        while left > 0 {
            let there = self.need(1)?;
            if there == 0 {
                break;
            }
            let step = left.min(there as u64);
            self.advance(step as usize);
            left -= step;
        }
        Ok(len - left)
    }
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The stream from its beginning, and whether it is compressed by gzip.
fn detect(mut input: Input) -> io::Result<(Input, bool)> {
    let mut head = [0; MAGIC.len()];
    let mut len = 0;
    while len < head.len() {
        match read(&mut *input, &mut head[len..])? {
            0 => break,
            n => len += n,
        }
    }
    let compressed = head == MAGIC;
    Ok((Box::new(io::Cursor::new(head).take(len as u64).chain(input)), compressed))
}
