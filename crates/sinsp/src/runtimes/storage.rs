//! Metadata in Podman's files. While a container starts, Podman's service waits for the container's lock
//! and does not respond.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::metadata::Metadata;
use super::spec::Spec;
use super::{id, image};
use crate::state::Kind;

/// Longest file that is read, bytes.
const MAX_FILE: u64 = 16 << 20;
/// Where they are, below the host's root directory.
const STORAGE: &str = "var/lib/containers/storage";

/// An entry of the list of containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: String,
    names: Option<Vec<String>>,
    image: String,
    /// JSON in a text.
    metadata: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Details {
    image_name: String,
    name: String,
    /// Seconds since the epoch.
    created_at: i64,
}

/// The container with this id prefix, if it is one of root's.
pub(super) fn read(root: &Path, id: &str) -> Option<Metadata> {
    let id = id::checked(id.as_bytes())?;
    let storage = root.join(STORAGE);
    // One for each storage driver that was ever used: `overlay-containers`, `vfs-containers`.
    let drivers = std::fs::read_dir(&storage).ok()?.flatten().map(|entry| entry.path());
    let is_driver = |path: &PathBuf| path.to_string_lossy().ends_with("-containers");
    drivers.filter(is_driver).find_map(|driver| {
        let files = ["containers.json", "volatile-containers.json"];
        let entry = files.into_iter().find_map(|name| find(&driver.join(name), id))?;
        let spec = text(&driver.join(&entry.id).join("userdata/config.json"));
        Some(describe(entry, &Spec::of(&spec.unwrap_or_default())))
    })
}

fn find(list: &Path, id: &str) -> Option<Entry> {
    let entries: Vec<Entry> = serde_json::from_slice(&text(list)?).ok()?;
    entries.into_iter().find(|entry| id::is_of(&entry.id, id) && id::checked(entry.id.as_bytes()).is_some())
}

fn text(path: &Path) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut text).ok()?;
    Some(text)
}

fn describe(entry: Entry, spec: &Spec) -> Metadata {
    let details: Details = serde_json::from_str(&entry.metadata).unwrap_or_default();
    let names = entry.names.unwrap_or_default();
    let parts = image::parse(&details.image_name);
    let annotation = |name: &str| spec.annotations.get(name).map(String::as_str);
    let mut mounts = spec.mounts();
    // Podman's own: `/etc/hosts` and the like.
    let own = [Path::new("/run/containers").to_owned(), Path::new("/").join(STORAGE)];
    mounts.retain(|mount| !own.iter().any(|own| Path::new(&mount.source).starts_with(own)));
    Metadata {
        name: names.into_iter().next().unwrap_or(details.name),
        imagerepo: parts.repository.to_owned(),
        imagetag: parts.tag.to_owned(),
        imagedigest: parts.digest.to_owned(),
        imageid: entry.image,
        image: details.image_name.clone(),
        created_time: details.created_at,
        privileged: annotation("io.podman.annotations.privileged") == Some("TRUE"),
        host_pid: spec.shares("pid"),
        host_network: spec.shares("network"),
        host_ipc: spec.shares("ipc"),
        env: spec.process.env.clone(),
        mounts,
        is_early: true,
        ..Metadata::new(Kind::Podman, entry.id)
    }
}

#[cfg(test)]
mod tests {
    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn a_container_that_starts_is_known_by_its_files() {
        let root = Dir::new("storage");
        let id = "6aaf6f545177992fef5d2db16317d5a8c9b0050d324c9fe20a26ab5aa1393809";
        let driver = root.join(STORAGE).join("overlay-containers");
        std::fs::create_dir_all(driver.join(id).join("userdata")).unwrap();
        assert!(read(&root, &id[..12]).is_none());
        let details =
            r#"{"image-name": "example.org/team/tiny:1.2", "name": "web", "created-at": 1795921449}"#;
        let list = serde_json::json!([
            {"id": "0".repeat(64)},
            {"id": id, "names": ["web"], "image": "e4d1", "metadata": details},
        ]);
        std::fs::write(driver.join("containers.json"), list.to_string()).unwrap();
        let found = read(&root, &id[..12]).unwrap();
        assert_eq!(
            (&*found.name, &*found.imagerepo, &*found.imagetag),
            ("web", "example.org/team/tiny", "1.2")
        );
        assert!(!found.privileged && !found.host_network);
        let spec = serde_json::json!({
            "process": {"env": ["A=b"]},
            "annotations": {"io.podman.annotations.privileged": "TRUE"},
            "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]},
            "mounts": [
                {"type": "bind", "source": "/run/containers/storage/x/hosts", "destination": "/etc/hosts"},
                {"type": "bind", "source": "/srv", "destination": "/data", "options": ["ro"]},
            ],
        });
        std::fs::write(driver.join(id).join("userdata/config.json"), spec.to_string()).unwrap();
        let found = read(&root, &id[..12]).unwrap();
        assert!(found.privileged && found.host_network && !found.host_pid);
        assert_eq!((found.mounts.len(), &*found.mounts[0].source, found.env.len()), (1, "/srv", 1));
    }
}
