//! The writer of captures, format 1.2.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use eyas_events::{EventType, HEADER_LEN};

use crate::block_options::{self, BEGAN_LEN, EventOption, LAST_LEN, MAX_LOSSES, PLACE_LEN, REQUEST_LEN};
use crate::loss::Waiting;
use crate::{Error, EventBuilder, Loss, RawEvent, Snapshot};

mod blocks;

/// Block types that are written.
mod block {
    pub(super) const SECTION: u32 = 0x0A0D_0D0A;
    pub(super) const MACHINE: u32 = 0x201;
    pub(super) const INTERFACES: u32 = 0x219;
    pub(super) const USERS: u32 = 0x220;
    pub(super) const THREADS: u32 = 0x215;
    pub(super) const FDS: u32 = 0x218;
    pub(super) const EVENT: u32 = 0x216;
    pub(super) const EVENT_FLAGS: u32 = 0x217;
    pub(super) const LARGE_EVENT: u32 = 0x221;
    pub(super) const LARGE_EVENT_FLAGS: u32 = 0x222;
}

/// For state only, not to be shown.
const STATE_ONLY: u32 = 1;
/// Maximum size of a block with an ordinary event, without its type and length.
const EVENT_LIMIT: usize = 65_536;
/// Event time after which the writer flushes, ns.
const FLUSH_AFTER: u64 = 1_000_000_000;

/// Writes a capture: a snapshot, the events after it, and so on.
///
/// It flushes after each snapshot, and at the first event that is a second later than the last flush. So if
/// the program is killed, the capture is readable up to about that time. If events may be rare, also call
/// [`Writer::flush`].
///
/// ```no_run
/// # fn main() -> Result<(), eyas_scap::Error> {
/// use eyas_scap::{Snapshot, Writer};
///
/// let mut writer = Writer::create("out.scap.gz", true)?;
/// writer.snapshot(&Snapshot::default())?;
/// writer.finish()
/// # }
/// ```
pub struct Writer {
    out: Out,
    buffer: Vec<u8>,
    /// Time of the event at the last flush, ns since the epoch.
    flushed: u64,
    /// The losses since the last written event.
    lost: Waiting,
    /// Whether a section has begun.
    has_section: bool,
}

type Sink = Counted<BufWriter<Box<dyn Write + Send>>>;

/// An output with the number of written bytes.
struct Counted<W>(W, u64);

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).inspect(|len| self.1 += *len as u64)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

enum Out {
    Plain(Sink),
    Gzip(Box<GzEncoder<Sink>>),
    /// After an appended gzip member; without an output if that failed.
    Between(Option<Sink>),
}

impl Out {
    fn gzip(sink: Sink) -> Self {
        Self::Gzip(Box::new(GzEncoder::new(sink, Compression::fast())))
    }

    fn writer(&mut self) -> io::Result<&mut dyn Write> {
        if let Self::Between(sink) = self {
            *self = Self::gzip(sink.take().ok_or_else(failed_before)?);
        }
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(out) => Ok(out.as_mut()),
            Self::Between(_) => Err(failed_before()),
        }
    }

    /// Ends the current gzip member; returns the output after it.
    fn end_member(&mut self) -> io::Result<Sink> {
        match mem::replace(self, Self::Between(None)) {
            Self::Plain(sink) | Self::Between(Some(sink)) => Ok(sink),
            Self::Gzip(out) => out.finish(),
            Self::Between(None) => Err(failed_before()),
        }
    }
}

fn failed_before() -> io::Error {
    io::Error::other("the output failed before")
}

/// Bytes that are shared with the writer's owner.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// Creates or truncates a file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: impl AsRef<Path>, compress: bool) -> Result<Self, Error> {
        File::create(path).map(|file| Self::new(file, compress)).map_err(Error::Write)
    }

    /// Writes to anything, such as standard output.
    pub fn new(out: impl Write + Send + 'static, compress: bool) -> Self {
        let out: Sink = Counted(BufWriter::with_capacity(64 << 10, Box::new(out)), 0);
        let out = if compress { Out::gzip(out) } else { Out::Plain(out) };
        Self { out, buffer: Vec::new(), flushed: 0, lost: Waiting::default(), has_section: false }
    }

    /// Begins a section with a snapshot. Losses that were noted after the last event of the previous section
    /// are stored in that section, because the snapshot ends their effects.
    ///
    /// # Errors
    /// The output fails.
    pub fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        if std::mem::replace(&mut self.has_section, true) {
            self.end_losses()?;
        }
        self.block(block::SECTION, blocks::section)?;
        if let Some(machine) = &snapshot.machine {
            self.block(block::MACHINE, |out| blocks::machine(out, machine))?;
        }
        if !snapshot.interfaces.is_empty() {
            self.block(block::INTERFACES, |out| blocks::interfaces(out, &snapshot.interfaces))?;
        }
        if !snapshot.users.is_empty() || !snapshot.groups.is_empty() {
            self.block(block::USERS, |out| blocks::users(out, &snapshot.users, &snapshot.groups))?;
        }
        if !snapshot.threads.is_empty() {
            self.block(block::THREADS, |out| blocks::threads(out, &snapshot.threads))?;
        }
        for (tid, fds) in &snapshot.fds {
            self.block(block::FDS, |out| blocks::fds(out, *tid, fds))?;
        }
        for event in &snapshot.metadata {
            self.event(&event.as_raw())?;
        }
        self.flush()
    }

    /// Notes losses before the next event. They are stored with that event, where a reader's
    /// [`EventSource::losses`](crate::EventSource::losses) returns them. Losses of one CPU are merged.
    pub fn losses(&mut self, losses: &[Loss]) {
        self.lost.note(losses);
    }

    /// Takes the losses after which no event was written yet, for the writer that continues.
    pub fn take_losses(&mut self) -> Vec<Loss> {
        self.lost.take()
    }

    /// Adds an event.
    ///
    /// # Errors
    /// The output fails, or the event exceeds the maximum size of a block.
    pub fn event(&mut self, event: &RawEvent<'_>) -> Result<(), Error> {
        let large = crate::builder::is_wide(event.ty);
        let ty = match (large, event.state_only) {
            (false, false) => block::EVENT,
            (false, true) => block::EVENT_FLAGS,
            (true, false) => block::LARGE_EVENT,
            (true, true) => block::LARGE_EVENT_FLAGS,
        };
        let shown = Shown::of(event);
        let length = HEADER_LEN + shown.lengths.len() + shown.values.len();
        // CPU, flags, padding and the trailer come on top.
        if !large && length + 16 > EVENT_LIMIT {
            let text = format!("an event has {length} bytes, the format allows {}", EVENT_LIMIT - 16);
            return Err(Error::Write(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        let fits = |more: usize| large || length + 16 + more + LAST_LEN <= EVENT_LIMIT;
        let option = EventOption::of(event).filter(|option| fits(option.len()));
        let option_len = option.as_ref().map_or(0, EventOption::len);
        let began = Some(event.began).filter(|began| *began != 0 && fits(option_len + BEGAN_LEN));
        let more = option_len + if began.is_some() { BEGAN_LEN } else { 0 };
        let place = Some(event.place).filter(|place| place.num != 0 && fits(more + PLACE_LEN));
        let more = more + if place.is_some() { PLACE_LEN } else { 0 };
        let mark = event.mark.recorded().filter(|_| fits(more + REQUEST_LEN));
        let more = more + if mark.is_some() { REQUEST_LEN } else { 0 };
        let decided = Some(event.decided)
            .filter(|decided| !decided.is_empty() && fits(more + block_options::decision_len(decided)));
        let more = more + decided.map_or(0, block_options::decision_len);
        let room =
            if large { usize::MAX } else { (EVENT_LIMIT - 16 - LAST_LEN).saturating_sub(length + more) };
        let mut lost = self.lost.first(MAX_LOSSES);
        while block_options::losses_len(lost) > room {
            lost = &lost[..lost.len() - 1];
        }
        let lost = lost.to_vec();
        self.block(ty, |out| {
            out.extend_from_slice(&event.cpu.to_le_bytes());
            if event.state_only {
                out.extend_from_slice(&STATE_ONLY.to_le_bytes());
            }
            out.extend_from_slice(&event.ts.to_le_bytes());
            out.extend_from_slice(&event.tid.to_le_bytes());
            out.extend_from_slice(&(length as u32).to_le_bytes());
            out.extend_from_slice(&shown.ty.0.to_le_bytes());
            out.extend_from_slice(&(shown.nparams as u32).to_le_bytes());
            out.extend_from_slice(&shown.lengths);
            out.extend_from_slice(&shown.values);
            let is_bare = option.is_none() && began.is_none() && place.is_none() && mark.is_none();
            if is_bare && decided.is_none() && lost.is_empty() {
                return;
            }
            out.resize(out.len().next_multiple_of(4), 0);
            if let Some(option) = &option {
                option.write(out);
            }
            if let Some(began) = began {
                block_options::write_began(out, began);
            }
            if let Some(place) = place {
                block_options::write_place(out, place);
            }
            if let Some(mark) = mark {
                block_options::write_request(out, mark);
            }
            if let Some(decided) = decided {
                block_options::write_decision(out, decided);
            }
            if !lost.is_empty() {
                block_options::write_losses(out, &lost);
            }
            block_options::write_last(out);
        })?;
        self.lost.drop_first(lost.len());
        if event.ts.saturating_sub(self.flushed) < FLUSH_AFTER {
            return Ok(());
        }
        self.flushed = event.ts;
        self.flush()
    }

    /// Number of bytes written so far; for a compressed capture, of compressed bytes.
    pub fn written(&self) -> u64 {
        match &self.out {
            Out::Plain(out) => out.1,
            Out::Gzip(out) => out.get_ref().1,
            Out::Between(out) => out.as_ref().map_or(0, |out| out.1),
        }
    }

    /// Appends compressed data of another writer: a snapshot, events, or both. If this capture is
    /// compressed, the bytes are copied, because one gzip member may follow another; otherwise they are
    /// decompressed.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use eyas_events::EventType;
    /// use eyas_scap::{Advance, EventBuilder, EventSource, Reader, Snapshot, Writer};
    ///
    /// let close = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(1).build();
    /// let kept: Vec<u8> = Writer::compress(|writer| writer.event(&close.as_raw()))?;
    ///
    /// let path = std::env::temp_dir().join(format!("append-{}.scap.gz", std::process::id()));
    /// let mut writer = Writer::create(&path, true)?;
    /// writer.snapshot(&Snapshot::default())?;
    /// writer.append(&kept)?;
    /// writer.finish()?;
    /// # let mut reader = Reader::open(&path)?;
    /// # assert!(matches!(reader.advance()?, Advance::Snapshot(_)));
    /// # assert!(matches!(reader.advance()?, Advance::Event));
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The output fails, or the bytes must be decompressed and are not gzip data.
    pub fn append(&mut self, compressed: &[u8]) -> Result<(), Error> {
        let appended = match &mut self.out {
            Out::Plain(out) => io::copy(&mut MultiGzDecoder::new(compressed), out).map(drop),
            _ => self.append_member(compressed),
        };
        appended.map_err(Error::Write)
    }

    fn append_member(&mut self, compressed: &[u8]) -> io::Result<()> {
        let mut sink = self.out.end_member()?;
        sink.write_all(compressed)?;
        self.out = Out::Between(Some(sink));
        Ok(())
    }

    /// Compresses what `write` writes, for [`Writer::append`].
    ///
    /// # Errors
    /// `write` fails.
    pub fn compress(write: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<Vec<u8>, Error> {
        let bytes = Shared::default();
        let mut writer = Self::new(bytes.clone(), true);
        write(&mut writer)?;
        writer.finish()?;
        Ok(bytes.take())
    }

    /// Flushes all buffers, so that the data can be read.
    ///
    /// # Errors
    /// The output fails.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.writer().and_then(|out| out.flush()).map_err(Error::Write)
    }

    /// Ends the capture. Losses after its last event are stored with a hidden event.
    ///
    /// # Errors
    /// The output fails; the capture is incomplete.
    pub fn finish(mut self) -> Result<(), Error> {
        self.end_losses()?;
        self.out.end_member().and_then(|mut out| out.flush()).map_err(Error::Write)
    }

    /// Writes the losses after the last event, with a hidden event.
    fn end_losses(&mut self) -> Result<(), Error> {
        while let Some(until) = self.lost.first(MAX_LOSSES).iter().map(|loss| loss.until).max() {
            let event =
                EventBuilder::new(EventType::GENERIC_X).ts(until).tid(-1).uint(0, 0).uint(1, 0).build();
            self.event(&RawEvent { state_only: true, ..event.as_raw() })?;
        }
        Ok(())
    }

    /// Writes type, length, body, padding, and the length again.
    fn block(&mut self, ty: u32, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        let buffer = &mut self.buffer;
        buffer.clear();
        buffer.extend_from_slice(&ty.to_le_bytes());
        buffer.extend_from_slice(&[0; 4]);
        body(buffer);
        buffer.resize(buffer.len().next_multiple_of(4), 0);
        let total = u32::try_from(buffer.len() + 4).map_err(|_| {
            let text = format!("block {ty:#x} has {} bytes, the format allows {}", buffer.len(), u32::MAX);
            Error::Write(io::Error::new(io::ErrorKind::InvalidInput, text))
        })?;
        buffer[4..8].copy_from_slice(&total.to_le_bytes());
        buffer.extend_from_slice(&total.to_le_bytes());
        self.out.writer().and_then(|out| out.write_all(buffer)).map_err(Error::Write)
    }
}

/// An event in the form that every reader knows.
struct Shown<'a> {
    ty: EventType,
    nparams: usize,
    lengths: Cow<'a, [u8]>,
    values: Cow<'a, [u8]>,
}

impl<'a> Shown<'a> {
    fn of(event: &RawEvent<'a>) -> Self {
        if event.ty.is_own() {
            const LENGTHS: [u8; 4] = [2, 0, 2, 0];
            let values = block_options::generic(event.ty).map(u16::to_le_bytes).concat();
            let (lengths, values) = (Cow::Borrowed(&LENGTHS[..]), Cow::Owned(values));
            return Self { ty: EventType::GENERIC_X, nparams: 2, lengths, values };
        }
        // Readers refuse an event with more parameters than its row.
        let nparams = event.info().map_or(event.nparams(), |info| event.nparams().min(info.params.len()));
        let width = if crate::builder::is_wide(event.ty) { 4 } else { 2 };
        let (lengths, values) = event.body().split_at(event.nparams() * width);
        let bytes: usize = event.params().take(nparams).map(<[u8]>::len).sum();
        let (lengths, values) = (lengths[..nparams * width].into(), values[..bytes].into());
        Self { ty: event.ty, nparams, lengths, values }
    }
}

#[cfg(test)]
mod tests;
