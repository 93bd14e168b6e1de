//! Lists of names that a plugin returns as JSON: event sources and asynchronous events.

use serde_json::Value;

/// Reads the event sources of a capability. A plugin without a text declares none.
///
/// # Errors
/// The text is not a JSON array of names.
pub(crate) fn sources(symbol: &str, json: Option<&str>) -> Result<Vec<String>, String> {
    match json {
        None | Some("") => Ok(Vec::new()),
        Some(json) => names(json).ok_or_else(|| format!("'{symbol}' did not return a json array")),
    }
}

/// Reads the names of asynchronous events.
///
/// # Errors
/// The text is not a JSON array of names, or the array is empty.
pub(crate) fn async_events(json: Option<&str>) -> Result<Vec<String>, String> {
    let names = json.and_then(names).filter(|names| !names.is_empty());
    names.ok_or_else(|| "'get_async_events' did not return a json array but it should".to_owned())
}

/// The texts of an array: numbers and booleans converted to text, empty texts left out.
fn names(json: &str) -> Option<Vec<String>> {
    let Value::Array(values) = serde_json::from_str(json).ok()? else { return None };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    };
    let all: Option<Vec<String>> = values.into_iter().map(text).collect();
    all.map(|all| all.into_iter().filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_a_list_of_names() {
        for nothing in [None, Some(""), Some("[]"), Some(r#"[""]"#)] {
            assert_eq!(sources("get_extract_event_sources", nothing), Ok(vec![]));
        }
        assert_eq!(sources("s", Some(r#"["a","",3,true]"#)), Ok(vec!["a".into(), "3".into(), "true".into()]));
        let error = Err("'get_parse_event_sources' did not return a json array".to_owned());
        for text in ["{}", "nosuch", r#"[{}]"#] {
            assert_eq!(sources("get_parse_event_sources", Some(text)), error);
        }
    }

    #[test]
    fn asynchronous_events_have_a_name_at_least() {
        assert_eq!(async_events(Some(r#"["tick"]"#)), Ok(vec!["tick".into()]));
        for text in [None, Some(""), Some("[]"), Some("{}")] {
            assert!(async_events(text).is_err());
        }
    }
}
