//! Plugins in the configuration of `falco` and `sysdig`: Falco's key `plugins:`.
#![forbid(unsafe_code)]

mod entry;
mod file;
mod print;

pub use entry::{BUILT_IN, CONTAINER, FOLDER, PluginEntry};
pub use file::{PluginFile, chosen};
pub use print::{block, description};

use std::sync::Arc;

use anyhow::{Result, bail};
use eyas::audit;
use eyas::sinsp::plugin::Plugin;
use eyas_plugins::{Library, Options};

/// Names of the built-in plugins.
pub const BUILT_IN_NAMES: [&str; 2] = ["k8saudit", "json"];

/// The built-in plugin with this name.
pub fn built_in(name: &str) -> Option<Arc<dyn Plugin>> {
    match name {
        "k8saudit" => Some(Arc::new(audit::k8saudit())),
        "json" => Some(Arc::new(audit::json())),
        _ => None,
    }
}

/// Loads the plugin of an entry: a built-in one, or a shared object.
///
/// # Errors
/// The plugin does not exist, or the file is not usable.
pub fn load(entry: &PluginEntry, options: &Options) -> Result<Arc<dyn Plugin>> {
    let Some(name) = entry.built_in() else {
        return Ok(Arc::new(Library::load(entry.path()?, options)?));
    };
    match built_in(name) {
        Some(plugin) => Ok(plugin),
        None => bail!("cannot load plugin native:{name}: there are native:k8saudit and native:json"),
    }
}
