//! A configuration as a tree of values, before it is given types: overrides by path, merging of files,
//! and environment variables.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

/// Most elements that an override's index may add to a list.
const MAX_INDEX: usize = 1024;

/// Parses YAML text.
pub fn parse(name: &str, text: &str) -> Result<Value> {
    let tree: Value = serde_saphyr::from_str(text).map_err(|e| anyhow!("{name}: {e}"))?;
    match tree {
        Value::Null => Ok(Value::Object(Map::new())),
        Value::Object(_) => Ok(tree),
        _ => bail!("{name}: expected keys with values, found {}", kind(&tree)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "keys with values",
    }
}

/// How the keys of an included file meet those that are already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Lists are joined, other keys replaced.
    Append,
    /// Keys are replaced.
    Override,
    /// Only keys that are not there yet are taken.
    AddOnly,
}

/// Merges the top-level keys of `from` into `into`.
pub fn merge(into: &mut Value, from: Value, how: Merge) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { return };
    for (key, value) in from {
        match (into.get_mut(&key), how, value) {
            (Some(_), Merge::AddOnly, _) => {}
            (Some(Value::Array(old)), Merge::Append, Value::Array(new)) => old.extend(new),
            (_, _, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Applies `path=value`, the text of a `-o` option.
pub fn set(tree: &mut Value, option: &str) -> Result<()> {
    let (path, text) = option
        .split_once('=')
        .with_context(|| format!("option `{option}`: expected key=value, found no `=`"))?;
    let steps = steps(path.trim()).with_context(|| format!("option `{option}`"))?;
    let value = match serde_saphyr::from_str(text) {
        // In a line of its own, `::` or `a: b` is a text that somebody did not quote.
        Ok(Value::Object(_)) if !text.trim_start().starts_with('{') => Value::String(text.to_owned()),
        Ok(value) => value,
        Err(_) => Value::String(text.to_owned()),
    };
    let slot = descend(tree, &steps).with_context(|| format!("option `{option}`"))?;
    *slot = value;
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    Index(usize),
    Push,
}

fn steps(path: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut key = String::new();
    let mut chars = path.chars();
    let flush = |key: &mut String, steps: &mut Vec<Step>| {
        if !key.is_empty() {
            steps.push(Step::Key(std::mem::take(key)));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.extend(chars.next()),
            '.' => flush(&mut key, &mut steps),
            '[' => {
                flush(&mut key, &mut steps);
                let index: String = chars.by_ref().take_while(|c| *c != ']').collect();
                steps.push(match index.as_str() {
                    "" => Step::Push,
                    digits => {
                        Step::Index(digits.parse().with_context(|| format!("`[{digits}]` is not an index"))?)
                    }
                });
            }
            c => key.push(c),
        }
    }
    flush(&mut key, &mut steps);
    if steps.is_empty() {
        bail!("the key is empty");
    }
    Ok(steps)
}

fn descend<'a>(mut at: &'a mut Value, steps: &[Step]) -> Result<&'a mut Value> {
    for step in steps {
        at = match step {
            Step::Key(key) => {
                if !at.is_object() {
                    *at = Value::Object(Map::new());
                }
                let Value::Object(map) = at else { unreachable!("made an object above") };
                map.entry(key.as_str()).or_insert(Value::Null)
            }
            Step::Index(_) | Step::Push => {
                if !at.is_array() {
                    *at = Value::Array(Vec::new());
                }
                let Value::Array(list) = at else { unreachable!("made a list above") };
                let index = match step {
                    Step::Index(index) => *index,
                    _ => list.len(),
                };
                if index > MAX_INDEX {
                    bail!("index {index} is above the limit of {MAX_INDEX}");
                }
                while list.len() <= index {
                    list.push(Value::Null);
                }
                &mut list[index]
            }
        };
    }
    Ok(at)
}

/// Replaces `${NAME}` in every text by the environment's value (empty where unset); `$${NAME}` stands
/// for itself.
pub fn expand_env(tree: &mut Value, env: &dyn Fn(&str) -> Option<String>) {
    match tree {
        Value::String(text) if text.contains("${") => {
            let expanded = expand(text, env);
            let whole = text.starts_with("${") && text.find('}') == Some(text.len() - 1);
            // A value that is a variable alone takes the type that its text has.
            *tree = match serde_saphyr::from_str::<Value>(&expanded) {
                Ok(scalar @ (Value::Bool(_) | Value::Number(_))) if whole => scalar,
                _ => Value::String(expanded),
            };
        }
        Value::Array(list) => list.iter_mut().for_each(|v| expand_env(v, env)),
        Value::Object(map) => map.values_mut().for_each(|v| expand_env(v, env)),
        _ => {}
    }
}

fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let Some(end) = rest[at..].find('}').map(|n| at + n) else { break };
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str(&rest[at..=end]);
        } else {
            out.push_str(&rest[..at]);
            out.push_str(&env(&rest[at + 2..end]).unwrap_or_default());
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_option_reaches_into_maps_and_lists() {
        let mut tree = json!({"json_output": false});
        for option in [
            "json_output=true",
            "engine.kind=replay",
            "engine.replay.capture_file=/tmp/a=b.scap",
            "rules_files[]=/x",
            "rules_files[1]=/y",
            "append_output[]={suggested_output: true}",
            r"static_fields.a\.b=1",
            "webserver.listen_address=::",
        ] {
            set(&mut tree, option).unwrap();
        }
        assert_eq!(
            tree,
            json!({
                "json_output": true,
                "engine": {"kind": "replay", "replay": {"capture_file": "/tmp/a=b.scap"}},
                "rules_files": ["/x", "/y"],
                "append_output": [{"suggested_output": true}],
                "static_fields": {"a.b": 1},
                "webserver": {"listen_address": "::"},
            })
        );
    }

    #[test]
    fn a_bad_option_names_itself() {
        for (option, want) in [
            ("json_output", "no `=`"),
            ("a[x]=1", "not an index"),
            ("=1", "empty"),
            ("a[99999]=1", "limit of 1024"),
        ] {
            let error = format!("{:#}", set(&mut json!({}), option).unwrap_err());
            assert!(error.contains(option) && error.contains(want), "{error}");
        }
    }

    #[test]
    fn variables_come_from_the_environment() {
        let env = |name: &str| match name {
            "A" => Some("7".to_owned()),
            "B" => Some("x".to_owned()),
            _ => None,
        };
        let mut tree = json!({"a": "${A}", "b": ["-${B}-${C}-"], "c": "$${A}", "d": "${A}s"});
        expand_env(&mut tree, &env);
        assert_eq!(tree, json!({"a": 7, "b": ["-x--"], "c": "${A}", "d": "7s"}));
    }

    #[test]
    fn an_included_file_joins_as_asked() {
        let base = json!({"l": [1], "k": 1});
        let more = json!({"l": [2], "k": 2, "n": 3});
        for (how, want) in [
            (Merge::Append, json!({"l": [1, 2], "k": 2, "n": 3})),
            (Merge::Override, json!({"l": [2], "k": 2, "n": 3})),
            (Merge::AddOnly, json!({"l": [1], "k": 1, "n": 3})),
        ] {
            let mut tree = base.clone();
            merge(&mut tree, more.clone(), how);
            assert_eq!(tree, want);
        }
    }
}
