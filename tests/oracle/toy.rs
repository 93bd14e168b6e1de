//! A schema with one field per type, and random values.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::LazyLock;

use eyas::fields::{
    Arg, ArgKind, CodeSet, Field, FieldDef, FieldFlags, FieldId, FieldSource, FieldType, Net, ResolveError,
    Schema, SchemaId, Scope, ScopeVersion, Value,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::conditions::{ADDRESSES, WORDS};

/// Event types: by position.
pub const TYPES: &[&str] = &["open", "close", "read", "write", "other"];
/// Events that also match tests for another type: a `write` is a newer `close`.
const NEWER: usize = 3;
const LIKE: usize = 1;

macro_rules! rows {
    ($($name:literal $ty:expr, $arg:ident, $scope:ident, $($flag:ident)|*;)*) => {
        const ROWS: &[FieldDef] = &[$(FieldDef::new($name, $ty, "")
            .with_arg(ArgKind::$arg)
            .with_scope(Scope::$scope)
            .with_flags(FieldFlags::NONE$(.union(FieldFlags::$flag))*),)*];
    };
}

use FieldType as T;
rows! {
    "t.type" T::Str, None, Event, NONE;
    "t.str" T::Str, None, Event, NONE;
    "t.other" T::Str, None, Event, NONE;
    "t.keyed" T::Str, OptionalKey, Process, NONE;
    "t.bytes" T::Bytes, None, Event, NONE;
    "t.int8" T::Int { bits: 8 }, None, Event, NONE;
    "t.int64" T::Int { bits: 64 }, None, Event, NONE;
    "t.other64" T::Int { bits: 64 }, None, Event, NONE;
    "t.uint16" T::Uint { bits: 16 }, None, Event, NONE;
    "t.uint64" T::Uint { bits: 64 }, None, Event, NONE;
    "t.double" T::Double, None, Event, NONE;
    "t.reltime" T::RelTime, None, Event, NONE;
    "t.abstime" T::AbsTime, None, Host, NONE;
    "t.port" T::Port, None, Fd, NONE;
    "t.bool" T::Bool, None, Event, NONE;
    "t.yes" T::Bool, None, Event, NONE;
    "t.ip" T::Ip, None, Fd, NONE;
    "t.net" T::Net, None, Fd, NONE;
    "t.dynamic" T::Dynamic, None, Event, NONE;
    "t.strs" T::Str, None, Event, LIST;
    "t.argv" T::Str, None, Process, LIST;
    "t.uints" T::Uint { bits: 64 }, None, Event, LIST;
    "t.bools" T::Bool, None, Event, LIST;
    "t.ips" T::Ip, None, Fd, LIST;
    "t.ends" T::Ip, None, Fd, ANY | NO_RHS | NO_TRANSFORMER;
    "t.endnets" T::Net, None, Fd, ANY | NO_RHS | NO_TRANSFORMER;
    "t.endports" T::Port, None, Fd, ANY | NO_RHS | NO_TRANSFORMER;
    "t.above" T::Str, OptionalIndex, Ancestors, ANY | NO_RHS | NO_TRANSFORMER;
    "t.ids" T::Int { bits: 64 }, OptionalIndex, Ancestors, ANY | NO_RHS | NO_TRANSFORMER;
}

pub struct Toy;

/// Cached, because every evaluation of a single condition compares it.
static ID: LazyLock<SchemaId> = LazyLock::new(|| SchemaId::of(&Toy));

impl Schema for Toy {
    fn id(&self) -> SchemaId {
        *ID
    }

    fn source(&self) -> &str {
        "toy"
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let id = ROWS.iter().position(|row| row.name == name).ok_or(ResolveError::Unknown)?;
        let row = &ROWS[id];
        let parsed = match (row.arg, arg) {
            (ArgKind::None, Some(_)) => return Err(ResolveError::UnexpectedArg),
            (ArgKind::OptionalIndex, Some(arg)) => {
                Some(Arg::Index(arg.parse().map_err(|_| ResolveError::BadArg("no number".into()))?))
            }
            (_, arg) => arg.map(|arg| Arg::Key(arg.into())),
        };
        Ok(Field::new(FieldId(id as u16), row, name).with_arg(parsed))
    }

    fn fields(&self) -> &[FieldDef] {
        ROWS
    }

    fn codes(&self) -> usize {
        TYPES.len()
    }

    fn is_type_field(&self, field: &Field) -> bool {
        field.id.0 == 0
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        let mut set = CodeSet::empty(TYPES.len());
        set.insert(TYPES.iter().position(|ty| *ty == name)? as u16);
        if name == TYPES[LIKE] {
            set.insert(NEWER as u16);
        }
        Some(set)
    }

    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        (self.is_type_field(field) && usize::from(code) == NEWER).then(|| TYPES[LIKE])
    }

    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        // The last code stands for several types, like the generic event.
        let code = usize::from(code);
        (self.is_type_field(field) && code + 1 < TYPES.len()).then(|| TYPES[code])
    }

    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        match !self.is_type_field(field) || TYPES.contains(&value) {
            true => Ok(()),
            false => Err(format!("unknown event type {value}")),
        }
    }
}

/// An owned value.
#[derive(Clone, Debug)]
enum Owned {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Vec<u8>),
    Ip(IpAddr),
    Net(IpAddr, u8),
}

/// An event: the values of each row, or `None`.
#[derive(Clone, Debug)]
pub struct Event {
    code: u16,
    cells: Vec<Option<Vec<Owned>>>,
}

impl Event {
    /// Calls `with` with the event as conditions see it.
    pub fn with<R>(&self, with: impl FnOnce(&dyn FieldSource) -> R) -> R {
        let cells: Vec<Option<Vec<Value<'_>>>> = self
            .cells
            .iter()
            .map(|cell| {
                cell.as_ref().map(|values| {
                    let value = |owned: &'_ Owned| match owned {
                        Owned::Bool(b) => Value::Bool(*b),
                        Owned::Int(n) => Value::Int(*n),
                        Owned::Uint(n) => Value::Uint(*n),
                        Owned::Double(n) => Value::Double(*n),
                        Owned::Text(_) => Value::Bool(false),
                        Owned::Ip(ip) => Value::Ip(*ip),
                        Owned::Net(addr, prefix) => Value::Net(Net { addr: *addr, prefix: *prefix }),
                    };
                    values
                        .iter()
                        .map(|o| if let Owned::Text(t) = o { Value::Str(t) } else { value(o) })
                        .collect()
                })
            })
            .collect();
        with(&Row { code: self.code, cells: &cells })
    }
}

struct Row<'a> {
    code: u16,
    cells: &'a [Option<Vec<Value<'a>>>],
}

impl FieldSource for Row<'_> {
    fn schema_id(&self) -> SchemaId {
        Toy.id()
    }

    fn get(&self, field: &Field) -> Option<Value<'_>> {
        let row = &ROWS[usize::from(field.id.0)];
        if field.id.0 == 0 {
            return Some(Value::from(TYPES[usize::from(self.code)]));
        }
        let values = self.cells[usize::from(field.id.0)].as_deref()?;
        let several = field.is_list || row.flags.contains(FieldFlags::ANY);
        match (&field.arg, several) {
            (Some(Arg::Index(n)), _) => values.get(*n as usize).copied(),
            (Some(Arg::Key(key)), _) => values.get(key.len() % 3).copied(),
            (None, true) => Some(Value::List(values)),
            (None, false) => values.first().copied(),
        }
    }

    fn code(&self) -> u16 {
        self.code
    }

    /// Equal values have equal versions.
    fn scope_version(&self, scope: Scope) -> Option<ScopeVersion> {
        let of: &[Scope] = match scope {
            Scope::Process => &[Scope::Host, Scope::Process],
            Scope::Ancestors => &[Scope::Host, Scope::Process, Scope::Ancestors],
            Scope::Fd => &[Scope::Host, Scope::Fd],
            _ => return None,
        };
        let cells = ROWS.iter().zip(self.cells).filter(|(row, _)| of.contains(&row.scope));
        let mut hasher = DefaultHasher::new();
        cells.for_each(|(_, cell)| format!("{cell:?}").hash(&mut hasher));
        let version = hasher.finish();
        Some(ScopeVersion { slot: (version % 2) as u32, versions: [version, 0] })
    }
}

fn cell(ty: FieldType) -> BoxedStrategy<Owned> {
    let text = prop_oneof![
        6 => select(WORDS.to_vec()).prop_map(|word| Owned::Text(word.as_bytes().to_vec())),
        1 => proptest::collection::vec(1..=255_u8, 0..5).prop_map(Owned::Text),
    ];
    let ip = select(ADDRESSES.to_vec()).prop_map(|ip| ip.parse::<IpAddr>().unwrap());
    match ty {
        T::Bool => any::<bool>().prop_map(Owned::Bool).boxed(),
        T::Int { bits } => {
            let edge = prop_oneof![Just(i64::MIN), Just(i64::MAX), -3..10_i64];
            edge.prop_map(move |n| Owned::Int(n >> (64 - u32::from(bits)).min(63))).boxed()
        }
        T::Uint { bits } => prop_oneof![Just(u64::MAX), 0..10_u64]
            .prop_map(move |n| Owned::Uint(n & (u64::MAX >> (64 - u32::from(bits)))))
            .boxed(),
        T::Port => select(vec![0, 22, 80, 443]).prop_map(Owned::Uint).boxed(),
        T::RelTime | T::AbsTime => select(vec![0, 1, 1000, u64::MAX]).prop_map(Owned::Uint).boxed(),
        T::Double => select(vec![0.0, -1.0, 1.0, 1.5, f64::NAN]).prop_map(Owned::Double).boxed(),
        T::Ip => ip.prop_map(Owned::Ip).boxed(),
        T::Net => prop_oneof![
            4 => ip.prop_map(Owned::Ip),
            1 => Just(Owned::Net("10.0.0.0".parse().unwrap(), 8)),
        ]
        .boxed(),
        T::Bytes => prop_oneof![
            text,
            proptest::collection::vec(select(vec![0, b'a', b'b', 0xff, b'/']), 0..6).prop_map(Owned::Text),
        ]
        .boxed(),
        _ => text.boxed(),
    }
}

/// Random events.
pub fn events() -> impl Strategy<Value = Event> {
    let cells: Vec<_> = ROWS
        .iter()
        .map(|row| {
            let many = row.flags.contains(FieldFlags::LIST)
                || row.flags.contains(FieldFlags::ANY)
                || row.arg == ArgKind::OptionalKey;
            let count = if many { 0..4_usize } else { 1..2 };
            prop::option::weighted(0.85, proptest::collection::vec(cell(row.ty), count))
        })
        .collect();
    (0..TYPES.len() as u16, cells).prop_map(|(code, cells)| Event { code, cells })
}

/// Random events of a few processes and files.
pub fn scripts() -> impl Strategy<Value = Vec<Event>> {
    const SCOPES: [Scope; 5] = [Scope::Host, Scope::Process, Scope::Ancestors, Scope::Fd, Scope::Event];
    let mut sources = [0..3_usize, 0..3, 0..3, 0..3, 0..3];
    sources[0] = 0..1;
    let step = (0..TYPES.len() as u16, sources);
    (proptest::collection::vec(events(), 3), proptest::collection::vec(step, 4..24)).prop_map(
        |(all, steps)| {
            let event = |(code, sources): (u16, [usize; 5])| {
                let cells = ROWS.iter().enumerate().map(|(at, row)| {
                    let scope = SCOPES.iter().position(|scope| *scope == row.scope).unwrap_or(4);
                    all[sources[scope]].cells[at].clone()
                });
                Event { code, cells: cells.collect() }
            };
            steps.into_iter().map(event).collect()
        },
    )
}
