//! `container_engines:`, and the same said to the container plugin.

use std::path::PathBuf;

use eyas::yaml::{self, Kind, Node};
use serde::{Deserialize, Serialize};

use super::tree;

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
pub(super) fn adopt(tree: &mut Node) {
    if tree.get("container_engines").is_some() {
        return;
    }
    let plugins = tree.get("plugins").and_then(Node::as_seq).into_iter().flatten();
    let mut containers =
        plugins.filter(|plugin| plugin.get("name").and_then(Node::as_str) == Some("container"));
    let Some(told) = containers.find_map(|plugin| init_config(plugin.get("init_config")?)) else { return };
    let mut engines = match told.get("engines") {
        Some(Node { kind: Kind::Map(pairs), .. }) => pairs.clone(),
        _ => Vec::new(),
    };
    if let Some(length) = told.get("label_max_len") {
        *tree::entry(&mut engines, "label_max_len") = length.clone();
    }
    if let Kind::Map(pairs) = &mut tree.kind {
        *tree::entry(pairs, "container_engines") = Node::new(Kind::Map(engines));
    }
}

/// What a plugin is told: keys with values, or a text that has them.
fn init_config(node: &Node) -> Option<Node> {
    match &node.kind {
        Kind::Map(_) => Some(node.clone()),
        Kind::Scalar(text) => yaml::parse(&text.as_str().into()).ok()?.documents.into_iter().next(),
        _ => None,
    }
}
