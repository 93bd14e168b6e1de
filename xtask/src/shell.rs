//! Runs programs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use eyas_console::note;
use rustix::fs::{MemfdFlags, memfd_create};

/// Features that tests and checks need.
pub const FEATURES: &str = "live,eyas/async,eyas/serde,eyas/tracing";

/// The workspace's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}

/// The cargo that runs this program, or the one on the path.
pub fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs cargo in the workspace.
pub fn cargo(args: &[&str]) -> Result<(), String> {
    cargo_with(args, &[])
}

/// Like [`cargo`], with environment variables.
pub fn cargo_with(args: &[&str], env: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::new(cargo_program());
    command.args(args).envs(env.iter().copied()).current_dir(root());
    note!("$ cargo {}", args.join(" "));
    run(&mut command)
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("can't run {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed: {status}")) }
}

/// Runs a program to its end: whether it succeeded, and everything that it printed. That is in a file, because programs that
/// it leaves running keep a pipe open.
pub fn run_quietly(command: &mut Command) -> std::io::Result<(bool, String)> {
    let mut file = File::from(memfd_create("output", MemfdFlags::CLOEXEC)?);
    let status = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?).status()?;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if !status.success() {
        text += &format!("{status}\n");
    }
    Ok((status.success(), text))
}

/// An error as text.
pub fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Names the commit of the work tree, with a `+` where files differ from it; `unknown` outside of a checkout.
pub fn commit() -> String {
    let output = Command::new("git").args(["describe", "--always", "--dirty=+"]).current_dir(root()).output();
    let name =
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if name.is_empty() { "unknown".into() } else { name }
}

/// Falco's rules files as far as they are available, otherwise the demo's. The first is that of the stable rules.
pub fn rules_files() -> Vec<PathBuf> {
    let shared = std::env::var_os("EYAS_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let names = ["falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"];
    let mut files: Vec<PathBuf> = names.iter().map(|name| shared.join("rules").join(name)).collect();
    files.retain(|file| file.exists());
    if files.is_empty() {
        files.push(root().join("demo/rules.yaml"));
    }
    files
}

/// Whether a program is on the path.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
