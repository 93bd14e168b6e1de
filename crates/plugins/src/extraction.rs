//! Extraction of the requested fields of an event: each field once, and all in one call where the plugin
//! supports that.
//!
//! Falco requests one field at a time. The Rust SDK frees the values of a field when it creates the values
//! of the next one. So this host requests several fields only from plugins of the Go SDK. That SDK has
//! memory for each field of a call, and its calls are expensive.
//!
//! A plugin extracts the fields of a call in order, and most plugins stop at the first failure. The fields
//! after it then have no value, although they might. So after a failure, the host repeats the request for
//! the fields after the last one with a value, the first of them in a call of its own. A field that fails
//! in a call of its own stays in such calls until it succeeds.
//!
//! If a plugin still uses the same memory for the values of several fields, the host requests these fields
//! one by one from then on.

use std::ffi::CString;

use eyas_sinsp::plugin::{PluginField, Request, Tables, Wanted};

use crate::call::{Initialised, Requests};
use crate::events::EventFrame;

/// Maximum number of prepared field sets. Rules request one set, and each output requests another.
const MAX_PREPARED: usize = 32;

/// Requests fields, and remembers how each was requested.
#[derive(Default)]
pub(crate) struct Extractor {
    prepared: Vec<Prepared>,
}

/// A set of fields that is prepared for requests.
struct Prepared {
    wanted: Vec<Wanted>,
    requests: Requests,
    /// Fields that are requested in one call.
    together: Vec<usize>,
    /// Fields that failed.
    alone: Vec<usize>,
    /// Fields whose values share memory with the values of others.
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
            // A plugin would use the key before it checks whether the field takes one.
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
            // The plugin reached the fields before the last one with a value; of the others, one has
            // failed.
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
                // The field may be requested together with the others again.
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
    /// Extracts the requested fields, and passes their values to the request.
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
            if self.prepared.len() == MAX_PREPARED {
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
