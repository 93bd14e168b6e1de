//! Requests of `io_uring`, which have the events of the calls that they stand for.

use eyas_events::request_of;

/// What an event says of the request of `io_uring` that it is of, in 16 bits as the probe and captures have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u16);

const OF_REQUEST: u16 = 0x8000;
const OF_POLLED_RING: u16 = 0x100;
const IS_PRESUMED: u16 = 0x200;
const IS_DESCRIBED: u16 = 0x400;
/// Of no request: the probe's filter rejects the event.
const IS_SAMPLE: u16 = 0x4000;
/// Of no request, either: the probe may leave out that the file is closed that the event opened.
const CLOSES_UNSEEN: u16 = 0x2000;

/// The first descriptor that stands for a place in a ring's own table.
const FIRST_DIRECT: i64 = 1 << 62;

/// A request of `io_uring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoUring {
    /// Kind of the request (`IORING_OP_*`).
    pub opcode: u8,
    /// Whether a thread of the kernel's took it from the ring (`IORING_SETUP_SQPOLL`), so that the process made no call.
    pub is_polled: bool,
    /// Whether the result is not known: the program asked for no report of a success, so that the event is of the moment
    /// when the kernel took the request. If the request fails, another event says so.
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

    /// Whether the event is one that the probe's filter rejects.
    #[inline]
    pub(crate) fn is_sample(self) -> bool {
        self.0 & IS_SAMPLE != 0
    }

    #[inline]
    pub(crate) fn closes_unseen(self) -> bool {
        self.0 & CLOSES_UNSEEN != 0
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

    /// The request, if the event is of one.
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

/// Whether a descriptor stands for a place in the own table of a ring of `io_uring`: no process has such a number.
pub const fn is_direct(fd: i64) -> bool {
    fd >= FIRST_DIRECT
}
