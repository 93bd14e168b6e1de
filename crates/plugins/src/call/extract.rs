//! Extraction of fields: `extract_fields`.

use std::ffi::CString;
use std::net::IpAddr;
use std::ops::Range;
use std::ptr::{null, null_mut};

use eyas_fields::{FieldType, Value};
use eyas_sinsp::plugin::{Request, Tables};

use super::plugin::Initialised;
use super::{MAX_LIST, elements, guarded, text_bytes};
use crate::abi;
use crate::callbacks;
use crate::events::EventFrame;

/// Fields with their arguments, ready to be asked for.
#[derive(Default)]
pub(crate) struct Requests {
    templates: Vec<abi::ExtractField>,
    /// What the templates point to.
    texts: Vec<CString>,
    types: Vec<FieldType>,
    /// What the plugin fills in.
    asked: Vec<abi::ExtractField>,
    /// Where the values of several fields are: begin, end, number.
    places: Vec<(usize, usize, usize)>,
}

// SAFETY: the pointers lead to what is here as well, or are no longer followed.
unsafe impl Send for Requests {}

impl Requests {
    /// Adds a field; it has the next number.
    pub(crate) fn push(
        &mut self,
        id: usize,
        name: CString,
        ty: FieldType,
        is_list: bool,
        (key, index): (Option<CString>, Option<u64>),
    ) {
        let ftype = match ty {
            FieldType::Str => abi::FTYPE_STRING,
            FieldType::RelTime => abi::FTYPE_RELTIME,
            FieldType::AbsTime => abi::FTYPE_ABSTIME,
            FieldType::Bool => abi::FTYPE_BOOL,
            FieldType::Ip => abi::FTYPE_IPADDR,
            FieldType::Net => abi::FTYPE_IPNET,
            _ => abi::FTYPE_UINT64,
        };
        self.templates.push(abi::ExtractField {
            res: abi::Values { u64s: null() },
            res_len: 0,
            field_id: id as u32,
            field: name.as_ptr(),
            arg_key: key.as_ref().map_or(null(), |key| key.as_ptr()),
            arg_index: index.unwrap_or(u64::MAX),
            arg_present: (key.is_some() || index.is_some()).into(),
            ftype,
            flist: is_list.into(),
        });
        self.types.push(ty);
        // The bytes of a `CString` stay where they are when it is moved.
        self.texts.push(name);
        self.texts.extend(key);
    }
}

impl Initialised {
    /// Whether the plugin has memory for the values of several fields of a call: if it is of the SDK for Go, which exports
    /// this function.
    pub(crate) fn takes_several_fields(&self) -> bool {
        self.symbols.extract_fields_sync.is_some()
    }

    /// Extracts the selected fields in one call, and gives their values to the request. `has_value` says of each number
    /// whether it has got one. Returns whether the call succeeded; values may have come in any case.
    pub(crate) fn extract(
        &self,
        event: EventFrame<'_>,
        requests: &mut Requests,
        selection: &[usize],
        request: &mut Request<'_>,
        tables: &mut dyn Tables,
        has_value: &mut [bool],
    ) -> bool {
        let Some(function) = self.symbols.extract_fields else { return false };
        let Requests { templates, asked, types, places: of_values, .. } = requests;
        asked.clear();
        of_values.clear();
        asked.extend(selection.iter().filter_map(|number| templates.get(*number)).copied());
        let event = event.to_input();
        // The places are those of one field's values: the extractor asks for one field at a time.
        let wants_places = request.wants_offsets() && selection.len() == 1;
        let mut places = abi::ValueOffsets { start: null_mut(), length: null_mut() };
        let input = abi::ExtractInput {
            owner: self.owner.as_ptr(),
            get_owner_last_error: Some(callbacks::OWNER_ERROR),
            num_fields: asked.len() as u32,
            fields: asked.as_mut_ptr(),
            table_reader: callbacks::READER,
            table_reader_ext: &callbacks::READER_EXT,
            value_offsets: if wants_places { &mut places } else { null_mut() },
        };
        let _turn = self.turn.take();
        let rc = callbacks::during(&self.owner, Some(tables), || {
            // SAFETY: the state is of this plugin, and the inputs live during the call.
            guarded(|| unsafe { function(self.state, &event, &input) })
        });
        for (asked, number) in asked.iter().zip(selection) {
            if asked.res_len == 0 || asked.res_len > MAX_LIST {
                continue;
            }
            // SAFETY: the plugin says that so many values of the field's type are there until the next call.
            let is_read = unsafe { read(asked, types[*number], *number, request) };
            if let Some(has_value) = has_value.get_mut(*number) {
                *has_value = is_read;
            }
            if is_read && selection.len() > 1 {
                // SAFETY: all members of the union are pointers.
                let begin = unsafe { asked.res.u64s }.addr();
                let size = match types[*number] {
                    FieldType::Bool => 4,
                    FieldType::Ip | FieldType::Net => 16,
                    _ => 8,
                };
                of_values.push((begin, begin.saturating_add(asked.res_len as usize * size), *number));
                if types[*number] == FieldType::Str {
                    // SAFETY: the value has just been read from there.
                    let text = unsafe { asked.res.texts.read() }.addr();
                    of_values.push((text, text + 1, *number));
                }
            }
        }
        if let ([number], [asked]) = (selection, asked.as_slice())
            && wants_places
        {
            // SAFETY: the plugin has left both null, or set both to as many numbers as the field has values.
            let (starts, lengths) =
                unsafe { (elements(places.start, asked.res_len), elements(places.length, asked.res_len)) };
            let end = |(start, length): (u32, u32)| Range { start, end: start.saturating_add(length) };
            let ranges: Vec<Range<u32>> = starts.into_iter().zip(lengths).map(end).collect();
            request.set_offsets(*number, &ranges);
        }
        rc == Some(abi::SUCCESS)
    }
}

impl Requests {
    /// Fields of the last call whose values are in the same place: the plugin has room for one of them alone, so that all
    /// but the last have a wrong value.
    pub(crate) fn sharing_places(&mut self, out: &mut Vec<usize>) {
        out.clear();
        self.places.sort_unstable();
        for pair in self.places.windows(2) {
            let [(_, end, first), (begin, _, second)] = pair else { continue };
            if begin < end && first != second {
                out.extend([*first, *second]);
            }
        }
        out.sort_unstable();
        out.dedup();
    }
}

/// Gives the values of a field to the request. Returns whether each is one of the type.
///
/// # Safety
/// `res` is null or leads to as many values of the type as `res_len` says.
unsafe fn read(field: &abi::ExtractField, ty: FieldType, number: usize, request: &mut Request<'_>) -> bool {
    // SAFETY: all members of the union are pointers.
    let pointer = unsafe { field.res.u64s };
    let align = if ty == FieldType::Bool { 4 } else { 8 };
    if pointer.is_null() || !pointer.addr().is_multiple_of(align) {
        return false;
    }
    let len = field.res_len as usize;
    // SAFETY: by this function's contract there are as many values; the pointer is neither null nor out of line.
    let value = |at: usize| unsafe {
        match ty {
            FieldType::Str => text_bytes(field.res.texts.add(at).read()).map(Value::Str),
            FieldType::Bool => Some(Value::Bool(field.res.bools.add(at).read() != 0)),
            FieldType::Ip | FieldType::Net => address(&field.res.buffers.add(at).read()).map(Value::Ip),
            _ => Some(Value::Uint(pointer.add(at).read())),
        }
    };
    if field.flist == 0 {
        // More than one value of a field that has one is a lie, and the first may be true.
        let Some(value) = value(0) else { return false };
        request.set(number, value);
        return true;
    }
    let mut read = 0;
    request.set_list(number, (0..len).map_while(value).inspect(|_| read += 1));
    if read < len {
        request.set_list(number, std::iter::empty());
    }
    read == len
}

/// Reads an address of 4 or 16 bytes.
///
/// # Safety
/// The buffer's pointer is null or leads to as many bytes as it says.
unsafe fn address(buffer: &abi::ByteBuffer) -> Option<IpAddr> {
    if buffer.ptr.is_null() || !matches!(buffer.len, 4 | 16) {
        return None;
    }
    // SAFETY: by this function's contract.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.ptr.cast::<u8>(), buffer.len as usize) };
    match *bytes {
        [a, b, c, d] => Some(IpAddr::from([a, b, c, d])),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}
