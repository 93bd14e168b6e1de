use alloc::boxed::Box;
use core::fmt;
use core::ops::BitOr;

/// Position of a field in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

/// The type of a field's values, which decides the operators and literals it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldType {
    /// Signed integer of 8, 16, 32 or 64 bits, an errno, a file descriptor or a process id.
    Int {
        /// Width in bits.
        bits: u8,
    },
    /// Unsigned integer of 8, 16, 32 or 64 bits, flags, mode or syscall code.
    Uint {
        /// Width in bits.
        bits: u8,
    },
    /// Floating point number.
    Double,
    /// Duration in ns.
    RelTime,
    /// Point in time, ns since the epoch.
    AbsTime,
    /// TCP or UDP port: a number, or a service name in a literal.
    Port,
    /// Truth value.
    Bool,
    /// Text; also paths.
    Str,
    /// Raw bytes.
    Bytes,
    /// IP address.
    Ip,
    /// IP network: a literal is `addr/prefix`; values are addresses or networks.
    Net,
    /// Typed by the event itself; only `exists` applies.
    Dynamic,
}

impl FieldType {
    /// What people call it: `int64`, `string`, `ipaddr`, ….
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int { bits: 8 } => "int8",
            Self::Int { bits: 16 } => "int16",
            Self::Int { bits: 32 } => "int32",
            Self::Int { .. } => "int64",
            Self::Uint { bits: 8 } => "uint8",
            Self::Uint { bits: 16 } => "uint16",
            Self::Uint { bits: 32 } => "uint32",
            Self::Uint { .. } => "uint64",
            Self::Double => "double",
            Self::RelTime => "reltime",
            Self::AbsTime => "abstime",
            Self::Port => "port",
            Self::Bool => "bool",
            Self::Str => "string",
            Self::Bytes => "bytes",
            Self::Ip => "ipaddr",
            Self::Net => "ipnet",
            Self::Dynamic => "dynamic",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a number is written in output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// Not a number, or no particular form.
    #[default]
    Na,
    /// Decimal.
    Dec,
    /// Upper-case hexadecimal without `0x`.
    Hex,
    /// Octal with a leading 0.
    Oct,
    /// Decimal, zero-padded to nine digits.
    PaddedDec,
    /// An identifier: decimal.
    Id,
}

/// What argument a field takes in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// None.
    None,
    /// A number is required: `fd.types[0]`.
    Index,
    /// A number may be given: `proc.aname`, `proc.aname[2]`.
    OptionalIndex,
    /// A key is required: `container.label[app]`.
    Key,
    /// A key or a number may be given: `proc.env`, `proc.env[HOME]`.
    OptionalKey,
    /// The name continues the field: `evt.arg.flags`, `evt.rawarg.fd`, `thread.cgroup.cpu`;
    /// `evt.arg[0]` too.
    Suffix,
}

/// What a field's value depends on, hence how long a verdict on it may be kept; the longest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The machine: never changes during a capture.
    Host,
    /// The image, credentials and container of the event's process.
    Process,
    /// The process and its ancestors.
    Ancestors,
    /// The file descriptor of the event.
    Fd,
    /// This event alone.
    Event,
}

/// A state of what the fields of a scope depend on: where a source returns an equal one again, they all
/// have the values that they had, and verdicts on them hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeVersion {
    /// What it is a version of, such as a thread's place in a table: small, as memory is kept by it, and
    /// used again for another when that one is gone.
    pub slot: u32,
    /// Never again the same once anything changed, not even for another in the same slot.
    pub versions: [u64; 2],
}

/// Properties of a field beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FieldFlags(pub u16);

impl FieldFlags {
    /// No property.
    pub const NONE: Self = Self(0);
    /// Yields zero or more values.
    pub const LIST: Self = Self(1);
    /// Usable in conditions only, never in output.
    pub const FILTER_ONLY: Self = Self(1 << 1);
    /// Not comparable with another field.
    pub const NO_RHS: Self = Self(1 << 2);
    /// Refuses transformers.
    pub const NO_TRANSFORMER: Self = Self(1 << 3);
    /// Kept for old rules; a use is warned about.
    pub const DEPRECATED: Self = Self(1 << 4);
    /// Left out of listings.
    pub const HIDDEN: Self = Self(1 << 5);
    /// Appended to outputs that ask for the suggested fields.
    pub const SUGGESTED: Self = Self(1 << 6);
    /// A comparison holds if any of several endpoints or ancestors satisfies it; the value is a list
    /// although the field is scalar to the language (`fd.ip`, `fd.port`, `proc.aname`).
    pub const ANY: Self = Self(1 << 7);

    /// Compared with `=` and nothing else.
    pub const EQUALITY: Self = Self(1 << 8);
    /// The domain name of an address. The constants that it is compared with are looked up
    /// (`rules::condition::domain_names`); an empty text says that none of them stands for the address, and is
    /// shown as a value that is not there.
    pub const DOMAIN: Self = Self(1 << 10);
    /// A number that is 1 or more in every event: conditions that say otherwise hold of none.
    pub const POSITIVE: Self = Self(1 << 11);
    /// A text that tells when the event happened; in JSON it is a number, ns since the epoch.
    pub const EVENT_TIME: Self = Self(1 << 9);

    /// A text that holds I/O buffers: where these have several lines, so has the text, and its other parts are escaped
    /// already.
    pub const BUFFERS: Self = Self(1 << 12);

    /// Kept so that old rules load; no event has a value of it.
    pub const WITHOUT_VALUE: Self = Self(1 << 13);

    /// Whether every property of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of properties.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for FieldFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// One row of a schema.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FieldDef {
    /// Full name, such as `proc.name`.
    pub name: &'static str,
    /// Type of its values.
    pub ty: FieldType,
    /// Argument that it takes.
    pub arg: ArgKind,
    /// How long a verdict on it holds.
    pub scope: Scope,
    /// How numbers are written.
    pub format: Format,
    /// Further properties.
    pub flags: FieldFlags,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

impl FieldDef {
    /// A field without an argument whose verdicts hold for one event.
    pub const fn new(name: &'static str, ty: FieldType, doc: &'static str) -> Self {
        let (arg, scope, format, flags) = (ArgKind::None, Scope::Event, Format::Na, FieldFlags::NONE);
        Self { name, ty, arg, scope, format, flags, doc }
    }

    /// With an argument.
    #[must_use]
    pub const fn with_arg(mut self, arg: ArgKind) -> Self {
        self.arg = arg;
        self
    }

    /// With another scope.
    #[must_use]
    pub const fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// With another form of numbers.
    #[must_use]
    pub const fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// With further properties.
    #[must_use]
    pub const fn with_flags(mut self, flags: FieldFlags) -> Self {
        self.flags = flags;
        self
    }
}

/// A parsed field argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Arg {
    /// `[2]`
    Index(u64),
    /// `[HOME]`, or the suffix of `evt.arg.flags`.
    Key(Box<str>),
}

/// A field with its argument, resolved against a schema: what a compiled condition asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Field {
    /// Row in the schema.
    pub id: FieldId,
    /// Argument, if one was given.
    pub arg: Option<Arg>,
    /// A number of the schema's own choosing that spares a lookup at extraction (a parameter's index,
    /// say); 0 where unused.
    pub hint: u32,
    /// Type of the values: the row's, or with `evt.rawarg.x` the parameter's.
    pub ty: FieldType,
    /// Whether it yields a list: a list field without index, say.
    pub is_list: bool,
    /// Canonical text, as in alerts' keys: `proc.aname[2]`.
    pub text: Box<str>,
}

impl Field {
    /// The field of a row, without an argument; `text` is the whole text that names it.
    pub fn new(id: FieldId, def: &FieldDef, text: impl Into<Box<str>>) -> Self {
        let is_list = def.flags.contains(FieldFlags::LIST);
        Self { id, arg: None, hint: 0, ty: def.ty, is_list, text: text.into() }
    }

    /// With an argument.
    #[must_use]
    pub fn with_arg(mut self, arg: Option<Arg>) -> Self {
        self.arg = arg;
        self
    }

    /// With a number of the schema's own choosing: [`Field::hint`].
    #[must_use]
    pub fn with_hint(mut self, hint: u32) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
