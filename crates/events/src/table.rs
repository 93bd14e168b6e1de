//! The event table: types of a row, and the index over the families' rows.

mod category;
mod event_type;
mod parameter;
#[macro_use]
mod row;
mod source;

mod file;
mod io;
mod ipc;
mod iter;
mod memory;
mod meta;
mod misc;
mod mount;
mod network;
mod paths;
mod process;
mod tracepoint;
mod unused;
mod user;
mod xattr;

pub use category::Category;
pub use event_type::EventType;
pub use parameter::{Dynamic, Format, ParamDetail, ParamInfo, ParamType};
pub use paths::KernelPath;
pub use row::{EventFlags, EventInfo};
pub use source::{Op, Source};

use crate::concat::{concat, total};
use crate::syscalls::code::SyscallInfo;

macro_rules! families {
    (events: $($events:ident)*; syscalls: $($syscalls:ident)*;) => {
        /// Positions of parameters, one module per event type: `param::SYSCALL_OPEN_X::name`.
        pub mod param {
            $(pub use super::$events::params::*;)*
            $(
                #[allow(unused_imports, reason = "a family may have no call with an event of its own")]
                pub use super::$syscalls::exit_params::*;
            )*
        }

        const EVENTS: &[EventInfo] = &{
            const FAMILIES: &[&[EventInfo]] = &[$($events::EVENTS,)* $($syscalls::EXITS,)*];
            concat::<_, { total(FAMILIES) }>(FAMILIES)
        };

        /// The rows of system calls.
        pub(crate) const SYSCALLS: &[SyscallInfo] = &{
            const FAMILIES: &[&[SyscallInfo]] = &[$($syscalls::SYSCALLS,)*];
            concat::<_, { total(FAMILIES) }>(FAMILIES)
        };
    };
}

families! {
    events: file io ipc iter memory meta misc network process tracepoint unused user;
    syscalls: file io ipc memory misc mount network process tracepoint user xattr;
}

static INDEX: [Option<&'static EventInfo>; EventType::COUNT] = {
    let mut index: [Option<&'static EventInfo>; EventType::COUNT] = [None; EventType::COUNT];
    let mut at = 0;
    while at < EVENTS.len() {
        let row = &EVENTS[at];
        let code = row.ty.0 as usize;
        assert!(index[code].is_none(), "two rows with one code");
        index[code] = Some(row);
        at += 1;
    }
    index
};

/// All rows in the order of their codes.
pub fn events() -> impl Iterator<Item = &'static EventInfo> {
    INDEX.iter().copied().flatten()
}

/// One more than the largest code below `end`. It is even, because exit events come last.
const fn codes_below(end: u16) -> usize {
    let (mut codes, mut at) = (0_usize, 0);
    while at < EVENTS.len() {
        let code = EVENTS[at].ty.0;
        if code < end && code as usize >= codes {
            codes = code as usize + 1;
        }
        at += 1;
    }
    codes.next_multiple_of(2)
}

impl EventType {
    /// The first code of events that Falco's schema lacks. They are exit events, so their codes are odd.
    /// The codes between are reserved for the schema.
    pub const FIRST_OWN: u16 = 512;

    /// Number of codes of Falco's schema.
    pub const SCHEMA_COUNT: usize = codes_below(Self::FIRST_OWN);

    /// Number of codes that the table covers; a larger code is unknown to this version.
    pub const COUNT: usize = codes_below(u16::MAX);

    /// The row of this type, or `None` for an unknown code.
    #[inline]
    pub const fn info(self) -> Option<&'static EventInfo> {
        if (self.0 as usize) < Self::COUNT { INDEX[self.0 as usize] } else { None }
    }
}

#[cfg(test)]
mod tests;
