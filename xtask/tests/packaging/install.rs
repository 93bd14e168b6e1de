//! The packages, installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_testing::{live_turn, need_program, need_root, test};

use super::dist::{file, made};
use super::place::{fresh_dir, root, succeed};

/// The Debian release for the installation.
const RELEASE: &str = "bookworm";

/// A Debian of the smallest kind: `EYAS_DEBIAN_ROOT`, or one that debootstrap makes and that is kept.
fn debian() -> PathBuf {
    if let Some(path) = std::env::var_os("EYAS_DEBIAN_ROOT") {
        return path.into();
    }
    let debootstrap = need_program("debootstrap");
    let dir = root().join("target/debian");
    let done = dir.join("etc/debian_version");
    if done.is_file() && dir.join("made").is_file() {
        return dir;
    }
    let _ = std::fs::remove_dir_all(&dir);
    let mut command = Command::new(debootstrap);
    command.args(["--variant=minbase", "--include=libelf1,zlib1g", RELEASE]).arg(&dir);
    let output = super::place::run(&mut command);
    if !output.status.success() {
        eyas_testing::ignore("debootstrap makes no Debian here; EYAS_DEBIAN_ROOT may name the root of one");
    }
    std::fs::write(dir.join("made"), "").unwrap();
    dir
}

/// Installs the package in a copy of a Debian, replays, captures, and removes it.
const SCRIPT: &str = r#"
set -e
mkdir -p "$DIR/upper" "$DIR/work" "$DIR/root"
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root"
cd "$DIR/root"
mkdir -p dev proc sys
mount --rbind /dev dev; mount --rbind /proc proc; mount --rbind /sys sys
cp "$DEB" eyas.deb; cp "$CAPTURE" demo.scap.gz
chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive dpkg -i eyas.deb
echo "modes: $(stat -c '%a:%U' usr/bin/falco etc/falco/falco.yaml | tr '\n' ' ')"
chroot . /usr/bin/falco -o webserver.enabled=false -e demo.scap.gz
chroot . /usr/bin/sysdig -r demo.scap.gz -n 1
echo == live
chroot . /usr/bin/falco -o webserver.enabled=false -M 20 > "$DIR/alerts" 2> "$DIR/log" & falco=$!
for try in $(seq 60); do
    cat /etc/shadow > /dev/null
    grep -q 'Password file read' "$DIR/alerts" && break
    sleep 0.25
done
kill "$falco"; wait "$falco" || true
cat "$DIR/alerts" "$DIR/log"
echo == purge
chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg -P eyas
for path in usr/bin/falco etc/falco/falco.yaml etc/falco/rules.d/eyas_rules.yaml usr/lib/systemd/system/falco.service; do
    [ ! -e "$path" ] || { echo "left: $path"; exit 1; }
done
"#;

#[test]
fn the_deb_installs_in_a_debian_and_raises_alerts() {
    need_root();
    let _turn = live_turn();
    let deb = file(".deb");
    let base = debian();
    let dir = fresh_dir("install");
    let text = succeed(
        Command::new("unshare")
            .args(["-m", "--propagation", "private", "timeout", "-k", "5", "120", "sh", "-c", SCRIPT])
            .env("DIR", &dir)
            .env("BASE", &base)
            .env("DEB", deb)
            .env("CAPTURE", root().join("demo/demo.scap.gz")),
    );
    std::fs::remove_dir_all(&dir).unwrap();
    let (replay, live) = text.split_once("== live").unwrap();
    assert!(replay.contains("modes: 755:root 644:root"), "{text}");
    assert!(replay.contains("Password file read: 1"), "{text}");
    assert!(live.contains("Password file read | file=/etc/shadow"), "{text}");
}

/// Files of the tree that both packages have by the same names: documentation is compressed on Debian, where zsh has its
/// completions elsewhere, too.
fn files(paths: impl Iterator<Item = String>) -> BTreeSet<String> {
    let same = |path: &String| {
        !path.ends_with('/') && !["/doc/", "/man/", "/zsh/"].iter().any(|part| path.contains(part))
    };
    paths.filter(same).collect()
}

/// Files below a directory, as paths from it.
fn below(dir: &Path, from: &Path, into: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => below(&path, from, into),
            false => into.push(format!("/{}", path.strip_prefix(from).unwrap().display())),
        }
    }
}

#[test]
fn the_packages_have_what_the_tree_has() {
    let dir = made().join("root");
    let mut tree = Vec::new();
    below(&dir, &dir, &mut tree);
    assert!(tree.contains(&"/usr/share/man/man1/sysdig.1".to_owned()), "{tree:?}");
    let tree = files(tree.into_iter());
    let listed = succeed(Command::new("dpkg-deb").arg("-c").arg(file(".deb")));
    for page in ["man1/falco.1", "vendor-completions/_sysdig", "doc/eyas/copyright"] {
        assert!(listed.contains(page), "{page} is missing:\n{listed}");
    }
    let paths = listed
        .lines()
        .filter_map(|line| Some(line.split_whitespace().last()?.trim_start_matches('.').to_owned()));
    assert_eq!(files(paths), tree);
    let rpm = need_program("rpm");
    let listed = succeed(Command::new(&rpm).arg("-qlp").arg(file(".rpm")));
    for page in ["man1/falco.1", "site-functions/_sysdig", "doc/eyas/LICENSE"] {
        assert!(listed.contains(page), "{page} is missing:\n{listed}");
    }
    assert_eq!(files(listed.lines().map(str::to_owned)), tree);
    let needs = succeed(Command::new(&rpm).args(["-qp", "--requires"]).arg(file(".rpm")));
    assert!(needs.contains("libelf.so.1"), "{needs}");
    let kept = succeed(Command::new(&rpm).arg("-qcp").arg(file(".rpm")));
    assert!(kept.contains("/etc/falco/falco.yaml") && kept.contains("/etc/logrotate.d/falco"), "{kept}");
}
