//! The fields that are wanted of an event, and the values that a plugin gives for them.

use std::ops::Range;

use bumpalo::Bump;
use eyas_fields::{Net, Value};

/// A field that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its position in [`PluginInfo::fields`](super::PluginInfo::fields).
    pub field: usize,
    /// The argument, if the field takes a text and one was given.
    pub key: Option<Box<str>>,
    /// The argument as a number, if the field takes a number and one was given.
    pub index: Option<u64>,
}

/// All fields that are wanted of an event, each once, and room for their values.
///
/// Values are copied when they are given.
pub struct Request<'a> {
    pub(super) wanted: &'a [Wanted],
    pub(super) values: &'a mut FieldValues,
    pub(super) offsets: Option<&'a mut Vec<Vec<Range<u32>>>>,
}

impl<'a> Request<'a> {
    /// A request of these fields; `values` has their values after it.
    pub fn new(wanted: &'a [Wanted], values: &'a mut FieldValues) -> Self {
        values.reset(wanted.len());
        Self { wanted, values, offsets: None }
    }

    /// Asks for the places of the values in the event, too: see [`Request::set_offsets`].
    #[must_use]
    pub fn with_offsets(mut self, offsets: &'a mut Vec<Vec<Range<u32>>>) -> Self {
        offsets.clear();
        offsets.resize(self.wanted.len(), Vec::new());
        self.offsets = Some(offsets);
        self
    }

    /// The fields.
    pub fn wanted(&self) -> &'a [Wanted] {
        self.wanted
    }

    /// Gives the field at this position of [`Request::wanted`] a value; a list field a list, in order. An empty list is no
    /// value. Positions beyond the end are ignored.
    pub fn set(&mut self, at: usize, value: Value<'_>) {
        self.values.set(at, value);
    }

    /// Gives a list field its values, in order.
    pub fn set_list<'v>(&mut self, at: usize, values: impl IntoIterator<Item = Value<'v>>) {
        self.values.set_list(at, values);
    }

    /// Whether the places of the values are wanted.
    pub fn wants_offsets(&self) -> bool {
        self.offsets.is_some()
    }

    /// Says where in the event the values of a field are: one range per value, in bytes from the start of the event with
    /// its header; an empty range at 0 for a value that is nowhere in it. A plugin event's data begins at 38.
    pub fn set_offsets(&mut self, at: usize, ranges: &[Range<u32>]) {
        if let Some(place) = self.offsets.as_mut().and_then(|all| all.get_mut(at)) {
            place.clear();
            place.extend_from_slice(ranges);
        }
    }
}

/// Values of fields, by position, with their bytes in one buffer that is used again.
#[derive(Clone, Debug, Default)]
pub struct FieldValues {
    bytes: Vec<u8>,
    /// Values of lists.
    items: Vec<Flat>,
    values: Vec<Flat>,
}

/// A value without what it lends.
#[derive(Clone, Copy, Debug)]
enum Flat {
    Absent,
    Plain(Value<'static>),
    Str(u32, u32),
    Bytes(u32, u32),
    List(u32, u32),
}

impl FieldValues {
    /// Forgets all values, and has room for `len` new ones.
    pub(super) fn reset(&mut self, len: usize) {
        self.bytes.clear();
        self.items.clear();
        self.values.clear();
        self.values.resize(len, Flat::Absent);
    }

    /// More than 4 GiB of text is no value of an event.
    fn store(&mut self, bytes: &[u8]) -> Option<(u32, u32)> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let end = u32::try_from(self.bytes.len() + bytes.len()).ok()?;
        self.bytes.extend_from_slice(bytes);
        Some((start, end))
    }

    fn flat(&mut self, value: Value<'_>) -> Flat {
        match value {
            Value::Bool(v) => Flat::Plain(Value::Bool(v)),
            Value::Int(v) => Flat::Plain(Value::Int(v)),
            Value::Uint(v) => Flat::Plain(Value::Uint(v)),
            Value::Double(v) => Flat::Plain(Value::Double(v)),
            Value::Ip(v) => Flat::Plain(Value::Ip(v)),
            Value::Net(Net { addr, prefix }) => Flat::Plain(Value::Net(Net { addr, prefix })),
            Value::Str(text) => self.store(text).map_or(Flat::Absent, |(start, end)| Flat::Str(start, end)),
            Value::Bytes(bytes) => {
                self.store(bytes).map_or(Flat::Absent, |(start, end)| Flat::Bytes(start, end))
            }
            // A list of lists is none.
            Value::List(_) => Flat::Absent,
        }
    }

    fn set(&mut self, at: usize, value: Value<'_>) {
        if let Value::List(values) = value {
            return self.set_list(at, values.iter().copied());
        }
        if at < self.values.len() {
            self.values[at] = self.flat(value);
        }
    }

    fn set_list<'v>(&mut self, at: usize, values: impl IntoIterator<Item = Value<'v>>) {
        if at >= self.values.len() {
            return;
        }
        let start = self.items.len();
        for value in values {
            let flat = self.flat(value);
            self.items.push(flat);
        }
        let end = self.items.len();
        let range = u32::try_from(start).ok().zip(u32::try_from(end).ok()).filter(|_| end > start);
        self.values[at] = range.map_or(Flat::Absent, |(start, end)| Flat::List(start, end));
    }

    /// The value at a position, copied into the arena.
    pub fn get<'b>(&self, at: usize, bump: &'b Bump) -> Option<Value<'b>> {
        let flat = *self.values.get(at)?;
        if let Flat::List(start, end) = flat {
            let items = self.items.get(start as usize..end as usize)?;
            let mut list = bumpalo::collections::Vec::with_capacity_in(items.len(), bump);
            list.extend(items.iter().filter_map(|item| self.plain(*item, bump)));
            return Some(Value::List(list.into_bump_slice()));
        }
        self.plain(flat, bump)
    }

    fn plain<'b>(&self, flat: Flat, bump: &'b Bump) -> Option<Value<'b>> {
        let copy = |start: u32, end: u32| {
            let bytes = self.bytes.get(start as usize..end as usize)?;
            Some(&*bump.alloc_slice_copy(bytes))
        };
        Some(match flat {
            Flat::Absent | Flat::List(..) => return None,
            Flat::Plain(value) => value,
            Flat::Str(start, end) => Value::Str(copy(start, end)?),
            Flat::Bytes(start, end) => Value::Bytes(copy(start, end)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(field: usize) -> Wanted {
        Wanted { field, key: None, index: None }
    }

    #[test]
    fn values_are_copied_and_what_was_given_none_has_none() {
        let fields = [wanted(3), wanted(1), wanted(4), wanted(0), wanted(2)];
        let mut values = FieldValues::default();
        let mut request = Request::new(&fields, &mut values);
        let text = String::from("gone soon");
        request.set(0, Value::from(&*text));
        request.set(1, Value::Uint(7));
        request.set_list(2, ["a", "b"].map(Value::from));
        request.set_list(3, std::iter::empty());
        request.set(99, Value::Bool(true));
        drop(text);
        let bump = Bump::new();
        let all: Vec<_> = (0..fields.len()).map(|at| values.get(at, &bump)).collect();
        let list = [Value::from("a"), Value::from("b")];
        let expected =
            [Some(Value::from("gone soon")), Some(Value::Uint(7)), Some(Value::List(&list)), None, None];
        assert_eq!(all, expected);
        // The next event's request has nothing of this one's.
        Request::new(&fields[..1], &mut values);
        assert_eq!((values.get(0, &bump), values.get(1, &bump)), (None, None));
    }

    #[test]
    fn offsets_are_taken_where_they_are_wanted() {
        let (fields, mut values, mut offsets) = ([wanted(0), wanted(1)], FieldValues::default(), Vec::new());
        let mut request = Request::new(&fields, &mut values);
        let place = &[38..49, 0..0];
        assert!(!request.wants_offsets());
        request.set_offsets(0, place);
        let mut request = request.with_offsets(&mut offsets);
        assert!(request.wants_offsets());
        request.set_offsets(0, place);
        request.set_offsets(7, place);
        assert_eq!(offsets, [place.to_vec(), vec![]]);
    }
}
