//! Loads sources one by one.

use std::sync::Arc;

use super::collect::version;
use super::decode::invalid;
use super::described::Sources as KnownSources;
use super::loaded::Loaded;
use super::repeated::{self, Repeated};
use super::result::{Context, ErrorCode, LoadError, LoadResult, LoadWarning, WarningCode};
use super::setup::MAX_FURTHER;
use super::yaml::{self, At, Values};
use super::{RuleSet, schema};
use crate::diagnostic::{Note, Place, SourceFile};
use crate::error::Error;
use crate::rule_source::RuleSource;

/// Loads sources one by one, in order, and returns a result for each, for programs that report every file.
/// Other programs use [`RuleSet::new`]. [`RuleSetBuilder::loader`](crate::RuleSetBuilder::loader) returns a
/// loader.
pub struct Loader {
    loaded: Loaded,
}

impl Loader {
    pub(super) fn new(loaded: Loaded) -> Self {
        Self { loaded }
    }

    /// Loads a source. The loader keeps its definitions even if they do not compile, so that later sources
    /// can be checked, too.
    pub fn load(&mut self, source: &RuleSource) -> &LoadResult {
        let mut result = LoadResult { name: source.name().to_owned(), ..LoadResult::default() };
        let mut repeated = Vec::new();
        let known = self.loaded.tables.plugins.len();
        let collected = self.collect(source, &mut result, &mut repeated);
        let required = &self.loaded.tables.plugins[known..];
        result.unmet = required.iter().find_map(|group| unmet(group, &self.loaded.options.plugins));
        let files = &self.loaded.files;
        result.repeated = repeated.into_iter().map(|found| found.diagnostic(files)).collect();
        let mut compilation = std::mem::take(&mut self.loaded.compilation);
        let (mut warnings, mut further) = (Vec::new(), Vec::new());
        let outcome = compilation.update(&self.loaded.setup(), &mut warnings, &mut further);
        self.loaded.compilation = compilation;
        let outcome = collected.and_then(|()| {
            result.warnings.append(&mut warnings);
            result.further.append(&mut further);
            outcome
        });
        result.errors.extend(outcome.err());
        let Loaded { files, ignored, results, .. } = &mut self.loaded;
        for error in result.errors.iter_mut().chain(&mut result.further) {
            error.context.draw(files);
            error.resolve(files);
        }
        for warning in &mut result.warnings {
            warning.context.draw(files);
            warning.resolve(files);
        }
        let others = result.warnings.iter().filter(|warning| warning.code == WarningCode::UnknownSource);
        ignored.extend(others.map(LoadWarning::to_diagnostic));
        results.push(result);
        &results[results.len() - 1]
    }

    /// The results of the sources so far.
    pub fn results(&self) -> &[LoadResult] {
        &self.loaded.results
    }

    /// Forgets what the loader compiled, but no definition: the next source compiles everything again.
    #[doc(hidden)]
    pub fn forget_compiled(&mut self) {
        self.loaded.compilation = Default::default();
    }

    /// Ends loading.
    ///
    /// # Errors
    /// The first source that does not load, or that requires a plugin that [`RuleSetBuilder::plugins`]
    /// lacks.
    ///
    /// [`RuleSetBuilder::plugins`]: crate::RuleSetBuilder::plugins
    pub fn finish(mut self) -> Result<RuleSet, Error> {
        let results = &mut self.loaded.results;
        let failed = results.iter().position(|result| !result.successful() || result.unmet.is_some());
        match failed.map(|at| results.swap_remove(at)) {
            None => Ok(RuleSet::of(self.loaded)),
            // A missing plugin explains an unknown field of that plugin.
            Some(LoadResult { unmet: Some(unmet), .. }) => Err(Error::Requirement(unmet)),
            Some(result) => Err(Error::File(Box::new(result))),
        }
    }

    fn collect(
        &mut self,
        rules: &RuleSource,
        result: &mut LoadResult,
        repeated: &mut Vec<Repeated>,
    ) -> Result<(), LoadError> {
        let (name, text) = (rules.name(), rules.bytes());
        let file = self.loaded.files.len() as u32;
        let root = &Context::root(name, file);
        // Places have 32 bits, and a byte that is not UTF-8 becomes two bytes.
        if text.len() > u32::MAX as usize / 2 {
            self.loaded.files.push(Arc::new(SourceFile::new(name, "")));
            let message = format!("the file has {} bytes, the limit is {}", text.len(), u32::MAX / 2);
            return Err(LoadError::new(ErrorCode::YamlParse, message, root));
        }
        let (source, values) = yaml::parse(name, text, file);
        self.loaded.files.push(Arc::new(source));
        let Values { documents, unclosed } = values.map_err(|broken| {
            let at = broken.place as u32;
            let place = Place { file, start: at, end: at };
            let context = root.at("value for", "", At { mark: broken.mark, place, style: None });
            LoadError::new(ErrorCode::YamlParse, broken.cpp_message(), &context)
                .titled(format!("invalid YAML: {}", broken.message))
                .note(place, "")
                .help(broken.help)
        })?;
        documents.iter().for_each(|document| repeated::keys(document, repeated));
        result.schema = schema::validate(&documents);
        let described = KnownSources(&self.loaded.options.schemas);
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
            if let Err(error) = self.loaded.tables.item(item, &described, root, &mut result.warnings) {
                // After the first error, items are only checked, not kept.
                let mut rest = self.loaded.tables.clone();
                let errors = items.filter_map(|i| rest.item(i, &described, root, &mut Vec::new()).err());
                result.further.extend(errors.take(MAX_FURTHER));
                let quote = unclosed.map(|place| Note::new(place, "this quote is never closed"));
                return Err(error.notes(quote));
            }
        }
        outcome
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
        f.debug_struct("Loader").field("rules", &self.loaded.tables.rules.len()).finish_non_exhaustive()
    }
}
