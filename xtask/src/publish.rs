//! Checks that the crates can be published, and that they build with their declared version of Rust.

use std::process::Command;

use eyas_console::note;

use crate::shell::{cargo, root, run, target};

/// Published crates, each after its dependencies.
const CRATES: [&str; 10] = [
    "eyas-events",
    "eyas-fields",
    "eyas-yaml",
    "eyas-bpf",
    "eyas-rules",
    "eyas-scap",
    "eyas-sinsp",
    "eyas-plugins",
    "eyas-audit",
    "eyas",
];

/// Packs every crate like `cargo publish`. Without a network, only creates the packages.
pub fn check() -> Result<(), String> {
    let is_offline = std::env::var("CARGO_NET_OFFLINE").is_ok_and(|value| value == "true");
    let mut args = match is_offline {
        true => vec!["package", "--quiet", "--offline", "--exclude-lockfile"],
        false => vec!["publish", "--quiet", "--dry-run"],
    };
    args.extend(["--no-verify", "--allow-dirty"]);
    CRATES.iter().for_each(|name| args.extend(["--package", name]));
    cargo(&args)
}

/// Checks that no dependency needs a newer Rust than the workspace declares, and compiles with that version
/// if rustup has it. Clippy's lint `incompatible_msrv` finds newer functions of the standard library.
pub fn check_rust_version() -> Result<(), String> {
    let stated = env!("CARGO_PKG_RUST_VERSION");
    let args = ["metadata", "--format-version", "1", "--locked"];
    let output = Command::new("cargo").args(args).current_dir(root()).output();
    let output = output.map_err(|error| format!("can't run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(newer) = needed(&text).into_iter().find(|needed| numbers(needed) > numbers(stated)) {
        return Err(format!(
            "Cargo.toml states Rust {stated}, and a dependency needs {newer}: see cargo metadata"
        ));
    }
    let listed = Command::new("rustup").args(["toolchain", "list"]).output();
    let listed =
        listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if !listed
        .lines()
        .any(|line| line.starts_with(&format!("{stated}-")) || line.starts_with(&format!("{stated}.")))
    {
        note!("skipped: compiling with Rust {stated}; `rustup toolchain install {stated}` makes it possible");
        return Ok(());
    }
    note!("$ cargo +{stated} check --workspace --features live");
    // This toolchain's cargo sets variables that another toolchain must not get.
    let mut command = Command::new("rustup");
    command.args(["run", stated, "cargo", "check", "--quiet", "--workspace", "--features", "live"]);
    command.env_remove("CARGO").env_remove("RUSTC").env("CARGO_TARGET_DIR", target().join("msrv"));
    run(command.current_dir(root()))
}

/// Versions of Rust that packages require.
fn needed(metadata: &str) -> Vec<&str> {
    let values = metadata.split("\"rust_version\":\"").skip(1);
    values.filter_map(|rest| rest.split('"').next()).collect()
}

/// The numbers of a version; missing ones are 0.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_packages_need_are_found_and_compared() {
        let text = r#"{"rust_version":"1.85.0","x":1},{"rust_version":null},{"rust_version":"1.9"}"#;
        assert_eq!(needed(text), ["1.85.0", "1.9"]);
        assert!(numbers("1.85.0") < numbers("1.89") && numbers("1.9") < numbers("1.89"));
        assert!(numbers("1.90") > numbers("1.89") && numbers("1.89.1") > numbers("1.89"));
        assert_eq!(numbers("1.89.0"), numbers("1.89"));
    }

    #[test]
    fn every_crate_that_may_be_published_is_checked() {
        let mut members: Vec<String> = Vec::new();
        let crates = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
        for dir in crates.chain([root()]) {
            let text = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap();
            let name = text.lines().find_map(|line| line.strip_prefix("name = \"")).unwrap();
            for key in ["description", "keywords", "categories", "readme", "license"] {
                assert!(text.lines().any(|line| line.starts_with(key)), "{} has no {key}", dir.display());
            }
            members.push(name.trim_end_matches('"').to_owned());
        }
        members.sort();
        let mut checked = CRATES.to_vec();
        checked.sort_unstable();
        assert_eq!(members, checked);
    }
}
