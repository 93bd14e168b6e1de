//! Checks that the invariants in ARCHITECTURE.md have tests.

use std::path::{Path, PathBuf};

use super::{root, sources};

/// The items of the list of invariants.
fn invariants() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let list = page.split("## Invariants").nth(1).unwrap().split("\n## ").next().unwrap();
    let is_first =
        |line: &str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    let mut items: Vec<String> = Vec::new();
    for line in list.lines() {
        match items.last_mut() {
            _ if is_first(line) => items.push(line.to_owned()),
            Some(last) => *last += &format!(" {}", line.trim()),
            None => {}
        }
    }
    items
}

/// The texts of the Rust files at a path.
fn texts(path: &Path) -> String {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files.clear();
        sources(path, &mut files);
    }
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

/// The file or folder of that name, in the workspace or among the crates.
fn place(name: &str) -> Option<PathBuf> {
    let is_path = name.contains('/') && !name.starts_with('/') && !name.contains(' ');
    let places = [root().join(name), root().join("crates").join(name)];
    places.into_iter().find(|place| is_path && place.exists())
}

#[test]
fn every_invariant_has_tests_that_exist() {
    let items = invariants();
    assert!(items.len() >= 10, "{} invariants", items.len());
    for item in items {
        let (mut at, mut tests) = (None, 0);
        // After each file, the names of its tests are in parentheses.
        for (number, word) in item.split('`').enumerate().skip(1).step_by(2) {
            if word.contains('/') && (word.ends_with(".rs") || word.contains("tests")) {
                at = Some(place(word).unwrap_or_else(|| panic!("there is no {word}: {item}")));
                continue;
            }
            let before = item.split('`').nth(number - 1).unwrap_or_default();
            if let Some(path) = at.as_ref().filter(|_| matches!(before, " (" | ", ")) {
                let there = texts(path);
                assert!(there.contains(&format!("fn {word}(")), "{} has no test {word}", path.display());
                tests += 1;
            }
        }
        assert!(tests > 0, "no test is named: {item}");
    }
}
