//! The tree of files that packages install, in `target/dist/root`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::files::{PROGRAMS, copy, dist, remove, write};
use crate::shell::{root, run};

/// Files of the repository, and where they are installed.
const FILES: [(&str, &str); 9] = [
    ("packaging/etc/falco.yaml", "etc/falco/falco.yaml"),
    ("packaging/etc/rules.d/eyas_rules.yaml", "etc/falco/rules.d/eyas_rules.yaml"),
    ("packaging/logrotate/falco", "etc/logrotate.d/falco"),
    ("packaging/systemd/falco.service", "usr/lib/systemd/system/falco.service"),
    ("README.md", "usr/share/doc/eyas/README.md"),
    ("CHANGELOG.md", "usr/share/doc/eyas/CHANGELOG.md"),
    ("LICENSE", "usr/share/doc/eyas/LICENSE"),
    ("LICENSES/BSD-2-Clause.txt", "usr/share/doc/eyas/BSD-2-Clause.txt"),
    ("LICENSES/GPL-2.0-only.txt", "usr/share/doc/eyas/GPL-2.0-only.txt"),
];

/// Pages that programs generate, and where they are installed.
const GENERATED: [(&str, &str); 4] = [
    ("man", "usr/share/man/man1/@.1"),
    ("bash", "usr/share/bash-completion/completions/@"),
    ("fish", "usr/share/fish/vendor_completions.d/@.fish"),
    ("zsh", "usr/share/zsh/site-functions/_@"),
];

/// The tree's directory.
pub fn dir() -> PathBuf {
    dist().join("root")
}

/// Creates the tree with the programs in `programs`. The programs in `speakers`, which run on this machine,
/// generate the pages.
pub fn create_tree(programs: &Path, speakers: &Path, strip: &str) -> Result<(), String> {
    remove(&dir())?;
    for (from, to) in FILES {
        install(&root().join(from), to, 0o644)?;
    }
    for name in PROGRAMS {
        let to = format!("usr/bin/{name}");
        install(&programs.join(name), &to, 0o755)?;
        // Function names are kept for panic messages.
        run(Command::new(strip).arg("--strip-debug").arg(dir().join(&to)))?;
        for (form, to) in GENERATED {
            let page = page(&speakers.join(name), form)?;
            let to = dir().join(to.replace('@', name));
            write(&to, &page)?;
            set_mode(&to, 0o644)?;
        }
    }
    Ok(())
}

fn install(from: &Path, to: &str, mode: u32) -> Result<(), String> {
    let to = dir().join(to);
    copy(from, &to)?;
    set_mode(&to, mode)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    let set = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    set.map_err(|error| format!("can't set the mode of {}: {error}", path.display()))
}

/// A page that a program generates.
fn page(program: &Path, form: &str) -> Result<Vec<u8>, String> {
    let output = Command::new(program).args(["--generate", form]).output();
    let output = output.map_err(|error| format!("can't run {}: {error}", program.display()))?;
    if !output.status.success() || output.stdout.is_empty() {
        let cause = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} --generate {form}: {}: {cause}", program.display(), output.status));
    }
    Ok(output.stdout)
}
