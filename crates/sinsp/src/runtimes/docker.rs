//! Docker's HTTP interface, which Podman also has.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::metadata::{Metadata, Mount, Probe};
use super::options::Api;
use super::stats::Tally;
use super::wire::{self, Error};
use super::{id, image};
use crate::state::Kind;

/// `/containers/<id>/json`; absent and null members have their defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    id: String,
    name: String,
    /// RFC 3339.
    created: String,
    /// Id of the image.
    image: String,
    config: Option<Settings>,
    host_config: Option<HostSettings>,
    network_settings: Option<Network>,
    mounts: Option<Vec<Mount>>,
    size_rw: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Settings {
    /// Name of the image, as in the request.
    image: String,
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<Health>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Health {
    test: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostSettings {
    privileged: bool,
    network_mode: String,
    pid_mode: String,
    ipc_mode: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Network {
    #[serde(rename = "IPAddress")]
    address: String,
    networks: Option<BTreeMap<String, Option<Attached>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attached {
    #[serde(rename = "IPAddress")]
    address: String,
}

/// `/images/<id>/json`
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Image {
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

impl Network {
    /// The address in the default network, or else in the first other one.
    fn address(&self) -> Option<&str> {
        let others = self.networks.iter().flatten().filter_map(|(_, n)| Some(n.as_ref()?.address.as_str()));
        std::iter::once(self.address.as_str()).chain(others).find(|address| !address.is_empty())
    }
}

/// The runtime's metadata of the container; `None` if it does not know it.
pub(super) async fn inspect(
    api: Api,
    socket: &Path,
    id: &str,
    with_size: bool,
    deadline: Duration,
    tally: &Tally,
) -> Result<Option<Metadata>, Error> {
    let container = |id: &str| format!("/containers/{id}/json");
    let size = if with_size { "?size=true" } else { "" };
    let Some(found) = get::<Container>(socket, &(container(id) + size), deadline).await? else {
        return Ok(None);
    };
    let network = found.network_settings.unwrap_or_default();
    let mut ip = network.address().map(str::to_owned);
    let host = found.host_config.unwrap_or_default();
    if ip.is_none()
        && let Some(other) = host.network_mode.strip_prefix("container:")
        && id::checked(other.as_bytes()).is_some()
        && let Ok(Some(other)) = get::<Container>(socket, &container(other), deadline)
            .await
            .inspect_err(|error| tally.failure(socket, error))
    {
        ip = other.network_settings.unwrap_or_default().address().map(str::to_owned);
    }
    let settings = found.config.unwrap_or_default();
    let bare = found.image.strip_prefix("sha256:").unwrap_or(&found.image);
    let image = match id::checked(bare.as_bytes()) {
        // Most metadata comes from the container, so a failure for its image is ignored.
        Some(id) => {
            let image = get(socket, &format!("/images/{id}/json"), deadline).await;
            image.inspect_err(|error| tally.failure(socket, error)).ok().flatten()
        }
        None => None,
    };
    let Image { repo_tags, repo_digests } = image.unwrap_or_default();
    let (tags, digests) = (repo_tags.unwrap_or_default(), repo_digests.unwrap_or_default());
    let asked = if image::is_id_of(&settings.image, bare) { "" } else { &settings.image };
    let name = image::complete(asked, &tags, &digests);
    let labels = settings.labels.unwrap_or_default();
    let kind = if api == Api::Podman { Kind::Podman } else { Kind::Docker };
    let own_name = found.name.trim_start_matches('/');
    Ok(Some(Metadata {
        name: own_name.to_owned(),
        is_pod_sandbox: own_name.contains("k8s_POD"),
        imageid: bare.to_owned(),
        imagerepo: name.repository.to_owned(),
        imagetag: name.tag.to_owned(),
        imagedigest: name.digest.to_owned(),
        image: settings.image.clone(),
        created_time: found.created.parse().map_or(0, jiff::Timestamp::as_second),
        ip: ip.unwrap_or_default(),
        privileged: host.privileged,
        host_pid: host.pid_mode == "host",
        host_network: host.network_mode == "host",
        host_ipc: host.ipc_mode == "host",
        size: found.size_rw,
        pod_sandbox_id: labels.get("io.kubernetes.sandbox.id").cloned().unwrap_or_default(),
        env: settings.env.unwrap_or_default(),
        mounts: found.mounts.unwrap_or_default(),
        healthcheck: settings.healthcheck.and_then(|health| probe(&health.test?)),
        labels,
        ..Metadata::new(kind, found.id)
    }))
}

async fn get<T: DeserializeOwned>(socket: &Path, path: &str, deadline: Duration) -> Result<Option<T>, Error> {
    let Some(body) = wire::get(socket, path, deadline).await? else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&body)?))
}

/// `["CMD", program, arguments…]`, `["CMD-SHELL", line]`, `["NONE"]`
fn probe(test: &[String]) -> Option<Probe> {
    match test.split_first()? {
        (how, command) if how == "CMD" => Probe::of_command(command),
        (how, [line]) if how == "CMD-SHELL" => {
            Some(Probe { exe: "/bin/sh".into(), args: vec!["-c".into(), line.clone()] })
        }
        _ => None,
    }
}
