//! Compiles the probe's C code for an architecture.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_events::Arch;
use libbpf_cargo::SkeletonBuilder;

use crate::codegen::{header, objects};

/// Writes the tables for `arch` into `out`, and compiles the programs below `sources` to `out/probe.o`. The
/// object does not depend on the two paths.
///
/// # Errors
/// There is no clang, the tables cannot be written, or the programs do not compile. The message contains a
/// remedy.
pub fn object(arch: Arch, sources: &Path, out: &Path) -> Result<PathBuf, String> {
    std::fs::write(out.join("tables.h"), header(arch))
        .map_err(|error| format!("can't write the tables of the probe: {error}"))?;
    let clang = clang().ok_or(
        "compiling the probe needs clang 14 or newer: install it (apt-get install clang), or set CLANG to its path",
    )?;
    let define = match arch {
        Arch::X86_64 => "-D__TARGET_ARCH_x86",
        Arch::Aarch64 => "-D__TARGET_ARCH_arm64",
    };
    let mut args = vec![define.to_owned(), format!("-I{}", out.display())];
    args.extend([sources, out].map(|dir| format!("-ffile-prefix-map={}=.", dir.display())));
    args.extend(objects::CLANG_ARGS.map(str::to_owned));
    let object = out.join("probe.o");
    let mut builder = SkeletonBuilder::new();
    builder.source(sources.join("probe.bpf.c")).clang(clang).clang_args(args).obj(&object);
    builder.build().map_err(|error| format!("the probe does not compile: {error:#}"))?;
    Ok(object)
}

/// First line of `clang --version`; empty without clang.
#[allow(dead_code, reason = "the build needs it not, a test does")]
pub fn clang_version() -> String {
    let output = clang().and_then(|clang| Command::new(clang).arg("--version").output().ok());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// `$CLANG`, otherwise the newest installed clang.
fn clang() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CLANG") {
        return Some(path.into());
    }
    let names = (14..=22).rev().map(|n| format!("clang-{n}")).chain(["clang".to_owned()]);
    names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok()).map(PathBuf::from)
}
