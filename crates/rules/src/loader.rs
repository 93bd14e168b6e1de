//! Loads rules files and builds engines.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use eyas_fields::{BufferFormat, Schema};

use crate::condition::Root;
use crate::diagnostic::{Diagnostic, Note, Place, SourceFile};
use crate::engine::Engine;
use crate::output::Extra;
use crate::plan::Plans;
use crate::rule::{Matching, Priority, Rule};

mod collect;
mod compile;
mod conditions;
mod constants;
mod decode;
mod definitions;
mod describe;
mod described;
mod exceptions;
mod expanded;
mod lint;
mod lists;
mod macros;
mod repeated;
mod result;
mod ruleset;
mod schema;
mod select;
mod setup;
mod sources;
mod table;
mod text;
mod warn;
mod words;
mod yaml;

use collect::version;
use constants::Constants;
use decode::invalid;
use definitions::Tables;
pub use describe::{ConditionDescription, Description, ListDescription, MacroDescription, RuleDescription};
use described::Sources as KnownSources;
use repeated::Repeated;
pub use result::{Context, ErrorCode, LoadError, LoadResult, LoadWarning, Location, Problem, WarningCode};
use ruleset::Ruleset;
pub use schema::json_schema;
pub use select::Select;
use setup::{MAX_FURTHER, Setup};
pub(crate) use sources::Sources;
pub use yaml::Mark;
use yaml::{At, Values};

/// The version of Falco's plugin `container` whose fields the built-in ones implement.
pub const CONTAINER_VERSION: [u32; 3] = [0, 7, 1];

/// Reads rules files, in order, into one ruleset.
pub struct Loader {
    /// The schema of each source. There is at least one.
    schemas: Vec<Arc<dyn Schema>>,
    tables: Tables,
    minimum: Priority,
    matching: Matching,
    selections: Vec<(bool, Select)>,
    extras: Vec<Extra>,
    /// Fields with a constant text.
    statics: BTreeMap<String, String>,
    /// Their names, sorted.
    constants: Vec<String>,
    /// Fields that never have a value in this configuration.
    unavailable: lint::Unavailable,
    /// Names and versions of the plugins that files may require.
    plugins: Vec<(String, [u64; 3])>,
    buffers: BufferFormat,
    files: Vec<Arc<SourceFile>>,
    /// Warnings about ignored rules, which are for other sources.
    ignored: Vec<Diagnostic>,
    /// The compiled ruleset of the files so far, with the error if not all of them compile; `None` if it is
    /// out of date.
    ruleset: Option<(Ruleset, Result<(), LoadError>)>,
}

impl Loader {
    /// A loader of rules for the schema's fields.
    pub fn new(schema: Arc<dyn Schema>) -> Self {
        Self {
            schemas: vec![schema],
            tables: Tables::default(),
            minimum: Priority::Debug,
            matching: Matching::First,
            selections: Vec::new(),
            extras: Vec::new(),
            statics: BTreeMap::new(),
            constants: Vec::new(),
            unavailable: lint::Unavailable::default(),
            plugins: vec![("container".to_owned(), CONTAINER_VERSION.map(u64::from))],
            buffers: BufferFormat::default(),
            files: Vec::new(),
            ignored: Vec::new(),
            ruleset: None,
        }
    }

    /// Also loads the rules of another source with these fields: see [`Loader::build_source`]. Call it
    /// before the first file is loaded.
    pub fn add_source(&mut self, schema: Arc<dyn Schema>) -> &mut Self {
        let schema = match self.statics.is_empty() {
            true => schema,
            false => Arc::new(Constants { schema, fields: self.statics.clone() }),
        };
        self.schemas.push(schema);
        self.ruleset = None;
        self
    }

    /// Sets the loaded plugins with their versions; files may require them.
    pub fn plugins(&mut self, plugins: impl IntoIterator<Item = (String, [u64; 3])>) -> &mut Self {
        for (name, version) in plugins {
            self.plugins.retain(|(known, _)| *known != name);
            self.plugins.push((name, version));
        }
        self
    }

    /// Allows lists to name a file of items with `items_file`. `read` gets the name of the rules file, and
    /// the path as written there. Without this, such a list is an error.
    pub fn item_files(
        &mut self,
        read: impl Fn(&str, &str) -> std::io::Result<String> + Send + Sync + 'static,
    ) -> &mut Self {
        self.tables.item_files = definitions::ItemFiles(Some(Arc::new(read)));
        self
    }

    /// Disables rules that are less severe than this.
    pub fn minimum_priority(&mut self, minimum: Priority) -> &mut Self {
        self.minimum = minimum;
        self
    }

    /// Whether only the first matching rule is returned for an event, or all.
    pub fn matching(&mut self, matching: Matching) -> &mut Self {
        self.matching = matching;
        self
    }

    /// Enables or disables rules; a later selection wins.
    pub fn select(&mut self, on: bool, which: Select) -> &mut Self {
        self.selections.push((on, which));
        self
    }

    /// Tests every rule by itself: enables all rules, of any priority, and returns all matches.
    pub fn every_rule(&mut self) -> &mut Self {
        self.minimum_priority(Priority::Debug).matching(Matching::All).select(true, Select::Rule("*".into()))
    }

    /// Makes a field `static.NAME` of each name: it has this text in every event. Outputs with suggested
    /// fields contain it, too.
    pub fn static_fields(&mut self, fields: impl IntoIterator<Item = (String, String)>) -> &mut Self {
        let fields: BTreeMap<String, String> =
            fields.into_iter().map(|(name, text)| (format!("static.{name}"), text)).collect();
        self.statics.extend(fields.clone());
        self.constants.extend(fields.keys().cloned());
        self.constants.sort();
        self.constants.dedup();
        for schema in &mut self.schemas {
            *schema = Arc::new(Constants { schema: Arc::clone(schema), fields: fields.clone() });
        }
        self.ruleset = None;
        self
    }

    /// Declares that some fields have no values in this configuration, and why. The loader warns about
    /// rules that use them. `names` is the name of a field, or the beginning of several names that ends
    /// with a dot, such as `k8s.`.
    pub fn unavailable(&mut self, names: impl Into<String>, why: impl Into<String>) -> &mut Self {
        self.unavailable.add(names.into(), why.into());
        self
    }

    /// Sets the format of raw bytes in alerts, such as those of `evt.buffer`. The default is
    /// [`BufferFormat::Dots`].
    pub fn buffers(&mut self, buffers: BufferFormat) -> &mut Self {
        self.buffers = buffers;
        self.ruleset = None;
        self
    }

    /// Adds to the outputs of rules.
    pub fn append_output(&mut self, extra: Extra) -> &mut Self {
        self.extras.push(extra);
        self.ruleset = None;
        self
    }

    /// Loads a file, which need not be UTF-8. The loader keeps its definitions even if the rules then do
    /// not compile.
    pub fn load(&mut self, name: &str, text: &(impl AsRef<[u8]> + ?Sized)) -> LoadResult {
        let mut result = LoadResult { name: name.to_owned(), ..LoadResult::default() };
        let mut repeated = Vec::new();
        let collected = self.collect(name, text.as_ref(), &mut result, &mut repeated);
        result.repeated = repeated.into_iter().map(|found| found.diagnostic(&self.files)).collect();
        let (mut ruleset, _) = self.ruleset.take().unwrap_or_else(|| (Ruleset::default(), Ok(())));
        let (mut warnings, mut further) = (Vec::new(), Vec::new());
        let outcome = ruleset.update(&self.setup(), &mut warnings, &mut further);
        self.ruleset = Some((ruleset, outcome.clone()));
        let outcome = collected.and_then(|()| {
            result.warnings.append(&mut warnings);
            result.further.append(&mut further);
            outcome
        });
        result.errors.extend(outcome.err());
        for error in result.errors.iter_mut().chain(&mut result.further) {
            error.context.draw(&self.files);
            error.resolve(&self.files);
        }
        for warning in &mut result.warnings {
            warning.context.draw(&self.files);
            warning.resolve(&self.files);
        }
        let ignored = result.warnings.iter().filter(|warning| warning.code == WarningCode::UnknownSource);
        self.ignored.extend(ignored.map(LoadWarning::to_diagnostic));
        result
    }

    fn setup(&self) -> Setup<'_> {
        Setup {
            schema: &*self.schemas[0],
            schemas: &self.schemas,
            tables: &self.tables,
            extras: &self.extras,
            constants: &self.constants,
            buffers: self.buffers,
            files: &self.files,
        }
    }

    /// Calls `with` with the compiled ruleset of the files so far.
    fn with_ruleset<R>(&self, with: impl FnOnce(&Ruleset) -> R) -> Result<R, LoadError> {
        if let Some((ruleset, outcome)) = &self.ruleset {
            return outcome.clone().map(|()| with(ruleset));
        }
        let mut ruleset = Ruleset::default();
        ruleset.update(&self.setup(), &mut Vec::new(), &mut Vec::new())?;
        Ok(with(&ruleset))
    }

    /// Builds the engine of everything loaded so far. [`Engine::warnings`] lists the rules that no event
    /// can match.
    ///
    /// # Errors
    /// The rules do not compile, and the caller ignored the result of [`Loader::load`].
    pub fn build(&self) -> Result<Engine, LoadError> {
        self.with_ruleset(|ruleset| self.engine(ruleset, 0))?
    }

    /// Like [`Loader::build`], for the rules of the source with this name; `None` if there is no such source.
    ///
    /// # Errors
    /// Like [`Loader::build`].
    pub fn build_source(&self, source: &str) -> Result<Option<Engine>, LoadError> {
        let at = self.schemas.iter().position(|schema| schema.source() == source);
        at.map(|at| self.with_ruleset(|ruleset| self.engine(ruleset, at))?).transpose()
    }

    fn engine(&self, ruleset: &Ruleset, at: usize) -> Result<Engine, LoadError> {
        let schema = &*self.schemas[at];
        let (mut compiler, compiled) = ruleset.graph(at, schema)?;
        let mut rules = Vec::new();
        let mut roots: Vec<(Root, eyas_fields::CodeSet)> = Vec::new();
        for (rule, root) in ruleset.rules_of(schema.source()).zip(compiled) {
            let raw = &rule.raw;
            let on = raw.enabled && raw.priority <= self.minimum;
            let set = rule.codes.clone().union(&schema.always());
            roots.push((root, set));
            rules.push(Rule {
                name: raw.name.clone(),
                description: raw.desc.clone(),
                condition: raw.condition.as_str().to_owned(),
                output: rule.output_text.clone(),
                priority: raw.priority,
                source: raw.source.clone(),
                tags: raw.tags.iter().cloned().collect(),
                enabled: on,
                capture: raw.capture,
                capture_duration_ms: raw.capture_duration,
                compiled: rule.expr.clone(),
                format: rule.format.clone(),
                json: OnceLock::new(),
            });
        }
        let order = select::order(&mut rules, &self.selections, self.minimum);
        let plans = Plans::new(&order, &roots, &mut compiler);
        let codes =
            order.iter().fold(eyas_fields::CodeSet::empty(schema.codes()), |all, i| all.union(&roots[*i].1));
        let sources = ruleset.sources.clone();
        // Ignored rules belong to no source, so the first engine reports them.
        let ignored = self.ignored.iter().filter(|_| at == 0).cloned();
        let warnings = ignored.chain(self.without_effect(ruleset, schema)).collect();
        let engine = Engine::new(
            Arc::clone(&self.schemas[at]),
            compiler.finish(),
            rules,
            plans,
            codes,
            self.matching,
            sources,
        );
        Ok(engine.with_warnings(warnings))
    }

    fn collect(
        &mut self,
        name: &str,
        text: &[u8],
        result: &mut LoadResult,
        repeated: &mut Vec<Repeated>,
    ) -> Result<(), LoadError> {
        let file = self.files.len() as u32;
        let root = &Context::root(name, file);
        // Places have 32 bits, and a byte that is not UTF-8 becomes two bytes.
        if text.len() > u32::MAX as usize / 2 {
            self.files.push(Arc::new(SourceFile::new(name, "")));
            let message = format!("the file has {} bytes, the limit is {}", text.len(), u32::MAX / 2);
            return Err(LoadError::new(ErrorCode::YamlParse, message, root));
        }
        let (source, values) = yaml::parse(name, text, file);
        self.files.push(Arc::new(source));
        let Values { documents, unclosed } = values.map_err(|broken| {
            let at = broken.place as u32;
            let place = Place { file, start: at, end: at };
            let context = root.at("value for", "", At { mark: broken.mark, place, style: None });
            LoadError::new(ErrorCode::YamlParse, broken.cpp_message(), &context)
                .titled(format!("this is no YAML: {}", broken.message))
                .note(place, "")
                .help(broken.help)
        })?;
        documents.iter().for_each(|document| repeated::keys(document, repeated));
        result.schema = schema::validate(&documents);
        let described = KnownSources(&self.schemas);
        let mut items = Vec::new();
        let mut outcome = Ok(());
        for document in &documents {
            match &document.kind {
                yaml::Kind::Null => {}
                yaml::Kind::Seq(more) => items.extend(more),
                yaml::Kind::Map(_) => {
                    let message = "Rules content is not yaml array of objects";
                    outcome = Err(invalid(message, root)
                        .titled("a rules file is a sequence of items, and this is a mapping")
                        .note(document.at.place, "")
                        .help(["put `- ` before the first key of each item".to_owned()])
                        .help(["a configuration is given with `-c`, not as rules".to_owned()]));
                    break;
                }
                yaml::Kind::Scalar(_) => {
                    outcome = Err(invalid("Rules content is not yaml", root)
                        .titled("a rules file is a sequence of items, and this is a text")
                        .note(document.at.place, ""));
                    break;
                }
            }
        }
        let mut items = items.into_iter();
        for item in &mut items {
            if let Err(error) = self.tables.item(item, &described, root, &mut result.warnings) {
                // After the first error, items are only checked, not kept.
                let mut rest = self.tables.clone();
                let errors = items.filter_map(|i| rest.item(i, &described, root, &mut Vec::new()).err());
                result.further.extend(errors.take(MAX_FURTHER));
                let quote = unclosed.map(|place| Note::new(place, "this quote is never closed"));
                return Err(error.notes(quote));
            }
        }
        outcome
    }

    /// The first unmet requirement of the files loaded so far, in Falco's words: a plugin that is not
    /// loaded, or a version of a plugin.
    pub fn unmet_requirement(&self) -> Option<String> {
        self.tables.plugins.iter().find_map(|group| unmet(group, &self.plugins))
    }
}

/// The reason why none of these alternatives is satisfied. The first loaded plugin among them decides.
fn unmet(group: &[(String, String)], loaded: &[(String, [u64; 3])]) -> Option<String> {
    let of_name = |name: &str| loaded.iter().find(|(known, _)| *known == name);
    let found = group.iter().find_map(|(name, wanted)| of_name(name).map(|plugin| (plugin, wanted)));
    let Some(((name, have), wanted)) = found else {
        let choices: Vec<String> =
            group.iter().map(|(name, wanted)| format!("{name} (>= {wanted})")).collect();
        return Some(format!("Plugin requirement not satisfied, must load one of: {}", choices.join(", ")));
    };
    let meets = version(wanted).is_some_and(|wanted| wanted[0] == have[0] && wanted <= *have);
    let [major, minor, patch] = have;
    (!meets).then(|| {
        format!(
            "Plugin '{name}' version '{major}.{minor}.{patch}' is not compatible with required plugin version '{wanted}'"
        )
    })
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("rules", &self.tables.rules.len()).finish_non_exhaustive()
    }
}
