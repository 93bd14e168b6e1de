//! The probe's C compiled for an architecture.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_events::Arch;
use libbpf_cargo::SkeletonBuilder;

/// Writes the tables for `arch` into `out` and sets up a build of the programs below `sources`.
///
/// # Errors
/// There is no clang, or no room for the tables: the sentence says what helps.
pub fn builder(arch: Arch, sources: &Path, out: &Path) -> Result<SkeletonBuilder, String> {
    std::fs::write(out.join("tables.h"), super::header(arch))
        .map_err(|error| format!("can't write the tables of the probe: {error}"))?;
    let clang = clang().ok_or(
        "the probe needs clang 14 or newer: install it (apt-get install clang), or set CLANG to its path",
    )?;
    let define = match arch {
        Arch::X86_64 => "-D__TARGET_ARCH_x86",
        Arch::Aarch64 => "-D__TARGET_ARCH_arm64",
    };
    let include = format!("-I{}", out.display());
    let mut builder = SkeletonBuilder::new();
    builder.source(sources.join("probe.bpf.c")).clang(clang).clang_args([
        define,
        include.as_str(),
        "-O2",
        // Without 32-bit operations, of which clang 14 makes bounds that no verifier follows.
        "-mcpu=v2",
        "-g",
        "-Wno-unused-variable",
        "-Wno-compare-distinct-pointer-types",
    ]);
    Ok(builder)
}

/// `$CLANG`, else the newest clang there is.
fn clang() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CLANG") {
        return Some(path.into());
    }
    let names = (14..=22).rev().map(|n| format!("clang-{n}")).chain(["clang".to_owned()]);
    names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok()).map(PathBuf::from)
}
