//! Conditions of views, with scratch memory for evaluation.

use std::sync::OnceLock;

use anyhow::{Result, anyhow};
use eyas::events::EventType;
use eyas::fields::{FieldSource, Schema};
use eyas::rules::condition::ast::{Expr, Operand, Rhs};
use eyas::rules::condition::{self, Filter, Scratch};
use eyas::scap::EventBuilder;
use eyas::sinsp::Inspector;

use super::quick::{Test, Word};

/// A compiled condition.
pub struct Condition {
    whole: Evaluator,
    /// The rest of the condition to test if the event type decides the other parts: comparisons that have the same
    /// result in the alternate view, and all others.
    fixed: Vec<Test>,
    rest: Option<Rest>,
    /// Verdicts by event code, from the event type alone.
    verdicts: Vec<Verdict>,
}

/// Result of a condition as far as the event type determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Never,
    Always,
    /// Other parts of the condition decide the result.
    Open,
    /// Only the whole condition decides the result.
    Whole,
}

/// A conjunction, as comparisons if all its parts are such, which the evaluator does not need.
enum Rest {
    Tests(Vec<Test>),
    Evaluator(Evaluator),
}

impl Rest {
    #[inline]
    fn matches<'r, R: FieldSource>(&mut self, row: &'r R, memo: &mut Memo<'r>) -> bool {
        match self {
            Self::Tests(tests) => {
                all_hold(tests, row, &mut memo.word)
                    || memo
                        .alternate
                        .get_or_insert_with(|| row.alternate())
                        .is_some_and(|other| all_hold(tests, other, &mut None))
            }
            Self::Evaluator(evaluator) => evaluator.matches(row),
        }
    }
}

/// Values of the current row that several conditions test.
#[derive(Default)]
pub struct Memo<'r> {
    word: Option<Word<'r>>,
    alternate: Option<Option<&'r dyn FieldSource>>,
}

#[inline]
fn all_hold<'r, R: FieldSource + ?Sized>(
    tests: &mut [Test],
    row: &'r R,
    word: &mut Option<Word<'r>>,
) -> bool {
    // A loop, because the call of a closure would cost as much as the comparison.
    for test in tests {
        if !test.holds(row, word) {
            return false;
        }
    }
    true
}

/// A filter with its scratch memory.
struct Evaluator {
    filter: Filter,
    scratch: Scratch,
}

impl Evaluator {
    fn new(filter: Filter) -> Self {
        Self { scratch: filter.scratch(), filter }
    }

    fn matches(&mut self, row: &dyn FieldSource) -> bool {
        // The condition was compiled against the schema of the rows.
        self.filter.matches_with(row, &mut self.scratch).unwrap_or(false)
    }
}

/// Fields whose values depend only on the event type, except for generic events.
const OF_TYPE: [&str; 6] =
    ["evt.is_io", "evt.is_io_read", "evt.is_io_write", "evt.io_dir", "evt.type", "syscall.type"];
/// Generic events, which represent several calls: a parameter has the actual call.
const GENERAL: [EventType; 3] = [EventType::GENERIC_E, EventType::GENERIC_X, EventType::ASYNCEVENT_E];

impl Condition {
    /// Compiles a condition.
    pub fn parse(text: &str, schema: &dyn Schema) -> Result<Self> {
        let refuse = |diagnostic: eyas::rules::Diagnostic| {
            let parts: Vec<String> = [diagnostic.message].into_iter().chain(diagnostic.help).collect();
            anyhow!("condition `{text}`: {}", parts.join("; "))
        };
        let expr = condition::parse(text).map_err(|e| refuse(e.to_diagnostic("filter", text, schema)))?;
        let compile = |expr: &Expr| {
            condition::compile(expr, schema).map_err(|e| refuse(e.to_diagnostic("filter", text, schema)))
        };
        let whole = Evaluator::new(compile(&expr)?);
        let parts = match &expr {
            Expr::And(parts) => &parts[..],
            one => std::slice::from_ref(one),
        };
        // If the parts about the type were false, the verdict would be `Never`.
        let mut others: Vec<Expr> = parts.iter().filter(|part| !is_of_type(part)).cloned().collect();
        let fixed = |part: &Expr| Test::new(part, schema).filter(|test| !test.varies);
        let tests: Vec<Test> = others.iter().filter_map(fixed).collect();
        others.retain(|part| fixed(part).is_none());
        let rest = match &others[..] {
            [] => None,
            [one] => Some(compile(one)?),
            several => Some(compile(&Expr::And(several.into()))?),
        };
        let quick: Option<Vec<Test>> = others.iter().map(|part| Test::new(part, schema)).collect();
        let rest = rest.map(|filter| match quick {
            Some(tests) => Rest::Tests(tests),
            None => Rest::Evaluator(Evaluator::new(filter)),
        });
        let mut verdicts = verdicts(&expr, &compile)?;
        let has_parts = !tests.is_empty() || rest.is_some();
        for (verdict, code) in verdicts.iter_mut().zip(0..) {
            if *verdict == Verdict::Open && (GENERAL.contains(&EventType(code)) || !has_parts) {
                *verdict = Verdict::Whole;
            }
        }
        Ok(Self { whole, fixed: tests, rest, verdicts })
    }

    /// Compiles a condition; `None` if the text is empty.
    pub fn optional(text: &str, schema: &dyn Schema) -> Result<Option<Self>> {
        if text.trim().is_empty() { Ok(None) } else { Self::parse(text, schema).map(Some) }
    }

    fn verdict(&self, ty: EventType) -> Verdict {
        self.verdicts.get(usize::from(ty.0)).copied().unwrap_or(Verdict::Whole)
    }

    /// Whether events of this type may satisfy it. Most conditions need no test for most events.
    #[inline]
    pub fn may_match(&self, ty: EventType) -> bool {
        self.verdict(ty) != Verdict::Never
    }

    /// Whether events of this type always satisfy it.
    pub fn always_matches(&self, ty: EventType) -> bool {
        self.verdict(ty) == Verdict::Always
    }

    /// Whether an event of this type, or a row derived from it, satisfies the condition.
    #[inline]
    pub fn matches_of<R: FieldSource>(&mut self, ty: EventType, row: &R) -> bool {
        self.holds(ty, row, &mut Memo::default())
    }

    /// The same, with the values that other conditions have tested.
    #[inline]
    pub fn holds<'r, R: FieldSource>(&mut self, ty: EventType, row: &'r R, memo: &mut Memo<'r>) -> bool {
        match self.verdict(ty) {
            Verdict::Never => false,
            Verdict::Always => true,
            Verdict::Whole => self.whole.matches(row),
            Verdict::Open => {
                all_hold(&mut self.fixed, row, &mut memo.word)
                    && self.rest.as_mut().is_none_or(|rest| rest.matches(row, memo))
            }
        }
    }

    /// Whether the row certainly does not satisfy it, as far as that is known at little cost.
    #[inline]
    pub fn refuses<R: FieldSource>(&mut self, row: &R) -> bool {
        !all_hold(&mut self.fixed, row, &mut None)
    }

    /// Whether the row satisfies it.
    pub fn matches(&mut self, row: &dyn FieldSource) -> bool {
        self.whole.matches(row)
    }
}

/// Whether the condition has the same result for all events of a type.
fn is_of_type(expr: &Expr) -> bool {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().all(is_of_type),
        Expr::Not(inner) => is_of_type(inner),
        Expr::Macro(..) => false,
        Expr::Test(test) => {
            let is_of_type =
                |field: &Operand| matches!(field, Operand::Field(field) if OF_TYPE.contains(&&*field.name));
            is_of_type(&test.left) && !matches!(test.right, Rhs::Operand(_))
        }
    }
}

/// Computes the verdict of each event type for a condition.
fn verdicts(expr: &Expr, compile: &impl Fn(&Expr) -> Result<Filter>) -> Result<Vec<Verdict>> {
    let all = |parts: &[Expr], decisive: Verdict| {
        let mut all = verdicts(&parts[0], compile)?;
        for part in &parts[1..] {
            for (so_far, now) in all.iter_mut().zip(verdicts(part, compile)?) {
                *so_far = match (*so_far, now) {
                    (one, other) if one == decisive || other == decisive => decisive,
                    (Verdict::Open, _) | (_, Verdict::Open) => Verdict::Open,
                    (same, _) => same,
                };
            }
        }
        anyhow::Ok(all)
    };
    match expr {
        Expr::And(parts) => all(parts, Verdict::Never),
        Expr::Or(parts) => all(parts, Verdict::Always),
        Expr::Not(inner) => {
            let mut all = verdicts(inner, compile)?;
            for verdict in &mut all {
                *verdict = match *verdict {
                    Verdict::Never => Verdict::Always,
                    Verdict::Always => Verdict::Never,
                    open => open,
                };
            }
            Ok(all)
        }
        test if is_of_type(test) => Ok(tested(&compile(test)?)),
        Expr::Macro(..) | Expr::Test(_) => Ok(vec![Verdict::Open; EventType::COUNT]),
    }
}

/// Computes the verdicts of a condition that depends only on the type.
fn tested(filter: &Filter) -> Vec<Verdict> {
    static TYPES: OnceLock<Vec<EventType>> = OnceLock::new();
    let types = TYPES.get_or_init(|| {
        let all = (0..EventType::COUNT).map(|code| EventType(code as u16));
        all.filter(|ty| ty.info().is_some() && !GENERAL.contains(ty)).collect()
    });
    let mut verdicts = vec![Verdict::Open; EventType::COUNT];
    let mut inspector = Inspector::default();
    for ty in types {
        let event = EventBuilder::new(*ty).build();
        verdicts[usize::from(ty.0)] = match filter.matches(&inspector.process(event.as_raw())) {
            Ok(true) => Verdict::Always,
            Ok(false) => Verdict::Never,
            Err(_) => Verdict::Open,
        };
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use eyas::scap::{Advance, EventSource};

    use super::*;

    #[test]
    fn quick_comparisons_have_the_results_of_the_evaluator() {
        let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");
        // With the number of comparisons that never vary, and whether the others are quick, too.
        let conditions = [
            ("evt.failed=true", 1, None),
            ("evt.failed=false and fd.type=file", 1, Some(true)),
            ("fd.type in (ipv4, ipv6, unix)", 0, Some(true)),
            ("fd.type in (file, \"directory\") and evt.failed = true", 1, Some(true)),
            ("evt.is_io=true and fd.type=file", 0, Some(true)),
            ("fd.num > 0 and fd.name != \"\"", 1, Some(true)),
            ("fd.name != /dev/null", 0, Some(true)),
            ("fd.name = /dev/null", 0, Some(false)),
            ("fd.num > -1", 1, None),
            ("fd.type != file", 0, Some(true)),
            ("fd.type=file or evt.failed=true", 0, Some(false)),
            ("not evt.failed=true", 0, Some(false)),
            ("fd.type startswith f", 0, Some(false)),
            ("fd.num=4", 0, Some(false)),
        ];
        for (text, fixed, quick) in conditions {
            let mut condition = Condition::parse(text, eyas::sinsp::schema()).unwrap();
            assert_eq!(condition.fixed.len(), fixed, "{text}");
            let is_quick = condition.rest.as_ref().map(|rest| matches!(rest, Rest::Tests(_)));
            assert_eq!(is_quick, quick, "{text}");
            let expr = condition::parse(text).unwrap();
            let filter = condition::compile(&expr, eyas::sinsp::schema()).unwrap();
            let mut source = eyas::scap::Reader::open(capture).unwrap();
            let (mut inspector, mut satisfied) = (Inspector::default(), 0);
            loop {
                match source.advance().unwrap() {
                    Advance::Snapshot(snapshot) => inspector.load(*snapshot),
                    Advance::Event => {
                        let event = source.current().unwrap();
                        let view = inspector.process(event);
                        let expected = filter.matches(&view).unwrap();
                        assert_eq!(condition.matches_of(event.ty, &view), expected, "{text}");
                        assert!(!expected || !condition.refuses(&view), "{text}");
                        satisfied += usize::from(expected);
                    }
                    Advance::Idle => {}
                    Advance::End => break,
                }
            }
            assert!(satisfied > 0, "{text}");
        }
    }

    #[test]
    fn types_that_cannot_satisfy_a_condition_are_known() {
        let of = |text| Condition::parse(text, eyas::sinsp::schema()).unwrap();
        let io = of("evt.is_io=true and fd.type=file");
        assert!(io.may_match(EventType::SYSCALL_READ_X) && !io.may_match(EventType::SYSCALL_OPENAT_2_X));
        assert!(io.may_match(EventType::GENERIC_X));
        let calls = of("syscall.type exists");
        assert!(calls.may_match(EventType::SYSCALL_READ_X) && !calls.may_match(EventType::SCHEDSWITCH_6_E));
        let either = of("evt.type=openat or proc.name=cat");
        assert!(either.may_match(EventType::SYSCALL_READ_X));
        let cpu = of("evt.type in (procinfo, switch)");
        assert!(cpu.may_match(EventType::SCHEDSWITCH_6_E) && !cpu.may_match(EventType::SYSCALL_READ_X));
        assert_eq!(cpu.verdict(EventType::SCHEDSWITCH_6_E), Verdict::Always);
        let deep = of(
            "evt.failed=false and ((evt.type=chdir and proc.name=sh) or not evt.type in (read, chdir, execve))",
        );
        let of_types = [EventType::SYSCALL_CHDIR_X, EventType::SYSCALL_READ_X, EventType::SYSCALL_CLOSE_X];
        assert_eq!(of_types.map(|ty| deep.verdict(ty)), [Verdict::Open, Verdict::Never, Verdict::Open],);
        let none = of("not (evt.type=read or proc.name=cat)");
        assert_eq!(none.verdict(EventType::SYSCALL_READ_X), Verdict::Never);
        let wide = of("evt.type=read or evt.num=3 or not evt.type in (read, close)");
        assert_eq!(of_types.map(|ty| wide.verdict(ty)), [Verdict::Always, Verdict::Always, Verdict::Open]);
        assert_eq!(wide.verdict(EventType::GENERIC_X), Verdict::Whole);
    }
}
