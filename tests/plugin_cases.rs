//! Checks that each required behaviour of a plugin host has a test; tests/plugin_cases.txt lists them.

use std::collections::BTreeMap;

/// A case's tests, each a file and a name; or the reason why it has none.
#[derive(Default)]
struct Case {
    tests: Vec<(String, String)>,
    none: Option<String>,
}

/// The cases by their numbers.
fn cases() -> BTreeMap<String, Case> {
    let text = std::fs::read_to_string(eyas_testing::root().join("tests/plugin_cases.txt")).unwrap();
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some(rest) = line.strip_prefix("  ") else {
            last =
                line.split_once(' ').unwrap_or_else(|| panic!("a case without a name: {line}")).0.to_owned();
            assert!(cases.insert(last.clone(), Case::default()).is_none(), "{last} is there twice");
            continue;
        };
        let case = cases.get_mut(&last).unwrap();
        match rest.strip_prefix("none: ") {
            Some(reason) => case.none = Some(reason.to_owned()),
            None => {
                let (file, test) = rest.split_once(' ').unwrap_or_else(|| panic!("{last}: {rest}"));
                case.tests.push((file.to_owned(), test.to_owned()));
            }
        }
    }
    cases
}

#[test]
fn every_case_has_tests_that_exist() {
    let cases = cases();
    assert!(cases.len() > 80, "{} cases", cases.len());
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (id, case) in &cases {
        assert_eq!(case.tests.is_empty(), case.none.is_some(), "{id} has tests, or a reason for having none");
        for (file, test) in &case.tests {
            let read = || {
                std::fs::read_to_string(eyas_testing::root().join(file))
                    .unwrap_or_else(|e| panic!("{file}: {e}"))
            };
            let text = files.entry(file.clone()).or_insert_with(read);
            assert!(
                text.contains(&format!("#[test]\nfn {test}("))
                    || text.contains(&format!("#[test]\n    fn {test}(")),
                "{id}: {file} has no test {test}"
            );
        }
    }
}

/// If the original list of behaviours is available, no case of it is missing here.
#[test]
fn no_case_of_the_list_is_missing() {
    let Some(path) = eyas_testing::data("spec/plugin-cases.md") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let cases = cases();
    // A heading ends with the letter of its cases, in brackets.
    let mut letter = "";
    let mut missing = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let (_, rest) = heading.rsplit_once('(').unwrap();
            letter = &rest[..1];
        }
        let number = line.split_once(". ").and_then(|(number, _)| number.parse::<u32>().ok());
        missing.extend(number.map(|number| format!("{letter}{number}")).filter(|id| !cases.contains_key(id)));
    }
    assert!(missing.is_empty(), "{missing:?}");
}
