//! System calls: codes, which are the same on every architecture, and numbers for each architecture.

use core::fmt;

use crate::table::{EventType, SYSCALLS};

pub(crate) mod code;
mod ia32;

pub use code::{Arch, SyscallCode, SyscallFlags, SyscallInfo};
pub use ia32::{Ia32Args, Ia32Call};

impl SyscallCode {
    /// One more than the largest code.
    pub const COUNT: usize = codes();

    /// The row of this code, or `None` if unknown.
    #[inline]
    pub const fn info(self) -> Option<&'static SyscallInfo> {
        if (self.0 as usize) < Self::COUNT { BY_CODE[self.0 as usize] } else { None }
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

const fn codes() -> usize {
    let (mut codes, mut at) = (0, 0);
    while at < SYSCALLS.len() {
        let code = SYSCALLS[at].code.0 as usize;
        codes = if code >= codes { code + 1 } else { codes };
        at += 1;
    }
    codes
}

static BY_CODE: [Option<&'static SyscallInfo>; SyscallCode::COUNT] = {
    let mut by_code: [Option<&'static SyscallInfo>; SyscallCode::COUNT] = [None; SyscallCode::COUNT];
    let mut at = 0;
    while at < SYSCALLS.len() {
        let row = &SYSCALLS[at];
        let code = row.code.0 as usize;
        assert!(by_code[code].is_none(), "two system calls of one code");
        by_code[code] = Some(row);
        at += 1;
    }
    by_code
};

static EXITS: [EventType; SyscallCode::COUNT] = {
    let mut exits = [EventType::GENERIC_X; SyscallCode::COUNT];
    let mut at = 0;
    while at < SYSCALLS.len() {
        exits[SYSCALLS[at].code.0 as usize] = SYSCALLS[at].exit;
        at += 1;
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
    BY_CODE.iter().copied().flatten()
}

/// The system call of a 32-bit program on x86-64, if the number has one.
pub fn ia32_call(number: u16) -> Option<&'static Ia32Call> {
    ia32::CALLS.get(usize::from(number))?.as_ref()
}

/// The call that `socketcall` of a 32-bit program makes, by its first argument.
pub fn ia32_socketcall(which: u16) -> Option<&'static Ia32Call> {
    ia32::SOCKETCALLS.get(usize::from(which))?.as_ref()
}

/// The call that `ipc` of a 32-bit program makes, by the lower half of its first argument.
pub fn ia32_ipc_call(which: u16) -> Option<&'static Ia32Call> {
    ia32::IPC_CALLS.get(usize::from(which))?.as_ref()
}

/// Every system call of 32-bit programs on x86-64, including those of `socketcall` and `ipc`.
pub fn ia32_calls() -> impl Iterator<Item = &'static Ia32Call> {
    [&ia32::CALLS[..], &ia32::SOCKETCALLS, &ia32::IPC_CALLS].into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique() {
        assert_eq!(syscalls().count(), SYSCALLS.len());
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let mut seen = [false; 512];
            for nr in syscalls().filter_map(|row| row.number(arch)) {
                assert!(!core::mem::replace(&mut seen[usize::from(nr)], true), "{arch:?} {nr}");
            }
        }
        assert_eq!(SyscallCode::OPENAT.info().unwrap().number(Arch::X86_64), Some(257));
        assert_eq!(ia32_call(5).unwrap().code, SyscallCode::OPEN);
    }
}
