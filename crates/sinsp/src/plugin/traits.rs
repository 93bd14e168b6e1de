//! What plugins implement.

use std::sync::Arc;

use eyas_scap::RawEvent;

use super::{
    AsyncEvent, AsyncSender, Batch, Flow, Log, Metric, OpenParam, PluginError, PluginInfo, Pool, Request,
    Tables, Version,
};

/// A plugin that is loaded: what it is, and how an instance of it is started.
///
/// [`Native`](super::Native) implements it for a plugin written in Rust.
pub trait Plugin: Send + Sync {
    /// What it is and offers. The same at every call.
    fn info(&self) -> &Arc<PluginInfo>;

    /// Starts an instance for one inspector.
    ///
    /// # Errors
    /// The configuration is not acceptable, or something that the plugin needs is not there; in its own words.
    fn start(&self, start: Start<'_>) -> Result<Box<dyn Instance>, PluginError>;
}

/// What an instance is given when it starts.
pub struct Start<'a> {
    /// The plugin's configuration, as the user wrote it; `""` if there is none.
    pub config: &'a str,
    /// The state tables, if the plugin extracts or parses. Tables and columns that it needs are looked up here, and its
    /// own tables are added here.
    pub tables: Option<&'a mut dyn Tables>,
    /// Where its messages go.
    pub log: Log,
}

/// A running plugin.
///
/// It implements the capabilities that [`PluginInfo::capabilities`] names, and returns itself for them.
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

    /// What it does when captures begin and end.
    fn listening(&mut self) -> Option<&mut dyn Listening> {
        None
    }

    /// Gives it another configuration while it runs. Returns whether it can take one.
    ///
    /// # Errors
    /// The configuration is not acceptable; the one before stays.
    fn set_config(&mut self, config: &str) -> Result<bool, PluginError> {
        let _ = config;
        Ok(false)
    }

    /// Whether it understands events of this version of the event schema. Asked once before a live capture of system calls;
    /// captures from files are of all versions.
    ///
    /// # Errors
    /// It reads events of system calls, and was made for another schema.
    fn check_event_schema(&self, in_use: Version) -> Result<(), PluginError> {
        let _ = in_use;
        Ok(())
    }

    /// Its counters now.
    fn metrics(&mut self) -> Vec<Metric> {
        Vec::new()
    }
}

/// An event as plugins see it.
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
    /// What the plugin sent in a plugin event; `None` for events of another type.
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
    /// It cannot be opened: in the plugin's own words.
    fn open(&mut self, params: &str) -> Result<Box<dyn EventStream>, PluginError>;

    /// Parameters that [`Sourcing::open`] may be given, for people to choose from.
    ///
    /// # Errors
    /// They cannot be found out.
    fn open_params(&mut self) -> Result<Vec<OpenParam>, PluginError> {
        Ok(Vec::new())
    }

    /// Appends an event of the plugin in a form for people. Nothing appended: the host shows the bytes.
    fn event_text(&mut self, event: &PluginEvent<'_>, out: &mut Vec<u8>) {
        let _ = (event, out);
    }
}

/// An open event source. It is dropped when the source is closed.
pub trait EventStream: Send {
    /// Appends the next events, in order. It may wait for them, but not for long: 100 ms at most, as the program asks for
    /// nothing else meanwhile. Then it appends nothing and returns [`Flow::Idle`].
    ///
    /// # Errors
    /// The source failed, in its own words. The events of the batch are delivered before.
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Flow, PluginError>;

    /// How much of the source was read: percent, and a text for people. `None` where nobody knows.
    fn progress(&mut self) -> Option<(f64, String)> {
        None
    }
}

/// A plugin that has fields.
pub trait Extraction {
    /// Extracts all fields of the request from the event, and gives each value to the request. A field without a value is
    /// given none. An error counts as no value for all fields that were given none.
    ///
    /// `tables` can be read and not be written.
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

/// A plugin that follows all events to keep a state of its own.
pub trait Parsing {
    /// Called with every event of its types and sources, after the inspector's own state changed and before rules see
    /// it.
    ///
    /// # Errors
    /// The event cannot be read. Nothing comes of it, as with Falco.
    fn parse(&mut self, event: &PluginEvent<'_>, tables: &mut dyn Tables) -> Result<(), PluginError>;

    /// The event types that it wants; `None`: see [`PluginInfo::default_types`].
    fn event_types(&self) -> Option<Vec<u16>> {
        None
    }
}

/// A plugin that sends events of its own into a live capture.
pub trait AsyncEvents {
    /// The capture begins: events may be sent until [`AsyncEvents::stop`].
    ///
    /// # Errors
    /// The plugin cannot begin.
    fn start(&mut self, sender: AsyncSender) -> Result<(), PluginError>;

    /// The capture ends. When this returns, no thread of the plugin sends any more.
    ///
    /// # Errors
    /// The plugin cannot stop.
    fn stop(&mut self) -> Result<(), PluginError>;

    /// What it knows, as events that a capture file begins with: `write` takes each, in order, as it is given.
    ///
    /// # Errors
    /// An event was refused, or the state cannot be had.
    fn dump_state(
        &mut self,
        write: &mut dyn FnMut(&AsyncEvent<'_>) -> Result<(), PluginError>,
    ) -> Result<(), PluginError> {
        let _ = write;
        Ok(())
    }
}

/// A plugin that follows when captures begin and end.
pub trait Listening {
    /// A capture begins; the initial state is complete.
    ///
    /// # Errors
    /// The plugin cannot begin; the capture is not opened.
    fn capture_open(&mut self, pool: &Pool, tables: &mut dyn Tables) -> Result<(), PluginError>;

    /// The capture ends. Routines of the plugin end after it.
    ///
    /// # Errors
    /// The plugin cannot end.
    fn capture_close(&mut self, pool: &Pool, tables: &mut dyn Tables) -> Result<(), PluginError>;
}
