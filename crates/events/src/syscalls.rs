//! System calls: codes that are one on every architecture, and their numbers per architecture.

mod ia32;

pub use ia32::{Ia32Args, Ia32Call};

use core::fmt;

use bitflags::bitflags;

use crate::EventType;

/// Syscall code (`PPM_SC_*`): names a system call, or a kernel tracepoint, on any architecture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyscallCode(pub u16);

bitflags! {
    /// What a system call is to the probe.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SyscallFlags: u8 {
        /// Sent as an event of its own rather than the generic one.
        const USED = 1;
        /// Kept even while sampling.
        const NEVER_DROP = 2;
        /// Dropped first while sampling.
        const ALWAYS_DROP = 4;
    }
}

impl SyscallFlags {
    /// No flag.
    pub const NONE: Self = Self::empty();
}

/// Architectures whose system call numbers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

/// One row of the table of system calls.
#[derive(Clone, Copy, Debug)]
pub struct SyscallInfo {
    /// Code.
    pub code: SyscallCode,
    /// Name in lower case, as `syscall.type` has it.
    pub name: &'static str,
    /// Number on x86-64, -1 where it does not exist.
    pub x86_64: i16,
    /// Number on 64-bit ARM, -1 where it does not exist.
    pub aarch64: i16,
    /// Exit event that it is sent as.
    pub exit: EventType,
    /// What it is to the probe.
    pub flags: SyscallFlags,
}

impl SyscallInfo {
    /// Number on `arch`.
    pub fn number(&self, arch: Arch) -> Option<u16> {
        let number = match arch {
            Arch::X86_64 => self.x86_64,
            Arch::Aarch64 => self.aarch64,
        };
        u16::try_from(number).ok()
    }
}

macro_rules! syscalls {
    ($($code:literal $ident:ident $name:literal x86_64($($x:tt)+) aarch64($($a:tt)+) => $exit:ident ($($flag:ident)|+))*) => {
        impl SyscallCode {
            $(
                #[doc = concat!("`PPM_SC_", stringify!($ident), "`.")]
                pub const $ident: Self = Self($code);
            )*
        }

        pub(super) const ROWS: &[SyscallInfo] = &[$(SyscallInfo {
            code: SyscallCode::$ident,
            name: $name,
            x86_64: number!($($x)+),
            aarch64: number!($($a)+),
            exit: EventType::$exit,
            flags: SyscallFlags::NONE$(.union(SyscallFlags::$flag))+,
        },)*];
    };
}

macro_rules! number {
    (-) => {
        -1
    };
    ($number:literal) => {
        $number
    };
}

mod table;

impl SyscallCode {
    /// One more than the largest code.
    pub const COUNT: usize = 454;

    /// The row of this code, or `None` if unknown.
    pub const fn info(self) -> Option<&'static SyscallInfo> {
        let (mut first, mut end) = (0, table::ROWS.len());
        while first < end {
            let middle = first + (end - first) / 2;
            let row = &table::ROWS[middle];
            if row.code.0 == self.0 {
                return Some(row);
            }
            if row.code.0 < self.0 {
                first = middle + 1;
            } else {
                end = middle;
            }
        }
        None
    }

    /// Exit event that the call is sent as; the generic one for an unknown code.
    #[inline]
    pub fn exit(self) -> EventType {
        EXITS.get(usize::from(self.0)).copied().unwrap_or(EventType::GENERIC_X)
    }

    /// Name in lower case; `unknown` for an unknown code.
    pub fn name(self) -> &'static str {
        self.info().map_or("unknown", |row| row.name)
    }
}

static EXITS: [EventType; SyscallCode::COUNT] = {
    let mut exits = [EventType::GENERIC_X; SyscallCode::COUNT];
    let mut row = 0;
    while row < table::ROWS.len() {
        exits[table::ROWS[row].code.0 as usize] = table::ROWS[row].exit;
        row += 1;
    }
    exits
};

impl fmt::Debug for SyscallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PPM_SC({} {})", self.0, self.name())
    }
}

/// Every system call and tracepoint, in the order of the codes.
pub fn syscalls() -> impl Iterator<Item = &'static SyscallInfo> {
    table::ROWS.iter()
}

/// The system call of a 32-bit program on x86-64, if the number has one.
pub fn ia32_call(number: u16) -> Option<&'static Ia32Call> {
    ia32::CALLS.get(usize::from(number))?.as_ref()
}

/// What `socketcall` of a 32-bit program does, by its first argument.
pub fn ia32_socketcall(which: u16) -> Option<&'static Ia32Call> {
    ia32::SOCKETCALLS.get(usize::from(which))?.as_ref()
}

/// What `ipc` of a 32-bit program does, by the lower half of its first argument.
pub fn ia32_ipc_call(which: u16) -> Option<&'static Ia32Call> {
    ia32::IPC_CALLS.get(usize::from(which))?.as_ref()
}

/// Every system call of 32-bit programs on x86-64, those of `socketcall` and `ipc` included.
pub fn ia32_calls() -> impl Iterator<Item = &'static Ia32Call> {
    [&ia32::CALLS[..], &ia32::SOCKETCALLS, &ia32::IPC_CALLS].into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_numbers_are_unique() {
        let rows: &[SyscallInfo] = table::ROWS;
        assert!(rows.windows(2).all(|pair| pair[0].code < pair[1].code));
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let mut seen = [false; 512];
            for nr in rows.iter().filter_map(|row| row.number(arch)) {
                assert!(!core::mem::replace(&mut seen[usize::from(nr)], true), "{arch:?} {nr}");
            }
        }
        assert_eq!(SyscallCode::OPENAT.info().unwrap().number(Arch::X86_64), Some(257));
        assert_eq!(ia32_call(5).unwrap().code, SyscallCode::OPEN);
    }
}
