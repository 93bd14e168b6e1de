//! Comparisons of two values of one type, for a field or a transformer on the right side.

use eyas_fields::Value;

use super::compare::{Cmp, Quantifier, number};
use super::opdef::Evaluation;
use super::operators::Op;

/// Compares two values of one type.
pub(super) fn against(op: Op, many: Quantifier, left: Value<'_>, right: Value<'_>) -> bool {
    let evaluation = &op.def().evaluation;
    if let Evaluation::Member(_) = evaluation {
        let right_items = match right {
            Value::List(items) => items,
            _ => std::slice::from_ref(&right),
        };
        let is_member = |v: &Value<'_>| right_items.iter().any(|r| same(*v, *r));
        return match (left, many) {
            (Value::List(items), Quantifier::All) => items.iter().all(is_member),
            (Value::List(items), _) => items.iter().any(is_member),
            (value, _) => is_member(&value),
        };
    }
    match left {
        Value::List(items) => match many {
            Quantifier::Each => !items.is_empty() && items.iter().all(|v| scalar(evaluation, *v, right)),
            Quantifier::All | Quantifier::Any => items.iter().any(|v| scalar(evaluation, *v, right)),
        },
        value => scalar(evaluation, value, right),
    }
}

fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_bytes().zip(b.as_bytes()).map_or_else(|| a == b, |(a, b)| a == b),
    }
}

fn scalar(evaluation: &Evaluation, left: Value<'_>, right: Value<'_>) -> bool {
    match evaluation {
        Evaluation::Order { cmp, .. } => {
            match (number(left), number(right), left.as_bytes(), right.as_bytes()) {
                (Some(a), Some(b), ..) => cmp.holds(&a, &b),
                (.., Some(a), Some(b)) => cmp.holds(a, b),
                _ => match (left, right) {
                    (Value::Double(a), Value::Double(b)) => cmp.holds(&a, &b),
                    _ => match cmp {
                        Cmp::Eq => left == right,
                        Cmp::Ne => left != right,
                        _ => false,
                    },
                },
            }
        }
        Evaluation::Text { values: Some(holds), .. } => match (left.as_bytes(), right.as_bytes()) {
            (Some(left), Some(right)) => holds(left, right),
            _ => false,
        },
        _ => false,
    }
}
