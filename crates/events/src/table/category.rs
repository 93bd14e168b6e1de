//! Kind of activity of an event, and kind of its source.

/// Category of an event: an activity class and the kind of source that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category(pub u16);

macro_rules! categories {
    ($($(#[$doc:meta])* $name:ident = $value:literal $text:literal),* $(,)?) => {
        impl Category {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Activity class, as in `evt.category`.
            pub const fn class(self) -> &'static str {
                match self.0 & 511 {
                    $($value => $text,)*
                    _ => "unknown",
                }
            }
        }
    };
}

categories! {
    /// No class.
    UNKNOWN = 0 "unknown",
    /// None of the others.
    OTHER = 1 "other",
    /// File operations.
    FILE = 2 "file",
    /// Network operations.
    NET = 3 "net",
    /// Inter-process communication.
    IPC = 4 "IPC",
    /// Memory management.
    MEMORY = 5 "memory",
    /// Process life cycle.
    PROCESS = 6 "process",
    /// Sleeping.
    SLEEP = 7 "sleep",
    /// System administration.
    SYSTEM = 8 "system",
    /// Signals.
    SIGNAL = 9 "signal",
    /// User and group identities.
    USER = 10 "user",
    /// Time.
    TIME = 11 "time",
    /// Computation between events.
    PROCESSING = 12 "processing",
    /// Reads, of files or sockets.
    IO_READ = 32 "IO",
    /// Writes, of files or sockets.
    IO_WRITE = 33 "IO",
    /// Control of open files.
    IO_OTHER = 34 "IO",
    /// Waiting for readiness.
    WAIT = 64 "wait",
    /// Scheduling.
    SCHEDULER = 128 "scheduler",
    /// Events about the capture itself.
    INTERNAL = 256 "internal",
    /// Sent for a system call.
    SYSCALL = 512 "",
    /// Sent for a kernel tracepoint.
    TRACEPOINT = 1024 "",
    /// Sent by a plugin.
    PLUGIN = 2048 "",
    /// Sent by user space.
    METAEVENT = 4096 "",
    /// Sent by a BPF iterator.
    ITER = 8192 "",
}

impl Category {
    /// Whether this kind of source sends the event ([`Category::SYSCALL`] and the like).
    pub const fn is_from(self, source: Self) -> bool {
        self.0 & source.0 & !511 != 0
    }

    /// Only the activity class.
    pub const fn activity(self) -> Self {
        Self(self.0 & 511)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
