//! Downloads Debian packages with apt. Uses separate package lists, so that those of the machine do not
//! change.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_console::note;

use super::machine::Machine;
use crate::shell;

const ARCHIVE: &str = "http://deb.debian.org/debian";
/// Archive with the security updates of a release without further updates.
const SECURITY_ARCHIVE: &str = "http://deb.debian.org/debian-security";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The packages of a release for an architecture, with Debian's names.
pub(super) struct Archive {
    release: &'static str,
    dir: PathBuf,
    options: Vec<String>,
}

impl Archive {
    /// Downloads the lists. They and all downloads are kept below `dir`.
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
        let archive = if release.ends_with("-security") { SECURITY_ARCHIVE } else { ARCHIVE };
        std::fs::write(&sources, format!("deb [signed-by={KEYS}] {archive} {release} main\n"))
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

    /// The value of a field in a package's description.
    pub(super) fn field(&self, package: &str, field: &str) -> Result<String, String> {
        let shown = self.ask(&["show", "--no-all-versions", package])?;
        let value = shown.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
        value.map(str::to_owned).ok_or_else(|| format!("Debian's {} has no package {package}", self.release))
    }

    /// A package and all its dependencies.
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

/// Returns the kernel of a machine. It is stored below `dir`, once for all machines that boot it.
pub(super) fn kernel(machine: &Machine, dir: &Path) -> Result<PathBuf, String> {
    let Machine { release, package, kind, .. } = machine;
    let to = dir.join(format!("{release}-{}-{package}", kind.arch));
    if let Some(found) = image(&to) {
        return Ok(found);
    }
    let archive = Archive::open(release, kind.arch, dir)?;
    let newest = dependency(&archive, package, "linux-image-")?.unwrap_or_default();
    // Since 6.19 the image package is empty and depends on the one that has the kernel.
    let holder = dependency(&archive, &newest, "linux-binary-")?.unwrap_or(newest);
    archive.unpack(&[&holder], &to)?;
    image(&to).ok_or_else(|| format!("{holder} holds no kernel"))
}

/// Returns the first package that `package` depends on and whose name begins with `prefix`.
fn dependency(archive: &Archive, package: &str, prefix: &str) -> Result<Option<String>, String> {
    let depends = archive.field(package, "Depends")?;
    Ok(first_named(&depends, prefix).map(str::to_owned))
}

fn first_named<'a>(depends: &'a str, prefix: &str) -> Option<&'a str> {
    depends.split([' ', ',', '|']).find(|name| name.starts_with(prefix))
}

/// Finds the kernel of an unpacked package: in `boot`, or in the directory of its modules where the package is split.
fn image(dir: &Path) -> Option<PathBuf> {
    let entries =
        |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_image =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"));
    let modules = entries(dir.join("usr/lib/modules")).map(|version| version.join("vmlinuz"));
    entries(dir.join("boot")).find(is_image).or_else(|| modules.into_iter().find(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_with_the_kernel_is_named_by_the_one_above_it() {
        let image = "linux-base-cloud-amd64 (= 7.3.4-1), linux-image-7.3.4+deb13-cloud-amd64 (= 7.3.4-1)";
        assert_eq!(first_named(image, "linux-image-"), Some("linux-image-7.3.4+deb13-cloud-amd64"));
        let split = "dracut | linux-initramfs-tool, linux-binary-7.3.4+deb13-cloud-amd64 (= 7.3.4-1)";
        assert_eq!(first_named(split, "linux-binary-"), Some("linux-binary-7.3.4+deb13-cloud-amd64"));
        assert_eq!(first_named("kmod, linux-base (>= 4.3~)", "linux-binary-"), None);
    }

    #[test]
    fn kernels_are_found_where_packages_have_them() {
        let dir = std::env::temp_dir().join(format!("eyas-kernels-{}", std::process::id()));
        let old = dir.join("old/boot");
        let split = dir.join("split/usr/lib/modules/7.3.4");
        for (dir, name) in
            [(&old, "vmlinuz-6.1"), (&old, "config-6.1"), (&split, "vmlinuz"), (&split, "System.map")]
        {
            std::fs::create_dir_all(dir).unwrap();
            std::fs::write(dir.join(name), b"").unwrap();
        }
        assert_eq!(image(&dir.join("old")), Some(old.join("vmlinuz-6.1")));
        assert_eq!(image(&dir.join("split")), Some(split.join("vmlinuz")));
        assert_eq!(image(&dir.join("none")), None);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
