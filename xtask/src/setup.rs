//! Finds or installs the packages that linking with libbpf, and compiling the probe, need.

use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use eyas_console::note;

use crate::shell::{has, run};

/// A build requirement: its name, a check for it, and its Debian package.
pub struct Need {
    pub what: &'static str,
    pub there: fn() -> bool,
    pub package: &'static str,
}

/// Whether to ask before packages are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Ask once on a terminal. Without a terminal, install without asking.
    Ask,
    /// `--yes`: install.
    Given,
}

/// Requirements for building libbpf.
const NEEDS: [Need; 4] = [
    Need { what: "libelf (gelf.h)", there: || has_header("gelf.h"), package: "libelf-dev" },
    Need { what: "zlib (zlib.h)", there: || has_header("zlib.h"), package: "zlib1g-dev" },
    Need { what: "pkg-config", there: || has("pkg-config"), package: "pkg-config" },
    Need { what: "make", there: || has("make"), package: "make" },
];

/// Requirement for compiling the probe, which is only needed to change or check it.
const CLANG: [Need; 1] = [Need { what: "clang", there: has_clang, package: "clang" }];

fn has_clang() -> bool {
    std::env::var_os("CLANG").is_some() || has("clang") || (14..=22).any(|n| has(&format!("clang-{n}")))
}

fn has_header(name: &str) -> bool {
    ["/usr/include", "/usr/local/include", "/usr/include/libelf"]
        .iter()
        .any(|dir| Path::new(dir).join(name).is_file())
}

/// Installs what the build for live capture needs, if it is missing.
pub fn ensure(consent: Consent) -> Result<(), String> {
    if has("apt-get") || missing(&NEEDS).is_empty() {
        ensure_all(&NEEDS, consent)
    } else {
        Err(install_command_of_distribution())
    }
}

/// Like [`ensure`], and installs clang, too.
pub fn ensure_clang(consent: Consent) -> Result<(), String> {
    ensure(consent)?;
    ensure_all(&CLANG, consent)
}

/// Debian packages that [`ensure`] would install.
pub fn missing_packages() -> Vec<&'static str> {
    NEEDS.iter().filter(|need| !(need.there)()).map(|need| need.package).collect()
}

fn missing(needs: &[Need]) -> Vec<&Need> {
    needs.iter().filter(|need| !(need.there)()).collect()
}

/// Installs missing packages with apt-get, or returns an error that names them.
pub fn ensure_all(needs: &[Need], consent: Consent) -> Result<(), String> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let what: Vec<&str> = missing.iter().map(|need| need.what).collect();
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    note!("missing: {}", what.join(", "));
    if !has("apt-get") {
        return Err(format!("install {} and try again; on Debian: {}", what.join(", "), packages.join(" ")));
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0"));
    if !is_root && !has("sudo") {
        return Err(format!("run as root, or install them first: apt-get install {}", packages.join(" ")));
    }
    if consent == Consent::Ask && std::io::stdin().is_terminal() {
        note!("Install {} and the packages that they depend on, with apt-get? [Y/n]", packages.join(" "));
        let mut reply = String::new();
        std::io::stdin().read_line(&mut reply).map_err(|error| format!("can't read the reply: {error}"))?;
        if !agrees(&reply) {
            return Err(format!("nothing was installed. To go on: apt-get install {}", packages.join(" ")));
        }
    }
    let apt = |args: &[&str]| {
        let mut command = if is_root { Command::new("apt-get") } else { Command::new("sudo") };
        if !is_root {
            command.arg("apt-get");
        }
        note!("$ apt-get {}", args.join(" "));
        run(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)
}

/// Whether a reply to `[Y/n]` is yes. The end of the input is no.
fn agrees(reply: &str) -> bool {
    reply.ends_with('\n') && matches!(reply.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

/// The command that installs everything on this distribution.
fn install_command_of_distribution() -> String {
    let command = if has("dnf") {
        "sudo dnf install gcc elfutils-libelf-devel zlib-devel pkgconf make"
    } else if has("pacman") {
        "sudo pacman -S --needed gcc libelf zlib pkgconf make"
    } else if has("zypper") {
        "sudo zypper install gcc libelf-devel zlib-devel pkg-config make"
    } else if has("apk") {
        "sudo apk add gcc elfutils-dev zlib-dev pkgconf make linux-headers"
    } else {
        "(your package manager): a C compiler, the headers of libelf and zlib, pkg-config, make"
    };
    format!("install them and try again: {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_agrees_and_the_end_of_input_does_not() {
        assert!(agrees("\n") && agrees("y\n") && agrees(" YES \n"));
        assert!(!agrees("") && !agrees("n\n") && !agrees("maybe\n"));
    }

    #[test]
    fn nothing_is_installed_where_nothing_is_missing() {
        let needs = [Need { what: "a shell", there: || true, package: "no-such-package" }];
        assert_eq!(ensure_all(&needs, Consent::Ask), Ok(()));
    }
}
