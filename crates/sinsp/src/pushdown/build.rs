//! Formulas become rows.

use eyas_fields::{Formula, TextPlace};
use rustc_hash::FxHashMap;

use super::rows::{Input, MAX_ROWS, PASS, REJECT, Rows, Test, With};

/// Maximum number of rows of an event type; with more, all of its events pass.
const MAX_OF_TYPE: usize = 1024;
/// Maximum number of comparisons of an event type; with more, all of its events pass.
const MAX_TESTS: usize = 65_536;
/// Maximum number of shared tests among alternatives; finding each visits all of them.
const MAX_SHARED: usize = 64;

/// Turns formulas into rows, from the last row to the first, because a row refers to later rows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    rows: Rows,
    passed: usize,
}

impl Builder {
    /// Adds the formula for events with the next code.
    pub(super) fn add(&mut self, formula: Formula<Test>) {
        let mut tests = 0;
        formula.tests(&mut |_| tests += 1);
        let formula = if tests > MAX_TESTS { Formula::Const(true) } else { shared(formula) };
        let mut tests = 0;
        formula.tests(&mut |_| tests += 1);
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

    /// The rows, and the number of codes with too many rows.
    pub(super) fn finish(mut self) -> (Rows, usize) {
        // Reverses the order, so that each row refers to later rows.
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

/// The same formula, with tests that several alternatives share moved before these, and with cheap tests
/// first.
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
    for _ in 0..MAX_SHARED {
        let Some(test) = most_common(&parts) else { break };
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
    let mut alternatives = united(alternatives);
    alternatives.sort_by_key(cost);
    Formula::any(alternatives)
}

/// The texts that rows compare with an input at a place.
type Texts = FxHashMap<(Input, u8, TextPlace), Vec<Box<[u8]>>>;

/// The same alternatives, with all tests for texts at the same place merged into one.
fn united(parts: Vec<Formula<Test>>) -> Vec<Formula<Test>> {
    let mut texts: Texts = FxHashMap::default();
    let mut order = Vec::new();
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Formula::Test(Test { input, param, negated: false, with: With::Texts(place, more) }) => {
                let key = (input, param, place);
                let all = texts.entry(key).or_insert_with(|| {
                    order.push(key);
                    Vec::new()
                });
                all.extend(more);
            }
            other => out.push(other),
        }
    }
    for key @ (input, param, place) in order {
        let mut all = texts.remove(&key).unwrap_or_default();
        all.sort_unstable();
        all.dedup();
        out.push(Formula::Test(Test { input, param, negated: false, with: With::Texts(place, all) }));
    }
    out
}

/// The tests that a part requires.
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

/// The test that most of the parts require, if at least two do; among several, the first.
fn most_common(parts: &[Formula<Test>]) -> Option<Test> {
    let mut counts: FxHashMap<&Test, (usize, usize)> = FxHashMap::default();
    for test in parts.iter().flat_map(conjuncts) {
        let next = counts.len();
        counts.entry(test).or_insert((0, next)).0 += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, (count, first))| (*count, usize::MAX - first));
    most.filter(|(_, (count, _))| *count > 1).map(|(test, _)| test.clone())
}

/// Approximate cost of a formula, if each of its tests is made.
fn cost(formula: &Formula<Test>) -> usize {
    let mut cost = 0;
    formula.tests(&mut |test| {
        cost += match (&test.with, test.input) {
            (_, Input::Group) => 0,
            (With::Bits { .. }, _) => 1,
            (With::Ranges(ranges), _) => 1 + ranges.len(),
            (With::Texts(_, texts), Input::Text) => 10 + 4 * texts.len(),
            (With::Texts(_, texts), _) => 20 + 4 * texts.len(),
        };
    });
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules on opens, each with a different path and a common test.
    fn of_rules(count: usize) -> Formula<Test> {
        let result = |least| Test {
            input: Input::Result,
            param: 0,
            negated: false,
            with: With::Ranges(vec![(least, i64::MAX)]),
        };
        let path = |rule: usize| Test {
            input: Input::Path,
            param: 1,
            negated: false,
            with: With::Texts(TextPlace::Start, vec![format!("/srv/{rule}/").into_bytes().into()]),
        };
        let rule = |rule| Formula::all([Formula::Test(result(0)), Formula::Test(path(rule))]);
        Formula::any((0..count).map(rule).collect::<Vec<_>>())
    }

    #[test]
    fn a_thousand_rules_have_few_rows() {
        for rules in [10, 1000, 10_000] {
            let mut builder = Builder::default();
            builder.add(of_rules(rules));
            let (rows, passed) = builder.finish();
            assert_eq!((rows.len(), passed), (2, 0), "{rules} rules");
            let has_texts =
                |row: &&super::super::rows::Row| matches!(row.how, super::super::rows::How::Texts(_));
            let texts =
                rows.rows.iter().filter(has_texts).map(|row| rows.texts_of(row).count()).sum::<usize>();
            assert_eq!(texts, rules);
        }
    }
}
