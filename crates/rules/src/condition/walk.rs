//! Walks over conditions without recursion, because expanded macros may be nested deeply.

use std::sync::Arc;

use super::ast::{Expr, Span, Test};

/// Computes a result for a condition, from its leaves upwards.
pub(crate) trait Fold {
    /// Result for each part.
    type Out;
    /// Error of the computation.
    type Error;

    /// The result for a part, if it is known without visiting its parts. `negated` means that the part is
    /// inside an odd number of negations; `level` is the number of enclosing parts.
    fn known(&mut self, part: &Expr, negated: bool, level: usize) -> Result<Option<Self::Out>, Self::Error>;

    /// The result for any other part, from the results of its parts.
    fn make(&mut self, part: &Expr, negated: bool, parts: Vec<Self::Out>) -> Result<Self::Out, Self::Error>;
}

/// A part whose parts are being visited.
struct Open<'e, T> {
    part: &'e Expr,
    negated: bool,
    rest: std::slice::Iter<'e, Expr>,
    made: Vec<T>,
}

/// The parts of a part.
fn parts(expr: &Expr) -> &[Expr] {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts,
        Expr::Not(part) => std::slice::from_ref(part),
        Expr::Macro(..) | Expr::Test(_) => &[],
    }
}

/// Folds a condition.
pub(crate) fn fold<F: Fold>(root: &Expr, folder: &mut F) -> Result<F::Out, F::Error> {
    let mut open: Vec<Open<'_, F::Out>> = Vec::new();
    let (mut next, mut negated) = (root, false);
    loop {
        let mut made = folder.known(next, negated, open.len())?;
        if made.is_none() {
            let rest = parts(next).iter();
            open.push(Open { part: next, negated, made: Vec::with_capacity(rest.len()), rest });
        }
        // Continues up to the next part to visit.
        loop {
            match (made.take(), open.last_mut()) {
                (Some(made), None) => return Ok(made),
                (Some(made), Some(outer)) => outer.made.push(made),
                (None, _) => {}
            }
            if let Some(outer) = open.last_mut()
                && let Some(part) = outer.rest.next()
            {
                negated = outer.negated != matches!(outer.part, Expr::Not(_));
                next = part;
                break;
            }
            if let Some(whole) = open.pop() {
                made = Some(folder.make(whole.part, whole.negated, whole.made)?);
            }
        }
    }
}

/// A part that several conditions share.
pub(crate) enum Shared {
    Test(Arc<Test>),
    All(Arc<[Expr]>),
    Any(Arc<[Expr]>),
    Not(Arc<Expr>),
}

impl Shared {
    /// The part, if something else shares it.
    pub(crate) fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Test(test) if Arc::strong_count(test) > 1 => Some(Self::Test(test.clone())),
            Expr::And(parts) if Arc::strong_count(parts) > 1 => Some(Self::All(parts.clone())),
            Expr::Or(parts) if Arc::strong_count(parts) > 1 => Some(Self::Any(parts.clone())),
            Expr::Not(part) if Arc::strong_count(part) > 1 => Some(Self::Not(part.clone())),
            _ => None,
        }
    }

    /// Its address and kind.
    pub(crate) fn key(&self) -> (usize, u8) {
        match self {
            Self::Test(test) => (Arc::as_ptr(test) as usize, 0),
            Self::All(parts) => (Arc::as_ptr(parts).cast::<()>() as usize, 1),
            Self::Any(parts) => (Arc::as_ptr(parts).cast::<()>() as usize, 2),
            Self::Not(part) => (Arc::as_ptr(part) as usize, 3),
        }
    }
}

/// Calls `visit` for every part, before the part's own parts, and with whether the part is inside an odd
/// number of negations. It visits the parts of a part only if `visit` returns true.
pub(crate) fn visit<'e>(root: &'e Expr, visit: &mut dyn FnMut(&'e Expr, bool) -> bool) {
    let mut open = vec![(std::slice::from_ref(root).iter(), false)];
    while let Some((rest, negated)) = open.last_mut() {
        let negated = *negated;
        match rest.next() {
            Some(part) => {
                if visit(part, negated) {
                    open.push((parts(part).iter(), negated != matches!(part, Expr::Not(_))));
                }
            }
            None => _ = open.pop(),
        }
    }
}

/// Whether a condition has more than `tests` comparisons, or is nested deeper than `levels`.
pub(crate) fn is_larger(root: &Expr, tests: usize, levels: usize) -> bool {
    let mut left = tests;
    let mut open = vec![std::slice::from_ref(root).iter()];
    while let Some(rest) = open.last_mut() {
        match rest.next() {
            Some(Expr::Test(_)) if left == 0 => return true,
            Some(Expr::Test(_)) => left -= 1,
            Some(_) if open.len() > levels => return true,
            Some(part) => open.push(parts(part).iter()),
            None => _ = open.pop(),
        }
    }
    false
}

impl Expr {
    /// Calls `each` for every comparison.
    pub fn tests<'a>(&'a self, each: &mut dyn FnMut(&'a Arc<Test>)) {
        visit(self, &mut |part, _| {
            if let Self::Test(test) = part {
                each(test);
            }
            true
        });
    }

    /// Replaces every macro by what `lookup` returns for its name.
    ///
    /// # Errors
    /// `lookup` fails.
    pub fn expand<E>(&self, lookup: &mut dyn FnMut(&str, Span) -> Result<Expr, E>) -> Result<Expr, E> {
        let all = |children: &[Expr], lookup: &mut dyn FnMut(&str, Span) -> Result<Expr, E>| {
            children.iter().map(|c| c.expand(lookup)).collect::<Result<Arc<[_]>, E>>()
        };
        Ok(match self {
            Self::And(children) => Self::And(all(children, lookup)?),
            Self::Or(children) => Self::Or(all(children, lookup)?),
            Self::Not(child) => Self::Not(Arc::new(child.expand(lookup)?)),
            Self::Macro(name, span) => lookup(name, *span)?,
            Self::Test(test) => Self::Test(test.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse;

    /// Prints a condition, with `~` for negations.
    struct Printer;

    impl Fold for Printer {
        type Out = String;
        type Error = String;

        fn known(&mut self, part: &Expr, negated: bool, level: usize) -> Result<Option<String>, String> {
            match part {
                Expr::Macro(name, _) if name == "bad" => Err(format!("bad at {level}")),
                Expr::Macro(name, _) => Ok(Some(if negated { format!("~{name}") } else { name.clone() })),
                _ => Ok(None),
            }
        }

        fn make(&mut self, part: &Expr, negated: bool, parts: Vec<String>) -> Result<String, String> {
            let by = match part {
                Expr::And(_) => "&",
                Expr::Or(_) => "|",
                _ => "",
            };
            Ok(format!("{}[{}]", if negated { "~" } else { "" }, parts.join(by)))
        }
    }

    #[test]
    fn fold_visits_each_part_once_after_its_children() {
        let fold = |text: &str| fold(&parse(text).unwrap(), &mut Printer);
        assert_eq!(fold("a").as_deref(), Ok("a"));
        let text = "a and not (b or not c and d) and (e or f)";
        assert_eq!(fold(text).as_deref(), Ok("[a&[~[~b|~[~[c]&~d]]]&[e|f]]"));
        assert_eq!(fold("a or (b and (c or bad))"), Err("bad at 3".to_owned()));
    }

    #[test]
    fn is_larger_checks_the_tests_and_the_levels() {
        let expr = parse("a.b = 1 and not (a.c = 2 or a.d = 3) and a.e = 4").unwrap();
        assert!(!is_larger(&expr, 4, 3));
        assert!(is_larger(&expr, 3, 3) && is_larger(&expr, 4, 2));
    }

    #[test]
    fn visit_begins_with_the_outermost_part() {
        let mut seen = Vec::new();
        let expr = parse("a and not (b or not c) and d").unwrap();
        visit(&expr, &mut |part, negated| {
            if let Expr::Macro(name, _) = part {
                seen.push(format!("{}{name}", if negated { "~" } else { "" }));
            }
            true
        });
        assert_eq!(seen, ["a", "~b", "c", "d"]);
    }
}
