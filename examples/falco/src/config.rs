//! falco.yaml: read, overridden by `-o`, and given types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyas::yaml::{Kind, Node};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::log::{self, Level};
use crate::output::Sections;
use schema::CONFIG;

mod capture;
mod containers;
mod fit;
mod metrics;
mod schema;
mod tree;
mod unknown;
mod webserver;

pub use capture::Capture;
pub use containers::ContainerEngines;
pub use metrics::Metrics;
pub use schema::Shape;
pub use webserver::Webserver;

/// The key that names further files.
const CONFIG_FILES: &str = "config_files";
/// What `-c` means where it is not given.
const DEFAULT_PATH: &str = "/etc/falco/falco.yaml";

/// The keys of falco.yaml that this program acts on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Config {
    /// Rules files and directories, in order.
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
    pub static_fields: BTreeMap<String, String>,
    /// What waits for a slow output.
    pub outputs_queue: OutputsQueue,
    /// How long an output may make no progress, milliseconds.
    pub output_timeout: u64,
    /// The web server that reports on this program.
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
    /// Where alerts go: a section for each output.
    #[serde(flatten)]
    pub outputs: Sections,
}

/// An entry of `rules:`: one of the two.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Selection {
    /// Switch on.
    pub enable: Option<Selector>,
    /// Switch off.
    pub disable: Option<Selector>,
}

impl Selection {
    /// Whether it switches on, and what.
    ///
    /// # Errors
    /// It says neither, or of no rule.
    pub fn get(&self) -> Result<(bool, &Selector)> {
        let chosen = match (&self.enable, &self.disable) {
            (Some(on), _) => Some((true, on)),
            (None, off) => off.as_ref().map(|off| (false, off)),
        };
        chosen
            .filter(|(_, which)| which.rule.is_some() || which.tag.is_some())
            .context("expected `enable` or `disable` with a `rule` or a `tag`")
    }
}

/// Which rules an entry of `rules:` means: those that have either.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Selector {
    /// Name, with `*`.
    pub rule: Option<String>,
    /// Tag.
    pub tag: Option<String>,
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
    /// Time between two searches for threads that are gone, seconds.
    pub thread_table_auto_purging_interval_s: u32,
    /// Age from which a thread without events is suspected to be gone, seconds.
    pub thread_table_auto_purging_thread_timeout_s: u32,
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
            outputs: Sections::default(),
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
        Self {
            thread_table_size: 262_144,
            snaplen: 80,
            thread_table_auto_purging_interval_s: 300,
            thread_table_auto_purging_thread_timeout_s: 300,
        }
    }
}

/// Keys that nothing here acts upon, what they are where nobody sets them, and what to know about it.
const NOT_HERE: &[(&str, &str, &str)] = &[
    ("/buffer_format_base64", "false", "buffers are written as text"),
    (
        "/container_engines/cri/disable_async",
        "false",
        "runtimes are never waited for: events go on without them",
    ),
    ("/engine/modern_ebpf/disable_iterators", "false", "iterators are used where the kernel has them"),
    ("/log_syslog", "false", "the log goes to standard error"),
    ("/metrics/jemalloc_stats_enabled", "false", "this program does not use jemalloc"),
    ("/syscall_event_drops/simulate_drops", "false", "no drops are simulated"),
    ("/syscall_event_timeouts/max_consecutives", "1000", "a capture without events is not reported"),
];

/// Lists of plugins that nothing here loads, apart from the one whose fields are built in.
const NATIVE_PLUGIN: &str = "container";

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
    let (mut files, mut warnings) = (Vec::new(), Vec::new());
    let main = path(given);
    let mut tree = match main {
        Some(path) => read(path, &mut files, &mut warnings)?,
        None => tree::empty(),
    };
    let (includes, others): (Vec<_>, Vec<_>) =
        options.iter().partition(|option| option.starts_with("config_files"));
    includes.into_iter().try_for_each(|option| tree::set(&mut tree, option, &mut warnings))?;
    include(&mut tree, main, &mut files, &mut warnings)?;
    others.into_iter().try_for_each(|option| tree::set(&mut tree, option, &mut warnings))?;
    adopt_rules_file(&mut tree, &mut warnings)?;
    containers::adopt(&mut tree);
    let fitted = fit::fit(&tree, &CONFIG, &fit::Path::default(), &mut warnings)?;
    let fitted = fitted.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    not_here(&fitted, &mut warnings);
    let mut config: Config = serde_json::from_value(fitted).context("the configuration")?;
    config.outputs.complete()?;
    config.check()?;
    Ok(Loaded { config, files, warnings })
}

/// Says which settings nothing acts upon.
fn not_here(tree: &Value, warnings: &mut Vec<String>) {
    for (pointer, usual, what) in NOT_HERE {
        if let Some(value) = tree.pointer(pointer) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if text != *usual {
                let key = pointer[1..].replace('/', ".");
                warnings.push(format!("{key} is set in the configuration but {what}"));
            }
        }
    }
    let loaded = tree["load_plugins"].as_array().map(|list| list.iter().collect::<Vec<_>>());
    let given = tree["plugins"].as_array().into_iter().flatten().map(|plugin| &plugin["name"]);
    let names = loaded.unwrap_or_else(|| given.collect());
    for name in names.into_iter().filter_map(Value::as_str).filter(|name| *name != NATIVE_PLUGIN) {
        warnings.push(format!("the plugin `{name}` is configured but this program loads no plugins"));
    }
}

/// The old name of `rules_files`.
fn adopt_rules_file(tree: &mut Node, warnings: &mut Vec<String>) -> Result<()> {
    let Some(value) = tree::take(tree, "rules_file") else { return Ok(()) };
    if tree.get("rules_files").is_some() {
        bail!("both `rules_files` and its old name `rules_file` are set: put all files into `rules_files`");
    }
    warnings.push("the configuration key `rules_file` is deprecated: write `rules_files`".to_owned());
    if let Kind::Map(pairs) = &mut tree.kind {
        *tree::entry(pairs, "rules_files") = value;
    }
    Ok(())
}

fn read(path: &Path, files: &mut Vec<PathBuf>, warnings: &mut Vec<String>) -> Result<Node> {
    let text = crate::file::read(path, crate::file::MAX_TEXT)
        .with_context(|| format!("can't read the configuration file {}", path.display()))?;
    files.push(path.to_owned());
    let name = path.display().to_string();
    let mut tree = tree::parse(&name, &text)?;
    tree::expand_env(&mut tree, &|name| std::env::var(name).ok());
    unknown::keys(&tree, &CONFIG, &fit::Path::default(), &name, warnings);
    Ok(tree)
}

/// Merges the files that `config_files` names.
fn include(
    tree: &mut Node,
    main: Option<&Path>,
    files: &mut Vec<PathBuf>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let key = fit::Path::default().key(CONFIG_FILES);
    let Some((list, shape)) = tree.get(CONFIG_FILES).zip(CONFIG.key(CONFIG_FILES)) else { return Ok(()) };
    // What is odd about it is said when all is read.
    let Some(list) = fit::fit(list, shape, &key, &mut Vec::new())? else { return Ok(()) };
    let entries: Vec<ConfigFile> =
        serde_json::from_value(list).context("config_files: an entry has no `path`")?;
    for entry in entries {
        let (path, strategy) = match &entry {
            ConfigFile::Path(path) => (path, None),
            ConfigFile::Entry { path, strategy } => (path, strategy.as_deref()),
        };
        let how = match strategy.unwrap_or("append") {
            "append" => tree::Merge::Append,
            "override" => tree::Merge::Override,
            "add-only" => tree::Merge::AddOnly,
            other => {
                let path = path.display();
                warnings.push(format!(
                    "config_files: the strategy of {path} is `{other}`, which counts as append: \
                     expected append, override or add-only"
                ));
                tree::Merge::Append
            }
        };
        if main == Some(path) {
            bail!("config_files names {}, the file that it is in", path.display());
        }
        // As in Falco, whose own configuration names a directory that need not be there; what was read is listed.
        if !path.exists() {
            continue;
        }
        for file in regular_files(path)? {
            let more = read(&file, files, warnings)?;
            if more.get(CONFIG_FILES).is_some() {
                bail!("{}: `config_files` in a file that is included itself is not followed", file.display());
            }
            tree::merge(tree, more, how).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

/// The file, or all that a directory holds directly, sorted.
fn regular_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = || format!("can't list {}", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(failed)? {
        let file = entry.with_context(failed)?.path();
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

impl Config {
    fn check(&self) -> Result<()> {
        for (index, selection) in self.rules.iter().enumerate() {
            selection.get().with_context(|| format!("rules[{index}]"))?;
        }
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
        let actions: Vec<&str> = self.syscall_event_drops.actions.iter().map(String::as_str).collect();
        if actions
            .iter()
            .skip_while(|action| **action != "ignore")
            .any(|action| matches!(*action, "log" | "alert"))
        {
            bail!("syscall_event_drops.actions has `ignore` beside `log` or `alert`: choose");
        }
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
mod tests;
