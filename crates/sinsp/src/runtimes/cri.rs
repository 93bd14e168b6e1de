//! Kubernetes' container runtime interface, version 1: containerd, CRI-O and those built on them.

use std::path::Path;
use std::time::Duration;

use super::metadata::{Metadata, Mount};
use super::stats::Tally;
use super::wire::{Channel, Error};
use super::{id, image};
use crate::state::Kind;

mod info;
pub(super) mod messages;

use info::Info;
use messages as m;

/// The namespace is the host's.
const NODE: i32 = 2;
const SECOND: i64 = 1_000_000_000;

/// The runtime's metadata of the container or the pod; `None` if it knows neither.
pub(super) async fn inspect(
    socket: &Path,
    id: &str,
    with_size: bool,
    deadline: Duration,
    tally: &Tally,
) -> Result<Option<Metadata>, Error> {
    let mut channel = Channel::connect(socket, deadline).await?;
    let version = channel.call(&runtime("Version"), &m::VersionRequest {}).await?;
    let kind = kind(version.unwrap_or_default());
    let filter = Some(m::ContainerFilter { id: id.to_owned() });
    let list: Option<m::ListContainersResponse> =
        channel.call(&runtime("ListContainers"), &m::ListContainersRequest { filter }).await?;
    let listed = list.unwrap_or_default().containers.into_iter().find(|c| id::is_of(&c.id, id));
    let Some(m::Container { id, pod_sandbox_id }) = listed else {
        return Ok(pod(&mut channel, id).await?.map(|mut pod| {
            let mut found = Metadata::new(kind, pod.status.id.clone());
            found.is_pod_sandbox = true;
            found.name.clone_from(&pod.status.metadata.get_or_insert_default().name);
            found.created_time = pod.status.created_at / SECOND;
            pod.describe(&mut found);
            found
        }));
    };
    let request = m::ContainerStatusRequest { container_id: id, verbose: true };
    let status: Option<m::ContainerStatusResponse> =
        channel.call(&runtime("ContainerStatus"), &request).await?;
    let Some(m::ContainerStatusResponse { status: Some(status), info }) = status else { return Ok(None) };
    let mut info = Info::of(&info);
    let mut found = Metadata::new(kind, status.id.clone());
    found.name = status.metadata.clone().unwrap_or_default().name;
    found.created_time = status.created_at / SECOND;
    found.privileged = info.privileged();
    found.env = info.env();
    let failed = |error: &Error| tally.failure(socket, error);
    describe_image(&mut found, &mut channel, &status, &info, failed).await;
    found.labels = status.labels.into_iter().collect();
    found.mounts = status.mounts.into_iter().map(mount).collect();
    if with_size {
        found.size = size(&mut channel, &found.full_id).await.inspect_err(failed).ok().flatten();
    }
    // Most metadata comes from the container, so a failure for its pod is ignored.
    if let Ok(Some(pod)) = pod(&mut channel, &pod_sandbox_id).await.inspect_err(failed) {
        pod.describe(&mut found);
    }
    Ok(Some(found))
}

/// Bytes in the container's writable layer.
async fn size(channel: &mut Channel, id: &str) -> Result<Option<i64>, Error> {
    let request = m::ContainerStatsRequest { container_id: id.to_owned() };
    let response: Option<m::ContainerStatsResponse> =
        channel.call(&runtime("ContainerStats"), &request).await?;
    let layer = response.and_then(|response| response.stats).and_then(|stats| stats.writable_layer);
    Ok(layer.and_then(|layer| layer.used_bytes).and_then(|bytes| i64::try_from(bytes.value).ok()))
}

fn runtime(method: &str) -> String {
    format!("runtime.v1.RuntimeService/{method}")
}

fn kind(version: m::VersionResponse) -> Kind {
    match version.runtime_name.as_str() {
        "containerd" => Kind::Containerd,
        "cri-o" => Kind::CriO,
        _ => Kind::Cri,
    }
}

fn mount(mount: m::Mount) -> Mount {
    let propagation = match mount.propagation {
        0 => "private",
        1 => "rslave",
        2 => "rshared",
        _ => "unknown",
    };
    Mount {
        source: mount.host_path,
        destination: mount.container_path,
        mode: String::new(),
        rw: !mount.readonly,
        propagation: propagation.to_owned(),
    }
}

/// Sets the names of the image, from its status if the runtime has it.
async fn describe_image(
    found: &mut Metadata,
    channel: &mut Channel,
    status: &m::ContainerStatus,
    info: &Info,
    failed: impl Fn(&Error),
) {
    let spec = status.image.clone().unwrap_or_default();
    let reference = &status.image_ref;
    let wanted = if reference.is_empty() { &spec.image } else { reference };
    let spec_of = |image: &str| Some(m::ImageSpec { image: image.to_owned(), ..m::ImageSpec::default() });
    let response: Result<Option<m::ImageStatusResponse>, Error> = channel
        .call("runtime.v1.ImageService/ImageStatus", &m::ImageStatusRequest { image: spec_of(wanted) })
        .await;
    let image =
        response.inspect_err(failed).ok().flatten().and_then(|response| response.image).unwrap_or_default();
    let names = [Some(spec.image.as_str()), Some(&spec.user_specified_image), info.image_name()];
    let named = names.into_iter().flatten().find(|name| !name.is_empty() && !image::is_id(name));
    let known = named.or(image.repo_tags.first().map(String::as_str));
    // The reference names exactly the running image, so its digest is requested first.
    let own = reference.contains('@').then(|| reference.clone());
    let digests: Vec<String> = own.into_iter().chain(image.repo_digests).collect();
    let name = image::complete(known.unwrap_or_default(), &image.repo_tags, &digests);
    let id = if image.id.is_empty() { &status.image_id } else { &image.id };
    found.imageid = id.strip_prefix("sha256:").unwrap_or(id).to_owned();
    found.imagerepo = name.repository.to_owned();
    found.imagetag = name.tag.to_owned();
    found.imagedigest = match name.digest {
        "" if reference.starts_with("sha256:") => reference.clone(),
        digest => digest.to_owned(),
    };
    found.image = known.unwrap_or(&spec.image).to_owned();
}

/// A pod, with facts that its containers share.
struct Pod {
    status: m::PodSandboxStatus,
    info: Info,
}

async fn pod(channel: &mut Channel, id: &str) -> Result<Option<Pod>, Error> {
    let request = m::PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
    let response: Option<m::PodSandboxStatusResponse> =
        channel.call(&runtime("PodSandboxStatus"), &request).await?;
    let response = response.unwrap_or_default();
    Ok(response.status.map(|status| Pod { status, info: Info::of(&response.info) }))
}

impl Pod {
    /// Adds the pod's facts to the container.
    fn describe(mut self, found: &mut Metadata) {
        let status = self.status;
        let named = status.metadata.unwrap_or_default();
        for (label, value) in [
            ("io.kubernetes.sandbox.id", &status.id),
            ("io.kubernetes.pod.name", &named.name),
            ("io.kubernetes.pod.namespace", &named.namespace),
            ("io.kubernetes.pod.uid", &named.uid),
        ] {
            found.labels.insert(label.to_owned(), value.clone());
        }
        let namespaces = status.linux.and_then(|linux| linux.namespaces).and_then(|all| all.options);
        let namespaces = namespaces.unwrap_or_default();
        found.host_network = namespaces.network == NODE;
        found.host_pid = namespaces.pid == NODE;
        found.host_ipc = namespaces.ipc == NODE;
        found.ip = status.network.unwrap_or_default().ip;
        found.cni_json = self.info.cni();
        [found.liveness_probe, found.readiness_probe] = info::probes(&status.annotations, &found.name);
        found.pod_sandbox_id = status.id;
        found.pod_sandbox_labels = status.labels.into_iter().collect();
    }
}
