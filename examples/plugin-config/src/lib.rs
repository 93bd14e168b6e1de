//! The plugins that the configuration of a program names: `plugins:` of Falco, as `falco` and `sysdig` have it.
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

/// Names of the plugins that are built in.
pub const BUILT_IN_NAMES: [&str; 2] = ["k8saudit", "json"];

/// The plugin of this name that is built in.
pub fn built_in(name: &str) -> Option<Arc<dyn Plugin>> {
    match name {
        "k8saudit" => Some(Arc::new(audit::k8saudit())),
        "json" => Some(Arc::new(audit::json())),
        _ => None,
    }
}

/// Loads the plugin of an entry: one that is built in, or a shared object.
///
/// # Errors
/// There is none, or the file cannot be used.
pub fn load(entry: &PluginEntry, options: &Options) -> Result<Arc<dyn Plugin>> {
    let Some(name) = entry.built_in() else {
        return Ok(Arc::new(Library::load(entry.path()?, options)?));
    };
    match built_in(name) {
        Some(plugin) => Ok(plugin),
        None => bail!("cannot load plugin native:{name}: there are native:k8saudit and native:json"),
    }
}
