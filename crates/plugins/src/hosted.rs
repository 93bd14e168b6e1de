//! An initialised plugin, for the inspector.

use std::ffi::CString;
use std::sync::Arc;

use eyas_events::EventType;
use eyas_sinsp::plugin::{
    AsyncEvent, AsyncEvents, AsyncSender, EventStream, Extraction, Instance, Listening, Metric, OpenParam,
    Parsing, PluginError, PluginEvent, PluginInfo, Pool, Request, Sourcing, Tables, Version,
};

use crate::call::{Initialised, OpenSource, Symbols};
use crate::callbacks::{Link, Owner};
use crate::events::{self, EventFrame};
use crate::extraction::Extractor;
use crate::stream::Stream;
use crate::{config, open_params, version};

/// An event in the format for plugins, and memory for the next one.
#[derive(Default)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    source: CString,
}

impl Frame {
    /// Writes an event; `None` if a plugin could not read it.
    pub(crate) fn write(&mut self, event: &PluginEvent<'_>) -> Option<EventFrame<'_>> {
        events::write(&event.raw, &mut self.bytes);
        if self.source.as_bytes() != event.source.as_bytes() {
            self.source = CString::new(event.source).unwrap_or_default();
        }
        let source = (!event.source.is_empty()).then_some(self.source.as_c_str());
        EventFrame::new(&self.bytes, event.num, source)
    }
}

/// A configuration as a C string for the plugin.
fn c_config(plugin: &str, config: &str) -> Result<CString, PluginError> {
    CString::new(config).map_err(|_| format!("error in plugin {plugin}: init config has a NUL").into())
}

/// An initialised plugin. It is destroyed when this and everything that it has opened are dropped.
pub(crate) struct Hosted {
    info: Arc<PluginInfo>,
    /// Kind of the configuration schema.
    schema_kind: u32,
    plugin: Arc<Initialised>,
    extractor: Extractor,
    extract_types: Vec<u16>,
    parse_types: Vec<u16>,
    frame: Frame,
}

impl Hosted {
    /// Initialises a plugin.
    pub(crate) fn start(
        symbols: &Symbols,
        (info, schema_kind): (&Arc<PluginInfo>, u32),
        config: &str,
        owner: Arc<Owner>,
        tables: Option<&mut dyn Tables>,
    ) -> Result<Self, PluginError> {
        let config = c_config(&info.name, config)?;
        let plugin = Initialised::new(symbols, &config, owner, tables)
            .map_err(|error| format!("could not initialize plugin: {error}"))?;
        let types = |declares: bool, types: fn(&Initialised) -> Vec<u16>| {
            if declares { types(&plugin) } else { Vec::new() }
        };
        Ok(Self {
            extract_types: types(info.capabilities.extraction, Initialised::extract_types),
            parse_types: types(info.capabilities.parsing, Initialised::parse_types),
            info: Arc::clone(info),
            schema_kind,
            plugin,
            extractor: Extractor::default(),
            frame: Frame::default(),
        })
    }

    /// Codes of the events from which the plugin extracts fields or which it parses.
    fn codes(&self) -> impl Iterator<Item = u16> {
        let of = |is_capable: bool, types: &[u16], sources: &[String]| match (is_capable, types.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => self.info.default_types(sources),
            (true, false) => types.to_vec(),
        };
        let capabilities = self.info.capabilities;
        let extracted = of(capabilities.extraction, &self.extract_types, &self.info.extract_sources);
        let parsed = of(capabilities.parsing, &self.parse_types, &self.info.parse_sources);
        extracted.into_iter().chain(parsed)
    }
}

impl Instance for Hosted {
    fn sourcing(&mut self) -> Option<&mut dyn Sourcing> {
        if self.info.capabilities.sourcing { Some(self) } else { None }
    }

    fn extraction(&mut self) -> Option<&mut dyn Extraction> {
        if self.info.capabilities.extraction { Some(self) } else { None }
    }

    fn parsing(&mut self) -> Option<&mut dyn Parsing> {
        if self.info.capabilities.parsing { Some(self) } else { None }
    }

    fn async_events(&mut self) -> Option<&mut dyn AsyncEvents> {
        if self.info.capabilities.async_events { Some(self) } else { None }
    }

    fn listening(&mut self) -> Option<&mut dyn Listening> {
        if self.info.capabilities.listening { Some(self) } else { None }
    }

    fn set_config(&mut self, config: &str) -> Result<bool, PluginError> {
        let name = &self.info.name;
        let config = config::check(name, self.info.config_schema.as_deref(), self.schema_kind, config)?;
        match self.plugin.set_config(&c_config(name, &config)?) {
            None => Ok(false),
            Some(true) => Ok(true),
            Some(false) => Err(self.plugin.last_error().into()),
        }
    }

    fn check_event_schema(&self, in_use: Version) -> Result<(), PluginError> {
        if self.codes().all(|code| code == EventType::PLUGINEVENT_E.0) {
            return Ok(());
        }
        let required = self.plugin.required_event_schema_version();
        version::check_events(&self.info.name, in_use, required.as_deref())
    }

    fn metrics(&mut self) -> Vec<Metric> {
        self.plugin.metrics().unwrap_or_default()
    }
}

impl Sourcing for Hosted {
    fn open(&mut self, params: &str) -> Result<Box<dyn EventStream>, PluginError> {
        let params = CString::new(params).map_err(|_| "the open parameters have a NUL".to_owned())?;
        let source = OpenSource::open(&self.plugin, &params)?;
        Ok(Box::new(Stream::new(source, &self.info)))
    }

    fn open_params(&mut self) -> Result<Vec<OpenParam>, PluginError> {
        let Some(json) = self.plugin.list_open_params() else { return Ok(Vec::new()) };
        open_params::parse(&json?)
            .map_err(|reason| format!("error in plugin {}: {reason}", self.info.name).into())
    }

    fn event_text(&mut self, event: &PluginEvent<'_>, out: &mut Vec<u8>) {
        let text = self.frame.write(event).and_then(|frame| self.plugin.event_to_string(frame));
        out.extend_from_slice(&text.unwrap_or_default());
    }
}

impl Extraction for Hosted {
    fn extract(
        &mut self,
        event: &PluginEvent<'_>,
        request: &mut Request<'_>,
        tables: &mut dyn Tables,
    ) -> Result<(), PluginError> {
        let Some(frame) = self.frame.write(event) else { return Err("the event is malformed".into()) };
        self.extractor.extract(&self.plugin, &self.info.fields, frame, request, tables);
        Ok(())
    }

    fn event_types(&self) -> Option<Vec<u16>> {
        (!self.extract_types.is_empty()).then(|| self.extract_types.clone())
    }
}

impl Parsing for Hosted {
    fn parse(&mut self, event: &PluginEvent<'_>, tables: &mut dyn Tables) -> Result<(), PluginError> {
        let Some(frame) = self.frame.write(event) else { return Err("the event is malformed".into()) };
        if self.plugin.parse(frame, tables) { Ok(()) } else { Err(self.plugin.last_error().into()) }
    }

    fn event_types(&self) -> Option<Vec<u16>> {
        (!self.parse_types.is_empty()).then(|| self.parse_types.clone())
    }
}

impl AsyncEvents for Hosted {
    fn start(&mut self, sender: AsyncSender) -> Result<(), PluginError> {
        // This comes first: the plugin may send events before its function returns.
        self.plugin.owner().set_sender(Some(sender));
        self.plugin.set_async_handler(true).map_err(|error| {
            self.plugin.owner().set_sender(None);
            error.into()
        })
    }

    fn stop(&mut self) -> Result<(), PluginError> {
        let outcome = self.plugin.set_async_handler(false);
        // This comes last, for the same reason. Later events of the plugin are refused.
        self.plugin.owner().set_sender(None);
        Ok(outcome?)
    }

    fn dump_state(
        &mut self,
        write: &mut dyn FnMut(&AsyncEvent<'_>) -> Result<(), PluginError>,
    ) -> Result<(), PluginError> {
        Ok(self.plugin.dump_state(write)?)
    }
}

impl Listening for Hosted {
    fn capture_open(&mut self, pool: &Pool, tables: &mut dyn Tables) -> Result<(), PluginError> {
        self.plugin.owner().set_pool(Some(pool.clone()));
        Ok(self.plugin.listen(true, tables)?)
    }

    fn capture_close(&mut self, _pool: &Pool, tables: &mut dyn Tables) -> Result<(), PluginError> {
        let outcome = self.plugin.listen(false, tables);
        self.plugin.owner().set_pool(None);
        Ok(outcome?)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        // A handle of the pool in the plugin's owner would keep its threads.
        self.plugin.owner().set_pool(None);
        self.plugin.owner().set_sender(None);
    }
}
