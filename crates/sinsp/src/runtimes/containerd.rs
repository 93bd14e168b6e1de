//! containerd's own interface: containers of `ctr` and nerdctl, and those of Kubernetes from their creation
//! on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::metadata::Metadata;
use super::spec::Spec;
use super::wire::{Channel, Error};
use super::{id, image};
use crate::state::Kind;

pub(super) mod messages;

use messages as m;

/// Maximum number of namespaces.
const MAX_NAMESPACES: usize = 64;
/// Docker's namespace. Docker itself has more metadata of its containers.
pub(super) const DOCKER: &str = "moby";
/// Kubernetes'.
pub(super) const KUBERNETES: &str = "k8s.io";

/// The container's metadata from containerd; `None` if no namespace except Docker's has a container with
/// this id prefix.
pub(super) async fn inspect(socket: &Path, id: &str, deadline: Duration) -> Result<Option<Metadata>, Error> {
    let Some(id) = id::checked(id.as_bytes()) else { return Ok(None) };
    let mut channel = Channel::connect(socket, deadline).await?;
    let list: Option<m::ListNamespacesResponse> = channel
        .call("containerd.services.namespaces.v1.Namespaces/List", &m::ListNamespacesRequest {})
        .await?;
    let namespaces = list.unwrap_or_default().namespaces.into_iter().map(|namespace| namespace.name);
    for namespace in namespaces.filter(|name| name != DOCKER).take(MAX_NAMESPACES) {
        let filters = vec![format!("id~=^{}", id.replace('.', "\\."))];
        let list: Option<m::ListContainersResponse> = channel
            .call_in(
                Some(&namespace),
                "containerd.services.containers.v1.Containers/List",
                &m::ListContainersRequest { filters },
            )
            .await?;
        let found = list.unwrap_or_default().containers.into_iter().find(|c| id::is_of(&c.id, id));
        if let Some(container) = found {
            let digest = digest(&mut channel, &namespace, &container.image).await;
            return Ok(Some(describe(container, namespace, &digest)));
        }
    }
    Ok(None)
}

/// All containers except those of Docker and Kubernetes.
pub(super) async fn list(socket: &Path, deadline: Duration) -> Result<Vec<String>, Error> {
    let mut channel = Channel::connect(socket, deadline).await?;
    let list: Option<m::ListNamespacesResponse> = channel
        .call("containerd.services.namespaces.v1.Namespaces/List", &m::ListNamespacesRequest {})
        .await?;
    let names = list.unwrap_or_default().namespaces.into_iter().map(|namespace| namespace.name);
    let mut ids = Vec::new();
    for namespace in names.filter(|name| name != DOCKER && name != KUBERNETES).take(MAX_NAMESPACES) {
        let request = m::ListContainersRequest { filters: Vec::new() };
        let list: Option<m::ListContainersResponse> = channel
            .call_in(Some(&namespace), "containerd.services.containers.v1.Containers/List", &request)
            .await?;
        ids.extend(list.unwrap_or_default().containers.into_iter().map(|container| container.id));
    }
    Ok(ids)
}

/// Digest of the image with this name; empty if unknown.
async fn digest(channel: &mut Channel, namespace: &str, name: &str) -> String {
    let request = m::GetImageRequest { name: name.to_owned() };
    let found: Result<Option<m::GetImageResponse>, Error> =
        channel.call_in(Some(namespace), "containerd.services.images.v1.Images/Get", &request).await;
    let image = found.ok().flatten().and_then(|found| found.image);
    image.and_then(|image| image.target).unwrap_or_default().digest
}

fn describe(container: m::Container, namespace: String, digest: &str) -> Metadata {
    let m::Container { id, labels, image, spec, created_at } = container;
    let spec: Spec = spec.map_or_else(Spec::default, |spec| Spec::of(&spec.value));
    let of_kubernetes = namespace == KUBERNETES;
    let annotation = |name: &str| spec.annotations.get(&format!("io.kubernetes.cri.{name}")).cloned();
    let mut labels: BTreeMap<String, String> = labels.into_iter().collect();
    let is_pod_sandbox = labels.get("io.cri-containerd.kind").is_some_and(|kind| kind == "sandbox");
    for (label, name) in [
        ("io.kubernetes.pod.name", "sandbox-name"),
        ("io.kubernetes.pod.namespace", "sandbox-namespace"),
        ("io.kubernetes.pod.uid", "sandbox-uid"),
        ("io.kubernetes.sandbox.id", "sandbox-id"),
    ] {
        if let Some(value) = annotation(name) {
            labels.entry(label.to_owned()).or_insert(value);
        }
    }
    let name = match is_pod_sandbox {
        true => labels.get("io.kubernetes.pod.name").cloned(),
        false => annotation("container-name").or_else(|| labels.get("nerdctl/name").cloned()),
    };
    let reference = annotation("image-name").filter(|_| !is_pod_sandbox).unwrap_or(image);
    let parts = match image::is_id(&reference) {
        true => image::Name::default(),
        false => image::Name { digest, ..image::parse(&reference) },
    };
    Metadata {
        name: name.unwrap_or_else(|| id.clone()),
        imagerepo: parts.repository.to_owned(),
        imagetag: parts.tag.to_owned(),
        imagedigest: parts.digest.to_owned(),
        image: reference.clone(),
        created_time: created_at.map_or(0, |time| time.seconds),
        privileged: spec.is_privileged(),
        host_pid: spec.shares("pid"),
        host_network: spec.shares("network"),
        host_ipc: spec.shares("ipc"),
        is_pod_sandbox,
        pod_sandbox_id: annotation("sandbox-id").unwrap_or_default(),
        mounts: spec.mounts(),
        env: spec.process.env,
        is_early: of_kubernetes,
        namespace: if of_kubernetes { String::new() } else { namespace },
        labels,
        ..Metadata::new(Kind::Containerd, id)
    }
}
