//! The plugins that the configuration loads, and their event sources.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow, bail};
use eyas::scap::{MachineInfo, Snapshot};
use eyas::sinsp;
use eyas::sinsp::plugin::{self, Log, Plugin, PluginSet, PluginSource, SYSCALL, Scope, Severity};
use eyas_plugins::Options;

use crate::args::Args;
use crate::config::{CONTAINER_PLUGIN, Config, PluginEntry};
use crate::log::{self, Level};
use crate::source;

mod print;

pub use print::{info, list};

/// The loaded plugins. They stay loaded until the program ends.
#[derive(Default)]
pub struct Plugins {
    /// The plugins in order.
    pub set: PluginSet,
    /// Configuration entries (name in the configuration, open parameters) by plugin name.
    entries: Vec<(String, PluginEntry)>,
    has_hostinfo: bool,
}

static LOADED: OnceLock<Plugins> = OnceLock::new();

/// The plugins of this program; none before [`load`].
pub fn loaded() -> &'static Plugins {
    static NONE: OnceLock<Plugins> = OnceLock::new();
    LOADED.get().unwrap_or_else(|| NONE.get_or_init(Plugins::default))
}

/// Loads the plugins of the configuration. Later calls do nothing.
///
/// # Errors
/// One does not exist, or does not go with the others.
pub fn load(config: &Config) -> Result<()> {
    if LOADED.get().is_some() {
        return Ok(());
    }
    let mut plugins = Plugins { has_hostinfo: config.plugins_hostinfo, ..Plugins::default() };
    for entry in chosen(config)? {
        let plugin = find(entry, config)?;
        let info = Arc::clone(plugin.info());
        add(&mut plugins.set, plugin, entry)?;
        plugins.entries.push((info.name.clone(), entry.clone()));
        log::info(&format!(
            "Loaded plugin '{}@{}' from file {}",
            entry.name, info.version, entry.library_path
        ));
    }
    for info in plugins.set.unused() {
        log::warning(&format!(
            "Plugin '{}' is loaded but unused as not compatible with any known event source",
            info.name
        ));
    }
    plugins.set.check_fields().map_err(|error| anyhow!("{error}"))?;
    // No other thread loads plugins; if one did, it would have loaded the same.
    let _ = LOADED.set(plugins);
    Ok(())
}

/// Adds a plugin to a set.
fn add(set: &mut PluginSet, plugin: Arc<dyn Plugin>, entry: &PluginEntry) -> Result<()> {
    let added = set.add(plugin, &entry.init_config);
    added.map_err(|error| anyhow!("cannot register plugin {} in inspector: {error}", entry.library_path))
}

/// The entries in `load_plugins`, in that order; all entries if it is not set.
fn chosen(config: &Config) -> Result<Vec<&PluginEntry>> {
    eyas_plugin_config::chosen(&config.plugins, config.load_plugins.as_deref())
}

/// The plugin of an entry: a built-in one, or a shared object.
fn find(entry: &PluginEntry, config: &Config) -> Result<Arc<dyn Plugin>> {
    let options = Options::default().with_allow_writable(config.plugins_allow_writable);
    eyas_plugin_config::load(entry, &options)
}

/// Log function for messages of plugins.
fn messages() -> Log {
    Arc::new(|severity, text| {
        let level = match severity {
            Severity::Fatal | Severity::Critical | Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Notice | Severity::Info => Level::Info,
            Severity::Debug | Severity::Trace => Level::Debug,
        };
        log::log(level, &format!("[libs]: {}", log::one_line(text)));
    })
}

/// An open event source of a plugin.
pub struct OpenSource {
    /// Its name.
    pub name: String,
    pub source: plugin::AsyncSource<PluginSource>,
    pub inspector: sinsp::Config,
}

impl Plugins {
    /// Whether Falco's plugin for container metadata is loaded.
    pub fn has_container(&self) -> bool {
        self.set.infos().any(|info| info.name == CONTAINER_PLUGIN)
    }

    /// Names of all event sources.
    pub fn sources(&self) -> Vec<&str> {
        self.set.sources()
    }

    /// The event sources that the arguments enable, sorted.
    ///
    /// # Errors
    /// A source is unknown, or no source is left. The message has Falco's text.
    pub fn enabled(&self, args: &Args) -> Result<Vec<String>> {
        if !args.enable_source.is_empty() && !args.disable_source.is_empty() {
            bail!("You can not mix --enable-source and --disable-source");
        }
        let all = self.sources();
        let named = args.enable_source.iter().chain(&args.disable_source);
        if let Some(name) = named.clone().find(|name| !all.contains(&name.as_str())) {
            let which = if args.enable_source.is_empty() { "disabling" } else { "enabling" };
            bail!("Attempted {which} an unknown event source: {name}");
        }
        let is_on = |name: &&str| match args.enable_source.is_empty() {
            true => !args.disable_source.iter().any(|off| off == name),
            false => args.enable_source.iter().any(|on| on == name),
        };
        let mut enabled: Vec<String> = all.into_iter().filter(is_on).map(str::to_owned).collect();
        enabled.sort();
        if enabled.is_empty() {
            bail!("Must enable at least one event source");
        }
        Ok(enabled)
    }

    /// Adds the plugins that handle system calls to an inspector's configuration. For a replay, adds all
    /// plugins.
    ///
    /// # Errors
    /// A plugin does not start.
    pub fn for_syscalls(&self, config: sinsp::Config, is_replay: bool) -> Result<sinsp::Config> {
        if self.set.is_empty() {
            return Ok(config);
        }
        let scope = if is_replay { Scope::Capture } else { Scope::Live(SYSCALL) };
        let plugins = self.set.start(scope, &messages()).map_err(|error| anyhow!("{error}"))?;
        Ok(config.with_plugins(plugins))
    }

    /// Whether a plugin is a source of system call events.
    pub fn has_syscalls(&self) -> bool {
        self.set.inputs_of(SYSCALL).next().is_some()
    }

    /// Starts the plugins that handle a source.
    ///
    /// # Errors
    /// A plugin does not start.
    pub fn start(&self, name: &str) -> Result<plugin::Plugins> {
        self.set.start(Scope::Live(name), &messages()).map_err(|error| anyhow!("{error}"))
    }

    /// Opens the source of a plugin.
    ///
    /// # Errors
    /// The source cannot be opened. The message is the plugin's.
    pub fn open(&self, name: &str, plugins: plugin::Plugins, config: sinsp::Config) -> Result<OpenSource> {
        let mut inputs = self.set.inputs_of(name);
        let input = inputs.next().ok_or_else(|| anyhow!("no plugin has the event source {name}"))?;
        if inputs.next().is_some() {
            log::info(&format!(
                "Enabled event source '{name}' can be opened with multiple loaded plugins, will use only '{}'",
                input.name
            ));
        }
        let entry = self.entries.iter().find(|(plugin, _)| *plugin == input.name);
        let (_, entry) = entry.ok_or_else(|| anyhow!("plugin {} does not exist", input.name))?;
        log::info(&format!("Opening '{name}' source with plugin '{}'", entry.name));
        if entry.name != input.name {
            // As in Falco, which looks for a plugin with the configured name.
            bail!("plugin {} does not exist: it calls itself {}", entry.name, input.name);
        }
        let params = &entry.open_params;
        let (info, stream) = plugins.open(&input.name, params).map_err(|error| anyhow!("{error}"))?;
        let snapshot = if name == SYSCALL { source::running_system()? } else { self.machine() };
        let source = PluginSource::new(info, stream, snapshot);
        let Some(queue) = plugins.queue().cloned() else { bail!("the source {name} is not a live source") };
        let source = plugin::AsyncSource::new(source, queue);
        Ok(OpenSource { name: name.to_owned(), source, inspector: config.with_plugins(plugins) })
    }

    /// Initial snapshot of a plugin's source: information about the machine, if `plugins_hostinfo` is set.
    fn machine(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        if self.has_hostinfo {
            let hostname = rustix::system::uname().nodename().to_bytes().to_vec();
            snapshot.machine = Some(MachineInfo { hostname, ..MachineInfo::default() });
        }
        snapshot
    }
}
