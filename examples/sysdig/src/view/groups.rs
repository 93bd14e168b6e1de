//! Groups of rows and their aggregates.

use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use eyas::events::EventType;
use eyas::fields::{Field, FieldSource, FieldType};
use rustc_hash::FxHashSet;

use super::condition::{Condition, Memo};
use super::grid::{Cell, Head, WIDTH};
use super::keys::{Keys, Missing, Mode};
use super::model::{Aggregate, Column, Unit, View};
use super::template::{PrintSettings, Template};
use super::units;

/// Maximum number of columns with an aggregate.
const MAX_MEASURES: usize = 64;
/// Bits of the number 1.
const ONE: u64 = 1.0_f64.to_bits();
/// Size of the cache of values that were already counted in any group.
const RECENT: usize = 1 << 12;

/// Groups of rows with their aggregates.
pub struct Groups {
    heads: Vec<Head>,
    /// For each column, the index of its key or measure.
    layout: Vec<Slot>,
    keys: Keys,
    measures: Vec<Measure>,
    /// The measures that may use the events of a type.
    steps: Vec<Step>,
    /// For each event code, its part of the steps; the last entry is for unknown codes.
    parts: Vec<Range<u16>>,
    /// Operands of the measures, each once.
    operands: Vec<Operand>,
    /// Values of the operands for the current row: bits of numbers, and hashes.
    values: Vec<Option<u64>>,
    /// The measure by which groups are sorted.
    order: usize,
    limit: usize,
    /// For each group, the totals of all measures.
    totals: Vec<Total>,
    /// Number of rows without a group.
    left_out: u64,
    text: Vec<u8>,
    /// For a view that only counts different values: the values that were counted last, each with its
    /// group.
    counted: Vec<(u32, u64)>,
}

#[derive(Clone, Copy)]
enum Slot {
    Key(usize),
    Measure(usize),
}

/// A measure that may use the events of a type.
#[derive(Clone, Copy, PartialEq)]
struct Step {
    measure: u8,
    /// The measure's: it is here because the measures are large.
    aggregate: Aggregate,
    /// Index of the operand; `None` for the number of rows.
    operand: Option<u8>,
    /// Whether the type alone does not decide the condition.
    is_open: bool,
}

struct Measure {
    aggregate: Aggregate,
    unit: Unit,
    /// Index of the operand; `None` for the number of rows.
    operand: Option<usize>,
    /// Condition for rows that count.
    when: Option<Condition>,
}

/// A value of rows.
enum Operand {
    /// 1, as for `evt.count`.
    One,
    /// A number.
    Number(Field),
    /// 1 if the field has a value.
    Present(Field),
    /// Hash of a text.
    Hash(Template),
}

/// Current value of an aggregate.
#[derive(Clone, Default)]
struct Total {
    number: f64,
    count: u64,
    seen: Option<Box<FxHashSet<u64>>>,
}

/// What a column with an aggregate collects; `None` if it only counts rows. `field` is the field of its value, if that is no
/// other template.
fn operand(
    column: &Column,
    aggregate: Aggregate,
    field: Option<Field>,
    value: Option<Template>,
) -> Result<Option<Operand>> {
    Ok(match (aggregate, field, value) {
        (Aggregate::Count, None, _) => None,
        (Aggregate::Distinct, _, Some(value)) => Some(Operand::Hash(value)),
        (_, None, _) => bail!("column `{}`: its aggregate needs a field, not a text", column.name),
        (_, Some(field), _) if &*field.text == "evt.count" => Some(Operand::One),
        (Aggregate::Count, Some(field), _) => Some(Operand::Present(field)),
        (_, Some(field), _) if !is_number(field.ty) => {
            bail!(
                "column `{}`: its aggregate needs a number, but `{}` is {}",
                column.name,
                field.text,
                field.ty
            )
        }
        (_, Some(field), _) => Some(Operand::Number(field)),
    })
}

/// The aggregate that orders the groups, by its index.
fn order(view: &View, columns: &[&Column], layout: &[Slot]) -> Result<usize> {
    if view.order.is_empty() {
        return Ok(0);
    }
    let at = columns.iter().position(|column| column.name == view.order);
    match at.map(|at| layout[at]) {
        Some(Slot::Measure(at)) => Ok(at),
        _ => Err(anyhow!("order: `{}` is not a column with an aggregate", view.order)),
    }
}

impl Groups {
    /// Creates groups for the view's columns. Container columns are included only on request.
    pub fn new(view: &View, columns: &[&Column], settings: PrintSettings<'_>) -> Result<Self> {
        let (mut heads, mut layout, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let (mut measures, mut operands) = (Vec::<Measure>::new(), Vec::<Operand>::new());
        for column in columns {
            let value = match (column.value.is_empty(), column.aggregate) {
                (true, Some(Aggregate::Count)) => None,
                (true, _) => bail!("column `{}` has no value", column.name),
                (false, _) => Some(Template::parse(&column.value, column.unit, settings.schema)?),
            };
            let field = value.as_ref().and_then(Template::field).cloned();
            heads.push(Head {
                name: column.name.clone(),
                field: field.as_ref().map_or_else(|| column.name.clone(), |field| field.text.to_string()),
                is_key: column.aggregate.is_none(),
                width: if column.width > 0 { column.width } else { WIDTH },
            });
            let Some(aggregate) = column.aggregate else {
                layout.push(Slot::Key(keys.len()));
                keys.extend(value);
                continue;
            };
            let operand = operand(column, aggregate, field, value)?;
            let known = |operand: Operand| {
                operands.iter().position(|known| known.is_same(&operand)).unwrap_or_else(|| {
                    operands.push(operand);
                    operands.len() - 1
                })
            };
            layout.push(Slot::Measure(measures.len()));
            let when = Condition::optional(&column.when, settings.schema)?;
            measures.push(Measure { aggregate, unit: column.unit, operand: operand.map(known), when });
        }
        let order = order(view, columns, &layout)?;
        let counts_different = matches!(
            &measures[..],
            [Measure { aggregate: Aggregate::Distinct, when: None, .. }] if view.prefer.is_empty()
        );
        if measures.len() > MAX_MEASURES {
            bail!("{} columns have an aggregate: at most {MAX_MEASURES} may", measures.len());
        }
        let (steps, parts) = steps(&measures);
        Ok(Self {
            heads,
            layout,
            keys: Keys::new(keys, settings),
            steps,
            parts,
            measures,
            values: vec![None; operands.len()],
            operands,
            order,
            limit: view.limit,
            totals: Vec::new(),
            left_out: 0,
            text: Vec::new(),
            counted: if counts_different { vec![(u32::MAX, 0); RECENT] } else { Vec::new() },
        })
    }

    /// Headings of the columns.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Number of rows without a group since [`Groups::clear`].
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Whether it only counts different values: rows then come by [`Groups::add_different`].
    #[inline]
    pub fn counts_different(&self) -> bool {
        !self.counted.is_empty()
    }

    /// Adds a row's value to its group, if `passes` returns `true`. An equal row that was counted recently adds nothing, so
    /// `passes` is not called for it.
    #[inline]
    pub fn add_different<R: FieldSource>(
        &mut self,
        row: &R,
        settings: PrintSettings<'_>,
        passes: impl FnOnce() -> bool,
    ) {
        let [Operand::Hash(value)] = &self.operands[..] else { return };
        let Some(hash) = value.hash(&mut self.text, row, settings) else { return };
        let known = self.keys.place(row, settings, Mode::Find).ok();
        if known.is_some_and(|place| self.counted[slot(place, hash)] == (place as u32, hash)) || !passes() {
            return;
        }
        if let Some(place) = known.or_else(|| self.place(row, settings)) {
            self.totals[place].add(Aggregate::Distinct, hash);
            self.counted[slot(place, hash)] = (place as u32, hash);
        }
    }

    /// Adds a row, derived from an event of this type, to its group. A row that lacks a key, or that adds
    /// nothing to any aggregate, has no group.
    #[inline]
    pub fn add<R: FieldSource>(&mut self, ty: EventType, row: &R, settings: PrintSettings<'_>) {
        if let [measure] = &self.measures[..]
            && measure.adds_up()
        {
            return self.add_up(row, settings);
        }
        // Most measures apply only to some event types. For other types, their operands are not evaluated.
        let Range { start, end } = self.parts[usize::from(ty.0).min(EventType::COUNT)].clone();
        let (mut known, mut begin) = (0_u64, None);
        let mut memo = Memo::default();
        for at in start..end {
            let step = self.steps[usize::from(at)];
            let measure = usize::from(step.measure);
            let value = match step.operand {
                None => Some(ONE),
                Some(operand) => {
                    let (operand, bit) = (usize::from(operand), 1 << operand);
                    if known & bit == 0 {
                        self.values[operand] = self.operands[operand].value(&mut self.text, row, settings);
                        known |= bit;
                    }
                    self.values[operand]
                }
            };
            let Some(value) = value.filter(|value| step.aggregate.takes(*value)) else { continue };
            let fails = |when: &mut Condition| !when.holds(ty, row, &mut memo);
            if step.is_open && self.measures[measure].when.as_mut().is_some_and(fails) {
                continue;
            }
            let begin = match begin {
                Some(begin) => begin,
                None => match self.place(row, settings) {
                    Some(place) => *begin.insert(place * self.measures.len()),
                    None => return,
                },
            };
            self.totals[begin + measure].add(step.aggregate, value);
        }
    }

    /// Like [`Groups::add`], if a sum is the only measure.
    #[inline]
    fn add_up<R: FieldSource>(&mut self, row: &R, settings: PrintSettings<'_>) {
        let number = match &self.operands[..] {
            [Operand::Number(field)] => {
                match row.get(field).and_then(|value| units::number(&value)).filter(|number| *number > 0.0) {
                    Some(number) => number,
                    None => return,
                }
            }
            [Operand::Present(field)] if row.get(field).is_none() => return,
            _ => 1.0,
        };
        if let Some(place) = self.place(row, settings) {
            let total = &mut self.totals[place];
            total.number += number;
            total.count += 1;
        }
    }

    /// Index of a row's group. Creates its totals if it is new.
    #[inline]
    fn place<R: FieldSource>(&mut self, row: &R, settings: PrintSettings<'_>) -> Option<usize> {
        match self.keys.place(row, settings, Mode::Make) {
            Ok(place) => {
                let count = self.keys.len() * self.measures.len();
                if self.totals.len() < count {
                    self.totals.resize(count, Total::default());
                }
                Some(place)
            }
            Err(Missing::Key) => None,
            Err(Missing::Group) => {
                self.left_out += 1;
                None
            }
        }
    }

    /// Forgets all groups.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.totals.clear();
        self.left_out = 0;
        self.counted.fill((u32::MAX, 0));
    }

    /// The sorted groups as cells of a table. `elapsed` is the duration of the interval, ns.
    pub fn rows(&self, elapsed: u64) -> Vec<Vec<Cell>> {
        let count = self.measures.len();
        let value = |place: usize| match self.measures.get(self.order) {
            Some(measure) => measure.result(&self.totals[place * count + self.order]),
            None => 0.0,
        };
        let mut order: Vec<(f64, usize)> = (0..self.keys.len()).map(|place| (value(place), place)).collect();
        let compare = |a: &(f64, usize), b: &(f64, usize)| {
            b.0.total_cmp(&a.0).then_with(|| self.keys.texts(a.1).cmp(self.keys.texts(b.1)))
        };
        if self.limit > 0 && self.limit < order.len() {
            order.select_nth_unstable_by(self.limit - 1, compare);
            order.truncate(self.limit);
        }
        order.sort_unstable_by(compare);
        order.into_iter().map(|(_, place)| self.row(place, elapsed)).collect()
    }

    fn row(&self, place: usize, elapsed: u64) -> Vec<Cell> {
        let keys: Vec<&[u8]> = self.keys.texts(place).collect();
        let totals = &self.totals[place * self.measures.len()..];
        let cell = |slot: &Slot| match *slot {
            Slot::Key(at) => {
                let text = keys.get(at).copied().unwrap_or_default();
                Cell { text: text.to_vec(), json: String::from_utf8_lossy(text).into() }
            }
            Slot::Measure(at) => {
                let (measure, n) = (&self.measures[at], self.measures[at].result(&totals[at]));
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

/// Whether values of the type are numbers; those of a dynamic type may be.
fn is_number(ty: FieldType) -> bool {
    !matches!(ty, FieldType::Str | FieldType::Bytes | FieldType::Ip | FieldType::Net)
}

/// The steps for the types of events, and the part of each type. Equal parts are stored once.
fn steps(measures: &[Measure]) -> (Vec<Step>, Vec<Range<u16>>) {
    let mut known: Vec<(Vec<Step>, Range<u16>)> = Vec::new();
    let mut all: Vec<Step> = Vec::new();
    let mut part = |code: usize| {
        let ty = EventType(code as u16);
        let step = |(measure, Measure { aggregate, operand, when, .. }): (usize, &Measure)| {
            let may_use = when.as_ref().is_none_or(|when| when.may_match(ty));
            may_use.then(|| Step {
                measure: measure as u8,
                aggregate: *aggregate,
                operand: operand.map(|operand| operand as u8),
                is_open: when.as_ref().is_some_and(|when| !when.always_matches(ty)),
            })
        };
        let steps: Vec<Step> = measures.iter().enumerate().filter_map(step).collect();
        if let Some((_, range)) = known.iter().find(|(other, _)| *other == steps) {
            return range.clone();
        }
        let range = all.len() as u16..(all.len() + steps.len()) as u16;
        all.extend(&steps);
        known.push((steps, range.clone()));
        range
    };
    let parts = (0..=EventType::COUNT).map(&mut part).collect();
    (all, parts)
}

fn slot(place: usize, hash: u64) -> usize {
    (hash as usize ^ hash as usize >> 24 ^ place) % RECENT
}

impl Operand {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One, Self::One) => true,
            (Self::Number(one), Self::Number(other)) | (Self::Present(one), Self::Present(other)) => {
                one.text == other.text
            }
            _ => false,
        }
    }

    #[inline]
    fn value<R: FieldSource>(&self, text: &mut Vec<u8>, row: &R, settings: PrintSettings<'_>) -> Option<u64> {
        match self {
            Self::One => Some(ONE),
            Self::Number(field) => units::number(&row.get(field)?).map(f64::to_bits),
            Self::Present(field) => row.get(field).map(|_| ONE),
            Self::Hash(value) => value.hash(text, row, settings),
        }
    }
}

impl Aggregate {
    /// Whether a value adds anything.
    #[inline]
    fn takes(self, value: u64) -> bool {
        self != Self::Sum || f64::from_bits(value) > 0.0
    }
}

impl Measure {
    /// Whether it is the sum of a number over all rows, or their count.
    fn adds_up(&self) -> bool {
        matches!(self.aggregate, Aggregate::Sum | Aggregate::Count) && self.when.is_none()
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
    #[inline]
    fn add(&mut self, aggregate: Aggregate, value: u64) {
        self.count += 1;
        let n = f64::from_bits(value);
        match aggregate {
            Aggregate::Count => {}
            Aggregate::Distinct => {
                self.seen.get_or_insert_default().insert(value);
            }
            Aggregate::Max if self.count > 1 => self.number = self.number.max(n),
            Aggregate::Min if self.count > 1 => self.number = self.number.min(n),
            Aggregate::Max | Aggregate::Min => self.number = n,
            Aggregate::Sum | Aggregate::Mean => self.number += n,
        }
    }
}
