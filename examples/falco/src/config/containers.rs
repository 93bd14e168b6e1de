//! `container_engines:`, and the same said to the container plugin.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which container runtimes are asked, and where they listen.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ContainerEngines {
    /// Docker.
    pub docker: Runtime,
    /// Podman.
    pub podman: Runtime,
    /// containerd, CRI-O and others behind Kubernetes' interface.
    pub cri: Runtime,
    /// Longest label that is kept, bytes.
    pub label_max_len: usize,
}

/// One runtime.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Runtime {
    /// Whether it is asked.
    pub enabled: bool,
    /// Where it listens; the usual places if there are none.
    pub sockets: Vec<PathBuf>,
}

impl Default for ContainerEngines {
    fn default() -> Self {
        let runtime = Runtime::default;
        Self { docker: runtime(), podman: runtime(), cri: runtime(), label_max_len: 100 }
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self { enabled: true, sockets: Vec::new() }
    }
}

/// Puts what the container plugin is told where this program looks for it, unless that is there.
pub(super) fn adopt(tree: &mut Value) {
    if tree.get("container_engines").is_some() {
        return;
    }
    let plugins = tree.get("plugins").and_then(Value::as_array).into_iter().flatten();
    let told = plugins.filter(|plugin| plugin["name"] == "container").find_map(|plugin| {
        let told = plugin.get("init_config")?.as_object()?;
        let mut engines = told.get("engines").cloned().unwrap_or_else(|| Value::Object(Default::default()));
        if let Some(length) = told.get("label_max_len") {
            engines.as_object_mut()?.insert("label_max_len".to_owned(), length.clone());
        }
        Some(engines)
    });
    if let (Some(told), Value::Object(map)) = (told, tree) {
        map.insert("container_engines".to_owned(), told);
    }
}
