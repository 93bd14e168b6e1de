//! Finds and reads rules files, and builds an engine from them.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use eyas::rules::{
    Engine, Extra, LoadError, LoadResult, Loader, Matching, RuleSet, RuleSetBuilder, RuleSource, Select,
};
use eyas::sinsp::plugin::SYSCALL;
use eyas_console::ShowPath;
use eyas_console::print;

use crate::args::Args;
use crate::config::{Config, ExtraField, RuleMatching};
use crate::console;
use crate::diagnostics::Printer;
use crate::folding::Folding;
use crate::item_files::ItemFiles;
use crate::list;
use crate::log::{self, Level};
use crate::plugins;
use crate::streams;
use crate::unmatched;

/// The YAML files of `path`: the file itself, or the files directly in the directory, sorted.
pub fn yaml_files(path: &Path) -> Result<Vec<PathBuf>> {
    if streams::get(path).is_some() {
        return Ok(vec![path.to_owned()]);
    }
    let meta = std::fs::metadata(path)
        .with_context(|| format!("Could not open file {} for reading", path.shown()))?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(|| format!("can't list {}", path.shown()))? {
        let file = entry.with_context(|| format!("can't list {}", path.shown()))?.path();
        let yaml = file.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads all rules files, in order. Files of rule tests in a directory are left out.
pub fn read(paths: &[PathBuf]) -> Result<Vec<RuleSource>> {
    let mut files = Vec::new();
    for path in paths {
        let is_dir = path.is_dir();
        for file in yaml_files(path)? {
            let text = crate::file::read(&file, crate::file::MAX_TEXT)
                .with_context(|| format!("Could not open file {} for reading", file.shown()))?;
            if is_capture(&text) {
                bail!("{0} is a capture and no rules file: replay it with -e {0}", file.shown());
            }
            if !(is_dir && is_test(&file, &text)) {
                files.push(RuleSource::new(file.shown(), text));
            }
        }
    }
    if files.is_empty() {
        bail!("no rules: {}", nothing_read(paths));
    }
    Ok(files)
}

/// Explains why no file was read, with advice.
fn nothing_read(paths: &[PathBuf]) -> String {
    match paths {
        [] => "You must specify at least one rules file/directory via -r or a rules_file entry in falco.yaml: name it with \
               -r FILE, or in rules_files of the configuration (-c FILE)"
            .to_owned(),
        paths => {
            let paths: Vec<String> = paths.iter().map(|path| path.shown()).collect();
            format!("no file that ends with .yaml or .yml is in {}", paths.join(", "))
        }
    }
}

/// Whether the bytes are a capture, plain or compressed.
fn is_capture(text: &[u8]) -> bool {
    text.starts_with(&[0x1f, 0x8b]) || text.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
}

/// Whether a file next to the rules has rule tests, by its name and its contents.
fn is_test(path: &Path, text: &[u8]) -> bool {
    let named = path.file_stem().is_some_and(|stem| Path::new(stem).extension().is_some_and(|e| e == "test"));
    let parsed = || eyas::yaml::parse(&eyas::yaml::decode(text)).ok();
    named
        && parsed()
            .is_some_and(|parsed| parsed.documents.first().is_some_and(|file| file.get("tests").is_some()))
}

/// Falco's message for the error, and a plainer one if it differs.
fn full_message(error: &LoadError) -> String {
    let plain = error.to_diagnostic().message;
    if plain == error.message { plain } else { format!("{} ({plain})", error.message) }
}

/// Loads rules so that each is tested independently: all enabled, with any priority, and with all matches.
pub fn load_each(paths: &[PathBuf], config: &Config) -> Result<Engine> {
    Ok(load_quietly(paths, config)?.finish()?.every_rule().compile()?)
}

/// Loads rules as configured, and so that each is tested independently.
pub fn load_active_and_each(paths: &[PathBuf], config: &Config) -> Result<[Engine; 2]> {
    let mut rules = finish(load_quietly(paths, config)?, config)?;
    let active = rules.compile()?;
    Ok([active, rules.every_rule().compile()?])
}

/// Loads rules, and logs nothing about their files.
fn load_quietly(paths: &[PathBuf], config: &Config) -> Result<Loader> {
    let mut loader = builder(config, None, &ItemFiles::default()).loader();
    for file in &read(paths)? {
        let result = loader.load(file);
        require_plugins(result)?;
        if !result.successful() {
            bail!("{}", result.verbose().trim_end());
        }
    }
    Ok(loader)
}

/// The rules files from the command line, or otherwise from the configuration.
pub fn paths<'a>(args: &'a Args, config: &'a Config) -> &'a [PathBuf] {
    if args.rules.is_empty() { &config.rules_files } else { &args.rules }
}

/// The rules files of these paths, as far as they are accessible.
pub fn files(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().filter_map(|path| yaml_files(path).ok()).flatten().collect()
}

/// The configured options of loading.
fn builder(config: &Config, print: Option<&str>, items: &ItemFiles) -> RuleSetBuilder {
    let items = items.clone();
    let mut builder = eyas::rules_with_plugins(&plugins::loaded().set, SYSCALL)
        .buffers(config.buffers())
        .static_fields(config.usable_static_fields())
        .item_files(move |rules, name| items.read(rules, name));
    if !config.engine.is_replay() && !plugins::loaded().has_container() {
        for names in config.container_engines.unavailable() {
            builder = builder.unavailable(*names, "`container_engines` disables all runtimes");
        }
    }
    for (index, append) in config.append_output.iter().enumerate() {
        let mut fields = Vec::new();
        for field in &append.extra_fields {
            match field {
                ExtraField::Name(name) => fields.push((name.clone(), None)),
                ExtraField::Formatted(map) => {
                    fields.extend(map.iter().map(|(key, format)| (key.clone(), Some(format.clone()))));
                }
            }
        }
        builder = builder.append_output(Extra {
            rule: append.matching.rule.clone(),
            source: append.matching.source.clone(),
            tags: append.matching.tags.clone(),
            text: append.extra_output.clone(),
            fields,
            suggested: append.suggested_output,
            origin: config.places.name(format!("append_output[{index}]")),
        });
    }
    if let Some(text) = print {
        let origin = "the option -p".to_owned();
        builder = builder.append_output(Extra { text: text.to_owned(), origin, ..Extra::default() });
    }
    builder
}

/// Ends loading, and chooses the configured rules.
fn finish(loader: Loader, config: &Config) -> Result<RuleSet> {
    let mut rules = loader.finish()?;
    rules.minimum_priority(config.priority).matching(match config.rule_matching {
        RuleMatching::First => Matching::First,
        RuleMatching::All => Matching::All,
    });
    for selection in &config.rules {
        let (on, which) = selection.get()?;
        let of_rule = which.rule.clone().map(Select::Rule);
        let of_tag = which.tag.clone().map(Select::Tag);
        for which in of_rule.into_iter().chain(of_tag) {
            rules.select(on, which);
        }
    }
    Ok(rules)
}

/// Loads the rules for system calls from the rules files of the command line or the configuration.
pub fn load(args: &Args, config: &Config) -> Result<Engine> {
    compile(&read_all(args, config, &ItemFiles::default())?, config)
}

/// Compiles the rules for system calls.
fn compile(rules: &RuleSet, config: &Config) -> Result<Engine> {
    let engine = rules.compile()?;
    log_warnings(&engine);
    // Checks that the fields exist.
    Folding::new(&config.alert_folding)?;
    Ok(engine)
}

fn log_warnings(engine: &Engine) {
    // With `-v`, warnings are printed with the files.
    engine.warnings().iter().for_each(|warning| log::warning(&warning.to_string()));
}

/// The rules of every source.
pub struct Engines {
    /// The rules for system calls.
    pub engine: Engine,
    /// The rules for each event source of plugins.
    pub others: Vec<Arc<Engine>>,
}

/// Loads the rules for every source from the rules files of the command line or the configuration, and
/// the files of `items`.
pub fn load_sources(args: &Args, config: &Config, items: &ItemFiles) -> Result<Engines> {
    let rules = read_all(args, config, items)?;
    let engine = compile(&rules, config)?;
    let mut others = Vec::new();
    for source in plugins::loaded().sources().into_iter().filter(|source| *source != SYSCALL) {
        if let Some(engine) = rules.compile_for(source)? {
            log_warnings(&engine);
            others.push(Arc::new(engine));
        }
    }
    let all = engine.rules().iter().chain(others.iter().flat_map(|engine| engine.rules()));
    for warning in unmatched::warnings(config, all, &plugins::loaded().sources()) {
        log::warning(&config.places.name(warning));
    }
    Ok(Engines { engine, others })
}

/// Prints the definitions in the rules files from the command line or the configuration.
pub fn describe(args: &Args, config: &Config) -> Result<()> {
    let all = read_all(args, config, &ItemFiles::default())?.describe();
    let only = args.describe.as_deref();
    let text = match config.json_output {
        true => format!("{}\n", list::rules_as_json(&all, only)?),
        false => list::rules_as_text(&all, only)?,
    };
    Ok(print(&text)?)
}

/// The paths to read: those that exist. Paths from the command line must exist.
pub fn present<'a>(args: &'a Args, config: &'a Config) -> (Vec<PathBuf>, Vec<&'a PathBuf>) {
    let (present, absent): (Vec<_>, Vec<_>) =
        paths(args, config).iter().partition(|path| !args.rules.is_empty() || path.exists());
    (present.into_iter().cloned().collect(), absent)
}

/// Whether all rules files that must exist do, and at least one does.
pub fn all_exist(args: &Args, config: &Config) -> bool {
    let (present, _) = present(args, config);
    !present.is_empty() && present.iter().all(|path| crate::file::exists(path))
}

fn read_all(args: &Args, config: &Config, items: &ItemFiles) -> Result<RuleSet> {
    let mut loader = builder(config, args.appended(), items).loader();
    let (present, absent) = present(args, config);
    if present.is_empty() && !absent.is_empty() {
        bail!("no rules: {}", no_rules_files_message(&absent));
    }
    log::log(Level::Debug, "Configured rules filenames:");
    paths(args, config).iter().for_each(|path| log::log(Level::Debug, &format!("   {}", path.shown())));
    let files = read(&present)?;
    log::info("Loading rules from:");
    absent.iter().for_each(|path| log::info(&format!("   {} | does not exist", path.shown())));
    for file in &files {
        let result = loader.load(file);
        let schema = result.schema_validation();
        let level = if schema == "ok" { Level::Info } else { Level::Warning };
        log::log(level, &format!("   {} | schema validation: {schema}", file.name()));
        // The overridden value may be the one that detects something.
        result.repeated_keys().iter().for_each(|found| log::warning(&found.to_string()));
        // A missing plugin is more important than an unknown field of that plugin.
        require_plugins(result)?;
        if result.successful() && !args.verbose {
            if !result.warnings.is_empty() {
                log::warning(&result.verbose());
            }
            continue;
        }
        if config.json_output {
            console::print_error(&result.verbose());
        } else {
            let mut printer = Printer::new();
            result.diagnostics().for_each(|diagnostic| printer.print(&diagnostic));
            printer.finish();
        }
        if let Some(error) = result.errors.first().filter(|error| error.is_of_option()) {
            bail!("{}", error.to_diagnostic().message);
        }
        if !result.successful() {
            let first = result.errors.first().map(|error| {
                let line = error.to_diagnostic().labels.first().map_or(1, |label| label.position().0);
                let (code, what) = (error.code.code(), error.code.short());
                format!(", line {line}: {code} ({what}): {}", full_message(error))
            });
            bail!("the rules file {} does not load{}", file.name(), first.unwrap_or_default());
        }
    }
    for selection in &config.rules {
        let (on, which) = selection.get()?;
        let verb = if on { "Enabling" } else { "Disabling" };
        which.rule.iter().for_each(|rule| log::info(&format!("{verb} rules with name: {rule}")));
        which.tag.iter().for_each(|tag| log::info(&format!("{verb} rules with tag: {tag}")));
    }
    finish(loader, config)
}

/// Error message if none of the configured rules files exists.
fn no_rules_files_message(absent: &[&PathBuf]) -> String {
    let named = absent.iter().filter(|path| !path.as_os_str().is_empty());
    let named: Vec<String> = named.map(|path| path.shown()).collect();
    let unset = match named.len() < absent.len() {
        true => "; a name is empty: is a variable in it not set?",
        false => "",
    };
    let what = match named.as_slice() {
        [] => "rules_files of the configuration names no file".to_owned(),
        [one] => format!("{one}, which rules_files of the configuration names, does not exist"),
        all => format!(
            "none of the files that rules_files of the configuration names exists: {}",
            all.join(", ")
        ),
    };
    format!("{what}{unset}")
}

/// Rejects a file that requires a plugin which is not loaded.
fn require_plugins(result: &LoadResult) -> Result<()> {
    match result.unmet_requirement() {
        Some(unmet) => bail!("{unmet}"),
        None => Ok(()),
    }
}

/// Validates files without running anything, and describes them on request. Returns whether all are valid.
pub fn validate(args: &Args, config: &Config) -> Result<bool> {
    let mut loader = builder(config, None, &ItemFiles::default()).loader();
    for file in read(&args.validate)? {
        require_plugins(loader.load(&file))?;
    }
    let results = loader.results().to_vec();
    let rules = match results.iter().all(LoadResult::successful) {
        true => Some(finish(loader, config)?),
        false => None,
    };
    let described = rules.as_ref().filter(|_| args.describes()).map(RuleSet::describe);
    let only = args.describe.as_deref();
    if config.json_output {
        let list: Vec<String> = results.iter().map(LoadResult::to_json).collect();
        let described = match &described {
            Some(all) => format!("\"falco_describe_results\":{},", list::rules_as_json(all, only)?),
            None => String::new(),
        };
        print(&format!("{{{described}\"falco_load_results\":[{}]}}\n", list.join(",")))?;
        return Ok(rules.is_some());
    }
    // Programs get Falco's text; on a terminal, the diagnostics are printed below.
    let drawn = std::io::stdout().is_terminal();
    let said = |result: &LoadResult| {
        // Falco prints how a file differs from the schema, unless it has warnings about the file.
        let is_short = match result.successful() {
            true => !result.warnings.is_empty() || matches!(result.schema_validation(), "ok" | "none"),
            false => false,
        };
        if is_short || drawn { result.summary() + "\n" } else { result.verbose() + "\n" }
    };
    let mut text: String = results.iter().map(said).collect();
    if let Some(all) = &described {
        text = format!("{text}\n{}", list::rules_as_text(all, only)?);
    }
    print(&text)?;
    let mut printer = Printer::new();
    for result in &results {
        result.diagnostics().for_each(|diagnostic| printer.print(&diagnostic));
    }
    if let Some(rules) = &rules {
        rules.lint().iter().for_each(|diagnostic| printer.print(diagnostic));
    }
    printer.finish();
    Ok(rules.is_some())
}
