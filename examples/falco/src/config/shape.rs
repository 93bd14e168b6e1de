//! Types of values in falco.yaml.

/// Type of a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true`, `false`, or another YAML notation of them.
    Bool,
    /// A number from 0 to this one.
    Number(u64),
    /// A number with or without a decimal point.
    Float,
    /// Any text, including numbers and booleans.
    Text,
    /// One of these texts, in upper or lower case.
    Choice(&'static [&'static str]),
    /// A list of values of one type. A single value is treated as a list with one element.
    List(&'static Shape),
    /// Keys with values.
    Section(&'static [(&'static str, Shape)]),
    /// Any keys, each with a text.
    Texts,
    /// A text, or a section.
    TextOr(&'static [(&'static str, Shape)]),
    /// A text, or one key with a text.
    TextOrPair,
    /// A text, or keys with values that this program does not validate.
    TextOrAnything,
    /// A value that this program does not validate.
    Anything,
}

use Shape::{
    Anything, Bool, Choice, Float, List, Number, Section, Text, TextOr, TextOrAnything, TextOrPair, Texts,
};

/// A number of 16 bits.
pub const U16: Shape = Number(u16::MAX as u64);
/// A number of 32 bits.
pub const U32: Shape = Number(u32::MAX as u64);
/// A number of 64 bits.
pub const U64: Shape = Number(u64::MAX);
/// Texts.
pub const TEXTS: Shape = List(&Text);

impl Shape {
    /// The keys that the section may have.
    pub fn keys(&self) -> &'static [(&'static str, Shape)] {
        match self {
            Section(keys) | TextOr(keys) => keys,
            _ => &[],
        }
    }

    /// Type of the value of a key.
    pub fn key(&self, name: &str) -> Option<&'static Shape> {
        self.keys().iter().find(|(key, _)| *key == name).map(|(_, shape)| shape)
    }

    /// Whether the set of keys is fixed. [`Shape::Texts`] and some others accept any key.
    pub fn knows_its_keys(&self) -> bool {
        matches!(self, Section(_) | TextOr(_))
    }

    /// The expected type, for messages.
    pub fn word(&self) -> String {
        match self {
            Bool => "true or false",
            Number(_) => "a number",
            Float => "a number",
            Text => "a text",
            Choice(names) => return format!("one of {}", names.join(", ")),
            List(_) => "a list",
            Section(_) | Texts => "keys with values",
            TextOr(_) | TextOrAnything => "a text, or keys with values",
            TextOrPair => "a text, or one key with a text",
            Anything => "a value",
        }
        .to_owned()
    }
}

/// Defines an enumeration for a key whose value is one of several texts.
macro_rules! choice {
    ($(#[$of_type:meta])* $name:ident { $($(#[$of_variant:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$of_type])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
        pub enum $name {
            $($(#[$of_variant])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Allowed values.
            pub const SHAPE: $crate::config::Shape = $crate::config::Shape::Choice(&[$($text),*]);
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}
pub(crate) use choice;
