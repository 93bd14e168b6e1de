//! A single comparison, compiled.

use std::net::IpAddr;

use eyas_fields::{FieldFlags, FieldSource, FieldType, Net, Schema, Scope, Value};
use memchr::memmem::Finder;
use rustc_hash::FxHashSet;

use super::ast::{LiteralRef, Modifier, Op, Operand, Rhs, Test};
use super::codes::TypeTest;
use super::compile::{CompileError, CompileErrorKind};
use super::pattern::{Glob, Paths, Regex};
use super::transform::{Source, has};
use super::value::{Constant, constant, op_allowed};

/// From this size on a set is hashed.
const LARGE: usize = 6;

/// A comparison that can be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Predicate {
    left: Source,
    many: Many,
    check: Check,
    /// Of a test of the event's type.
    types: Option<Box<TypeTest>>,
}

/// How a comparison applies to several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Many {
    /// Every one: `in` of a list field; true of none.
    All,
    /// At least one.
    Any,
    /// Every one, and there is one: `!=` on the ends of a connection.
    Each,
}

impl Many {
    #[inline]
    fn of(self, check: &Check, value: Value<'_>) -> bool {
        match value {
            Value::List(values) => match self {
                Self::All => values.iter().all(|v| check.holds(*v)),
                Self::Any => values.iter().any(|v| check.holds(*v)),
                Self::Each => !values.is_empty() && values.iter().all(|v| check.holds(*v)),
            },
            value => check.holds(value),
        }
    }
}

impl Modifier {
    /// Whether `held` of `all` comparisons are as many as it wants.
    fn of(self, all: usize, held: usize) -> bool {
        match self {
            Self::OneOf => held == 1,
            Self::AnyOf => held > 0,
            Self::AllOf => held == all && held > 0,
        }
    }
}

#[derive(Clone, Debug)]
enum Check {
    Exists,
    Num(Cmp, i128),
    NumSet(Vec<i128>),
    Double(Cmp, f64),
    Bool {
        equal: bool,
        to: bool,
    },
    BoolSet([bool; 2]),
    Ip {
        equal: bool,
        to: IpAddr,
    },
    IpSet(Vec<IpAddr>),
    Nets {
        inside: bool,
        nets: Vec<Net>,
    },
    Bytes(Cmp, Box<[u8]>),
    SmallSet(Vec<Box<[u8]>>),
    LargeSet(FxHashSet<Box<[u8]>>),
    Contains(Box<Finder<'static>>),
    IContains(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Glob(Glob),
    Regex(Box<Regex>),
    Paths(Paths),
    Modified(Modifier, Vec<Check>),
    /// Against another operand's value.
    Operand(Op, Source),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cmp {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
}

impl Cmp {
    fn of(op: Op) -> Option<Self> {
        Some(match op {
            Op::Lt => Self::Lt,
            Op::Le => Self::Le,
            Op::Gt => Self::Gt,
            Op::Ge => Self::Ge,
            Op::Eq | Op::EqEq => Self::Eq,
            Op::Ne => Self::Ne,
            _ => return None,
        })
    }

    fn holds<T: PartialOrd + ?Sized>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Lt => a < b,
            Self::Le => a <= b,
            Self::Gt => a > b,
            Self::Ge => a >= b,
            Self::Eq => a == b,
            Self::Ne => a != b,
        }
    }
}

impl Predicate {
    pub(crate) fn compile(test: &Test, schema: &dyn Schema) -> Result<Self, CompileError> {
        let left = Source::resolve(&test.left, schema)?;
        let fail = |kind, message: String| Err(CompileError::new(kind, message, test.span));
        if let Operand::Call(call) = &test.left
            && call.name == "val"
        {
            return fail(CompileErrorKind::BadTransformer, "val() is allowed on the right side only".into());
        }
        let equality = left.field().is_some_and(|field| has(schema, field, FieldFlags::EQUALITY));
        let no_value =
            matches!(&test.right, Rhs::None) || matches!(&test.right, Rhs::List(all) if all.is_empty());
        if equality && !no_value && !matches!(test.op, Op::Eq | Op::EqEq) {
            return fail(CompileErrorKind::BadOperator, format!("'{}' is compared with = only", test.left));
        }
        if !op_allowed(test.op, left.ty, left.is_list) {
            let message = format!(
                "operator '{}' does not support field '{}' of type {}{}",
                test.op.word(),
                test.left,
                left.ty,
                if left.is_list { " (a list)" } else { "" }
            );
            return fail(CompileErrorKind::BadOperator, message);
        }
        let check = match &test.right {
            Rhs::None => Check::Exists,
            Rhs::Operand(operand) => Check::Operand(test.op, right_operand(test, &left, operand, schema)?),
            Rhs::Value(_) | Rhs::List(_) => literals(test, &left, schema)?,
        };
        let field = left.field().map(|field| (field, schema.def(field.id)));
        let any = field.is_some_and(|(_, def)| def.flags.contains(FieldFlags::ANY));
        let ancestors = field.is_some_and(|(_, def)| def.scope == Scope::Ancestors);
        let many = match test.op {
            Op::Ne if any && !ancestors => Many::Each,
            _ if any => Many::Any,
            Op::In => Many::All,
            _ => Many::Any,
        };
        let types = left.field().and_then(|field| TypeTest::of(test, field, schema)).map(Box::new);
        Ok(Self { left, many, check, types })
    }

    /// What a test of the event's type says of each code.
    pub(crate) fn types(&self) -> Option<&TypeTest> {
        self.types.as_deref()
    }

    /// Relative cost of an evaluation.
    pub(crate) fn cost(&self) -> u32 {
        let mut fields = 0;
        self.left.fields(&mut |_| fields += 1);
        let left = if self.left.field().is_some() { 1 } else { 20 * (1 + fields) };
        let check = match &self.check {
            Check::Exists | Check::Num(..) | Check::Bool { .. } | Check::BoolSet(_) | Check::Double(..) => 1,
            Check::Bytes(..) | Check::StartsWith(_) | Check::EndsWith(_) | Check::NumSet(_) => 2,
            Check::Ip { .. } | Check::IpSet(_) | Check::Nets { .. } | Check::SmallSet(_) => 3,
            Check::LargeSet(_) => 4,
            Check::Contains(_) | Check::Paths(_) => 8,
            Check::IContains(_) | Check::Glob(_) | Check::Operand(..) => 15,
            Check::Regex(_) => 60,
            Check::Modified(_, checks) => 4 * checks.len() as u32,
        };
        left + check
    }

    /// Guessed share of events of which it holds.
    pub(crate) fn chance(&self) -> f32 {
        let of = |cmp: Cmp| match cmp {
            Cmp::Eq => 0.1,
            Cmp::Ne => 0.9,
            _ => 0.5,
        };
        match &self.check {
            Check::Exists => 0.9,
            Check::Num(cmp, _) | Check::Double(cmp, _) | Check::Bytes(cmp, _) => of(*cmp),
            Check::Operand(op, _) => Cmp::of(*op).map_or(0.3, of),
            Check::Bool { .. } | Check::BoolSet(_) => 0.5,
            Check::Ip { equal, .. } => of(if *equal { Cmp::Eq } else { Cmp::Ne }),
            Check::Nets { inside, .. } => {
                if *inside {
                    0.2
                } else {
                    0.8
                }
            }
            Check::NumSet(_) | Check::IpSet(_) | Check::SmallSet(_) | Check::LargeSet(_) => 0.15,
            Check::StartsWith(_) | Check::Paths(_) => 0.15,
            Check::Contains(_) | Check::IContains(_) | Check::EndsWith(_) => 0.1,
            Check::Glob(_) | Check::Regex(_) => 0.1,
            Check::Modified(..) => 0.3,
        }
    }

    /// Every field that it asks for.
    pub(crate) fn fields<'a>(&'a self, visit: &mut dyn FnMut(&'a eyas_fields::Field)) {
        self.left.fields(visit);
        if let Check::Operand(_, right) = &self.check {
            right.fields(visit);
        }
    }

    #[inline]
    pub(crate) fn eval(&self, source: &dyn FieldSource) -> bool {
        if let Some(verdict) = self.types.as_deref().and_then(|types| types.verdict(source.code())) {
            return verdict;
        }
        if let Some(field) = self.left.field() {
            return source.get(field).is_some_and(|value| self.holds(value, source));
        }
        self.left.take(source).is_some_and(|taken| taken.with(|value| self.holds(value, source)))
    }

    #[inline]
    fn holds(&self, value: Value<'_>, source: &dyn FieldSource) -> bool {
        match (&self.check, value) {
            (Check::Exists, _) => true,
            (Check::Operand(op, right), value) => right
                .take(source)
                .is_some_and(|right| right.with(|right| against(*op, self.many, value, right))),
            // The modifier counts constants: each is compared with all that the field has.
            (Check::Modified(modifier, checks), value) => {
                modifier.of(checks.len(), checks.iter().filter(|check| self.many.of(check, value)).count())
            }
            (check, value) => self.many.of(check, value),
        }
    }
}

fn number(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Int(n) => Some(i128::from(n)),
        Value::Uint(n) => Some(i128::from(n)),
        _ => None,
    }
}

impl Check {
    #[inline]
    fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Bytes(..)
            | Self::SmallSet(_)
            | Self::LargeSet(_)
            | Self::Contains(_)
            | Self::IContains(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Glob(_)
            | Self::Regex(_)
            | Self::Paths(_) => value.as_bytes().is_some_and(|text| self.holds_text(text)),
            Self::Num(cmp, to) => number(value).is_some_and(|n| cmp.holds(&n, to)),
            Self::NumSet(set) => number(value).is_some_and(|n| set.contains(&n)),
            Self::Double(cmp, to) => match value {
                Value::Double(n) => cmp.holds(&n, to),
                _ => false,
            },
            Self::Bool { equal, to } => match value {
                Value::Bool(b) => (b == *to) == *equal,
                _ => false,
            },
            Self::BoolSet(set) => match value {
                Value::Bool(b) => set[usize::from(b)],
                _ => false,
            },
            Self::Ip { equal, to } => match value {
                Value::Ip(ip) => (ip == *to) == *equal,
                _ => false,
            },
            Self::IpSet(set) => match value {
                Value::Ip(ip) => set.contains(&ip),
                _ => false,
            },
            Self::Nets { inside, nets } => match value {
                Value::Ip(ip) => nets.iter().any(|net| net.contains(ip)) == *inside,
                Value::Net(other) => nets.contains(&other) == *inside,
                _ => false,
            },
            Self::Modified(modifier, checks) => {
                modifier.of(checks.len(), checks.iter().filter(|check| check.holds(value)).count())
            }
            Self::Exists => true,
            Self::Operand(..) => false,
        }
    }

    #[inline]
    fn holds_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Bytes(cmp, to) => cmp.holds(text, to),
            Self::SmallSet(set) => set.iter().any(|item| **item == *text),
            Self::LargeSet(set) => set.contains(text),
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::IContains(needle) => icontains(text, needle),
            Self::StartsWith(prefix) => text.starts_with(prefix),
            Self::EndsWith(suffix) => text.ends_with(suffix),
            Self::Glob(glob) => glob.matches(text),
            Self::Regex(regex) => regex.matches(text),
            Self::Paths(paths) => paths.cover(text),
            _ => false,
        }
    }
}

/// `needle` is in lower case.
fn icontains(text: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || text.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle))
}

/// Compares two values of one type.
fn against(op: Op, many: Many, left: Value<'_>, right: Value<'_>) -> bool {
    let right_items = match right {
        Value::List(items) => items,
        _ => std::slice::from_ref(&right),
    };
    let is_member = |v: &Value<'_>| right_items.iter().any(|r| same(*v, *r));
    match (op, left) {
        (Op::In | Op::Intersects, Value::List(items)) => match many {
            Many::All => items.iter().all(is_member),
            Many::Any | Many::Each => items.iter().any(is_member),
        },
        (Op::In | Op::Intersects, value) => is_member(&value),
        (op, Value::List(items)) => match many {
            Many::Each => !items.is_empty() && items.iter().all(|v| scalar(op, *v, right)),
            Many::All | Many::Any => items.iter().any(|v| scalar(op, *v, right)),
        },
        (op, value) => scalar(op, value, right),
    }
}

fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_bytes().zip(b.as_bytes()).map_or_else(|| a == b, |(a, b)| a == b),
    }
}

fn scalar(op: Op, left: Value<'_>, right: Value<'_>) -> bool {
    if let Some(cmp) = Cmp::of(op) {
        return match (number(left), number(right), left.as_bytes(), right.as_bytes()) {
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
        };
    }
    let (Some(text), Some(to)) = (left.as_bytes(), right.as_bytes()) else { return false };
    match op {
        Op::Contains | Op::BContains => memchr::memmem::find(text, to).is_some(),
        Op::IContains => icontains(text, &to.to_ascii_lowercase()),
        Op::StartsWith | Op::BStartsWith => text.starts_with(to),
        Op::EndsWith => text.ends_with(to),
        Op::Glob => Glob::new(to, false).matches(text),
        Op::IGlob => Glob::new(to, true).matches(text),
        _ => false,
    }
}

fn right_operand(
    test: &Test,
    left: &Source,
    operand: &Operand,
    schema: &dyn Schema,
) -> Result<Source, CompileError> {
    let fail = |message: String| Err(CompileError::new(CompileErrorKind::BadValue, message, test.span));
    let right = Source::resolve(operand, schema)?;
    let refuses = |s: &Source| {
        let mut refuses = false;
        s.fields(&mut |f| refuses |= has(schema, f, FieldFlags::NO_RHS));
        refuses
    };
    if matches!(test.op, Op::PMatch | Op::Regex) {
        return fail(format!("operator '{}' does not support fields on the right side", test.op.word()));
    }
    if left.ty == FieldType::Net || right.ty == FieldType::Net {
        return fail("network fields can't be compared with fields".into());
    }
    if (!left.takes_several() && refuses(left)) || refuses(&right) {
        return fail(format!("'{}' can't be compared with '{operand}'", test.left));
    }
    let set_op = matches!(test.op, Op::In | Op::Intersects);
    let made_list = right.is_list && right.takes_several() && !left.takes_several();
    let fits = left.is_list == right.is_list || set_op && !made_list;
    if left.ty != right.ty || !fits {
        return fail(format!(
            "'{}' of type {} can't be compared with '{operand}' of type {}",
            test.left, left.ty, right.ty
        ));
    }
    Ok(right)
}

fn literals(test: &Test, left: &Source, schema: &dyn Schema) -> Result<Check, CompileError> {
    let values: Vec<LiteralRef<'_>> = test.right.values().collect();
    if let Some(field) = left.field() {
        for value in &values {
            schema.check_value(field, &String::from_utf8_lossy(value.text)).map_err(|message| {
                CompileError::new(CompileErrorKind::UnknownEventType, message, value.span)
            })?;
        }
    }
    let bad = |message, span| CompileError::new(CompileErrorKind::BadValue, message, span);
    let typed = |value: &LiteralRef<'_>| {
        let message = |why: String| format!("'{}': {why}", test.left);
        constant(left.ty, test.op, value.text).map_err(|why| bad(message(why), value.span))
    };
    if let Some(modifier) = test.modifier {
        let checks = values
            .iter()
            .map(|v| single(test.op, typed(v)?).map_err(|why| bad(why, v.span)))
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(Check::Modified(modifier, checks));
    }
    if test.op == Op::PMatch {
        return Ok(Check::Paths(Paths::new(values.iter().map(|v| v.text))));
    }
    if !test.op.takes_list() {
        let [value] = values.as_slice() else {
            let span = test.span;
            return Err(bad(format!("operator '{}' takes one value, not a list", test.op.word()), span));
        };
        return single(test.op, typed(value)?).map_err(|why| bad(why, value.span));
    }
    let constants = values.iter().map(typed).collect::<Result<Vec<_>, _>>()?;
    Ok(set(left.ty, constants))
}

/// Membership in a set of constants.
fn set(ty: FieldType, constants: Vec<Constant>) -> Check {
    use FieldType as T;
    macro_rules! all {
        ($variant:ident) => {
            constants.into_iter().filter_map(|c| if let Constant::$variant(v) = c { Some(v) } else { None })
        };
    }
    match ty {
        T::Bool => {
            let mut set = [false; 2];
            all!(Bool).for_each(|b| set[usize::from(b)] = true);
            Check::BoolSet(set)
        }
        T::Ip => Check::IpSet(all!(Ip).collect()),
        T::Net => Check::Nets { inside: true, nets: all!(Net).collect() },
        T::Str | T::Bytes if constants.len() < LARGE => {
            Check::SmallSet(all!(Bytes).map(Into::into).collect())
        }
        T::Str | T::Bytes => Check::LargeSet(all!(Bytes).map(Into::into).collect()),
        T::Double => {
            Check::Modified(Modifier::AnyOf, all!(Double).map(|v| Check::Double(Cmp::Eq, v)).collect())
        }
        _ => Check::NumSet(all!(Num).collect()),
    }
}

/// A comparison with one constant.
fn single(op: Op, constant: Constant) -> Result<Check, String> {
    let cmp = Cmp::of(op);
    let refuse = || Err(format!("operator '{}' does not apply to this value", op.word()));
    Ok(match (constant, cmp) {
        (Constant::Num(n), Some(cmp)) => Check::Num(cmp, n),
        (Constant::Double(n), Some(cmp)) => Check::Double(cmp, n),
        (Constant::Bool(to), Some(cmp)) => Check::Bool { equal: cmp == Cmp::Eq, to },
        (Constant::Ip(to), Some(cmp)) => Check::Ip { equal: cmp == Cmp::Eq, to },
        (Constant::Net(net), Some(cmp)) => Check::Nets { inside: cmp == Cmp::Eq, nets: vec![net] },
        (Constant::Bytes(b), Some(cmp)) => Check::Bytes(cmp, b.into()),
        (Constant::Bytes(b), None) => match op {
            Op::Contains | Op::BContains => Check::Contains(Box::new(Finder::new(&b).into_owned())),
            Op::IContains => Check::IContains(b.to_ascii_lowercase().into()),
            Op::StartsWith | Op::BStartsWith => Check::StartsWith(b.into()),
            Op::EndsWith => Check::EndsWith(b.into()),
            Op::Glob => Check::Glob(Glob::new(&b, false)),
            Op::IGlob => Check::Glob(Glob::new(&b, true)),
            Op::Regex => Check::Regex(Box::new(Regex::new(&b)?)),
            _ => return refuse(),
        },
        _ => return refuse(),
    })
}
