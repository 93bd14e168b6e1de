//! Options of rulesets.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use eyas_fields::{BufferFormat, Schema};

use super::constants::Constants;
use super::definitions::{ItemFiles, Tables};
use super::lint::Unavailable;
use super::loaded::{Loaded, Options};
use super::loader::Loader;
use super::{CONTAINER_VERSION, RuleSet};
use crate::error::Error;
use crate::output::Extra;
use crate::rule_source::RuleSource;

/// Options with which rules are loaded; see [`RuleSet::builder`].
///
/// ```
/// # fn load(schema: std::sync::Arc<dyn eyas_fields::Schema>) -> Result<(), eyas_rules::Error> {
/// use eyas_rules::{Matching, RuleSet, RuleSource, Select};
///
/// let site = ("site".to_owned(), "north".to_owned());
/// let sources = [RuleSource::read("rules.yaml")?, RuleSource::read("local.yaml")?];
/// let mut rules = RuleSet::builder(schema).static_fields([site]).build(sources)?;
/// rules.matching(Matching::All).select(false, Select::Tag("noisy".into()));
/// let engine = rules.compile()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
#[derive(Clone)]
pub struct RuleSetBuilder {
    options: Options,
    /// Fields with a constant text.
    statics: BTreeMap<String, String>,
    item_files: ItemFiles,
}

impl RuleSet {
    /// The rules of the sources, over the schema's fields. A later source can append to definitions of an
    /// earlier one, and can override them.
    ///
    /// # Errors
    /// Like [`Loader::finish`].
    pub fn new(
        schema: Arc<dyn Schema>,
        sources: impl IntoIterator<Item = RuleSource>,
    ) -> Result<Self, Error> {
        Self::builder(schema).build(sources)
    }

    /// Options for rules over the schema's fields.
    pub fn builder(schema: Arc<dyn Schema>) -> RuleSetBuilder {
        let options = Options {
            schemas: vec![schema],
            extras: Vec::new(),
            constants: Vec::new(),
            unavailable: Unavailable::default(),
            plugins: vec![("container".to_owned(), CONTAINER_VERSION.map(u64::from))],
            buffers: BufferFormat::default(),
        };
        RuleSetBuilder { options, statics: BTreeMap::new(), item_files: ItemFiles::default() }
    }
}

impl RuleSetBuilder {
    /// Also loads the rules of another event source with these fields: see [`RuleSet::compile_for`].
    pub fn add_schema(mut self, schema: Arc<dyn Schema>) -> Self {
        self.options.schemas.push(schema);
        self
    }

    /// Sets the loaded plugins with their versions; files may require them.
    pub fn plugins(mut self, plugins: impl IntoIterator<Item = (String, [u64; 3])>) -> Self {
        for (name, version) in plugins {
            self.options.plugins.retain(|(known, _)| *known != name);
            self.options.plugins.push((name, version));
        }
        self
    }

    /// Allows lists to name a file of items with `items_file`. `read` gets the name of the rules file, and
    /// the path as written there. Without this, such a list is an error.
    pub fn item_files(
        mut self,
        read: impl Fn(&str, &str) -> std::io::Result<String> + Send + Sync + 'static,
    ) -> Self {
        self.item_files = ItemFiles(Some(Arc::new(read)));
        self
    }

    /// Makes a field `static.NAME` of each name: it has this text in every event. Outputs with suggested
    /// fields contain it, too.
    pub fn static_fields(mut self, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        self.statics.extend(fields.into_iter().map(|(name, text)| (format!("static.{name}"), text)));
        self
    }

    /// Declares that some fields have no values in this configuration, and why. The ruleset warns about
    /// rules that use them. `names` is the name of a field, or the beginning of several names that ends
    /// with a dot, such as `k8s.`.
    pub fn unavailable(mut self, names: impl Into<String>, why: impl Into<String>) -> Self {
        self.options.unavailable.add(names.into(), why.into());
        self
    }

    /// Sets the format of raw bytes in alerts, such as those of `evt.buffer`. The default is
    /// [`BufferFormat::Dots`].
    pub fn buffers(mut self, buffers: BufferFormat) -> Self {
        self.options.buffers = buffers;
        self
    }

    /// Adds to the outputs of rules.
    pub fn append_output(mut self, extra: Extra) -> Self {
        self.options.extras.push(extra);
        self
    }

    /// Loads sources one by one; the loader returns a result for each.
    #[must_use]
    pub fn loader(self) -> Loader {
        let Self { mut options, statics, item_files } = self;
        if !statics.is_empty() {
            options.constants = statics.keys().cloned().collect();
            for schema in &mut options.schemas {
                *schema = Arc::new(Constants { schema: Arc::clone(schema), fields: statics.clone() });
            }
        }
        Loader::new(Loaded::new(options, Tables { item_files, ..Tables::default() }))
    }

    /// Loads sources, in order.
    ///
    /// # Errors
    /// Like [`Loader::finish`]; sources after the first one that fails are not loaded.
    pub fn build(self, sources: impl IntoIterator<Item = RuleSource>) -> Result<RuleSet, Error> {
        let mut loader = self.loader();
        for source in sources {
            let result = loader.load(&source);
            if !result.successful() || result.unmet_requirement().is_some() {
                break;
            }
        }
        loader.finish()
    }

    /// Reads and loads files, in order.
    ///
    /// # Errors
    /// A file cannot be read, or does not load.
    pub fn read<P: AsRef<Path>>(self, paths: impl IntoIterator<Item = P>) -> Result<RuleSet, Error> {
        let sources: Vec<RuleSource> = paths.into_iter().map(RuleSource::read).collect::<Result<_, _>>()?;
        self.build(sources)
    }
}

impl std::fmt::Debug for RuleSetBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources: Vec<&str> = self.options.schemas.iter().map(|schema| schema.source()).collect();
        f.debug_struct("RuleSetBuilder").field("event_sources", &sources).finish_non_exhaustive()
    }
}
