//! Rows in groups, and what becomes of the values of each.

use anyhow::{Result, anyhow, bail};
use eyas::events::EventType;
use eyas::fields::{Field, FieldSource, Scope, ScopeVersion};
use rustc_hash::{FxHashMap, FxHashSet};

use super::condition::Condition;
use super::grid::{Cell, Head};
use super::model::{Aggregate, Column, Unit, View};
use super::template::{Pen, Template};
use super::units;

/// The most groups; rows of others are counted as left out.
const MAX_GROUPS: usize = 1 << 20;
/// The most places of groups that are remembered by process.
const MAX_CACHED: usize = 1 << 16;
/// Least width of a column.
const WIDTH: usize = 20;

/// Groups of rows with their aggregates.
pub struct Groups {
    heads: Vec<Head>,
    /// For each column: a key's or a measure's place.
    layout: Vec<Slot>,
    keys: Vec<Template>,
    measures: Vec<Measure>,
    /// The measure that the groups are ordered by.
    order: usize,
    limit: usize,
    places: FxHashMap<Box<[u8]>, usize>,
    groups: Vec<Vec<Total>>,
    /// Rows that found no group.
    left_out: u64,
    key: Vec<u8>,
    /// The key before, and the place of its group: rows of one group often follow one another.
    last: (Vec<u8>, usize),
    now: Vec<Option<f64>>,
    /// Of groups by `evt.type` alone: their places by the codes of events.
    by_code: Vec<usize>,
    /// Whether the keys are the same for all events of a type as long as the process does not change.
    are_of_process: bool,
    /// Places of groups by the version of the process and the code of the event, where that is so.
    by_process: FxHashMap<(ScopeVersion, u16), usize>,
}

#[derive(Clone, Copy)]
enum Slot {
    Key(usize),
    Measure(usize),
}

struct Measure {
    aggregate: Aggregate,
    unit: Unit,
    value: Option<Template>,
    field: Option<Field>,
    /// Which rows count.
    when: Option<Condition>,
}

/// An aggregate so far.
#[derive(Clone, Default)]
struct Total {
    number: f64,
    count: u64,
    seen: Option<Box<FxHashSet<u64>>>,
}

impl Groups {
    /// Groups as the view's columns say; those of containers only where they are asked for.
    pub fn new(view: &View, columns: &[&Column], pen: Pen<'_>) -> Result<Self> {
        let (mut heads, mut layout, mut keys, mut measures) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for column in columns {
            let value = match (column.value.is_empty(), column.aggregate) {
                (true, Some(Aggregate::Count)) => None,
                (true, _) => bail!("column `{}` has no value", column.name),
                (false, _) => Some(Template::parse(&column.value, column.unit, pen.schema)?),
            };
            let field = value.as_ref().and_then(Template::field).cloned();
            heads.push(Head {
                name: column.name.clone(),
                field: field.as_ref().map_or_else(|| column.name.clone(), |field| field.text.to_string()),
                is_key: column.aggregate.is_none(),
                width: if column.width > 0 { column.width } else { WIDTH },
            });
            match (column.aggregate, value) {
                (None, Some(value)) => {
                    layout.push(Slot::Key(keys.len()));
                    keys.push(value);
                }
                (None, None) => {}
                (Some(aggregate), value) => {
                    let is_number = matches!(aggregate, Aggregate::Count | Aggregate::Distinct);
                    if field.is_none() && !is_number {
                        bail!("column `{}`: its aggregate needs a field, not a text", column.name);
                    }
                    layout.push(Slot::Measure(measures.len()));
                    let when = Condition::optional(&column.when, pen.schema)?;
                    measures.push(Measure { aggregate, unit: column.unit, value, field, when });
                }
            }
        }
        let order = match view.order.is_empty() {
            true => 0,
            false => {
                let at = columns.iter().position(|column| column.name == view.order);
                match at.map(|at| layout[at]) {
                    Some(Slot::Measure(at)) => at,
                    _ => return Err(anyhow!("order: `{}` is no column with an aggregate", view.order)),
                }
            }
        };
        let is_type =
            matches!(&keys[..], [key] if key.field().is_some_and(|field| &*field.text == "evt.type"));
        let lasts = |field: &Field| {
            let lasting = [Scope::Host, Scope::Process, Scope::Ancestors];
            &*field.text == "evt.type" || lasting.contains(&pen.schema.def(field.id).scope)
        };
        let are_of_process = !is_type && keys.iter().flat_map(Template::fields).all(lasts);
        let by_code = if is_type { vec![usize::MAX; EventType::COUNT] } else { Vec::new() };
        Ok(Self {
            heads,
            layout,
            keys,
            now: vec![None; measures.len()],
            measures,
            order,
            limit: view.limit,
            places: FxHashMap::default(),
            groups: Vec::new(),
            left_out: 0,
            key: Vec::new(),
            last: (Vec::new(), 0),
            by_code,
            are_of_process,
            by_process: FxHashMap::default(),
        })
    }

    /// Headings of the columns.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// How many rows found no group since [`Groups::clear`].
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Adds a row to its group. A row without one of the keys, or that adds nothing to any aggregate, has none.
    pub fn add(&mut self, row: &dyn FieldSource, pen: Pen<'_>) {
        let mut adds = false;
        for (measure, now) in self.measures.iter_mut().zip(&mut self.now) {
            *now = measure.contribution(row, &mut self.key, pen);
            adds |= now.is_some();
        }
        if !adds {
            return;
        }
        let code = usize::from(row.code());
        if let Some(place) = self.by_code.get(code).filter(|place| **place != usize::MAX) {
            return self.count(*place);
        }
        let version = match self.are_of_process && !is_general(code) {
            true => row.scope_version(Scope::Ancestors).map(|version| (version, code as u16)),
            false => None,
        };
        if let Some(place) = version.as_ref().and_then(|version| self.by_process.get(version)) {
            return self.count(*place);
        }
        self.key.clear();
        for key in &self.keys {
            if !key.write(&mut self.key, row, pen) {
                return;
            }
            self.key.push(0);
        }
        let is_last = !self.groups.is_empty() && self.key == self.last.0;
        let known = if is_last { Some(&self.last.1) } else { self.places.get(&*self.key) };
        let place = match known {
            Some(place) => *place,
            None if self.groups.len() >= MAX_GROUPS => {
                self.left_out += 1;
                return;
            }
            None => {
                self.places.insert(self.key.as_slice().into(), self.groups.len());
                self.groups.push(vec![Total::default(); self.measures.len()]);
                self.groups.len() - 1
            }
        };
        if let Some(known) = self.by_code.get_mut(code).filter(|_| !is_general(code)) {
            *known = place;
        }
        if !is_last {
            self.last.0.clone_from(&self.key);
            self.last.1 = place;
        }
        if let Some(version) = version {
            if self.by_process.len() >= MAX_CACHED {
                self.by_process.clear();
            }
            self.by_process.insert(version, place);
        }
        self.count(place);
    }

    /// Adds what the row contributes to the group at this place.
    fn count(&mut self, place: usize) {
        for ((total, now), measure) in self.groups[place].iter_mut().zip(&self.now).zip(&self.measures) {
            if let Some(now) = now {
                total.add(measure.aggregate, *now);
            }
        }
    }

    /// Forgets all groups.
    pub fn clear(&mut self) {
        self.places.clear();
        self.by_process.clear();
        self.by_code.fill(usize::MAX);
        self.groups.clear();
        self.left_out = 0;
    }

    /// The groups in their order, as cells of a table; `elapsed` ns have passed meanwhile.
    pub fn rows(&self, elapsed: u64) -> Vec<Vec<Cell>> {
        let value = |place: usize| self.measures[self.order].result(&self.groups[place][self.order]);
        let mut order: Vec<(&[u8], usize)> =
            self.places.iter().map(|(key, place)| (&**key, *place)).collect();
        match self.measures.is_empty() {
            true => order.sort_unstable(),
            false => {
                order.sort_unstable_by(|a, b| value(b.1).total_cmp(&value(a.1)).then_with(|| a.0.cmp(b.0)))
            }
        }
        if self.limit > 0 {
            order.truncate(self.limit);
        }
        order.into_iter().map(|(key, place)| self.row(key, place, elapsed)).collect()
    }

    fn row(&self, key: &[u8], place: usize, elapsed: u64) -> Vec<Cell> {
        let keys: Vec<&[u8]> = key.split(|byte| *byte == 0).collect();
        let cell = |slot: &Slot| match *slot {
            Slot::Key(at) => {
                let text = keys.get(at).copied().unwrap_or_default();
                Cell { text: text.to_vec(), json: String::from_utf8_lossy(text).into() }
            }
            Slot::Measure(at) => {
                let (measure, n) = (&self.measures[at], self.measures[at].result(&self.groups[place][at]));
                let mut text = Vec::new();
                units::write_number(&mut text, measure.unit, n, elapsed);
                let n = match measure.unit {
                    Unit::Share if elapsed > 0 => n / elapsed as f64 * 100.0,
                    _ => n,
                };
                let json = if n.fract() == 0.0 { (n as i64).into() } else { n.into() };
                Cell { text, json }
            }
        };
        self.layout.iter().map(cell).collect()
    }
}

/// Whether events with this code have several names.
fn is_general(code: usize) -> bool {
    [EventType::GENERIC_E, EventType::GENERIC_X, EventType::ASYNCEVENT_E]
        .iter()
        .any(|ty| usize::from(ty.0) == code)
}

impl Measure {
    /// What the row adds; `None` for nothing.
    fn contribution(&mut self, row: &dyn FieldSource, text: &mut Vec<u8>, pen: Pen<'_>) -> Option<f64> {
        if self.when.as_mut().is_some_and(|when| !when.matches(row)) {
            return None;
        }
        match (self.aggregate, &self.value) {
            (Aggregate::Count, None) => Some(1.0),
            (Aggregate::Distinct, Some(value)) => {
                // 53 bits of the hash are kept exactly.
                value.hash(text, row, pen).map(|hash| (hash >> 11) as f64)
            }
            (aggregate, _) => {
                let number = units::number(&row.get(self.field.as_ref()?)?)?;
                match aggregate {
                    Aggregate::Count => Some(1.0),
                    Aggregate::Sum => (number > 0.0).then_some(number),
                    _ => Some(number),
                }
            }
        }
    }

    fn result(&self, total: &Total) -> f64 {
        match self.aggregate {
            Aggregate::Count => total.count as f64,
            Aggregate::Mean if total.count > 0 => total.number / total.count as f64,
            Aggregate::Distinct => total.seen.as_ref().map_or(0.0, |seen| seen.len() as f64),
            _ => total.number,
        }
    }
}

impl Total {
    fn add(&mut self, aggregate: Aggregate, n: f64) {
        self.number = match aggregate {
            Aggregate::Max if self.count > 0 => self.number.max(n),
            Aggregate::Min if self.count > 0 => self.number.min(n),
            Aggregate::Max | Aggregate::Min => n,
            _ => self.number + n,
        };
        self.count += 1;
        if aggregate == Aggregate::Distinct {
            self.seen.get_or_insert_default().insert(n as u64);
        }
    }
}
