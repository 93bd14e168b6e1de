//! The fields that are wanted of an event: each once, and all in one call where the plugin can do that.
//!
//! Falco asks for one field at a time, and the SDK for Rust frees the values of one field when it makes those of the next. So
//! only plugins of the SDK for Go, which has memory for each field of a call and whose calls are dear, are asked for several.
//!
//! A plugin extracts the fields of a call in their order, and most stop at the first that fails: those behind it have no
//! value though they might. So after a failure, those that have none yet are asked for again, from behind the last that has
//! one, the first alone. A field that fails alone is asked for alone from then on, until it succeeds.
//!
//! If a plugin has one place for the values of several fields nevertheless, they are asked for one by one from then on.

use std::ffi::CString;

use eyas_sinsp::plugin::{PluginField, Request, Tables, Wanted};

use crate::call::{Initialised, Requests};
use crate::events::EventFrame;

/// Most sets of fields that are kept ready. Rules ask for one set, and each output for another.
const MOST_PREPARED: usize = 32;

/// Asks for fields, and remembers how they were asked for.
#[derive(Default)]
pub(crate) struct Extractor {
    prepared: Vec<Prepared>,
}

/// A set of fields that is ready to be asked for.
struct Prepared {
    wanted: Vec<Wanted>,
    requests: Requests,
    /// Those that are asked for together.
    together: Vec<usize>,
    /// Those that failed.
    alone: Vec<usize>,
    /// Those that have a place in common with others.
    sharing: Vec<usize>,
    has_value: Vec<bool>,
}

impl Prepared {
    fn new(fields: &[PluginField], wanted: &[Wanted]) -> Self {
        let mut requests = Requests::default();
        for wanted in wanted {
            let field = &fields[wanted.field.min(fields.len() - 1)];
            let name = CString::new(field.name.as_str()).unwrap_or_default();
            let key = wanted.key.as_deref().map(|key| CString::new(key).unwrap_or_default());
            // A plugin takes a key for a key before it looks whether the field has one.
            let key = key.filter(|_| field.arg.key);
            requests.push(wanted.field, name, field.ty, field.is_list, (key, wanted.index));
        }
        Self {
            wanted: wanted.to_vec(),
            requests,
            together: (0..wanted.len()).collect(),
            alone: Vec::new(),
            sharing: Vec::new(),
            has_value: vec![false; wanted.len()],
        }
    }

    fn extract(
        &mut self,
        plugin: &Initialised,
        event: EventFrame<'_>,
        request: &mut Request<'_>,
        tables: &mut dyn Tables,
    ) {
        let Self { requests, together, alone, sharing, has_value, .. } = self;
        has_value.fill(false);
        let (mut failed, mut found_sharing, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut ask = |selection: &[usize], has_value: &mut [bool]| {
            let is_ok = plugin.extract(event, requests, selection, request, tables, has_value);
            if selection.len() > 1 {
                requests.sharing_places(&mut places);
                found_sharing.append(&mut places);
            }
            is_ok
        };
        let mut left = &together[..];
        while !left.is_empty() && !ask(left, has_value) {
            // Those before the last one that has a value were reached; of the others, one has failed.
            let reached = left.iter().rposition(|number| has_value[*number]).map_or(0, |last| last + 1);
            let was_alone = left.len() == 1;
            left = &left[reached..];
            let Some((first, rest)) = left.split_first() else { break };
            if was_alone || !ask(&[*first], has_value) {
                failed.push(*first);
            }
            left = rest;
        }
        let mut recovered = Vec::new();
        for number in alone.iter() {
            if ask(&[*number], has_value) {
                // It may be asked for with the others again.
                recovered.push(*number);
            }
        }
        for number in sharing.iter() {
            ask(&[*number], has_value);
        }
        if !found_sharing.is_empty() {
            found_sharing.sort_unstable();
            found_sharing.dedup();
            for number in &found_sharing {
                request.set_list(*number, std::iter::empty());
                plugin.extract(event, requests, &[*number], request, tables, has_value);
            }
            together.retain(|number| !found_sharing.contains(number));
            sharing.append(&mut found_sharing);
        }
        if !failed.is_empty() || !recovered.is_empty() {
            together.retain(|number| !failed.contains(number));
            alone.retain(|number| !recovered.contains(number));
            together.append(&mut recovered);
            alone.append(&mut failed);
        }
    }
}

impl Extractor {
    /// Extracts the fields that are wanted, and gives their values to the request.
    pub(crate) fn extract(
        &mut self,
        plugin: &Initialised,
        fields: &[PluginField],
        event: EventFrame<'_>,
        request: &mut Request<'_>,
        tables: &mut dyn Tables,
    ) {
        let wanted = request.wanted();
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted.field >= fields.len()) {
            return;
        }
        let at = self.prepared.iter().position(|prepared| prepared.wanted == wanted).unwrap_or_else(|| {
            if self.prepared.len() == MOST_PREPARED {
                self.prepared.pop();
            }
            self.prepared.push(Prepared::new(fields, wanted));
            self.prepared.len() - 1
        });
        let prepared = &mut self.prepared[at];
        if request.wants_offsets() || !plugin.takes_several_fields() {
            for number in 0..wanted.len() {
                let has_value = &mut prepared.has_value;
                plugin.extract(event, &mut prepared.requests, &[number], request, tables, has_value);
            }
        } else {
            prepared.extract(plugin, event, request, tables);
        }
    }
}
