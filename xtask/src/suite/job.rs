//! A binary of tests, run as `cargo test` runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eyas_console::{note, say};
use serde_json::Value;

use super::left;
use super::queue::{Needs, PLAIN};
use crate::shell::{self, FEATURES};

/// Binaries with needs that their source does not show, by their package's folder and their name. One that takes more than half a
/// minute begins early.
const SPECIAL: &[(&str, &str, Needs)] = &[
    ("", "differential", Needs { early: true, ..PLAIN }),
    ("", "oracle", Needs { early: true, ..PLAIN }),
    ("examples/sysdig", "slices", Needs { early: true, ..PLAIN }),
    ("crates/sinsp", "versions", Needs { early: true, ..PLAIN }),
];

/// A command that runs tests.
pub struct Job {
    pub needs: Needs,
    title: String,
    command: Command,
}

/// A job that has ended.
pub struct Ended {
    pub needs: Needs,
    pub title: String,
    pub passed: bool,
    pub took: Duration,
    output: String,
}

impl Job {
    /// The binary of tests that a message of cargo reports.
    pub fn built(message: &str) -> Result<Option<Self>, String> {
        let message: Value = serde_json::from_str(message)
            .map_err(|error| format!("can't read cargo's message: {error}: {message}"))?;
        let text = |at: &str| message.pointer(at).and_then(Value::as_str);
        let (Some("compiler-artifact"), Some(true), Some(program)) = (
            text("/reason"),
            message.pointer("/profile/test").and_then(Value::as_bool),
            text("/executable").map(Path::new),
        ) else {
            return Ok(None);
        };
        let missing = || format!("a message of cargo lacks a path: {message}");
        let source = Path::new(text("/target/src_path").ok_or_else(missing)?);
        let package = text("/manifest_path").and_then(|path| Path::new(path).parent()).ok_or_else(missing)?;
        let name = text("/target/name").unwrap_or_default();
        let is_test = text("/target/kind/0") == Some("test");
        let mut command = Command::new(program);
        // This program has variables of its own package.
        let own = std::env::vars_os().map(|(name, _)| name);
        own.filter(|name| name.as_encoded_bytes().starts_with(b"CARGO_PKG_"))
            .for_each(|name| _ = command.env_remove(name));
        command
            .env("CARGO", shell::cargo_program())
            .env("CARGO_MANIFEST_DIR", package)
            .env("CARGO_MANIFEST_PATH", package.join("Cargo.toml"))
            .current_dir(package);
        Ok(Some(Self {
            needs: needs(package, name, is_test.then_some(source)),
            title: format!(
                "{}{} ({})",
                if is_test { "" } else { "unittests " },
                source.strip_prefix(package).unwrap_or(source).display(),
                program.strip_prefix(shell::root()).unwrap_or(program).display()
            ),
            command,
        }))
    }

    /// The tests in the documentation of every package.
    pub fn doctests() -> Self {
        let mut command = Command::new(shell::cargo_program());
        command
            .args(["test", "--workspace", "--features", FEATURES, "--doc", "--no-fail-fast"])
            .current_dir(shell::root());
        Self { needs: Needs { build: true, ..PLAIN }, title: "doctests".to_owned(), command }
    }

    /// Runs it to its end. A process that outlives it is a failure.
    pub fn run(mut self) -> Ended {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}.{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let began = Instant::now();
        let (mut passed, mut output) = shell::run_quietly(self.command.env(left::MARK, &mark))
            .unwrap_or_else(|error| (false, format!("can't run it: {error}\n")));
        for process in left::end(&mark) {
            passed = false;
            output += &format!("error: a process outlived the tests: {process}\n");
        }
        Ended { needs: self.needs, title: self.title, passed, took: began.elapsed(), output }
    }
}

impl Ended {
    /// Prints everything that it printed.
    pub fn print(&self) {
        say!("     Running {}", self.title);
        say!("{}", self.output);
        if !self.passed {
            note!("error: {} failed", self.title);
        }
    }
}

/// What a binary needs. A test whose source calls `live_turn` captures live. A test of a package with a program runs that program.
fn needs(package: &Path, name: &str, source: Option<&Path>) -> Needs {
    let special = SPECIAL.iter().find(|(folder, special, _)| {
        package.strip_prefix(shell::root()).is_ok_and(|package| package == Path::new(folder))
            && name == *special
    });
    let mut needs = special.map_or(PLAIN, |(_, _, needs)| *needs);
    if let Some(source) = source {
        // Cargo may report the test before the program.
        needs.build |= package.join("src/main.rs").exists();
        let modules = match source.file_stem().is_some_and(|stem| stem == "main") {
            true => source.parent().map(Path::to_owned).unwrap_or_default(),
            false => source.with_extension(""),
        };
        let mut files = vec![source.to_owned()];
        files.extend(rust_files(&modules));
        needs.live |= files
            .iter()
            .any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains("live_turn()")));
    }
    needs
}

/// Rust files in a folder, which may not exist.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
