//! The specification that an OCI runtime makes a container by.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::metadata::Mount;

/// An OCI runtime's specification, as far as it is of interest.
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
    /// What can't be read says nothing.
    pub(super) fn of(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }

    /// What the container has of the host's files.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        self.mounts.iter().filter(|mount| mount.kind == "bind").map(mount).collect()
    }

    /// Without a namespace of its own of this kind, a container shares the host's.
    pub(super) fn shares(&self, kind: &str) -> bool {
        let has = |kind: &str| self.linux.namespaces.iter().any(|namespace| namespace.kind == kind);
        // A specification that can't be read says nothing.
        has("mount") && !has(kind)
    }

    /// Nothing of `/proc` is hidden or read-only, and no capability is missing that the others come to.
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
