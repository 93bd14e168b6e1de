//! A single comparison, compiled.

use std::net::IpAddr;

use eyas_fields::{FieldFlags, FieldSource, FieldType, Net, Schema, Scope, Value};

use super::against::against;
use super::ast::{Modifier, Op, Rhs, Test};
use super::build::{Shelf, literals, right_operand};
use super::check::{Check, TextTest};
use super::codes::TypeTest;
use super::compare::{Cmp, Quantifier};
use super::counted::{Counted, Kind};
use super::error::{CompileError, CompileErrorKind};
use super::opdef::{Evaluation, Implies};
use super::operand::{Source, has};
use super::sets::{Nets, Set};

/// A compiled comparison.
#[derive(Clone, Debug)]
pub(crate) struct Predicate {
    left: Source,
    many: Quantifier,
    comparison: Comparison,
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
enum Comparison {
    /// Constants.
    Check(Check),
    /// Another operand's value.
    Operand(Op, Source),
    /// A test of the event's type.
    Type(Box<Typed>),
}

/// A test of the event's type. The code decides it, or else the value.
#[derive(Clone, Debug)]
struct Typed {
    codes: TypeTest,
    value: Check,
}

/// A comparison with one constant that can be merged with others of the same left side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Alternative {
    Text(Kind, Box<[u8]>),
    Number(i128),
    Address(IpAddr),
    Net(Net),
}

impl Alternative {
    /// Its kind, and how many comparisons of this kind are needed to merge them.
    pub(crate) fn kind(&self) -> (u8, usize) {
        match self {
            Self::Text(Kind::Equal, _) => (0, 6),
            Self::Text(Kind::Contains, _) => (1, 8),
            Self::Text(Kind::ContainsAnyCase, _) => (2, 4),
            Self::Text(Kind::StartsWith, _) => (3, 12),
            Self::Text(Kind::EndsWith, _) => (4, 12),
            Self::Number(_) => (5, 6),
            Self::Address(_) => (6, 6),
            Self::Net(_) => (7, 4),
        }
    }
}

/// The reference's message about an operator that a type does not support.
fn unsupported(test: &Test, ty: FieldType, is_list: bool) -> String {
    use FieldType as T;
    let op = test.op.word();
    let op = test.modifier.map_or_else(|| op.to_owned(), |modifier| format!("{op} {}", modifier.word()));
    let filters = match ty {
        _ if is_list => "list",
        T::Int { .. } | T::Uint { .. } | T::Double | T::RelTime | T::AbsTime | T::Port | T::Bool => {
            "for numeric"
        }
        T::Str => "for string",
        T::Bytes => "for buffer",
        T::Ip | T::Net => "for ip address and network",
        _ => return format!("filter error: '{op}' operator not supported for type '{ty}'"),
    };
    format!("filter error: '{op}' operator not supported {filters} filters")
}

impl Predicate {
    /// Compiles a comparison; `shelf` contains the compiled lists of other comparisons.
    pub(crate) fn compile(test: &Test, schema: &dyn Schema, shelf: &mut Shelf) -> Result<Self, CompileError> {
        let left = Source::resolve(&test.left, schema)?;
        let fail = |kind, message: String| Err(CompileError::new(kind, message, test.span));
        let def = test.op.def();
        let equality = left.field().is_some_and(|field| has(schema, field, FieldFlags::EQUALITY));
        let no_value =
            matches!(&test.right, Rhs::None) || matches!(&test.right, Rhs::List(all) if all.is_empty());
        if equality && !no_value && def.cmp() != Some(Cmp::Eq) {
            return fail(CompileErrorKind::BadOperator, format!("'{}' is compared with = only", test.left));
        }
        if !def.types.contains(left.ty, left.is_list) {
            let message = unsupported(test, left.ty, left.is_list);
            return fail(CompileErrorKind::BadOperator, message);
        }
        let comparison = match &test.right {
            Rhs::None => Comparison::Check(Check::Exists),
            Rhs::Operand(operand) => {
                Comparison::Operand(test.op, right_operand(test, &left, operand, schema)?)
            }
            Rhs::Value(_) | Rhs::List(_) => Comparison::Check(literals(test, &left, schema, shelf)?),
        };
        let field = left.field().map(|field| (field, schema.def(field.id)));
        let any = field.is_some_and(|(_, def)| def.flags.contains(FieldFlags::ANY));
        let ancestors = field.is_some_and(|(_, def)| def.scope == Scope::Ancestors);
        let many = match def.evaluation {
            _ if any && !ancestors && def.implies == Some(Implies::NoneOf) => Quantifier::Each,
            _ if any => Quantifier::Any,
            Evaluation::Member(many) => many,
            _ => Quantifier::Any,
        };
        // A separate variant, because few comparisons need it and all have the size of the largest.
        let codes = left.field().and_then(|field| TypeTest::of(test, field, schema));
        let comparison = match (codes, comparison) {
            (Some(codes), Comparison::Check(value)) => Comparison::Type(Box::new(Typed { codes, value })),
            (_, comparison) => comparison,
        };
        Ok(Self { left, many, comparison })
    }

    /// The results of a test of the event's type, for each code.
    pub(crate) fn types(&self) -> Option<&TypeTest> {
        match &self.comparison {
            Comparison::Type(typed) => Some(&typed.codes),
            _ => None,
        }
    }

    /// The field on the left side, if it is a plain field.
    pub(super) fn field(&self) -> Option<&eyas_fields::Field> {
        self.left.field()
    }

    /// The constants that a value is compared with.
    pub(super) fn constants(&self) -> Option<&Check> {
        match &self.comparison {
            Comparison::Check(check) => Some(check),
            Comparison::Type(typed) => Some(&typed.value),
            Comparison::Operand(..) => None,
        }
    }

    /// The comparison as an alternative among several with the same left side.
    pub(crate) fn alternative(&self) -> Option<Alternative> {
        let text = |kind, text: &[u8]| Alternative::Text(kind, text.into());
        // The codes decide a test of the event's type.
        let Comparison::Check(check) = &self.comparison else { return None };
        Some(match check {
            _ if self.many != Quantifier::Any => return None,
            Check::Bytes(Cmp::Eq, to) => text(Kind::Equal, to),
            Check::Contains(finder) => text(Kind::Contains, finder.needle()),
            Check::Text(TextTest { constant, search: Some(kind), .. }) => text(*kind, constant),
            Check::StartsWith(prefix) => text(Kind::StartsWith, prefix),
            Check::EndsWith(suffix) => text(Kind::EndsWith, suffix),
            Check::Num(Cmp::Eq, to) => Alternative::Number(*to),
            Check::Ip { equal: true, to } => Alternative::Address(*to),
            Check::Nets { inside: true, nets } => Alternative::Net(nets.single()?),
            _ => return None,
        })
    }

    /// A comparison that is true if one of these is true. All are of one kind, and have the left side of
    /// this one.
    pub(crate) fn any_of(&self, alternatives: Vec<Alternative>) -> Self {
        let (mut texts, mut numbers, mut addresses, mut nets) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut of_texts = Kind::Equal;
        for alternative in alternatives {
            match alternative {
                Alternative::Text(kind, text) => {
                    of_texts = kind;
                    texts.push(text);
                }
                Alternative::Number(number) => numbers.push(number),
                Alternative::Address(address) => addresses.push(address),
                Alternative::Net(net) => nets.push(net),
            }
        }
        let check = if !numbers.is_empty() {
            Check::Numbers(Set::new(numbers, Vec::new()))
        } else if !addresses.is_empty() {
            Check::Addresses(Set::new(addresses, Vec::new()))
        } else if !nets.is_empty() {
            Check::Nets { inside: true, nets: Nets::new(nets, Vec::new()).into() }
        } else if of_texts == Kind::Equal {
            Check::Texts(Set::new(texts, Vec::new()))
        } else {
            let constants = Counted::texts(of_texts, texts, Vec::new()).into();
            Check::Counted { modifier: Modifier::AnyOf, differs: false, constants }
        };
        let comparison = Comparison::Check(check);
        Self { left: self.left.clone(), many: Quantifier::Any, comparison }
    }

    /// Relative cost of an evaluation.
    pub(crate) fn cost(&self) -> u32 {
        let mut fields = 0;
        self.left.fields(&mut |_| fields += 1);
        let left = if self.left.field().is_some() { 1 } else { 20 * (1 + fields) };
        let Some(check) = self.constants() else { return left + 15 };
        let check = match check {
            Check::Exists | Check::Num(..) | Check::Bool { .. } | Check::BoolSet(_) | Check::Double(..) => 1,
            Check::Bytes(..) | Check::StartsWith(_) | Check::EndsWith(_) => 2,
            Check::Numbers(_) | Check::Doubles(_) => 2,
            Check::Texts(set) if !set.is_small() => 4,
            Check::Ip { .. } | Check::Addresses(_) | Check::Nets { .. } | Check::Texts(_) => 3,
            Check::Contains(_) | Check::Paths(_) => 8,
            Check::Glob(_) | Check::Text(_) => 15,
            Check::Regex(_) => 60,
            Check::Counted { constants, .. } => constants.cost(),
            Check::Several { checks, .. } => checks.cost(),
        };
        left + check
    }

    /// Estimated share of events for which it is true.
    pub(crate) fn chance(&self) -> f32 {
        let of = |cmp: Cmp| match cmp {
            Cmp::Eq => 0.1,
            Cmp::Ne => 0.9,
            _ => 0.5,
        };
        let check = match &self.comparison {
            Comparison::Operand(op, _) => return op.def().cmp().map_or(0.3, of),
            Comparison::Check(check) => check,
            Comparison::Type(typed) => &typed.value,
        };
        match check {
            // `fd.num >= 0`: most calls succeed.
            Check::Exists | Check::Num(Cmp::Ge, 0) => 0.9,
            Check::Num(cmp, _) | Check::Double(cmp, _) | Check::Bytes(cmp, _) => of(*cmp),
            Check::Bool { .. } | Check::BoolSet(_) => 0.5,
            Check::Ip { equal, .. } => of(if *equal { Cmp::Eq } else { Cmp::Ne }),
            Check::Nets { inside, .. } => {
                if *inside {
                    0.2
                } else {
                    0.8
                }
            }
            Check::Numbers(_) | Check::Doubles(_) | Check::Addresses(_) | Check::Texts(_) => 0.15,
            Check::StartsWith(_) | Check::Paths(_) => 0.15,
            Check::Contains(_) | Check::EndsWith(_) => 0.1,
            Check::Glob(_) | Check::Regex(_) | Check::Text(_) => 0.1,
            Check::Counted { .. } | Check::Several { .. } => 0.3,
        }
    }

    /// Calls `visit` for every field that it uses.
    pub(crate) fn fields<'a>(&'a self, visit: &mut dyn FnMut(&'a eyas_fields::Field)) {
        self.left.fields(visit);
        if let Comparison::Operand(_, right) = &self.comparison {
            right.fields(visit);
        }
    }

    #[inline]
    pub(crate) fn eval(&self, source: &dyn FieldSource) -> bool {
        if let Some(field) = self.left.field() {
            return match &source.get(field) {
                Some(value) => self.holds(value, source),
                None => self.types().and_then(|codes| codes.verdict(source.code())) == Some(true),
            };
        }
        self.left.take(source).is_some_and(|taken| taken.with(|value| self.holds(&value, source)))
    }

    /// Takes the value by reference: copying a value that was just written in parts would stall the
    /// processor.
    #[inline]
    fn holds(&self, value: &Value<'_>, source: &dyn FieldSource) -> bool {
        match &self.comparison {
            Comparison::Check(check) => self.holds_check(check, value),
            Comparison::Type(typed) => {
                let verdict = typed.codes.verdict(source.code());
                verdict.unwrap_or_else(|| self.holds_check(&typed.value, value))
            }
            Comparison::Operand(op, right) => right
                .take(source)
                .is_some_and(|right| right.with(|right| against(*op, self.many, *value, right))),
        }
    }

    #[inline(always)]
    fn holds_check(&self, check: &Check, value: &Value<'_>) -> bool {
        match check {
            Check::Exists => true,
            // The modifier counts constants, so each constant is compared with all values of the field.
            Check::Counted { modifier, differs, constants } => {
                constants.holds(*modifier, *differs, self.many, *value)
            }
            Check::Several { modifier, checks } => checks.hold(*modifier, self.many, value),
            check => check.holds_of(self.many, value),
        }
    }
}
