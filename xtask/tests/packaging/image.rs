//! The root file system of the image, run like in a DaemonSet.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use eyas_testing::{live_turn, need_program, test};

use super::dist::made;
use super::place::{fresh_dir, root, succeed};

/// What the image may have at most, bytes.
const MOST: u64 = 40_000_000;

/// Bytes of the files below a directory.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => size(&entry.path()),
            false => entry.metadata().unwrap().size(),
        })
        .sum()
}

#[test]
fn the_image_is_small() {
    let image = made().join("image");
    // Programs that are not optimised are larger than those of the image.
    let programs: u64 =
        ["falco", "sysdig"].iter().map(|name| size_of_file(&image.join("usr/bin").join(name))).sum();
    let others = size(&image) - programs;
    assert!(others < MOST / 4, "libraries and files have {others} bytes");
    let is_released = made().join("image/usr/bin/falco").metadata().unwrap().size() < MOST / 2;
    assert!(!is_released || size(&image) < MOST, "the image has {} bytes", size(&image));
}

fn size_of_file(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().size()
}

/// Runs the image with the machine's root directory below `/host`, read-only, with the capabilities of the DaemonSet.
const SCRIPT: &str = r#"
set -e
mkdir "$DIR/image" && cp -a "$IMAGE/." "$DIR/image" && cd "$DIR/image"
mount --bind . . && cd "$DIR/image"
mkdir -p etc/falco/config && cp "$RULES" etc/falco/rules.d/
mount --rbind /proc proc; mount --rbind /sys sys; mount --rbind /dev dev
for path in proc etc run; do mkdir -p "host/$path"; mount --bind "/$path" "host/$path"; mount -o remount,bind,ro "host/$path"; done
mount -t tmpfs tmp tmp
mount -o remount,bind,ro .
drop=$(capsh --decode=1ffffffffff | sed 's/.*=//' | tr , '\n' | grep -vxE "$KEEP" | paste -sd,)
env -i PATH="$PATH" HOST_ROOT=/host capsh --chroot=. --no-new-privs --drop="$drop" --shell=/usr/bin/falco -- \
    -o webserver.listen_port="$PORT" -o json_output=true -M 25 > "$DIR/alerts" 2> "$DIR/log" & falco=$!
for try in $(seq 60); do
    cat /etc/shadow > /dev/null
    grep -q 'Password file read' "$DIR/alerts" && break
    sleep 0.25
done
grep -E 'CapEff|CapBnd' "/proc/$falco/status"
kill "$falco"; wait "$falco" || true
cat "$DIR/alerts" "$DIR/log"
"#;

#[test]
fn the_image_runs_as_a_daemon_set_runs_it() {
    let _turn = live_turn();
    for name in ["unshare", "capsh", "paste"] {
        let _ = need_program(name);
    }
    let image = made().join("image");
    let dir = fresh_dir("image");
    let kept = super::kubernetes::capabilities();
    let kept: Vec<_> = kept.iter().map(|name| format!("cap_{}", name.to_lowercase())).collect();
    let text = succeed(
        Command::new("unshare")
            .args(["-m", "--propagation", "private", "timeout", "-k", "5", "60", "sh", "-c", SCRIPT])
            .env("DIR", &dir)
            .env("IMAGE", image)
            .env("KEEP", kept.join("|"))
            .env("PORT", "18766")
            .env("RULES", root().join("packaging/etc/rules.d/eyas_rules.yaml")),
    );
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(text.contains("CapBnd:\t000000c000080004"), "{text}");
    let alert = text.lines().find(|line| line.starts_with('{') && line.contains("Password file read"));
    let alert = alert.unwrap_or_else(|| panic!("no alert:\n{text}"));
    // Names of users come from the machine's files.
    assert!(
        alert.contains("\"user.name\":\"root\"") && alert.contains("\"fd.name\":\"/etc/shadow\""),
        "{alert}"
    );
}
