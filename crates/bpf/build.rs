//! Compiles the probe: the tables as a header, the programs by clang, the skeleton by libbpf-cargo.

use std::path::{Path, PathBuf};

use eyas_events::Arch;

#[path = "src/codegen.rs"]
mod codegen;

fn main() {
    println!("cargo:rerun-if-changed=src/bpf");
    println!("cargo:rerun-if-changed=src/codegen.rs");
    println!("cargo:rerun-if-changed=src/codegen");
    println!("cargo:rerun-if-changed=src/ia32.rs");
    println!("cargo:rerun-if-env-changed=CLANG");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let arch = match std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => Arch::Aarch64,
        _ => Arch::X86_64,
    };
    let built = codegen::compile::builder(arch, Path::new("src/bpf"), &out).and_then(|mut builder| {
        let built = builder.build_and_generate(out.join("probe.skel.rs"));
        built.map_err(|error| format!("the probe does not compile: {error:#}"))
    });
    if let Err(message) = built {
        println!("cargo:warning={message}");
        eprintln!("{message}");
        std::process::exit(1)
    }
}
