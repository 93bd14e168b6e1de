//! Uses the compiled programs that the crate ships, or compiles them with clang. libbpf-cargo makes the
//! skeleton.
//!
//! Clang compiles with the feature `build-from-source`, and if the sources differ from those of the shipped
//! objects: during work on the probe, before `cargo xtask codegen` compiles them again.

use std::path::{Path, PathBuf};

use eyas_events::Arch;
use libbpf_cargo::SkeletonBuilder;

#[path = "src/codegen.rs"]
mod codegen;
#[path = "src/codegen/compile.rs"]
mod compile;

fn main() {
    for path in ["src/bpf", "src/codegen.rs", "src/codegen", "src/ia32.rs", "objects"] {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-env-changed=CLANG");
    if let Err(message) = build() {
        println!("cargo:warning={message}");
        eprintln!("{message}");
        std::process::exit(1)
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let arch = match std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => Arch::Aarch64,
        Ok("x86_64") => Arch::X86_64,
        other => {
            return Err(format!("the probe supports x86_64 and aarch64, not {}", other.unwrap_or("this")));
        }
    };
    let (sources, objects) = (Path::new("src/bpf"), Path::new("objects"));
    let is_current = codegen::objects::Record::read(objects)
        .is_current(arch, sources)
        .map_err(|error| format!("can't read the sources of the probe: {error}"))?;
    let object = if is_current && std::env::var_os("CARGO_FEATURE_BUILD_FROM_SOURCE").is_none() {
        inflate(&codegen::objects::file(objects, arch), &out.join("probe.o"))?
    } else {
        if !is_current {
            println!(
                "cargo:warning=the probe's sources have changed: clang compiles them; `cargo xtask codegen` updates the \
                 shipped objects"
            );
        }
        compile::object(arch, sources, &out)?
    };
    let skeleton = out.join("probe.skel.rs");
    SkeletonBuilder::new()
        .obj(object)
        .reference_obj(true)
        // A program that does not exist, because nobody reads the skeleton, and a toolchain may lack
        // rustfmt.
        .rustfmt(out.join("no-rustfmt"))
        .generate(&skeleton)
        .map_err(|error| format!("libbpf-cargo makes no skeleton of the probe: {error:#}"))?;
    show_object(&skeleton)
}

/// Makes the skeleton's object accessible for the crate.
fn show_object(skeleton: &Path) -> Result<(), String> {
    let failed = |error| format!("can't change {}: {error}", skeleton.display());
    let text = std::fs::read_to_string(skeleton).map_err(failed)?;
    let shown = text.replacen("static DATA:", "pub static DATA:", 1);
    if shown == text {
        return Err(format!("{} has no object", skeleton.display()));
    }
    std::fs::write(skeleton, shown).map_err(failed)
}

fn inflate(from: &Path, to: &Path) -> Result<PathBuf, String> {
    let inflated = std::fs::File::open(from).and_then(|file| {
        let mut into = std::fs::File::create(to)?;
        std::io::copy(&mut flate2::read::GzDecoder::new(file), &mut into)
    });
    inflated.map_err(|error| format!("can't inflate {} to {}: {error}", from.display(), to.display()))?;
    Ok(to.to_owned())
}
