//! A byte stream seen through a window that moves forward. It begins small, so that a small capture is
//! opened at once; what is long and compressed is soon inflated by another thread.

use std::io::{self, Read};

use super::buf::Buf;
use super::feed::{self, Feed};
use super::gunzip::{Gunzip, Input, MAGIC, read};

/// Bytes from which on another thread inflates.
const THREAD_FROM: u64 = 1 << 20;

/// The window.
pub(super) struct Window {
    feed: Feed,
    buf: Buf,
    /// Offset in the stream of what is visible.
    offset: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(input: Input) -> io::Result<Self> {
        let (input, compressed) = detect(input)?;
        let feed = if compressed { Feed::Inflate(Box::new(Gunzip::new(input))) } else { Feed::Plain(input) };
        Ok(Self::with_feed(feed))
    }

    /// Windows on one stream, which is read and inflated once. The slowest holds up the others.
    pub(super) fn shared(input: Input, count: usize) -> io::Result<Vec<Self>> {
        let (input, compressed) = detect(input)?;
        let input = if compressed { Box::new(Gunzip::new(input)) } else { input };
        Ok(feed::shared(input, count)?.into_iter().map(Self::with_feed).collect())
    }

    fn with_feed(feed: Feed) -> Self {
        Self { feed, buf: Buf::small(), offset: 0, ended: false }
    }

    /// Offset in the uncompressed stream, bytes.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes at least `len` bytes visible if the stream has them; answers how many are.
    #[inline]
    pub(super) fn need(&mut self, len: usize) -> io::Result<usize> {
        while self.buf.len() < len && !self.ended {
            self.more()?;
        }
        Ok(self.buf.len())
    }

    #[cold]
    fn more(&mut self) -> io::Result<()> {
        if matches!(self.feed, Feed::Inflate(_)) && self.offset >= THREAD_FROM {
            self.feed = self.take_feed().into_thread();
        }
        let got = self.feed.fill(&mut self.buf);
        // Behind an error there is nothing.
        self.ended = !matches!(got, Ok(1..));
        got.map(drop)
    }

    fn take_feed(&mut self) -> Feed {
        std::mem::replace(&mut self.feed, Feed::Plain(Box::new(io::empty())))
    }

    /// Whether what is visible begins as a member of gzip does.
    pub(super) fn is_compressed(&self) -> bool {
        self.visible().starts_with(&MAGIC)
    }

    /// Inflates from here on.
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

    /// Moves forward by up to `len` bytes without keeping them; answers how many there were.
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

/// The stream from its beginning, and whether gzip made it.
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
