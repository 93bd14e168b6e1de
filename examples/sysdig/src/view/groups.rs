//! Groups of rows and their aggregates.

use anyhow::{Result, anyhow, bail};
use eyas::events::EventType;
use eyas::fields::{Field, FieldSource};
use rustc_hash::FxHashSet;

use super::condition::Condition;
use super::grid::{Cell, Head};
use super::keys::{Keys, Missing, Mode};
use super::model::{Aggregate, Column, Unit, View};
use super::template::{Pen, Template};
use super::units;

/// Minimum width of a column.
const WIDTH: usize = 20;
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
    /// By event code; the last entry is for unknown codes.
    uses: Vec<Uses>,
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
    /// Contribution of the current row to each measure.
    now: Vec<u64>,
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

/// The measures that may use events of a type, a bit each.
#[derive(Clone, Copy)]
struct Uses {
    /// Those that use all these events.
    always: u64,
    /// Those with a condition to test.
    open: u64,
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

impl Groups {
    /// Creates groups for the view's columns. Container columns are included only on request.
    pub fn new(view: &View, columns: &[&Column], pen: Pen<'_>) -> Result<Self> {
        let (mut heads, mut layout, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let (mut measures, mut operands) = (Vec::<Measure>::new(), Vec::<Operand>::new());
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
            let Some(aggregate) = column.aggregate else {
                layout.push(Slot::Key(keys.len()));
                keys.extend(value);
                continue;
            };
            let operand = match (aggregate, field, value) {
                (Aggregate::Count, None, _) => None,
                (Aggregate::Distinct, _, Some(value)) => Some(Operand::Hash(value)),
                (_, None, _) => bail!("column `{}`: its aggregate needs a field, not a text", column.name),
                (_, Some(field), _) if &*field.text == "evt.count" => Some(Operand::One),
                (Aggregate::Count, Some(field), _) => Some(Operand::Present(field)),
                (_, Some(field), _) => Some(Operand::Number(field)),
            };
            let known = |operand: Operand| {
                operands.iter().position(|known| known.is_same(&operand)).unwrap_or_else(|| {
                    operands.push(operand);
                    operands.len() - 1
                })
            };
            layout.push(Slot::Measure(measures.len()));
            let when = Condition::optional(&column.when, pen.schema)?;
            measures.push(Measure { aggregate, unit: column.unit, operand: operand.map(known), when });
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
        let counts_different = matches!(
            &measures[..],
            [Measure { aggregate: Aggregate::Distinct, when: None, .. }] if view.prefer.is_empty()
        );
        if measures.len() > 64 {
            bail!("{} columns have an aggregate: at most 64 may", measures.len());
        }
        let uses = |code: usize| {
            let ty = EventType(code as u16);
            let mut uses = Uses { always: 0, open: 0 };
            for (at, measure) in measures.iter().enumerate() {
                match &measure.when {
                    Some(when) if !when.may_match(ty) => {}
                    Some(when) if !when.always_matches(ty) => uses.open |= 1 << at,
                    _ => uses.always |= 1 << at,
                }
            }
            uses
        };
        Ok(Self {
            heads,
            layout,
            keys: Keys::new(keys, pen),
            uses: (0..=EventType::COUNT).map(uses).collect(),
            now: vec![0; measures.len()],
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
    pub fn add_different<R: FieldSource>(&mut self, row: &R, pen: Pen<'_>, passes: impl FnOnce() -> bool) {
        let [Operand::Hash(value)] = &self.operands[..] else { return };
        let Some(hash) = value.hash(&mut self.text, row, pen) else { return };
        let known = self.keys.place(row, pen, Mode::Find).ok();
        if known.is_some_and(|place| self.counted[slot(place, hash)] == (place as u32, hash)) || !passes() {
            return;
        }
        if let Some(place) = known.or_else(|| self.place(row, pen)) {
            self.totals[place].add(Aggregate::Distinct, hash);
            self.counted[slot(place, hash)] = (place as u32, hash);
        }
    }

    /// Adds a row, derived from an event of this type, to its group. A row that lacks a key, or that adds
    /// nothing to any aggregate, has no group.
    #[inline]
    pub fn add<R: FieldSource>(&mut self, ty: EventType, row: &R, pen: Pen<'_>) {
        if let [measure] = &self.measures[..]
            && measure.adds_up()
        {
            return self.add_up(row, pen);
        }
        // Most measures apply only to some event types. For other types, their operands are not evaluated.
        let Uses { always, open } = self.uses[usize::from(ty.0).min(EventType::COUNT)];
        let (mut adds, mut known) = (0_u64, 0_u64);
        for at in bits(always | open) {
            let measure = &mut self.measures[at];
            let value = match measure.operand {
                None => Some(ONE),
                Some(operand) => {
                    let bit = 1 << operand;
                    if known & bit == 0 {
                        self.values[operand] = self.operands[operand].value(&mut self.text, row, pen);
                        known |= bit;
                    }
                    self.values[operand]
                }
            };
            let Some(value) = value.filter(|value| measure.takes(*value)) else { continue };
            if open >> at & 1 == 0 || measure.when.as_mut().is_none_or(|when| when.matches_of(ty, row)) {
                self.now[at] = value;
                adds |= 1 << at;
            }
        }
        if adds == 0 {
            return;
        }
        let Some(place) = self.place(row, pen) else { return };
        let begin = place * self.measures.len();
        let totals = &mut self.totals[begin..];
        for at in bits(adds) {
            totals[at].add(self.measures[at].aggregate, self.now[at]);
        }
    }

    /// Like [`Groups::add`], if a sum is the only measure.
    #[inline]
    fn add_up<R: FieldSource>(&mut self, row: &R, pen: Pen<'_>) {
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
        if let Some(place) = self.place(row, pen) {
            let total = &mut self.totals[place];
            total.number += number;
            total.count += 1;
        }
    }

    /// Index of a row's group. Creates its totals if it is new.
    #[inline]
    fn place<R: FieldSource>(&mut self, row: &R, pen: Pen<'_>) -> Option<usize> {
        match self.keys.place(row, pen, Mode::Make) {
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

/// Positions of the bits that are set.
#[inline]
fn bits(mut rest: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
        rest &= rest - 1;
        Some(at)
    })
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
    fn value<R: FieldSource>(&self, text: &mut Vec<u8>, row: &R, pen: Pen<'_>) -> Option<u64> {
        match self {
            Self::One => Some(ONE),
            Self::Number(field) => units::number(&row.get(field)?).map(f64::to_bits),
            Self::Present(field) => row.get(field).map(|_| ONE),
            Self::Hash(value) => value.hash(text, row, pen),
        }
    }
}

impl Measure {
    /// Whether it is the sum of a number over all rows, or their count.
    fn adds_up(&self) -> bool {
        matches!(self.aggregate, Aggregate::Sum | Aggregate::Count) && self.when.is_none()
    }

    /// Whether a value adds anything.
    #[inline]
    fn takes(&self, value: u64) -> bool {
        self.aggregate != Aggregate::Sum || f64::from_bits(value) > 0.0
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
