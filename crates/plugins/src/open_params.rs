//! Suggested open parameters: the JSON of `list_open_params`.

use eyas_sinsp::plugin::OpenParam;
use serde_json::Value;

/// Reads the list; an empty text is an empty list.
///
/// # Errors
/// The JSON is invalid.
pub(crate) fn parse(json: &str) -> Result<Vec<OpenParam>, String> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Value::Array(rows)) = serde_json::from_str(json) else {
        return Err("list_open_params did not return a json array".into());
    };
    let row = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (value, description, separator) = (text("value"), text("desc"), text("separator"));
        if value.is_empty() {
            return Err("list_open_params has a parameter without a value".to_owned());
        }
        Ok(OpenParam { value, description, separator })
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_a_value() {
        let params = parse(r#"[{"value":"5","desc":"five"},{"value":"6","separator":","}]"#).unwrap();
        assert_eq!((params[0].value.as_str(), params[0].description.as_str()), ("5", "five"));
        assert_eq!((params[1].value.as_str(), params[1].separator.as_str()), ("6", ","));
        assert_eq!(parse(""), Ok(vec![]));
        for wrong in ["{}", r#"[{"desc":"five"}]"#, r#"[{"value":""}]"#, "[3]"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
