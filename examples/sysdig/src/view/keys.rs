//! Assigns rows to groups.
//!
//! Each text of a key has a code, and each pair of such codes has a code, too. The last code is the index
//! of the group. If the keys depend only on the process and the event type, the index is cached without
//! their texts.

use anyhow::Result;
use eyas::events::EventType;
use eyas::fields::{Field, FieldSource, Scope, ScopeVersion, Value};
use rustc_hash::FxHashMap;

use super::template::{Pen, Template};
use crate::intern::{Numbers, Texts};

/// The most groups.
const MAX_GROUPS: usize = 1 << 20;
/// Maximum number of processes with cached groups.
const MAX_PROCESSES: usize = 1 << 16;
/// Maximum number of values with cached texts.
const MAX_VALUES: usize = 1 << 18;
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
    /// If the only key is the event type: group indices by event code.
    by_type: Vec<u32>,
    lasting: Option<Lasting>,
}

/// Cache for keys that depend only on the process, and maybe the event type.
struct Lasting {
    scope: Scope,
    has_type: bool,
    /// If the only key is a text that contains the event type: the part before it, the type, and the part
    /// after it.
    around: Option<[Template; 3]>,
    /// Processes by the slot of the version.
    processes: Vec<Option<Process>>,
}

/// The groups of a process.
#[derive(Clone)]
struct Process {
    version: ScopeVersion,
    /// Group indices by event code.
    places: Vec<(u16, u32)>,
    /// Texts before and after the event type.
    around: Option<[Vec<u8>; 2]>,
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
    pub fn new(templates: Vec<Template>, pen: Pen<'_>) -> Self {
        let is_type =
            matches!(&templates[..], [key] if key.field().is_some_and(|field| &*field.text == "evt.type"));
        let around = match &templates[..] {
            [key] => key.around("evt.type"),
            _ => None,
        };
        let lasting = Lasting { scope: Scope::Process, has_type: false, around, processes: Vec::new() };
        let mut lasting = Some(lasting).filter(|_| !is_type && !templates.is_empty());
        for field in templates.iter().flat_map(Template::fields) {
            let Some(known) = &mut lasting else { break };
            match pen.schema.def(field.id).scope {
                Scope::Host | Scope::Process => {}
                Scope::Ancestors => known.scope = Scope::Ancestors,
                _ if &*field.text == "evt.type" => known.has_type = true,
                _ => lasting = None,
            }
        }
        Self {
            pairs: (1..templates.len()).map(|_| Pairs::default()).collect(),
            names: templates.into_iter().map(Names::new).collect(),
            codes: Vec::new(),
            count: 0,
            row: Vec::new(),
            by_type: if is_type { vec![NONE; EventType::COUNT] } else { Vec::new() },
            lasting,
        }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Index of a row's group. A new group gets the last index.
    #[inline]
    pub fn place(&mut self, row: &dyn FieldSource, pen: Pen<'_>, mode: Mode) -> Result<usize, Missing> {
        let code = row.code();
        if let Some(place) = self.by_type.get(usize::from(code)).filter(|place| **place != NONE) {
            return Ok(*place as usize);
        }
        let lasting = self.lasting.as_ref().filter(|lasting| !lasting.has_type || !is_general(code));
        let version = lasting.and_then(|lasting| {
            let code = if lasting.has_type { code } else { 0 };
            Some((row.scope_version(lasting.scope)?, code))
        });
        if let (Some(lasting), Some((version, code))) = (&self.lasting, &version)
            && let Some(process) = lasting.process(version)
            && let Some((_, place)) = process.places.iter().find(|(known, _)| known == code)
        {
            return Ok(*place as usize);
        }
        let is_filled = match (&mut self.lasting, &version, &mut self.names[..]) {
            (Some(lasting), Some((version, _)), [key]) => lasting.fill(version, &mut key.scratch, row, pen),
            _ => false,
        };
        let place = match is_filled {
            true => self.known(mode)?,
            false => self.find(row, pen, mode)?,
        };
        if let Some(known) = self.by_type.get_mut(usize::from(code)).filter(|_| !is_general(code)) {
            *known = place;
        }
        if let (Some(lasting), Some((version, code))) = (&mut self.lasting, version) {
            lasting.keep(&version, code, place);
        }
        Ok(place as usize)
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

    fn find(&mut self, row: &dyn FieldSource, pen: Pen<'_>, mode: Mode) -> Result<u32, Missing> {
        let Some((first, others)) = self.names.split_first_mut() else {
            self.count = 1;
            return Ok(0);
        };
        let mut place = first.code(row, pen, mode)?;
        self.row.clear();
        self.row.push(place);
        for (names, pairs) in others.iter_mut().zip(&mut self.pairs) {
            let code = names.code(row, pen, mode)?;
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
        self.by_type.fill(NONE);
        if let Some(lasting) = &mut self.lasting {
            lasting.processes.clear();
        }
    }
}

impl Lasting {
    #[inline]
    fn process(&self, version: &ScopeVersion) -> Option<&Process> {
        let process = self.processes.get(version.slot as usize)?.as_ref();
        process.filter(|process| process.version == *version)
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

    fn keep(&mut self, version: &ScopeVersion, code: u16, place: u32) {
        if let Some(process) = self.process_mut(version) {
            process.places.push((code, place));
        }
    }

    /// Writes the text of the key, in which only the type is new. Returns `false` if the whole text must be
    /// written.
    fn fill(
        &mut self,
        version: &ScopeVersion,
        out: &mut Vec<u8>,
        row: &dyn FieldSource,
        pen: Pen<'_>,
    ) -> bool {
        let Some([before, ty, behind]) = self.around.take() else { return false };
        let fill = |process: &mut Process| {
            if process.around.is_none() {
                let mut texts = [Vec::new(), Vec::new()];
                if !(before.write(&mut texts[0], row, pen) && behind.write(&mut texts[1], row, pen)) {
                    return false;
                }
                process.around = Some(texts);
            }
            let Some([first, last]) = &process.around else { return false };
            out.clear();
            out.extend_from_slice(first);
            let is_whole = ty.write(out, row, pen);
            out.extend_from_slice(last);
            is_whole
        };
        let is_filled = self.process_mut(version).is_some_and(fill);
        self.around = Some([before, ty, behind]);
        is_filled
    }
}

/// Whether events with this code may have several names.
fn is_general(code: u16) -> bool {
    [EventType::GENERIC_E, EventType::GENERIC_X, EventType::ASYNCEVENT_E].iter().any(|ty| ty.0 == code)
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
    fn code(&mut self, row: &dyn FieldSource, pen: Pen<'_>, mode: Mode) -> Result<u32, Missing> {
        match self.field.as_ref().and_then(|field| row.get(field)) {
            Some(Value::Str(value)) => {
                if let Some(code) = self.values.find(value) {
                    return Ok(self.of_value[code as usize]);
                }
                let code = self.text(row, pen, mode)?;
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
                let code = self.text(row, pen, mode)?;
                if self.of_number.len() >= MAX_VALUES {
                    self.numbers.clear();
                    self.of_number.clear();
                }
                self.numbers.code(value);
                self.of_number.push(code);
                Ok(code)
            }
            _ => self.text(row, pen, mode),
        }
    }

    fn text(&mut self, row: &dyn FieldSource, pen: Pen<'_>, mode: Mode) -> Result<u32, Missing> {
        self.scratch.clear();
        if !self.template.write(&mut self.scratch, row, pen) {
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
