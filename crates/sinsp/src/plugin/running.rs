//! The plugins of an inspector.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;
use eyas_events::{EventType, param};
use eyas_fields::{Arg, CodeSet, Field, SchemaId, Value};
use eyas_scap::{Error, OwnedEvent, RawEvent};
use rustc_hash::FxHashMap;

use super::async_events::{AsyncEvent, AsyncQueue};
use super::error::PluginError;
use super::info::{Metric, OpenParam, PluginInfo, SYSCALL, Version};
use super::log::{Log, Severity};
use super::pool::Pool;
use super::registry::{Registry, TableAccess};
use super::request::{FieldValues, Request, Wanted};
use super::traits::{EventStream, Instance, Plugin, PluginEvent, Start};
use crate::state::State;

/// Maximum number of sources, one bit each in a mask.
const MAX_SOURCES: usize = 64;

/// The plugins of an inspector, with the values of the last event.
pub struct Plugins {
    /// Descriptions of all plugins, started or not.
    infos: Vec<Arc<PluginInfo>>,
    started: Vec<Started>,
    schemas: Schemas,
    /// Names of sources; system calls come first.
    sources: Vec<Box<str>>,
    /// Plugin and source by the id in events.
    by_id: FxHashMap<u32, (usize, usize)>,
    /// For each id of a field from [`Schemas::first_field`] on: the plugin, and the field's position there.
    fields: Vec<(usize, usize)>,
    /// For each plugin, its index in `started`.
    places: Vec<Option<usize>>,
    /// Fields with arguments, by [`Field::hint`].
    slots: Vec<Option<Slot>>,
    tables: RefCell<Registry>,
    pool: Pool,
    queue: Option<AsyncQueue>,
    log: Log,
    is_open: Cell<bool>,
}

/// The schemas of events.
pub(super) struct Schemas {
    /// Id of the first field of the first plugin.
    pub(super) first_field: u16,
    /// Schemas by source.
    pub(super) of_sources: Vec<(Box<str>, SchemaId)>,
    /// The schema of all other events.
    pub(super) of_others: SchemaId,
}

/// A field that is requested together with others.
struct Slot {
    id: u16,
    arg: Option<Arg>,
    group: usize,
    at: usize,
}

struct Started {
    /// Index among all plugins.
    plugin: usize,
    instance: RefCell<Box<dyn Instance>>,
    extraction: Route,
    parsing: Route,
    /// Groups of fields that are requested in one call.
    groups: RefCell<Vec<Group>>,
    /// Requested fields without a group, for the event with this number.
    single: RefCell<(u64, Vec<(Wanted, FieldValues)>)>,
}

#[derive(Default)]
struct Group {
    wanted: Vec<Wanted>,
    values: FieldValues,
    /// Number of the event with these values; 0 before the first.
    event: u64,
}

/// The events for a plugin.
struct Route {
    types: CodeSet,
    /// A bit for each source.
    sources: u64,
}

impl Route {
    fn nothing() -> Self {
        Self { types: CodeSet::empty(EventType::COUNT), sources: 0 }
    }

    #[inline]
    fn takes(&self, source: usize, ty: EventType) -> bool {
        source < MAX_SOURCES && self.sources >> source & 1 != 0 && self.types.contains(ty.0)
    }
}

impl Plugins {
    pub(super) fn new(
        infos: Vec<Arc<PluginInfo>>,
        schemas: Schemas,
        queue: Option<AsyncQueue>,
        log: &Log,
    ) -> Self {
        let mut sources: Vec<Box<str>> = vec![SYSCALL.into()];
        let mut by_id = FxHashMap::default();
        for (plugin, info) in infos.iter().enumerate() {
            let Some(own) = &info.source else { continue };
            let known = sources.iter().position(|source| **source == *own.name);
            let source = known.unwrap_or_else(|| {
                sources.push(own.name.as_str().into());
                sources.len() - 1
            });
            by_id.insert(own.id, (plugin, source));
        }
        let of =
            |(plugin, info): (usize, &Arc<PluginInfo>)| (0..info.fields.len()).map(move |at| (plugin, at));
        let fields = infos.iter().enumerate().flat_map(of).collect();
        Self {
            places: vec![None; infos.len()],
            infos,
            started: Vec::new(),
            schemas,
            sources,
            by_id,
            fields,
            slots: Vec::new(),
            tables: RefCell::default(),
            pool: Pool::default(),
            queue,
            log: Arc::clone(log),
            is_open: Cell::new(false),
        }
    }

    pub(super) fn start(
        &mut self,
        plugin: usize,
        starter: &dyn Plugin,
        config: &str,
    ) -> Result<(), PluginError> {
        let info = &self.infos[plugin];
        let has_tables = info.capabilities.extraction || info.capabilities.parsing;
        let mut instance = {
            let mut access = TableAccess::at_start(&self.tables);
            let tables = has_tables.then_some(&mut access as _);
            starter.start(Start { config, tables, log: Arc::clone(&self.log) })?
        };
        let route = |declared: &[String], is_of: &dyn Fn(&str) -> bool, types: Option<Vec<u16>>| {
            let mut route = Route::nothing();
            for (at, source) in self.sources.iter().enumerate().take(MAX_SOURCES) {
                route.sources |= u64::from(is_of(source)) << at;
            }
            let types = types.filter(|types| !types.is_empty());
            types
                .unwrap_or_else(|| info.default_types(declared))
                .into_iter()
                .for_each(|ty| route.types.insert(ty));
            route
        };
        let extraction = match instance.extraction() {
            Some(it) => route(&info.extract_sources, &|source| info.extracts_from(source), it.event_types()),
            None => Route::nothing(),
        };
        let parsing = match instance.parsing() {
            Some(it) => route(&info.parse_sources, &|source| info.parses(source), it.event_types()),
            None => Route::nothing(),
        };
        self.places[plugin] = Some(self.started.len());
        self.started.push(Started {
            plugin,
            instance: RefCell::new(instance),
            extraction,
            parsing,
            groups: RefCell::default(),
            single: RefCell::default(),
        });
        Ok(())
    }

    /// Uses one schema for all events, whatever their source:
    /// [`PluginSet::schema_of_all`](super::PluginSet::schema_of_all).
    #[must_use]
    pub fn with_one_schema(mut self, schema: SchemaId) -> Self {
        self.schemas.of_sources.clear();
        self.schemas.of_others = schema;
        self
    }

    /// Sets groups of fields, such as those of conditions and those of outputs. When the first field of a
    /// group is requested, the plugin extracts the whole group in one call. A field without a group needs
    /// its own call. Replaces earlier groups.
    pub fn extract_together(&mut self, groups: impl IntoIterator<Item = Vec<Field>>) {
        self.slots.clear();
        for started in &self.started {
            *started.groups.borrow_mut() = Vec::new();
        }
        for (group, fields) in groups.into_iter().enumerate() {
            for started in &self.started {
                started.groups.borrow_mut().push(Group::default());
            }
            for field in fields {
                let Some((started, wanted)) = self.wanted(&field) else { continue };
                let slot = field.hint as usize;
                if self.slots.len() <= slot {
                    self.slots.resize_with(slot + 1, || None);
                }
                if self.slots[slot].is_none() {
                    let mut groups = self.started[started].groups.borrow_mut();
                    let wanteds = &mut groups[group].wanted;
                    let at = wanteds.len();
                    wanteds.push(wanted);
                    self.slots[slot] = Some(Slot { id: field.id.0, arg: field.arg, group, at });
                }
            }
        }
    }

    /// The plugin of a field, and the request for it.
    fn wanted(&self, field: &Field) -> Option<(usize, Wanted)> {
        let (plugin, at) =
            *self.fields.get(usize::from(field.id.0.checked_sub(self.schemas.first_field)?))?;
        let forms = self.infos[plugin].fields[at].arg;
        let (key, index) = match &field.arg {
            None => (None, None),
            Some(Arg::Index(index)) => (None, Some(*index)),
            Some(Arg::Key(key)) => (Some(key.clone()), key.parse().ok().filter(|_| forms.index)),
        };
        Some((self.places[plugin]?, Wanted { field: at, key, index }))
    }

    /// The schema of the event; that of system calls if the set has no schema for its source.
    pub(crate) fn schema_id(&self, event: &RawEvent<'_>) -> SchemaId {
        let source = self.source(event).unwrap_or(SYSCALL);
        let own = self.schemas.of_sources.iter().find(|(name, _)| **name == *source);
        own.map_or(self.schemas.of_others, |(_, id)| *id)
    }

    fn source_index(&self, event: &RawEvent<'_>) -> Option<usize> {
        let id = match event.ty {
            EventType::PLUGINEVENT_E => event.uint(param::PLUGINEVENT_E::plugin_id),
            EventType::ASYNCEVENT_E => event.uint(param::ASYNCEVENT_E::plugin_id),
            _ => Some(0),
        };
        match id {
            Some(0) => Some(0),
            Some(id) => Some(self.by_id.get(&u32::try_from(id).ok()?)?.1),
            None => None,
        }
    }

    /// Name of the event's source; `None` if its plugin is not in the set.
    pub fn source(&self, event: &RawEvent<'_>) -> Option<&str> {
        self.source_index(event).map(|at| &*self.sources[at])
    }

    /// The plugin that sent the event, if it is a plugin event.
    pub fn sender(&self, event: &RawEvent<'_>) -> Option<&Arc<PluginInfo>> {
        Some(&self.infos[self.sender_index(event)?])
    }

    fn sender_index(&self, event: &RawEvent<'_>) -> Option<usize> {
        let id =
            (event.ty == EventType::PLUGINEVENT_E).then(|| event.uint(param::PLUGINEVENT_E::plugin_id))??;
        Some(self.by_id.get(&u32::try_from(id).ok()?)?.0)
    }

    /// The started plugins.
    pub fn infos(&self) -> impl Iterator<Item = &Arc<PluginInfo>> {
        self.started.iter().map(|started| &self.infos[started.plugin])
    }

    fn find(&self, name: &str) -> Option<&Started> {
        self.started.iter().find(|started| self.infos[started.plugin].name == name)
    }

    /// Opens the source of the plugin with this name.
    ///
    /// # Errors
    /// There is no such plugin, it has no source, or it cannot be opened; with the plugin's message.
    pub fn open(
        &self,
        name: &str,
        params: &str,
    ) -> Result<(Arc<PluginInfo>, Box<dyn EventStream>), PluginError> {
        let started = self.find(name).ok_or_else(|| format!("plugin {name} does not exist"))?;
        let mut instance = started.instance.borrow_mut();
        let sourcing = instance.sourcing().ok_or_else(|| {
            format!("plugin {name} has not event sourcing capabilities and cannot be used as input.")
        })?;
        Ok((Arc::clone(&self.infos[started.plugin]), sourcing.open(params)?))
    }

    /// Suggested parameters for opening the source of the plugin with this name.
    ///
    /// # Errors
    /// The plugin cannot list them.
    pub fn open_params(&self, name: &str) -> Result<Vec<OpenParam>, PluginError> {
        let Some(started) = self.find(name) else { return Ok(Vec::new()) };
        started.instance.borrow_mut().sourcing().map_or(Ok(Vec::new()), |sourcing| sourcing.open_params())
    }

    /// The queue of events for a live capture; `None` for captures from files.
    pub fn queue(&self) -> Option<&AsyncQueue> {
        self.queue.as_ref()
    }

    /// Checks that all plugins support this version of the event schema; call it before a live capture of
    /// system calls.
    ///
    /// # Errors
    /// The first plugin that does not.
    pub fn check_event_schema(&self, in_use: Version) -> Result<(), PluginError> {
        self.started.iter().try_for_each(|started| started.instance.borrow().check_event_schema(in_use))
    }

    /// The counters of the plugins now, each with its plugin's name.
    pub fn metrics(&self) -> Vec<(String, Metric)> {
        let of = |started: &Started| {
            let name = &self.infos[started.plugin].name;
            let metrics = started.instance.borrow_mut().metrics();
            metrics.into_iter().map(|metric| (name.clone(), metric)).collect::<Vec<_>>()
        };
        self.started.iter().flat_map(of).collect()
    }

    /// Writes the plugins' state as events for the beginning of a capture file: calls `write` with each.
    ///
    /// # Errors
    /// A plugin fails, or `write` does.
    pub fn dump_state(
        &self,
        write: &mut dyn FnMut(&AsyncEvent<'_>) -> Result<(), PluginError>,
    ) -> Result<(), PluginError> {
        for started in &self.started {
            let info = &self.infos[started.plugin];
            let mut instance = started.instance.borrow_mut();
            let Some(events) = instance.async_events() else { continue };
            events
                .dump_state(&mut |event| {
                    super::async_events::check_name(info, event)?;
                    write(event)
                })
                .map_err(|error| format!("dump error for plugin '{}' : {error}", info.name))?;
        }
        Ok(())
    }

    /// The plugins' state as events for the beginning of a capture. If a plugin fails, its state is
    /// missing, and the failure is logged.
    pub fn state_events(&self) -> Vec<OwnedEvent> {
        let mut events = Vec::new();
        let outcome = self.dump_state(&mut |event| {
            let body = super::async_events::body(event);
            let ts = event.ts.unwrap_or(u64::MAX);
            let raw = RawEvent::from_parts(ts, event.tid, EventType::ASYNCEVENT_E, 0, 3, &body);
            events.extend(raw.map(OwnedEvent::from));
            Ok(())
        });
        if let Err(error) = outcome {
            (self.log)(Severity::Error, &error.to_string());
        }
        events
    }

    /// Begins the capture, when the initial state is complete. Does nothing if it was called before.
    pub(crate) fn begin(&self, state: &mut State) -> Result<(), Error> {
        if self.is_open.replace(true) {
            return Ok(());
        }
        let failure = |text: String| Error::Source(PluginError::new(text).into());
        for started in &self.started {
            let info = &self.infos[started.plugin];
            let mut instance = started.instance.borrow_mut();
            if let (Some(events), Some(queue)) = (instance.async_events(), &self.queue) {
                events.start(queue.sender(Arc::clone(info))).map_err(|error| {
                    failure(format!("can't set async event handler for plugin '{}' : {error}", info.name))
                })?;
            }
        }
        for started in &self.started {
            let mut instance = started.instance.borrow_mut();
            let Some(listening) = instance.listening() else { continue };
            let mut tables = TableAccess::writable(&self.tables, state);
            listening.capture_open(&self.pool, &mut tables).map_err(|error| {
                let name = &self.infos[started.plugin].name;
                failure(format!("capture_open error for plugin '{name}' : {error}"))
            })?;
        }
        Ok(())
    }

    /// Ends the capture. It ends every plugin even if one fails, and returns the first failure.
    pub(crate) fn end(&self, state: &mut State) -> Result<(), PluginError> {
        if !self.is_open.replace(false) {
            return Ok(());
        }
        let mut outcome = Ok(());
        for started in &self.started {
            let name = &self.infos[started.plugin].name;
            let mut instance = started.instance.borrow_mut();
            if let Some(events) = instance.async_events().filter(|_| self.queue.is_some()) {
                outcome = outcome.and(events.stop().map_err(|error| {
                    PluginError::new(format!("can't reset async event handler for plugin '{name}' : {error}"))
                }));
            }
            if let Some(listening) = instance.listening() {
                let mut tables = TableAccess::writable(&self.tables, state);
                outcome = outcome.and(listening.capture_close(&self.pool, &mut tables).map_err(|error| {
                    PluginError::new(format!("capture_close error for plugin '{name}' : {error}"))
                }));
            }
        }
        self.pool.finish();
        outcome
    }

    /// Calls the parsers of all plugins that want the event, in order.
    pub(crate) fn parse(&self, state: &mut State, raw: RawEvent<'_>, num: u64) {
        let Some(at) = self.source_index(&raw) else { return };
        self.tables.borrow_mut().follow(state, &raw);
        let event = PluginEvent { raw, num, source: &self.sources[at] };
        for started in self.started.iter().filter(|started| started.parsing.takes(at, raw.ty)) {
            if let Some(parsing) = started.instance.borrow_mut().parsing() {
                let mut tables = TableAccess::writable(&self.tables, state);
                // As in the reference, errors are ignored.
                let _ = parsing.parse(&event, &mut tables);
            }
        }
    }

    /// The value of a plugin's field.
    pub(crate) fn get<'b>(
        &self,
        field: &Field,
        raw: RawEvent<'_>,
        num: u64,
        state: &State,
        bump: &'b Bump,
    ) -> Option<Value<'b>> {
        let known = self.slots.get(field.hint as usize).and_then(Option::as_ref);
        let (plugin, _) = *self.fields.get(usize::from(field.id.0.checked_sub(self.schemas.first_field)?))?;
        let started = &self.started[self.places[plugin]?];
        if let Some(slot) = known.filter(|slot| slot.id == field.id.0 && slot.arg == field.arg) {
            let group = &mut started.groups.borrow_mut()[slot.group];
            if group.event != num {
                group.event = num;
                self.extract(started, raw, num, state, &group.wanted, &mut group.values);
            }
            return group.values.get(slot.at, bump);
        }
        let (_, wanted) = self.wanted(field)?;
        let mut single = started.single.borrow_mut();
        let (event, found) = &mut *single;
        if *event != num {
            (*event, *found) = (num, Vec::new());
        }
        let at = found.iter().position(|(known, _)| *known == wanted).unwrap_or_else(|| {
            let mut values = FieldValues::default();
            self.extract(started, raw, num, state, std::slice::from_ref(&wanted), &mut values);
            found.push((wanted, values));
            found.len() - 1
        });
        found[at].1.get(0, bump)
    }

    fn extract(
        &self,
        started: &Started,
        raw: RawEvent<'_>,
        num: u64,
        state: &State,
        wanted: &[Wanted],
        values: &mut FieldValues,
    ) {
        self.call(started, raw, num, state, Request::new(wanted, values));
    }

    fn call(&self, started: &Started, raw: RawEvent<'_>, num: u64, state: &State, mut request: Request<'_>) {
        let Some(source) = self.source_index(&raw).filter(|at| started.extraction.takes(*at, raw.ty)) else {
            return;
        };
        let event = PluginEvent { raw, num, source: &self.sources[source] };
        if let Some(extraction) = started.instance.borrow_mut().extraction() {
            let mut tables = TableAccess::readable(&self.tables, state);
            // A field that it did not set has no value.
            let _ = extraction.extract(&event, &mut request, &mut tables);
        }
    }

    /// The offsets of the values of a plugin's field in the event: one range per value, in bytes from the
    /// start of the event with its header. Empty if the plugin does not set them.
    pub(crate) fn offsets(
        &self,
        field: &Field,
        raw: RawEvent<'_>,
        num: u64,
        state: &State,
    ) -> Vec<Range<u32>> {
        let Some((started, wanted)) = self.wanted(field) else { return Vec::new() };
        let (mut values, mut offsets) = (FieldValues::default(), Vec::new());
        let request = Request::new(std::slice::from_ref(&wanted), &mut values).with_offsets(&mut offsets);
        self.call(&self.started[started], raw, num, state, request);
        offsets.pop().unwrap_or_default()
    }

    /// The text of the event from its plugin.
    pub(crate) fn event_text(&self, raw: RawEvent<'_>, num: u64, out: &mut Vec<u8>) {
        let started = self.sender_index(&raw).and_then(|plugin| self.places[plugin]);
        let Some((started, source)) = started.zip(self.source(&raw)) else { return };
        let mut instance = self.started[started].instance.borrow_mut();
        if let Some(sourcing) = instance.sourcing() {
            sourcing.event_text(&PluginEvent { raw, num, source }, out);
        }
    }
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.infos().map(|info| &info.name)).finish()
    }
}
