//! Debian's packages, by apt with lists of its own, so that the machine's stay as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_console::note;

use super::machine::Machine;
use crate::shell;

const ARCHIVE: &str = "http://deb.debian.org/debian";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The packages of a release for an architecture, as Debian calls both.
pub(super) struct Archive {
    release: &'static str,
    dir: PathBuf,
    options: Vec<String>,
}

impl Archive {
    /// Gets the lists, which are kept below `dir`, as is what is downloaded.
    pub(super) fn open(release: &'static str, arch: &str, dir: &Path) -> Result<Self, String> {
        if !shell::has("apt-get") || !shell::has("dpkg-deb") {
            return Err("it comes from Debian by apt-get and dpkg-deb, which this machine lacks".into());
        }
        let dir = dir.join(format!("apt-{release}-{arch}"));
        let lists = dir.join("lists");
        for place in [&lists.join("partial"), &dir.join("cache/archives/partial")] {
            std::fs::create_dir_all(place)
                .map_err(|error| format!("can't make {}: {error}", place.display()))?;
        }
        let sources = dir.join("sources.list");
        std::fs::write(&sources, format!("deb [signed-by={KEYS}] {ARCHIVE} {release} main\n"))
            .map_err(|error| format!("can't write {}: {error}", sources.display()))?;
        let options = vec![
            format!("Dir::Etc::sourcelist={}", sources.display()),
            "Dir::Etc::sourceparts=/dev/null".into(),
            format!("Dir::State::lists={}", lists.display()),
            format!("Dir::Cache={}", dir.join("cache").display()),
            "Dir::State::status=/dev/null".into(),
            "Acquire::Languages=none".into(),
            "APT::Sandbox::User=root".into(),
            format!("APT::Architecture={arch}"),
            format!("APT::Architectures={arch}"),
        ];
        let archive = Self { release, dir, options };
        note!("$ apt-get update # of {release}, {arch}");
        shell::run(archive.apt("apt-get").args(["update", "-qq"]))?;
        Ok(archive)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.options.iter().for_each(|option| _ = command.arg("-o").arg(option));
        command.current_dir(&self.dir);
        command
    }

    fn ask(&self, args: &[&str]) -> Result<String, String> {
        let output = self.apt("apt-cache").args(args).output();
        let output = output.map_err(|error| format!("can't run apt-cache: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What a field of a package's description says.
    pub(super) fn field(&self, package: &str, field: &str) -> Result<String, String> {
        let shown = self.ask(&["show", "--no-all-versions", package])?;
        let value = shown.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
        value.map(str::to_owned).ok_or_else(|| format!("Debian's {} has no package {package}", self.release))
    }

    /// A package and all that it depends on.
    pub(super) fn with_dependencies(&self, package: &str) -> Result<Vec<String>, String> {
        let listed = self.ask(&["depends", "--recurse", "--important", package])?;
        let names = listed.lines().filter(|line| !line.starts_with([' ', '<', '|']));
        Ok(names.map(str::to_owned).collect())
    }

    /// Downloads packages and unpacks them.
    pub(super) fn unpack(&self, packages: &[&str], to: &Path) -> Result<(), String> {
        note!("$ apt-get download {}", packages.join(" "));
        shell::run(self.apt("apt-get").args(["download", "-qq"]).args(packages))?;
        let entries = std::fs::read_dir(&self.dir)
            .map_err(|error| format!("can't read {}: {error}", self.dir.display()))?;
        let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
        for package in entries.flatten().map(|entry| entry.path()).filter(is_package) {
            shell::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(to))?;
            let _ = std::fs::remove_file(&package);
        }
        Ok(())
    }
}

/// The kernel of a machine, below `dir`.
pub(super) fn kernel(machine: &Machine, dir: &Path) -> Result<PathBuf, String> {
    let to = dir.join(machine.name);
    if let Some(found) = image(&to) {
        return Ok(found);
    }
    let archive = Archive::open(machine.release, machine.kind.arch, dir)?;
    let depends = archive.field(machine.package, "Depends")?;
    let newest = depends.split([' ', ',']).next().unwrap_or_default();
    archive.unpack(&[newest], &to)?;
    image(&to).ok_or_else(|| format!("{newest} holds no kernel"))
}

fn image(dir: &Path) -> Option<PathBuf> {
    let mut entries = std::fs::read_dir(dir.join("boot")).ok()?.flatten();
    let is_image = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("vmlinuz");
    entries.find(|entry| is_image(&entry.file_name())).map(|entry| entry.path())
}
