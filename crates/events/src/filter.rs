//! The probe's filter for events of system calls: tables that user space fills and the probe interprets.
//!
//! An event type has flags and a first row. A row tests a number or a text of the event, and contains the next row
//! for a true or unknown comparison, and for a false one. Rows lead only to later rows.
//!
//! One state machine compares a text of the event with the texts of all rows. Each text of the rows has a number, its
//! *bit*. Each byte leads from one state to another, and a state lists the bits of the texts that end there. The probe
//! sets these bits, and a row tests whether its bit is set.
//!
//! A *group* consists of the rules with the same tests of the process. A process is in a group if these tests may be true
//! for it: see [`crate::verdicts`].

extern crate alloc;

use alloc::vec::Vec;

/// Maximum number of event codes with a [`TypeRow`].
pub const TYPES: usize = 1024;
/// Maximum number of rows.
pub const ROWS: usize = 8192;
/// Maximum number of ranges.
pub const RANGES: usize = 8192;
/// Maximum number of states of the machine.
pub const STATES: usize = 8192;
/// Maximum number of classes of bytes; all bytes of a class lead to the same states.
pub const CLASSES: usize = 64;
/// Maximum number of entries in the lists of bits.
pub const LISTS: usize = 8192;
/// Number of bits that texts can set.
pub const BITS: usize = 512;
/// Maximum number of steps for an event; an event that would need more is sent. A step is a row, and up to [`BITS_OF_STEP`] rows after
/// it that test other bits of the same text.
pub const STEPS: usize = 256;
/// Maximum number of further rows in one step.
pub const BITS_OF_STEP: usize = 32;
/// Maximum length of a text; a row with a longer text is treated as true.
pub const LONGEST_TEXT: usize = 255;
/// Maximum number of bits in one list.
pub const LIST: usize = 32;

/// Instead of the number of a row: the probe sends the event.
pub const PASS: u16 = 0xffff;
/// Instead of the number of a row: the probe rejects the event.
pub const REJECT: u16 = 0xfffe;
/// Instead of the position of a parameter: there is no parameter.
pub const NO_PARAM: u8 = 0xff;
/// The state at the beginning of a text.
pub const FIRST_STATE: u16 = 1;
/// Flag of an entry of [`Filter::next`]: the next state has a list.
pub const HAS_LIST: u16 = 0x8000;
/// Flag of a bit in a list: it is set only if the text ends there.
pub const AT_END: u16 = 0x8000;
/// Ends a list.
pub const LIST_END: u16 = 0xffff;

/// Flags of a [`TypeRow`].
pub mod flags {
    /// Events of the type may be filtered.
    pub const ON: u16 = 1;
    /// The probe may filter out every rejected event: none changes state that rules depend on.
    pub const FREE: u16 = 1 << 1;
    /// The probe may filter out only rejected events of failed calls.
    pub const FREE_FAILED: u16 = 1 << 2;
    /// The probe may filter out rejected events of failed calls, and rejected events that open, copy or close a plain file.
    pub const FREE_FILES: u16 = 1 << 3;
    /// In addition to [`FREE_FILES`], the probe may filter out rejected events that open, copy or close a directory, if user space would
    /// know the directory by the kernel's path.
    pub const FREE_DIRECTORIES: u16 = 1 << 4;
    /// In addition to [`FREE_FILES`], the probe may filter out rejected events that copy or close a pipe without a name. Calls that make
    /// one have [`FREE`].
    pub const FREE_PIPES: u16 = 1 << 11;
    /// In addition to [`FREE_FILES`], the probe may filter out rejected events that copy or close a socket. Calls that make or change
    /// only sockets have [`FREE`].
    pub const FREE_SOCKETS: u16 = 1 << 12;
    /// For calls that open a path: the rows test only that path, the flags and the result, not the number of the descriptor.
    pub const BY_PATH: u16 = 1 << 5;
    /// The probe sends only events whose process is in one of the type's groups.
    pub const BY_PROCESS: u16 = 1 << 6;
    /// Rows test groups.
    pub const GROUPED: u16 = 1 << 7;
    /// Events of the type may change the groups of the caller's process.
    pub const CHANGES: u16 = 1 << 8;
    /// With [`CHANGES`]: only events whose result is 0 change groups.
    pub const IF_ZERO: u16 = 1 << 9;
    /// With [`CHANGES`]: the groups of the process's descendants may change, too.
    pub const LINEAGE: u16 = 1 << 10;
}

/// Kinds of open files that no rule uses, so that the probe may filter out events that open, copy or close such a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnusedFiles {
    /// Regular files, and devices without a state such as `/dev/null`.
    pub plain: bool,
    /// Directories, if user space would know them by the kernel's path. Has no effect without `plain`.
    pub directories: bool,
    /// Pipes without a name. Has no effect without `plain`.
    pub pipes: bool,
    /// Sockets. Has no effect without `plain`.
    pub sockets: bool,
}

impl UnusedFiles {
    /// No kind: all these events are sent.
    pub const NONE: Self = Self { plain: false, directories: false, pipes: false, sockets: false };

    /// The kinds as [`flags`] of a [`TypeRow`].
    pub const fn flags(self) -> u16 {
        let mut flags = 0;
        if self.plain {
            flags |= flags::FREE_FILES;
            if self.directories {
                flags |= flags::FREE_DIRECTORIES;
            }
            if self.pipes {
                flags |= flags::FREE_PIPES;
            }
            if self.sockets {
                flags |= flags::FREE_SOCKETS;
            }
        }
        flags
    }

    /// The kinds in [`flags`] of a [`TypeRow`].
    const fn of_flags(flags: u16) -> Self {
        Self {
            plain: flags & flags::FREE_FILES != 0,
            directories: flags & flags::FREE_DIRECTORIES != 0,
            pipes: flags & flags::FREE_PIPES != 0,
            sockets: flags & flags::FREE_SOCKETS != 0,
        }
    }
}

/// Input of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Input {
    /// Nothing: the comparison is treated as true.
    Nothing,
    /// A number with a sign.
    Int,
    /// A number with a sign; every negative number is read as -1.
    Descriptor,
    /// A number with a sign; the comparison is treated as true below -4095.
    Error,
    /// A number without a sign.
    Uint,
    /// A text.
    Text,
    /// A requested path, and the kernel's path: the comparison is true if it is true of one of them.
    Path,
    /// The requested path as parameters show it: a path that is not absolute is followed by the path that it leads to. The kernel's
    /// path counts, too.
    RawPath,
    /// The requested path as the program passed it. The kernel's path counts, too.
    GivenPath,
    /// Whether the caller's process is in the group whose number is the position of the parameter: see [`crate::verdicts`].
    Group,
}

impl Input {
    /// Inputs that are a requested path, and the kernel's path.
    pub const PATHS: [Self; 3] = [Self::Path, Self::RawPath, Self::GivenPath];
}

/// Kind of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum How {
    /// Compares with ranges.
    Ranges,
    /// Whether a bit of a mask is set.
    Bits,
    /// Whether a bit of a mask is set, or the number is 0.
    BitsOrZero,
    /// For texts, whether a bit is set.
    Texts,
}

/// A parameter of an event that opens a path. If all bits of the mask are set in it, rules may see another path than the
/// requested one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Check {
    /// Its position, or [`NO_PARAM`].
    pub param: u16,
    /// Not used.
    pub pad: u16,
    /// The bits, all of which must be set.
    pub mask: u32,
}

/// The entry of an event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TypeRow {
    /// The first row, [`PASS`] or [`REJECT`].
    pub first: u16,
    /// See [`flags`].
    pub flags: u16,
    /// For events that open a path: position of the requested path, or [`NO_PARAM`].
    pub name: u16,
    /// For events that open a path: position of the kernel's path, or [`NO_PARAM`].
    pub path: u16,
    /// Checks whether the requested path is unknown.
    pub checks: [Check; 2],
    /// Groups of rules that may match: see [`flags::BY_PROCESS`].
    pub groups: u64,
    /// Results with which the rows may accept an event: 0 and above, and errors (-4095 to -1). The probe rejects other events before
    /// it builds them. In an empty range, `least` is above `most`.
    pub results: [Range; 2],
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Row {
    /// [`How`].
    pub how: u8,
    /// [`Input`].
    pub input: u8,
    /// Position of the parameter.
    pub param: u8,
    /// Whether the comparison is negated: 0 or 1.
    pub negated: u8,
    /// The first range, or the bit of the texts.
    pub first: u16,
    /// Number of ranges; for paths, the position of the kernel's path, or [`NO_PARAM`].
    pub count: u16,
    /// The next row if it is true or unknown.
    pub yes: u16,
    /// The next row if it is false.
    pub no: u16,
}

/// A range of numbers; for masks, the first number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Range {
    /// The least.
    pub least: i64,
    /// The greatest.
    pub most: i64,
}

/// The tables. None is longer than its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Rows by event code.
    pub types: Vec<TypeRow>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Ranges of rows.
    pub ranges: Vec<Range>,
    /// Class of each byte.
    pub classes: Vec<u8>,
    /// By state and class: the next state, with [`HAS_LIST`].
    pub next: Vec<u16>,
    /// Beginning of each state's list.
    pub lists_of: Vec<u16>,
    /// Lists of bits, some with [`AT_END`], each up to [`LIST_END`].
    pub lists: Vec<u16>,
}

impl TypeRow {
    /// An entry with which every event of the type is sent.
    pub const SENT: Self = {
        let none = Check { param: NO_PARAM as u16, pad: 0, mask: 0 };
        Self {
            first: PASS,
            flags: 0,
            name: NO_PARAM as u16,
            path: NO_PARAM as u16,
            checks: [none; 2],
            groups: 0,
            results: [Range { least: i64::MIN, most: i64::MAX }; 2],
        }
    };
}

impl Filter {
    /// Its size, bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.types)
            + size_of_val(&*self.rows)
            + size_of_val(&*self.ranges)
            + size_of_val(&*self.classes)
            + size_of_val(&*self.next)
            + size_of_val(&*self.lists_of)
            + size_of_val(&*self.lists)
    }

    /// Whether no table exceeds its limit. The probe uses no filter that does not fit.
    pub fn fits(&self) -> bool {
        self.types.len() <= TYPES
            && self.rows.len() <= ROWS
            && self.ranges.len() <= RANGES
            && self.classes.len() == 256
            && self.next.len() <= STATES * CLASSES
            && self.lists_of.len() <= STATES
            && self.lists.len() <= LISTS
    }

    /// The kinds of files about which it may filter out events: opens, copies and closes.
    pub fn unused_files(&self) -> UnusedFiles {
        UnusedFiles::of_flags(self.types.iter().fold(0, |all, row| all | row.flags))
    }

    /// Whether the filter depends on processes, so that [`crate::verdicts`] have an effect.
    pub fn depends_on_processes(&self) -> bool {
        self.types.iter().any(|row| row.flags & (flags::BY_PROCESS | flags::GROUPED) != 0)
    }

    /// Number of event types of which the probe may filter out events.
    pub fn types_on(&self) -> usize {
        self.types.iter().filter(|row| row.flags & flags::ON != 0).count()
    }
}

/// The constants of the filter, by their names in the probe.
pub const CONSTANTS: &[(&str, u64)] = &[
    ("ROWS", ROWS as u64),
    ("RANGES", RANGES as u64),
    ("STATES", STATES as u64),
    ("CLASSES", CLASSES as u64),
    ("LISTS", LISTS as u64),
    ("BITS", BITS as u64),
    ("STEPS", STEPS as u64),
    ("BITS_OF_STEP", BITS_OF_STEP as u64),
    ("LONGEST_TEXT", LONGEST_TEXT as u64),
    ("LIST", LIST as u64),
    ("PASS", PASS as u64),
    ("REJECT", REJECT as u64),
    ("NO_PARAM", NO_PARAM as u64),
    ("FIRST_STATE", FIRST_STATE as u64),
    ("HAS_LIST", HAS_LIST as u64),
    ("AT_END", AT_END as u64),
    ("LIST_END", LIST_END as u64),
    ("ON", flags::ON as u64),
    ("FREE", flags::FREE as u64),
    ("FREE_FAILED", flags::FREE_FAILED as u64),
    ("FREE_FILES", flags::FREE_FILES as u64),
    ("FREE_DIRECTORIES", flags::FREE_DIRECTORIES as u64),
    ("FREE_PIPES", flags::FREE_PIPES as u64),
    ("FREE_SOCKETS", flags::FREE_SOCKETS as u64),
    ("BY_PATH", flags::BY_PATH as u64),
    ("BY_PROCESS", flags::BY_PROCESS as u64),
    ("GROUPED", flags::GROUPED as u64),
    ("CHANGES", flags::CHANGES as u64),
    ("IF_ZERO", flags::IF_ZERO as u64),
    ("CHANGES_LINEAGE", flags::LINEAGE as u64),
    ("INPUT_NOTHING", Input::Nothing as u64),
    ("INPUT_INT", Input::Int as u64),
    ("INPUT_DESCRIPTOR", Input::Descriptor as u64),
    ("INPUT_ERROR", Input::Error as u64),
    ("INPUT_UINT", Input::Uint as u64),
    ("INPUT_TEXT", Input::Text as u64),
    ("INPUT_PATH", Input::Path as u64),
    ("INPUT_RAW_PATH", Input::RawPath as u64),
    ("INPUT_GIVEN_PATH", Input::GivenPath as u64),
    ("INPUT_GROUP", Input::Group as u64),
    ("HOW_RANGES", How::Ranges as u64),
    ("HOW_BITS", How::Bits as u64),
    ("HOW_BITS_OR_ZERO", How::BitsOrZero as u64),
    ("HOW_TEXTS", How::Texts as u64),
];
