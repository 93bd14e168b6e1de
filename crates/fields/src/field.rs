use alloc::boxed::Box;
use core::fmt;
use core::ops::BitOr;

/// Position of a field in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

/// The type of a field's values. It determines which operators and literals the field accepts.
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
    /// The event determines the type; only `exists` applies.
    Dynamic,
}

impl FieldType {
    /// Name for users: `int64`, `string`, `ipaddr`, ….
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

/// Format of a number in outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// Not a number, or no special format.
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

/// The argument that a field takes in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// No argument.
    None,
    /// The argument is a number and required: `evt.around[1795461335267018253]`.
    Index,
    /// The argument is a number and optional: `proc.aname`, `proc.aname[2]`.
    OptionalIndex,
    /// The argument is a key and required: `container.label[app]`.
    Key,
    /// The argument is a key or a number, and optional: `proc.env`, `proc.env[HOME]`.
    OptionalKey,
    /// The name continues the field: `evt.arg.flags`, `evt.rawarg.fd`, `thread.cgroup.cpu`;
    /// `evt.arg[0]` too.
    Suffix,
}

/// What a field's value depends on. The engine caches the result of a test until that changes. The
/// scope that changes least often comes first.
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
    /// Only this event.
    Event,
}

/// A version of the data that the fields of a scope depend on. If a source returns an equal version again,
/// all these fields have the same values as before, so cached results are still valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeVersion {
    /// The object of the version, such as a thread's index in a table. The number is small, because the
    /// engine allocates memory for each slot. A slot is reused after its object is gone.
    pub slot: u32,
    /// Changes with every change of the data, and never repeats, even if another object reuses the slot.
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
    /// Kept for old rules; the loader warns about a use.
    pub const DEPRECATED: Self = Self(1 << 4);
    /// The field is not in listings.
    pub const HIDDEN: Self = Self(1 << 5);
    /// Appended to outputs that request the suggested fields.
    pub const SUGGESTED: Self = Self(1 << 6);
    /// A comparison is true if any of several endpoints or ancestors satisfies it; `!=` requires all endpoints
    /// to differ. The value is a list, although the language treats the field as a scalar (`fd.ip`, `fd.port`,
    /// `proc.aname`).
    pub const ANY: Self = Self(1 << 7);

    /// Compared with `=` and nothing else.
    pub const EQUALITY: Self = Self(1 << 8);
    /// The domain name of an address. The program resolves the constants that conditions compare with it
    /// (`rules::condition::domain_names`). An empty text means that none of them has this address; outputs
    /// show it as an absent value.
    pub const DOMAIN: Self = Self(1 << 10);
    /// A number that is 1 or more in every event. A condition that requires less matches no event.
    pub const POSITIVE: Self = Self(1 << 11);
    /// The time of the event as a text; in JSON it is a number, ns since the epoch.
    pub const EVENT_TIME: Self = Self(1 << 9);

    /// A text that contains I/O buffers. If the buffers have several lines, the text has them, too; its
    /// other parts are already escaped.
    pub const BUFFERS: Self = Self(1 << 12);

    /// Kept so that old rules load; no event has a value of this field.
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
    /// Scope, which determines how long the engine caches results.
    pub scope: Scope,
    /// Format of numbers.
    pub format: Format,
    /// Further properties.
    pub flags: FieldFlags,
    /// Description, one sentence.
    pub doc: &'static str,
}

impl FieldDef {
    /// A field without an argument, with the scope [`Scope::Event`].
    pub const fn new(name: &'static str, ty: FieldType, doc: &'static str) -> Self {
        let (arg, scope, format, flags) = (ArgKind::None, Scope::Event, Format::Na, FieldFlags::NONE);
        Self { name, ty, arg, scope, format, flags, doc }
    }

    /// Sets the argument.
    #[must_use]
    pub const fn with_arg(mut self, arg: ArgKind) -> Self {
        self.arg = arg;
        self
    }

    /// Sets the scope.
    #[must_use]
    pub const fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// With another format of numbers.
    #[must_use]
    pub const fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Adds properties.
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

/// A field with its argument, resolved against a schema. Compiled conditions contain such fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Field {
    /// Row in the schema.
    pub id: FieldId,
    /// Argument, if one was given.
    pub arg: Option<Arg>,
    /// A number that the schema chooses, to save a lookup at extraction, such as a parameter's index; 0 if
    /// unused.
    pub hint: u32,
    /// Type of the values: that of the row, or for `evt.rawarg.x` that of the parameter.
    pub ty: FieldType,
    /// Whether the value is a list, as for a list field without an index.
    pub is_list: bool,
    /// Canonical text, as in the keys of JSON alerts: `proc.aname[2]`.
    pub text: Box<str>,
}

impl Field {
    /// The field of a row, without an argument; `text` is its canonical text.
    pub fn new(id: FieldId, def: &FieldDef, text: impl Into<Box<str>>) -> Self {
        let is_list = def.flags.contains(FieldFlags::LIST);
        Self { id, arg: None, hint: 0, ty: def.ty, is_list, text: text.into() }
    }

    /// Sets the argument.
    #[must_use]
    pub fn with_arg(mut self, arg: Option<Arg>) -> Self {
        self.arg = arg;
        self
    }

    /// With a number that the schema chooses: [`Field::hint`].
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
