//! What the probe needs to be built, found or installed.

use std::path::Path;
use std::process::Command;

use eyas_console::note;

use crate::shell::{has, run};

/// A thing that is needed, how it is told to be there, and its Debian package.
pub struct Need {
    pub what: &'static str,
    pub there: fn() -> bool,
    pub package: &'static str,
}

const NEEDS: [Need; 5] = [
    Need { what: "clang", there: has_clang, package: "clang" },
    Need { what: "libelf (gelf.h)", there: || has_header("gelf.h"), package: "libelf-dev" },
    Need { what: "zlib (zlib.h)", there: || has_header("zlib.h"), package: "zlib1g-dev" },
    Need { what: "pkg-config", there: || has("pkg-config"), package: "pkg-config" },
    Need { what: "make", there: || has("make"), package: "make" },
];

fn has_clang() -> bool {
    std::env::var_os("CLANG").is_some() || has("clang") || (14..=22).any(|n| has(&format!("clang-{n}")))
}

fn has_header(name: &str) -> bool {
    ["/usr/include", "/usr/local/include", "/usr/include/libelf"]
        .iter()
        .any(|dir| Path::new(dir).join(name).is_file())
}

/// Makes sure that what the probe needs is there.
pub fn ensure() -> Result<(), String> {
    if has("apt-get") || missing(&NEEDS).is_empty() { ensure_all(&NEEDS) } else { Err(elsewhere()) }
}

fn missing(needs: &[Need]) -> Vec<&Need> {
    needs.iter().filter(|need| !(need.there)()).collect()
}

/// Makes sure that everything is there: installs it with apt, or says what is missing.
pub fn ensure_all(needs: &[Need]) -> Result<(), String> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let what: Vec<&str> = missing.iter().map(|need| need.what).collect();
    note!("{} is needed, which this machine lacks.", what.join(", "));
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !has("apt-get") {
        return Err(format!(
            "install what is missing and try again: {}; on Debian these are {}",
            what.join(", "),
            packages.join(" ")
        ));
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0"));
    if !is_root && !has("sudo") {
        return Err(format!("run as root, or install them first: apt-get install {}", packages.join(" ")));
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

/// The command that installs everything on the distribution at hand.
fn elsewhere() -> String {
    let command = if has("dnf") {
        "sudo dnf install clang elfutils-libelf-devel zlib-devel pkgconf make"
    } else if has("pacman") {
        "sudo pacman -S --needed clang libelf zlib pkgconf make"
    } else if has("zypper") {
        "sudo zypper install clang libelf-devel zlib-devel pkg-config make"
    } else if has("apk") {
        "sudo apk add clang elfutils-dev zlib-dev pkgconf make linux-headers"
    } else {
        "(your package manager): clang, the headers of libelf and zlib, pkg-config, make"
    };
    format!("install them and try again: {command}")
}
