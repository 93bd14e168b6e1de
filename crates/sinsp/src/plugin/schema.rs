//! The fields of a source, with those of plugins.

use std::sync::Arc;
use std::sync::{LazyLock, Mutex, PoisonError};

use eyas_events::EventType;
use eyas_fields::{
    Arg, ArgKind, CodeSet, Field, FieldDef, FieldFlags, FieldId, FieldType, Format, ResolveError, Schema,
    SchemaId,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::info::{ArgForms, PluginField, PluginInfo, SYSCALL};
use crate::fields::{COUNT, DEFS};
use crate::schema::schema;

/// Id of the first field of the first plugin.
pub(super) const FIRST: u16 = COUNT as u16;

/// The last field that every source has; the fields up to it do not depend on the source.
const LAST_GENERIC: &str = "evt.hostname";

/// Fields that events of all sources have.
fn generic() -> &'static [FieldDef] {
    static GENERIC: LazyLock<usize> =
        LazyLock::new(|| DEFS.iter().take_while(|def| def.name != LAST_GENERIC).count() + 1);
    &DEFS[..*GENERIC]
}

/// A text with a static lifetime, which rows of fields need. Equal texts are stored once, so plugins that
/// are loaded again take no more memory.
fn kept(text: &str) -> &'static str {
    static KEPT: LazyLock<Mutex<FxHashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.get(text) {
        return known;
    }
    let text: &'static str = Box::leak(text.into());
    kept.insert(text);
    text
}

/// Numbers of fields with arguments: [`Field::hint`].
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<FxHashMap<(u16, Option<Arg>), u32>>);

impl Slots {
    fn number(&self, id: u16, arg: &Option<Arg>) -> u32 {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = slots.len() as u32;
        *slots.entry((id, arg.clone())).or_insert(next)
    }
}

/// A field of a plugin in a schema.
#[derive(Debug)]
struct Row {
    def: FieldDef,
    arg: ArgForms,
}

/// The fields of events of one source, those of plugins included: see [`PluginSet::schema`](super::PluginSet::schema).
#[derive(Debug)]
pub struct PluginSchema {
    source: Box<str>,
    /// Whether events have the fields of system calls, too.
    has_syscalls: bool,
    /// The fields of all plugins, in order, even those that this source lacks, so that ids are the same for
    /// all sources.
    rows: Vec<Row>,
    by_name: FxHashMap<&'static str, u16>,
    /// Fields of events of this source.
    listed: Vec<FieldDef>,
    /// Names of asynchronous events.
    async_names: FxHashSet<Box<str>>,
    slots: Arc<Slots>,
    id: SchemaId,
}

/// The row of a field.
fn def(field: &PluginField) -> FieldDef {
    let ArgForms { required, index, key } = field.arg;
    let arg = match (key, index, required) {
        (true, _, true) => ArgKind::Key,
        (true, _, false) => ArgKind::OptionalKey,
        (false, true, true) => ArgKind::Index,
        (false, true, false) => ArgKind::OptionalIndex,
        (false, false, _) => ArgKind::None,
    };
    let is_number = matches!(field.ty, FieldType::Uint { .. } | FieldType::RelTime | FieldType::AbsTime);
    let mut flags = FieldFlags::NONE;
    for (has, flag) in [
        (field.is_list, FieldFlags::LIST),
        (field.is_suggested, FieldFlags::SUGGESTED),
        (field.is_hidden, FieldFlags::HIDDEN),
    ] {
        flags = if has { flags | flag } else { flags };
    }
    FieldDef::new(kept(&field.name), field.ty, kept(&field.description))
        .with_arg(arg)
        .with_format(if is_number { Format::Dec } else { Format::Na })
        .with_flags(flags)
}

impl PluginSchema {
    /// The schema of events of `source`, or of all events.
    pub(super) fn new(source: Option<&str>, plugins: &[Arc<PluginInfo>], slots: Arc<Slots>) -> Self {
        let has_syscalls = source.is_none_or(|source| source == SYSCALL);
        let mut listed = if has_syscalls { DEFS.to_vec() } else { generic().to_vec() };
        let mut rows = Vec::new();
        let mut by_name = FxHashMap::default();
        let mut async_names = FxHashSet::default();
        for plugin in plugins {
            let has_fields = source.is_none_or(|source| plugin.extracts_from(source));
            for field in &plugin.fields {
                let row = Row { def: def(field), arg: field.arg };
                if has_fields {
                    // Fields beyond the range of ids are not found.
                    if let Ok(id) = u16::try_from(rows.len() + usize::from(FIRST)) {
                        by_name.entry(row.def.name).or_insert(id);
                        listed.push(row.def);
                    }
                }
                rows.push(row);
            }
            async_names.extend(plugin.async_names.iter().map(|name| Box::from(&**name)));
        }
        let source = source.unwrap_or(SYSCALL).into();
        let id = SchemaId::of(schema());
        let mut this = Self { source, has_syscalls, rows, by_name, listed, async_names, slots, id };
        // Without fields of plugins, this is the schema of system calls.
        if !this.has_syscalls || this.listed.len() > DEFS.len() {
            this.id = SchemaId::of(&this);
        }
        this
    }

    fn is_async(&self, name: &str) -> bool {
        self.async_names.contains(name)
    }

    fn resolve_row(&self, id: u16, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        let row = &self.rows[usize::from(id - FIRST)];
        let arg = argument(name, row.arg, arg)?;
        let text = match &arg {
            Some(Arg::Key(key)) => format!("{name}[{key}]"),
            Some(Arg::Index(index)) => format!("{name}[{index}]"),
            None => name.to_owned(),
        };
        let slot = self.slots.number(id, &arg);
        Ok(Field::new(FieldId(id), &row.def, text).with_arg(arg).with_hint(slot))
    }
}

/// Parses the argument in the forms that the field accepts; errors have Falco's messages.
fn argument(name: &str, forms: ArgForms, arg: Option<&str>) -> Result<Option<Arg>, ResolveError> {
    let bad = |why: String| Err(ResolveError::BadArg(why));
    let Some(text) = arg else {
        return match forms.required {
            true => bad(format!("filter '{name}': {name} requires an argument but none provided")),
            false => Ok(None),
        };
    };
    match forms {
        ArgForms { key: true, .. } => Ok(Some(Arg::Key(text.into()))),
        ArgForms { index: false, .. } => bad(format!(
            "filter '{name}[{text}]': {name} does not allow nor require an argument but one is provided: {text}"
        )),
        _ => {
            let refused = |why| {
                bad(format!("filter {name}[{text}] {name} has an invalid index argument {why}: {text}"))
            };
            if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                refused("not composed only by digits")
            } else if text.len() > 1 && text.starts_with('0') {
                refused("starting with 0")
            } else {
                match text.parse() {
                    Ok(index) => Ok(Some(Arg::Index(index))),
                    Err(_) => refused("not representable on 64 bit"),
                }
            }
        }
    }
}

impl Schema for PluginSchema {
    fn source(&self) -> &str {
        &self.source
    }

    fn id(&self) -> SchemaId {
        self.id
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, ResolveError> {
        match self.by_name.get(name) {
            Some(id) => self.resolve_row(*id, name, arg),
            None if self.has_syscalls || generic().iter().any(|def| def.name == name) => {
                schema().resolve(name, arg)
            }
            None => Err(ResolveError::Unknown),
        }
    }

    fn fields(&self) -> &[FieldDef] {
        &self.listed
    }

    fn def(&self, id: FieldId) -> &FieldDef {
        match id.0.checked_sub(FIRST) {
            Some(at) => &self.rows[usize::from(at)].def,
            None => schema().def(id),
        }
    }

    fn codes(&self) -> usize {
        EventType::COUNT
    }

    fn is_type_field(&self, field: &Field) -> bool {
        field.id.0 < FIRST && schema().is_type_field(field)
    }

    fn codes_of(&self, name: &str) -> Option<CodeSet> {
        let known = schema().codes_of(name);
        if !self.is_async(name) {
            return known;
        }
        let mut codes = known.unwrap_or_else(|| CodeSet::empty(EventType::COUNT));
        codes.insert(EventType::ASYNCEVENT_E.0);
        Some(codes)
    }

    fn fixed_type(&self, field: &Field, code: u16) -> Option<&str> {
        if field.id.0 < FIRST { schema().fixed_type(field, code) } else { None }
    }

    fn older_type(&self, field: &Field, code: u16) -> Option<&str> {
        if field.id.0 < FIRST { schema().older_type(field, code) } else { None }
    }

    fn code_name(&self, code: u16) -> Option<&str> {
        schema().code_name(code)
    }

    /// A plugin's source has plugin events and asynchronous events.
    fn occurring(&self) -> CodeSet {
        if self.has_syscalls {
            return schema().occurring();
        }
        let mut codes = self.always();
        codes.insert(EventType::PLUGINEVENT_E.0);
        codes
    }

    fn always(&self) -> CodeSet {
        schema().always()
    }

    fn words(&self, field: &Field) -> Option<&[&str]> {
        if field.id.0 < FIRST { schema().words(field) } else { None }
    }

    fn check_value(&self, field: &Field, value: &str) -> Result<(), String> {
        match field.id.0 < FIRST && !self.is_async(value) {
            true => schema().check_value(field, value),
            false => Ok(()),
        }
    }
}
