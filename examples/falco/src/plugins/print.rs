//! `--list-plugins` and `--plugin-info`.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use eyas::sinsp::plugin::{PluginInfo, PluginSet, Scope, Version};
use eyas_plugin_config::{block, description};

use crate::config::{CONTAINER_PLUGIN, Config, PluginEntry};
use crate::configure;

/// Lists the plugins of the configuration.
///
/// # Errors
/// One cannot be loaded.
pub fn list(config: &Config) -> Result<String> {
    let mut set = PluginSet::default();
    for entry in super::chosen(config)? {
        super::add(&mut set, super::find(entry, config)?, entry)?;
    }
    let mut blocks: Vec<String> = set.infos().map(|info| block(info) + "\n").collect();
    if let Some(at) = replaced_container_plugin(config) {
        blocks.insert(at.min(blocks.len()), block(&container()) + "\n");
    }
    Ok(format!("{} Plugins Loaded:\n\n{}\n", blocks.len(), blocks.concat()))
}

/// Describes one plugin, by its name or by its path in the configuration. Initialises the plugin.
///
/// # Errors
/// There is no such plugin, or it does not start.
pub fn info(config: &Config, wanted: &str) -> Result<String> {
    let of_name = |entry: &&PluginEntry| entry.name == wanted || entry.library_path == wanted;
    let found = config.plugins.iter().find(of_name);
    let is_container = found.map_or(wanted, |entry| &entry.name) == CONTAINER_PLUGIN;
    if is_container && replaced_container_plugin(config).is_some() {
        return Ok(description(&container(), &[]));
    }
    let entry = found.ok_or_else(|| anyhow!("can't find plugin and print its info: {wanted}"))?;
    let plugin = super::find(entry, config)?;
    let info = Arc::clone(plugin.info());
    let mut alone = PluginSet::default();
    super::add(&mut alone, plugin, entry)?;
    let started = alone.start(Scope::Capture, &super::messages())?;
    let params = if info.capabilities.sourcing { started.open_params(&info.name)? } else { Vec::new() };
    Ok(description(&info, &params))
}

/// The index of the configured plugin that is not installed and that the built-in container metadata replace.
fn replaced_container_plugin(config: &Config) -> Option<usize> {
    let names: Vec<&str> = match &config.load_plugins {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => config.plugins.iter().map(|entry| entry.name.as_str()).collect(),
    };
    let at = names.iter().position(|name| *name == CONTAINER_PLUGIN)?;
    let is_installed = super::chosen(config).ok()?.iter().any(|entry| entry.name == CONTAINER_PLUGIN);
    (!is_installed).then_some(at)
}

/// The built-in metadata of containers, as a plugin.
fn container() -> PluginInfo {
    let mut info = PluginInfo::new(CONTAINER_PLUGIN, Version(eyas::rules::CONTAINER_VERSION));
    info.description = "Metadata of containers, built into eyas; replaces the plugin of this name".to_owned();
    info.contact = env!("CARGO_PKG_REPOSITORY").to_owned();
    let can = &mut info.capabilities;
    (can.extraction, can.parsing, can.async_events) = (true, true, true);
    info.config_schema = Some(configure::container_schema().to_string());
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_metadata_are_listed_where_the_plugin_is_not_installed() {
        let missing = PluginEntry {
            name: "container".into(),
            library_path: "/nonexistent/libcontainer.so".into(),
            ..PluginEntry::default()
        };
        let json =
            PluginEntry { name: "json".into(), library_path: "native:json".into(), ..PluginEntry::default() };
        let config = |names: Option<&[&str]>| {
            let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            Config { plugins: vec![json.clone(), missing.clone()], load_plugins: names, ..Config::default() }
        };
        let text = list(&config(Some(&["container"]))).unwrap();
        assert!(text.starts_with("1 Plugins Loaded:\n\nName: container\nDescription: "), "{text}");
        assert!(text.contains("  - Field Extraction\n  - Event Parsing\n  - Async Events\n"), "{text}");
        let text = list(&config(Some(&["container", "json"]))).unwrap();
        assert!(text.starts_with("2 ") && text.find("Name: container") < text.find("Name: json"), "{text}");
        let text = list(&config(None)).unwrap();
        assert!(text.starts_with("2 ") && text.find("Name: container") > text.find("Name: json"), "{text}");
        assert!(!list(&config(Some(&["json"]))).unwrap().contains("container"));
        for name in ["container", "/nonexistent/libcontainer.so"] {
            let text = info(&config(None), name).unwrap();
            let (_, schema) = text.split_once("Init config schema type: JSON\n").unwrap();
            let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
            assert!(schema["properties"]["engines"]["properties"]["docker"].is_object(), "{schema}");
            assert!(schema["properties"]["label_max_len"].is_object(), "{schema}");
        }
        assert!(info(&config(Some(&["json"])), "container").is_err(), "it is not loaded and cannot be");
    }
}
