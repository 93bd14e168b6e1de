//! `--list-plugins` and `--plugin-info`.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use eyas::sinsp::plugin::{PluginSet, Scope};
use eyas_plugin_config::{block, description};

use crate::config::{Config, PluginEntry};

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
    let mut alone = PluginSet::default();
    super::add(&mut alone, plugin, entry)?;
    let started = alone.start(Scope::Capture, &super::messages())?;
    let params = if info.capabilities.sourcing { started.open_params(&info.name)? } else { Vec::new() };
    Ok(description(&info, &params))
}
