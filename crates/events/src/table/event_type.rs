//! Types of events.

use core::fmt;

/// Type of an event: its `PPME_*` code. Odd codes are exit events, even ones enter events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(pub u16);

impl EventType {
    /// Whether the call sets ids or capabilities, or enters a user namespace.
    pub const fn changes_credentials(self) -> bool {
        matches!(
            self,
            Self::SYSCALL_SETUID_X
                | Self::SYSCALL_SETREUID_X
                | Self::SYSCALL_SETRESUID_X
                | Self::SYSCALL_SETFSUID_X
                | Self::SYSCALL_SETGID_X
                | Self::SYSCALL_SETREGID_X
                | Self::SYSCALL_SETRESGID_X
                | Self::SYSCALL_CAPSET_X
                | Self::SYSCALL_UNSHARE_X
                | Self::SYSCALL_SETNS_X
        )
    }

    /// Whether the call creates a process or a thread.
    pub const fn creates_thread(self) -> bool {
        matches!(
            self,
            Self::SYSCALL_CLONE_20_X
                | Self::SYSCALL_CLONE3_X
                | Self::SYSCALL_FORK_20_X
                | Self::SYSCALL_VFORK_20_X
        )
    }

    /// Whether the call reads bytes through a descriptor, and its event has no addresses: `read` and its variants.
    pub const fn is_plain_read(self) -> bool {
        matches!(
            self,
            Self::SYSCALL_READ_X
                | Self::SYSCALL_READV_X
                | Self::SYSCALL_PREAD_X
                | Self::SYSCALL_PREADV_X
                | Self::SYSCALL_PREADV2_X
        )
    }

    /// Whether the call writes bytes through a descriptor, and its event has no addresses: `write` and its variants.
    pub const fn is_plain_write(self) -> bool {
        matches!(
            self,
            Self::SYSCALL_WRITE_X
                | Self::SYSCALL_WRITEV_X
                | Self::SYSCALL_PWRITE_X
                | Self::SYSCALL_PWRITEV_X
                | Self::SYSCALL_PWRITEV2_X
        )
    }

    /// Whether Falco's schema lacks the event, so that its code is this project's own. Captures contain it
    /// in an option of the generic event, so every reader knows the call.
    #[inline]
    pub const fn is_own(self) -> bool {
        self.0 >= Self::FIRST_OWN
    }

    /// Whether this is an exit (`<`) rather than an enter (`>`) event.
    #[inline]
    pub const fn is_exit(self) -> bool {
        self.0 & 1 == 1
    }

    /// Name in conditions, such as `openat`; `NA` for unused and unknown codes.
    pub fn name(self) -> &'static str {
        self.info().map_or("NA", |info| info.name)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => write!(f, "PPME_{}", info.ident),
            None => write!(f, "PPME_{}", self.0),
        }
    }
}
