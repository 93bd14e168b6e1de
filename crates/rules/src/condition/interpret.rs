//! The plain evaluator of a tree for one event, without preparation. Differential tests use it as their
//! oracle.
//!
//! It shares only the parser and the fields with the compiled graph. It types constants at each comparison,
//! searches sets from the front, and walks through patterns position by position. Rows of operators and
//! transformers have two functions: one for the graph, and `plain` for this evaluator. The two share
//! nothing.

use eyas_fields::{FieldFlags, FieldSource, FieldType, Schema, Scope};

use super::ast::{Expr, FieldRef, LiteralRef, Modifier, Op, Operand, Rhs, Span, Test};
use super::compare::Quantifier;
use super::error::{CompileError, CompileErrorKind};
use super::opdef::{Evaluation, Implies};
use super::transformer::Returns;
use super::transformers;
use crate::mismatch::SchemaMismatch;

mod compare;
mod operand;
pub(super) mod pattern;
pub(super) mod val;

use val::Val;

/// Whether the event satisfies the condition.
///
/// # Errors
/// The event is of another schema, or a field, constant or operator of an evaluated part does not fit the
/// schema.
pub fn interpret(expr: &Expr, schema: &dyn Schema, source: &dyn FieldSource) -> Result<bool, CompileError> {
    let (expected_id, given_id) = (schema.id(), source.schema_id());
    if expected_id != given_id {
        let error = SchemaMismatch { expected: schema.source().into(), expected_id, given: None, given_id };
        return Err(CompileError::new(CompileErrorKind::Schema, error.to_string(), Span::default()));
    }
    Plain { schema, source }.expr(expr)
}

/// An event and the names of its fields.
struct Plain<'a> {
    schema: &'a dyn Schema,
    source: &'a dyn FieldSource,
}

/// Properties of an operand that do not depend on an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    ty: FieldType,
    list: bool,
    /// Whether the language treats several values as one.
    several: Option<Several>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Several {
    /// The ends of a connection: for `!=`, both must differ.
    Ends,
    /// The ancestors of a process: for `!=`, one must differ.
    Ancestors,
}

impl Plain<'_> {
    fn expr(&self, expr: &Expr) -> Result<bool, CompileError> {
        match expr {
            Expr::And(children) => {
                for child in children.iter() {
                    if !self.expr(child)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Expr::Or(children) => {
                for child in children.iter() {
                    if self.expr(child)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Expr::Not(child) => Ok(!self.expr(child)?),
            Expr::Test(test) => self.test(test),
            Expr::Macro(name, span) => {
                let message = format!("Undefined macro '{name}' used in filter.");
                Err(CompileError::new(CompileErrorKind::Macro, message, *span))
            }
        }
    }

    fn test(&self, test: &Test) -> Result<bool, CompileError> {
        if let Some(held) = self.older_type(test) {
            return Ok(held);
        }
        let kind = self.kind(&test.left)?;
        let Some(left) = self.value(&test.left)? else { return Ok(false) };
        let literals: Vec<LiteralRef<'_>> = match &test.right {
            Rhs::None => return Ok(true),
            Rhs::Operand(operand) => {
                return Ok(self.value(operand)?.is_some_and(|right| against(test.op, kind, left, right)));
            }
            Rhs::Value(_) | Rhs::List(_) => test.right.values().collect(),
        };
        let bad = |why: String| CompileError::new(CompileErrorKind::BadValue, why, test.span);
        let holds = |op: Op, literal: &LiteralRef<'_>| {
            on_each(op, kind, &left, &mut |value| compare::one(op, kind.ty, value, literal.text))
        };
        let member = |value: &Val| {
            for literal in &literals {
                if compare::equals(kind.ty, value, literal.text)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        if let Some(modifier) = test.modifier {
            let mut count = 0;
            for literal in &literals {
                count += usize::from(holds(test.op, literal).map_err(bad)?);
            }
            return Ok(match modifier {
                Modifier::OneOf => count == 1,
                Modifier::AnyOf => count > 0,
                Modifier::AllOf => count > 0 && count == literals.len(),
            });
        }
        match test.op.def().evaluation {
            Evaluation::Member(Quantifier::All) if kind.list => {
                for value in left.clone().items() {
                    if !member(&value).map_err(bad)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Evaluation::Member(_) => {
                for value in left.clone().items() {
                    if member(&value).map_err(bad)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Evaluation::Paths { .. } => {
                for literal in &literals {
                    if holds(test.op, literal).map_err(bad)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => match literals.as_slice() {
                [literal] => holds(test.op, literal).map_err(bad),
                _ => Err(bad(format!("operator '{}' takes one value, not a list", test.op.word()))),
            },
        }
    }

    /// The result of a test of the event's type that names an older event type instead of this one.
    fn older_type(&self, test: &Test) -> Option<bool> {
        let Operand::Field(field) = &test.left else { return None };
        let field = self.schema.resolve(&field.name, field.arg.as_deref()).ok()?;
        let older = self.schema.older_type(&field, self.source.code())?;
        let is_named = test.right.values().any(|literal| literal.text == older.as_bytes());
        match test.op.def().implies {
            _ if test.modifier.is_some() || !is_named => None,
            Some(Implies::OneOf) => Some(true),
            Some(Implies::NoneOf) => Some(false),
            _ => None,
        }
    }

    fn kind(&self, operand: &Operand) -> Result<Kind, CompileError> {
        let plain = |ty, list| Kind { ty, list, several: None };
        Ok(match operand {
            Operand::Field(field) if self.constant(field).is_some() => plain(FieldType::Str, false),
            Operand::Field(field) => {
                let resolved = self.resolve(field)?;
                let def = self.schema.def(resolved.id);
                let several = def.flags.contains(FieldFlags::ANY).then_some(match def.scope {
                    Scope::Ancestors => Several::Ancestors,
                    _ => Several::Ends,
                });
                Kind { ty: resolved.ty, list: resolved.is_list, several }
            }
            Operand::Text(_) => plain(FieldType::Str, false),
            Operand::List(..) => plain(FieldType::Str, true),
            Operand::Call(call) => {
                match (transformers::find(&call.name).map(|t| t.returns), call.args.first()) {
                    (Some(Returns::Number), _) => plain(FieldType::Uint { bits: 64 }, false),
                    (Some(Returns::Text), _) => plain(FieldType::Str, false),
                    (Some(Returns::TextOrList), _) => plain(FieldType::Str, call.select.is_none()),
                    (Some(Returns::SameAsArgument), Some(arg)) => Kind { several: None, ..self.kind(arg)? },
                    _ => {
                        let message = format!("transformer '{}' is unknown or has no argument", call.name);
                        return Err(CompileError::new(CompileErrorKind::BadTransformer, message, call.span));
                    }
                }
            }
        })
    }

    fn constant(&self, field: &FieldRef) -> Option<&str> {
        if field.arg.is_some() { None } else { self.schema.constant(&field.name) }
    }

    fn resolve(&self, field: &FieldRef) -> Result<eyas_fields::Field, CompileError> {
        self.schema.resolve(&field.name, field.arg.as_deref()).map_err(|why| {
            CompileError::new(CompileErrorKind::UnknownField, format!("field {field}: {why}"), field.span)
        })
    }
}

/// Applies a comparison to a value, or to each value of a field with several values.
fn on_each(
    op: Op,
    kind: Kind,
    left: &Val,
    holds: &mut dyn FnMut(&Val) -> Result<bool, String>,
) -> Result<bool, String> {
    let Val::List(items) = left else { return holds(left) };
    let verdicts = items.iter().map(holds).collect::<Result<Vec<bool>, String>>()?;
    Ok(match (op.def().implies, kind.several) {
        (Some(Implies::NoneOf), Some(Several::Ends)) => !verdicts.is_empty() && !verdicts.contains(&false),
        _ => verdicts.contains(&true),
    })
}

/// Compares with another operand's value.
fn against(op: Op, kind: Kind, left: Val, right: Val) -> bool {
    match op.def().evaluation {
        Evaluation::Member(many) => {
            let right = right.items();
            let all = many == Quantifier::All && kind.list;
            let mut verdicts = left.items().into_iter().map(|value| right.contains(&value));
            if all { verdicts.all(|member| member) } else { verdicts.any(|member| member) }
        }
        _ => compare::values(op, &left, &right),
    }
}
