//! The content of a row, and the macros that write rows.

use bitflags::bitflags;

pub(super) use super::category::Category;
pub(super) use super::event_type::EventType;
pub(super) use super::parameter::{Dynamic, Format, ParamDetail, ParamInfo, ParamType};
pub(super) use super::source::*;
pub(super) use crate::flags::{FlagMap, FlagTable};
pub(super) use crate::syscalls::code::{SyscallCode, SyscallFlags, SyscallInfo};

bitflags! {
    /// Effects of an event: the `EF_*` flags.
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
        /// Changes the state of threads, files or users.
        const MODIFIES_STATE = 32;
        /// Reserved and never sent.
        const UNUSED = 64;
        /// May block.
        const WAITS = 128;
        /// Has no thread.
        const SKIPPARSERESET = 256;
        /// Found in old captures only.
        const OLD_VERSION = 512;
        /// Parameter lengths are 32 bits wide.
        const LARGE_PAYLOAD = 2048;
        /// Converted when read from an old capture.
        const CONVERTER_MANAGED = 4096;
    }
}

impl EventFlags {
    /// No flag.
    pub const NONE: Self = Self::empty();
}

/// One row of the event table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EventInfo {
    /// Code.
    pub ty: EventType,
    /// Name in the schema without `PPME_`, such as `SYSCALL_OPEN_X`.
    pub ident: &'static str,
    /// Name in conditions, such as `open`.
    pub name: &'static str,
    /// Name of an older event that does the same. A condition on that name matches this event too, because its author may
    /// not have known the newer call.
    pub like: Option<&'static str>,
    /// Category.
    pub category: Category,
    /// Flags.
    pub flags: EventFlags,
    /// Parameters in wire order.
    pub params: &'static [ParamInfo],
}

impl EventInfo {
    /// Whether sources return events of this type. They do not return old versions, which they convert, or unused types.
    pub fn is_current(&self) -> bool {
        !self.flags.intersects(EventFlags::OLD_VERSION.union(EventFlags::UNUSED))
    }

    /// Position of the parameter called `name`.
    pub fn param(&self, name: &str) -> Option<usize> {
        self.params.iter().position(|param| param.name == name)
    }

    /// Size of the whole frame in bytes, if every parameter has a fixed size.
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

/// Writes rows of events that are no system calls, begin one, or are of an older version:
/// `code IDENT "name" as "older" (category) (flags) { parameter: TYPE FORMAT [detail] = source, }`.
macro_rules! events {
    ($(
        $code:literal $ident:ident $name:literal $(as $like:literal)? ($($cat:ident)|+) ($($flag:ident)|+) {
            $($param:ident: $ty:ident $fmt:ident $([$detail:ident $detail_arg:tt])? $(= $src:expr)?,)*
        }
    )*) => {
        impl EventType {
            $(
                #[doc = concat!("`PPME_", stringify!($ident), "`, event `", $name, "`.")]
                pub const $ident: Self = Self($code);
            )*
        }

        pub(super) const EVENTS: &[EventInfo] = &[$(event! {
            $ident $name, $(as $like)? ($($cat)|+) ($($flag)|+) {
                $($param: $ty $fmt $([$detail $detail_arg])? $(= $src)?,)*
            }
        },)*];

        #[allow(non_snake_case, non_upper_case_globals, missing_docs, unused)]
        pub mod params {
            $(pub mod $ident {
                positions!(0usize; $($param)*);
            })*
        }
    };
}

/// Writes rows of system calls: `code IDENT "name" x86_64(number) aarch64(number)`, how sampling treats the
/// call, and the exit event that it is sent as: `=> ` and a row as in `events!`, which may omit the name if
/// it is the call's. A call without a special event is sent as the generic one.
macro_rules! syscalls {
    ($(
        $code:literal $ident:ident $name:literal x86_64($($x:tt)+) aarch64($($a:tt)+) $(sampling($sampling:ident))?
        $(=> $event_code:literal $event:ident $($event_name:literal)? $(as $like:literal)?
            ($($cat:ident)|+) ($($flag:ident)|+)
        {
            $($param:ident: $ty:ident $fmt:ident $([$detail:ident $detail_arg:tt])? $(= $src:expr)?,)*
        })?
    )*) => {
        impl SyscallCode {
            $(
                #[doc = concat!("`PPM_SC_", stringify!($ident), "`.")]
                pub const $ident: Self = Self($code);
            )*
        }

        impl EventType {
            $($(
                #[doc = concat!("`PPME_", stringify!($event), "`, the exit event of `", $name, "`.")]
                pub const $event: Self = Self($event_code);
            )?)*
        }

        pub(super) const SYSCALLS: &[SyscallInfo] = &[$(SyscallInfo {
            code: SyscallCode::$ident,
            name: $name,
            x86_64: number!($($x)+),
            aarch64: number!($($a)+),
            exit: exit!($($event)?),
            flags: SyscallFlags::NONE $(.union(used!($event)))? $(.union(SyscallFlags::$sampling))?,
        },)*];

        pub(super) const EXITS: &[EventInfo] = &[$($(event! {
            $event event_name!($name $($event_name)?), $(as $like)? ($($cat)|+) ($($flag)|+) {
                $($param: $ty $fmt $([$detail $detail_arg])? $(= $src)?,)*
            }
        },)?)*];

        #[allow(non_snake_case, non_upper_case_globals, missing_docs, unused)]
        pub mod exit_params {
            $($(pub mod $event {
                positions!(0usize; $($param)*);
            })?)*
        }
    };
}

macro_rules! event {
    (
        $ident:ident $name:expr, $(as $like:literal)? ($($cat:ident)|+) ($($flag:ident)|+) {
            $($param:ident: $ty:ident $fmt:ident $([$detail:ident $detail_arg:tt])? $(= $src:expr)?,)*
        }
    ) => {
        EventInfo {
            ty: EventType::$ident,
            ident: stringify!($ident),
            name: $name,
            like: like!($($like)?),
            category: Category::UNKNOWN$(.or(Category::$cat))+,
            flags: EventFlags::NONE$(.union(EventFlags::$flag))+,
            params: &[$(ParamInfo {
                name: unraw(stringify!($param)),
                ty: ParamType::$ty,
                format: Format::$fmt,
                detail: detail!($($detail $detail_arg)?),
                source: source!($($src)?),
            },)*],
        }
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

macro_rules! exit {
    () => {
        EventType::GENERIC_X
    };
    ($event:ident) => {
        EventType::$event
    };
}

macro_rules! used {
    ($event:ident) => {
        SyscallFlags::USED
    };
}

macro_rules! event_name {
    ($of_call:literal) => {
        $of_call
    };
    ($of_call:literal $own:literal) => {
        $own
    };
}

macro_rules! positions {
    ($n:expr;) => {};
    ($n:expr; $head:ident $($tail:ident)*) => {
        pub const $head: usize = $n;
        positions!($n + 1; $($tail)*);
    };
}

macro_rules! like {
    () => {
        None
    };
    ($like:literal) => {
        Some($like)
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
