//! An event block: the positions of its parts, and its header.

use eyas_events::{EventFlags, EventType};
use nom::number::Endianness;

use crate::builder::is_wide;
use crate::io_uring::Mark;
use crate::{RawEvent, SlicePlace};

const HEADER_V1: usize = 22;
const HEADER_V2: usize = 26;
/// Size before the event's header: block type, block length, CPU, and flags if it has them.
const BEFORE: usize = 10;
const BEFORE_WITH_FLAGS: usize = 14;
/// The block's length, again after its contents.
const AFTER: usize = 4;
/// Flag of events that are for state only.
const STATE_ONLY: u32 = 1;
/// Shortest block with an event of today's version.
const SHORTEST: usize = BEFORE + HEADER_V2 + AFTER;
/// In [`CURRENT`]: events of this type need the slow path.
const SLOW_PATH: u8 = u8::MAX;

/// Number of parameters with which an event of a type is current, so that it needs no conversion.
static CURRENT: [u8; EventType::COUNT] = current();

const fn current() -> [u8; EventType::COUNT] {
    let mut table = [SLOW_PATH; EventType::COUNT];
    let mut code = 0;
    while code < EventType::COUNT {
        let ty = EventType(code as u16);
        if let Some(info) = ty.info() {
            let odd = EventFlags::UNUSED.union(EventFlags::OLD_VERSION).union(EventFlags::LARGE_PAYLOAD);
            let managed = info.flags.contains(EventFlags::CONVERTER_MANAGED);
            if !info.flags.intersects(odd) && (ty.is_exit() || !managed) && !ty.is_own() {
                table[code] = info.params.len() as u8;
            }
        }
        code += 1;
    }
    table
}

/// The content of an event block.
///
/// It is read right after it was written, and processors stall if a read spans two writes. So data that is
/// read with one instruction is written with one: the times and ids of a [`RawEvent`], and the small
/// numbers after them.
pub(super) struct Frame {
    /// Time and thread, little-endian.
    stamp: [u8; 16],
    kind: Kind,
    pub(super) block: u32,
    pub(super) nparams: u32,
    /// Position in the block where parameter lengths and parameters begin.
    start: u32,
    /// Position in the block where they end.
    end: u32,
    /// Its `io_uring` request.
    pub(super) mark: Mark,
}

/// Type, CPU, and two bits in one number.
#[derive(Clone, Copy)]
struct Kind(u64);

impl Kind {
    #[inline(always)]
    const fn new(ty: EventType, cpu: u16, state_only: bool, wide: bool) -> Self {
        Self(ty.0 as u64 | (cpu as u64) << 16 | (state_only as u64) << 32 | (wide as u64) << 40)
    }

    #[inline(always)]
    fn ty(self) -> EventType {
        EventType(self.0 as u16)
    }

    #[inline(always)]
    fn cpu(self) -> u16 {
        (self.0 >> 16) as u16
    }

    #[inline(always)]
    fn state_only(self) -> bool {
        self.0 >> 32 & 1 != 0
    }

    /// Parameter lengths have 32 bits.
    #[inline(always)]
    fn wide(self) -> bool {
        self.0 >> 40 & 1 != 0
    }
}

/// Numbers in bytes, whatever their order; 0 beyond the end.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) big: bool,
}

macro_rules! number {
    ($($name:ident)*) => {
        $(#[inline(always)]
        pub(super) fn $name(self, at: usize) -> $name {
            let value = self.bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| $name::from_le_bytes(*b));
            if self.big { value.swap_bytes() } else { value }
        })*
    };
}

impl Numbers<'_> {
    number!(u16 u32 u64);
}

impl Frame {
    /// Before any event.
    pub(super) const NONE: Self =
        Self { stamp: [0; 16], kind: Kind(0), block: 0, nparams: 0, start: 0, end: 0, mark: Mark(0) };

    #[inline(always)]
    pub(super) fn ty(&self) -> EventType {
        self.kind.ty()
    }

    pub(super) fn state_only(&self) -> bool {
        self.kind.state_only()
    }

    /// Changes it to another type with the same layout.
    pub(super) fn set_ty(&mut self, ty: EventType) {
        let kind = self.kind;
        self.kind = Kind::new(ty, kind.cpu(), kind.state_only(), kind.wide());
    }

    /// Parses the event of a block in the current form and in this machine's byte order, if it needs no
    /// conversion; returns the block's length, which is at most `limit`.
    ///
    /// `None` does not describe the block: it may be common, but not completely visible.
    #[inline(always)]
    pub(super) fn parse_fast(&mut self, visible: &[u8], block: u32, limit: usize) -> Option<usize> {
        let head = visible.first_chunk::<{ BEFORE + HEADER_V2 }>()?;
        let numbers = Numbers { bytes: head, big: false };
        let total = numbers.u32(4) as usize;
        let (ty, len, nparams) = (numbers.u16(30), numbers.u32(26) as usize, numbers.u32(32));
        let current = *CURRENT.get(usize::from(ty))?;
        let fits =
            (SHORTEST..=limit).contains(&total) && total <= visible.len() && len <= total - BEFORE - AFTER;
        // Only the padding of the last word follows.
        let fits = fits && total - BEFORE - AFTER - len < 4;
        if numbers.u32(0) != block || !fits || nparams != u32::from(current) || current == SLOW_PATH {
            return None;
        }
        let body = visible.get(head.len()..BEFORE + len)?;
        let (lengths, data) = body.split_at_checked(2 * nparams as usize)?;
        let sum: u32 = lengths.as_chunks().0.iter().map(|len| u32::from(u16::from_le_bytes(*len))).sum();
        if sum as usize > data.len() {
            return None;
        }
        *self = Self {
            stamp: *head[10..].first_chunk()?,
            kind: Kind::new(EventType(ty), numbers.u16(8), false, false),
            block,
            nparams,
            start: head.len() as u32,
            end: (BEFORE + len) as u32,
            mark: Mark(0),
        };
        Some(total)
    }

    /// Parses the header of the event in a block, which is given from its type to its end.
    ///
    /// # Errors
    /// The problem of the block.
    #[inline]
    pub(super) fn parse(
        &mut self,
        block: &[u8],
        order: Endianness,
        v2: bool,
        flags: bool,
    ) -> Result<(), String> {
        let big = order == Endianness::Big;
        let head = if flags { BEFORE_WITH_FLAGS } else { BEFORE };
        let size = if v2 { HEADER_V2 } else { HEADER_V1 };
        let room = block.len().saturating_sub(AFTER + head);
        let (before, header) = block.split_at(head.min(block.len()));
        // One check of the length instead of one for each field.
        let Some(header) = header.first_chunk::<HEADER_V2>().filter(|_| room >= size) else {
            return Err(format!("{} bytes are too few for an event header", block.len()));
        };
        let before = Numbers { bytes: before, big };
        self.block = before.u32(0);
        self.mark = Mark(0);
        let state_only = flags && before.u32(BEFORE) & STATE_ONLY != 0;
        let numbers = Numbers { bytes: header, big };
        let (ts, tid, ty) = (numbers.u64(0), numbers.u64(8), EventType(numbers.u16(20)));
        self.stamp = (u128::from(tid) << 64 | u128::from(ts)).to_le_bytes();
        self.kind = Kind::new(ty, before.u16(8), state_only, is_wide(ty));
        // Own events are in options, so the code belongs to a later version of the schema.
        if ty.info().is_none() || ty.is_own() {
            // The event is skipped, whatever it contains.
            (self.nparams, self.start, self.end) = (0, 0, 0);
            return Ok(());
        }
        let mut len = numbers.u32(16) as usize;
        if !v2 && matches!(ty, EventType::NOTIFICATION_E | EventType::INFRASTRUCTURE_EVENT_E) {
            // The length in old captures is three bytes too large here.
            len = len.saturating_sub(3);
        }
        if len < size || len > room {
            return Err(format!("an event of {len} bytes in a block that has room for {size} to {room}"));
        }
        (self.start, self.end) = ((head + size) as u32, (head + len) as u32);
        self.nparams = if v2 {
            numbers.u32(22)
        } else {
            count_params(Numbers { bytes: block, big }, ty, head + size, len - size)
                .ok_or_else(|| format!("the parameter lengths of {:?} do not add up", ty))?
        };
        Ok(())
    }

    /// The bytes after the event and its padding, in a block that is given from its type to its end.
    pub(super) fn options<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        let from = (self.end as usize).next_multiple_of(4);
        block.get(from..block.len().saturating_sub(AFTER)).unwrap_or_default()
    }

    /// Parameter lengths and parameters, in the bytes that begin with the block.
    #[inline]
    pub(super) fn body<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        block.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The event with this body, which may be a byte-swapped copy.
    #[inline]
    pub(super) fn event<'a>(&self, body: &'a [u8]) -> RawEvent<'a> {
        let &Self { stamp, kind, nparams, .. } = self;
        let stamp = Numbers { bytes: &stamp, big: false };
        RawEvent {
            ts: stamp.u64(0),
            tid: stamp.u64(8) as i64,
            ty: kind.ty(),
            cpu: kind.cpu(),
            state_only: kind.state_only(),
            began: 0,
            place: SlicePlace::default(),
            nparams,
            wide: kind.wide(),
            mark: self.mark,
            decided: &[],
            body,
        }
    }
}

/// Events of the first version do not contain the number of parameters. It is the largest number whose
/// lengths add up to the event's length, or for which every larger number exceeds it.
fn count_params(numbers: Numbers<'_>, ty: EventType, start: usize, len: usize) -> Option<u32> {
    let most = ty.info().map_or(0, |info| info.params.len());
    let total = |n: usize| 2 * n + (0..n).map(|i| usize::from(numbers.u16(start + 2 * i))).sum::<usize>();
    let n = (0..=most).rev().filter(|n| 2 * n <= len).find(|n| total(*n) <= len)?;
    (total(n) == len).then_some(n as u32)
}
