//! The guides for operators and transformers are exact: a copy of the crate with their changes passes its
//! tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::Dir;

#[path = "../xtask/src/codegen/transformers.rs"]
mod transformers;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// The code blocks of a text, without the indentation of their list item.
fn blocks(text: &str) -> Vec<String> {
    let block = |rest: &str| {
        let block = rest.split("   ```").next().unwrap();
        block.lines().map(|line| line.strip_prefix("   ").unwrap_or(line).to_owned() + "\n").collect()
    };
    text.split("   ```rust,ignore\n").skip(1).map(block).collect()
}

/// Inserts a text before the only line that begins with `line`.
fn insert_before(file: &Path, line: &str, text: &str) {
    let before = std::fs::read_to_string(file).unwrap();
    let at: Vec<usize> = before.match_indices(&format!("\n{line}")).map(|(at, _)| at + 1).collect();
    let [at] = at[..] else { panic!("{}: {} lines begin with {line:?}", file.display(), at.len()) };
    std::fs::write(file, format!("{}{text}{}", &before[..at], &before[at..])).unwrap();
}

/// Makes a workspace of the crate and its dependencies.
fn workspace(at: &Path) {
    for name in ["rules", "fields", "yaml"] {
        copy(&root().join("crates").join(name), &at.join("crates").join(name));
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = |name: &str| {
        let start = manifest.find(&format!("\n[{name}")).unwrap_or_else(|| panic!("no section {name}"));
        let rest = &manifest[start + 1..];
        rest[..rest.find("\n[").unwrap_or(rest.len())].to_owned() + "\n"
    };
    let names =
        ["workspace.package]", "workspace.dependencies]", "workspace.lints.rust]", "workspace.lints.clippy]"];
    let mut sections: String = names.into_iter().map(section).collect();
    // The same as here, so that the dependencies need not be built again.
    sections += &section("profile.dev]");
    sections += &section("profile.dev.package]");
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\n";
    // Another version, because cargo names its files by package and version: the copy must not replace those of this
    // workspace.
    let own = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(sections.contains(&own));
    let sections = sections.replace(&own, "version = \"0.999.0\"");
    std::fs::write(at.join("Cargo.toml"), format!("{workspace}{sections}")).unwrap();
    copy(&root().join("Cargo.lock"), &at.join("Cargo.lock"));
}

#[test]
fn the_guide_to_operators_and_transformers_can_be_followed() {
    let at = &Dir::new("guides");
    workspace(at);
    let guide = std::fs::read_to_string(root().join("docs/adding-an-operator.md")).unwrap();
    let (operator, transformer) = guide.split_once("## Transformer").unwrap();
    let condition = at.join("crates/rules/src/condition");

    let [row] = &blocks(operator)[..] else { panic!("one block") };
    insert_before(&condition.join("operators.rs"), "    PMatch {", row);
    let [file] = &blocks(transformer)[..] else { panic!("one block") };
    std::fs::write(condition.join("transformers/trim.rs"), file).unwrap();
    // The change that the second step, `cargo xtask codegen`, makes to the list.
    let list = condition.join("transformers.rs");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, transformers::relist(&text, &condition.join("transformers")).unwrap()).unwrap();

    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--package", "eyas-rules", "--lib", "condition::example"])
        .current_dir(at)
        .env("CARGO_TARGET_DIR", root().join("target"))
        .output()
        .unwrap();
    let shown =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("2 passed"), "{shown}");
    // The profile names packages that this small workspace does not have.
    let warnings =
        shown.lines().filter(|line| line.starts_with("warning: ") && !line.contains("profile package spec"));
    assert_eq!(warnings.count(), 0, "{shown}");
}
