//! Builds programs for aarch64 on x86-64: with the installed compiler if it has a standard library for
//! aarch64, otherwise with Debian's compiler, which has both.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::Archive;
use super::linker::LINKER;

pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The Debian release with a recent enough compiler.
const RUST_RELEASE: &str = "testing";
/// The Debian release whose libraries can be linked with any current C library.
const LIBRARIES_RELEASE: &str = "bookworm";
/// Packages with the libraries of the probe, and with the programs that tests run.
const PACKAGES: [&str; 12] = [
    "libelf-dev",
    "zlib1g-dev",
    "dash",
    "coreutils",
    "mount",
    "util-linux",
    "libc6",
    "libselinux1",
    "libpcre2-8-0",
    "libmount1",
    "libblkid1",
    "libcap-ng0",
];
/// Library directories of those packages.
const LIBRARIES: [&str; 2] = ["lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu"];
/// Program that lists linked libraries.
const READER: &str = "aarch64-linux-gnu-readelf";

/// A toolchain for aarch64.
pub(crate) struct Toolchain {
    /// The compiler, if it is not the installed one.
    rustc: Option<PathBuf>,
    /// Debian's files for aarch64.
    root: PathBuf,
    target: PathBuf,
}

impl Toolchain {
    /// Finds or downloads everything, and keeps it below `dir`.
    pub(crate) fn find(dir: &Path) -> Result<Self, String> {
        let root = dir.join("arm64");
        let toolchain = Self { rustc: None, root: root.clone(), target: dir.join("target-arm64") };
        if !super::environment::PROGRAMS.iter().all(|program| toolchain.file(program).is_file()) {
            Archive::open(LIBRARIES_RELEASE, "arm64", dir)?.unpack(&PACKAGES, &root)?;
        }
        let rustc = if has_library() { None } else { Some(compiler(dir)?) };
        Ok(Self { rustc, ..toolchain })
    }

    /// Debian's aarch64 version of a file of this machine.
    fn file(&self, path: &str) -> PathBuf {
        self.root.join(if path == "/bin/sh" { "bin/dash" } else { path.trim_start_matches('/') })
    }

    /// Programs and their libraries, by their paths on a machine.
    pub(super) fn programs(&self, paths: &[&str]) -> Result<Vec<(String, PathBuf)>, String> {
        let mut all: Vec<(String, PathBuf)> =
            paths.iter().map(|path| ((*path).to_owned(), self.file(path))).collect();
        let mut next = 0;
        while let Some((_, file)) = all.get(next) {
            for library in linked(file)? {
                let to = format!("/lib/{library}");
                if all.iter().any(|(there, _)| *there == to) {
                    continue;
                }
                let mut places = LIBRARIES.iter().map(|place| self.root.join(place).join(&library));
                let found = places.find(|place| place.exists());
                all.push((to, found.ok_or_else(|| format!("no package for aarch64 has {library}"))?));
            }
            next += 1;
        }
        Ok(all)
    }

    /// Target directory for aarch64.
    pub(crate) fn target_dir(&self) -> &Path {
        &self.target
    }

    /// Configures cargo to build for aarch64.
    pub(crate) fn set_up(&self, cargo: &mut Command) {
        let variable = |name: &str| format!("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_{name}");
        let libraries = self.root.join("usr/lib/aarch64-linux-gnu");
        cargo.args(["--target", TARGET]).arg("--target-dir").arg(&self.target);
        cargo.env(variable("LINKER"), LINKER);
        // Links the C library statically, because the emulated machine has none.
        cargo.env(variable("RUSTFLAGS"), "-C target-feature=+crt-static");
        cargo.env(
            "CFLAGS_aarch64_unknown_linux_gnu",
            format!("-I{}", self.root.join("usr/include").display()),
        );
        cargo.env("LIBBPF_SYS_LIBRARY_PATH_aarch64_unknown_linux_gnu", libraries);
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
    }
}

/// The libraries that a program or a library needs.
fn linked(file: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(READER).arg("--dynamic").arg(file).output();
    let output = output.map_err(|error| format!("can't run {READER}: {error}"))?;
    if !output.status.success() {
        let cause = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} is not a program for aarch64: {cause}", file.display()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let named = text.lines().filter(|line| line.contains("(NEEDED)"));
    Ok(named.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned())).collect())
}

/// Whether the installed compiler has a standard library for aarch64.
fn has_library() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// Debian's compiler with the libraries for both, in its own directory, and the C library that it needs.
fn compiler(dir: &Path) -> Result<PathBuf, String> {
    let root = dir.join("rust");
    let script = root.join("rustc");
    if script.is_file() {
        return Ok(script);
    }
    let without = |error: String| {
        format!(
            "the compiler has no standard library for {TARGET} (`rustup target add {TARGET}` gets it), and Debian's \
             can't be had: {error}"
        )
    };
    let [own, other] = ["amd64", "arm64"].map(|arch| Archive::open(RUST_RELEASE, arch, dir));
    let (own, other) = (own.map_err(without)?, other.map_err(without)?);
    let library = "libstd-rust-dev";
    let versions = [own.field(library, "Version")?, other.field(library, "Version")?];
    if versions[0] != versions[1] {
        return Err(without(format!("its versions for both differ today: {}", versions.join(", "))));
    }
    let mut packages = own.with_dependencies(library).map_err(without)?;
    packages.push("rustc".into());
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    own.unpack(&packages, &root).map_err(without)?;
    other.unpack(&[library], &root).map_err(without)?;
    let root = root.display();
    let text = format!(
        "#!/bin/sh\nexec '{root}/usr/lib64/ld-linux-x86-64.so.2' --library-path '{root}/usr/lib/x86_64-linux-gnu' \
         '{root}/usr/bin/rustc' --sysroot '{root}/usr' \"$@\"\n"
    );
    std::fs::write(&script, text)
        .and_then(|()| std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)))
        .map_err(|error| format!("can't write {}: {error}", script.display()))?;
    Ok(script)
}
