use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};
use eyas::yaml;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

/// Where plugins are whose path is relative.
pub const FOLDER: &str = "/usr/share/falco/plugins/";

/// Falco's plugin for container metadata. What it does is built in, so that it need not be installed.
pub const CONTAINER: &str = "container";
/// What a path of a plugin that is built in begins with.
pub const BUILT_IN: &str = "native:";

/// A plugin, and what it is given.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PluginEntry {
    /// What `load_plugins` calls it.
    pub name: String,
    /// The file, as it is written; `native:NAME` if the plugin is built in.
    pub library_path: String,
    /// What it is initialised with: JSON, or a text of its own form.
    #[serde(deserialize_with = "init_config")]
    pub init_config: String,
    /// What its source is opened with.
    #[serde(deserialize_with = "trimmed")]
    pub open_params: String,
}

impl PluginEntry {
    /// The name of the plugin that is built in, if it is one.
    pub fn built_in(&self) -> Option<&str> {
        self.library_path.strip_prefix(BUILT_IN)
    }

    /// The file.
    ///
    /// # Errors
    /// A relative path leads out of the folder of plugins.
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

    /// Looks for what is wrong.
    ///
    /// # Errors
    /// What is wrong.
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

/// Keys with values become JSON, as Falco makes it of YAML; a text stays as it is.
fn init_config<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(String::new()),
        // As Falco has it, and plugins with a schema refuse.
        Value::Object(pairs) if pairs.is_empty() => Ok("null".to_owned()),
        value @ Value::Object(_) => Ok(typed(value).to_string()),
        Value::String(text) => Ok(text),
        _ => Err(serde::de::Error::custom("init_config is a list: expected keys with values, or a text")),
    }
}

/// Gives the texts of YAML types, and sorts keys. Quotes do not count.
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

/// A number of 32 bits: decimal, hexadecimal behind `0x`, octal behind `0`.
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
