//! The plain evaluator: a tree, an event, no preparation. The oracle of differential tests.
//!
//! It shares the parser and the fields with the compiled graph and nothing else: constants are typed
//! at each comparison, sets are searched from the front, patterns are walked position by position.

use eyas_fields::{FieldFlags, FieldSource, FieldType, Schema, Scope, Value};

use super::ast::{Expr, FieldRef, LiteralRef, Modifier, Op, Operand, Rhs, Test};
use super::compile::{CompileError, CompileErrorKind};

mod compare;
mod operand;
mod pattern;

#[cfg(test)]
pub(super) use pattern::{glob, regex};

/// Whether the event satisfies the condition.
///
/// # Errors
/// A field, constant or operator of the part that was reached does not fit the schema.
pub fn interpret(expr: &Expr, schema: &dyn Schema, source: &dyn FieldSource) -> Result<bool, CompileError> {
    Plain { schema, source }.expr(expr)
}

/// An event and the names of its fields.
struct Plain<'a> {
    schema: &'a dyn Schema,
    source: &'a dyn FieldSource,
}

/// A value by itself.
#[derive(Clone, Debug, PartialEq)]
enum Val {
    Number(i128),
    Double(f64),
    Bool(bool),
    Text(Vec<u8>),
    Ip(std::net::IpAddr),
    Net(std::net::IpAddr, u8),
    List(Vec<Val>),
}

impl Val {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(b) => Self::Bool(b),
            Value::Int(n) => Self::Number(n.into()),
            Value::Uint(n) => Self::Number(n.into()),
            Value::Double(n) => Self::Double(n),
            Value::Str(text) | Value::Bytes(text) => Self::Text(text.to_vec()),
            Value::Ip(ip) => Self::Ip(ip),
            Value::Net(net) => Self::Net(net.addr, net.prefix),
            Value::List(items) => Self::List(items.iter().map(|item| Self::of(*item)).collect()),
        }
    }

    fn items(self) -> Vec<Self> {
        match self {
            Self::List(items) => items,
            one => vec![one],
        }
    }
}

/// What the language knows of an operand before any event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    ty: FieldType,
    list: bool,
    /// One value to the language, several in truth.
    several: Option<Several>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Several {
    /// The ends of a connection: both have to differ.
    Ends,
    /// The ancestors of a process: one has to differ.
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
                if compare::one(Op::Eq, kind.ty, value, literal.text)? {
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
        match test.op {
            Op::In if kind.list => {
                for value in left.clone().items() {
                    if !member(&value).map_err(bad)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Op::In | Op::Intersects => {
                for value in left.clone().items() {
                    if member(&value).map_err(bad)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Op::PMatch => {
                for literal in &literals {
                    if holds(test.op, literal).map_err(bad)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            op => match literals.as_slice() {
                [literal] => holds(op, literal).map_err(bad),
                _ => Err(bad(format!("operator '{}' takes one value, not a list", op.word()))),
            },
        }
    }

    /// A test of the event's type that names an older event in the place of the one at hand.
    fn older_type(&self, test: &Test) -> Option<bool> {
        let Operand::Field(field) = &test.left else { return None };
        let field = self.schema.resolve(&field.name, field.arg.as_deref()).ok()?;
        let older = self.schema.older_type(&field, self.source.code())?;
        let is_named = test.right.values().any(|literal| literal.text == older.as_bytes());
        match test.op {
            _ if test.modifier.is_some() || !is_named => None,
            Op::Eq | Op::EqEq | Op::In => Some(true),
            Op::Ne => Some(false),
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
            Operand::Call(call) => match (call.name.as_str(), call.args.first()) {
                ("len", _) => plain(FieldType::Uint { bits: 64 }, false),
                ("join" | "concat", _) => plain(FieldType::Str, false),
                ("getopt", _) => plain(FieldType::Str, call.select.is_none()),
                (_, Some(arg)) => Kind { several: None, ..self.kind(arg)? },
                (name, None) => {
                    let message = format!("transformer '{name}' has no argument");
                    return Err(CompileError::new(CompileErrorKind::BadTransformer, message, call.span));
                }
            },
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

/// Applies a comparison to a value, or to each of those that a field of several has.
fn on_each(
    op: Op,
    kind: Kind,
    left: &Val,
    holds: &mut dyn FnMut(&Val) -> Result<bool, String>,
) -> Result<bool, String> {
    let Val::List(items) = left else { return holds(left) };
    let verdicts = items.iter().map(holds).collect::<Result<Vec<bool>, String>>()?;
    Ok(match (op, kind.several) {
        (Op::Ne, Some(Several::Ends)) => !verdicts.is_empty() && !verdicts.contains(&false),
        _ => verdicts.contains(&true),
    })
}

/// Compares with another operand's value.
fn against(op: Op, kind: Kind, left: Val, right: Val) -> bool {
    match op {
        Op::In | Op::Intersects => {
            let right = right.items();
            let all = op == Op::In && kind.list;
            let mut verdicts = left.items().into_iter().map(|value| right.contains(&value));
            if all { verdicts.all(|member| member) } else { verdicts.any(|member| member) }
        }
        op => compare::values(op, &left, &right),
    }
}
