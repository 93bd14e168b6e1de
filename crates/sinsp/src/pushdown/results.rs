//! The results of calls whose events the rows may accept. The probe tests them before it builds an event.

use eyas_events::filter::Range;
use eyas_events::{EventType, Op};
use eyas_scap::RawEvent;

use super::rows::{How, Input, LEAST_ERROR, PASS, REJECT, Row, Rows};

/// Results of calls that succeeded, and of calls that failed. A range whose `least` is above `most` is empty.
pub(super) type Results = [Range; 2];

/// All results.
pub(super) const ALL: Results = [Range { least: 0, most: i64::MAX }, Range { least: LEAST_ERROR, most: -1 }];

/// None of them.
const NONE: Results = [EMPTY; 2];

const EMPTY: Range = Range { least: 1, most: 0 };

/// For each row: the smallest ranges that contain every result with which an event may pass from this row on.
pub(super) fn of_rows(rows: &Rows) -> Vec<Results> {
    let mut found = vec![ALL; rows.len()];
    // Rows lead to later rows.
    for (at, row) in rows.rows.iter().enumerate().rev() {
        let after = |to: u16| at_entry(&found, to);
        let (yes, no) = (after(row.yes), after(row.no));
        found[at] = [0, 1].map(|of| {
            let (holds, fails) = of_row(rows, row, ALL[of]);
            union(common(yes[of], holds), common(no[of], fails))
        });
    }
    found
}

/// The results with which an event may pass from the row `entry` on, which may be a decision.
pub(super) fn at_entry(of_rows: &[Results], entry: u16) -> Results {
    match entry {
        PASS => ALL,
        REJECT => NONE,
        at => of_rows.get(usize::from(at)).copied().unwrap_or(ALL),
    }
}

/// The same for events of a type. The probe knows the result of the call, which is not always that of the event.
pub(super) fn of_type(ty: EventType, results: Results) -> Results {
    if is_of_call(ty) {
        return results;
    }
    [0, 1].map(|of| if is_empty(results[of]) { EMPTY } else { ALL[of] })
}

pub(super) fn is_empty(range: Range) -> bool {
    range.least > range.most
}

/// Whether the event's result is always the whole return value of the call.
fn is_of_call(ty: EventType) -> bool {
    // Each of their events is about one message, and has its size.
    if matches!(ty, EventType::SOCKET_SENDMMSG_X | EventType::SOCKET_RECVMMSG_X) {
        return false;
    }
    let param = RawEvent::result_index(ty).and_then(|at| ty.info()?.params.get(at));
    param.is_some_and(|param| param.source.op == Op::Ret && param.ty.size() == Some(8))
}

/// The results among `all` with which the row may be true, and those with which it may be false.
fn of_row(rows: &Rows, row: &Row, all: Range) -> (Range, Range) {
    let failed = all.most < 0;
    let (inside, outside) = match (row.how, row.input) {
        // Every error is read as -1.
        (How::Ranges, Input::Descriptor) if failed && rows.has_number(row, -1) => (all, EMPTY),
        (How::Ranges, Input::Descriptor) if failed => (EMPTY, all),
        (How::Ranges, Input::Descriptor | Input::Result | Input::Error) => {
            (inside(rows.ranges_of(row), all), outside(rows.ranges_of(row), all))
        }
        _ => return (all, all),
    };
    if row.negated { (outside, inside) } else { (inside, outside) }
}

/// The smallest range with each number of `all` that is in one of the ranges.
fn inside(ranges: &[(i64, i64)], all: Range) -> Range {
    let parts = ranges.iter().map(|(least, most)| common(all, Range { least: *least, most: *most }));
    parts.fold(EMPTY, union)
}

/// The smallest range with each number of `all` that is in none of the ranges.
fn outside(ranges: &[(i64, i64)], mut all: Range) -> Range {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    for (least, most) in &sorted {
        if (*least..=*most).contains(&all.least) {
            let Some(next) = most.checked_add(1) else { return EMPTY };
            all.least = next;
        }
    }
    sorted.sort_unstable_by_key(|range| range.1);
    for (least, most) in sorted.iter().rev() {
        if (*least..=*most).contains(&all.most) {
            let Some(next) = least.checked_sub(1) else { return EMPTY };
            all.most = next;
        }
    }
    if is_empty(all) { EMPTY } else { all }
}

fn common(one: Range, other: Range) -> Range {
    let both = Range { least: one.least.max(other.least), most: one.most.min(other.most) };
    if is_empty(both) { EMPTY } else { both }
}

fn union(one: Range, other: Range) -> Range {
    match (is_empty(one), is_empty(other)) {
        (true, _) => other,
        (_, true) => one,
        _ => Range { least: one.least.min(other.least), most: one.most.max(other.most) },
    }
}

#[cfg(test)]
mod tests {
    use eyas_fields::Formula;
    use eyas_scap::EventBuilder;

    use super::super::build::Builder;
    use super::super::rows::{Test, With};
    use super::*;

    /// Numbers at and around the bounds of the ranges.
    const NUMBERS: [i64; 16] =
        [i64::MIN, -5000, -4096, -4095, -4094, -3, -2, -1, 0, 1, 2, 3, 7, 8, i64::MAX - 1, i64::MAX];

    /// A small generator; the same numbers in each run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, count: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % count
        }

        fn test(&mut self) -> Formula<Test> {
            if self.below(3) == 0 {
                return Formula::Test(Test::of_group(self.below(3) as u8));
            }
            let range = |random: &mut Self| {
                let (a, b) = (random.below(NUMBERS.len()), random.below(NUMBERS.len()));
                (NUMBERS[a.min(b)], NUMBERS[a.max(b)])
            };
            let ranges = (0..=self.below(3)).map(|_| range(self)).collect();
            let input = [Input::Result, Input::Error, Input::Descriptor][self.below(3)];
            let negated = self.below(2) == 0;
            Formula::Test(Test { input, param: 0, negated, with: With::Ranges(ranges) })
        }

        fn formula(&mut self, depth: usize) -> Formula<Test> {
            if depth == 0 {
                return self.test();
            }
            let parts: Vec<_> = (0..=self.below(3)).map(|_| self.formula(depth - 1)).collect();
            if self.below(2) == 0 { Formula::all(parts) } else { Formula::any(parts) }
        }
    }

    #[test]
    fn an_event_that_passes_has_one_of_the_results() {
        const TY: EventType = EventType::SYSCALL_DUP2_X;
        let mut random = Random(1);
        let (mut passed, mut excluded) = (0, 0);
        for _ in 0..500 {
            let mut builder = Builder::default();
            (0..TY.0).for_each(|_| builder.add(Formula::Const(false)));
            builder.add(random.formula(3));
            let (rows, _) = builder.finish();
            let results = at_entry(&of_rows(&rows), rows.entries[usize::from(TY.0)]);
            for result in NUMBERS.into_iter().filter(|result| *result >= LEAST_ERROR) {
                let range = results[usize::from(result < 0)];
                let is_inside = (range.least..=range.most).contains(&result);
                let event = EventBuilder::new(TY).int(0, result).build();
                let passes = (0..8).any(|groups| rows.pass(TY.0, &event.as_raw(), false, groups));
                assert!(is_inside || !passes, "{result}: {results:?}");
                passed += usize::from(passes);
                excluded += usize::from(!is_inside);
            }
        }
        assert!(passed > 1000 && excluded > 1000, "{passed}, {excluded}");
    }

    #[test]
    fn numbers_outside_of_ranges() {
        let range = |least, most| Range { least, most };
        let all = ALL[0];
        assert_eq!(outside(&[(0, 2)], all), range(3, i64::MAX));
        assert_eq!(outside(&[(3, 5), (0, 2), (8, i64::MAX)], all), range(6, 7));
        assert_eq!(outside(&[(3, 5)], all), all);
        assert_eq!(outside(&[(i64::MIN, i64::MAX)], all), EMPTY);
        assert_eq!(outside(&[(0, 4), (5, i64::MAX)], all), EMPTY);
        assert_eq!(inside(&[(-5, 2), (7, 9)], all), range(0, 9));
        assert_eq!(inside(&[(-5, -2)], all), EMPTY);
    }

    #[test]
    fn events_with_another_result_than_the_call_keep_only_whether_it_failed() {
        let narrow = [Range { least: 3, most: 4 }, EMPTY];
        assert_eq!(of_type(EventType::SYSCALL_DUP2_X, narrow), narrow);
        assert_eq!(of_type(EventType::SOCKET_SENDMMSG_X, narrow), [ALL[0], EMPTY]);
    }
}
