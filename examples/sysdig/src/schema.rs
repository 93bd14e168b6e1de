//! The fields of events.

use std::sync::OnceLock;

use eyas::fields::Schema;
use eyas::sinsp::plugin::PluginSchema;

static OF_PLUGINS: OnceLock<PluginSchema> = OnceLock::new();

/// The fields of events, with those of the plugins that are loaded.
pub fn schema() -> &'static dyn Schema {
    match OF_PLUGINS.get() {
        Some(schema) => schema,
        None => eyas::sinsp::schema(),
    }
}

/// Adds the fields of plugins; once, before anything asks.
pub fn extend(schema: PluginSchema) {
    // Nobody else does.
    let _ = OF_PLUGINS.set(schema);
}
