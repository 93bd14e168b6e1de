use rustc_hash::FxHashMap;

use super::Text;
use super::thread::split_nul;

/// Length of the short form of an id.
const SHORT_ID: usize = 12;
/// Length of a full id: SHA-256 in hexadecimal.
const FULL_ID: usize = 64;
/// Containers whose metadata is kept.
const MAX: usize = 16_384;

/// Containers by id.
#[derive(Debug, Default)]
pub struct Containers {
    by_id: FxHashMap<Text, Container>,
}

/// Metadata of a container, as an event or a runtime gave it.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// What is known, in the form in which container events carry it.
    pub json: serde_json::Value,
}

impl Containers {
    /// Metadata of the container with this short id.
    pub fn get(&self, id: &[u8]) -> Option<&Container> {
        self.by_id.get(id)
    }

    pub(crate) fn insert(&mut self, id: Text, container: Container) {
        if self.by_id.len() < MAX || self.by_id.contains_key(&id) {
            self.by_id.insert(id, container);
        }
    }
}

/// Short id of the container that control groups (`subsystem=path`, each ended by NUL) belong to;
/// `None` on the host.
pub(crate) fn id_of_cgroups(cgroups: &[u8]) -> Option<&[u8]> {
    split_nul(cgroups).find_map(|group| {
        let path = &group[group.iter().position(|b| *b == b'=')? + 1..];
        id_of_path(path)
    })
}

/// Runtimes put the id into the last component: plainly below a directory of theirs, or with their
/// name as prefix of a scope.
fn id_of_path(path: &[u8]) -> Option<&[u8]> {
    const SCOPES: [&[u8]; 6] =
        [b"docker-", b"libpod-", b"crio-", b"cri-containerd-", b"containerd-", b"nerdctl-"];
    for part in path.rsplit(|b| *b == b'/') {
        if let Some(name) = part.strip_prefix(b"lxc.payload.") {
            return Some(name);
        }
        let bare = part.strip_suffix(b".scope").unwrap_or(part);
        let id = SCOPES.iter().find_map(|prefix| bare.strip_prefix(*prefix)).unwrap_or(bare);
        // CRI-O's monitor lives beside the container, not in it.
        let id = if id.starts_with(b"conmon-") { continue } else { id };
        // containerd under systemd without a scope: `slice:cri-containerd:<id>`.
        let id = id.rsplit(|b| *b == b':').next().unwrap_or(id);
        if id.len() == FULL_ID && id.iter().all(u8::is_ascii_hexdigit) {
            return Some(&id[..SHORT_ID]);
        }
    }
    let rest = path.strip_prefix(b"/lxc/")?;
    rest.split(|b| *b == b'/').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runtime_has_its_way_to_name_a_cgroup() {
        let id = "7951fb549ab99ac0722a949b7e1a9a8e7e0d9c8b7a6f5e4d3c2b1a0f9e8d7c6b";
        let short = &id.as_bytes()[..12];
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/machine.slice/libpod-{id}.scope/container"),
            format!("/libpod_parent/libpod-{id}"),
            format!("/kubepods.slice/kubepods-burstable.slice/kubepods-podx.slice/cri-containerd-{id}.scope"),
            format!("/kubepods/besteffort/pod4711/{id}"),
            format!("/kubepods.slice/crio-{id}.scope"),
            format!("/system.slice/containerd.service/kubepods-podx.slice:cri-containerd:{id}"),
        ] {
            assert_eq!(id_of_cgroups(format!("cpuset=/\0cpu={path}\0").as_bytes()), Some(short), "{path}");
        }
        assert_eq!(id_of_cgroups(b"cpu=/lxc/web/init\0"), Some(&b"web"[..]));
        assert_eq!(id_of_cgroups(b"cpu=/lxc.payload.web\0"), Some(&b"web"[..]));
        for host in ["/", "/user.slice/user-0.slice", "/system.slice/docker.service", "/crio-conmon-x.scope"]
        {
            assert_eq!(id_of_cgroups(format!("cpu={host}\0").as_bytes()), None, "{host}");
        }
    }
}
