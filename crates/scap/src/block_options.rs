//! Options of an event's block: an event, or parameters, that Falco's schema lacks.
//!
//! They are pcapng options of the block. Readers that do not know them read the plain event.

use eyas_events::{Arch, EventType, KernelPath, SyscallCode, syscalls};

use crate::builder::is_wide;
use crate::io_uring::Mark;
use crate::{Loss, RawEvent, SlicePlace, decision};

/// Code of the option (one of those for local use), and its first bytes, because other programs may use the
/// same code.
const CODE: u16 = 0xe9a5;
const MAGIC: &[u8; 4] = b"eyas";
/// Code of the option that ends a list of options.
const LAST: u16 = 0;
/// Instead of the number of an own event: additional parameters of the block's event.
const MORE_PARAMS: u16 = u16::MAX;
/// Instead of the number of an own event: the time when the call began, 8 bytes.
const BEGAN: u16 = u16::MAX - 1;
/// Instead of the number of an own event: the place of the event in the original capture: its number and
/// the time of the previous event, 8 bytes each.
const PLACE: u16 = u16::MAX - 2;
/// Instead of the number of an own event: the event's `io_uring` request, 2 bytes.
const REQUEST: u16 = u16::MAX - 3;
/// Instead of the number of an own event: the decision of a security hook during the call, with the
/// parameters of an event of the hook.
const DECISION: u16 = u16::MAX - 4;
/// Instead of the number of an own event: the losses before the event, each with this many bytes.
const LOSSES: u16 = u16::MAX - 5;
/// The numbers of own events are below these.
const FIRST_RESERVED: u16 = LOSSES;
/// Magic, number, count.
const HEAD: usize = 8;

/// Number of an own event in captures. It never changes, even if the event's code does.
fn number_of(ty: EventType) -> Option<u16> {
    ty.0.checked_sub(EventType::FIRST_OWN).map(|place| place / 2)
}

fn type_of(number: u16) -> Option<EventType> {
    let ty = EventType(number.checked_mul(2)?.checked_add(EventType::FIRST_OWN + 1)?);
    ty.info().map(|_| ty)
}

/// The option of an event: its parameters from one on, and their owner.
pub(crate) struct EventOption<'a> {
    number: u16,
    event: RawEvent<'a>,
    first: usize,
}

impl<'a> EventOption<'a> {
    /// The option for this event, if it needs one.
    pub(crate) fn of(event: &RawEvent<'a>) -> Option<Self> {
        let event = *event;
        if let Some(number) = number_of(event.ty) {
            return Some(Self { number, event, first: 0 });
        }
        let first = event.info().filter(|_| !is_wide(event.ty))?.params.len();
        let says_more = event.params().skip(first).any(|param| !param.is_empty());
        (says_more && !has_paths_as_asked(&event)).then_some(Self { number: MORE_PARAMS, event, first })
    }

    /// Size of the option, bytes.
    pub(crate) fn len(&self) -> usize {
        let values: usize = self.event.params().skip(self.first).map(<[u8]>::len).sum();
        4 + (HEAD + 2 * self.count() + values).next_multiple_of(4)
    }

    fn count(&self) -> usize {
        self.event.nparams() - self.first
    }

    /// Writes the option.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write(out, self.number, self.count(), || self.event.params().skip(self.first));
    }
}

/// Size of the option with the beginning of a call, bytes.
pub(crate) const BEGAN_LEN: usize = 4 + (HEAD + 2 + 8usize).next_multiple_of(4);
/// Size of the option with the place of an event, bytes.
pub(crate) const PLACE_LEN: usize = 4 + (HEAD + 4 + 16usize).next_multiple_of(4);
/// Size of the option with the request, bytes.
pub(crate) const REQUEST_LEN: usize = 4 + (HEAD + 2 + 2usize).next_multiple_of(4);
/// Size of the option that ends the list, bytes.
pub(crate) const LAST_LEN: usize = 4;

/// Writes the option with the beginning of a call.
pub(crate) fn write_began(out: &mut Vec<u8>, began: u64) {
    let began = began.to_le_bytes();
    write(out, BEGAN, 1, || std::iter::once(&began[..]));
}

/// Writes the option with the place of an event.
pub(crate) fn write_place(out: &mut Vec<u8>, place: SlicePlace) {
    let (num, previous) = (place.num.to_le_bytes(), place.previous.to_le_bytes());
    write(out, PLACE, 2, || [&num[..], &previous[..]].into_iter());
}

/// Writes the option with the event's `io_uring` request.
pub(crate) fn write_request(out: &mut Vec<u8>, mark: Mark) {
    let mark = mark.0.to_le_bytes();
    write(out, REQUEST, 1, || std::iter::once(&mark[..]));
}

/// Size of the option with a decision of a security hook, bytes.
pub(crate) fn decision_len(decided: &[u8]) -> usize {
    4 + (HEAD + decided.len()).next_multiple_of(4)
}

/// Writes the option with a decision of a security hook; lengths and values are those of the hook's event.
pub(crate) fn write_decision(out: &mut Vec<u8>, decided: &[u8]) {
    let value = HEAD + decided.len();
    numbers(out, &[CODE, value as u16]);
    out.extend_from_slice(MAGIC);
    numbers(out, &[DECISION, decision::PARAMS as u16]);
    out.extend_from_slice(decided);
    out.resize(out.len() + (value.next_multiple_of(4) - value), 0);
}

/// Maximum number of losses with one event, because the option's length has 16 bits.
pub(crate) const MAX_LOSSES: usize = 128;

/// Length of the option with the losses before the event, in bytes.
pub(crate) fn losses_len(losses: &[Loss]) -> usize {
    if losses.is_empty() { 0 } else { 4 + (HEAD + losses.len() * (2 + Loss::LEN)).next_multiple_of(4) }
}

/// Writes the option with the losses before the event.
pub(crate) fn write_losses(out: &mut Vec<u8>, losses: &[Loss]) {
    let bytes: Vec<Vec<u8>> = losses.iter().map(|loss| loss.to_bytes()).collect();
    write(out, LOSSES, losses.len(), || bytes.iter().map(Vec::as_slice));
}

/// Writes the option that ends the others.
pub(crate) fn write_last(out: &mut Vec<u8>) {
    numbers(out, &[LAST, 0]);
}

fn write<'p, I: Iterator<Item = &'p [u8]>>(
    out: &mut Vec<u8>,
    number: u16,
    count: usize,
    params: impl Fn() -> I,
) {
    let value = HEAD + 2 * count + params().map(<[u8]>::len).sum::<usize>();
    numbers(out, &[CODE, value as u16]);
    out.extend_from_slice(MAGIC);
    numbers(out, &[number, count as u16]);
    params().for_each(|param| numbers(out, &[param.len() as u16]));
    params().for_each(|param| out.extend_from_slice(param));
    out.resize(out.len() + (value.next_multiple_of(4) - value), 0);
}

fn numbers(out: &mut Vec<u8>, of: &[u16]) {
    of.iter().for_each(|n| out.extend(n.to_le_bytes()));
}

/// Whether the kernel's paths of the event are the requested ones, so that the option is not needed.
fn has_paths_as_asked(event: &RawEvent<'_>) -> bool {
    let paths = event.ty.kernel_paths();
    let as_asked = |path: &KernelPath| match *path {
        KernelPath::Param(at) => event.kernel_path(at).is_none_or(|path| event.text(at) == Some(path)),
        // A program that writes captures has files followed: the event that opened the file has its path.
        KernelPath::File(_) => true,
        KernelPath::Cwd => event.kernel_cwd().is_none(),
        KernelPath::Root => event.kernel_root().is_none(),
    };
    let others = event.info().map_or(0, |info| info.params.len()) + paths.len();
    paths.iter().all(as_asked) && event.params().skip(others).all(<[u8]>::is_empty)
}

/// Parameters of the generic event that a block contains instead of an own event: code and number of the
/// call.
pub(crate) fn generic(ty: EventType) -> [u16; 2] {
    let arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
    let call = syscalls().find(|call| call.exit == ty);
    let code = call.map_or(SyscallCode::UNKNOWN, |call| call.code);
    [code.0, call.and_then(|call| call.number(arch)).unwrap_or(0)]
}

/// The option that was found; its numbers are in the capture's byte order.
pub(crate) struct Found<'a> {
    number: u16,
    pub(crate) count: u16,
    body: &'a [u8],
    pub(crate) lengths: &'a [u8],
    pub(crate) values: &'a [u8],
}

impl<'a> Found<'a> {
    /// Finds it among the options of a block, given from the end of its event on.
    pub(crate) fn among(options: &'a [u8], big: bool) -> Option<Self> {
        Self::find(options, big, |number| number < FIRST_RESERVED || number == MORE_PARAMS)
    }

    /// Finds the beginning of the call among the same options, ns since the epoch.
    pub(crate) fn began(options: &'a [u8], big: bool) -> Option<u64> {
        u64_at(Self::find(options, big, |number| number == BEGAN)?.values, 0, big)
    }

    /// Finds the place of the event in the original capture, among the same options.
    pub(crate) fn place(options: &'a [u8], big: bool) -> Option<SlicePlace> {
        let values = Self::find(options, big, |number| number == PLACE)?.values;
        Some(SlicePlace { num: u64_at(values, 0, big)?, previous: u64_at(values, 8, big)? })
    }

    /// Finds the event's `io_uring` request, among the same options.
    pub(crate) fn request(options: &'a [u8], big: bool) -> Option<Mark> {
        let value = *Self::find(options, big, |number| number == REQUEST)?.values.first_chunk()?;
        Some(Mark(if big { u16::from_be_bytes(value) } else { u16::from_le_bytes(value) }))
    }

    /// Finds the decision of a security hook, among the same options: the body of an event of the hook.
    /// Machines with the other byte order write none.
    pub(crate) fn decision(options: &'a [u8], big: bool) -> Option<&'a [u8]> {
        let found = Self::find(options, big, |number| number == DECISION).filter(|_| !big)?;
        decision::body_of(found.count, found.body)
    }

    /// The losses before the event, from the same options. A capture in the other byte order has none.
    pub(crate) fn losses(options: &'a [u8], big: bool) -> impl Iterator<Item = Loss> + 'a {
        let found = Self::find(options, big, |number| number == LOSSES).filter(|_| !big);
        let is_usual = |found: &Self| {
            found.lengths.as_chunks().0.iter().all(|len| usize::from(u16::from_le_bytes(*len)) == Loss::LEN)
        };
        let (count, values) =
            found.filter(is_usual).map_or((0, &[][..]), |found| (found.count, found.values));
        values.as_chunks::<{ Loss::LEN }>().0.iter().take(usize::from(count)).map(Loss::from_bytes)
    }

    fn find(mut options: &'a [u8], big: bool, is_wanted: impl Fn(u16) -> bool) -> Option<Self> {
        loop {
            let (code, len) = (number(options, 0, big)?, number(options, 2, big)?);
            let value = options.get(4..4 + usize::from(len))?;
            if code == LAST {
                return None;
            }
            if code == CODE && value.starts_with(MAGIC) && number(value, 4, big).is_some_and(&is_wanted) {
                let (own, count) = (number(value, 4, big)?, number(value, 6, big)?);
                let body = value.get(HEAD..)?;
                let (lengths, values) = body.split_at_checked(2 * usize::from(count))?;
                return Some(Self { number: own, count, body, lengths, values });
            }
            options = options.get(4 + usize::from(len).next_multiple_of(4)..)?;
        }
    }

    /// The resulting type of an event of the given type with `nparams` parameters: the own type, or the
    /// same type with more parameters. `None` if the option does not belong to such an event.
    pub(crate) fn completes(&self, ty: EventType, nparams: u32) -> Option<EventType> {
        match self.number {
            MORE_PARAMS => {
                let is_whole = ty.info().is_some_and(|info| info.params.len() == nparams as usize);
                (is_whole && !is_wide(ty)).then_some(ty)
            }
            number if ty == EventType::GENERIC_X => type_of(number),
            _ => None,
        }
    }
}

fn number(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
}

fn u64_at(bytes: &[u8], at: usize, big: bool) -> Option<u64> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
}
