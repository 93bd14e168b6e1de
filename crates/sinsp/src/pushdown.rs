//! A filter before the rules: rows in arrays that say which events no rule can match, by what the event itself reports.
//!
//! The rules' conditions come as formulas ([`eyas_fields::Formula`]). A test that the event's own parameters decide
//! becomes a row; every other test becomes "may hold". A row that finds no value, or one that the state may replace,
//! counts as satisfied. So an event that the rows reject satisfies no rule. See docs/pushdown.md.

use eyas_events::EventType;
use eyas_events::filter::Filter;
use eyas_fields::{FieldTest, Formula};
use eyas_scap::RawEvent;

use crate::field_source::generic_code;
use crate::view::EventView;
use build::Builder;
pub(crate) use kernel::Free;
use rows::Rows;
use translate::{Outcome, Translator};

mod build;
mod kernel;
mod machine;
mod paths;
mod rows;
mod translate;

/// Texts that the rows of a type compare with at most, if they are to be cheap.
const MAX_CHEAP_TEXTS: usize = 48;

/// The rows of a ruleset.
#[derive(Debug)]
pub struct Pushdown {
    rows: Rows,
    /// Codes for which the rows became too many.
    passed: usize,
}

/// What is kept of a rule's condition for events of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// Comparisons that rows decide.
    pub kept: Vec<String>,
    /// Comparisons that may hold as far as rows can say, and why.
    pub weakened: Vec<(String, &'static str)>,
    /// Whether the rows reject every event that the condition rejects.
    pub exact: bool,
    /// Whether every event passes, whatever it reports.
    pub passes_all: bool,
}

impl Pushdown {
    /// The rows for what `conditions` returns for each code: a formula for each rule that may match its events.
    pub fn new(conditions: &mut dyn FnMut(u16) -> Vec<Formula<FieldTest>>) -> Self {
        Self::with_texts(conditions, usize::MAX)
    }

    /// As [`Pushdown::new`], with rows that cost less than rules do: of a type whose rows would compare with many texts, they
    /// compare with numbers alone.
    pub fn cheap(conditions: &mut dyn FnMut(u16) -> Vec<Formula<FieldTest>>) -> Self {
        Self::with_texts(conditions, MAX_CHEAP_TEXTS)
    }

    fn with_texts(conditions: &mut dyn FnMut(u16) -> Vec<Formula<FieldTest>>, most: usize) -> Self {
        let (mut builder, mut translator) = (Builder::default(), Translator::default());
        for code in 0..EventType::COUNT as u16 {
            let formulas = conditions(code);
            let kept = formulas.iter().map(|formula| weaken(EventType(code), formula, &mut translator));
            let mut kept = Formula::any(kept.collect::<Vec<_>>());
            let mut texts = 0;
            kept.tests(&mut |test| texts += test.texts());
            if texts > most {
                kept = kept.replace(&mut |test| match test.texts() {
                    0 => Formula::Test(test.clone()),
                    _ => Formula::Const(true),
                });
            }
            builder.add(kept);
        }
        let (rows, passed) = builder.finish();
        Self { rows, passed }
    }

    /// Whether a rule may match the event, as far as the event itself says; `false` is certain.
    #[inline]
    pub fn may_match(&self, event: &EventView<'_>) -> bool {
        self.may_match_raw(&event.event(), event.state().has_beginnings)
    }

    /// As [`Pushdown::may_match`]. `has_beginnings` says whether the source delivers events of calls that begin: their
    /// paths replace those of their ends.
    #[inline]
    pub(crate) fn may_match_raw(&self, event: &RawEvent<'_>, has_beginnings: bool) -> bool {
        let code = match event.ty {
            EventType::GENERIC_X => generic_code(event),
            ty => ty.0,
        };
        if code != event.ty.0 {
            // Its parameters are not those of the type that rules take it for.
            return !self.rows.rejects_all(code);
        }
        self.rows.pass(code, event, has_beginnings)
    }

    /// Whether the rows reject every event with this code.
    pub fn rejects_all(&self, code: u16) -> bool {
        self.rows.rejects_all(code)
    }

    /// The same for the probe, which leaves out what rows reject as far as `free` says.
    pub(crate) fn kernel(&self, free: impl Fn(EventType) -> Free) -> Filter {
        kernel::filter(&self.rows, free)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Event types whose rows would be too many: all of their events pass.
    pub fn types_that_pass(&self) -> usize {
        self.passed
    }

    /// Bytes that the rows and their constants take.
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

/// The condition as far as rows decide it.
fn weaken(ty: EventType, formula: &Formula<FieldTest>, translator: &mut Translator) -> Formula<rows::Test> {
    formula.replace(&mut |test| match translator.translate(test, ty) {
        Outcome::Const(holds) => Formula::Const(holds),
        Outcome::Kept { test, .. } => Formula::Test(test),
        Outcome::Weak(_) => Formula::Const(true),
    })
}

/// What rows keep of a condition for events with this code.
pub fn certificate(code: u16, formula: &Formula<FieldTest>) -> Certificate {
    let ty = EventType(code);
    let (mut out, mut translator) =
        (Certificate { exact: true, ..Certificate::default() }, Translator::default());
    formula.tests(&mut |test| match translator.translate(test, ty) {
        Outcome::Const(_) => {}
        Outcome::Kept { is_exact, .. } => {
            out.exact &= is_exact;
            add(&mut out.kept, test.condition());
        }
        Outcome::Weak(why) => {
            out.exact = false;
            add(&mut out.weakened, (test.condition(), why));
        }
    });
    out.passes_all = weaken(ty, formula, &mut translator) == Formula::Const(true);
    out
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
