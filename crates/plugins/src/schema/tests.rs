use serde_json::json;

use super::*;

/// Tests a value. Returns the error with Falco's text.
fn check(schema: &Value, value: &Value) -> String {
    super::check(schema, value)
        .map_or_else(|wrong| format!("{}: {}", wrong.place, wrong.what), |()| "ok".into())
}

#[test]
fn every_keyword_is_tested() {
    let type_text = "Value type not permitted by 'type' constraint.";
    let table = [
        (json!({"type": "object"}), json!({}), "ok"),
        (json!({"type": ["null", "string"]}), json!(null), "ok"),
        (json!({"type": "integer"}), json!(3), "ok"),
        (json!({"type": "integer"}), json!(3.5), &format!("<root>: {type_text}")),
        (json!({"type": "string"}), json!(3), &format!("<root>: {type_text}")),
        (json!({"enum": ["a", 2]}), json!(2.0), "ok"),
        (json!({"enum": ["a", 2]}), json!("b"), "<root>: Failed to match against any enum values."),
        (json!({"const": 1}), json!(2), "<root>: Failed to match expected value set by 'const' constraint."),
        (json!({"minimum": 0}), json!(-1), "<root>: Expected number greater than or equal to 0.000000"),
        (json!({"maximum": 9}), json!(10), "<root>: Expected number less than or equal to 9.000000"),
        (json!({"exclusiveMinimum": 0}), json!(0), "<root>: Expected number greater than 0.000000"),
        (json!({"exclusiveMaximum": 1.5}), json!(2), "<root>: Expected number less than 1.500000"),
        (json!({"multipleOf": 2}), json!(3), "<root>: Value should be a multiple of 2"),
        (
            json!({"minLength": 2}),
            json!("ä"),
            "<root>: String should be no fewer than 2 characters in length.",
        ),
        (
            json!({"maxLength": 1}),
            json!("ab"),
            "<root>: String should be no more than 1 characters in length.",
        ),
        (
            json!({"pattern": "^a"}),
            json!("b"),
            "<root>: Failed to match regex specified by 'pattern' constraint.",
        ),
        (json!({"minItems": 1}), json!([]), "<root>: Array should contain no fewer than 1 elements."),
        (json!({"maxItems": 0}), json!([1]), "<root>: Array should contain no more than 0 elements."),
        (json!({"minProperties": 1}), json!({}), "<root>: Object should have no fewer than 1 properties."),
        (
            json!({"maxProperties": 0}),
            json!({"a": 1}),
            "<root>: Object should have no more than 0 properties.",
        ),
        (
            json!({"uniqueItems": true}),
            json!([1, 2, 1]),
            "<root>: Elements at indexes #0 and #2 violate uniqueness constraint.",
        ),
        (
            json!({"contains": {"type": "string"}}),
            json!([1]),
            "<root>: Failed to any values against subschema in 'contains' constraint.",
        ),
        (json!({"items": {"type": "string"}}), json!(["a", 1]), &format!("<root>[1]: {type_text}")),
        (
            json!({"items": [{"type": "string"}], "additionalItems": false}),
            json!(["a", 1]),
            "<root>: Array contains more items than allowed by items constraint.",
        ),
        (json!({"required": ["a", "b"]}), json!({"a": 1}), "<root>: Missing required property 'b'."),
        (
            json!({"properties": {"a": {"type": "string"}}}),
            json!({"a": 1}),
            &format!("<root>[a]: {type_text}"),
        ),
        (
            json!({"properties": {"a": true}, "additionalProperties": false}),
            json!({"a": 1, "b": 2}),
            "<root>: Object contains a property that could not be validated using 'properties' or \
             'additionalProperties' constraints: 'b'.",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            json!({"b": 2}),
            &format!("<root>[b]: {type_text}"),
        ),
        (
            json!({"patternProperties": {"^x": {"type": "string"}}}),
            json!({"xy": 2}),
            &format!("<root>[xy]: {type_text}"),
        ),
        (
            json!({"propertyNames": {"maxLength": 1}}),
            json!({"xy": 2}),
            "<root>: The name 'xy' of a property is not permitted.",
        ),
        (
            json!({"allOf": [{"type": "object"}, {"required": ["a"]}]}),
            json!({}),
            "<root>: Missing required property 'a'.",
        ),
        (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), json!(null), "ok"),
        (json!({"anyOf": [{"type": "string"}, {"minimum": 3}]}), json!(1), &format!("<root>: {type_text}")),
        (json!({"oneOf": [{"type": "string"}, {"type": "null"}]}), json!(1), &format!("<root>: {type_text}")),
        (
            json!({"oneOf": [{"minimum": 0}, {"maximum": 5}]}),
            json!(1),
            "<root>: Failed to validate against exactly one child schema.",
        ),
        (
            json!({"not": {"type": "string"}}),
            json!("a"),
            "<root>: Target should not validate against schema specified in 'not' constraint.",
        ),
        (
            json!({"if": {"required": ["a"]}, "then": {"required": ["b"]}}),
            json!({"a": 1}),
            "<root>: Missing required property 'b'.",
        ),
        (json!({"if": {"required": ["a"]}, "else": {"required": ["b"]}}), json!({"a": 1}), "ok"),
        (json!(false), json!(1), "<root>: The schema permits no value."),
    ];
    for (schema, value, expected) in table {
        assert_eq!(check(&schema, &value), expected, "{schema} {value}");
    }
}

#[test]
fn references_lead_into_the_schema() {
    let schema = json!({
        "properties": {"list": {"type": "array", "items": {"$ref": "#/definitions/tree"}}},
        "definitions": {"tree": {"type": "object", "properties": {"left": {"$ref": "#/definitions/tree"}}}}
    });
    assert_eq!(check(&schema, &json!({"list": [{"left": {}}]})), "ok");
    assert_eq!(
        check(&schema, &json!({"list": [{"left": 3}]})),
        "<root>[list][0][left]: Value type not permitted by 'type' constraint."
    );
    let schema = json!({"$ref": "#/nosuch"});
    assert_eq!(check(&schema, &json!(1)), "<root>: The schema lacks '#/nosuch', which it refers to.");
    let schema = json!({"definitions": {"a": {"$ref": "#/definitions/a"}}, "$ref": "#/definitions/a"});
    assert_eq!(check(&schema, &json!(1)), "<root>: The schema refers to itself without end.");
}
