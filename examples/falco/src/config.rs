//! falco.yaml: read, overridden by `-o`, and given types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::log::{self, Level};

mod capture;
mod containers;
mod http_output;
mod metrics;
mod tree;
mod webserver;

pub use capture::Capture;
pub use containers::ContainerEngines;
pub use http_output::HttpOutput;
pub use metrics::Metrics;
pub use webserver::Webserver;

/// What `-c` means where it is not given.
const DEFAULT_PATH: &str = "/etc/falco/falco.yaml";

/// The keys of falco.yaml that this program acts on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Config {
    /// Rules files and directories, in order.
    #[serde(alias = "rules_file", deserialize_with = "one_or_many")]
    pub rules_files: Vec<PathBuf>,
    /// Rules switched on and off, in order.
    pub rules: Vec<Selection>,
    /// Where events come from.
    pub engine: Engine,
    /// Alerts in UTC and ISO 8601 instead of local time of day.
    pub time_format_iso_8601: bool,
    /// Least severe priority of rules that are loaded.
    pub priority: String,
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
    /// Alerts are written in batches.
    pub buffered_outputs: bool,
    /// `first` or `all`.
    pub rule_matching: String,
    /// What is added to outputs, by rule.
    pub append_output: Vec<Append>,
    /// Fields `static.NAME`, and their texts.
    pub static_fields: BTreeMap<String, Value>,
    /// Alerts on standard output.
    pub stdout_output: Switch,
    /// Alerts to syslog.
    pub syslog_output: Switch,
    /// Alerts to a file.
    pub file_output: FileOutput,
    /// Alerts to a program's input.
    pub program_output: ProgramOutput,
    /// Alerts to a server.
    pub http_output: HttpOutput,
    /// What waits for a slow server.
    pub outputs_queue: OutputsQueue,
    /// How long a slow server is waited for where something must wait, milliseconds.
    pub output_timeout: u64,
    /// The web server that tells of this program.
    pub webserver: Webserver,
    /// What is measured.
    pub metrics: Metrics,
    /// Log lines on standard error.
    pub log_stderr: bool,
    /// Most verbose level that is logged.
    pub log_level: String,
    /// What to do about lost events.
    pub syscall_event_drops: Drops,
    /// Which system calls are captured.
    pub base_syscalls: BaseSyscalls,
    /// Container runtimes that are asked in a live capture.
    pub container_engines: ContainerEngines,
    /// Tuning of capture and state.
    pub falco_libs: Libs,
    /// Further configuration files.
    pub config_files: Vec<ConfigFile>,
    /// Files that change are read again.
    pub watch_config_files: bool,
    /// Alerts start captures.
    pub capture: Capture,
}

/// An entry of `rules:`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Switch on.
    Enable(Selector),
    /// Switch off.
    Disable(Selector),
}

/// Which rules an entry of `rules:` means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Selector {
    /// By name, with `*`.
    Rule(String),
    /// By tag.
    Tag(String),
}

/// `engine:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Engine {
    /// `modern_ebpf`, `replay` or `nodriver`.
    pub kind: String,
    /// `engine.modern_ebpf`
    pub modern_ebpf: ModernEbpf,
    /// `engine.replay`
    pub replay: Replay,
}

/// `engine.modern_ebpf:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct ModernEbpf {
    /// 1 to 10: a ring of 1 to 512 MiB per CPU.
    pub buf_size_preset: u32,
    /// System calls that failed are dropped in the kernel.
    pub drop_failed_exit: bool,
}

/// `engine.replay:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Replay {
    /// The capture.
    pub capture_file: PathBuf,
}

/// An entry of `append_output:`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Append {
    /// Which rules.
    #[serde(rename = "match")]
    pub matching: AppendMatch,
    /// Text with fields.
    pub extra_output: String,
    /// Names, or `{name: format}`, for `output_fields` alone.
    pub extra_fields: Vec<ExtraField>,
    /// Adds the fields that the source suggests.
    pub suggested_output: bool,
}

/// `match:` of [`Append`]; what is not given matches everything.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AppendMatch {
    /// Exact name.
    pub rule: Option<String>,
    /// Event source.
    pub source: Option<String>,
    /// All of them on the rule.
    pub tags: Vec<String>,
}

/// An entry of `extra_fields:`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ExtraField {
    /// A field, typed.
    Name(String),
    /// Key and format.
    Formatted(BTreeMap<String, String>),
}

/// A section of which only the switch counts here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Switch {
    /// On or off.
    pub enabled: bool,
}

/// `file_output:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct FileOutput {
    /// On or off.
    pub enabled: bool,
    /// Keep the file open between alerts.
    pub keep_alive: bool,
    /// Where.
    pub filename: PathBuf,
}

/// `program_output:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct ProgramOutput {
    /// On or off.
    pub enabled: bool,
    /// Keep the program running between alerts.
    pub keep_alive: bool,
    /// A command line for the shell.
    pub program: String,
}

/// `outputs_queue:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct OutputsQueue {
    /// Most alerts that wait; 0 if only their size counts.
    pub capacity: usize,
}

/// `syscall_event_drops:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Drops {
    /// Share of lost events, 0 to 1, from which on something is done.
    pub threshold: f64,
    /// `ignore`, `log`, `alert`, `exit`.
    pub actions: Vec<String>,
    /// Actions a second, on average.
    pub rate: f64,
    /// Actions at once.
    pub max_burst: f64,
}

/// `base_syscalls:`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct BaseSyscalls {
    /// Captured beside those of the rules, instead of all that change the state; with `!`: left out.
    pub custom_set: Vec<String>,
    /// Only what the calls of the rules need to know their process and file.
    pub repair: bool,
    /// Also those that change the state at every packet.
    pub all: bool,
}

/// `falco_libs:`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Libs {
    /// Most threads in the table.
    pub thread_table_size: usize,
    /// Bytes of a buffer that are captured.
    pub snaplen: u32,
}

/// An entry of `config_files:`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum ConfigFile {
    /// Appended.
    Path(PathBuf),
    /// With a strategy.
    Entry {
        /// File or directory.
        path: PathBuf,
        /// `append`, `override` or `add-only`.
        #[serde(default)]
        strategy: Option<String>,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rules_files: Vec::new(),
            rules: Vec::new(),
            engine: Engine::default(),
            time_format_iso_8601: false,
            priority: "debug".into(),
            json_output: false,
            json_include_output_property: true,
            json_include_message_property: false,
            json_include_output_fields_property: true,
            json_include_tags_property: true,
            buffered_outputs: false,
            rule_matching: "first".into(),
            append_output: Vec::new(),
            static_fields: BTreeMap::new(),
            stdout_output: Switch { enabled: true },
            syslog_output: Switch::default(),
            file_output: FileOutput::default(),
            program_output: ProgramOutput::default(),
            http_output: HttpOutput::default(),
            outputs_queue: OutputsQueue::default(),
            output_timeout: 2000,
            webserver: Webserver::default(),
            metrics: Metrics::default(),
            log_stderr: true,
            log_level: "info".into(),
            syscall_event_drops: Drops::default(),
            base_syscalls: BaseSyscalls::default(),
            container_engines: ContainerEngines::default(),
            falco_libs: Libs::default(),
            config_files: Vec::new(),
            watch_config_files: true,
            capture: Capture::default(),
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self { kind: "modern_ebpf".into(), modern_ebpf: ModernEbpf::default(), replay: Replay::default() }
    }
}

impl Default for ModernEbpf {
    fn default() -> Self {
        Self { buf_size_preset: 4, drop_failed_exit: false }
    }
}

impl Default for Drops {
    fn default() -> Self {
        Self { threshold: 0.1, actions: vec!["log".into(), "alert".into()], rate: 0.033_33, max_burst: 1.0 }
    }
}

impl Default for Libs {
    fn default() -> Self {
        Self { thread_table_size: 262_144, snaplen: 80 }
    }
}

/// Every top-level key of Falco's configuration: any other is a slip of the pen.
const KNOWN_KEYS: &[&str] = &[
    "append_output",
    "base_syscalls",
    "buffer_format_base64",
    "buffered_outputs",
    "capture",
    "config_files",
    "container_engines",
    "engine",
    "falco_libs",
    "file_output",
    "http_output",
    "json_include_message_property",
    "json_include_output_fields_property",
    "json_include_output_property",
    "json_include_tags_property",
    "json_output",
    "libs_logger",
    "load_plugins",
    "log_level",
    "log_stderr",
    "log_syslog",
    "metrics",
    "output_timeout",
    "outputs_queue",
    "plugins",
    "plugins_hostinfo",
    "priority",
    "program_output",
    "rule_matching",
    "rules",
    "rules_file",
    "rules_files",
    "static_fields",
    "stdout_output",
    "syscall_event_drops",
    "syscall_event_timeouts",
    "syslog_output",
    "time_format_iso_8601",
    "watch_config_files",
    "webserver",
];

/// Parts of the configuration that nothing here acts upon, and what to know about it.
const NOT_HERE: &[(&str, &str)] = &[
    ("/metrics/jemalloc_stats_enabled", "this program does not use jemalloc"),
    ("/buffer_format_base64", "buffers are written as text"),
    ("/container_engines/cri/disable_async", "runtimes are never waited for: events go on without them"),
    ("/load_plugins", "plugins are not loaded; the container plugin's fields are built in"),
];

/// Whether a value asks for something.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Bool(on) => *on,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match OneOrMany::deserialize(input)? {
        OneOrMany::One(path) => vec![path],
        OneOrMany::Many(paths) => paths,
    })
}

/// A configuration and where it came from.
pub struct Loaded {
    /// The typed values.
    pub config: Config,
    /// Files read, in order.
    pub files: Vec<PathBuf>,
    /// Sentences about keys that nobody reads.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Logs the warnings.
    pub fn warn(&self) {
        self.warnings.iter().for_each(|warning| log::warning(warning));
    }
}

/// The configuration file: the one given, or the default one where it exists.
pub fn path(given: Option<&Path>) -> Option<&Path> {
    given.or_else(|| Some(Path::new(DEFAULT_PATH)).filter(|path| path.exists()))
}

/// Reads the configuration: the file given or the default one, the files it names, then the options.
pub fn load(given: Option<&Path>, options: &[String]) -> Result<Loaded> {
    let mut files = Vec::new();
    let mut tree = match path(given) {
        Some(path) => read(path, &mut files)?,
        None => Value::Object(serde_json::Map::new()),
    };
    let (includes, others): (Vec<_>, Vec<_>) =
        options.iter().partition(|option| option.starts_with("config_files"));
    includes.into_iter().try_for_each(|option| tree::set(&mut tree, option))?;
    include(&mut tree, &mut files)?;
    others.into_iter().try_for_each(|option| tree::set(&mut tree, option))?;
    tree::expand_env(&mut tree, &|name| std::env::var(name).ok());
    containers::adopt(&mut tree);
    let mut warnings = Vec::new();
    if let Value::Object(map) = &tree {
        for key in map.keys().filter(|key| !KNOWN_KEYS.contains(&key.as_str())) {
            warnings.push(format!("configuration key `{key}` is unknown and has no effect"));
        }
    }
    let has = |path: &str| tree.pointer(path).is_some_and(is_set);
    for (path, what) in NOT_HERE {
        if has(path) {
            warnings.push(format!("{} is set in the configuration but {what}", path[1..].replace('/', ".")));
        }
    }
    let config: Config = serde_json::from_value(tree.clone())
        .with_context(|| format!("configuration key {}", misfit(&tree)))?;
    config.check()?;
    Ok(Loaded { config, files, warnings })
}

/// The key whose value is not of its type: every other may be left out.
fn misfit(tree: &Value) -> String {
    let (mut path, mut at) = (Vec::new(), tree);
    let fits = |path: &[&String], key: &String, value: &Value| {
        let own = serde_json::json!({ key: value });
        let whole = path.iter().rev().fold(own, |inner, key| serde_json::json!({ *key: inner }));
        serde_json::from_value::<Config>(whole).is_ok()
    };
    while let Some((key, value)) =
        at.as_object().and_then(|map| map.iter().find(|(key, value)| !fits(&path, key, value)))
    {
        path.push(key);
        at = value;
    }
    path.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(".")
}

fn read(path: &Path, files: &mut Vec<PathBuf>) -> Result<Value> {
    let text = crate::file::read_text(path)
        .with_context(|| format!("can't read the configuration file {}", path.display()))?;
    files.push(path.to_owned());
    tree::parse(&path.display().to_string(), &text)
}

/// Merges the files that `config_files` names; theirs is not followed, so that nothing loops.
fn include(tree: &mut Value, files: &mut Vec<PathBuf>) -> Result<()> {
    let Some(list) = tree.get("config_files").cloned() else { return Ok(()) };
    let entries: Vec<ConfigFile> = serde_json::from_value(list).context("configuration key config_files")?;
    for entry in entries {
        let (path, strategy) = match &entry {
            ConfigFile::Path(path) => (path, None),
            ConfigFile::Entry { path, strategy } => (path, strategy.as_deref()),
        };
        let how = match strategy.unwrap_or("append") {
            "append" => tree::Merge::Append,
            "override" => tree::Merge::Override,
            "add-only" => tree::Merge::AddOnly,
            other => bail!("config_files strategy `{other}`: expected append, override or add-only"),
        };
        // As in Falco, whose own configuration names a directory that need not be there; what was read is listed.
        if !path.exists() {
            continue;
        }
        for file in crate::rules::yaml_files(path)? {
            let more = read(&file, files)?;
            tree::merge(tree, more, how);
        }
    }
    Ok(())
}

impl Config {
    fn check(&self) -> Result<()> {
        one_of(
            "engine.kind",
            &self.engine.kind,
            &["modern_ebpf", "replay", "nodriver", "kmod", "ebpf", "gvisor"],
        )?;
        one_of("rule_matching", &self.rule_matching, &["first", "all"])?;
        if matches!(self.engine.kind.as_str(), "kmod" | "ebpf" | "gvisor") {
            bail!(
                "engine.kind `{}` is not part of this program; use modern_ebpf (needs a kernel with BTF) or replay",
                self.engine.kind
            );
        }
        if !(1..=10).contains(&self.engine.modern_ebpf.buf_size_preset) {
            bail!(
                "engine.modern_ebpf.buf_size_preset is {}: expected 1 to 10",
                self.engine.modern_ebpf.buf_size_preset
            );
        }
        if !(0.0..=1.0).contains(&self.syscall_event_drops.threshold) {
            bail!("syscall_event_drops.threshold is {}: expected 0 to 1", self.syscall_event_drops.threshold);
        }
        for action in &self.syscall_event_drops.actions {
            one_of("syscall_event_drops.actions", action, &["ignore", "log", "alert", "exit"])?;
        }
        self.http_output.check()?;
        self.webserver.check()?;
        self.metrics.check(self.webserver.enabled && self.webserver.prometheus_metrics_enabled)?;
        self.level()?;
        self.capture.check()
    }

    /// `log_level` as a level of ours.
    pub fn level(&self) -> Result<Level> {
        Ok(match self.log_level.to_ascii_lowercase().as_str() {
            "emergency" | "alert" | "critical" | "error" => Level::Error,
            "warning" => Level::Warning,
            "notice" | "info" | "informational" => Level::Info,
            "debug" | "trace" => Level::Debug,
            other => bail!(
                "log_level `{other}`: expected emergency, alert, critical, error, warning, notice, info or debug"
            ),
        })
    }

    /// Logs according to this configuration from here on.
    pub fn start_log(&self) -> Result<()> {
        log::configure(self.level()?, self.log_stderr, self.time_format_iso_8601);
        Ok(())
    }
}

fn one_of(key: &str, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    bail!("{key} is `{value}`: expected one of {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(list: &[&str]) -> Result<Loaded> {
        let empty = Path::new("/dev/null");
        load(Some(empty), &list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_set_has_the_defaults() {
        let config = options(&[]).unwrap().config;
        assert_eq!(config.rule_matching, "first");
        assert!(config.stdout_output.enabled && config.json_include_tags_property && !config.json_output);
        assert_eq!(config.falco_libs.snaplen, 80);
    }

    #[test]
    fn lists_of_maps_get_their_types() {
        let loaded = options(&[
            "rules[]={disable: {tag: network}}",
            "rules[]={enable: {rule: Read*}}",
            "append_output[]={match: {source: syscall}, extra_fields: [evt.cpu, {x: \"%proc.pid\"}]}",
            "rules_file=/x.yaml",
        ])
        .unwrap();
        assert!(matches!(&loaded.config.rules[0], Selection::Disable(Selector::Tag(t)) if t == "network"));
        assert!(matches!(&loaded.config.rules[1], Selection::Enable(Selector::Rule(t)) if t == "Read*"));
        assert!(
            matches!(&loaded.config.append_output[0].extra_fields[1], ExtraField::Formatted(m) if m["x"] == "%proc.pid")
        );
        assert_eq!(loaded.config.rules_files, [PathBuf::from("/x.yaml")]);
        assert!(loaded.warnings.is_empty());
    }

    #[test]
    fn container_engines_are_said_in_two_ways() {
        let own = options(&[
            "container_engines.docker.enabled=false",
            "container_engines.cri.sockets[]=/run/x.sock",
            "container_engines.cri.disable_async=true",
        ])
        .unwrap();
        let engines = own.config.container_engines;
        assert!(!engines.docker.enabled && engines.podman.enabled && engines.podman.sockets.is_empty());
        assert_eq!(engines.cri.sockets, [PathBuf::from("/run/x.sock")]);
        assert!(own.warnings[0].contains("never waited for"), "{:?}", own.warnings);
        let plugin = options(&[
            "plugins[]={name: container, init_config: {label_max_len: 7, engines: {docker: {enabled: false}}}}",
        ]);
        let engines = plugin.unwrap().config.container_engines;
        assert_eq!((engines.docker.enabled, engines.cri.enabled, engines.label_max_len), (false, true, 7));
    }

    #[test]
    fn a_bad_value_is_named_with_what_was_expected() {
        for (option, want) in [
            ("engine.kind=kmod", "engine.kind `kmod`"),
            ("rule_matching=some", "expected one of first, all"),
            ("engine.modern_ebpf.buf_size_preset=11", "expected 1 to 10"),
            ("log_level=loud", "log_level `loud`"),
            ("syscall_event_drops.threshold=2", "expected 0 to 1"),
            ("webserver.listen_port=http", "configuration key webserver.listen_port: invalid type"),
            ("json_output=maybe", "configuration key json_output: invalid type"),
        ] {
            let error = format!("{:#}", options(&[option]).err().unwrap());
            assert!(error.contains(want), "{error}");
        }
        let absent = options(&["config_files[]=/nonexistent", "config_files[]=/dev/null"]).unwrap();
        assert_eq!(absent.files, [PathBuf::from("/dev/null"), PathBuf::from("/dev/null")]);
        assert!(options(&["jsn_output=true"]).unwrap().warnings[0].contains("`jsn_output`"));
    }
}
