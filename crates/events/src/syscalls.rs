//! System calls: codes that are one on every architecture, and their numbers per architecture.

mod ia32;

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

        pub(super) static ROWS: &[SyscallInfo] = &[$(SyscallInfo {
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
    pub fn info(self) -> Option<&'static SyscallInfo> {
        table::ROWS.binary_search_by_key(&self.0, |row| row.code.0).ok().map(|at| &table::ROWS[at])
    }

    /// Name in lower case; `unknown` for an unknown code.
    pub fn name(self) -> &'static str {
        self.info().map_or("unknown", |row| row.name)
    }
}

impl fmt::Debug for SyscallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PPM_SC({} {})", self.0, self.name())
    }
}

/// Every system call and tracepoint, in the order of the codes.
pub fn syscalls() -> impl Iterator<Item = &'static SyscallInfo> {
    table::ROWS.iter()
}

/// The x86-64 number that an ia32 system call number behaves as, if there is one.
pub fn ia32_to_x86_64(number: u16) -> Option<u16> {
    ia32::IA32_TO_X86_64.get(usize::from(number)).and_then(|nr| u16::try_from(*nr).ok())
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
        assert_eq!(ia32_to_x86_64(5), Some(2));
    }
}
