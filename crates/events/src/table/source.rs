//! The source of a parameter in the probe.

use crate::flags::FlagMap;

/// The source of a parameter in the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The operation.
    pub op: Op,
    /// Number of the system call's argument, from 0.
    pub arg: u8,
    /// Translation, for [`Op::Map`].
    pub map: Option<FlagMap>,
}

macro_rules! ops {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Operation of the probe's interpreter that makes a parameter. Its code connects the descriptor
        /// table and the interpreter.
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
    /// A special operation of the probe for this parameter, or the event is no longer sent.
    Custom = 0,
    /// The call's return value, cut to the parameter's size.
    Ret = 1,
    /// An argument, cut to the parameter's size.
    Arg = 2,
    /// The argument's low 32 bits, sign-extended.
    ArgS32 = 3,
    /// The argument's low 32 bits, zero-extended.
    ArgU32 = 4,
    /// Like [`Op::ArgS32`], with the kernel's `AT_FDCWD` converted to the schema's (-100).
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
