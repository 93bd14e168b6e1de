//! Rows, and their evaluation.

use eyas_fields::TextPlace;
use eyas_scap::RawEvent;

use super::machine::{Bits, Machine};
use super::paths;

/// Successor of a row: the event passes to the rules.
pub(super) const PASS: u16 = u16::MAX;
/// Successor of a row: the event is rejected.
pub(super) const REJECT: u16 = u16::MAX - 1;
/// Indices of rows are below this.
pub(super) const MAX_ROWS: usize = 32_768;
/// Bit of a row: it has none.
pub(super) const NO_BIT: u16 = u16::MAX;

/// Smallest error number as a result.
pub(super) const LEAST_ERROR: i64 = -4095;

/// The input of a test; most inputs are parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Input {
    /// The result.
    Result,
    /// The result, if it is an error that has a name or none at all.
    Error,
    /// The descriptor that a call returns; -1 if it failed.
    Descriptor,
    /// A number with a sign.
    Int,
    /// A number without a sign.
    Uint,
    /// A text.
    Text,
    /// A requested path as a parameter shows it, and the kernel's path.
    RawPath,
    /// A requested path as the program passed it.
    Given,
    /// An absolute path, and the kernel's.
    Path,
    /// The directory of such a path, or the path itself if it is a directory.
    Directory,
    /// The last component of such a path.
    Name,
    /// Whether the process is in the group whose number is the parameter's.
    Group,
}

/// The constants of a test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum With {
    /// Numbers from the first to the last of a range.
    Ranges(Vec<(i64, i64)>),
    /// Bits of which one is set.
    Bits { any: u64, or_zero: bool },
    /// Texts, one of which must be at the place.
    Texts(TextPlace, Vec<Box<[u8]>>),
}

/// A test of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Test {
    pub(super) input: Input,
    pub(super) param: u8,
    pub(super) negated: bool,
    pub(super) with: With,
}

impl Test {
    /// Whether the event's process is in a group.
    pub(super) fn of_group(group: u8) -> Self {
        Self {
            input: Input::Group,
            param: group,
            negated: false,
            with: With::Bits { any: 0, or_zero: false },
        }
    }

    /// How many texts it compares with.
    pub(super) fn texts(&self) -> usize {
        match &self.with {
            With::Texts(_, texts) => texts.len(),
            With::Ranges(_) | With::Bits { .. } => 0,
        }
    }
}

/// The comparison of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum How {
    Ranges,
    Bits,
    BitsOrZero,
    Texts(TextPlace),
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) input: Input,
    pub(super) param: u8,
    pub(super) negated: bool,
    pub(super) how: How,
    /// Position of its constants.
    first: u32,
    count: u32,
    /// The machine sets this bit for every text with which the row's comparison is true, and for some others.
    pub(super) bit: u16,
    /// The next row if the test is true or unknown, and if it is false.
    pub(super) yes: u16,
    pub(super) no: u16,
}

/// Rows and constants, in arrays. A row leads only to later rows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// By code: the first row, or the decision for all of its events.
    pub(super) entries: Vec<u16>,
    pub(super) rows: Vec<Row>,
    ranges: Vec<(i64, i64)>,
    /// Begin and length.
    texts: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    /// Finds the bits of rows in a text.
    pub(super) machine: Option<Machine>,
}

/// The bits of the text of a parameter, while rows of one event are tested.
#[derive(Default)]
struct Found {
    /// The input and the parameter.
    of: Option<(bool, u8)>,
    /// `None` if the text is unknown.
    bits: Option<Bits>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.entries)
            + size_of_val(&*self.rows)
            + size_of_val(&*self.ranges)
            + size_of_val(&*self.texts)
            + self.bytes.len()
            + self.machine.as_ref().map_or(0, Machine::bytes)
    }

    /// Puts a test's constants into the arrays.
    pub(super) fn row(&mut self, test: &Test, yes: u16, no: u16) -> Row {
        let (how, first, count) = match &test.with {
            With::Ranges(ranges) => {
                let first = self.ranges.len();
                self.ranges.extend_from_slice(ranges);
                (How::Ranges, first, ranges.len())
            }
            With::Bits { any, or_zero } => {
                let first = self.ranges.len();
                self.ranges.push((*any as i64, 0));
                (if *or_zero { How::BitsOrZero } else { How::Bits }, first, 1)
            }
            With::Texts(place, texts) => {
                let first = self.texts.len();
                for text in texts {
                    self.texts.push((self.bytes.len() as u32, text.len() as u32));
                    self.bytes.extend_from_slice(text);
                }
                (How::Texts(*place), first, texts.len())
            }
        };
        let Test { input, param, negated, .. } = *test;
        Row { input, param, negated, how, first: first as u32, count: count as u32, bit: NO_BIT, yes, no }
    }

    /// The ranges of a row; for masks, the first.
    pub(super) fn ranges_of(&self, row: &Row) -> &[(i64, i64)] {
        let (first, count) = (row.first as usize, row.count as usize);
        self.ranges.get(first..first + count).unwrap_or_default()
    }

    /// The texts of a row.
    pub(super) fn texts_of(&self, row: &Row) -> impl Iterator<Item = &[u8]> {
        let (first, count) = (row.first as usize, row.count as usize);
        let texts = self.texts.get(first..first + count).unwrap_or_default();
        texts.iter().filter_map(|(begin, len)| self.bytes.get(*begin as usize..(*begin + *len) as usize))
    }

    pub(super) fn rejects_all(&self, code: u16) -> bool {
        self.entries.get(usize::from(code)).is_none_or(|entry| *entry == REJECT)
    }

    /// Whether an event with this code, of a process in these groups, passes.
    #[inline]
    pub(super) fn pass(&self, code: u16, event: &RawEvent<'_>, has_beginnings: bool, groups: u64) -> bool {
        let mut at = self.entries.get(usize::from(code)).copied().unwrap_or(REJECT);
        let mut found = Found::default();
        while let Some(row) = self.rows.get(usize::from(at)) {
            // A comparison whose result is unknown may be true.
            let holds = match row.input {
                Input::Group => groups >> (row.param & 63) & 1 != 0,
                _ => self.test(row, event, has_beginnings, &mut found).is_none_or(|held| held != row.negated),
            };
            at = if holds { row.yes } else { row.no };
        }
        at == PASS
    }

    /// Whether the comparison is true; `None` if that is unknown.
    fn test(&self, row: &Row, event: &RawEvent<'_>, has_beginnings: bool, found: &mut Found) -> Option<bool> {
        let param = usize::from(row.param);
        if let (Some(machine), How::Texts(_), false) = (&self.machine, row.how, row.bit == NO_BIT) {
            if row.input != Input::Text && has_beginnings || !self.is_shown_as_given(row, event) {
                return None;
            }
            let is_path = !matches!(row.input, Input::Text | Input::Given);
            if found.of != Some((is_path, row.param)) {
                *found = Found { of: Some((is_path, row.param)), bits: bits(machine, event, param, is_path) };
            }
            let bits = found.bits.as_ref()?;
            if bits[usize::from(row.bit / 64)] >> (row.bit % 64) & 1 == 0 {
                return Some(false);
            }
        }
        match row.input {
            Input::Result => Some(self.has_number(row, event.result()?)),
            Input::Error => {
                let result = event.result().filter(|result| *result >= LEAST_ERROR)?;
                Some(self.has_number(row, result))
            }
            Input::Descriptor => Some(self.has_number(row, event.result()?.max(-1))),
            Input::Int => Some(self.has_number(row, event.int(param)?)),
            Input::Uint => {
                let number = event.uint(param)?;
                match row.how {
                    How::Ranges => Some(self.has_number(row, i64::try_from(number).ok()?)),
                    how => {
                        let (any, _) = *self.ranges.get(row.first as usize)?;
                        Some(number & any as u64 != 0 || how == How::BitsOrZero && number == 0)
                    }
                }
            }
            Input::Group => None,
            Input::Given if has_beginnings || !self.is_shown_as_given(row, event) => None,
            Input::Text | Input::Given => {
                let text = event.text(param).filter(|text| paths::is_printable(text))?;
                Some(self.has_text(row, text))
            }
            Input::RawPath | Input::Path | Input::Directory | Input::Name => {
                if has_beginnings {
                    return None;
                }
                let mut all = Some(false);
                paths::each(event, param, &mut |path| match path {
                    None => all = None,
                    Some(path) => {
                        let has = match row.input {
                            Input::Directory => {
                                self.has_text(row, path) || self.has_text(row, paths::directory(path))
                            }
                            Input::Name => self.has_text(row, paths::name(path)),
                            _ => self.has_text(row, path),
                        };
                        if has {
                            all = all.map(|_| true);
                        }
                    }
                });
                all
            }
        }
    }

    /// Whether the field of the row has the text of the parameter: not if it is a path with doubled slashes.
    fn is_shown_as_given(&self, row: &Row, event: &RawEvent<'_>) -> bool {
        let is_shown = |text: &[u8]| !text.windows(2).any(|pair| pair == b"//");
        row.input != Input::Given || event.text(row.param.into()).is_some_and(is_shown)
    }

    pub(super) fn has_number(&self, row: &Row, number: i64) -> bool {
        self.ranges_of(row).iter().any(|(least, most)| (*least..=*most).contains(&number))
    }

    fn has_text(&self, row: &Row, text: &[u8]) -> bool {
        let How::Texts(place) = row.how else { return true };
        self.texts_of(row).any(|constant| place.has(text, constant))
    }
}

/// The bits of a text, or of all paths that a field of the parameter may show; `None` if one of them is unknown.
fn bits(machine: &Machine, event: &RawEvent<'_>, param: usize, is_path: bool) -> Option<Bits> {
    let mut bits = Some(Bits::default());
    if is_path {
        paths::each(event, param, &mut |path| match path {
            None => bits = None,
            Some(path) => bits.iter_mut().for_each(|bits| machine.find(path, bits)),
        });
    } else {
        let text = event.text(param).filter(|text| paths::is_printable(text))?;
        bits.iter_mut().for_each(|bits| machine.find(text, bits));
    }
    bits
}
