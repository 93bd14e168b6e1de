//! What a row holds, and the macro that writes rows.

use core::fmt;

use bitflags::bitflags;

pub(super) use crate::flags::{FlagMap, FlagTable};

/// Type of an event: its `PPME_*` code. Odd codes are exit events, even ones enter events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(pub u16);

impl EventType {
    /// Whether this is an exit (`<`) rather than an enter (`>`) event.
    #[inline]
    pub const fn is_exit(self) -> bool {
        self.0 & 1 == 1
    }

    /// Name as conditions have it, such as `openat`; `NA` for unused and unknown codes.
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

bitflags! {
    /// What an event does: the `EF_*` flags.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct EventFlags: u32 {
        /// Makes a file descriptor.
        const CREATES_FD = 1;
        /// Removes a file descriptor.
        const DESTROYS_FD = 2;
        /// Works on a file descriptor.
        const USES_FD = 4;
        /// Reads from a file descriptor.
        const READS_FROM_FD = 8;
        /// Writes to a file descriptor.
        const WRITES_TO_FD = 16;
        /// Changes what is known of threads, files or users.
        const MODIFIES_STATE = 32;
        /// Reserved and never sent.
        const UNUSED = 64;
        /// May block.
        const WAITS = 128;
        /// Has no thread of its own.
        const SKIPPARSERESET = 256;
        /// Found in old captures only.
        const OLD_VERSION = 512;
        /// Parameter lengths are 32 bits wide.
        const LARGE_PAYLOAD = 2048;
        /// Brought up to date when read from an old capture.
        const CONVERTER_MANAGED = 4096;
    }
}

impl EventFlags {
    /// No flag.
    pub const NONE: Self = Self::empty();
}

/// Category of an event: an activity class and the kind of source that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category(pub u16);

macro_rules! categories {
    ($($(#[$doc:meta])* $name:ident = $value:literal $text:literal),* $(,)?) => {
        impl Category {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Activity class as `evt.category` has it.
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
    /// Of the capture itself.
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
    /// Whether the event is sent by the kind of source given ([`Category::SYSCALL`] and the like).
    pub const fn is_from(self, source: Self) -> bool {
        self.0 & source.0 & !511 != 0
    }

    /// The activity class alone.
    pub const fn activity(self) -> Self {
        Self(self.0 & 511)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

macro_rules! param_types {
    ($($(#[$doc:meta])* $name:ident = $id:literal $size:expr),* $(,)?) => {
        /// Wire type of a parameter: the `PT_*` types.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum ParamType {
            $($(#[$doc])* $name = $id,)*
        }

        impl ParamType {
            /// Size on the wire in bytes, `None` where it varies.
            pub const fn size(self) -> Option<usize> {
                match self {
                    $(Self::$name => $size,)*
                }
            }

            /// Name in the schema, without `PT_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

param_types! {
    /// No wire form.
    NONE = 0 None,
    /// Signed, 8 bits.
    INT8 = 1 Some(1),
    /// Signed, 16 bits.
    INT16 = 2 Some(2),
    /// Signed, 32 bits.
    INT32 = 3 Some(4),
    /// Signed, 64 bits.
    INT64 = 4 Some(8),
    /// Unsigned, 8 bits.
    UINT8 = 5 Some(1),
    /// Unsigned, 16 bits.
    UINT16 = 6 Some(2),
    /// Unsigned, 32 bits.
    UINT32 = 7 Some(4),
    /// Unsigned, 64 bits.
    UINT64 = 8 Some(8),
    /// Text that ends in NUL.
    CHARBUF = 9 None,
    /// Raw bytes.
    BYTEBUF = 10 None,
    /// Result of a call: negative values are errors. 64 bits.
    ERRNO = 11 Some(8),
    /// Socket address: family byte, then address and port or path.
    SOCKADDR = 12 None,
    /// Socket pair: family byte, then source and destination.
    SOCKTUPLE = 13 None,
    /// File descriptor, 64 bits.
    FD = 14 Some(8),
    /// Process or thread id, 64 bits.
    PID = 15 Some(8),
    /// A count of 16 bits, then (fd i64, events i16) each.
    FDLIST = 16 None,
    /// Path that ends in NUL.
    FSPATH = 17 None,
    /// Syscall code, 16 bits.
    SYSCALLID = 18 Some(2),
    /// Signal number, 8 bits.
    SIGTYPE = 19 Some(1),
    /// Duration in ns, 64 bits.
    RELTIME = 20 Some(8),
    /// Time in ns since the epoch, 64 bits.
    ABSTIME = 21 Some(8),
    /// Port in host order, 16 bits.
    PORT = 22 Some(2),
    /// Layer 4 protocol, 8 bits.
    L4PROTO = 23 Some(1),
    /// Socket family, 8 bits.
    SOCKFAMILY = 24 Some(1),
    /// Truth value, 32 bits.
    BOOL = 25 Some(4),
    /// IPv4 address in network order.
    IPV4ADDR = 26 Some(4),
    /// A byte that selects the type, then the value.
    DYN = 27 None,
    /// Flags, 8 bits.
    FLAGS8 = 28 Some(1),
    /// Flags, 16 bits.
    FLAGS16 = 29 Some(2),
    /// Flags, 32 bits.
    FLAGS32 = 30 Some(4),
    /// User id, 32 bits.
    UID = 31 Some(4),
    /// Group id, 32 bits.
    GID = 32 Some(4),
    /// Floating point, 64 bits.
    DOUBLE = 33 Some(8),
    /// Signal set, 32 bits.
    SIGSET = 34 Some(4),
    /// NUL-separated texts.
    CHARBUFARRAY = 35 None,
    /// NUL-separated pairs of texts.
    CHARBUF_PAIR_ARRAY = 36 None,
    /// IPv4 network.
    IPV4NET = 37 None,
    /// IPv6 address.
    IPV6ADDR = 38 Some(16),
    /// IPv6 network.
    IPV6NET = 39 None,
    /// IPv4 or IPv6 address, told apart by length.
    IPADDR = 40 None,
    /// IPv4 or IPv6 network.
    IPNET = 41 None,
    /// File mode, 32 bits.
    MODE = 42 Some(4),
    /// Path relative to a directory fd.
    FSRELPATH = 43 None,
    /// One of several values, 8 bits.
    ENUMFLAGS8 = 44 Some(1),
    /// One of several values, 16 bits.
    ENUMFLAGS16 = 45 Some(2),
    /// One of several values, 32 bits.
    ENUMFLAGS32 = 46 Some(4),
    /// File descriptor, 32 bits.
    FD32 = 47 Some(4),
    /// Process or thread id, 32 bits.
    PID32 = 48 Some(4),
}

/// How a parameter's number is written: the `PF_*` formats.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Not a number.
    NA,
    /// Decimal.
    DEC,
    /// Upper-case hexadecimal without prefix.
    HEX,
    /// Decimal, zero-padded.
    PADDED_DEC,
    /// An identifier.
    ID,
    /// A direction.
    DIR,
    /// Octal with a leading 0.
    OCT,
}

/// What belongs to a parameter beside its type.
#[derive(Clone, Copy, Debug)]
pub enum ParamDetail {
    /// Nothing.
    None,
    /// The names of its values.
    Flags(&'static FlagTable),
    /// The position of the directory fd that the path is relative to.
    At(u8),
    /// The types that its first byte selects from.
    Dynamic(&'static Dynamic),
}

/// The types that a [`ParamType::DYN`] parameter's first byte selects from.
#[derive(Debug)]
pub struct Dynamic(pub &'static [(ParamType, Format)]);

impl Dynamic {
    /// `getsockopt`, `setsockopt`: the option's value.
    pub const SOCKOPT: Self = Self(&[
        (ParamType::BYTEBUF, Format::HEX),
        (ParamType::ERRNO, Format::DEC),
        (ParamType::UINT32, Format::DEC),
        (ParamType::UINT64, Format::DEC),
        (ParamType::RELTIME, Format::DEC),
    ]);
    /// `ptrace`: the address, or the signal delivered.
    pub const PTRACE: Self = Self(&[(ParamType::UINT64, Format::HEX), (ParamType::SIGTYPE, Format::DEC)]);
    /// `bpf`: a new fd, or the result.
    pub const BPF: Self = Self(&[(ParamType::FD, Format::DEC), (ParamType::ERRNO, Format::DEC)]);
    /// `keyctl`: a number or a text.
    pub const KEYCTL: Self = Self(&[(ParamType::INT64, Format::DEC), (ParamType::CHARBUF, Format::NA)]);
}

/// A typed slot of an event.
#[derive(Clone, Copy, Debug)]
pub struct ParamInfo {
    /// Name, as in `evt.arg.<name>`.
    pub name: &'static str,
    /// Wire type.
    pub ty: ParamType,
    /// How a number is written.
    pub format: Format,
    /// What belongs to it beside the type.
    pub detail: ParamDetail,
    /// Where the probe takes it from.
    pub source: Source,
}

/// Where the probe takes a parameter from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// What is done.
    pub op: Op,
    /// Number of the system call's argument, from 0.
    pub arg: u8,
    /// Translation, for [`Op::Map`].
    pub map: Option<FlagMap>,
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Operation of the probe's interpreter that makes a parameter; its code is the wire between
        /// the descriptor table and the interpreter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Op {
            $($(#[$doc])* $name = $code,)*
        }

        impl Op {
            /// Every operation with its name.
            pub const ALL: &'static [(&'static str, Op)] = &[$((stringify!($name), Op::$name)),*];
        }
    };
}

ops! {
    /// An operation of the probe for this parameter alone, or the event is no longer sent.
    Custom = 0,
    /// The call's return value, cut to the parameter's size.
    Ret = 1,
    /// An argument, cut to the parameter's size.
    Arg = 2,
    /// The argument's low 32 bits, sign-extended.
    ArgS32 = 3,
    /// The argument's low 32 bits, zero-extended.
    ArgU32 = 4,
    /// As [`Op::ArgS32`], with the kernel's `AT_FDCWD` as the schema's (-100).
    Dirfd = 5,
    /// Text at the user address in the argument, at most 4,096 bytes.
    UserStr = 6,
    /// The 32-bit number at the user address in the argument.
    UserU32 = 7,
    /// The 64-bit number at the user address in the argument.
    UserU64 = 8,
    /// The argument translated by [`Source::map`].
    Map = 9,
    /// The argument's low 32 bits as a device number, re-encoded.
    Dev = 10,
    /// Zero.
    Zero = 11,
    /// Nothing: length 0.
    Empty = 12,
}

pub(super) const CUSTOM: Source = from(Op::Custom, 0);
pub(super) const RET: Source = from(Op::Ret, 0);
pub(super) const ZERO: Source = from(Op::Zero, 0);
pub(super) const EMPTY: Source = from(Op::Empty, 0);

const fn from(op: Op, arg: u8) -> Source {
    Source { op, arg, map: None }
}

pub(super) const fn arg(n: u8) -> Source {
    from(Op::Arg, n)
}
pub(super) const fn arg_s32(n: u8) -> Source {
    from(Op::ArgS32, n)
}
pub(super) const fn arg_u32(n: u8) -> Source {
    from(Op::ArgU32, n)
}
pub(super) const fn arg_u8(n: u8) -> Source {
    from(Op::Arg, n)
}
pub(super) const fn dirfd(n: u8) -> Source {
    from(Op::Dirfd, n)
}
pub(super) const fn user_str(n: u8) -> Source {
    from(Op::UserStr, n)
}
pub(super) const fn user_u32(n: u8) -> Source {
    from(Op::UserU32, n)
}
pub(super) const fn user_u64(n: u8) -> Source {
    from(Op::UserU64, n)
}
pub(super) const fn dev(n: u8) -> Source {
    from(Op::Dev, n)
}
pub(super) const fn map(map: FlagMap, n: u8) -> Source {
    Source { op: Op::Map, arg: n, map: Some(map) }
}

/// One row of the event table.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// Code.
    pub ty: EventType,
    /// Name in the schema without `PPME_`, such as `SYSCALL_OPEN_X`.
    pub ident: &'static str,
    /// Name as conditions have it, such as `open`.
    pub name: &'static str,
    /// Category.
    pub category: Category,
    /// Flags.
    pub flags: EventFlags,
    /// Parameters in wire order.
    pub params: &'static [ParamInfo],
}

impl EventInfo {
    /// Position of the parameter called `name`.
    pub fn param(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|param| param.name == name)
    }

    /// Size in bytes of the whole frame, where every parameter's size is fixed.
    pub fn fixed_len(&self) -> Option<usize> {
        let width = if self.flags.contains(EventFlags::LARGE_PAYLOAD) { 4 } else { 2 };
        self.params.iter().try_fold(crate::HEADER_LEN, |len, param| Some(len + width + param.ty.size()?))
    }

    /// Whether the probe's interpreter makes every parameter, so that the event needs no C.
    pub fn is_plain(&self) -> bool {
        self.params.iter().all(|param| param.source.op != Op::Custom)
    }
}

/// `type` is a keyword: its row says `r#type`.
pub(super) const fn unraw(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Writes rows: `code IDENT "name" (category) (flags) { parameter: TYPE FORMAT [detail] = source, }`.
macro_rules! events {
    ($(
        $code:literal $ident:ident $name:literal ($($cat:ident)|+) ($($flag:ident)|+) {
            $($param:ident: $ty:ident $fmt:ident $([$detail:ident $detail_arg:tt])? $(= $src:expr)?,)*
        }
    )*) => {
        impl EventType {
            $(
                #[doc = concat!("`PPME_", stringify!($ident), "`, event `", $name, "`.")]
                pub const $ident: Self = Self($code);
            )*
        }

        pub(super) const ROWS: &[EventInfo] = &[$(EventInfo {
            ty: EventType::$ident,
            ident: stringify!($ident),
            name: $name,
            category: Category::UNKNOWN$(.or(Category::$cat))+,
            flags: EventFlags::NONE$(.union(EventFlags::$flag))+,
            params: &[$(ParamInfo {
                name: unraw(stringify!($param)),
                ty: ParamType::$ty,
                format: Format::$fmt,
                detail: detail!($($detail $detail_arg)?),
                source: source!($($src)?),
            },)*],
        },)*];

        #[allow(non_snake_case, non_upper_case_globals, missing_docs, unused)]
        pub mod params {
            $(pub mod $ident {
                positions!(0usize; $($param)*);
            })*
        }
    };
}

macro_rules! positions {
    ($n:expr;) => {};
    ($n:expr; $head:ident $($tail:ident)*) => {
        pub const $head: usize = $n;
        positions!($n + 1; $($tail)*);
    };
}

macro_rules! detail {
    () => {
        ParamDetail::None
    };
    (flags $table:ident) => {
        ParamDetail::Flags(&FlagTable::$table)
    };
    (at $index:literal) => {
        ParamDetail::At($index)
    };
    (dynamic $types:ident) => {
        ParamDetail::Dynamic(&Dynamic::$types)
    };
}

macro_rules! source {
    () => {
        CUSTOM
    };
    ($source:expr) => {
        $source
    };
}
