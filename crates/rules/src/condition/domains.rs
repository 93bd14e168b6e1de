//! The fields of conditions, and the domain names that conditions compare addresses with.

use std::collections::BTreeSet;

use eyas_fields::{Field, FieldFlags, Schema};

use super::ast::{Expr, FieldRef, Rhs};

/// The constants that a condition compares with fields of [`FieldFlags::DOMAIN`]. The event source must
/// resolve these names.
pub fn domain_names(expr: &Expr, schema: &dyn Schema) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    expr.tests(&mut |test| {
        let mut is_domain = false;
        test.left.fields_outside_lists(&mut |field| {
            let resolved = schema.resolve(&field.name, field.arg.as_deref());
            is_domain |= resolved.is_ok_and(|field| schema.def(field.id).flags.contains(FieldFlags::DOMAIN));
        });
        let name = |text: &[u8]| String::from_utf8(text.to_vec()).ok();
        match &test.right {
            Rhs::Value(value) if is_domain => names.extend(name(&value.text)),
            Rhs::List(values) if is_domain => values.iter().for_each(|value| names.extend(name(value.text))),
            _ => {}
        }
    });
    names
}

/// The fields of a condition, each once, in their order in the condition.
pub fn fields(expr: &Expr, schema: &dyn Schema) -> Vec<Field> {
    let mut fields = Vec::new();
    expr.tests(&mut |test| {
        let mut add = |field: &FieldRef| {
            let resolved = schema.resolve(&field.name, field.arg.as_deref());
            fields.extend(resolved.ok().filter(|field| !fields.contains(field)));
        };
        test.left.fields(&mut add);
        if let Rhs::Operand(operand) = &test.right {
            operand.fields(&mut add);
        }
    });
    fields
}
