//! The configuration of a plugin: the text for the plugin, and the check against its schema.

use eyas_sinsp::plugin::PluginError;
use serde_json::Value;

use crate::schema;

/// The schema kind for JSON Schema.
const JSON_SCHEMA: u32 = 1;

/// Checks a configuration and returns the text for the plugin. `kind` is 0 if there is no schema.
///
/// # Errors
/// The configuration is invalid. The message has Falco's text.
pub(crate) fn check(
    plugin: &str,
    schema: Option<&str>,
    kind: u32,
    config: &str,
) -> Result<String, PluginError> {
    let Some(schema) = schema.filter(|_| kind != 0) else { return Ok(config.to_owned()) };
    if kind != JSON_SCHEMA {
        let text =
            format!("error in plugin {plugin}: get_init_schema returned an unknown schema type {kind}");
        return Err(text.into());
    }
    let schema: Value = serde_json::from_str(schema)
        .map_err(|_| format!("error in plugin {plugin}: get_init_schema did not return a json object"))?;
    let config = if config.is_empty() { "{}" } else { config };
    let value: Value = serde_json::from_str(&without_comments(config))
        .map_err(|_| format!("error in plugin {plugin}: init config is not a valid json"))?;
    match schema::check(&schema, &value) {
        Ok(()) => Ok(config.to_owned()),
        Err(wrong) => {
            Err(format!("error in plugin {plugin} init config: In {}, {}", wrong.place, wrong.what).into())
        }
    }
}

/// JSON without comments (`//` and `/* */`) and without commas before a closing bracket, which Falco's reader accepts.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let (mut in_text, mut is_escaped) = (false, false);
    while let Some(c) = rest.next() {
        if in_text {
            in_text = c != '"' || is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            out.push(c);
            continue;
        }
        match (c, rest.peek()) {
            ('/', Some('/')) => while rest.next_if(|c| *c != '\n').is_some() {},
            ('/', Some('*')) => {
                rest.next();
                let mut last = ' ';
                for c in rest.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            (']' | '}', _) => {
                let end = out.trim_end().len();
                if out[..end].ends_with(',') {
                    out.truncate(end - 1);
                }
                out.push(c);
            }
            _ => {
                in_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type":"object","properties":{"count":{"type":"integer"}}}"#;

    fn check(schema: &str, kind: u32, config: &str) -> Result<String, String> {
        super::check("p", Some(schema), kind, config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_is_what_the_schema_says() {
        assert_eq!(check(SCHEMA, 1, r#"{"count":3}"#).as_deref(), Ok(r#"{"count":3}"#));
        assert_eq!(check(SCHEMA, 1, "").as_deref(), Ok("{}"));
        for (config, error) in [
            (
                r#"{"count":"x"}"#,
                "error in plugin p init config: In <root>[count], Value type not permitted by 'type' constraint.",
            ),
            ("count", "error in plugin p: init config is not a valid json"),
            (
                "null",
                "error in plugin p init config: In <root>, Value type not permitted by 'type' constraint.",
            ),
        ] {
            assert_eq!(check(SCHEMA, 1, config).unwrap_err(), error);
        }
        assert_eq!(
            check("no", 1, "{}").unwrap_err(),
            "error in plugin p: get_init_schema did not return a json object"
        );
        assert_eq!(
            check("{}", 7, "{}").unwrap_err(),
            "error in plugin p: get_init_schema returned an unknown schema type 7"
        );
        assert_eq!(check(SCHEMA, 0, "anything").as_deref(), Ok("anything"));
    }

    #[test]
    fn comments_and_trailing_commas_are_accepted() {
        let config =
            "{ // a comment\n \"count\": 3, /* another */ \"b\": \"// no \\\" comment\", \"c\": [1, ], }";
        assert_eq!(check(SCHEMA, 1, config).as_deref(), Ok(config));
        let value: Value = serde_json::from_str(&without_comments(config)).unwrap();
        assert_eq!(value["b"], "// no \" comment");
    }
}
