use proptest::prelude::*;

use super::*;

fn text(json: &str, pointer: &str) -> Option<String> {
    let document = Document::parse(json.as_bytes());
    document.root()?.pointer(pointer).map(|node| String::from_utf8_lossy(&node.text()).into_owned())
}

#[test]
fn pointers_lead_to_values() {
    let json = r#" {"a": {"b/c": [10, "x", {"d": null}], "~": true}, "": "empty", "a":"second"} "#;
    for (pointer, expected) in [
        ("/a/b~1c/0", "10"),
        ("a/b~1c/1", "x"),
        ("/a/b~1c/2/d", "null"),
        ("/a/~0", "true"),
        ("/", "empty"),
        ("/a/b~1c", r#"[10,"x",{"d":null}]"#),
    ] {
        assert_eq!(text(json, pointer).as_deref(), Some(expected), "{pointer}");
    }
    for nowhere in ["", "/b", "/a/b~1c/3", "/a/b~1c/-1", "/a/b~1c/0/x"] {
        assert_eq!(text(json, nowhere), None, "{nowhere}");
    }
}

#[test]
fn strings_are_unescaped_and_invalid_json_has_no_root() {
    assert_eq!(
        text(r#"{"k":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d!"}"#, "/k").unwrap(),
        "a\"\\/\u{8}\u{c}\n\r\té😀\u{fffd}!"
    );
    assert_eq!(text(r#"{"\u006bey":1}"#, "/key").as_deref(), Some("1"));
    let deep = "[".repeat(129) + &"]".repeat(129);
    for broken in
        ["", "{", "[1,]", "{\"a\" 1}", "01", "1 2", "\"\\x\"", "nul", "\"\n\"", "+1", "1.", "{1:2}", &deep]
    {
        assert!(Document::parse(broken.as_bytes()).root().is_none(), "{broken}");
    }
    let deep = "[".repeat(128) + &"]".repeat(128);
    assert!(Document::parse(deep.as_bytes()).root().is_some());
}

#[test]
fn objects_are_shown_on_several_lines() {
    let document = Document::parse(br#"{"a":[1,{"b":"c"}],"d":{},"e":[]}"#);
    let expected =
        "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"c\"\n    }\n  ],\n  \"d\": {},\n  \"e\": []\n}";
    assert_eq!(String::from_utf8(document.root().unwrap().pretty()).unwrap(), expected);
}

#[test]
fn a_text_is_parsed_once_and_another_text_anew() {
    let value = |text: &str| {
        Document::with(text.as_bytes(), |root| {
            root.and_then(|root| root.get(b"a")).map(|node| node.raw().to_vec())
        })
    };
    assert_eq!(value(r#"{"a":1}"#).unwrap(), b"1");
    assert_eq!(value(r#"{"a":2}"#).unwrap(), b"2");
    assert_eq!(value("broken"), None);
    assert_eq!(value(r#"{"a":2}"#).unwrap(), b"2");
    // One within another.
    let inner = Document::with(b"[1]", |_| value(r#"{"a":3}"#));
    assert_eq!(inner.unwrap(), b"3");
}

proptest! {
    /// Another parser accepts the same texts.
    #[test]
    fn accepts_the_same_texts_as_serde_json(text in r#"[\[\]{}:,"a0-9.eE+\\ntrufls -]{0,24}"#) {
        let other = serde_json::from_str::<serde_json::Value>(&text);
        // That one refuses numbers beyond what it can hold, and halves of surrogate pairs.
        let limits = other.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert_eq!(Document::parse(text.as_bytes()).root().is_some(), other.is_ok() || limits);
    }

    /// Any bytes are parsed without a panic, and so are their parts.
    #[test]
    fn arbitrary_bytes_cause_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(root) = Document::parse(&bytes).root() {
            root.pretty();
        }
    }
}
