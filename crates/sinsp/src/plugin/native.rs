//! Plugins written in Rust.

use std::sync::Arc;

use super::{Instance, Plugin, PluginError, PluginInfo, Start};

type StartFn = dyn Fn(Start<'_>) -> Result<Box<dyn Instance>, PluginError> + Send + Sync;

/// A plugin written in Rust: its description, and a function that starts an instance.
#[derive(Clone)]
pub struct Native {
    info: Arc<PluginInfo>,
    start: Arc<StartFn>,
}

impl Native {
    /// A plugin with this description; `start` makes its instances.
    pub fn new(
        info: PluginInfo,
        start: impl Fn(Start<'_>) -> Result<Box<dyn Instance>, PluginError> + Send + Sync + 'static,
    ) -> Self {
        Self { info: Arc::new(info), start: Arc::new(start) }
    }
}

impl Plugin for Native {
    fn info(&self) -> &Arc<PluginInfo> {
        &self.info
    }

    fn start(&self, start: Start<'_>) -> Result<Box<dyn Instance>, PluginError> {
        (self.start)(start)
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("info", &self.info).finish_non_exhaustive()
    }
}
