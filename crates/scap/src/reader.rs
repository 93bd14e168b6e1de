//! Captures read from files.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use eyas_events::EventType;
use nom::number::Endianness;

use self::blocks::Kind;
use self::window::Window;
use crate::convert::{Converter, Outcome};
use crate::{Error, EventSource, Next, RawEvent, Snapshot, Stats};

pub(crate) mod blocks;
mod swap;
mod window;

/// Largest block that is read in one piece, bytes.
const MAX_BLOCK: usize = 256 << 20;
/// Largest event block that is not of a large type, bytes, without its type and length.
const MAX_EVENT: usize = 64 << 10;
/// Type and length before a block, the length again after it.
const FRAMING: usize = 12;
const HEADER_V1: usize = 22;
const HEADER_V2: usize = 26;

/// Reads a `.scap` capture, plain or compressed by gzip, of every version.
///
/// Old events arrive as today's: the enter event's parameters folded into the exit event. Damaged or
/// truncated files yield everything before the damage, then an error that says where.
///
/// ```no_run
/// use eyas_scap::{EventSource, Next, Reader};
/// let mut reader = Reader::open("trace.scap.gz")?;
/// while let item = reader.next()? {
///     match item {
///         Next::Snapshot(system) => println!("{} threads", system.threads.len()),
///         Next::Event(event) => println!("{} {}", event.ts, event.ty.name()),
///         Next::Idle => {}
///         Next::End => break,
///     }
/// }
/// # Ok::<(), eyas_scap::Error>(())
/// ```
pub struct Reader {
    window: Window,
    phase: Phase,
    order: Endianness,
    /// Bytes of the block that is lent at the moment.
    lent: usize,
    converter: Option<Converter>,
    swapped: Vec<u8>,
    stats: Stats,
    started: bool,
    shown: Shown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before the first event of a section.
    Metadata,
    Events,
    Done,
}

/// Where an event lies.
struct Frame {
    block: u32,
    ts: u64,
    tid: i64,
    ty: EventType,
    cpu: u16,
    state_only: bool,
    nparams: u32,
    /// In the window's bytes.
    body: Range<usize>,
}

impl Frame {
    fn check<'a>(&self, body: &'a [u8]) -> Option<RawEvent<'a>> {
        RawEvent::from_parts(self.ts, self.tid, self.ty, self.cpu, self.nparams, body)
    }

    #[inline]
    fn checked<'a>(&self, body: &'a [u8]) -> RawEvent<'a> {
        let mut raw = RawEvent::from_checked(self.ts, self.tid, self.ty, self.cpu, self.nparams, body);
        raw.state_only = self.state_only;
        raw
    }
}

/// The event that is lent at the moment.
enum Shown {
    Nothing,
    /// In the window, or in `swapped`.
    Frame(Frame),
    /// In the converter.
    Converted {
        state_only: bool,
    },
}

/// What lies at the window's position.
enum Item {
    Snapshot(Box<Snapshot>),
    Event(Shown),
    End,
}

impl Reader {
    /// Opens a capture.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        File::open(path)
            .and_then(|file| Window::new(Box::new(file)))
            .map(Self::with_window)
            .map_err(|cause| Error::Open { path: path.to_owned(), cause })
    }

    /// Reads a capture from any stream, such as standard input.
    ///
    /// # Errors
    /// The stream's first bytes cannot be read.
    pub fn from_reader(input: impl Read + Send + 'static) -> Result<Self, Error> {
        Window::new(Box::new(input)).map(Self::with_window).map_err(|cause| Error::Read { offset: 0, cause })
    }

    /// Leaves old events as they are in the file.
    #[must_use]
    pub fn raw(mut self) -> Self {
        self.converter = None;
        self
    }

    /// Bytes of the uncompressed capture that were read so far.
    pub fn offset(&self) -> u64 {
        self.window.offset()
    }

    fn with_window(window: Window) -> Self {
        Self {
            window,
            phase: Phase::Metadata,
            order: Endianness::Little,
            lent: 0,
            converter: Some(Converter::default()),
            swapped: Vec::new(),
            stats: Stats::default(),
            started: false,
            shown: Shown::Nothing,
        }
    }

    fn need(&mut self, len: usize) -> Result<usize, Error> {
        let offset = self.window.offset();
        self.window.need(len).map_err(|cause| Error::Read { offset, cause })
    }

    fn u16_at(&self, at: usize) -> u16 {
        let b = &self.window.bytes()[at..at + 2];
        self.ordered(u16::from_le_bytes([b[0], b[1]]), u16::swap_bytes)
    }

    fn u32_at(&self, at: usize) -> u32 {
        let b = &self.window.bytes()[at..at + 4];
        self.ordered(u32::from_le_bytes([b[0], b[1], b[2], b[3]]), u32::swap_bytes)
    }

    fn u64_at(&self, at: usize) -> u64 {
        let mut b = [0; 8];
        b.copy_from_slice(&self.window.bytes()[at..at + 8]);
        self.ordered(u64::from_le_bytes(b), u64::swap_bytes)
    }

    #[inline]
    fn ordered<T>(&self, value: T, swap: fn(T) -> T) -> T {
        if self.order == Endianness::Big { swap(value) } else { value }
    }

    /// Type and length of the block at the position; `None` at the end of the stream.
    fn header(&mut self) -> Result<Option<(u32, usize)>, Error> {
        let there = self.need(8)?;
        let offset = self.window.offset();
        if there == 0 {
            return Ok(None);
        }
        if there < 8 {
            return Err(Error::Truncated { block: 0, offset, wanted: 8, left: there as u64 });
        }
        let at = self.window.at();
        let block = self.u32_at(at);
        if block == blocks::SECTION {
            self.detect_order()?;
        } else if !self.started {
            let found = self.window.visible()[..8].iter().map(|b| format!("{b:02x} ")).collect::<String>();
            return Err(Error::NotACapture { found: found.trim_end().to_owned() });
        }
        let total = self.u32_at(self.window.at() + 4) as usize;
        if total < FRAMING {
            return Err(damaged(
                block,
                offset,
                format!("its length is {total}, at least {FRAMING} expected"),
            ));
        }
        Ok(Some((block, total)))
    }

    /// A section says by its magic number in which byte order it was written.
    fn detect_order(&mut self) -> Result<(), Error> {
        let there = self.need(12)?;
        let offset = self.window.offset();
        if there < 12 {
            let block = blocks::SECTION;
            return Err(Error::Truncated { block, offset, wanted: 28, left: there as u64 });
        }
        match self.window.visible()[8..12] {
            [0x4d, 0x3c, 0x2b, 0x1a] => self.order = Endianness::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => self.order = Endianness::Big,
            ref other => {
                let what = format!("its magic number is {other:02x?}, expected 1a 2b 3c 4d in either order");
                return Err(damaged(blocks::SECTION, offset, what));
            }
        }
        self.started = true;
        Ok(())
    }

    /// Makes a whole block visible.
    fn block(&mut self, block: u32, total: usize, limit: usize) -> Result<(), Error> {
        let offset = self.window.offset();
        if total > limit {
            return Err(damaged(block, offset, format!("its length is {total}, the limit is {limit}")));
        }
        let left = self.need(total)?;
        if left < total {
            return Err(Error::Truncated { block, offset, wanted: total as u64, left: left as u64 });
        }
        Ok(())
    }

    /// Reads the blocks up to the first event.
    fn metadata(&mut self) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot::default();
        let mut sections = 0;
        while let Some((block, total)) = self.header()? {
            let kind = blocks::kind(block);
            let offset = self.window.offset();
            match kind {
                Kind::Event { .. } => break,
                Kind::Section if sections > 0 => break,
                Kind::Unknown => {
                    let there =
                        self.window.skip(total as u64).map_err(|cause| Error::Read { offset, cause })?;
                    if there < total as u64 {
                        return Err(Error::Truncated { block, offset, wanted: total as u64, left: there });
                    }
                    continue;
                }
                _ => self.block(block, total, MAX_BLOCK)?,
            }
            let at = self.window.at();
            let trailer = self.u32_at(at + total - 4);
            if trailer as usize != total {
                let what = format!("its length is {total} before and {trailer} after its contents");
                return Err(damaged(block, offset, what));
            }
            if kind == Kind::Section {
                sections += 1;
                self.section(total, offset)?;
            } else {
                let body = &self.window.bytes()[at + 8..at + total - 4];
                blocks::read(kind, body, self.order, &mut snapshot)
                    .map_err(|what| damaged(block, offset, what))?;
            }
            self.window.advance(total);
        }
        if !self.started {
            return Err(Error::NotACapture { found: "nothing: the file is empty".into() });
        }
        Ok(snapshot)
    }

    fn section(&mut self, total: usize, offset: u64) -> Result<(), Error> {
        if total < 28 {
            let what = format!("its length is {total}, at least 28 expected");
            return Err(damaged(blocks::SECTION, offset, what));
        }
        let at = self.window.at();
        let (major, minor) = (self.u16_at(at + 12), self.u16_at(at + 14));
        if major > 1 {
            return Err(Error::Version { found: format!("{major}.{minor}") });
        }
        Ok(())
    }

    /// The event at the position, or `None` at the end of the section's events.
    fn frame(&mut self) -> Result<Option<(Frame, usize)>, Error> {
        let Some((block, total)) = self.header()? else { return Ok(None) };
        let offset = self.window.offset();
        let Kind::Event { v2, flags, large } = blocks::kind(block) else { return Ok(None) };
        self.block(block, total, if large { MAX_BLOCK } else { MAX_EVENT + 8 })?;
        let at = self.window.at();
        let end = at + total - 4;
        let fail = |what: String| damaged(block, offset, what);
        let head = at + if flags { 14 } else { 10 };
        let size = if v2 { HEADER_V2 } else { HEADER_V1 };
        let room = end.checked_sub(head).filter(|room| *room >= size);
        let room = room.ok_or_else(|| fail(format!("{total} bytes hold no event header")))?;
        let dump_flags = if flags { self.u32_at(at + 10) } else { 0 };
        let len = self.u32_at(head + 16) as usize;
        let ty = EventType(self.u16_at(head + 20));
        let len = match ty {
            // Old captures count three bytes too many here.
            EventType::NOTIFICATION_E | EventType::INFRASTRUCTURE_EVENT_E if !v2 => len.saturating_sub(3),
            _ => len,
        };
        if len < size || len > room {
            return Err(fail(format!(
                "an event of {len} bytes in a block that has room for {size} to {room}"
            )));
        }
        let body = head + size..head + len;
        let nparams = if v2 {
            self.u32_at(head + 22)
        } else {
            self.count_params(ty, body.clone())
                .ok_or_else(|| fail(format!("the parameter lengths of {ty:?} do not add up")))?
        };
        let frame = Frame {
            block,
            ts: self.u64_at(head),
            tid: self.u64_at(head + 8) as i64,
            ty,
            cpu: self.u16_at(at + 8),
            state_only: dump_flags & 1 != 0,
            nparams,
            body,
        };
        Ok(Some((frame, total)))
    }

    /// Events of the first version do not say how many parameters they have: the largest number whose
    /// lengths add up to the event's.
    fn count_params(&self, ty: EventType, body: Range<usize>) -> Option<u32> {
        let most = ty.info().map_or(0, |info| info.params.len());
        (0..=most).rev().filter(|n| 2 * n <= body.len()).find_map(|n| {
            let sum: usize = (0..n).map(|i| usize::from(self.u16_at(body.start + 2 * i))).sum();
            (2 * n + sum == body.len()).then_some(n as u32)
        })
    }

    fn advance(&mut self) -> Result<Item, Error> {
        loop {
            self.window.advance(std::mem::take(&mut self.lent));
            match self.phase {
                Phase::Done => return Ok(Item::End),
                Phase::Metadata => {
                    self.phase = Phase::Events;
                    if let Some(converter) = &mut self.converter {
                        converter.clear();
                    }
                    return Ok(Item::Snapshot(Box::new(self.metadata()?)));
                }
                Phase::Events => {}
            }
            let Some((frame, total)) = self.frame()? else {
                let more = self.need(1)? > 0;
                self.phase = if more { Phase::Metadata } else { Phase::Done };
                continue;
            };
            self.lent = total;
            if frame.ty.info().is_none() {
                self.stats.filtered += 1;
                continue;
            }
            self.stats.produced += 1;
            let offset = self.window.offset();
            let invalid = || {
                let what = format!("the parameters of {:?} exceed it", frame.ty);
                damaged(frame.block, offset, what)
            };
            let bytes = &self.window.bytes()[frame.body.clone()];
            let bytes = if self.order == Endianness::Big {
                swap::swap(&frame, bytes, &mut self.swapped).ok_or_else(invalid)?;
                &self.swapped
            } else {
                bytes
            };
            let raw = frame.check(bytes).ok_or_else(invalid)?;
            let Some(converter) = &mut self.converter else { return Ok(Item::Event(Shown::Frame(frame))) };
            match converter.convert(raw, offset)? {
                Outcome::Unchanged => return Ok(Item::Event(Shown::Frame(frame))),
                Outcome::Converted => {
                    return Ok(Item::Event(Shown::Converted { state_only: frame.state_only }));
                }
                Outcome::Dropped => self.stats.filtered += 1,
            }
        }
    }
}

fn damaged(block: u32, offset: u64, what: String) -> Error {
    Error::Damaged { block, offset, what }
}

impl EventSource for Reader {
    fn next(&mut self) -> Result<Next<'_>, Error> {
        self.shown = Shown::Nothing;
        match self.advance().inspect_err(|_| self.phase = Phase::Done)? {
            Item::Snapshot(snapshot) => Ok(Next::Snapshot(snapshot)),
            Item::End => Ok(Next::End),
            Item::Event(shown) => {
                self.shown = shown;
                Ok(self.current().map_or(Next::Idle, Next::Event))
            }
        }
    }

    #[inline]
    fn current(&self) -> Option<RawEvent<'_>> {
        match &self.shown {
            Shown::Nothing => None,
            Shown::Frame(frame) if self.order == Endianness::Big => Some(frame.checked(&self.swapped)),
            Shown::Frame(frame) => Some(frame.checked(&self.window.bytes()[frame.body.clone()])),
            Shown::Converted { state_only } => {
                let mut raw = self.converter.as_ref()?.current()?;
                raw.state_only = *state_only;
                Some(raw)
            }
        }
    }

    fn stats(&mut self) -> Stats {
        self.stats
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("offset", &self.window.offset()).finish_non_exhaustive()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
