//! Plugins: `-H`, `-I`, `-Il`, `--plugin-info` and `--plugin-config-file`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow, bail};
use eyas::scap::{EventSource, Snapshot};
use eyas::sinsp::plugin::{
    self, AsyncSource, Log, Plugin, PluginSet, PluginSource, SYSCALL, Scope, Severity,
};
use eyas_console::ShowPath;
use eyas_console::{file, note};
use eyas_plugin_config::{BUILT_IN_NAMES, CONTAINER, PluginEntry, PluginFile, block, built_in, description};
use eyas_plugins::{Library, Options};

use crate::args::Args;
use crate::schema::{self, schema};

/// Directory of installed plugins.
const FOLDER: &str = "/usr/share/sysdig/plugins";
/// Environment variable with further directories, separated by semicolons, which are searched first.
const FOLDERS: &str = "SYSDIG_PLUGIN_DIR";

/// The plugins of this run.
pub struct Plugins {
    set: PluginSet,
    /// The plugin whose events are shown, and its open parameters.
    input: Option<(String, String)>,
}

static LOADED: OnceLock<Plugins> = OnceLock::new();

/// The loaded plugins; `None` if the command line names none.
pub fn loaded() -> Option<&'static Plugins> {
    LOADED.get()
}

/// A plugin on the command line, with its argument.
struct Wanted<'a> {
    name: &'a str,
    argument: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// Parses `NAME:ARGUMENT`. Neither names nor paths may have colons.
    fn parse(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((name, argument)) => Self { name, argument: Some(argument) },
            None => Self { name: text, argument: None },
        }
    }
}

/// The directories that are searched for plugins.
fn folders() -> Vec<PathBuf> {
    let given = std::env::var(FOLDERS).unwrap_or_default();
    let given = given.split(';').filter(|folder| !folder.is_empty()).map(PathBuf::from);
    given.chain([PathBuf::from(FOLDER)]).collect()
}

/// Loads a plugin by its path, the name of its file, or its own name.
fn find(name: &str, options: &Options) -> Result<Arc<dyn Plugin>> {
    let load = |path: &Path| -> Result<Arc<dyn Plugin>> { Ok(Arc::new(Library::load(path, options)?)) };
    if name.contains('/') {
        return load(Path::new(name));
    }
    let file = if name.ends_with(".so") { name.to_owned() } else { format!("lib{name}.so") };
    if let Some(path) = folders().into_iter().map(|folder| folder.join(&file)).find(|path| path.is_file()) {
        return load(&path);
    }
    built_in(name)
        .ok_or_else(|| anyhow!("plugin not found, use -Il to list all the installed plugins: {name}"))
}

/// Lists all installed and built-in plugins as blocks of text. Reports files that are not plugins.
pub fn list(args: &Args) -> String {
    let mut blocks = Vec::new();
    for folder in folders() {
        let Ok(files) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "so")) {
            match Library::load(path, &options(args)) {
                Ok(library) => blocks.push(block(library.info())),
                Err(error) => note!("{error}"),
            }
        }
    }
    let built_in = BUILT_IN_NAMES.into_iter().filter_map(built_in);
    blocks.extend(built_in.map(|plugin| block(plugin.info())));
    format!(
        "{} Plugins Loaded:\n\n{}",
        blocks.len(),
        blocks.iter().map(|block| block.clone() + "\n").collect::<String>()
    )
}

fn options(args: &Args) -> Options {
    Options::default().with_allow_writable(args.plugins.allow_writable)
}

/// Log function for messages of plugins.
fn messages() -> Log {
    Arc::new(|severity, text| {
        if matches!(severity, Severity::Fatal | Severity::Critical | Severity::Error | Severity::Warning) {
            note!("{text}");
        }
    })
}

fn plain_error(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

/// Describes a plugin and its open parameters, after initialising it with its configuration.
///
/// # Errors
/// There is no such plugin, or it does not start.
pub fn info(name: &str, args: &Args) -> Result<String> {
    let wanted =
        args.plugins.plugins.iter().map(|text| Wanted::parse(text)).find(|wanted| wanted.name == name);
    let plugin = find(name, &options(args))?;
    let info = Arc::clone(plugin.info());
    let mut set = PluginSet::default();
    set.add(plugin, wanted.and_then(|wanted| wanted.argument).unwrap_or_default()).map_err(plain_error)?;
    let started = set.start(Scope::Capture, &messages()).map_err(plain_error)?;
    Ok(description(&info, &started.open_params(&info.name).map_err(plain_error)?))
}

/// The plugins to load, while they are being collected.
struct Gathered {
    set: PluginSet,
    input: Option<(String, String)>,
    options: Options,
}

impl Gathered {
    /// Adds a plugin; returns its own name and whether it has a source.
    fn add(&mut self, plugin: Arc<dyn Plugin>, config: &str) -> Result<(String, bool)> {
        let info = Arc::clone(plugin.info());
        self.set
            .add(plugin, config)
            .map_err(|error| anyhow!("cannot register plugin {}: {error}", info.name))?;
        Ok((info.name.clone(), info.capabilities.sourcing))
    }

    fn set_input(&mut self, name: String, params: &str) -> Result<()> {
        if self.input.replace((name, params.to_owned())).is_some() {
            bail!("using more than one plugin as input is not supported");
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = file::wait_for(path, file::MAX_TEXT).with_context(|| path.shown())?;
        let file = PluginFile::parse(&text).with_context(|| path.shown())?;
        for entry in file.chosen()? {
            let PluginEntry { init_config, open_params, .. } = entry;
            let plugin = eyas_plugin_config::load(entry, &self.options)?;
            let (name, is_source) = self.add(plugin, init_config)?;
            if is_source {
                self.set_input(name, open_params)?;
            }
        }
        Ok(())
    }

    /// Handles `-I NAME:PARAMETERS`. Loads the plugin, unless it is already loaded.
    fn add_input(&mut self, text: &str) -> Result<()> {
        let wanted = Wanted::parse(text);
        let known = self.set.infos().find(|info| info.name == wanted.name);
        let known = known.map(|info| (info.name.clone(), info.capabilities.sourcing));
        let (name, is_source) = match known {
            Some(known) => known,
            None => {
                let plugin = find(wanted.name, &self.options)?;
                let own = plugin.info().name.clone();
                let known = self.set.infos().find(|info| info.name == own);
                match known.map(|info| info.capabilities.sourcing) {
                    Some(is_source) => (own, is_source),
                    None => self.add(plugin, "")?,
                }
            }
        };
        if !is_source {
            bail!("plugin does not support the event sourcing capability: {name}");
        }
        self.set_input(name, wanted.argument.unwrap_or_default())
    }
}

/// Loads the plugins on the command line.
///
/// # Errors
/// A plugin does not exist, or is incompatible with the others.
pub fn load(args: &Args) -> Result<()> {
    let named = &args.plugins;
    let is_nothing = named.plugins.is_empty() && named.input.is_empty() && named.config_file.is_none();
    if is_nothing || loaded().is_some() {
        return Ok(());
    }
    let mut gathered = Gathered { set: PluginSet::default(), input: None, options: options(args) };
    if let Some(path) = &named.config_file {
        gathered.add_file(path)?;
    }
    for text in &named.plugins {
        let wanted = Wanted::parse(text);
        let plugin = find(wanted.name, &gathered.options)?;
        gathered.add(plugin, wanted.argument.unwrap_or_default())?;
    }
    // `-I` takes precedence over a configuration file.
    if !named.input.is_empty() {
        gathered.input = None;
    }
    for text in &named.input {
        gathered.add_input(text)?;
    }
    if gathered.input.is_some() && args.is_replay() && !named.input.is_empty() {
        bail!("-I and -r are two inputs: leave one out");
    }
    let Gathered { set, input, .. } = gathered;
    schema::extend(set.schema_of_all());
    // No other code loads plugins.
    let _ = LOADED.set(Plugins { set, input });
    Ok(())
}

/// An event source, and the plugins of its inspector.
pub type Opened = (Box<dyn EventSource>, Option<plugin::Plugins>);

/// Adds plugins to a source: those for system calls, or all for a capture file.
///
/// # Errors
/// A plugin does not start, or was built for an incompatible event schema.
pub fn join(source: Box<dyn EventSource>, is_replay: bool) -> Result<Opened> {
    let Some(plugins) = loaded() else { return Ok((source, None)) };
    let scope = if is_replay { Scope::Capture } else { Scope::Live(SYSCALL) };
    let started = plugins.set.start(scope, &messages()).map_err(plain_error)?.with_one_schema(schema().id());
    if !is_replay {
        started.check_event_schema(eyas_plugins::EVENT_SCHEMA).map_err(plain_error)?;
    }
    let source = match started.queue().cloned() {
        Some(queue) => Box::new(AsyncSource::new(source, queue)),
        None => source,
    };
    Ok((source, Some(started)))
}

/// Opens the source of the plugin in `-I`; `None` without `-I`.
///
/// # Errors
/// The source cannot be opened. The message is the plugin's.
pub fn open() -> Result<Option<Opened>> {
    let Some((plugins, (name, params))) =
        loaded().and_then(|plugins| Some((plugins, plugins.input.as_ref()?)))
    else {
        return Ok(None);
    };
    let info = plugins.set.infos().find(|info| info.name == *name);
    let source = info.and_then(|info| info.source.as_ref()).map_or(SYSCALL, |source| source.name.as_str());
    let started = plugins
        .set
        .start(Scope::Live(source), &messages())
        .map_err(plain_error)?
        .with_one_schema(schema().id());
    let (info, stream) = started.open(name, params).map_err(plain_error)?;
    let mut source: Box<dyn EventSource> = Box::new(PluginSource::new(info, stream, Snapshot::default()));
    if let Some(queue) = started.queue().cloned() {
        source = Box::new(AsyncSource::new(source, queue));
    }
    Ok(Some((source, Some(started))))
}

/// Whether events come from a plugin, not from the kernel or a capture.
pub fn is_input() -> bool {
    loaded().is_some_and(|plugins| plugins.input.is_some())
}

/// Whether Falco's plugin for container metadata is loaded.
pub fn has_container() -> bool {
    loaded().is_some_and(|plugins| plugins.set.infos().any(|info| info.name == CONTAINER))
}
