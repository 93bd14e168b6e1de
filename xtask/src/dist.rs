//! `cargo xtask dist`: the programs as packages, tarballs and the root file system of an image, in `target/dist`.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_console::note;

use crate::shell::{cargo, cargo_with, has, target};

mod cross;
mod files;
mod image;
mod tarball;
mod tools;
mod tree;

use files::{BUILD, dist};

/// Creates everything from the programs in the directory, or from newly built ones.
pub fn run_all(programs: Option<&Path>) -> Result<(), String> {
    let own = host()?;
    let built = match programs {
        Some(dir) => dir.to_owned(),
        None => {
            cargo(&BUILD)?;
            target().join("release")
        }
    };
    tree::create_tree(&built, &built, "strip")?;
    tarball::make(&own)?;
    image::make()?;
    packages(programs.is_some())?;
    if programs.is_none() {
        cross::make(&own, &built)?;
    }
    note!("made in {}:", dist().display());
    let mut made: Vec<_> = entries(&dist())?.into_iter().filter(|path| path.is_file()).collect();
    made.sort();
    for path in made {
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        note!("  {} ({:.1} MB)", path.file_name().unwrap_or_default().to_string_lossy(), size as f64 / 1e6);
    }
    Ok(())
}

/// Creates only the root file system of the image.
pub fn run_image(programs: &Path) -> Result<(), String> {
    tree::create_tree(programs, programs, "strip")?;
    image::make()
}

/// The default target of the compiler.
fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).arg("-vV").output().map_err(|error| format!("can't run rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

/// Creates the `.deb` and the `.rpm`. Trial packages need not be small.
fn packages(is_trial: bool) -> Result<(), String> {
    let path = tools::ensure()?;
    let path = [("PATH", path.as_str())];
    let to = format!("{}/", dist().display());
    if has("dpkg-shlibdeps") {
        let mut words = vec!["deb", "-q", "--no-build", "--no-strip", "-p", "eyas-falco", "-o", &to];
        words.extend(is_trial.then_some("--fast"));
        cargo_with(&words, &path)?;
    } else {
        note!(
            "no .deb: dpkg-shlibdeps is missing, which finds out what the programs depend on (package dpkg-dev)"
        );
    }
    let compression = if is_trial { "gzip" } else { "zstd" };
    let words = ["generate-rpm", "-p", "examples/falco", "--payload-compress", compression, "-o", &to];
    cargo_with(&words, &path)
}

/// The paths in a directory.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let read = std::fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    read.map_err(|error| format!("can't read {}: {error}", dir.display()))
}
