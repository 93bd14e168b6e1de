//! Keys that nothing here acts upon, and what the log says about them at the start.

use serde_json::Value;

/// A key of falco.yaml that has no effect.
pub struct NotHonoured {
    /// The key, with dots.
    pub key: &'static str,
    /// Its values that need no warning: with them this program does what Falco does.
    pub usual: &'static [&'static str],
    /// What to know about it.
    pub why: &'static str,
    /// The key that must be true for it to have an effect in Falco.
    pub needs: Option<&'static str>,
}

const fn key(key: &'static str, usual: &'static [&'static str], why: &'static str) -> NotHonoured {
    NotHonoured { key, usual, why, needs: None }
}

const fn metric(key: &'static str, usual: &'static [&'static str], why: &'static str) -> NotHonoured {
    NotHonoured { key, usual, why, needs: Some("metrics.enabled") }
}

const NO_MODULE: &str = "there is no kernel module here; engine.modern_ebpf has the same key";
#[cfg(not(feature = "grpc"))]
const NO_GRPC: &str = "this program was built without the feature `grpc`";

/// All of them. A test compares them with the schema and with the keys that are read.
pub const NOT_HONOURED: &[NotHonoured] = &[
    key(
        "container_engines.cri.disable_async",
        &["false"],
        "runtimes are never waited for: events go on without them",
    ),
    key(
        "container_engines.hooks",
        // What happens in any case.
        &["[\"create\"]", "[\"start\"]", "[\"create\",\"start\"]", "[\"start\",\"create\"]"],
        "a container is looked up when it is created, and again when its first process begins",
    ),
    key("container_engines.verbosity", &["info", "warning"], "what goes wrong is in the log of this program"),
    key("engine.kmod.buf_size_preset", &["4"], NO_MODULE),
    key("engine.kmod.drop_failed_exit", &["false"], NO_MODULE),
    // Two is Falco's default: most of those who have it have not asked for it.
    key("engine.modern_ebpf.cpus_for_each_buffer", &["1", "2"], "each CPU has a ring buffer of its own"),
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
        "what the iterators of the kernel list is not counted",
    ),
    key("webserver.threadiness", &["0"], "one thread answers all requests"),
];

/// Says which settings nothing acts upon. `name` tells how the user named a key.
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
