//! Conditions as formulas, for filters that decide a part of them before the rules.

use std::sync::Arc;

use eyas_fields::{
    CodeSet, Compare, ConditionFormula, Field, FieldFlags, FieldTest, Formula, Schema, Shape, TextPlace,
    Value,
};
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
pub(crate) struct Leaf {
    /// For a comparison of the event's type: its results.
    types: Option<Arc<TypeTest>>,
    test: Arc<FieldTest>,
}

impl Leaf {
    /// The comparison for events with this code, or its result if the code decides it.
    fn of_code(&self, code: u16) -> ConditionFormula {
        match self.types.as_ref().and_then(|types| types.verdict(code)) {
            Some(verdict) => Formula::Const(verdict != self.test.negated),
            None => Formula::Test(self.test.clone()),
        }
    }
}

/// Turns conditions into formulas; shared parts are compiled once.
pub(crate) struct Formulas<'s> {
    schema: &'s dyn Schema,
    shelf: Shelf,
    /// Different comparisons, and their negations.
    leaves: Vec<[Leaf; 2]>,
    /// Positions in `leaves` by address. The comparisons are kept alive, so that no other gets the address.
    known: FxHashMap<usize, (Arc<Test>, usize)>,
    /// The same by [`Test::write_key`].
    by_key: FxHashMap<Box<[u8]>, usize>,
    /// Memory for a key.
    key: Vec<u8>,
}

impl<'s> Formulas<'s> {
    pub(crate) fn new(schema: &'s dyn Schema) -> Self {
        let (known, by_key) = Default::default();
        Self { schema, shelf: Shelf::default(), leaves: Vec::new(), known, by_key, key: Vec::new() }
    }

    /// Returns the formulas of a condition that compiles, for events with these codes. Codes for which the comparisons of the type
    /// have the same results share a formula. No event satisfies the condition if it has none of the returned codes.
    pub(crate) fn of(&mut self, expr: &Expr, codes: &CodeSet) -> Vec<(CodeSet, ConditionFormula)> {
        if is_larger(expr, MAX_TESTS, MAX_LEVELS) {
            let of = Err(TOO_LARGE);
            let whole = FieldTest { text: "the condition".into(), negated: false, of };
            return vec![(codes.clone(), Formula::Test(whole.into()))];
        }
        let Ok(formula) = fold(expr, self);
        let of_codes = self.same_types(&formula, codes).into_iter().map(|codes| {
            let of_code = codes.iter().next().map(|code| formula.replace(&mut |leaf| leaf.of_code(code)));
            (codes, of_code.unwrap_or(Formula::Const(false)))
        });
        of_codes.filter(|(_, formula)| !matches!(formula, Formula::Const(false))).collect()
    }

    /// Divides the codes by the results of all comparisons of the type.
    fn same_types(&self, formula: &Formula<Leaf>, codes: &CodeSet) -> Vec<CodeSet> {
        let mut types: Vec<&Arc<TypeTest>> = Vec::new();
        formula.tests(&mut |leaf| {
            let new = leaf.types.as_ref().filter(|new| !types.iter().any(|known| Arc::ptr_eq(known, new)));
            types.extend(new);
        });
        if types.is_empty() {
            return vec![codes.clone()];
        }
        let mut parts: FxHashMap<Vec<Option<bool>>, CodeSet> = FxHashMap::default();
        for code in codes.iter() {
            let results = types.iter().map(|types| types.verdict(code)).collect();
            parts.entry(results).or_insert_with(|| CodeSet::empty(self.schema.codes())).insert(code);
        }
        parts.into_values().collect()
    }

    fn leaf(&mut self, test: &Arc<Test>, negated: bool) -> Leaf {
        let address = Arc::as_ptr(test) as usize;
        let at = match self.known.get(&address) {
            Some((_, at)) => *at,
            None => {
                let at = self.find(test);
                self.known.insert(address, (test.clone(), at));
                at
            }
        };
        self.leaves[at][usize::from(negated)].clone()
    }

    /// The position of a comparison in `leaves`.
    fn find(&mut self, test: &Test) -> usize {
        self.key.clear();
        test.write_key(&mut self.key);
        if let Some(known) = self.by_key.get(&*self.key) {
            return *known;
        }
        let at = self.leaves.len();
        self.by_key.insert(self.key.as_slice().into(), at);
        let leaves = self.compile(test);
        self.leaves.push(leaves);
        at
    }

    /// The comparison, and its negation.
    fn compile(&mut self, test: &Test) -> [Leaf; 2] {
        let predicate = Predicate::compile(test, self.schema, &mut self.shelf);
        self.shelf.keep(&test.right);
        let types = predicate.as_ref().ok().and_then(|predicate| predicate.types().cloned()).map(Arc::new);
        let of = predicate.map_err(|_| NOT_A_FIELD).and_then(|predicate| self.compared(predicate));
        let plain = FieldTest { text: test.to_string().into(), negated: false, of };
        let negated = FieldTest { negated: true, ..plain.clone() };
        [plain, negated].map(|test| Leaf { types: types.clone(), test: test.into() })
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
