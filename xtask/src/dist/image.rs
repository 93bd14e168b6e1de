//! Creates the root file system of an image in `target/dist/image`: only the programs and their libraries.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::files::{PROGRAMS, copy, dist, remove, write};
use super::tree;
use crate::shell::run;

/// Paths of CA certificates on the distributions.
const AUTHORITIES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Small files that programs look for.
const FILES: [(&str, &str); 3] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
];

/// Directories for mounts and for written files.
const DIRS: [&str; 9] =
    ["dev", "etc/falco/config", "host", "proc", "run", "sys", "tmp", "var/log/falco", "var/lib/falco"];

/// Creates it from the tree.
pub fn make() -> Result<(), String> {
    let dir = dist().join("image");
    remove(&dir)?;
    for name in PROGRAMS {
        let to = dir.join("usr/bin").join(name);
        copy(&tree::dir().join("usr/bin").join(name), &to)?;
        for library in linked(&to)? {
            let to = dir.join(library.strip_prefix("/").unwrap_or(&library));
            copy(&library, &to)?;
        }
    }
    for path in ["etc/falco/falco.yaml", "etc/falco/rules.d/eyas_rules.yaml"] {
        copy(&tree::dir().join(path), &dir.join(path))?;
    }
    if let Some(file) = AUTHORITIES.iter().map(Path::new).find(|path| path.is_file()) {
        copy(file, &dir.join("etc/ssl/certs/ca-certificates.crt"))?;
    }
    for (path, text) in FILES {
        write(&dir.join(path), text.as_bytes())?;
    }
    for path in DIRS {
        let path = dir.join(path);
        std::fs::create_dir_all(&path).map_err(|error| format!("can't make {}: {error}", path.display()))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C"]).arg(&dir);
    run(tar.arg("-czf").arg(dist().join("image.tar.gz")).arg("."))
}

/// The libraries of a program and its loader, with their paths.
fn linked(program: &Path) -> Result<Vec<PathBuf>, String> {
    let output =
        Command::new("ldd").arg(program).output().map_err(|error| format!("can't run ldd: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut found = Vec::new();
    for line in text.lines() {
        if line.contains("not found") {
            return Err(format!("{}: {}", program.display(), line.trim()));
        }
        found.extend(line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from));
    }
    Ok(found)
}
