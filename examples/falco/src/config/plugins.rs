//! Plugins.

use serde::{Deserialize, Serialize};

/// An entry of `plugins`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct PluginEntry {
    /// Name of the plugin.
    pub name: String,
    /// Where its code is: `native:NAME` if it is built in.
    pub library_path: String,
    /// What it is started with: a text, or a map, which it gets as JSON.
    pub init_config: serde_json::Value,
    /// What its source is opened with.
    pub open_params: String,
}
