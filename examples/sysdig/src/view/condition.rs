//! Conditions of views, with scratch memory for evaluation.

use std::sync::OnceLock;

use anyhow::{Result, anyhow};
use eyas::events::EventType;
use eyas::fields::{FieldSource, Schema};
use eyas::rules::condition::ast::{Expr, Operand, Rhs};
use eyas::rules::condition::{self, Filter, Scratch};
use eyas::scap::EventBuilder;
use eyas::sinsp::Inspector;

/// A compiled condition.
pub struct Condition {
    whole: Part,
    /// The rest of the condition to test if the event type decides the other parts.
    rest: Option<Part>,
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
}

/// A filter with its scratch memory.
struct Part {
    filter: Filter,
    scratch: Scratch,
}

impl Part {
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
        let whole = Part::new(compile(&expr)?);
        let parts = match &expr {
            Expr::And(parts) => &parts[..],
            one => std::slice::from_ref(one),
        };
        // If the parts about the type were false, the verdict would be `Never`.
        let others: Vec<Expr> = parts.iter().filter(|part| !is_of_type(part)).cloned().collect();
        let rest = match &others[..] {
            [] => None,
            [one] => Some(compile(one)?),
            several => Some(compile(&Expr::And(several.into()))?),
        };
        Ok(Self { whole, rest: rest.map(Part::new), verdicts: verdicts(&expr, &compile)? })
    }

    /// Compiles a condition; `None` if the text is empty.
    pub fn optional(text: &str, schema: &dyn Schema) -> Result<Option<Self>> {
        if text.trim().is_empty() { Ok(None) } else { Self::parse(text, schema).map(Some) }
    }

    fn verdict(&self, ty: EventType) -> Verdict {
        self.verdicts.get(usize::from(ty.0)).copied().unwrap_or(Verdict::Open)
    }

    /// Whether events of this type may satisfy it. Most conditions need no test for most events.
    #[inline]
    pub fn may_match(&self, ty: EventType) -> bool {
        self.verdict(ty) != Verdict::Never
    }

    /// Whether an event of this type, or a row derived from it, satisfies the condition.
    #[inline]
    pub fn matches_of(&mut self, ty: EventType, row: &dyn FieldSource) -> bool {
        match (self.verdict(ty), &mut self.rest) {
            (Verdict::Never, _) => false,
            (Verdict::Always, _) => true,
            (Verdict::Open, Some(rest)) if !GENERAL.contains(&ty) => rest.matches(row),
            (Verdict::Open, _) => self.whole.matches(row),
        }
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
                *verdict = match verdict {
                    Verdict::Never => Verdict::Always,
                    Verdict::Always => Verdict::Never,
                    Verdict::Open => Verdict::Open,
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
    use super::*;

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
        assert_eq!(wide.verdict(EventType::GENERIC_X), Verdict::Open);
    }
}
