//! Changes of a configuration, and whether they take effect without a restart.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::args::Args;
use crate::config::Config;

/// Keys that take effect only at the start of the program.
const FIXED: &[&str] = &[
    "container_engines",
    "container_hold_ms",
    "engine",
    "falco_libs",
    "grpc",
    "load_plugins",
    "metrics",
    "plugins",
    "plugins_allow_writable",
    "plugins_hostinfo",
    "privileges",
    "webserver",
];

/// Keys with different values, in the notation of `-o`.
pub fn between(before: &Config, after: &Config) -> Result<Vec<String>> {
    let tree = |config: &Config| {
        serde_json::to_value(config).context("the configuration has a path that is not valid UTF-8")
    };
    let mut keys = Vec::new();
    compare("", &tree(before)?, &tree(after)?, &mut keys);
    Ok(keys)
}

fn compare(path: &str, before: &Value, after: &Value, keys: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let gone = before.keys().filter(|key| !after.contains_key(*key));
            for key in after.keys().chain(gone) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&path, &of(before), &of(after), keys);
            }
        }
        _ if before == after => {}
        _ => keys.push(path.to_owned()),
    }
}

/// Whether the key takes effect only at the start of the program.
pub fn is_fixed(key: &str, args: &Args) -> bool {
    is_below(key, FIXED) || (args.threads > 1 && is_below(key, &["capture"]))
}

/// Whether the key is one of these, or below one.
pub fn is_below(key: &str, tops: &[&str]) -> bool {
    key.split('.').next().is_some_and(|top| tops.contains(&top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Section;
    use crate::outputs::file::Settings as FileOutput;

    #[test]
    fn changed_keys_are_named() {
        let mut before = Config::default();
        FileOutput::default().put(&mut before);
        let mut after = before.clone();
        assert!(between(&before, &after).unwrap().is_empty());
        after.engine.modern_ebpf.buf_size_preset = 5;
        FileOutput { filename: "/x".into(), ..FileOutput::default() }.put(&mut after);
        after.rules_files.push("/y".into());
        after.static_fields.insert("a".into(), "b".into());
        let mut keys = between(&before, &after).unwrap();
        keys.sort();
        let want =
            ["engine.modern_ebpf.buf_size_preset", "file_output.filename", "rules_files", "static_fields.a"];
        assert_eq!(keys, want);
        assert_eq!(between(&after, &before).unwrap().len(), 4);
        assert!(is_below(&keys[0], FIXED) && !is_below(&keys[1], FIXED));
    }
}
