//! The operators: one row each. To add one, add a row; see docs/adding-an-operator.md.

use memchr::memmem::{Finder, find};

use eyas_fields::Value;

use super::check::{Check, TextTest};
use super::compare::{Cmp, Quantifier, icontains};
use super::counted::Kind;
use super::example::{example, text};
use super::interpret::pattern as plain;
use super::opdef::{Constants, Evaluation, Implies, OpDef, Right, Types};
use super::pattern::{Glob, Regex};

macro_rules! operators {
    ($($op:ident { word: $word:literal, doc: $doc:literal, $($column:ident: $value:expr,)* })*) => {
        /// An operator; [`Op::def`] returns its row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Op {
            $(#[doc = concat!("`", $word, "`: ", $doc, ".")] $op,)*
        }

        /// A row for each operator.
        static OPERATORS: &[OpDef] = &[$(OpDef { word: $word, doc: $doc, $($column: $value,)* },)*];

        impl Op {
            /// Every operator.
            pub const ALL: &[Self] = &[$(Self::$op),*];
        }
    };
}

impl Op {
    /// Its row.
    #[inline]
    pub fn def(self) -> &'static OpDef {
        &OPERATORS[self as usize]
    }

    /// The word in conditions.
    pub fn word(self) -> &'static str {
        self.def().word
    }

    /// Whether it compares with a set.
    pub fn takes_list(self) -> bool {
        self.def().takes_list()
    }
}

operators! {
    Exists {
        word: "exists",
        doc: "the field has a value; takes no right side",
        types: Types::SCALARS.or(Types::LISTS).or(Types::UNTYPED),
        right: Right::Nothing,
        constants: Constants::Plain,
        evaluation: Evaluation::Exists,
        implies: Some(Implies::Present),
        examples: &[
            example("fd.name exists", &[("fd.name", text("/etc/passwd"))], true),
            example("fd.name exists", &[("fd.name", None)], false),
        ],
    }
    Lt {
        word: "<",
        doc: "less than the number; a text is compared byte by byte",
        types: Types::NUMBERS.or(Types::TEXTS),
        right: Right::Number,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Lt, plain: |order| order.is_some_and(|o| o.is_lt()) },
        implies: Some(Implies::Below),
        examples: &[
            example("evt.rawres < 0", &[("evt.rawres", Some(Value::Int(-2)))], true),
            example("evt.rawres < 0", &[("evt.rawres", Some(Value::Int(0)))], false),
        ],
    }
    Le {
        word: "<=",
        doc: "less than the number, or equal to it",
        types: Types::NUMBERS.or(Types::TEXTS),
        right: Right::Number,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Le, plain: |order| order.is_some_and(|o| o.is_le()) },
        implies: Some(Implies::AtMost),
        examples: &[
            example("fd.sport <= 1023", &[("fd.sport", Some(Value::Uint(1023)))], true),
            example("fd.sport <= 1023", &[("fd.sport", Some(Value::Uint(1024)))], false),
        ],
    }
    Gt {
        word: ">",
        doc: "greater than the number",
        types: Types::NUMBERS.or(Types::TEXTS),
        right: Right::Number,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Gt, plain: |order| order.is_some_and(|o| o.is_gt()) },
        implies: Some(Implies::Above),
        examples: &[
            example("proc.pid > 1", &[("proc.pid", Some(Value::Int(2)))], true),
            example("proc.pid > 1", &[("proc.pid", Some(Value::Int(1)))], false),
        ],
    }
    Ge {
        word: ">=",
        doc: "greater than the number, or equal to it",
        types: Types::NUMBERS.or(Types::TEXTS),
        right: Right::Number,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Ge, plain: |order| order.is_some_and(|o| o.is_ge()) },
        implies: Some(Implies::AtLeast),
        examples: &[
            example("user.uid >= 1000", &[("user.uid", Some(Value::Uint(1000)))], true),
            example("user.uid >= 1000", &[("user.uid", Some(Value::Uint(0)))], false),
        ],
    }
    Eq {
        word: "=",
        doc: "equal",
        types: Types::SCALARS,
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Eq, plain: |order| order.is_some_and(|o| o.is_eq()) },
        implies: Some(Implies::OneOf),
        examples: &[
            example("proc.name = bash", &[("proc.name", text("bash"))], true),
            example("proc.name = bash", &[("proc.name", text("sh"))], false),
            example("proc.name = bash", &[("proc.name", None)], false),
            example("proc.name = val(proc.pname)", &[("proc.name", text("sh")), ("proc.pname", text("sh"))], true),
            example("proc.name = oneof (sh, bash)", &[("proc.name", text("sh"))], true),
        ],
    }
    EqEq {
        word: "==",
        doc: "equal; the same as `=`",
        types: Types::SCALARS,
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Eq, plain: |order| order.is_some_and(|o| o.is_eq()) },
        implies: Some(Implies::OneOf),
        examples: &[
            example("proc.name == bash", &[("proc.name", text("bash"))], true),
            example("proc.name == bash", &[("proc.name", text("sh"))], false),
        ],
    }
    Ne {
        word: "!=",
        doc: "not equal",
        types: Types::SCALARS,
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Order { cmp: Cmp::Ne, plain: |order| order.is_none_or(|o| o.is_ne()) },
        implies: Some(Implies::NoneOf),
        examples: &[
            example("user.uid != 0", &[("user.uid", Some(Value::Uint(1000)))], true),
            example("user.uid != 0", &[("user.uid", Some(Value::Uint(0)))], false),
            example("user.uid != 0", &[("user.uid", None)], false),
        ],
    }
    Glob {
        word: "glob",
        doc: "matches the shell pattern as a whole",
        types: Types::TEXTS,
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Text {
            compile: |pattern| Ok(Check::Glob(Glob::new(pattern, false))),
            search: None,
            values: Some(|value, pattern| Glob::new(pattern, false).matches(value)),
            plain: |value, pattern| Ok(plain::glob(pattern, value, false)),
        },
        implies: None,
        examples: &[
            example("fd.name glob \"/home/*/.ssh/*\"", &[("fd.name", text("/home/al/.ssh/id"))], true),
            example("fd.name glob \"/home/*/.ssh/*\"", &[("fd.name", text("/root/.ssh/id"))], false),
        ],
    }
    IGlob {
        word: "iglob",
        doc: "as `glob`, whatever the case of ASCII letters",
        types: Types::TEXTS,
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Text {
            compile: |pattern| Ok(Check::Glob(Glob::new(pattern, true))),
            search: None,
            values: Some(|value, pattern| Glob::new(pattern, true).matches(value)),
            plain: |value, pattern| Ok(plain::glob(pattern, value, true)),
        },
        implies: None,
        examples: &[
            example("fd.name iglob \"*.PDF\"", &[("fd.name", text("/tmp/a.pdf"))], true),
            example("fd.name iglob \"*.PDF\"", &[("fd.name", text("/tmp/a.txt"))], false),
        ],
    }
    Contains {
        word: "contains",
        doc: "contains the text",
        types: Types::TEXTS.or(Types::BYTES),
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Text {
            compile: |needle| Ok(Check::Contains(Box::new(Finder::new(needle).into_owned()))),
            search: Some(Kind::Contains),
            values: Some(|value, needle| find(value, needle).is_some()),
            plain: |value, needle| Ok(plain::contains(value, needle)),
        },
        implies: Some(Implies::Substring),
        examples: &[
            example("proc.cmdline contains \"--privileged\"", &[("proc.cmdline", text("docker run --privileged"))], true),
            example("proc.cmdline contains \"--privileged\"", &[("proc.cmdline", text("docker run"))], false),
        ],
    }
    IContains {
        word: "icontains",
        doc: "contains the text, whatever the case of ASCII letters",
        types: Types::TEXTS,
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Text {
            compile: |needle| {
                let (constant, search) = (needle.to_ascii_lowercase().into(), Some(Kind::ContainsAnyCase));
                Ok(Check::Text(TextTest { holds: icontains, constant, search }))
            },
            search: Some(Kind::ContainsAnyCase),
            values: Some(|value, needle| icontains(value, &needle.to_ascii_lowercase())),
            plain: |value, needle| Ok(plain::contains(&plain::lowered(value), &plain::lowered(needle))),
        },
        implies: None,
        examples: &[
            example("proc.cmdline icontains select", &[("proc.cmdline", text("psql -c 'SELECT 1'"))], true),
            example("proc.cmdline icontains select", &[("proc.cmdline", text("psql"))], false),
        ],
    }
    BContains {
        word: "bcontains",
        doc: "contains the bytes given in hexadecimal",
        types: Types::BYTES,
        right: Right::Value,
        constants: Constants::Hex,
        evaluation: Evaluation::Text {
            compile: |needle| Ok(Check::Contains(Box::new(Finder::new(needle).into_owned()))),
            search: Some(Kind::Contains),
            values: Some(|value, needle| find(value, needle).is_some()),
            plain: |value, needle| Ok(plain::contains(value, needle)),
        },
        implies: None,
        examples: &[
            example("evt.buffer bcontains cafe", &[("evt.buffer", Some(Value::Bytes(b"\x00\xca\xfe")))], true),
            example("evt.buffer bcontains cafe", &[("evt.buffer", Some(Value::Bytes(b"cafe")))], false),
        ],
    }
    StartsWith {
        word: "startswith",
        doc: "begins with the text",
        types: Types::TEXTS.or(Types::BYTES),
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Text {
            compile: |prefix| Ok(Check::StartsWith(prefix.into())),
            search: Some(Kind::StartsWith),
            values: Some(|value, prefix| value.starts_with(prefix)),
            plain: |value, prefix| Ok(value.get(..prefix.len()) == Some(prefix)),
        },
        implies: Some(Implies::Prefix),
        examples: &[
            example("fd.name startswith /etc/", &[("fd.name", text("/etc/passwd"))], true),
            example("fd.name startswith /etc/", &[("fd.name", text("/var/etc/x"))], false),
        ],
    }
    BStartsWith {
        word: "bstartswith",
        doc: "begins with the bytes given in hexadecimal",
        types: Types::BYTES,
        right: Right::Value,
        constants: Constants::Hex,
        evaluation: Evaluation::Text {
            compile: |prefix| Ok(Check::StartsWith(prefix.into())),
            search: Some(Kind::StartsWith),
            values: Some(|value, prefix| value.starts_with(prefix)),
            plain: |value, prefix| Ok(value.get(..prefix.len()) == Some(prefix)),
        },
        implies: None,
        examples: &[
            example("evt.buffer bstartswith 7f454c46", &[("evt.buffer", Some(Value::Bytes(b"\x7fELF\x02")))], true),
            example("evt.buffer bstartswith 7f454c46", &[("evt.buffer", Some(Value::Bytes(b"#!/bin/sh")))], false),
        ],
    }
    EndsWith {
        word: "endswith",
        doc: "ends with the text",
        types: Types::TEXTS.or(Types::BYTES),
        right: Right::Value,
        constants: Constants::Plain,
        evaluation: Evaluation::Text {
            compile: |suffix| Ok(Check::EndsWith(suffix.into())),
            search: Some(Kind::EndsWith),
            values: Some(|value, suffix| value.ends_with(suffix)),
            plain: |value, suffix| {
                Ok(value.len() >= suffix.len() && value[value.len() - suffix.len()..] == *suffix)
            },
        },
        implies: Some(Implies::Suffix),
        examples: &[
            example("fd.name endswith .so", &[("fd.name", text("/usr/lib/libc.so"))], true),
            example("fd.name endswith .so", &[("fd.name", text("/usr/lib/libc.so.6"))], false),
        ],
    }
    Regex {
        word: "regex",
        doc: "matches the POSIX extended regular expression as a whole",
        types: Types::TEXTS,
        right: Right::Value,
        constants: Constants::Syntax,
        evaluation: Evaluation::Text {
            compile: |pattern| Ok(Check::Regex(Box::new(Regex::new(pattern)?))),
            search: None,
            values: None,
            plain: |value, pattern| plain::regex(pattern, value),
        },
        implies: None,
        examples: &[
            example("proc.name regex \"python3[.][0-9]+\"", &[("proc.name", text("python3.13"))], true),
            example("proc.name regex \"python3[.][0-9]+\"", &[("proc.name", text("python3.13-config"))], false),
        ],
    }
    Intersects {
        word: "intersects",
        doc: "as `in`; with a list field, at least one of its values is an item",
        types: Types::SCALARS.or(Types::LISTS),
        right: Right::List,
        constants: Constants::Plain,
        evaluation: Evaluation::Member(Quantifier::Any),
        implies: None,
        examples: &[
            example("fd.types intersects (ipv4, ipv6)", &[("fd.types", Some(Value::List(&[FILE, IPV4])))], true),
            example("fd.types intersects (ipv4, ipv6)", &[("fd.types", Some(Value::List(&[FILE])))], false),
        ],
    }
    In {
        word: "in",
        doc: "equal to an item of the list; with a list field, all of its values are items",
        types: Types::SCALARS.or(Types::LISTS),
        right: Right::List,
        constants: Constants::Plain,
        evaluation: Evaluation::Member(Quantifier::All),
        implies: Some(Implies::OneOf),
        examples: &[
            example("fd.sport in (80, 443)", &[("fd.sport", Some(Value::Uint(443)))], true),
            example("fd.sport in (80, 443)", &[("fd.sport", Some(Value::Uint(22)))], false),
            example("fd.types in (ipv4, ipv6)", &[("fd.types", Some(Value::List(&[FILE, IPV4])))], false),
        ],
    }
    PMatch {
        word: "pmatch",
        doc: "equal to, or below, one of the paths; components may be shell patterns",
        types: Types::TEXTS,
        right: Right::List,
        constants: Constants::Plain,
        evaluation: Evaluation::Paths { plain: |value, path| Ok(plain::is_below(value, path)) },
        implies: None,
        examples: &[
            example("fd.name pmatch (/etc, /usr/lib/*/security)", &[("fd.name", text("/etc/passwd"))], true),
            example("fd.name pmatch (/etc, /usr/lib/*/security)", &[("fd.name", text("/etcetera"))], false),
        ],
    }
}

/// Values of the lists in examples.
const FILE: Value<'static> = Value::Str(b"file");
const IPV4: Value<'static> = Value::Str(b"ipv4");
