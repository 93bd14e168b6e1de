//! Kernels out of Debian's packages, by apt with lists of its own, so that the machine's stay as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell;

/// What is downloaded: the kernel for virtual machines, which is the smallest.
const PACKAGE: &str = "linux-image-cloud-amd64";
const ARCHIVE: &str = "http://deb.debian.org/debian";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The newest kernel of a release, below `dir`.
pub(super) fn kernel(release: &str, dir: &Path) -> Result<PathBuf, String> {
    let dir = dir.join(release);
    let lists = dir.join("lists");
    for place in [&lists.join("partial"), &dir.join("cache/archives/partial")] {
        std::fs::create_dir_all(place).map_err(|error| format!("can't make {}: {error}", place.display()))?;
    }
    if let Some(found) = image(&dir) {
        return Ok(found);
    }
    if !shell::has("apt-get") {
        return Err("kernels come from Debian by apt-get, which this machine lacks".into());
    }
    let sources = dir.join("sources.list");
    std::fs::write(&sources, format!("deb [signed-by={KEYS}] {ARCHIVE} {release} main\n"))
        .map_err(|error| format!("can't write {}: {error}", sources.display()))?;
    let options = [
        format!("Dir::Etc::sourcelist={}", sources.display()),
        "Dir::Etc::sourceparts=/dev/null".into(),
        format!("Dir::State::lists={}", lists.display()),
        format!("Dir::Cache={}", dir.join("cache").display()),
        "Dir::State::status=/dev/null".into(),
        "Acquire::Languages=none".into(),
        "APT::Architecture=amd64".into(),
    ];
    let apt = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        options.iter().for_each(|option| _ = command.arg("-o").arg(option));
        command.args(args).current_dir(&dir);
        command
    };
    eprintln!("$ apt-get update # of {release}");
    shell::run(apt("apt-get", &["update", "-qq"]).arg("-o=APT::Sandbox::User=root"))?;
    let shown = apt("apt-cache", &["show", "--no-all-versions", PACKAGE]).output();
    let shown = shown.map_err(|error| format!("can't run apt-cache: {error}"))?;
    let shown = String::from_utf8_lossy(&shown.stdout);
    let package = shown
        .lines()
        .find_map(|line| line.strip_prefix("Depends: ")?.split([' ', ',']).next())
        .ok_or_else(|| format!("{release} has no package {PACKAGE}"))?;
    eprintln!("$ apt-get download {package}");
    shell::run(apt("apt-get", &["download", "-qq", package]).arg("-o=APT::Sandbox::User=root"))?;
    let package = find(&dir, |name| name.ends_with(".deb")).ok_or("apt-get downloaded nothing")?;
    shell::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&dir))?;
    image(&dir).ok_or_else(|| format!("{package} holds no kernel", package = PACKAGE))
}

fn image(dir: &Path) -> Option<PathBuf> {
    find(&dir.join("boot"), |name| name.starts_with("vmlinuz"))
}

fn find(dir: &Path, is_it: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(dir).ok()?.flatten();
    entries.find(|entry| is_it(&entry.file_name().to_string_lossy())).map(|entry| entry.path())
}
