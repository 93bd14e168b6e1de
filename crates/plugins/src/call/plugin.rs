//! An initialised plugin: the functions that take its state.

use std::ffi::CStr;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use eyas_sinsp::plugin::{Metric, MetricValue, Tables};

use super::{Routine, Symbols, copied, elements, guarded, text_bytes};
use crate::abi::{self, Rc};
use crate::callbacks::{self, DumpFn, Link, Owner};
use crate::events::EventFrame;
use crate::turn::Turn;

/// An initialised plugin, or one that has at least returned a state. Dropping this destroys the plugin.
pub(crate) struct Initialised {
    pub(super) symbols: Symbols,
    pub(super) state: abi::State,
    pub(super) owner: Arc<Owner>,
    pub(super) turn: Turn,
}

// SAFETY: the interface allows calls from any thread, but only one at a time per state. `turn` enforces
// that.
unsafe impl Send for Initialised {}
// SAFETY: as above.
unsafe impl Sync for Initialised {}

impl Link for Initialised {
    /// The plugin's error message for the last call, which failed.
    fn last_error(&self) -> String {
        let Some(function) = self.symbols.get_last_error.filter(|_| !self.state.is_null()) else {
            return "plugin handle or 'get_last_error' function not defined".into();
        };
        let _turn = self.turn.take();
        // SAFETY: the state is of this plugin.
        guarded(|| unsafe { copied(function(self.state)) }).flatten().unwrap_or_default()
    }

    fn run(&self, routine: Routine) -> bool {
        routine.run(self.state)
    }
}

impl Drop for Initialised {
    fn drop(&mut self) {
        let _turn = self.turn.take();
        if let Some(destroy) = self.symbols.destroy
            && !self.state.is_null()
        {
            // SAFETY: the state is of this plugin, and nothing uses it after this.
            guarded(|| unsafe { destroy(self.state) });
        }
        self.owner.forget();
    }
}

impl Initialised {
    /// Calls `init`.
    ///
    /// # Errors
    /// The plugin's text. A state that comes with the failure is destroyed.
    pub(crate) fn new(
        symbols: &Symbols,
        config: &CStr,
        owner: Arc<Owner>,
        tables: Option<&mut dyn Tables>,
    ) -> Result<Arc<Self>, String> {
        let input = abi::InitInput {
            config: config.as_ptr(),
            owner: owner.as_ptr(),
            get_owner_last_error: Some(callbacks::OWNER_ERROR),
            tables: if tables.is_some() { callbacks::init_tables() } else { null() },
            log_fn: Some(callbacks::LOG),
        };
        let mut rc = abi::FAILURE;
        let state = symbols.init.and_then(|init| {
            callbacks::during(&owner, tables, || {
                // SAFETY: the input lives during the call; the data that it points to lives longer.
                guarded(|| unsafe { init(&input, &mut rc) })
            })
        });
        let is_up = rc == abi::SUCCESS && state.is_some();
        let state = state.unwrap_or(null_mut());
        let instance = Arc::new(Self { symbols: *symbols, state, owner, turn: Turn::default() });
        if !is_up {
            let error = instance.last_error();
            // Other code must not use the state of a plugin whose initialisation failed.
            instance.owner.link(None);
            return Err(error);
        }
        let link: Arc<dyn Link> = Arc::clone(&instance) as Arc<dyn Link>;
        instance.owner.link(Some(Arc::downgrade(&link)));
        Ok(instance)
    }

    pub(crate) fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }

    /// Whether the plugin accepted the configuration; `None` if the plugin has no function for that.
    pub(crate) fn set_config(&self, config: &CStr) -> Option<bool> {
        let function = self.symbols.set_config?;
        let input = abi::SetConfigInput { config: config.as_ptr() };
        let _turn = self.turn.take();
        // SAFETY: the state is of this plugin, and the input lives during the call.
        let rc = guarded(|| unsafe { function(self.state, &input) });
        Some(rc == Some(abi::SUCCESS))
    }

    /// The plugin's metrics. `None` while another thread executes the plugin.
    pub(crate) fn metrics(&self) -> Option<Vec<Metric>> {
        let Some(function) = self.symbols.get_metrics else { return Some(Vec::new()) };
        let _turn = self.turn.try_take()?;
        let mut len = 0;
        // SAFETY: the state is of this plugin; the plugin returns as many metrics as it reports, valid
        // until the next call.
        let metrics = guarded(|| unsafe { elements(function(self.state, &mut len), len.into()) });
        let read = |metric: abi::Metric| {
            // SAFETY: the name is a text of the plugin, and all bytes of the value's union are set or zero.
            let (name, value) = unsafe { (copied(metric.name)?, metric.value) };
            // SAFETY: each member of the union is a number, for which any bytes are valid.
            let value = unsafe {
                match metric.value_type {
                    0 => MetricValue::Uint(value.u32.into()),
                    1 | 6 => MetricValue::Int(value.i32.into()),
                    2 => MetricValue::Uint(value.u64),
                    3 => MetricValue::Int(value.i64),
                    4 => MetricValue::Double(value.f64),
                    5 => MetricValue::Double(value.f32.into()),
                    _ => return None,
                }
            };
            Some(Metric { name, is_monotonic: metric.kind == 0, value })
        };
        Some(metrics.unwrap_or_default().into_iter().filter_map(read).collect())
    }

    /// The event schema version that the plugin was built for, if the plugin declares one.
    pub(crate) fn required_event_schema_version(&self) -> Option<String> {
        let function = self.symbols.get_required_event_schema_version?;
        let _turn = self.turn.take();
        // SAFETY: the state is of this plugin.
        guarded(|| unsafe { copied(function(self.state)) })?
    }

    fn types(&self, function: Option<abi::EventTypesFn>) -> Vec<u16> {
        let Some(function) = function else { return Vec::new() };
        let _turn = self.turn.take();
        let mut len = 0;
        // SAFETY: the state is of this plugin; the plugin returns as many codes as it reports.
        guarded(|| unsafe { elements(function(&mut len, self.state), len.into()) }).unwrap_or_default()
    }

    pub(crate) fn extract_types(&self) -> Vec<u16> {
        self.types(self.symbols.get_extract_event_types)
    }

    pub(crate) fn parse_types(&self) -> Vec<u16> {
        self.types(self.symbols.get_parse_event_types)
    }

    /// JSON list of suggested open parameters; `None` if the plugin has no function for that.
    ///
    /// # Errors
    /// The plugin's text.
    pub(crate) fn list_open_params(&self) -> Option<Result<String, String>> {
        let function = self.symbols.list_open_params?;
        let _turn = self.turn.take();
        let mut rc = abi::FAILURE;
        // SAFETY: the state is of this plugin.
        let json = guarded(|| unsafe { copied(function(self.state, &mut rc)) }).flatten();
        Some(if rc == abi::SUCCESS { Ok(json.unwrap_or_default()) } else { Err(self.last_error()) })
    }

    /// An event of the plugin as text; `None` or empty if the plugin has no text for it.
    pub(crate) fn event_to_string(&self, event: EventFrame<'_>) -> Option<Vec<u8>> {
        let function = self.symbols.event_to_string?;
        let input = event.to_input();
        let _turn = self.turn.take();
        // SAFETY: the state is of this plugin, and the event lives during the call.
        guarded(|| unsafe { text_bytes(function(self.state, &input)).map(<[u8]>::to_vec) })?
    }

    /// Calls the plugin's parser for an event. Returns whether the call succeeded.
    pub(crate) fn parse(&self, event: EventFrame<'_>, tables: &mut dyn Tables) -> bool {
        let Some(function) = self.symbols.parse_event else { return false };
        let event = event.to_input();
        let input = abi::ParseInput {
            owner: self.owner.as_ptr(),
            get_owner_last_error: Some(callbacks::OWNER_ERROR),
            table_reader: callbacks::READER,
            table_writer: callbacks::WRITER,
            table_reader_ext: &callbacks::READER_EXT,
            table_writer_ext: &callbacks::WRITER,
        };
        let _turn = self.turn.take();
        let rc = callbacks::during(&self.owner, Some(tables), || {
            // SAFETY: the state is of this plugin, and the inputs live during the call.
            guarded(|| unsafe { function(self.state, &event, &input) })
        });
        rc == Some(abi::SUCCESS)
    }

    /// Passes the handler of asynchronous events to the plugin, or removes it.
    ///
    /// # Errors
    /// The plugin's text.
    pub(crate) fn set_async_handler(&self, on: bool) -> Result<(), String> {
        let Some(function) = self.symbols.set_async_event_handler else { return Ok(()) };
        let handler = on.then_some(callbacks::ASYNC_HANDLER);
        let _turn = self.turn.take();
        // SAFETY: the state is of this plugin; the handler is a function of this program.
        let rc = guarded(|| unsafe { function(self.state, self.owner.as_ptr(), handler) });
        self.outcome(rc)
    }

    /// Asks the plugin to send its state as asynchronous events.
    ///
    /// # Errors
    /// The plugin's text.
    pub(crate) fn dump_state(&self, write: &mut DumpFn<'_>) -> Result<(), String> {
        let Some(function) = self.symbols.dump_state else { return Ok(()) };
        let _turn = self.turn.take();
        let handler = Some(callbacks::DUMP_HANDLER);
        let rc = callbacks::during_dump(&self.owner, write, || {
            // SAFETY: as above.
            guarded(|| unsafe { function(self.state, self.owner.as_ptr(), handler) })
        });
        self.outcome(rc)
    }

    /// Notifies the plugin that a capture opens or closes.
    ///
    /// # Errors
    /// The plugin's text.
    pub(crate) fn listen(&self, is_opening: bool, tables: &mut dyn Tables) -> Result<(), String> {
        let function = if is_opening { self.symbols.capture_open } else { self.symbols.capture_close };
        let Some(function) = function else { return Ok(()) };
        let input = abi::ListenInput {
            owner: self.owner.as_ptr(),
            routine: &callbacks::ROUTINES,
            table_reader_ext: &callbacks::READER_EXT,
            table_writer_ext: &callbacks::WRITER,
            get_owner_last_error: Some(callbacks::OWNER_ERROR),
        };
        let _turn = self.turn.take();
        let rc = callbacks::during(&self.owner, Some(tables), || {
            // SAFETY: the state is of this plugin, and the input lives during the call.
            guarded(|| unsafe { function(self.state, &input) })
        });
        self.outcome(rc)
    }

    fn outcome(&self, rc: Option<Rc>) -> Result<(), String> {
        if rc == Some(abi::SUCCESS) { Ok(()) } else { Err(self.last_error()) }
    }
}

impl<'a> EventFrame<'a> {
    pub(super) fn to_input(self) -> abi::EventInput {
        abi::EventInput {
            evt: self.bytes().as_ptr().cast(),
            evtnum: self.num,
            evtsrc: self.source.map_or(null(), CStr::as_ptr),
        }
    }
}
