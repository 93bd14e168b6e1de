//! The plain evaluator: a tree, an event, no preparation. The oracle of differential tests.

use eyas_fields::{FieldSource, Schema};

use super::ast::Expr;
use super::compile::CompileError;
use super::predicate::Predicate;

/// Whether the event satisfies the condition.
///
/// # Errors
/// What compiling the part that was reached says.
pub fn interpret(expr: &Expr, schema: &dyn Schema, source: &dyn FieldSource) -> Result<bool, CompileError> {
    match expr {
        Expr::And(children) => {
            for child in children {
                if !interpret(child, schema, source)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Expr::Or(children) => {
            for child in children {
                if interpret(child, schema, source)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Expr::Not(child) => interpret(child, schema, source).map(|verdict| !verdict),
        Expr::Test(test) => Ok(Predicate::compile(test, schema)?.eval(source)),
        Expr::Macro(..) => super::compile(expr, schema).map(|filter| filter.matches(source)),
    }
}
