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

/// Fields with their arguments, prepared as input of an extraction call.
#[derive(Default)]
pub(crate) struct Requests {
    templates: Vec<abi::ExtractField>,
    /// Texts that the templates point to.
    texts: Vec<CString>,
    types: Vec<FieldType>,
    /// Structures that the plugin fills in.
    asked: Vec<abi::ExtractField>,
    /// Memory ranges of the values of several fields: begin, end, number of the field.
    places: Vec<(usize, usize, usize)>,
}

// SAFETY: the pointers point into the same structure, or are not dereferenced any more.
unsafe impl Send for Requests {}

impl Requests {
    /// Adds a field, which gets the next number.
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
        // The bytes of a `CString` keep their address when the `CString` is moved.
        self.texts.push(name);
        self.texts.extend(key);
    }
}

impl Initialised {
    /// Whether the plugin keeps the values of several fields of one call. Only plugins of the Go SDK do;
    /// that SDK exports this function.
    pub(crate) fn takes_several_fields(&self) -> bool {
        self.symbols.extract_fields_sync.is_some()
    }

    /// Extracts the selected fields in one call, and passes their values to the request. `has_value`
    /// records for each field number whether the field has a value. Returns whether the call succeeded;
    /// even a failed call may have produced values.
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
        // The offsets belong to the values of one field, because the extractor then requests one field at a
        // time.
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
            // SAFETY: according to the plugin, that many values of the field's type are valid until the
            // next call.
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
            // SAFETY: the plugin has left both null, or has set both to arrays with one number per value of
            // the field.
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
    /// Fields of the last call whose values share the same memory. Such a plugin has memory for one field
    /// only, so that all fields except the last have a wrong value.
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

/// Passes the values of a field to the request. Returns whether every value has the type of the field.
///
/// # Safety
/// `res` is null or points to `res_len` values of the type.
unsafe fn read(field: &abi::ExtractField, ty: FieldType, number: usize, request: &mut Request<'_>) -> bool {
    // SAFETY: all members of the union are pointers.
    let pointer = unsafe { field.res.u64s };
    let align = if ty == FieldType::Bool { 4 } else { 8 };
    if pointer.is_null() || !pointer.addr().is_multiple_of(align) {
        return false;
    }
    let len = field.res_len as usize;
    // SAFETY: by this function's contract there are that many values; the pointer is neither null nor
    // misaligned.
    let value = |at: usize| unsafe {
        match ty {
            FieldType::Str => text_bytes(field.res.texts.add(at).read()).map(Value::Str),
            FieldType::Bool => Some(Value::Bool(field.res.bools.add(at).read() != 0)),
            FieldType::Ip | FieldType::Net => address(&field.res.buffers.add(at).read()).map(Value::Ip),
            _ => Some(Value::Uint(pointer.add(at).read())),
        }
    };
    if field.flist == 0 {
        // A field that is not a list has at most one value. If the plugin returns more, the first may be
        // correct.
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
/// The pointer of the buffer is null or points to as many bytes as the buffer's length.
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
