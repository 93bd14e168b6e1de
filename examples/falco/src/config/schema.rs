//! What falco.yaml may have: every key, and what its value must be.

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true`, `false`, or what else YAML has for them.
    Bool,
    /// A number from 0 to this one.
    Number(u64),
    /// A number with or without a point.
    Float,
    /// Any text; a number or a truth value is one, too.
    Text,
    /// Several of a kind; one by itself is a list of one.
    List(&'static Shape),
    /// Keys with values.
    Section(&'static [(&'static str, Shape)]),
    /// Any keys, each with a text.
    Texts,
    /// A text, or a section.
    TextOr(&'static [(&'static str, Shape)]),
    /// A text, or one key with a text.
    TextOrPair,
    /// What this program does not look into.
    Anything,
}

use crate::output::OUTPUTS;

use Shape::{Anything, Bool, Float, List, Number, Section, Text, TextOr, TextOrPair, Texts};

const U16: Shape = Number(u16::MAX as u64);
const U32: Shape = Number(u32::MAX as u64);
const U64: Shape = Number(u64::MAX);
const TEXTS: Shape = List(&Text);
const SWITCH: Shape = Section(&[("enabled", Bool)]);
const RUNTIME: Shape = Section(&[("enabled", Bool), ("sockets", TEXTS)]);
const SELECTOR: Shape = Section(&[("rule", Text), ("tag", Text)]);

/// The whole file.
pub const CONFIG: Shape = Section(&KEYS);

/// All keys: each output has its own.
const KEYS: [(&str, Shape); OWN.len() + OUTPUTS.len()] = {
    let mut keys = [("", Anything); OWN.len() + OUTPUTS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = match at < OUTPUTS.len() {
            true => (OUTPUTS[at].name, OUTPUTS[at].shape),
            false => OWN[at - OUTPUTS.len()],
        };
        at += 1;
    }
    keys
};

/// What is of no output. What a plugin is told (`plugins[].init_config`) is the plugin's own matter.
const OWN: &[(&str, Shape)] = &[
    (
        "append_output",
        List(&Section(&[
            ("match", Section(&[("rule", Text), ("source", Text), ("tags", TEXTS)])),
            ("extra_output", Text),
            ("extra_fields", List(&TextOrPair)),
            ("suggested_output", Bool),
        ])),
    ),
    ("base_syscalls", Section(&[("custom_set", TEXTS), ("repair", Bool), ("all", Bool)])),
    ("buffer_format_base64", Bool),
    ("buffered_outputs", Bool),
    (
        "capture",
        Section(&[
            ("enabled", Bool),
            ("path_prefix", Text),
            ("mode", Text),
            ("default_duration", U32),
            ("max_file_size_mb", U64),
        ]),
    ),
    ("config_files", List(&TextOr(&[("path", Text), ("strategy", Text)]))),
    (
        "container_engines",
        Section(&[
            ("docker", RUNTIME),
            ("podman", RUNTIME),
            ("cri", Section(&[("enabled", Bool), ("sockets", TEXTS), ("disable_async", Bool)])),
            ("lxc", SWITCH),
            ("libvirt_lxc", SWITCH),
            ("bpm", SWITCH),
            ("label_max_len", U32),
        ]),
    ),
    (
        "engine",
        Section(&[
            ("kind", Text),
            ("kmod", Section(&[("buf_size_preset", U16), ("drop_failed_exit", Bool)])),
            (
                "modern_ebpf",
                Section(&[
                    ("cpus_for_each_buffer", U16),
                    ("buf_size_preset", U16),
                    ("drop_failed_exit", Bool),
                    ("disable_iterators", Bool),
                ]),
            ),
            ("replay", Section(&[("capture_file", Text)])),
        ]),
    ),
    (
        "falco_libs",
        Section(&[
            ("snaplen", U32),
            ("thread_table_size", U32),
            ("thread_table_auto_purging_interval_s", U32),
            ("thread_table_auto_purging_thread_timeout_s", U32),
        ]),
    ),
    ("json_include_message_property", Bool),
    ("json_include_output_fields_property", Bool),
    ("json_include_output_property", Bool),
    ("json_include_tags_property", Bool),
    ("json_output", Bool),
    ("libs_logger", Section(&[("enabled", Bool), ("severity", Text)])),
    ("load_plugins", TEXTS),
    ("log_level", Text),
    ("log_stderr", Bool),
    ("log_syslog", Bool),
    (
        "metrics",
        Section(&[
            ("enabled", Bool),
            ("interval", Text),
            ("output_rule", Bool),
            ("output_file", Text),
            ("rules_counters_enabled", Bool),
            ("resource_utilization_enabled", Bool),
            ("state_counters_enabled", Bool),
            ("kernel_event_counters_enabled", Bool),
            ("kernel_event_counters_per_cpu_enabled", Bool),
            ("kernel_iter_event_counters_enabled", Bool),
            ("libbpf_stats_enabled", Bool),
            ("plugins_metrics_enabled", Bool),
            ("jemalloc_stats_enabled", Bool),
            ("convert_memory_to_mb", Bool),
            ("include_empty_values", Bool),
        ]),
    ),
    ("output_timeout", U32),
    ("outputs_queue", Section(&[("capacity", U64)])),
    (
        "plugins",
        List(&Section(&[
            ("name", Text),
            ("library_path", Text),
            ("init_config", Anything),
            ("open_params", Text),
        ])),
    ),
    ("plugins_hostinfo", Bool),
    ("priority", Text),
    ("rule_matching", Text),
    ("rules", List(&Section(&[("enable", SELECTOR), ("disable", SELECTOR)]))),
    ("rules_file", TEXTS),
    ("rules_files", TEXTS),
    ("static_fields", Texts),
    (
        "syscall_event_drops",
        Section(&[
            ("threshold", Float),
            ("actions", TEXTS),
            ("rate", Float),
            ("max_burst", Float),
            ("simulate_drops", Bool),
        ]),
    ),
    ("syscall_event_timeouts", Section(&[("max_consecutives", U32)])),
    ("time_format_iso_8601", Bool),
    ("watch_config_files", Bool),
    (
        "webserver",
        Section(&[
            ("enabled", Bool),
            ("threadiness", U32),
            ("listen_port", U32),
            ("listen_address", Text),
            ("k8s_healthz_endpoint", Text),
            ("prometheus_metrics_enabled", Bool),
            ("ssl_enabled", Bool),
            ("ssl_certificate", Text),
        ]),
    ),
];

impl Shape {
    /// The keys that it may have.
    pub fn keys(&self) -> &'static [(&'static str, Shape)] {
        match self {
            Section(keys) | TextOr(keys) => keys,
            _ => &[],
        }
    }

    /// What the value of a key must be.
    pub fn key(&self, name: &str) -> Option<&'static Shape> {
        self.keys().iter().find(|(key, _)| *key == name).map(|(_, shape)| shape)
    }

    /// Whether keys of it are known: those of [`Shape::Texts`] and the like are anybody's.
    pub fn knows_its_keys(&self) -> bool {
        matches!(self, Section(_) | TextOr(_))
    }

    /// What is expected, for messages.
    pub fn word(&self) -> &'static str {
        match self {
            Bool => "true or false",
            Number(_) => "a number",
            Float => "a number",
            Text => "a text",
            List(_) => "a list",
            Section(_) | Texts => "keys with values",
            TextOr(_) => "a text, or keys with values",
            TextOrPair => "a text, or one key with a text",
            Anything => "a value",
        }
    }
}
