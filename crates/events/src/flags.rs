//! Flags and enumerations: the names of their values, and how kernel values become portable ones.

/// Names of a parameter's values, in output order.
#[derive(Clone, Copy, Debug)]
pub struct FlagTable {
    /// Name in the schema, such as `file_flags`.
    pub name: &'static str,
    /// Names and values.
    pub entries: &'static [(&'static str, u32)],
}

impl FlagTable {
    /// The value with this name; for constants, where a wrong name fails to compile.
    ///
    /// # Panics
    /// No entry has that name.
    pub const fn value(&self, name: &str) -> u32 {
        let mut i = 0;
        while i < self.entries.len() {
            let (entry, value) = self.entries[i];
            if same(entry.as_bytes(), name.as_bytes()) {
                return value;
            }
            i += 1;
        }
        panic!("no flag of that name");
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

macro_rules! flag_tables {
    ($($ident:ident $name:literal $(extends $base:ident)? { $($flag:literal = $value:literal,)* })*) => {
        impl FlagTable {
            $(
                #[doc = concat!("`", $name, "`.")]
                pub const $ident: Self = Self { name: $name, entries: entries!($($base)? [$(($flag, $value)),*]) };
            )*
        }

        pub(super) const TABLES: &[FlagTable] = &[$(FlagTable::$ident),*];
    };
}

/// The entries of a table; those of the table that it extends come first.
macro_rules! entries {
    ([$($own:tt)*]) => {
        &[$($own)*]
    };
    ($base:ident [$($own:tt)*]) => {{
        const PARTS: &[&[(&str, u32)]] = &[FlagTable::$base.entries, &[$($own)*]];
        &crate::concat::concat::<_, { crate::concat::total(PARTS) }>(PARTS)
    }};
}

mod tables;

/// A translation from kernel values to the schema's portable ones, by position in [`FlagMap::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagMap(pub u8);

/// How a [`FlagMap`] translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagMapKind {
    /// Unchanged.
    Identity,
    /// Each bit by itself; bits not listed are dropped.
    Bits,
    /// The whole value; an unlisted value becomes the default.
    Values,
}

macro_rules! flag_maps {
    ($($ident:ident $kind:ident $(or $default:literal)? { $($from:literal => $to:literal),* })*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Position { $($ident),* }

        impl FlagMap {
            $(
                #[doc = concat!("`", stringify!($ident), "`.")]
                pub const $ident: Self = Self(Position::$ident as u8);
            )*

            /// Every translation: name, kind, (kernel, portable) pairs, and the default value.
            pub const ALL: &'static [(&'static str, super::FlagMapKind, &'static [(u64, u64)], u64)] =
                &[$((stringify!($ident), kind!($kind), &[$(($from, $to)),*], otherwise!($($default)?))),*];
        }
    };
}

macro_rules! kind {
    (identity) => {
        super::FlagMapKind::Identity
    };
    (bits) => {
        super::FlagMapKind::Bits
    };
    (values) => {
        super::FlagMapKind::Values
    };
}

macro_rules! otherwise {
    () => {
        0
    };
    ($default:literal) => {
        $default
    };
}

mod maps;

impl FlagMap {
    /// Translates a kernel value.
    pub fn apply(self, value: u64) -> u64 {
        let Some((_, kind, pairs, default)) = Self::ALL.get(usize::from(self.0)) else { return 0 };
        match kind {
            FlagMapKind::Identity => value,
            FlagMapKind::Bits => {
                pairs.iter().filter(|(from, _)| value & from != 0).fold(0, |bits, (_, to)| bits | to)
            }
            FlagMapKind::Values => {
                // The kernel declares these arguments as int, and ignores the upper half of the register.
                let low = value & u64::from(u32::MAX);
                pairs.iter().find(|(from, _)| *from == low).map_or(*default, |(_, to)| *to)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_maps_translate_bits_and_values() {
        assert_eq!(FlagMap::SOCKET_FAMILY.apply(10), 10);
        assert_eq!(FlagMap::CLONE_FLAGS.apply(0), 0);
        assert_eq!(FlagMap::SHUTDOWN_HOW.apply(9), 65535);
        assert_ne!(FlagMap::CLONE_FLAGS.apply(0x10000), 0);
    }
}
