//! The parameters of a row: their types and formats.

use super::source::Source;
use crate::flags::FlagTable;

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
            /// Size on the wire in bytes, `None` if it varies.
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
    /// Boolean, 32 bits.
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
    /// IPv4 or IPv6 address, by its length.
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

/// Format of a parameter's number: `PF_*`.
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

/// Details of a parameter in addition to its type.
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
    /// Format of a number.
    pub format: Format,
    /// Details in addition to the type.
    pub detail: ParamDetail,
    /// Its source in the probe.
    pub source: Source,
}
