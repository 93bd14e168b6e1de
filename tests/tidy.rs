//! Checks of the project's rules for its own code.

use std::path::{Path, PathBuf};

#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/examples.rs"]
mod examples;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/invariants.rs"]
mod invariants;
#[path = "tidy/pages.rs"]
mod pages;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                sources(&path, out);
            }
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("rs" | "c" | "h")) {
            out.push(path);
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    let allowed: &[(&str, &[&str])] = &[
        ("events", &[]),
        ("fields", &[]),
        ("bpf", &["events"]),
        ("scap", &["events", "bpf"]),
        ("sinsp", &["events", "scap", "fields"]),
        ("audit", &["fields", "sinsp"]),
        ("plugins", &["events", "scap", "fields", "sinsp"]),
        ("yaml", &[]),
        ("rules", &["fields", "yaml"]),
    ];
    for (name, may) in allowed {
        let manifest = std::fs::read_to_string(root().join(format!("crates/{name}/Cargo.toml"))).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for (other, _) in allowed {
            let uses = dependencies.lines().any(|line| line.starts_with(&format!("eyas-{other}")));
            assert!(!uses || may.contains(other), "{name} must not use {other}");
        }
    }
}

/// Linux 5.10 accepts only numbers as their arguments.
#[test]
fn global_functions_of_the_probe_take_numbers_alone() {
    let mut files = Vec::new();
    sources(&root().join("crates/bpf/src/bpf"), &mut files);
    let mut functions = 0;
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.starts_with("__noinline ")) {
            functions += 1;
            assert!(!line.contains('*'), "{}: {line}", path.display());
        }
    }
    assert!(functions > 30, "{functions} functions");
}

#[test]
fn rules_alone_need_neither_captures_nor_inspection() {
    for edges in ["normal,build", "normal,build,dev"] {
        let out = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--package", "eyas-rules", "--prefix", "none", "--edges", edges])
            .current_dir(root())
            .output()
            .unwrap();
        let tree = String::from_utf8(out.stdout).unwrap();
        assert!(
            out.status.success() && tree.contains("eyas-fields"),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        for name in ["eyas-scap", "eyas-sinsp", "eyas-bpf", "eyas-events", "libbpf"] {
            assert!(!tree.contains(name), "eyas-rules depends on {name}:\n{tree}");
        }
    }
}

#[test]
fn unsafe_code_is_forbidden_outside_the_probe() {
    for name in ["events", "fields", "scap", "sinsp", "yaml", "rules"] {
        let lib = std::fs::read_to_string(root().join(format!("crates/{name}/src/lib.rs"))).unwrap();
        assert!(lib.contains("#![forbid(unsafe_code)]"), "{name}");
    }
    for program in
        ["examples/falco/src/main.rs", "examples/sysdig/src/main.rs", "xtask/src/main.rs", "src/lib.rs"]
    {
        let text = std::fs::read_to_string(root().join(program)).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{program}");
    }
}

/// The host of plugins calls foreign code only in `call`, foreign code calls it only in `callbacks`, and the rest is safe.
#[test]
fn unsafe_code_of_plugins_stays_where_it_is_fenced() {
    let sources_of = root().join("crates/plugins/src");
    let lib = std::fs::read_to_string(sources_of.join("lib.rs")).unwrap();
    assert!(lib.contains("#![deny(unsafe_code)]"));
    let allowed: Vec<&str> =
        lib.split("#[allow(unsafe_code)]\n").skip(1).filter_map(|rest| rest.lines().next()).collect();
    assert_eq!(allowed, ["mod call;", "mod callbacks;"]);
    let mut files = Vec::new();
    sources(&sources_of, &mut files);
    for path in files {
        let name = path.strip_prefix(&sources_of).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        for line in code {
            assert!(!line.contains("allow(unsafe_code)") || name == "lib.rs", "{name}: {line}");
            let calls = line.contains("libloading") || line.contains("guarded(");
            assert!(!calls || name.starts_with("call"), "{name} calls foreign code: {line}");
        }
    }
}

#[test]
fn the_code_has_no_todo_marks() {
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("#[ign", "ore"),
    ];
    for (path, text) in all() {
        for word in words {
            assert!(!text.contains(word), "{} contains {word}", path.display());
        }
    }
}

#[test]
fn programs_do_not_panic_where_output_fails() {
    let words = ["println!(", "print!(", "dbg!("];
    for (path, text) in all() {
        let name = path.strip_prefix(root()).unwrap();
        let is_program = name.starts_with("examples") || name.starts_with("xtask") || name.starts_with("src");
        if !is_program || name.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            assert!(
                !words.iter().any(|word| line.contains(word)),
                "{} panics where standard output or standard error fails: `{}`; use say!, note! or print of \
                 eyas-console",
                name.display(),
                line.trim()
            );
        }
    }
}

/// A test that fails leaves nothing behind, and tests that run at the same time have directories of their own.
#[test]
fn directories_of_tests_are_those_of_the_harness() {
    let others = [
        "testing/src/",
        "benches/",
        "crates/bpf/tests/targets.rs",
        "crates/scap/src/writer.rs",
        "examples/falco/examples/",
        "xtask/src/",
        // This file contains the words.
        "tests/tidy.rs",
    ];
    for (path, text) in all() {
        let name = path.strip_prefix(root()).unwrap();
        assert!(
            others.iter().any(|other| name.to_string_lossy().starts_with(other))
                || !text.contains("temp_dir()"),
            "{}: use eyas_testing::Dir",
            name.display()
        );
    }
}

#[test]
fn files_stay_small() {
    for (path, text) in all() {
        let is_table = path.to_string_lossy().contains("/table");
        assert!(
            is_table || text.lines().count() <= 800,
            "{} has {} lines",
            path.display(),
            text.lines().count()
        );
    }
}

/// Older versions of Rust cannot build the dependencies.
#[test]
fn the_stated_rust_version_builds_every_dependency() {
    // Only this platform's dependencies: the others are not downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let out = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1", "--features", "live"])
        .args(["--filter-platform", &platform])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let version = |text: &str| text.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let stated = env!("CARGO_PKG_RUST_VERSION");
    for package in metadata["packages"].as_array().unwrap() {
        if let Some(needed) = package["rust_version"].as_str() {
            assert!(
                version(needed)[..2] <= version(stated)[..2],
                "{} needs Rust {needed}; Cargo.toml and README.md state {stated}",
                package["name"]
            );
        }
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(&format!("Rust {stated} or newer")), "README.md states another Rust version");
}

#[test]
fn tests_without_the_built_in_harness_are_registered() {
    for manifest in manifests(&root()) {
        let text = std::fs::read_to_string(&manifest).unwrap();
        for target in text.split("[[test]]").skip(1).map(|rest| rest.split("\n[").next().unwrap()) {
            if !target.contains("harness = false") {
                continue;
            }
            let name = target.split("name = \"").nth(1).unwrap().split('"').next().unwrap();
            let tests = manifest.parent().unwrap().join("tests");
            let mut files = vec![tests.join(format!("{name}.rs"))];
            if tests.join(name).is_dir() {
                sources(&tests.join(name), &mut files);
            }
            for file in files.iter().filter(|file| file.is_file()) {
                let text = std::fs::read_to_string(file).unwrap();
                let imports = text.lines().any(|line| {
                    line.starts_with("use eyas_testing::test;")
                        || line.starts_with("use eyas_testing::{") && line.contains("test}")
                });
                // Without the import, the compiler leaves the tests out without a message.
                assert!(
                    imports || !text.contains("#[test]"),
                    "{} needs `use eyas_testing::test;`",
                    file.display()
                );
            }
        }
    }
}

/// Every Cargo.toml of the workspace.
fn manifests(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(manifests(&path));
        } else if name == "Cargo.toml" {
            found.push(path);
        }
    }
    found
}
