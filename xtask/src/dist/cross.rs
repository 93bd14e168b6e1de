//! Creates the tarball for aarch64, if a cross linker is installed.

use std::path::Path;
use std::process::Command;

use eyas_console::note;

use super::files::BUILD;
use super::{tarball, tree};
use crate::kernels::cross::{TARGET, Toolchain};
use crate::kernels::linker::LINKER;
use crate::shell::{cargo_program, has, root, run, target};

/// Creates it in addition to the tarball of this machine, whose programs print the pages.
pub fn make(own: &str, speakers: &Path) -> Result<(), String> {
    if own == TARGET {
        return Ok(());
    }
    if !has(LINKER) || !cfg!(target_arch = "x86_64") {
        note!("no tarball for {TARGET}: {LINKER} is missing (package gcc-aarch64-linux-gnu)");
        return Ok(());
    }
    let toolchain = Toolchain::find(&target().join("kernels"))?;
    let mut cargo = Command::new(cargo_program());
    cargo.args(BUILD).current_dir(root());
    toolchain.set_up(&mut cargo);
    run(&mut cargo)?;
    tree::create_tree(
        &toolchain.target_dir().join(TARGET).join("release"),
        speakers,
        "aarch64-linux-gnu-strip",
    )?;
    let packed = tarball::make(TARGET);
    // Restores the tree of this machine.
    tree::create_tree(speakers, speakers, "strip")?;
    packed
}
