//! Conditions of views, with the memory that they are tested with.

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
    /// What is left to be tested on events whose type decides the other parts; nothing if it decides all.
    rest: Option<Part>,
    /// Types of events that may satisfy it, by code.
    types: Vec<bool>,
}

/// A filter with its memory.
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

/// Fields whose values depend on the type of the event alone, apart from events that stand for several.
const OF_TYPE: [&str; 6] =
    ["evt.is_io", "evt.is_io_read", "evt.is_io_write", "evt.io_dir", "evt.type", "syscall.type"];
/// Events that stand for several: a parameter says what they are.
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
        let mut types = vec![true; EventType::COUNT];
        let parts = match &expr {
            Expr::And(parts) => &parts[..],
            one => std::slice::from_ref(one),
        };
        let (of_type, others): (Vec<&Expr>, Vec<&Expr>) = parts.iter().partition(|part| is_of_type(part));
        for part in of_type {
            exclude(&mut types, &compile(part)?);
        }
        let rest = match &others[..] {
            [] => None,
            [one] => Some(compile(one)?),
            several => Some(compile(&Expr::And(several.iter().map(|part| (*part).clone()).collect()))?),
        };
        Ok(Self { whole, rest: rest.map(Part::new), types })
    }

    /// Compiles a condition, if the text is not empty.
    pub fn optional(text: &str, schema: &dyn Schema) -> Result<Option<Self>> {
        if text.trim().is_empty() { Ok(None) } else { Self::parse(text, schema).map(Some) }
    }

    /// Whether events of this type may satisfy it: most conditions need not be tested on most events.
    #[inline]
    pub fn may_match(&self, ty: EventType) -> bool {
        self.types.get(usize::from(ty.0)).copied().unwrap_or(true)
    }

    /// Whether an event of this type satisfies it, or a row that is made of one; [`Condition::may_match`] holds.
    #[inline]
    pub fn matches_of(&mut self, ty: EventType, row: &dyn FieldSource) -> bool {
        match &mut self.rest {
            _ if GENERAL.contains(&ty) => self.matches(row),
            Some(rest) => rest.matches(row),
            None => true,
        }
    }

    /// Whether the row satisfies it.
    pub fn matches(&mut self, row: &dyn FieldSource) -> bool {
        self.whole.matches(row)
    }
}

/// Whether the condition says the same of all events of a type.
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

/// Leaves out the types whose events do not satisfy the filter.
fn exclude(types: &mut [bool], filter: &Filter) {
    static TYPES: OnceLock<Vec<EventType>> = OnceLock::new();
    let all = TYPES.get_or_init(|| {
        let all = (0..EventType::COUNT).map(|code| EventType(code as u16));
        all.filter(|ty| ty.info().is_some() && !GENERAL.contains(ty)).collect()
    });
    let mut inspector = Inspector::default();
    for ty in all {
        let event = EventBuilder::new(*ty).build();
        if !filter.matches(&inspector.process(event.as_raw())).unwrap_or(true) {
            types[usize::from(ty.0)] = false;
        }
    }
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
    }
}
