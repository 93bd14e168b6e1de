//! Keys of Falco that this program does not support, and the log messages about them at startup.

use serde_json::Value;

/// A key of falco.yaml that has no effect.
pub struct NotHonoured {
    /// The key, with dots.
    pub key: &'static str,
    /// Values that need no warning, because this program then behaves like Falco.
    pub usual: &'static [&'static str],
    /// Explanation for the log.
    pub why: &'static str,
    /// Key that must be true so that this key has an effect in Falco.
    pub needs: Option<&'static str>,
}

const fn key(key: &'static str, usual: &'static [&'static str], why: &'static str) -> NotHonoured {
    NotHonoured { key, usual, why, needs: None }
}

const fn metric(key: &'static str, usual: &'static [&'static str], why: &'static str) -> NotHonoured {
    NotHonoured { key, usual, why, needs: Some("metrics.enabled") }
}

const NO_MODULE: &str = "falco uses no kernel module; engine.modern_ebpf has the same key";
#[cfg(not(feature = "grpc"))]
const NO_GRPC: &str = "this program was built without the feature `grpc`";

/// All unsupported keys. A test compares them with the schema and with the supported keys.
pub const NOT_HONOURED: &[NotHonoured] = &[
    key(
        "container_engines.cri.disable_async",
        &["false"],
        "runtimes are never waited for: events go on without them",
    ),
    key(
        "container_engines.hooks",
        // This program behaves like this anyway.
        &["[\"create\"]", "[\"start\"]", "[\"create\",\"start\"]", "[\"start\",\"create\"]"],
        "a container is looked up when it is created, and again when its first process begins",
    ),
    key("container_engines.verbosity", &["info", "warning"], "falco logs failures itself"),
    key("engine.kmod.buf_size_preset", &["4"], NO_MODULE),
    key("engine.kmod.drop_failed_exit", &["false"], NO_MODULE),
    // Two is Falco's default, so most users have not set it on purpose.
    key("engine.modern_ebpf.cpus_for_each_buffer", &["1", "2"], "each CPU has its own ring buffer"),
    #[cfg(not(feature = "grpc"))]
    key("grpc.bind_address", &["unix:///run/falco/falco.sock"], NO_GRPC),
    #[cfg(not(feature = "grpc"))]
    key("grpc.cert_chain", &[], NO_GRPC),
    #[cfg(not(feature = "grpc"))]
    key("grpc.enabled", &["false"], NO_GRPC),
    #[cfg(not(feature = "grpc"))]
    key("grpc.private_key", &[], NO_GRPC),
    #[cfg(not(feature = "grpc"))]
    key("grpc.root_certs", &[], NO_GRPC),
    #[cfg(not(feature = "grpc"))]
    key("grpc.threadiness", &["0"], NO_GRPC),
    #[cfg(not(feature = "grpc"))]
    key("grpc_output.enabled", &["false"], NO_GRPC),
    metric("metrics.jemalloc_stats_enabled", &["false"], "this program does not use jemalloc"),
    metric(
        "metrics.kernel_iter_event_counters_enabled",
        &["false"],
        "falco does not count what the kernel's iterators list",
    ),
    key("webserver.threadiness", &["0"], "one thread serves all requests"),
];

/// Warns about settings without effect. `name` returns the name by which the user set a key.
pub fn warn(tree: &Value, name: &dyn Fn(&str) -> String, warnings: &mut Vec<String>) {
    for row in NOT_HONOURED {
        let Some(value) = get(tree, row.key) else { continue };
        if row.needs.is_some_and(|key| get(tree, key) != Some(&Value::Bool(true))) {
            continue;
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !row.usual.contains(&text.as_str()) {
            warnings.push(format!("{} is set in the configuration but {}", name(row.key), row.why));
        }
    }
}

fn get<'t>(tree: &'t Value, key: &str) -> Option<&'t Value> {
    tree.pointer(&format!("/{}", key.replace('.', "/")))
}
