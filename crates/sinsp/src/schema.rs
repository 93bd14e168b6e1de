//! The fields of system call events, by name.

use std::sync::LazyLock;

use eyas_events::{EventType, events, syscalls};
use eyas_fields::{
    Arg, ArgKind, CodeSet, Field, FieldDef, FieldId, FieldType, ResolveError, Schema, SchemaId,
};
use rustc_hash::FxHashMap;

use crate::fields::{DEFS, raw_type};
use crate::param_names::PARAMS;
use crate::render::names;
use crate::state::FdKind;

/// Fields of system call events; see [`schema`].
#[derive(Debug)]
pub struct SyscallSchema {
    by_name: FxHashMap<&'static str, FieldId>,
    types: FxHashMap<&'static str, CodeSet>,
}

/// The fields of system call events.
pub fn schema() -> &'static SyscallSchema {
    static SCHEMA: LazyLock<SyscallSchema> = LazyLock::new(SyscallSchema::new);
    &SCHEMA
}

impl SyscallSchema {
    fn new() -> Self {
        let by_name = DEFS.iter().enumerate().map(|(id, def)| (def.name, FieldId(id as u16))).collect();
        let mut types: FxHashMap<&'static str, CodeSet> = FxHashMap::default();
        let mut add = |name, code: EventType| {
            types.entry(name).or_insert_with(|| CodeSet::empty(EventType::COUNT)).insert(code.0);
        };
        for event in events() {
            add(event.name, event.ty);
            event.like.into_iter().for_each(|older| add(older, event.ty));
        }
        for syscall in syscalls() {
            if matches!(syscall.exit, EventType::GENERIC_X) {
                add(syscall.name, EventType::GENERIC_E);
                add(syscall.name, EventType::GENERIC_X);
            }
        }
        Self { by_name, types }
    }

    /// The field with this name, or the field that the name continues after a dot: `evt.arg.flags`.
    fn find(&self, name: &str) -> Option<(FieldId, Option<String>)> {
        if let Some(id) = self.by_name.get(name) {
            return Some((*id, None));
        }
        let mut end = name.len();
        while let Some(dot) = name[..end].rfind('.') {
            if let Some(id) = self.by_name.get(&name[..dot])
                && DEFS[usize::from(id.0)].arg == ArgKind::Suffix
            {
                return Some((*id, Some(name[dot + 1..].to_owned())));
            }
            end = dot;
        }
        None
    }

    fn suffixed(&self, id: FieldId, suffix: &str) -> Result<(Option<Arg>, u32, FieldType), ResolveError> {
        let def = &DEFS[usize::from(id.0)];
        let word = |ok: fn(char) -> bool| !suffix.is_empty() && suffix.chars().all(ok);
        match def.name {
            "evt.arg" | "evt.rawarg" => {
                let hint = PARAMS
                    .iter()
                    .position(|p| p.name == suffix)
                    .ok_or_else(|| ResolveError::BadArg(format!("unknown event argument {suffix}")))?;
                let ty = if def.name == "evt.rawarg" { raw_type(PARAMS[hint].ty) } else { def.ty };
                Ok((Some(Arg::Key(suffix.into())), hint as u32, ty))
            }
            "evt.type.is" => match suffix.parse() {
                Ok(code) => Ok((Some(Arg::Index(code)), 0, def.ty)),
                Err(_) if events().any(|event| event.name == suffix) => {
                    Ok((Some(Arg::Key(suffix.into())), 0, def.ty))
                }
                Err(_) => Err(ResolveError::BadArg(format!("unknown event type {suffix}"))),
            },
            "evt.abspath" if matches!(suffix, "src" | "dst") => {
                Ok((Some(Arg::Key(suffix.into())), 0, def.ty))
            }
            "thread.cgroup" if word(|c| c.is_ascii_alphabetic() || c == '_') => {
                Ok((Some(Arg::Key(suffix.into())), 0, def.ty))
            }
            _ => Err(ResolveError::Unknown),
        }
    }
}

/// Parses a position; a number that is too large is a position without a value.
fn index(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Values of `evt.res`.
static RESULTS: LazyLock<Vec<&str>> =
    LazyLock::new(|| std::iter::once("SUCCESS").chain(names::errors()).collect());
/// Values of `fd.type`.
static KINDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| (0..=u8::MAX).filter_map(FdKind::from_code).map(FdKind::name).collect());

/// Cached, because computing it visits every field and every code.
static ID: LazyLock<SchemaId> = LazyLock::new(|| SchemaId::of(schema()));

impl Schema for SyscallSchema {
    fn source(&self) -> &str {
        "syscall"
    }

    fn id(&self) -> SchemaId {
        *ID
    }

    fn words(&self, field: &Field) -> Option<&[&str]> {
        match DEFS[usize::from(field.id.0)].name {
            "evt.res" => Some(&RESULTS),
            "fd.type" => Some(&KINDS),
            "fd.l4proto" => Some(&["tcp", "udp", "icmp", "raw", "<NA>"]),
            "fd.sockfamily" => Some(&["ip", "unix"]),
            "evt.dir" => Some(&["<", ">"]),
            _ => None,
        }
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let (id, suffix) = self.find(name).ok_or(ResolveError::Unknown)?;
        let def = &DEFS[usize::from(id.0)];
        let mut hint = 0;
        let mut ty = def.ty;
        let not_a_number = |text: &str| ResolveError::BadArg(format!("argument {text} is not a number"));
        let parsed = match (def.arg, suffix.as_deref(), arg) {
            (ArgKind::Suffix, Some(suffix), None) => {
                let (arg, at, of) = self.suffixed(id, suffix)?;
                (hint, ty) = (at, of);
                arg
            }
            (ArgKind::Suffix, None, Some(arg)) if def.name == "evt.arg" => {
                let digits = arg.strip_prefix('-').unwrap_or(arg);
                let n = index(digits).filter(|_| !digits.is_empty()).ok_or_else(|| not_a_number(arg))?;
                Some(Arg::Index(if digits == arg { n } else { u64::MAX }))
            }
            (ArgKind::Suffix, None, None) if def.name == "evt.abspath" => None,
            (ArgKind::Suffix, None, None) => return Err(ResolveError::MissingArg),
            (ArgKind::Suffix, ..) => return Err(ResolveError::Unknown),
            (ArgKind::None, _, None) => None,
            (ArgKind::None, _, Some(_)) => return Err(ResolveError::Unknown),
            (ArgKind::Index | ArgKind::Key, _, None) => return Err(ResolveError::MissingArg),
            (ArgKind::OptionalIndex | ArgKind::OptionalKey, _, None) => None,
            // No event has a time before the epoch.
            (ArgKind::Index, _, Some(arg)) => {
                let n = index(arg.strip_prefix('-').unwrap_or(arg)).ok_or_else(|| not_a_number(arg))?;
                Some(Arg::Index(if arg.starts_with('-') { u64::MAX } else { n }))
            }
            (ArgKind::OptionalIndex, _, Some(arg)) => match index(arg) {
                Some(n) => Some(Arg::Index(n)),
                // A negative number is accepted, but has no value.
                None if arg
                    .strip_prefix('-')
                    .is_some_and(|digits| !digits.is_empty() && index(digits).is_some()) =>
                {
                    Some(Arg::Index(u64::MAX))
                }
                None if def.name == "fd.types" => return Err(not_a_number(arg)),
                None => return Err(ResolveError::Unknown),
            },
            (ArgKind::Key, _, Some(arg)) => Some(Arg::Key(arg.into())),
            (ArgKind::OptionalKey, _, Some(arg)) => Some(match index(arg) {
                Some(n) if !arg.is_empty() => Arg::Index(n),
                _ => Arg::Key(arg.into()),
            }),
        };
        let text = match arg {
            Some(arg) => format!("{name}[{arg}]"),
            None => name.to_owned(),
        };
        let mut field = Field::new(id, def, text).with_arg(parsed).with_hint(hint);
        field.ty = ty;
        Ok(field)
    }

    fn fields(&self) -> &[FieldDef] {
        &DEFS
    }

    fn codes(&self) -> usize {
        EventType::COUNT
    }

    fn is_type_field(&self, field: &Field) -> bool {
        matches!(DEFS[usize::from(field.id.0)].name, "evt.type" | "syscall.type")
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        self.types.get(name).cloned()
    }

    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        let ty = EventType(code);
        let varies = matches!(ty, EventType::GENERIC_E | EventType::GENERIC_X | EventType::ASYNCEVENT_E);
        let is_type = DEFS[usize::from(field.id.0)].name == "evt.type";
        (is_type && !varies).then(|| ty.name())
    }

    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        let is_type = DEFS[usize::from(field.id.0)].name == "evt.type";
        EventType(code).info().filter(|_| is_type)?.like
    }

    fn code_name(&self, code: u16) -> Option<&str> {
        EventType(code).info().map(|info| info.name)
    }

    fn always(&self) -> CodeSet {
        let mut set = CodeSet::empty(EventType::COUNT);
        set.insert(EventType::ASYNCEVENT_E.0);
        set
    }

    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        if DEFS[usize::from(field.id.0)].name == "evt.type" && !self.types.contains_key(value) {
            let known = syscalls().any(|s| s.name == value);
            if !known {
                return Err(format!("unknown event type {value}"));
            }
        }
        Ok(())
    }
}
