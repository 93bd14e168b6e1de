//! Compiles the right side of a comparison.

use std::sync::Arc;

use eyas_fields::{Field, FieldFlags, FieldId, FieldType, Schema};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ast::{LiteralRef, Modifier, Op, Operand, Rhs, Test, Values};
use super::check::{Check, Checks};
use super::compare::Cmp;
use super::counted::{Counted, Kind};
use super::error::{CompileError, CompileErrorKind};
use super::opdef::{Constants, Evaluation};
use super::operand::{Source, has};
use super::pattern::Paths;
use super::sets::{Nets, Set};
use super::value::{Constant, Refused, constant};
use super::values::Part;

/// Smaller lists are copied into the sets of all comparisons that use them.
const SMALL: usize = 16;
/// Smaller lists are copied if few comparisons use them, because testing one set is faster than testing several.
const MEDIUM: usize = 256;
const FEW: u32 = 8;
/// From this number of constants on, comparisons with a modifier get a special structure.
const MANY: usize = 8;

/// Compiled lists, which comparisons share.
#[derive(Default)]
pub(crate) struct Shelf {
    made: FxHashMap<Key, Made>,
    /// Lists by address, with the number of comparisons that use each. The lists are kept alive, so that no
    /// other list gets the address.
    lists: FxHashMap<usize, (Arc<Values>, u32)>,
    /// Lists whose values were already checked against a field.
    checked: FxHashSet<(usize, FieldId)>,
}

/// A list, by its address, and the comparison.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    list: usize,
    op: Op,
    ty: FieldType,
    counted: bool,
}

/// A compiled list.
#[derive(Clone)]
enum Made {
    Numbers(Arc<Set<i128>>),
    Doubles(Arc<Set<u64>>),
    Addresses(Arc<Set<std::net::IpAddr>>),
    Texts(Arc<Set<Box<[u8]>>>),
    Nets(Arc<Nets>),
    Paths(Arc<Paths>),
    Counted(Arc<Counted>),
    Checks(Arc<Checks>),
}

/// A structure that can be compiled from a list.
trait OfList: Sized {
    fn get(made: &Made) -> Option<Arc<Self>>;
    fn put(this: Arc<Self>) -> Made;
}

macro_rules! of_list {
    ($($variant:ident $ty:ty,)*) => {
        $(impl OfList for $ty {
            fn get(made: &Made) -> Option<Arc<Self>> {
                if let Made::$variant(this) = made { Some(this.clone()) } else { None }
            }

            fn put(this: Arc<Self>) -> Made {
                Made::$variant(this)
            }
        })*
    };
}

of_list! {
    Numbers Set<i128>,
    Doubles Set<u64>,
    Addresses Set<std::net::IpAddr>,
    Texts Set<Box<[u8]>>,
    Nets Nets,
    Paths Paths,
    Counted Counted,
    Checks Checks,
}

impl Shelf {
    /// Keeps the lists of a comparison alive, so that their addresses stay valid as keys.
    pub(crate) fn keep(&mut self, right: &Rhs) {
        let Rhs::List(values) = right else { return };
        for part in values.parts() {
            if let Part::List(list, _) = part {
                self.entry(list);
            }
        }
    }

    fn entry(&mut self, list: &Arc<Values>) -> &mut u32 {
        let address = Arc::as_ptr(list) as usize;
        &mut self.lists.entry(address).or_insert_with(|| (list.clone(), 0)).1
    }

    /// Whether a comparison that uses the list copies it.
    fn is_copied(&mut self, list: &Arc<Values>) -> bool {
        let uses = self.entry(list);
        *uses = uses.saturating_add(1);
        list.len() < SMALL || list.len() < MEDIUM && *uses <= FEW
    }
}

pub(super) fn right_operand(
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
    let def = test.op.def();
    if !def.takes_operand() {
        return fail(format!("operator '{}' doesn't support right-hand side fields", def.word));
    }
    if left.ty == FieldType::Net || right.ty == FieldType::Net {
        return fail("field type 'IPNET' doesn't support right-hand side fields".into());
    }
    if !left.takes_several() && refuses(left) {
        return fail(format!("field '{}' doesn't support right-hand side fields", test.left));
    }
    if refuses(&right) {
        let name = right.field().map_or_else(|| operand.to_string(), |field| field.text.to_string());
        return fail(format!("field '{name}' can't be used as a right-hand side field"));
    }
    let set_op = def.is_member();
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

/// A comparison with constants.
pub(super) fn literals(
    test: &Test,
    left: &Source,
    schema: &dyn Schema,
    shelf: &mut Shelf,
) -> Result<Check, CompileError> {
    let mut builder = Builder { test, left, schema, shelf };
    builder.check_values()?;
    let ty = left.ty;
    if let Some(modifier) = test.modifier {
        return match (modifier, test.op.def().cmp()) {
            // Equality with any constant is membership.
            (Modifier::AnyOf, Some(Cmp::Eq)) => builder.set(ty),
            _ => builder.counted(modifier, ty),
        };
    }
    if let Evaluation::Paths { .. } = test.op.def().evaluation {
        let path = |value: LiteralRef<'_>| Ok(Box::from(value.text));
        return builder.gather(test.op, false, &path, &Paths::new).map(Check::Paths);
    }
    if test.op.takes_list() {
        return builder.set(ty);
    }
    let mut values = test.right.values();
    let (Some(value), None) = (values.next(), values.next()) else {
        let message = format!("operator '{}' takes one value, not a list", test.op.word());
        return Err(CompileError::new(CompileErrorKind::BadValue, message, test.span));
    };
    builder.reader(test.op).single(value)
}

struct Builder<'a> {
    test: &'a Test,
    left: &'a Source,
    schema: &'a dyn Schema,
    shelf: &'a mut Shelf,
}

type Read<'r, I> = &'r dyn Fn(LiteralRef<'_>) -> Result<I, CompileError>;
type Make<'m, I, T> = &'m dyn Fn(Vec<I>, Vec<Arc<T>>) -> T;

impl<'a> Builder<'a> {
    /// Returns an error for values that cannot be compared with the field.
    fn check_values(&mut self) -> Result<(), CompileError> {
        let Some(field) = self.left.field() else { return Ok(()) };
        match &self.test.right {
            Rhs::List(values) => self.check_each(field, values),
            right => right.values().try_for_each(|value| self.check_value(field, value)),
        }
    }

    fn check_value(&self, field: &Field, value: LiteralRef<'_>) -> Result<(), CompileError> {
        self.schema
            .check_value(field, &String::from_utf8_lossy(value.text))
            .map_err(|message| CompileError::new(CompileErrorKind::UnknownEventType, message, value.span))
    }

    fn check_each(&mut self, field: &Field, values: &Values) -> Result<(), CompileError> {
        for part in values.parts() {
            match part {
                Part::One(literal) => self.check_value(field, literal.borrowed())?,
                Part::List(list, at) => {
                    let key = (Arc::as_ptr(list) as usize, field.id);
                    if !self.shelf.checked.contains(&key) {
                        self.check_each(field, list).map_err(|error| error.inside(*at))?;
                        self.shelf.entry(list);
                        self.shelf.checked.insert(key);
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the constants, and builds a structure from them and from compiled lists.
    fn gather<I, T: OfList>(
        &mut self,
        op: Op,
        counted: bool,
        read: Read<'_, I>,
        make: Make<'_, I, T>,
    ) -> Result<T, CompileError> {
        match &self.test.right {
            Rhs::List(values) => self.gather_from(values, op, counted, read, make),
            right => Ok(make(right.values().map(read).collect::<Result<_, _>>()?, Vec::new())),
        }
    }

    fn gather_from<I, T: OfList>(
        &mut self,
        values: &Values,
        op: Op,
        counted: bool,
        read: Read<'_, I>,
        make: Make<'_, I, T>,
    ) -> Result<T, CompileError> {
        let (mut own, mut shared) = (Vec::new(), Vec::new());
        for part in values.parts() {
            match part {
                Part::One(literal) => own.push(read(literal.borrowed())?),
                Part::List(list, at) if self.shelf.is_copied(list) => {
                    for value in list.iter() {
                        own.push(read(value).map_err(|error| error.inside(*at))?);
                    }
                }
                Part::List(list, at) => {
                    let key = Key { list: Arc::as_ptr(list) as usize, op, ty: self.left.ty, counted };
                    let known = self.shelf.made.get(&key).and_then(T::get);
                    shared.push(match known {
                        Some(known) => known,
                        None => {
                            let made = self.gather_from(list, op, counted, read, make);
                            let made = Arc::new(made.map_err(|error| error.inside(*at))?);
                            self.shelf.made.insert(key, T::put(made.clone()));
                            made
                        }
                    });
                }
            }
        }
        Ok(make(own, shared))
    }

    /// Reads constants of the left side's type for an operator.
    fn reader(&self, op: Op) -> Reader<'a> {
        Reader { left: self.left, op }
    }

    /// Membership in a set of constants.
    fn set(&mut self, ty: FieldType) -> Result<Check, CompileError> {
        use FieldType as T;
        let reader = self.reader(Op::In);
        Ok(match ty {
            T::Bool => {
                let mut set = [false; 2];
                for value in self.test.right.values() {
                    if let Constant::Bool(value) = reader.constant(value)? {
                        set[usize::from(value)] = true;
                    }
                }
                Check::BoolSet(set)
            }
            T::Ip => Check::Addresses(self.gather(Op::In, false, &|v| reader.address(v), &Set::new)?),
            T::Net => {
                let nets = self.gather(Op::In, false, &|v| reader.net(v), &Nets::new)?;
                Check::Nets { inside: true, nets: nets.into() }
            }
            T::Str | T::Bytes => Check::Texts(self.gather(Op::In, false, &|v| reader.text(v), &Set::new)?),
            T::Double => Check::Doubles(self.gather(Op::In, false, &|v| reader.bits(v), &Set::new)?),
            _ => Check::Numbers(self.gather(Op::In, false, &|v| reader.number(v), &Set::new)?),
        })
    }

    /// A comparison that counts the constants that the value satisfies.
    fn counted(&mut self, modifier: Modifier, ty: FieldType) -> Result<Check, CompileError> {
        use FieldType as T;
        let op = self.test.op;
        let reader = self.reader(op);
        let search = op.def().search();
        // All of these operators share the compiled list.
        let of_list = if search == Some(Kind::Equal) { Op::Eq } else { op };
        let is_many = self.test.right.len() >= MANY;
        let differs = op.def().cmp() == Some(Cmp::Ne);
        let constants = match (ty, search) {
            (T::Str | T::Bytes, Some(kind)) if is_many => {
                let read = |value: LiteralRef<'_>| {
                    let mut text = reader.text(value)?;
                    if kind == Kind::ContainsAnyCase {
                        text.make_ascii_lowercase();
                    }
                    Ok(text)
                };
                self.gather(of_list, true, &read, &|texts, shared| Counted::texts(kind, texts, shared))?
            }
            (T::Ip, Some(Kind::Equal)) if is_many => {
                self.gather(of_list, true, &|v| reader.address(v), &Counted::addresses)?
            }
            (T::Int { .. } | T::Uint { .. } | T::RelTime | T::AbsTime | T::Port, Some(Kind::Equal))
                if is_many =>
            {
                self.gather(of_list, true, &|v| reader.number(v), &Counted::numbers)?
            }
            _ => {
                let checks = self.gather(op, true, &|value| reader.single(value), &Checks::new)?;
                return Ok(Check::Several { modifier, checks: checks.into() });
            }
        };
        Ok(Check::Counted { modifier, differs, constants: constants.into() })
    }
}

/// Reads constants of the left side's type for an operator.
#[derive(Clone, Copy)]
struct Reader<'a> {
    left: &'a Source,
    op: Op,
}

macro_rules! read {
    ($(#[$doc:meta] $name:ident: $constant:ident($value:ident) -> $ty:ty { $made:expr })*) => {
        $(#[$doc]
        fn $name(self, value: LiteralRef<'_>) -> Result<$ty, CompileError> {
            match self.constant(value)? {
                Constant::$constant($value) => Ok($made),
                other => Err(self.bad(format!("{other:?} is not of type {}", self.left.ty), value)),
            }
        })*
    };
}

impl Reader<'_> {
    fn bad(self, message: String, value: LiteralRef<'_>) -> CompileError {
        CompileError::new(CompileErrorKind::BadValue, message, value.span)
    }

    fn constants(self) -> Constants {
        self.op.def().constants
    }

    fn constant(self, value: LiteralRef<'_>) -> Result<Constant, CompileError> {
        constant(self.left.ty, self.constants(), value.text)
            .map_err(|Refused { message, hint }| CompileError { hint, ..self.bad(message, value) })
    }

    read! {
        /// A number of any width.
        number: Num(number) -> i128 { number }
        /// The bits of a number.
        bits: Double(number) -> u64 { number.to_bits() }
        /// An address.
        address: Ip(address) -> std::net::IpAddr { address }
        /// A network.
        net: Net(net) -> eyas_fields::Net { net }
        /// A text, or bytes.
        text: Bytes(bytes) -> Box<[u8]> { bytes.into() }
    }

    /// A comparison with one constant.
    fn single(self, value: LiteralRef<'_>) -> Result<Check, CompileError> {
        single(self.op, self.constant(value)?).map_err(|why| self.bad(why, value))
    }
}

/// A comparison with one constant.
fn single(op: Op, constant: Constant) -> Result<Check, String> {
    Ok(match (&op.def().evaluation, constant) {
        (Evaluation::Order { cmp, .. }, constant) => match constant {
            Constant::Num(n) => Check::Num(*cmp, n),
            Constant::Double(n) => Check::Double(*cmp, n),
            Constant::Bool(to) => Check::Bool { equal: *cmp == Cmp::Eq, to },
            Constant::Ip(to) => Check::Ip { equal: *cmp == Cmp::Eq, to },
            Constant::Net(net) => {
                Check::Nets { inside: *cmp == Cmp::Eq, nets: Nets::new(vec![net], Vec::new()).into() }
            }
            Constant::Bytes(b) => Check::Bytes(*cmp, b.into()),
        },
        (Evaluation::Text { compile, .. }, Constant::Bytes(b)) => compile(&b)?,
        _ => return Err(format!("operator '{}' does not apply to this value", op.word())),
    })
}
