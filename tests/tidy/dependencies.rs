//! docs/dependencies.md has a row for each dependency of the workspace, and no other.

use std::collections::BTreeSet;

use super::root;

/// Names of the crates in the first table of the page.
fn rows(page: &str) -> BTreeSet<String> {
    let table = page.split("## Considered").next().unwrap();
    let names = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.map(str::to_owned).collect()
}

/// Names in the section `[workspace.dependencies]`, without the workspace's own crates.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let section = manifest.split("[workspace.dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
    names.filter(|name| !name.starts_with("eyas")).map(str::to_owned).collect()
}

#[test]
fn every_dependency_has_a_reason() {
    let page = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (rows, dependencies) = (rows(&page), dependencies(&manifest));
    let lacking: Vec<_> = dependencies.difference(&rows).collect();
    assert!(lacking.is_empty(), "docs/dependencies.md has no row for {lacking:?}");
    let left: Vec<_> = rows.difference(&dependencies).collect();
    assert!(left.is_empty(), "docs/dependencies.md has rows for {left:?}, which Cargo.toml does not name");
}

#[test]
fn members_take_every_dependency_from_the_workspace_and_each_is_used() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut used = BTreeSet::new();
    let mut manifests = Vec::new();
    for dir in [".", "benches", "fuzz", "testing", "testing/macros", "xtask", "crates", "examples"] {
        let dir = root().join(dir);
        let below = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
        manifests.extend(below.chain([dir]).map(|dir| dir.join("Cargo.toml")).filter(|path| path.exists()));
    }
    // A workspace of its own, which cargo-fuzz builds.
    manifests.retain(|path| !path.ends_with("fuzz/libfuzzer/Cargo.toml"));
    for path in manifests {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut is_dependency = false;
        for line in text.lines() {
            if line.starts_with('[') {
                is_dependency = line.ends_with("dependencies]") && !line.contains("workspace");
            } else if is_dependency && let Some((name, rest)) = line.split_once([' ', '.']) {
                let is_own = rest.contains("path = ");
                assert!(
                    rest.contains("workspace = true") || is_own,
                    "{}: `{line}` is not of the workspace",
                    path.display()
                );
                used.insert(name.to_owned());
            }
        }
    }
    let unused: Vec<_> = dependencies(&manifest).difference(&used).cloned().collect();
    assert!(unused.is_empty(), "no member uses {unused:?}");
}
