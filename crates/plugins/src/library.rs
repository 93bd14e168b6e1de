use std::path::{Path, PathBuf};
use std::sync::Arc;

use eyas_sinsp::plugin::{
    Capabilities, Plugin, PluginError, PluginInfo, SYSCALL, SourceName, Start, Version,
};

use crate::call::{self, Symbols};
use crate::callbacks::Owner;
use crate::error::{API_VERSION, Error, LoadError};
use crate::hosted::Hosted;
use crate::{config, declared, fields, file, version};

/// Options for loading a plugin.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Whether to load a file even if users other than its owner and root can change it.
    pub allow_writable: bool,
}

impl Options {
    /// See [`Options::allow_writable`].
    #[must_use]
    pub fn with_allow_writable(mut self, on: bool) -> Self {
        self.allow_writable = on;
        self
    }
}

/// A loaded and checked shared object of a plugin. It stays in memory until the program ends.
pub struct Library {
    path: PathBuf,
    symbols: Symbols,
    api: Version,
    info: Arc<PluginInfo>,
    /// Kind of the configuration schema: 0 for none, 1 for JSON Schema.
    schema_kind: u32,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("path", &self.path).field("info", &self.info).finish_non_exhaustive()
    }
}

impl Library {
    /// Loads a plugin, and queries its properties. This runs code of the plugin, with the rights of this
    /// program.
    ///
    /// # Errors
    /// The file cannot be loaded, other users can change it, or it is not a plugin that this host can use.
    pub fn load(path: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let checked = if options.allow_writable { Ok(()) } else { file::check(&path) };
        let loaded = checked.and_then(|()| call::load(&path).map_err(LoadError::Library));
        match loaded.and_then(|symbols| describe(&symbols).map(|described| (symbols, described))) {
            Ok((symbols, (info, api, schema_kind))) => {
                Ok(Self { path, symbols, api, info: Arc::new(info), schema_kind })
            }
            Err(reason) => Err(Error { path, reason }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version of the interface that the plugin was built for.
    pub fn api_version(&self) -> Version {
        self.api
    }

    /// Checks a configuration against the plugin's schema, if it has one. Returns the text for the plugin,
    /// which is `{}` for an empty configuration.
    ///
    /// # Errors
    /// The configuration violates the schema, or the schema is invalid.
    pub fn check_config(&self, text: &str) -> Result<String, PluginError> {
        config::check(&self.info.name, self.info.config_schema.as_deref(), self.schema_kind, text)
    }

    /// Like [`Plugin::start`], but returns the type of this crate.
    pub(crate) fn start_hosted(&self, start: Start<'_>) -> Result<Hosted, PluginError> {
        let config = self.check_config(start.config)?;
        let owner = Owner::register(&self.info.name, self.api.0[1], start.log);
        let capabilities = self.info.capabilities;
        let tables = start.tables.filter(|_| capabilities.extraction || capabilities.parsing);
        Hosted::start(&self.symbols, (&self.info, self.schema_kind), &config, owner, tables)
    }
}

impl Plugin for Library {
    fn info(&self) -> &Arc<PluginInfo> {
        &self.info
    }

    fn start(&self, start: Start<'_>) -> Result<Box<dyn eyas_sinsp::plugin::Instance>, PluginError> {
        Ok(Box::new(self.start_hosted(start)?))
    }
}

/// Queries the properties of a plugin, in the same order as Falco. Copies each text before the next call.
fn describe(symbols: &Symbols) -> Result<(PluginInfo, Version, u32), LoadError> {
    let api = symbols.get_required_api_version.map(|_| symbols.required_api_version().unwrap_or_default());
    let api = api.ok_or(LoadError::NoApiVersion)?;
    let required: Version = api.parse().map_err(|_| LoadError::InvalidApiVersion(api))?;
    version::check_api(API_VERSION, required)
        .map_err(|reason| LoadError::IncompatibleApi { required, reason })?;
    for (name, is_there) in [
        ("get_version", symbols.get_version.is_some()),
        ("get_name", symbols.get_name.is_some()),
        ("get_description", symbols.get_description.is_some()),
        ("get_contact", symbols.get_contact.is_some()),
        ("init", symbols.init.is_some()),
        ("destroy", symbols.destroy.is_some()),
        ("get_last_error", symbols.get_last_error.is_some()),
    ] {
        if !is_there {
            return Err(LoadError::MissingSymbol(name));
        }
    }
    let version = symbols.version().unwrap_or_default();
    let version: Version = version.parse().map_err(|_| LoadError::InvalidVersion(version))?;
    let (id, source) = (symbols.id(), symbols.event_source().unwrap_or_default());
    let capabilities = capabilities(symbols, id, &source)?;
    if id != 0 && source == SYSCALL {
        return Err(LoadError::ReservedSource);
    }
    let mut info = PluginInfo::new(symbols.name().unwrap_or_default(), version);
    info.description = symbols.description().unwrap_or_default();
    info.contact = symbols.contact().unwrap_or_default();
    info.capabilities = capabilities;
    info.source = (id != 0).then_some(SourceName { id, name: source });
    let declared = |reason| LoadError::Declaration { plugin: info.name.clone(), reason };
    if capabilities.extraction {
        info.fields = fields::parse(symbols.fields().as_deref()).map_err(declared)?;
        let sources = symbols.extract_sources();
        info.extract_sources =
            declared::sources("get_extract_event_sources", sources.as_deref()).map_err(declared)?;
    }
    if capabilities.parsing {
        let sources = symbols.parse_sources();
        info.parse_sources =
            declared::sources("get_parse_event_sources", sources.as_deref()).map_err(declared)?;
    }
    if capabilities.async_events {
        info.async_names = declared::async_events(symbols.async_events().as_deref()).map_err(declared)?;
        let sources = symbols.async_sources();
        info.async_sources =
            declared::sources("get_async_event_sources", sources.as_deref()).map_err(declared)?;
    }
    let (mut kind, schema) = symbols.init_schema().unwrap_or_default();
    if schema.is_empty() {
        kind = 0;
    }
    info.config_schema = (kind != 0).then_some(schema);
    Ok((info, required, kind))
}

/// The plugin's capabilities, derived from the functions that it exports.
fn capabilities(symbols: &Symbols, id: u32, source: &str) -> Result<Capabilities, LoadError> {
    let sourcing = [symbols.open.is_some(), symbols.close.is_some(), symbols.next_batch.is_some()];
    let mut broken = Vec::new();
    if (id != 0) == source.is_empty() {
        broken.push(
            "must implement both 'plugin_get_id' and 'plugin_get_event_source' or neither (event sourcing)",
        );
    }
    if sourcing != [sourcing[0]; 3] {
        broken.push(
            "must implement all of 'plugin_open', 'plugin_close', and 'plugin_next_batch' (event sourcing)",
        );
    }
    if symbols.extract_fields.is_some() && symbols.get_fields.is_none() {
        broken.push("must implement both 'plugin_get_fields' and 'plugin_extract_fields' (field extraction)");
    }
    if symbols.set_async_event_handler.is_some() && symbols.get_async_events.is_none() {
        broken.push(
            "must implement both 'plugin_get_async_events' and 'plugin_set_async_event_handler' (async events)",
        );
    }
    if symbols.capture_open.is_some() && symbols.capture_close.is_none() {
        broken
            .push("must implement both 'plugin_capture_open' and 'plugin_capture_close' (capture listening)");
    }
    if !broken.is_empty() {
        return Err(LoadError::Capabilities(broken));
    }
    let capabilities = Capabilities {
        sourcing: sourcing[0],
        extraction: symbols.extract_fields.is_some(),
        parsing: symbols.parse_event.is_some(),
        async_events: symbols.set_async_event_handler.is_some(),
        listening: symbols.capture_open.is_some(),
    };
    if capabilities == Capabilities::default() { Err(LoadError::NoCapability) } else { Ok(capabilities) }
}
