//! `container_engines:`, as the container plugin is told it.

use eyas::yaml::{self, Kind, Node};

use super::tree;

/// Puts what the container plugin is told where this program looks for it, unless that is there.
pub fn adopt(tree: &mut Node) {
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
