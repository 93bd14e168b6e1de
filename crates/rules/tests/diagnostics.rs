//! Diagnostics as people see them: each `diagnostics/X.yaml` (and `X.2.yaml` after it) against `X.txt`.
//!
//! `UPDATE_EXPECT=1 cargo test -p eyas-rules --test diagnostics` writes the texts anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::expect_file;
use eyas_rules::{Loader, Style, render};
use eyas_sinsp::schema;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn loader() -> Loader {
    Loader::new(Arc::new(schema()))
}

/// All that is said about files, in order: name and text.
fn said(files: &[(String, String)]) -> String {
    let mut loader = loader();
    let mut out = String::new();
    for (name, text) in files {
        for diagnostic in loader.load(name, text).diagnostics() {
            out.push_str(&render(&diagnostic, Style::default()));
            out.push('\n');
        }
    }
    for diagnostic in loader.lint() {
        out.push_str(&render(&diagnostic, Style::default()));
        out.push('\n');
    }
    out
}

fn cases() -> Vec<(String, Vec<(String, String)>)> {
    let mut names: Vec<String> = std::fs::read_dir(dir())
        .unwrap()
        .filter_map(|entry| Some(entry.unwrap().file_name().to_str()?.strip_suffix(".yaml")?.to_owned()))
        .collect();
    names.sort();
    let read = |name: &str| {
        let name = format!("{name}.yaml");
        (name.clone(), std::fs::read_to_string(dir().join(name)).unwrap())
    };
    let second = |name: &String| names.contains(name).then(|| read(name));
    names
        .iter()
        .filter(|name| !name.ends_with(".2"))
        .map(|name| {
            let files = [Some(read(name)), second(&format!("{name}.2"))];
            (name.clone(), files.into_iter().flatten().collect())
        })
        .collect()
}

#[test]
fn texts() {
    let cases = cases();
    assert!(cases.len() >= 30);
    for (name, files) in cases {
        let said = said(&files);
        assert!(!said.contains('\u{1b}'), "{name}: no colours here");
        expect_file![dir().join(format!("{name}.txt"))].assert_eq(&said);
    }
}

/// The same mistakes in files with other ends of lines are found at the same places.
#[test]
fn carriage_returns_change_nothing() {
    for (name, files) in cases() {
        let with: Vec<_> =
            files.iter().map(|(name, text)| (name.clone(), text.replace('\n', "\r\n"))).collect();
        assert_eq!(said(&with).replace('\r', ""), said(&files), "{name}");
    }
}

#[test]
fn colours_are_for_those_who_ask() {
    let result = loader().load("r.yaml", "- rule: x\n");
    let diagnostic = result.diagnostics().next().unwrap();
    assert!(render(&diagnostic, Style::default().with_colors(true)).contains("\u{1b}["));
    assert_eq!(
        diagnostic.to_string(),
        "r.yaml:1:3: error[LOAD_ERR_YAML_VALIDATE]: the rule `x` has no content"
    );
}
