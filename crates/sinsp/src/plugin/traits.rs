//! Traits that plugins implement.

use std::sync::Arc;

use eyas_scap::RawEvent;

use super::{
    AsyncEvent, AsyncSender, Batch, Flow, Log, Metric, OpenParam, PluginError, PluginInfo, Pool, Request,
    Tables, Version,
};

/// A loaded plugin: its description, and a function that starts instances.
///
/// [`Native`](super::Native) implements it for a plugin written in Rust.
pub trait Plugin: Send + Sync {
    /// Its description. Every call returns the same.
    fn info(&self) -> &Arc<PluginInfo>;

    /// Starts an instance for one inspector.
    ///
    /// # Errors
    /// The configuration is invalid, or something that the plugin needs is missing; with the plugin's
    /// message.
    fn start(&self, start: Start<'_>) -> Result<Box<dyn Instance>, PluginError>;
}

/// The arguments for the start of an instance.
pub struct Start<'a> {
    /// The plugin's configuration as in the user's file; `""` if there is none.
    pub config: &'a str,
    /// The state tables, if the plugin extracts or parses. The plugin looks up the tables and columns that
    /// it needs, and adds its own tables.
    pub tables: Option<&'a mut dyn Tables>,
    /// The log for its messages.
    pub log: Log,
}

/// A running plugin.
///
/// It implements the capabilities in [`PluginInfo::capabilities`], and returns itself for each.
pub trait Instance: Send {
    /// Its event source.
    fn sourcing(&mut self) -> Option<&mut dyn Sourcing> {
        None
    }

    /// Its fields.
    fn extraction(&mut self) -> Option<&mut dyn Extraction> {
        None
    }

    /// Its parser.
    fn parsing(&mut self) -> Option<&mut dyn Parsing> {
        None
    }

    /// Its asynchronous events.
    fn async_events(&mut self) -> Option<&mut dyn AsyncEvents> {
        None
    }

    /// Returns the listener for the beginning and end of captures.
    fn listening(&mut self) -> Option<&mut dyn Listening> {
        None
    }

    /// Changes the configuration while it runs. Returns whether the plugin supports that.
    ///
    /// # Errors
    /// The configuration is invalid; the previous one stays.
    fn set_config(&mut self, config: &str) -> Result<bool, PluginError> {
        let _ = config;
        Ok(false)
    }

    /// Checks that the plugin supports this version of the event schema. It is called once before a live
    /// capture of system calls. Captures from files may have any version.
    ///
    /// # Errors
    /// It reads system call events, and was built for another schema.
    fn check_event_schema(&self, in_use: Version) -> Result<(), PluginError> {
        let _ = in_use;
        Ok(())
    }

    /// Its counters now.
    fn metrics(&mut self) -> Vec<Metric> {
        Vec::new()
    }
}

/// An event for plugins.
#[derive(Clone, Copy, Debug)]
pub struct PluginEvent<'a> {
    /// The event.
    pub raw: RawEvent<'a>,
    /// Its number: 1 for the inspector's first event.
    pub num: u64,
    /// Name of its source.
    pub source: &'a str,
}

impl<'a> PluginEvent<'a> {
    /// The data of a plugin event; `None` for events of another type.
    pub fn data(&self) -> Option<&'a [u8]> {
        use eyas_events::{EventType, param::PLUGINEVENT_E};
        (self.raw.ty == EventType::PLUGINEVENT_E).then(|| self.raw.param(PLUGINEVENT_E::event_data))?
    }
}

/// A plugin that yields events.
pub trait Sourcing {
    /// Opens the source.
    ///
    /// # Errors
    /// It cannot be opened; with the plugin's message.
    fn open(&mut self, params: &str) -> Result<Box<dyn EventStream>, PluginError>;

    /// Suggested parameters for [`Sourcing::open`].
    ///
    /// # Errors
    /// The plugin cannot list them.
    fn open_params(&mut self) -> Result<Vec<OpenParam>, PluginError> {
        Ok(Vec::new())
    }

    /// Appends the text of a plugin event for users. If nothing is appended, the host shows the bytes.
    fn event_text(&mut self, event: &PluginEvent<'_>, out: &mut Vec<u8>) {
        let _ = (event, out);
    }
}

/// An open event source. It is dropped when the source is closed.
pub trait EventStream: Send {
    /// Appends the next events, in order. It may wait for events for at most 100 ms, because the thread
    /// does nothing else meanwhile. Then it appends nothing and returns [`Flow::Idle`].
    ///
    /// # Errors
    /// The source failed; with the plugin's message. The events of the batch are delivered first.
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError>;

    /// Progress of reading: percent, and a text for users. `None` if it is unknown.
    fn progress(&mut self) -> Option<(f64, String)> {
        None
    }
}

/// A plugin that provides fields.
pub trait Extraction {
    /// Extracts all fields of the request from the event, and sets each value in the request. It does not
    /// set a field without a value. After an error, the fields that were not set have no value.
    ///
    /// `tables` is read-only.
    ///
    /// # Errors
    /// The event cannot be read.
    fn extract(
        &mut self,
        event: &PluginEvent<'_>,
        request: &mut Request<'_>,
        tables: &mut dyn Tables,
    ) -> Result<(), PluginError>;

    /// The event types that have its fields; `None`: see [`PluginInfo::default_types`].
    fn event_types(&self) -> Option<Vec<u16>> {
        None
    }
}

/// A plugin that parses all events to keep a state.
pub trait Parsing {
    /// Called with every event of its types and sources, after the inspector's own state changed and before rules see
    /// it.
    ///
    /// # Errors
    /// The event cannot be read. The error is ignored, as in Falco.
    fn parse(&mut self, event: &PluginEvent<'_>, tables: &mut dyn Tables) -> Result<(), PluginError>;

    /// The event types that the plugin handles; `None`: see [`PluginInfo::default_types`].
    fn event_types(&self) -> Option<Vec<u16>> {
        None
    }
}

/// A plugin that sends its own events into a live capture.
pub trait AsyncEvents {
    /// Called when the capture begins: the plugin may send events until [`AsyncEvents::stop`].
    ///
    /// # Errors
    /// The plugin cannot start.
    fn start(&mut self, sender: AsyncSender) -> Result<(), PluginError>;

    /// Called when the capture ends. After it returns, no thread of the plugin sends events.
    ///
    /// # Errors
    /// The plugin cannot stop.
    fn stop(&mut self) -> Result<(), PluginError>;

    /// Writes its state as events for the beginning of a capture file: calls `write` with each, in order.
    ///
    /// # Errors
    /// `write` failed, or the plugin cannot write its state.
    fn dump_state(
        &mut self,
        write: &mut dyn FnMut(&AsyncEvent<'_>) -> Result<(), PluginError>,
    ) -> Result<(), PluginError> {
        let _ = write;
        Ok(())
    }
}

/// A plugin that acts when captures begin and end.
pub trait Listening {
    /// Called when a capture begins and the initial state is complete.
    ///
    /// # Errors
    /// The plugin cannot start; the capture is not opened.
    fn capture_open(&mut self, pool: &Pool, tables: &mut dyn Tables) -> Result<(), PluginError>;

    /// Called when the capture ends. After it, the plugin's routines end.
    ///
    /// # Errors
    /// The plugin cannot stop.
    fn capture_close(&mut self, pool: &Pool, tables: &mut dyn Tables) -> Result<(), PluginError>;
}
