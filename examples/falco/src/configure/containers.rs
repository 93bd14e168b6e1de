//! `container_engines:` from the configuration of Falco's container plugin.

use eyas::yaml::{self, Kind, Node};

use super::fit::Path;
use super::schema::CONFIG;
use super::{tree, unknown};

/// Name of the section that this program reads.
const SECTION: &str = "container_engines";

/// Copies the container plugin's configuration to this program's section, unless that section exists.
/// Returns whether it did.
pub fn adopt(tree: &mut Node, warnings: &mut Vec<String>) -> bool {
    if tree.get(SECTION).is_some() {
        return false;
    }
    let plugins = tree.get("plugins").and_then(Node::as_seq).into_iter().flatten();
    let mut containers =
        plugins.filter(|plugin| plugin.get("name").and_then(Node::as_str) == Some("container"));
    let Some(settings) = containers.find_map(|plugin| init_config(plugin.get("init_config")?)) else {
        return false;
    };
    let mut engines = match settings.get("engines") {
        Some(Node { kind: Kind::Map(pairs), .. }) => pairs.clone(),
        _ => Vec::new(),
    };
    if let Kind::Map(pairs) = settings.kind {
        engines.extend(pairs.into_iter().filter(|(key, _)| key.as_str() != Some("engines")));
    }
    let engines = Node::new(Kind::Map(engines));
    if let Some(shape) = CONFIG.key(SECTION) {
        let origin = "init_config of the plugin `container`";
        unknown::keys(&engines, shape, &Path::default(), origin, warnings);
    }
    if let Kind::Map(pairs) = &mut tree.kind {
        *tree::entry(pairs, SECTION) = engines;
    }
    true
}

/// Configuration of a plugin: a mapping, or a text that contains one.
fn init_config(node: &Node) -> Option<Node> {
    match &node.kind {
        Kind::Map(_) => Some(node.clone()),
        Kind::Scalar(text) => yaml::parse(&text.as_str().into()).ok()?.documents.into_iter().next(),
        _ => None,
    }
}
