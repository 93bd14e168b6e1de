//! The reader of captures.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nom::number::Endianness;

use self::blocks::{Budget, Kind};
use self::calls::Calls;
use self::frame::{Frame, Numbers};
use self::window::Window;
use crate::block_options::Found;
use crate::convert::{self, Converter};
use crate::{Advance, Error, EventSource, Loss, RawEvent, Snapshot, Stats};

pub(crate) mod blocks;
mod buf;
mod calls;
mod feed;
mod frame;
mod gunzip;
mod swap;
mod window;

/// Maximum size of a block that is read at once, bytes.
const MAX_BLOCK: usize = 256 << 20;
/// Maximum size of an ordinary event block, bytes, without its type and length.
const MAX_EVENT: usize = 64 << 10;
/// Type and length before a block, the length again after it.
const FRAMING: usize = 12;
/// Default limit of a snapshot's memory, bytes.
const SNAPSHOT_LIMIT: usize = 512 << 20;
/// Maximum number of changes from plain to compressed data in a stream.
const MAX_LAYERS: u32 = 64;

/// Reads a `.scap` capture, plain or compressed by gzip, of every version.
///
/// It converts old events to current ones: the enter event's parameters become a part of the exit event.
/// From damaged or truncated files, it returns everything before the damage, then an error with the place.
///
/// ```no_run
/// use eyas_scap::{EventSource, Next, Reader};
/// let mut reader = Reader::open("trace.scap.gz")?;
/// loop {
///     match reader.next()? {
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
    /// Size of the borrowed block, bytes.
    lent: usize,
    converter: Option<Converter>,
    /// Calls in progress, in a capture with enter events.
    calls: Calls,
    /// The event completed with the block's options.
    completed: Vec<u8>,
    /// The decision of a security hook during the event's call.
    decided: Vec<u8>,
    /// The losses before the event.
    losses: Vec<Loss>,
    swapped: Vec<u8>,
    stats: Stats,
    started: bool,
    shown: Shown,
    /// The event block at the position.
    frame: Frame,
    budget: Budget,
    /// Number of changes to compressed data so far.
    layers: u32,
    /// The error after the last delivered snapshot.
    failed: Option<Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before the first event of a section.
    Metadata,
    Events,
    /// After a snapshot, before the error that cut it.
    Failed,
    Done,
}

/// Location of the borrowed event.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    /// The frame is in the window.
    Window,
    /// The frame is in `completed`.
    Completed,
    /// The frame is in `swapped`.
    Swapped,
    /// The frame is in the converter.
    Converted,
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

    /// Makes several readers of one stream, for several threads. Each returns the whole stream, which is
    /// read and decompressed once.
    ///
    /// The slowest reader delays the others, so all must be read, or dropped.
    ///
    /// # Errors
    /// The stream's first bytes cannot be read.
    pub fn share(input: impl Read + Send + 'static, count: usize) -> Result<Vec<Self>, Error> {
        let windows = Window::shared(Box::new(input), count);
        let windows = windows.map_err(|cause| Error::Read { offset: 0, cause })?;
        Ok(windows.into_iter().map(Self::with_window).collect())
    }

    /// Turns off the conversion of old events.
    #[must_use]
    pub fn raw(mut self) -> Self {
        self.converter = None;
        self
    }

    /// Sets the limit of memory for the threads, files and users before the events, bytes; a capture with
    /// more is an error. The default is 512 MiB, enough for some 300,000 threads.
    #[must_use]
    pub fn snapshot_limit(mut self, bytes: usize) -> Self {
        self.budget = Budget::new(bytes);
        self
    }

    /// Number of bytes of the uncompressed capture that were read so far.
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
            calls: Calls::default(),
            completed: Vec::new(),
            decided: Vec::new(),
            losses: Vec::new(),
            swapped: Vec::new(),
            stats: Stats::default(),
            started: false,
            shown: Shown::Nothing,
            frame: Frame::NONE,
            budget: Budget::new(SNAPSHOT_LIMIT),
            layers: 0,
            failed: None,
        }
    }

    fn need(&mut self, len: usize) -> Result<usize, Error> {
        let offset = self.window.offset();
        self.window.need(len).map_err(|cause| Error::Read { offset, cause })
    }

    /// Numbers in the visible bytes.
    #[inline]
    fn numbers(&self) -> Numbers<'_> {
        Numbers { bytes: self.window.visible(), big: self.order == Endianness::Big }
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
        if self.window.is_compressed() && self.layers < MAX_LAYERS {
            // A compressed capture follows a plain one.
            self.layers += 1;
            self.window.inflate();
            return self.header();
        }
        let block = self.numbers().u32(0);
        if block == blocks::SECTION {
            self.detect_order()?;
        } else if !self.started {
            return Err(Error::NotACapture { found: first_bytes(&self.window.visible()[..8]) });
        }
        let total = self.numbers().u32(4) as usize;
        if total < FRAMING {
            return Err(damaged(
                block,
                offset,
                format!("its length is {total}, at least {FRAMING} expected"),
            ));
        }
        Ok(Some((block, total)))
    }

    /// Detects the byte order of a section by its magic number.
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

    /// Reads the blocks up to the first event, or up to damage, which the next call returns as an error.
    fn metadata(&mut self) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot::default();
        self.budget.reset();
        let mut sections = 0;
        match self.metadata_blocks(&mut snapshot, &mut sections) {
            Err(error @ Error::NotACapture { .. }) => Err(error),
            Err(error) if sections == 0 => Err(error),
            Err(error) => {
                self.phase = Phase::Failed;
                self.failed = Some(error);
                Ok(snapshot)
            }
            Ok(()) => Ok(snapshot),
        }
    }

    fn metadata_blocks(&mut self, snapshot: &mut Snapshot, sections: &mut u32) -> Result<(), Error> {
        while let Some((block, total)) = self.header()? {
            let kind = blocks::kind(block);
            let offset = self.window.offset();
            match kind {
                Kind::Event { .. } => break,
                Kind::Section if *sections > 0 => break,
                Kind::Unknown => {
                    // Files of network packets have the same section header block.
                    if blocks::is_packet(block) && *snapshot == Snapshot::default() {
                        let found = "a section of network packets: it is a pcapng file".into();
                        return Err(Error::NotACapture { found });
                    }
                    self.pass_over(block, total)?;
                    continue;
                }
                _ => self.block(block, total, MAX_BLOCK)?,
            }
            let trailer = self.numbers().u32(total - 4);
            check_trailer(block, offset, total, trailer)?;
            if kind == Kind::Section {
                self.section(total, offset)?;
                *sections += 1;
            } else {
                let body = &self.window.visible()[8..total - 4];
                blocks::read(kind, body, self.order, &self.budget, snapshot)
                    .map_err(|what| damaged(block, offset, what))?;
            }
            self.window.advance(total);
        }
        if !self.started {
            return Err(Error::NotACapture { found: "nothing: the file is empty".into() });
        }
        Ok(())
    }

    /// Skips a block of unknown type, of any length.
    fn pass_over(&mut self, block: u32, total: usize) -> Result<(), Error> {
        let (offset, trailer) = (self.window.offset(), 4);
        let to_trailer = (total - trailer) as u64;
        let passed = self.window.skip(to_trailer).map_err(|cause| Error::Read { offset, cause })?;
        let left = passed + if passed == to_trailer { self.need(trailer)?.min(trailer) as u64 } else { 0 };
        if left < total as u64 {
            return Err(Error::Truncated { block, offset, wanted: total as u64, left });
        }
        check_trailer(block, offset, total, self.numbers().u32(0))?;
        self.window.advance(trailer);
        Ok(())
    }

    fn section(&mut self, total: usize, offset: u64) -> Result<(), Error> {
        if total < 28 {
            let what = format!("its length is {total}, at least 28 expected");
            return Err(damaged(blocks::SECTION, offset, what));
        }
        let (major, minor) = (self.numbers().u16(12), self.numbers().u16(14));
        if major > 1 {
            return Err(Error::Version { found: format!("{major}.{minor}") });
        }
        Ok(())
    }

    /// Makes the event block at the position visible and `self.frame` its frame; returns its length, or
    /// `None` at the end of the section's events.
    fn event_block(&mut self) -> Result<Option<usize>, Error> {
        let (block, total, v2, flags, large) = loop {
            let Some((block, total)) = self.header()? else { return Ok(None) };
            match blocks::kind(block) {
                Kind::Event { v2, flags, large } => break (block, total, v2, flags, large),
                Kind::Section => return Ok(None),
                Kind::Unknown => self.pass_over(block, total)?,
                _ => {
                    let what =
                        "it is not allowed among events without a section header block before it".into();
                    return Err(damaged(block, self.window.offset(), what));
                }
            }
        };
        self.block(block, total, if large { MAX_BLOCK } else { MAX_EVENT + 8 })?;
        let bytes = &self.window.visible()[..total];
        match self.frame.parse(bytes, self.order, v2, flags) {
            Ok(()) => Ok(Some(total)),
            Err(what) => Err(damaged(block, self.window.offset(), what)),
        }
    }

    /// Parses the event at the position if it has the most common layout; returns whether it does.
    #[inline(always)]
    fn parse_fast(&mut self) -> bool {
        if self.order == Endianness::Big {
            return false;
        }
        let visible = self.window.visible();
        let Some(total) = self.frame.parse_fast(visible, blocks::EVENT, MAX_EVENT + 8) else { return false };
        self.lent = total;
        self.shown = Shown::Window;
        // The processor would wait for a new length when the slice is read next.
        if !self.decided.is_empty() {
            self.decided.clear();
        }
        self.stats.produced += 1;
        if self.calls.are_known() {
            self.calls.note(self.frame.event(&[]));
        }
        true
    }

    /// Advances to an event of another layout, or another item. After an error there are no more items.
    #[inline(never)]
    fn seek(&mut self) -> Result<Advance, Error> {
        self.find().inspect_err(|_| self.phase = Phase::Done)
    }

    fn find(&mut self) -> Result<Advance, Error> {
        loop {
            self.window.advance(std::mem::take(&mut self.lent));
            match self.phase {
                Phase::Done => return Ok(Advance::End),
                Phase::Failed => {
                    self.phase = Phase::Done;
                    return self.failed.take().map_or(Ok(Advance::End), Err);
                }
                Phase::Metadata => {
                    self.phase = Phase::Events;
                    self.calls = Calls::default();
                    if let Some(converter) = &mut self.converter {
                        converter.clear();
                    }
                    return Ok(Advance::Snapshot(Box::new(self.metadata()?)));
                }
                Phase::Events => {}
            }
            let Some(total) = self.event_block()? else {
                let more = self.need(1)? > 0;
                self.phase = if more { Phase::Metadata } else { Phase::Done };
                continue;
            };
            self.lent = total;
            if self.frame.ty().info().is_none() || self.frame.ty().is_own() {
                self.stats.filtered += 1;
                continue;
            }
            self.stats.produced += 1;
            self.calls.note(self.frame.event(&[]));
            let completed = self.complete(total);
            let mut shown = if completed { Shown::Completed } else { Shown::Window };
            if self.order == Endianness::Big {
                let body = match shown {
                    Shown::Completed => &self.completed,
                    _ => self.frame.body(self.window.visible()),
                };
                if swap::swap(&self.frame, body, &mut self.swapped).is_none() {
                    return Err(self.invalid());
                }
                shown = Shown::Swapped;
            }
            let Some(raw) = self.lent_as(shown).filter(RawEvent::adds_up) else { return Err(self.invalid()) };
            if completed || self.converter.is_none() || convert::is_current(&raw) {
                self.shown = shown;
                return Ok(Advance::Event);
            }
            if self.upgrade(shown)? {
                self.shown = Shown::Converted;
                return Ok(Advance::Event);
            }
            self.stats.filtered += 1;
        }
    }

    /// Completes the event with the options of its block of this length; returns whether there are any.
    fn complete(&mut self, total: usize) -> bool {
        let block = &self.window.visible()[..total];
        let frame = &mut self.frame;
        self.decided.clear();
        if let Some(body) = Found::decision(frame.options(block), self.order == Endianness::Big) {
            self.decided.extend_from_slice(body);
        }
        if let Some(began) = Found::began(frame.options(block), self.order == Endianness::Big) {
            self.calls.set_began(began);
        }
        if let Some(place) = Found::place(frame.options(block), self.order == Endianness::Big) {
            self.calls.set_place(place);
        }
        if let Some(mark) = Found::request(frame.options(block), self.order == Endianness::Big) {
            frame.mark = mark;
        }
        let before = self.losses.len();
        self.losses.extend(Found::losses(frame.options(block), self.order == Endianness::Big));
        let lost: u64 = self.losses[before..].iter().map(|loss| loss.events).sum();
        (self.stats.produced, self.stats.drops_other) =
            (self.stats.produced.saturating_add(lost), self.stats.drops_other.saturating_add(lost));
        let Some(found) = Found::among(frame.options(block), self.order == Endianness::Big) else {
            return false;
        };
        let Some(ty) = found.completes(frame.ty(), frame.nparams) else { return false };
        let own: (&[u8], &[u8]) = if ty == frame.ty() {
            let split = frame.body(block).split_at_checked(2 * frame.nparams as usize);
            let Some((lengths, values)) = split else { return false };
            let numbers = Numbers { bytes: lengths, big: self.order == Endianness::Big };
            let len = (0..frame.nparams as usize).map(|n| usize::from(numbers.u16(2 * n))).sum();
            let Some(values) = values.get(..len) else { return false };
            (lengths, values)
        } else {
            frame.nparams = 0;
            (&[], &[])
        };
        self.completed.clear();
        for part in [own.0, found.lengths, own.1, found.values] {
            self.completed.extend_from_slice(part);
        }
        frame.set_ty(ty);
        frame.nparams += u32::from(found.count);
        true
    }

    /// Converts the event; returns whether there is a result.
    #[cold]
    fn upgrade(&mut self, shown: Shown) -> Result<bool, Error> {
        let offset = self.window.offset();
        let raw = match shown {
            Shown::Swapped => self.frame.event(&self.swapped),
            _ => self.frame.event(self.frame.body(self.window.visible())),
        };
        self.converter.as_mut().map_or(Ok(true), |converter| converter.convert(raw, offset))
    }

    #[cold]
    fn invalid(&self) -> Error {
        let (block, ty) = (self.frame.block, self.frame.ty());
        damaged(block, self.window.offset(), format!("the parameters of {ty:?} exceed it"))
    }

    #[inline(always)]
    fn lent_as(&self, shown: Shown) -> Option<RawEvent<'_>> {
        let mut raw = match shown {
            Shown::Nothing => return None,
            Shown::Window => self.frame.event(self.frame.body(self.window.visible())),
            Shown::Completed => self.frame.event(&self.completed),
            Shown::Swapped => self.frame.event(&self.swapped),
            Shown::Converted => {
                let mut raw = self.converter.as_ref()?.current()?;
                raw.state_only = self.frame.state_only();
                raw
            }
        };
        (raw.began, raw.place) = (self.calls.began(), self.calls.place());
        Some(raw.with_decided(&self.decided))
    }
}

/// Checks the length after a block's content, which repeats the first one.
fn check_trailer(block: u32, offset: u64, total: usize, trailer: u32) -> Result<(), Error> {
    let what = || format!("its length is {total} before and {trailer} after its contents");
    if trailer as usize == total { Ok(()) } else { Err(damaged(block, offset, what())) }
}

fn damaged(block: u32, offset: u64, what: String) -> Error {
    Error::Damaged { block, offset, what }
}

impl EventSource for Reader {
    // Implemented here, because a caller with a `dyn EventSource` would otherwise make two calls for each
    // event.
    #[inline(always)]
    fn advance(&mut self) -> Result<Advance, Error> {
        self.shown = Shown::Nothing;
        self.losses.clear();
        self.window.advance(std::mem::take(&mut self.lent));
        if self.phase == Phase::Events && self.parse_fast() {
            return Ok(Advance::Event);
        }
        self.seek()
    }

    #[inline(always)]
    fn current(&self) -> Option<RawEvent<'_>> {
        self.lent_as(self.shown)
    }

    fn losses(&self) -> &[Loss] {
        &self.losses
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

/// The first bytes of a file that is no capture, and the kind of file that begins so.
fn first_bytes(bytes: &[u8]) -> String {
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let kind = match bytes {
        [0x7f, b'E', b'L', b'F', ..] => "an ELF file",
        [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1, ..] | [0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d, ..] => {
            "a pcap file of network packets"
        }
        [b'P', b'K', 3, 4, ..] => "a zip file",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "a file compressed by zstd",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "a file compressed by xz",
        [b'B', b'Z', b'h', ..] => "a file compressed by bzip2",
        text if text.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..0x7f)) => {
            return format!("`{}` ({hex}): it is a text", String::from_utf8_lossy(text).escape_debug());
        }
        _ => return hex,
    };
    format!("{hex}: it is {kind}")
}
