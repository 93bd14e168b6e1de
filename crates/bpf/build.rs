//! Compiles the probe: the tables as a header, the programs by clang, the skeleton by libbpf-cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_events::Arch;
use libbpf_cargo::SkeletonBuilder;

#[path = "src/codegen.rs"]
mod codegen;

fn main() {
    println!("cargo:rerun-if-changed=src/bpf");
    println!("cargo:rerun-if-changed=src/codegen.rs");
    println!("cargo:rerun-if-changed=src/codegen");
    println!("cargo:rerun-if-env-changed=CLANG");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let (arch, define) = match std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => (Arch::Aarch64, "-D__TARGET_ARCH_arm64"),
        _ => (Arch::X86_64, "-D__TARGET_ARCH_x86"),
    };
    if let Err(error) = std::fs::write(out.join("tables.h"), codegen::header(arch)) {
        fail(&format!("can't write the tables of the probe: {error}"));
    }
    let Some(clang) = clang() else {
        fail(
            "the probe needs clang 14 or newer: install it (apt-get install clang), or set CLANG to its path",
        );
    };
    let source = Path::new("src/bpf/probe.bpf.c");
    let include = format!("-I{}", out.display());
    let built = SkeletonBuilder::new()
        .source(source)
        .clang(clang)
        .clang_args([
            define,
            include.as_str(),
            "-O2",
            "-g",
            "-Wno-unused-variable",
            "-Wno-compare-distinct-pointer-types",
        ])
        .build_and_generate(out.join("probe.skel.rs"));
    if let Err(error) = built {
        fail(&format!("the probe does not compile: {error:#}"));
    }
}

/// `$CLANG`, else the newest clang there is.
fn clang() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CLANG") {
        return Some(path.into());
    }
    let names = (14..=22).rev().map(|n| format!("clang-{n}")).chain(["clang".to_owned()]);
    names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok()).map(PathBuf::from)
}

fn fail(message: &str) -> ! {
    println!("cargo:warning={message}");
    eprintln!("{message}");
    std::process::exit(1)
}
