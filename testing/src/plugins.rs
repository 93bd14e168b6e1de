//! Builds plugins for tests.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::{ignore, root};

/// Builds a plugin of `tests/probes` with Falco's Rust SDK and returns the path of its shared object.
/// Ignores the test if dependencies are missing on this machine.
///
/// # Panics
/// The plugins do not compile.
pub fn sdk_plugin(name: &str) -> PathBuf {
    static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let target = root().join("target/tmp/sdk");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let out = Command::new(cargo)
            .args(["build", "--offline", "--locked", "--quiet", "--manifest-path"])
            .arg(root().join("tests/probes/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .map_err(|error| format!("offline: {error}"))?;
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        if out.status.success() { Ok(target.join("debug")) } else { Err(text) }
    });
    match &*BUILT {
        Ok(folder) => folder.join(format!("lib{name}.so")),
        // Errors in their own code are no reason to ignore the test.
        Err(text) if text.contains("offline") || text.contains("no matching package") => ignore(
            "the plugins of the tests need crates that are not on this machine: run `cargo fetch` in tests/probes",
        ),
        Err(text) => panic!("{text}"),
    }
}

/// Compiles `crates/plugins/tests/probes/probe.c` with these definitions to this file. Ignores the test if
/// there is no C compiler.
///
/// # Panics
/// The file does not compile.
pub fn c_plugin(out: &std::path::Path, definitions: &[&str]) {
    let status = Command::new(crate::need_program("cc"))
        .args(["-shared", "-fPIC", "-w", "-O1", "-o"])
        .arg(out)
        .args(definitions.iter().map(|definition| format!("-D{definition}")))
        .arg(root().join("crates/plugins/tests/probes/probe.c"))
        .status()
        .unwrap();
    assert!(status.success());
}
