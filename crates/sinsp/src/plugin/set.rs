//! The plugins of a program, their fields, and their instances for inspectors.

use std::fmt;
use std::sync::Arc;

use eyas_fields::Schema;

use super::async_events::{AsyncQueue, AsyncSettings};
use super::error::PluginError;
use super::info::{PluginInfo, SYSCALL};
use super::log::Log;
use super::running::{Plugins, Schemas};
use super::schema::{FIRST, PluginSchema, Slots};
use super::traits::Plugin;

/// A plugin of a set, with its configuration.
#[derive(Clone)]
struct Member {
    plugin: Arc<dyn Plugin>,
    config: Box<str>,
}

/// The instances that an inspector gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Plugins that use events of this source. They may send asynchronous events.
    Live(&'a str),
    /// All plugins, for captures, which may have events of several sources. They send no asynchronous
    /// events, because the capture contains them.
    Capture,
}

/// The plugins of a program, in the order in which they were loaded.
///
/// It makes the schemas for which rules are compiled, and starts the instances of inspectors. Both use the
/// same numbers of fields, so an engine and its inspector must come from one set.
#[derive(Clone, Default)]
pub struct PluginSet {
    members: Vec<Member>,
    slots: Arc<Slots>,
}

impl PluginSet {
    /// Adds a plugin.
    ///
    /// # Errors
    /// Another plugin has its name or the id of its source, or its source is called `syscall`. The
    /// message is Falco's.
    pub fn add(&mut self, plugin: Arc<dyn Plugin>, config: &str) -> Result<(), PluginError> {
        let info = plugin.info();
        if info.source.as_ref().is_some_and(|source| source.name == SYSCALL) {
            return Err("plugin can't implement the reserved event source 'syscall'".into());
        }
        let name = &info.name;
        if self.infos().any(|other| other.name == *name) {
            return Err(format!("found another plugin with name {name}. Aborting.").into());
        }
        if let Some(source) = &info.source {
            let has_id =
                |other: &PluginInfo| other.source.as_ref().is_some_and(|other| other.id == source.id);
            if self.infos().any(|other| has_id(other)) {
                return Err(format!("found another plugin with ID {}. Aborting.", source.id).into());
            }
        }
        self.members.push(Member { plugin, config: config.into() });
        Ok(())
    }

    /// Whether there is no plugin.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Descriptions of the plugins, in order.
    pub fn infos(&self) -> impl Iterator<Item = &Arc<PluginInfo>> {
        self.members.iter().map(|member| member.plugin.info())
    }

    /// Names of all event sources: system calls, then the plugins' sources in order.
    pub fn sources(&self) -> Vec<&str> {
        let mut sources = vec![SYSCALL];
        for source in self.infos().filter_map(|info| info.source.as_ref()) {
            if !sources.contains(&source.name.as_str()) {
                sources.push(&source.name);
            }
        }
        sources
    }

    /// The plugins that can yield events of a source, in order.
    pub fn inputs_of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a Arc<PluginInfo>> {
        self.infos().filter(move |info| info.is_input_of(source))
    }

    /// The plugins that no source uses.
    pub fn unused(&self) -> impl Iterator<Item = &Arc<PluginInfo>> {
        let sources = self.sources();
        self.infos().filter(move |info| !sources.iter().any(|source| is_of(info, source)))
    }

    /// Checks that no two plugins have fields of the same name for the same source.
    ///
    /// # Errors
    /// The first two plugins that do, with Falco's message.
    pub fn check_fields(&self) -> Result<(), PluginError> {
        for source in self.sources() {
            let mut names = rustc_hash::FxHashSet::default();
            for info in self.infos().filter(|info| info.extracts_from(source)) {
                if let Some(field) = info.fields.iter().find(|field| !names.insert(&*field.name)) {
                    return Err(format!(
                        "Plugin '{}' supports extraction of field '{}' that is overlapping for source '{source}'",
                        info.name, field.name
                    )
                    .into());
                }
            }
        }
        Ok(())
    }

    /// The schema of a source. Plugin events have the fields that all events have, and those of plugins.
    pub fn schema(&self, source: &str) -> PluginSchema {
        let infos: Vec<_> = self.infos().cloned().collect();
        PluginSchema::new(Some(source), &infos, Arc::clone(&self.slots))
    }

    /// The schema of all events, for programs that do not separate sources.
    pub fn schema_of_all(&self) -> PluginSchema {
        let infos: Vec<_> = self.infos().cloned().collect();
        PluginSchema::new(None, &infos, Arc::clone(&self.slots))
    }

    /// Starts the instances of an inspector, in order. `log` receives their messages.
    ///
    /// # Errors
    /// A plugin does not start.
    pub fn start(&self, scope: Scope<'_>, log: &Log) -> Result<Plugins, PluginError> {
        let settings = AsyncSettings::new(Arc::clone(log));
        let id_of = |source: &str| (source.into(), self.schema(source).id());
        let (queue, of_sources) = match scope {
            Scope::Capture => (None, self.sources().into_iter().map(id_of).collect()),
            Scope::Live(source) => {
                let own = self.infos().filter_map(|info| info.source.as_ref()).find(|own| own.name == source);
                let settings = match own {
                    Some(own) => settings.with_source(own.id, source),
                    None => settings,
                };
                (Some(AsyncQueue::new(settings)), vec![id_of(source)])
            }
        };
        let schemas = Schemas { first_field: FIRST, of_sources, of_others: crate::schema::schema().id() };
        let mut running = Plugins::new(self.infos().cloned().collect(), schemas, queue, log);
        for (at, Member { plugin, config }) in self.members.iter().enumerate() {
            let wanted = match scope {
                Scope::Capture => true,
                Scope::Live(source) => is_of(plugin.info(), source),
            };
            if wanted {
                running.start(at, &**plugin, config)?;
            }
        }
        Ok(running)
    }
}

/// Whether a plugin uses events of a source.
fn is_of(info: &PluginInfo, source: &str) -> bool {
    info.is_input_of(source) || info.extracts_from(source) || info.parses(source) || info.sends_to(source)
}

impl fmt::Debug for PluginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.infos().map(|info| &info.name)).finish()
    }
}
