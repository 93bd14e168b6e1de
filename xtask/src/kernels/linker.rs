//! The linker for aarch64.

use std::path::Path;
use std::process::Command;

pub(crate) const LINKER: &str = "aarch64-linux-gnu-gcc";

/// Whether the linker has a C library for static programs.
pub(super) fn has_c_library() -> bool {
    let output = Command::new(LINKER).arg("-print-file-name=libc.a").output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
}
