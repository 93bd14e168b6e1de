//! The fields of events.

use std::sync::OnceLock;

use eyas::fields::Schema;
use eyas::sinsp::plugin::PluginSchema;

static OF_PLUGINS: OnceLock<PluginSchema> = OnceLock::new();

/// The fields of events, including those of the loaded plugins.
pub fn schema() -> &'static dyn Schema {
    match OF_PLUGINS.get() {
        Some(schema) => schema,
        None => eyas::sinsp::schema(),
    }
}

/// Adds the fields of plugins. Call this once, before the first use of the schema.
pub fn extend(schema: PluginSchema) {
    // Nobody else does.
    let _ = OF_PLUGINS.set(schema);
}
