//! The cargo commands that make packages, in `target/tools`.

use crate::shell::{cargo, root};

const TOOLS: [(&str, &str); 2] = [("cargo-deb", "3.8.0"), ("cargo-generate-rpm", "0.21.1")];

/// Installs missing tools. Returns a `PATH` with all tools.
pub fn ensure() -> Result<String, String> {
    let dir = root().join("target/tools");
    for (name, version) in TOOLS {
        if !dir.join("bin").join(name).is_file() {
            let dir = dir.to_string_lossy();
            cargo(&["install", "--locked", "--root", &dir, "--version", version, name])?;
        }
    }
    let path = std::env::var("PATH").unwrap_or_default();
    Ok(format!("{}:{path}", dir.join("bin").display()))
}
