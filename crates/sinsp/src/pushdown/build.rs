//! Formulas become rows.

use eyas_fields::Formula;
use rustc_hash::FxHashMap;

use super::rows::{Input, MAX_ROWS, PASS, REJECT, Rows, Test, With};

/// Rows of an event type, beyond which all of its events pass.
const MAX_OF_TYPE: usize = 1024;

/// Makes rows of formulas, from the last row to the first: a row is made when those that it goes on to are.
#[derive(Debug, Default)]
pub(super) struct Builder {
    rows: Rows,
    passed: usize,
}

impl Builder {
    /// Adds what the events with the next code have to satisfy.
    pub(super) fn add(&mut self, formula: Formula<Test>) {
        let mut tests = 0;
        formula.tests(&mut |_| tests += 1);
        // To bring together what many alternatives have takes long.
        let formula = if tests > MAX_OF_TYPE { Formula::Const(true) } else { shared(formula) };
        let entry = match formula {
            Formula::Const(false) => REJECT,
            _ if tests > MAX_OF_TYPE || self.rows.len() + tests > MAX_ROWS => {
                self.passed += 1;
                PASS
            }
            formula => self.rows_of(&formula, PASS, REJECT),
        };
        self.rows.entries.push(entry);
    }

    /// The rows, and for how many codes they would be too many.
    pub(super) fn finish(mut self) -> (Rows, usize) {
        // From the first to the last: each row goes on to rows behind it.
        let last = self.rows.len().wrapping_sub(1) as u16;
        let turn = |place: &mut u16| {
            if *place < REJECT {
                *place = last - *place;
            }
        };
        self.rows.rows.reverse();
        self.rows.rows.iter_mut().for_each(|row| {
            turn(&mut row.yes);
            turn(&mut row.no);
        });
        self.rows.entries.iter_mut().for_each(turn);
        (self.rows, self.passed)
    }

    /// Makes the rows of a formula and returns the first.
    fn rows_of(&mut self, formula: &Formula<Test>, yes: u16, no: u16) -> u16 {
        match formula {
            Formula::Const(holds) => {
                if *holds {
                    yes
                } else {
                    no
                }
            }
            Formula::Test(test) => {
                let row = self.rows.row(test, yes, no);
                self.rows.rows.push(row);
                self.rows.len() as u16 - 1
            }
            Formula::All(parts) => parts.iter().rev().fold(yes, |next, part| self.rows_of(part, next, no)),
            Formula::Any(parts) => parts.iter().rev().fold(no, |next, part| self.rows_of(part, yes, next)),
        }
    }
}

/// The same formula, in which tests that several alternatives have come once, before those; and cheap tests first.
fn shared(formula: Formula<Test>) -> Formula<Test> {
    match formula {
        Formula::Any(parts) => any(parts),
        Formula::All(parts) => {
            let mut parts: Vec<_> = parts.into_iter().map(shared).collect();
            parts.sort_by_key(cost);
            Formula::all(parts)
        }
        formula => formula,
    }
}

fn any(mut parts: Vec<Formula<Test>>) -> Formula<Test> {
    let mut alternatives = Vec::new();
    while let Some(test) = most_common(&parts) {
        let (with, without): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| conjuncts(part).any(|t| *t == test));
        let rests = with.into_iter().map(|part| match part {
            Formula::All(parts) => {
                Formula::all(parts.into_iter().filter(|part| !matches!(part, Formula::Test(t) if *t == test)))
            }
            // The test itself.
            _ => Formula::Const(true),
        });
        let rest = shared(Formula::any(rests.collect::<Vec<_>>()));
        alternatives.push(Formula::all([Formula::Test(test), rest]));
        parts = without;
    }
    alternatives.extend(parts.into_iter().map(shared));
    alternatives.sort_by_key(cost);
    Formula::any(alternatives)
}

/// The tests that a part demands.
fn conjuncts(part: &Formula<Test>) -> impl Iterator<Item = &Test> {
    let parts = match part {
        Formula::All(parts) => parts.as_slice(),
        part => std::slice::from_ref(part),
    };
    parts.iter().filter_map(|part| match part {
        Formula::Test(test) => Some(test),
        _ => None,
    })
}

/// The test that most of the parts demand, if two do; of several the first.
fn most_common(parts: &[Formula<Test>]) -> Option<Test> {
    let mut counts: FxHashMap<&Test, (usize, usize)> = FxHashMap::default();
    for test in parts.iter().flat_map(conjuncts) {
        let next = counts.len();
        counts.entry(test).or_insert((0, next)).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, (count, first))| (*count, usize::MAX - first));
    most.filter(|(_, (count, _))| *count > 1).map(|(test, _)| test.clone())
}

/// About what a formula costs, if each of its tests is made.
fn cost(formula: &Formula<Test>) -> usize {
    let mut cost = 0;
    formula.tests(&mut |test| {
        cost += match (&test.with, test.input) {
            (With::Bits { .. }, _) => 1,
            (With::Ranges(ranges), _) => 1 + ranges.len(),
            (With::Texts(_, texts), Input::Text) => 10 + 4 * texts.len(),
            (With::Texts(_, texts), _) => 20 + 4 * texts.len(),
        };
    });
    cost
}
