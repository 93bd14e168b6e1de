//! A byte stream seen through a window that moves forward: plain, or inflated by another thread.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::bufread::MultiGzDecoder;

/// Bytes in one chunk: it stays in the cache between filling and reading.
const CHUNK: usize = 256 << 10;
/// Free bytes before a chunk's data: what is left of the chunk before moves there, so that a block
/// that straddles two chunks lies in one piece.
const HEADROOM: usize = 128 << 10;
/// Chunks between the threads.
const DEPTH: usize = 16;

/// A chunk: bytes from [`HEADROOM`] on are data.
type Chunk = Vec<u8>;

enum Feed {
    /// Read where they are needed.
    Direct(Box<dyn Read + Send>),
    /// Filled by another thread; emptied chunks go back.
    Thread { full: Receiver<io::Result<Chunk>>, empty: Sender<Chunk> },
    /// Filled by another thread for several windows.
    Shared(Receiver<io::Result<Arc<Chunk>>>),
}

/// The window.
pub(super) struct Window {
    feed: Feed,
    buf: Chunk,
    spare: Chunk,
    pos: usize,
    /// Offset in the stream of `buf[pos]`.
    offset: u64,
    ended: bool,
}

impl Window {
    pub(super) fn new(input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (input, compressed) = detect(input)?;
        Ok(Self::with_feed(if compressed { inflate(input)? } else { Feed::Direct(input) }))
    }

    /// Windows on one stream, which is read and inflated once. The slowest holds up the others.
    pub(super) fn shared(input: Box<dyn Read + Send>, count: usize) -> io::Result<Vec<Self>> {
        let (input, compressed) = detect(input)?;
        Ok(share(input, compressed, count)?
            .into_iter()
            .map(|feed| Self::with_feed(Feed::Shared(feed)))
            .collect())
    }

    fn with_feed(feed: Feed) -> Self {
        Self { feed, buf: vec![0; HEADROOM], spare: Chunk::new(), pos: HEADROOM, offset: 0, ended: false }
    }

    /// Offset in the uncompressed stream, bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes at least `len` bytes visible if the stream has them; answers how many are.
    #[inline]
    pub(super) fn need(&mut self, len: usize) -> io::Result<usize> {
        while self.buf.len() - self.pos < len && !self.ended {
            self.more(len)?;
        }
        Ok(self.buf.len() - self.pos)
    }

    #[cold]
    fn more(&mut self, len: usize) -> io::Result<()> {
        let rest = self.buf.len() - self.pos;
        if rest > HEADROOM {
            // A block larger than the headroom: it grows in place, by what arrives and no faster.
            let mut chunk = vec![0; HEADROOM];
            self.fetch(&mut chunk)?;
            if self.pos > 0 {
                self.buf.drain(..self.pos);
                self.pos = 0;
            }
            self.buf.reserve(len.saturating_sub(rest).min(CHUNK));
            self.buf.extend_from_slice(&chunk[HEADROOM..]);
            return Ok(());
        }
        let mut chunk = std::mem::take(&mut self.spare);
        self.fetch(&mut chunk)?;
        let start = HEADROOM - rest;
        chunk[start..HEADROOM].copy_from_slice(&self.buf[self.pos..]);
        let old = std::mem::replace(&mut self.buf, chunk);
        self.pos = start;
        match &self.feed {
            Feed::Direct(_) | Feed::Shared(_) => self.spare = old,
            // The inflating thread may be gone; then nobody wants the chunk.
            Feed::Thread { empty, .. } => drop(empty.try_send(old)),
        }
        Ok(())
    }

    fn fetch(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        match &mut self.feed {
            Feed::Direct(input) => {
                let got = fill(input.as_mut(), chunk);
                self.ended = chunk.len() == HEADROOM;
                got
            }
            Feed::Thread { full, .. } => match full.recv() {
                Ok(Ok(filled)) => {
                    *chunk = filled;
                    Ok(())
                }
                other => self.end(chunk, other.ok().and_then(Result::err)),
            },
            Feed::Shared(full) => match full.recv() {
                Ok(Ok(filled)) => {
                    chunk.clear();
                    chunk.extend_from_slice(&filled);
                    Ok(())
                }
                other => self.end(chunk, other.ok().and_then(Result::err)),
            },
        }
    }

    fn end(&mut self, chunk: &mut Chunk, error: Option<io::Error>) -> io::Result<()> {
        self.ended = true;
        chunk.resize(HEADROOM, 0);
        error.map_or(Ok(()), Err)
    }

    /// The visible bytes.
    #[inline]
    pub(super) fn visible(&self) -> &[u8] {
        &self.buf[self.pos..]
    }

    /// Moves forward by `len` visible bytes.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        debug_assert!(self.pos + len <= self.buf.len());
        self.pos += len;
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

/// Reads one chunk's worth after the headroom. What was read before an error counts.
fn fill(input: &mut dyn Read, chunk: &mut Chunk) -> io::Result<()> {
    chunk.resize(HEADROOM + CHUNK, 0);
    let mut len = HEADROOM;
    let result = loop {
        if len == chunk.len() {
            break Ok(());
        }
        match input.read(&mut chunk[len..]) {
            Ok(0) => break Ok(()),
            Ok(n) => len += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if len > HEADROOM && e.kind() == io::ErrorKind::UnexpectedEof => break Ok(()),
            Err(e) => break Err(e),
        }
    };
    chunk.truncate(len);
    result
}

/// The stream from its beginning, and whether gzip made it.
fn detect(mut input: Box<dyn Read + Send>) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let mut head = [0; 2];
    let mut len = 0;
    while len < head.len() {
        match input.read(&mut head[len..])? {
            0 => break,
            n => len += n,
        }
    }
    let input = Box::new(io::Cursor::new(head[..len].to_vec()).chain(input));
    Ok((input, head == [0x1f, 0x8b]))
}

fn decoder(input: Box<dyn Read + Send>) -> MultiGzDecoder<io::BufReader<Box<dyn Read + Send>>> {
    MultiGzDecoder::new(io::BufReader::with_capacity(256 << 10, input))
}

fn inflate(input: Box<dyn Read + Send>) -> io::Result<Feed> {
    let (send_full, full) = bounded::<io::Result<Chunk>>(DEPTH);
    let (empty, take_empty) = bounded::<Chunk>(DEPTH + 2);
    let mut decoder = decoder(input);
    thread::Builder::new().name("inflate".into()).spawn(move || {
        let next = || take_empty.try_recv().unwrap_or_default();
        pump(&mut decoder, next, |filled| send_full.send(filled).is_ok());
    })?;
    Ok(Feed::Thread { full, empty })
}

fn share(
    input: Box<dyn Read + Send>,
    compressed: bool,
    count: usize,
) -> io::Result<Vec<Receiver<io::Result<Arc<Chunk>>>>> {
    let (mut senders, receivers): (Vec<_>, _) = (0..count).map(|_| bounded(DEPTH)).unzip();
    let mut input: Box<dyn Read + Send> = if compressed { Box::new(decoder(input)) } else { input };
    thread::Builder::new().name("read".into()).spawn(move || {
        pump(&mut *input, Chunk::new, |filled| {
            let filled = filled.map(Arc::new);
            senders.retain(|sender: &Sender<io::Result<Arc<Chunk>>>| {
                // Errors can't be cloned; kind and text can.
                let copy = match &filled {
                    Ok(chunk) => Ok(Arc::clone(chunk)),
                    Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                };
                sender.send(copy).is_ok()
            });
            !senders.is_empty()
        });
    })?;
    Ok(receivers)
}

/// Reads to the end, an error, or until nobody wants more. The receiver may be gone; then nobody asks.
fn pump(
    input: &mut dyn Read,
    mut next: impl FnMut() -> Chunk,
    mut send: impl FnMut(io::Result<Chunk>) -> bool,
) {
    loop {
        let mut chunk = next();
        let result = fill(input, &mut chunk);
        let last = chunk.len() == HEADROOM || result.is_err();
        if chunk.len() > HEADROOM && !send(Ok(chunk)) {
            return;
        }
        if let Err(error) = result {
            send(Err(error));
        }
        if last {
            return;
        }
    }
}
