use anyhow::{Context, Result, anyhow, bail};
use eyas::yaml::{self, Kind, Node};
use serde_json::{Map, Value};

use crate::PluginEntry;

/// `plugins` and `load_plugins` of a Falco configuration.
#[derive(Debug, Default)]
pub struct PluginFile {
    /// The configured plugins.
    pub plugins: Vec<PluginEntry>,
    /// Names of the plugins to load, in this order. If the key is not set, all are loaded.
    pub load_plugins: Option<Vec<String>>,
}

impl PluginFile {
    /// Reads the two keys of a YAML text, and ignores other keys.
    ///
    /// # Errors
    /// The text is not YAML, or a key has an invalid value.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let decoded = yaml::decode(text);
        let parsed = yaml::parse(&decoded).map_err(|problem| {
            anyhow!("line {}: invalid YAML: {}", problem.mark.line + 1, problem.message)
        })?;
        let Some(tree) = parsed.documents.into_iter().next() else { return Ok(Self::default()) };
        let mut file = Self::default();
        for (at, node) in tree.get("plugins").and_then(Node::as_seq).unwrap_or_default().iter().enumerate() {
            let entry: PluginEntry =
                serde_json::from_value(value(node)?).with_context(|| format!("plugins[{at}]"))?;
            entry.check().with_context(|| format!("plugins[{at}]"))?;
            file.plugins.push(entry);
        }
        if let Some(names) = tree.get("load_plugins").filter(|node| !node.is_null()) {
            let names = names.as_seq().context("load_plugins: expected a list of names")?;
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            file.load_plugins = Some(names.collect::<Option<_>>().context("load_plugins: expected names")?);
        }
        Ok(file)
    }

    /// The entries to load, in order.
    ///
    /// # Errors
    /// A plugin is named but not configured. The message has Falco's text.
    pub fn chosen(&self) -> Result<Vec<&PluginEntry>> {
        chosen(&self.plugins, self.load_plugins.as_deref())
    }
}

/// The entries in `names`, in that order; all entries without a list. The container plugin may be named
/// without an entry, because its functions are built in.
///
/// # Errors
/// A plugin is named but not configured. The message has Falco's text.
pub fn chosen<'a>(plugins: &'a [PluginEntry], names: Option<&[String]>) -> Result<Vec<&'a PluginEntry>> {
    let is_there = |entry: &&PluginEntry| {
        let is_installed = || !entry.library_path.is_empty() && entry.path().is_ok_and(|path| path.exists());
        entry.name != crate::CONTAINER || is_installed()
    };
    let Some(names) = names else { return Ok(plugins.iter().filter(is_there).collect()) };
    let mut entries = Vec::new();
    for name in names {
        match plugins.iter().find(|entry| entry.name == *name) {
            Some(entry) => entries.push(entry),
            None if name == crate::CONTAINER => {}
            None => bail!("Cannot load plugin '{name}': plugin config not found for given name"),
        }
    }
    Ok(entries.into_iter().filter(is_there).collect())
}

/// Converts a tree to JSON values with texts only; the caller converts types.
fn value(node: &Node) -> Result<Value> {
    Ok(match &node.kind {
        Kind::Null => Value::Null,
        Kind::Scalar(text) => Value::String(text.clone()),
        Kind::Seq(items) => Value::Array(items.iter().map(value).collect::<Result<_>>()?),
        Kind::Map(pairs) => {
            let mut object = Map::new();
            for (key, node) in pairs {
                let key = key.as_str().context("a key is not a text")?;
                object.insert(key.to_owned(), value(node)?);
            }
            Value::Object(object)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_plugins_and_which_of_them_are_loaded() {
        let text = b"rules_files: [x]\nload_plugins: [b]\nplugins:\n  - {name: a, library_path: /a.so}\n  \
            - {name: b, library_path: 'native:json', init_config: {n: 3, on: yes}, open_params: ' 5 '}\n";
        let file = PluginFile::parse(text).unwrap();
        let chosen = file.chosen().unwrap();
        assert_eq!(chosen.len(), 1);
        let entry = chosen[0];
        assert_eq!((entry.name.as_str(), entry.built_in()), ("b", Some("json")));
        assert_eq!((entry.init_config.as_str(), entry.open_params.as_str()), (r#"{"n":3,"on":true}"#, "5"));
        let all = PluginFile::parse(b"plugins: [{name: a, library_path: /a.so}]").unwrap();
        assert_eq!(all.chosen().unwrap().len(), 1);
        let unknown = PluginFile::parse(b"load_plugins: [z]").unwrap();
        assert_eq!(
            unknown.chosen().unwrap_err().to_string(),
            "Cannot load plugin 'z': plugin config not found for given name"
        );
        assert!(PluginFile::parse(b"plugins: [{library_path: /a.so}]").is_err());
        assert!(PluginFile::parse(b"load_plugins: [[a]]").is_err());
        assert!(PluginFile::parse(b"").unwrap().plugins.is_empty());
    }
}
