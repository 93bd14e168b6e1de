//! Conditions as formulas, for filters that decide a part of them before the rules.

use std::sync::Arc;

use eyas_fields::{Compare, Field, FieldFlags, FieldTest, Formula, Schema, Shape, TextPlace, Value};
use rustc_hash::FxHashMap;

use super::ast::{Expr, Test};
use super::build::Shelf;
use super::check::Check;
use super::codes::TypeTest;
use super::compare::Cmp;
use super::operand::has;
use super::predicate::Predicate;
use super::walk::{Fold, fold, is_larger};

/// The largest number of comparisons, and the deepest nesting, for which a condition gets a formula; a
/// formula contains copies of shared macros.
const MAX_TESTS: usize = 4096;
const MAX_LEVELS: usize = 200;

const TOO_LARGE: &str = "the condition is too large";
const NOT_A_FIELD: &str = "its left side is not a plain field";
const NOT_CONSTANTS: &str = "its right side is not a constant";
const SEVERAL: &str = "the field has several values";

/// A comparison in a formula.
#[derive(Clone, Debug)]
pub(crate) enum Leaf {
    /// A comparison of the event's type.
    Type(TypeTest, FieldTest),
    Other(FieldTest),
}

/// A condition as a formula.
#[derive(Debug)]
pub(crate) struct ConditionFormula(Formula<Leaf>);

impl ConditionFormula {
    /// The formula for events with this code: type tests are replaced by their results.
    pub(crate) fn of_code(&self, code: u16) -> Formula<&FieldTest> {
        self.0.replace(&mut |leaf| match leaf {
            Leaf::Other(test) => Formula::Test(test),
            Leaf::Type(types, test) => match types.verdict(code) {
                Some(verdict) => Formula::Const(verdict != test.negated),
                // Its value decides.
                None => Formula::Test(test),
            },
        })
    }
}

/// Turns conditions into formulas; shared parts are compiled once.
pub(crate) struct Formulas<'s> {
    schema: &'s dyn Schema,
    shelf: Shelf,
    /// Comparisons by address. They are kept alive, so that no other gets the address.
    known: FxHashMap<usize, (Arc<Test>, Leaf)>,
}

impl<'s> Formulas<'s> {
    pub(crate) fn new(schema: &'s dyn Schema) -> Self {
        Self { schema, shelf: Shelf::default(), known: FxHashMap::default() }
    }

    /// Returns the formula of a condition that compiles.
    pub(crate) fn of(&mut self, expr: &Expr) -> ConditionFormula {
        if is_larger(expr, MAX_TESTS, MAX_LEVELS) {
            let of = Err(TOO_LARGE);
            let whole = FieldTest { text: "the condition".into(), negated: false, of };
            return ConditionFormula(Formula::Test(Leaf::Other(whole)));
        }
        let Ok(formula) = fold(expr, self);
        ConditionFormula(formula)
    }

    fn leaf(&mut self, test: &Arc<Test>, negated: bool) -> Leaf {
        let key = Arc::as_ptr(test) as usize;
        let leaf = match self.known.get(&key) {
            Some((_, leaf)) => leaf.clone(),
            None => {
                let leaf = self.compile(test);
                self.known.insert(key, (test.clone(), leaf.clone()));
                leaf
            }
        };
        match leaf {
            Leaf::Type(types, test) => Leaf::Type(types, FieldTest { negated, ..test }),
            Leaf::Other(test) => Leaf::Other(FieldTest { negated, ..test }),
        }
    }

    fn compile(&mut self, test: &Arc<Test>) -> Leaf {
        let predicate = Predicate::compile(test, self.schema, &mut self.shelf);
        self.shelf.keep(&test.right);
        let types = predicate.as_ref().ok().and_then(|predicate| predicate.types().cloned());
        let of = predicate.map_err(|_| NOT_A_FIELD).and_then(|predicate| self.compared(predicate));
        let test = FieldTest { text: test.to_string().into(), negated: false, of };
        match types {
            Some(types) => Leaf::Type(types, test),
            None => Leaf::Other(test),
        }
    }

    fn compared(&self, predicate: Predicate) -> Result<(Field, Arc<dyn Compare>), &'static str> {
        let field = predicate.field().ok_or(NOT_A_FIELD)?.clone();
        // With an index or a key, such a field has one value.
        if field.is_list || (field.arg.is_none() && has(self.schema, &field, FieldFlags::ANY)) {
            return Err(SEVERAL);
        }
        let check = predicate.constants().ok_or(NOT_CONSTANTS)?.clone();
        Ok((field, Arc::new(Constants(check))))
    }
}

impl Fold for Formulas<'_> {
    type Out = Formula<Leaf>;
    type Error = std::convert::Infallible;

    fn known(&mut self, _: &Expr, _: bool, _: usize) -> Result<Option<Self::Out>, Self::Error> {
        Ok(None)
    }

    fn make(&mut self, part: &Expr, negated: bool, parts: Vec<Self::Out>) -> Result<Self::Out, Self::Error> {
        Ok(match part {
            Expr::And(_) if !negated => Formula::all(parts),
            Expr::Or(_) if negated => Formula::all(parts),
            Expr::And(_) | Expr::Or(_) => Formula::any(parts),
            // The negations are already moved to the comparisons.
            Expr::Not(_) => Formula::all(parts),
            // Conditions of rules contain no macros any more.
            Expr::Macro(..) => Formula::Const(true),
            Expr::Test(test) => Formula::Test(self.leaf(test, negated)),
        })
    }
}

/// A comparison of one value with constants.
#[derive(Debug)]
struct Constants(Check);

impl Compare for Constants {
    fn holds(&self, value: &Value<'_>) -> bool {
        self.0.holds(value)
    }

    fn shape(&self) -> Shape<'_> {
        let one = |place, text| Shape::Texts(place, vec![text]);
        match &self.0 {
            Check::Exists => Shape::Any,
            Check::Num(cmp, to) => Shape::Numbers(match cmp {
                Cmp::Lt => vec![i128::MIN..=to - 1],
                Cmp::Le => vec![i128::MIN..=*to],
                Cmp::Gt => vec![to + 1..=i128::MAX],
                Cmp::Ge => vec![*to..=i128::MAX],
                Cmp::Eq => vec![*to..=*to],
                Cmp::Ne => vec![i128::MIN..=to - 1, to + 1..=i128::MAX],
            }),
            Check::Numbers(set) => {
                let mut numbers = Vec::new();
                set.visit(&mut |number| numbers.push(*number..=*number));
                Shape::Numbers(numbers)
            }
            Check::Bytes(Cmp::Eq, text) => one(TextPlace::Whole, text),
            Check::Texts(set) => {
                let mut texts = Vec::new();
                set.visit(&mut |text| texts.push(&**text));
                Shape::Texts(TextPlace::Whole, texts)
            }
            Check::StartsWith(text) => one(TextPlace::Start, text),
            Check::EndsWith(text) => one(TextPlace::End, text),
            Check::Contains(finder) => one(TextPlace::Within, finder.needle()),
            _ => Shape::Other,
        }
    }

    fn bound(&self) -> Shape<'_> {
        match &self.0 {
            Check::Glob(glob) => {
                glob.literal().map_or(Shape::Other, |(place, text)| Shape::Texts(place, vec![text]))
            }
            _ => self.shape(),
        }
    }
}
