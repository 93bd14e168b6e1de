//! `--list-plugins` and `--plugin-info`.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use eyas::sinsp::plugin::{PluginInfo, PluginSet, Scope};

use crate::config::{Config, PluginEntry};

/// What the plugin is, as Falco prints it.
fn block(info: &PluginInfo) -> String {
    let mut text = format!(
        "Name: {}\nDescription: {}\nContact: {}\nVersion: {}\nCapabilities: \n",
        info.name, info.description, info.contact, info.version
    );
    let capabilities = info.capabilities;
    if capabilities.sourcing {
        // Writing to a string cannot fail.
        let _ = match &info.source {
            Some(own) => writeln!(text, "  - Event Sourcing (ID={}, source='{}')", own.id, own.name),
            None => writeln!(text, "  - Event Sourcing (system events)"),
        };
    }
    for (is_there, name) in [
        (capabilities.extraction, "Field Extraction"),
        (capabilities.parsing, "Event Parsing"),
        (capabilities.async_events, "Async Events"),
    ] {
        if is_there {
            let _ = writeln!(text, "  - {name}");
        }
    }
    text
}

/// The plugins of the configuration.
///
/// # Errors
/// One cannot be loaded.
pub fn list(config: &Config) -> Result<String> {
    let mut set = PluginSet::default();
    for entry in super::chosen(config)? {
        super::add(&mut set, super::find(entry, config)?, entry)?;
    }
    let blocks: Vec<String> = set.infos().map(|info| block(info) + "\n").collect();
    Ok(format!("{} Plugins Loaded:\n\n{}\n", blocks.len(), blocks.concat()))
}

/// One plugin, by its name or the path in the configuration; it is initialised for that.
///
/// # Errors
/// There is no such plugin, or it does not start.
pub fn info(config: &Config, wanted: &str) -> Result<String> {
    let of_name = |entry: &&PluginEntry| entry.name == wanted || entry.library_path == wanted;
    let found = config.plugins.iter().find(of_name);
    let entry = found.ok_or_else(|| anyhow!("can't find plugin and print its info: {wanted}"))?;
    let plugin = super::find(entry, config)?;
    let info = Arc::clone(plugin.info());
    let info = &*info;
    let mut text = block(info) + "\n";
    match &info.config_schema {
        Some(schema) => {
            let _ = writeln!(text, "Init config schema type: JSON\n{schema}");
        }
        None => text += NO_SCHEMA,
    }
    text += "\n";
    let mut alone = PluginSet::default();
    super::add(&mut alone, plugin, entry)?;
    let started = alone.start(Scope::Capture, &super::messages())?;
    if info.capabilities.sourcing {
        let params = started.open_params(&info.name)?;
        if params.is_empty() {
            text += NO_PARAMS;
        } else {
            text += "Suggested open params:\n";
            for param in params {
                let line = match param.description.is_empty() {
                    true => param.value,
                    false => format!("{}: {}", param.value, param.description),
                };
                let _ = writeln!(text, "{line}");
            }
        }
        text += "\n";
    }
    Ok(text)
}

const NO_SCHEMA: &str = "Init config schema type: Not available, plugin does not implement the init config schema functionality\n";
const NO_PARAMS: &str = "No suggested open params available: plugin has not been configured, or it does not implement the \
                         open params suggestion functionality\n";
