//! A filter before the rules: rows in arrays that reject events that no rule can match, based on the event
//! itself.
//!
//! The rules' conditions come as formulas ([`eyas_fields::Formula`]). A test that the event's own
//! parameters decide becomes a row; every other test becomes "may be true". A row that finds no value, or a
//! value that the state may replace, is treated as true. So an event that the rows reject satisfies no
//! rule. See docs/pushdown.md.

use std::sync::Arc;

use eyas_events::EventType;
use eyas_events::filter::Filter;
use eyas_fields::{ConditionFormula, FieldTest, Formula};
use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;

use crate::field_source::generic_code;
use crate::state::is_kept;
use crate::view::EventView;
use build::Builder;
pub use groups::Groups;
pub(crate) use kernel::Free;
pub use model::Model;
pub use processes::ProcessVerdicts;
use rows::Rows;
use translate::{Outcome, Translator};

mod build;
mod groups;
mod kernel;
mod machine;
mod model;
mod paths;
mod processes;
mod results;
mod rows;
mod texts;
mod translate;

/// Maximum number of texts in the cheap rows of a type.
const MAX_CHEAP_TEXTS: usize = 48;

/// The rows of a ruleset: tests of an event's own parameters. An event that the rows reject satisfies no rule.
#[derive(Debug)]
pub struct Pushdown {
    rows: Rows,
    /// Number of codes with too many rows.
    passed: usize,
    /// The tests of processes in rows.
    groups: Arc<Groups>,
    /// By code: the groups of rules that may match, if each of these is in one.
    groups_of: Vec<Option<u64>>,
}

/// The parts of a rule's condition that rows decide, for events of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushedParts {
    /// Comparisons that rows decide.
    pub kept: Vec<String>,
    /// Comparisons that rows treat as true, with the reason.
    pub weakened: Vec<(String, &'static str)>,
    /// Comparisons that verdicts on the process decide ([`Groups`]).
    pub by_process: Vec<String>,
    /// Whether the rows reject every event that the condition rejects.
    pub exact: bool,
    /// Whether every event passes.
    pub passes_all: bool,
}

impl Pushdown {
    /// Makes the rows. `conditions` returns, for each code, a formula for each rule that may match its
    /// events. This is fastest if codes with an equal formula refer to the same one.
    pub fn new<'f>(conditions: &mut dyn FnMut(u16) -> Vec<&'f ConditionFormula>) -> Self {
        Self::with_texts(conditions, usize::MAX, None)
    }

    /// Like [`Pushdown::new`], with rows that also test whether the event's process is in a group of [`Groups`]. The other rows of
    /// a rule are tested only if the process is in the rule's group. Test events with [`Pushdown::may_match_in`].
    pub fn with_processes<'f>(conditions: &mut dyn FnMut(u16) -> Vec<&'f ConditionFormula>) -> Self {
        Self::with_texts(conditions, usize::MAX, Some(Groups::default()))
    }

    /// Like [`Pushdown::new`], with rows that cost less than the rules: if the rows of a type would compare
    /// with many texts, they compare only with numbers. A state machine compares a text with those of all rows at once.
    pub fn cheap<'f>(conditions: &mut dyn FnMut(u16) -> Vec<&'f ConditionFormula>) -> Self {
        let mut this = Self::with_texts(conditions, MAX_CHEAP_TEXTS, None);
        texts::add_machine(&mut this.rows);
        this
    }

    fn with_texts<'f>(
        conditions: &mut dyn FnMut(u16) -> Vec<&'f ConditionFormula>,
        most: usize,
        mut groups: Option<Groups>,
    ) -> Self {
        let (mut builder, mut translator) = (Builder::default(), Translator::default());
        let mut groups_of = Vec::new();
        // By the formula's address.
        let mut known: FxHashMap<*const ConditionFormula, Condition<'f>> = FxHashMap::default();
        for code in 0..EventType::COUNT as u16 {
            translator.set_type(EventType(code));
            let mut all_groups = Some(0);
            let kept = conditions(code).into_iter().map(|formula| {
                let condition = known.entry(formula).or_insert_with(|| Condition::new(formula));
                let kept = weaken(&condition.of_event, &mut translator);
                if let Formula::Const(false) = kept {
                    return kept;
                }
                let of_rule = groups.as_mut().map_or([None; 2], |groups| {
                    *condition.groups.get_or_insert_with(|| groups.of_rule(formula))
                });
                // A verdict on the process itself is valid longer than one that includes ancestors.
                let [own, lineage] = of_rule;
                all_groups = all_groups.zip(own.or(lineage)).map(|(all, group)| all | 1_u64 << group);
                let in_groups =
                    of_rule.into_iter().flatten().map(|group| Formula::Test(rows::Test::of_group(group)));
                Formula::all(in_groups.chain([kept]))
            });
            let mut kept = Formula::any(kept.collect::<Vec<_>>());
            groups_of.push(all_groups.filter(|groups| *groups != 0));
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
        Self { rows, passed, groups: Arc::new(groups.unwrap_or_default()), groups_of }
    }

    /// Whether a rule may match the event. If this returns `false`, no rule matches it.
    #[inline]
    pub fn may_match(&self, event: &EventView<'_>) -> bool {
        self.may_match_in(event, u64::MAX)
    }

    /// Like [`Pushdown::may_match`], for an event whose process is in these groups, a bit each.
    #[inline]
    pub fn may_match_in(&self, event: &EventView<'_>, groups: u64) -> bool {
        self.pass(&event.event(), event.state().has_beginnings, groups)
    }

    /// Like [`Pushdown::may_match`]. `has_beginnings` means that the source delivers enter events; their
    /// paths replace those of exit events.
    #[inline]
    pub(crate) fn may_match_raw(&self, event: &RawEvent<'_>, has_beginnings: bool) -> bool {
        self.pass(event, has_beginnings, u64::MAX)
    }

    #[inline]
    fn pass(&self, event: &RawEvent<'_>, has_beginnings: bool, groups: u64) -> bool {
        let code = match event.ty {
            EventType::GENERIC_X => generic_code(event),
            ty => ty.0,
        };
        if code != event.ty.0 {
            // Its parameters are not those of the type that rules see.
            return !self.rows.rejects_all(code);
        }
        self.rows.pass(code, event, has_beginnings, groups)
    }

    /// The groups of processes that rows test.
    pub fn groups(&self) -> &Arc<Groups> {
        &self.groups
    }

    /// Whether the rows reject every event with this code.
    pub fn rejects_all(&self, code: u16) -> bool {
        self.rows.rejects_all(code)
    }

    /// The same for the probe, which filters out rejected events of the kinds in `free`.
    pub(crate) fn kernel(&self, free: impl Fn(EventType) -> Free) -> Filter {
        let mut filter = kernel::filter(&self.rows, &self.groups_of, free);
        if filter.depends_on_processes() {
            for (row, code) in filter.types.iter_mut().zip(0..EventType::COUNT as u16) {
                row.flags |= groups::change_flags(EventType(code), self.groups.ask_for_lineage());
            }
        }
        filter
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Number of event types with too many rows, whose events all pass.
    pub fn types_that_pass(&self) -> usize {
        self.passed
    }

    /// Memory of the rows and their constants, bytes.
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

/// A condition, for all types for which it has the same formula.
struct Condition<'f> {
    /// The condition without the tests that rows of no type decide.
    of_event: Formula<&'f FieldTest>,
    /// The groups of rules with this condition, if they are needed.
    groups: Option<[Option<u8>; 2]>,
}

impl<'f> Condition<'f> {
    fn new(formula: &'f ConditionFormula) -> Self {
        let of_event = formula.replace(&mut |test| match translate::is_of_event(test) {
            Ok(_) => Formula::Test(&**test),
            Err(_) => Formula::Const(true),
        });
        Self { of_event, groups: None }
    }
}

/// The part of the condition that rows of the translator's type decide.
fn weaken<'f>(formula: &Formula<&'f FieldTest>, translator: &mut Translator<'f>) -> Formula<rows::Test> {
    formula.replace(&mut |test| match translator.translate(test) {
        Outcome::Const(holds) => Formula::Const(*holds),
        Outcome::Kept { rows, .. } => rows.clone(),
        Outcome::Weak(_) => Formula::Const(true),
    })
}

/// Whether programs see events with this code. Other types are enter events that only complete their exit events.
pub fn is_shown(code: u16) -> bool {
    !is_kept(EventType(code))
}

/// The parts of a condition that rows decide, for events with this code.
pub fn pushed_parts(code: u16, formula: &ConditionFormula) -> PushedParts {
    let (mut out, mut translator) =
        (PushedParts { exact: true, ..PushedParts::default() }, Translator::default());
    translator.set_type(EventType(code));
    formula.tests(&mut |test| match translator.translate(test) {
        Outcome::Const(_) => {}
        Outcome::Kept { is_exact, .. } => {
            out.exact &= *is_exact;
            add(&mut out.kept, test.condition());
        }
        Outcome::Weak(why) => {
            out.exact = false;
            add(&mut out.weakened, (test.condition(), *why));
        }
    });
    groups::of_process(formula).tests(&mut |test| add(&mut out.by_process, test.condition()));
    out.weakened.retain(|(test, _)| !out.by_process.contains(test));
    out.passes_all = weaken(&Condition::new(formula).of_event, &mut translator) == Formula::Const(true);
    out
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
