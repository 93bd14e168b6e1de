//! Metadata of a container, in the JSON form of container events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id;
use crate::state::{Kind, SHORT_ID};

/// Maximum length of a text, bytes.
const MAX_TEXT: usize = 4096;
/// Maximum size of all texts of a list or a map, bytes.
const MAX_LIST: usize = 64 << 10;

/// The members have the names of container events.
#[derive(Debug, Default, Serialize)]
pub(super) struct Metadata {
    #[serde(rename = "type")]
    pub(super) kind: u8,
    pub(super) id: String,
    pub(super) full_id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) imageid: String,
    pub(super) imagerepo: String,
    pub(super) imagetag: String,
    pub(super) imagedigest: String,
    /// Seconds since the epoch.
    pub(super) created_time: i64,
    pub(super) ip: String,
    pub(super) cni_json: String,
    pub(super) privileged: bool,
    pub(super) host_pid: bool,
    pub(super) host_network: bool,
    pub(super) host_ipc: bool,
    pub(super) is_pod_sandbox: bool,
    pub(super) pod_sandbox_id: String,
    /// Size of the container's writable layer, bytes, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<i64>,
    /// containerd's namespace, for containers that it does not run for Kubernetes or Docker.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) pod_sandbox_labels: BTreeMap<String, String>,
    pub(super) env: Vec<String>,
    #[serde(rename = "Mounts")]
    pub(super) mounts: Vec<Mount>,
    #[serde(rename = "Healthcheck", skip_serializing_if = "Option::is_none")]
    pub(super) healthcheck: Option<Probe>,
    #[serde(rename = "LivenessProbe", skip_serializing_if = "Option::is_none")]
    pub(super) liveness_probe: Option<Probe>,
    #[serde(rename = "ReadinessProbe", skip_serializing_if = "Option::is_none")]
    pub(super) readiness_probe: Option<Probe>,
    /// Whether another runtime, which uses this one, will report more.
    #[serde(skip)]
    pub(super) is_early: bool,
}

/// A mount of the container.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Mount {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) mode: String,
    #[serde(rename = "RW")]
    pub(super) rw: bool,
    pub(super) propagation: String,
}

/// A command that checks the health of the container.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Probe {
    pub(super) exe: String,
    pub(super) args: Vec<String>,
}

impl Probe {
    pub(super) fn of_command(command: &[String]) -> Option<Self> {
        let (exe, args) = command.split_first()?;
        Some(Self { exe: exe.clone(), args: args.to_vec() })
    }
}

impl Metadata {
    pub(super) fn new(kind: Kind, full_id: String) -> Self {
        let id = full_id.chars().take(SHORT_ID).collect();
        Self { kind: kind as u8, id, full_id, ..Self::default() }
    }

    /// Whether it belongs to the requested container.
    pub(super) fn is_of(&self, id: &str) -> bool {
        id::is_of(&self.full_id, id)
    }

    /// Whether later requests would return nothing more. While a container starts, its address comes last.
    pub(super) fn is_complete(&self) -> bool {
        self.host_network || !self.ip.is_empty() || !self.namespace.is_empty()
    }

    /// Cuts long texts, and removes long labels.
    pub(super) fn bound(&mut self, max_label: usize) {
        let texts = [
            &mut self.full_id,
            &mut self.name,
            &mut self.image,
            &mut self.imageid,
            &mut self.imagerepo,
            &mut self.imagetag,
            &mut self.imagedigest,
            &mut self.ip,
            &mut self.cni_json,
            &mut self.pod_sandbox_id,
        ];
        texts.into_iter().for_each(cut);
        for labels in [&mut self.labels, &mut self.pod_sandbox_labels] {
            let mut room = Room::default();
            labels.retain(|name, value| {
                let is_short = value.len() <= max_label || (is_of_pod(name) && value.len() <= MAX_TEXT);
                is_short && room.holds(name.len() + value.len())
            });
        }
        let mut room = Room::default();
        self.env.iter_mut().for_each(cut);
        self.env.retain(|entry| room.holds(entry.len()));
        let mut room = Room::default();
        for mount in &mut self.mounts {
            let Mount { source, destination, mode, propagation, rw: _ } = mount;
            [source, destination, mode, propagation].into_iter().for_each(cut);
        }
        self.mounts.retain(|m| room.holds(m.source.len() + m.destination.len()));
        for probe in [&mut self.healthcheck, &mut self.liveness_probe, &mut self.readiness_probe] {
            let mut room = Room::default();
            probe.iter_mut().for_each(|probe| {
                cut(&mut probe.exe);
                probe.args.iter_mut().for_each(cut);
                probe.args.retain(|arg| room.holds(arg.len()));
            });
        }
    }
}

/// Whether the label names the container's pod; names of pods and namespaces may be longer than other
/// labels.
fn is_of_pod(name: &str) -> bool {
    matches!(
        name,
        "io.kubernetes.pod.name"
            | "io.kubernetes.pod.namespace"
            | "io.kubernetes.pod.uid"
            | "io.kubernetes.container.name"
            | "io.kubernetes.sandbox.id"
    )
}

fn cut(text: &mut String) {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.shrink_to_fit();
}

/// Used size of a list.
#[derive(Default)]
struct Room {
    used: usize,
}

impl Room {
    /// Entries use more memory than their text.
    fn holds(&mut self, bytes: usize) -> bool {
        self.used += bytes + 64;
        self.used <= MAX_LIST
    }
}
