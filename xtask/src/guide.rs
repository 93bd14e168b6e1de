//! Executes the guides for adding a row, literally, in a copy of the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use eyas_console::note;
use eyas_events::EventType;

use crate::shell::{self, FEATURES, root};

/// A step of a guide.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    /// Replaces a text that occurs once in a file.
    Replace { file: &'a str, old: &'a str, new: &'a str },
    /// Inserts a text below a line of a file.
    Insert { file: &'a str, below: &'a str, new: &'a str },
    /// Adds a text at the end of a file.
    Append { file: &'a str, new: &'a str },
    /// Runs a command.
    Run { command: &'a str },
}

/// Parses the steps of a page. The sentence before a code block has the action: `Replace`, `by`,
/// `Add below` with the line, or `Append`. It names the file first. The commands are the ones that run
/// tests.
fn steps(page: &str) -> Result<Vec<Step<'_>>, String> {
    let mut steps = Vec::new();
    let mut rest = page;
    let mut replaced = None;
    while let Some((before, behind)) = rest.split_once("```") {
        let (language, behind) = behind.split_once('\n').ok_or("a block of code does not begin")?;
        let (code, behind) = behind.split_once("```").ok_or("a block of code does not end")?;
        rest = behind;
        let code = code.trim_end_matches(' ');
        let sentence = before.rsplit("\n\n").find(|text| !text.trim().is_empty()).unwrap_or_default();
        let words: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
        let file = || {
            let file = words.iter().find(|word| word.ends_with(".rs"));
            file.copied().ok_or_else(|| format!("no file is named before:\n{code}"))
        };
        match language.trim() {
            "sh" => {
                let tests = code.lines().map(str::trim).filter(|line| line.starts_with("cargo test"));
                steps.extend(tests.map(|command| Step::Run { command }));
            }
            "rust,ignore" if sentence.contains("Replace") => replaced = Some((file()?, code)),
            "rust,ignore" if sentence.trim() == "by" => {
                let (file, old) = replaced.take().ok_or("`by` stands behind no `Replace`")?;
                steps.push(Step::Replace { file, old, new: code });
            }
            "rust,ignore" if sentence.contains("below the line") => {
                let below = words.last().copied().unwrap_or_default();
                steps.push(Step::Insert { file: file()?, below, new: code });
            }
            "rust,ignore" if sentence.contains("Append") => {
                steps.push(Step::Append { file: file()?, new: code });
            }
            _ => {}
        }
    }
    Ok(steps)
}

/// Removes the list indentation from the text of a code block.
fn dedent(text: &str) -> String {
    let indents =
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len());
    let by = indents.min().unwrap_or(0);
    let mut out: String =
        text.lines().map(|line| format!("{}\n", line.get(by..).unwrap_or_default())).collect();
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// Indents every line like a row.
fn indent(text: &str) -> String {
    dedent(text)
        .lines()
        .map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") })
        .collect()
}

/// Applies a step to the text of a file.
fn changed(text: &str, step: &Step<'_>) -> Result<String, String> {
    match step {
        Step::Replace { old, new, .. } => {
            let old = indent(old);
            match text.matches(&old).count() {
                1 => Ok(text.replacen(&old, &indent(new), 1)),
                count => Err(format!("it has this {count} times, not once:\n{old}")),
            }
        }
        Step::Insert { below, new, .. } => {
            let line = format!("{below}\n");
            let at = text.find(&line).ok_or_else(|| format!("it has no line `{below}`"))? + line.len();
            Ok([&text[..at], &indent(new), &text[at..]].concat())
        }
        Step::Append { new, .. } => Ok(format!("{text}\n{}", dedent(new))),
        Step::Run { .. } => Ok(text.to_owned()),
    }
}

/// The files that git tracks or would add.
fn sources() -> Result<BTreeSet<PathBuf>, String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("can't run git: {error}"))?;
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// Makes `copy` a copy of the workspace with the changes of the steps. Unchanged files keep their time, so
/// that cargo does not rebuild them.
fn synchronise(copy: &Path, steps: &[Step<'_>]) -> Result<(), String> {
    let fail = |path: &Path, error: std::io::Error| format!("can't copy {}: {error}", path.display());
    for name in sources()? {
        let (from, to) = (root().join(&name), copy.join(&name));
        // Git may still list a file that was just deleted.
        let Ok(mut content) = std::fs::read(&from) else { continue };
        for step in steps {
            let (Step::Replace { file, .. } | Step::Insert { file, .. } | Step::Append { file, .. }) = step
            else {
                continue;
            };
            if Path::new(file) == name {
                let text = String::from_utf8_lossy(&content).into_owned();
                content = changed(&text, step).map_err(|error| format!("{file}: {error}"))?.into_bytes();
            }
        }
        if name == Path::new("Cargo.toml") {
            content = renumbered(&String::from_utf8_lossy(&content))?.into_bytes();
        }
        if std::fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        std::fs::create_dir_all(to.parent().unwrap_or(copy)).map_err(|error| fail(&to, error))?;
        std::fs::write(&to, content).map_err(|error| fail(&to, error))?;
    }
    Ok(())
}

/// The workspace's manifest with the next version. Cargo distinguishes packages of two workspaces only by
/// version. So the copy needs another version, or its build results would be mistaken for those of the
/// workspace.
fn renumbered(manifest: &str) -> Result<String, String> {
    let version = env!("CARGO_PKG_VERSION");
    let patch: u32 =
        env!("CARGO_PKG_VERSION_PATCH").parse().map_err(|error| format!("{version}: {error}"))?;
    let next =
        format!("{}.{}.{}", env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), patch + 1);
    let line = |version: &str| format!("\nversion = \"{version}\"\n");
    match manifest.contains(&line(version)) {
        true => Ok(manifest.replacen(&line(version), &line(&next), 1)),
        false => Err(format!("Cargo.toml has no line `version = \"{version}\"`")),
    }
}

/// The guides, and the test that the first command of each runs.
const GUIDES: [&str; 2] = ["docs/adding-a-syscall.md", "docs/adding-a-field.md"];

/// The event code in the guide.
const CODE: &str = "573";

/// Executes the guides in a copy of the workspace below the target directory: adds their rows and tests,
/// and runs the tests. The test of the system call captures it live, or is ignored without permission.
pub fn run() -> Result<(), String> {
    let began = Instant::now();
    let copy = shell::target().join("guide");
    // The workspace may already use the event code of the guide.
    let next = (EventType::COUNT + 1).to_string();
    let read = |page: &&str| {
        let text =
            std::fs::read_to_string(root().join(page)).map_err(|error| format!("can't read {page}: {error}"));
        text.map(|text| text.replace(CODE, &next))
    };
    let pages = GUIDES.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut all = Vec::new();
    for (page, text) in GUIDES.iter().zip(&pages) {
        let steps = steps(text).map_err(|error| format!("{page}: {error}"))?;
        let edits = steps.iter().filter(|step| !matches!(step, Step::Run { .. })).count();
        if edits < 2 || edits == steps.len() {
            return Err(format!("{page} has {edits} edits and {} commands", steps.len() - edits));
        }
        all.extend(steps);
    }
    synchronise(&copy, &all)?;
    let commands = all.iter().filter_map(|step| match step {
        Step::Run { command } => Some(*command),
        _ => None,
    });
    let commands: Vec<(&str, Vec<&str>)> = commands
        .map(|command| Ok((command, in_workspace(command, |package| folder(&copy, package))?)))
        .collect::<Result<_, String>>()?;
    let cargo = |args: &[&str]| {
        Command::new(shell::cargo_program())
            .args(args)
            .env("CARGO_TARGET_DIR", shell::target())
            .current_dir(&copy)
            .output()
            .map_err(|error| format!("can't run cargo: {error}"))
    };
    // All tests at once, so that cargo compiles on all CPUs. The commands below report errors.
    cargo(&all_tests(commands.iter().map(|(_, args)| args.as_slice())))?;
    for (command, args) in &commands {
        note!("$ {command}    # in {}", copy.display());
        let output = cargo(args)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let result = text.lines().find(|line| line.starts_with("test result:")).unwrap_or_default();
        // Checks that the test exists, because a filter without a match passes, too.
        let counts = |what: &str| result.contains(&format!(" 1 {what}"));
        if !output.status.success() || !(counts("passed") || counts("ignored")) {
            note!("{text}{}", String::from_utf8_lossy(&output.stderr));
            return Err(format!("`{command}` fails where the guides were followed"));
        }
        let ignored = text.lines().find(|line| line.contains("ignored,")).filter(|_| counts("ignored"));
        note!("{}", ignored.unwrap_or(result));
    }
    note!("the guides were followed in {} s", began.elapsed().as_secs());
    Ok(())
}

/// The arguments of cargo for a command `cargo test -p PACKAGE [--features FEATURES] --test TEST …`, with the features of
/// all tests, so that the dependencies that are built for those serve here, too. Checks that the package has the test.
fn in_workspace(command: &str, folder: impl Fn(&str) -> Option<PathBuf>) -> Result<Vec<&str>, String> {
    let mut args = vec!["test", "--workspace", "--features", FEATURES];
    let (mut package, mut test) = (None, None);
    let mut words = command.split_whitespace().skip(2);
    while let Some(word) = words.next() {
        match word {
            "-p" => package = words.next(),
            "--features" => _ = words.next(),
            "--test" => {
                test = words.next();
                args.extend(["--test", test.unwrap_or_default()]);
            }
            _ => args.push(word),
        }
    }
    let (Some(package), Some(test)) = (package, test) else {
        return Err(format!("`{command}` names no package or no test"));
    };
    let tests = folder(package).ok_or_else(|| format!("there is no package {package}"))?.join("tests");
    let has_test =
        [format!("{test}.rs"), format!("{test}/main.rs")].iter().any(|file| tests.join(file).is_file());
    if has_test { Ok(args) } else { Err(format!("{package} has no test {test}")) }
}

/// The arguments of cargo to build the tests of these commands, without running them.
fn all_tests<'a>(commands: impl Iterator<Item = &'a [&'a str]>) -> Vec<&'a str> {
    let mut args = vec!["test", "--workspace", "--features", FEATURES, "--no-run"];
    for command in commands {
        let names = command.windows(2).filter(|words| words[0] == "--test");
        args.extend(names.flatten());
    }
    args
}

/// The folder of a crate in a workspace.
fn folder(workspace: &Path, package: &str) -> Option<PathBuf> {
    let crates = std::fs::read_dir(workspace.join("crates")).ok()?;
    let name = format!("name = \"{package}\"");
    crates.flatten().map(|entry| entry.path()).find(|path| {
        let manifest = std::fs::read_to_string(path.join("Cargo.toml"));
        manifest.is_ok_and(|text| text.lines().any(|line| line == name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_runs_with_the_features_of_all_tests() {
        let run = |command| in_workspace(command, |package| folder(&shell::root(), package));
        let args = run("cargo test -p eyas-scap --features live --test syscalls file::statfs").unwrap();
        assert_eq!(
            args,
            ["test", "--workspace", "--features", FEATURES, "--test", "syscalls", "file::statfs"]
        );
        assert_eq!(
            all_tests([&args[..], &["test", "--test", "x"]].into_iter())[3..],
            [FEATURES, "--no-run", "--test", "syscalls", "--test", "x"]
        );
        for (command, error) in [
            ("cargo test -p eyas-scap --test nothing", "eyas-scap has no test nothing"),
            ("cargo test -p nothing --test syscalls", "there is no package nothing"),
            ("cargo test statfs", "`cargo test statfs` names no package or no test"),
        ] {
            assert_eq!(run(command).unwrap_err(), error);
        }
    }

    const PAGE: &str = "1. Replace in `a.rs`\n\n   ```rust,ignore\n   old\n   ```\n\n   by\n\n   ```rust,ignore\n   new {\n       x\n   \
                        }\n   ```\n\n2. Add to `b.rs`, below the line `rows! {`:\n\n   ```rust,ignore\n   row\n   ```\n\n3. \
                        Append to `c.rs`:\n\n   ```rust,ignore\n   fn test() {}\n   ```\n\n4. Run:\n\n   ```sh\n   cargo \
                        test x\n   cargo xtask codegen\n   ```\n";

    #[test]
    fn a_page_is_read_step_by_step() {
        let steps = steps(PAGE).unwrap();
        let [replace, insert, append, run] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!(changed("m! {\n    old\n}\n", replace).unwrap(), "m! {\n    new {\n        x\n    }\n}\n");
        assert!(changed("m! {\n}\n", replace).is_err());
        assert_eq!(changed("rows! {\n}\n", insert).unwrap(), "rows! {\n    row\n}\n");
        assert_eq!(changed("a\n", append).unwrap(), "a\n\nfn test() {}\n");
        assert_eq!(*run, Step::Run { command: "cargo test x" });
    }
}
