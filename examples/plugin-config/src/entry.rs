use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use eyas::yaml;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

/// Directory of plugins with a relative path.
pub const FOLDER: &str = "/usr/share/falco/plugins/";

/// Name of Falco's plugin for container metadata. Its functions are built in, so it need not be installed.
pub const CONTAINER: &str = "container";
/// Prefix of the path of a built-in plugin.
pub const BUILT_IN: &str = "native:";

/// A plugin and its configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PluginEntry {
    /// Name of the plugin in `load_plugins`.
    pub name: String,
    /// Path of the file as configured; `native:NAME` for a built-in plugin.
    pub library_path: String,
    /// Its configuration: JSON, or a text in the plugin's own format.
    #[serde(deserialize_with = "init_config")]
    pub init_config: String,
    /// Open parameters of its source.
    #[serde(deserialize_with = "trimmed")]
    pub open_params: String,
}

impl PluginEntry {
    /// Name of the built-in plugin, if it is one.
    pub fn built_in(&self) -> Option<&str> {
        self.library_path.strip_prefix(BUILT_IN)
    }

    /// Path of the file.
    ///
    /// # Errors
    /// A relative path leads out of the plugin directory.
    pub fn path(&self) -> Result<PathBuf> {
        let given = Path::new(&self.library_path);
        if given.is_absolute() {
            return Ok(given.to_owned());
        }
        let mut path = PathBuf::from(FOLDER);
        for part in given.components() {
            match part {
                Component::ParentDir => {
                    path.pop();
                }
                Component::Normal(name) => path.push(name),
                _ => {}
            }
        }
        if !path.starts_with(FOLDER) {
            bail!(
                "plugin library_path '{}' resolves outside the plugins directory ({FOLDER})",
                self.library_path
            );
        }
        Ok(path)
    }

    /// Validates the entry.
    ///
    /// # Errors
    /// The entry is invalid.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            bail!("name is missing");
        }
        if self.library_path.is_empty() && self.name != CONTAINER {
            bail!("library_path of the plugin `{}` is missing", self.name);
        }
        if self.built_in().is_some() { Ok(()) } else { self.path().map(drop) }
    }
}

fn trimmed<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(String::deserialize(from)?.trim().to_owned())
}

/// Converts a mapping to JSON, in the same way as Falco. A text stays unchanged.
fn init_config<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(String::new()),
        // As in Falco; plugins with a schema reject this value.
        Value::Object(pairs) if pairs.is_empty() => Ok("null".to_owned()),
        value @ Value::Object(_) => Ok(typed(value).to_string()),
        Value::String(text) => Ok(text),
        _ => Err(serde::de::Error::custom("init_config is a list: expected keys with values, or a text")),
    }
}

/// Converts YAML texts to their types, and sorts keys. Quotes have no effect.
fn typed(value: Value) -> Value {
    match value {
        Value::Object(pairs) => {
            let mut pairs: Vec<(String, Value)> =
                pairs.into_iter().map(|(key, value)| (key, typed(value))).collect();
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(Map::from_iter(pairs))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(typed).collect()),
        Value::String(text) => scalar(text),
        other => other,
    }
}

fn scalar(text: String) -> Value {
    if let Some(number) = int(&text) {
        return Value::Number(number.into());
    }
    if let Some(number) = yaml::float(&text) {
        return Number::from_f64(number).map_or(Value::Null, Value::Number);
    }
    yaml::truth(&text).map_or(Value::String(text), Value::Bool)
}

/// A 32-bit number: decimal, hexadecimal after `0x`, octal after `0`.
fn int(text: &str) -> Option<i32> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let number = match hexadecimal {
        Some(digits) => i64::from_str_radix(digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(&digits[1..], 8),
        None => digits.parse(),
    };
    i32::try_from(if is_negative { -number.ok()? } else { number.ok()? }).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(value: Value) -> PluginEntry {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_configuration_becomes_the_json_that_falco_makes() {
        for (given, text) in [
            (
                json!({"count": "12", "big": "3000000000", "on": "yes", "x": "0x10", "o": "010"}),
                r#"{"big":3000000000.0,"count":12,"o":8,"on":true,"x":16}"#,
            ),
            (json!({"a": {"c": "1.5", "b": ["x", "-7"]}}), r#"{"a":{"b":["x",-7],"c":1.5}}"#),
            (json!({"none": null}), r#"{"none":null}"#),
            (json!({}), "null"),
            (json!("a text: as it is"), "a text: as it is"),
            (Value::Null, ""),
        ] {
            assert_eq!(entry(json!({"init_config": given})).init_config, text);
        }
        assert!(serde_json::from_value::<PluginEntry>(json!({"init_config": [1]})).is_err());
        assert_eq!(entry(json!({"open_params": "  {\"a\":1} "})).open_params, "{\"a\":1}");
    }

    #[test]
    fn relative_paths_are_below_the_folder_of_plugins() {
        let path =
            |path: &str| entry(json!({"library_path": path})).path().map_err(|error| error.to_string());
        assert_eq!(path("libx.so"), Ok("/usr/share/falco/plugins/libx.so".into()));
        assert_eq!(path("a/../libx.so"), Ok("/usr/share/falco/plugins/libx.so".into()));
        assert_eq!(path("/opt/libx.so"), Ok("/opt/libx.so".into()));
        assert_eq!(
            path("../x.so").unwrap_err(),
            "plugin library_path '../x.so' resolves outside the plugins directory (/usr/share/falco/plugins/)"
        );
    }
}
