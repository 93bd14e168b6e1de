//! The event codes that a condition can match, according to its tests of the event type.

use eyas_fields::{CodeSet, Field, FieldFlags, Schema};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ast::{Expr, FieldRef, Operand, Rhs, Test};
use super::opdef::Implies;
use super::walk::{Fold, Shared, fold};

/// Codes of the events that can satisfy the condition.
///
/// It assumes that every other test is true for some event of every type. Fields that do not resolve are
/// treated the same way.
pub fn codes(expr: &Expr, schema: &dyn Schema) -> CodeSet {
    codes_without_always(expr, schema).union(&schema.always())
}

/// Like [`codes`], without the codes for which every rule is tested.
pub(crate) fn codes_without_always(expr: &Expr, schema: &dyn Schema) -> CodeSet {
    Codes::default().of(expr, schema)
}

/// Finds the codes of many conditions of one schema; it visits shared parts once.
#[derive(Default)]
pub(crate) struct Codes {
    seen: FxHashMap<Key, Seen>,
}

/// A part's address, its kind, and whether it is negated.
type Key = (usize, u8, bool);

/// A part and its codes; `None` stands for all codes. The part is kept alive, so that no other part gets
/// its address.
type Seen = (Shared, Option<CodeSet>);

impl Codes {
    /// Like [`codes_without_always`], with a cache.
    pub(crate) fn of(&mut self, expr: &Expr, schema: &dyn Schema) -> CodeSet {
        let all = CodeSet::all(schema.codes());
        let Ok(codes) = fold(expr, &mut Finder { seen: &mut self.seen, schema });
        codes.unwrap_or(all)
    }
}

/// Finds the codes of the events that can satisfy a part; `None` stands for all.
struct Finder<'a> {
    seen: &'a mut FxHashMap<Key, Seen>,
    schema: &'a dyn Schema,
}

impl Finder<'_> {
    fn key(shared: &Shared, negated: bool) -> Key {
        let (address, kind) = shared.key();
        (address, kind, negated)
    }
}

impl Fold for Finder<'_> {
    type Out = Option<CodeSet>;
    type Error = std::convert::Infallible;

    fn known(&mut self, part: &Expr, negated: bool, _: usize) -> Result<Option<Self::Out>, Self::Error> {
        let key = Shared::of(part).map(|shared| Self::key(&shared, negated));
        Ok(key.and_then(|key| self.seen.get(&key)).map(|(_, codes)| codes.clone()))
    }

    fn make(&mut self, part: &Expr, negated: bool, parts: Vec<Self::Out>) -> Result<Self::Out, Self::Error> {
        let codes = match part {
            Expr::Not(_) => parts.into_iter().next().flatten(),
            Expr::And(_) | Expr::Or(_) if matches!(part, Expr::And(_)) != negated => {
                parts.into_iter().flatten().reduce(|a, b| a.intersection(&b))
            }
            Expr::And(_) | Expr::Or(_) => {
                let union = |a: Option<CodeSet>, b: Option<CodeSet>| a.zip(b).map(|(a, b)| a.union(&b));
                parts.into_iter().reduce(union).flatten()
            }
            Expr::Macro(..) => None,
            Expr::Test(test) => tested(test, self.schema, negated),
        };
        if let Some(shared) = Shared::of(part) {
            self.seen.insert(Self::key(&shared, negated), (shared, codes.clone()));
        }
        Ok(codes)
    }
}

/// Codes of the events for which a test of the type, or its negation, may be true; `None` for other tests.
fn tested(test: &Test, schema: &dyn Schema, negated: bool) -> Option<CodeSet> {
    let Operand::Field(FieldRef { name, arg, .. }) = &test.left else { return None };
    let field = schema.resolve(name, arg.as_deref()).ok()?;
    if !schema.is_type_field(&field) {
        return match positive(test, &field, schema) {
            Some(holds) if holds == negated => Some(CodeSet::empty(schema.codes())),
            _ => None,
        };
    }
    // Events whose type is not always the same, or absent, satisfy both a test and its negation.
    let varies = || {
        let codes = 0..schema.codes() as u16;
        let mut set = CodeSet::empty(schema.codes());
        codes.filter(|c| schema.fixed_type(&field, *c).is_none()).for_each(|c| set.insert(c));
        set
    };
    let implies = test.op.def().implies;
    if implies == Some(Implies::Present) {
        return Some(if negated { varies() } else { CodeSet::all(schema.codes()) });
    }
    let named = named(test, schema)?;
    let differs = implies == Some(Implies::NoneOf);
    Some(if differs == negated {
        if differs { named.union(&varies()) } else { named }
    } else {
        named.complement().union(&varies())
    })
}

/// Whether a test of an always positive number is true in every event or in none; `None` if neither.
fn positive(test: &Test, field: &Field, schema: &dyn Schema) -> Option<bool> {
    if test.modifier.is_some() || !schema.def(field.id).flags.contains(FieldFlags::POSITIVE) {
        return None;
    }
    // A negative number stands for a large one if the field is unsigned.
    let mut numbers =
        test.right.values().map(|value| std::str::from_utf8(value.text).ok()?.parse::<u64>().ok());
    let implies = test.op.def().implies?;
    if implies == Implies::OneOf && test.op.takes_list() {
        // One possible value is enough.
        return numbers.all(|number| number.is_some_and(|number| number < 1)).then_some(false);
    }
    let number = numbers.next()??;
    match implies {
        Implies::OneOf if number < 1 => Some(false),
        Implies::NoneOf if number < 1 => Some(true),
        Implies::Below if number <= 1 => Some(false),
        Implies::AtMost if number < 1 => Some(false),
        Implies::Above if number < 1 => Some(true),
        Implies::AtLeast if number <= 1 => Some(true),
        _ => None,
    }
}

/// Codes of the events whose types the constants of an equality or membership name.
pub(super) fn named(test: &Test, schema: &dyn Schema) -> Option<CodeSet> {
    if test.modifier.is_some() || !matches!(test.op.def().implies, Some(Implies::OneOf | Implies::NoneOf)) {
        return None;
    }
    if matches!(test.right, Rhs::None | Rhs::Operand(_)) {
        return None;
    }
    let mut set = CodeSet::empty(schema.codes());
    for value in test.right.values() {
        if let Some(more) = std::str::from_utf8(value.text).ok().and_then(|name| schema.codes_of(name)) {
            set = set.union(&more);
        }
    }
    Some(set)
}

/// The result of an equality or membership test of the event type, for each code.
#[derive(Clone, Debug)]
pub(super) struct TypeTest {
    /// Codes for which it may be true.
    pub(super) may: CodeSet,
    /// Codes for which it is always true.
    pub(super) must: CodeSet,
}

impl TypeTest {
    /// The result for events with this code, if the code decides it.
    #[inline]
    pub(super) fn verdict(&self, code: u16) -> Option<bool> {
        match (self.may.contains(code), self.must.contains(code)) {
            (false, _) => Some(false),
            (_, true) => Some(true),
            _ => None,
        }
    }

    pub(super) fn of(test: &Test, field: &Field, schema: &dyn Schema) -> Option<Self> {
        if !schema.is_type_field(field) {
            return None;
        }
        let may = named(test, schema)?;
        let values: FxHashSet<&[u8]> = test.right.values().map(|value| value.text).collect();
        let is_named = |name: &str| values.contains(name.as_bytes());
        let (mut must, mut never) = (CodeSet::empty(schema.codes()), CodeSet::empty(schema.codes()));
        for code in 0..schema.codes() as u16 {
            let older = schema.older_type(field, code);
            match schema.fixed_type(field, code) {
                Some(name) if is_named(name) || older.is_some_and(is_named) => must.insert(code),
                Some(_) => never.insert(code),
                None => {}
            }
        }
        Some(match test.op.def().implies {
            Some(Implies::NoneOf) => Self { may: must.complement(), must: never },
            _ => Self { may, must },
        })
    }
}
