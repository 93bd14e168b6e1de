//! Generates files of the repository: the list of transformers, pages of docs/, the README's picture, and
//! the compiled probe.

use std::path::PathBuf;

use crate::picture;
use crate::shell::{FEATURES, cargo_with, root};

#[path = "../../crates/bpf/src/codegen.rs"]
mod probe;
mod transformers;

/// Makes the pages or compares them. A test does so, because this program needs few crates, which `cargo xtask` builds before
/// and apart from all others. With the features of all tests, so that nothing is built twice.
const PAGES: [&str; 7] = ["test", "-q", "--workspace", "--features", FEATURES, "--test", "generated"];

/// The README's picture.
fn picture() -> Result<(PathBuf, String), String> {
    let path = root().join(picture::TEST).with_extension("txt");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
    Ok((root().join("docs/images/diagnostics.svg"), picture::draw(picture::FILE, &text)))
}

/// The list of transformers for the existing files; `None` if it is up to date.
fn stale_list() -> Result<Option<(PathBuf, String)>, String> {
    let path = root().join("crates/rules/src/condition/transformers.rs");
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
    let list = transformers::relist(&text, &path.with_extension(""))?;
    Ok((list != text).then_some((path, list)))
}

/// Writes the list of transformers, the pages and the picture, and compiles the probe if its sources changed.
pub fn write() -> Result<(), String> {
    for (path, text) in stale_list()?.into_iter().chain([picture()?]) {
        std::fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))?;
    }
    cargo_with(&PAGES, &[("UPDATE_EXPECT", "1")])?;
    if stale_object()?.is_some() { write_objects() } else { Ok(()) }
}

/// Compiles the probe for every architecture: the objects that `eyas-bpf` ships.
pub fn write_objects() -> Result<(), String> {
    let test = [
        "test",
        "-q",
        "-p",
        "eyas-bpf",
        "--test",
        "targets",
        "--",
        "--include-ignored",
        "the_shipped_objects",
    ];
    cargo_with(&test, &[("UPDATE_EXPECT", "1")])
}

/// The first shipped object that was compiled from other sources than the current ones.
fn stale_object() -> Result<Option<PathBuf>, String> {
    let (sources, objects) = (root().join("crates/bpf/src/bpf"), root().join("crates/bpf/objects"));
    let record = probe::objects::Record::read(&objects);
    for (arch, _) in probe::objects::SHIPPED {
        let is_current = record.is_current(arch, &sources);
        if !is_current.map_err(|error| format!("can't read {}: {error}", sources.display()))? {
            return Ok(Some(probe::objects::file(&objects, arch)));
        }
    }
    Ok(None)
}

/// Checks that the list, the pages and the objects are up to date. Does not run clang: `eyas-bpf`'s test
/// `targets` compares the objects byte by byte.
pub fn check() -> Result<(), String> {
    if let Some((path, _)) = stale_list()? {
        return Err(format!("{} is stale: run `cargo xtask codegen`", path.display()));
    }
    let (path, text) = picture()?;
    if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
        return Err(format!("{} is stale: run `cargo xtask codegen`", path.display()));
    }
    if let Some(path) = stale_object()? {
        return Err(format!("{} is stale: run `cargo xtask codegen`", path.display()));
    }
    cargo_with(&PAGES, &[])
        .map_err(|error| format!("a generated page may be stale (run `cargo xtask codegen`): {error}"))
}
