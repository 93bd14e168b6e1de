//! Assigns rows to groups.
//!
//! Each text of a key has a code, and each pair of such codes has a code, too. The last code is the index
//! of the group. If the keys depend only on the process and the event type, the index is cached without
//! their texts.

use anyhow::Result;
use eyas::events::EventType;
use eyas::fields::{Field, FieldSource, Scope, ScopeVersion, Value};
use rustc_hash::FxHashMap;

use super::template::{PrintSettings, Template};
use crate::intern::{Numbers, Texts};

/// The most groups.
const MAX_GROUPS: usize = 1 << 20;
/// Maximum number of processes with cached groups.
const MAX_PROCESSES: usize = 1 << 16;
/// Maximum number of values with cached texts.
const MAX_VALUES: usize = 1 << 18;
/// Number of cached groups of processes and event types.
const RECENT: usize = 1 << 11;
/// Maximum number of names of events that stand for several calls.
const MAX_TYPES: usize = 1 << 12;
/// No place.
const NONE: u32 = u32::MAX;

/// The keys of a view, and their groups.
pub struct Keys {
    names: Vec<Names>,
    /// For each key except the first: codes of the combination of keys up to it.
    pairs: Vec<Pairs>,
    /// Codes of the keys' texts, for each group.
    codes: Vec<u32>,
    count: usize,
    /// Codes of the row's keys.
    row: Vec<u32>,
    /// If keys depend on the event type.
    types: Option<Types>,
    /// If the only key is the event type: group indices by type.
    by_type: Option<Vec<u32>>,
    lasting: Option<Lasting>,
}

/// The names of events.
struct Types {
    field: Field,
    /// Names of events that stand for several calls.
    general: Texts,
}

/// Cache for keys that depend only on the process, and maybe the event type.
struct Lasting {
    scope: Scope,
    around: Option<Around>,
    /// Groups of the last processes and types, by both.
    recent: Box<[Known; RECENT]>,
    /// Processes by the slot of the version.
    processes: Vec<Option<Process>>,
}

/// The group of a process and an event type.
#[derive(Clone, Copy)]
struct Known {
    version: ScopeVersion,
    ty: u32,
    place: u32,
}

/// The only key, if it is a text that contains the event type: many processes have the same text around it.
struct Around {
    /// The part before the type, the type, and the part after it.
    parts: [Template; 3],
    /// The different texts before and after the type, each pair with the length of the first.
    texts: Texts,
    /// Group indices by the code of such a pair and the event type.
    places: FxHashMap<(u32, u32), u32>,
    scratch: Vec<u8>,
}

/// The groups of a process.
#[derive(Clone)]
struct Process {
    version: ScopeVersion,
    /// Group indices by event type.
    places: Vec<(u32, u32)>,
    /// Code of the texts before and after the event type.
    around: Option<u32>,
}

/// Why a row has no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The row lacks a key.
    Key,
    /// There are too many groups, or the row's group must not be created.
    Group,
}

/// Whether to create a missing group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Find,
    Make,
}

impl Keys {
    /// Creates keys from these templates.
    pub fn new(templates: Vec<Template>, settings: PrintSettings<'_>) -> Self {
        let is_type =
            matches!(&templates[..], [key] if key.field().is_some_and(|field| &*field.text == "evt.type"));
        let around = match &templates[..] {
            [key] => key.around("evt.type").map(Around::new),
            _ => None,
        };
        let nothing = Known { version: ScopeVersion::default(), ty: 0, place: NONE };
        let recent = Box::new([nothing; RECENT]);
        let lasting = Lasting { scope: Scope::Process, around, recent, processes: Vec::new() };
        let mut lasting = Some(lasting).filter(|_| !is_type && !templates.is_empty());
        let mut types = None;
        for field in templates.iter().flat_map(Template::fields) {
            let Some(known) = &mut lasting else { break };
            match settings.schema.def(field.id).scope {
                Scope::Host | Scope::Process => {}
                Scope::Ancestors => known.scope = Scope::Ancestors,
                _ if &*field.text == "evt.type" => types = Some(field.clone()),
                _ => lasting = None,
            }
        }
        let types = if is_type { templates[0].field().cloned() } else { types };
        Self {
            pairs: (1..templates.len()).map(|_| Pairs::default()).collect(),
            names: templates.into_iter().map(Names::new).collect(),
            codes: Vec::new(),
            count: 0,
            row: Vec::new(),
            types: types.map(|field| Types { field, general: Texts::default() }),
            by_type: is_type.then(Vec::new),
            lasting,
        }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Index of a row's group. A new group gets the last index.
    #[inline]
    pub fn place<R: FieldSource>(
        &mut self,
        row: &R,
        settings: PrintSettings<'_>,
        mode: Mode,
    ) -> Result<usize, Missing> {
        let ty = match &mut self.types {
            Some(types) => types.number(row),
            None => Some(0),
        };
        let Some(ty) = ty else { return self.find(row, settings, mode).map(|place| place as usize) };
        if let Some(by_type) = &mut self.by_type {
            if let Some(place) = by_type.get(ty as usize).filter(|place| **place != NONE) {
                return Ok(*place as usize);
            }
            let place = self.find(row, settings, mode)?;
            return Ok(self.keep_of_type(ty, place));
        }
        let version = self.lasting.as_ref().and_then(|lasting| row.scope_version(lasting.scope));
        if let (Some(lasting), Some(version)) = (&self.lasting, &version)
            && let known = &lasting.recent[slot(version, ty)]
            && (known.ty, known.version) == (ty, *version)
            && known.place != NONE
        {
            return Ok(known.place as usize);
        }
        self.place_uncached(version, ty, row, settings, mode)
    }

    /// The same, if the group of the process and the type is not among the last ones.
    #[inline(never)]
    fn place_uncached(
        &mut self,
        version: Option<ScopeVersion>,
        ty: u32,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
        mode: Mode,
    ) -> Result<usize, Missing> {
        let known = match (&self.lasting, &version) {
            (Some(lasting), Some(version)) => lasting.place(version, ty),
            _ => None,
        };
        let around = match (&mut self.lasting, &version) {
            (Some(lasting), Some(version)) if known.is_none() => lasting.around(version, row, settings),
            _ => None,
        };
        let place = match (known, around) {
            (Some(place), _) => place,
            (None, Some(texts)) => self.find_around(texts, ty, row, settings, mode)?,
            (None, None) => self.find(row, settings, mode)?,
        };
        if let (Some(lasting), Some(version)) = (&mut self.lasting, version) {
            lasting.recent[slot(&version, ty)] = Known { version, ty, place };
            if known.is_none() {
                lasting.keep(&version, ty, place);
            }
        }
        Ok(place as usize)
    }

    fn keep_of_type(&mut self, ty: u32, place: u32) -> usize {
        if let Some(by_type) = &mut self.by_type {
            let at = ty as usize;
            by_type.resize(by_type.len().max(at + 1), NONE);
            by_type[at] = place;
        }
        place as usize
    }

    /// Index of a row's group, if the only key consists of the texts with this code and the event type.
    fn find_around(
        &mut self,
        texts: u32,
        ty: u32,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
        mode: Mode,
    ) -> Result<u32, Missing> {
        let pair = (texts, ty);
        let around = self.lasting.as_ref().and_then(|lasting| lasting.around.as_ref());
        if let Some(place) = around.and_then(|around| around.places.get(&pair)) {
            return Ok(*place);
        }
        let is_written =
            around.is_some_and(|around| around.write(texts, &mut self.names[0].scratch, row, settings));
        let place = if is_written { self.known(mode)? } else { self.find(row, settings, mode)? };
        if let Some(around) = self.lasting.as_mut().and_then(|lasting| lasting.around.as_mut()) {
            around.places.insert(pair, place);
        }
        Ok(place)
    }

    /// Index of the group whose only key was written to `scratch`.
    fn known(&mut self, mode: Mode) -> Result<u32, Missing> {
        let place = self.names[0].known(mode)?;
        if place as usize == self.count {
            self.count += 1;
            self.codes.push(place);
        }
        Ok(place)
    }

    fn find(
        &mut self,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
        mode: Mode,
    ) -> Result<u32, Missing> {
        let Some((first, others)) = self.names.split_first_mut() else {
            self.count = 1;
            return Ok(0);
        };
        let mut place = first.code(row, settings, mode)?;
        self.row.clear();
        self.row.push(place);
        for (names, pairs) in others.iter_mut().zip(&mut self.pairs) {
            let code = names.code(row, settings, mode)?;
            self.row.push(code);
            place = pairs.code((place, code), mode)?;
        }
        if place as usize == self.count {
            self.count += 1;
            self.codes.extend_from_slice(&self.row);
        }
        Ok(place)
    }

    /// The texts of a group's keys.
    pub fn texts(&self, place: usize) -> impl Iterator<Item = &[u8]> {
        let codes = self.codes.chunks_exact(self.names.len().max(1)).nth(place).unwrap_or_default();
        self.names.iter().zip(codes).map(|(names, code)| names.texts.get(*code).unwrap_or_default())
    }

    /// Forgets all groups.
    pub fn clear(&mut self) {
        self.names.iter_mut().for_each(Names::clear);
        self.pairs.iter_mut().for_each(Pairs::clear);
        self.codes.clear();
        self.count = 0;
        self.by_type.iter_mut().for_each(Vec::clear);
        if let Some(lasting) = &mut self.lasting {
            lasting.recent.iter_mut().for_each(|known| known.place = NONE);
            lasting.processes.clear();
            lasting.around.iter_mut().for_each(Around::clear);
        }
    }
}

impl Lasting {
    fn process(&self, version: &ScopeVersion) -> Option<&Process> {
        let process = self.processes.get(version.slot as usize)?.as_ref();
        process.filter(|process| process.version == *version)
    }

    fn place(&self, version: &ScopeVersion, ty: u32) -> Option<u32> {
        let mut places = self.process(version)?.places.iter();
        places.find(|(known, _)| *known == ty).map(|(_, place)| *place)
    }

    /// The cache entry of this process version. Creates it if it is missing; `None` if the cache is full.
    fn process_mut(&mut self, version: &ScopeVersion) -> Option<&mut Process> {
        let slot = version.slot as usize;
        if slot >= MAX_PROCESSES {
            return None;
        }
        if self.processes.len() <= slot {
            self.processes.resize(slot + 1, None);
        }
        let process = &mut self.processes[slot];
        if process.as_ref().is_none_or(|process| process.version != *version) {
            *process = Some(Process { version: *version, places: Vec::new(), around: None });
        }
        process.as_mut()
    }

    fn keep(&mut self, version: &ScopeVersion, ty: u32, place: u32) {
        if let Some(process) = self.process_mut(version) {
            process.places.push((ty, place));
        }
    }

    /// Code of the process's texts around the event type, if the only key contains it.
    fn around(
        &mut self,
        version: &ScopeVersion,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
    ) -> Option<u32> {
        let known = self.process(version).and_then(|process| process.around);
        if known.is_some() {
            return known;
        }
        let code = self.around.as_mut()?.code(row, settings)?;
        if let Some(process) = self.process_mut(version) {
            process.around = Some(code);
        }
        Some(code)
    }
}

impl Around {
    fn new(parts: [Template; 3]) -> Self {
        Self { parts, texts: Texts::default(), places: FxHashMap::default(), scratch: Vec::new() }
    }

    /// Code of a row's texts around the type. `None` if a field has no value, or if there are too many
    /// texts.
    fn code(&mut self, row: &dyn FieldSource, settings: PrintSettings<'_>) -> Option<u32> {
        let [before, _, behind] = &self.parts;
        self.scratch.clear();
        self.scratch.extend_from_slice(&[0; 4]);
        before.write(&mut self.scratch, row, settings).then_some(())?;
        let length = u32::try_from(self.scratch.len() - 4).ok()?;
        self.scratch[..4].copy_from_slice(&length.to_le_bytes());
        behind.write(&mut self.scratch, row, settings).then_some(())?;
        match self.texts.find(&self.scratch) {
            None if self.texts.len() >= MAX_VALUES => None,
            None => Some(self.texts.code(&self.scratch)),
            known => known,
        }
    }

    /// Writes the text of the key: the texts with this code around the type of a row. Returns `false` if
    /// the type has no value.
    fn write(
        &self,
        code: u32,
        out: &mut Vec<u8>,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
    ) -> bool {
        let texts = self.texts.get(code).and_then(|texts| texts.split_first_chunk());
        let Some((length, texts)) = texts else { return false };
        let (before, behind) = texts.split_at(u32::from_le_bytes(*length) as usize);
        out.clear();
        out.extend_from_slice(before);
        let is_whole = self.parts[1].write(out, row, settings);
        out.extend_from_slice(behind);
        is_whole
    }

    fn clear(&mut self) {
        self.texts.clear();
        self.places.clear();
    }
}

impl Types {
    /// A number for the name of the row's event; `None` if there are too many names.
    #[inline]
    fn number<R: FieldSource>(&mut self, row: &R) -> Option<u32> {
        match row.code() {
            code if is_general(code) => self.number_of_general(row),
            code => Some(code.into()),
        }
    }

    fn number_of_general(&mut self, row: &dyn FieldSource) -> Option<u32> {
        let Some(Value::Str(name)) = row.get(&self.field) else { return None };
        let code = match self.general.find(name) {
            None if self.general.len() >= MAX_TYPES => return None,
            None => self.general.code(name),
            Some(code) => code,
        };
        Some(EventType::COUNT as u32 + code)
    }
}

/// Whether events with this code may have several names.
#[inline]
fn is_general(code: u16) -> bool {
    [EventType::GENERIC_E, EventType::GENERIC_X, EventType::ASYNCEVENT_E].iter().any(|ty| ty.0 == code)
}

/// Position of a process and an event type among the last ones.
#[inline]
fn slot(version: &ScopeVersion, ty: u32) -> usize {
    (version.slot.wrapping_mul(37) ^ ty.wrapping_mul(5)) as usize % RECENT
}

/// The texts of a key.
struct Names {
    template: Template,
    /// The field, if the key is only a field.
    field: Option<Field>,
    texts: Texts,
    /// Values of the field, with the code of each one's text.
    values: Texts,
    of_value: Vec<u32>,
    numbers: Numbers,
    of_number: Vec<u32>,
    scratch: Vec<u8>,
}

impl Names {
    fn new(template: Template) -> Self {
        Self {
            field: template.field().cloned(),
            template,
            texts: Texts::default(),
            values: Texts::default(),
            of_value: Vec::new(),
            numbers: Numbers::default(),
            of_number: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The code of a row's text.
    fn code(
        &mut self,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
        mode: Mode,
    ) -> Result<u32, Missing> {
        match self.field.as_ref().and_then(|field| row.get(field)) {
            Some(Value::Str(value)) => {
                if let Some(code) = self.values.find(value) {
                    return Ok(self.of_value[code as usize]);
                }
                let code = self.text(row, settings, mode)?;
                if self.of_value.len() >= MAX_VALUES {
                    self.values.clear();
                    self.of_value.clear();
                }
                self.values.code(value);
                self.of_value.push(code);
                Ok(code)
            }
            Some(Value::Int(value)) => {
                if let Some(code) = self.numbers.find(value) {
                    return Ok(self.of_number[code as usize]);
                }
                let code = self.text(row, settings, mode)?;
                if self.of_number.len() >= MAX_VALUES {
                    self.numbers.clear();
                    self.of_number.clear();
                }
                self.numbers.code(value);
                self.of_number.push(code);
                Ok(code)
            }
            _ => self.text(row, settings, mode),
        }
    }

    fn text(
        &mut self,
        row: &dyn FieldSource,
        settings: PrintSettings<'_>,
        mode: Mode,
    ) -> Result<u32, Missing> {
        self.scratch.clear();
        if !self.template.write(&mut self.scratch, row, settings) {
            return Err(Missing::Key);
        }
        self.known(mode)
    }

    /// The code of the text in `scratch`.
    fn known(&mut self, mode: Mode) -> Result<u32, Missing> {
        match self.texts.find(&self.scratch) {
            Some(code) => Ok(code),
            None if mode == Mode::Find || self.texts.len() >= MAX_GROUPS => Err(Missing::Group),
            None => Ok(self.texts.code(&self.scratch)),
        }
    }

    fn clear(&mut self) {
        self.texts.clear();
        self.values.clear();
        self.of_value.clear();
        self.numbers.clear();
        self.of_number.clear();
    }
}

/// Pairs of codes.
#[derive(Default)]
struct Pairs {
    codes: FxHashMap<(u32, u32), u32>,
    /// The previous pair: consecutive rows often have the same group.
    last: Option<((u32, u32), u32)>,
}

impl Pairs {
    fn code(&mut self, pair: (u32, u32), mode: Mode) -> Result<u32, Missing> {
        if let Some((last, code)) = self.last
            && last == pair
        {
            return Ok(code);
        }
        let count = self.codes.len();
        let code = match self.codes.get(&pair) {
            Some(code) => *code,
            None if mode == Mode::Find || count >= MAX_GROUPS => return Err(Missing::Group),
            None => *self.codes.entry(pair).or_insert(count as u32),
        };
        self.last = Some((pair, code));
        Ok(code)
    }

    fn clear(&mut self) {
        self.codes.clear();
        self.last = None;
    }
}
