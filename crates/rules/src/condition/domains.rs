//! The fields of conditions, and the domain names that conditions compare addresses with.

use std::collections::BTreeSet;
use std::sync::Arc;

use eyas_fields::{Field, FieldFlags, Schema};
use rustc_hash::FxHashMap;

use super::ast::{Expr, FieldRef, Rhs, Test};

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
    Fields::default().of(expr, schema)
}

/// Finds the fields of many conditions of one schema; it visits shared comparisons once.
#[derive(Default)]
pub(crate) struct Fields {
    /// Different fields.
    fields: Vec<Field>,
    /// Positions in `fields` by the comparison's address. The comparison is kept alive, so that no other gets the address.
    known: FxHashMap<usize, (Arc<Test>, Vec<usize>)>,
}

impl Fields {
    /// Like [`fields`], with a cache.
    pub(crate) fn of(&mut self, expr: &Expr, schema: &dyn Schema) -> Vec<Field> {
        let mut found: Vec<usize> = Vec::new();
        expr.tests(&mut |test| {
            let address = Arc::as_ptr(test) as usize;
            let (_, of_test) = self
                .known
                .entry(address)
                .or_insert_with(|| (test.clone(), of_test(&mut self.fields, test, schema)));
            for field in of_test {
                if !found.contains(field) {
                    found.push(*field);
                }
            }
        });
        found.into_iter().map(|field| self.fields[field].clone()).collect()
    }
}

/// The positions of a comparison's fields in `fields`, after adding those that it lacks.
fn of_test(fields: &mut Vec<Field>, test: &Test, schema: &dyn Schema) -> Vec<usize> {
    let mut found = Vec::new();
    let mut add = |field: &FieldRef| {
        let Ok(field) = schema.resolve(&field.name, field.arg.as_deref()) else { return };
        found.push(fields.iter().position(|known| *known == field).unwrap_or_else(|| {
            fields.push(field);
            fields.len() - 1
        }));
    };
    test.left.fields(&mut add);
    if let Rhs::Operand(operand) = &test.right {
        operand.fields(&mut add);
    }
    found
}
