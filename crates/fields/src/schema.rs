use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use crate::{Field, FieldDef, FieldId, Scope, ScopeVersion, Value};

/// A value with fields: an event with the state around it, or any other value of an embedder.
pub trait FieldSource {
    /// The value of `field`, or `None` if it is absent.
    ///
    /// A list field, and a field with [`FieldFlags::ANY`](crate::FieldFlags::ANY) that has several
    /// values, return [`Value::List`].
    fn get(&self, field: &Field) -> Option<Value<'_>>;

    /// The [`Schema::id`] of the schema that describes the fields. Conditions that were compiled for
    /// another schema refuse the event; an evaluator checks only its first event.
    fn schema_id(&self) -> SchemaId;

    /// Code of the event's type, by which rules are indexed. Sources without types return 0.
    fn code(&self) -> u16 {
        0
    }

    /// The version of a scope's data; `None` if the engine must cache nothing beyond this event. The engine calls this for
    /// [`Scope::Process`], [`Scope::Ancestors`] and [`Scope::Fd`]. The version of `Ancestors` must also change with the data of
    /// `Process`; that of `Fd` depends only on the file.
    fn scope_version(&self, scope: Scope) -> Option<ScopeVersion> {
        let _ = scope;
        None
    }

    /// Time of the event, ns since the epoch; `None` if the event has no time.
    fn timestamp(&self) -> Option<u64> {
        None
    }

    /// A second view of the event, in which the file has the path that the kernel opened instead of the path that was
    /// requested. A condition matches an event if it matches either view as a whole.
    fn alternate(&self) -> Option<&dyn FieldSource> {
        None
    }
}

/// The fields that a kind of source has.
pub trait Schema: Send + Sync {
    /// Name of the event source that rules refer to, such as `syscall`.
    fn source(&self) -> &str;

    /// Identifies the schema: see [`SchemaId`]. A schema with many fields may cache it.
    fn id(&self) -> SchemaId {
        SchemaId::of(self)
    }

    /// Finds the field `name`, with the text between brackets in `arg`.
    ///
    /// # Errors
    /// No such field, or its argument is missing, forbidden or malformed.
    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError>;

    /// All rows, for listings. [`FieldId`] is the position here, unless the schema has a [`Schema::def`] of its own.
    fn fields(&self) -> &[FieldDef];

    /// Row of `id`; ids come from [`Schema::resolve`] of the same schema.
    fn def(&self, id: FieldId) -> &FieldDef {
        &self.fields()[usize::from(id.0)]
    }

    /// The constant text of the field `name`, if the configuration defines such a field.
    fn constant(&self, name: &str) -> Option<&str> {
        let _ = name;
        None
    }

    /// Number of event codes: rules are indexed by codes below it. 1 if events have no types.
    fn codes(&self) -> usize {
        1
    }

    /// Whether comparing `field` with a constant decides the event's type, as `evt.type` does.
    fn is_type_field(&self, field: &Field) -> bool {
        let _ = field;
        false
    }

    /// Codes of the events with the type `name` (a value of a type field); `None` if unknown.
    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        let _ = name;
        None
    }

    /// The value of a type field in every event with this code, if it is always the same.
    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        let _ = (field, code);
        None
    }

    /// The name of an older event type that a test of a type field may use for events with this code,
    /// because the condition may be older than the newer type. The field's value is still that of
    /// [`Schema::fixed_type`].
    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        let _ = (field, code);
        None
    }

    /// Name of the event with this code, for listings.
    fn code_name(&self, code: u16) -> Option<&str> {
        let _ = code;
        None
    }

    /// Codes of the events that the source can yield.
    fn occurring(&self) -> CodeSet {
        CodeSet::all(self.codes())
    }

    /// Codes of events for which every rule of this source is tested, whatever its condition.
    fn always(&self) -> CodeSet {
        CodeSet::empty(self.codes())
    }

    /// All texts that a field can have, if they are known. A comparison with another text is never true.
    /// Numbers are still allowed.
    fn words(&self, field: &Field) -> Option<&[&str]> {
        let _ = field;
        None
    }

    /// Checks whether `value` may be compared with `field`.
    ///
    /// # Errors
    /// The reason, for the author of the rule: for example, an unknown `evt.type`.
    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        let _ = (field, value);
        Ok(())
    }
}

/// Identifies a schema: a hash of the source's name, of the fields in their order, and of the names of the
/// event codes.
///
/// Schemas that are equal in these have the same id within one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SchemaId(u64);

impl SchemaId {
    /// Returns the id of a schema.
    pub fn of<S: Schema + ?Sized>(schema: &S) -> Self {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        schema.source().hash(&mut hash);
        for def in schema.fields() {
            (def.name, def.ty, def.arg, def.scope, def.flags.0).hash(&mut hash);
        }
        let codes = schema.codes();
        codes.hash(&mut hash);
        (0..codes as u16).for_each(|code| schema.code_name(code).hash(&mut hash));
        Self(hash.0)
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The hash function FNV-1a, which needs no standard library.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// A reference to a schema is a schema, so a static one can be used as an owned one.
impl<S: Schema + ?Sized> Schema for &S {
    fn source(&self) -> &str {
        (**self).source()
    }

    fn id(&self) -> SchemaId {
        (**self).id()
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        (**self).resolve(name, arg)
    }

    fn fields(&self) -> &[FieldDef] {
        (**self).fields()
    }

    fn def(&self, id: FieldId) -> &FieldDef {
        (**self).def(id)
    }

    fn constant(&self, name: &str) -> Option<&str> {
        (**self).constant(name)
    }

    fn codes(&self) -> usize {
        (**self).codes()
    }

    fn is_type_field(&self, field: &Field) -> bool {
        (**self).is_type_field(field)
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        (**self).codes_of(name)
    }

    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        (**self).fixed_type(field, code)
    }

    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        (**self).older_type(field, code)
    }

    fn code_name(&self, code: u16) -> Option<&str> {
        (**self).code_name(code)
    }

    fn occurring(&self) -> CodeSet {
        (**self).occurring()
    }

    fn always(&self) -> CodeSet {
        (**self).always()
    }

    fn words(&self, field: &Field) -> Option<&[&str]> {
        (**self).words(field)
    }

    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        (**self).check_value(field, value)
    }
}

/// The reason why a field cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveError {
    /// No field of that name.
    Unknown,
    /// The field takes no argument.
    UnexpectedArg,
    /// The field requires an argument.
    MissingArg,
    /// The argument is not one that the field understands; with the reason.
    BadArg(String),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("nonexistent field"),
            Self::UnexpectedArg => f.write_str("field takes no argument"),
            Self::MissingArg => f.write_str("field requires an argument"),
            Self::BadArg(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for ResolveError {}

/// A set of event codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodeSet {
    words: Vec<u64>,
    len: usize,
}

impl CodeSet {
    /// The empty set of codes below `len`.
    pub fn empty(len: usize) -> Self {
        Self { words: alloc::vec![0; len.div_ceil(64)], len }
    }

    /// Every code below `len`.
    pub fn all(len: usize) -> Self {
        Self::empty(len).complement()
    }

    /// Adds a code; ignores codes of `len` or above.
    pub fn insert(&mut self, code: u16) {
        let code = usize::from(code);
        if code < self.len {
            self.words[code / 64] |= 1 << (code % 64);
        }
    }

    /// Whether the code is in the set.
    pub fn contains(&self, code: u16) -> bool {
        let code = usize::from(code);
        code < self.len && self.words[code / 64] & (1 << (code % 64)) != 0
    }

    /// Number of codes in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Whether no code is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    /// Whether every code of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(a, b)| a & !b == 0)
    }

    /// The codes in either set.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
        self
    }

    /// The codes in both sets.
    #[must_use]
    pub fn intersection(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
        self
    }

    /// The codes not in the set.
    #[must_use]
    pub fn complement(mut self) -> Self {
        for word in &mut self.words {
            *word = !*word;
        }
        if !self.len.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.len % 64)) - 1;
        }
        self
    }

    /// The codes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        let bits = |(at, word): (usize, &u64)| {
            let mut left = *word;
            core::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as u16)?;
                left &= left - 1;
                Some(at as u16 * 64 + bit)
            })
        };
        self.words.iter().enumerate().flat_map(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complement_stays_within_the_universe() {
        let mut set = CodeSet::empty(70);
        set.insert(3);
        set.insert(69);
        set.insert(70);
        assert_eq!(set.count(), 2);
        let rest = set.clone().complement();
        assert_eq!(rest.count(), 68);
        assert!(!rest.contains(3) && !rest.contains(70));
        assert_eq!(rest.union(&set), CodeSet::all(70));
    }
}
