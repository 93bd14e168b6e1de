//! Requests for fields of an event, and their values.

use std::ops::Range;

use bumpalo::Bump;
use eyas_fields::{Net, Value};

/// A requested field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its index in [`PluginInfo::fields`](super::PluginInfo::fields).
    pub field: usize,
    /// The argument, if the field takes a text and one was given.
    pub key: Option<Box<str>>,
    /// The argument as a number, if the field takes a number and one was given.
    pub index: Option<u64>,
}

/// All requested fields of an event, each once, and room for their values.
///
/// [`Request::set`] copies values.
pub struct Request<'a> {
    pub(super) wanted: &'a [Wanted],
    pub(super) values: &'a mut FieldValues,
    pub(super) offsets: Option<&'a mut Vec<Vec<Range<u32>>>>,
}

impl<'a> Request<'a> {
    /// A request for these fields; it stores their values in `values`.
    pub fn new(wanted: &'a [Wanted], values: &'a mut FieldValues) -> Self {
        values.reset(wanted.len());
        Self { wanted, values, offsets: None }
    }

    /// Also requests the offsets of the values in the event: see [`Request::set_offsets`].
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

    /// Sets the value of the field at this index of [`Request::wanted`]; for a list field, a list in order.
    /// An empty list is no value. Indices beyond the end are ignored.
    pub fn set(&mut self, at: usize, value: Value<'_>) {
        self.values.set(at, value);
    }

    /// Sets the values of a list field, in order.
    pub fn set_list<'v>(&mut self, at: usize, values: impl IntoIterator<Item = Value<'v>>) {
        self.values.set_list(at, values);
    }

    /// Whether the offsets of the values are requested.
    pub fn wants_offsets(&self) -> bool {
        self.offsets.is_some()
    }

    /// Sets the offsets of a field's values in the event: one range per value, in bytes from the start of
    /// the event with its header; an empty range at 0 for a value that is not in the event. A plugin
    /// event's data begins at 38.
    pub fn set_offsets(&mut self, at: usize, ranges: &[Range<u32>]) {
        if let Some(place) = self.offsets.as_mut().and_then(|all| all.get_mut(at)) {
            place.clear();
            place.extend_from_slice(ranges);
        }
    }
}

/// Values of fields, by index, with their bytes in one reused buffer.
#[derive(Clone, Debug, Default)]
pub struct FieldValues {
    bytes: Vec<u8>,
    /// Values of lists.
    items: Vec<Flat>,
    values: Vec<Flat>,
}

/// A value without borrowed data.
#[derive(Clone, Copy, Debug)]
enum Flat {
    Absent,
    Plain(Value<'static>),
    Str(u32, u32),
    Bytes(u32, u32),
    List(u32, u32),
}

impl FieldValues {
    /// Removes all values, and makes room for `len` new ones.
    pub(super) fn reset(&mut self, len: usize) {
        self.bytes.clear();
        self.items.clear();
        self.values.clear();
        self.values.resize(len, Flat::Absent);
    }

    /// Stores bytes; more than 4 GiB are refused.
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
            // A list of lists does not exist.
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

    /// The value at an index, copied into the arena.
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
    fn values_are_copied_and_unset_fields_are_absent() {
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
        // The next event's request contains no values of this one.
        Request::new(&fields[..1], &mut values);
        assert_eq!((values.get(0, &bump), values.get(1, &bump)), (None, None));
    }

    #[test]
    fn offsets_are_stored_on_request() {
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
