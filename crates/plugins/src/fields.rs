//! The fields that a plugin declares: the JSON of `get_fields`.

use eyas_fields::FieldType;
use eyas_sinsp::plugin::{ArgForms, PluginField};
use serde_json::{Map, Value};

/// Names of field types in the JSON, and the corresponding types in conditions.
const TYPES: [(&str, FieldType); 7] = [
    ("string", FieldType::Str),
    ("uint64", FieldType::Uint { bits: 64 }),
    ("reltime", FieldType::RelTime),
    ("abstime", FieldType::AbsTime),
    ("bool", FieldType::Bool),
    ("ipaddr", FieldType::Ip),
    ("ipnet", FieldType::Net),
];

/// Reads the JSON of `get_fields`.
///
/// # Errors
/// The JSON is invalid. The message has Falco's text.
pub(crate) fn parse(json: Option<&str>) -> Result<Vec<PluginField>, String> {
    let json = json.ok_or("get_fields returned a null string")?;
    let Ok(Value::Array(rows)) = serde_json::from_str(json) else {
        return Err("get_fields returned an invalid JSON".into());
    };
    if rows.is_empty() {
        return Err("plugins with extraction capability must export at least one field".into());
    }
    rows.iter().map(row).collect()
}

fn text<'v>(row: &'v Value, key: &str) -> Option<&'v str> {
    row[key].as_str().filter(|text| !text.is_empty())
}

fn row(row: &Value) -> Result<PluginField, String> {
    let ty = text(row, "type").ok_or("field JSON entry has no type")?;
    let name = text(row, "name").ok_or("field JSON entry has no name")?;
    let desc = text(row, "desc").ok_or("field JSON entry has no desc")?;
    let of_type = TYPES.iter().find(|(word, _)| *word == ty);
    let (_, ty) = of_type.ok_or_else(|| format!("invalid field type {ty}"))?;
    let flag = |object: &Map<String, Value>, key: &str, what: &str| match object.get(key) {
        None => Ok(false),
        Some(Value::Bool(is_set)) => Ok(*is_set),
        Some(_) => Err(format!("field {name} {what} property is not boolean ")),
    };
    // `text` has found members in the object.
    let empty = Map::new();
    let object = row.as_object().unwrap_or(&empty);
    let arg = match object.get("arg") {
        None | Some(Value::Null) => ArgForms::default(),
        Some(Value::Object(arg)) => ArgForms {
            required: flag(arg, "isRequired", "arg isRequired")?,
            index: flag(arg, "isIndex", "arg isIndex")?,
            key: flag(arg, "isKey", "arg isKey")?,
        },
        Some(_) => return Err(format!("field {name} arg property is not an object ")),
    };
    if arg.required && !arg.index && !arg.key {
        return Err(format!("field {name} arg has isRequired true, but none of isKey nor isIndex is true"));
    }
    let has = |property: &str| {
        row["properties"].as_array().is_some_and(|all| all.iter().any(|one| one == property))
    };
    let mut field = PluginField::new(name, *ty, desc).with_arg(arg);
    field.display = text(row, "display").unwrap_or_default().to_owned();
    field.is_list = flag(object, "isList", "isList")?;
    field.is_suggested = flag(object, "addOutput", "addOutput")?;
    field.is_hidden = has("hidden");
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_no_fields_are_refused() {
        let cases = [
            ("[]", "plugins with extraction capability must export at least one field"),
            ("{}", "get_fields returned an invalid JSON"),
            ("no json", "get_fields returned an invalid JSON"),
            (r#"[{"name":"a.b","desc":"d"}]"#, "field JSON entry has no type"),
            (r#"[{"type":"string","desc":"d"}]"#, "field JSON entry has no name"),
            (r#"[{"type":"string","name":"a.b"}]"#, "field JSON entry has no desc"),
            (r#"[{"type":"string","name":"a.b","desc":""}]"#, "field JSON entry has no desc"),
            (r#"[{"type":"text","name":"a.b","desc":"d"}]"#, "invalid field type text"),
            (r#"[3]"#, "field JSON entry has no type"),
            (
                r#"[{"type":"string","name":"a.b","desc":"d","isList":"yes"}]"#,
                "field a.b isList property is not boolean ",
            ),
            (
                r#"[{"type":"string","name":"a.b","desc":"d","arg":{"isRequired":true}}]"#,
                "field a.b arg has isRequired true, but none of isKey nor isIndex is true",
            ),
        ];
        for (json, error) in cases {
            assert_eq!(parse(Some(json)).unwrap_err(), error, "{json}");
        }
        assert_eq!(parse(None).unwrap_err(), "get_fields returned a null string");
    }

    #[test]
    fn a_row_has_all_its_properties() {
        let json = r#"[{"type":"ipaddr","name":"a.b","desc":"d","display":"D","isList":true,"addOutput":true,
            "arg":{"isKey":true,"isIndex":true},"properties":["hidden","info"]}]"#;
        let fields = parse(Some(json)).unwrap();
        let field = &fields[0];
        assert_eq!((field.name.as_str(), field.display.as_str(), field.ty), ("a.b", "D", FieldType::Ip));
        assert!(field.is_list && field.is_suggested && field.is_hidden);
        assert_eq!(field.arg, ArgForms { required: false, index: true, key: true });
    }
}
