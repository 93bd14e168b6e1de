//! Codes of system calls, and their rows.

use bitflags::bitflags;

use crate::table::EventType;

/// Syscall code (`PPM_SC_*`): names a system call, or a kernel tracepoint, on any architecture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SyscallCode(pub u16);

bitflags! {
    /// Properties of a system call for the probe.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SyscallFlags: u8 {
        /// Sent as a special event instead of the generic one.
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
#[non_exhaustive]
pub struct SyscallInfo {
    /// Code.
    pub code: SyscallCode,
    /// Name in lower case, as in `syscall.type`.
    pub name: &'static str,
    /// Number on x86-64, -1 if it does not exist.
    pub x86_64: i16,
    /// Number on 64-bit ARM, -1 if it does not exist.
    pub aarch64: i16,
    /// Exit event that it is sent as.
    pub exit: EventType,
    /// Properties for the probe.
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
