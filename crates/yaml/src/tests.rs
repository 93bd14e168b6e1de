use super::*;

fn read(text: &str) -> Parsed {
    parse(&text.into()).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

fn first(parsed: &Parsed) -> &Node {
    &parsed.documents[0]
}

/// The range of the text from which a part of the first scalar comes.
fn source<'a>(text: &'a str, part: &str) -> &'a str {
    let parsed = read(text);
    let node = first(&parsed);
    let value = node.as_str().unwrap();
    let start = value.find(part).unwrap_or_else(|| panic!("{part:?} is not in {value:?}"));
    let found = parsed.sources.locate(node.place.start, node.style.unwrap(), start..start + part.len());
    &text[found]
}

#[test]
fn every_byte_of_a_scalar_has_its_place_in_the_source() {
    for (text, part, want) in [
        ("evt.type = open", "open", "open"),
        ("'it''s'", "'", "''"),
        ("'a b'", "a b", "a b"),
        ("\"a\\tb \\\"c\\\"\"", "\t", "\\t"),
        ("\"a\\tb \\\"c\\\"\"", "\"c", "\\\"c"),
        ("\"a\\\n   b\"", "ab", "a\\\n   b"),
        ("a\n  b\n\n  c", "b", "b"),
        ("a\n  b\n\n  c", "a b", "a\n  b"),
        (">\n  one\n  two\n\n  three\n", "two", "two"),
        (">\n  one\n  two\n\n  three\n", "one two", "one\n  two"),
        ("|\n\n  x\n    y\n", "  y", "  y"),
        ("|\n\n  x\n    y\n", "\n", "\n"),
    ] {
        assert_eq!(source(text, part), want, "{part:?} of {text:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_characters_of_one_byte() {
    let text = decode(b"# \xe9\xff\n- \xe9: b\xe9 # \xe9\n  c: d\n");
    let parsed = parse(&text).unwrap();
    let map = first(&parsed).as_seq().unwrap()[0].as_map().unwrap();
    assert_eq!((map[0].0.as_str(), map[0].1.as_str()), (Some("é"), Some("bé")));
    assert_eq!(map[0].1.mark, Mark { line: 1, column: 5, offset: 10 });
    assert_eq!(&text.text[map[0].1.place.clone()], "bé");
    assert_eq!(map[1].0.mark, Mark { line: 2, column: 2, offset: 19 });
}

#[test]
fn other_encodings_are_found_by_their_first_bytes() {
    let text = "- é: [a, ñ]\n";
    let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let wider = |unit: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| unit(c.into())).collect::<Vec<u8>>();
    let plain = read(text).documents;
    for (mark, bytes) in [
        (&b"\xef\xbb\xbf"[..], text.as_bytes().to_vec()),
        (b"\xff\xfe", wide(u16::to_le_bytes)),
        (b"\xfe\xff", wide(u16::to_be_bytes)),
        (b"\xff\xfe\0\0", wider(u32::to_le_bytes)),
        (b"\0\0\xfe\xff", wider(u32::to_be_bytes)),
    ] {
        for bytes in [[mark, &bytes].concat(), bytes] {
            assert_eq!(parse(&decode(&bytes)).unwrap().documents, plain, "{bytes:?}");
        }
    }
}

#[test]
fn empty_documents_are_skipped() {
    for text in ["", "# nothing\n", "---\n", "---\n---\n", "~\n...\n"] {
        assert_eq!(read(text).documents, [], "{text:?}");
    }
    assert_eq!(read("---\n# nothing\n---\na\n---\nb\n").documents.len(), 2);
}

#[test]
fn sizes_have_limits() {
    let fail = |text: &str| parse(&text.into()).unwrap_err().message;
    assert!(fail(&"[".repeat(100_000)).contains("nested"));
    assert!(fail(&format!("{}a", "? ".repeat(100_000))).contains("nested"));
    let mut bomb = "- &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let of = format!("*a{}", level - 1);
        bomb += &format!("- &a{level} [{}]\n", [of.as_str(); 8].join(", "));
    }
    assert!(fail(&bomb).contains("more than"));
    assert!(fail("&a [*a]").contains("inside"));
}

#[test]
fn words_and_numbers_are_read_as_yaml_cpp_reads_them() {
    for (word, want) in [
        ("true", Some(true)),
        ("TRUE", Some(true)),
        ("Yes", Some(true)),
        ("y", Some(true)),
        ("Y", Some(true)),
        ("N", Some(false)),
        ("off", Some(false)),
        ("OFF", Some(false)),
        ("tRUE", None),
        ("yEs", None),
        ("TRue", None),
        ("1", None),
        ("", None),
        ("é", None),
    ] {
        assert_eq!(truth(word), want, "{word}");
    }
    for (text, want) in [
        ("0", Some(0)),
        ("500", Some(500)),
        ("+7", Some(7)),
        ("010", Some(8)),
        ("0x3E", Some(62)),
        ("7 ", Some(7)),
        (" 7", None),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("-1", None),
        ("1.5", None),
        ("08", None),
        ("++1", None),
        ("0x", None),
        ("0x+1", None),
        ("", None),
    ] {
        assert_eq!(unsigned(text), want, "{text}");
    }
    assert_eq!(
        (signed("-7"), signed("7"), signed("-0x10"), signed("--1")),
        (Some(-7), Some(7), Some(-16), None)
    );
    for (text, want) in [
        ("1", Some(1.0)),
        ("-.5", Some(-0.5)),
        ("1e3", Some(1000.0)),
        ("0.1 ", Some(0.1)),
        (".inf", Some(f64::INFINITY)),
        ("-.INF", Some(f64::NEG_INFINITY)),
        ("inf", None),
        ("nan", None),
        ("1x", None),
        ("", None),
    ] {
        assert_eq!(float(text), want, "{text}");
    }
    assert!(float(".nan").is_some_and(f64::is_nan));
}

#[test]
fn a_problem_says_where_and_what_to_do() {
    for (text, want) in [
        ("a:\n  b: 1\n\t c: 2\n", "tab"),
        ("a:\n\tb: 1\n", "indent with blanks"),
        ("a:\n \tb: 1\n", "indent with blanks"),
        ("a:\n\t- b: 1\n", "indent with blanks"),
        ("a: \"\\q\"", "backslash"),
        ("a: @b", "quotes"),
        ("a: b: c", "quotes"),
        ("a: b\n- c\n", "indent"),
        ("a: \"b", "second quote"),
    ] {
        let problem = parse(&text.into()).expect_err(text);
        let help = problem.help.clone().unwrap_or_default();
        assert!(help.contains(want) || problem.message.contains(want), "{text:?}: {problem:?}");
    }
}
