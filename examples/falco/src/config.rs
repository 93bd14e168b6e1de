//! The typed configuration from falco.yaml and `-o` options.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use eyas::fields::BufferFormat;
use eyas::rules::Priority;
use serde::{Deserialize, Serialize};

mod capture;
mod containers;
mod drops;
mod engine;
mod file_mode;
mod files;
mod folding;
mod grpc;
mod log;
mod metrics;
mod outputs;
mod places;
mod plugins;
mod priority;
mod privileges;
mod rules;
mod shape;
mod timeouts;
mod units;
mod verdicts;
mod webserver;

pub use capture::{Capture, Mode as CaptureMode};
pub use containers::ContainerEngines;
pub use drops::{DropAction, Drops};
#[cfg(feature = "live")]
pub use engine::LsmSource;
pub use engine::{BaseSyscalls, Engine, EngineKind, Libs};
pub use file_mode::FileMode;
pub use files::ConfigFile;
pub use folding::Folding;
#[cfg(feature = "grpc")]
pub use grpc::{Grpc, GrpcAddress};
pub use log::{LibsLogger, LogLevel};
pub use metrics::Metrics;
pub use outputs::{JSON_SCHEMA, JsonSchema, OutputsQueue, Sections};
pub use places::Places;
pub use plugins::{CONTAINER as CONTAINER_PLUGIN, PluginEntry};
pub use privileges::{Privileges, Seccomp};
pub use rules::{Append, ExtraField, RuleMatching, Selection};
pub use shape::Shape;
pub(crate) use shape::choice;
pub use timeouts::Timeouts;
pub use verdicts::VerdictCoverage;
pub use webserver::Webserver;

use shape::Shape::{Bool, Text, Texts};
pub use shape::TEXTS;
use shape::U32;

/// The keys of falco.yaml that this program supports.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Config {
    /// Rules files and directories, in order.
    pub rules_files: Vec<PathBuf>,
    /// Rules to enable and disable, in order.
    pub rules: Vec<Selection>,
    /// Where events come from.
    pub engine: Engine,
    /// Whether alerts have the time in ISO 8601 and UTC instead of the local time of day.
    pub time_format_iso_8601: bool,
    /// Permissions of created files: alerts, metrics, process id and captures.
    pub file_mode: FileMode,
    /// Whether raw bytes, such as `evt.buffer`, are written in base64.
    pub buffer_format_base64: bool,
    /// Lowest priority of rules to load.
    #[serde(with = "priority")]
    pub priority: Priority,
    /// Alerts as JSON lines.
    pub json_output: bool,
    /// `output` in the JSON.
    pub json_include_output_property: bool,
    /// `message` in the JSON.
    pub json_include_message_property: bool,
    /// `output_fields` in the JSON.
    pub json_include_output_fields_property: bool,
    /// `tags` in the JSON.
    pub json_include_tags_property: bool,
    /// Whether alerts are written in batches.
    pub buffered_outputs: bool,
    /// How many rules an event may match.
    pub rule_matching: RuleMatching,
    /// Text and fields to append to outputs, by rule.
    pub append_output: Vec<Append>,
    /// Fields `static.NAME` and their values.
    pub static_fields: BTreeMap<String, String>,
    /// Queue of each output.
    pub outputs_queue: OutputsQueue,
    /// Time without progress after which an output is treated as stuck, milliseconds.
    pub output_timeout: u64,
    /// The web server for health and metrics.
    pub webserver: Webserver,
    /// Metrics settings.
    pub metrics: Metrics,
    /// Log lines on standard error.
    pub log_stderr: bool,
    /// Log lines to the system log.
    pub log_syslog: bool,
    /// Most verbose level that is logged.
    pub log_level: LogLevel,
    /// Log messages of the libraries.
    pub libs_logger: LibsLogger,
    /// Actions for dropped events.
    pub syscall_event_drops: Drops,
    /// Alert when no events arrive.
    pub syscall_event_timeouts: Timeouts,
    /// Which system calls are captured.
    pub base_syscalls: BaseSyscalls,
    /// Container runtimes to query in a live capture.
    pub container_engines: ContainerEngines,
    /// Maximum time that the first events of a container wait for the runtime's metadata, milliseconds; 0
    /// disables waiting.
    pub container_hold_ms: u64,
    /// Tuning of capture and state.
    pub falco_libs: Libs,
    /// Plugins.
    pub plugins: Vec<PluginEntry>,
    /// Names of the plugins to load, in this order. If it is not set, all plugins are loaded.
    pub load_plugins: Option<Vec<String>>,
    /// Whether event sources of plugins get information about the machine.
    pub plugins_hostinfo: bool,
    /// Whether to load plugin files that users other than the owner and root can change.
    pub plugins_allow_writable: bool,
    /// Further configuration files.
    pub config_files: Vec<ConfigFile>,
    /// Whether files are reloaded when they change.
    pub watch_config_files: bool,
    /// Folding of repeated alerts.
    pub alert_folding: Folding,
    /// Reports about events that rules may have missed.
    pub verdict_coverage: VerdictCoverage,
    /// Alerts start captures.
    pub capture: Capture,
    /// Privileges to give up after the start.
    pub privileges: Privileges,
    /// The gRPC server.
    #[cfg(feature = "grpc")]
    pub grpc: Grpc,
    /// Where alerts go: a section for each output.
    #[serde(flatten)]
    pub outputs: Sections,
    /// Where the values are written.
    #[serde(skip)]
    pub places: Places,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules_files: Vec::new(),
            rules: Vec::new(),
            engine: Engine::default(),
            time_format_iso_8601: false,
            file_mode: FileMode::default(),
            buffer_format_base64: false,
            priority: Priority::Debug,
            json_output: false,
            json_include_output_property: true,
            json_include_message_property: false,
            json_include_output_fields_property: true,
            json_include_tags_property: true,
            buffered_outputs: false,
            rule_matching: RuleMatching::First,
            append_output: Vec::new(),
            static_fields: BTreeMap::new(),
            outputs_queue: OutputsQueue::default(),
            output_timeout: 2000,
            webserver: Webserver::default(),
            metrics: Metrics::default(),
            log_stderr: true,
            log_syslog: false,
            log_level: LogLevel::Info,
            libs_logger: LibsLogger::default(),
            syscall_event_drops: Drops::default(),
            syscall_event_timeouts: Timeouts::default(),
            base_syscalls: BaseSyscalls::default(),
            container_engines: ContainerEngines::default(),
            container_hold_ms: 0,
            falco_libs: Libs::default(),
            plugins: Vec::new(),
            load_plugins: None,
            plugins_hostinfo: true,
            plugins_allow_writable: false,
            config_files: Vec::new(),
            watch_config_files: true,
            alert_folding: Folding::default(),
            verdict_coverage: VerdictCoverage::default(),
            capture: Capture::default(),
            privileges: Privileges::default(),
            #[cfg(feature = "grpc")]
            grpc: Grpc::default(),
            outputs: Sections::default(),
            places: Places::default(),
        }
    }
}

impl Config {
    /// Format of raw bytes.
    pub fn buffers(&self) -> BufferFormat {
        if self.buffer_format_base64 { BufferFormat::Base64 } else { BufferFormat::default() }
    }

    /// The static fields that outputs and conditions can name.
    pub fn usable_static_fields(&self) -> BTreeMap<String, String> {
        self.static_fields.clone().into_iter().filter(|(name, _)| is_field(name)).collect()
    }

    /// Warnings about static fields that nothing can name.
    pub fn unusable_static_fields(&self) -> impl Iterator<Item = String> {
        let names = self.static_fields.keys().filter(|name| !is_field(name));
        names.map(|name| {
            format!(
                "static_fields: {name:?} has no effect: names consist of letters, digits, `_`, `-` and `.`"
            )
        })
    }

    /// Validates the configuration without accessing files or servers.
    ///
    /// # Errors
    /// The configuration is invalid.
    pub fn check(&self) -> Result<()> {
        for (index, selection) in self.rules.iter().enumerate() {
            selection.get().with_context(|| format!("rules[{index}]"))?;
        }
        Append::check_all(&self.append_output)?;
        self.engine.check()?;
        self.syscall_event_drops.check()?;
        self.syscall_event_timeouts.check()?;
        self.webserver.check()?;
        self.metrics.check(self.webserver.enabled && self.webserver.prometheus_metrics_enabled)?;
        self.file_mode.get()?;
        self.alert_folding.check()?;
        self.verdict_coverage.check()?;
        let hold = self.container_hold_ms;
        if hold > containers::MAX_HOLD_MS {
            let most = containers::MAX_HOLD_MS;
            bail!(
                "container_hold_ms is {hold}, but may be at most {most}, because all events wait that long"
            );
        }
        plugins::check(&self.plugins)?;
        #[cfg(feature = "grpc")]
        self.grpc.check()?;
        self.capture.check()
    }
}

/// Whether `static.NAME` can be a field.
fn is_field(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// All keys except those of outputs. The keys of a plugin's configuration (`plugins[].init_config`) are not
/// checked here.
pub const KEYS: &[(&str, Shape)] = &[
    ("alert_folding", folding::SHAPE),
    ("append_output", rules::APPEND),
    ("base_syscalls", engine::BASE_SYSCALLS),
    ("buffer_format_base64", Bool),
    ("buffered_outputs", Bool),
    ("capture", capture::SHAPE),
    ("config_files", files::SHAPE),
    ("container_engines", containers::SHAPE),
    ("container_hold_ms", U32),
    ("engine", engine::ENGINE),
    ("falco_libs", engine::LIBS),
    ("file_mode", Text),
    ("grpc", grpc::SHAPE),
    // Otherwise the key is the section of an output.
    #[cfg(not(feature = "grpc"))]
    ("grpc_output", Shape::Section(&[("enabled", Bool)])),
    ("json_include_message_property", Bool),
    ("json_include_output_fields_property", Bool),
    ("json_include_output_property", Bool),
    ("json_include_tags_property", Bool),
    ("json_output", Bool),
    ("libs_logger", log::LIBS),
    ("load_plugins", TEXTS),
    ("log_level", LogLevel::SHAPE),
    ("log_stderr", Bool),
    ("log_syslog", Bool),
    ("metrics", metrics::SHAPE),
    ("output_timeout", U32),
    ("outputs_queue", outputs::QUEUE),
    ("plugins", plugins::SHAPE),
    ("plugins_allow_writable", Bool),
    ("plugins_hostinfo", Bool),
    ("priority", priority::SHAPE),
    ("privileges", privileges::SHAPE),
    ("rule_matching", RuleMatching::SHAPE),
    ("rules", rules::RULES),
    ("rules_file", TEXTS),
    ("rules_files", TEXTS),
    ("static_fields", Texts),
    ("syscall_event_drops", drops::SHAPE),
    ("syscall_event_timeouts", timeouts::SHAPE),
    ("time_format_iso_8601", Bool),
    ("verdict_coverage", verdicts::SHAPE),
    ("watch_config_files", Bool),
    ("webserver", webserver::SHAPE),
];
