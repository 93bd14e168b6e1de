//! `io_uring` requests, which have the events of the corresponding calls.

use eyas_events::request_of;

/// The mark of an event's `io_uring` request, in the 16 bits of the probe and of captures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u16);

const OF_REQUEST: u16 = 0x8000;
const OF_POLLED_RING: u16 = 0x100;
const IS_PRESUMED: u16 = 0x200;
const IS_DESCRIBED: u16 = 0x400;
/// Without a request: the probe's filter rejects the event.
const IS_SAMPLE: u16 = 0x4000;
/// Without a request: the probe may filter out the close of the file that the event opened.
const CLOSES_UNSEEN: u16 = 0x2000;
/// Without a request: a seccomp filter returned the result of the call, which the kernel did not run.
const SKIPPED_BY_SECCOMP: u16 = 0x800;
/// With a request: a `close` that failed has closed its descriptor.
const CLOSED_WITH_ERROR: u16 = 0x800;
/// The last parameters are the paths of the directories that the event's paths begin at.
const HAS_BASES: u16 = 0x1000;

/// The first number of direct descriptors.
const FIRST_DIRECT: i64 = 1 << 62;

/// A request of `io_uring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUring {
    /// Kind of the request (`IORING_OP_*`).
    pub opcode: u8,
    /// Whether a kernel thread took it from the ring (`IORING_SETUP_SQPOLL`), so that the process made no
    /// call.
    pub is_polled: bool,
    /// Whether the result is unknown: the program turned off the report of a success, so the event has the
    /// time when the kernel took the request. If the request fails, another event reports that.
    pub is_presumed: bool,
}

impl IoUring {
    /// Name of the kind, such as `openat`; `None` if this version does not know it.
    pub fn name(&self) -> Option<&'static str> {
        request_of(self.opcode).map(|request| request.name)
    }
}

impl Mark {
    pub(crate) fn is_set(self) -> bool {
        self.0 & OF_REQUEST != 0
    }

    /// Whether the probe's filter rejects the event.
    #[inline]
    pub(crate) fn is_sample(self) -> bool {
        self.0 & IS_SAMPLE != 0
    }

    #[inline]
    pub(crate) fn closes_unseen(self) -> bool {
        self.0 & CLOSES_UNSEEN != 0
    }

    #[inline]
    pub(crate) fn was_skipped_by_seccomp(self) -> bool {
        self.0 & (SKIPPED_BY_SECCOMP | OF_REQUEST) == SKIPPED_BY_SECCOMP
    }

    pub(crate) fn skipped_by_seccomp() -> Self {
        Self(SKIPPED_BY_SECCOMP)
    }

    #[inline]
    pub(crate) fn closed_with_error(self) -> bool {
        const OF_BOTH: u16 = CLOSED_WITH_ERROR | OF_REQUEST;
        self.0 & OF_BOTH == OF_BOTH
    }

    pub(crate) fn closing_with_error(self) -> Self {
        Self(self.0 | CLOSED_WITH_ERROR)
    }

    /// The part that captures contain.
    pub(crate) fn recorded(self) -> Option<Self> {
        let kept = if self.is_set() { self.0 } else { self.0 & SKIPPED_BY_SECCOMP };
        (kept != 0).then_some(Self(kept))
    }

    #[inline]
    pub(crate) fn has_bases(self) -> bool {
        self.0 & HAS_BASES != 0
    }

    pub(crate) fn new(request: IoUring) -> Self {
        let bit = |on: bool, bit: u16| if on { bit } else { 0 };
        Self(
            OF_REQUEST
                | u16::from(request.opcode)
                | bit(request.is_polled, OF_POLLED_RING)
                | bit(request.is_presumed, IS_PRESUMED),
        )
    }

    /// The request, if the event has one.
    #[inline]
    pub(crate) fn request(self) -> Option<IoUring> {
        self.is_set().then_some(IoUring {
            opcode: self.0 as u8,
            is_polled: self.0 & OF_POLLED_RING != 0,
            is_presumed: self.0 & IS_PRESUMED != 0,
        })
    }

    /// Whether the last parameter describes the descriptor.
    pub(crate) fn is_described(self) -> bool {
        self.is_set() && self.0 & IS_DESCRIBED != 0
    }

    pub(crate) fn described(self) -> Self {
        Self(self.0 | IS_DESCRIBED)
    }
}

/// Whether a descriptor is a direct descriptor, in the table of an `io_uring` ring. No process has such a
/// number.
pub const fn is_direct(fd: i64) -> bool {
    fd >= FIRST_DIRECT
}
