//! Reads falco.yaml, applies `-o` options, and converts values to their types.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use eyas::yaml::{Kind, Node};
use eyas_console::ShowPath;
use serde_json::Value;

use crate::args::Args;
use crate::config::{Append, Config, ConfigFile, EngineKind};
use crate::log;
use crate::outputs::OUTPUTS;
use origins::Origins;
use schema::CONFIG;

mod containers;
mod dump;
mod fit;
mod json_schema;
mod not_honoured;
mod origins;
mod schema;
mod tree;
mod unknown;
mod validate;

pub use json_schema::{container_schema, json_schema};

/// The key that names further files.
const CONFIG_FILES: &str = "config_files";
/// Default of `-c`.
const DEFAULT_PATH: &str = "/etc/falco/falco.yaml";

/// Log message about the old name of `rules_files`.
const DEPRECATED_RULES_FILE: &str = "Using deprecated config key 'rules_file' (singular form). Please use new 'rules_files' \
                                     config key (plural form).";

/// A configuration file that was read.
pub struct ReadFile {
    /// As the user named it.
    pub path: PathBuf,
    /// Result of the validation: `ok`, or the first violation.
    pub validation: String,
}

/// A configuration and its origin.
pub struct Loaded {
    /// The typed values.
    pub config: Config,
    /// The files, in reading order.
    pub files: Vec<ReadFile>,
    /// Warnings about unknown keys.
    pub warnings: Vec<String>,
    /// All files and options merged, as YAML.
    pub text: String,
}

impl Loaded {
    /// Logs the warnings.
    pub fn warn(&self) {
        self.warnings.iter().for_each(|warning| log::warning(warning));
    }
}

/// Path of the configuration file: the given one, or the default one if it exists.
pub fn path(given: Option<&Path>) -> Option<&Path> {
    given.or_else(|| Some(Path::new(DEFAULT_PATH)).filter(|path| path.exists()))
}

/// Loads the configuration for the arguments.
///
/// # Errors
/// A file cannot be read, or a file or an option is invalid.
pub fn load(args: &Args) -> Result<Loaded> {
    read_all(args.config.as_deref(), &args.options, args.events.as_deref())
}

/// Reads the given file or the default one, then the files it includes, then the options. `capture`, if
/// given, overrides them: it will be replayed.
fn read_all(given: Option<&Path>, options: &[String], capture: Option<&Path>) -> Result<Loaded> {
    let mut reading = Reading::default();
    let mut tree = reading.tree(given, options)?;
    let text = dump::yaml(&tree);
    let Reading { files, mut warnings, origins } = reading;
    adopt_rules_file(&mut tree, &mut warnings)?;
    let is_adopted = containers::adopt(&mut tree, &mut warnings);
    let places = origins.places(&tree);
    let mut of_values = Vec::new();
    let config = typed(&tree, is_adopted, capture, &mut of_values)
        .map_err(|error| anyhow!(places.name(format!("{error:#}"))))?;
    warnings.extend(of_values.into_iter().map(|warning| places.name(warning)));
    Ok(Loaded { config: Config { places, ..config }, files, warnings, text })
}

/// Converts the values to their types, and checks them. Each error and each warning names its key first.
fn typed(
    tree: &Node,
    is_adopted: bool,
    capture: Option<&Path>,
    warnings: &mut Vec<String>,
) -> Result<Config> {
    let fitted = fit::fit(tree, &CONFIG, &fit::Path::default(), warnings)?;
    let fitted = fitted.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let named = |key: &str| match key.strip_prefix("container_engines.") {
        Some(rest) if is_adopted => format!("{rest} of the plugin `container`"),
        _ => key.to_owned(),
    };
    not_honoured::warn(&fitted, &named, warnings);
    // The output is enabled by default.
    #[cfg(feature = "grpc")]
    let wants_grpc = fitted.pointer("/grpc_output/enabled") == Some(&Value::Bool(true));
    let mut config: Config = serde_json::from_value(fitted).context("the configuration")?;
    complete(&mut config)?;
    if let Some(capture) = capture {
        config.engine.kind = EngineKind::Replay;
        config.engine.replay.capture_file = capture.to_owned();
    }
    config.check()?;
    warnings.extend(config.base_syscalls.warnings());
    warnings.extend(config.append_output.iter().filter_map(Append::warning));
    warnings.extend(config.rules.iter().enumerate().filter_map(|(index, entry)| entry.warning(index)));
    warnings.extend(config.falco_libs.warning());
    warnings.extend(config.unusable_static_fields());
    warnings.extend(config.syscall_event_drops.warning());
    #[cfg(feature = "grpc")]
    if wants_grpc && !config.grpc.enabled {
        warnings.push(
            "grpc_output.enabled has no effect without grpc.enabled: no client can request alerts".to_owned(),
        );
    }
    Ok(config)
}

/// The old name of `rules_files`.
fn adopt_rules_file(tree: &mut Node, warnings: &mut Vec<String>) -> Result<()> {
    let Some(value) = tree::take(tree, "rules_file") else { return Ok(()) };
    if tree.get("rules_files").is_some() {
        bail!("both 'rules_files' and 'rules_file' keys set: put all files into 'rules_files'");
    }
    warnings.push(DEPRECATED_RULES_FILE.to_owned());
    if let Kind::Map(pairs) = &mut tree.kind {
        *tree::entry(pairs, "rules_files") = value;
    }
    Ok(())
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    files: Vec<ReadFile>,
    warnings: Vec<String>,
    origins: Origins,
}

impl Reading {
    /// The values of all files and options.
    fn tree(&mut self, given: Option<&Path>, options: &[String]) -> Result<Node> {
        let main = path(given);
        if let Some(path) = given.filter(|path| !crate::file::exists(path)) {
            bail!("Could not find configuration file at {}", path.shown());
        }
        let mut tree = match main {
            Some(path) => self.read(path)?,
            None => tree::empty(),
        };
        let (includes, others): (Vec<_>, Vec<_>) =
            options.iter().partition(|option| option.starts_with(CONFIG_FILES));
        includes.into_iter().try_for_each(|option| self.set(&mut tree, option))?;
        self.include(&mut tree, main)?;
        others.into_iter().try_for_each(|option| self.set(&mut tree, option))?;
        Ok(tree)
    }

    fn set(&mut self, tree: &mut Node, option: &str) -> Result<()> {
        tree::set(tree, option, &mut self.origins, &mut self.warnings)
    }

    fn read(&mut self, path: &Path) -> Result<Node> {
        let text = crate::file::read(path, crate::file::MAX_TEXT)
            .with_context(|| format!("can't read the configuration file {}", path.shown()))?;
        let name = path.shown();
        let mut tree = tree::parse(&name, &text, &mut self.warnings)
            .with_context(|| format!("Cannot read config file ({name})"))?;
        tree::expand_env(&mut tree, &|name| std::env::var(name).ok());
        self.files.push(ReadFile { path: path.to_owned(), validation: validate::validate(&tree) });
        unknown::keys(&tree, &CONFIG, &fit::Path::default(), &name, &mut self.warnings);
        self.origins.add_file(&name, text.len(), &mut tree);
        Ok(tree)
    }

    /// Merges the files in `config_files`.
    fn include(&mut self, tree: &mut Node, main: Option<&Path>) -> Result<()> {
        let place = |tree: &Node, message| self.origins.places(tree).name(message);
        let key = fit::Path::default().key(CONFIG_FILES);
        let Some((list, shape)) = tree.get(CONFIG_FILES).zip(CONFIG.key(CONFIG_FILES)) else { return Ok(()) };
        // Warnings are collected later, when all files have been read.
        let list = fit::fit(list, shape, &key, &mut Vec::new())
            .map_err(|error| anyhow!(place(tree, format!("{error:#}"))))?;
        let Some(list) = list else { return Ok(()) };
        let entries: Vec<ConfigFile> = serde_json::from_value(list)
            .map_err(|_| anyhow!(place(tree, "config_files: an entry has no `path`".to_owned())))?;
        for (index, entry) in entries.into_iter().enumerate() {
            let path = entry.path();
            let how = match entry.strategy().unwrap_or("append") {
                "append" => tree::Merge::Append,
                "override" => tree::Merge::Override,
                "add-only" => tree::Merge::AddOnly,
                other => {
                    let path = path.shown();
                    let message = format!(
                        "config_files[{index}].strategy: the strategy of {path} is `{other}`, which counts as append: \
                         expected append, override or add-only"
                    );
                    self.warnings.push(self.origins.places(tree).name(message));
                    tree::Merge::Append
                }
            };
            if main == Some(path) {
                bail!(
                    "'config_files' directive tried to recursively include main config file: {}",
                    path.shown()
                );
            }
            // As in Falco, whose default configuration names a directory that need not exist. The log lists the
            // files that were read.
            if !path.exists() {
                continue;
            }
            for file in regular_files(path)? {
                let more = self.read(&file)?;
                if more.get(CONFIG_FILES).is_some() {
                    bail!(
                        "'config_files' directive in included config file {}: put it into the main one",
                        file.shown()
                    );
                }
                tree::merge(tree, more, how).with_context(|| file.shown())?;
            }
        }
        Ok(())
    }
}

/// The file, or all files directly in the directory, sorted.
fn regular_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = || format!("can't list {}", path.shown());
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

/// Adds defaults to the sections of outputs, and removes sections that belong to no output.
///
/// # Errors
/// A section is invalid.
fn complete(config: &mut Config) -> Result<()> {
    let mut given = std::mem::take(&mut config.outputs);
    for row in OUTPUTS {
        config.outputs.put(row.name, (row.complete)(given.take(row.name))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
