//! The specification from which an OCI runtime makes a container.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::Mount;

/// The used parts of an OCI runtime's specification.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    pub(super) process: Process,
    mounts: Vec<SpecMount>,
    pub(super) annotations: BTreeMap<String, String>,
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Process {
    pub(super) env: Vec<String>,
    capabilities: Capabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    bounding: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecMount {
    destination: String,
    #[serde(rename = "type")]
    kind: String,
    source: String,
    options: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Linux {
    namespaces: Vec<Namespace>,
    masked_paths: Vec<String>,
    readonly_paths: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    #[serde(rename = "type")]
    kind: String,
}

impl Spec {
    /// Parses the text; an unreadable text gives an empty specification.
    pub(super) fn of(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }

    /// The mounts of the container.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        self.mounts.iter().filter(|mount| mount.kind == "bind").map(mount).collect()
    }

    /// Whether the container shares the host's namespace of this kind.
    pub(super) fn shares(&self, kind: &str) -> bool {
        let has = |kind: &str| self.linux.namespaces.iter().any(|namespace| namespace.kind == kind);
        // An unreadable specification has no namespaces at all.
        has("mount") && !has(kind)
    }

    /// Whether it is privileged: no part of `/proc` is hidden or read-only, and it has all capabilities.
    pub(super) fn is_privileged(&self) -> bool {
        let Linux { masked_paths, readonly_paths, .. } = &self.linux;
        let all = self.process.capabilities.bounding.iter().any(|name| name == "CAP_SYS_ADMIN");
        all && masked_paths.is_empty() && readonly_paths.is_empty()
    }
}

fn mount(mount: &SpecMount) -> Mount {
    let has = |option: &str| mount.options.iter().any(|known| known == option);
    let propagation = ["rprivate", "private", "rslave", "slave", "rshared", "shared"];
    let propagation = propagation.into_iter().find(|name| has(name)).unwrap_or_default();
    Mount {
        source: mount.source.clone(),
        destination: mount.destination.clone(),
        mode: String::new(),
        rw: !has("ro"),
        propagation: propagation.to_owned(),
    }
}
