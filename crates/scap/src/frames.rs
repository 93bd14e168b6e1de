//! Events in memory, in one buffer.

use eyas_events::EventType;

use crate::io_uring::Mark;
use crate::{Loss, RawEvent, SlicePlace};

/// Copies of events in one buffer, for programs that keep events before they know whether they need them.
///
/// A copy is complete, and takes 24 bytes besides the event's body; a few events take more. If the body repeats that of a recent
/// event of the thread, it is stored once, and the copy takes 32 bytes.
///
/// ```
/// # use eyas_events::EventType;
/// # use eyas_scap::{EventBuilder, Frames};
/// let event = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(1).tid(7).build();
/// let mut frames = Frames::default();
/// frames.push(&event.as_raw());
/// assert_eq!(frames.iter().map(|event| event.tid).collect::<Vec<_>>(), [7]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// For each event its head, the rest of the head if needed, and its body; then free room.
    bytes: Vec<u8>,
    /// Bytes of events.
    used: usize,
    count: usize,
    /// Time of the first and of the last event, ns since the epoch.
    first: u64,
    last: u64,
    /// Losses, each with the number of events before it.
    losses: Vec<(usize, Loss)>,
    /// Offset and length of the last bodies, by type and thread.
    recent: Box<[(usize, usize); RECENT]>,
}

/// Size of a head: time, thread and length of the body, then type, CPU, number of parameters and flags.
const HEAD: usize = 24;
/// Size of the rest of a head: thread, time when the call began, both parts of the place, number of
/// parameters and mark, length of the decision that follows.
const REST: usize = 48;

/// Number of remembered bodies.
const RECENT: usize = 32;
/// Size of an offset, which is stored instead of a repeated body.
const OFFSET: usize = 8;
/// Shorter bodies are copied, bytes.
const SHORTEST: usize = 4 * OFFSET;

/// Flag: the event is for the state only.
const STATE_ONLY: u16 = 1;
/// Flag: the rest of the head follows.
const HAS_REST: u16 = 2;
/// Flag: instead of the body, the offset of an equal one follows.
const REPEATS: u16 = 4;

impl Frames {
    /// An empty buffer with this capacity, bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: vec![0; bytes], ..Self::default() }
    }

    /// Adds a copy of an event.
    #[inline]
    pub fn push(&mut self, event: &RawEvent<'_>) {
        let &RawEvent { ts, tid, ty, cpu, state_only, began, place, nparams, mark, decided, body, wide: _ } =
            event;
        let (short_tid, short_nparams) = (tid as i32, nparams as u16);
        let is_usual = i64::from(short_tid) == tid
            && u32::from(short_nparams) == nparams
            && began == 0
            && mark == Mark::default()
            && decided.is_empty()
            && place == SlicePlace::default();
        let slot = (usize::from(ty.0) ^ tid as usize) % RECENT;
        let (offset, len) = self.recent[slot];
        let repeats = body.len() >= SHORTEST && body.len() == len && self.bytes[offset..][..len] == *body;
        let flags = u16::from(state_only) * STATE_ONLY
            + u16::from(!is_usual) * HAS_REST
            + u16::from(repeats) * REPEATS;
        let most = HEAD + REST + decided.len() + body.len();
        if self.bytes.len() - self.used < most {
            self.grow(most);
        }
        let room = &mut self.bytes[self.used..];
        let numbers = [
            ts,
            u64::from(short_tid as u32) | (body.len() as u64) << 32,
            u64::from(ty.0) | u64::from(cpu) << 16 | u64::from(short_nparams) << 32 | u64::from(flags) << 48,
        ];
        let (words, _) = room.as_chunks_mut();
        words.iter_mut().zip(numbers).for_each(|(word, number)| *word = number.to_le_bytes());
        self.used += HEAD;
        if !is_usual {
            self.push_rest(event);
        }
        if repeats {
            self.bytes[self.used..][..OFFSET].copy_from_slice(&(offset as u64).to_le_bytes());
            self.used += OFFSET;
        } else {
            copy(body, &mut self.bytes[self.used..][..body.len()]);
            self.recent[slot] = (self.used, body.len());
            self.used += body.len();
        }
        if self.count == 0 {
            self.first = ts;
        }
        self.last = ts;
        self.count += 1;
    }

    /// Adds losses that occurred before the next event.
    #[cold]
    pub fn push_losses(&mut self, losses: &[Loss]) {
        if let (0, [.., last]) = (self.count, losses) {
            (self.first, self.last) = (last.until, last.until);
        }
        self.losses.extend(losses.iter().map(|loss| (self.count, *loss)));
    }

    /// The losses, each with the number of events in this buffer before it.
    pub fn losses(&self) -> &[(usize, Loss)] {
        &self.losses
    }

    #[cold]
    fn push_rest(&mut self, event: &RawEvent<'_>) {
        let SlicePlace { num, previous } = event.place;
        let last = u64::from(event.nparams) | u64::from(event.mark.0) << 32;
        let numbers = [event.tid as u64, event.began, num, previous, last, event.decided.len() as u64];
        let (rest, behind) = self.bytes[self.used..].split_at_mut(REST);
        rest.as_chunks_mut()
            .0
            .iter_mut()
            .zip(numbers)
            .for_each(|(word, number)| *word = number.to_le_bytes());
        behind[..event.decided.len()].copy_from_slice(event.decided);
        self.used += REST + event.decided.len();
    }

    /// Makes room for this number of bytes.
    #[cold]
    fn grow(&mut self, bytes: usize) {
        let len = (self.used + bytes).max(2 * self.bytes.len());
        self.bytes.resize(len, 0);
    }

    /// Capacity, bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Frees unused memory.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.truncate(self.used);
        self.bytes.shrink_to_fit();
    }

    /// Removes the events and the losses, and keeps the memory.
    pub fn clear(&mut self) {
        (self.used, self.count) = (0, 0);
        self.losses.clear();
        self.recent.fill((0, 0));
    }

    /// Size of the copies and of the losses, bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.used + self.losses.len() * size_of::<(usize, Loss)>()
    }

    /// Times of the first and the last event, ns since the epoch; of the last loss, if there is only a loss.
    pub fn span(&self) -> (u64, u64) {
        (self.first, self.last)
    }

    /// Number of events.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The events, in order.
    pub fn iter(&self) -> impl Iterator<Item = RawEvent<'_>> {
        let mut rest = &self.bytes[..self.used];
        std::iter::from_fn(move || {
            let (head, mut behind) = rest.split_first_chunk::<HEAD>()?;
            let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
            let word = |at: usize| u32::from(short(at + 2)) << 16 | u32::from(short(at));
            let ts = u64::from(word(4)) << 32 | u64::from(word(0));
            let flags = short(22);
            let mut more = None;
            if flags & HAS_REST != 0 {
                let (bytes, others) = behind.split_first_chunk::<REST>()?;
                let (numbers, _) = bytes.as_chunks();
                let mut all = [0; REST / 8];
                all.iter_mut().zip(numbers).for_each(|(all, bytes)| *all = u64::from_le_bytes(*bytes));
                let numbers = all;
                let (decided, others) = others.split_at_checked(numbers[5] as usize)?;
                (more, behind) = (Some((numbers, decided)), others);
            }
            let len = word(12) as usize;
            let body;
            if flags & REPEATS != 0 {
                let (offset, others) = behind.split_first_chunk::<OFFSET>()?;
                body = self.bytes.get(u64::from_le_bytes(*offset) as usize..)?.get(..len)?;
                rest = others;
            } else {
                (body, rest) = behind.split_at_checked(len)?;
            }
            let (tid, ty, nparams) = (i64::from(word(8) as i32), EventType(short(16)), u32::from(short(20)));
            let mut event = RawEvent::from_checked(ts, tid, ty, short(18), nparams, body);
            event.state_only = flags & STATE_ONLY != 0;
            if let Some((numbers, decided)) = more {
                (event.tid, event.began) = (numbers[0] as i64, numbers[1]);
                event.place = SlicePlace { num: numbers[2], previous: numbers[3] };
                (event.nparams, event.mark) = (numbers[4] as u32, Mark((numbers[4] >> 32) as u16));
                event.decided = decided;
            }
            Some(event)
        })
    }
}

/// Copies short texts without a function call, because most bodies are short.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    /// Copies the first and the last `N` bytes, which overlap or meet.
    #[inline]
    fn ends<const N: usize>(from: &[u8], to: &mut [u8]) -> Option<()> {
        *to.first_chunk_mut::<N>()? = *from.first_chunk()?;
        *to.last_chunk_mut::<N>()? = *from.last_chunk()?;
        Some(())
    }
    let done = match from.len() {
        8..16 => ends::<8>(from, to),
        16..32 => ends::<16>(from, to),
        32..=64 => ends::<32>(from, to),
        65..=128 => ends::<64>(from, to),
        _ => None,
    };
    if done.is_none() {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use eyas_events::param;

    use super::*;
    use crate::{EventBuilder, IoUring};

    #[test]
    fn events_are_copied_unchanged() {
        let close = EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(1).tid(7).cpu(2);
        let close = close.int(param::SYSCALL_CLOSE_X::res, -9).build();
        let chdir = EventBuilder::new(EventType::SYSCALL_CHDIR_X).ts(u64::MAX - 1).tid(-1);
        let chdir = chdir.text(param::SYSCALL_CHDIR_X::path, b"/tmp").build();
        let plain = [close.as_raw(), chdir.as_raw()];
        let mut all = plain.to_vec();
        for event in plain {
            all.push(RawEvent { state_only: true, ..event });
            all.push(RawEvent { began: 5, ..event });
            all.push(RawEvent { tid: 1 << 40, state_only: true, ..event });
            all.push(RawEvent { place: SlicePlace { num: 1 << 33, previous: 9 }, ..event });
            let request = IoUring { opcode: 19, is_polled: true, is_presumed: false };
            all.push(RawEvent { mark: Mark::new(request), ..event });
            all.push(RawEvent { decided: b"a decision", ..event });
        }
        let mut frames = Frames::default();
        for _ in 0..2 {
            frames.clear();
            assert!(frames.is_empty());
            all.iter().for_each(|event| frames.push(event));
            let shown = |event: &RawEvent<'_>| format!("{event:?}");
            assert!(frames.iter().map(|event| shown(&event)).eq(all.iter().map(shown)));
            assert_eq!((frames.len(), frames.span()), (all.len(), (1, u64::MAX - 1)));
        }
    }

    #[test]
    fn bodies_of_every_length_are_copied_unchanged() {
        let mut frames = Frames::default();
        let bodies: Vec<Vec<u8>> =
            (0..300).map(|len| (0..len).map(|n| (n * 7 + len) as u8).collect()).collect();
        let event = |body| RawEvent::from_checked(1, 2, EventType::SYSCALL_CLOSE_X, 3, 0, body);
        bodies.iter().for_each(|body| frames.push(&event(body)));
        assert!(frames.iter().map(|event| event.body.to_vec()).eq(bodies));
        frames.shrink_to_fit();
        assert_eq!((frames.capacity(), frames.len()), (frames.size(), 300));
    }

    #[test]
    fn repeated_bodies_are_stored_once() {
        let bodies = [[1; 100], [2; 100]];
        let event = |tid, body| RawEvent::from_checked(1, tid, EventType::SYSCALL_CLOSE_X, 3, 0, body);
        let all = [
            (event(1, &bodies[0]), HEAD + 100),
            (event(1, &bodies[0]), HEAD + OFFSET),
            (
                RawEvent { began: 5, decided: b"a decision", ..event(1, &bodies[0]) },
                HEAD + REST + 10 + OFFSET,
            ),
            (event(2, &bodies[0]), HEAD + 100),
            (event(1, &bodies[0][..99]), HEAD + 99),
            (event(1, &bodies[1][..99]), HEAD + 99),
            (event(1, &bodies[1][..99]), HEAD + OFFSET),
            (event(2, &bodies[0]), HEAD + OFFSET),
            (event(2, &bodies[1][..SHORTEST - 1]), HEAD + SHORTEST - 1),
            (event(2, &bodies[1][..SHORTEST - 1]), HEAD + SHORTEST - 1),
        ];
        let mut frames = Frames::default();
        for _ in 0..2 {
            frames.clear();
            for (event, size) in &all {
                let before = frames.size();
                frames.push(event);
                assert_eq!(frames.size() - before, *size, "{event:?}");
            }
            frames.shrink_to_fit();
            let shown = |event: &RawEvent<'_>| format!("{event:?}");
            assert!(frames.iter().map(|event| shown(&event)).eq(all.iter().map(|(event, _)| shown(event))));
        }
    }

    #[test]
    fn losses_keep_their_places() {
        let mut frames = Frames::default();
        let event = |ts| EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ts).build();
        let [first, second] = [Loss::unknown(0, 5, 6, 7), Loss::unknown(1, 8, 9, 1)];
        for _ in 0..2 {
            frames.clear();
            assert_eq!((frames.size(), frames.losses()), (0, &[][..]));
            frames.push_losses(&[first]);
            assert!(frames.is_empty() && frames.size() > 0);
            assert_eq!(frames.span(), (6, 6));
            frames.push(&event(7).as_raw());
            frames.push_losses(&[second]);
            assert_eq!((frames.len(), frames.span()), (1, (7, 7)));
            assert_eq!(frames.losses(), [(0, first), (1, second)]);
        }
    }

    #[test]
    fn every_kind_of_event_is_copied_unchanged() {
        let mut frames = Frames::default();
        let types = (0..EventType::COUNT).map(|code| EventType(code as u16));
        for ty in types.filter(|ty| ty.info().is_some()) {
            frames.clear();
            let event = EventBuilder::new(ty).ts(3).build();
            frames.push(&event.as_raw());
            let out: Vec<String> = frames.iter().map(|event| format!("{event:?}")).collect();
            assert_eq!(out, [format!("{:?}", event.as_raw())]);
        }
    }
}
