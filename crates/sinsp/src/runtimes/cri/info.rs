//! JSON for debugging that runtimes add to their responses. It differs between runtimes, and has no fixed
//! format.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::runtimes::metadata::Probe;

/// `info` of a container or of a pod; unreadable parts are treated as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    privileged: Option<bool>,
    config: Option<Config>,
    #[serde(rename = "runtimeSpec")]
    spec: Option<Spec>,
    #[serde(rename = "cniResult")]
    cni: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    envs: Option<Vec<Variable>>,
    linux: Option<Linux>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Variable {
    key: String,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Linux {
    security_context: Option<SecurityContext>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecurityContext {
    privileged: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    process: Option<Process>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Process {
    env: Option<Vec<String>>,
}

impl Info {
    pub(super) fn of(map: &HashMap<String, String>) -> Self {
        map.get("info").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub(super) fn privileged(&self) -> bool {
        let configured = || self.config.as_ref()?.linux.as_ref()?.security_context.as_ref()?.privileged;
        configured().or(self.privileged).unwrap_or(false)
    }

    pub(super) fn env(&mut self) -> Vec<String> {
        match self.config.as_mut().and_then(|config| config.envs.take()) {
            Some(envs) => envs.into_iter().map(|v| format!("{}={}", v.key, v.value)).collect(),
            None => {
                let process = self.spec.as_mut().and_then(|spec| spec.process.take());
                process.and_then(|process| process.env).unwrap_or_default()
            }
        }
    }

    /// Name of the image if the status has only its id.
    pub(super) fn image_name(&self) -> Option<&str> {
        ["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.Image", "io.kubernetes.cri-o.ImageName"]
            .into_iter()
            .find_map(|name| self.annotation(name))
    }

    /// Addresses of the pod's interfaces: those of containerd without loopback, host ends and hardware
    /// addresses; those of CRI-O unchanged.
    pub(super) fn cni(&mut self) -> String {
        let interfaces = self.cni.as_mut().and_then(|cni| cni.get_mut("Interfaces")).map(Json::take);
        if let Some(Json::Object(mut interfaces)) = interfaces {
            interfaces.retain(|name, _| name != "lo" && !name.starts_with("veth"));
            for details in interfaces.values_mut().filter_map(Json::as_object_mut) {
                for name in ["Mac", "Sandbox"] {
                    details.remove(name);
                }
            }
            return Json::Object(interfaces).to_string();
        }
        self.annotation("io.kubernetes.cri-o.CNIResult").unwrap_or_default().to_owned()
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.spec.as_ref()?.annotations.as_ref()?.get(name).map(String::as_str)
    }
}

/// The liveness and the readiness probe of a container, from the pod's description, which `kubectl apply`
/// stores in an annotation.
pub(super) fn probes(annotations: &HashMap<String, String>, container: &str) -> [Option<Probe>; 2] {
    let described = || {
        let text = annotations.get("kubectl.kubernetes.io/last-applied-configuration")?;
        let pod: Json = serde_json::from_str(text).ok()?;
        let containers = pod.pointer("/spec/containers")?.as_array()?;
        containers.iter().find(|c| c["name"] == container).cloned()
    };
    let Some(container) = described() else { return [None, None] };
    ["livenessProbe", "readinessProbe"].map(|name| {
        let command = container[name]["exec"]["command"].as_array()?;
        let words: Vec<String> = command.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect();
        Probe::of_command(&words)
    })
}
