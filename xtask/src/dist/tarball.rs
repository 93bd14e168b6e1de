//! Creates the tarball of the tree.

use std::process::Command;

use super::files::dist;
use super::tree;
use crate::shell::run;

/// Packs the tree. Equal trees produce equal bytes.
pub fn make(target: &str) -> Result<(), String> {
    let name = format!("eyas-{}-{target}", env!("CARGO_PKG_VERSION"));
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C"])
        .arg(tree::dir());
    tar.arg(format!("--transform=s,^\\.,{name},")).arg("-czf").arg(dist().join(format!("{name}.tar.gz")));
    run(tar.arg("."))
}
