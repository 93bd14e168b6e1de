//! Which events a condition can match, by its tests of the event type.

use std::sync::Arc;

use eyas_fields::{CodeSet, Field, Schema};
use rustc_hash::FxHashMap;

use super::ast::{Expr, FieldRef, Op, Operand, Rhs, Test};

/// Codes of the events that can satisfy the condition.
///
/// Tests of anything but the event type are taken to hold for some event of every type. Fields that do
/// not resolve count as such.
pub fn codes(expr: &Expr, schema: &dyn Schema) -> CodeSet {
    codes_without_always(expr, schema).union(&schema.always())
}

/// As [`codes`], without those that every rule must see.
pub(crate) fn codes_without_always(expr: &Expr, schema: &dyn Schema) -> CodeSet {
    Codes::default().of(expr, schema)
}

/// Finds the codes of many conditions of one schema; comparisons that they share are looked at once.
#[derive(Default)]
pub(crate) struct Codes {
    /// By address: the comparison, kept so that no other gets its address, and whether it is of the type.
    seen: FxHashMap<usize, (Arc<Test>, Option<Sets>)>,
}

/// Codes for which a comparison of the type may hold, and for which its negation may.
struct Sets([CodeSet; 2]);

impl Codes {
    /// As [`codes_without_always`].
    pub(crate) fn of(&mut self, expr: &Expr, schema: &dyn Schema) -> CodeSet {
        self.walk(expr, schema, false)
    }

    fn walk(&mut self, expr: &Expr, schema: &dyn Schema, negated: bool) -> CodeSet {
        let all = || CodeSet::all(schema.codes());
        match expr {
            Expr::Not(child) => self.walk(child, schema, !negated),
            Expr::And(children) | Expr::Or(children) => {
                let intersects = matches!(expr, Expr::And(_)) != negated;
                let join = |a: CodeSet, b: CodeSet| if intersects { a.intersection(&b) } else { a.union(&b) };
                children
                    .iter()
                    .map(|child| self.walk(child, schema, negated))
                    .reduce(join)
                    .unwrap_or_else(all)
            }
            Expr::Macro(..) => all(),
            Expr::Test(test) => {
                let known = self.seen.entry(Arc::as_ptr(test) as usize).or_insert_with(|| {
                    let sets = tested(test, schema, false).zip(tested(test, schema, true));
                    (test.clone(), sets.map(|(held, not)| Sets([held, not])))
                });
                known.1.as_ref().map_or_else(all, |Sets(sets)| sets[usize::from(negated)].clone())
            }
        }
    }
}

/// Codes of the events for which a test of the type, or its negation, may hold; `None` for other tests.
fn tested(test: &Test, schema: &dyn Schema, negated: bool) -> Option<CodeSet> {
    let Operand::Field(FieldRef { name, arg, .. }) = &test.left else { return None };
    let field = schema.resolve(name, arg.as_deref()).ok()?;
    if !schema.is_type_field(&field) {
        return None;
    }
    // Events whose type is not always the same, or absent, satisfy both a test and its negation.
    let varies = || {
        let codes = 0..schema.codes() as u16;
        let mut set = CodeSet::empty(schema.codes());
        codes.filter(|c| schema.fixed_type(&field, *c).is_none()).for_each(|c| set.insert(c));
        set
    };
    if test.op == Op::Exists {
        return Some(if negated { varies() } else { CodeSet::all(schema.codes()) });
    }
    let named = named(test, schema)?;
    Some(if (test.op == Op::Ne) == negated {
        if test.op == Op::Ne { named.union(&varies()) } else { named }
    } else {
        named.complement().union(&varies())
    })
}

/// Codes of the events whose types the constants of an equality or membership name.
pub(super) fn named(test: &Test, schema: &dyn Schema) -> Option<CodeSet> {
    if test.modifier.is_some() || !matches!(test.op, Op::Eq | Op::EqEq | Op::Ne | Op::In) {
        return None;
    }
    let values = match &test.right {
        Rhs::Value(value) => std::slice::from_ref(value),
        Rhs::List(values) => values,
        Rhs::None | Rhs::Operand(_) => return None,
    };
    let mut set = CodeSet::empty(schema.codes());
    for value in values {
        if let Some(more) = std::str::from_utf8(&value.text).ok().and_then(|name| schema.codes_of(name)) {
            set = set.union(&more);
        }
    }
    Some(set)
}

/// What an equality or membership of the event type says about each code.
#[derive(Clone, Debug)]
pub(super) struct TypeTest {
    /// Codes for which it may hold.
    pub(super) may: CodeSet,
    /// Codes for which it holds whatever the event.
    pub(super) must: CodeSet,
}

impl TypeTest {
    pub(super) fn of(test: &Test, field: &Field, schema: &dyn Schema) -> Option<Self> {
        if !schema.is_type_field(field) {
            return None;
        }
        let may = named(test, schema)?;
        let values: &[_] = match &test.right {
            Rhs::Value(value) => std::slice::from_ref(value),
            Rhs::List(values) => values,
            Rhs::None | Rhs::Operand(_) => return None,
        };
        let is_named = |name: &str| values.iter().any(|v| v.text == name.as_bytes());
        let (mut must, mut never) = (CodeSet::empty(schema.codes()), CodeSet::empty(schema.codes()));
        for code in 0..schema.codes() as u16 {
            match schema.fixed_type(field, code) {
                Some(name) if is_named(name) => must.insert(code),
                Some(_) => never.insert(code),
                None => {}
            }
        }
        Some(match test.op {
            Op::Ne => Self { may: must.complement(), must: never },
            _ => Self { may, must },
        })
    }
}
