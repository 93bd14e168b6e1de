//! Coverage-guided fuzzing, by cargo-fuzz.

use crate::shell;

/// Targets, and the default number of runs of each.
const TARGETS: [(&str, &str); 10] = [
    ("reader", "10000000"),
    ("gunzip", "1000000"),
    ("frame", "10000000"),
    ("converter", "10000000"),
    ("inspector", "1000000"),
    ("condition", "1000000"),
    ("rules", "1000000"),
    ("dns", "1000000"),
    ("audit", "1000000"),
    ("yaml", "1000000"),
];

/// Runs all targets, or one, optionally with a number of runs.
///
/// # Errors
/// The target is unknown, a target fails, or cargo-fuzz is not installed.
pub fn run(words: &[&str]) -> Result<(), String> {
    let (only, runs) = match words {
        [] => (None, None),
        [target] => (Some(*target), None),
        [target, runs] => (Some(*target), Some(*runs)),
        _ => return Err("usage: cargo xtask fuzz [TARGET [RUNS]]".into()),
    };
    if only.is_some_and(|name| TARGETS.iter().all(|(target, _)| *target != name)) {
        let names: Vec<&str> = TARGETS.iter().map(|(target, _)| *target).collect();
        return Err(format!("no such target; there are: {}", names.join(", ")));
    }
    for (target, usual) in TARGETS.iter().filter(|(target, _)| only.is_none_or(|name| name == *target)) {
        let found = format!("fuzz/libfuzzer/corpus/{target}");
        std::fs::create_dir_all(shell::root().join(&found)).map_err(|error| format!("{found}: {error}"))?;
        let runs = format!("-runs={}", runs.unwrap_or(usual));
        let seeds = format!("fuzz/corpus/{target}");
        let dir = "--fuzz-dir=fuzz/libfuzzer";
        // Code without `unsafe` cannot have errors that the address sanitizer finds. Without the sanitizer,
        // twice as many runs are possible.
        let fast = "--sanitizer=none";
        let args =
            ["fuzz", "run", dir, fast, target, &found, &seeds, "--", &runs, "-max_len=2048", "-timeout=10"];
        // cargo-fuzz uses flags that a stable compiler accepts only with this variable.
        shell::cargo_with(&args, &[("RUSTC_BOOTSTRAP", "1")])
            .map_err(|error| format!("{error}; `cargo install cargo-fuzz` if it is missing"))?;
    }
    Ok(())
}
